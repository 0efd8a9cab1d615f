/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a kernel finds vfio-pci, and what that needs, in an initramfs: built in, or as modules. */
#ifndef BOOTCFG_IMAGE_MODULES_H
#define BOOTCFG_IMAGE_MODULES_H

#include "bootcfg/initrd-tree.h"
#include "bootcfg/problems.h"
#include "early/root.h"

/* True for the lists of modules in an image, whose text image_modules_check() needs. */
bool image_modules_wants(const char *name);

/*
 * Adds what is missing for this kernel (a version). root: the lists of a kernel that is installed, where the
 * image has none; image: its path, with a leading slash, for messages. Also libkmod, unless all is built in.
 * modules.dep(5), modules.builtin: Documentation/kbuild/kbuild.rst.
 */
void image_modules_check(const struct root *root, const struct initrd_tree *tree, const char *image,
			 const char *kernel, struct problems *problems);

/*
 * What a list of modules says, for tests: modules.builtin has name, `-` and `_` being the same; the
 * line of modules.dep that begins with the module's path (NULL: none), of *ret_len bytes.
 */
bool modules_builtin(const char *text, const char *name);
const char *modules_dep(const char *text, const char *name, size_t *ret_len);

#endif
