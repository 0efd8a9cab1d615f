/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the initramfs images of this host carry the profile, and dracut runs for those that do not.
 * An image is read by libarchive; nothing of it is run.
 */
#ifndef BOOTCFG_INITRAMFS_H
#define BOOTCFG_INITRAMFS_H

#include "bootcfg/host.h"
#include "bootcfg/remarks.h"
#include "early/profile.h"

/* What makes the images of a system. */
enum initramfs_generator {
	GENERATOR_NONE, /* nothing that is known */
	GENERATOR_DRACUT,
	GENERATOR_OTHER,
};

struct initramfs_image {
	char *kernel; /* version; "" where it is not known; owned */
	char *path; /* below the root, without a leading slash; owned */
	bool outdated; /* it lacks what early acts upon, or carries what is no longer so */
	bool has_kernel; /* that kernel is installed: an image for it can be made */
	int error; /* -errno where it could not be read, and is taken as outdated */
	const char *made_by; /* "dracut", "initramfs-tools", ...: by what is in it; NULL; static */
	bool has_parameters; /* dracut's record of how it was called is in it */
	bool has_init; /* it has what it takes to go on to the real root */
	dev_t dev; /* of the file, as ino: one image has several names */
	ino_t ino;
};

struct initramfs {
	enum initramfs_generator generator;
	const char
		*generator_name; /* "dracut", "initramfs-tools", "mkinitcpio", ...; static; NULL */
	struct initramfs_image *images;
	size_t count;
};

/*
 * Looks at the images of all installed kernels (boot/initrd.img-V, boot/initramfs-V.img, and those of
 * boot entries: more, NULL-terminated paths below the root, may be NULL; what is not there is passed
 * over). A profile without [device] and [hugepages] and an image without any agree. *ret is the
 * caller's, for initramfs_free(). 0, or -ENOMEM with diag: an image that cannot be read is no failure.
 */
int initramfs_look(const struct root *root, const struct host *host, const struct profile *profile,
		   const char *const *more, struct initramfs *ret, struct diag *diag) _must_check_;
void initramfs_free(struct initramfs *initramfs);

/*
 * Runs dracut for every outdated image that dracut has made, with the arguments that it was made with
 * where it has them on record, to a temporary beside it (.vfio-bootcfg-initrd), which is looked at,
 * synced and renamed; an image that is a copy of another (the ESP's) gets a copy. Boot entries are
 * not touched, nor are images of other generators or of kernels that are gone: these are remarked, and
 * stay outdated. kernel: only this one, or NULL. Live only. 0.
 * Errors, with diag: -ENOENT no dracut; -ENOSPC no room for a second image; -EBADMSG dracut failed (its
 * last line in diag), or what it made does not carry the profile, or would not boot; -errno. The image
 * that failed is as it was; those before it are done, and no longer outdated.
 */
int initramfs_rebuild(const struct root *root, const struct profile *profile,
		      struct initramfs *initramfs, const char *kernel, struct remarks *remarks,
		      struct diag *diag) _must_check_;

/*
 * Whether one image carries what early acts upon of this profile: 1, 0, or -errno with diag (-EBADMSG:
 * no image that is understood).
 */
int initramfs_carries(const struct root *root, const char *path, const struct profile *profile,
		      struct diag *diag) _must_check_;

#define _cleanup_initramfs_ _cleanup_(initramfs_free)

#endif
