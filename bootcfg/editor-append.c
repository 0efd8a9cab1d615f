// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/editor.h"
#include "bootcfg/pools.h"

/* What the line says on huge pages, to see whether it still does. */
struct user_pools {
	char *counts[PAGE_SHIFTS]; /* owned; NULL: none */
	size_t pairs; /* of the user's: a size with its count */
};

static void user_pools_free(struct user_pools *pools)
{
	for (int i = 0; i < PAGE_SHIFTS; i++)
		free(pools->counts[i]);
}

static int user_pools_read(const struct editor *editor, struct user_pools *ret)
{
	const struct units *units = &editor->draft.units;
	struct pools pools;

	for (size_t i = 0; i < units->count; i++)
		ret->pairs += units->items[i].count == 2 && !editor_owns(editor, &units->items[i]);
	pools_read(units, &pools);
	for (int i = 0; i < PAGE_SHIFTS; i++) {
		struct slice count;

		if (pools.count_from[i] == NO_UNIT)
			continue;
		count = unit_pages(&units->items[pools.count_from[i]]);
		ret->counts[i] = strndup(count.data, count.size);
		if (!ret->counts[i])
			return -ENOMEM;
	}
	return 0;
}

static bool is_wanted_pool(const struct editor *editor, int shift)
{
	for (size_t i = 0; i < editor->demand->wants->count; i++) {
		const struct unit *want = demand_want(editor->demand, i);

		if (want->param->class == PARAM_PAGES && unit_pages(want).data &&
		    unit_size_shift(want) == shift)
			return true;
	}
	return false;
}

/* Whether what was added has made something else of the user's own huge pages. */
static int check_user_pools(const struct editor *editor, const struct user_pools *before,
			    const struct want *want)
{
	_cleanup_(user_pools_free) struct user_pools after = {.counts = {NULL}};
	int r = user_pools_read(editor, &after);

	if (r < 0)
		return r;
	if (before->pairs != after.pairs)
		return diag_set(editor->diag, -EEXIST, editor->line->file, 0,
				"`%.120s` (%s:%u) would stand between a size of huge pages and its "
				"count: write the two side by side",
				want->text, want->file ? want->file : "the profile", want->line);
	for (int i = 0; i < PAGE_SHIFTS; i++) {
		const char *a = before->counts[i], *b = after.counts[i];

		if (!a == !b && (!a || !strcmp(a, b)))
			continue;
		if (is_wanted_pool(editor, i))
			continue;
		return diag_set(editor->diag, -EEXIST, editor->line->file, 0,
				"with `%.120s` (%s:%u) this line's own hugepages=%.60s would be "
				"another pool's; "
				"give it its size: hugepagesz=SIZE hugepages=%.60s",
				want->text, want->file ? want->file : "the profile", want->line,
				a ? a : b, a ? a : b);
	}
	return 0;
}

/* Where new units go: what is behind a `--` is not the kernel's. */
static int find_place(const struct editor *editor, size_t *ret)
{
	const struct boot_line *line = editor->line;
	const struct units *units = &editor->draft.units;
	size_t part = line->append;

	if (units->dashes != NO_UNIT && units->items[units->dashes].tokens[0].part < part)
		part = units->items[units->dashes].tokens[0].part;
	if (part >= line->segment_count || line->segments[part].fixed)
		return diag_set(editor->diag, -EEXIST,
				part < line->segment_count ? line->segments[part].file : line->file,
				part < line->segment_count ? line->segments[part].line : 0,
				"there is no place for a parameter that the kernel would read%s",
				units->dashes != NO_UNIT ? ": `--` ends its part before" : "");
	*ret = part;
	return 0;
}

/* Whether a want before this one, not in force either, says the same. */
static bool is_repeated(const struct editor *editor, size_t want)
{
	for (size_t i = 0; i < want; i++)
		if (unit_same(demand_want(editor->demand, i), demand_want(editor->demand, want)))
			return true;
	return false;
}

/* Which wants are to be added: an index after the other, ended by NO_UNIT; the caller's to free. */
static size_t *list_missing(const struct editor *editor)
{
	size_t *missing = calloc(editor->demand->wants->count + 1, sizeof(*missing)), count = 0;

	if (!missing)
		return NULL;
	for (size_t i = 0; i < editor->demand->wants->count; i++)
		if (!effect_in_force(&editor->draft.units, demand_want(editor->demand, i)) &&
		    !is_repeated(editor, i))
			missing[count++] = i;
	missing[count] = NO_UNIT;
	return missing;
}

static int append(struct editor *editor, const size_t *missing)
{
	struct draft_place place;
	size_t part = 0;
	int r = find_place(editor, &part);

	if (r < 0)
		return r;
	place = draft_end(&editor->draft, part);
	for (; *missing != NO_UNIT; missing++) {
		const char *text = editor->demand->wants->items[*missing].text;

		r = draft_append(&editor->draft, &place, text, editor->ours.count);
		if (!r)
			r = owned_add(&editor->ours, text, NULL);
		if (r < 0)
			return r;
	}
	return editor_cut(editor);
}

/* What was added may still be overruled: by a later segment, or by another want. */
static int check_effect(const struct editor *editor)
{
	const struct wants *wants = editor->demand->wants;

	for (size_t i = 0; i < wants->count; i++)
		if (!effect_in_force(&editor->draft.units, demand_want(editor->demand, i)))
			return diag_set(
				editor->diag, -EEXIST, editor->line->file, 0,
				"`%.120s` (%s:%u) would have no effect beside what is there: look "
				"for another parameter on this line that overrules it",
				wants->items[i].text,
				wants->items[i].file ? wants->items[i].file : "the profile",
				wants->items[i].line);
	return 0;
}

int append_missing(struct editor *editor)
{
	_cleanup_(user_pools_free) struct user_pools before = {.counts = {NULL}};
	_cleanup_free_ size_t *missing = list_missing(editor);
	const struct want *pages = NULL;
	int r;

	if (!missing)
		return -ENOMEM;
	if (*missing == NO_UNIT)
		return 0;
	for (size_t *at = missing; *at != NO_UNIT && !pages; at++)
		if (demand_want(editor->demand, *at)->param->class == PARAM_PAGES)
			pages = &editor->demand->wants->items[*at];
	r = pages ? user_pools_read(editor, &before) : 0;
	if (!r)
		r = append(editor, missing);
	if (r < 0)
		return r;
	if (pages)
		r = check_user_pools(editor, &before, pages);
	return r < 0 ? r : check_effect(editor);
}
