// SPDX-License-Identifier: GPL-2.0-or-later
/* Parts of `plan` that whole machines (tests/cli/plan.sh) do not reach. */
#include "tests/unit/fixture.h"

#include <string.h>

#include "bootcfg/propose.h"
#include "early/text.h"

static void test_memory(void **state)
{
	static const struct {
		const char *text;
		uint64_t kib; /* 0: -EINVAL */
	} cases[] = {
		{"16G", 16777216},  {"16GiB", 16777216},
		{"1g", 1048576},    {"512M", 524288},
		{"512MiB", 524288}, {"2M", 2048},
		{"1536m", 1572864}, {"", 0},
		{"G", 0},	    {"16", 0},
		{"16K", 0},	    {"16T", 0},
		{"16GB", 0},	    {"16 G", 0},
		{"+16G", 0},	    {"0G", 0},
		{"3M", 0},	    {"99999999999999999999G", 0},
		{"16Gi", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t kib = 7;

		print_message("  '%s'\n", cases[i].text);
		assert_int_equal(proposal_parse_memory(cases[i].text, &kib),
				 cases[i].kib ? 0 : -EINVAL);
		assert_int_equal(kib, cases[i].kib ? cases[i].kib : 7);
	}
}

static void test_memory_text(void **state)
{
	char buf[MEMORY_STR];

	(void)state;
	assert_string_equal(proposal_memory(16777216, buf), "16 GiB");
	assert_string_equal(proposal_memory(1572864, buf), "1536 MiB");
}

/* A function that no sysfs tells the node of, on a machine that has several. */
static void test_node_without_cpus(void **state)
{
	_cleanup_proposal_ struct proposal proposal = {.root = NULL};
	struct fixture *f = *state;
	struct diag diag = DIAG_INIT;
	const struct wish wish = {.cpus = 0};

	machine_named(f, "two-sockets");
	drop(f, "sys/bus/pci/devices/0000:17:00.0/numa_node");
	put(f, "sys/bus/pci/devices/0000:17:00.0/numa_node", "5\n");
	assert_int_equal(propose(&f->root, &wish, &proposal, &diag), 0);
	assert_int_equal(proposal.node, 0);
	assert_mentions(proposal.remarks.items[1], "0000:17:00.0", "node 0", NULL);
}

/* What was read half is freed, and says why. */
static void test_failures(void **state)
{
	static const struct {
		const char *gone; /* a directory of the machine */
		int error;
		const char *reason;
	} cases[] = {
		{"sys/bus/pci", -EPERM, "no PCI bus"},
		{"sys/devices/system/cpu", -ENODATA, "which cores"},
		{"proc/meminfo", -EPERM, "0 MiB"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_proposal_ struct proposal proposal = {.root = NULL};
		struct fixture *f = *state;
		struct diag diag = DIAG_INIT;
		const struct wish wish = {.cpus = 0};

		if (i) {
			assert_int_equal(fixture_teardown(state), 0);
			assert_int_equal(fixture_setup(state), 0);
			f = *state;
		}
		machine_named(f, "x570-3700x");
		drop(f, cases[i].gone);
		assert_int_equal(propose(&f->root, &wish, &proposal, &diag), cases[i].error);
		assert_mentions(diag.text, cases[i].reason, NULL);
	}
}

/* Names of pci.ids are somebody else's text. */
static void test_hostile_name(void **state)
{
	_cleanup_proposal_ struct proposal proposal = {.root = NULL};
	_cleanup_text_ struct text text = {.data = NULL};
	struct fixture *f = *state;
	struct diag diag = DIAG_INIT;
	const struct wish wish = {.cpus = 0};

	machine_named(f, "x570-3700x");
	drop(f, "usr/share/misc/pci.ids");
	put(f, "usr/share/misc/pci.ids", "1002  A\x1b[2J\n\t73bf  B\x07\n");
	assert_int_equal(propose(&f->root, &wish, &proposal, &diag), 0);
	proposal_text(&proposal, true, &text);
	assert_null(strchr(text.data, '\x1b'));
	assert_null(strchr(text.data, '\x07'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_text),
		cmocka_machine_test(test_node_without_cpus),
		cmocka_machine_test(test_failures),
		cmocka_machine_test(test_hostile_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
