/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel modules, by libkmod, which is mapped (dlopen) only when it is called for: on Debian 12 and
 * 13 its libcrypto costs 3.5 million instructions of relocation.
 */
#ifndef EARLY_MODULE_H
#define EARLY_MODULE_H

#include "root.h"

/*
 * Loads vfio-pci and vfio_iommu_type1, with what they need and their options from modprobe.d and
 * the kernel command line; `install` commands are not run. What is there or built in is success.
 * Binds the devices that have the override before it returns, so it may hang as long as a device does.
 * Errors: -ENOENT vfio-pci is neither a module of this kernel here nor built in; -ELIBACC no
 * libkmod; -errno of finit_module(2). That vfio_iommu_type1 is missing is logged, no error.
 */
int module_load_vfio(const struct root *root) _must_check_;

/*
 * The same from another module directory than /lib/modules/$(uname -r): for tests, which have only
 * what is built in or missing there, so that nothing is ever inserted.
 */
int module_load_vfio_from(const char *dir) _must_check_;

/*
 * Loads the modules whose alias fits, as udev does for a MODALIAS: not those that modprobe.d blacklists.
 * Binds what they match before it returns, so it may hang. 0 where one is there now or built in; -ENOENT where none fits;
 * -EPERM where each that fits is on a blacklist; -ELIBACC; -errno of finit_module(2).
 */
int module_load_alias(const char *alias) _must_check_;

/*
 * Loads the module of this name, with what it needs and its options, whether it is blacklisted or not. Binds
 * what it matches before it returns, so it may hang. 0 where it is there now or built in; errors as above.
 */
int module_load_name(const char *name) _must_check_;

/*
 * Unloads one module, which lets go of its devices first, so it may hang. Never waits for its users: delete_module(2)
 * with O_NONBLOCK. 0; -ENOENT where it is not loaded; -EWOULDBLOCK where it is used or others depend on it; -errno.
 */
int module_unload(const char *name) _must_check_;

/* True if the vfio-pci driver and vfio_iommu_type1 are in the running kernel already. */
bool module_vfio_ready(const struct root *root);

#endif
