// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/text.h"
#include "tools/hugepages-effort.h"

#define SIZES_DIR "sys/kernel/mm/hugepages"
#define NODES_DIR "sys/devices/system/node"
#define PATH_STR 160

const char *effort_step_word(enum effort_step step)
{
	static const char *const words[EFFORT_STEPS] = {
		[EFFORT_WRITE] = "write",     [EFFORT_DEMOTE] = "demote",
		[EFFORT_COMPACT] = "compact", [EFFORT_DROP_CACHES] = "drop-caches",
		[EFFORT_WAIT] = "wait",
	};

	return words[step];
}

/* --- demote ----------------------------------------------------------------------------------- */

static bool demotes_to(const struct root *root, unsigned long from_kib, unsigned long to_kib)
{
	char path[PATH_STR], value[32];

	snprintf(path, sizeof(path), SIZES_DIR "/hugepages-%lukB/demote_size", from_kib);
	return root_read_attr(root, path, value, sizeof(value)) > 0 &&
	       strtoul(value, NULL, 10) == to_kib;
}

static void demote_pool(const struct effort *effort, const struct pages_want *want,
			struct pages_pool *large)
{
	struct pages *pages = effort->pages.pages;
	unsigned long have = pages_have(pages, want), each = large->size_kib / want->size_kib;
	unsigned long count = effort->spare(effort->data, large), idle = pages_idle(pages, large);
	char path[PATH_STR], value[32];

	if (have >= want->count)
		return;
	if (count > idle)
		count = idle;
	if (count > (want->count - have + each - 1) / each)
		count = (want->count - have + each - 1) / each;
	if (!count)
		return;
	if (large->node == PAGES_ANY_NODE)
		snprintf(path, sizeof(path), SIZES_DIR "/hugepages-%lukB/demote", large->size_kib);
	else
		snprintf(path, sizeof(path), NODES_DIR "/node%d/hugepages/hugepages-%lukB/demote",
			 large->node, large->size_kib);
	snprintf(value, sizeof(value), "%lu\n", count);
	/* It may say -EBUSY, or do a part: what counts is read. */
	if (root_write_attr(effort->pages.root, path, value) < 0)
		return;
	for (size_t i = 0; i < pages->count; i++)
		if (pages->pools[i].node == large->node &&
		    pages_refresh(effort->pages.root, &pages->pools[i]) < 0)
			return;
}

/* Cuts up larger pages of the same node; what is more than wanted then goes to the host. */
static int demote(const struct effort *effort, const struct pages_want *want)
{
	struct pages *pages = effort->pages.pages;
	unsigned long before = pages_have(pages, want), have, given;

	for (size_t i = 0; i < pages->count; i++)
		if (pages->pools[i].size_kib > want->size_kib &&
		    pages_is_of(&pages->pools[i], pages->pools[i].size_kib, want->node) &&
		    demotes_to(effort->pages.root, pages->pools[i].size_kib, want->size_kib))
			demote_pool(effort, want, &pages->pools[i]);
	have = pages_have(pages, want);
	if (have <= want->count || have == before)
		return 0;
	return pages_shrink(&effort->pages, want->size_kib, want->node, have - want->count, &given);
}

/* --- the steps -------------------------------------------------------------------------------- */

static void compact(const struct effort *effort, const struct pages_want *want)
{
	const struct pages *pages = effort->pages.pages;

	for (size_t i = 0; i < pages->node_count; i++)
		if (want->node == PAGES_ANY_NODE || pages->nodes[i].node == want->node)
			(void)pages_compact(effort->pages.root, pages->nodes[i].node);
}

static int take_step(const struct effort *effort, const struct pages_want *want,
		     enum effort_step step, enum pages_end *ret_end)
{
	int r;

	switch (step) {
	case EFFORT_DEMOTE:
		r = demote(effort, want);
		if (r < 0)
			return r;
		break;
	case EFFORT_DROP_CACHES:
		/* 3: files and what the kernel knows of them, which scatters worse. */
		if (root_write_attr(effort->pages.root, "proc/sys/vm/drop_caches", "3\n") < 0)
			break;
		compact(effort, want);
		break;
	case EFFORT_COMPACT:
	case EFFORT_WAIT:
		compact(effort, want);
		break;
	case EFFORT_WRITE:
	case EFFORT_STEPS:
		break;
	}
	return pages_grow(&effort->pages, want, ret_end);
}

/* Whether another step can help: where the host would starve only what takes no memory can. */
static bool may_go_on(enum pages_end end, enum effort_step next)
{
	return end == PAGES_SHORT || (end == PAGES_STARVES && next == EFFORT_DEMOTE);
}

static bool is_stopped(const struct effort *effort)
{
	return effort->pages.stop && effort->pages.stop(effort->pages.data);
}

int effort_run(const struct effort *effort, const struct pages_want *want,
	       struct effort_result *ret)
{
	const struct pages *pages = effort->pages.pages;
	enum effort_step step = EFFORT_WRITE;
	int r = 0;

	*ret = (struct effort_result){.have = pages_have(pages, want), .end = PAGES_SHORT};
	while (r >= 0 && (step == EFFORT_WRITE || may_go_on(ret->end, step))) {
		unsigned long before = pages_have(pages, want);

		if (step == EFFORT_WAIT && !effort->pause(effort->data))
			break;
		if (step != EFFORT_WRITE && is_stopped(effort)) {
			ret->end = PAGES_STOPPED;
			break;
		}
		if (effort->started)
			effort->started(effort->data, step);
		r = take_step(effort, want, step, &ret->end);
		ret->have = pages_have(pages, want);
		if (ret->have > before)
			ret->won[step] += ret->have - before;
		if (step == EFFORT_WAIT)
			ret->rounds++;
		else
			step++;
	}
	return r;
}

/* --- what holds the rest ---------------------------------------------------------------------- */

static unsigned long mib(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoul(at + strlen(key), NULL, 10) >> 10 : 0;
}

const char *effort_held(const struct root *root, const struct pages *pages, int node,
			char buf[static EFFORT_HELD_STR])
{
	char path[PATH_STR] = "proc/meminfo", text[8192];
	uint64_t huge_kib = 0;

	buf[0] = '\0';
	if (node != PAGES_ANY_NODE)
		snprintf(path, sizeof(path), NODES_DIR "/node%d/meminfo", node);
	if (root_read_attr(root, path, text, sizeof(text)) < 0)
		return buf;
	for (size_t i = 0; i < pages->count; i++)
		if (node == PAGES_ANY_NODE || pages->pools[i].node == node)
			huge_kib += (uint64_t)pages->pools[i].total * pages->pools[i].size_kib;
	snprintf(buf, EFFORT_HELD_STR,
		 "of %lu MiB %lu are free, in pieces; %lu are held by processes (%lu locked), %lu "
		 "by "
		 "files, %lu by the kernel, %llu by huge pages",
		 mib(text, "MemTotal:"), mib(text, "MemFree:"), mib(text, "AnonPages:"),
		 mib(text, "Mlocked:"), mib(text, "FilePages:") + mib(text, "\nCached:"),
		 mib(text, "Slab:") + mib(text, "KernelStack:") + mib(text, " PageTables:") +
			 mib(text, "\nPageTables:"),
		 (unsigned long long)(huge_kib >> 10));
	return buf;
}
