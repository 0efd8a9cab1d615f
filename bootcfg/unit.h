/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command line cut into units: what is wanted, satisfied and taken back whole. A unit is one
 * token, or hugepagesz=S (default_hugepagesz=S) with the hugepages=N that the kernel counts for it.
 */
#ifndef BOOTCFG_UNIT_H
#define BOOTCFG_UNIT_H

#include "early/cmdline.h"

struct param;

struct unit_token {
	struct cmdline_token token; /* slices of the text that was cut */
	size_t part; /* which of the texts */
	size_t at; /* where it starts there */
};

struct unit {
	struct unit_token tokens[2]; /* the second: hugepages=, maybe with others in between */
	unsigned count; /* of tokens: 1 or 2 */
	const struct param *param; /* the row of the first token */
	bool for_init; /* `--` or behind it: nothing of ours */
};

struct units {
	struct unit *items; /* in the order of their first tokens; owned */
	size_t count, space;
	size_t size_unit; /* the one that the next hugepages= belongs to; NO_UNIT: none */
	size_t dashes; /* the unit that is `--`, or NO_UNIT */
};

#define NO_UNIT ((size_t)-1)
#define UNITS_INIT ((struct units){.size_unit = NO_UNIT, .dashes = NO_UNIT})

/*
 * Cuts one more text, which must outlive the units: the line goes on, a pair and what is behind
 * `--` may reach over. part is kept in the tokens. 0, -EBADMSG (a quote without its end) or -ENOMEM.
 */
int units_add(struct units *units, const char *text, size_t size, size_t part) _must_check_;

/* As units_add() on an empty list; a text of exactly one unit: else -EINVAL. */
int unit_parse(const char *text, struct units *ret) _must_check_;

static inline void units_free(struct units *units)
{
	free(units->items);
}

#define _cleanup_units_ _cleanup_(units_free)

/* Whether the tokens are those of the unit b, byte for byte, whatever blanks are between them. */
bool unit_same_bytes(const struct unit *a, const struct unit *b);

/* True if both say the same to the kernel. */
bool unit_same(const struct unit *a, const struct unit *b);

/* Whether the second token follows the first with nothing but blanks between them. */
bool unit_in_one_piece(const struct unit *unit);

/* Where its last token ends in its text. */
static inline size_t unit_end(const struct unit *unit)
{
	const struct unit_token *last = &unit->tokens[unit->count - 1];

	return last->at + last->token.raw_len;
}

/* The bytes of a unit as they stand; of one that is torn apart, its tokens with a blank between
 * them. The caller's to free; NULL without memory. */
char *unit_text(const struct unit *unit);

/* By unit_protected() of edit.h. */
bool unit_is_protected(const struct unit *unit);

#endif
