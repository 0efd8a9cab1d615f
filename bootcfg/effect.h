/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel makes of all units of a line together. Pure, and without memory of its own. */
#ifndef BOOTCFG_EFFECT_H
#define BOOTCFG_EFFECT_H

#include "bootcfg/param.h"
#include "bootcfg/unit.h"

/* True if the kernel acts on what want says: it is there, and nothing overrules it. */
bool effect_in_force(const struct units *units, const struct unit *want);

/*
 * A unit because of which want, which is not in force, would not come into force where it is added at
 * the end, or which is the user's own setting of the same thing. NO_UNIT: there is none.
 */
size_t effect_blocker(const struct units *units, const struct unit *want);

/*
 * Whether a unit must not be there: it says what forbidden says; forbidden is a name alone; all items
 * of the comma list forbidden are in its; or forbidden is "NAME!=ITEM,ITEM" and it has another
 * item than these.
 */
bool effect_forbidden(const struct unit *unit, const struct unit *forbidden);

/* Whether a single item of the unit's comma list may not stay: because of want, or of forbidden. */
bool effect_item_blocks(const struct unit *unit, struct slice item, const struct unit *want);
bool effect_item_forbidden(const struct unit *unit, struct slice item,
			   const struct unit *forbidden);

/*
 * Pools of huge pages: which unit gives the count of the pages of 1 << i bytes, NO_UNIT for none.
 * So that an edit can be seen to leave the user's own pools as they are.
 */
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

#endif
