// SPDX-License-Identifier: GPL-2.0-or-later
#include "bootcfg/json.h"
#include "tools/list.h"

static json_t *hex(unsigned value, int digits)
{
	char text[16];

	snprintf(text, sizeof(text), "%0*x", digits, value);
	return json_string(text);
}

static json_t *child_json(const struct list_child *child)
{
	_cleanup_json_ json_t *object = json_object(), *mounts = NULL;
	int r = json_put(object, "kind", json_string(child->kind == LIST_DISK ? "disk" : "usb"));

	if (r >= 0)
		r = json_put(object, "name", json_text(child->name));
	if (r >= 0)
		r = json_put(object, "model", json_text(child->model));
	if (r >= 0 && child->kind == LIST_USB) {
		r = json_put(object, "vendor", hex(child->vendor, 4));
		if (r >= 0)
			r = json_put(object, "device", hex(child->device, 4));
	} else if (r >= 0) {
		r = json_put(object, "size_bytes", json_integer((json_int_t)child->size_bytes));
		mounts = json_array();
		for (size_t i = 0; r >= 0 && i < child->mount_count; i++)
			if (json_array_append_new(mounts, json_text(child->mounts[i])) < 0)
				r = -ENOMEM;
		if (r >= 0)
			r = json_put(object, "mounts", json_incref(mounts));
	}
	return r < 0 ? NULL : steal(&object);
}

static json_t *children_json(const struct list_device *device)
{
	_cleanup_json_ json_t *array = json_array();

	for (size_t i = 0; i < device->child_count; i++)
		if (json_array_append_new(array, child_json(&device->children[i])) < 0)
			return NULL;
	return steal(&array);
}

static json_t *device_json(const struct list_device *device)
{
	const struct pci_dev *dev = device->dev;
	char address[PCI_ADDR_STR], path[PCI_PATH_STR], subsystem[16];
	_cleanup_json_ json_t *object = json_object();

	snprintf(subsystem, sizeof(subsystem), "%04x:%04x", dev->subvendor, dev->subdevice);
	const struct {
		const char *key;
		json_t *value;
	} members[] = {
		{"address", json_string(pci_addr_format(&dev->addr, address))},
		{"path", json_string(pci_path_format(&dev->path, path))},
		{"vendor", hex(dev->vendor, 4)},
		{"device", hex(dev->device, 4)},
		{"subsystem", json_string(subsystem)},
		{"class", hex(dev->class, 6)},
		{"name", json_text(device->name)},
		{"driver", json_text(dev->driver[0] ? dev->driver : NULL)},
		{"iommu_group", dev->group >= 0 ? json_integer(dev->group) : json_null()},
		{"boot_vga", device->boot_vga < 0 ? json_null() : json_boolean(device->boot_vga)},
		{"profile", json_text(device->section)},
		{"claimed", json_boolean(device->claimed)},
		{"reason", json_text(device->reason)},
		{"children", children_json(device)},
	};
	int r = 0;

	/* All are taken over, also after a failure. */
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_put(object, members[i].key, members[i].value) < 0)
			r = -ENOMEM;
	return r < 0 ? NULL : steal(&object);
}

struct json_t *list_json(const struct list *list, bool all)
{
	_cleanup_json_ json_t *document = json_object();
	json_t *devices = json_array();

	if (json_put(document, "devices", devices) < 0)
		return NULL;
	for (size_t i = 0; i < list->count; i++)
		if ((all || list_is_card(&list->devices[i])) &&
		    json_array_append_new(devices, device_json(&list->devices[i])) < 0)
			return NULL;
	return steal(&document);
}
