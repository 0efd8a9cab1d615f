// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists of CPUs, as the kernel reads and writes them. */
#include <string.h>

#include "bootcfg/cpulist.h"
#include "tests/unit/fixture.h"

static void format_is(const cpu_set_t *set, const char *wanted)
{
	_cleanup_free_ char *text = cpulist_format(set);

	assert_non_null(text);
	assert_string_equal(text, wanted);
}

/* As in Documentation/admin-guide/kernel-parameters.rst, "CPU lists". */
static const struct {
	const char *text;
	unsigned count; /* of the machine; 0: cpulist_parse() */
	int result;
	const char *wanted; /* written back */
} lists[] = {
	{"0", 0, 0, "0"},
	{"8-15", 0, 0, "8-15"},
	{"15,8-14", 0, 0, "8-15"},
	{"1,2,10-12,4", 0, 0, "1-2,4,10-12"},
	{"0-3,2-5", 0, 0, "0-5"},
	{"0-14:2/4", 0, 0, "0-1,4-5,8-9,12-13"},
	{"100-130:2/25", 0, 0, "100-101,125-126"},
	{"3-7:3/3", 0, 0, "3-7"},
	{"3-7:0/3", 0, 0, ""},
	{"007", 0, 0, "7"},
	{",1,,2,", 0, 0, "1-2"},
	{"1 2\n", 0, 0, "1-2"},
	{"1023", 0, 0, "1023"},
	{"0-1023", 0, 0, "0-1023"},
	{"N", 16, 0, "15"},
	{"8-N", 16, 0, "8-15"},
	{"all", 4, 0, "0-3"},
	{"ALL:1/2", 6, 0, "0,2,4"},
	{"0-N:N/N", 4, 0, "0-3"},
	{"20", 16, 0, "20"}, /* numbers stay what they are */

	{"", 0, -EINVAL, NULL},
	{",", 0, -EINVAL, NULL},
	{"x", 0, -EINVAL, NULL},
	{"-1", 0, -EINVAL, NULL},
	{"1-", 0, -EINVAL, NULL},
	{"3-1", 0, -EINVAL, NULL},
	{"1-3:", 0, -EINVAL, NULL},
	{"1-3:1", 0, -EINVAL, NULL},
	{"1-3:1/0", 0, -EINVAL, NULL},
	{"1-3:3/2", 0, -EINVAL, NULL},
	{"1:1/2", 0, -EINVAL, NULL},
	{"1-3x", 0, -EINVAL, NULL},
	{"0x10", 0, -EINVAL, NULL},
	{"N", 0, -EINVAL, NULL},
	{"8-N", 0, -EINVAL, NULL},
	{"all", 0, -EINVAL, NULL},
	{"n", 16, -EINVAL, NULL},
	{"alle", 16, -EINVAL, NULL},
	{"managed_irq,8-15", 16, -EINVAL, NULL},
	{"1024", 0, -ERANGE, NULL},
	{"0-1024", 0, -ERANGE, NULL},
	{"4294967297", 0, -ERANGE, NULL}, /* is not 1 */
	{"99999999999999999999999", 0, -ERANGE, NULL},
};

static void lists_are_read_as_the_kernel_does(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		cpu_set_t set, untouched;
		int r;

		memset(&set, 0x5a, sizeof(set));
		untouched = set;
		r = lists[i].count ? cpulist_resolve(lists[i].text, lists[i].count, &set)
				   : cpulist_parse(lists[i].text, &set);
		if (r != lists[i].result)
			print_error("`%s`\n", lists[i].text);
		assert_int_equal(r, lists[i].result);
		if (r == 0)
			format_is(&set, lists[i].wanted);
		else
			assert_true(CPU_EQUAL(&set, &untouched));
	}
}

static void relative_lists_are_known(_unused_ void **state)
{
	assert_true(cpulist_relative("8-N"));
	assert_true(cpulist_relative("all"));
	assert_true(cpulist_relative("0,All:1/2"));
	assert_false(cpulist_relative("0-15:1/2"));
}

static void complement_and_last(_unused_ void **state)
{
	cpu_set_t set, rest, none;

	CPU_ZERO(&none);
	assert_int_equal(cpulist_parse("2-3,8-15", &set), 0);
	assert_int_equal(cpulist_last(&set), 15);
	cpulist_complement(&set, 16, &rest);
	format_is(&rest, "0-1,4-7");
	cpulist_complement(&set, 20, &rest);
	format_is(&rest, "0-1,4-7,16-19");
	cpulist_complement(&set, 9, &set);
	format_is(&set, "0-1,4-7");
	cpulist_complement(&none, 0, &rest);
	format_is(&rest, "");
	cpulist_complement(&none, CPULIST_MAX, &rest);
	format_is(&rest, "0-1023");
	assert_int_equal(cpulist_last(&rest), 1023);
}

static void within(_unused_ void **state)
{
	cpu_set_t few, many;

	assert_int_equal(cpulist_parse("2,4", &few), 0);
	assert_int_equal(cpulist_parse("2-4", &many), 0);
	assert_true(cpulist_within(&few, &many));
	assert_false(cpulist_within(&many, &few));
	assert_true(cpulist_within(&few, &few));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_as_the_kernel_does),
		cmocka_unit_test(relative_lists_are_known),
		cmocka_unit_test(complement_and_last),
		cmocka_unit_test(within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
