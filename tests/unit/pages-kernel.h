/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine whose pools answer writes as mm/hugetlb.c does: it says yes and takes as many pages as it
 * finds; what is asked to go while it is used becomes surplus. Every write is added to a journal. A
 * part of each test program that includes it.
 */
#ifndef TESTS_UNIT_PAGES_KERNEL_H
#define TESTS_UNIT_PAGES_KERNEL_H

#include <string.h>

#include "early/pages-grow.h"
#include "tests/unit/fixture.h"

#define KERNEL_NODES 4

struct kernel {
	struct fixture *f;
	/* Of 2M, by node: how large the pool can become as it is, after compaction, without caches. */
	unsigned long limit[KERNEL_NODES], compacted[KERNEL_NODES], dropped[KERNEL_NODES];
	unsigned long limit_1g;
	/* A write to this path, at this time from 1, fails so; or somebody takes pages before it. */
	const char *fault_path;
	unsigned fault_at, faults_seen;
	int fault;
	unsigned long take;
	char journal[8192];
};

static inline const char *pool_file(int node, const char *size, const char *file)
{
	static char bufs[4][160];
	static unsigned turn;
	char *buf = bufs[turn++ % 4];

	if (node < 0)
		snprintf(buf, 160, "sys/kernel/mm/hugepages/hugepages-%skB/%s", size, file);
	else
		snprintf(buf, 160, "sys/devices/system/node/node%d/hugepages/hugepages-%skB/%s",
			 node, size, file);
	return buf;
}

#define SIZE_2M "2048"
#define SIZE_1G "1048576"

static inline unsigned long kernel_get(const struct kernel *k, const char *path)
{
	char value[32];

	assert_true(root_read_attr(&k->f->root, path, value, sizeof(value)) > 0);
	return strtoul(value, NULL, 10);
}

static inline void kernel_put(const struct kernel *k, const char *path, unsigned long value)
{
	put(k->f, path, "%lu\n", value);
}

static inline void put_pool(const struct kernel *k, int node, const char *size, unsigned long total,
			    unsigned long free)
{
	kernel_put(k, pool_file(node, size, "nr_hugepages"), total);
	kernel_put(k, pool_file(node, size, "free_hugepages"), free);
	kernel_put(k, pool_file(node, size, "surplus_hugepages"), 0);
}

static inline void put_reserved(const struct kernel *k, const char *size, unsigned long count)
{
	kernel_put(k, pool_file(-1, size, "resv_hugepages"), count);
}

static inline void kernel_resize(struct kernel *k, const char *path, unsigned long wanted)
{
	bool gigantic = strstr(path, SIZE_1G);
	const char *at = strstr(path, "/node/node"), *size = gigantic ? SIZE_1G : SIZE_2M;
	int node = at ? atoi(at + strlen("/node/node")) : -1;
	unsigned long limit = gigantic ? k->limit_1g : k->limit[node < 0 ? 0 : node];
	unsigned long total = kernel_get(k, pool_file(node, size, "nr_hugepages"));
	unsigned long free = kernel_get(k, pool_file(node, size, "free_hugepages"));
	unsigned long used = total - free, surplus = 0;

	used += k->take < free ? k->take : free;
	k->take = 0;
	if (wanted > total && wanted > limit)
		wanted = limit > total ? limit : total;
	if (wanted < used) {
		surplus = used - wanted;
		wanted = used;
	}
	kernel_put(k, pool_file(node, size, "nr_hugepages"), wanted);
	kernel_put(k, pool_file(node, size, "free_hugepages"), wanted - used);
	kernel_put(k, pool_file(node, size, "surplus_hugepages"), surplus);
}

static inline int kernel_write(void *data, const char *path, const char *value)
{
	struct kernel *k = data;
	size_t used = strlen(k->journal);

	snprintf(k->journal + used, sizeof(k->journal) - used, "%s=%s", path, value);
	assert_int_equal(k->journal[strlen(k->journal) - 1], '\n');
	if (k->fault_path && strstr(path, k->fault_path) && ++k->faults_seen == k->fault_at &&
	    k->fault)
		return k->fault;
	if (strstr(path, "/demote")) {
		const char *at = strstr(path, "/node/node");
		int node = at ? atoi(at + strlen("/node/node")) : -1;
		unsigned long count = strtoul(value, NULL, 10);
		unsigned long free = kernel_get(k, pool_file(node, SIZE_1G, "free_hugepages"));

		count = count < free ? count : free;
		put_pool(k, node, SIZE_1G,
			 kernel_get(k, pool_file(node, SIZE_1G, "nr_hugepages")) - count,
			 free - count);
		put_pool(k, node, SIZE_2M,
			 kernel_get(k, pool_file(node, SIZE_2M, "nr_hugepages")) + count * 512,
			 kernel_get(k, pool_file(node, SIZE_2M, "free_hugepages")) + count * 512);
		return 0;
	}
	if (strstr(path, "nr_hugepages")) {
		kernel_resize(k, path, strtoul(value, NULL, 10));
	} else if (strstr(path, "compact")) {
		for (size_t i = 0; i < KERNEL_NODES; i++)
			if (k->compacted[i] > k->limit[i])
				k->limit[i] = k->compacted[i];
	} else if (strstr(path, "drop_caches")) {
		for (size_t i = 0; i < KERNEL_NODES; i++)
			if (k->dropped[i] > k->compacted[i])
				k->compacted[i] = k->dropped[i];
	} else {
		fail_msg("unexpected write to %s", path);
	}
	return 0;
}

/* nodes of node_gib each; 0: a kernel without NUMA. Pools are empty, and can take all memory. */
static inline void kernel_make(struct kernel *k, struct fixture *f, int nodes,
			       unsigned long node_gib)
{
	static const char *const sizes[] = {SIZE_2M, SIZE_1G};

	*k = (struct kernel){.f = f, .limit_1g = ~0UL};
	put(f, ".vfio-machine", "\n");
	put(f, "proc/meminfo", "MemTotal:       %lu kB\nHugepagesize:       2048 kB\n",
	    (nodes ? (unsigned long)nodes : 1) * node_gib << 20);
	put(f, "proc/cmdline", "root=/dev/vda\n");
	put(f, "proc/sys/vm/drop_caches", "0\n");
	put(f, "proc/sys/vm/compact_memory", "\n");
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		put_reserved(k, sizes[s], 0);
		put_pool(k, -1, sizes[s], 0, 0);
		for (int i = 0; i < nodes; i++)
			put_pool(k, i, sizes[s], 0, 0);
	}
	for (int i = 0; i < nodes; i++) {
		char path[96];

		snprintf(path, sizeof(path), "sys/devices/system/node/node%d/meminfo", i);
		put(f, path, "Node %d MemTotal:       %lu kB\nNode %d MemFree:  %lu kB\n", i,
		    node_gib << 20, i, node_gib << 19);
	}
	for (size_t i = 0; i < KERNEL_NODES; i++)
		k->limit[i] = ~0UL;
	machine_open(f);
	f->root.write_hook = kernel_write;
	f->root.write_hook_data = k;
}

static inline unsigned long kernel_total(const struct kernel *k, int node, const char *size)
{
	return kernel_get(k, pool_file(node, size, "nr_hugepages"));
}

#endif
