/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes grub.cfg anew, live only: grub-mkconfig writes to a temporary beside it, which is checked,
 * synced and renamed, since grub-mkconfig itself truncates the file that boots the machine.
 */
#ifndef BOOTCFG_REGENERATE_H
#define BOOTCFG_REGENERATE_H

#include "early/diag.h"
#include "early/root.h"

/*
 * 0. Errors, with diag (the generator's last line in it): -ENOENT no grub.cfg or no grub-mkconfig;
 * -EBADMSG the generator failed, or what it made has no menu entry or does not pass grub-script-check:
 * the old file is as it was; -errno.
 */
int grub_regenerate(const struct root *root, struct diag *diag) _must_check_;

#endif
