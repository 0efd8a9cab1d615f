/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /run/vfio-bootcfg/record: what early did in this boot. An ini file in the profile's own grammar:
 * [early], then one [claim NAME ADDRESS] per function ([claim NAME] where no card was found), and one
 * [hugepages SIZE] or [hugepages SIZE NODE] per pool that the profile names (pages-boot.h).
 */
#ifndef EARLY_RECORD_H
#define EARLY_RECORD_H

#include <stdint.h>

#include "resolve.h"

#define RECORD_PATH "run/vfio-bootcfg/record"
#define RECORD_DIR "run/vfio-bootcfg"
#define RELEASED_DIR "run/vfio-bootcfg/released"

/* The head of the record. */
struct record_head {
	const char *result; /* done, off, refused, nothing, failed */
	const char *reason; /* ok, disabled, rescue, kdump, no-profile, bad-profile, ... */
	int error;
	char text[DIAG_STR];
	uint64_t started_us; /* CLOCK_BOOTTIME */
	uint64_t overrides_us, verified_us, elapsed_us; /* since started_us; 0: not reached */
};

/*
 * Writes the whole record by rename. plan may be NULL.
 * 0 or -errno of mkdir, write or rename.
 */
int record_write(const struct root *root, const struct record_head *head,
		 const struct claim_plan *plan) _must_check_;

/*
 * Replaces the [claim] sections of the names that the plan speaks of and keeps the rest: for late
 * cards. The caller holds the lock (late.c), since several udev workers may come at once.
 * 0 or -errno.
 */
int record_update(const struct root *root, const struct claim_plan *plan) _must_check_;

/*
 * Waits at most wait_ms until nobody else hands cards over: vfio-early for a late card, vfio-early-pages, vfio-device. Children
 * have the lock too: where the process is ended, it lasts until the step that one of them is at has come to its end.
 * Returns a descriptor, whose close gives the lock back; -EWOULDBLOCK where others had it all the time, or
 * -errno of mkdir, open or flock.
 */
int record_lock(const struct root *root, unsigned wait_ms) _must_check_;

/* One line of a record, for readers. */
struct record_claim {
	char name[PROFILE_NAME_MAX + 1];
	char address[PCI_ADDR_STR]; /* "" where no card was found */
	char result[16], reason[32];
	char text[CLAIM_TEXT];
	char driver_before[PCI_DRIVER_STR];
};

/* What came of a pool of huge pages at boot. */
struct record_pool {
	char size[16]; /* "2M" */
	int node; /* -1: any */
	unsigned long wanted, got;
	char result[16], reason[32], text[DIAG_STR];
};

struct record {
	char result[16], reason[32], text[DIAG_STR];
	uint64_t elapsed_us;
	struct record_claim *claims;
	size_t count;
	struct record_pool *pools;
	size_t pool_count;
};

/* Reads it. -ENOENT where there is none, -EBADMSG, -ENOMEM, -errno. The caller frees. */
int record_read(const struct root *root, struct record *ret) _must_check_;
void record_free(struct record *record);

#endif
