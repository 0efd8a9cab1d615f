/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Huge pages at boot: what the kernel made of its command line is read back pool by pool, what is
 * missing is added and what would starve the host is taken back; the result goes into the record.
 */
#ifndef EARLY_PAGES_BOOT_H
#define EARLY_PAGES_BOOT_H

#include "pages-grow.h"
#include "profile.h"

/* How a pool that the profile names came out. */
struct pages_outcome {
	struct pages_want want;
	const char *result; /* done, short, cut, failed */
	const char *reason; /* ok, starves-host, fragmented, timeout, no-size, no-node, error */
	int error;
	unsigned long kernel; /* what the command line had brought */
	unsigned long got;
	char text[DIAG_STR];
};

struct pages_outcomes {
	struct pages_outcome *items;
	size_t count;
};

/*
 * Makes the pools agree with [hugepages], as far as it can; stop as in pages-grow.h. The caller frees
 * ret->items. 0 or -ENOMEM; all else is an outcome.
 */
int pages_boot(const struct root *root, const struct profile *profile, bool (*stop)(void *data),
	       void *data, struct pages_outcomes *ret) _must_check_;

/* Replaces the [hugepages ...] sections of the record and keeps the rest. 0 or -errno. */
int pages_boot_record(const struct root *root, const struct pages_outcomes *outcomes) _must_check_;

/*
 * Mounts hugetlbfs at dev/hugepages-SIZE for each size of the profile that is not the kernel's
 * default, whose mount is systemd's; what is mounted already stays. mount_at makes one mount.
 * Returns how many of them failed.
 */
typedef int (*pages_mount)(const struct root *root, const char *path, unsigned long size_kib);
int pages_boot_mounts(const struct root *root, const struct profile *profile, pages_mount mount_at);

/* The real one: 0 (also where it is one already) or -errno of mount(2). */
int pages_mount_at(const struct root *root, const char *path, unsigned long size_kib);

#endif
