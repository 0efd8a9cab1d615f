// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <string.h>

#include "bootcfg/device-spec.h"
#include "early/profile-values.h"
#include "early/resolve.h"

#define SPEC_MAX 256 /* bytes: a name, the longest path and an id fit */

/* --- reading ---------------------------------------------------------------------------------- */

static bool parse_id(char *text, struct device_spec *spec)
{
	struct profile_device device;

	if (value_id(text, &device))
		return false;
	spec->has_id = true;
	spec->vendor = device.vendor;
	spec->device = device.device;
	return true;
}

static bool parse_where(char *text, struct device_spec *spec)
{
	char slot[SPEC_MAX + 2];

	if (strchr(text, '/')) {
		spec->where = SPEC_PATH;
		return pci_path_parse(text, &spec->path) == 0;
	}
	spec->where = SPEC_ADDRESS;
	if (pci_addr_parse(text, &spec->address) == 0)
		return true;
	spec->where = SPEC_SLOT;
	snprintf(slot, sizeof(slot), "%s.0", text);
	if (pci_addr_parse(slot, &spec->address) == 0)
		return true;
	spec->where = SPEC_ID;
	return !spec->has_id && parse_id(text, spec);
}

int device_spec_parse(const char *text, struct device_spec *ret, struct diag *diag)
{
	struct device_spec spec = {.text = text};
	char copy[SPEC_MAX], *where = copy, *equals, *at;

	if (strlen(text) >= sizeof(copy))
		return diag_set(diag, -EINVAL, NULL, 0,
				"--device: %zu bytes, which no card's name, place and id have",
				strlen(text));
	snprintf(copy, sizeof(copy), "%s", text);
	equals = strchr(copy, '=');
	if (equals) {
		where = equals + 1;
		*equals = '\0';
		if (!profile_name_valid(copy, strlen(copy)))
			return diag_set(diag, -EINVAL, NULL, 0,
					"--device %s: `%s` is no name: it begins with a letter or "
					"`_`, goes on with these, digits, `.` and `-`, and has at "
					"most %d bytes",
					text, copy, PROFILE_NAME_MAX);
		memcpy(spec.name, copy, strlen(copy) + 1);
	}
	at = strrchr(where, '@');
	if (at) {
		*at = '\0';
		if (!parse_id(at + 1, &spec))
			return diag_set(diag, -EINVAL, NULL, 0,
					"--device %s: `%s` behind the `@` is no id; expected "
					"VENDOR:DEVICE, four hex digits each, such as 1002:73bf",
					text, at + 1);
	}
	if (!parse_where(where, &spec))
		return diag_set(diag, -EINVAL, NULL, 0,
				"--device %s: expected [NAME=]WHERE[@VENDOR:DEVICE], where WHERE "
				"is an address (0b:00.0), a path (0000:00:03.1/00.0) or an id "
				"(1002:73bf)",
				text);
	*ret = spec;
	return 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

bool device_is_virtual(const struct root *root, const struct pci_dev *dev)
{
	char path[PCI_ATTR_STR];

	return root_exists(root, pci_attr_path(&dev->addr, "physfn", path));
}

bool device_same_card(const struct root *root, const struct pci_dev *a, const struct pci_dev *b)
{
	if (a == b)
		return true;
	return pci_addr_same_slot(&a->addr, &b->addr) && !device_is_virtual(root, a) &&
	       !device_is_virtual(root, b);
}

static _printf_(4, 5) int refuse(const struct device_spec *spec, enum claim_reason reason,
				 struct diag *diag, const char *format, ...)
{
	char text[sizeof(diag->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return diag_set(diag, -EPERM, NULL, 0, "--device %s: %s: %s", spec->text,
			claim_reason_word(reason), text);
}

/* "0000:0b:00.0 (amdgpu)", a comma in front where it is not the first. */
static void append(char *list, size_t size, const struct pci_dev *dev)
{
	char addr[PCI_ADDR_STR];
	size_t len = strlen(list);

	snprintf(list + len, size - len, "%s%s (%s)", len ? ", " : "",
		 pci_addr_format(&dev->addr, addr), dev->driver[0] ? dev->driver : "no driver");
}

static int find_id(const struct root *root, const struct pci_inventory *inv,
		   const struct device_spec *spec, struct pci_dev **ret, struct diag *diag)
{
	struct pci_dev *found = NULL, *last = NULL;
	char list[300] = "";
	size_t cards = 0;

	for (size_t i = 0; i < inv->count; i++) {
		struct pci_dev *dev = &inv->devs[i];

		if (pci_identify(root, dev) < 0 || dev->vendor != spec->vendor ||
		    dev->device != spec->device || (last && device_same_card(root, last, dev)))
			continue;
		last = dev;
		found = dev;
		cards++;
		append(list, sizeof(list), dev);
	}
	if (!cards)
		return refuse(spec, CLAIM_NOT_FOUND, diag,
			      "no card of this machine is %04x:%04x (vfio-device list)",
			      spec->vendor, spec->device);
	if (cards > 1)
		return refuse(spec, CLAIM_AMBIGUOUS, diag,
			      "%zu cards have this id; name one by its address: %s", cards, list);
	*ret = found;
	return 0;
}

static struct pci_dev *find_place(const struct root *root, const struct pci_inventory *inv,
				  const struct device_spec *spec)
{
	struct pci_dev *const *devs, *first;
	size_t count;

	switch (spec->where) {
	case SPEC_SLOT:
		return pci_slot(inv, &spec->address, &first) ? first : NULL;
	case SPEC_PATH:
		devs = pci_find_path(inv, &spec->path, &count);
		/* A virtual function can show the path of its physical one. */
		for (size_t i = 0; i < count; i++)
			if (!device_is_virtual(root, devs[i]))
				return devs[i];
		return count ? devs[0] : NULL;
	default:
		return pci_find(inv, &spec->address);
	}
}

int device_spec_find(const struct root *root, const struct pci_inventory *inv,
		     const struct device_spec *spec, struct pci_dev **ret, struct diag *diag)
{
	char addr[PCI_ADDR_STR];
	struct pci_dev *dev;
	int r;

	if (spec->where == SPEC_ID)
		return find_id(root, inv, spec, ret, diag);
	dev = find_place(root, inv, spec);
	if (!dev)
		return refuse(spec, CLAIM_NOT_FOUND, diag,
			      "nothing is there in this machine (vfio-device list)");
	pci_addr_format(&dev->addr, addr);
	r = pci_identify(root, dev);
	if (r < 0)
		return refuse(spec, CLAIM_VANISHED, diag, "%s cannot be read: %s", addr,
			      strerror(-r));
	if (spec->has_id && (dev->vendor != spec->vendor || dev->device != spec->device))
		return refuse(spec, CLAIM_CHANGED, diag, "%s holds %04x:%04x, not %04x:%04x", addr,
			      dev->vendor, dev->device, spec->vendor, spec->device);
	*ret = dev;
	return 0;
}
