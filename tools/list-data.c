// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/display.h"
#include "tools/list.h"

#define CLASS_MEMORY 0x05
#define CLASS_BRIDGE 0x06
#define CLASS_SYSTEM 0x08
#define CLASS_SIGNAL 0x11
#define CLASS_INSTRUMENTATION 0x13 /* AMD's dummy functions */
#define CLASS_SMBUS 0x0c05

static void child_free(struct list_child *child)
{
	free(child->name);
	free(child->model);
	for (size_t i = 0; i < child->mount_count; i++)
		free(child->mounts[i]);
	free(child->mounts);
}

void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		for (size_t j = 0; j < list->devices[i].child_count; j++)
			child_free(&list->devices[i].children[j]);
		free(list->devices[i].children);
	}
	free(list->devices);
	free(list->prediction.members);
	acs_machine_free(&list->prediction.machine);
	record_free(&list->record);
	claim_plan_free(&list->plan);
	profile_free(&list->profile);
	pci_inventory_free(&list->inv);
	list->count = 0;
}

bool list_is_card(const struct list_device *device)
{
	if (!device->dev->identified)
		return false;
	/* What the profile means is shown, also where it means the wrong thing. */
	if (device->section)
		return true;
	switch (pci_base_class(device->dev)) {
	case CLASS_MEMORY:
	case CLASS_BRIDGE:
	case CLASS_SYSTEM:
	case CLASS_SIGNAL:
	case CLASS_INSTRUMENTATION:
		return false;
	default:
		return device->dev->class >> 8 != CLASS_SMBUS;
	}
}

static struct list_device *find_device(const struct list *list, const struct pci_dev *dev)
{
	return dev ? &list->devices[dev - list->inv.devs] : NULL;
}

static const struct record_claim *find_claim(const struct record *record,
					     const struct list_device *device)
{
	char address[PCI_ADDR_STR];

	pci_addr_format(&device->dev->addr, address);
	for (size_t i = 0; i < record->count; i++)
		if (!strcmp(record->claims[i].address, address) &&
		    !strcmp(record->claims[i].name, device->section))
			return &record->claims[i];
	return NULL;
}

/*
 * What would be done now (the plan) comes first. Where nothing speaks against the card and it is
 * still not bound, what happened at boot (the record) says why.
 */
static void apply_target(const struct list *list, const struct claim_target *target)
{
	struct list_device *device = find_device(list, target->dev);
	const struct record_claim *claim;

	if (!device || (device->section && target->reason == CLAIM_OK))
		return;
	device->section = target->section->name;
	device->reason = device->text = NULL;
	if (device->claimed)
		return;
	if (target->reason != CLAIM_OK) {
		device->reason = claim_reason_word(target->reason);
		device->text = target->text;
		return;
	}
	if (target->section->claim_guest) {
		device->reason = claim_reason_word(CLAIM_GUEST_ONLY);
		return;
	}
	claim = find_claim(&list->record, device);
	if (claim && strcmp(claim->result, "claimed")) {
		device->reason = claim->reason;
		device->text = claim->text;
	}
}

/* Names are a courtesy: without pci.ids, or with a broken one, the ids have to do. */
static void load_names(const struct root *root, struct list *list)
{
	_cleanup_pcinames_ struct pcinames *names = NULL;

	if (pcinames_load(root, &names) < 0)
		return;
	for (size_t i = 0; i < list->count; i++) {
		struct list_device *device = &list->devices[i];

		pcinames_device(names, device->dev->vendor, device->dev->device, device->name);
		pcinames_class(names, device->dev->class, device->class_name);
	}
}

/* A function that vanishes while it is read stays in the inventory, not identified. */
static int load_functions(const struct root *root, struct list *list)
{
	struct pci_dev *display = NULL;

	list->devices = calloc(list->inv.count + 1, sizeof(*list->devices));
	if (!list->devices)
		return -ENOMEM;
	list->count = list->inv.count;
	for (size_t i = 0; i < list->count; i++) {
		struct list_device *device = &list->devices[i];

		device->dev = &list->inv.devs[i];
		if (pci_identify(root, device->dev) < 0)
			continue;
		if (!pci_group(root, device->dev) && device->dev->group >= 0)
			list->has_groups = true;
		device->boot_vga = pci_boot_vga(root, device->dev);
		device->claimed = !strcmp(device->dev->driver, "vfio-pci");
	}
	if (display_boot(root, &list->inv, &display) != DISPLAY_NONE)
		find_device(list, display)->boot_display = true;
	return 0;
}

int list_load(const struct root *root, struct list *ret, struct diag *diag)
{
	int profile_r, r = pci_scan(root, &ret->inv);

	if (r < 0)
		return r;
	r = load_functions(root, ret);
	if (r < 0)
		return r;
	load_names(root, ret);
	r = list_load_children(root, ret);
	if (r < 0)
		return r;
	profile_r = profile_load(root, &ret->profile, diag);
	if (profile_r == -ENOMEM)
		return -ENOMEM;
	if (profile_r < 0)
		return -EBADMSG;
	r = record_read(root, &ret->record);
	if (r == -ENOMEM)
		return r;
	r = claim_resolve(root, &ret->profile, &ret->inv, RESOLVE_GUEST, &ret->plan);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ret->plan.count; i++)
		apply_target(ret, &ret->plan.targets[i]);
	return 0;
}

char *list_state(const struct list_device *device, char buf[static LIST_STATE_STR])
{
	const char *state = device->claimed   ? "claimed"
			    : device->reason  ? device->reason
			    : device->section ? "wanted"
					      : "";
	const char *display = device->boot_display ? "boot display" : "";

	/* The reason says it already. */
	if (device->boot_display && device->reason && !strcmp(device->reason, "boot-display"))
		display = "";
	snprintf(buf, LIST_STATE_STR, "%s%s%s%s%s%s", display, *display && *state ? ", " : "",
		 state, device->section ? " (" : "", device->section ? device->section : "",
		 device->section ? ")" : "");
	return buf;
}
