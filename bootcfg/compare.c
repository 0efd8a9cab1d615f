// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/demand.h"
#include "bootcfg/edit.h"
#include "bootcfg/effect.h"

static void list_free(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

void line_report_free(struct line_report *report)
{
	list_free(report->missing, report->missing_count);
	list_free(report->unexpected, report->unexpected_count);
	list_free(report->superseded, report->superseded_count);
	*report = (struct line_report){.missing_count = 0};
}

/* Takes text over, also where it fails; NULL is -ENOMEM. */
static int list_add(char ***list, size_t *count, char *text)
{
	char **grown = text ? reallocarray(*list, *count + 1, sizeof(*grown)) : NULL;

	if (!grown) {
		free(text);
		return -ENOMEM;
	}
	*list = grown;
	grown[(*count)++] = text;
	return 0;
}

enum mark { MARK_UNEXPECTED = 1 << 0, MARK_OURS = 1 << 1 };

struct comparison {
	const struct demand *demand;
	const struct owned_list *owned; /* may be NULL */
	struct units units;
	unsigned char *marks; /* of each unit; owned */
	struct line_report *report;
};

static int add_missing(struct comparison *comparison)
{
	const struct wants *wants = comparison->demand->wants;
	struct line_report *report = comparison->report;

	for (size_t i = 0; i < wants->count; i++) {
		const struct unit *want = demand_want(comparison->demand, i);
		size_t blocker;

		if (effect_in_force(&comparison->units, want))
			continue;
		if (list_add(&report->missing, &report->missing_count,
			     strdup(wants->items[i].text)) < 0)
			return -ENOMEM;
		blocker = effect_blocker(&comparison->units, want);
		if (blocker != NO_UNIT)
			comparison->marks[blocker] |= MARK_UNEXPECTED;
	}
	return 0;
}

/* Ours that the next `set` would take out or change. As edit.c does it: the first of the same. */
static int mark_ours(struct comparison *comparison)
{
	for (size_t i = 0; comparison->owned && i < comparison->owned->count; i++) {
		const struct owned *owned = &comparison->owned->items[i];
		_cleanup_units_ struct units units = UNITS_INIT;
		_cleanup_free_ char *fate = NULL;
		int r = unit_parse(owned->text, &units);

		if (!r)
			r = demand_fate(comparison->demand, owned, &fate);
		if (r == -ENOMEM)
			return r;
		for (size_t j = 0; !r && j < comparison->units.count; j++) {
			const struct unit *unit = &comparison->units.items[j];
			bool users = owned->was && !strcmp(owned->was, owned->text);

			if ((comparison->marks[j] & MARK_OURS) || unit_is_protected(unit) ||
			    !unit_same_bytes(unit, &units.items[0]))
				continue;
			comparison->marks[j] |= MARK_OURS;
			if ((!fate || strcmp(fate, owned->text) != 0) && !users)
				comparison->marks[j] |= MARK_UNEXPECTED;
			break;
		}
	}
	return 0;
}

static bool is_superseded(const struct wants *wants, const struct unit *unit)
{
	const struct cmdline_token *token = &unit->tokens[0].token;

	if (token->value && !token->value_len) /* says nothing: --replace leaves such */
		return false;
	for (const char *const *at = wants->superseded; at && *at; at++) {
		_cleanup_units_ struct units units = UNITS_INIT;

		if (unit_parse(*at, &units) < 0)
			continue;
		if (units.items[0].tokens[0].token.value
			    ? unit_same(unit, &units.items[0])
			    : token_same_name(token, &units.items[0].tokens[0].token))
			return true;
	}
	return false;
}

static int add_marked(struct comparison *comparison)
{
	const struct demand *demand = comparison->demand;
	struct line_report *report = comparison->report;
	int r = 0;

	for (size_t i = 0; !r && i < comparison->units.count; i++) {
		const struct unit *unit = &comparison->units.items[i];
		unsigned mark = comparison->marks[i];

		if (unit->for_init)
			continue;
		if ((mark & MARK_UNEXPECTED) || (!mark && demand_forbids(demand, unit) != NO_UNIT))
			r = list_add(&report->unexpected, &report->unexpected_count,
				     unit_text(unit));
		else if (!mark && is_superseded(demand->wants, unit) && !demand_has(demand, unit))
			r = list_add(&report->superseded, &report->superseded_count,
				     unit_text(unit));
	}
	return r;
}

int line_compare(const char *text, const struct wants *wants, const struct owned_list *owned,
		 struct line_report *ret)
{
	struct line_report report = {.missing_count = 0};
	_cleanup_demand_ struct demand demand = {.parsed = NULL};
	struct comparison comparison = {
		.demand = &demand, .owned = owned, .units = UNITS_INIT, .report = &report};
	bool open = false;
	int r = demand_init(&demand, wants, NULL);

	if (!r)
		r = units_add(&comparison.units, text, strlen(text), 0);
	if (r == -EBADMSG) {
		/* What the line says is not known: nothing of it counts. */
		units_free(&comparison.units);
		comparison.units = UNITS_INIT;
		open = true;
		r = 0;
	}
	if (!r) {
		comparison.marks = calloc(comparison.units.count + 1, sizeof(*comparison.marks));
		r = comparison.marks ? 0 : -ENOMEM;
	}
	if (!r)
		r = add_missing(&comparison);
	if (!r)
		r = mark_ours(&comparison);
	if (!r)
		r = add_marked(&comparison);
	free(comparison.marks);
	units_free(&comparison.units);
	if (r < 0) {
		line_report_free(&report);
		return r;
	}
	*ret = report;
	return open ? -EBADMSG : 0;
}
