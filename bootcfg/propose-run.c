// SPDX-License-Identifier: GPL-2.0-or-later
/* The command `plan`. */
#include <limits.h>
#include <string.h>

#include "bootcfg/agree.h"
#include "bootcfg/commands.h"
#include "bootcfg/device-set.h"
#include "bootcfg/json.h"
#include "bootcfg/propose.h"
#include "early/text.h"

/* --- what is asked ---------------------------------------------------------------------------- */

static int take_cpus(struct cmd_call *call, struct wish *wish)
{
	const char *text = cmd_value(call, "guest-cpus", 0);
	char *end;
	unsigned long number;

	if (!text)
		return EXIT_DONE;
	number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || !number || number > CPU_SETSIZE)
		return cmd_failf(call, EXIT_USAGE, "--guest-cpus %.60s: expected a number of CPUs",
				 text);
	wish->cpus = (unsigned)number;
	return EXIT_DONE;
}

static int take_wish(struct cmd_call *call, const char ***ret_devices, struct wish *wish)
{
	const char *memory = cmd_value(call, "guest-memory", 0);
	const char **devices;

	wish->force = cmd_has(call, "force");
	while (cmd_value(call, "device", wish->device_count))
		wish->device_count++;
	*ret_devices = devices = calloc(wish->device_count + 1, sizeof(*devices));
	if (!devices)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < wish->device_count; i++)
		devices[i] = cmd_value(call, "device", i);
	wish->devices = devices;
	if (memory && proposal_parse_memory(memory, &wish->memory_kib) < 0)
		return cmd_failf(call, EXIT_USAGE,
				 "--guest-memory %.60s: expected a size in M or G, such as 16G, "
				 "that pages of 2 MiB can make",
				 memory);
	return take_cpus(call, wish);
}

static int fail(struct cmd_call *call, int error, const struct diag *diag)
{
	switch (error) {
	case -EPERM:
		return cmd_fail(call, EXIT_REFUSED, diag);
	case -EINVAL:
	case -EBADMSG:
		return cmd_fail(call, EXIT_USAGE, diag);
	}
	return cmd_fail(call, EXIT_SYSTEM, diag);
}

/* --- --write ---------------------------------------------------------------------------------- */

/* The proposal as changes of the profile that is there, whose sections keep their names. */
static int find_sets(struct agree *agree, const struct proposal *proposal,
		     struct profile_sets *sets, struct diag *diag)
{
	_cleanup_free_ char(*texts)[PCI_ADDR_STR] = calloc(proposal->card_count, sizeof(*texts));
	_cleanup_free_ const char **specs = calloc(proposal->card_count, sizeof(*specs));
	const struct device_specs wishes = {
		.items = specs, .count = proposal->card_count, .force = proposal->wish->force};
	/* What is to be said of the cards is among the proposal's remarks. */
	_cleanup_remarks_ struct remarks said = {.count = 0};
	size_t devices;
	int r;

	if (!texts || !specs)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	for (size_t i = 0; i < proposal->card_count; i++)
		specs[i] = pci_addr_format(&proposal->cards[i].dev->addr, texts[i]);
	r = device_set_specs(proposal->root, &wishes, &agree->before, sets, &devices, &said, diag);
	for (size_t i = 0; r == 0 && i < proposal->sets.count; i++) {
		const struct profile_set *set = &proposal->sets.items[i];

		if (!strcmp(set->section, "device"))
			continue;
		if (profile_sets_add(sets, set->section, set->name, set->key, set->value) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		r = proposal_explain(proposal, sets);
	return r == -ENOMEM ? diag_set(diag, r, NULL, 0, "out of memory") : r;
}

static int write_profile(struct cmd_call *call, const struct proposal *proposal,
			 struct agree *agree)
{
	_cleanup_sets_ struct profile_sets sets = {.count = 0};
	struct diag diag = DIAG_INIT;
	int code = agree_begin(agree, call), r;

	if (code)
		return code;
	if (agree->pending)
		return cmd_failf(call, EXIT_REFUSED,
				 "an earlier run was not finished: `vfio-bootcfg set` does that; "
				 "then plan again");
	r = find_sets(agree, proposal, &sets, &diag);
	if (r < 0)
		return fail(call, r, &diag);
	code = agree_plan_profile(agree, &sets);
	if (code)
		return code;
	if (state_plan(agree->state, &agree->plan, &diag) < 0)
		return cmd_fail(call, EXIT_SYSTEM, &diag);
	r = plan_changes(&agree->plan) ? commit_plan(&call->root, &agree->plan, 0, &diag) : 0;
	if (r < 0)
		return cmd_fail(call, r == -EUCLEAN ? EXIT_PARTWAY : EXIT_SYSTEM, &diag);
	return EXIT_DONE;
}

/* --- to be printed ---------------------------------------------------------------------------- */

static int print_document(struct cmd_call *call, const struct proposal *proposal, const char *xml,
			  const struct agree *agree)
{
	_cleanup_json_ json_t *document = proposal_json(proposal);

	if (!document || (xml && json_put(document, "xml", json_text(xml)) < 0) ||
	    (agree && json_put(document, "changed", json_boolean(plan_changes(&agree->plan))) < 0))
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	cmd_document(call, steal(&document));
	return EXIT_DONE;
}

static void print_written(const struct cmd_call *call, const struct agree *agree)
{
	for (size_t i = 0; i < agree->plan.count; i++) {
		const struct change *change = &agree->plan.changes[i];

		if (!change->private && change->kind != PLAN_UNCHANGED)
			cmd_note(call, "%s /%s", plan_kind_word(change->kind), change->old.path);
	}
	cmd_note(call, plan_changes(&agree->plan)
			       ? "`vfio-bootcfg set` now makes every boot source agree with the "
				 "profile"
			       : "nothing to do: the profile says so already");
}

static int print(struct cmd_call *call, const struct proposal *proposal, const struct agree *agree)
{
	_cleanup_text_ struct text text = {.data = NULL};
	bool xml = cmd_has(call, "xml");
	int code = EXIT_DONE;

	if (xml)
		proposal_xml(proposal, &text);
	else
		proposal_text(proposal, true, &text);
	if (text.error)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	if (call->json)
		code = print_document(call, proposal, xml ? text.data : NULL, agree);
	else
		fputs(text.data, stdout);
	fflush(stdout); /* before the remarks, where both go to one place */
	for (size_t i = 0; i < proposal->remarks.count; i++)
		cmd_note(call, "%s", proposal->remarks.items[i]);
	for (size_t i = 0; agree && i < agree->remarks.count; i++)
		cmd_note(call, "%s", agree->remarks.items[i]);
	if (agree)
		print_written(call, agree);
	return code;
}

int plan_run(struct cmd_call *call)
{
	_cleanup_proposal_ struct proposal proposal = {.root = NULL};
	_cleanup_agree_ struct agree agree = {.lock = -1};
	_cleanup_free_ const char **devices = NULL;
	bool write = cmd_has(call, "write");
	struct wish wish = {.cpus = 0};
	struct diag diag = DIAG_INIT;
	int code = take_wish(call, &devices, &wish), r;

	if (code)
		return code;
	r = propose(&call->root, &wish, &proposal, &diag);
	if (r < 0)
		return fail(call, r, &diag);
	if (write)
		code = write_profile(call, &proposal, &agree);
	return code ? code : print(call, &proposal, write ? &agree : NULL);
}
