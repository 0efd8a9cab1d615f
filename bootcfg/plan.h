/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to become of which file. Nothing is written here: --dry-run prints the plan, commit.h
 * carries the same plan out.
 */
#ifndef BOOTCFG_PLAN_H
#define BOOTCFG_PLAN_H

#include "bootcfg/file.h"
#include "bootcfg/path-list.h"

/* The order of a commit: any prefix of it boots, and a later run completes it. */
enum plan_rank {
	PLAN_STATE, /* what is ours: known before it is there */
	PLAN_PROFILE,
	PLAN_SOURCE, /* what later kernels get their command line from */
	PLAN_ENTRY, /* what was made from it */
};

enum plan_kind { PLAN_CREATED, PLAN_MODIFIED, PLAN_REMOVED, PLAN_UNCHANGED };

struct change {
	enum plan_kind kind;
	enum plan_rank rank;
	struct file old; /* old.exists is false for what is created */
	char *data; /* NULL: removed; owned */
	size_t size;
	mode_t mode; /* of what is created; what is modified keeps mode, owner, security.selinux */
	uid_t uid; /* the same; 0 unless a revert brings back what was removed */
	gid_t gid;
	bool private; /* its text is of no interest to people: not in --dry-run's diff */
};

struct plan {
	struct change *changes; /* a path is in it once; by rank, then in the order of plan_put() */
	size_t count;
	struct path_list made; /* directories that the commit has to make; upper ones first */
	struct path_list prune; /* that go where the commit leaves them empty; upper ones first */
	size_t *index; /* of plan_find(): by hash of the path, a change's number plus one */
	size_t index_size; /* a power of two */
};

void plan_free(struct plan *plan);

/*
 * What file is to hold: data of size bytes (copied), or NULL for its removal. The same bytes as it
 * has make a PLAN_UNCHANGED, which is listed and never opened for writing. file is copied. A path
 * that is in the plan already gets the new data: its old state stays what the first call said.
 * mode counts for a file that is created. 0 or -ENOMEM.
 */
int plan_put(struct plan *plan, enum plan_rank rank, const struct file *file, const char *data,
	     size_t size, mode_t mode) _must_check_;

/* The change of a path, or NULL; valid until the next plan_put(). */
struct change *plan_find(const struct plan *plan, const char *path);

/* True where something is created, modified or removed. */
bool plan_changes(const struct plan *plan);

/* A unified diff of all changes but private ones on stream (/dev/null for what is not there), bytes
 * as they are. 0, -ENOMEM or -EIO. */
int plan_print(const struct plan *plan, FILE *stream) _must_check_;

/* "created", "modified", "removed", "unchanged"; static. */
const char *plan_kind_word(enum plan_kind kind);

#define _cleanup_plan_files_ _cleanup_(plan_free)

#endif
