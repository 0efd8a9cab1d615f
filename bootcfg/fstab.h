/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What /etc/fstab says of a directory; fstab(5). */
#ifndef BOOTCFG_FSTAB_H
#define BOOTCFG_FSTAB_H

#include <stdbool.h>

#include "early/diag.h"
#include "early/root.h"

struct fstab_line {
	char *source; /* "UUID=...", "/dev/sda1"; owned */
	bool noauto; /* not mounted at boot */
};

/*
 * The line of a directory ("/boot/efi"; "/" is the root file system), the last one where there are
 * several. Returns 1, or 0 where there is none (then *ret is untouched), or -errno with diag.
 */
int fstab_find(const struct root *root, const char *dir, struct fstab_line *ret,
	       struct diag *diag) _must_check_;

static inline void fstab_line_free(struct fstab_line *line)
{
	free(line->source);
}
#define _cleanup_fstab_ _cleanup_(fstab_line_free)

#endif
