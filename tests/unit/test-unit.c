// SPDX-License-Identifier: GPL-2.0-or-later
/* Units: how a command line is cut, and when two of them say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bootcfg/edit.h"
#include "bootcfg/unit.h"

struct list {
	char text[512];
	int stop_at; /* the unit at which take() answers 7; -1: none */
	int count;
};

static int take(void *data, const char *unit, size_t size)
{
	struct list *list = data;
	size_t len = strlen(list->text);

	if (list->count++ == list->stop_at)
		return 7;
	snprintf(list->text + len, sizeof(list->text) - len, "[%.*s]", (int)size, unit);
	return 0;
}

static void test_cut(void **state)
{
	static const struct {
		const char *text, *units;
	} rows[] = {
		{"", ""},
		{" \t ", ""},
		{" quiet  x=1 ", "[quiet][x=1]"},
		{"a=\"b  c\" \"d=e f\"", "[a=\"b  c\"][\"d=e f\"]"},
		{"hugepagesz=1G hugepages=8", "[hugepagesz=1G hugepages=8]"},
		{"hugepagesz=1G \t hugepages=8 x", "[hugepagesz=1G \t hugepages=8][x]"},
		{"hugepagesz=1G x hugepages=8", "[hugepagesz=1G hugepages=8][x]"},
		{"default_hugepagesz=1G hugepages=8", "[default_hugepagesz=1G hugepages=8]"},
		{"default-hugepagesz=1G hugepages=8", "[default-hugepagesz=1G hugepages=8]"},
		{"hugepages=8 hugepagesz=1G", "[hugepages=8][hugepagesz=1G]"},
		{"hugepagesz=1G hugepages=8 hugepages=9",
		 "[hugepagesz=1G hugepages=8][hugepages=9]"},
		{"hugepagesz=1G hugepagesz=2M hugepages=9",
		 "[hugepagesz=1G][hugepagesz=2M hugepages=9]"},
		{"hugepagesz=1G default_hugepagesz=2M hugepages=9",
		 "[hugepagesz=1G][default_hugepagesz=2M hugepages=9]"},
		{"hugepagesz=1G -- hugepages=9", "[hugepagesz=1G][--][hugepages=9]"},
		{"hugepagesz hugepages=9",
		 "[hugepagesz][hugepages=9]"}, /* nothing without a value */
		{"hugepagesz=1G hugepages hugepages=9", "[hugepagesz=1G hugepages=9][hugepages]"},
		{"a -- hugepagesz=1G hugepages=9", "[a][--][hugepagesz=1G][hugepages=9]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct list list = {.stop_at = -1};

		assert_int_equal(line_units(rows[i].text, take, &list), 0);
		assert_string_equal(list.text, rows[i].units);
	}
}

static void test_cut_stops(void **state)
{
	struct list list = {.stop_at = 1};

	(void)state;
	assert_int_equal(line_units("a b c", take, &list), 7);
	assert_string_equal(list.text, "[a]");
	list = (struct list){.stop_at = -1};
	assert_int_equal(line_units("a b \"c", take, &list), -EBADMSG);
	assert_int_equal(list.count, 0);
	assert_int_equal(line_units("a b=\"\"\"", take, &list), -EBADMSG);
}

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{"quiet", "quiet", true},
		{"quiet", "Quiet", false},
		{"\"quiet\"", "quiet", true},
		{"quiet", "quiet=", false},
		{"\"dyndbg=file a +p\"", "dyndbg=\"file a +p\"", true},
		{"dyndbg=\"file a +p\"", "dyndbg=\"file a  +p\"", false},
		{"a=b\"c d\"e", "a=bc\\ de", false},
		{"vfio-pci.ids=1:2", "vfio_pci.ids=1:2", true},
		{"vfio-pci.ids=a-b", "vfio-pci.ids=a_b", false},
		{"iommu=pt", "intel_iommu=pt", false},
		{"iommu=pt", "iommu.x=pt", false},
		{"isolcpus=8-15", "isolcpus=domain,8-11,12-15", true},
		{"isolcpus=managed_irq,domain,8", "isolcpus=domain,managed_irq,8", true},
		{"isolcpus=managed_irq,8", "isolcpus=8", false},
		{"isolcpus=nohz,8", "nohz_full=8", false},
		{"isolcpus=0-6:1/2", "isolcpus=0,2,4,6", true},
		{"isolcpus=8-N", "isolcpus=8-N", true},
		{"isolcpus=8-N", "isolcpus=8-15", false},
		{"nohz_full=8,9", "nohz_full=8-9", true},
		{"irqaffinity=0,1", "irqaffinity=0-1", true},
		{"rcu_nocbs", "rcu_nocbs=", false},
		{"hugepagesz=1G hugepages=8", "hugepagesz=1024M  hugepages=8", true},
		{"hugepagesz=1G hugepages=8", "hugepagesz=1048576k hugepages=08", true},
		{"hugepagesz=1G hugepages=8", "hugepagesz=1073741824 hugepages=8", true},
		{"hugepagesz=1G hugepages=8", "hugepagesz=2M hugepages=8", false},
		{"hugepagesz=1G hugepages=8", "hugepagesz=1G hugepages=80", false},
		{"hugepagesz=1G hugepages=8", "hugepagesz=1G", false},
		{"hugepagesz=1G hugepages=8", "default_hugepagesz=1G hugepages=8", false},
		{"hugepagesz=99999999999G", "hugepagesz=1G", false},
		{"hugepagesz=0x40000000", "hugepagesz=1G", true}, /* memparse() */
		{"hugepagesz=010000000000", "hugepagesz=1G", true},
		{"hugepagesz=1GB", "hugepagesz=1G", true},
		{"hugepagesz=1G8", "hugepagesz=18G", false},
		{"hugepagesz=0", "hugepagesz=", false},
		{"hugepages=0:1,1:2", "hugepages=1:2,0:1", true},
		{"hugepages=0:1,1:2", "hugepages=1:1,0:2", false},
		{"hugepages=0:1", "hugepages=0:1,0:1", true},
		{"hugepages=0:1,x", "hugepages=0:1", false},
		{"hugepages=0:1,x", "hugepages=0:1,x", true},
		{"hugepages=0:", "hugepages=0:0", false},
		{"hugepages=18446744073709551616", "hugepages=0", false},
		{"hugetlb_cma=1G", "hugetlb_cma=1024M", true},
		{"mem=1G", "mem=1024M", false}, /* no row: bytes */
		{"console=tty0", "console=tty1", false},
		{"a b", "a b", false}, /* two */
		{"", "", false},
		{"a=\"b", "a=\"b", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (unit_equal(rows[i].a, rows[i].b) != rows[i].equal)
			print_error("of `%s` and `%s`\n", rows[i].a, rows[i].b);
		assert_int_equal(unit_equal(rows[i].a, rows[i].b), rows[i].equal);
		assert_int_equal(unit_equal(rows[i].b, rows[i].a), rows[i].equal);
	}
}

static void test_protected(void **state)
{
	static const char *const ours_never[] = {
		"root=UUID=1", "rootflags=subvol=@", "rootfstype=ext4",	      "ro",
		"rw",	       "init=/bin/sh",	     "initrd=\\initrd.img",   "BOOT_IMAGE=/vmlinuz",
		"ostree=/x",   "\"root=a b\"",	     "systemd.machine-id=12", "--",
		"-- quiet",
	};
	static const char *const ours_maybe[] = {
		"rootdelay=5", "roo", "rd.root=1", "initcall_debug", "--=1", "", "iommu=pt", "RO",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ours_never); i++)
		assert_true(unit_protected(ours_never[i]));
	for (size_t i = 0; i < ARRAY_SIZE(ours_maybe); i++)
		assert_false(unit_protected(ours_maybe[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_stops),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_protected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
