/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries a plan out: everything is staged first, in temporaries beside the files that are meant
 * (a full or read-only file system shows there, and nothing is changed); then a journal in
 * /var/lib/vfio-bootcfg says what is going to be; then the renames, in the plan's order; each step
 * synced. A link is followed, inside the root: what it leads to is replaced. Modes, owners and
 * security.selinux stay.
 */
#ifndef BOOTCFG_COMMIT_H
#define BOOTCFG_COMMIT_H

#include "bootcfg/plan.h"

/*
 * Takes the lock: flock(2) on the root's directory, without waiting. Returns a descriptor that the
 * caller closes to let go; -EWOULDBLOCK where another one works (diag says so), or -errno.
 */
int commit_lock(const struct root *root, struct diag *diag) _must_check_;

/* What a commit left to be done after its files: kept in the journal until commit_done(). */
enum commit_after {
	COMMIT_REGENERATE = 1 << 0, /* grub.cfg is to be made anew */
	COMMIT_INITRAMFS = 1 << 1, /* initramfs images are to be made anew */
};

/*
 * Finishes what an earlier run began and could not end, before anything is read; removes what it
 * staged in vain. *ret_after gets the commit_after bits that are still to be done. With dry_run
 * nothing is written and -EINPROGRESS is returned where there is something to finish.
 * 0 (also: no journal). Errors, with diag: -ESTALE a file was changed by others meanwhile, and is
 * left as it is (the journal is dropped; the rest is finished); -EBADMSG a journal that is not
 * understood; -errno.
 */
int commit_recover(const struct root *root, bool dry_run, unsigned *ret_after,
		   struct diag *diag) _must_check_;

/*
 * Carries the plan out under the lock. The journal stays where after is not 0, for commit_done().
 * 0, also where there is nothing to do: then nothing is opened for writing.
 * Errors, with diag:
 * -EREMCHG  a file is not as it was read: nothing was changed
 * -EUCLEAN  some files are changed, some not: the journal is kept, the next run goes on
 * another -errno: nothing was changed
 */
int commit_plan(const struct root *root, const struct plan *plan, unsigned after,
		struct diag *diag) _must_check_;

/* All that was left is done: the journal goes, and the directory where it is empty. 0 or -errno. */
int commit_done(const struct root *root, struct diag *diag) _must_check_;

/*
 * Takes a plan back that was carried out just now, where what comes after it failed: every file as
 * it was. Errors as commit_plan().
 */
int commit_revert(const struct root *root, const struct plan *plan, struct diag *diag) _must_check_;

#endif
