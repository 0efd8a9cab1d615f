/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A card's option ROM: images one behind the other, each with a PCI data structure that says what kind of code
 * it has (PCI Firmware Specification 3.0, section 5.1; code type 3: EFI).
 */
#ifndef BOOTCFG_OPTION_ROM_H
#define BOOTCFG_OPTION_ROM_H

#include <stddef.h>

#include "early/pci.h"

enum option_rom {
	ROM_NONE, /* no option ROM in these bytes */
	ROM_LEGACY, /* only code for a BIOS */
	ROM_UEFI, /* an image for UEFI is among them */
};

/* Pure; stops at what is torn. */
enum option_rom option_rom_kind(const unsigned char *data, size_t size);

/*
 * Reads it by sysfs (Documentation/ABI/testing/sysfs-bus-pci, rom), which is switched on for that
 * and off again: of a running machine only of a card that no driver has, or vfio-pci. 0; -EBUSY (its
 * driver has it), -ENOENT (it has none), -errno.
 */
int option_rom_read(const struct root *root, const struct pci_addr *addr,
		    enum option_rom *ret) _must_check_;

#endif
