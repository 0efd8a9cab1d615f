// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>

#include "early/pci.h"

#define DEVICES "sys/bus/pci/devices"

/* Up to max hex digits; returns how many there were, 0 for none. */
static size_t parse_hex(const char *text, size_t max, uint32_t *ret)
{
	uint32_t value = 0;
	size_t n;

	for (n = 0; n < max; n++) {
		char c = text[n];
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned)(c - 'A') + 10;
		else
			break;
		value = value << 4 | digit;
	}
	if (n)
		*ret = value;
	return n;
}

/* "00.0": returns the length, 0 where it is something else. */
static size_t parse_devfn(const char *text, uint8_t *ret_dev, uint8_t *ret_fn)
{
	uint32_t dev;

	if (parse_hex(text, 2, &dev) != 2 || dev > 31 || text[2] != '.' || text[3] < '0' ||
	    text[3] > '7')
		return 0;
	*ret_dev = (uint8_t)dev;
	*ret_fn = (uint8_t)(text[3] - '0');
	return 4;
}

static size_t parse_addr(const char *text, struct pci_addr *ret)
{
	struct pci_addr addr = {.domain = 0};
	uint32_t first, bus;
	size_t n = parse_hex(text, 8, &first), at, m;

	if (!n || text[n] != ':')
		return 0;
	at = n + 1;
	m = parse_hex(text + at, 2, &bus);
	if (m == 2 && text[at + 2] == ':') {
		if (n < 4)
			return 0;
		addr.domain = first;
		at += 3;
	} else {
		if (n != 2)
			return 0;
		bus = first;
	}
	addr.bus = (uint8_t)bus;
	m = parse_devfn(text + at, &addr.dev, &addr.fn);
	if (!m)
		return 0;
	*ret = addr;
	return at + m;
}

int pci_addr_parse(const char *text, struct pci_addr *ret)
{
	struct pci_addr addr;
	size_t n = parse_addr(text, &addr);

	if (!n || text[n] != '\0')
		return -EINVAL;
	*ret = addr;
	return 0;
}

int pci_path_parse(const char *text, struct pci_path *ret)
{
	struct pci_path path = {.hops = 0};
	size_t at = parse_addr(text, &path.root);

	if (!at)
		return -EINVAL;
	while (text[at] == '/') {
		uint8_t dev, fn;
		size_t n = parse_devfn(text + at + 1, &dev, &fn);

		if (!n || path.hops == PCI_PATH_HOPS)
			return -EINVAL;
		path.devfn[path.hops++] = (uint8_t)(dev << 3 | fn);
		at += 1 + n;
	}
	if (text[at] != '\0')
		return -EINVAL;
	*ret = path;
	return 0;
}

static char *put_hex(char *at, uint32_t value, int digits)
{
	static const char hex[] = "0123456789abcdef";

	while (digits--)
		*at++ = hex[value >> (4 * digits) & 15];
	return at;
}

static char *put_devfn(char *at, uint8_t dev, uint8_t fn)
{
	at = put_hex(at, dev, 2);
	*at++ = '.';
	*at++ = (char)('0' + fn);
	return at;
}

static char *put_addr(char *at, const struct pci_addr *addr)
{
	int digits = 4;

	while (digits < 8 && addr->domain >> (4 * digits))
		digits++;
	at = put_hex(at, addr->domain, digits);
	*at++ = ':';
	at = put_hex(at, addr->bus, 2);
	*at++ = ':';
	return put_devfn(at, addr->dev, addr->fn);
}

char *pci_addr_format(const struct pci_addr *addr, char buf[static PCI_ADDR_STR])
{
	*put_addr(buf, addr) = '\0';
	return buf;
}

char *pci_path_format(const struct pci_path *path, char buf[static PCI_PATH_STR])
{
	char *at = put_addr(buf, &path->root);

	for (unsigned i = 0; i < path->hops; i++) {
		*at++ = '/';
		at = put_devfn(at, path->devfn[i] >> 3, path->devfn[i] & 7);
	}
	*at = '\0';
	return buf;
}

char *pci_attr_path(const struct pci_addr *addr, const char *attr, char buf[static PCI_ATTR_STR])
{
	char *at = buf;

	memcpy(at, DEVICES "/", sizeof(DEVICES));
	at = put_addr(at + sizeof(DEVICES), addr);
	*at++ = '/';
	size_t room = (size_t)(buf + PCI_ATTR_STR - at), len = strlen(attr);

	if (len >= room)
		len = room - 1;
	memcpy(at, attr, len);
	at[len] = '\0';
	return buf;
}

static uint64_t addr_key(const struct pci_addr *a)
{
	return (uint64_t)a->domain << 16 | (uint64_t)(a->bus << 8 | a->dev << 3 | a->fn);
}

int pci_addr_cmp(const struct pci_addr *a, const struct pci_addr *b)
{
	uint64_t x = addr_key(a), y = addr_key(b);

	return (x > y) - (x < y);
}

bool pci_addr_same_slot(const struct pci_addr *a, const struct pci_addr *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->dev == b->dev;
}

static int path_cmp(const struct pci_path *a, const struct pci_path *b)
{
	int r = pci_addr_cmp(&a->root, &b->root);

	if (!r)
		r = (int)a->hops - (int)b->hops;
	return r ? r : memcmp(a->devfn, b->devfn, a->hops);
}

bool pci_path_equal(const struct pci_path *a, const struct pci_path *b)
{
	return !path_cmp(a, b);
}

static int compare_paths(const void *a, const void *b)
{
	return path_cmp(&(*(struct pci_dev *const *)a)->path, &(*(struct pci_dev *const *)b)->path);
}

static int compare_devs(const void *a, const void *b)
{
	return pci_addr_cmp(&((const struct pci_dev *)a)->addr, &((const struct pci_dev *)b)->addr);
}

/*
 * Reads topology off a target such as
 * ../../../devices/pci0000:00/0000:00:03.1/0000:0b:00.0: each address is one hop down. A host
 * bridge inside (VMD's pci10000:e0) starts anew, as the kernel's notation does.
 */
static void parse_topology(struct pci_dev *dev, const char *target)
{
	struct pci_path path = {.hops = 0};
	struct pci_addr addr, last = {.domain = 0};
	bool rooted = false;

	while (*target) {
		size_t len = strcspn(target, "/"), n = parse_addr(target, &addr);

		if (n && n == len) {
			if (!rooted)
				path.root = addr;
			else if (path.hops < PCI_PATH_HOPS)
				path.devfn[path.hops++] = (uint8_t)(addr.dev << 3 | addr.fn);
			dev->parent = last;
			last = addr;
			rooted = true;
		} else if (!strncmp(target, "pci", 3)) {
			rooted = false;
			path.hops = 0;
		}
		target += len + (target[len] == '/');
	}
	if (rooted)
		dev->path = path;
}

static int read_topology(const struct root *root, struct pci_dev *dev, const char *name)
{
	char path[sizeof(DEVICES) + 1 + NAME_MAX + 1], target[4096];
	ssize_t n;

	snprintf(path, sizeof(path), DEVICES "/%s", name);
	n = root_readlink(root, path, target, sizeof(target));
	/* A captured machine may have a plain directory: then nothing is known of what is above. */
	dev->path = (struct pci_path){.root = dev->addr};
	if (n == -EINVAL)
		return 0;
	if (n < 0)
		return (int)n;
	parse_topology(dev, target);
	return 0;
}

static int add_dev(const struct root *root, struct pci_inventory *inv, size_t *space,
		   const char *name)
{
	struct pci_dev dev = {.group = PCI_GROUP_UNREAD};
	int r;

	if (pci_addr_parse(name, &dev.addr) < 0)
		return 0;
	r = read_topology(root, &dev, name);
	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	if (inv->count == *space) {
		size_t more = *space ? *space * 2 : 64;
		struct pci_dev *devs = reallocarray(inv->devs, more, sizeof(*devs));

		if (!devs)
			return -ENOMEM;
		inv->devs = devs;
		*space = more;
	}
	inv->devs[inv->count++] = dev;
	return 0;
}

int pci_scan(const struct root *root, struct pci_inventory *ret)
{
	_cleanup_inventory_ struct pci_inventory inv = {.count = 0};
	_cleanup_close_ int fd = root_openat(root, DEVICES, O_RDONLY | O_DIRECTORY, 0);
	_Alignas(struct dirent64) char buf[16384];
	size_t space = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	/* getdents64() itself: opendir() would add an fstat and 32 KiB of heap. */
	while ((n = getdents64(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const struct dirent64 *)(buf + at);
			int r = add_dev(root, &inv, &space, entry->d_name);

			if (r < 0)
				return r;
			at += entry->d_reclen;
		}
	}
	if (n < 0)
		return -errno;
	inv.by_path = calloc(inv.count + 1, sizeof(struct pci_dev *));
	if (!inv.by_path)
		return -ENOMEM;
	if (inv.count)
		qsort(inv.devs, inv.count, sizeof(*inv.devs), compare_devs);
	for (size_t i = 0; i < inv.count; i++)
		inv.by_path[i] = &inv.devs[i];
	qsort(inv.by_path, inv.count, sizeof(struct pci_dev *), compare_paths);
	for (size_t i = 0; i < inv.count; i++) {
		struct pci_dev *parent = NULL;

		if (inv.devs[i].path.hops)
			parent = pci_find(&inv, &inv.devs[i].parent);
		if (parent)
			parent->has_child = true;
	}
	*ret = inv;
	inv = (struct pci_inventory){.count = 0};
	return 0;
}

void pci_inventory_free(struct pci_inventory *inv)
{
	free(inv->devs);
	free(inv->by_path);
	*inv = (struct pci_inventory){.count = 0};
}

/* Value of KEY= in a uevent text, as a slice that ends at the newline; NULL where it has none. */
static const char *uevent_value(const char *text, const char *key, size_t *ret_len)
{
	size_t key_len = strlen(key);

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > key_len && text[key_len] == '=' && !strncmp(text, key, key_len)) {
			*ret_len = len - key_len - 1;
			return text + key_len + 1;
		}
		text += len + (text[len] == '\n');
	}
	return NULL;
}

static bool uevent_pair(const char *text, const char *key, uint16_t *ret_a, uint16_t *ret_b)
{
	size_t len, n;
	const char *value = uevent_value(text, key, &len);
	uint32_t a, b;

	if (!value)
		return false;
	n = parse_hex(value, 4, &a);
	if (!n || value[n] != ':' || !parse_hex(value + n + 1, 4, &b))
		return false;
	*ret_a = (uint16_t)a;
	*ret_b = (uint16_t)b;
	return true;
}

static int identify_by_uevent(const struct root *root, struct pci_dev *dev)
{
	char path[PCI_ATTR_STR], text[1024];
	ssize_t n =
		root_read_attr(root, pci_attr_path(&dev->addr, "uevent", path), text, sizeof(text));
	const char *value;
	struct pci_dev found = *dev;
	uint32_t class;
	size_t len;

	if (n < 0)
		return (int)n;
	value = uevent_value(text, "PCI_CLASS", &len);
	if (!value || !parse_hex(value, 6, &class) ||
	    !uevent_pair(text, "PCI_ID", &found.vendor, &found.device))
		return -ENODATA;
	found.class = class;
	(void)uevent_pair(text, "PCI_SUBSYS_ID", &found.subvendor, &found.subdevice);
	value = uevent_value(text, "DRIVER", &len);
	if (value && len < sizeof(found.driver)) {
		memcpy(found.driver, value, len);
		found.driver[len] = '\0';
	}
	found.identified = true;
	*dev = found;
	return 0;
}

static int read_hex_attr(const struct root *root, const struct pci_dev *dev, const char *attr,
			 uint32_t *ret)
{
	char path[PCI_ATTR_STR], text[32];
	ssize_t n = root_read_attr(root, pci_attr_path(&dev->addr, attr, path), text, sizeof(text));
	const char *digits = text;

	if (n < 0)
		return (int)n;
	if (!strncmp(digits, "0x", 2))
		digits += 2;
	return parse_hex(digits, 8, ret) ? 0 : -EIO;
}

/* For captured machines, whose uevent may not be there. */
static int identify_by_files(const struct root *root, struct pci_dev *dev)
{
	uint32_t vendor, device, class, subvendor = 0, subdevice = 0;
	char driver[PCI_DRIVER_STR];
	int r = read_hex_attr(root, dev, "vendor", &vendor);

	if (r >= 0)
		r = read_hex_attr(root, dev, "device", &device);
	if (r >= 0)
		r = read_hex_attr(root, dev, "class", &class);
	if (r < 0)
		return r;
	if (read_hex_attr(root, dev, "subsystem_vendor", &subvendor) < 0 ||
	    read_hex_attr(root, dev, "subsystem_device", &subdevice) < 0)
		subvendor = subdevice = 0;
	r = pci_driver(root, &dev->addr, driver);
	if (r < 0)
		return r;
	dev->vendor = (uint16_t)vendor;
	dev->device = (uint16_t)device;
	dev->class = class;
	dev->subvendor = (uint16_t)subvendor;
	dev->subdevice = (uint16_t)subdevice;
	memcpy(dev->driver, driver, sizeof(driver));
	dev->identified = true;
	return 0;
}

int pci_identify(const struct root *root, struct pci_dev *dev)
{
	int r;

	if (dev->identified)
		return 0;
	r = identify_by_uevent(root, dev);
	if (r == -ENODATA || (r == -ENOENT && root->kind == ROOT_MACHINE))
		r = identify_by_files(root, dev);
	return r == -ENOENT ? -ENODEV : r;
}

int pci_group(const struct root *root, struct pci_dev *dev)
{
	char path[PCI_ATTR_STR], name[16], *end;
	ssize_t n;
	long group;

	if (dev->group != PCI_GROUP_UNREAD)
		return 0;
	n = root_readlink_name(root, pci_attr_path(&dev->addr, "iommu_group", path), name,
			       sizeof(name));
	if (n == -ENOENT) {
		dev->group = PCI_GROUP_NONE;
		return 0;
	}
	if (n < 0)
		return (int)n;
	group = strtol(name, &end, 10);
	if (*end || end == name || group < 0 || group > INT32_MAX)
		return -EIO;
	dev->group = (int)group;
	return 0;
}

int pci_boot_vga(const struct root *root, const struct pci_dev *dev)
{
	char path[PCI_ATTR_STR], text[8];
	ssize_t n = root_read_attr(root, pci_attr_path(&dev->addr, "boot_vga", path), text,
				   sizeof(text));

	if (n < 0)
		return (int)n;
	return text[0] == '1';
}

int pci_driver(const struct root *root, const struct pci_addr *addr,
	       char buf[static PCI_DRIVER_STR])
{
	char path[PCI_ATTR_STR];
	ssize_t n =
		root_readlink_name(root, pci_attr_path(addr, "driver", path), buf, PCI_DRIVER_STR);

	if (n == -ENOENT) {
		buf[0] = '\0';
		return 0;
	}
	return n < 0 ? (int)n : 0;
}

struct pci_dev *pci_find(const struct pci_inventory *inv, const struct pci_addr *addr)
{
	struct pci_dev key = {.addr = *addr};

	if (!inv->count)
		return NULL;
	return bsearch(&key, inv->devs, inv->count, sizeof(key), compare_devs);
}

struct pci_dev *const *pci_find_path(const struct pci_inventory *inv, const struct pci_path *path,
				     size_t *ret_count)
{
	size_t low = 0, high = inv->count, end;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (path_cmp(&inv->by_path[middle]->path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < inv->count && pci_path_equal(&inv->by_path[end]->path, path); end++)
		;
	*ret_count = end - low;
	return end > low ? &inv->by_path[low] : NULL;
}

size_t pci_slot(const struct pci_inventory *inv, const struct pci_addr *addr,
		struct pci_dev **ret_first)
{
	size_t count = 0;

	for (uint8_t fn = 0; fn < 8; fn++) {
		struct pci_addr at = {addr->domain, addr->bus, addr->dev, fn};
		struct pci_dev *dev = pci_find(inv, &at);

		if (!dev)
			continue;
		if (!count++)
			*ret_first = dev;
	}
	return count;
}
