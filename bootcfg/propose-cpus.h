/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which CPUs a guest should have: pure code over the cores of a machine. */
#ifndef BOOTCFG_PROPOSE_CPUS_H
#define BOOTCFG_PROPOSE_CPUS_H

#include "bootcfg/topology.h"

struct cpu_choice {
	cpu_set_t set; /* whole cores */
	unsigned count; /* CPUs in it: wanted, or more where a core cannot be cut */
	unsigned cores;
	unsigned caches; /* L3 caches that they are below; of a machine without, packages */
	bool whole_cache; /* each of them is the guest's alone */
	bool mixed; /* fast cores and slow ones */
	bool slow; /* a slow one is among them */
	unsigned threads; /* of each core; 0 where they differ */
};

#define CPUS_ANY_NODE (-1)

/*
 * How many CPUs of a node (or of all) a guest can have: all cores but that of CPU 0, which does the
 * host's work that nobody else does.
 */
unsigned cpus_available(const struct topology *topology, int node);

/* What a guest gets that asks for no number: half of the node's CPUs, as far as they are available. */
unsigned cpus_default(const struct topology *topology, int node);

/*
 * Chooses cores for wanted CPUs (1 or more) on a node or on all: fast ones before slow ones, below one
 * cache where they fit, then below as few as can be; caches that CPU 0 has no part in first; of
 * equals those with the highest numbers, since Linux puts its own work on the lowest.
 * 0, or -ERANGE where there are not so many: *ret is untouched then.
 */
int cpus_choose(const struct topology *topology, int node, unsigned wanted,
		struct cpu_choice *ret) _must_check_;

#endif
