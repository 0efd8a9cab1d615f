/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What speaks against a handover while the host runs. All of it only reads, and refuses in the plan. */
#ifndef TOOLS_GUARDS_H
#define TOOLS_GUARDS_H

#include "early/resolve.h"

/*
 * Refuses targets that a process has open, which /proc/PID/fd tells: VFIO nodes of what goes to the host, else display,
 * sound, I2C and NVIDIA nodes. Without root's rights only one's own processes can be seen. Where forced, only what
 * the kernel would wait for: all but display nodes. 0 or -ENOMEM.
 */
int guard_holders(const struct root *root, struct claim_plan *plan, bool to_host,
		  bool force) _must_check_;

/* Refuses the display function without which the host would have none. */
void guard_last_display(const struct root *root, const struct pci_inventory *inv,
			struct claim_plan *plan);

/* Refuses the USB controller that has the only keyboards. */
void guard_only_keyboard(const struct root *root, struct claim_plan *plan);

/*
 * Refuses targets whose IOMMU group has a function that is no target and that is with the other side:
 * vfio-pci, where they are given back; the host, where they are taken.
 */
void guard_group(const struct root *root, struct claim_plan *plan, bool to_host);

#endif
