/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line that is being edited: each byte knows where it stood when it was read and whose it is, so
 * that steps can follow one another and the edits of the whole come out at the end.
 */
#ifndef BOOTCFG_DRAFT_H
#define BOOTCFG_DRAFT_H

#include "bootcfg/line.h"
#include "bootcfg/unit.h"

#define NOWHERE ((size_t)-1) /* of a byte that was not there */
#define NOBODY ((size_t)-1) /* of the user's bytes */

struct draft_byte {
	size_t origin;
	size_t owner; /* an index that the caller gives meaning to */
};

struct draft_part {
	char *text; /* owned; not NUL-terminated */
	struct draft_byte *bytes; /* one for each of text; owned */
	size_t size;
};

struct draft {
	struct draft_part *parts; /* as the line's segments */
	size_t count;
	struct units units; /* of all parts; slices of their texts */
};

/* Errors of all: -ENOMEM. draft_cut() also -EBADMSG, with *ret_part the text of the open quote. */
int draft_init(struct draft *draft, const struct boot_line *line) _must_check_;
void draft_free(struct draft *draft);

/* Cuts the texts into units anew; needed after each change of them. */
int draft_cut(struct draft *draft, size_t *ret_part) _must_check_;

/* Puts insert in the place of `remove` bytes at `at`, as owner's. Same bytes only change hands. */
int draft_put(struct draft *draft, size_t part, size_t at, size_t remove, const char *insert,
	      size_t owner) _must_check_;

/*
 * Takes a unit out with one blank: the one before it, or at the start of the text the one after it. The
 * inverse of draft_append(), whatever blanks are around. Of a unit that is torn apart, each token so.
 */
int draft_drop(struct draft *draft, const struct unit *unit) _must_check_;

/*
 * Where texts are added to a part: behind the last token that is the kernel's, else at the start. The
 * units must be those of the texts.
 */
struct draft_place {
	size_t part, at;
	bool behind; /* a token */
};

struct draft_place draft_end(const struct draft *draft, size_t part);

/* Adds a text with one blank; the next one goes behind it. */
int draft_append(struct draft *draft, struct draft_place *place, const char *text,
		 size_t owner) _must_check_;

/* Puts text, of as many tokens as it has, in the place of a unit. -EXDEV: the unit is torn apart and
 * what it becomes would not be put back the same. */
int draft_replace(struct draft *draft, const struct unit *unit, const char *text,
		  size_t owner) _must_check_;

/* The owner of its first token; whether that is the owner of all of it. */
size_t draft_owner(const struct draft *draft, const struct unit *unit);
bool draft_owns_all(const struct draft *draft, const struct unit *unit);
void draft_own(struct draft *draft, const struct unit *unit, size_t owner);

/* Bytes of all texts, joined by blanks. */
size_t draft_size(const struct draft *draft);

/* What makes the texts that were read into these: *ret is the caller's, as of a boot_line. */
int draft_edits(const struct draft *draft, const struct boot_line *line, struct edit **ret,
		size_t *ret_count) _must_check_;

#define _cleanup_draft_ _cleanup_(draft_free)

#endif
