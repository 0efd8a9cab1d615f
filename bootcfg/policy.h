/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a profile means on a kernel command line, for this CPU and these kernels. Rules and their
 * reasons in one file, so that a reader finds all of them.
 */
#ifndef BOOTCFG_POLICY_H
#define BOOTCFG_POLICY_H

#include "bootcfg/host.h"
#include "bootcfg/line.h"
#include "bootcfg/remarks.h"
#include "early/profile.h"

enum policy_flags {
	POLICY_FORCE = 1 << 0, /* --force: what is only unwise is done, with a remark */
};

/*
 * The wanted units in the order in which they are to stand, and what must not be there. *ret is the
 * caller's, for wants_free().
 * Errors, with diag naming the profile's file and line: -EBADMSG (a value that cannot be: CPUs out of
 * range, all of them isolated, a protected parameter in args), -EPERM (refused without --force, or
 * at all: CPU 0 isolated, a core torn apart, iommu = off with a [device]), -ENOMEM.
 */
int policy_wants(const struct profile *profile, const struct host *host, unsigned flags,
		 struct wants *ret, struct remarks *remarks, struct diag *diag) _must_check_;

/* A setting elsewhere that counts against the profile, or that an older guide left behind. */
struct leftover {
	char *file; /* with a leading slash; owned */
	unsigned line;
	char *text; /* "vm.nr_hugepages = 512", "options vfio-pci ids=..."; owned */
	bool contradicts; /* else it is only superseded */
};

struct leftovers {
	struct leftover *items;
	size_t count;
};

/*
 * Reads sysctl.d (all its directories, with their masking, and sysctl.conf) for vm.nr_hugepages, which
 * would overrule the default size's pool after boot, and modprobe.d for ids, softdep and blacklist
 * lines that older guides tell to write. ids that take a card which the profile does not name
 * contradict. 0, or -errno with diag.
 */
int policy_leftovers(const struct root *root, const struct profile *profile,
		     const struct host *host, struct leftovers *ret,
		     struct diag *diag) _must_check_;
void leftovers_free(struct leftovers *leftovers);

/*
 * --replace: the contradicting lines of sysctl.d become comments ("# vfio-bootcfg: " in front), which
 * the state records. leftovers_restore() takes what the state has back. Both fill the plan. 0, or
 * -errno with diag (-EEXIST: a contradiction that is not a line to comment out).
 */
struct plan;
struct state;
int leftovers_replace(const struct root *root, const struct leftovers *leftovers,
		      struct state *state, struct plan *plan, struct diag *diag) _must_check_;
int leftovers_restore(const struct root *root, struct state *state, struct plan *plan,
		      struct diag *diag) _must_check_;

#define _cleanup_leftovers_ _cleanup_(leftovers_free)

#endif
