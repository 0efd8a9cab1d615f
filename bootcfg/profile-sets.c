// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <string.h>

#include "bootcfg/profile-edit.h"

static void set_free(struct profile_set *set)
{
	free(set->section);
	free(set->name);
	free(set->key);
	free(set->value);
	free(set->comment);
}

/* An earlier set of the same key, which would be undone by this one; NULL: there is none. */
static struct profile_set *find_set(const struct profile_sets *sets, const struct profile_set *set)
{
	for (size_t i = sets->count; set->key && i--;) {
		struct profile_set *other = &sets->items[i];

		if (strcmp(other->section, set->section) != 0 ||
		    strcmp(other->name, set->name) != 0)
			continue;
		if (!other->key) /* the whole section: what is behind it begins anew */
			return NULL;
		if (!strcmp(other->key, set->key))
			return other;
	}
	return NULL;
}

int profile_sets_add(struct profile_sets *sets, const char *section, const char *name,
		     const char *key, const char *value)
{
	struct profile_set *items, set = {
					   .section = strdup(section),
					   .name = strdup(name),
					   .key = key ? strdup(key) : NULL,
					   .value = value ? strdup(value) : NULL,
				   };
	struct profile_set *earlier;

	items = reallocarray(sets->items, sets->count + 1, sizeof(*items));
	if (items)
		sets->items = items;
	if (!items || !set.section || !set.name || (key && !set.key) || (value && !set.value)) {
		set_free(&set);
		return -ENOMEM;
	}
	earlier = find_set(sets, &set);
	if (earlier) {
		set_free(earlier);
		*earlier = set;
		return 0;
	}
	items[sets->count++] = set;
	return 0;
}

int profile_sets_comment(struct profile_set *set, const char *format, ...)
{
	char *comment;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&comment, format, args);
	va_end(args);
	if (r < 0)
		return -ENOMEM;
	text_clean(comment);
	free(set->comment);
	set->comment = comment;
	return 0;
}

void profile_sets_free(struct profile_sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		set_free(&sets->items[i]);
	free(sets->items);
	*sets = (struct profile_sets){.count = 0};
}
