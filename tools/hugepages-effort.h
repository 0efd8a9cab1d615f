/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The effort to get huge pages on a host that runs: from what costs least to what costs the host
 * most, each step only where the one before it did not bring all.
 */
#ifndef TOOLS_HUGEPAGES_EFFORT_H
#define TOOLS_HUGEPAGES_EFFORT_H

#include "early/pages-grow.h"

enum effort_step {
	EFFORT_WRITE, /* nr_hugepages by node: the kernel itself reclaims and compacts for it */
	EFFORT_DEMOTE, /* larger pages that nobody wants are cut up: no memory has to be moved */
	EFFORT_COMPACT, /* pieces are moved together */
	/*
	 * The cache of files is dropped, of the whole host, which then reads them again: late. What was not
	 * written to disk yet stays: to sync first might take minutes, or hang with a dead network
	 * file system, and such pages can be moved by compaction all the same.
	 */
	EFFORT_DROP_CACHES,
	EFFORT_WAIT, /* once more, again and again, until the deadline */
	EFFORT_STEPS
};

/* "write" and so on; static. */
const char *effort_step_word(enum effort_step step);

struct effort {
	struct pages_effort pages;
	/* Pages of a larger size on a node that may be cut up: more than anybody wants. */
	unsigned long (*spare)(void *data, const struct pages_pool *pool);
	/* A pause before the next round; false: the deadline is here. */
	bool (*pause)(void *data);
	void (*started)(void *data, enum effort_step step); /* or NULL */
	void *data;
};

struct effort_result {
	unsigned long have;
	unsigned long won[EFFORT_STEPS]; /* by each step */
	unsigned rounds; /* of EFFORT_WAIT */
	enum pages_end end;
};

/*
 * Makes the effort for one want. *ret is filled in also on failure, with what was won until then.
 * 0, or -errno of a write to nr_hugepages or a read; what only helps (demote, compact, drop caches)
 * may fail.
 */
int effort_run(const struct effort *effort, const struct pages_want *want,
	       struct effort_result *ret) _must_check_;

/*
 * What the memory of a node, or of the machine, is used for, in words; "" where it is not known.
 */
#define EFFORT_HELD_STR 400
const char *effort_held(const struct root *root, const struct pages *pages, int node,
			char buf[static EFFORT_HELD_STR]);

#endif
