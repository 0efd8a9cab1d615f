/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a commit and the recovery of one have in common. */
#ifndef BOOTCFG_COMMIT_INTERNAL_H
#define BOOTCFG_COMMIT_INTERNAL_H

#include "bootcfg/journal.h"
#include "early/diag.h"

/* "PATH: cannot be WHAT: ..." with the cure where there is one; returns error. path may be NULL. */
int commit_fail(struct diag *diag, int error, const char *path, const char *what);

/*
 * All files are as the journal says: removes the directories that are empty now, syncs, and leaves
 * of the journal what is still to be done: maybe nothing. 0 or -errno.
 */
int commit_finish(struct places *places, struct place_dir *home,
		  struct journal *journal) _must_check_;

/*
 * Removes STATE_DIR where nothing is recorded in it any more, and those of the list (may be NULL) that
 * are above it. 0 or -errno.
 */
int commit_leave(struct places *places, struct place_dir *home,
		 const struct path_list *prune) _must_check_;

#endif
