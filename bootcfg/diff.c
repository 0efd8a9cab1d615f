// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plan as a unified diff: Myers' greedy algorithm (An O(ND) Difference Algorithm, 1986) on what is
 * left between the common beginning and end of a file.
 */
#include <string.h>

#include "bootcfg/plan.h"

#define CONTEXT 3 /* lines, as diff(1) -u has it */

/* More differences than this in one file, and the middle is shown as replaced: time and memory of the
 * search grow with their square. */
#define EDITS_MAX 1000

struct lines {
	const char **at; /* the beginning of each, and the end of the last */
	size_t count;
};

/* A stretch of lines that is not the same: from and to of the old and of the new file. */
struct hunk {
	size_t old_from, old_to, new_from, new_to;
};

struct hunks {
	struct hunk *items;
	size_t count;
};

static int lines_cut(struct lines *lines, const char *data, size_t size)
{
	const char *end = data + size;
	size_t count = 0;

	for (const char *at = data; at < end; count++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		at = newline ? newline + 1 : end;
	}
	lines->at = reallocarray(NULL, count + 1, sizeof(*lines->at));
	if (!lines->at)
		return -ENOMEM;
	lines->count = count;
	for (size_t i = 0; i < count; i++) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));

		lines->at[i] = data;
		data = newline ? newline + 1 : end;
	}
	lines->at[count] = end;
	return 0;
}

static void lines_free(struct lines *lines)
{
	free(lines->at);
}

static size_t length(const struct lines *lines, size_t i)
{
	return (size_t)(lines->at[i + 1] - lines->at[i]);
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t j)
{
	return length(a, i) == length(b, j) && !memcmp(a->at[i], b->at[j], length(a, i));
}

/* Adds a stretch in front of those that are there already, or to the first of them. */
static int hunk_push(struct hunks *hunks, size_t old_from, size_t old_to, size_t new_from,
		     size_t new_to)
{
	struct hunk *items;

	if (hunks->count) {
		struct hunk *last = &hunks->items[hunks->count - 1];

		if (last->old_from == old_to && last->new_from == new_to) {
			last->old_from = old_from;
			last->new_from = new_from;
			return 0;
		}
	}
	items = reallocarray(hunks->items, hunks->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	hunks->items = items;
	items[hunks->count++] = (struct hunk){old_from, old_to, new_from, new_to};
	return 0;
}

/* The middle of the files, and how far a search has come on each diagonal after each edit. */
struct search {
	const struct lines *old, *new;
	size_t skip; /* common lines at the beginning */
	long old_count, new_count; /* between the common lines */
	long **rows; /* after d edits, by diagonal + d: the furthest line of the old file */
	long edits;
};

static void search_free(struct search *search)
{
	for (long d = 0; search->rows && d <= search->edits; d++)
		free(search->rows[d]);
	free(search->rows);
}

static bool search_same(const struct search *search, long x, long y)
{
	return same(search->old, search->skip + (size_t)x, search->new, search->skip + (size_t)y);
}

/* Whether the best way to diagonal k in d edits ends with a line of the new file. */
static bool comes_down(const long *before, long d, long k)
{
	return k == -d || (k != d && before[k - 1 + d - 1] < before[k + 1 + d - 1]);
}

/* 1: found, in search->edits; 0: too many differences; -ENOMEM. */
static int search_run(struct search *search)
{
	search->rows = calloc(EDITS_MAX + 1, sizeof(*search->rows));
	if (!search->rows)
		return -ENOMEM;
	for (long d = 0; d <= EDITS_MAX; d++) {
		long *row = calloc((size_t)(2 * d + 1), sizeof(*row));
		const long *before = d ? search->rows[d - 1] : NULL;

		if (!row)
			return -ENOMEM;
		search->rows[d] = row;
		search->edits = d;
		for (long k = -d; k <= d; k += 2) {
			long x = !d			    ? 0
				 : comes_down(before, d, k) ? before[k + 1 + d - 1]
							    : before[k - 1 + d - 1] + 1;
			long y = x - k;

			while (x < search->old_count && y < search->new_count && y >= 0 &&
			       search_same(search, x, y)) {
				x++;
				y++;
			}
			row[k + d] = x;
			if (x >= search->old_count && y >= search->new_count)
				return 1;
		}
	}
	return 0;
}

/* From the end back to the beginning: the last stretch comes first. */
static int search_trace(const struct search *search, struct hunks *hunks)
{
	long x = search->old_count, y = search->new_count;

	for (long d = search->edits; d > 0; d--) {
		const long *before = search->rows[d - 1];
		long k = x - y;
		bool down = comes_down(before, d, k);
		long from_x = down ? before[k + 1 + d - 1] : before[k - 1 + d - 1];
		long from_y = from_x - (down ? k + 1 : k - 1);
		size_t skip = search->skip;

		if (hunk_push(hunks, skip + (size_t)from_x, skip + (size_t)(from_x + !down),
			      skip + (size_t)from_y, skip + (size_t)(from_y + down)) < 0)
			return -ENOMEM;
		x = from_x;
		y = from_y;
	}
	return 0;
}

/* What differs, the last stretch first. */
static int compare(const struct lines *old, const struct lines *new, struct hunks *hunks)
{
	_cleanup_(search_free) struct search search = {.old = old, .new = new};
	size_t shorter = old->count < new->count ? old->count : new->count;
	size_t tail = 0;
	int r;

	while (search.skip < shorter && same(old, search.skip, new, search.skip))
		search.skip++;
	while (tail < shorter - search.skip &&
	       same(old, old->count - tail - 1, new, new->count - tail - 1))
		tail++;
	search.old_count = (long)(old->count - tail - search.skip);
	search.new_count = (long)(new->count - tail - search.skip);
	r = search_run(&search);
	if (r < 0)
		return r;
	if (r)
		return search_trace(&search, hunks);
	return hunk_push(hunks, search.skip, old->count - tail, search.skip, new->count - tail);
}

/* --- printing ---------------------------------------------------------------------------------- */

static void print_lines(FILE *stream, char mark, const struct lines *lines, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		size_t size = length(lines, i);

		putc(mark, stream);
		fwrite(lines->at[i], 1, size, stream);
		if (lines->at[i][size - 1] != '\n')
			fputs("\n\\ No newline at end of file\n", stream);
	}
}

/* "FROM,COUNT" of a range; an empty one is named by the line before it. */
static void print_range(FILE *stream, size_t from, size_t to)
{
	if (to - from == 1)
		fprintf(stream, "%zu", from + 1);
	else
		fprintf(stream, "%zu,%zu", from + (to > from), to - from);
}

/* Stretches `last` down to `first` (they are in reverse), near enough for one block of context. */
static void print_block(FILE *stream, const struct lines *old, const struct lines *new,
			const struct hunk *hunks, size_t last, size_t first)
{
	size_t before = hunks[last].old_from < CONTEXT ? hunks[last].old_from : CONTEXT;
	size_t behind = old->count - hunks[first].old_to;
	size_t at = hunks[last].old_from - before;

	behind = behind < CONTEXT ? behind : CONTEXT;
	fputs("@@ -", stream);
	print_range(stream, at, hunks[first].old_to + behind);
	fputs(" +", stream);
	print_range(stream, hunks[last].new_from - before, hunks[first].new_to + behind);
	fputs(" @@\n", stream);
	for (size_t i = last + 1; i-- > first;) {
		print_lines(stream, ' ', old, at, hunks[i].old_from);
		print_lines(stream, '-', old, hunks[i].old_from, hunks[i].old_to);
		print_lines(stream, '+', new, hunks[i].new_from, hunks[i].new_to);
		at = hunks[i].old_to;
	}
	print_lines(stream, ' ', old, at, at + behind);
}

static void print_hunks(FILE *stream, const struct lines *old, const struct lines *new,
			const struct hunks *hunks)
{
	size_t last = hunks->count;

	while (last-- > 0) {
		size_t first = last;

		while (first > 0 &&
		       hunks->items[first - 1].old_from - hunks->items[first].old_to <= 2 * CONTEXT)
			first--;
		print_block(stream, old, new, hunks->items, last, first);
		last = first;
	}
}

/* As diff(1) and patch(1) have it: in C's quotes where a byte of it would end the line. */
static void print_name(FILE *stream, const char *mark, const char *prefix, const char *path)
{
	bool plain = true;

	for (const char *at = path; *at; at++)
		plain = plain && *at > ' ' && *at != '"' && *at != '\\' && *at != 0x7f;
	fprintf(stream, "%s %s%s", mark, plain ? "" : "\"", prefix);
	for (const char *at = path; *at; at++) {
		if (plain || (*at >= ' ' && *at != '"' && *at != '\\' && *at != 0x7f))
			putc(*at, stream);
		else
			fprintf(stream, "\\%03o", (unsigned char)*at);
	}
	fputs(plain ? "\n" : "\"\n", stream);
}

static int print_change(FILE *stream, const struct change *change)
{
	_cleanup_(lines_free) struct lines old = {.count = 0};
	_cleanup_(lines_free) struct lines new = {.count = 0};
	struct hunks hunks = {.count = 0};
	int r;

	if (lines_cut(&old, change->old.exists ? change->old.data : "", change->old.size) < 0 ||
	    lines_cut(&new, change->data ? change->data : "", change->size) < 0)
		return -ENOMEM;
	r = compare(&old, &new, &hunks);
	if (r >= 0) {
		if (change->old.exists)
			print_name(stream, "---", "a/", change->old.path);
		else
			fputs("--- /dev/null\n", stream);
		if (change->data)
			print_name(stream, "+++", "b/", change->old.path);
		else
			fputs("+++ /dev/null\n", stream);
		print_hunks(stream, &old, &new, &hunks);
	}
	free(hunks.items);
	return r;
}

int plan_print(const struct plan *plan, FILE *stream)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct change *change = &plan->changes[i];
		int r;

		if (change->kind == PLAN_UNCHANGED || change->private)
			continue;
		r = print_change(stream, change);
		if (r < 0)
			return r;
	}
	return ferror(stream) ? -EIO : 0;
}
