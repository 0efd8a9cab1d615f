/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hugepagesz=, default_hugepagesz= and hugepages= say together: mm/hugetlb.c, hugetlbpage.rst.
 * A part of effect.h; line_edit() looks at the pools itself to see that those of the user stay.
 */
#ifndef BOOTCFG_POOLS_H
#define BOOTCFG_POOLS_H

#include "bootcfg/param.h"
#include "bootcfg/unit.h"

#define PAGE_SHIFTS 64
struct pools {
	size_t count_from[PAGE_SHIFTS];
	size_t known_by[PAGE_SHIFTS]; /* the unit that has named the size first */
	size_t default_from; /* default_hugepagesz= that counts */
	size_t implicit; /* hugepages= before any size */
	unsigned default_shift;
};

void pools_read(const struct units *units, struct pools *ret);

/* The value of the hugepages= in a unit. */
struct slice unit_pages(const struct unit *unit);

/* Which pages its hugepagesz= or default_hugepagesz= is about, as a shift; -1: it has none. */
int unit_size_shift(const struct unit *unit);

/* effect_in_force() and effect_blocker() of such a unit. */
bool pages_in_force(const struct units *units, const struct unit *want);
size_t pages_blocker(const struct units *units, const struct unit *want);

#endif
