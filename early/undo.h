/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps that may hang in the kernel, run in children with a deadline; and the way back. */
#ifndef EARLY_UNDO_H
#define EARLY_UNDO_H

#include "claim.h"

/*
 * Runs step(data, i) for each i below count at the same time, each in a child of its own, and waits for
 * all until the deadline. ret_errors[i] is what step returned (0 or -errno, kept in one byte),
 * -ETIMEDOUT for one that did not end (it is killed, as far as the kernel lets it), or -EIO for one
 * that died. 0, or -errno where nothing could be run.
 */
typedef int (*child_step)(void *data, size_t i);
int children_run(child_step step, void *data, size_t count, unsigned deadline_ms,
		 int *ret_errors) _must_check_;

/*
 * Gives back every target of the section that target is in: takes it from vfio-pci where it is bound to
 * that, writes the previous override, lets the kernel probe again, reads the link. For sections that
 * are refused; what it cannot do is added to the text.
 */
void undo_section(const struct claim_env *env, struct claim_plan *plan,
		  const struct profile_device *section);

/* Writes back the override of one target, if we wrote it. 0 or -errno. */
int undo_override(const struct root *root, struct claim_target *target) _must_check_;

/* Writes an address to drivers/DRIVER/FILE ("bind", "unbind"). 0 or -errno of the kernel. */
int driver_write(const struct root *root, const char *driver, const char *file,
		 const struct pci_addr *addr) _must_check_;

#endif
