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
	char *mounts, *swaps, *cmdline;
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
 * An NVMe disk with several paths is a child of its subsystem, which has links to its controllers:
 * any of them may be the function.
 */
static bool is_path_below(const struct root *root, const char *target, const struct pci_addr *addr)
{
	const char *subsystem = strstr(target, "/nvme-subsystem/");
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[640], link[4096];
	int fd, len;

	if (!subsystem)
		return false;
	subsystem += strlen("/nvme-subsystem/");
	len = (int)strcspn(subsystem, "/");
	snprintf(path, sizeof(path), "sys/class/nvme-subsystem/%.*s", len, subsystem);
	fd = root_openat(root, path, O_RDONLY | O_DIRECTORY, 0);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		close_fd(&fd);
		return true; /* what cannot be told counts as in use */
	}
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "sys/class/nvme-subsystem/%.*s/%s", len, subsystem,
			 entry->d_name);
		if (root_readlink(root, path, link, sizeof(link)) > 0 && is_below(link, addr))
			return true;
	}
	return false;
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
	text_clean(ret);
}

static bool has_holder(const struct root *root, const char *name, char *ret, size_t size)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[512];
	const struct dirent *entry;
	int fd;

	snprintf(path, sizeof(path), BLOCK "/%s/holders", name);
	fd = root_openat(root, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return false;
	dir = fdopendir(fd);
	if (!dir) {
		close_fd(&fd);
		return false;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(ret, size, "%.*s", (int)size - 1, entry->d_name);
		text_clean(ret);
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

/*
 * Whether the start of a disk or partition carries an identity: as the bytes that ext4, xfs, btrfs
 * and GPT keep, mixed-endian for GPT, reversed for FAT and an MBR's signature, or as the text that
 * LUKS, labels and LVM keep. A chance hit only refuses a card, which is the safe side.
 */
static bool head_carries(const char *head, size_t size, const char *id, size_t len)
{
	unsigned char bytes[16];
	size_t count = uuid_bytes(id, len, bytes);

	if (len && memmem(head, size, id, len))
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
	static const char *const prefixes[] = {
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

/* Whether a block device may hold what root= names. Before the root is mounted nothing else tells. */
static bool may_be_root(const struct root *root, const char *name, const char *value, size_t len)
{
	_cleanup_free_ char *head = NULL;
	_cleanup_close_ int fd = -1;
	const char *id;
	char path[300];
	size_t id_len;
	ssize_t n;

	if (len > 5 && !strncmp(value, "/dev/", 5) && !memchr(value + 5, '/', len - 5))
		return strlen(name) <= len - 5 && !strncmp(value + 5, name, strlen(name));
	id = root_identity(value, len, &id_len);
	if (!id)
		/* A network root is on no disk; LVM, ZFS and what else there is may be on any. */
		return !(len >= 4 && (!memcmp(value, "nfs", 3) || !memcmp(value, "nbd", 3) ||
				      !memcmp(value, "live", 4)));
	head = malloc(HEAD_SIZE);
	if (!head)
		return true;
	snprintf(path, sizeof(path), "dev/%s", name);
	fd = root_openat(root, path, O_RDONLY, 0);
	if (fd < 0)
		return true;
	n = pread(fd, head, HEAD_SIZE, 0);
	return n < 0 || head_carries(head, (size_t)n, id, id_len);
}

static bool is_wanted_root(const struct root *root, const struct host *host, const char *name)
{
	struct cmdline_token token;
	struct cmdline cmdline;

	/* Once a root file system is mounted from a disk, the mounts say all there is to say. */
	if (!host->cmdline || root->kind != ROOT_LIVE || !root_exists(root, "etc/initrd-release"))
		return false;
	cmdline_init(&cmdline, host->cmdline, host->cmdline_size);
	while (cmdline_next(&cmdline, &token))
		if (!token.for_init && cmdline_is(&token, "root") && token.value &&
		    may_be_root(root, name, token.value, token.value_len))
			return true;
	return false;
}

/* Somebody has it open exclusively: a mount, swap, dm, md or ZFS, told by the kernel itself. */
static bool is_held(const struct root *root, const char *name)
{
	_cleanup_close_ int fd = -1;
	char path[300];

	if (root->kind != ROOT_LIVE)
		return false;
	snprintf(path, sizeof(path), "dev/%s", name);
	fd = root_openat(root, path, O_RDONLY | O_EXCL, 0);
	return fd == -EBUSY;
}

static int block_in_use(const struct root *root, const struct host *host, const char *name,
			char text[static DISK_TEXT])
{
	char path[512], number[32], node[300], where[64];
	const char *at = NULL;

	snprintf(path, sizeof(path), BLOCK "/%s/dev", name);
	snprintf(node, sizeof(node), "/dev/%s", name);
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
	} else if (is_held(root, name)) {
		snprintf(text, DISK_TEXT, "%.32s is in exclusive use", name);
	} else if (is_wanted_root(root, host, name)) {
		snprintf(text, DISK_TEXT, "%.32s may hold the root file system that root= names",
			 name);
	} else {
		return 0;
	}
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
	_cleanup_(host_free) struct host host = {.mounts = NULL};
	const struct dirent *entry;
	char path[512], target[4096];
	int fd = root_openat(root, BLOCK, O_RDONLY | O_DIRECTORY, 0);

	if (fd == -ENOENT)
		return 0;
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		close_fd(&fd);
		snprintf(text, DISK_TEXT, "its disks cannot be listed");
		return 1;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), BLOCK "/%s", entry->d_name);
		if (root_readlink(root, path, target, sizeof(target)) < 0 ||
		    !is_below(target, addr))
			continue;
		if (!host.mounts) {
			host.mounts = read_or_null(root, "proc/self/mountinfo", NULL);
			host.swaps = read_or_null(root, "proc/swaps", NULL);
			host.cmdline = read_or_null(root, "proc/cmdline", &host.cmdline_size);
		}
		if (block_in_use(root, &host, entry->d_name, text))
			return 1;
	}
	return 0;
}
