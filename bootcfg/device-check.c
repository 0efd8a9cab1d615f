// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <string.h>

#include "bootcfg/device-set-internal.h"
#include "early/disk.h"
#include "early/display.h"
#include "early/resolve.h"

#define CLASS_STORAGE 0x01
#define CLASS_BRIDGE 0x06

int device_refuse(struct chooser *chooser, const char *spec, const char *word, const char *format,
		  ...)
{
	char text[sizeof(chooser->diag->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return diag_set(chooser->diag, -EPERM, NULL, 0, "--device %s: %s: %s", spec, word, text);
}

/* --- one card --------------------------------------------------------------------------------- */

static int check_function(struct chooser *chooser, const struct chosen *item, struct pci_dev *dev,
			  const struct pci_dev *display, struct device_needs *needs)
{
	char addr[PCI_ADDR_STR], text[DISK_TEXT];

	pci_addr_format(&dev->addr, addr);
	if (dev == display && !chooser->force && !item->section.allow_boot_display)
		return device_refuse(chooser, item->given, claim_reason_word(CLAIM_BOOT_DISPLAY),
				     "%s is the display that this host boots on; make another card "
				     "primary in the firmware setup, or add --force: the host's "
				     "screen stays dark then",
				     addr);
	needs->boot_display |= dev == display;
	needs->storage |= pci_base_class(dev) == CLASS_STORAGE;
	/* What a guest has is no disk of the host. */
	if (!dev->driver[0] || !strcmp(dev->driver, "vfio-pci") ||
	    !disk_in_use(chooser->root, &dev->addr, text))
		return 0;
	return device_refuse(chooser, item->given, claim_reason_word(CLAIM_DISK_IN_USE),
			     "a disk of %s is in use by the host: %s", addr, text);
}

int device_check(struct chooser *chooser, const struct chosen *item, struct device_needs *ret)
{
	struct device_needs needs = {.storage = false};
	struct pci_dev *card = item->card, *display, *first;
	size_t count = pci_slot(&chooser->inv, &card->addr, &first);
	char addr[PCI_ADDR_STR];

	if (pci_base_class(card) == CLASS_BRIDGE)
		return device_refuse(chooser, item->given, claim_reason_word(CLAIM_BRIDGE),
				     "%s is a bridge, which vfio-pci never takes; name the card "
				     "behind it (vfio-device list --tree)",
				     pci_addr_format(&card->addr, addr));
	if (display_boot(chooser->root, &chooser->inv, &display) == DISPLAY_NONE)
		display = NULL;
	for (size_t i = 0; i < count; i++) {
		struct pci_dev *dev = &first[i];
		uint8_t functions = item->section.functions;
		int r;

		if ((functions && !(functions & 1 << dev->addr.fn)) ||
		    !device_same_card(chooser->root, card, dev) ||
		    pci_identify(chooser->root, dev) < 0 || pci_base_class(dev) == CLASS_BRIDGE)
			continue;
		r = check_function(chooser, item, dev, display, &needs);
		if (r < 0)
			return r;
	}
	*ret = needs;
	return 0;
}

/* --- all together ----------------------------------------------------------------------------- */

static bool will_be_claimed(const struct claim_plan *plan, const struct pci_dev *dev)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].dev == dev)
			return true;
	return false;
}

/* True where another function of the section has told of the group already. */
static bool is_told(const struct claim_plan *plan, const struct claim_target *target)
{
	for (const struct claim_target *at = plan->targets; at < target; at++)
		if (at->section == target->section && at->dev &&
		    at->dev->group == target->dev->group)
			return true;
	return false;
}

/* A group is given away whole: what else is in it must not be held by a driver of the host. */
static void look_at_group(struct chooser *chooser, const struct claim_plan *plan,
			  const struct claim_target *target)
{
	static const char *const harmless[] = {"", "vfio-pci", "pcieport", "pci-stub"};
	char addr[PCI_ADDR_STR], other[PCI_ADDR_STR];

	if (is_told(plan, target))
		return;
	for (size_t i = 0; i < chooser->inv.count; i++) {
		struct pci_dev *dev = &chooser->inv.devs[i];
		bool is_harmless = false;

		if (pci_group(chooser->root, dev) < 0 || dev->group != target->dev->group ||
		    will_be_claimed(plan, dev) || pci_identify(chooser->root, dev) < 0)
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(harmless); j++)
			is_harmless |= !strcmp(dev->driver, harmless[j]);
		if (!is_harmless)
			remark(chooser->remarks,
			       "%s is in IOMMU group %d with %s, which %s holds: no guest can open "
			       "it as long as that is so",
			       pci_addr_format(&target->dev->addr, addr), dev->group,
			       pci_addr_format(&dev->addr, other), dev->driver);
	}
}

static int check_target(struct chooser *chooser, const struct chosen *item,
			const struct claim_plan *plan, const struct claim_target *target)
{
	char addr[PCI_ADDR_STR];

	switch (target->reason) {
	case CLAIM_SIBLING: /* the other one says why */
	case CLAIM_GUEST_ONLY:
		return 0;
	case CLAIM_OK:
		look_at_group(chooser, plan, target);
		return 0;
	case CLAIM_NO_IOMMU_GROUP:
		remark(chooser->remarks,
		       "%s has no IOMMU group now, and can only be claimed once it has one: VT-d "
		       "or AMD-Vi must be on in the firmware setup, and --iommu pt sees to the "
		       "rest",
		       pci_addr_format(&target->dev->addr, addr));
		return 0;
	case CLAIM_RELEASED:
		remark(chooser->remarks, "%s; it is claimed from the next boot on", target->text);
		return 0;
	default:
		return device_refuse(chooser, item->given, claim_reason_word(target->reason), "%s",
				     target->text);
	}
}

int device_check_all(struct chooser *chooser)
{
	_cleanup_free_ struct profile_device *devices =
		calloc(chooser->count + 1, sizeof(*devices));
	struct profile planned = {.devices = devices, .device_count = chooser->count};
	_cleanup_plan_ struct claim_plan plan = {.count = 0};
	int r = 0;

	if (!devices)
		return -ENOMEM;
	for (size_t i = 0; i < chooser->count; i++) {
		devices[i] = chooser->items[i].section;
		devices[i].name = chooser->items[i].name;
	}
	if (claim_resolve(chooser->root, &planned, &chooser->inv, RESOLVE_GUEST, &plan) < 0)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < plan.count; i++) {
		const struct claim_target *target = &plan.targets[i];
		const struct chosen *item = &chooser->items[target->section - devices];

		if (item->given)
			r = check_target(chooser, item, &plan, target);
	}
	return r;
}
