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
 * Whether a unit must not be there: it says what forbidden says, has its name where that is a name
 * alone, or has all items of it where both are comma lists.
 */
bool effect_forbidden(const struct unit *unit, const struct unit *forbidden);

/* Whether a single item of the unit's comma list may not stay: because of want, or of forbidden. */
bool effect_item_blocks(const struct unit *unit, struct slice item, const struct unit *want);
bool effect_item_forbidden(const struct unit *unit, struct slice item,
			   const struct unit *forbidden);

#endif
