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

/* NULL, as JSON's null, where nothing is predicted. */
static const char *predicted_text(const struct list *list, const struct list_device *device,
				  char buf[static PCI_ADDR_STR])
{
	return *list_predicted(list, device, buf) ? buf : NULL;
}

static json_t *device_json(const struct list *list, const struct list_device *device)
{
	const struct pci_dev *dev = device->dev;
	char address[PCI_ADDR_STR], path[PCI_PATH_STR], subsystem[16], predicted[PCI_ADDR_STR];
	const char *obstacle = list_obstacle(list, device);
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
		{"predicted_group", json_text(predicted_text(list, device, predicted))},
		{"boot_vga", device->boot_vga < 0 ? json_null() : json_boolean(device->boot_vga)},
		{"profile", json_text(device->section)},
		{"claimed", json_boolean(device->claimed)},
		{"reason", json_text(device->reason)},
		{"obstacle", json_text(*obstacle ? obstacle : NULL)},
		{"children", children_json(device)},
	};
	int r = 0;

	/* All are taken over, also after a failure. */
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_put(object, members[i].key, members[i].value) < 0)
			r = -ENOMEM;
	return r < 0 ? NULL : steal(&object);
}

static json_t *address_json(const struct list_device *device)
{
	char address[PCI_ADDR_STR];

	return json_string(pci_addr_format(&device->dev->addr, address));
}

/* null where there is none; else under which view, and which live groups are not as predicted. */
static json_t *prediction_json(const struct list *list)
{
	const struct list_prediction *p = &list->prediction;
	_cleanup_json_ json_t *object = json_object();
	json_t *unexplained = json_array();
	char override[ACS_OVERRIDE_STR];
	int r;

	if (!p->members) {
		json_decref(unexplained);
		return json_null();
	}
	acs_override_format(&p->view.override, override);
	r = json_put(object, "unexplained", unexplained);
	for (size_t i = 0; r >= 0 && i < list->count; i++)
		if (!list_is_explained(list, &list->devices[i]) &&
		    json_array_append_new(unexplained, address_json(&list->devices[i])) < 0)
			r = -ENOMEM;
	if (r >= 0)
		r = json_put(object, "as", json_string(p->view.iommu_on ? "on" : "now"));
	if (r >= 0)
		r = json_put(object, "override", json_text(*override ? override : NULL));
	return r < 0 ? NULL : steal(&object);
}

static json_t *other_json(const struct list_other *other)
{
	_cleanup_json_ json_t *object = json_object();
	int r = json_put(object, "address", address_json(other->device));

	if (r >= 0)
		r = json_put(object, "could_come", json_boolean(other->could_come));
	if (r >= 0)
		r = json_put(object, "why", json_text(*other->why ? other->why : NULL));
	return r < 0 ? NULL : steal(&object);
}

static json_t *slot_json(const struct list_slot *slot)
{
	_cleanup_json_ json_t *object = json_object();
	int r = json_put(object, "port", address_json(slot->port));

	if (r >= 0)
		r = json_put(object, "lanes",
			     slot->width ? json_integer(slot->width) : json_null());
	if (r >= 0)
		r = json_put(object, "holds",
			     slot->holds ? address_json(slot->holds) : json_null());
	return r < 0 ? NULL : steal(&object);
}

static json_t *one_advice_json(const struct list_advice *advice)
{
	_cleanup_json_ json_t *object = json_object();
	json_t *others = json_array(), *slots = json_array();
	char override[ACS_OVERRIDE_STR];
	int r = json_put(object, "group_of", address_json(advice->first));

	if (json_put(object, "others", others) < 0 || json_put(object, "slots", slots) < 0)
		r = -ENOMEM;
	for (size_t i = 0; r >= 0 && i < advice->other_count; i++)
		r = json_array_append_new(others, other_json(&advice->others[i])) < 0 ? -ENOMEM : 0;
	for (size_t i = 0; r >= 0 && i < advice->slot_count; i++)
		r = json_array_append_new(slots, slot_json(&advice->slots[i])) < 0 ? -ENOMEM : 0;
	acs_override_format(&advice->override, override);
	if (r >= 0)
		r = json_put(object, "why", json_text(*advice->why ? advice->why : NULL));
	if (r >= 0)
		r = json_put(object, "override", json_text(advice->has_override ? override : NULL));
	if (r >= 0)
		r = json_put(object, "believed",
			     advice->has_override ? json_integer((json_int_t)advice->reach)
						  : json_null());
	return r < 0 ? NULL : steal(&object);
}

struct json_t *list_json(const struct list *list, bool all, const struct list_advice *advice,
			 size_t advice_count)
{
	_cleanup_json_ json_t *document = json_object();
	json_t *devices = json_array(), *advices = json_array();
	int r = json_put(document, "devices", devices);

	if (json_put(document, "advice", advices) < 0)
		r = -ENOMEM;
	if (r >= 0)
		r = json_put(document, "prediction", prediction_json(list));
	for (size_t i = 0; r >= 0 && i < list->count; i++)
		if ((all || list_is_card(&list->devices[i])) &&
		    json_array_append_new(devices, device_json(list, &list->devices[i])) < 0)
			r = -ENOMEM;
	for (size_t i = 0; r >= 0 && i < advice_count; i++)
		if (json_array_append_new(advices, one_advice_json(&advice[i])) < 0)
			r = -ENOMEM;
	return r < 0 ? NULL : steal(&document);
}
