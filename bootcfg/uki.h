/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unified kernel images (UAPI.5): PE files with the command line in a section. Only read: they are
 * signed or measured, and made anew from their sources.
 */
#ifndef BOOTCFG_UKI_H
#define BOOTCFG_UKI_H

#include <stdint.h>

#include "early/diag.h"
#include "early/root.h"

struct uki {
	char *cmdline; /* section .cmdline; NULL: none; owned */
	char *uname; /* section .uname, the kernel's version; NULL: none; owned */
	uint32_t initrd_at, initrd_size; /* section .initrd, in bytes of the file; size 0: none */
	bool has_linux; /* else it is an add-on, or no kernel at all */
};

/*
 * Of the base profile, before the first .profile section. Sections of more than 64 KiB are passed
 * over. 0; -EBADMSG (no PE file, or torn); -ENOMEM; -errno of reading.
 */
int uki_parse(int fd, struct uki *ret) _must_check_;

/* The same for a path below the root, with diag; -ENOENT where it is not there. */
int uki_read(const struct root *root, const char *path, struct uki *ret,
	     struct diag *diag) _must_check_;

/*
 * The .initrd of a file that was read into uki, as a file of its own (in memory): *ret_fd is the caller's
 * to close. 0; -ENOENT (it has none); -EBADMSG (cut off); -EFBIG; -errno.
 */
int uki_initrd(const struct root *root, const char *path, const struct uki *uki,
	       int *ret_fd) _must_check_;

void uki_free(struct uki *uki);

#define _cleanup_uki_ _cleanup_(uki_free)

#endif
