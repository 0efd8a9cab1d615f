/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal to initramfs-rebuild.c: an image, and the file beside it that takes its place. */
#ifndef BOOTCFG_INITRAMFS_TARGET_H
#define BOOTCFG_INITRAMFS_TARGET_H

#include <sys/stat.h>

#include "bootcfg/initramfs.h"

/* Of no interest to a boot loader or to kernel-install; the next run removes what a dead one left. */
#define TARGET_TEMPORARY ".vfio-bootcfg-initrd"

/* One image on its way. */
struct target {
	const struct initramfs_image *image;
	int old; /* the image as it is */
	int dir; /* the directory that it is in, all links followed */
	int new; /* the temporary, once it is written */
	struct stat st; /* of the old one */
	char path[4096]; /* of the old one, from "/" */
	char temporary[4096];
	bool staged; /* there is, or may be, a temporary to be removed */
};

#define TARGET_INIT(which) ((struct target){.image = (which), .old = -1, .dir = -1, .new = -1})

/*
 * Opens the image and its directory, removes what an earlier run left there, and looks whether there
 * is room for a second one. The caller ends with target_close() in any case. 0. Errors, with diag:
 * -ENOSPC, -errno.
 */
int target_begin(const struct root *root, struct target *target, struct diag *diag) _must_check_;

/* Opens the temporary that somebody has made, read-only. 0 or -errno. */
int target_open_new(struct target *target) _must_check_;

/* Makes the temporary a copy of the new file of another one. 0, or -errno with diag. */
int target_copy(const struct target *made, struct target *target, struct diag *diag) _must_check_;

/*
 * The temporary, open in target->new, gets mode, owner and label of the image, is synced and takes its
 * place. 0, or -errno with diag.
 */
int target_put_in_place(struct target *target, struct diag *diag) _must_check_;

/* Closes what is open, and removes a temporary that did not get into its place. */
void target_close(struct target *target);

/* True if both images hold the same bytes; false also where one cannot be read. */
bool target_same_bytes(const struct root *root, const struct initramfs_image *a,
		       const struct initramfs_image *b);

/* "the image cannot be made anew: WHAT: ..." with its path. Returns error. */
int target_fail(const struct initramfs_image *image, int error, const char *what,
		struct diag *diag);

#define _cleanup_target_ _cleanup_(target_close)

#endif
