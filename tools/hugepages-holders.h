/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has huge pages: processes by name, what they use of each size, and what they were promised. */
#ifndef TOOLS_HUGEPAGES_HOLDERS_H
#define TOOLS_HUGEPAGES_HOLDERS_H

#include <stddef.h>

#include "early/cleanup.h"
#include "early/root.h"

/* What one process has of one size. */
struct hugepages_holder {
	int pid;
	char name[32]; /* cleaned */
	unsigned long size_kib;
	unsigned long used; /* pages; with a node: those that are on it */
	unsigned long promised; /* mapped and not touched yet; of no node in particular */
};

struct hugepages_holders {
	struct hugepages_holder *items; /* who uses most comes first */
	size_t count;
};

/*
 * Looks at the mappings of all processes that have huge pages, of one size or with 0 of all, on one node or
 * with PAGES_ANY_NODE on all: /proc/PID/status and maps, which cost little, tell who they are; smaps and
 * numa_maps are read of these only (Documentation/filesystems/proc.rst). A process whose mappings we
 * may not read, or that ends meanwhile, is left out. A page that two processes share counts
 * for both. The caller frees with hugepages_holders_free(). 0, -ENOMEM, or -errno of /proc.
 */
int hugepages_holders_read(const struct root *root, unsigned long size_kib, int node,
			   struct hugepages_holders *ret) _must_check_;
void hugepages_holders_free(struct hugepages_holders *holders);

/*
 * The same in words, of the first few: "qemu-system-x86 (812) uses 40 of 2M", into buf; "" where
 * nobody is known. Returns buf.
 */
#define HUGEPAGES_HOLDERS_STR 480
const char *hugepages_holders_text(const struct root *root, unsigned long size_kib, int node,
				   char buf[static HUGEPAGES_HOLDERS_STR]);

/* One of them as text, without its process: "uses 40 of 2M and was promised 8 more". Returns buf. */
#define HUGEPAGES_SHARE_STR 96
const char *hugepages_share(const struct hugepages_holder *holder,
			    char buf[static HUGEPAGES_SHARE_STR]);

#define _cleanup_holders_ _cleanup_(hugepages_holders_free)

#endif
