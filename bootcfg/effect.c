// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/effect.h"

#define SHIFT_2M 21 /* the default size on x86 where the line names none */

static const struct cmdline_token *first(const struct unit *unit)
{
	return &unit->tokens[0].token;
}

static enum param_class class_of(const struct unit *unit)
{
	return unit->param->class;
}

/* --- huge pages ---------------------------------------------------------------------------------- */

struct slice unit_pages(const struct unit *unit)
{
	const struct cmdline_token *token = &unit->tokens[unit->count - 1].token;

	return cmdline_is(token, "hugepages") ? token_value(token) : (struct slice){NULL, 0};
}

/* Page sizes are powers of two; which of them a CPU has is not known here. -1: no size. */
int unit_size_shift(const struct unit *unit)
{
	unsigned long long bytes;

	if (cmdline_is(first(unit), "hugepages") || !value_size(token_value(first(unit)), &bytes) ||
	    (bytes & (bytes - 1)))
		return -1;
	return __builtin_ctzll(bytes);
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
	if (pools->known_by[shift] == NO_UNIT)
		pools->known_by[shift] = i;
	parser->size = shift;
	/* What was said before any size was meant for this one. */
	if (pools->implicit != NO_UNIT && pools->count_from[shift] == NO_UNIT)
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

		if (unit->for_init || class_of(unit) != PARAM_PAGES)
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

static bool pages_in_force(const struct units *units, const struct unit *want)
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

static size_t pages_blocker(const struct units *units, const struct unit *want)
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

/* --- isolated CPUs ------------------------------------------------------------------------------- */

/* Which list each flag has, as housekeeping_setup() (sched/isolation.c) lets them in. */
static void isolation_read(const struct units *units, struct slice lists[static ISOLATE_COUNT])
{
	for (int flag = 0; flag < ISOLATE_COUNT; flag++)
		lists[flag] = (struct slice){NULL, 0};
	for (size_t i = 0; i < units->count; i++) {
		const struct unit *unit = &units->items[i];
		struct isolation_value value;
		bool fits = true;

		if (unit->for_init || class_of(unit) != PARAM_ISOLATION || !first(unit)->value)
			continue;
		value = isolation_parse(first(unit));
		for (int flag = 0; flag < ISOLATE_COUNT; flag++)
			if ((value.flags & (1U << flag)) && lists[flag].data &&
			    !cpus_equal(lists[flag], value.list))
				fits = false; /* "must match": dropped whole */
		for (int flag = 0; fits && flag < ISOLATE_COUNT; flag++)
			if ((value.flags & (1U << flag)) && !lists[flag].data)
				lists[flag] = value.list;
	}
}

static bool isolation_in_force(const struct units *units, const struct unit *want)
{
	struct isolation_value value = isolation_parse(first(want));
	struct slice lists[ISOLATE_COUNT];

	if (!value.list.data)
		return false;
	isolation_read(units, lists);
	for (int flag = 0; flag < ISOLATE_COUNT; flag++)
		if ((value.flags & (1U << flag)) && !cpus_equal(lists[flag], value.list))
			return false;
	return true;
}

static size_t isolation_blocker(const struct units *units, const struct unit *want)
{
	struct isolation_value a, b = isolation_parse(first(want));

	for (size_t i = 0; i < units->count; i++) {
		const struct unit *unit = &units->items[i];

		if (unit->for_init || class_of(unit) != PARAM_ISOLATION)
			continue;
		a = isolation_parse(first(unit));
		if ((a.flags & b.flags) && !cpus_equal(a.list, b.list))
			return i;
	}
	return NO_UNIT;
}

/* --- comma lists --------------------------------------------------------------------------------- */

/* How many items stand before the last one of the wanted item's kind; -1 where it is nowhere. */
static long item_place(const struct units *units, const struct unit *want, struct slice item)
{
	long place = 0, found = -1;

	for (size_t i = 0; i < units->count; i++) {
		const struct unit *unit = &units->items[i];
		struct slice rest = token_value(first(unit)), other;

		for (; slice_item(&rest, &other); place++)
			if (!unit->for_init && token_same_name(first(unit), first(want)) &&
			    slice_equal(item, other))
				found = place;
	}
	return found;
}

/* The first unit that has an item which undoes this one. */
static size_t item_undone(const struct units *units, const struct unit *want, struct slice item)
{
	long place = 0, wanted = item_place(units, want, item);

	for (size_t i = 0; i < units->count; i++) {
		const struct unit *unit = &units->items[i];
		struct slice rest = token_value(first(unit)), other;
		bool sticky;

		for (; slice_item(&rest, &other); place++)
			if (!unit->for_init &&
			    items_oppose(first(want), item, first(unit), other, &sticky) &&
			    (sticky || place > wanted))
				return i;
	}
	return NO_UNIT;
}

static bool list_in_force(const struct units *units, const struct unit *want)
{
	struct slice rest = token_value(first(want)), item;

	if (!rest.data) {
		for (size_t i = 0; i < units->count; i++)
			if (!units->items[i].for_init && unit_same(&units->items[i], want))
				return true;
		return false;
	}
	while (slice_item(&rest, &item))
		if (item_place(units, want, item) < 0 || item_undone(units, want, item) != NO_UNIT)
			return false;
	return true;
}

static size_t list_blocker(const struct units *units, const struct unit *want)
{
	struct slice rest = token_value(first(want)), item;
	size_t found = NO_UNIT;

	while (found == NO_UNIT && slice_item(&rest, &item))
		found = item_undone(units, want, item);
	return found;
}

bool effect_item_blocks(const struct unit *unit, struct slice item, const struct unit *want)
{
	struct slice rest = token_value(first(want)), wanted;
	bool sticky;

	while (slice_item(&rest, &wanted))
		if (items_oppose(first(want), wanted, first(unit), item, &sticky))
			return true;
	return false;
}

/* --- all of them --------------------------------------------------------------------------------- */

/* The last unit of the want's name, or NO_UNIT. */
static size_t last_named(const struct units *units, const struct unit *want)
{
	size_t last = NO_UNIT;

	for (size_t i = 0; i < units->count; i++)
		if (!units->items[i].for_init &&
		    token_same_name(first(&units->items[i]), first(want)))
			last = i;
	return last;
}

bool effect_in_force(const struct units *units, const struct unit *want)
{
	size_t last;

	switch (class_of(want)) {
	case PARAM_LIST:
		return list_in_force(units, want);
	case PARAM_ISOLATION:
		return isolation_in_force(units, want);
	case PARAM_PAGES:
		return pages_in_force(units, want);
	case PARAM_MANY:
		for (size_t i = 0; i < units->count; i++)
			if (!units->items[i].for_init && unit_same(&units->items[i], want))
				return true;
		return false;
	case PARAM_LAST:
		break;
	}
	last = last_named(units, want);
	return last != NO_UNIT && unit_same(&units->items[last], want);
}

size_t effect_blocker(const struct units *units, const struct unit *want)
{
	switch (class_of(want)) {
	case PARAM_LIST:
		return list_blocker(units, want);
	case PARAM_ISOLATION:
		return isolation_blocker(units, want);
	case PARAM_PAGES:
		return pages_blocker(units, want);
	case PARAM_MANY:
		return NO_UNIT;
	case PARAM_LAST:
		break;
	}
	return last_named(units, want);
}

/* The name of "NAME!=ITEM,ITEM" without its `!`; false where forbidden is none. */
static bool allow_list(const struct unit *forbidden, struct cmdline_token *ret)
{
	*ret = *first(forbidden);
	if (!ret->value || ret->name_len < 2 || ret->name[ret->name_len - 1] != '!')
		return false;
	ret->name_len--;
	return true;
}

bool effect_item_forbidden(const struct unit *unit, struct slice item, const struct unit *forbidden)
{
	struct cmdline_token name;

	if (allow_list(forbidden, &name))
		return token_same_name(first(unit), &name) && item.size &&
		       !slice_in_list(item, token_value(first(forbidden)));
	if (!token_same_name(first(unit), first(forbidden)))
		return false;
	if (!first(forbidden)->value)
		return true;
	if (class_of(unit) != PARAM_LIST)
		return unit_same(unit, forbidden);
	return slice_in_list(item, token_value(first(forbidden)));
}

bool effect_forbidden(const struct unit *unit, const struct unit *forbidden)
{
	struct slice rest = token_value(first(unit)), item;
	struct cmdline_token name;

	if (unit->for_init)
		return false;
	if (allow_list(forbidden, &name)) {
		while (slice_item(&rest, &item))
			if (effect_item_forbidden(unit, item, forbidden))
				return true;
		return false;
	}
	if (!first(forbidden)->value)
		return token_same_name(first(unit), first(forbidden));
	if (unit_same(unit, forbidden))
		return true;
	if (class_of(unit) != PARAM_LIST || !token_same_name(first(unit), first(forbidden)))
		return false;
	for (rest = token_value(first(forbidden)); slice_item(&rest, &item);)
		if (!slice_in_list(item, token_value(first(unit))))
			return false;
	return true;
}
