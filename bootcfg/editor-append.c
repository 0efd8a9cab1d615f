// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/editor.h"
#include "bootcfg/pools.h"

/* The counts of all pools that are not wanted: they are the user's. */
struct user_pools {
	char *counts[PAGE_SHIFTS]; /* owned; NULL: none */
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

int append_missing(struct editor *editor)
{
	_cleanup_(user_pools_free) struct user_pools before = {.counts = {NULL}};
	const struct want *pages = NULL;
	size_t part = 0;
	int r;

	for (size_t i = 0; i < editor->demand->wants->count; i++) {
		const struct want *want = &editor->demand->wants->items[i];
		const struct unit *unit = demand_want(editor->demand, i);

		if (effect_in_force(&editor->draft.units, unit))
			continue;
		if (unit->param->class == PARAM_PAGES && !pages) {
			r = user_pools_read(editor, &before);
			if (r < 0)
				return r;
			pages = want;
		}
		r = find_place(editor, &part);
		if (!r)
			r = draft_append(&editor->draft, part, want->text, editor->ours.count);
		if (!r)
			r = owned_add(&editor->ours, want->text, NULL);
		if (!r)
			r = editor_cut(editor);
		if (r < 0)
			return r;
	}
	return pages ? check_user_pools(editor, &before, pages) : 0;
}
