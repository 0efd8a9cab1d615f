/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the options of `set` and the items of `unset` mean for the profile. Here a SPEC of a device is
 * looked up in the machine, and the way it is recorded so that it will be known again is decided.
 */
#ifndef BOOTCFG_SET_OPTIONS_H
#define BOOTCFG_SET_OPTIONS_H

#include "bootcfg/cmd.h"
#include "bootcfg/profile-edit.h"

/*
 * --device, --cpus, --iommu, --isolcpus, --irqaffinity, --hugepages, --acs-override and --arg of the
 * call, checked and turned into changes of the profile. Nothing is written. A device that `vfio-early`
 * would not claim is refused here, with its reason, unless --force.
 * Errors, with diag: -EINVAL (a value that cannot be understood: exit 2), -EPERM (refused: ambiguous,
 * not there, not safe: exit 3), -errno of reading (exit 4).
 */
int set_options(const struct cmd_call *call, const struct profile *profile,
		struct profile_sets *ret, struct remarks *remarks, struct diag *diag) _must_check_;

/*
 * The items of `unset` (none: all of the profile) as changes that take them out.
 * -EINVAL: an item that is not understood, or that is not in the profile (the message lists them).
 */
int unset_items(const struct cmd_call *call, const struct profile *profile,
		struct profile_sets *ret, struct diag *diag) _must_check_;

#endif
