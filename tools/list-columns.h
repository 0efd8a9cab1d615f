/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the table and the tree of `vfio-device list` say of a function, column by column. */
#ifndef TOOLS_LIST_COLUMNS_H
#define TOOLS_LIST_COLUMNS_H

#include "bootcfg/table.h"
#include "tools/list.h"

enum column {
	GROUP,
	PREDICTED, /* where there is a prediction to show */
	ADDRESS,
	CLASS,
	NAME,
	IDS,
	DRIVER,
	STATE,
	OBSTACLE, /* why it cannot be taken */
	SUBSYSTEM, /* these two with -v: what else a profile can say */
	PATH,
	COLUMNS
};

/* Longest text of a cell, with its NUL. */
#define CELL_STR 768

/* The text of a cell: in buf, or of the device; not cleaned. */
const char *list_cell(const struct list *list, const struct list_device *device, enum column column,
		      char buf[static CELL_STR]);

/* Adds these columns to a table. 0 or -ENOMEM. */
int list_add_columns(struct table *table, const enum column *shown, size_t count) _must_check_;

/* A line of what hangs on a function: its name in one column, the rest in another. 0 or -ENOMEM. */
int list_set_child(struct table_line *line, size_t label, size_t text,
		   const struct list_child *child) _must_check_;

/* The columns of wanted, up to COLUMNS, that this list has something for, into ret; their number. */
size_t list_choose_columns(const struct list *list, bool verbose, const enum column *wanted,
			   enum column ret[static COLUMNS]);

#endif
