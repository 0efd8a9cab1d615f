// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/hwloc-lib.h"
#include "bootcfg/topology.h"

/* --- hwloc's environment ---------------------------------------------------------------------- */

/*
 * What a user has there would show another machine; hwloc has no calls for most of it. Plugins are
 * not looked for: one opens the host's cards.
 */
static const char *const variables[] = {
	"HWLOC_XMLFILE",
	"HWLOC_SYNTHETIC",
	"HWLOC_FSROOT",
	"HWLOC_THISSYSTEM",
	"HWLOC_COMPONENTS",
	"HWLOC_CPUID_PATH",
	"HWLOC_CPUKINDS_RANKING",
	"HWLOC_CPUKINDS_MAXFREQ",
	"HWLOC_USE_NUMA_DISTANCES",
	"HWLOC_PLUGINS_PATH",
	"HWLOC_HIDE_ERRORS",
	"HWLOC_DUMPED_HWDATA_DIR",
	"HWLOC_KEEP_NVIDIA_GPU_NUMA_NODES",
};

static int clear_environment(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	/* Frequencies make kinds of cores that only differ in how far they may boost. */
	return setenv("HWLOC_PLUGINS_PATH", "/nonexistent", 1) < 0 ||
			       setenv("HWLOC_CPUKINDS_RANKING", "coretype", 1) < 0 ||
			       setenv("HWLOC_HIDE_ERRORS", "2", 1) < 0
		       ? -ENOMEM
		       : 0;
}

/* --- from hwloc's tree ------------------------------------------------------------------------ */

struct reader {
	struct hwloc_lib lib;
	hwloc_topology_t tree;
	struct topology topology;
};

static void reader_free(struct reader *reader)
{
	if (reader->tree)
		reader->lib.hwloc_topology_destroy(reader->tree);
	topology_free(&reader->topology);
}

static const struct hwloc_obj *above(const struct hwloc_obj *object, hwloc_obj_type_t type)
{
	while (object && object->type != type)
		object = object->parent;
	return object;
}

static int kind_of(const struct reader *reader, unsigned cpu)
{
	const struct hwloc_lib *lib = &reader->lib;
	int count = lib->hwloc_cpukinds_get_nr(reader->tree, 0), kind = 0;
	hwloc_bitmap_t set = count > 1 ? lib->hwloc_bitmap_alloc() : NULL;

	for (int i = 0; set && i < count; i++) {
		int efficiency;

		if (lib->hwloc_cpukinds_get_info(reader->tree, (unsigned)i, set, &efficiency, NULL,
						 NULL, 0) == 0 &&
		    efficiency > 0 && lib->hwloc_bitmap_isset(set, cpu))
			kind = efficiency;
	}
	lib->hwloc_bitmap_free(set);
	return kind;
}

/* object: a core, or where the machine does not tell cores, a single thread. */
static void add_core(struct reader *reader, const struct hwloc_obj *object)
{
	const struct hwloc_lib *lib = &reader->lib;
	struct topology *topology = &reader->topology;
	struct topology_core *core = &topology->cores[topology->count];
	const struct hwloc_obj *cache = above(object, HWLOC_OBJ_L3CACHE);
	const struct hwloc_obj *package = above(object, HWLOC_OBJ_PACKAGE);
	int node = object->nodeset ? lib->hwloc_bitmap_next(object->nodeset, -1) : 0;

	*core = (struct topology_core){.node = node < 0 ? 0 : node};
	CPU_ZERO(&core->threads);
	for (int cpu = -1; (cpu = lib->hwloc_bitmap_next(object->cpuset, cpu)) >= 0;)
		if (cpu < CPULIST_MAX)
			CPU_SET((unsigned)cpu, &core->threads);
	if (!CPU_COUNT(&core->threads))
		return;
	core->last = cpulist_last(&core->threads);
	while (!CPU_ISSET(core->first, &core->threads))
		core->first++;
	core->kind = kind_of(reader, core->first);
	if (cache)
		core->cache = cache->logical_index;
	else if (package)
		core->cache = package->logical_index;
	topology->has_l3 |= cache != NULL;
	topology->count++;
}

static int compare(const void *a, const void *b)
{
	const struct topology_core *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int count_nodes(const struct topology *topology)
{
	int nodes = 0;

	for (size_t i = 0; i < topology->count; i++) {
		size_t j = 0;

		while (topology->cores[j].node != topology->cores[i].node)
			j++;
		nodes += i == j;
	}
	return nodes;
}

static bool is_hybrid(const struct topology *topology)
{
	for (size_t i = 0; i < topology->count; i++)
		if (topology->cores[i].kind != topology->cores[0].kind)
			return true;
	return false;
}

static int read_cores(struct reader *reader)
{
	const struct hwloc_lib *lib = &reader->lib;
	struct topology *topology = &reader->topology;
	int depth = lib->hwloc_get_type_depth(reader->tree, HWLOC_OBJ_CORE), count;

	if (depth < 0)
		depth = lib->hwloc_get_type_depth(reader->tree, HWLOC_OBJ_PU);
	count = lib->hwloc_get_nbobjs_by_depth(reader->tree, depth);
	if (count <= 0)
		return -ENODATA;
	topology->cores = calloc((size_t)count, sizeof(*topology->cores));
	if (!topology->cores)
		return -ENOMEM;
	for (int i = 0; i < count; i++)
		add_core(reader, lib->hwloc_get_obj_by_depth(reader->tree, depth, (unsigned)i));
	if (!topology->count)
		return -ENODATA;
	qsort(topology->cores, topology->count, sizeof(*topology->cores), compare);
	topology->hybrid = is_hybrid(topology);
	topology->nodes = count_nodes(topology);
	return 0;
}

/* hwloc 2.9 knows Intel's slow cores by CPUID alone; the kernel has a performance counter for them. */
static void read_kinds(const struct root *root, struct topology *topology)
{
	cpu_set_t slow;
	char buf[4096];

	if (topology->hybrid ||
	    root_read_attr(root, "sys/devices/cpu_atom/cpus", buf, sizeof(buf)) <= 0 ||
	    cpulist_parse(buf, &slow) < 0)
		return;
	for (size_t i = 0; i < topology->count; i++)
		topology->cores[i].kind = !CPU_ISSET(topology->cores[i].first, &slow);
	topology->hybrid = is_hybrid(topology);
}

/* --- the three sources ------------------------------------------------------------------------ */

static int begin(struct reader *reader)
{
	int r = hwloc_lib_load(&reader->lib);

	if (r == 0)
		r = clear_environment();
	return r;
}

static int finish(struct reader *reader, struct topology *ret)
{
	int r;

	/* A control group that we are in says nothing of what the machine has. */
	if (reader->lib.hwloc_topology_set_flags(reader->tree,
						 HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) < 0 ||
	    reader->lib.hwloc_topology_load(reader->tree) < 0)
		return errno == ENOMEM ? -ENOMEM : -ENODATA;
	r = read_cores(reader);
	if (r < 0)
		return r;
	*ret = reader->topology;
	reader->topology = (struct topology){.count = 0};
	return 0;
}

int topology_load(const struct root *root, struct topology *ret)
{
	_cleanup_(reader_free) struct reader reader = {.tree = NULL};
	char fsroot[64];
	int r;

	if (!root_has_kernel(root) || !root_exists(root, "sys/devices/system/cpu/cpu0/topology"))
		return -ENODATA;
	r = begin(&reader);
	if (r < 0)
		return r;
	snprintf(fsroot, sizeof(fsroot), "/proc/self/fd/%d", root->fd);
	if (setenv("HWLOC_COMPONENTS", "linux,stop", 1) < 0 ||
	    (root->kind != ROOT_LIVE && setenv("HWLOC_FSROOT", fsroot, 1) < 0) ||
	    reader.lib.hwloc_topology_init(&reader.tree) < 0)
		return -ENOMEM;
	r = finish(&reader, ret);
	if (r == 0)
		read_kinds(root, ret);
	return r;
}

int topology_load_xml(const char *path, struct topology *ret)
{
	_cleanup_(reader_free) struct reader reader = {.tree = NULL};
	int r = begin(&reader);

	if (r < 0)
		return r;
	if (reader.lib.hwloc_topology_init(&reader.tree) < 0)
		return -ENOMEM;
	if (reader.lib.hwloc_topology_set_xml(reader.tree, path) < 0)
		return -EINVAL;
	return finish(&reader, ret);
}

int topology_load_synthetic(const char *description, struct topology *ret)
{
	_cleanup_(reader_free) struct reader reader = {.tree = NULL};
	int r = begin(&reader);

	if (r < 0)
		return r;
	if (reader.lib.hwloc_topology_init(&reader.tree) < 0)
		return -ENOMEM;
	if (reader.lib.hwloc_topology_set_synthetic(reader.tree, description) < 0)
		return -EINVAL;
	return finish(&reader, ret);
}

void topology_free(struct topology *topology)
{
	free(topology->cores);
	*topology = (struct topology){.count = 0};
}
