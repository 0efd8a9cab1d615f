// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/demand.h"
#include "bootcfg/draft.h"
#include "bootcfg/edit.h"
#include "bootcfg/effect.h"

struct editor {
	const struct boot_line *line;
	const struct demand *demand;
	unsigned flags;
	struct diag *diag;
	struct draft draft;
	struct owned_list ours; /* a byte's owner is an index into it */
	size_t found; /* of the line's own list, how many are still there */
};

static int cut(struct editor *editor)
{
	size_t part = 0;
	int r = draft_cut(&editor->draft, &part);

	if (r == -EBADMSG)
		diag_set(
			editor->diag, r, editor->line->segments[part].file,
			editor->line->segments[part].line,
			"a `\"` has no end, so what this command line means is not known: close it "
			"first");
	return r;
}

static bool is_fixed(const struct editor *editor, const struct unit *unit)
{
	for (unsigned i = 0; i < unit->count; i++)
		if (editor->line->segments[unit->tokens[i].part].fixed)
			return true;
	return false;
}

static bool is_ours(const struct editor *editor, const struct unit *unit)
{
	return draft_owner(&editor->draft, unit) != NOBODY;
}

/* Whether a unit may be ours at all. */
static bool can_own(const struct editor *editor, const struct unit *unit)
{
	return !unit_is_protected(unit) && !is_fixed(editor, unit);
}

/* A message about a unit, at its place. */
static int complain(const struct editor *editor, const struct unit *unit, const char *what,
		    const struct want *want, const char *cure)
{
	const struct segment *segment = &editor->line->segments[unit->tokens[0].part];
	_cleanup_free_ char *text = unit_text(unit);

	if (!text)
		return -ENOMEM;
	return diag_set(editor->diag, -EEXIST, segment->file, segment->line,
			"`%.120s` %s `%.120s` (%s:%u); %s", text, what, want->text,
			want->file ? want->file : "the profile", want->line, cure);
}

/* --- what is ours -------------------------------------------------------------------------------- */

/* The same bytes more than once: the first is ours, since what others add they add behind. */
static int find_ours(struct editor *editor)
{
	const struct owned_list *owned = &editor->line->owned;

	for (size_t i = 0; i < owned->count; i++) {
		_cleanup_units_ struct units units = UNITS_INIT;
		int r = unit_parse(owned->items[i].text, &units);

		if (r == -ENOMEM)
			return r;
		for (size_t j = 0; !r && j < editor->draft.units.count; j++) {
			const struct unit *unit = &editor->draft.units.items[j];

			if (!unit_same_bytes(unit, &units.items[0]) || is_ours(editor, unit) ||
			    !can_own(editor, unit))
				continue;
			draft_own(&editor->draft, unit, editor->ours.count);
			editor->found++;
			r = owned_add(&editor->ours, owned->items[i].text, owned->items[i].was);
			if (r < 0)
				return r;
			break;
		}
	}
	return 0;
}

static int give_back(struct editor *editor, const struct unit *unit, const char *was)
{
	struct unit_token first = unit->tokens[0];
	int r;

	if (was)
		return draft_replace(&editor->draft, unit, was, NOBODY);
	if (unit->count == 2) {
		r = draft_drop_token(&editor->draft, &unit->tokens[1]);
		if (r < 0)
			return r;
	}
	return draft_drop_token(&editor->draft, &first);
}

/* One unit of ours: it stays, becomes another one, or goes. 1 where the text has changed. */
static int settle_unit(struct editor *editor, const struct unit *unit)
{
	size_t owner = draft_owner(&editor->draft, unit);
	struct owned *owned = &editor->ours.items[owner];
	_cleanup_free_ char *text = NULL;
	int r = demand_fate(editor->demand, owned, &text);

	if (r < 0)
		return r;
	if (!text) {
		r = give_back(editor, unit, owned->was);
		return r < 0 ? r : 1;
	}
	if (!strcmp(text, owned->text))
		return 0;
	r = draft_replace(&editor->draft, unit, text, owner);
	if (r < 0)
		return r == -EXDEV ? complain(editor, unit, "is ours and is to become",
					      &editor->demand->wants->items[0],
					      "its two halves stand apart: run `vfio-bootcfg "
					      "unset` first")
				   : r;
	free(owned->text);
	owned->text = steal(&text);
	return 1;
}

/* From the back: the blank that goes with a unit is then the one that has come with it. */
static int settle_ours(struct editor *editor)
{
	for (size_t i = editor->draft.units.count; i > 0; i--) {
		int r = 0;

		if (is_ours(editor, &editor->draft.units.items[i - 1]))
			r = settle_unit(editor, &editor->draft.units.items[i - 1]);
		if (r > 0)
			r = cut(editor);
		if (r < 0)
			return r;
		/* What came back may be cut into more or fewer units than stood there. */
		if (i > editor->draft.units.count + 1)
			i = editor->draft.units.count + 1;
	}
	return 0;
}

static int adopt(struct editor *editor)
{
	const struct units *units = &editor->draft.units;

	for (size_t i = 0; i < editor->demand->wants->count; i++) {
		const struct unit *want = demand_want(editor->demand, i), *found = NULL;
		_cleanup_free_ char *text = NULL;
		int r;

		for (size_t j = 0; j < units->count; j++) {
			const struct unit *unit = &units->items[j];

			if (!unit_same(unit, want) || !can_own(editor, unit))
				continue;
			found = unit;
			if (is_ours(editor, unit))
				break;
		}
		if (!found || is_ours(editor, found))
			continue;
		text = unit_text(found);
		if (!text)
			return -ENOMEM;
		draft_own(&editor->draft, found, editor->ours.count);
		r = owned_add(&editor->ours, text, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- what contradicts ---------------------------------------------------------------------------- */

/* The first unit that may not stay as it is, and what it is up against; NO_UNIT: there is none. */
static size_t find_contradiction(const struct editor *editor, const struct want **ret)
{
	const struct units *units = &editor->draft.units;
	const struct wants *wants = editor->demand->wants;
	size_t first = NO_UNIT;

	for (size_t i = 0; i < wants->count; i++) {
		const struct unit *want = demand_want(editor->demand, i);
		size_t found;

		if (effect_in_force(units, want))
			continue;
		found = effect_blocker(units, want);
		if (found < first) { /* NO_UNIT is above all */
			first = found;
			*ret = &wants->items[i];
		}
	}
	for (size_t i = 0; wants->forbidden_count && i < units->count && i < first; i++) {
		size_t found = demand_forbids(editor->demand, &units->items[i]);

		if (found == NO_UNIT || is_ours(editor, &units->items[i]))
			continue;
		first = i;
		*ret = &wants->forbidden[found];
	}
	return first;
}

static int replace_unit(struct editor *editor, const struct unit *unit, const struct want *want)
{
	const struct wants *wants = editor->demand->wants;
	bool forbidden = wants->forbidden_count && want >= wants->forbidden &&
			 want < wants->forbidden + wants->forbidden_count;
	const char *what = forbidden ? "is up against" : "contradicts";
	_cleanup_free_ char *text = NULL, *was = NULL;
	int r;

	if (is_ours(editor, unit))
		return complain(editor, unit, "of the profile itself contradicts", want,
				"decide for one of the two");
	if (is_fixed(editor, unit))
		return complain(editor, unit, what, want,
				"it cannot be edited from here: take it out where it comes from");
	if (unit_is_protected(unit))
		return complain(editor, unit, what, want, "and it is never replaced");
	if (!(editor->flags & EDIT_REPLACE))
		return complain(editor, unit, what, want,
				"take it out, or let --replace put ours in its place (`unset` puts "
				"it back)");
	was = unit_text(unit);
	r = was ? demand_replacement(editor->demand, unit, &text) : -ENOMEM;
	if (!r && !text && !forbidden) {
		text = strdup(want->text);
		r = text ? 0 : -ENOMEM;
	}
	if (r < 0)
		return r;
	if (!text)
		return complain(editor, unit, what, want,
				"there is nothing to put in its place: take it out by hand");
	r = draft_replace(&editor->draft, unit, text, editor->ours.count);
	if (r == -EXDEV)
		return complain(editor, unit, what, want,
				"its two halves stand apart: take them out by hand");
	return r < 0 ? r : owned_add(&editor->ours, text, was);
}

/* Each round makes one more unit ours, and what is ours is an error: it comes to an end. */
static int replace_contradictions(struct editor *editor)
{
	for (;;) {
		const struct want *want = NULL;
		size_t found = find_contradiction(editor, &want);
		int r;

		if (found == NO_UNIT)
			return 0;
		r = replace_unit(editor, &editor->draft.units.items[found], want);
		if (!r)
			r = cut(editor);
		if (r < 0)
			return r;
	}
}

/* --- what is missing ----------------------------------------------------------------------------- */

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

static int append_missing(struct editor *editor)
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
			r = cut(editor);
		if (r < 0)
			return r;
	}
	return pages ? check_user_pools(editor, &before, pages) : 0;
}

/* --- the whole ----------------------------------------------------------------------------------- */

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

static int check_size(const struct editor *editor)
{
	const struct boot_line *line = editor->line;
	size_t before = line->segment_count ? line->segment_count - 1 : 0;
	size_t after = draft_size(&editor->draft);

	for (size_t i = 0; i < line->segment_count; i++)
		before += strlen(line->segments[i].text);
	if (after <= before || after + line->prefix <= LINE_MAX_BYTES)
		return 0;
	return diag_set(
		editor->diag, -E2BIG, line->file, 0,
		"the command line would have %zu bytes%s, and the kernel reads %d: take out what "
		"is not needed",
		after + line->prefix,
		line->prefix ? " with what the boot loader puts in front" : "", LINE_MAX_BYTES);
}

/*
 * What is ours, in the order of the text. Where the user has the same bytes in front of ours, they
 * are listed too, as their own replacement: find_ours() then counts right.
 */
static int list_ours(const struct editor *editor, struct owned_list *ret)
{
	const struct units *units = &editor->draft.units;
	int r = 0;

	for (size_t i = 0; !r && i < units->count; i++) {
		const struct unit *unit = &units->items[i];
		_cleanup_free_ char *text = NULL;
		bool ambiguous = false;

		if (is_ours(editor, unit)) {
			const struct owned *owned =
				&editor->ours.items[draft_owner(&editor->draft, unit)];

			r = owned_add(ret, owned->text, owned->was);
			continue;
		}
		if (!can_own(editor, unit))
			continue;
		for (size_t j = i + 1; j < units->count && !ambiguous; j++)
			ambiguous = unit_same_bytes(unit, &units->items[j]) &&
				    is_ours(editor, &units->items[j]);
		if (!ambiguous)
			continue;
		text = unit_text(unit);
		r = text ? owned_add(ret, text, text) : -ENOMEM;
	}
	return r;
}

static int edit(struct editor *editor)
{
	int r = draft_init(&editor->draft, editor->line);

	if (!r)
		r = cut(editor);
	if (!r)
		r = find_ours(editor);
	if (!r)
		r = settle_ours(editor);
	if (!r && (editor->flags & EDIT_ADOPT))
		r = adopt(editor);
	if (!r)
		r = replace_contradictions(editor);
	if (!r)
		r = append_missing(editor);
	if (!r)
		r = check_effect(editor);
	return r < 0 ? r : check_size(editor);
}

/* Fills in the line from what the editor has made of it. */
static int finish(const struct editor *editor, struct boot_line *line)
{
	struct owned_list owned = {.count = 0};
	struct edit *edits = NULL;
	size_t count = 0;
	int r = list_ours(editor, &owned);

	/* The same in another order is the same: a loader may keep it in an order of its own. */
	if (!r && owned.count == line->owned.count && owned.count == editor->found &&
	    owned.count == editor->ours.count) {
		owned_free(&owned);
		r = owned_copy(&line->owned, &owned);
	}
	if (!r)
		r = draft_edits(&editor->draft, line, &edits, &count);
	if (r < 0) {
		owned_free(&owned);
		return r;
	}
	line->edits = edits;
	line->edit_count = count;
	line->owned_after = owned;
	line->changed = count || !owned_equal(&owned, &line->owned);
	return 0;
}

int line_edit(struct boot_line *line, const struct wants *wants, unsigned flags, struct diag *diag)
{
	_cleanup_demand_ struct demand demand = {.parsed = NULL};
	struct editor editor = {.line = line, .demand = &demand, .flags = flags, .diag = diag};
	int r;

	if (line->read_only)
		return owned_copy(&line->owned, &line->owned_after);
	r = demand_init(&demand, wants, diag);
	if (!r)
		r = edit(&editor);
	if (!r)
		r = finish(&editor, line);
	draft_free(&editor.draft);
	owned_free(&editor.ours);
	if (r == -ENOMEM)
		diag_set(diag, r, NULL, 0, "out of memory");
	return r;
}
