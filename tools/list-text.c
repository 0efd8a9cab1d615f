// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "tools/list-columns.h"

/* Cells in the order of the columns that were made. */
static int set_cells(const struct list *list, struct table_line *line,
		     const struct list_device *device, const enum column *shown, size_t count)
{
	char buf[CELL_STR];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < count; i++)
		r = table_set(line, i, list_cell(list, device, shown[i], buf));
	return r;
}

static size_t find_column(const enum column *shown, size_t count, enum column column)
{
	size_t i = 0;

	while (i < count && shown[i] != column)
		i++;
	return i;
}

static int compare_groups(const void *a, const void *b)
{
	const struct pci_dev *x = (*(const struct list_device *const *)a)->dev;
	const struct pci_dev *y = (*(const struct list_device *const *)b)->dev;

	/* Those without a group come last. */
	if (x->group != y->group)
		return (unsigned)x->group < (unsigned)y->group ? -1 : 1;
	return pci_addr_cmp(&x->addr, &y->addr);
}

int list_print_table(const struct list *list, bool all, bool verbose)
{
	static const enum column wanted[] = {GROUP,  PREDICTED, ADDRESS,   CLASS, NAME,	  IDS,
					     DRIVER, STATE,	SUBSYSTEM, PATH,  COLUMNS};
	enum column shown[COLUMNS];
	size_t count = list_choose_columns(list, verbose, wanted, shown), chosen = 0;
	size_t label = find_column(shown, count, CLASS), text = find_column(shown, count, NAME);
	_cleanup_free_ const struct list_device **order = NULL;
	_cleanup_table_ struct table *table = table_new();
	int r;

	order = calloc(list->count + 1, sizeof(*order));
	if (!table || !order)
		return -ENOMEM;
	r = list_add_columns(table, shown, count);
	for (size_t i = 0; i < list->count; i++)
		if (all || list_is_card(&list->devices[i]))
			order[chosen++] = &list->devices[i];
	qsort(order, chosen, sizeof(*order), compare_groups);
	for (size_t i = 0; r >= 0 && i < chosen; i++) {
		struct table_line *line = table_add(table, NULL);

		r = line ? set_cells(list, line, order[i], shown, count) : -ENOMEM;
		for (size_t j = 0; r >= 0 && j < order[i]->child_count; j++) {
			line = table_add(table, NULL);
			r = line ? list_set_child(line, label, text, &order[i]->children[j])
				 : -ENOMEM;
		}
	}
	return r < 0 ? r : table_print(table);
}
