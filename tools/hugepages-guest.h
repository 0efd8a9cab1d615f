/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The huge pages of a guest, as steps of its session (guest.h): what is missing for [guest NAME] is added,
 * and only that is given back; the record between is that of `vfio-hugepages --guest` (hugepages.h).
 */
#ifndef TOOLS_HUGEPAGES_GUEST_H
#define TOOLS_HUGEPAGES_GUEST_H

#include "early/profile.h"

/* What became of one pool. */
struct guest_pool {
	unsigned long size_kib;
	int node; /* PAGES_ANY_NODE: the kernel has no NUMA nodes */
	unsigned long added, released, left; /* pages; left: not given back, since they are used */
};

struct guest_pools {
	struct guest_pool *items; /* only those that changed, or should have */
	size_t count;
};

/* The caller frees the items. */
void guest_pools_free(struct guest_pools *pools);

/*
 * Whether this machine has the sizes and nodes that the guest asks for. 0, also where it asks for none; -EINVAL
 * with diag, file and line for what it has not; else as pages_load(), with diag.
 */
int guest_pages_check(const struct root *root, const struct profile *profile, const char *guest,
		      struct diag *diag) _must_check_;

/*
 * Adds what is missing until so many pages are free, by the effort of `vfio-hugepages reclaim` without --wait. Waits lock_ms at
 * most for another one that changes pools. *ret is filled in on failure too: what was added stays, for guest_pages_give().
 * 0; -ENOBUFS: fewer than asked, and why (-ENOSPC is a full /run); -EWOULDBLOCK: the lock; as above; -errno of a write.
 */
int guest_pages_take(const struct root *root, const struct profile *profile, const char *guest,
		     unsigned lock_ms, struct guest_pools *ret, struct diag *diag) _must_check_;

/*
 * Gives back what was added for the guest, as far as it is idle. Needs no profile. 0, also where nothing is
 * recorded; -EBUSY: some are used; else as above.
 */
int guest_pages_give(const struct root *root, const char *guest, unsigned lock_ms,
		     struct guest_pools *ret, struct diag *diag) _must_check_;

#endif
