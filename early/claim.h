/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hands the targets of a plan to vfio-pci: overrides of all first, which closes the race with
 * their own drivers (Documentation/ABI/testing/sysfs-bus-pci, driver_override); then the module;
 * then what is not bound by that, function by function. The driver link is read back: nothing else
 * counts as success. What cannot be had is undone, section by section, and the host gets its card.
 */
#ifndef EARLY_CLAIM_H
#define EARLY_CLAIM_H

#include "resolve.h"

#define CLAIM_DRIVER "vfio-pci"

/* What claiming needs from outside, so that tests can stand in for the kernel. */
struct claim_env {
	const struct root *root;
	int (*load_modules)(const struct root *root); /* module_load_vfio() */
	bool (*modules_ready)(const struct root *root);
	unsigned deadline_ms; /* for the unbind and bind of one card; 5,000 at boot */
	unsigned load_deadline_ms; /* for the module and what binds by its loading */
	bool may_unbind; /* false: a function that a driver holds is left to it */
	bool wait_for_match; /* hot plug: the kernel may not yet be ready to bind it; try until the deadline */
};

/*
 * Step 1: writes driver_override of every CLAIM_OK target and keeps the previous value in the
 * target. A section whose override cannot be written gets its old values back and is refused.
 */
void claim_override(const struct claim_env *env, struct claim_plan *plan);

/*
 * Step 2: loads the modules, verifies, unbinds and binds what is left, undoes what failed. After it every
 * target that is CLAIM_OK is bound to vfio-pci; driver_after of each is what the link said last.
 * Functions of different cards are worked on at the same time, in children: a step that hangs in the
 * kernel costs its deadline and its own section, not the boot. The text of a claimed target is a
 * warning where something else in its IOMMU group keeps a guest from opening that.
 */
void claim_commit(const struct claim_env *env, struct claim_plan *plan);

/*
 * Says in the kernel log what came of a plan: a line per card and per refusal, none for siblings.
 * /dev/kmsg takes ten lines in five seconds from one writer where nobody has lifted that.
 */
void claim_log(const struct claim_plan *plan);

#endif
