// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The processors of a captured machine: Documentation/ABI/stable/sysfs-devices-system-cpu and
 * -node, Documentation/admin-guide/cputopology.rst. Written when all lines are read, since a file of
 * one CPU names others.
 */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/machine-internal.h"

#define CPUS_MAX 256
#define CPUS_DIR "sys/devices/system/cpu"
#define NODES_DIR "sys/devices/system/node"
#define LIST_STR 1024

struct machine_core {
	unsigned id, package, node;
	bool atom;
	cpu_set_t threads, l2, l3; /* l2, l3: empty where it has none */
};

struct machine_node {
	unsigned id;
	unsigned long long memory_kib;
	char *distance; /* or NULL; owned */
};

/* --- lists ------------------------------------------------------------------------------------ */

static bool parse_list(const char *text, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	while (*text) {
		unsigned from, to;
		int end = 0;

		if (sscanf(text, "%u%n", &from, &end) != 1)
			return false;
		text += end;
		to = from;
		if (*text == '-') {
			if (sscanf(text + 1, "%u%n", &to, &end) != 1)
				return false;
			text += end + 1;
		}
		if (to < from || to >= CPUS_MAX)
			return false;
		for (unsigned cpu = from; cpu <= to; cpu++)
			CPU_SET(cpu, ret);
		if (*text && (*text++ != ',' || !*text))
			return false;
	}
	return CPU_COUNT(ret);
}

static char *format_list(const cpu_set_t *set, char buf[static LIST_STR])
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
		unsigned from = cpu;

		if (!CPU_ISSET(cpu, set))
			continue;
		while (cpu + 1 < CPUS_MAX && CPU_ISSET(cpu + 1, set))
			cpu++;
		at += (size_t)snprintf(buf + at, LIST_STR - at, "%s%u", at ? "," : "", from);
		if (cpu > from)
			at += (size_t)snprintf(buf + at, LIST_STR - at, "-%u", cpu);
	}
	return buf;
}

/* As the kernel prints masks: words of 32 bits, the highest first. */
static char *format_mask(const cpu_set_t *set, char buf[static LIST_STR])
{
	size_t at = 0;

	for (unsigned word = CPUS_MAX / 32; word--;) {
		unsigned bits = 0;

		for (unsigned bit = 0; bit < 32; bit++)
			bits |= (CPU_ISSET(word * 32 + bit, set) ? 1U : 0U) << bit;
		at += (size_t)snprintf(buf + at, LIST_STR - at, "%08x%s", bits, word ? "," : "");
	}
	return buf;
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool take_number(char **words, int count, const char *key, unsigned *ret)
{
	const char *text = machine_take(words, count, key);
	int end = 0;

	*ret = 0;
	return !text || (sscanf(text, "%u%n", ret, &end) == 1 && !text[end]);
}

static bool take_list(char **words, int count, const char *key, cpu_set_t *ret)
{
	const char *text = machine_take(words, count, key);

	CPU_ZERO(ret);
	return !text || parse_list(text, ret);
}

static bool read_id(const char *text, unsigned *ret)
{
	int end = 0;

	return sscanf(text, "%u%n", ret, &end) == 1 && !text[end];
}

int machine_core(struct machine *m, char **words, int count)
{
	struct machine_core core = {.atom = false}, *cores;
	const char *kind = machine_take(words + 1, count - 1, "kind");
	bool understood = read_id(words[0], &core.id);

	understood &= take_list(words + 1, count - 1, "threads", &core.threads);
	understood &= take_list(words + 1, count - 1, "l2", &core.l2);
	understood &= take_list(words + 1, count - 1, "l3", &core.l3);
	understood &= take_number(words + 1, count - 1, "package", &core.package);
	understood &= take_number(words + 1, count - 1, "node", &core.node);
	if (!understood || !CPU_COUNT(&core.threads))
		return machine_fail(m, -EINVAL,
				    "core ID threads=LIST [l2=LIST] [l3=LIST] [package=N] "
				    "[node=N] [kind=core|atom]");
	if (kind && strcmp(kind, "core") != 0 && strcmp(kind, "atom") != 0)
		return machine_fail(m, -EINVAL, "kind= is core or atom");
	core.atom = kind && !strcmp(kind, "atom");
	m->hybrid |= core.atom;
	for (size_t i = 0; i < m->core_count; i++) {
		cpu_set_t both;

		CPU_AND(&both, &m->cores[i].threads, &core.threads);
		if (CPU_COUNT(&both))
			return machine_fail(m, -EINVAL, "a CPU of two cores");
	}
	cores = reallocarray(m->cores, m->core_count + 1, sizeof(*cores));
	if (!cores)
		return -ENOMEM;
	m->cores = cores;
	cores[m->core_count++] = core;
	return machine_all_taken(m, words + 1, count - 1);
}

int machine_node(struct machine *m, char **words, int count)
{
	const char *memory = machine_take(words + 1, count - 1, "memory");
	const char *distance = machine_take(words + 1, count - 1, "distance");
	struct machine_node node = {.memory_kib = 0}, *nodes;
	int end = 0;

	if (!read_id(words[0], &node.id) || !memory ||
	    sscanf(memory, "%llu%n", &node.memory_kib, &end) != 1 || memory[end])
		return machine_fail(m, -EINVAL, "node ID memory=KIB [distance=\"N N\"]");
	nodes = reallocarray(m->nodes, m->node_count + 1, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	m->nodes = nodes;
	node.distance = distance ? strdup(distance) : NULL;
	nodes[m->node_count++] = node;
	return machine_all_taken(m, words + 1, count - 1);
}

/* --- files ------------------------------------------------------------------------------------ */

enum group { OF_MACHINE, OF_PACKAGE, OF_NODE, OF_KIND };

/* The CPUs of all cores that have this in common with one. */
static cpu_set_t *all_of(const struct machine *m, enum group group, unsigned id, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	for (size_t i = 0; i < m->core_count; i++) {
		const struct machine_core *core = &m->cores[i];

		if (group == OF_MACHINE || (group == OF_PACKAGE && core->package == id) ||
		    (group == OF_NODE && core->node == id) ||
		    (group == OF_KIND && core->atom == id))
			CPU_OR(ret, ret, &core->threads);
	}
	return ret;
}

static int put_mask(const struct machine *m, const char *dir, const char *name, const char *list,
		    const cpu_set_t *set)
{
	char buf[LIST_STR];
	int r = machine_put(m, dir, name, "%s", format_mask(set, buf));

	return r < 0 ? r : machine_put(m, dir, list, "%s", format_list(set, buf));
}

static int put_cache(const struct machine *m, unsigned cpu, unsigned index, unsigned level,
		     const char *type, const cpu_set_t *set)
{
	char dir[128];
	int r;

	if (!CPU_COUNT(set))
		return 0;
	snprintf(dir, sizeof(dir), CPUS_DIR "/cpu%u/cache/index%u", cpu, index);
	r = machine_put(m, dir, "level", "%u", level);
	if (r >= 0)
		r = machine_put(m, dir, "type", "%s", type);
	return r < 0 ? r : put_mask(m, dir, "shared_cpu_map", "shared_cpu_list", set);
}

static int put_cpu(const struct machine *m, const struct machine_core *core, unsigned cpu)
{
	char dir[128], node[128];
	cpu_set_t set;
	int r;

	snprintf(dir, sizeof(dir), CPUS_DIR "/cpu%u/topology", cpu);
	r = machine_put(m, dir, "core_id", "%u", core->id);
	if (r >= 0)
		r = machine_put(m, dir, "physical_package_id", "%u", core->package);
	if (r >= 0)
		r = put_mask(m, dir, "thread_siblings", "thread_siblings_list", &core->threads);
	if (r >= 0)
		r = put_mask(m, dir, "core_cpus", "core_cpus_list", &core->threads);
	if (r >= 0)
		r = put_mask(m, dir, "package_cpus", "package_cpus_list",
			     all_of(m, OF_PACKAGE, core->package, &set));
	if (r >= 0)
		r = put_cache(m, cpu, 0, 1, "Data", &core->threads);
	if (r >= 0)
		r = put_cache(m, cpu, 1, 2, "Unified", &core->l2);
	if (r >= 0)
		r = put_cache(m, cpu, 2, 3, "Unified", &core->l3);
	if (r < 0 || !m->node_count)
		return r;
	snprintf(dir, sizeof(dir), CPUS_DIR "/cpu%u", cpu);
	snprintf(node, sizeof(node), NODES_DIR "/node%u", core->node);
	return machine_put_relative(m, dir, strrchr(node, '/') + 1, node);
}

static int put_node(const struct machine *m, const struct machine_node *node)
{
	char dir[128];
	cpu_set_t set;
	int r;

	snprintf(dir, sizeof(dir), NODES_DIR "/node%u", node->id);
	r = machine_put(m, dir, "meminfo", "Node %u MemTotal:       %llu kB", node->id,
			node->memory_kib);
	if (r >= 0 && node->distance)
		r = machine_put(m, dir, "distance", "%s", node->distance);
	return r < 0 ? r
		     : put_mask(m, dir, "cpumap", "cpulist", all_of(m, OF_NODE, node->id, &set));
}

static int put_nodes(const struct machine *m)
{
	char buf[LIST_STR];
	cpu_set_t nodes;
	int r = 0;

	CPU_ZERO(&nodes);
	for (size_t i = 0; r >= 0 && i < m->node_count; i++) {
		CPU_SET(m->nodes[i].id, &nodes);
		r = put_node(m, &m->nodes[i]);
	}
	if (r < 0 || !m->node_count)
		return r;
	r = machine_put(m, NODES_DIR, "online", "%s", format_list(&nodes, buf));
	return r < 0 ? r : machine_put(m, NODES_DIR, "possible", "%s", buf);
}

/* Intel's two kinds of core have a performance counter each, which names their CPUs. */
static int put_kinds(const struct machine *m)
{
	char buf[LIST_STR];
	cpu_set_t set;
	int r;

	if (!m->hybrid)
		return 0;
	r = machine_put(m, "sys/devices/cpu_core", "cpus", "%s",
			format_list(all_of(m, OF_KIND, false, &set), buf));
	return r < 0 ? r
		     : machine_put(m, "sys/devices/cpu_atom", "cpus", "%s",
				   format_list(all_of(m, OF_KIND, true, &set), buf));
}

int machine_cpus(struct machine *m)
{
	char buf[LIST_STR];
	struct stat st;
	cpu_set_t all;
	int r = put_nodes(m);

	if (r < 0 || !m->core_count)
		return r;
	for (size_t i = 0; r >= 0 && i < m->core_count; i++)
		for (unsigned cpu = 0; r >= 0 && cpu < CPUS_MAX; cpu++)
			if (CPU_ISSET(cpu, &m->cores[i].threads))
				r = put_cpu(m, &m->cores[i], cpu);
	if (r >= 0)
		r = put_kinds(m);
	format_list(all_of(m, OF_MACHINE, 0, &all), buf);
	if (r >= 0)
		r = machine_put(m, CPUS_DIR, "present", "%s", buf);
	if (r >= 0)
		r = machine_put(m, CPUS_DIR, "online", "%s", buf);
	/* Firmware may announce more than there are: then a line says so. */
	if (r >= 0 && fstatat(m->fd, CPUS_DIR "/possible", &st, 0) < 0)
		r = machine_put(m, CPUS_DIR, "possible", "%s", buf);
	return r;
}

void machine_cpus_free(struct machine *m)
{
	for (size_t i = 0; i < m->node_count; i++)
		free(m->nodes[i].distance);
	free(m->nodes);
	free(m->cores);
}
