/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a loader's entries boots where nobody chooses. */
#ifndef BOOTCFG_DEFAULT_ENTRY_H
#define BOOTCFG_DEFAULT_ENTRY_H

#include "bootcfg/efivars.h"
#include "bootcfg/loader.h"

/*
 * Index of the line in the setup, or -ENOENT with a sentence in diag: none of them, or not known.
 * grub.cfg says it (line->is_default); GRUB's boot entries: grubenv's saved_entry, else the newest kernel; systemd-boot
 * (loader.conf(5), sd-boot(7)): the firmware's LoaderEntryDefault, else `default` of loader.conf, else the newest
 * kernel. An entry whose boot counter has come to 0 is the last choice. -ENOMEM.
 */
int default_entry(const struct root *root, const struct efi_boot *efi,
		  const struct boot_setup *setup, struct diag *diag) _must_check_;

#endif
