/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the options of `set` and the items of `unset` mean for the profile. A SPEC of a device is
 * looked up in the machine, and the way it is recorded so that it will be known again is decided, in
 * device-set.h.
 */
#ifndef BOOTCFG_SET_OPTIONS_H
#define BOOTCFG_SET_OPTIONS_H

#include "bootcfg/cmd.h"
#include "bootcfg/profile-edit.h"

/*
 * --device, --cpus, --iommu, --isolcpus, --irqaffinity, --hugepages, --acs-override and --arg of the
 * call, checked by the profile's own rules and turned into changes of the profile. Nothing is
 * written. A device that `vfio-early` would not claim is refused here, with its reason; --force takes
 * the boot display all the same. That it has no IOMMU group yet is a remark.
 * Errors, with diag: -EINVAL (a value that cannot be understood: exit 2), -EPERM (refused: ambiguous,
 * not there, not safe: exit 3), -errno of reading (exit 4).
 */
int set_options(const struct cmd_call *call, const struct profile *profile,
		struct profile_sets *ret, struct remarks *remarks, struct diag *diag) _must_check_;

/*
 * The items of `unset` (none: all of the profile) as changes that take them out. A device goes from
 * the lists of the guests too.
 * Errors, with diag, which lists what there is: -EINVAL an item that is not understood, or is not in
 * the profile; -ENODATA where none of them is, which is no error to a command that goes on where an
 * earlier one died; -ENOMEM.
 */
int unset_items(const struct cmd_call *call, const struct profile *profile,
		struct profile_sets *ret, struct diag *diag) _must_check_;

/*
 * A page size as the profile has it ("1G" of "1048576k") into ret. -EINVAL where it is none.
 */
#define PAGE_SIZE_STR 24
int page_size_parse(const char *text, size_t size, char ret[static PAGE_SIZE_STR]) _must_check_;

#endif
