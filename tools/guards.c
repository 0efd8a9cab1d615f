// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/claim.h"
#include "early/display.h"
#include "tools/guards.h"

#define CLASS_DISPLAY 0x03
#define CLASS_USB 0x0c03

static bool is_target(const struct claim_plan *plan, const struct pci_addr *addr)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].dev && !pci_addr_cmp(&plan->targets[i].dev->addr, addr))
			return true;
	return false;
}

/* A display that shows something: a driver of the host has it, or the firmware's frame buffer is on it. */
static bool shows(const struct pci_dev *dev, const struct pci_dev *boot)
{
	if (pci_base_class(dev) != CLASS_DISPLAY || !strcmp(dev->driver, CLAIM_DRIVER))
		return false;
	return dev->driver[0] || dev == boot;
}

void guard_last_display(const struct root *root, const struct pci_inventory *inv,
			struct claim_plan *plan)
{
	struct pci_dev *boot = NULL;
	char addr[PCI_ADDR_STR];

	(void)display_boot(root, inv, &boot);
	for (size_t i = 0; i < inv->count; i++)
		if (pci_identify(root, &inv->devs[i]) >= 0 && shows(&inv->devs[i], boot) &&
		    !is_target(plan, &inv->devs[i].addr))
			return;
	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *target = &plan->targets[i];

		if (!target->dev || !shows(target->dev, boot) ||
		    target->section->allow_boot_display)
			continue;
		claim_refuse(plan, target, CLAIM_LAST_DISPLAY, 0,
			     "%s is the last display of this host, which would be dark; add "
			     "--force where you have another way in (ssh, a serial console)",
			     pci_addr_format(&target->dev->addr, addr));
		return;
	}
}

/*
 * The keys of the main block, as udev tells a keyboard from what has a few keys: bits 1 to 31 of the
 * last word of `B: KEY=` (Documentation/input/, /proc/bus/input/devices).
 */
static bool has_letters(const char *device)
{
	const char *at = strstr(device, "B: KEY=");
	size_t len;

	if (!at)
		return false;
	len = strcspn(at, "\n");
	while (len && at[len - 1] != ' ' && at[len - 1] != '=')
		len--;
	return (strtoull(at + len, NULL, 16) & 0xfffffffe) == 0xfffffffe;
}

void guard_only_keyboard(const struct root *root, struct claim_plan *plan)
{
	_cleanup_free_ char *text = NULL;
	struct claim_target *owner = NULL;
	size_t size;

	if (root_read_file(root, "proc/bus/input/devices", &text, &size, NULL) < 0)
		return;
	for (char *device = text, *next; device; device = next) {
		struct claim_target *below = NULL;
		const char *sysfs;

		next = strstr(device, "\n\n");
		if (next) {
			*next = '\0';
			next += 2;
		}
		sysfs = strstr(device, "S: Sysfs=");
		if (!sysfs || !has_letters(device) || strstr(sysfs, "=/devices/virtual/"))
			continue;
		for (size_t i = 0; i < plan->count && !below; i++) {
			struct claim_target *target = &plan->targets[i];
			char part[PCI_ADDR_STR + 2] = "/";

			if (!target->dev || target->dev->class >> 8 != CLASS_USB)
				continue;
			pci_addr_format(&target->dev->addr, part + 1);
			strcat(part, "/");
			if (strstr(sysfs, part))
				below = target;
		}
		if (!below)
			return;
		owner = below;
	}
	if (owner) {
		char addr[PCI_ADDR_STR];

		claim_refuse(plan, owner, CLAIM_ONLY_KEYBOARD, 0,
			     "the only keyboard of this host hangs on %s; plug it in elsewhere, or "
			     "add --force",
			     pci_addr_format(&owner->dev->addr, addr));
	}
}

/* The same drivers as in claim.c: they do no DMA of their own. */
static bool is_on_other_side(const char *driver, bool to_host)
{
	static const char harmless[][10] = {"", CLAIM_DRIVER, "pcieport", "pci-stub"};

	if (to_host)
		return !strcmp(driver, CLAIM_DRIVER);
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (!strcmp(driver, harmless[i]))
			return false;
	return true;
}

static void check_group(const struct root *root, struct claim_plan *plan,
			struct claim_target *target, bool to_host)
{
	char path[64], driver[PCI_DRIVER_STR], own[PCI_ADDR_STR], other[PCI_ADDR_STR];
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	struct pci_addr addr;

	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%d/devices", target->dev->group);
	dir = root_opendir(root, path);
	while (dir && (entry = readdir(dir))) {
		if (pci_addr_parse(entry->d_name, &addr) < 0 || is_target(plan, &addr) ||
		    pci_driver(root, &addr, driver) < 0 || !is_on_other_side(driver, to_host))
			continue;
		claim_refuse(
			plan, target, CLAIM_GROUP, EBUSY,
			"IOMMU group %d has %s and also %s, which %s holds: no guest could open "
			"it; %s that as well, or add --force",
			target->dev->group, pci_addr_format(&target->dev->addr, own),
			pci_addr_format(&addr, other), driver, to_host ? "release" : "reclaim");
		return;
	}
}

void guard_group(const struct root *root, struct claim_plan *plan, bool to_host)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].dev && plan->targets[i].dev->group >= 0 &&
		    plan->targets[i].reason == CLAIM_OK)
			check_group(root, plan, &plan->targets[i], to_host);
}
