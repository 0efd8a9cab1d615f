/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The members of an initramfs image as the kernel would unpack it: archives that are not compressed
 * (microcode comes first that way) and compressed ones, one behind the other. libarchive takes the
 * compression off; no program is run for it.
 */
#ifndef BOOTCFG_INITRD_H
#define BOOTCFG_INITRD_H

#include "bootcfg/cpio.h"
#include "early/diag.h"

struct initrd;

/* Bytes to be unpacked of one image, at most: a hostile one has no end. */
#define INITRD_UNPACKED_MAX (4ULL << 30)

/*
 * fd is a regular file, the caller's, and is read at offsets of our own; what is compressed in it may
 * have unpacked_max bytes. *ret is the caller's, for initrd_close(). 0 or -errno.
 */
int initrd_open(int fd, uint64_t unpacked_max, struct initrd **ret) _must_check_;
void initrd_close(struct initrd *initrd);

/*
 * The next member into *ret, which holds it up to the next call (cpio_body() reads it): 1, 0 at the
 * end. Errors, with diag's text: -EBADMSG no image that is understood (also: a compression that this
 * libarchive cannot take off, too many bytes); -ELIBACC compressed, and libarchive is not there; -errno
 * of reading.
 */
int initrd_next(struct initrd *initrd, struct cpio **ret, struct diag *diag) _must_check_;

/* What a failed cpio_body() of the current member means: as initrd_next(). */
int initrd_fail(struct initrd *initrd, int error, struct diag *diag);

static inline void initrd_closep(struct initrd **initrd)
{
	initrd_close(*initrd);
}
#define _cleanup_initrd_ _cleanup_(initrd_closep)

#endif
