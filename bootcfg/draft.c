// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/draft.h"

int draft_init(struct draft *draft, const struct boot_line *line)
{
	*draft = (struct draft){.units = UNITS_INIT};
	draft->parts = calloc(line->segment_count + 1, sizeof(*draft->parts));
	if (!draft->parts)
		return -ENOMEM;
	draft->count = line->segment_count;
	for (size_t i = 0; i < draft->count; i++) {
		struct draft_part *part = &draft->parts[i];

		part->size = strlen(line->segments[i].text);
		part->text = malloc(part->size + 1);
		part->bytes = malloc((part->size + 1) * sizeof(*part->bytes));
		if (!part->text || !part->bytes)
			return -ENOMEM;
		memcpy(part->text, line->segments[i].text, part->size);
		for (size_t at = 0; at < part->size; at++)
			part->bytes[at] = (struct draft_byte){at, NOBODY};
	}
	return 0;
}

void draft_free(struct draft *draft)
{
	for (size_t i = 0; i < draft->count; i++) {
		free(draft->parts[i].text);
		free(draft->parts[i].bytes);
	}
	free(draft->parts);
	units_free(&draft->units);
}

int draft_cut(struct draft *draft, size_t *ret_part)
{
	int r = 0;

	units_free(&draft->units);
	draft->units = UNITS_INIT;
	for (size_t i = 0; !r && i < draft->count; i++) {
		r = units_add(&draft->units, draft->parts[i].text, draft->parts[i].size, i);
		if (r == -EBADMSG)
			*ret_part = i;
	}
	return r;
}

static void own(struct draft_part *part, size_t at, size_t size, size_t owner)
{
	for (size_t i = at; i < at + size; i++)
		part->bytes[i].owner = owner;
}

int draft_put(struct draft *draft, size_t index, size_t at, size_t remove, const char *insert,
	      size_t owner)
{
	struct draft_part *part = &draft->parts[index];
	size_t added = strlen(insert), rest = part->size - at - remove;
	size_t size = part->size - remove + added;
	struct draft_byte *bytes;
	char *text;

	if (added == remove && !memcmp(part->text + at, insert, added)) {
		own(part, at, added, owner);
		return 0;
	}
	/* Room for the longer of the two: what is behind moves before a shorter text is cut. */
	text = realloc(part->text, (size > part->size ? size : part->size) + 1);
	if (!text)
		return -ENOMEM;
	part->text = text;
	bytes = reallocarray(part->bytes, (size > part->size ? size : part->size) + 1,
			     sizeof(*bytes));
	if (!bytes)
		return -ENOMEM;
	part->bytes = bytes;
	memmove(text + at + added, text + at + remove, rest);
	memmove(bytes + at + added, bytes + at + remove, rest * sizeof(*bytes));
	memcpy(text + at, insert, added);
	for (size_t i = at; i < at + added; i++)
		bytes[i] = (struct draft_byte){NOWHERE, owner};
	part->size = size;
	return 0;
}

/* A stretch that begins and ends with a token. */
static int drop_stretch(struct draft *draft, size_t part, size_t at, size_t end)
{
	/* What is beside a token is a blank, or it is the end of the text. */
	if (at > 0)
		at--;
	else if (end < draft->parts[part].size)
		end++;
	return draft_put(draft, part, at, end - at, "", NOBODY);
}

static int drop_token(struct draft *draft, const struct unit_token *token)
{
	return drop_stretch(draft, token->part, token->at, token->at + token->token.raw_len);
}

int draft_drop(struct draft *draft, const struct unit *unit)
{
	const struct unit_token *first = &unit->tokens[0];
	int r;

	if (unit_in_one_piece(unit))
		return drop_stretch(draft, first->part, first->at, unit_end(unit));
	r = drop_token(draft, &unit->tokens[1]);
	return r < 0 ? r : drop_token(draft, first);
}

struct draft_place draft_end(const struct draft *draft, size_t part)
{
	struct draft_place place = {.part = part};

	for (size_t i = 0; i < draft->units.count; i++) {
		const struct unit *unit = &draft->units.items[i];

		for (unsigned j = 0; j < unit->count && !unit->for_init; j++) {
			const struct unit_token *token = &unit->tokens[j];

			if (token->part != part || token->at < place.at)
				continue;
			place.at = token->at + token->token.raw_len;
			place.behind = true;
		}
	}
	return place;
}

int draft_append(struct draft *draft, struct draft_place *place, const char *text, size_t owner)
{
	bool before = !place->behind && draft->parts[place->part].size;
	_cleanup_free_ char *insert = NULL;
	int r;

	if (asprintf(&insert, "%s%s%s", place->behind ? " " : "", text, before ? " " : "") < 0) {
		insert = NULL;
		return -ENOMEM;
	}
	r = draft_put(draft, place->part, place->at, 0, insert, owner);
	if (r < 0)
		return r;
	place->at += strlen(text) + place->behind;
	place->behind = true;
	return 0;
}

int draft_replace(struct draft *draft, const struct unit *unit, const char *text, size_t owner)
{
	const struct unit_token *a = &unit->tokens[0], *b = &unit->tokens[1];
	_cleanup_units_ struct units units = UNITS_INIT;
	_cleanup_free_ char *head = NULL, *tail = NULL;
	const struct unit *becomes;
	int r;

	if (unit_in_one_piece(unit)) {
		size_t end = unit->count == 1 ? a->at + a->token.raw_len : b->at + b->token.raw_len;

		return draft_put(draft, a->part, a->at, end - a->at, text, owner);
	}
	/* Token by token, from the back, so that what is in front stays where it is. */
	r = unit_parse(text, &units);
	if (r == -ENOMEM)
		return r;
	becomes = r < 0 ? NULL : &units.items[0];
	if (!becomes || becomes->count == 1) {
		/* On the way back there is nothing better; on the way there the place would be lost. */
		if (owner != NOBODY)
			return -EXDEV;
		head = strdup(text);
		r = head ? drop_token(draft, b) : -ENOMEM;
	} else {
		head = strndup(becomes->tokens[0].token.raw, becomes->tokens[0].token.raw_len);
		tail = strndup(becomes->tokens[1].token.raw, becomes->tokens[1].token.raw_len);
		r = head && tail ? draft_put(draft, b->part, b->at, b->token.raw_len, tail, owner)
				 : -ENOMEM;
	}
	return r < 0 ? r : draft_put(draft, a->part, a->at, a->token.raw_len, head, owner);
}

static size_t token_owner(const struct draft *draft, const struct unit_token *token)
{
	return draft->parts[token->part].bytes[token->at].owner;
}

size_t draft_owner(const struct draft *draft, const struct unit *unit)
{
	return token_owner(draft, &unit->tokens[0]);
}

bool draft_owns_all(const struct draft *draft, const struct unit *unit)
{
	return unit->count == 1 ||
	       token_owner(draft, &unit->tokens[0]) == token_owner(draft, &unit->tokens[1]);
}

void draft_own(struct draft *draft, const struct unit *unit, size_t owner)
{
	for (unsigned i = 0; i < unit->count; i++)
		own(&draft->parts[unit->tokens[i].part], unit->tokens[i].at,
		    unit->tokens[i].token.raw_len, owner);
}

size_t draft_size(const struct draft *draft)
{
	size_t size = draft->count ? draft->count - 1 : 0;

	for (size_t i = 0; i < draft->count; i++)
		size += draft->parts[i].size;
	return size;
}

/* --- edits --------------------------------------------------------------------------------------- */

static int add_edit(struct edit **edits, size_t *count, const struct edit *edit, const char *insert,
		    size_t size)
{
	struct edit *grown = reallocarray(*edits, *count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*edits = grown;
	grown[*count] = *edit;
	grown[*count].insert = strndup(insert, size);
	if (!grown[*count].insert)
		return -ENOMEM;
	++*count;
	return 0;
}

static int part_edits(const struct draft_part *part, size_t index, const char *old,
		      struct edit **edits, size_t *count)
{
	size_t size = strlen(old), from = 0, start = 0;

	if (size == part->size && !memcmp(old, part->text, size))
		return 0;
	/* start: of what was put in since the last byte that stayed; from: after that one, in old. */
	for (size_t i = 0; i <= part->size; i++) {
		size_t origin = i < part->size ? part->bytes[i].origin : size;
		struct edit edit = {.segment = index, .at = from};

		if (origin == NOWHERE)
			continue;
		edit.remove = origin - from;
		if ((edit.remove || i > start) &&
		    add_edit(edits, count, &edit, part->text + start, i - start) < 0)
			return -ENOMEM;
		from = origin + 1;
		start = i + 1;
	}
	return 0;
}

int draft_edits(const struct draft *draft, const struct boot_line *line, struct edit **ret,
		size_t *ret_count)
{
	struct edit *edits = NULL;
	size_t count = 0;

	for (size_t i = 0; i < draft->count; i++)
		if (part_edits(&draft->parts[i], i, line->segments[i].text, &edits, &count) < 0) {
			while (count)
				free(edits[--count].insert);
			free(edits);
			return -ENOMEM;
		}
	*ret = edits;
	*ret_count = count;
	return 0;
}
