/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cards of `set --device` as sections of the profile: which section is meant, what is recorded
 * so that the card will be known again, and whether vfio-early would take it.
 */
#ifndef BOOTCFG_DEVICE_SET_H
#define BOOTCFG_DEVICE_SET_H

#include "bootcfg/cmd.h"
#include "bootcfg/profile-edit.h"

/*
 * Appends what all --device of the call mean to *sets. Where root_has_kernel(), each card is looked up,
 * and its path, id, class, subsystem and address are recorded; in an image what was given.
 * ret_devices, where not NULL, gets how many [device] sections there will be. Errors as set_options().
 */
int device_set_all(const struct cmd_call *call, const struct profile *profile,
		   struct profile_sets *sets, size_t *ret_devices, struct remarks *remarks,
		   struct diag *diag) _must_check_;

struct device_specs {
	const char *const *items; /* not owned */
	size_t count;
	bool force; /* the boot display too */
};

/* The same of SPECs that no command line gave. */
int device_set_specs(const struct root *root, const struct device_specs *specs,
		     const struct profile *profile, struct profile_sets *sets, size_t *ret_devices,
		     struct remarks *remarks, struct diag *diag) _must_check_;

#endif
