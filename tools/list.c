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

/* Groups of the kernel's that are not what its rules come to. */
static void note_unexplained(const struct cmd_call *call, const struct list *list)
{
	char address[PCI_ADDR_STR], first[PCI_ADDR_STR] = "";
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (list_is_explained(list, &list->devices[i]))
			continue;
		pci_addr_format(&list->devices[i].dev->addr, address);
		if (!count++)
			memcpy(first, address, sizeof(first));
		if (call->verbose)
			cmd_note(call, "%s: group %d is not as predicted", address,
				 list->devices[i].dev->group);
	}
	if (count && !list->prediction.asked)
		cmd_note(call,
			 "the groups of %zu functions (%s%s) are not what their ACS capabilities "
			 "come to: the kernel knows more of this machine than is known here, so do "
			 "not rely on what is said of other slots and overrides",
			 count, first, count > 1 ? " and others" : "");
}

static int print(const struct cmd_call *call, const struct list *list,
		 const struct list_advice *advice, size_t advice_count)
{
	int r;

	if (cmd_has(call, "dot")) {
		r = list_print_dot(list);
	} else if (cmd_has(call, "tree")) {
		r = list_print_tree(list, call->verbose);
	} else {
		r = list_print_table(list, cmd_has(call, "all"), call->verbose);
	}
	if (r < 0 || cmd_has(call, "dot"))
		return r;
	list_print_prediction(list);
	list_print_advice(list, advice, advice_count);
	return 0;
}

static int parse_view(struct cmd_call *call, struct acs_view *ret)
{
	const char *text = cmd_value(call, "predict", 0);
	int r = text ? list_view_parse(text, ret) : 0;

	if (r == -E2BIG)
		return cmd_failf(call, EXIT_USAGE, "--predict %s: pcie_acs_override= takes %d ids",
				 text, ACS_IDS);
	if (r < 0)
		return cmd_failf(call, EXIT_USAGE,
				 "--predict %s: on, now, downstream, multifunction or "
				 "id:VVVV:DDDD, the last three also with commas between",
				 text);
	return EXIT_DONE;
}

static void remark(const struct cmd_call *call, const struct list *list)
{
	char unread[PCI_ADDR_STR];

	note_missing(call, list);
	note_boot(call, list);
	if (call->verbose)
		note_reasons(call, list);
	note_unexplained(call, list);
	if (cmd_has(call, "predict") && !list->prediction.members)
		cmd_note(
			call,
			"no groups can be predicted: configuration space of %s cannot be read; run "
			"this as root",
			list_unread(list, unread));
	if (list->count && !list->has_groups)
		cmd_note(call,
			 "the IOMMU is off, so no card can be given to a guest: switch on VT-d or "
			 "AMD-Vi in the firmware setup, and run vfio-bootcfg set --iommu pt");
}

struct advices {
	struct list_advice *all;
	size_t count;
};

static void advices_free(struct advices *advices)
{
	list_advice_free(advices->all, advices->count);
}

int list_run(struct cmd_call *call)
{
	_cleanup_(list_free) struct list list = {.count = 0};
	_cleanup_(advices_free) struct advices advices = {.count = 0};
	struct acs_view view = {.iommu_on = true};
	bool all = cmd_has(call, "tree") || cmd_has(call, "dot") || cmd_has(call, "all");
	struct diag diag = DIAG_INIT;
	int code = parse_view(call, &view), r;

	if (code != EXIT_DONE)
		return code;
	r = list_load(&call->root, &list, &diag);
	if (r == -EBADMSG)
		code = cmd_fail(call, EXIT_USAGE, &diag);
	else if (r < 0)
		return fail_load(call, r);
	r = list_predict(&call->root, &list, cmd_has(call, "predict") ? &view : NULL);
	if (r >= 0)
		r = list_advise(&list, call->verbose, &advices.all, &advices.count);
	if (r < 0)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	if (call->json) {
		json_t *document = list_json(&list, all, advices.all, advices.count);

		if (!document)
			return cmd_failf(call, EXIT_SYSTEM, "out of memory");
		cmd_document(call, document);
	} else {
		r = print(call, &list, advices.all, advices.count);
		if (r < 0)
			return cmd_failf(call, EXIT_SYSTEM, "the list cannot be printed: %s",
					 strerror(-r));
		fflush(stdout); /* before the remarks, where both go to one place */
	}
	remark(call, &list);
	return code;
}
