/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's pools of huge pages, per size and node:
 * Documentation/admin-guide/mm/hugetlbpage.rst, Documentation/ABI/testing/sysfs-kernel-mm-hugepages.
 * A write to nr_hugepages says yes also where it got only a part, so every write is read back.
 */
#ifndef EARLY_PAGES_H
#define EARLY_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "root.h"

/* What the host keeps: never less than this, and never less than a tenth of a node's memory. */
#define PAGES_HOST_KIB (UINT64_C(1) << 20)
#define PAGES_HOST_SHARE 10

#define PAGES_ANY_NODE (-1)

struct pages_pool {
	unsigned long size_kib;
	int node; /* PAGES_ANY_NODE: the kernel has no NUMA nodes, and one pool a size */
	unsigned long total; /* surplus ones included */
	unsigned long free; /* also those that are promised to a mapping */
	unsigned long surplus; /* beyond what was written; they go when their user goes */
};

/* What the kernel tells of a size only for all nodes together. */
struct pages_size {
	unsigned long size_kib;
	unsigned long reserved; /* promised to mappings, not yet taken from the free ones */
};

struct pages_node {
	int node; /* PAGES_ANY_NODE as above */
	uint64_t memory_kib; /* MemTotal, in which all pools are counted */
};

struct pages {
	struct pages_pool *pools; /* by size, then node */
	size_t count;
	struct pages_size *sizes; /* ascending */
	size_t size_count;
	struct pages_node *nodes; /* ascending */
	size_t node_count;
};

/*
 * Reads all pools. The caller frees with pages_free().
 * Errors: -ENOENT the kernel has no huge pages, -EXDEV an image, -ENOMEM, else as root_read_attr().
 */
int pages_load(const struct root *root, struct pages *ret) _must_check_;
void pages_free(struct pages *pages);

/* Reads the counts of one pool anew. 0, or -errno of the read; *pool untouched then. */
int pages_refresh(const struct root *root, struct pages_pool *pool) _must_check_;

/* The same of a size: how many pages are promised. */
int pages_refresh_size(const struct root *root, struct pages_size *size) _must_check_;

/* NULL where there is none. */
struct pages_size *pages_find_size(const struct pages *pages, unsigned long size_kib);
const struct pages_node *pages_find_node(const struct pages *pages, int node);

/* Pages that stay when nobody uses them: what a write to nr_hugepages sets. */
static inline unsigned long pages_kept(const struct pages_pool *pool)
{
	return pool->total > pool->surplus ? pool->total - pool->surplus : 0;
}

/* True for a pool that a count "of this size on this node", which may be any, speaks of. */
static inline bool pages_is_of(const struct pages_pool *pool, unsigned long size_kib, int node)
{
	return pool->size_kib == size_kib && (node == PAGES_ANY_NODE || pool->node == node);
}

/*
 * Makes the pool keep count pages, as far as the kernel can, and reads back what came of it. Never
 * writes global files, which spread over the nodes as they like. 0, or -errno of the write or read.
 */
int pages_write(const struct root *root, struct pages_pool *pool, unsigned long count) _must_check_;

/*
 * Pages of a pool that nobody uses or was promised. What is promised is not known by node: all
 * of it is taken to be on this one.
 */
unsigned long pages_idle(const struct pages *pages, const struct pages_pool *pool);

/*
 * KiB that huge pages may still take of a node without starving the host; negative where they
 * have taken too much. PAGES_ANY_NODE: of the machine. INT64_MAX where its memory is not known.
 */
int64_t pages_spare_kib(const struct pages *pages, int node);

/* Compacts the memory of a node, or of all. 0, or -errno of the write: a kernel without it has no such file. */
int pages_compact(const struct root *root, int node);

/* "2M" of a profile's key in KiB; the key was checked. */
unsigned long pages_size_kib(const char *text);

/* The other way round, into buf; returns buf. */
#define PAGES_SIZE_STR 24
char *pages_size_format(unsigned long size_kib, char buf[static PAGES_SIZE_STR]);

/*
 * The next count of a profile's checked value, "16" or "0:512,1:512"; *at starts as the value. False
 * at the end.
 */
bool pages_value_next(const char **at, int *ret_node, unsigned long *ret_count) _must_check_;

/* MemTotal of a node, or of the machine; 0 where it is not known. */
uint64_t pages_memory_kib(const struct root *root, int node);

/* What of so much memory the host keeps: of a node's, or with PAGES_ANY_NODE of the machine's. */
uint64_t pages_host_share(uint64_t memory_kib, int node);

/* Hugepagesize of /proc/meminfo; 0 where it is not known. */
unsigned long pages_default_kib(const struct root *root);

#define _cleanup_pages_ _cleanup_(pages_free)

#endif
