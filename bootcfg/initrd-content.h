/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one initramfs image means to us: the profile in it, who made it, for which kernel. */
#ifndef BOOTCFG_INITRD_CONTENT_H
#define BOOTCFG_INITRD_CONTENT_H

#include "bootcfg/initrd-tree.h"
#include "early/profile.h"

struct initrd_content {
	struct profile profile;
	bool profile_bad; /* it has one that early would refuse, and then claim nothing */
	bool has_early; /* usr/lib/vfio-bootcfg/vfio-early, to be run */
	const char *made_by; /* "dracut", "initramfs-tools", ... static; NULL: not known */
	bool has_parameters; /* dracut's own record of how it was called */
	bool has_init; /* something to run as init, and something that goes on to the real root */
	char kernel[128]; /* the version of its modules; "" for none, or more than one */
};

/*
 * Reads the image at fd, a regular file of the caller's. *ret is the caller's, for
 * initrd_content_free(). 0. Errors, with diag's text: -EBADMSG no image that is understood, -errno.
 */
int initrd_content_read(int fd, struct initrd_content *ret, struct diag *diag) _must_check_;
void initrd_content_free(struct initrd_content *content);

/*
 * The same for an image whose tree is at hand, loaded with the texts of at least those files that
 * initrd_content_wants().
 */
bool initrd_content_wants(const char *name);
int initrd_content_of(int fd, const struct initrd_tree *tree, struct initrd_content *ret,
		      struct diag *diag) _must_check_;

/* True if there is anything in the profile that an image has to carry: [device] or [hugepages]. */
bool initrd_content_is_asked(const struct profile *profile);

/* True for a key of the sections that early acts upon. */
bool initrd_content_is_asked_by(const struct profile_entry *entry);

/*
 * True if the image carries what early acts upon of this profile: all of [device] and [hugepages], in
 * whatever order, and early itself where there is any of it.
 */
bool initrd_content_agrees(const struct initrd_content *content, const struct profile *profile);

#define _cleanup_initrd_content_ _cleanup_(initrd_content_free)

#endif
