// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/pages.h"

#define SIZES_DIR "sys/kernel/mm/hugepages"
#define NODES_DIR "sys/devices/system/node"
#define PATH_STR 160
/* /proc/meminfo and a node's, which root_read_attr() wants to see whole. */
#define MEMINFO_STR 8192

/* --- paths and numbers ------------------------------------------------------------------------ */

static void pool_path(char path[static PATH_STR], int node, unsigned long size_kib,
		      const char *file)
{
	if (node == PAGES_ANY_NODE)
		snprintf(path, PATH_STR, SIZES_DIR "/hugepages-%lukB/%s", size_kib, file);
	else
		snprintf(path, PATH_STR, NODES_DIR "/node%d/hugepages/hugepages-%lukB/%s", node,
			 size_kib, file);
}

static int read_number(const struct root *root, int node, unsigned long size_kib, const char *file,
		       unsigned long *ret)
{
	char path[PATH_STR], value[32], *end;
	unsigned long number;
	ssize_t n;

	pool_path(path, node, size_kib, file);
	n = root_read_attr(root, path, value, sizeof(value));
	if (n < 0)
		return (int)n;
	number = strtoul(value, &end, 10);
	if (end == value)
		return -EBADMSG;
	*ret = number;
	return 0;
}

/* The number of "PREFIX" and digits, as a directory is named; false for another name. */
static bool name_number(const char *name, const char *prefix, const char *suffix,
			unsigned long *ret)
{
	size_t len = strlen(prefix);
	char *end;

	if (strncmp(name, prefix, len) != 0 || name[len] < '0' || name[len] > '9')
		return false;
	*ret = strtoul(name + len, &end, 10);
	return !strcmp(end, suffix);
}

/* The number after KEY in a meminfo; 0 where it is not there. */
static unsigned long meminfo(const struct root *root, const char *path, const char *key)
{
	char buf[MEMINFO_STR];
	const char *at;

	if (root_read_attr(root, path, buf, sizeof(buf)) < 0)
		return 0;
	at = strstr(buf, key);
	return at ? strtoul(at + strlen(key), NULL, 10) : 0;
}

unsigned long pages_default_kib(const struct root *root)
{
	return meminfo(root, "proc/meminfo", "Hugepagesize:");
}

uint64_t pages_memory_kib(const struct root *root, int node)
{
	char path[PATH_STR] = "proc/meminfo";

	if (node != PAGES_ANY_NODE)
		snprintf(path, sizeof(path), NODES_DIR "/node%d/meminfo", node);
	return meminfo(root, path, "MemTotal:");
}

unsigned long pages_size_kib(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	return *end == 'G' ? number << 20 : *end == 'M' ? number << 10 : number;
}

char *pages_size_format(unsigned long size_kib, char buf[static PAGES_SIZE_STR])
{
	bool gib = size_kib && !(size_kib & ((1UL << 20) - 1));
	bool mib = size_kib && !(size_kib & ((1UL << 10) - 1));

	snprintf(buf, PAGES_SIZE_STR, "%lu%c",
		 size_kib >> (gib   ? 20
			      : mib ? 10
				    : 0),
		 gib   ? 'G'
		 : mib ? 'M'
		       : 'K');
	return buf;
}

bool pages_value_next(const char **at, int *ret_node, unsigned long *ret_count)
{
	unsigned long number;
	char *end;

	if (!**at)
		return false;
	number = strtoul(*at, &end, 10);
	*ret_node = PAGES_ANY_NODE;
	if (*end == ':') {
		*ret_node = (int)number;
		number = strtoul(end + 1, &end, 10);
	}
	*ret_count = number;
	*at = *end == ',' ? end + 1 : "";
	return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* One more element of an array; NULL without memory. */
static void *add(void *array, size_t *count, size_t size)
{
	void **items = array, *more = reallocarray(*items, *count + 1, size);

	if (!more)
		return NULL;
	*items = more;
	return memset((char *)more + size * (*count)++, 0, size);
}

static int load_sizes(const struct root *root, struct pages *pages)
{
	_cleanup_closedir_ DIR *dir = root_opendir(root, SIZES_DIR);
	const struct dirent *entry;
	unsigned long kib;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		struct pages_size *size;
		int r;

		if (!name_number(entry->d_name, "hugepages-", "kB", &kib) || !kib)
			continue;
		size = add(&pages->sizes, &pages->size_count, sizeof(*size));
		if (!size)
			return -ENOMEM;
		size->size_kib = kib;
		r = pages_refresh_size(root, size);
		if (r < 0)
			return r;
	}
	return pages->size_count ? 0 : -ENOENT;
}

static int add_node(const struct root *root, struct pages *pages, int node)
{
	struct pages_node *item = add(&pages->nodes, &pages->node_count, sizeof(*item));

	if (!item)
		return -ENOMEM;
	item->node = node;
	item->memory_kib = pages_memory_kib(root, node);
	return 0;
}

static int load_nodes(const struct root *root, struct pages *pages)
{
	_cleanup_closedir_ DIR *dir = root_opendir(root, NODES_DIR);
	const struct dirent *entry;
	unsigned long node;

	while (dir && (entry = readdir(dir))) {
		char path[PATH_STR];

		if (!name_number(entry->d_name, "node", "", &node) || node > INT32_MAX)
			continue;
		pool_path(path, (int)node, pages->sizes[0].size_kib, "nr_hugepages");
		/* A node may have no memory, and then no pools. */
		if (root_exists(root, path) && add_node(root, pages, (int)node) < 0)
			return -ENOMEM;
	}
	return pages->node_count ? 0 : add_node(root, pages, PAGES_ANY_NODE);
}

static int by_size(const void *a, const void *b)
{
	const struct pages_size *x = a, *y = b;

	return (x->size_kib > y->size_kib) - (x->size_kib < y->size_kib);
}

static int by_node(const void *a, const void *b)
{
	const struct pages_node *x = a, *y = b;

	return (x->node > y->node) - (x->node < y->node);
}

int pages_refresh(const struct root *root, struct pages_pool *pool)
{
	struct pages_pool now = *pool;
	int r = read_number(root, pool->node, pool->size_kib, "nr_hugepages", &now.total);

	if (r >= 0)
		r = read_number(root, pool->node, pool->size_kib, "free_hugepages", &now.free);
	if (r >= 0)
		r = read_number(root, pool->node, pool->size_kib, "surplus_hugepages",
				&now.surplus);
	if (r >= 0)
		*pool = now;
	return r;
}

int pages_refresh_size(const struct root *root, struct pages_size *size)
{
	return read_number(root, PAGES_ANY_NODE, size->size_kib, "resv_hugepages", &size->reserved);
}

int pages_load(const struct root *root, struct pages *ret)
{
	_cleanup_pages_ struct pages pages = {.count = 0};
	int r = load_sizes(root, &pages);

	if (r < 0)
		return r;
	qsort(pages.sizes, pages.size_count, sizeof(*pages.sizes), by_size);
	r = load_nodes(root, &pages);
	if (r < 0)
		return r;
	qsort(pages.nodes, pages.node_count, sizeof(*pages.nodes), by_node);
	for (size_t i = 0; i < pages.size_count * pages.node_count; i++) {
		struct pages_pool *pool = add(&pages.pools, &pages.count, sizeof(*pool));

		if (!pool)
			return -ENOMEM;
		pool->size_kib = pages.sizes[i / pages.node_count].size_kib;
		pool->node = pages.nodes[i % pages.node_count].node;
		r = pages_refresh(root, pool);
		if (r < 0)
			return r;
	}
	*ret = pages;
	pages = (struct pages){.count = 0};
	return 0;
}

void pages_free(struct pages *pages)
{
	free(pages->pools);
	free(pages->sizes);
	free(pages->nodes);
	*pages = (struct pages){.count = 0};
}

/* --- what they come to ------------------------------------------------------------------------ */

struct pages_size *pages_find_size(const struct pages *pages, unsigned long size_kib)
{
	for (size_t i = 0; i < pages->size_count; i++)
		if (pages->sizes[i].size_kib == size_kib)
			return &pages->sizes[i];
	return NULL;
}

const struct pages_node *pages_find_node(const struct pages *pages, int node)
{
	for (size_t i = 0; i < pages->node_count; i++)
		if (pages->nodes[i].node == node)
			return &pages->nodes[i];
	return NULL;
}

unsigned long pages_idle(const struct pages *pages, const struct pages_pool *pool)
{
	const struct pages_size *size = pages_find_size(pages, pool->size_kib);
	unsigned long kept = pages_kept(pool);
	/* A mapping may be bound to this node: what it was promised must then be here. */
	unsigned long idle = pool->free > size->reserved ? pool->free - size->reserved : 0;

	return idle < kept ? idle : kept;
}

uint64_t pages_host_share(uint64_t memory_kib, int node)
{
	uint64_t share = memory_kib / PAGES_HOST_SHARE;

	return node == PAGES_ANY_NODE && share < PAGES_HOST_KIB ? PAGES_HOST_KIB : share;
}

int64_t pages_spare_kib(const struct pages *pages, int node)
{
	uint64_t memory = 0, taken = 0;

	for (size_t i = 0; i < pages->node_count; i++) {
		if (node != PAGES_ANY_NODE && pages->nodes[i].node != node)
			continue;
		memory += pages->nodes[i].memory_kib;
		/* Nothing is known where one node is not. */
		if (!pages->nodes[i].memory_kib)
			return INT64_MAX;
	}
	for (size_t i = 0; i < pages->count; i++)
		if (node == PAGES_ANY_NODE || pages->pools[i].node == node)
			taken += (uint64_t)pages->pools[i].total * pages->pools[i].size_kib;
	return (int64_t)memory - (int64_t)taken - (int64_t)pages_host_share(memory, node);
}

/* --- writing ---------------------------------------------------------------------------------- */

int pages_write(const struct root *root, struct pages_pool *pool, unsigned long count)
{
	char path[PATH_STR], value[32];
	int r;

	pool_path(path, pool->node, pool->size_kib, "nr_hugepages");
	snprintf(value, sizeof(value), "%lu\n", count);
	r = root_write_attr(root, path, value);
	return r < 0 ? r : pages_refresh(root, pool);
}

int pages_compact(const struct root *root, int node)
{
	char path[PATH_STR] = "proc/sys/vm/compact_memory";

	if (node != PAGES_ANY_NODE)
		snprintf(path, sizeof(path), NODES_DIR "/node%d/compact", node);
	return root_write_attr(root, path, "1\n");
}
