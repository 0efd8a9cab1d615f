// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/editor.h"

/* The same bytes more than once: the first is ours, since what others add they add behind. */
int ours_find(struct editor *editor)
{
	const struct owned_list *owned = &editor->line->owned;

	for (size_t i = 0; i < owned->count; i++) {
		_cleanup_units_ struct units units = UNITS_INIT;
		int r = unit_parse(owned->items[i].text, &units);

		if (r == -ENOMEM)
			return r;
		for (size_t j = 0; !r && j < editor->draft.units.count; j++) {
			const struct unit *unit = &editor->draft.units.items[j];

			if (!unit_same_bytes(unit, &units.items[0]) || editor_owns(editor, unit) ||
			    !editor_may_own(editor, unit))
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

/* One unit of ours: it stays, becomes another one, or goes. 1 where the text has changed. */
static int settle_unit(struct editor *editor, const struct unit *unit)
{
	size_t owner = draft_owner(&editor->draft, unit);
	struct owned *owned = &editor->ours.items[owner];
	_cleanup_free_ char *text = NULL;
	struct unit ours = *unit;
	int r = demand_fate(editor->demand, owned, &text);

	if (r < 0)
		return r;
	/* A count of the user's may have come to stand behind a size of ours. */
	if (!draft_owns_all(&editor->draft, unit))
		ours.count = 1;
	if (!text) {
		r = owned->was ? draft_replace(&editor->draft, &ours, owned->was, NOBODY)
			       : draft_drop(&editor->draft, &ours);
		return r < 0 ? r : 1;
	}
	if (!strcmp(text, owned->text))
		return 0;
	r = draft_replace(&editor->draft, &ours, text, owner);
	if (r < 0)
		return r == -EXDEV
			       ? editor_complain(editor, unit, "is ours and is to become",
						 &editor->demand->wants->items[0],
						 "its two halves stand apart: run `vfio-bootcfg "
						 "unset` first")
			       : r;
	free(owned->text);
	owned->text = steal(&text);
	return 1;
}

/* From the back: the blank that goes with a unit is then the one that has come with it. */
int ours_settle(struct editor *editor)
{
	for (size_t i = editor->draft.units.count; i > 0; i--) {
		int r = 0;

		if (editor_owns(editor, &editor->draft.units.items[i - 1]))
			r = settle_unit(editor, &editor->draft.units.items[i - 1]);
		if (r > 0)
			r = editor_cut(editor);
		if (r < 0)
			return r;
		/* What came back may be cut into more or fewer units than stood there. */
		if (i > editor->draft.units.count + 1)
			i = editor->draft.units.count + 1;
	}
	return 0;
}

int ours_adopt(struct editor *editor)
{
	const struct units *units = &editor->draft.units;

	for (size_t i = 0; i < editor->demand->wants->count; i++) {
		const struct unit *want = demand_want(editor->demand, i), *found = NULL;
		_cleanup_free_ char *text = NULL;
		int r;

		for (size_t j = 0; j < units->count; j++) {
			const struct unit *unit = &units->items[j];

			if (!unit_same(unit, want) || !editor_may_own(editor, unit) ||
			    !draft_owns_all(&editor->draft, unit))
				continue;
			found = unit;
			if (editor_owns(editor, unit))
				break;
		}
		if (!found || editor_owns(editor, found))
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

/*
 * What is ours, in the order of the text. Where the user has the same bytes in front of ours, they
 * are listed too, as their own replacement: ours_find() then counts right.
 */
int ours_list(const struct editor *editor, struct owned_list *ret)
{
	const struct units *units = &editor->draft.units;
	int r = 0;

	for (size_t i = 0; !r && i < units->count; i++) {
		const struct unit *unit = &units->items[i];
		_cleanup_free_ char *text = NULL;
		bool ambiguous = false;

		if (editor_owns(editor, unit)) {
			const struct owned *owned =
				&editor->ours.items[draft_owner(&editor->draft, unit)];

			r = owned_add(ret, owned->text, owned->was);
			continue;
		}
		if (!editor_may_own(editor, unit))
			continue;
		for (size_t j = i + 1; j < units->count && !ambiguous; j++)
			ambiguous = unit_same_bytes(unit, &units->items[j]) &&
				    editor_owns(editor, &units->items[j]);
		if (!ambiguous)
			continue;
		text = unit_text(unit);
		r = text ? owned_add(ret, text, text) : -ENOMEM;
	}
	return r;
}
