/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where boot entries are: the EFI system partition and XBOOTLDR, as bootctl looks for them. */
#ifndef BOOTCFG_ESP_H
#define BOOTCFG_ESP_H

#include "bootcfg/loader.h"

#define ESP_MAX 3

/*
 * The directories that hold `loader/entries` or EFI/systemd or EFI/Linux, below the root without a
 * leading slash: context->esp alone, else those of efi, boot, boot/efi that have them. Live, a
 * directory that should be a mount point (it is in etc/fstab, or an automount) and is not mounted is
 * -ENODEV with diag, which says so: nothing is made below it. *ret_count 0: none. Errors: -ENOTDIR
 * for a --esp that is not there, -errno.
 */
int esp_find(const struct boot_context *context, const char *ret[static ESP_MAX], size_t *ret_count,
	     struct diag *diag) _must_check_;

#endif
