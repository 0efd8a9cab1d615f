/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cards that come after the boot's claim: plugged in, virtual functions, behind a bridge that
 * appears late, or behind an IOMMU whose driver is a module.
 */
#ifndef EARLY_LATE_H
#define EARLY_LATE_H

#include "claim.h"

#define LATE_RULES "run/udev/rules.d/10-vfio-bootcfg.rules"

/*
 * Writes the udev rules that run `vfio-early --device`: when a function with an id that the profile
 * wants at boot is added, before udev's own kmod, since RUN entries run in the order of the files;
 * and for a target of the plan that had no IOMMU group, when a driver is bound to it: with a
 * virtio-iommu, whose driver is a module, that is when its group appears. 0 or -errno.
 */
int late_write_rules(const struct root *root, const struct profile *profile,
		     const struct claim_plan *plan) _must_check_;

/*
 * Claims the card that addr is in. synthetic: the event was made by hand (`udevadm trigger`): then
 * nothing is unbound, and what failed in this boot is not tried again. Waits for others that do the
 * same. 0 or -errno.
 */
int late_claim(const struct claim_env *env, const struct profile *profile,
	       const struct pci_addr *addr, bool synthetic) _must_check_;

#endif
