/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables and trees by libsmartcols. On a terminal the columns that may be cut are, so that a line
 * fits; what goes to a pipe or a file is never cut.
 */
#ifndef BOOTCFG_TABLE_H
#define BOOTCFG_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "early/cleanup.h"

enum table_flags {
	TABLE_RIGHT = 1 << 0, /* numbers */
	TABLE_CUT = 1 << 1, /* may be cut on a terminal */
	TABLE_TREE = 1 << 2, /* the column that carries the tree's lines */
};

struct table;
struct table_line;

/* The caller frees with table_free(). NULL without memory. */
struct table *table_new(void) _must_check_;
void table_free(struct table *table);

/*
 * Columns, from left to right, before the first line. share: of a terminal's width, from 0 to 1, that
 * the column should have before it is cut; 0 for what the cells need. 0 or -ENOMEM.
 */
int table_column(struct table *table, const char *header, unsigned flags,
		 double share) _must_check_;

/* A line, owned by the table; parent: the one above it in a tree, or NULL. NULL without memory. */
struct table_line *table_add(struct table *table, struct table_line *parent) _must_check_;

/* Sets a cell, from 0; text is copied, and cleaned of what a terminal acts upon. 0 or -ENOMEM. */
int table_set(struct table_line *line, size_t column, const char *text) _must_check_;

/* On stdout. 0 or -errno. */
int table_print(struct table *table) _must_check_;

static inline void table_freep(struct table **table)
{
	table_free(*table);
}
#define _cleanup_table_ _cleanup_(table_freep)

#endif
