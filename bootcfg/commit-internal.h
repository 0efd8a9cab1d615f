/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a commit and the recovery of one have in common. */
#ifndef BOOTCFG_COMMIT_INTERNAL_H
#define BOOTCFG_COMMIT_INTERNAL_H

#include "bootcfg/stage.h"
#include "early/diag.h"

struct commit {
	struct places places;
	struct place_dir *home; /* STATE_DIR */
	struct stage *stages;
	size_t count;
	struct journal journal;
	struct path_list home_made; /* directories down to STATE_DIR that had to be made */
	bool pending; /* there was a journal: of files that are done, with something left to do */
	struct diag *diag;
};

/* "/PATH" into buf, for a message; returns buf. */
#define COMMIT_PATH 256
const char *commit_path(const char *path, char buf[static COMMIT_PATH]);

/* "PATH: cannot be WHAT: ..." with the cure where there is one; returns error. path may be NULL. */
int commit_fail(struct diag *diag, int error, const char *path, const char *what);

/*
 * Looks at every file that the plan changes, before anything is written: fills commit->stages.
 * 0; -EREMCHG (it is not as it was read), -EPERM (it cannot be replaced), -EEXIST (two paths, one file,
 * two contents), -errno, with diag.
 */
int commit_look(struct commit *commit, const struct plan *plan) _must_check_;

/* Looks at all of them again, before the first rename. 0, -EREMCHG or -errno, with diag. */
int commit_look_again(struct commit *commit) _must_check_;

/* Makes the journal's directories and all temporaries, synced. 0 or -errno, with diag. */
int commit_stage(struct commit *commit) _must_check_;

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
