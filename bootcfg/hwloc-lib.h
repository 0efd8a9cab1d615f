/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hwloc, found by name when somebody asks where the cores are: linked, it would cost every `set` its
 * loading.
 */
#ifndef BOOTCFG_HWLOC_LIB_H
#define BOOTCFG_HWLOC_LIB_H

#include <hwloc.h>

#define HWLOC_FUNCTIONS(f)                                                                         \
	f(hwloc_bitmap_alloc) f(hwloc_bitmap_free) f(hwloc_bitmap_isset) f(hwloc_bitmap_next)      \
		f(hwloc_cpukinds_get_info) f(hwloc_cpukinds_get_nr) f(hwloc_get_nbobjs_by_depth)   \
			f(hwloc_get_obj_by_depth) f(hwloc_get_type_depth)                          \
				f(hwloc_topology_destroy) f(hwloc_topology_init)                   \
					f(hwloc_topology_load) f(hwloc_topology_set_flags)         \
						f(hwloc_topology_set_synthetic)                    \
							f(hwloc_topology_set_xml)

#define HWLOC_FIELD(name) __typeof__(name) *name;
struct hwloc_lib {
	HWLOC_FUNCTIONS(HWLOC_FIELD)
};
#undef HWLOC_FIELD

/* It stays loaded. 0, or -ELIBACC where it is not there. */
int hwloc_lib_load(struct hwloc_lib *ret) __attribute__((warn_unused_result));

#endif
