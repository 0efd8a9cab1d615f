// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/json.h"
#include "tools/list.h"

/* Sections that found no card have no line in the list. */
static void note_missing(const struct cmd_call *call, const struct list *list)
{
	for (size_t i = 0; i < list->plan.count; i++)
		if (!list->plan.targets[i].dev)
			cmd_note(call, "%s: %s", claim_reason_word(list->plan.targets[i].reason),
				 list->plan.targets[i].text);
}

static void note_reasons(const struct cmd_call *call, const struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->devices[i].text && list->devices[i].text[0])
			cmd_note(call, "%s: %s", list->devices[i].reason, list->devices[i].text);
}

/* Where a card is wanted and not taken, a boot that took nothing at all is why. */
static void note_boot(const struct cmd_call *call, const struct list *list)
{
	const struct record *record = &list->record;
	bool wanted = false;

	for (size_t i = 0; i < list->count; i++)
		if (list->devices[i].section && !list->devices[i].claimed)
			wanted = true;
	if (wanted && record->result[0] && strcmp(record->result, "done"))
		cmd_note(call, "nothing was claimed at boot: %s: %s", record->reason, record->text);
}

static int fail_load(struct cmd_call *call, int r)
{
	if (r == -EXDEV)
		return cmd_failf(
			call, EXIT_SYSTEM,
			"%s is an image, no running system, so it has no PCI devices to list: "
			"run this on the host, or give --root a captured machine (a directory "
			"with a file .vfio-machine)",
			call->root_dir ? call->root_dir : "this chroot or container");
	if (r == -ENOENT)
		return cmd_failf(
			call, EXIT_SYSTEM,
			"there is no PCI bus (sys/bus/pci/devices): is /sys mounted? Else give "
			"--root a captured machine");
	return cmd_failf(call, EXIT_SYSTEM, "the PCI devices cannot be listed: %s", strerror(-r));
}

int list_run(struct cmd_call *call)
{
	_cleanup_(list_free) struct list list = {.count = 0};
	bool tree = cmd_has(call, "tree"), all = tree || cmd_has(call, "all");
	struct diag diag = DIAG_INIT;
	int code = EXIT_DONE, r = list_load(&call->root, &list, &diag);

	if (r == -EBADMSG)
		code = cmd_fail(call, EXIT_USAGE, &diag);
	else if (r < 0)
		return fail_load(call, r);
	if (call->json) {
		json_t *document = list_json(&list, all);

		if (!document)
			return cmd_failf(call, EXIT_SYSTEM, "out of memory");
		cmd_document(call, document);
	} else {
		r = tree ? list_print_tree(&list, call->verbose)
			 : list_print_table(&list, all, call->verbose);
		if (r < 0)
			return cmd_failf(call, EXIT_SYSTEM, "the list cannot be printed: %s",
					 strerror(-r));
		fflush(stdout); /* before the remarks, where both go to one place */
	}
	note_missing(call, &list);
	note_boot(call, &list);
	if (call->verbose)
		note_reasons(call, &list);
	if (list.count && !list.has_groups)
		cmd_note(call,
			 "the IOMMU is off, so no card can be given to a guest: switch on VT-d or "
			 "AMD-Vi in the firmware setup, and run vfio-bootcfg set --iommu pt");
	return code;
}
