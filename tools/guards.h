/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What speaks against a handover while the host runs. All of it only reads, and refuses in the plan. */
#ifndef TOOLS_GUARDS_H
#define TOOLS_GUARDS_H

#include "early/resolve.h"

enum guard_flags {
	GUARD_TO_HOST =
		1 << 0, /* what a guest has open counts, else what the host's processes have */
	GUARD_FORCE = 1 << 1, /* only what the kernel would wait for: all but display nodes */
	GUARD_MODULES =
		1 << 2, /* the display driver's modules will be unloaded: all nodes of them count */
};

/*
 * Refuses targets that a process has open or mapped, as /proc/PID/fd and maps tell: VFIO nodes, or display, sound, I2C and
 * NVIDIA nodes. By the device's number on a running system, whatever a container calls it; else by path. Without root's
 * rights only one's own processes can be seen. Waits a few seconds for udev, which looks at new nodes. 0 or -ENOMEM.
 */
int guard_holders(const struct root *root, struct claim_plan *plan, unsigned flags) _must_check_;

/* Refuses the display function without which the host would have none. */
void guard_last_display(const struct root *root, const struct pci_inventory *inv,
			struct claim_plan *plan);

/* Refuses the USB controller that has the only keyboards. */
void guard_only_keyboard(const struct root *root, struct claim_plan *plan);

/*
 * Refuses a network card over which alone the default route goes, or the route to a server that a file system is
 * mounted from or that has iSCSI disks; also where its interface is in a bridge, bond or VLAN. 0 or -ENOMEM.
 */
int guard_network(const struct root *root, struct claim_plan *plan) _must_check_;

/*
 * Refuses targets whose IOMMU group has a function that is no target and that is with the other side:
 * vfio-pci, where they are given back; the host, where they are taken.
 */
void guard_group(const struct root *root, struct claim_plan *plan, bool to_host);

#endif
