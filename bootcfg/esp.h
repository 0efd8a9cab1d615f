/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where boot entries are: the EFI system partition and XBOOTLDR, as bootctl looks for them. */
#ifndef BOOTCFG_ESP_H
#define BOOTCFG_ESP_H

#include "bootcfg/loader.h"

#define ESP_MAX 3

/*
 * The directories that hold `loader/entries` or EFI/systemd or EFI/Linux, below the root without a
 * leading slash: context->esp alone, else those of efi, boot, boot/efi that have them. Live, a
 * directory that should be a mount point (it is in etc/fstab, and not as noauto) and is not mounted is
 * -ENODEV with diag, which says so: nothing is made below it. The strings are static, or the
 * context's. *ret_count 0: none. Errors: -ENOTDIR for a --esp that is not there, -errno.
 */
int esp_find(const struct boot_context *context, const char *ret[static ESP_MAX], size_t *ret_count,
	     struct diag *diag) _must_check_;

/*
 * For detect(): the same, but a partition that is not mounted is none where GRUB's configuration is
 * there, which then is what boots this host as far as its files tell.
 */
int esp_detect(const struct boot_context *context, const char *ret[static ESP_MAX],
	       size_t *ret_count, struct diag *diag) _must_check_;

/* True if the directory holds a file, or files that end in suffix, at the path: DIR/PATH. */
bool esp_has(const struct root *root, const char *dir, const char *path);
bool esp_has_suffix(const struct root *root, const char *dir, const char *path, const char *suffix);

#endif
