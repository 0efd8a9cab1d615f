// SPDX-License-Identifier: GPL-2.0-or-later
/* Cores as hwloc reads them, and which of them a guest gets; all expected results are by hand. */
#include "tests/unit/fixture.h"

#include <string.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/propose-cpus.h"

static void assert_list(const cpu_set_t *set, const char *expected)
{
	_cleanup_free_ char *list = cpulist_format(set);

	assert_string_equal(list, expected);
}

/* --- what is read ----------------------------------------------------------------------------- */

static void test_machine(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	assert_int_equal(topology_load(&f->root, &topology), 0);
	assert_int_equal(topology.count, 8);
	assert_int_equal(topology.nodes, 1);
	assert_true(topology.has_l3);
	assert_false(topology.hybrid);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(topology.cores[i].first, i);
		assert_int_equal(topology.cores[i].last, i + 8);
		assert_int_equal(topology.cores[i].cache, i / 4);
		assert_int_equal(CPU_COUNT(&topology.cores[i].threads), 2);
	}
}

static void test_nodes(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	struct fixture *f = *state;

	machine_named(f, "two-sockets");
	assert_int_equal(topology_load(&f->root, &topology), 0);
	assert_int_equal(topology.count, 16);
	assert_int_equal(topology.nodes, 2);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(topology.cores[i].node, i / 8);
}

/* hwloc of Debian 12 does not read the kernel's own word on it; a later one may. */
static void test_kinds(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	struct fixture *f = *state;

	machine_named(f, "i7-13700k");
	assert_int_equal(topology_load(&f->root, &topology), 0);
	assert_int_equal(topology.count, 16);
	assert_true(topology.hybrid);
	for (unsigned i = 0; i < 16; i++)
		assert_true((topology.cores[i].kind > topology.cores[15].kind) == (i < 8));
}

/* Cores that may boost further are no other kind. */
static void test_frequencies_are_no_kinds(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	for (unsigned cpu = 0; cpu < 16; cpu++) {
		char path[96];

		snprintf(path, sizeof(path),
			 "sys/devices/system/cpu/cpu%u/cpufreq/cpuinfo_max_freq", cpu);
		put(f, path, "%u\n", cpu % 8 < 4 ? 3000000 : 5000000);
	}
	assert_int_equal(topology_load(&f->root, &topology), 0);
	assert_false(topology.hybrid);
}

/* A CPU that is switched off is nobody's. */
static void test_offline(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	put(f, "sys/devices/system/cpu/online", "0-14\n");
	drop(f, "sys/devices/system/cpu/cpu15/topology");
	assert_int_equal(topology_load(&f->root, &topology), 0);
	assert_int_equal(topology.count, 8);
	assert_int_equal(CPU_COUNT(&topology.cores[7].threads), 1);
}

static void test_nothing_there(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	drop(f, "sys/devices/system/cpu");
	assert_int_equal(topology_load(&f->root, &topology), -ENODATA);
	assert_null(topology.cores);
}

/* An image's sysfs is not read, not even through hwloc. */
static void test_image(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	drop(f, ".vfio-machine");
	root_close(&f->root);
	machine_open(f);
	assert_int_equal(topology_load(&f->root, &topology), -ENODATA);
}

/* The environment of whoever asks does not make it another machine. */
static void test_environment(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	setenv("HWLOC_SYNTHETIC", "core:2 pu:1", 1);
	setenv("HWLOC_XMLFILE", "tests/unit/hybrid.xml", 1);
	setenv("HWLOC_FSROOT", "/nonexistent", 1);
	setenv("HWLOC_COMPONENTS", "no_os,stop", 1);
	assert_int_equal(topology_load(&f->root, &topology), 0);
	assert_int_equal(topology.count, 8);
}

/* Of the running machine hwloc's own root counts, whatever the environment says. */
static void test_environment_live(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	_cleanup_root_ struct root root = ROOT_INIT;

	(void)state;
	assert_int_equal(root_open(&root, NULL), 0);
	if (root.kind != ROOT_LIVE || !root_exists(&root, "sys/devices/system/cpu/cpu0/topology"))
		skip();
	setenv("HWLOC_FSROOT", "/nonexistent", 1);
	assert_int_equal(topology_load(&root, &topology), 0);
	assert_true(topology.count > 0);
}

static void test_xml(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};

	(void)state;
	assert_int_equal(topology_load_xml("tests/unit/hybrid.xml", &topology), 0);
	assert_int_equal(topology.count, 16);
	assert_true(topology.hybrid);
	assert_true(topology.cores[7].kind > topology.cores[8].kind);
}

static void test_unreadable(void **state)
{
	_cleanup_topology_ struct topology topology = {.count = 0};

	(void)state;
	assert_true(topology_load_xml("tests/unit/no-such.xml", &topology) < 0);
	assert_int_equal(topology_load_synthetic("core:zwei", &topology), -EINVAL);
	assert_null(topology.cores);
}

/* --- what is chosen --------------------------------------------------------------------------- */

struct choice_case {
	const char *story;
	const char *synthetic; /* or NULL: the hybrid machine's XML */
	int node;
	unsigned wanted; /* 0: what is proposed unasked */
	const char *expected; /* NULL: -ERANGE */
	unsigned cores, caches;
	bool whole_cache, mixed, slow;
	unsigned threads;
};

#define ANY CPUS_ANY_NODE
/* Siblings are neighbours in a synthetic description: core n has CPUs 2n and 2n + 1. */
#define TWO_COMPLEXES "pack:1 l3:2 core:4 pu:2"
#define FOUR_COMPLEXES "pack:1 l3:4 core:3 pu:2"
#define TWO_NODES "pack:2 [numa] l3:1 core:4 pu:2"
#define NO_SMT "pack:1 l3:1 core:6 pu:1"
#define NO_L3 "pack:2 core:2 pu:2"

static const struct choice_case choices[] = {
	{"half: one complex whole", TWO_COMPLEXES, ANY, 0, "8-15", 4, 1, true, false, false, 2},
	{"one core", TWO_COMPLEXES, ANY, 1, "14-15", 1, 1, false, false, false, 2},
	{"as many as one complex has", TWO_COMPLEXES, ANY, 8, "8-15", 4, 1, true, false, false, 2},
	{"more: the rest from the other", TWO_COMPLEXES, ANY, 10, "6-15", 5, 2, false, false, false,
	 2},
	{"all but the core of CPU 0", TWO_COMPLEXES, ANY, 14, "2-15", 7, 2, false, false, false, 2},
	{"more than there are", TWO_COMPLEXES, ANY, 15, NULL, 0, 0, false, false, false, 0},
	{"half of four complexes: two whole", FOUR_COMPLEXES, ANY, 0, "12-23", 6, 2, true, false,
	 false, 2},
	{"one and a half: a whole one, and the next", FOUR_COMPLEXES, ANY, 9, "14-23", 5, 2, false,
	 false, false, 2},
	{"three: CPU 0's is left alone", FOUR_COMPLEXES, ANY, 18, "6-23", 9, 3, true, false, false,
	 2},
	{"odd numbers become whole cores", FOUR_COMPLEXES, ANY, 3, "20-23", 2, 1, false, false,
	 false, 2},
	{"a node: half of it", TWO_NODES, 0, 0, "4-7", 2, 1, false, false, false, 2},
	{"the other node has no CPU 0: all of it", TWO_NODES, 1, 8, "8-15", 4, 1, true, false,
	 false, 2},
	{"a node cannot give what it has not", TWO_NODES, 1, 9, NULL, 0, 0, false, false, false, 0},
	{"CPU 0's node gives less", TWO_NODES, 0, 7, NULL, 0, 0, false, false, false, 0},
	{"without second threads", NO_SMT, ANY, 0, "3-5", 3, 1, false, false, false, 1},
	{"without an L3: packages", NO_L3, ANY, 0, "4-7", 2, 1, true, false, false, 2},
	{"one core, which the host needs", "core:1 pu:2", ANY, 1, NULL, 0, 0, false, false, false,
	 0},
	{"two single cores", "core:2 pu:1", ANY, 0, "1", 1, 1, false, false, false, 1},
	{"hybrid: fast ones", NULL, ANY, 0, "4-15", 6, 1, false, false, false, 2},
	{"hybrid: all fast ones", NULL, ANY, 14, "2-15", 7, 1, false, false, false, 2},
	{"hybrid: then slow ones", NULL, ANY, 15, "2-15,23", 8, 1, false, true, true, 0},
	{"hybrid: all", NULL, ANY, 22, "2-23", 15, 1, false, true, true, 0},
	{"hybrid: too many", NULL, ANY, 23, NULL, 0, 0, false, false, false, 0},
};

static void check_choice(const struct choice_case *c)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	struct cpu_choice choice = {.count = 77};
	unsigned wanted;
	int r;

	assert_int_equal(c->synthetic ? topology_load_synthetic(c->synthetic, &topology)
				      : topology_load_xml("tests/unit/hybrid.xml", &topology),
			 0);
	wanted = c->wanted ? c->wanted : cpus_default(&topology, c->node);
	r = cpus_choose(&topology, c->node, wanted, &choice);
	if (!c->expected) {
		assert_int_equal(r, -ERANGE);
		assert_int_equal(choice.count, 77);
		return;
	}
	assert_int_equal(r, 0);
	assert_list(&choice.set, c->expected);
	assert_int_equal(choice.count, CPU_COUNT(&choice.set));
	assert_int_equal(choice.cores, c->cores);
	assert_int_equal(choice.caches, c->caches);
	assert_int_equal(choice.whole_cache, c->whole_cache);
	assert_int_equal(choice.mixed, c->mixed);
	assert_int_equal(choice.slow, c->slow);
	assert_int_equal(choice.threads, c->threads);
}

static void test_choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		print_message("  %s\n", choices[i].story);
		check_choice(&choices[i]);
	}
}

/* Whatever is asked for: enough, whole cores, never CPU 0's, and none more than whole cores need. */
static void test_invariants(void **state)
{
	static const char *const machines[] = {
		TWO_COMPLEXES,
		FOUR_COMPLEXES,
		TWO_NODES,
		NO_SMT,
		NO_L3,
		"core:1 pu:2",
		"pack:2 l3:8 core:2 pu:2",
		"pack:1 l3:3 core:5 pu:4",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		_cleanup_topology_ struct topology topology = {.count = 0};
		unsigned available;

		assert_int_equal(topology_load_synthetic(machines[i], &topology), 0);
		available = cpus_available(&topology, ANY);
		for (unsigned wanted = 1; wanted <= available; wanted++) {
			struct cpu_choice choice;
			unsigned whole = 0;

			assert_int_equal(cpus_choose(&topology, ANY, wanted, &choice), 0);
			for (size_t j = 0; j < topology.count; j++) {
				const struct topology_core *core = &topology.cores[j];
				cpu_set_t both;

				CPU_AND(&both, &core->threads, &choice.set);
				assert_true(!CPU_COUNT(&both) || CPU_EQUAL(&both, &core->threads));
				whole += (unsigned)CPU_COUNT(&both);
			}
			assert_false(CPU_ISSET(0, &choice.set));
			assert_int_equal(whole, choice.count);
			assert_in_range(choice.count, wanted, wanted + choice.threads - 1);
		}
		assert_true(!available || cpus_default(&topology, ANY) <= available);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_machine),
		cmocka_machine_test(test_nodes),
		cmocka_machine_test(test_kinds),
		cmocka_machine_test(test_frequencies_are_no_kinds),
		cmocka_machine_test(test_offline),
		cmocka_machine_test(test_nothing_there),
		cmocka_machine_test(test_image),
		cmocka_machine_test(test_environment),
		cmocka_unit_test(test_environment_live),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_invariants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
