// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>

#include "early/ini.h"
#include "early/record.h"
#include "early/text.h"
#include "tools/hugepages.h"

#define LOANS_DIR RECORD_DIR "/hugepages"
#define LOANS_PATH_STR (sizeof(LOANS_DIR) + PROFILE_NAME_MAX + 2)

static void loans_path(char path[static LOANS_PATH_STR], const char *guest)
{
	snprintf(path, LOANS_PATH_STR, LOANS_DIR "/%s", guest);
}

static unsigned long least(unsigned long a, unsigned long b)
{
	return a < b ? a : b;
}

static int read_line(void *data, const char *section, const char *key, const char *value,
		     _unused_ unsigned line, _unused_ struct diag *diag)
{
	struct hugepages_loans *loans = data;
	unsigned long size_kib;
	int node;

	if (!key || sscanf(section, "pool %lu %d", &size_kib, &node) != 2)
		return 0;
	/* Of a pool that is gone nothing can be given back. */
	for (size_t i = 0; i < loans->count; i++) {
		struct hugepages_loan *loan = &loans->items[i];

		if (loan->size_kib != size_kib || loan->node != node)
			continue;
		if (!strcmp(key, "added"))
			loan->added = strtoul(value, NULL, 10);
		if (!strcmp(key, "grows-from") || !strcmp(key, "shrinks-from")) {
			loan->from = strtoul(value, NULL, 10);
			loan->state = *key == 'g' ? LOAN_GROWS : LOAN_SHRINKS;
		}
	}
	return 0;
}

/*
 * What a pool has won since it began to change, or given back. More than it keeps it cannot give: somebody has made it
 * smaller then.
 */
static void settle(struct hugepages_loans *loans, const struct pages *pages)
{
	for (size_t i = 0; i < loans->count; i++) {
		struct hugepages_loan *loan = &loans->items[i];
		unsigned long kept = pages_kept(&pages->pools[i]);

		if (loan->state == LOAN_GROWS && kept > loan->from)
			loan->added += kept - loan->from;
		else if (loan->state != LOAN_RESTS && kept < loan->from)
			loan->added -= least(loan->added, loan->from - kept);
		loan->added = least(loan->added, kept);
		loan->state = LOAN_RESTS;
	}
}

int hugepages_loans_read(const struct root *root, const char *guest, const struct pages *pages,
			 struct hugepages_loans *ret)
{
	_cleanup_loans_ struct hugepages_loans loans = {
		.items = calloc(pages->count + 1, sizeof(*loans.items)), .count = pages->count};
	_cleanup_free_ char *text = NULL;
	char path[LOANS_PATH_STR];
	struct diag diag = DIAG_INIT;
	size_t size;
	int r;

	if (!loans.items)
		return -ENOMEM;
	for (size_t i = 0; i < loans.count; i++) {
		loans.items[i].size_kib = pages->pools[i].size_kib;
		loans.items[i].node = pages->pools[i].node;
	}
	loans_path(path, guest);
	r = root_read_file(root, path, &text, &size, NULL);
	if (r >= 0) {
		loans.recorded = true;
		r = ini_parse(text, size, read_line, &loans, &diag);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	settle(&loans, pages);
	*ret = loans;
	loans = (struct hugepages_loans){.count = 0};
	return 0;
}

static int remove_file(const struct root *root, const char *guest)
{
	_cleanup_close_ int dir = root_openat(root, LOANS_DIR, O_PATH | O_DIRECTORY, 0);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	return unlinkat(dir, guest, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int write_loans(const struct root *root, const char *guest,
		       const struct hugepages_loans *loans)
{
	_cleanup_text_ struct text out = {.size = 0};
	char path[LOANS_PATH_STR];
	int r;

	for (size_t i = 0; i < loans->count; i++) {
		const struct hugepages_loan *loan = &loans->items[i];

		if (!loan->added && loan->state == LOAN_RESTS)
			continue;
		text_add(&out, "[pool %lu %d]\nadded = %lu\n", loan->size_kib, loan->node,
			 loan->added);
		if (loan->state != LOAN_RESTS)
			text_add(&out, "%s = %lu\n",
				 loan->state == LOAN_GROWS ? "grows-from" : "shrinks-from",
				 loan->from);
	}
	if (out.error)
		return out.error;
	if (!out.size)
		return remove_file(root, guest);
	r = root_mkdir(root, LOANS_DIR);
	loans_path(path, guest);
	return r < 0 ? r : root_replace(root, path, out.data, out.size, 0644);
}

bool hugepages_loans_exist(const struct root *root, const char *guest)
{
	char path[LOANS_PATH_STR];

	loans_path(path, guest);
	return root_exists(root, path);
}

int hugepages_loans_grow(const struct root *root, const char *guest, const struct pages *pages,
			 struct hugepages_loans *loans)
{
	for (size_t i = 0; i < loans->count; i++) {
		loans->items[i].state = LOAN_GROWS;
		loans->items[i].from = pages_kept(&pages->pools[i]);
	}
	return write_loans(root, guest, loans);
}

int hugepages_loans_shrink(const struct root *root, const char *guest, const struct pages *pages,
			   struct hugepages_loans *loans)
{
	int r;

	for (size_t i = 0; i < loans->count; i++) {
		loans->items[i].state = loans->items[i].added ? LOAN_SHRINKS : LOAN_RESTS;
		loans->items[i].from = pages_kept(&pages->pools[i]);
	}
	r = write_loans(root, guest, loans);
	/* A full /run keeps nobody from giving back, which takes the record away in the end. */
	return r == -ENOSPC ? 0 : r;
}

int hugepages_loans_end(const struct root *root, const char *guest, const struct pages *pages,
			struct hugepages_loans *loans)
{
	settle(loans, pages);
	return write_loans(root, guest, loans);
}

void hugepages_loans_free(struct hugepages_loans *loans)
{
	free(loans->items);
	*loans = (struct hugepages_loans){.count = 0};
}
