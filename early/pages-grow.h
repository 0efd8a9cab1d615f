/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making pools as large as they are wanted, and no larger than the host can bear; and smaller
 * again. Piece by piece, so that there is progress to show, and an end that comes when it is due.
 */
#ifndef EARLY_PAGES_GROW_H
#define EARLY_PAGES_GROW_H

#include "pages.h"

struct pages_want {
	unsigned long size_kib;
	int node; /* PAGES_ANY_NODE: on all nodes together */
	unsigned long count; /* to be kept when nobody uses them */
};

struct pages_effort {
	const struct root *root;
	struct pages *pages;
	bool (*stop)(void *data); /* the deadline, or the user; NULL: never */
	void (*progress)(void *data, unsigned long have); /* after each piece; NULL: none */
	void *data;
};

enum pages_end {
	PAGES_ALL, /* as many as wanted */
	PAGES_SHORT, /* the kernel finds no more */
	PAGES_STARVES, /* more would starve the host: see pages_spare_kib() */
	PAGES_STOPPED,
};

/* How many pages are kept of what is wanted. */
unsigned long pages_have(const struct pages *pages, const struct pages_want *want);

/*
 * Adds what is missing, evenly over the nodes where any will do. *ret_end says why it ended. 0, or
 * -errno of a read or write; -ENOENT where no pool is of this size and node.
 */
int pages_grow(const struct pages_effort *effort, const struct pages_want *want,
	       enum pages_end *ret_end) _must_check_;

/*
 * Gives pages of this size and node back to the host, at most count, and only idle ones: what others
 * took in the meantime stays theirs. *ret_given counts them, also on failure. 0 or -errno.
 */
int pages_shrink(const struct pages_effort *effort, unsigned long size_kib, int node,
		 unsigned long count, unsigned long *ret_given) _must_check_;

#endif
