/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version that a kernel says of itself, whatever its file is called. */
#ifndef BOOTCFG_KERNEL_IMAGE_H
#define BOOTCFG_KERNEL_IMAGE_H

#include "early/root.h"

#define KERNEL_VERSION_STR 128

/*
 * Of a bzImage (Documentation/arch/x86/boot.rst, kernel_version). 0, with the first word of it in ret;
 * -EBADMSG: no such image, or it does not say; -errno.
 */
int kernel_image_version(const struct root *root, const char *path,
			 char ret[static KERNEL_VERSION_STR]) _must_check_;

#endif
