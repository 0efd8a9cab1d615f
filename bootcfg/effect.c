// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/effect.h"
#include "bootcfg/pools.h"

static const struct cmdline_token *first(const struct unit *unit)
{
	return &unit->tokens[0].token;
}

static enum param_class class_of(const struct unit *unit)
{
	return unit->param->class;
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

		if (unit->for_init || class_of(unit) != PARAM_ISOLATION || !first(unit)->value)
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
			if (!unit->for_init && param_opposes(unit->param) &&
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

bool effect_item_forbidden(const struct unit *unit, struct slice item, const struct unit *forbidden)
{
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
	struct slice rest = token_value(first(forbidden)), item;

	if (unit->for_init || !token_same_name(first(unit), first(forbidden)))
		return false;
	if (!rest.data || unit_same(unit, forbidden))
		return true;
	if (class_of(unit) != PARAM_LIST)
		return false;
	while (slice_item(&rest, &item))
		if (!slice_in_list(item, token_value(first(unit))))
			return false;
	return true;
}
