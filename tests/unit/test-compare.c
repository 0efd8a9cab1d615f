// SPDX-License-Identifier: GPL-2.0-or-later
/* What status says about a command line: what is missing, unexpected, superseded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bootcfg/edit.h"

#define MAX 6

static const char *const superseded[] = {"amd_iommu=on", "vfio-pci.ids", "rd.driver.pre=vfio-pci",
					 NULL};

static void put_list(char *buf, size_t size, char *const *list, size_t count)
{
	*buf = '\0';
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(buf);

		snprintf(buf + len, size - len, "%s%s", i ? ";" : "", list[i]);
	}
}

static size_t fill(struct want *items, const char *const *texts)
{
	size_t count = 0;

	for (; count < MAX && texts[count]; count++)
		items[count] = (struct want){.text = (char *)texts[count], .item = "arg"};
	return count;
}

static const struct row {
	const char *text;
	const char *wants[MAX];
	const char *missing, *unexpected, *superseded; /* divided by `;` */
	const char *owned[MAX]; /* TEXT, or TEXT<-WAS */
	const char *forbidden[MAX];
} rows[] = {
	{"", {"iommu=pt"}, "iommu=pt", "", "", {NULL}, {NULL}},
	{"quiet iommu=pt", {"iommu=pt"}, "", "", "", {NULL}, {NULL}},
	{"\"dyndbg=file a +p\"", {"dyndbg=\"file a +p\""}, "", "", "", {NULL}, {NULL}},
	{"iommu=soft x", {"iommu=pt", "b=1"}, "iommu=pt;b=1", "iommu=soft", "", {NULL}, {NULL}},
	{"iommu=pt iommu=soft", {"iommu=pt"}, "iommu=pt", "iommu=soft", "", {NULL}, {NULL}},
	{"isolcpus=2 isolcpus=8", {"isolcpus=8"}, "isolcpus=8", "isolcpus=2", "", {NULL}, {NULL}},
	{"b=2 b=1", {"b=1"}, "", "", "", {NULL}, {NULL}},
	{"x -- iommu=pt", {"iommu=pt"}, "iommu=pt", "", "", {NULL}, {NULL}},
	{"hugepages=2",
	 {"hugepagesz=2M hugepages=3"},
	 "hugepagesz=2M hugepages=3",
	 "hugepages=2",
	 "",
	 {NULL},
	 {NULL}},
	/* one that stands against two is named once */
	{"isolcpus=nohz,domain,2",
	 {"isolcpus=8", "nohz_full=8"},
	 "isolcpus=8;nohz_full=8",
	 "isolcpus=nohz,domain,2",
	 "",
	 {NULL},
	 {NULL}},
	/* ours */
	{"x a b", {"a"}, "", "b", "", {"a", "b"}, {NULL}},
	{"x a b", {"a"}, "", "", "", {"a"}, {NULL}},
	{"x b b", {NULL}, "", "b", "", {"b"}, {NULL}},
	{"x b b b", {NULL}, "", "b;b", "", {"b", "b"}, {NULL}},
	{"x", {NULL}, "", "", "", {"b"}, {NULL}},
	{"x -- b", {NULL}, "", "", "", {"b"}, {NULL}},
	{"isolcpus=8", {"isolcpus=8"}, "", "", "", {"isolcpus=8<-isolcpus=1"}, {NULL}},
	{"isolcpus=8",
	 {"isolcpus=9"},
	 "isolcpus=9",
	 "isolcpus=8",
	 "",
	 {"isolcpus=8<-isolcpus=1"},
	 {NULL}},
	{"iommu=merge,pt", {"iommu=pt"}, "", "", "", {"iommu=merge,pt<-iommu=soft,merge"}, {NULL}},
	{"iommu=pt iommu=pt",
	 {NULL},
	 "",
	 "iommu=pt",
	 "",
	 {"iommu=pt<-iommu=pt", "iommu=pt<-iommu=soft"},
	 {NULL}},
	/* what older guides left behind */
	{"amd_iommu=on vfio_pci.ids=1:2 rd.driver.pre=vfio-pci",
	 {"a"},
	 "a",
	 "",
	 "amd_iommu=on;vfio_pci.ids=1:2;rd.driver.pre=vfio-pci",
	 {NULL},
	 {NULL}},
	{"amd_iommu=fullflush rd.driver.pre=x -- amd_iommu=on", {NULL}, "", "", "", {NULL}, {NULL}},
	{"vfio-pci.ids=1:2", {"vfio-pci.ids=1:2"}, "", "", "", {NULL}, {NULL}},
	{"vfio-pci.ids=1:2 vfio-pci.ids=3:4",
	 {NULL},
	 "",
	 "vfio-pci.ids=3:4",
	 "vfio-pci.ids=1:2",
	 {NULL},
	 {"vfio_pci.ids=3:4"}},
	{"vfio-pci.ids=1:2", {NULL}, "", "vfio-pci.ids=1:2", "", {NULL}, {"vfio-pci.ids"}},
	{"amd_iommu=off,fullflush",
	 {NULL},
	 "",
	 "amd_iommu=off,fullflush",
	 "",
	 {NULL},
	 {"amd_iommu=off"}},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct want items[MAX], forbidden[MAX];
		struct wants wants = {
			.items = items, .forbidden = forbidden, .superseded = superseded};
		_cleanup_owned_ struct owned_list owned = {.count = 0};
		struct line_report report;
		char missing[256], unexpected[256], old[256];

		wants.count = fill(items, row->wants);
		wants.forbidden_count = fill(forbidden, row->forbidden);
		for (size_t j = 0; j < MAX && row->owned[j]; j++) {
			const char *arrow = strstr(row->owned[j], "<-");
			_cleanup_free_ char *text =
				strndup(row->owned[j], arrow ? (size_t)(arrow - row->owned[j])
							     : strlen(row->owned[j]));

			assert_int_equal(owned_add(&owned, text, arrow ? arrow + 2 : NULL), 0);
		}
		assert_int_equal(
			line_compare(row->text, &wants, owned.count ? &owned : NULL, &report), 0);
		put_list(missing, sizeof(missing), report.missing, report.missing_count);
		put_list(unexpected, sizeof(unexpected), report.unexpected,
			 report.unexpected_count);
		put_list(old, sizeof(old), report.superseded, report.superseded_count);
		if (strcmp(missing, row->missing) != 0 ||
		    strcmp(unexpected, row->unexpected) != 0 || strcmp(old, row->superseded) != 0)
			print_error("of `%s`\n", row->text);
		assert_string_equal(missing, row->missing);
		assert_string_equal(unexpected, row->unexpected);
		assert_string_equal(old, row->superseded);
		line_report_free(&report);
		assert_null(report.missing);
	}
}

static void test_broken(void **state)
{
	struct want items[] = {{.text = (char *)"a", .item = "arg"}};
	struct want bad[] = {{.text = (char *)"a \"", .item = "arg"}};
	struct wants wants = {.items = items, .count = 1};
	struct line_report report;

	(void)state;
	assert_int_equal(line_compare("a \"b", &wants, NULL, &report), -EBADMSG);
	assert_int_equal(report.missing_count, 1);
	assert_string_equal(report.missing[0], "a");
	assert_int_equal(report.unexpected_count, 0);
	line_report_free(&report);
	wants.items = bad;
	assert_int_equal(line_compare("a", &wants, NULL, &report), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
