// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "early/ini.h"
#include "early/record.h"
#include "early/text.h"

/* In quotes, which the grammar cannot escape: a quote inside becomes an apostrophe. */
static void put_text(struct text *out, const char *key, const char *text)
{
	char clean[DIAG_STR];

	snprintf(clean, sizeof(clean), "%s", text);
	text_clean(clean);
	for (char *at = clean; (at = strchr(at, '"'));)
		*at = '\'';
	text_add(out, "%s = \"%s\"\n", key, clean);
}

static const char *result_word(const struct claim_target *target)
{
	switch (target->reason) {
	case CLAIM_OK:
		return "claimed";
	case CLAIM_NO_MODULE:
	case CLAIM_OVERRIDE_FAILED:
	case CLAIM_BIND_FAILED:
	case CLAIM_TIMEOUT:
	case CLAIM_VANISHED:
		return "failed";
	default:
		return "skipped";
	}
}

static void put_head(struct text *out, const struct record_head *head)
{
	text_add(out, "# What vfio-early did in this boot.\n[early]\nversion = %s\n", VERSION);
	text_add(out, "result = %s\nreason = %s\nerrno = %d\n", head->result, head->reason,
		 head->error);
	put_text(out, "text", head->text);
	text_add(out, "started-us = %llu\n", (unsigned long long)head->started_us);
	text_add(out, "overrides-us = %llu\n", (unsigned long long)head->overrides_us);
	text_add(out, "verified-us = %llu\n", (unsigned long long)head->verified_us);
	text_add(out, "elapsed-us = %llu\n", (unsigned long long)head->elapsed_us);
}

static void put_claims(struct text *out, const struct claim_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct claim_target *target = &plan->targets[i];
		char addr[PCI_ADDR_STR];

		text_add(out, "\n[claim %s%s%s]\n", target->section->name, target->dev ? " " : "",
			 target->dev ? pci_addr_format(&target->dev->addr, addr) : "");
		text_add(out, "result = %s\nreason = %s\nerrno = %d\n", result_word(target),
			 claim_reason_word(target->reason), target->error);
		put_text(out, "text", target->text);
		if (!target->dev)
			continue;
		put_text(out, "driver-before", target->dev->driver);
		put_text(out, "driver", target->driver_after);
		if (target->dev->group >= 0)
			text_add(out, "group = %d\n", target->dev->group);
	}
}

static int write_record(const struct root *root, const char *kept, const struct record_head *head,
			const struct claim_plan *plan)
{
	_cleanup_text_ struct text out = {.size = 0};
	int r = root_mkdir(root, RECORD_DIR);

	if (r < 0)
		return r;
	if (head)
		put_head(&out, head);
	if (kept)
		text_add(&out, "%s", kept);
	if (plan)
		put_claims(&out, plan);
	return out.error ? out.error : root_replace(root, RECORD_PATH, out.data, out.size, 0644);
}

int record_write(const struct root *root, const struct record_head *head,
		 const struct claim_plan *plan)
{
	return write_record(root, NULL, head, plan);
}

/* Whether the line "[claim NAME..." starts a section of one that the plan speaks of. */
static bool is_replaced(const char *line, const struct claim_plan *plan)
{
	if (strncmp(line, "[claim ", 7) != 0)
		return false;
	for (size_t i = 0; i < plan->count; i++) {
		const char *name = plan->targets[i].section->name;
		size_t len = strlen(name);

		if (!strncmp(line + 7, name, len) && (line[7 + len] == ']' || line[7 + len] == ' '))
			return true;
	}
	return false;
}

/* Cuts the sections that the plan replaces out of the text, in place. */
static void cut_sections(char *text, const struct claim_plan *plan)
{
	bool dropping = false;
	char *out = text;

	for (char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		len += line[len] == '\n';
		if (line[0] == '[')
			dropping = is_replaced(line, plan);
		if (!dropping) {
			memmove(out, line, len);
			out += len;
		}
		line += len;
	}
	while (out > text + 1 && out[-1] == '\n' && out[-2] == '\n')
		out--;
	*out = '\0';
}

int record_update(const struct root *root, const struct claim_plan *plan)
{
	struct record_head late = {.result = "done", .reason = "late"};
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = root_read_file(root, RECORD_PATH, &text, &size, NULL);

	if (r < 0 && r != -ENOENT)
		return r;
	if (text)
		cut_sections(text, plan);
	return write_record(root, text, text ? NULL : &late, plan);
}

static int start_claim(struct record *record, const char *title)
{
	struct record_claim *claims, claim = {.name = ""};

	/* sscanf()'s blank would also match none: "claimant". */
	if (strncmp(title, "claim ", 6) != 0 ||
	    sscanf(title + 6, "%63s %19s", claim.name, claim.address) < 1)
		return 0;
	claims = reallocarray(record->claims, record->count + 1, sizeof(*claims));
	if (!claims)
		return -ENOMEM;
	record->claims = claims;
	claims[record->count++] = claim;
	return 0;
}

static int start_pool(struct record *record, const char *title)
{
	struct record_pool *pools, pool = {.node = -1};

	if (sscanf(title, "hugepages %15s %d", pool.size, &pool.node) < 1)
		return 0;
	pools = reallocarray(record->pools, record->pool_count + 1, sizeof(*pools));
	if (!pools)
		return -ENOMEM;
	record->pools = pools;
	pools[record->pool_count++] = pool;
	return 0;
}

static void copy(char *to, size_t size, const char *value)
{
	snprintf(to, size, "%s", value);
}

static void read_pool(struct record_pool *pool, const char *key, const char *value)
{
	if (!strcmp(key, "result"))
		copy(pool->result, sizeof(pool->result), value);
	else if (!strcmp(key, "reason"))
		copy(pool->reason, sizeof(pool->reason), value);
	else if (!strcmp(key, "text"))
		copy(pool->text, sizeof(pool->text), value);
	else if (!strcmp(key, "wanted"))
		pool->wanted = strtoul(value, NULL, 10);
	else if (!strcmp(key, "got"))
		pool->got = strtoul(value, NULL, 10);
}

static int read_line(void *data, const char *section, const char *key, const char *value,
		     _unused_ unsigned line, _unused_ struct diag *diag)
{
	struct record *record = data;
	struct record_claim *claim;

	if (!key)
		return strncmp(section, "hugepages ", 10) ? start_claim(record, section)
							  : start_pool(record, section);
	if (!strncmp(section, "hugepages ", 10) && record->pool_count)
		read_pool(&record->pools[record->pool_count - 1], key, value);
	if (!strcmp(section, "early")) {
		if (!strcmp(key, "result"))
			copy(record->result, sizeof(record->result), value);
		else if (!strcmp(key, "reason"))
			copy(record->reason, sizeof(record->reason), value);
		else if (!strcmp(key, "text"))
			copy(record->text, sizeof(record->text), value);
		else if (!strcmp(key, "elapsed-us"))
			record->elapsed_us = strtoull(value, NULL, 10);
		return 0;
	}
	if (strncmp(section, "claim ", 6) != 0 || !record->count)
		return 0;
	claim = &record->claims[record->count - 1];
	if (!strcmp(key, "result"))
		copy(claim->result, sizeof(claim->result), value);
	else if (!strcmp(key, "reason"))
		copy(claim->reason, sizeof(claim->reason), value);
	else if (!strcmp(key, "text"))
		copy(claim->text, sizeof(claim->text), value);
	else if (!strcmp(key, "driver-before"))
		copy(claim->driver_before, sizeof(claim->driver_before), value);
	return 0;
}

int record_read(const struct root *root, struct record *ret)
{
	_cleanup_(record_free) struct record record = {.count = 0};
	_cleanup_free_ char *text = NULL;
	struct diag diag = DIAG_INIT;
	size_t size;
	int r = root_read_file(root, RECORD_PATH, &text, &size, NULL);

	if (r >= 0)
		r = ini_parse(text, size, read_line, &record, &diag);
	if (r < 0)
		return r;
	*ret = record;
	record = (struct record){.count = 0};
	return 0;
}

void record_free(struct record *record)
{
	free(record->claims);
	free(record->pools);
	*record = (struct record){.count = 0};
}

int record_lock(const struct root *root, unsigned wait_ms)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000000};
	_cleanup_close_ int fd = -1;
	int ret, r = root_mkdir(root, RECORD_DIR);

	if (r < 0)
		return r;
	fd = root_openat(root, RECORD_DIR, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	for (unsigned waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += 20) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited_ms >= wait_ms)
			return -EWOULDBLOCK;
		(void)nanosleep(&pause, NULL);
	}
	ret = fd;
	fd = -1;
	return ret;
}
