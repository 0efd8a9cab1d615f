// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/profile-edit.h"

static void set_free(struct profile_set *set)
{
	free(set->section);
	free(set->name);
	free(set->key);
	free(set->value);
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

	items = reallocarray(sets->items, sets->count + 1, sizeof(*items));
	if (items)
		sets->items = items;
	if (!items || !set.section || !set.name || (key && !set.key) || (value && !set.value)) {
		set_free(&set);
		return -ENOMEM;
	}
	items[sets->count++] = set;
	return 0;
}

void profile_sets_free(struct profile_sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		set_free(&sets->items[i]);
	free(sets->items);
	*sets = (struct profile_sets){.count = 0};
}
