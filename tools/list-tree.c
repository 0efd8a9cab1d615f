// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "tools/list-columns.h"

#define TREE_DEPTH 64

/* After the column of the tree itself. */
static const enum column tree_columns[] = {GROUP,    PREDICTED, IDS,	   DRIVER, STATE,
					   OBSTACLE, NAME,	SUBSYSTEM, PATH,   COLUMNS};

struct tree {
	const struct list *list;
	struct table *table;
	enum column shown[COLUMNS];
	size_t shown_count;
};

static int set_tree_cells(const struct tree *tree, struct table_line *line,
			  const struct list_device *device)
{
	char buf[CELL_STR];
	int r = table_set(line, 0, list_cell(tree->list, device, ADDRESS, buf));

	for (size_t i = 0; r >= 0 && i < tree->shown_count; i++)
		r = table_set(line, i + 1, list_cell(tree->list, device, tree->shown[i], buf));
	return r;
}

static struct table_line *add_label(const struct tree *tree, struct table_line *above,
				    const char *text)
{
	struct table_line *line = table_add(tree->table, above);

	return line && !table_set(line, 0, text) ? line : NULL;
}

static int add_children(const struct tree *tree, struct table_line *above,
			const struct list_device *device)
{
	size_t name = 1;
	int r = 0;

	while (name < tree->shown_count && tree->shown[name - 1] != NAME)
		name++;
	for (size_t i = 0; r >= 0 && i < device->child_count; i++) {
		struct table_line *line = table_add(tree->table, above);

		r = line ? list_set_child(line, 0, name, &device->children[i]) : -ENOMEM;
	}
	return r;
}

/* NULL on a root bus; also where the bridge is not in the list, so that nothing is left out. */
static const struct pci_dev *bridge_of(const struct list *list, const struct pci_dev *dev)
{
	return dev->path.hops ? pci_find(&list->inv, &dev->parent) : NULL;
}

static int add_below(const struct tree *tree, struct table_line *above,
		     const struct pci_dev *bridge, unsigned depth);

static int add_function(const struct tree *tree, struct table_line *above,
			const struct list_device *device, unsigned depth)
{
	struct table_line *line = table_add(tree->table, above);
	int r = line ? set_tree_cells(tree, line, device) : -ENOMEM;

	if (r >= 0)
		r = add_children(tree, line, device);
	/* A captured machine may claim that a bridge is below itself. */
	if (r < 0 || !device->dev->has_child || depth == TREE_DEPTH)
		return r;
	return add_below(tree, line, device->dev, depth + 1);
}

/* One slot, from its first function: functions of a slot of several get a line above them. */
static int add_slot(const struct tree *tree, struct table_line *above,
		    const struct list_device *first, size_t count, unsigned depth)
{
	char address[PCI_ADDR_STR], text[PCI_ADDR_STR + 8];
	int r = 0;

	if (count > 1) {
		pci_addr_format(&first->dev->addr, address);
		*strrchr(address, '.') = '\0';
		snprintf(text, sizeof(text), "slot %s", address);
		above = add_label(tree, above, text);
		if (!above)
			return -ENOMEM;
	}
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = add_function(tree, above, &first[i], depth);
	return r;
}

/* Functions of one slot lie side by side, since the inventory is sorted by address. */
static size_t count_slot(const struct list *list, size_t first)
{
	size_t end = first + 1;

	while (end < list->count &&
	       pci_addr_same_slot(&list->devices[first].dev->addr, &list->devices[end].dev->addr))
		end++;
	return end - first;
}

static int add_below(const struct tree *tree, struct table_line *above,
		     const struct pci_dev *bridge, unsigned depth)
{
	const struct list *list = tree->list;
	size_t count;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < list->count; i += count) {
		count = count_slot(list, i);
		if (bridge_of(list, list->devices[i].dev) == bridge)
			r = add_slot(tree, above, &list->devices[i], count, depth);
	}
	return r;
}

/* A root bus: its line, and all slots on it. */
static int add_root_bus(const struct tree *tree, size_t first)
{
	const struct list *list = tree->list;
	const struct pci_addr *bus = &list->devices[first].dev->addr;
	struct table_line *line;
	size_t count;
	char text[32];
	int r = 0;

	snprintf(text, sizeof(text), "bus %04x:%02x", bus->domain, bus->bus);
	line = add_label(tree, NULL, text);
	if (!line)
		return -ENOMEM;
	for (size_t i = first; r >= 0 && i < list->count; i += count) {
		const struct pci_dev *dev = list->devices[i].dev;

		count = count_slot(list, i);
		if (!bridge_of(list, dev) && dev->addr.domain == bus->domain &&
		    dev->addr.bus == bus->bus)
			r = add_slot(tree, line, &list->devices[i], count, 0);
	}
	return r;
}

static bool is_new_root_bus(const struct list *list, size_t at)
{
	const struct pci_dev *dev = list->devices[at].dev;

	if (bridge_of(list, dev))
		return false;
	for (size_t i = 0; i < at; i++) {
		const struct pci_dev *other = list->devices[i].dev;

		if (!bridge_of(list, other) && other->addr.domain == dev->addr.domain &&
		    other->addr.bus == dev->addr.bus)
			return false;
	}
	return true;
}

int list_print_tree(const struct list *list, bool verbose)
{
	_cleanup_table_ struct table *table = table_new();
	struct tree tree = {.list = list, .table = table};
	int r = table ? table_column(table, "DEVICE", TABLE_TREE, 0) : -ENOMEM;

	tree.shown_count = list_choose_columns(list, verbose, tree_columns, tree.shown);
	if (r >= 0)
		r = list_add_columns(table, tree.shown, tree.shown_count);
	for (size_t i = 0; r >= 0 && i < list->count; i++)
		if (is_new_root_bus(list, i))
			r = add_root_bus(&tree, i);
	return r < 0 ? r : table_print(table);
}
