/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a file really is: the directory that holds it, kept open, and its name there. A link is
 * followed step by step, each of them inside the root, and what is done later is done relative to the
 * open directory: a link that is swapped meanwhile leads nowhere else.
 */
#ifndef BOOTCFG_PLACE_H
#define BOOTCFG_PLACE_H

#include <limits.h>
#include <sys/stat.h>

#include "bootcfg/path-list.h"
#include "early/root.h"

struct place_dir {
	char *path; /* below the root; "" is the root itself; owned */
	int fd; /* O_RDONLY, for fsync(2) and syncfs(2); -1 while it is not there; owned */
	dev_t dev;
	size_t staged; /* temporaries in it */
	bool changed; /* a name in it was made, renamed or removed: to be synced */
	bool no_xattrs; /* its file system (vfat) has no extended attributes */
};

/* All directories of a commit, each opened once. */
struct places {
	const struct root *root;
	struct place_dir **dirs;
	size_t count;
};

struct place {
	struct place_dir *dir; /* of the struct places */
	char name[NAME_MAX + 1];
	bool exists;
	bool locked; /* immutable, append-only, or mounted upon: a rename cannot take its place */
	struct stat stat; /* where it exists; never a link */
};

void places_free(struct places *places);

/*
 * The directory at a path, opened; one that is not there has fd -1. *ret stays the places'.
 * 0, -ENOTDIR, -ELOOP, ... of openat2(2), -ENOMEM.
 */
int places_dir(struct places *places, const char *path, struct place_dir **ret) _must_check_;

/*
 * Finds the place of a file, through links. Not there (also: its directory is not) is success with
 * exists false. Errors: -ELOOP, -ENAMETOOLONG, -EISDIR (the path ends in no name), -errno.
 */
int place_find(struct places *places, const char *path, struct place *ret) _must_check_;

/* Looks at the place anew: exists, locked and stat. 0; -ELOOP where it is a link now; -errno. */
int place_look(struct place *place) _must_check_;

/*
 * Adds to the list those of the path's parent directories that are not there, the upper ones first.
 * 0, -errno.
 */
int places_missing(const struct root *root, const char *path, struct path_list *list) _must_check_;

/* Makes a directory whose parent is there; one that is there is success. 0 or -errno. */
int places_make(struct places *places, const char *path, mode_t mode) _must_check_;

/* Removes a directory; what is not there or not empty is left, and success. 0 or -errno. */
int places_remove(struct places *places, const char *path) _must_check_;

/* Syncs each directory in which a name has changed. 0, or the first -errno. */
int places_sync(struct places *places) _must_check_;

#define _cleanup_places_ _cleanup_(places_free)

#endif
