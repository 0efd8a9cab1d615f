// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "bootcfg/json.h"
#include "early/profile-values.h"
#include "early/record.h"
#include "tools/hugepages.h"

/* --- words ------------------------------------------------------------------------------------ */

const char *hugepages_name(unsigned long size_kib, int node, char buf[static HUGEPAGES_NAME_STR])
{
	char size[PAGES_SIZE_STR];

	pages_size_format(size_kib, size);
	if (node == PAGES_ANY_NODE)
		snprintf(buf, HUGEPAGES_NAME_STR, "%s", size);
	else
		snprintf(buf, HUGEPAGES_NAME_STR, "%s on node %d", size, node);
	return buf;
}

struct json_t *hugepages_json(unsigned long size_kib, int node)
{
	_cleanup_json_ json_t *object = json_object();

	if (json_put(object, "size_kib", json_integer((json_int_t)size_kib)) < 0 ||
	    json_put(object, "node", node == PAGES_ANY_NODE ? json_null() : json_integer(node)) < 0)
		return NULL;
	return steal(&object);
}

int hugepages_fail(struct hugepages *hugepages, int error, bool changed)
{
	struct cmd_call *call = hugepages->call;
	int code = changed ? EXIT_PARTWAY : EXIT_SYSTEM;

	if (error == -ENOMEM)
		return cmd_failf(call, code, "out of memory");
	if (error == -ENOSPC)
		return cmd_failf(call, code, HUGEPAGES_FULL);
	if (error == -EACCES || error == -EPERM)
		return cmd_failf(call, code, "the pools cannot be changed: %s; run this as root",
				 strerror(-error));
	return cmd_failf(call, code, "the pools cannot be changed: %s%s", strerror(-error),
			 error == -EINVAL ? " (this kernel cannot make pages of this size while it "
					    "runs: reserve them at boot)"
					  : "");
}

/* --- wants ------------------------------------------------------------------------------------ */

/* "2M, 1G" into buf, as far as it goes; returns buf. */
#define LIST_STR 128
static const char *size_list(const struct pages *pages, char buf[static LIST_STR])
{
	char size[PAGES_SIZE_STR];
	size_t len = 0;

	for (size_t i = 0; i < pages->size_count && len < LIST_STR; i++)
		len += (size_t)snprintf(buf + len, LIST_STR - len, "%s%s", i ? ", " : "",
					pages_size_format(pages->sizes[i].size_kib, size));
	return buf;
}

static int no_node(const struct hugepages *hugepages, int node)
{
	const struct pages *pages = &hugepages->pages;
	char list[LIST_STR] = "none: leave the node out";
	size_t len = 0;

	for (size_t i = 0; i < pages->node_count && len < LIST_STR; i++)
		if (pages->nodes[i].node != PAGES_ANY_NODE)
			len += (size_t)snprintf(list + len, LIST_STR - len, "%s%d", i ? ", " : "",
						pages->nodes[i].node);
	return cmd_failf(hugepages->call, EXIT_USAGE, "this machine has no NUMA node %d: it has %s",
			 node, list);
}

static int add_want(struct hugepages *hugepages, unsigned long size_kib, int node,
		    unsigned long count)
{
	struct cmd_call *call = hugepages->call;
	struct pages_want *more;
	char size[PAGES_SIZE_STR], list[LIST_STR];

	if (!pages_find_size(&hugepages->pages, size_kib))
		return cmd_failf(
			call, EXIT_USAGE, "this machine has no huge pages of %s: it has %s",
			pages_size_format(size_kib, size), size_list(&hugepages->pages, list));
	if (node != PAGES_ANY_NODE && !pages_find_node(&hugepages->pages, node))
		return no_node(hugepages, node);
	if (hugepages->node != PAGES_ANY_NODE && node == PAGES_ANY_NODE)
		node = hugepages->node;
	if (hugepages->node != PAGES_ANY_NODE && node != hugepages->node)
		return EXIT_DONE;
	more = reallocarray(hugepages->wants, hugepages->want_count + 1, sizeof(*more));
	if (!more)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	hugepages->wants = more;
	for (size_t i = 0; i < hugepages->want_count; i++)
		if (more[i].size_kib == size_kib && more[i].node == node)
			return cmd_failf(call, EXIT_USAGE, "pages of %s are asked for twice",
					 pages_size_format(size_kib, size));
	more[hugepages->want_count++] = (struct pages_want){size_kib, node, count};
	return EXIT_DONE;
}

static int add_value(struct hugepages *hugepages, unsigned long size_kib, const char *value)
{
	unsigned long count;
	int node, code = EXIT_DONE;

	while (!code && pages_value_next(&value, &node, &count))
		code = add_want(hugepages, size_kib, node, count);
	return code;
}

static int add_operand(struct hugepages *hugepages, const char *operand)
{
	struct cmd_call *call = hugepages->call;
	_cleanup_free_ char *copy = strdup(operand);
	const struct profile_entry *entry;
	unsigned long size_kib;
	const char *why;
	char *value;

	if (!copy)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	value = strchr(copy, '=');
	if (value)
		*value++ = '\0';
	if (!value_is_page_size(copy))
		return cmd_failf(call, EXIT_USAGE,
				 "`%.100s`: expected a page size such as 2M or 1G", copy);
	size_kib = pages_size_kib(copy);
	if (value) {
		why = *value ? value_pages(value, NULL) : "";
		if (why)
			return cmd_failf(call, EXIT_USAGE,
					 "`%.100s`: expected a count, or NODE:COUNT,...%s%s",
					 operand, *why ? ": " : "", why);
		return add_value(hugepages, size_kib, value);
	}
	entry = profile_get(&hugepages->profile, "hugepages", "", copy);
	if (entry)
		return add_value(hugepages, size_kib, entry->value);
	return add_want(hugepages, size_kib, PAGES_ANY_NODE, HUGEPAGES_ALL);
}

static int add_profile(struct hugepages *hugepages)
{
	const char *section = hugepages->guest ? "guest" : "hugepages";
	const char *prefix = hugepages->guest ? HUGEPAGES_GUEST_KEY : "";
	bool found = false;
	int code = EXIT_DONE;

	for (size_t i = 0; i < hugepages->profile.entry_count && !code; i++) {
		const struct profile_entry *entry = &hugepages->profile.entries[i];

		if (strcmp(entry->section, section) != 0 ||
		    (hugepages->guest && strcmp(entry->name, hugepages->guest) != 0))
			continue;
		found = true;
		if (!strncmp(entry->key, prefix, strlen(prefix)))
			code = add_value(hugepages, pages_size_kib(entry->key + strlen(prefix)),
					 entry->value);
	}
	if (!code && !found && hugepages->guest)
		return cmd_failf(hugepages->call, EXIT_USAGE,
				 "the profile has no [guest %.63s] with a key", hugepages->guest);
	return code;
}

/* --- begin ------------------------------------------------------------------------------------ */

static int load_pages(struct hugepages *hugepages)
{
	struct cmd_call *call = hugepages->call;
	int r = pages_load(&call->root, &hugepages->pages);

	if (r == -EXDEV)
		return cmd_failf(
			call, EXIT_SYSTEM,
			"%s is an image, no running system, so it has no pools of huge "
			"pages: run this on the host, or give --root a captured machine (a "
			"directory with a file .vfio-machine)",
			call->root_dir ? call->root_dir : "this chroot or container");
	if (r == -ENOENT)
		return cmd_failf(call, EXIT_SYSTEM,
				 "there are no huge pages (sys/kernel/mm/hugepages): is /sys "
				 "mounted, and the kernel built with them?");
	if (r < 0)
		return cmd_failf(call, EXIT_SYSTEM, "the pools cannot be read: %s", strerror(-r));
	return EXIT_DONE;
}

static int take_options(struct hugepages *hugepages)
{
	struct cmd_call *call = hugepages->call;
	const char *node = cmd_value(call, "node", 0);

	hugepages->guest = cmd_value(call, "guest", 0);
	if (node) {
		char *end;
		unsigned long number = strtoul(node, &end, 10);

		if (*node < '0' || *node > '9' || *end || number > 1023)
			return cmd_failf(call, EXIT_USAGE, "`--node %.20s`: expected a number",
					 node);
		hugepages->node = (int)number;
		if (!pages_find_node(&hugepages->pages, hugepages->node))
			return no_node(hugepages, hugepages->node);
	}
	if (hugepages->guest && call->operand_count)
		return cmd_failf(call, EXIT_USAGE,
				 "--guest takes its sizes from the profile: leave `%.100s` out",
				 call->operands[0]);
	if (hugepages->guest && !profile_name_valid(hugepages->guest, strlen(hugepages->guest)))
		return cmd_failf(call, EXIT_USAGE, "`--guest %.100s`: not a name of the profile",
				 hugepages->guest);
	return EXIT_DONE;
}

int hugepages_load(struct hugepages *hugepages, struct cmd_call *call)
{
	struct diag diag = DIAG_INIT;
	int code;

	*hugepages = (struct hugepages){.call = call, .node = PAGES_ANY_NODE, .lock = -1};
	code = load_pages(hugepages);
	if (code)
		return code;
	code = take_options(hugepages);
	if (code)
		return code;
	if (profile_load(&call->root, &hugepages->profile, &diag) < 0)
		return cmd_fail(call, EXIT_USAGE, &diag);
	for (size_t i = 0; i < call->operand_count && !code; i++)
		code = add_operand(hugepages, call->operands[i]);
	if (!code && !call->operand_count)
		code = add_profile(hugepages);
	hugepages_sort(hugepages->wants, hugepages->want_count);
	return code;
}

void hugepages_free(struct hugepages *hugepages)
{
	profile_free(&hugepages->profile);
	pages_free(&hugepages->pages);
	free(hugepages->wants);
	close_fd(&hugepages->lock);
}

int hugepages_lock_open(const struct root *root)
{
	int r = root_mkdir(root, RECORD_DIR);

	return r < 0 ? r : root_openat(root, HUGEPAGES_LOCK, O_RDWR | O_CREAT, 0600);
}

/* Who has the lock has left its number in the file: only words, so where that fails nothing is lost. */
static void say_who(const struct cmd_call *call, int lock)
{
	char text[16] = "";
	ssize_t n = pread(lock, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	if (pid > 0)
		cmd_note(call, "waiting for another vfio-hugepages, process %ld", pid);
	else
		cmd_note(call, "waiting for another vfio-hugepages");
}

static void leave_number(int lock)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(lock, 0) == 0)
		(void)!pwrite(lock, text, (size_t)len, 0);
}

int hugepages_lock(struct hugepages *hugepages)
{
	struct cmd_call *call = hugepages->call;
	int r = hugepages_lock_open(&call->root);

	if (r >= 0) {
		hugepages->lock = r;
		r = 0;
		if (flock(hugepages->lock, LOCK_EX | LOCK_NB) < 0) {
			say_who(call, hugepages->lock);
			r = flock(hugepages->lock, LOCK_EX) < 0 ? -errno : 0;
		}
	}
	if (r < 0)
		return cmd_failf(call, EXIT_SYSTEM, "/" HUGEPAGES_LOCK ": %s%s", strerror(-r),
				 r == -EACCES ? "; run this as root" : "");
	leave_number(hugepages->lock);
	/* It may have changed what we have read. */
	pages_free(&hugepages->pages);
	return load_pages(hugepages);
}
