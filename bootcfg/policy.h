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
 * A [device] without an `iommu` key is wanted as with `iommu = on`: without an IOMMU no card can be
 * claimed. Per-node huge pages are left to vfio-early where an installed kernel is older than 5.16.
 * accepted: entries that an earlier --force has let pass (wants->forced), which pass again as long as they are
 * the same; or NULL. Errors, with diag naming the profile's file and line:
 * -EBADMSG  a value that cannot be: CPUs that are not there or all of them, a page size or node that
 *           is not there, in args what is protected, given by another key, or better said by one
 * -EPERM    refused without --force: CPU 0 isolated, pages that this CPU has not, or so many that the
 *           host would starve; and at all: args
 *           that switch off a wanted IOMMU, `N` or `all` for a kernel older than that notation
 * -ENOMEM
 */
int policy_wants(const struct profile *profile, const struct host *host, unsigned flags,
		 const struct owned_list *accepted, struct wants *ret, struct remarks *remarks,
		 struct diag *diag) _must_check_;

/*
 * Adds to wants->forbidden each vfio-pci.ids= and pci-stub.ids= of a command line that takes a card
 * which is in no [device], with a remark that names the card. To be called for every boot line
 * before line_edit(). In an image, where it cannot be seen which functions a card has, each id that
 * no [device] has counts. Without a [device] nothing is forbidden. 0, or -errno with diag.
 */
int policy_forbid_ids(const struct root *root, const struct profile *profile, const char *line,
		      struct wants *wants, struct remarks *remarks, struct diag *diag) _must_check_;

/*
 * The same for what --replace has taken out of the line: it would contradict as before if it came
 * back, which line_edit() can only know from wants. Without a remark, since it takes no card now.
 */
int policy_forbid_replaced(const struct root *root, const struct profile *profile,
			   const struct owned_list *owned, struct wants *wants,
			   struct diag *diag) _must_check_;

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
 * --replace: the contradicting lines in /etc become comments ("# vfio-bootcfg: " in front), which the
 * state records under the file's path. leftovers_restore() makes lines again of those that the profile
 * has no quarrel with any more: of sysctl.d where it wants no pages of the default size, of modprobe.d
 * where it has no [device]; without a state, of all that are so marked. Both fill the plan; neither
 * reads a file that has nothing to do with it. 0, or -errno with diag (-EEXIST: a contradiction that is
 * not a line to comment out: in a package's file, or of several lines).
 */
struct plan;
struct state;
int leftovers_replace(const struct root *root, const struct leftovers *leftovers,
		      struct state *state, struct plan *plan, struct diag *diag) _must_check_;
int leftovers_restore(const struct root *root, const struct profile *profile,
		      const struct host *host, struct state *state, struct plan *plan,
		      struct diag *diag) _must_check_;

#define _cleanup_leftovers_ _cleanup_(leftovers_free)

#endif
