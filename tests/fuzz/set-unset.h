/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds for every file that carries a command line: set, set again, unset; the second set
 * changes nothing, the last one gives every byte back. For libFuzzer.
 */
#ifndef TESTS_FUZZ_SET_UNSET_H
#define TESTS_FUZZ_SET_UNSET_H

#include <stdint.h>
#include <string.h>

#include "bootcfg/edit.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A format: read text into a line (0, or its error), and write the edited line. */
struct format {
	int (*read)(const char *text, size_t size, struct boot_line *ret, void **ret_file);
	char *(*write)(void *file, const struct boot_line *line);
	void (*free)(void *file);
};

static struct want wanted[] = {
	{.text = (char *)"intel_iommu=on", .item = "iommu"},
	{.text = (char *)"iommu=pt", .item = "iommu"},
	{.text = (char *)"isolcpus=8-15", .item = "isolcpus"},
	{.text = (char *)"hugepagesz=1G hugepages=16", .item = "hugepages:1G"},
};

/*
 * One run: what the text is after it, or NULL where it is refused. *ret_changed is the line's.
 * The text is the caller's, also the answer.
 */
static char *run(const struct format *format, const char *text, size_t size, size_t wants_count,
		 unsigned flags, bool *ret_ours, bool *ret_changed)
{
	static const char *const none[] = {NULL};
	struct wants wants = {.items = wanted, .count = wants_count, .superseded = none};
	struct boot_line line = {.changed = false};
	struct diag diag = DIAG_INIT;
	char *after = NULL;
	void *file;

	if (format->read(text, size, &line, &file) < 0)
		return NULL;
	*ret_ours = line.owned_known;
	if (line_edit(&line, &wants, flags, &diag) == 0) {
		*ret_changed = line.changed;
		after = format->write(file, &line);
		CHECK(after);
	} else {
		CHECK(*diag.text);
	}
	boot_line_free(&line);
	format->free(file);
	return after;
}

/* The first byte says what is wanted, and whether --replace is given. */
static void set_unset(const struct format *format, const uint8_t *data, size_t size)
{
	size_t count = size ? data[0] % (ARRAY_SIZE(wanted) + 1) : 0;
	unsigned flags = size && data[0] & 0x80 ? EDIT_REPLACE : 0;
	_cleanup_free_ char *text = calloc(1, size + 1), *set = NULL, *again = NULL, *unset = NULL;
	bool ours, changed;

	CHECK(text);
	if (!size)
		return;
	memcpy(text, data + 1, --size);
	set = run(format, text, size, count, flags, &ours, &changed);
	if (!set)
		return;
	CHECK(changed || ours || !strcmp(set, text));
	again = run(format, set, strlen(set), count, flags, &(bool){false}, &changed);
	CHECK(again && !changed && !strcmp(again, set));
	unset = run(format, set, strlen(set), 0, flags, &(bool){false}, &changed);
	CHECK(unset);
	if (!ours)
		CHECK(!strcmp(unset, text));
}

#endif
