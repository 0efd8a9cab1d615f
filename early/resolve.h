/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which functions of this machine the profile means, and which of them must not be taken. Reads
 * sysfs and procfs, writes nothing; vfio-early, `vfio-device list` and `vfio-bootcfg check` all
 * ask here, so that what is predicted is what is done.
 */
#ifndef EARLY_RESOLVE_H
#define EARLY_RESOLVE_H

#include "pci.h"
#include "profile.h"

/* Why a function is taken or not; the words of the record and of --json. */
enum claim_reason {
	CLAIM_OK, /* "claimed": nothing speaks against it */
	CLAIM_NOT_FOUND, /* no card with the section's fingerprint where it may look */
	CLAIM_CHANGED, /* another model sits at the path or address */
	CLAIM_AMBIGUOUS, /* several cards fit, and nothing says which */
	CLAIM_NO_IOMMU_GROUP, /* vfio-pci would refuse it, and its own driver would be locked out */
	CLAIM_BOOT_DISPLAY, /* the host's console is on it */
	CLAIM_BRIDGE, /* the named function is a bridge */
	CLAIM_STORAGE, /* class 01 without allow-storage */
	CLAIM_DISK_IN_USE, /* a disk of it is mounted, swapped to, or the root disk */
	CLAIM_NO_FUNCTION, /* a listed function is not there */
	CLAIM_SIBLING, /* another function of the section cannot be taken */
	CLAIM_CONFLICT, /* two sections mean this card */
	CLAIM_RELEASED, /* the user gave it back in this boot */
	CLAIM_GUEST_ONLY, /* claim = guest: not at boot */
	CLAIM_NO_MODULE, /* vfio-pci could not be loaded */
	CLAIM_OVERRIDE_FAILED, /* driver_override could not be written */
	CLAIM_BIND_FAILED, /* vfio-pci refused it */
	CLAIM_TIMEOUT, /* the kernel did not answer within the deadline */
	CLAIM_VANISHED, /* it was removed meanwhile */
	/* said by vfio-device, while the host runs */
	CLAIM_IN_USE, /* a process has it open */
	CLAIM_LAST_DISPLAY, /* no other display would be left to the host */
	CLAIM_ONLY_KEYBOARD, /* no other keyboard would be left to the host */
	CLAIM_NETWORK, /* the host's network hangs on it */
	CLAIM_GROUP, /* something else in its IOMMU group is on the other side */
	CLAIM_NO_DRIVER, /* the host's own driver did not take it */
	CLAIM_REASONS
};

/* "no-iommu-group" and so on; static. */
const char *claim_reason_word(enum claim_reason reason);

#define CLAIM_TEXT 320

/* One function that a section means, or (dev NULL) a section that found no card. */
struct claim_target {
	const struct profile_device *section;
	struct pci_dev *dev; /* owned by the inventory; NULL: no card */
	enum claim_reason reason;
	int error; /* errno of the step that failed, or 0 */
	char text
		[CLAIM_TEXT]; /* one sentence: device, reason, cure; for CLAIM_OK "" or a warning */
	/* what claim_commit() keeps, see claim.h */
	char override_before[PCI_DRIVER_STR];
	bool override_written;
	char driver_after[PCI_DRIVER_STR];
};

/* Targets grouped by section, in the profile's order. A section is all or nothing: either all of
 * its targets are CLAIM_OK or none is. */
struct claim_plan {
	struct claim_target *targets;
	size_t count;
};

enum resolve_flags {
	RESOLVE_GUEST = 1 << 0, /* take sections with claim = guest too */
	RESOLVE_RELEASED = 1 << 1, /* take what was given back in this boot too */
	RESOLVE_FIND = 1 << 2, /* only say which functions are meant: to give them back */
	RESOLVE_NO_GROUP = 1 << 3, /* take what has no IOMMU group: as if the IOMMU were on */
};

/*
 * Resolves all [device] sections together. Profile and inventory must outlive the plan.
 * 0 or -ENOMEM; what cannot be read of a device is a reason in the plan, never an error here.
 */
int claim_resolve(const struct root *root, const struct profile *profile,
		  const struct pci_inventory *inv, unsigned flags,
		  struct claim_plan *ret) _must_check_;
void claim_plan_free(struct claim_plan *plan);

/* Marks one target, and its section's other ones as siblings. format is for text. */
void claim_refuse(struct claim_plan *plan, struct claim_target *target, enum claim_reason reason,
		  int error, const char *format, ...) _printf_(5, 6);

#define _cleanup_plan_ _cleanup_(claim_plan_free)

#endif
