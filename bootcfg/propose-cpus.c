// SPDX-License-Identifier: GPL-2.0-or-later
#include <limits.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/propose-cpus.h"

static unsigned thread_count(const struct topology_core *core)
{
	return (unsigned)CPU_COUNT(&core->threads);
}

static bool is_on(const struct topology_core *core, int node)
{
	return node == CPUS_ANY_NODE || core->node == node;
}

static bool is_free(const struct topology_core *core, int node, const cpu_set_t *taken)
{
	return is_on(core, node) && core->first != 0 && !CPU_ISSET(core->first, taken);
}

unsigned cpus_available(const struct topology *topology, int node)
{
	unsigned count = 0;

	for (size_t i = 0; i < topology->count; i++)
		if (is_on(&topology->cores[i], node) && topology->cores[i].first != 0)
			count += thread_count(&topology->cores[i]);
	return count;
}

unsigned cpus_default(const struct topology *topology, int node)
{
	unsigned all = 0, available = cpus_available(topology, node);

	for (size_t i = 0; i < topology->count; i++)
		if (is_on(&topology->cores[i], node))
			all += thread_count(&topology->cores[i]);
	all = all / 2 ? all / 2 : 1;
	return all < available ? all : available;
}

/* --- one cache after the other ---------------------------------------------------------------- */

/* What is left of a cache's cores of one kind. */
struct pool {
	unsigned cache;
	unsigned room; /* CPUs */
	unsigned last; /* the highest of them */
	bool has_cpu0;
};

static struct pool look_at(const struct topology *topology, int node, int kind, unsigned cache,
			   const cpu_set_t *taken)
{
	struct pool pool = {.cache = cache};

	for (size_t i = 0; i < topology->count; i++) {
		const struct topology_core *core = &topology->cores[i];

		if (core->cache != cache)
			continue;
		pool.has_cpu0 |= core->first == 0;
		if (core->kind != kind || !is_free(core, node, taken))
			continue;
		pool.room += thread_count(core);
		if (core->last > pool.last)
			pool.last = core->last;
	}
	return pool;
}

/* Whether a is the better one to take `left` CPUs from. */
static bool is_better(const struct pool *a, const struct pool *b, unsigned left)
{
	bool a_fits = a->room >= left, b_fits = b->room >= left;

	if (!b->room)
		return a->room;
	if (a_fits != b_fits)
		return a_fits;
	if (a->has_cpu0 != b->has_cpu0)
		return !a->has_cpu0;
	/* One that is just large enough leaves the others whole; else the largest leaves least to do. */
	if (a->room != b->room)
		return a_fits ? a->room < b->room : a->room > b->room;
	return a->last > b->last;
}

static struct pool best_pool(const struct topology *topology, int node, int kind, unsigned left,
			     const cpu_set_t *taken)
{
	struct pool best = {.room = 0};

	for (size_t i = 0; i < topology->count; i++) {
		struct pool pool = look_at(topology, node, kind, topology->cores[i].cache, taken);

		if (pool.room && is_better(&pool, &best, left))
			best = pool;
	}
	return best;
}

/* Takes cores of a pool, the highest first. Returns how many CPUs are still to be found. */
static unsigned take_from(const struct topology *topology, int node, int kind,
			  const struct pool *pool, unsigned left, cpu_set_t *taken)
{
	for (size_t i = topology->count; i-- && left;) {
		const struct topology_core *core = &topology->cores[i];
		unsigned threads = thread_count(core);

		if (core->cache != pool->cache || core->kind != kind || !is_free(core, node, taken))
			continue;
		CPU_OR(taken, taken, &core->threads);
		left -= threads < left ? threads : left;
	}
	return left;
}

/* The fastest kind below a limit that a node has cores of; INT_MIN: there is none. */
static int next_kind(const struct topology *topology, int node, int limit)
{
	int kind = INT_MIN;

	for (size_t i = 0; i < topology->count; i++) {
		const struct topology_core *core = &topology->cores[i];

		if (is_on(core, node) && core->kind < limit && core->kind > kind)
			kind = core->kind;
	}
	return kind;
}

/* --- what came of it -------------------------------------------------------------------------- */

static bool is_seen(const struct topology *topology, size_t before, const cpu_set_t *set)
{
	for (size_t i = 0; i < before; i++)
		if (topology->cores[i].cache == topology->cores[before].cache &&
		    CPU_ISSET(topology->cores[i].first, set))
			return true;
	return false;
}

static void describe(const struct topology *topology, struct cpu_choice *choice)
{
	const struct topology_core *first = NULL;
	int fastest = next_kind(topology, CPUS_ANY_NODE, INT_MAX);

	choice->count = (unsigned)CPU_COUNT(&choice->set);
	choice->whole_cache = true;
	for (size_t i = 0; i < topology->count; i++) {
		const struct topology_core *core = &topology->cores[i];

		if (!CPU_ISSET(core->first, &choice->set))
			continue;
		if (!first) {
			first = core;
			choice->threads = thread_count(core);
		}
		if (thread_count(core) != choice->threads)
			choice->threads = 0;
		choice->mixed |= core->kind != first->kind;
		choice->slow |= core->kind < fastest;
		choice->cores++;
		choice->caches += !is_seen(topology, i, &choice->set);
		for (size_t j = 0; j < topology->count; j++)
			if (topology->cores[j].cache == core->cache &&
			    !CPU_ISSET(topology->cores[j].first, &choice->set))
				choice->whole_cache = false;
	}
}

int cpus_choose(const struct topology *topology, int node, unsigned wanted, struct cpu_choice *ret)
{
	struct cpu_choice choice = {.count = 0};
	unsigned left = wanted;

	if (!wanted || wanted > cpus_available(topology, node))
		return -ERANGE;
	CPU_ZERO(&choice.set);
	for (int kind = INT_MAX; left && (kind = next_kind(topology, node, kind)) != INT_MIN;) {
		struct pool pool;

		while (left && (pool = best_pool(topology, node, kind, left, &choice.set)).room)
			left = take_from(topology, node, kind, &pool, left, &choice.set);
	}
	describe(topology, &choice);
	*ret = choice;
	return 0;
}
