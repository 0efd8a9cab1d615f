// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>

#include "early/display.h"

#define CLASS_DISPLAY 0x03

/* The last PCI address in a link's target, i.e. the PCI function that a platform device sits on. */
static struct pci_dev *dev_in_target(const struct pci_inventory *inv, const char *target)
{
	struct pci_dev *found = NULL;
	char part[256];

	while (*target) {
		size_t len = strcspn(target, "/");
		struct pci_addr addr;

		if (len < sizeof(part)) {
			memcpy(part, target, len);
			part[len] = '\0';
			if (!pci_addr_parse(part, &addr))
				found = pci_find(inv, &addr);
		}
		target += len + (target[len] == '/');
	}
	return found;
}

/* Linux 6.9 and later make the frame buffer a child of its PCI function. */
static struct pci_dev *by_platform_device(const struct root *root, const struct pci_inventory *inv)
{
	static const char names[][24] = {"efi-framebuffer.0", "simple-framebuffer.0",
					 "vesa-framebuffer.0"};
	char path[128], target[4096];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct pci_dev *dev;

		snprintf(path, sizeof(path), "sys/bus/platform/devices/%s", names[i]);
		if (root_readlink(root, path, target, sizeof(target)) < 0)
			continue;
		dev = dev_in_target(inv, target);
		if (dev)
			return dev;
	}
	return NULL;
}

/*
 * Earlier kernels show it in /proc/iomem only: the frame buffer's region lies inside the BAR of its
 * function, one or more levels of two blanks further in.
 */
static struct pci_dev *by_iomem(const struct root *root, const struct pci_inventory *inv)
{
	static const char regions[][10] = {"BOOTFB", "efifb", "vesafb", "simplefb", "simpledrm"};
	struct pci_dev *owner[32] = {NULL};
	_cleanup_free_ char *text = NULL;
	char *line, *state;
	size_t size;

	if (root_read_file(root, "proc/iomem", &text, &size, NULL) < 0)
		return NULL;
	for (line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		size_t depth = strspn(line, " ") / 2;
		const char *name = strstr(line, " : ");
		struct pci_addr addr;

		if (!name || depth >= ARRAY_SIZE(owner))
			continue;
		name += 3;
		owner[depth] = depth ? owner[depth - 1] : NULL;
		if (!pci_addr_parse(name, &addr)) {
			owner[depth] = pci_find(inv, &addr);
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(regions); i++)
			if (!strcmp(name, regions[i]) && owner[depth])
				return owner[depth];
	}
	return NULL;
}

enum display_by display_boot(const struct root *root, const struct pci_inventory *inv,
			     struct pci_dev **ret)
{
	struct pci_dev *only = NULL;
	bool several = false;

	*ret = NULL;
	for (size_t i = 0; i < inv->count; i++) {
		if (inv->devs[i].has_child || pci_boot_vga(root, &inv->devs[i]) != 1)
			continue;
		*ret = &inv->devs[i];
		return DISPLAY_BOOT_VGA;
	}
	*ret = by_platform_device(root, inv);
	if (!*ret)
		*ret = by_iomem(root, inv);
	if (*ret)
		return DISPLAY_FRAMEBUFFER;
	for (size_t i = 0; i < inv->count; i++) {
		if (pci_identify(root, &inv->devs[i]) < 0 ||
		    pci_base_class(&inv->devs[i]) != CLASS_DISPLAY)
			continue;
		/* A second display function is a second head of the same card. */
		if (only && pci_addr_same_slot(&only->addr, &inv->devs[i].addr))
			continue;
		several = only;
		only = &inv->devs[i];
		if (several)
			return DISPLAY_NONE;
	}
	*ret = only;
	return only ? DISPLAY_ONLY : DISPLAY_NONE;
}
