/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wanted, cut into units, and what follows from it for a unit that we own. */
#ifndef BOOTCFG_DEMAND_H
#define BOOTCFG_DEMAND_H

#include "bootcfg/line.h"
#include "bootcfg/unit.h"
#include "early/diag.h"

struct demand {
	const struct wants *wants; /* not owned */
	struct units *parsed; /* one unit each: wants->items, then wants->forbidden */
};

/* -EINVAL, with diag where it is not NULL: a want is not one unit, or a protected one. -ENOMEM. */
int demand_init(struct demand *demand, const struct wants *wants, struct diag *diag) _must_check_;
void demand_free(struct demand *demand);

const struct unit *demand_want(const struct demand *demand, size_t i);
const struct unit *demand_forbidden(const struct demand *demand, size_t i);

/* True if a unit says what one of the wants says. */
bool demand_has(const struct demand *demand, const struct unit *unit);

/* The first of the forbidden ones that a unit is, or NO_UNIT. */
size_t demand_forbids(const struct demand *demand, const struct unit *unit);

/*
 * What takes the place of a unit that contradicts: the want of its name, with its own items of a comma
 * list that do no harm; of one that is only forbidden its name with an empty list, which says nothing.
 * *ret is the caller's; NULL where the unit, taken alone, contradicts nothing.
 */
int demand_replacement(const struct demand *demand, const struct unit *unit,
		       char **ret) _must_check_;

/*
 * What a unit of ours is to be from now on: the same text, another one, or NULL: it goes, and what it
 * has replaced comes back. *ret is the caller's.
 */
int demand_fate(const struct demand *demand, const struct owned *owned, char **ret) _must_check_;

#define _cleanup_demand_ _cleanup_(demand_free)

#endif
