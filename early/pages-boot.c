// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "early/log.h"
#include "early/pages-boot.h"
#include "early/record.h"
#include "early/text.h"

/* udev's workers have it for a late card, not for long: the unit may take 90 s in all. */
#define LOCK_WAIT_MS 15000

/* --- one pool --------------------------------------------------------------------------------- */

static void say(struct pages_outcome *outcome, const char *result, const char *reason, int error)
{
	outcome->result = result;
	outcome->reason = reason;
	outcome->error = error < 0 ? -error : 0;
}

/* " on node 1" into buf; returns buf. */
static const char *node_words(int node, char buf[static 32])
{
	buf[0] = '\0';
	if (node != PAGES_ANY_NODE)
		snprintf(buf, 32, " on node %d", node);
	return buf;
}

/*
 * What is too much, in pages, for the node or the machine: with all other pools as they are, since those that
 * were asked for first have had their turn.
 */
static unsigned long excess(const struct pages *pages, const struct pages_want *want)
{
	int64_t spare = pages_spare_kib(pages, want->node);
	int64_t all = pages_spare_kib(pages, PAGES_ANY_NODE);

	if (all < spare)
		spare = all;
	return spare >= 0
		       ? 0
		       : (unsigned long)(((uint64_t)-spare + want->size_kib - 1) / want->size_kib);
}

/* Takes back what the command line has reserved beyond what the host can bear. 0 or -errno. */
static int cut(const struct pages_effort *effort, const struct pages_want *want)
{
	unsigned long count = excess(effort->pages, want), given;

	return count ? pages_shrink(effort, want->size_kib, want->node, count, &given) : 0;
}

/* Once more after compaction: what was not found in one piece may be then. */
static int grow(const struct pages_effort *effort, const struct pages_want *want,
		enum pages_end *ret_end)
{
	int r = pages_grow(effort, want, ret_end);

	if (r < 0 || *ret_end != PAGES_SHORT)
		return r;
	/* A kernel without compaction has no such file. */
	(void)pages_compact(effort->root, want->node);
	return pages_grow(effort, want, ret_end);
}

static void explain(const struct pages_effort *effort, struct pages_outcome *outcome,
		    enum pages_end end)
{
	const struct pages_want *want = &outcome->want;
	char size[PAGES_SIZE_STR], node[32];
	const char *why = "";

	outcome->got = pages_have(effort->pages, want);
	if (outcome->got >= want->count) {
		say(outcome, "done", "ok", 0);
		return;
	}
	switch (end) {
	case PAGES_STARVES:
	case PAGES_ALL: /* there they were, before they were cut */
		say(outcome, "cut", "starves-host", 0);
		why = "the host keeps 1 GiB, and a tenth of each node, for itself";
		break;
	case PAGES_STOPPED:
		say(outcome, "short", "timeout", 0);
		why = "it took too long";
		break;
	case PAGES_SHORT:
		say(outcome, "short", "fragmented", 0);
		why = "the kernel finds no more memory in one piece";
		break;
	}
	snprintf(outcome->text, sizeof(outcome->text), "%lu of %lu pages of %s%s: %s", outcome->got,
		 want->count, pages_size_format(want->size_kib, size), node_words(want->node, node),
		 why);
}

static void run_one(const struct pages_effort *effort, struct pages_outcome *outcome)
{
	const struct pages_want *want = &outcome->want;
	enum pages_end end = PAGES_ALL;
	char size[PAGES_SIZE_STR];
	int r;

	pages_size_format(want->size_kib, size);
	if (!pages_find_size(effort->pages, want->size_kib)) {
		say(outcome, "failed", "no-size", 0);
		snprintf(outcome->text, sizeof(outcome->text),
			 "this machine has no pages of %s: another size in [hugepages]", size);
		return;
	}
	if (want->node != PAGES_ANY_NODE && !pages_find_node(effort->pages, want->node)) {
		say(outcome, "failed", "no-node", 0);
		snprintf(outcome->text, sizeof(outcome->text),
			 "this machine has no NUMA node %d for its pages of %s", want->node, size);
		return;
	}
	outcome->kernel = pages_have(effort->pages, want);
	r = cut(effort, want);
	if (r >= 0)
		r = grow(effort, want, &end);
	explain(effort, outcome, end);
	if (r < 0) {
		say(outcome, "failed", "error", r);
		snprintf(outcome->text, sizeof(outcome->text),
			 "%lu of %lu pages of %s: nr_hugepages: %s", outcome->got, want->count,
			 size, strerror(-r));
	}
}

/* --- all -------------------------------------------------------------------------------------- */

static int collect(const struct profile *profile, struct pages_outcomes *outcomes)
{
	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];
		const char *at = entry->value;
		struct pages_want want;

		if (strcmp(entry->section, "hugepages") != 0)
			continue;
		want.size_kib = pages_size_kib(entry->key);
		while (pages_value_next(&at, &want.node, &want.count)) {
			struct pages_outcome *more =
				reallocarray(outcomes->items, outcomes->count + 1, sizeof(*more));

			if (!more)
				return -ENOMEM;
			outcomes->items = more;
			more[outcomes->count++] = (struct pages_outcome){.want = want};
		}
	}
	return 0;
}

/*
 * The largest first, since only they need so much in one piece; those of a node before those of any,
 * which can take what is left.
 */
static int by_turn(const void *a, const void *b)
{
	const struct pages_want *x = &((const struct pages_outcome *)a)->want;
	const struct pages_want *y = &((const struct pages_outcome *)b)->want;

	if (x->size_kib != y->size_kib)
		return x->size_kib < y->size_kib ? 1 : -1;
	if ((x->node == PAGES_ANY_NODE) != (y->node == PAGES_ANY_NODE))
		return x->node == PAGES_ANY_NODE ? 1 : -1;
	return (x->node > y->node) - (x->node < y->node);
}

int pages_boot(const struct root *root, const struct profile *profile, bool (*stop)(void *data),
	       void *data, struct pages_outcomes *ret)
{
	_cleanup_pages_ struct pages pages = {.count = 0};
	struct pages_effort effort = {.root = root, .pages = &pages, .stop = stop, .data = data};
	struct pages_outcomes outcomes = {.count = 0};
	int r = collect(profile, &outcomes);

	if (r < 0) {
		free(outcomes.items);
		return r;
	}
	if (outcomes.count)
		qsort(outcomes.items, outcomes.count, sizeof(*outcomes.items), by_turn);
	r = outcomes.count ? pages_load(root, &pages) : 0;
	for (size_t i = 0; i < outcomes.count; i++) {
		struct pages_outcome *outcome = &outcomes.items[i];

		if (r >= 0) {
			run_one(&effort, outcome);
			continue;
		}
		say(outcome, "failed", r == -ENOENT ? "no-size" : "error", r);
		snprintf(outcome->text, sizeof(outcome->text),
			 "the pools of huge pages cannot be read: %s", strerror(-r));
	}
	*ret = outcomes;
	return 0;
}

/* --- the record ------------------------------------------------------------------------------- */

/* The text but for its sections of huge pages. */
static void put_others(struct text *out, const char *text)
{
	bool dropping = false;

	while (*text) {
		size_t len = strcspn(text, "\n");

		len += text[len] == '\n';
		if (*text == '[')
			dropping = !strncmp(text, "[hugepages ", 11);
		if (!dropping)
			text_add(out, "%.*s", (int)len, text);
		text += len;
	}
}

static void put_outcome(struct text *out, const struct pages_outcome *outcome)
{
	char size[PAGES_SIZE_STR];

	text_add(out, "\n[hugepages %s", pages_size_format(outcome->want.size_kib, size));
	if (outcome->want.node != PAGES_ANY_NODE)
		text_add(out, " %d", outcome->want.node);
	text_add(out, "]\nresult = %s\nreason = %s\nerrno = %d\ntext = \"%s\"\n", outcome->result,
		 outcome->reason, outcome->error, outcome->text);
	text_add(out, "wanted = %lu\nkernel = %lu\ngot = %lu\n", outcome->want.count,
		 outcome->kernel, outcome->got);
}

int pages_boot_record(const struct root *root, const struct pages_outcomes *outcomes)
{
	_cleanup_close_ int lock = record_lock(root, LOCK_WAIT_MS);
	_cleanup_text_ struct text out = {.size = 0};
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	if (lock < 0)
		return lock;
	r = root_read_file(root, RECORD_PATH, &text, &size, NULL);
	if (r < 0 && r != -ENOENT)
		return r;
	if (text)
		put_others(&out, text);
	for (size_t i = 0; i < outcomes->count; i++)
		put_outcome(&out, &outcomes->items[i]);
	return out.error
		       ? out.error
		       : root_replace(root, RECORD_PATH, out.data ? out.data : "", out.size, 0644);
}

/* --- hugetlbfs -------------------------------------------------------------------------------- */

int pages_mount_at(const struct root *root, const char *path, unsigned long size_kib)
{
	_cleanup_close_ int fd = root_openat(root, path, O_RDONLY | O_DIRECTORY, 0);
	char target[64], options[64];
	struct statfs fs;

	if (fd < 0)
		return fd;
	if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC)
		return 0;
	/* As systemd mounts the default size: dev-hugepages.mount. */
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	snprintf(options, sizeof(options), "pagesize=%luK", size_kib);
	return mount("hugetlbfs", target, "hugetlbfs", MS_NOSUID | MS_NODEV, options) < 0 ? -errno
											  : 0;
}

int pages_boot_mounts(const struct root *root, const struct profile *profile, pages_mount mount_at)
{
	unsigned long standard = pages_default_kib(root);
	int failed = 0;

	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];
		unsigned long size_kib = pages_size_kib(entry->key);
		char path[64];
		int r;

		if (strcmp(entry->section, "hugepages") != 0 || size_kib == standard)
			continue;
		snprintf(path, sizeof(path), "dev/hugepages-%s", entry->key);
		r = root_mkdir(root, path);
		if (r >= 0)
			r = mount_at(root, path, size_kib);
		if (r >= 0)
			continue;
		log_warn("/%s cannot be mounted: %s", path, strerror(-r));
		failed++;
	}
	return failed;
}
