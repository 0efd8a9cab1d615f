// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/table.h"
#include "tools/list.h"

#define MOUNTS_SHOWN 4 /* containers mount one file system a hundred times */
#define TREE_DEPTH 64
#define CELL_STR 768

/* Columns of the table; those that stand in the tree come from the same function. */
enum column {
	GROUP,
	ADDRESS,
	CLASS,
	NAME,
	IDS,
	DRIVER,
	STATE,
	SUBSYSTEM, /* these two with -v: what else a profile can say */
	PATH,
	COLUMNS
};

static const struct {
	const char *header;
	unsigned flags;
	double share;
} columns[COLUMNS] = {
	[GROUP] = {"GROUP", TABLE_RIGHT, 0},
	[ADDRESS] = {"ADDRESS", 0, 0},
	[CLASS] = {"CLASS", TABLE_CUT, 0.15},
	[NAME] = {"NAME", TABLE_CUT, 0.25},
	[IDS] = {"IDS", 0, 0},
	[DRIVER] = {"DRIVER", 0, 0},
	[STATE] = {"STATE", 0, 0},
	[SUBSYSTEM] = {"SUBSYSTEM", 0, 0},
	[PATH] = {"PATH", 0, 0},
};

static char *size_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	uint64_t scale = 1;
	size_t unit = 0;

	while (unit + 1 < ARRAY_SIZE(units) && bytes / scale >= 1024) {
		scale *= 1024;
		unit++;
	}
	/* One digit after the point where there are few before it: 1.8 TiB, 932 GiB. */
	if (unit && bytes / scale < 10)
		snprintf(buf, size, "%.1f %s", (double)bytes / (double)scale, units[unit]);
	else
		snprintf(buf, size, "%.0f %s", (double)bytes / (double)scale, units[unit]);
	return buf;
}

static char *child_label(const struct list_child *child, char *buf, size_t size)
{
	snprintf(buf, size, "%s %s", child->kind == LIST_DISK ? "disk" : "usb", child->name);
	return buf;
}

/* "Samsung SSD, 932 GiB, on / /home", "Logitech USB Receiver (046d:c52b)". */
static char *child_text(const struct list_child *child, char *buf, size_t size)
{
	const char *gap = child->model[0] ? child->kind == LIST_DISK ? ", " : " " : "";
	char number[32];
	size_t at;

	if (child->kind == LIST_USB)
		snprintf(number, sizeof(number), "(%04x:%04x)", child->vendor, child->device);
	else
		size_text(child->size_bytes, number, sizeof(number));
	at = (size_t)snprintf(buf, size, "%.200s%s%s", child->model, gap, number);
	for (size_t i = 0; i < child->mount_count && i < MOUNTS_SHOWN && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%.60s", i ? " " : ", on ",
				       child->mounts[i]);
	if (child->mount_count > MOUNTS_SHOWN && at < size)
		snprintf(buf + at, size - at, " and %zu more", child->mount_count - MOUNTS_SHOWN);
	return buf;
}

static const char *cell(const struct list_device *device, enum column column, char *buf,
			size_t size)
{
	const struct pci_dev *dev = device->dev;

	switch (column) {
	case GROUP:
		if (dev->group >= 0)
			snprintf(buf, size, "%d", dev->group);
		else
			snprintf(buf, size, "-");
		return buf;
	case ADDRESS:
		return pci_addr_format(&dev->addr, buf);
	case CLASS:
		if (!device->class_name[0])
			snprintf(buf, size, "%04x", dev->class >> 8);
		return device->class_name[0] ? device->class_name : buf;
	case NAME:
		return device->name;
	case IDS:
		snprintf(buf, size, "%04x:%04x", dev->vendor, dev->device);
		return buf;
	case DRIVER:
		return dev->driver[0] ? dev->driver : "-";
	case STATE:
		return list_state(device, buf);
	case SUBSYSTEM:
		snprintf(buf, size, "%04x:%04x", dev->subvendor, dev->subdevice);
		return buf;
	case PATH:
		return pci_path_format(&dev->path, buf);
	default:
		return "";
	}
}

/* Cells in the order of the columns that were made. */
static int set_cells(struct table_line *line, const struct list_device *device,
		     const enum column *shown, size_t count)
{
	char buf[CELL_STR];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < count; i++)
		r = table_set(line, i, cell(device, shown[i], buf, sizeof(buf)));
	return r;
}

/* A line of what hangs on a function: its name in one column, the rest in another. */
static int set_child(struct table_line *line, size_t label, size_t text,
		     const struct list_child *child)
{
	char buf[CELL_STR];
	int r = table_set(line, label, child_label(child, buf, sizeof(buf)));

	return r < 0 ? r : table_set(line, text, child_text(child, buf, sizeof(buf)));
}

static int add_columns(struct table *table, const enum column *shown, size_t count)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < count; i++)
		r = table_column(table, columns[shown[i]].header, columns[shown[i]].flags,
				 columns[shown[i]].share);
	return r;
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
	static const enum column shown[] = {GROUP,  ADDRESS, CLASS,	NAME, IDS,
					    DRIVER, STATE,   SUBSYSTEM, PATH};
	size_t count = verbose ? ARRAY_SIZE(shown) : SUBSYSTEM, chosen = 0;
	_cleanup_free_ const struct list_device **order = NULL;
	_cleanup_table_ struct table *table = table_new();
	int r;

	order = calloc(list->count + 1, sizeof(*order));
	if (!table || !order)
		return -ENOMEM;
	r = add_columns(table, shown, count);
	for (size_t i = 0; i < list->count; i++)
		if (all || list_is_card(&list->devices[i]))
			order[chosen++] = &list->devices[i];
	qsort(order, chosen, sizeof(*order), compare_groups);
	for (size_t i = 0; r >= 0 && i < chosen; i++) {
		struct table_line *line = table_add(table, NULL);

		r = line ? set_cells(line, order[i], shown, count) : -ENOMEM;
		for (size_t j = 0; r >= 0 && j < order[i]->child_count; j++) {
			line = table_add(table, NULL);
			r = line ? set_child(line, CLASS, NAME, &order[i]->children[j]) : -ENOMEM;
		}
	}
	return r < 0 ? r : table_print(table);
}

/* --- tree ------------------------------------------------------------------------------------- */

/* After the column of the tree itself. */
static const enum column tree_columns[] = {GROUP, IDS, DRIVER, STATE, NAME, SUBSYSTEM, PATH};
#define TREE_NAME 5 /* where NAME is then */

struct tree {
	const struct list *list;
	struct table *table;
	size_t shown_count; /* of tree_columns */
};

static int set_tree_cells(const struct tree *tree, struct table_line *line,
			  const struct list_device *device)
{
	char buf[CELL_STR];
	int r = table_set(line, 0, cell(device, ADDRESS, buf, sizeof(buf)));

	for (size_t i = 0; r >= 0 && i < tree->shown_count; i++)
		r = table_set(line, i + 1, cell(device, tree_columns[i], buf, sizeof(buf)));
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
	int r = 0;

	for (size_t i = 0; r >= 0 && i < device->child_count; i++) {
		struct table_line *line = table_add(tree->table, above);

		r = line ? set_child(line, 0, TREE_NAME, &device->children[i]) : -ENOMEM;
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
	const struct tree tree = {
		.list = list,
		.table = table,
		.shown_count = ARRAY_SIZE(tree_columns) - (verbose ? 0 : 2),
	};
	int r = table ? table_column(table, "DEVICE", TABLE_TREE, 0) : -ENOMEM;

	if (r >= 0)
		r = add_columns(table, tree_columns, tree.shown_count);
	for (size_t i = 0; r >= 0 && i < list->count; i++)
		if (is_new_root_bus(list, i))
			r = add_root_bus(&tree, i);
	return r < 0 ? r : table_print(table);
}
