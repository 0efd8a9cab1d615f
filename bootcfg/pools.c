// SPDX-License-Identifier: GPL-2.0-or-later
#include "bootcfg/pools.h"

#define SHIFT_2M 21 /* the default size on x86 where the line names none */

static const struct cmdline_token *first(const struct unit *unit)
{
	return &unit->tokens[0].token;
}

struct slice unit_pages(const struct unit *unit)
{
	const struct cmdline_token *token = &unit->tokens[unit->count - 1].token;

	return cmdline_is(token, "hugepages") ? token_value(token) : (struct slice){NULL, 0};
}

/* -1: no size of pages, as far as x86 and arm64 go (64K, 2M, 32M, 512M, 1G, 16G). */
int unit_size_shift(const struct unit *unit)
{
	static const unsigned char shifts[] = {16, 21, 25, 29, 30, 34};
	unsigned long long bytes;

	if (cmdline_is(first(unit), "hugepages") || !value_size(token_value(first(unit)), &bytes))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(shifts); i++)
		if (bytes == 1ULL << shifts[i])
			return shifts[i];
	return -1;
}

/* Where the parser of mm/hugetlb.c stands between two parameters. */
struct pages_parser {
	struct pools *pools;
	bool valid; /* the last size was one */
	int size; /* of the hugepages= to come; -1: no size was named so far */
	int last; /* what the last count was for; -2: there was none, -1: the implicit pool */
};

static void take_count(struct pages_parser *parser, size_t i)
{
	struct pools *pools = parser->pools;

	if (!parser->valid) {
		parser->valid = true;
		return;
	}
	if (parser->size == parser->last)
		return; /* "specified twice without interleaving hugepagesz=" */
	parser->last = parser->size;
	if (parser->size < 0)
		pools->implicit = i;
	else
		pools->count_from[parser->size] = i;
}

static void take_size(struct pages_parser *parser, size_t i, int shift)
{
	struct pools *pools = parser->pools;

	/* "specified twice", but for the default size as long as it has no count. */
	parser->valid = shift >= 0 && (pools->known_by[shift] == NO_UNIT ||
				       (pools->default_from != NO_UNIT &&
					(unsigned)shift == pools->default_shift &&
					pools->count_from[shift] == NO_UNIT));
	if (!parser->valid)
		return;
	if (pools->known_by[shift] == NO_UNIT)
		pools->known_by[shift] = i;
	parser->size = shift;
}

static void take_default(struct pages_parser *parser, size_t i, int shift)
{
	struct pools *pools = parser->pools;

	parser->valid = shift >= 0 && pools->default_from == NO_UNIT;
	if (!parser->valid)
		return;
	pools->default_from = i;
	pools->default_shift = (unsigned)shift;
	/* Of a size that is known it does not become the one that counts are for. */
	if (pools->known_by[shift] == NO_UNIT) {
		pools->known_by[shift] = i;
		parser->size = shift;
	}
	/* What was said before any size was meant for this one, and overrules. */
	if (pools->implicit != NO_UNIT)
		pools->count_from[shift] = pools->implicit;
}

void pools_read(const struct units *units, struct pools *ret)
{
	struct pages_parser parser = {.pools = ret, .valid = true, .size = -1, .last = -2};

	*ret = (struct pools){
		.default_from = NO_UNIT, .implicit = NO_UNIT, .default_shift = SHIFT_2M};
	for (int i = 0; i < PAGE_SHIFTS; i++)
		ret->count_from[i] = ret->known_by[i] = NO_UNIT;
	for (size_t i = 0; i < units->count; i++) {
		const struct unit *unit = &units->items[i];

		if (unit->for_init || unit->param->class != PARAM_PAGES || !first(unit)->value)
			continue;
		if (cmdline_is(first(unit), "hugepagesz"))
			take_size(&parser, i, unit_size_shift(unit));
		else if (cmdline_is(first(unit), "default_hugepagesz"))
			take_default(&parser, i, unit_size_shift(unit));
		if (unit_pages(unit).data)
			take_count(&parser, i);
	}
	/* An implicit count overrules an explicit one of the default size (hugetlb_init()). */
	if (ret->default_from == NO_UNIT && ret->implicit != NO_UNIT)
		ret->count_from[SHIFT_2M] = ret->implicit;
}

static bool count_is(const struct units *units, size_t i, struct slice count)
{
	return i != NO_UNIT && value_equal(VALUE_PAGES, unit_pages(&units->items[i]), count);
}

static bool is_default(const struct unit *unit)
{
	return cmdline_is(first(unit), "default_hugepagesz");
}

/* The size that a wanted unit is about; -1 where its value is none. */
static int wanted_shift(const struct unit *want, const struct pools *pools)
{
	return cmdline_is(first(want), "hugepages") ? (int)pools->default_shift
						    : unit_size_shift(want);
}

bool pages_in_force(const struct units *units, const struct unit *want)
{
	struct slice count = unit_pages(want);
	struct pools pools;
	int shift;

	pools_read(units, &pools);
	shift = wanted_shift(want, &pools);
	if (shift < 0)
		return false;
	if (is_default(want) &&
	    (pools.default_from == NO_UNIT || pools.default_shift != (unsigned)shift))
		return false;
	if (count.data)
		return count_is(units, pools.count_from[shift], count);
	return pools.known_by[shift] != NO_UNIT;
}

size_t pages_blocker(const struct units *units, const struct unit *want)
{
	struct slice count = unit_pages(want);
	size_t found = NO_UNIT;
	struct pools pools;
	int shift;

	pools_read(units, &pools);
	shift = wanted_shift(want, &pools);
	if (shift < 0)
		return NO_UNIT;
	if (is_default(want)) {
		found = pools.default_from;
		/* Pages of the size that was the default so far would become others. */
		if (found == NO_UNIT && (unsigned)shift != pools.default_shift)
			found = pools.implicit;
	}
	if (found != NO_UNIT || !count.data)
		return found;
	if (pools.count_from[shift] != NO_UNIT)
		return pools.count_from[shift];
	/* A size without its count: it cannot be named again. */
	found = pools.known_by[shift];
	return found == NO_UNIT || is_default(&units->items[found]) ? NO_UNIT : found;
}
