// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/editor.h"

int editor_cut(struct editor *editor)
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

bool editor_fixed(const struct editor *editor, const struct unit *unit)
{
	for (unsigned i = 0; i < unit->count; i++)
		if (editor->line->segments[unit->tokens[i].part].fixed)
			return true;
	return false;
}

bool editor_owns(const struct editor *editor, const struct unit *unit)
{
	return draft_owner(&editor->draft, unit) != NOBODY;
}

bool editor_may_own(const struct editor *editor, const struct unit *unit)
{
	return !unit_is_protected(unit) && !editor_fixed(editor, unit);
}

int editor_complain(const struct editor *editor, const struct unit *unit, const char *what,
		    const struct want *want, const char *cure)
{
	const struct segment *segment = &editor->line->segments[unit->tokens[0].part];
	_cleanup_free_ char *text = unit_text(unit);

	if (!text)
		return -ENOMEM;
	if (unit_equal(text, want->text)) /* forbidden as it stands: there is nothing to compare */
		return diag_set(editor->diag, -EEXIST, segment->file, segment->line,
				"`%.200s` contradicts the profile; %s", text, cure);
	return diag_set(editor->diag, -EEXIST, segment->file, segment->line,
			"`%.120s` %s `%.120s` (%s:%u); %s", text, what, want->text,
			want->file ? want->file : "the profile", want->line, cure);
}

/* A count of the user's must not come to belong to a size of ours, nor ours to theirs. */
static int check_pairs(const struct editor *editor)
{
	for (size_t i = 0; i < editor->draft.units.count; i++) {
		const struct unit *unit = &editor->draft.units.items[i];
		_cleanup_free_ char *text = NULL;

		if (draft_owns_all(&editor->draft, unit))
			continue;
		text = unit_text(unit);
		return text ? diag_set(editor->diag, -EEXIST, editor->line->file, 0,
				       "of `%.120s` one half is of the profile, the other is not: "
				       "give the count of huge pages that is on this line its "
				       "size, or take it out",
				       text)
			    : -ENOMEM;
	}
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

static int edit(struct editor *editor)
{
	int r = draft_init(&editor->draft, editor->line);

	if (!r)
		r = editor_cut(editor);
	if (!r)
		r = ours_find(editor);
	if (!r)
		r = ours_settle(editor);
	if (!r && (editor->flags & EDIT_ADOPT))
		r = ours_adopt(editor);
	if (!r)
		r = replace_contradictions(editor);
	if (!r)
		r = append_missing(editor);
	if (!r)
		r = check_pairs(editor);
	return r < 0 ? r : check_size(editor);
}

/* Of an earlier call. */
static void forget(struct boot_line *line)
{
	for (size_t i = 0; i < line->edit_count; i++)
		free(line->edits[i].insert);
	free(line->edits);
	line->edits = NULL;
	line->edit_count = 0;
	owned_free(&line->owned_after);
	line->changed = false;
}

/* Fills in the line from what the editor has made of it. */
static int finish(const struct editor *editor, struct boot_line *line)
{
	struct owned_list owned = {.count = 0};
	struct edit *edits = NULL;
	size_t count = 0;
	int r = ours_list(editor, &owned);

	if (!r)
		r = draft_edits(&editor->draft, line, &edits, &count);
	/* The same in another order is the same: a loader may keep it in an order of its own. */
	if (!r && !count && owned.count == line->owned.count && owned.count == editor->found &&
	    owned.count == editor->ours.count) {
		owned_free(&owned);
		r = owned_copy(&line->owned, &owned);
	}
	if (r < 0) {
		owned_free(&owned);
		return r;
	}
	forget(line);
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

	if (line->read_only) {
		forget(line);
		return owned_copy(&line->owned, &line->owned_after);
	}
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
