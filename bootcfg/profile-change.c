// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/profile-change.h"

/* What a file begins with that we make. */
static const char *const opening[] = {
	"# What this host keeps for its guests, see vfio-bootcfg.conf(5). Written by",
	"# `vfio-bootcfg set`, which keeps what you change or add by hand.",
};

void edited_free(struct edited *edited)
{
	file_free(&edited->file);
	profile_text_free(&edited->text);
	owned_free(&edited->owned);
	free(edited->key);
}

/* --- what is ours ----------------------------------------------------------------------------- */

/* "[cpus]", or with a key "[cpus] isolate = 8-15"; the caller's to free. NULL without memory. */
static char *unit_text(const struct profile_set *set, const char *key, const char *value)
{
	char *unit;

	if (asprintf(&unit, "[%s%s%s]%s%s%s%s", set->section, *set->name ? " " : "", set->name,
		     key ? " " : "", key ? key : "", key ? " = " : "", key ? value : "") < 0)
		return NULL;
	return unit;
}

static struct owned *find_owned(const struct edited *edited, const char *unit)
{
	for (size_t i = 0; i < edited->owned.count; i++)
		if (!strcmp(edited->owned.items[i].text, unit))
			return &edited->owned.items[i];
	return NULL;
}

static void drop_owned(struct edited *edited, struct owned *owned)
{
	struct owned_list *list = &edited->owned;
	size_t i = (size_t)(owned - list->items);

	free(owned->text);
	free(owned->was);
	list->count--;
	memmove(owned, owned + 1, (list->count - i) * sizeof(*owned));
}

/* --- putting in ------------------------------------------------------------------------------- */

/*
 * Whether both mean the same to the profile: lists may have blanks beside their commas, and all but
 * the kernel's own words may stand in quotes.
 */
static bool same_value(const char *key, const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b), i = 0, j = 0;

	if (!strcmp(key, "args"))
		return !strcmp(a, b);
	if (a_len >= 2 && *a == '"' && a[a_len - 1] == '"') {
		a++;
		a_len -= 2;
	}
	for (;;) {
		while (i < a_len && (a[i] == ' ' || a[i] == '\t'))
			i++;
		while (j < b_len && (b[j] == ' ' || b[j] == '\t'))
			j++;
		if (i == a_len || j == b_len || a[i] != b[j])
			return i == a_len && j == b_len;
		i++;
		j++;
	}
}

int edited_agrees(const struct edited *edited, const struct profile_set *set, size_t header)
{
	size_t line = profile_text_key(&edited->text, header, set->key);
	_cleanup_free_ char *old = NULL;

	if (line == LINE_NONE)
		return 0;
	old = profile_text_value(&edited->text, line);
	return old ? same_value(set->key, old, set->value) : -ENOMEM;
}

static int change_value(struct edited *edited, const struct profile_set *set, size_t line)
{
	_cleanup_free_ char *old = profile_text_value(&edited->text, line);
	_cleanup_free_ char *unit = old ? unit_text(set, set->key, old) : NULL;
	_cleanup_free_ char *new_unit = unit_text(set, set->key, set->value);
	struct owned *owned;

	if (!unit || !new_unit)
		return -ENOMEM;
	edited->changed = true;
	owned = find_owned(edited, unit);
	if (!owned) {
		if (owned_add(&edited->owned, new_unit, old) < 0)
			return -ENOMEM;
	} else if (owned->was && same_value(set->key, owned->was, set->value)) {
		/* It is the user's own value again, in the user's own words. */
		int r = profile_text_set(&edited->text, line, owned->was);

		drop_owned(edited, owned);
		return r;
	} else {
		free(owned->text);
		owned->text = steal(&new_unit);
		/* Why the old value was proposed is no reason for the new one. */
		if (!owned->was && set->comment &&
		    profile_text_add_comment(&edited->text, line, set->comment) < 0)
			return -ENOMEM;
	}
	return profile_text_set(&edited->text, line, set->value);
}

int edited_put_key(struct edited *edited, const struct profile_set *set, size_t header)
{
	size_t line = profile_text_key(&edited->text, header, set->key), last;
	_cleanup_free_ char *unit = unit_text(set, set->key, set->value);

	if (line != LINE_NONE)
		return change_value(edited, set, line);
	last = profile_text_last_key(&edited->text, header);
	if (last == LINE_NONE)
		last = header;
	edited->changed = true;
	if (!unit || owned_add(&edited->owned, unit, NULL) < 0)
		return -ENOMEM;
	if (profile_text_add_key(&edited->text, last + 1, set->key, set->value) < 0)
		return -ENOMEM;
	return set->comment ? profile_text_add_comment(&edited->text, last + 1, set->comment) : 0;
}

int edited_add_section(struct edited *edited, const struct profile_set *set, size_t *ret_header)
{
	_cleanup_free_ char *unit = unit_text(set, NULL, NULL);
	struct profile_text *text = &edited->text;
	bool gap;

	if (!edited->there) {
		edited->there = edited->created = true;
		for (size_t i = 0; i < ARRAY_SIZE(opening); i++)
			if (profile_text_add_other(text, text->count, opening[i]) < 0)
				return -ENOMEM;
	}
	gap = text->count && !profile_text_is_blank(text, text->count - 1);
	edited->changed = true;
	if (!unit || owned_add(&edited->owned, unit, gap ? "\n" : NULL) < 0 ||
	    (gap && profile_text_add_other(text, text->count, "") < 0) ||
	    profile_text_add_section(text, text->count, set->section, set->name) < 0)
		return -ENOMEM;
	*ret_header = text->count - 1;
	return 0;
}

/* --- taking out ------------------------------------------------------------------------------- */

/* 1 where the line was written by hand and is a comment now; 0: it was ours, and is gone. */
static int take_key(struct edited *edited, const struct profile_set *set, size_t line)
{
	const struct profile_line *at = &edited->text.lines[line];
	_cleanup_free_ char *value = profile_text_value(&edited->text, line);
	_cleanup_free_ char *key = strndup(at->text + at->key, at->key_len);
	_cleanup_free_ char *unit = key && value ? unit_text(set, key, value) : NULL;
	struct owned *owned;

	if (!unit)
		return -ENOMEM;
	edited->changed = true;
	owned = find_owned(edited, unit);
	if (owned && !owned->was) {
		drop_owned(edited, owned);
		profile_text_drop(&edited->text, line);
		return 0;
	}
	if (owned) {
		if (profile_text_set(&edited->text, line, owned->was) < 0)
			return -ENOMEM;
		drop_owned(edited, owned);
	}
	return profile_text_comment_out(&edited->text, line) < 0 ? -ENOMEM : 1;
}

/* A header above which nothing is left. by_hand: lines below it became comments. */
static int take_header(struct edited *edited, const struct profile_set *set, size_t header,
		       bool by_hand)
{
	_cleanup_free_ char *unit = unit_text(set, NULL, NULL);
	struct owned *owned;
	bool gap;

	if (!unit)
		return -ENOMEM;
	owned = find_owned(edited, unit);
	if (!owned && !by_hand)
		return 0;
	edited->changed = true;
	gap = owned && owned->was;
	if (owned)
		drop_owned(edited, owned);
	/* Comments that were lines of the section stay below what they belong to. */
	if (by_hand)
		return profile_text_comment_out(&edited->text, header);
	profile_text_drop(&edited->text, header);
	if (gap && header && profile_text_is_blank(&edited->text, header - 1))
		profile_text_drop(&edited->text, header - 1);
	return 0;
}

int edited_take_out(struct edited *edited, const struct profile_set *set, size_t header)
{
	bool by_hand = false;
	int r = 0;

	if (set->key) {
		size_t line = profile_text_key(&edited->text, header, set->key);

		if (line == LINE_NONE)
			return 0;
		r = take_key(edited, set, line);
		by_hand = r > 0;
	} else {
		size_t line;

		while (r >= 0 &&
		       (line = profile_text_last_key(&edited->text, header)) != LINE_NONE) {
			r = take_key(edited, set, line);
			by_hand |= r > 0;
		}
	}
	if (r < 0)
		return r;
	if (profile_text_last_key(&edited->text, header) != LINE_NONE)
		return 0;
	return take_header(edited, set, header, by_hand);
}

static int compare_units(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All headers and keys of a file as units, sorted. -ENOMEM: what there is, is the caller's all the same. */
static int list_units(const struct profile_text *text, char **units, size_t *ret_count)
{
	const char *section = "";

	for (size_t i = 0; i < text->count; i++) {
		const struct profile_line *line = &text->lines[i];
		char **unit = &units[*ret_count];
		int r;

		if (line->kind == LINE_OTHER)
			continue;
		if (line->kind == LINE_SECTION) {
			section = line->section;
			r = asprintf(unit, "[%s]", section);
		} else {
			r = asprintf(unit, "[%s] %.*s = %.*s", section, (int)line->key_len,
				     line->text + line->key, (int)line->value_len,
				     line->text + line->value);
		}
		if (r < 0)
			return -ENOMEM;
		++*ret_count;
	}
	if (*ret_count)
		qsort(units, *ret_count, sizeof(*units), compare_units);
	return 0;
}

int edited_forget(struct edited *edited)
{
	_cleanup_free_ char **units = calloc(edited->text.count + 1, sizeof(*units));
	size_t count = 0;
	int r = units ? list_units(&edited->text, units, &count) : -ENOMEM;

	for (size_t i = edited->owned.count; r == 0 && i--;) {
		struct owned *owned = &edited->owned.items[i];

		if (!count || !bsearch(&owned->text, units, count, sizeof(*units), compare_units))
			drop_owned(edited, owned);
	}
	for (size_t i = 0; i < count; i++)
		free(units[i]);
	return r;
}

bool edited_is_empty(const struct edited *edited)
{
	const struct profile_text *text = &edited->text;

	for (size_t i = 0; i < text->count; i++) {
		bool ours = profile_text_is_blank(text, i);

		for (size_t j = 0; !ours && j < ARRAY_SIZE(opening); j++)
			ours = !strcmp(text->lines[i].text, opening[j]);
		if (!ours)
			return false;
	}
	return true;
}
