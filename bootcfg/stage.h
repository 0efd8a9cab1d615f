/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file of a commit: looked at, written to a temporary beside it, put in its place. */
#ifndef BOOTCFG_STAGE_H
#define BOOTCFG_STAGE_H

#include "bootcfg/journal.h"

struct stage {
	const struct change *change;
	struct place place;
	char temporary[48]; /* its name in place.dir; "": the file is to be removed */
	struct stat seen; /* of the file, when it was last found to be as it was read */
	bool looked; /* seen is set */
	bool staged; /* the temporary is there */
	bool done; /* the file is as the plan says */
};

/*
 * Looks at the file anew. 0: it is as the plan read it, with the mode and owner that were staged.
 * -EREMCHG: it is not; -errno.
 */
int stage_look(struct stage *stage) _must_check_;

/*
 * Writes the temporary, with the mode, owner and extended attributes of the file whose place it takes
 * (but those that are about its old bytes: security.ima, .evm, .capability), or those of the plan. With sync it
 * is on the disk afterwards. 0 or -errno; stage->staged says whether there is something to clean up.
 */
int stage_write(struct stage *stage, bool sync) _must_check_;

/* Renames the temporary to the file, or removes the file. 0 or -errno. */
int stage_carry_out(struct stage *stage) _must_check_;

/* Removes the temporary, if there is one. 0 or -errno. */
int stage_undo(struct stage *stage) _must_check_;

/* Renames one name in a directory to another; with new, only where that is not there yet (-EEXIST). */
int stage_rename(struct place_dir *dir, const char *from, const char *to, bool new) _must_check_;

/* Writes all of it; 0 or -errno. */
int write_fully(int fd, const char *data, size_t size) _must_check_;

/*
 * Reads a regular file of a directory (links are not followed), at most 16 MiB; *ret is NUL-terminated and the
 * caller's to free. 0; -ELOOP (a link), -ENOTSUP (no regular file), -EFBIG, -errno.
 */
int read_at(int dir_fd, const char *name, char **ret, size_t *ret_size) _must_check_;

#endif
