/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vfio-hugepages`: what it is asked for, and its three commands. */
#ifndef TOOLS_HUGEPAGES_H
#define TOOLS_HUGEPAGES_H

#include "bootcfg/cmd.h"
#include "early/pages-grow.h"
#include "early/profile.h"
#include "early/record.h"

#define HUGEPAGES_LOCK RECORD_DIR "/hugepages.lock"
#define HUGEPAGES_GUEST_KEY "hugepages-" /* of [guest NAME]; the size follows */

/* No write to a pool says so: it is the record of what a guest is given. */
#define HUGEPAGES_FULL                                                                             \
	"/run/vfio-bootcfg/hugepages cannot be written: no space left on /run; make some, as "     \
	"nothing is changed that could not be undone"
#define HUGEPAGES_ALL (~0UL) /* count of a size that nobody has put a number to */

/* What the user asks for, as wants; and what they are asked of. */
struct hugepages {
	struct cmd_call *call;
	struct profile profile;
	struct pages pages;
	struct pages_want *wants; /* the largest size first */
	size_t want_count;
	const char *guest; /* --guest, or NULL */
	int node; /* --node, or PAGES_ANY_NODE */
	int lock;
};

/*
 * Reads profile and pools, and takes the operands apart: SIZE=VALUE, SIZE with the profile's value or
 * else HUGEPAGES_ALL, nothing with all of the profile or of the guest. Returns an exit code, and has said
 * why; the caller frees with hugepages_free() in any case.
 */
int hugepages_load(struct hugepages *hugepages, struct cmd_call *call) _must_check_;
void hugepages_free(struct hugepages *hugepages);

/* Waits for another vfio-hugepages that changes pools. An exit code, as above. */
int hugepages_lock(struct hugepages *hugepages) _must_check_;

/* The descriptor to lock (flock), the caller's to close; or -errno. */
int hugepages_lock_open(const struct root *root) _must_check_;

/* How many pages of a size the profile wants on a node, or in all; false where it says nothing of it. */
bool hugepages_profile_wants(const struct profile *profile, unsigned long size_kib, int node,
			     unsigned long *ret_count);

/* Sorts wants as they are met: the largest first, since only they need so much in one piece. */
void hugepages_sort(struct pages_want *wants, size_t count);

/*
 * Pages of a pool beyond what the profile or these wants want: they may be cut up. A size that neither names
 * belongs to others.
 */
unsigned long hugepages_spare(const struct profile *profile, const struct pages *pages,
			      const struct pages_want *wants, size_t count,
			      const struct pages_pool *pool);

/* A guest needs so many free pages: makes of that what the pools must keep for it. */
void hugepages_for_guest(const struct pages *pages, struct pages_want *wants, size_t count);

/* Says an error of a read or write of pools; what: changed is what has been changed before it. */
int hugepages_fail(struct hugepages *hugepages, int error, bool changed);

/* "2M on node 1" into buf; returns buf. */
#define HUGEPAGES_NAME_STR 64
const char *hugepages_name(unsigned long size_kib, int node, char buf[static HUGEPAGES_NAME_STR]);

/* A want or pool as {"size_kib", "node"}; node null for any. NULL without memory. */
struct json_t *hugepages_json(unsigned long size_kib, int node) _must_check_;

/*
 * What a guest was given beyond what was there, by pool: run/vfio-bootcfg/hugepages/NAME. Written
 * before the first page is added, so that one who is killed leaves no page without an owner.
 */
struct hugepages_loan {
	unsigned long size_kib;
	int node;
	unsigned long added;
	unsigned long from; /* while it changes: what the pool kept before */
	enum { LOAN_RESTS, LOAN_GROWS, LOAN_SHRINKS } state;
};

struct hugepages_loans {
	struct hugepages_loan *items; /* as pages->pools, one each */
	size_t count;
	bool recorded; /* there is a file */
};

/* One for each pool; zeros where nothing is recorded. What changed and was not ended is counted. 0 or -errno. */
int hugepages_loans_read(const struct root *root, const char *guest, const struct pages *pages,
			 struct hugepages_loans *ret) _must_check_;

/* Whether anything is recorded for a guest. */
bool hugepages_loans_exist(const struct root *root, const char *guest);

/*
 * Before pools grow or shrink for the guest, and after it; without any loan left the file goes. Of pools that shrink
 * only those with a loan are ours to look at, and what one of them wins meanwhile is somebody else's. 0 or -errno.
 */
int hugepages_loans_grow(const struct root *root, const char *guest, const struct pages *pages,
			 struct hugepages_loans *loans) _must_check_;
int hugepages_loans_shrink(const struct root *root, const char *guest, const struct pages *pages,
			   struct hugepages_loans *loans) _must_check_;
int hugepages_loans_end(const struct root *root, const char *guest, const struct pages *pages,
			struct hugepages_loans *loans) _must_check_;

void hugepages_loans_free(struct hugepages_loans *loans);

/* The commands. */
int hugepages_status_run(struct cmd_call *call);
int hugepages_release_run(struct cmd_call *call);
int hugepages_reclaim_run(struct cmd_call *call);

#define _cleanup_hugepages_ _cleanup_(hugepages_free)
#define _cleanup_loans_ _cleanup_(hugepages_loans_free)

#endif
