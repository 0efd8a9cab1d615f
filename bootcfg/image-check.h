/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether one initramfs, when it boots a kernel, does what the profile says: it is read as the kernel
 * would unpack it, and nothing of it is run.
 */
#ifndef BOOTCFG_IMAGE_CHECK_H
#define BOOTCFG_IMAGE_CHECK_H

#include "bootcfg/problems.h"
#include "early/profile.h"

/* One image for one kernel. */
struct image_check {
	char *path; /* below the root, without a leading slash; of a UKI the whole file; of several that are
		     * unpacked one after the other, one a line; owned */
	char *kernel; /* the version that boots with it; "" where that is not known; owned */
	bool unified; /* the initramfs is a section of that file */
	struct problems problems;
};

/*
 * Fills in ret->problems for what is at path (all of ret is set; the caller frees). An image that
 * cannot be read is a problem, no error. 0 or -ENOMEM.
 */
int image_check(const struct root *root, const struct profile *profile, const char *path,
		const char *kernel, bool unified, struct image_check *ret) _must_check_;
void image_check_free(struct image_check *check);

/*
 * Opens it: of a UKI a copy of its section, of several one behind the other, in memory. *ret_fd is the
 * caller's. 0, or -errno: -ENOENT also for a UKI without an initramfs; -EFBIG; -EISDIR, -ENOTSUP.
 */
int image_open(const struct root *root, const char *path, bool unified, int *ret_fd) _must_check_;

/* image_check() for a regular file that is open; name: for messages, with a leading slash. */
int image_check_fd(const struct root *root, const struct profile *profile, int fd, const char *name,
		   const char *kernel, struct problems *problems) _must_check_;

#endif
