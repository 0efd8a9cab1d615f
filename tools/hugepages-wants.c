// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "tools/hugepages.h"

bool hugepages_profile_wants(const struct profile *profile, unsigned long size_kib, int node,
			     unsigned long *ret_count)
{
	unsigned long sum = 0;
	bool found = false;

	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];
		const char *at = entry->value;
		unsigned long count;
		int on;

		if (strcmp(entry->section, "hugepages") != 0 ||
		    pages_size_kib(entry->key) != size_kib)
			continue;
		while (pages_value_next(&at, &on, &count)) {
			if (node != PAGES_ANY_NODE && on != node)
				continue;
			sum += count;
			found = true;
		}
	}
	if (found)
		*ret_count = sum;
	return found;
}

static int by_turn(const void *a, const void *b)
{
	const struct pages_want *x = a, *y = b;

	if (x->size_kib != y->size_kib)
		return x->size_kib < y->size_kib ? 1 : -1;
	return (x->node > y->node) - (x->node < y->node);
}

void hugepages_sort(struct pages_want *wants, size_t count)
{
	if (count)
		qsort(wants, count, sizeof(*wants), by_turn);
}

static unsigned long least(unsigned long a, unsigned long b)
{
	return a < b ? a : b;
}

unsigned long hugepages_spare(const struct profile *profile, const struct pages *pages,
			      const struct pages_want *wants, size_t count,
			      const struct pages_pool *pool)
{
	struct pages_want all = {pool->size_kib, PAGES_ANY_NODE, 0};
	unsigned long have = pages_have(pages, &all), wanted, spare;

	if (!hugepages_profile_wants(profile, pool->size_kib, PAGES_ANY_NODE, &wanted))
		return 0;
	spare = have > wanted ? have - wanted : 0;
	if (hugepages_profile_wants(profile, pool->size_kib, pool->node, &wanted))
		spare = least(spare, pages_kept(pool) > wanted ? pages_kept(pool) - wanted : 0);
	for (size_t i = 0; i < count; i++) {
		const struct pages_want *want = &wants[i];

		if (!pages_is_of(pool, want->size_kib, want->node))
			continue;
		have = pages_have(pages, want);
		spare = least(spare, have > want->count ? have - want->count : 0);
	}
	return spare;
}

void hugepages_for_guest(const struct pages *pages, struct pages_want *wants, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct pages_want *want = &wants[i];
		unsigned long free = 0, promised = pages_find_size(pages, want->size_kib)->reserved;

		for (size_t j = 0; j < pages->count; j++)
			if (pages_is_of(&pages->pools[j], want->size_kib, want->node))
				free += pages->pools[j].free;
		free = free > promised ? free - promised : 0;
		want->count =
			pages_have(pages, want) + (want->count > free ? want->count - free : 0);
	}
}
