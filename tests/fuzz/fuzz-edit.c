// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Edits of command lines, for libFuzzer: any text, any wants, all flags. Against a second account of what the
 * kernel does, and against what has to hold for every line: a second edit changes nothing, an edit
 * to nothing gives the bytes back.
 *
 * Input: a line of flags (r: replace, a: adopt, a digit: the segment to append to), wants line by
 * line (those with `~` in front are forbidden), a line `.`, segments line by line (those with `!`
 * in front are fixed). A byte from 0x80 up stands for a whole word, 1 for a byte 0xa0, 2 for a
 * line end in a segment.
 */
#include <stdint.h>
#include <string.h>

#include "bootcfg/edit.h"
#include "tests/fuzz/kernel-model.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define WANTS_MAX 8
#define SEGMENTS_MAX 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {
	" ",
	" ",
	"  ",
	"\t",
	"\n",
	"\n.\n",
	" -- ",
	"\"",
	" iommu=pt",
	" iommu=soft",
	" iommu=off",
	" iommu=nopt",
	" iommu=merge,soft",
	" intel_iommu=on",
	" intel-iommu=off",
	" iommu.passthrough=0",
	" amd_iommu=off",
	",pt",
	",off",
	",on",
	" isolcpus=8-15",
	" isolcpus=2",
	" isolcpus=domain,managed_irq,8-15",
	" isolcpus=nohz,domain,2",
	" nohz_full=8-15",
	" nohz_full=2",
	" irqaffinity=0-7",
	" hugepagesz=1G",
	" hugepagesz=2M",
	" hugepagesz=1024M",
	" hugepages=8",
	" hugepages=16",
	" hugepages=0:4,1:4",
	" hugepages=1:4,0:4",
	" default_hugepagesz=1G",
	" default_hugepagesz=2M",
	" hugepagesz=1G hugepages=16",
	" hugepagesz=2M hugepages=8",
	" hugepages=",
	" kvm.a=1",
	" kvm.a=2",
	" kvm.a",
	" console=tty0",
	" dyndbg=\"file a +p\"",
	"\"dyndbg=file a +p\"",
	" root=/dev/sda",
	" quiet",
	" rd.driver.pre=x",
	" vfio-pci.ids=1:2",
	"~amd_iommu=off",
	"~vfio-pci.ids",
	"!",
};

struct scene {
	char *text; /* of the whole input, words written out; owned */
	unsigned flags;
	size_t append;
	struct want items[WANTS_MAX], forbidden[WANTS_MAX];
	struct wants wants;
	struct boot_line line;
};

static char *write_out(const uint8_t *data, size_t size)
{
	char *text = malloc(size * 40 + 1), *at = text;

	CHECK(text);
	for (size_t i = 0; i < size; i++) {
		if (data[i] >= 0x80)
			at = stpcpy(at, words[(data[i] - 0x80u) % ARRAY_SIZE(words)]);
		else if (data[i] == 1)
			*at++ = (char)0xa0;
		else if (data[i])
			*at++ = (char)data[i];
	}
	*at = '\0';
	return text;
}

struct only {
	size_t count, size;
};

static int see_unit(void *data, const char *unit, size_t size)
{
	struct only *only = data;

	(void)unit;
	only->count++;
	only->size += size;
	return 0;
}

static void add_want(struct want *items, size_t *count, char *text)
{
	struct only only = {.count = 0};

	text += strspn(text, " ");
	if (*count < WANTS_MAX && !line_units(text, see_unit, &only) && only.count == 1 &&
	    only.size == strlen(text) && !unit_protected(text))
		items[(*count)++] = (struct want){.text = text, .item = "arg"};
}

static void add_segment(struct scene *scene, char *text)
{
	bool fixed = *text == '!';

	if (scene->line.segment_count == SEGMENTS_MAX)
		return;
	text += fixed;
	for (char *at = text; *at; at++)
		if (*at == 2)
			*at = '\n';
	CHECK(!boot_line_segment(&scene->line, text, strlen(text), "/f", 1, fixed, 0));
}

static void read_scene(struct scene *scene, const uint8_t *data, size_t size)
{
	char *rest, *line;
	bool segments = false, first = true;

	*scene = (struct scene){.text = write_out(data, size)};
	scene->wants.items = scene->items;
	scene->wants.forbidden = scene->forbidden;
	scene->line.file = strdup("/f");
	for (rest = scene->text; (line = strsep(&rest, "\n")); first = false) {
		if (first) {
			scene->flags = (strchr(line, 'r') ? EDIT_REPLACE : 0u) |
				       (strchr(line, 'a') ? EDIT_ADOPT : 0u);
			scene->append = strcspn(line, "0123456789");
			scene->append =
				line[scene->append] ? (size_t)(line[scene->append] - '0') : 9;
		} else if (segments) {
			add_segment(scene, line);
		} else if (!strcmp(line, ".")) {
			segments = true;
		} else if (*line == '~') {
			add_want(scene->forbidden, &scene->wants.forbidden_count, line + 1);
		} else {
			add_want(scene->items, &scene->wants.count, line);
		}
	}
	if (!scene->line.segment_count)
		add_segment(scene, (char[]){""});
	/* The contract: the segment to append to is one that can be edited. */
	if (scene->append >= scene->line.segment_count)
		scene->append = scene->line.segment_count - 1;
	while (scene->append && scene->line.segments[scene->append].fixed)
		scene->append--;
	scene->line.segments[scene->append].fixed = false;
	scene->line.append = scene->append;
}

/* --- against the model --------------------------------------------------------------------------- */

/* NAME and VALUE of a want of one token without quotes; false for others. */
static bool plain(const char *want, char *name, size_t size, const char **ret_value)
{
	size_t len = strcspn(want, "=");

	if (strpbrk(want, " \t\n\v\f\r\xa0\"") || !want[len] || !len || len >= size)
		return false;
	memcpy(name, want, len);
	name[len] = '\0';
	*ret_value = want + len + 1;
	return true;
}

static bool isolated(const struct kernel *kernel, const char *name, const char *value, bool *ret)
{
	unsigned char cpus[MODEL_CPUS];

	if (!kernel->isolation_known || !model_cpus(value, cpus))
		return false;
	if (!strcmp(name, "isolcpus"))
		*ret = kernel->domain_set && !memcmp(kernel->domain, cpus, sizeof(cpus));
	else
		*ret = kernel->noise_set && !memcmp(kernel->noise, cpus, sizeof(cpus));
	return true;
}

static bool paged(const struct kernel *kernel, const char *want, bool *ret)
{
	char text[128], *value, *count, a[160], b[160];
	int size;

	if (!kernel->pages_known || strlen(want) >= sizeof(text))
		return false;
	strcpy(text, want);
	count = strstr(text, " hugepages=");
	if (strncmp(text, "hugepagesz=", 11) != 0 || !count)
		return false;
	*count = '\0';
	value = text + 11;
	count += 11;
	if (strpbrk(value, " \"") || !model_count(count))
		return false;
	size = model_size(value);
	if (size < 0)
		return false;
	snprintf(a, sizeof(a), "hugepages=%s", count);
	snprintf(b, sizeof(b), "hugepages=%.140s", kernel->pages[size]);
	*ret = *kernel->pages[size] && unit_equal(a, b);
	return true;
}

/* Whether the kernel acts on a want: true if the model can tell, then *ret says it. */
static bool model_says(const char *text, const char *want, bool *ret)
{
	const char *value = NULL;
	char name[32] = "";
	bool simple = plain(want, name, sizeof(name), &value);
	struct kernel kernel;

	kernel_boot(&kernel, text, name);
	if (kernel.open_quote || strlen(want) >= sizeof(kernel.last_value))
		return false;
	if (!simple)
		return paged(&kernel, want, ret);
	if (!strcmp(want, "iommu=pt"))
		*ret = kernel.passthrough && !kernel.no_iommu && !kernel.swiotlb;
	else if (!strcmp(want, "intel_iommu=on"))
		*ret = kernel.intel && !kernel.no_iommu;
	else if (!strcmp(name, "isolcpus") || !strcmp(name, "nohz_full"))
		return isolated(&kernel, name, value, ret);
	else if (!strncmp(name, "kvm.", 4) && !strstr(name, "dyndbg"))
		*ret = kernel.last_seen && !strcmp(kernel.last_value, value);
	else
		return false;
	return true;
}

static bool is_missing(const struct line_report *report, const char *want)
{
	for (size_t i = 0; i < report->missing_count; i++)
		if (!strcmp(report->missing[i], want))
			return true;
	return false;
}

/* What is said about a line, and what the kernel would make of it. */
static void check_report(const struct boot_line *line, const struct wants *wants, bool complete)
{
	_cleanup_free_ char *text = boot_line_text(line);
	struct line_report report = {.missing_count = 0};
	struct kernel kernel;
	int r;

	CHECK(text);
	kernel_boot(&kernel, text, "");
	r = line_compare(text, wants, &line->owned, &report);
	CHECK(r == (kernel.open_quote ? -EBADMSG : 0));
	CHECK(!complete || (!r && !report.missing_count));
	for (size_t i = 0; i < wants->count; i++) {
		const char *want = wants->items[i].text;
		bool in_force;

		if (model_says(text, want, &in_force) && in_force == is_missing(&report, want)) {
			fprintf(stderr, "`%s` is%s in force in `%s`\n", want,
				in_force ? "" : " not", text);
			abort();
		}
	}
	line_report_free(&report);
}

/* Pools that nobody asks for are as they were. */
static void check_pools(const struct boot_line *before, const struct boot_line *after,
			const struct wants *wants)
{
	_cleanup_free_ char *a = boot_line_text(before), *b = boot_line_text(after);
	struct kernel x, y;

	CHECK(a && b);
	for (size_t i = 0; i < wants->count; i++)
		if (strstr(wants->items[i].text, "hugepages"))
			return;
	kernel_boot(&x, a, "");
	kernel_boot(&y, b, "");
	for (int i = 0; i < MODEL_SIZES && x.pages_known; i++)
		CHECK(!strcmp(x.pages[i], y.pages[i]));
}

/* --- edits --------------------------------------------------------------------------------------- */

static void check_edits(const struct boot_line *line)
{
	for (size_t i = 0; i < line->edit_count; i++) {
		const struct edit *edit = &line->edits[i];

		CHECK(edit->segment < line->segment_count);
		CHECK(!line->segments[edit->segment].fixed);
		CHECK(edit->at + edit->remove <= strlen(line->segments[edit->segment].text));
		CHECK(edit->remove || *edit->insert);
		if (!i)
			continue;
		CHECK(edit[-1].segment <= edit->segment);
		CHECK(edit[-1].segment < edit->segment || edit[-1].at + edit[-1].remove < edit->at);
	}
	CHECK(line->changed || !line->edit_count);
}

static size_t total(const struct boot_line *line)
{
	_cleanup_free_ char *text = boot_line_text(line);

	CHECK(text);
	return strlen(text);
}

/* The line as it is after its edits; owned_after is what it owns. */
static void follow(const struct boot_line *line, struct boot_line *ret)
{
	*ret = (struct boot_line){.file = strdup("/f"), .append = line->append};
	for (size_t i = 0; i < line->segment_count; i++) {
		_cleanup_free_ char *text = boot_line_edited(line, i);

		CHECK(text);
		CHECK(!boot_line_segment(ret, text, strlen(text), "/f", 1, line->segments[i].fixed,
					 0));
	}
	CHECK(!owned_copy(&line->owned_after, &ret->owned));
}

static bool same_bytes(const struct boot_line *a, const struct boot_line *b)
{
	for (size_t i = 0; i < a->segment_count; i++)
		if (strcmp(a->segments[i].text, b->segments[i].text) != 0)
			return false;
	return true;
}

/* One edit with all that must hold after it. True if it was done; *ret is what came out. */
static bool step(struct boot_line *line, const struct wants *wants, unsigned flags,
		 struct boot_line *ret)
{
	struct diag diag = DIAG_INIT;
	int r = line_edit(line, wants, flags, &diag);

	if (r < 0) {
		CHECK(r == -EEXIST || r == -E2BIG || r == -EBADMSG);
		CHECK(*diag.text && *diag.file);
		CHECK(!line->edit_count && !line->owned_after.count && !line->changed);
		return false;
	}
	check_edits(line);
	follow(line, ret);
	CHECK(total(ret) <= LINE_MAX_BYTES || total(ret) <= total(line));
	check_report(ret, wants, true);
	return true;
}

/* Again: nothing is left to do, also where the record is kept in another order. */
static void check_again(const struct boot_line *line, const struct wants *wants, unsigned flags)
{
	struct boot_line again, reversed;

	follow(line, &again);
	owned_free(&again.owned);
	CHECK(!owned_copy(&line->owned, &again.owned));
	CHECK(step(&again, wants, flags, &reversed));
	if (again.changed || again.edit_count) {
		_cleanup_free_ char *text = boot_line_text(&again);

		fprintf(stderr, "again: `%s`\n", text);
		abort();
	}
	boot_line_free(&again);
	boot_line_free(&reversed);
}

static void play(struct scene *scene)
{
	struct wants fewer = scene->wants, none = {.count = 0};
	struct boot_line set, less, end;

	check_report(&scene->line, &scene->wants, false);
	if (!step(&scene->line, &scene->wants, scene->flags, &set))
		return;
	if (!(scene->flags & EDIT_REPLACE)) {
		for (size_t i = 0; i < scene->line.edit_count; i++)
			CHECK(!scene->line.edits[i].remove);
		check_pools(&scene->line, &set, &scene->wants);
	}
	check_again(&set, &scene->wants, scene->flags);

	/* Another profile, without leave to replace: then back to nothing. */
	if (fewer.count) {
		fewer.items++;
		fewer.count--;
	}
	if (step(&set, &fewer, 0, &less)) {
		check_again(&less, &fewer, 0);
		CHECK(step(&less, &none, 0, &end));
		CHECK(!end.owned.count);
		CHECK((scene->flags & EDIT_ADOPT) || same_bytes(&scene->line, &end));
		boot_line_free(&less);
		boot_line_free(&end);
	}
	CHECK(step(&set, &none, 0, &end));
	CHECK(!end.owned.count);
	CHECK((scene->flags & EDIT_ADOPT) || same_bytes(&scene->line, &end));
	boot_line_free(&end);
	boot_line_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene scene;

	if (size > 4096)
		return 0;
	read_scene(&scene, data, size);
	play(&scene);
	boot_line_free(&scene.line);
	free(scene.text);
	return 0;
}
