// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What hangs on a controller, told by where the links of sys/class/block and sys/bus/usb/devices
 * lead (Documentation/ABI/stable/sysfs-block, testing/sysfs-bus-usb).
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "tools/list.h"

#define BLOCK "sys/class/block"
#define USB "sys/bus/usb/devices"
#define USB_CLASS_HUB 0x09
#define SECTOR_BYTES 512 /* of a block device's `size`, whatever its own sectors are */
#define HOLDER_DEPTH 8 /* LVM on LUKS on RAID is 3 */
#define WORD_MAX 1024

/* Where file systems are mounted, from /proc. */
struct mounts {
	char *mountinfo, *swaps; /* NULL where they cannot be read */
};

static void mounts_free(struct mounts *mounts)
{
	free(mounts->mountinfo);
	free(mounts->swaps);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* An attribute without trailing blanks, which disks pad with; "" where it cannot be read. */
static char *read_text(const struct root *root, const char *dir, const char *name, const char *attr,
		       char *buf, size_t size)
{
	char path[PATH_MAX];
	ssize_t n;

	buf[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/%s/%s", dir, name, attr) >= (int)sizeof(path))
		return buf;
	n = root_read_attr(root, path, buf, size);
	if (n < 0)
		n = 0;
	while (n > 0 && buf[n - 1] == ' ')
		n--;
	buf[n] = '\0';
	return buf;
}

/* The function that a device hangs on: the last address in its path. */
static struct list_device *find_controller(const struct list *list, const char *target)
{
	struct list_device *found = NULL;
	char part[PCI_ADDR_STR];

	while (*target) {
		size_t len = strcspn(target, "/");
		struct pci_addr addr;

		if (len < sizeof(part)) {
			const struct pci_dev *dev = NULL;

			memcpy(part, target, len);
			part[len] = '\0';
			if (!pci_addr_parse(part, &addr))
				dev = pci_find(&list->inv, &addr);
			if (dev)
				found = &list->devices[dev - list->inv.devs];
		}
		target += len + (target[len] == '/');
	}
	return found;
}

/* A new child at the end; its strings are taken over, also on failure. */
static struct list_child *add_child(struct list_device *device, char *name, char *model)
{
	struct list_child *children =
		reallocarray(device->children, device->child_count + 1, sizeof(*children));

	if (children)
		device->children = children;
	if (!children || !name || !model) {
		free(name);
		free(model);
		return NULL;
	}
	children += device->child_count++;
	*children = (struct list_child){.name = name, .model = model};
	return children;
}

/* --- mounts ----------------------------------------------------------------------------------- */

/* The n-th word (from 0) of a line, the kernel's \040 and so on undone; false for none. */
static bool get_word(const char *line, unsigned n, char buf[static WORD_MAX])
{
	size_t at = 0;

	for (;; n--) {
		line += strspn(line, " \t");
		if (*line == '\n' || *line == '\0')
			return false;
		if (!n)
			break;
		line += strcspn(line, " \t\n");
	}
	while (!strchr(" \t\n", *line) && at + 1 < WORD_MAX) {
		if (line[0] == '\\' && line[1] >= '0' && line[1] <= '3' && line[2] >= '0' &&
		    line[2] <= '7' && line[3] >= '0' && line[3] <= '7') {
			buf[at++] = (char)((line[1] - '0') << 6 | (line[2] - '0') << 3 |
					   (line[3] - '0'));
			line += 4;
		} else {
			buf[at++] = *line++;
		}
	}
	buf[at] = '\0';
	return true;
}

static int add_mount(struct list_child *disk, const char *where)
{
	char **mounts, *copy;

	for (size_t i = 0; i < disk->mount_count; i++)
		if (!strcmp(disk->mounts[i], where))
			return 0;
	mounts = reallocarray(disk->mounts, disk->mount_count + 1, sizeof(*mounts));
	if (!mounts)
		return -ENOMEM;
	disk->mounts = mounts;
	copy = strdup(where);
	if (!copy)
		return -ENOMEM;
	mounts[disk->mount_count++] = copy;
	return 0;
}

/* The source of a mount: the second word after the "-" that ends the optional fields (proc(5)). */
static bool get_source(const char *line, char buf[static WORD_MAX])
{
	for (unsigned n = 6; get_word(line, n, buf); n++)
		if (!strcmp(buf, "-"))
			return get_word(line, n + 2, buf);
	return false;
}

/*
 * Adds where one block device is mounted or swapped to. node is its "/dev/NAME"; mapper, where not
 * "", its "/dev/mapper/NAME". A btrfs has a device number of its own, so the source counts too.
 */
static int add_mounts(const struct mounts *mounts, struct list_child *disk, const char *number,
		      const char *node, const char *mapper)
{
	char word[WORD_MAX];
	int r = 0;

	for (const char *line = mounts->mountinfo; r >= 0 && line && *line;) {
		bool here = (get_word(line, 2, word) && *number && !strcmp(word, number)) ||
			    (get_source(line, word) &&
			     (!strcmp(word, node) || (*mapper && !strcmp(word, mapper))));

		if (here && get_word(line, 4, word))
			r = add_mount(disk, word);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	for (const char *line = mounts->swaps; r >= 0 && line && *line;) {
		if (get_word(line, 0, word) &&
		    (!strcmp(word, node) || (*mapper && !strcmp(word, mapper))))
			r = add_mount(disk, "[SWAP]");
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return r;
}

/* A disk or partition, and by way of its holders what dm and md make of it. */
static int add_block_mounts(const struct root *root, const struct mounts *mounts,
			    struct list_child *disk, const char *name, unsigned depth)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char number[32], mapped[256], node[NAME_MAX + 8], mapper[280] = "", path[PATH_MAX];
	const struct dirent *entry;
	int r;

	read_text(root, BLOCK, name, "dev", number, sizeof(number));
	snprintf(node, sizeof(node), "/dev/%s", name);
	if (read_text(root, BLOCK, name, "dm/name", mapped, sizeof(mapped))[0])
		snprintf(mapper, sizeof(mapper), "/dev/mapper/%s", mapped);
	r = add_mounts(mounts, disk, number, node, mapper);
	if (r < 0 || depth == HOLDER_DEPTH)
		return r;
	snprintf(path, sizeof(path), BLOCK "/%s/holders", name);
	dir = root_opendir(root, path);
	while (r >= 0 && dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = add_block_mounts(root, mounts, disk, entry->d_name, depth + 1);
	return r;
}

/* --- disks ------------------------------------------------------------------------------------ */

/* Partitions of a disk lie in its directory, and have a file `partition`. */
static int add_partition_mounts(const struct root *root, const struct mounts *mounts,
				struct list_child *disk)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX];
	const struct dirent *entry;
	int r = 0;

	snprintf(path, sizeof(path), BLOCK "/%s", disk->name);
	dir = root_opendir(root, path);
	while (r >= 0 && dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, disk->name, strlen(disk->name)))
			continue;
		snprintf(path, sizeof(path), BLOCK "/%s/partition", entry->d_name);
		if (root_exists(root, path))
			r = add_block_mounts(root, mounts, disk, entry->d_name, 0);
	}
	return r;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_disk(const struct root *root, const struct mounts *mounts,
		    struct list_device *device, const char *name)
{
	char model[256], sectors[32];
	struct list_child *disk;
	int r;

	read_text(root, BLOCK, name, "device/model", model, sizeof(model));
	read_text(root, BLOCK, name, "size", sectors, sizeof(sectors));
	disk = add_child(device, strdup(name), strdup(model));
	if (!disk)
		return -ENOMEM;
	disk->kind = LIST_DISK;
	disk->size_bytes = strtoull(sectors, NULL, 10) * SECTOR_BYTES;
	r = add_block_mounts(root, mounts, disk, name, 0);
	if (r >= 0)
		r = add_partition_mounts(root, mounts, disk);
	if (disk->mount_count)
		qsort(disk->mounts, disk->mount_count, sizeof(*disk->mounts), compare_text);
	return r;
}

/*
 * An NVMe disk with several paths sits in sys/devices/virtual/nvme-subsystem/nvme-subsysN, beside
 * links to its controllers: it hangs on each of them.
 */
static int add_nvme_paths(const struct root *root, const struct mounts *mounts,
			  const struct list *list, const char *target, const char *name)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const char *subsystem = strstr(target, "/nvme-subsystem/");
	char path[PATH_MAX], link[PATH_MAX];
	const struct dirent *entry;
	int r = 0, len;

	if (!subsystem)
		return 0;
	subsystem += strlen("/nvme-subsystem/");
	len = (int)strcspn(subsystem, "/");
	snprintf(path, sizeof(path), "sys/devices/virtual/nvme-subsystem/%.*s", len, subsystem);
	dir = root_opendir(root, path);
	while (r >= 0 && dir && (entry = readdir(dir))) {
		struct list_device *device;

		snprintf(path, sizeof(path), "sys/devices/virtual/nvme-subsystem/%.*s/%s", len,
			 subsystem, entry->d_name);
		if (root_readlink(root, path, link, sizeof(link)) < 0)
			continue;
		device = find_controller(list, link);
		if (device)
			r = add_disk(root, mounts, device, name);
	}
	return r;
}

/* A hidden disk is one path of an NVMe disk with several; a partition goes with its disk. */
static bool is_disk(const struct root *root, const char *name)
{
	char path[PATH_MAX], hidden[8];

	snprintf(path, sizeof(path), BLOCK "/%s/partition", name);
	if (root_exists(root, path))
		return false;
	return strcmp(read_text(root, BLOCK, name, "hidden", hidden, sizeof(hidden)), "1") != 0;
}

static int load_disks(const struct root *root, const struct list *list)
{
	_cleanup_(mounts_free) struct mounts mounts = {.swaps = NULL};
	_cleanup_closedir_ DIR *dir = root_opendir(root, BLOCK);
	char path[PATH_MAX], target[PATH_MAX];
	const struct dirent *entry;
	size_t size;
	int r = 0;

	if (!dir)
		return 0;
	(void)!root_read_file(root, "proc/self/mountinfo", &mounts.mountinfo, &size, NULL);
	(void)!root_read_file(root, "proc/swaps", &mounts.swaps, &size, NULL);
	while (r >= 0 && (entry = readdir(dir))) {
		struct list_device *device;

		snprintf(path, sizeof(path), BLOCK "/%s", entry->d_name);
		if (root_readlink(root, path, target, sizeof(target)) < 0 ||
		    !is_disk(root, entry->d_name))
			continue;
		device = find_controller(list, target);
		if (device)
			r = add_disk(root, &mounts, device, entry->d_name);
		else
			r = add_nvme_paths(root, &mounts, list, target, entry->d_name);
	}
	return r;
}

/* --- USB -------------------------------------------------------------------------------------- */

static unsigned read_hex(const struct root *root, const char *name, const char *attr)
{
	char text[16];

	return (unsigned)strtoul(read_text(root, USB, name, attr, text, sizeof(text)), NULL, 16);
}

static int load_usb(const struct root *root, const struct list *list)
{
	_cleanup_closedir_ DIR *dir = root_opendir(root, USB);
	char path[PATH_MAX], target[PATH_MAX], maker[256], product[256], model[520];
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		struct list_device *device;
		struct list_child *child;

		/* "usb1" is the controller's own hub, "1-4:1.0" an interface of 1-4. */
		if (name[0] < '0' || name[0] > '9' || strchr(name, ':') ||
		    read_hex(root, name, "bDeviceClass") == USB_CLASS_HUB)
			continue;
		snprintf(path, sizeof(path), USB "/%s", name);
		if (root_readlink(root, path, target, sizeof(target)) < 0)
			continue;
		device = find_controller(list, target);
		if (!device)
			continue;
		read_text(root, USB, name, "manufacturer", maker, sizeof(maker));
		read_text(root, USB, name, "product", product, sizeof(product));
		snprintf(model, sizeof(model), "%s%s%s", maker, *maker && *product ? " " : "",
			 product);
		child = add_child(device, strdup(name), strdup(model));
		if (!child)
			return -ENOMEM;
		child->kind = LIST_USB;
		child->vendor = (uint16_t)read_hex(root, name, "idVendor");
		child->device = (uint16_t)read_hex(root, name, "idProduct");
	}
	return 0;
}

static int compare_children(const void *a, const void *b)
{
	const struct list_child *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strverscmp(x->name, y->name);
}

int list_load_children(const struct root *root, struct list *list)
{
	int r = load_disks(root, list);

	if (r >= 0)
		r = load_usb(root, list);
	for (size_t i = 0; i < list->count; i++)
		if (list->devices[i].child_count)
			qsort(list->devices[i].children, list->devices[i].child_count,
			      sizeof(*list->devices[i].children), compare_children);
	return r;
}
