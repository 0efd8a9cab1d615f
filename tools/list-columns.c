// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "tools/list-columns.h"

#define MOUNTS_SHOWN 4 /* containers mount one file system a hundred times */

static const struct {
	const char *header;
	unsigned flags;
	double share;
} columns[COLUMNS] = {
	[GROUP] = {"GROUP", TABLE_RIGHT, 0},
	[PREDICTED] = {"PREDICTED", 0, 0},
	[ADDRESS] = {"ADDRESS", 0, 0},
	[CLASS] = {"CLASS", TABLE_CUT, 0.15},
	[NAME] = {"NAME", TABLE_CUT, 0.25},
	[IDS] = {"IDS", 0, 0},
	[DRIVER] = {"DRIVER", 0, 0},
	[STATE] = {"STATE", 0, 0},
	[OBSTACLE] = {"OBSTACLE", 0, 0},
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

const char *list_cell(const struct list *list, const struct list_device *device, enum column column,
		      char buf[static CELL_STR])
{
	const size_t size = CELL_STR;
	const struct pci_dev *dev = device->dev;

	switch (column) {
	case GROUP:
		if (dev->group >= 0)
			snprintf(buf, size, "%d", dev->group);
		else
			snprintf(buf, size, "-");
		return buf;
	case PREDICTED:
		return *list_predicted(list, device, buf) ? buf : "-";
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
	case OBSTACLE:
		/* STATE says it already. */
		return device->reason || device->boot_display ? "" : list_obstacle(list, device);
	case SUBSYSTEM:
		snprintf(buf, size, "%04x:%04x", dev->subvendor, dev->subdevice);
		return buf;
	case PATH:
		return pci_path_format(&dev->path, buf);
	default:
		return "";
	}
}

int list_set_child(struct table_line *line, size_t label, size_t text,
		   const struct list_child *child)
{
	char buf[CELL_STR];
	int r = table_set(line, label, child_label(child, buf, sizeof(buf)));

	return r < 0 ? r : table_set(line, text, child_text(child, buf, sizeof(buf)));
}

int list_add_columns(struct table *table, const enum column *shown, size_t count)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < count; i++)
		r = table_column(table, columns[shown[i]].header, columns[shown[i]].flags,
				 columns[shown[i]].share);
	return r;
}

size_t list_choose_columns(const struct list *list, bool verbose, const enum column *wanted,
			   enum column ret[static COLUMNS])
{
	const struct list_prediction *p = &list->prediction;
	size_t count = 0;

	for (; *wanted != COLUMNS; wanted++)
		if ((*wanted != PREDICTED || (p->members && (p->asked || !list->has_groups))) &&
		    (verbose || (*wanted != SUBSYSTEM && *wanted != PATH)))
			ret[count++] = *wanted;
	return count;
}
