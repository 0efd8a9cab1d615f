/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unified kernel images on a boot partition, as lines that are only read. */
#ifndef BOOTCFG_UKI_SET_H
#define BOOTCFG_UKI_SET_H

#include "bootcfg/loader.h"
#include "bootcfg/system-id.h"
#include "bootcfg/uki.h"

struct uki_image {
	char *path; /* below the root; owned */
	struct uki uki; /* uki.cmdline may be NULL */
};

struct uki_set {
	struct uki_image *images;
	size_t count;
};

/*
 * Adds this system's images in DIR/EFI/Linux. One that is not understood is left out with a remark:
 * they are not written anyway. 0, or -errno with diag.
 */
int uki_set_read(const struct boot_context *context, const char *dir, const struct system_id *id,
		 struct uki_set *set, struct diag *diag) _must_check_;
void uki_set_free(struct uki_set *set);

/* Index of the image of the newest kernel; the set is not empty. */
size_t uki_set_newest(const struct uki_set *set);

/* An image as a line. 0 or -ENOMEM: then the line holds some of it. */
int uki_set_line(const struct uki_set *set, size_t index, struct boot_line *line) _must_check_;

/* Whether an image lacks what is ours in the edited source, or has what is no longer. */
bool uki_is_outdated(const struct boot_line *uki, const struct boot_line *source);

/*
 * Whether the initramfs in an image carries the profile of the context (of none, and of another kernel
 * than the context's, there is nothing to say): boot_needs bits of what has to follow, with a remark
 * where this is not to make the image anew; or -ENOMEM.
 */
int uki_initrd_needs(const struct boot_context *context, const struct boot_line *uki) _must_check_;

/* Names the command that makes it anew on this system; what: what is wrong with it. */
void uki_remark_rebuild(const struct boot_context *context, const struct boot_line *uki,
			const char *what);

/* Whether mkinitcpio makes UKIs here, which reads /etc/cmdline.d, too. */
bool uki_uses_dropins(const struct root *root);

#endif
