// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What becomes of a command line. In the tables a line's segments are divided by `|`; one that begins
 * with `!` is fixed, one with `>` is the one to append to (else the last).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bootcfg/edit.h"

#define WANTS_MAX 8

static void make_wants(struct wants *wants, struct want *items, const char *const *texts)
{
	static char profile[] = "/etc/vfio-bootcfg.conf";

	*wants = (struct wants){.items = items};
	for (; wants->count < WANTS_MAX && texts[wants->count]; wants->count++)
		items[wants->count] = (struct want){.text = (char *)texts[wants->count],
						    .item = "arg",
						    .file = profile,
						    .line = (unsigned)wants->count + 10};
}

static void make_line(struct boot_line *line, const char *text)
{
	size_t append = (size_t)-1;

	*line = (struct boot_line){.file = strdup("/boot/entry.conf")};
	for (;;) {
		size_t size = strcspn(text, "|");
		bool fixed = *text == '!';

		if (*text == '>')
			append = line->segment_count;
		else if (!fixed && append == (size_t)-1)
			line->append = line->segment_count;
		if (fixed || *text == '>') {
			text++;
			size--;
		}
		assert_int_equal(boot_line_segment(line, text, size, "/boot/entry.conf",
						   (unsigned)line->segment_count + 1, fixed, 0),
				 0);
		text += size;
		if (!*text)
			break;
		text++;
	}
	if (append != (size_t)-1)
		line->append = append;
}

/* The line after its edits in the notation of make_line(), into buf. */
static void render(const struct boot_line *line, char *buf, size_t size)
{
	size_t last = 0;

	for (size_t i = 0; i < line->segment_count; i++)
		if (!line->segments[i].fixed)
			last = i;
	*buf = '\0';
	for (size_t i = 0; i < line->segment_count; i++) {
		_cleanup_free_ char *text = boot_line_edited(line, i);
		size_t len = strlen(buf);

		assert_non_null(text);
		snprintf(buf + len, size - len, "%s%s%s", i ? "|" : "",
			 line->segments[i].fixed		     ? "!"
			 : i == line->append && line->append != last ? ">"
								     : "",
			 text);
	}
}

/* Sorted, in bounds, apart from one another, none without effect. */
static void check_edits(const struct boot_line *line)
{
	for (size_t i = 0; i < line->edit_count; i++) {
		const struct edit *edit = &line->edits[i];

		assert_in_range(edit->segment, 0, line->segment_count - 1);
		assert_true(edit->at + edit->remove <= strlen(line->segments[edit->segment].text));
		assert_true(edit->remove || *edit->insert);
		assert_false(line->segments[edit->segment].fixed);
		if (i && edit[-1].segment == edit->segment)
			assert_true(edit[-1].at + edit[-1].remove < edit->at);
		else if (i)
			assert_true(edit[-1].segment < edit->segment);
	}
}

/* Edits *line and puts what it has become into its place. */
static int step(struct boot_line *line, const struct wants *wants, unsigned flags,
		struct diag *diag, bool *ret_changed)
{
	struct boot_line next;
	char text[8192];
	int r = line_edit(line, wants, flags, diag);

	if (r < 0)
		return r;
	check_edits(line);
	render(line, text, sizeof(text));
	make_line(&next, text);
	assert_int_equal(owned_copy(&line->owned_after, &next.owned), 0);
	next.prefix = line->prefix;
	*ret_changed = line->changed;
	assert_true(line->changed || !line->edit_count);
	boot_line_free(line);
	*line = next;
	return 0;
}

static void check_line(const char *story, const struct boot_line *line, const char *expected)
{
	char text[8192];

	render(line, text, sizeof(text));
	if (strcmp(text, expected) != 0)
		print_error("in: %s\n", story);
	assert_string_equal(text, expected);
}

struct edit_case {
	const char *story;
	const char *before;
	const char *wants[WANTS_MAX];
	const char *after; /* NULL: it is refused */
	unsigned flags;
};

/* Set, set again, unset: as expected, no change, as before. */
static void check_case(const struct edit_case *c)
{
	struct want items[WANTS_MAX];
	struct wants wants, none = {.count = 0};
	struct diag diag = DIAG_INIT;
	struct boot_line line;
	bool changed;
	int r;

	make_wants(&wants, items, c->wants);
	make_line(&line, c->before);
	r = step(&line, &wants, c->flags, &diag, &changed);
	if (r != (c->after ? 0 : -EEXIST))
		print_error("in: %s: %s\n", c->story, diag.text);
	assert_int_equal(r, c->after ? 0 : -EEXIST);
	if (!c->after) {
		assert_string_equal(diag.file, "/boot/entry.conf");
		assert_int_not_equal(*diag.text, '\0');
		check_line(c->story, &line, c->before);
		boot_line_free(&line);
		return;
	}
	check_line(c->story, &line, c->after);

	assert_int_equal(step(&line, &wants, c->flags, &diag, &changed), 0);
	if (changed)
		print_error("in: %s: again\n", c->story);
	assert_false(changed);
	check_line(c->story, &line, c->after);

	if (!(c->flags & EDIT_ADOPT)) {
		assert_int_equal(step(&line, &none, c->flags, &diag, &changed), 0);
		check_line(c->story, &line, c->before);
		assert_int_equal(line.owned.count, 0);
	}
	boot_line_free(&line);
}

#define check_cases(cases)                                                                         \
	for (size_t i_ = 0; i_ < ARRAY_SIZE(cases); i_++)                                          \
	check_case(&(cases)[i_])

static void test_places(void **state)
{
	static const struct edit_case cases[] = {
		{"behind the last", "quiet", {"iommu=pt"}, "quiet iommu=pt", 0},
		{"in order", "quiet", {"b=1", "a"}, "quiet b=1 a", 0},
		{"an empty text", "", {"b=1", "a"}, "b=1 a", 0},
		{"a blank text", " \t", {"b=1", "a"}, "b=1 a  \t", 0},
		{"blanks around", " x  y\t ", {"b=1", "a"}, " x  y b=1 a\t ", 0},
		{"before --", "x -- y", {"b=1", "a"}, "x b=1 a -- y", 0},
		{"before --, tabs", "x\t--\ty ", {"b=1"}, "x b=1\t--\ty ", 0},
		{"nothing before --", "-- y", {"b=1", "a"}, "b=1 a -- y", 0},
		{"a blank before --", "\t -- y", {"b=1", "a"}, "b=1 a \t -- y", 0},
		{"a quoted --", "x \"--\" y", {"b=1"}, "x b=1 \"--\" y", 0},
		{"-- is another with a value", "x --=1 y", {"b=1"}, "x --=1 y b=1", 0},
		{"what is init's does not count",
		 "x -- iommu=pt",
		 {"iommu=pt"},
		 "x iommu=pt -- iommu=pt",
		 0},
		{"quotes stay",
		 "dyndbg=\"file a  +p\" 'x y'",
		 {"isolcpus=1"},
		 "dyndbg=\"file a  +p\" 'x y' isolcpus=1",
		 0},
		{"the last segment", "x|y", {"b=1"}, "x|y b=1", 0},
		{"an empty one", "x|", {"b=1", "a"}, "x|b=1 a", 0},
		{"the one that was named", ">x|y", {"b=1"}, ">x b=1|y", 0},
		{"the others are blank", " |>|", {"b=1"}, " |>b=1|", 0},
		{"there from a fixed one", "!iommu=pt|x", {"iommu=pt"}, "!iommu=pt|x", 0},
		{"-- in an earlier one", "x -- y|z", {"b=1"}, "x b=1 -- y|z", 0},
		{"-- in an earlier one that is fixed", "!x -- y|z", {"b=1"}, NULL, 0},
		{"-- in a later one", ">x|y -- z", {"b=1"}, ">x b=1|y -- z", 0},
		{"nothing is wanted", " x  ", {NULL}, " x  ", 0},
	};

	(void)state;
	check_cases(cases);
}

static void test_iommu(void **state)
{
	static const struct edit_case cases[] = {
		{"one does not stand for the other",
		 "intel_iommu=on",
		 {"iommu=pt"},
		 "intel_iommu=on iommu=pt",
		 0},
		{"nor do longer names",
		 "iommu.strict=1 iommu.passthrough=1",
		 {"iommu=pt"},
		 "iommu.strict=1 iommu.passthrough=1 iommu=pt",
		 0},
		{"an item of a list",
		 "intel_iommu=sm_on,on",
		 {"intel_iommu=on"},
		 "intel_iommu=sm_on,on",
		 0},
		{"two occurrences",
		 "iommu=merge iommu=pt",
		 {"iommu=pt"},
		 "iommu=merge iommu=pt",
		 0},
		{"a list over two",
		 "intel_iommu=on intel_iommu=sm_on",
		 {"intel_iommu=on,sm_on"},
		 "intel_iommu=on intel_iommu=sm_on",
		 0},
		{"part of a list",
		 "intel_iommu=on",
		 {"intel_iommu=on,sm_on"},
		 "intel_iommu=on intel_iommu=on,sm_on",
		 0},
		{"- is _", "intel-iommu=on", {"intel_iommu=on"}, "intel-iommu=on", 0},
		{"case counts", "IOMMU=pt", {"iommu=pt"}, "IOMMU=pt iommu=pt", 0},
		{"soft", "iommu=soft", {"iommu=pt"}, NULL, 0},
		{"soft beside it", "iommu=soft,pt", {"iommu=pt"}, NULL, 0},
		{"soft in front", "iommu=soft x iommu=pt", {"iommu=pt"}, NULL, 0},
		{"off", "iommu=off", {"iommu=pt"}, NULL, 0},
		{"off stops Intel's too", "iommu=off", {"intel_iommu=on"}, NULL, 0},
		{"Intel's off", "intel_iommu=off", {"intel_iommu=on"}, NULL, 0},
		{"on, then off", "intel_iommu=on,off", {"intel_iommu=on"}, NULL, 0},
		{"off, then on",
		 "intel_iommu=off intel_iommu=on",
		 {"intel_iommu=on"},
		 "intel_iommu=off intel_iommu=on",
		 0},
		{"nopt", "iommu=nopt", {"iommu=pt"}, NULL, 0},
		{"nopt overruled", "iommu=nopt,pt", {"iommu=pt"}, "iommu=nopt,pt", 0},
		{"passthrough=0", "iommu.passthrough=0", {"iommu=pt"}, NULL, 0},
		{"passthrough=off", "iommu.passthrough=off", {"iommu=pt"}, NULL, 0},
		{"passthrough=on",
		 "iommu.passthrough=on",
		 {"iommu=pt"},
		 "iommu.passthrough=on iommu=pt",
		 0},
		{"passthrough=0 overruled",
		 "iommu.passthrough=0 iommu=pt",
		 {"iommu=pt"},
		 "iommu.passthrough=0 iommu=pt",
		 0},
		{"on is wanted off", "intel_iommu=on", {"iommu=off"}, NULL, 0},
		{"soft replaced", "x iommu=soft y", {"iommu=pt"}, "x iommu=pt y", EDIT_REPLACE},
		{"the other items stay",
		 "iommu=soft,merge x",
		 {"iommu=pt"},
		 "iommu=merge,pt x",
		 EDIT_REPLACE},
		{"it is there already",
		 "iommu=pt,soft,merge",
		 {"iommu=pt"},
		 "iommu=pt,merge",
		 EDIT_REPLACE},
		{"two of them",
		 "iommu=soft x iommu=off",
		 {"iommu=pt"},
		 "iommu=pt x iommu=pt",
		 EDIT_REPLACE},
		{"behind the user's own",
		 "iommu=pt x iommu=soft",
		 {"iommu=pt"},
		 "iommu=pt x iommu=pt",
		 EDIT_REPLACE},
		{"off for both",
		 "iommu=off",
		 {"intel_iommu=on", "iommu=pt"},
		 "iommu=pt intel_iommu=on",
		 EDIT_REPLACE},
		{"off, for another name",
		 "iommu=off,merge",
		 {"intel_iommu=on"},
		 "iommu=merge intel_iommu=on",
		 EDIT_REPLACE},
		{"off alone, for another name",
		 "iommu=off",
		 {"intel_iommu=on"},
		 "intel_iommu=on",
		 EDIT_REPLACE},
		{"passthrough replaced",
		 "x iommu.passthrough=0",
		 {"iommu=pt"},
		 "x iommu=pt",
		 EDIT_REPLACE},
		{"quotes come back", "\"iommu=soft\" x", {"iommu=pt"}, "iommu=pt x", EDIT_REPLACE},
		{"fixed", "!iommu=soft|x", {"iommu=pt"}, NULL, EDIT_REPLACE},
		{"init's is none", "x -- iommu=soft", {"iommu=pt"}, "x iommu=pt -- iommu=soft", 0},
		{"ACS adds up",
		 "pcie_acs_override=downstream",
		 {"pcie_acs_override=downstream,multifunction"},
		 "pcie_acs_override=downstream pcie_acs_override=downstream,multifunction",
		 0},
		{"ACS is there",
		 "pcie_acs_override=multifunction,downstream",
		 {"pcie_acs_override=downstream,multifunction"},
		 "pcie_acs_override=multifunction,downstream",
		 0},
	};

	(void)state;
	check_cases(cases);
}

static void test_isolation(void **state)
{
	static const struct edit_case cases[] = {
		{"flags of the default",
		 "isolcpus=domain,8-15",
		 {"isolcpus=8-15"},
		 "isolcpus=domain,8-15",
		 0},
		{"more flags",
		 "isolcpus=nohz,domain,managed_irq,8-15",
		 {"isolcpus=8-15", "nohz_full=8-15"},
		 "isolcpus=nohz,domain,managed_irq,8-15",
		 0},
		{"a flag drops the default",
		 "isolcpus=managed_irq,8-15",
		 {"isolcpus=8-15"},
		 "isolcpus=managed_irq,8-15 isolcpus=8-15",
		 0},
		{"written otherwise",
		 "isolcpus=8,9,10-15",
		 {"isolcpus=8-15"},
		 "isolcpus=8,9,10-15",
		 0},
		{"other CPUs", "isolcpus=2-5", {"isolcpus=managed_irq,domain,2-7"}, NULL, 0},
		{"other CPUs, replaced",
		 "isolcpus=2-5 x",
		 {"isolcpus=managed_irq,domain,2-7"},
		 "isolcpus=managed_irq,domain,2-7 x",
		 EDIT_REPLACE},
		{"the first wins",
		 "isolcpus=8-15 isolcpus=2",
		 {"isolcpus=8-15"},
		 "isolcpus=8-15 isolcpus=2",
		 0},
		{"the second does not", "isolcpus=2 isolcpus=8-15", {"isolcpus=8-15"}, NULL, 0},
		{"only the first is replaced",
		 "isolcpus=2 isolcpus=3",
		 {"isolcpus=8-15"},
		 "isolcpus=8-15 isolcpus=3",
		 EDIT_REPLACE},
		{"in front of the user's own",
		 "isolcpus=2 isolcpus=8-15",
		 {"isolcpus=8-15"},
		 "isolcpus=8-15 isolcpus=8-15",
		 EDIT_REPLACE},
		{"its name alone",
		 "isolcpus nohz_full",
		 {"isolcpus=8-15"},
		 "isolcpus nohz_full isolcpus=8-15",
		 0},
		{"nohz_full of others", "nohz_full=1", {"nohz_full=8-15"}, NULL, 0},
		{"isolcpus=nohz of others", "isolcpus=nohz,1", {"nohz_full=8-15"}, NULL, 0},
		{"dropped whole",
		 "nohz_full=1 isolcpus=nohz,domain,8-15",
		 {"isolcpus=8-15"},
		 "nohz_full=1 isolcpus=nohz,domain,8-15 isolcpus=8-15",
		 0},
		{"what is not understood is the user's",
		 "isolcpus=8-N",
		 {"isolcpus=8-15"},
		 NULL,
		 0},
		{"the same, not understood",
		 "isolcpus=domain,8-N",
		 {"isolcpus=8-N"},
		 "isolcpus=domain,8-N",
		 0},
		{"both by one",
		 "isolcpus=nohz,domain,2-3",
		 {"isolcpus=8-15", "nohz_full=8-15"},
		 "isolcpus=8-15 nohz_full=8-15",
		 EDIT_REPLACE},
		{"the last affinity",
		 "irqaffinity=0-3 irqaffinity=0,1-7",
		 {"irqaffinity=0-7"},
		 "irqaffinity=0-3 irqaffinity=0,1-7",
		 0},
		{"another affinity",
		 "irqaffinity=0-7 irqaffinity=0-3",
		 {"irqaffinity=0-7"},
		 NULL,
		 0},
		{"the last is replaced",
		 "irqaffinity=0-7 irqaffinity=0-3",
		 {"irqaffinity=0-7"},
		 "irqaffinity=0-7 irqaffinity=0-7",
		 EDIT_REPLACE},
		{"without its list", "rcu_nocbs", {"rcu_nocbs=8-15"}, NULL, 0},
	};

	(void)state;
	check_cases(cases);
}

static void test_pages(void **state)
{
	static const struct edit_case cases[] = {
		{"two pools",
		 "hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=8",
		 {"hugepagesz=2M hugepages=8", "hugepagesz=1G hugepages=8"},
		 "hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=8",
		 0},
		{"two pools, added",
		 "x",
		 {"hugepagesz=2M hugepages=8", "hugepagesz=1G hugepages=8"},
		 "x hugepagesz=2M hugepages=8 hugepagesz=1G hugepages=8",
		 0},
		{"blanks of its own",
		 "x y",
		 {"hugepagesz=2M \t hugepages=8", "a"},
		 "x y hugepagesz=2M \t hugepages=8 a",
		 0},
		{"sizes as numbers",
		 "hugepagesz=1024M hugepages=016",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepagesz=1024M hugepages=016",
		 0},
		{"others in between",
		 "hugepagesz=1G quiet hugepages=16",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepagesz=1G quiet hugepages=16",
		 0},
		{"over two segments",
		 "hugepagesz=1G|hugepages=16",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepagesz=1G|hugepages=16",
		 0},
		{"the default pool is 2M",
		 "hugepages=512",
		 {"hugepagesz=2M hugepages=512"},
		 "hugepages=512",
		 0},
		{"another count of it", "hugepages=256", {"hugepagesz=2M hugepages=512"}, NULL, 0},
		{"it overrules what follows",
		 "hugepages=256 hugepagesz=2M hugepages=512",
		 {"hugepagesz=2M hugepages=512"},
		 NULL,
		 0},
		{"it is replaced",
		 "x hugepages=256 y",
		 {"hugepagesz=2M hugepages=512"},
		 "x hugepagesz=2M hugepages=512 y",
		 EDIT_REPLACE},
		{"it is no 1G",
		 "hugepages=256",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepages=256 hugepagesz=1G hugepages=16",
		 0},
		{"unless that is the default",
		 "hugepages=256 default_hugepagesz=1G",
		 {"hugepagesz=1G hugepages=16"},
		 NULL,
		 0},
		{"the default's count",
		 "default_hugepagesz=1G hugepages=16",
		 {"hugepagesz=1G hugepages=16"},
		 "default_hugepagesz=1G hugepages=16",
		 0},
		{"the default has none yet",
		 "default_hugepagesz=1G",
		 {"hugepagesz=1G hugepages=16"},
		 "default_hugepagesz=1G hugepagesz=1G hugepages=16",
		 0},
		{"another count",
		 "hugepagesz=1G hugepages=8",
		 {"hugepagesz=1G hugepages=16"},
		 NULL,
		 0},
		{"replaced as one stretch",
		 "x hugepagesz=1G  hugepages=8 y",
		 {"hugepagesz=1G hugepages=16"},
		 "x hugepagesz=1G hugepages=16 y",
		 EDIT_REPLACE},
		{"replaced in two places",
		 "hugepagesz=1G\tx hugepages=8 y",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepagesz=1G\tx hugepages=16 y",
		 EDIT_REPLACE},
		{"replaced in two segments",
		 "hugepagesz=1G|x|hugepages=8 y",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepagesz=1G|x|hugepages=16 y",
		 EDIT_REPLACE},
		{"two halves for one",
		 "default_hugepagesz=1G x hugepages=8",
		 {"default_hugepagesz=2M"},
		 NULL,
		 EDIT_REPLACE},
		{"a size without its count",
		 "x hugepagesz=1G",
		 {"hugepagesz=1G hugepages=16"},
		 NULL,
		 0},
		{"is completed",
		 "hugepagesz=1G x",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepagesz=1G hugepages=16 x",
		 EDIT_REPLACE},
		{"another size without its count",
		 "x hugepagesz=1G",
		 {"hugepagesz=2M hugepages=16"},
		 "x hugepagesz=1G hugepagesz=2M hugepages=16",
		 0},
		{"the second of the same is ignored",
		 "hugepagesz=1G hugepages=16 hugepagesz=1G hugepages=8",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepagesz=1G hugepages=16 hugepagesz=1G hugepages=8",
		 0},
		{"a count twice",
		 "hugepagesz=1G hugepages=16 hugepages=8",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepagesz=1G hugepages=16 hugepages=8",
		 0},
		{"nodes are a map",
		 "hugepagesz=2M hugepages=1:512,0:512",
		 {"hugepagesz=2M hugepages=0:512,1:512"},
		 "hugepagesz=2M hugepages=1:512,0:512",
		 0},
		{"fewer nodes",
		 "hugepagesz=2M hugepages=0:512",
		 {"hugepagesz=2M hugepages=0:512,1:512"},
		 NULL,
		 0},
		{"more nodes",
		 "hugepagesz=2M hugepages=0:512,1:512",
		 {"hugepagesz=2M hugepages=0:512"},
		 NULL,
		 0},
		{"a total is no map",
		 "hugepagesz=2M hugepages=512",
		 {"hugepagesz=2M hugepages=0:512"},
		 NULL,
		 0},
		{"after what is no size",
		 "hugepagesz=bogus hugepages=3",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepagesz=bogus hugepages=3 hugepagesz=1G hugepages=16",
		 0},
		{"no size of this CPU's",
		 "hugepages=256 default_hugepagesz=4M",
		 {"hugepagesz=2M hugepages=512"},
		 NULL,
		 0},
		{"the first count overrules the default's",
		 "hugepages=3 hugepagesz=1G hugepages=16 default_hugepagesz=1G",
		 {"hugepagesz=1G hugepages=16"},
		 NULL,
		 0},
		{"a count behind a default that is known is another's",
		 "hugepagesz=1G hugepagesz=2M default_hugepagesz=1G hugepages=16",
		 {"hugepagesz=2M hugepages=16"},
		 "hugepagesz=1G hugepagesz=2M default_hugepagesz=1G hugepages=16",
		 0},
		{"names alone",
		 "hugepages hugepagesz",
		 {"hugepagesz=1G hugepages=16"},
		 "hugepages hugepagesz hugepagesz=1G hugepages=16",
		 0},
		{"the default once",
		 "default_hugepagesz=1024M",
		 {"default_hugepagesz=1G"},
		 "default_hugepagesz=1024M",
		 0},
		{"another default", "default_hugepagesz=2M", {"default_hugepagesz=1G"}, NULL, 0},
		{"the user's 2M would be 1G", "hugepages=256", {"default_hugepagesz=1G"}, NULL, 0},
		{"the default after its pages",
		 "x",
		 {"hugepagesz=1G hugepages=16", "default_hugepagesz=1G"},
		 "x hugepagesz=1G hugepages=16 default_hugepagesz=1G",
		 0},
		{"a later segment's count would be ours",
		 ">x|hugepages=3",
		 {"hugepagesz=1G hugepages=16"},
		 NULL,
		 0},
		{"also where that changes nothing", ">x|hugepages=3", {"hugepagesz=2M"}, NULL, 0},
		{"also of a size alone", ">x|hugepages=3", {"hugepagesz=1G"}, NULL, 0},
		{"between a size and its count",
		 "hugepagesz=2M hugepages=8|>hugepagesz=2M|hugepages=9",
		 {"hugepagesz=1G hugepages=16"},
		 NULL,
		 0},
		{"what becomes of one half is not parted",
		 "hugepages=8 hugepagesz=1G default_hugepagesz=1G hugepages=3",
		 {"hugepagesz=2M", "hugepages=5", "hugepagesz=1G hugepages=16"},
		 NULL,
		 EDIT_REPLACE},
		{"a later segment's pool",
		 ">x|hugepagesz=2M hugepages=3",
		 {"hugepagesz=1G hugepages=16"},
		 ">x hugepagesz=1G hugepages=16|hugepagesz=2M hugepages=3",
		 0},
		{"what is init's binds nothing",
		 "hugepagesz=1G -- hugepages=16",
		 {"hugepagesz=2M hugepages=1"},
		 "hugepagesz=1G hugepagesz=2M hugepages=1 -- hugepages=16",
		 0},
	};

	(void)state;
	check_cases(cases);
}

static void test_others(void **state)
{
	static const struct edit_case cases[] = {
		{"many consoles",
		 "console=tty0 console=ttyS0",
		 {"console=ttyS1"},
		 "console=tty0 console=ttyS0 console=ttyS1",
		 0},
		{"one of them",
		 "console=tty0 console=ttyS0",
		 {"console=tty0"},
		 "console=tty0 console=ttyS0",
		 0},
		{"dracut's lists",
		 "rd.lvm.lv=a rd.lvm.lv=b",
		 {"rd.lvm.lv=c"},
		 "rd.lvm.lv=a rd.lvm.lv=b rd.lvm.lv=c",
		 0},
		{"dracut's switches", "rd.vfio=0", {"rd.vfio=1"}, NULL, 0},
		{"the last wins",
		 "kvm.ignore_msrs=0 kvm.ignore-msrs=1",
		 {"kvm.ignore_msrs=1"},
		 "kvm.ignore_msrs=0 kvm.ignore-msrs=1",
		 0},
		{"another value",
		 "kvm.ignore_msrs=1 kvm.ignore_msrs=0",
		 {"kvm.ignore_msrs=1"},
		 NULL,
		 0},
		{"the last ids", "vfio-pci.ids=1:2", {"vfio-pci.ids=1:2,3:4"}, NULL, 0},
		{"no value is another", "nosmt", {"nosmt=force"}, NULL, 0},
		{"an empty value is another", "nosmt=", {"nosmt"}, NULL, 0},
		{"a flag", "nosmt", {"nosmt"}, "nosmt", 0},
		{"quotes of the kernel",
		 "dyndbg=\"file a +p\"",
		 {"\"dyndbg=file a +p\""},
		 "dyndbg=\"file a +p\"",
		 0},
		{"dyndbg adds up",
		 "dyndbg=\"file a +p\"",
		 {"dyndbg=\"file b +p\""},
		 "dyndbg=\"file a +p\" dyndbg=\"file b +p\"",
		 0},
		{"a module's too",
		 "usb.dyndbg=+p",
		 {"usb.dyndbg=-p"},
		 "usb.dyndbg=+p usb.dyndbg=-p",
		 0},
		{"wanted twice", "x", {"a=1", "a=1"}, "x a=1", 0},
		{"the profile against itself", "x", {"a=1", "a=2"}, NULL, EDIT_REPLACE},
		{"and in a list", "x", {"iommu=pt", "iommu=nopt"}, NULL, EDIT_REPLACE},
	};

	(void)state;
	check_cases(cases);
}

/* --- what is ours -------------------------------------------------------------------------------- */

struct life {
	struct boot_line line;
	struct diag diag;
	bool changed;
};

static void live(struct life *life, const char *text)
{
	*life = (struct life){.diag = DIAG_INIT};
	make_line(&life->line, text);
}

static int life_set(struct life *life, unsigned flags, const char *const *texts)
{
	struct want items[WANTS_MAX];
	struct wants wants;

	make_wants(&wants, items, texts);
	return step(&life->line, &wants, flags, &life->diag, &life->changed);
}

#define set_to(life, flags, ...) life_set((life), (flags), (const char *const[]){__VA_ARGS__, NULL})

/* Somebody edits the file by hand: what is recorded stays. */
static void by_hand(struct life *life, const char *text)
{
	struct boot_line line;

	make_line(&line, text);
	assert_int_equal(owned_copy(&life->line.owned, &line.owned), 0);
	boot_line_free(&life->line);
	life->line = line;
}

static void check_life(const struct life *life, const char *expected)
{
	check_line("a life", &life->line, expected);
}

/* What stays wanted stays where it is; what is new comes behind it. */
static void test_change(void **state)
{
	struct life life;

	(void)state;
	live(&life, "x  y -- z");
	assert_int_equal(set_to(&life, 0, "iommu=pt", "isolcpus=2-5", "c"), 0);
	check_life(&life, "x  y iommu=pt isolcpus=2-5 c -- z");
	assert_int_equal(set_to(&life, 0, "isolcpus=8-15", "c", "iommu=pt"), 0);
	check_life(&life, "x  y iommu=pt c isolcpus=8-15 -- z");
	assert_true(life.changed);
	assert_int_equal(set_to(&life, 0, "iommu=pt"), 0);
	check_life(&life, "x  y iommu=pt -- z");
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "x  y -- z");
	boot_line_free(&life.line);

	live(&life, "");
	assert_int_equal(set_to(&life, 0, "a", "b", "c"), 0);
	assert_int_equal(set_to(&life, 0, "b", "c"), 0);
	check_life(&life, "b c");
	assert_int_equal(set_to(&life, 0, "d"), 0);
	check_life(&life, "d");
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "");
	boot_line_free(&life.line);
}

/* Leave that was given once to replace the user's own is not asked for again. */
static void test_change_replaced(void **state)
{
	struct life life;

	(void)state;
	live(&life, "isolcpus=1 iommu=soft,merge y");
	assert_int_equal(set_to(&life, 0, "isolcpus=2-5"), -EEXIST);
	assert_int_equal(set_to(&life, EDIT_REPLACE, "isolcpus=2-5", "iommu=pt"), 0);
	check_life(&life, "isolcpus=2-5 iommu=merge,pt y");
	assert_int_equal(set_to(&life, 0, "isolcpus=8-15", "iommu=pt"), 0);
	check_life(&life, "isolcpus=8-15 iommu=merge,pt y");
	assert_int_equal(life.line.owned.count, 2);
	assert_string_equal(life.line.owned.items[0].was, "isolcpus=1");
	assert_string_equal(life.line.owned.items[1].was, "iommu=soft,merge");
	assert_int_equal(set_to(&life, 0, "iommu=pt"), 0);
	check_life(&life, "isolcpus=1 iommu=merge,pt y");
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "isolcpus=1 iommu=soft,merge y");
	boot_line_free(&life.line);
}

static void test_users_own(void **state)
{
	struct life life;

	(void)state;
	live(&life, "iommu=pt x");
	assert_int_equal(set_to(&life, 0, "iommu=pt", "b=1"), 0);
	check_life(&life, "iommu=pt x b=1");
	assert_int_equal(life.line.owned.count, 1);

	/* The same again, by the user: one stays. */
	by_hand(&life, "iommu=pt x b=1 b=1");
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "iommu=pt x b=1");
	assert_int_equal(life.line.owned.count, 0);
	boot_line_free(&life.line);

	/* Taken out by the user: it is put back as long as it is wanted, and is ours again. */
	live(&life, "x");
	assert_int_equal(set_to(&life, 0, "a", "b=1"), 0);
	by_hand(&life, "x b=1 y");
	assert_int_equal(set_to(&life, 0, "a", "b=1"), 0);
	check_life(&life, "x b=1 y a");
	by_hand(&life, "x y");
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "x y");
	assert_true(life.changed);
	assert_int_equal(life.line.owned.count, 0);
	boot_line_free(&life.line);

	/* Given another value: it is the user's now, and contradicts. */
	live(&life, "x");
	assert_int_equal(set_to(&life, 0, "b=1"), 0);
	by_hand(&life, "x b=2");
	assert_int_equal(set_to(&life, 0, "b=1"), -EEXIST);
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "x b=2");
	boot_line_free(&life.line);

	/* A count of theirs that came to stand behind a size of ours stays. */
	live(&life, "x");
	assert_int_equal(set_to(&life, 0, "hugepagesz=1G", "hugepagesz=2M hugepages=5"), 0);
	by_hand(&life, "x hugepagesz=1G hugepagesz=2M hugepages=5 hugepages=3");
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "x hugepages=3");
	boot_line_free(&life.line);

	/* Behind `--` it is out of reach. */
	live(&life, "x");
	assert_int_equal(set_to(&life, 0, "b=1"), 0);
	by_hand(&life, "x -- b=1");
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "x -- b=1");
	boot_line_free(&life.line);
}

static void test_adopt(void **state)
{
	struct life life;

	(void)state;
	live(&life, "x intel_iommu=on,sm_on hugepagesz=1024M hugepages=16 iommu=pt y");
	assert_int_equal(set_to(&life, EDIT_ADOPT, "intel_iommu=on", "iommu=pt",
				"hugepagesz=1G hugepages=16"),
			 0);
	assert_true(life.changed);
	check_life(&life, "x intel_iommu=on,sm_on hugepagesz=1024M hugepages=16 iommu=pt y");
	assert_int_equal(life.line.owned.count, 2); /* not what says more than is wanted */
	assert_string_equal(life.line.owned.items[0].text, "hugepagesz=1024M hugepages=16");
	assert_int_equal(set_to(&life, EDIT_ADOPT, "intel_iommu=on", "iommu=pt",
				"hugepagesz=1G hugepages=16"),
			 0);
	assert_false(life.changed);
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "x intel_iommu=on,sm_on y");
	boot_line_free(&life.line);

	live(&life, "!iommu=pt|y");
	assert_int_equal(set_to(&life, EDIT_ADOPT, "iommu=pt"), 0);
	assert_int_equal(life.line.owned.count, 0);
	boot_line_free(&life.line);
}

/* A list of ours in another order is no change; a record of what is protected is no leave. */
static void test_records(void **state)
{
	struct life life;

	(void)state;
	live(&life, "x a b root=/dev/sda");
	assert_int_equal(owned_add(&life.line.owned, "b", NULL), 0);
	assert_int_equal(owned_add(&life.line.owned, "a", NULL), 0);
	assert_int_equal(set_to(&life, 0, "a", "b"), 0);
	assert_false(life.changed);
	assert_int_equal(owned_add(&life.line.owned, "root=/dev/sda", NULL), 0);
	assert_int_equal(owned_add(&life.line.owned, "not \"closed", NULL), 0);
	assert_int_equal(set_to(&life, 0, "a"), 0);
	check_life(&life, "x a root=/dev/sda");
	assert_int_equal(life.line.owned.count, 1);
	life.line.read_only = true;
	assert_int_equal(line_edit(&life.line, &(struct wants){.count = 0}, 0, &life.diag), 0);
	assert_int_equal(life.line.edit_count, 0);
	assert_false(life.line.changed);
	boot_line_free(&life.line);
}

/* Pairs that came to stand in two segments, as elements of a list do, go and come back as they were. */
static void test_split_pair(void **state)
{
	struct life life;

	(void)state;
	live(&life, "x|hugepages=256|y");
	assert_int_equal(set_to(&life, EDIT_REPLACE, "hugepagesz=2M hugepages=512"), 0);
	check_life(&life, "x|hugepagesz=2M hugepages=512|y");
	by_hand(&life, "x|hugepagesz=2M|hugepages=512|y");
	assert_int_equal(set_to(&life, 0, "hugepagesz=2M hugepages=512"), 0);
	assert_false(life.changed);
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "x|hugepages=256||y");
	boot_line_free(&life.line);

	live(&life, "x|hugepagesz=2M|hugepages=512|y");
	assert_int_equal(owned_add(&life.line.owned, "hugepagesz=2M hugepages=512", NULL), 0);
	assert_int_equal(set_to(&life, 0, NULL), 0);
	check_life(&life, "x|||y");
	boot_line_free(&life.line);
}

/* --- forbidden, too long, broken ----------------------------------------------------------------- */

static void test_forbidden(void **state)
{
	static const struct {
		const char *before, *forbidden, *want, *after;
	} rows[] = {
		{"x amd_iommu=off", "amd_iommu=off", "iommu=pt", "x amd_iommu= iommu=pt"},
		{"amd_iommu=off,fullflush", "amd_iommu=off", "iommu=pt",
		 "amd_iommu=fullflush iommu=pt"},
		{"x amd_iommu=on y", "amd_iommu", "iommu=pt", "x amd_iommu= y iommu=pt"},
		{"vfio-pci.ids=1:2", "vfio_pci.ids=1:2", "b=1", "vfio-pci.ids= b=1"},
		{"b=1 vfio-pci.ids=1:2", "vfio_pci.ids=1:2", "b=1", "b=1 vfio-pci.ids="},
		{"x vfio-pci.ids=1:2 y", "vfio_pci.ids=1:2", NULL, "x vfio-pci.ids= y"},
		{"vfio-pci.ids=1:2", "vfio-pci.ids=1:2", "hugepagesz=2M hugepages=2",
		 "vfio-pci.ids= hugepagesz=2M hugepages=2"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct want items[] = {{.text = (char *)rows[i].want, .item = "arg"}};
		struct want forbidden[] = {{.text = (char *)rows[i].forbidden, .item = "iommu"}};
		struct wants wants = {.items = items,
				      .count = rows[i].want != NULL,
				      .forbidden = forbidden,
				      .forbidden_count = 1},
			     none = {.count = 0};
		struct diag diag = DIAG_INIT;
		struct boot_line line;
		bool changed;

		make_line(&line, rows[i].before);
		assert_int_equal(step(&line, &wants, 0, &diag, &changed), -EEXIST);
		/* The name is told as it stands in the line, and not twice. */
		assert_true(strstr(diag.text, rows[i].forbidden) ||
			    strstr(diag.text, "contradicts the profile"));
		assert_int_equal(step(&line, &wants, EDIT_REPLACE, &diag, &changed), 0);
		check_line("forbidden", &line, rows[i].after);
		assert_int_equal(step(&line, &wants, 0, &diag, &changed), 0);
		assert_false(changed);
		assert_int_equal(step(&line, &none, 0, &diag, &changed), 0);
		check_line("forbidden, undone", &line, rows[i].before);
		boot_line_free(&line);
	}

	for (size_t i = 0; i < 3; i++) {
		static const char *const fine[] = {"amd_iommu=fullflush", "amd_iommu",
						   "x -- amd_iommu=off"};
		struct want forbidden[] = {{.text = (char *)"amd_iommu=off", .item = "iommu"}};
		struct wants wants = {.forbidden = forbidden, .forbidden_count = 1};
		struct diag diag = DIAG_INIT;
		struct boot_line line;

		make_line(&line, fine[i]);
		assert_int_equal(line_edit(&line, &wants, 0, &diag), 0);
		assert_int_equal(line.edit_count, 0);
		boot_line_free(&line);
	}
}

static void fill(char *buf, size_t size)
{
	memset(buf, 'x', size);
	buf[size] = '\0';
}

static void test_too_long(void **state)
{
	char text[LINE_MAX_BYTES + 100];
	struct life life;

	(void)state;
	fill(text, LINE_MAX_BYTES - strlen(" b=1"));
	live(&life, text);
	assert_int_equal(set_to(&life, 0, "b=1"), 0);
	assert_int_equal(set_to(&life, 0, "b=1", "c"), -E2BIG);
	assert_string_equal(life.diag.file, "/boot/entry.conf");
	life.line.prefix = 1;
	assert_int_equal(set_to(&life, 0, "b=1"), 0); /* it is there: no edit */
	boot_line_free(&life.line);

	live(&life, text);
	life.line.prefix = 1;
	assert_int_equal(set_to(&life, 0, "b=1"), -E2BIG);
	boot_line_free(&life.line);

	fill(text, LINE_MAX_BYTES - strlen(" |b=1"));
	strcat(text, "|");
	live(&life, text);
	assert_int_equal(set_to(&life, 0, "b=1"), 0); /* the blank between the two counts */
	assert_int_equal(set_to(&life, 0, "b=1", "c"), -E2BIG);
	boot_line_free(&life.line);

	/* Too long by itself: ours may still go. */
	fill(text, LINE_MAX_BYTES + 20);
	strcat(text, " b=1");
	live(&life, text);
	assert_int_equal(set_to(&life, 0, "b=1"), 0);
	assert_int_equal(owned_add(&life.line.owned, "b=1", NULL), 0);
	assert_int_equal(set_to(&life, 0, NULL), 0);
	assert_true(life.changed);
	boot_line_free(&life.line);
}

static void test_broken(void **state)
{
	static const char *const open[] = {"x \"y", "a=\"b c", "x -- \"y", "x|a=\"", "!\"|x"};
	static const char *const wants[] = {
		"", "a b", "a=\"b", "root=/dev/sda", "--", "-- a", "systemd.machine-id=1"};
	struct life life;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(open); i++) {
		live(&life, open[i]);
		assert_int_equal(set_to(&life, 0, "b=1"), -EBADMSG);
		assert_string_equal(life.diag.file, "/boot/entry.conf");
		assert_int_equal(life.diag.line, i == 3 ? 2 : 1);
		assert_int_equal(set_to(&life, 0, NULL), -EBADMSG);
		boot_line_free(&life.line);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wants); i++) {
		live(&life, "x");
		assert_int_equal(set_to(&life, 0, "ok", wants[i]), -EINVAL);
		assert_string_equal(life.diag.file, "/etc/vfio-bootcfg.conf");
		assert_int_equal(life.diag.line, 11);
		boot_line_free(&life.line);
	}
}

/* The message names file, line, both parameters and the cure. */
static void test_message(void **state)
{
	struct life life;
	char text[DIAG_STR];

	(void)state;
	live(&life, "x|y iommu=soft");
	assert_int_equal(set_to(&life, 0, "b=1", "iommu=pt"), -EEXIST);
	assert_string_equal(
		diag_format(&life.diag, text),
		"/boot/entry.conf:2: `iommu=soft` contradicts `iommu=pt` "
		"(/etc/vfio-bootcfg.conf:11); take it out, or let --replace put ours in its "
		"place (`unset` puts it back)");
	boot_line_free(&life.line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),		cmocka_unit_test(test_iommu),
		cmocka_unit_test(test_isolation),	cmocka_unit_test(test_pages),
		cmocka_unit_test(test_others),		cmocka_unit_test(test_change),
		cmocka_unit_test(test_change_replaced), cmocka_unit_test(test_users_own),
		cmocka_unit_test(test_adopt),		cmocka_unit_test(test_records),
		cmocka_unit_test(test_split_pair),	cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_too_long),	cmocka_unit_test(test_broken),
		cmocka_unit_test(test_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
