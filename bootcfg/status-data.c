// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/agree.h"
#include "bootcfg/status.h"

void status_free(struct status *status)
{
	for (size_t i = 0; i < status->entry_count; i++)
		line_report_free(&status->entries[i].report);
	free(status->entries);
	free(status->pools);
	line_report_free(&status->running);
	if (status->has_record)
		record_free(&status->record);
	for (size_t i = 0; i < status->setup_count; i++)
		boot_setup_free(&status->setups[i]);
	leftovers_free(&status->leftovers);
	wants_free(&status->wants);
	host_free(&status->host);
	state_free(status->state);
	profile_free(&status->profile);
	remarks_free(&status->remarks);
}

static bool is_chosen(const struct active *active, const struct loader *loader)
{
	for (size_t i = 0; i < active->chosen_count; i++)
		if (active->chosen[i] == loader)
			return true;
	return false;
}

static int compare_entry(struct cmd_call *call, struct status *status, const struct loader *loader,
			 const struct boot_line *line)
{
	_cleanup_free_ char *text = boot_line_text(line);
	struct status_entry *entries =
		reallocarray(status->entries, status->entry_count + 1, sizeof(*entries));
	struct status_entry *entry;
	struct diag diag = DIAG_INIT;
	int r;

	if (!entries)
		return -ENOMEM;
	status->entries = entries;
	if (!text)
		return -ENOMEM;
	entry = &entries[status->entry_count];
	*entry = (struct status_entry){
		.loader = loader,
		.active = is_chosen(&status->active, loader),
		.line = line,
	};
	r = policy_forbid_ids(&call->root, &status->profile, text, &status->wants, &status->remarks,
			      &diag);
	if (!r)
		r = policy_forbid_replaced(&call->root, &status->profile, &line->owned,
					   &status->wants, &diag);
	if (r < 0)
		return r;
	r = line_compare(text, &status->wants, &line->owned, &entry->report);
	if (r == -EBADMSG) {
		remark(&status->remarks, "%s: a quote without its end: what it means is not known",
		       line->file);
		r = 0;
	}
	if (r < 0)
		return r;
	status->entry_count++;
	return 0;
}

static int load_loader(struct cmd_call *call, struct status *status,
		       const struct boot_context *context, const struct loader *loader)
{
	struct boot_setup *setup = &status->setups[status->setup_count];
	struct diag diag = DIAG_INIT;
	char text[DIAG_STR];
	int r = loader->read(context, setup, &diag);

	if (r == -ENOMEM)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	if (r < 0) {
		/* Of one that does not boot this host it is no more than a remark. */
		if (is_chosen(&status->active, loader))
			return cmd_fail(call,
					r == -EBADMSG || r == -EPERM ? EXIT_REFUSED : EXIT_SYSTEM,
					&diag);
		remark(&status->remarks, "%s: %s", loader->name, diag_format(&diag, text));
		return EXIT_DONE;
	}
	status->setup_count++;
	for (size_t i = 0; i < setup->count; i++)
		if (!setup->lines[i].absent &&
		    compare_entry(call, status, loader, &setup->lines[i]) < 0)
			return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	return EXIT_DONE;
}

/* --- huge pages ------------------------------------------------------------------------------- */

static long pages_now(const struct root *root, const char *size, int node)
{
	unsigned long kib = strtoul(size, NULL, 10);
	char path[128], value[32];

	kib *= size[strlen(size) - 1] == 'G'   ? 1 << 20
	       : size[strlen(size) - 1] == 'M' ? 1 << 10
					       : 1;
	if (node < 0)
		snprintf(path, sizeof(path), "sys/kernel/mm/hugepages/hugepages-%lukB/nr_hugepages",
			 kib);
	else
		snprintf(path, sizeof(path),
			 "sys/devices/system/node/node%d/hugepages/hugepages-%lukB/nr_hugepages",
			 node, kib);
	return root_read_attr(root, path, value, sizeof(value)) < 0 ? -1 : strtol(value, NULL, 10);
}

static int add_pool(struct status *status, const struct root *root, const char *size, int node,
		    unsigned long wanted)
{
	struct status_pool *pools =
		reallocarray(status->pools, status->pool_count + 1, sizeof(*pools));

	if (!pools)
		return -ENOMEM;
	status->pools = pools;
	pools += status->pool_count++;
	*pools = (struct status_pool){.node = node, .wanted = wanted};
	snprintf(pools->size, sizeof(pools->size), "%s", size);
	pools->now = root_has_kernel(root) ? pages_now(root, size, node) : -1;
	return 0;
}

const struct record_pool *status_at_boot(const struct status *status,
					 const struct status_pool *pool)
{
	for (size_t i = 0; status->has_record && i < status->record.pool_count; i++) {
		const struct record_pool *found = &status->record.pools[i];

		if (!strcmp(found->size, pool->size) && found->node == pool->node)
			return found;
	}
	return NULL;
}

/* "16", or "0:512,1:512". */
static int load_pools(struct status *status, const struct root *root)
{
	for (size_t i = 0; i < status->profile.entry_count; i++) {
		const struct profile_entry *entry = &status->profile.entries[i];
		const char *at = entry->value;

		if (strcmp(entry->section, "hugepages"))
			continue;
		while (*at) {
			char *end;
			unsigned long number = strtoul(at, &end, 10);
			int r;

			if (*end == ':')
				r = add_pool(status, root, entry->key, (int)number,
					     strtoul(end + 1, &end, 10));
			else
				r = add_pool(status, root, entry->key, -1, number);
			if (r < 0)
				return r;
			at = *end == ',' ? end + 1 : "";
		}
	}
	return 0;
}

/* --- all -------------------------------------------------------------------------------------- */

static int load_running(struct cmd_call *call, struct status *status)
{
	struct diag diag = DIAG_INIT;
	int r;

	if (load_pools(status, &call->root) < 0)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	if (status->host.cmdline) {
		r = policy_forbid_ids(&call->root, &status->profile, status->host.cmdline,
				      &status->wants, &status->remarks, &diag);
		if (r < 0)
			return cmd_fail(call, EXIT_SYSTEM, &diag);
		r = line_compare(status->host.cmdline, &status->wants, NULL, &status->running);
		if (r == -ENOMEM)
			return cmd_failf(call, EXIT_SYSTEM, "out of memory");
		status->has_running = r == 0;
	}
	if (root_has_kernel(&call->root))
		status->has_record = record_read(&call->root, &status->record) == 0;
	return EXIT_DONE;
}

static int load_wanted(struct cmd_call *call, struct status *status)
{
	struct diag diag = DIAG_INIT;
	int r = profile_load(&call->root, &status->profile, &diag);

	if (r < 0)
		return agree_fail(call, r, &diag);
	r = state_load(&call->root, &status->state, &diag);
	if (r < 0) {
		/* Without the right to look into it, or broken: what is ours is then not known. */
		remark(&status->remarks, "%s: %s", diag.file, diag.text);
		status->state = NULL;
	}
	if (host_load(&call->root, &status->host) < 0)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	r = policy_wants(&status->profile, &status->host, POLICY_FORCE, NULL, &status->wants,
			 &status->remarks, &diag);
	if (r < 0)
		return agree_fail(call, r, &diag);
	r = policy_leftovers(&call->root, &status->profile, &status->host, &status->leftovers,
			     &diag);
	return r < 0 ? cmd_fail(call, EXIT_SYSTEM, &diag) : EXIT_DONE;
}

int status_load(struct cmd_call *call, struct status *ret)
{
	const char *names[ACTIVE_MAX + 1] = {NULL};
	struct boot_context context;
	struct diag diag = DIAG_INIT;
	int code, r;

	*ret = (struct status){.state = NULL};
	code = load_wanted(call, ret);
	if (code)
		return code;
	context = (struct boot_context){
		.root = &call->root,
		.state = ret->state,
		.esp = cmd_value(call, "esp", 0),
		.remarks = &ret->remarks,
	};
	while (context.esp && *context.esp == '/')
		context.esp++;
	for (size_t i = 0; i < ACTIVE_MAX; i++) {
		names[i] = cmd_value(call, "loader", i);
		if (names[i] && !loader_find(names[i]))
			return cmd_failf(call, EXIT_USAGE,
					 "unknown boot loader `%.100s`: grub, systemd-boot and "
					 "kernelstub are known",
					 names[i]);
	}
	r = active_find(&context, names, &ret->active, &diag);
	if (r == -EINVAL)
		return cmd_fail(call, EXIT_USAGE, &diag);
	/* Which one boots is not known, or none is there: the rest can be shown all the same. */
	if (r < 0)
		remark(&ret->remarks, "%s", diag.text);
	for (size_t i = 0; i < ret->active.found_count; i++) {
		code = load_loader(call, ret, &context, ret->active.found[i]);
		if (code)
			return code;
	}
	return load_running(call, ret);
}

int status_load_running(struct cmd_call *call, struct status *ret)
{
	int code;

	*ret = (struct status){.state = NULL};
	code = load_wanted(call, ret);
	return code ? code : load_running(call, ret);
}

bool status_agrees(const struct status *status)
{
	bool configured = !status->wants.count;

	for (size_t i = 0; i < status->entry_count; i++) {
		const struct status_entry *entry = &status->entries[i];

		if (!entry->active)
			continue;
		if (entry->report.missing_count || entry->report.unexpected_count)
			return false;
		configured = true;
	}
	for (size_t i = 0; i < status->leftovers.count; i++)
		if (status->leftovers.items[i].contradicts)
			return false;
	if (status->has_running &&
	    (status->running.missing_count || status->running.unexpected_count))
		return false;
	if (status->has_record)
		for (size_t i = 0; i < status->record.count; i++)
			if (strcmp(status->record.claims[i].result, "claimed") &&
			    strcmp(status->record.claims[i].reason, "guest-only"))
				return false;
	for (size_t i = 0; i < status->pool_count; i++)
		if (status->pools[i].now >= 0 &&
		    (unsigned long)status->pools[i].now < status->pools[i].wanted)
			return false;
	return configured; /* not where nothing is there that could say it */
}
