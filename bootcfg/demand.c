// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/demand.h"
#include "bootcfg/effect.h"
#include "bootcfg/pools.h"
#include "early/text.h"

static int parse_want(const struct want *want, struct units *units, struct diag *diag)
{
	int r = unit_parse(want->text, units);

	if (!r && unit_is_protected(&units->items[0]))
		r = -EPERM;
	else if (!r && unit_end(&units->items[0]) != strlen(want->text))
		r = -EINVAL;
	if (!r && units->items[0].tokens[0].at > 0)
		r = -EINVAL;
	if (r >= 0 || r == -ENOMEM)
		return r;
	units_free(units);
	*units = UNITS_INIT;
	if (diag)
		diag_set(diag, -EINVAL, want->file, want->line, "`%.200s` %s", want->text,
			 r == -EPERM
				 ? "is never set here: it is what the boot source itself is about"
				 : "is not one parameter of the kernel: mind quotes and blanks");
	return -EINVAL;
}

int demand_init(struct demand *demand, const struct wants *wants, struct diag *diag)
{
	size_t count = wants->count + wants->forbidden_count;
	int r = 0;

	*demand = (struct demand){.wants = wants};
	demand->parsed = calloc(count + 1, sizeof(*demand->parsed));
	if (!demand->parsed)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		demand->parsed[i] = UNITS_INIT;
	for (size_t i = 0; !r && i < wants->count; i++)
		r = parse_want(&wants->items[i], &demand->parsed[i], diag);
	for (size_t i = 0; !r && i < wants->forbidden_count; i++)
		r = parse_want(&wants->forbidden[i], &demand->parsed[wants->count + i], diag);
	return r;
}

void demand_free(struct demand *demand)
{
	if (!demand->parsed)
		return;
	for (size_t i = 0; i < demand->wants->count + demand->wants->forbidden_count; i++)
		units_free(&demand->parsed[i]);
	free(demand->parsed);
}

const struct unit *demand_want(const struct demand *demand, size_t i)
{
	return &demand->parsed[i].items[0];
}

const struct unit *demand_forbidden(const struct demand *demand, size_t i)
{
	return &demand->parsed[demand->wants->count + i].items[0];
}

bool demand_has(const struct demand *demand, const struct unit *unit)
{
	for (size_t i = 0; i < demand->wants->count; i++)
		if (unit_same(demand_want(demand, i), unit))
			return true;
	return false;
}

size_t demand_forbids(const struct demand *demand, const struct unit *unit)
{
	for (size_t i = 0; i < demand->wants->forbidden_count; i++)
		if (effect_forbidden(unit, demand_forbidden(demand, i)))
			return i;
	return NO_UNIT;
}

/* Whether an item of a unit's list has to go. */
static bool item_goes(const struct demand *demand, const struct unit *unit, struct slice item)
{
	for (size_t i = 0; i < demand->wants->count; i++)
		if (effect_item_blocks(unit, item, demand_want(demand, i)))
			return true;
	for (size_t i = 0; i < demand->wants->forbidden_count; i++)
		if (effect_item_forbidden(unit, item, demand_forbidden(demand, i)))
			return true;
	return false;
}

/* "NAME=ITEM,ITEM" of what may stay of a unit, or "NAME="; then what the want adds, if it is not NULL. */
static void add_list(struct text *text, const struct demand *demand, const struct unit *unit,
		     const struct unit *want, bool *ret_kept)
{
	const struct cmdline_token *name = want ? &want->tokens[0].token : &unit->tokens[0].token;
	struct slice rest = token_value(&unit->tokens[0].token), item;
	const char *comma = "";

	*ret_kept = false;
	text_add(text, "%.*s=", (int)name->name_len, name->name);
	while (slice_item(&rest, &item)) {
		if (!item.size || item_goes(demand, unit, item))
			continue;
		text_add(text, "%s%.*s", comma, (int)item.size, item.data);
		*ret_kept = true;
		comma = ",";
	}
	rest = want ? token_value(&want->tokens[0].token) : (struct slice){NULL, 0};
	while (slice_item(&rest, &item))
		if (!slice_in_list(item, token_value(&unit->tokens[0].token))) {
			text_add(text, "%s%.*s", comma, (int)item.size, item.data);
			comma = ",";
		}
}

/* Whether a unit makes pages of the wanted size the default too, which nobody speaks against. */
static bool sets_default(const struct unit *unit, const struct unit *want)
{
	return unit->count == 2 && cmdline_is(&unit->tokens[0].token, "default_hugepagesz") &&
	       cmdline_is(&want->tokens[0].token, "hugepagesz") && unit_pages(want).data &&
	       unit_size_shift(unit) == unit_size_shift(want);
}

/* The unit with the count of the want. */
static int with_count_of(const struct unit *unit, const struct unit *want, char **ret)
{
	const struct cmdline_token *size = &unit->tokens[0].token;
	struct slice count = unit_pages(want);

	if (asprintf(ret, "%.*s hugepages=%.*s", (int)size->raw_len, size->raw, (int)count.size,
		     count.data) >= 0)
		return 0;
	*ret = NULL;
	return -ENOMEM;
}

int demand_replacement(const struct demand *demand, const struct unit *unit, char **ret)
{
	struct units alone = {.items = (struct unit *)unit, .count = 1, .dashes = NO_UNIT};
	bool forbidden = demand_forbids(demand, unit) != NO_UNIT, kept = false, same = false;
	_cleanup_text_ struct text text = {.data = NULL};
	size_t best = NO_UNIT;

	for (size_t i = 0; i < demand->wants->count && !same; i++) {
		const struct unit *want = demand_want(demand, i);

		if (effect_in_force(&alone, want) || effect_blocker(&alone, want) == NO_UNIT)
			continue;
		same = token_same_name(&want->tokens[0].token, &unit->tokens[0].token);
		if (same || best == NO_UNIT)
			best = i;
	}
	*ret = NULL;
	if (best == NO_UNIT && !forbidden)
		return 0;
	if (best != NO_UNIT && sets_default(unit, demand_want(demand, best)))
		return with_count_of(unit, demand_want(demand, best), ret);
	if (unit->param->class == PARAM_LIST || (forbidden && best == NO_UNIT)) {
		add_list(&text, demand, unit, same ? demand_want(demand, best) : NULL, &kept);
		if (text.error)
			return text.error;
	}
	if (unit->param->class == PARAM_LIST ? !kept && !same : !kept) {
		/* Only forbidden: a list without an item keeps the place, and says nothing. */
		*ret = best != NO_UNIT ? strdup(demand->wants->items[best].text)
				       : steal(&text.data);
		return *ret ? 0 : -ENOMEM;
	}
	*ret = steal(&text.data);
	return 0;
}

int demand_fate(const struct demand *demand, const struct owned *owned, char **ret)
{
	_cleanup_units_ struct units text = UNITS_INIT, was = UNITS_INIT;
	int r;

	*ret = NULL;
	r = unit_parse(owned->text, &text);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (demand_has(demand, &text.items[0])) {
		*ret = strdup(owned->text);
		return *ret ? 0 : -ENOMEM;
	}
	/* It has leave to take that place, also for what is wanted now. */
	r = owned->was ? unit_parse(owned->was, &was) : -EINVAL;
	if (!r)
		r = demand_replacement(demand, &was.items[0], ret);
	return r == -ENOMEM ? r : 0;
}
