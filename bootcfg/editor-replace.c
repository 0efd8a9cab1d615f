// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/editor.h"

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

		if (found == NO_UNIT || editor_owns(editor, &units->items[i]))
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

	if (editor_owns(editor, unit))
		return editor_complain(editor, unit, "of the profile itself contradicts", want,
				       "decide for one of the two");
	if (!draft_owns_all(&editor->draft, unit))
		return editor_complain(editor, unit, what, want,
				       "one half of it is of the profile: give the other its "
				       "size, or take it out");
	if (editor_fixed(editor, unit))
		return editor_complain(
			editor, unit, what, want,
			"it cannot be edited from here: take it out where it comes from");
	if (unit_is_protected(unit))
		return editor_complain(editor, unit, what, want, "and it is never replaced");
	if (!(editor->flags & EDIT_REPLACE))
		return editor_complain(
			editor, unit, what, want,
			"take it out, or let --replace put ours in its place (`unset` puts "
			"it back)");
	was = unit_text(unit);
	r = was ? demand_replacement(editor->demand, unit, &text) : -ENOMEM;
	if (!r && !text) { /* what is forbidden always has one */
		text = strdup(want->text);
		r = text ? 0 : -ENOMEM;
	}
	if (r < 0)
		return r;
	r = draft_replace(&editor->draft, unit, text, editor->ours.count);
	if (r == -EXDEV)
		return editor_complain(editor, unit, what, want,
				       "its two halves stand apart: take them out by hand");
	return r < 0 ? r : owned_add(&editor->ours, text, was);
}

/* Each round makes one more unit ours, and what is ours is an error: it comes to an end. */
int replace_contradictions(struct editor *editor)
{
	for (;;) {
		const struct want *want = NULL;
		size_t found = find_contradiction(editor, &want);
		int r;

		if (found == NO_UNIT)
			return 0;
		r = replace_unit(editor, &editor->draft.units.items[found], want);
		if (!r)
			r = editor_cut(editor);
		if (r < 0)
			return r;
	}
}
