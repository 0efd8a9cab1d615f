// SPDX-License-Identifier: GPL-2.0-or-later
#include <libsmartcols/libsmartcols.h>
#include <string.h>

#include "bootcfg/table.h"
#include "early/diag.h"

/* Both are libsmartcols' own, under names of ours so that its header stays in here. */
static struct libscols_table *scols(struct table *table)
{
	return (struct libscols_table *)table;
}

static struct libscols_line *scols_line(struct table_line *line)
{
	return (struct libscols_line *)line;
}

struct table *table_new(void)
{
	return (struct table *)scols_new_table();
}

void table_free(struct table *table)
{
	if (table)
		scols_unref_table(scols(table));
}

int table_column(struct table *table, const char *header, unsigned flags, double share)
{
	int as = (flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0) |
		 (flags & TABLE_CUT ? SCOLS_FL_TRUNC : 0) |
		 (flags & TABLE_TREE ? SCOLS_FL_TREE : 0);

	return scols_table_new_column(scols(table), header, share, as) ? 0 : -ENOMEM;
}

struct table_line *table_add(struct table *table, struct table_line *parent)
{
	return (struct table_line *)scols_table_new_line(scols(table),
							 parent ? scols_line(parent) : NULL);
}

int table_set(struct table_line *line, size_t column, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	text_clean(copy);
	return scols_line_set_data(scols_line(line), column, copy);
}

int table_print(struct table *table)
{
	_cleanup_free_ char *text = NULL;
	int r = scols_print_table_to_string(scols(table), &text);

	if (r < 0)
		return r;
	/* The padding of empty last columns is of no use to anybody. */
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n"), used = len;

		while (used && line[used - 1] == ' ')
			used--;
		printf("%.*s\n", (int)used, line);
		line += len + (line[len] == '\n');
	}
	return 0;
}
