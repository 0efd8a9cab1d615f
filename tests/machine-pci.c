// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/machine-internal.h"

static bool parse_address(const char *text, unsigned part[static 4])
{
	int end = 0;

	return text && strlen(text) < 20 &&
	       sscanf(text, "%8x:%2x:%2x.%1x%n", part, part + 1, part + 2, part + 3, &end) == 4 &&
	       text[end] == '\0' && part[2] < 32 && part[3] < 8;
}

struct pci_line {
	const char *address, *driver, *group, *boot_vga, *numa, *express, *acs, *physical, *behind;
	bool multifunction;
	unsigned part[4]; /* domain, bus, device, function */
	unsigned vendor, device, subvendor, subdevice, class, revision;
	struct machine_function *parent;
};

static bool is_pci_bridge(const struct pci_line *p)
{
	return p->class >> 8 == 0x0604;
}

static void put_le16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

/* The first 64 bytes of configuration space, which everybody may read; with pcie= all of it. */
static int put_config(const struct machine *m, const char *dir, const struct pci_line *p)
{
	uint8_t config[4096] = {0};
	char path[PATH_MAX + NAME_MAX];
	int size = 64;

	put_le16(config, p->vendor);
	put_le16(config + 2, p->device);
	put_le16(config + 4, 0x0007); /* I/O, memory, bus master */
	put_le16(config + 6, 0x0010); /* has capabilities, */
	config[0x34] = 0x40; /* which begin where only root may read */
	config[8] = (uint8_t)p->revision;
	config[9] = (uint8_t)p->class;
	config[10] = (uint8_t)(p->class >> 8);
	config[11] = (uint8_t)(p->class >> 16);
	if (is_pci_bridge(p)) {
		config[14] = 1;
		config[24] = (uint8_t)p->part[1];
	} else {
		put_le16(config + 44, p->subvendor);
		put_le16(config + 46, p->subdevice);
	}
	if (p->multifunction)
		config[14] |= 0x80;
	if (p->express)
		size = machine_express(m, p->express, p->acs, config);
	if (size < 0)
		return size;
	snprintf(path, sizeof(path), "%s/config", dir);
	return machine_put_bytes(m, path, config, (size_t)size);
}

static int put_uevent(const struct machine *m, const char *dir, const struct pci_line *p)
{
	char driver[96] = "", modalias[96];
	int r;

	if (p->driver)
		snprintf(driver, sizeof(driver), "DRIVER=%s\n", p->driver);
	snprintf(modalias, sizeof(modalias), "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X",
		 p->vendor, p->device, p->subvendor, p->subdevice, p->class >> 16,
		 p->class >> 8 & 0xff, p->class & 0xff);
	r = machine_put(m, dir, "uevent",
			"%sPCI_CLASS=%04X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\n"
			"PCI_SLOT_NAME=%s\nMODALIAS=%s",
			driver, p->class, p->vendor, p->device, p->subvendor, p->subdevice,
			p->address, modalias);
	return r < 0 ? r : machine_put(m, dir, "modalias", "%s", modalias);
}

int machine_driver(const struct machine *m, const char *driver)
{
	char dir[PATH_MAX];
	struct stat st;
	int r;

	snprintf(dir, sizeof(dir), "sys/bus/pci/drivers/%s", driver);
	if (strchr(driver, '/') || strlen(driver) > 60)
		return machine_fail(m, -EINVAL, "%s: not a driver's name", driver);
	if (!fstatat(m->fd, dir, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	/* Written only, but tests look at what was written. */
	r = machine_put(m, dir, "bind", "%s", "");
	if (r >= 0)
		r = machine_put(m, dir, "unbind", "%s", "");
	if (r >= 0)
		r = machine_put(m, dir, "new_id", "%s", "");
	return r;
}

static int put_group(const struct machine *m, const char *dir, const struct pci_line *p)
{
	char group[64], devices[96];
	unsigned number;
	struct stat st;
	int end = 0, r;

	if (sscanf(p->group, "%u%n", &number, &end) != 1 || p->group[end])
		return machine_fail(m, -EINVAL, "group=%s: not a number", p->group);
	snprintf(group, sizeof(group), "sys/kernel/iommu_groups/%u", number);
	if (fstatat(m->fd, group, &st, 0) < 0) {
		r = machine_put(m, group, "type", "DMA");
		if (r < 0)
			return r;
	}
	snprintf(devices, sizeof(devices), "%s/devices", group);
	r = machine_put_relative(m, devices, p->address, dir);
	return r < 0 ? r : machine_put_relative(m, dir, "iommu_group", group);
}

static int put_links(const struct machine *m, const char *dir, const struct pci_line *p)
{
	char driver[128];
	int r = machine_put_relative(m, "sys/bus/pci/devices", p->address, dir);

	if (r >= 0)
		r = machine_put_relative(m, dir, "subsystem", "sys/bus/pci");
	if (r >= 0 && p->driver) {
		snprintf(driver, sizeof(driver), "sys/bus/pci/drivers/%s", p->driver);
		r = machine_driver(m, p->driver);
		if (r >= 0)
			r = machine_put_relative(m, dir, "driver", driver);
		if (r >= 0)
			r = machine_put_relative(m, driver, p->address, dir);
	}
	if (r >= 0 && p->group)
		r = put_group(m, dir, p);
	if (r >= 0 && p->physical) {
		const struct machine_function *physical = machine_function(m, p->physical);

		if (!physical)
			return machine_fail(m, -EINVAL, "vf_of= names no function above this line");
		r = machine_put_relative(m, dir, "physfn", physical->path);
	}
	return r;
}

/* Remembers the function and its directory, which is returned and owned by the machine. */
static const char *add_function(struct machine *m, const struct pci_line *p)
{
	struct machine_function *f;
	char *path;
	int n;

	if (p->parent)
		n = asprintf(&path, "%s/%s", p->parent->path, p->address);
	else if (p->behind)
		n = asprintf(&path, "%s/pci%04x:%02x/%s", machine_function(m, p->behind)->path,
			     p->part[0], p->part[1], p->address);
	else
		n = asprintf(&path, "sys/devices/pci%04x:%02x/%s", p->part[0], p->part[1],
			     p->address);
	if (n < 0)
		return NULL;
	f = reallocarray(m->functions, m->function_count + 1, sizeof(*f));
	if (!f) {
		free(path);
		return NULL;
	}
	m->functions = f;
	f += m->function_count++;
	*f = (struct machine_function){.path = path, .bridge = is_pci_bridge(p)};
	memcpy(f->address, p->address, strlen(p->address) + 1);
	return path;
}

static int put_function(struct machine *m, const struct pci_line *p)
{
	const struct {
		const char *name;
		unsigned value, digits;
	} numbers[] = {
		{"vendor", p->vendor, 4},
		{"device", p->device, 4},
		{"subsystem_vendor", p->subvendor, 4},
		{"subsystem_device", p->subdevice, 4},
		{"class", p->class, 6},
		{"revision", p->revision, 2},
	};
	const char *dir = add_function(m, p);
	int r = dir ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(numbers); i++)
		r = machine_put(m, dir, numbers[i].name, "0x%0*x", (int)numbers[i].digits,
				numbers[i].value);
	if (r >= 0)
		r = machine_put(m, dir, "driver_override", "(null)");
	if (r >= 0)
		r = machine_put(m, dir, "enable", "%d", p->driver ? 1 : 0);
	if (r >= 0)
		r = machine_put(m, dir, "numa_node", "%s", p->numa ? p->numa : "-1");
	if (r >= 0 && p->boot_vga)
		r = machine_put(m, dir, "boot_vga", "%s", p->boot_vga);
	if (r >= 0)
		r = put_uevent(m, dir, p);
	if (r >= 0)
		r = put_config(m, dir, p);
	return r < 0 ? r : put_links(m, dir, p);
}

int machine_pci(struct machine *m, char **words, int count)
{
	struct pci_line p = {.address = words[0]};
	const char *parent = machine_take(words + 1, count - 1, "parent");
	const char *id = machine_take(words + 1, count - 1, "id");
	const char *sub = machine_take(words + 1, count - 1, "sub");
	const char *class = machine_take(words + 1, count - 1, "class");
	const char *rev = machine_take(words + 1, count - 1, "rev");
	const char *multifunction;
	int end = 0, r;

	p.driver = machine_take(words + 1, count - 1, "driver");
	p.group = machine_take(words + 1, count - 1, "group");
	p.boot_vga = machine_take(words + 1, count - 1, "boot_vga");
	p.numa = machine_take(words + 1, count - 1, "numa");
	p.express = machine_take(words + 1, count - 1, "pcie");
	p.acs = machine_take(words + 1, count - 1, "acs");
	p.physical = machine_take(words + 1, count - 1, "vf_of");
	p.behind = machine_take(words + 1, count - 1, "behind");
	multifunction = machine_take(words + 1, count - 1, "mf");
	r = machine_all_taken(m, words + 1, count - 1);
	if (r < 0)
		return r;
	if (!parse_address(p.address, p.part))
		return machine_fail(m, -EINVAL, "%s: not an address like 0000:0b:00.0", p.address);
	if (machine_function(m, p.address))
		return machine_fail(m, -EINVAL, "%s: here twice", p.address);
	if (!machine_pair(id, &p.vendor, &p.device) ||
	    (sub && !machine_pair(sub, &p.subvendor, &p.subdevice)))
		return machine_fail(m, -EINVAL, "id= and sub= are like 1002:73bf");
	if (!class || strlen(class) != 6 || sscanf(class, "%6x%n", &p.class, &end) != 1 || end != 6)
		return machine_fail(m, -EINVAL, "class= is six hex digits");
	if (rev && (sscanf(rev, "%2x%n", &p.revision, &end) != 1 || rev[end]))
		return machine_fail(m, -EINVAL, "rev= is two hex digits");
	if (multifunction && strcmp(multifunction, "1"))
		return machine_fail(m, -EINVAL, "mf= is 1");
	p.multifunction = multifunction;
	if (p.boot_vga && strcmp(p.boot_vga, "0") && strcmp(p.boot_vga, "1"))
		return machine_fail(m, -EINVAL, "boot_vga= is 0 or 1");
	if (p.boot_vga && p.class >> 8 != 0x0300)
		return machine_fail(m, -EINVAL, "boot_vga= is there for class 0300 only");
	if (p.behind && (parent || !machine_function(m, p.behind)))
		return machine_fail(m, -EINVAL, "behind= names no function above this line");
	p.parent = machine_function(m, parent);
	if (parent && (!p.parent || !p.parent->bridge))
		return machine_fail(m, -EINVAL, "parent=%s: no bridge (class 0604) above this line",
				    parent);
	return put_function(m, &p);
}
