/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which display the host boots on, and which disks of a controller it uses. Both only read. */
#ifndef EARLY_DISPLAY_H
#define EARLY_DISPLAY_H

#include "pci.h"

/* How the boot display was told. */
enum display_by {
	DISPLAY_NONE, /* there is no display, or it cannot be told */
	DISPLAY_BOOT_VGA, /* the kernel's boot_vga is 1 */
	DISPLAY_FRAMEBUFFER, /* the firmware's frame buffer lies on it */
	DISPLAY_ONLY, /* it is the only display there is */
};

/*
 * Finds the boot display: boot_vga; else the parent of the firmware's frame buffer, by its platform
 * device or by /proc/iomem; else the only function of base class 03. *ret is owned by the
 * inventory, NULL with DISPLAY_NONE. Reads boot_vga of functions without a child only; classes of
 * all functions only where no boot_vga is 1.
 */
enum display_by display_boot(const struct root *root, const struct pci_inventory *inv,
			     struct pci_dev **ret);

#endif
