/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of line_edit(), one after the other on one draft. Of no use to others. */
#ifndef BOOTCFG_EDITOR_H
#define BOOTCFG_EDITOR_H

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

/*
 * What all steps return: 0, -ENOMEM (without diag), or -EEXIST or -EBADMSG with diag. Units are valid
 * until the draft is changed; each step leaves it cut.
 */
int editor_cut(struct editor *editor) _must_check_;

/* Takes the line's own list over, as far as it is still there. */
int ours_find(struct editor *editor) _must_check_;
/* What is ours stays, becomes another, or goes and gives back what it has replaced. */
int ours_settle(struct editor *editor) _must_check_;
/* EDIT_ADOPT: what is there as wanted becomes ours. */
int ours_adopt(struct editor *editor) _must_check_;
/* All that is ours in the end, in the order of the text, into an empty list. */
int ours_list(const struct editor *editor, struct owned_list *ret) _must_check_;

/* The user's units that contradict are complained about, or replaced. */
int replace_contradictions(struct editor *editor) _must_check_;

/* What is still not in force is added, and the user's own huge pages are seen to stay theirs. */
int append_missing(struct editor *editor) _must_check_;

bool editor_fixed(const struct editor *editor, const struct unit *unit);
bool editor_owns(const struct editor *editor, const struct unit *unit);
/* Whether a unit may be ours at all. */
bool editor_may_own(const struct editor *editor, const struct unit *unit);

/* -EEXIST with a message about a unit, at its place: "`UNIT` WHAT `WANT` (its place); CURE". */
int editor_complain(const struct editor *editor, const struct unit *unit, const char *what,
		    const struct want *want, const char *cure) _must_check_;

#endif
