// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/diag.h"
#include "early/pages.h"
#include "tools/hugepages-holders.h"

#define NAMED_MAX 3
#define PATH_STR 64

/* --- one process ------------------------------------------------------------------------------ */

static bool is_number(const char *text)
{
	return text[0] && !text[strspn(text, "0123456789")];
}

static char *read_of(const struct root *root, const char *pid, const char *file)
{
	char path[PATH_STR], *text = NULL;
	size_t size;

	snprintf(path, sizeof(path), "proc/%.20s/%s", pid, file);
	return root_read_file(root, path, &text, &size, NULL) < 0 ? NULL : text;
}

/*
 * True where a look at the mappings is worth its price. What is mapped and not touched shows in none of the
 * process's sums, but in what its mappings are of: files of a hugetlbfs, whose mounts end in that name more
 * often than not, and what the kernel gives names to (fs/hugetlbfs/inode.c, ipc/shm.c, mm/memfd.c).
 */
static bool may_hold(const struct root *root, const char *pid)
{
	static const char *const names[] = {"/anon_hugepage", "/memfd:", "/SYSV", "huge"};
	_cleanup_free_ char *status = read_of(root, pid, "status"), *maps = NULL;
	const char *sum = status ? strstr(status, "\nHugetlbPages:") : NULL;

	/* A thread of the kernel has no memory of its own. */
	if (!sum)
		return false;
	if (strtoul(strchr(sum + 1, ':') + 1, NULL, 10))
		return true;
	maps = read_of(root, pid, "maps");
	for (size_t i = 0; maps && i < ARRAY_SIZE(names); i++)
		if (strstr(maps, names[i]))
			return true;
	return false;
}

/* "KEY:   123 kB" of one mapping, which ends at end; 0 where it is not there. */
static unsigned long field(const char *at, const char *end, const char *key)
{
	const char *found = strstr(at, key);

	return found && found < end ? strtoul(found + strlen(key), NULL, 10) : 0;
}

static bool is_flag(const char *flags, const char *end, const char *flag)
{
	const char *found = strstr(flags, flag);

	return found && found < end;
}

/* The holder of this size among those that the process has been given since first. */
static struct hugepages_holder *holder_of(struct hugepages_holders *holders, size_t first,
					  const char *pid, unsigned long size_kib)
{
	struct hugepages_holder *more;

	for (size_t i = first; i < holders->count; i++)
		if (holders->items[i].size_kib == size_kib)
			return &holders->items[i];
	more = reallocarray(holders->items, holders->count + 1, sizeof(*more));
	if (!more)
		return NULL;
	holders->items = more;
	more += holders->count++;
	*more = (struct hugepages_holder){.pid = atoi(pid), .size_kib = size_kib};
	return more;
}

/* The mappings whose flags have `ht`: Size, KernelPageSize and what of it is there. */
static int add_mappings(struct hugepages_holders *holders, size_t first, const char *pid,
			const char *smaps, unsigned long size_kib)
{
	const char *at = smaps, *flags;

	while ((flags = strstr(at, "\nVmFlags:"))) {
		const char *end = flags + 1 + strcspn(flags + 1, "\n");
		unsigned long page_kib = field(at, flags, "\nKernelPageSize:");

		if (is_flag(flags, end, " ht") && page_kib && (!size_kib || page_kib == size_kib)) {
			unsigned long used = field(at, flags, "\nShared_Hugetlb:") +
					     field(at, flags, "\nPrivate_Hugetlb:");
			unsigned long all = field(at, flags, "\nSize:");
			struct hugepages_holder *holder = holder_of(holders, first, pid, page_kib);

			if (!holder)
				return -ENOMEM;
			holder->used += used / page_kib;
			/* `nr`: MAP_NORESERVE, nothing was promised. */
			if (all > used && !is_flag(flags, end, " nr"))
				holder->promised += (all - used) / page_kib;
		}
		at = end;
	}
	return 0;
}

/* Of what is used only what is on this node: lines with `huge`, whose N0=40 are huge pages. */
static void keep_node(struct hugepages_holders *holders, size_t first, const char *numa_maps,
		      int node)
{
	char key[24];

	snprintf(key, sizeof(key), " N%d=", node);
	for (size_t i = first; i < holders->count; i++)
		holders->items[i].used = 0;
	for (const char *line = numa_maps; *line; line += *line == '\n') {
		const char *end = line + strcspn(line, "\n");
		const char *huge = strstr(line, " huge"),
			   *size = strstr(line, "kernelpagesize_kB=");

		for (size_t i = first;
		     i < holders->count && huge && huge < end && size && size < end; i++)
			if (holders->items[i].size_kib == strtoul(strchr(size, '=') + 1, NULL, 10))
				holders->items[i].used += field(line, end, key);
		line = end;
	}
}

static int add_process(const struct root *root, struct hugepages_holders *holders, const char *pid,
		       unsigned long size_kib, int node)
{
	_cleanup_free_ char *smaps = read_of(root, pid, "smaps"), *numa_maps = NULL;
	size_t first = holders->count;
	char path[PATH_STR], name[32];
	int r;

	if (!smaps)
		return 0;
	r = add_mappings(holders, first, pid, smaps, size_kib);
	if (r < 0)
		return r;
	if (node != PAGES_ANY_NODE)
		numa_maps = read_of(root, pid, "numa_maps");
	/* A kernel without NUMA has no such file, and one node. */
	if (numa_maps)
		keep_node(holders, first, numa_maps, node);
	snprintf(path, sizeof(path), "proc/%.20s/comm", pid);
	if (root_read_attr(root, path, name, sizeof(name)) <= 0)
		snprintf(name, sizeof(name), "a process");
	text_clean(name);
	for (size_t i = first; i < holders->count; i++)
		memcpy(holders->items[i].name, name, sizeof(name));
	return 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

static int by_use(const void *a, const void *b)
{
	const struct hugepages_holder *x = a, *y = b;
	uint64_t x_kib = (uint64_t)x->used * x->size_kib, y_kib = (uint64_t)y->used * y->size_kib;

	if (x_kib != y_kib)
		return x_kib < y_kib ? 1 : -1;
	x_kib = (uint64_t)x->promised * x->size_kib;
	y_kib = (uint64_t)y->promised * y->size_kib;
	if (x_kib != y_kib)
		return x_kib < y_kib ? 1 : -1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

int hugepages_holders_read(const struct root *root, unsigned long size_kib, int node,
			   struct hugepages_holders *ret)
{
	_cleanup_holders_ struct hugepages_holders holders = {.count = 0};
	_cleanup_closedir_ DIR *proc = root_opendir(root, "proc");
	const struct dirent *entry;
	size_t kept = 0;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc)))
		if (is_number(entry->d_name) && may_hold(root, entry->d_name) &&
		    add_process(root, &holders, entry->d_name, size_kib, node) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < holders.count; i++)
		if (holders.items[i].used || holders.items[i].promised)
			holders.items[kept++] = holders.items[i];
	holders.count = kept;
	if (kept)
		qsort(holders.items, kept, sizeof(*holders.items), by_use);
	*ret = holders;
	holders = (struct hugepages_holders){.count = 0};
	return 0;
}

void hugepages_holders_free(struct hugepages_holders *holders)
{
	free(holders->items);
	*holders = (struct hugepages_holders){.count = 0};
}

/* --- words ------------------------------------------------------------------------------------ */

const char *hugepages_share(const struct hugepages_holder *holder,
			    char buf[static HUGEPAGES_SHARE_STR])
{
	char size[PAGES_SIZE_STR];

	pages_size_format(holder->size_kib, size);
	if (!holder->promised)
		snprintf(buf, HUGEPAGES_SHARE_STR, "uses %lu of %s", holder->used, size);
	else if (!holder->used)
		snprintf(buf, HUGEPAGES_SHARE_STR, "was promised %lu of %s", holder->promised,
			 size);
	else
		snprintf(buf, HUGEPAGES_SHARE_STR, "uses %lu of %s and was promised %lu more",
			 holder->used, size, holder->promised);
	return buf;
}

const char *hugepages_holders_text(const struct root *root, unsigned long size_kib, int node,
				   char buf[static HUGEPAGES_HOLDERS_STR])
{
	_cleanup_holders_ struct hugepages_holders holders = {.count = 0};
	char share[HUGEPAGES_SHARE_STR];
	size_t len = 0;

	buf[0] = '\0';
	if (hugepages_holders_read(root, size_kib, node, &holders) < 0)
		return buf;
	for (size_t i = 0; i < holders.count && i < NAMED_MAX && len < HUGEPAGES_HOLDERS_STR; i++)
		len += (size_t)snprintf(buf + len, HUGEPAGES_HOLDERS_STR - len, "%s%s (%d) %s",
					len ? ", " : "", holders.items[i].name,
					holders.items[i].pid,
					hugepages_share(&holders.items[i], share));
	if (holders.count > NAMED_MAX && len < HUGEPAGES_HOLDERS_STR)
		snprintf(buf + len, HUGEPAGES_HOLDERS_STR - len, ", and %zu more",
			 holders.count - NAMED_MAX);
	return buf;
}
