// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "early/cmdline.h"
#include "early/diag.h"
#include "early/disk.h"

#define BLOCK "sys/class/block"

/*
 * Where file systems, LUKS and LVM keep their identity: well inside the first 72 KiB (btrfs has its
 * super block at 64 KiB).
 */
#define HEAD_SIZE (72 << 10)

struct host {
	bool is_read;
	char *mounts, *swaps, *cmdline; /* NULL: cannot be read */
	size_t cmdline_size;
};

static void host_free(struct host *host)
{
	free(host->mounts);
	free(host->swaps);
	free(host->cmdline);
}

/* True if the block device's link in sysfs leads through the PCI function. */
static bool is_below(const char *target, const struct pci_addr *addr)
{
	char part[PCI_ADDR_STR + 2] = "/", *end;

	pci_addr_format(addr, part + 1);
	end = part + strlen(part);
	end[0] = '/';
	end[1] = '\0';
	return strstr(target, part);
}

/*
 * An NVMe disk that may have several controllers is a device of its subsystem (nvme-subsys0/nvme0n1),
 * below none of them; the subsystem's directory links to each (drivers/nvme/host/core.c).
 */
static bool is_path_below(const struct root *root, const char *target, const struct pci_addr *addr)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[600], subsystem[300], controller[4096];
	const struct dirent *entry;
	const char *at = strstr(target, "/nvme-subsystem/");

	if (!at)
		return false;
	at += strlen("/nvme-subsystem/");
	snprintf(subsystem, sizeof(subsystem), "sys/class/nvme-subsystem/%.*s",
		 (int)strcspn(at, "/"), at);
	dir = root_opendir(root, subsystem);
	if (!dir)
		return true; /* which it hangs on cannot be told */
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", subsystem, entry->d_name);
		if (root_readlink(root, path, controller, sizeof(controller)) > 0 &&
		    is_below(controller, addr))
			return true;
	}
	return false;
}

/* "/dev/nvme0n1p1" of a name in sysfs, where a `!` stands for a slash. */
static void node_path(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "/dev/%s", name);
	for (char *at = buf; (at = strchr(at, '!'));)
		*at = '/';
}

/* "259:1" or "/dev/nvme0n1p1" as a word of a mountinfo or swaps line; *ret_line is that line. */
static const char *find_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; at && (at = strstr(at, word)); at += len) {
		bool starts = at == text || at[-1] == ' ' || at[-1] == '\n';

		if (starts && strchr(" \t\n", at[len]))
			return at;
	}
	return NULL;
}

/* Mount point of the mountinfo line (proc(5)) that at is in: its fifth word. */
static void mount_point(const char *text, const char *at, char *ret, size_t size)
{
	size_t len;

	while (at > text && at[-1] != '\n')
		at--;
	for (int word = 1; word < 5; word++) {
		at += strcspn(at, " \n");
		at += *at == ' ';
	}
	len = strcspn(at, " \n");
	if (len >= size)
		len = size - 1;
	memcpy(ret, at, len);
	ret[len] = '\0';
}

static bool has_holder(const struct root *root, const char *name, char *ret, size_t size)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[512];
	const struct dirent *entry;

	snprintf(path, sizeof(path), BLOCK "/%s/holders", name);
	dir = root_opendir(root, path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(ret, size, "%.*s", (int)size - 1, entry->d_name);
		return true;
	}
	return false;
}

/* "0a1b-..." to bytes; the count of them, 0 where it is not hex digits and dashes. */
static size_t uuid_bytes(const char *text, size_t len, unsigned char bytes[static 16])
{
	size_t digits = 0;

	memset(bytes, 0, 16);
	for (size_t i = 0; i < len; i++) {
		const char *hex = "0123456789abcdef", *at;

		if (text[i] == '-')
			continue;
		at = strchr(hex, text[i] | 0x20);
		if (!at || digits == 32)
			return 0;
		bytes[digits / 2] = (unsigned char)(bytes[digits / 2] << 4 | (at - hex));
		digits++;
	}
	return digits % 2 ? 0 : digits / 2;
}

static void reverse(unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		unsigned char byte = bytes[i];

		bytes[i] = bytes[count - 1 - i];
		bytes[count - 1 - i] = byte;
	}
}

/* The text as GPT and NTFS keep names, in UTF-16. Only ASCII is looked for: the rest may be it. */
static bool carries_wide(const char *head, size_t size, const char *id, size_t len)
{
	char wide[2 * 64];

	if (len > sizeof(wide) / 2)
		return true;
	for (size_t i = 0; i < len; i++) {
		if (id[i] < 0x20 || id[i] > 0x7e)
			return true;
		wide[2 * i] = id[i];
		wide[2 * i + 1] = '\0';
	}
	return memmem(head, size, wide, 2 * len);
}

/*
 * Whether the start of a disk or partition carries an identity: as the bytes that ext4, xfs, btrfs
 * and GPT keep, mixed-endian for GPT, reversed for FAT and an MBR's signature, or as the text that
 * LUKS, labels and LVM keep. A chance hit only refuses a card, which is the safe side.
 */
static bool head_carries(const char *head, size_t size, const char *id, size_t len)
{
	unsigned char bytes[16];
	size_t count = uuid_bytes(id, len, bytes);

	if (len && (memmem(head, size, id, len) || carries_wide(head, size, id, len)))
		return true;
	if (count < 4)
		return false;
	if (memmem(head, size, bytes, count))
		return true;
	if (count == 16) {
		reverse(bytes, 4);
		reverse(bytes + 4, 2);
		reverse(bytes + 6, 2);
	} else {
		/* PARTUUID of an MBR: "SIGNATURE-NN" */
		reverse(bytes, 4);
		count = 4;
	}
	return memmem(head, size, bytes, count);
}

/* The identity in root=UUID=..., /dev/disk/by-label/... and so on; NULL for other ways to name it. */
static const char *root_identity(const char *value, size_t len, size_t *ret_len)
{
	static const char prefixes[][24] = {
		"UUID=",
		"LABEL=",
		"PARTUUID=",
		"PARTLABEL=",
		"block:UUID=",
		"block:LABEL=",
		"/dev/disk/by-uuid/",
		"/dev/disk/by-label/",
		"/dev/disk/by-partuuid/",
		"/dev/mapper/luks-",
		"/dev/disk/by-partlabel/",
	};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (len > n && !strncmp(value, prefixes[i], n)) {
			*ret_len = len - n;
			return value + n;
		}
	}
	return NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Whether NODE, which root=/dev/NODE names, is the block device or a partition of it. */
static bool is_node_of(const char *node, size_t len, const char *name)
{
	static const char disks[][7] = {"sd", "vd", "nvme", "xvd", "hd", "mmcblk"};
	size_t name_len = strlen(name), i;

	for (i = 0; i < ARRAY_SIZE(disks); i++)
		if (len > strlen(disks[i]) && !strncmp(node, disks[i], strlen(disks[i])))
			break;
	if (i == ARRAY_SIZE(disks))
		return !(len == 3 && !memcmp(node, "nfs", 3)); /* md0, dm-0: may lie on any */
	if (len < name_len || strncmp(node, name, name_len) != 0)
		return false;
	/* sda is not sdaa1, nvme0n1 is not nvme0n10; a partition is sda1 or nvme0n1p1. */
	return len == name_len ||
	       (is_digit(name[name_len - 1]) ? node[name_len] == 'p' : is_digit(node[name_len]));
}

/* Whether a block device may hold what root= names. Before the root is mounted nothing else tells. */
static bool may_be_root(const struct root *root, const char *name, const char *value, size_t len)
{
	_cleanup_free_ char *head = NULL;
	_cleanup_close_ int fd = -1;
	const char *id;
	char node[300];
	size_t id_len;
	ssize_t n;

	if (len > 5 && !strncmp(value, "/dev/", 5) && !memchr(value + 5, '/', len - 5))
		return is_node_of(value + 5, len - 5, name);
	id = root_identity(value, len, &id_len);
	if (!id)
		/* A network root is on no disk; LVM, ZFS and what else there is may be on any. */
		return !(len >= 4 && (!memcmp(value, "nfs", 3) || !memcmp(value, "nbd", 3) ||
				      !memcmp(value, "live", 4)));
	/* udev's names of links: "\x20" for a blank. */
	if (memchr(id, '\\', id_len))
		return true;
	head = malloc(HEAD_SIZE);
	if (!head)
		return true;
	node_path(name, node, sizeof(node));
	fd = root_openat(root, node + 1, O_RDONLY, 0);
	if (fd < 0)
		return true;
	n = pread(fd, head, HEAD_SIZE, 0);
	return n < 0 || head_carries(head, (size_t)n, id, id_len);
}

static bool is_wanted_root(const struct root *root, const struct host *host, const char *name)
{
	struct cmdline_token token;
	struct cmdline cmdline;
	bool is_named = false;

	/* Once a root file system is mounted from a disk, the mounts say all there is to say. */
	if (root->kind != ROOT_LIVE || !root_exists(root, "etc/initrd-release"))
		return false;
	cmdline_init(&cmdline, host->cmdline ? host->cmdline : "", host->cmdline_size);
	while (cmdline_next(&cmdline, &token)) {
		if (token.for_init || !cmdline_is(&token, "root") || !token.value)
			continue;
		is_named = true;
		if (may_be_root(root, name, token.value, token.value_len))
			return true;
	}
	/* Without root= the initramfs finds it by itself, by the partition's type or a file in it. */
	return !is_named;
}

/* Somebody has it open exclusively: a mount, swap, dm, md or ZFS, told by the kernel itself. */
static bool is_held(const struct root *root, const char *node)
{
	_cleanup_close_ int fd = -1;

	if (root->kind != ROOT_LIVE)
		return false;
	fd = root_openat(root, node + 1, O_RDONLY | O_EXCL, 0);
	return fd == -EBUSY;
}

static int block_in_use(const struct root *root, const struct host *host, const char *name,
			char text[static DISK_TEXT])
{
	char path[512], number[32], node[300], where[64];
	const char *at = NULL;

	snprintf(path, sizeof(path), BLOCK "/%s/hidden", name);
	if (root_read_attr(root, path, number, sizeof(number)) > 0 && number[0] == '1')
		return 0; /* one controller's way to a disk of several, which is looked at itself */
	snprintf(path, sizeof(path), BLOCK "/%s/dev", name);
	node_path(name, node, sizeof(node));
	if (host->mounts && root_read_attr(root, path, number, sizeof(number)) > 0)
		at = find_word(host->mounts, number);
	if (!at && host->mounts)
		at = find_word(host->mounts, node);
	if (at) {
		mount_point(host->mounts, at, where, sizeof(where));
		snprintf(text, DISK_TEXT, "%.32s is mounted on %s", name, where);
	} else if (host->swaps && find_word(host->swaps, node)) {
		snprintf(text, DISK_TEXT, "%.32s is used for swap", name);
	} else if (has_holder(root, name, where, sizeof(where))) {
		snprintf(text, DISK_TEXT, "%.32s is part of %s", name, where);
	} else if (is_held(root, node)) {
		snprintf(text, DISK_TEXT, "%.32s is in exclusive use", name);
	} else if (!host->mounts) {
		snprintf(text, DISK_TEXT, "whether %.32s is mounted cannot be read", name);
	} else if (is_wanted_root(root, host, name)) {
		snprintf(text, DISK_TEXT, "%.32s may hold the root file system", name);
	} else {
		return 0;
	}
	text_clean(text);
	return 1;
}

static char *read_or_null(const struct root *root, const char *path, size_t *ret_size)
{
	char *text = NULL;
	size_t size;

	if (root_read_file(root, path, &text, ret_size ? ret_size : &size, NULL) < 0)
		return NULL;
	return text;
}

int disk_in_use(const struct root *root, const struct pci_addr *addr, char text[static DISK_TEXT])
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_(host_free) struct host host = {.is_read = false};
	const struct dirent *entry;
	char path[512], target[4096], first[NAME_MAX + 1] = "", found[DISK_TEXT];

	dir = root_opendir(root, BLOCK);
	if (!dir) {
		if (!root_exists(root, BLOCK))
			return 0;
		snprintf(text, DISK_TEXT, "its disks cannot be listed");
		return 1;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), BLOCK "/%s", entry->d_name);
		if (root_readlink(root, path, target, sizeof(target)) < 0 ||
		    (!is_below(target, addr) && !is_path_below(root, target, addr)))
			continue;
		if (!host.is_read) {
			host.mounts = read_or_null(root, "proc/self/mountinfo", NULL);
			host.swaps = read_or_null(root, "proc/swaps", NULL);
			host.cmdline = read_or_null(root, "proc/cmdline", &host.cmdline_size);
			host.is_read = true;
		}
		/* Directories have no order: of several the first by name, so that the message is stable. */
		if ((!*first || strcmp(entry->d_name, first) < 0) &&
		    block_in_use(root, &host, entry->d_name, found)) {
			snprintf(first, sizeof(first), "%s", entry->d_name);
			memcpy(text, found, sizeof(found));
		}
	}
	return *first != '\0';
}
