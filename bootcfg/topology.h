/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cores of a machine: their threads, caches, kinds and NUMA nodes. hwloc is behind this; of it
 * only what Linux says in sysfs is used, no plugin, no CPUID of the machine that we run on.
 */
#ifndef BOOTCFG_TOPOLOGY_H
#define BOOTCFG_TOPOLOGY_H

#include <sched.h>
#include <stdbool.h>

#include "early/root.h"

struct topology_core {
	cpu_set_t threads; /* that are online; never empty */
	unsigned first, last; /* the lowest and the highest of them */
	int node; /* NUMA node; 0 in a machine without NUMA */
	unsigned
		cache; /* cores with the same number share an L3, or where there is none a package */
	int kind; /* of a hybrid machine the higher the faster; else 0 for all */
};

struct topology {
	struct topology_core *cores; /* by their lowest thread */
	size_t count;
	bool has_l3; /* else cache counts packages */
	bool hybrid;
	int nodes; /* different values of node */
};

/*
 * Reads the machine's sysfs. The caller frees *ret with topology_free(). Errors: -ELIBACC hwloc is not
 * installed; -ENODATA it finds no cores there (also: an image); -ENOMEM.
 */
int topology_load(const struct root *root, struct topology *ret) _must_check_;

/*
 * The same from hwloc's XML (a file's path) or its synthetic description ("pack:2 l3:2 core:4 pu:2"),
 * for the tests. Errors as above; -EINVAL it cannot be read.
 */
int topology_load_xml(const char *path, struct topology *ret) _must_check_;
int topology_load_synthetic(const char *description, struct topology *ret) _must_check_;

void topology_free(struct topology *topology);

#define _cleanup_topology_ _cleanup_(topology_free)

#endif
