// SPDX-License-Identifier: GPL-2.0-or-later
/* Points at which somebody else changes the tree, who knows nothing of our lock. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/crash.h"

static void exchange(const void *data)
{
	const struct crash *crash = data;
	int dir = open(crash->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || renameat2(dir, crash->one, dir, crash->other, RENAME_EXCHANGE) < 0)
		err(4, "%s and %s", crash->one, crash->other);
	close(dir);
}

/* The run that others disturb comes to an end of its own; its exit code, or -1 and what is wrong. */
static int meddle(const struct crash *crash, size_t at, void (*meanwhile)(const void *data))
{
	struct trace point = {.act = TRACE_MEANWHILE,
			      .at = at,
			      .number = crash->calls[at].number,
			      .meanwhile = meanwhile,
			      .data = crash};
	int code;

	disturb(crash, &point);
	if (!point.hit) {
		wrong(crash, at, 0, "it was not reached");
		return -1;
	}
	if (!WIFEXITED(point.status) || WEXITSTATUS(point.status) > 5) {
		wrong(crash, at, 0, "it ends with %#x", (unsigned)point.status);
		return -1;
	}
	code = WEXITSTATUS(point.status);
	__atomic_add_fetch(&crash->totals->exits[code], 1, __ATOMIC_RELAXED);
	return code;
}

bool swap_at(const struct crash *crash, size_t at)
{
	struct tree outside;
	char why[600];
	bool untouched;

	if (meddle(crash, at, exchange) < 0)
		return false;
	tree_read(crash->outside, &outside);
	untouched = tree_equal(&outside, &crash->outside_before, why, sizeof(why));
	tree_free(&outside);
	if (!untouched)
		return wrong(crash, at, 0, "outside of the root, %s", why);
	exchange(crash);
	return again(crash, at, 0);
}

#define LINE "# by others\n"

static void edit(const void *data)
{
	const struct crash *crash = data;
	char path[1100], new[1200], bytes[4096];
	int from, to;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", crash->dir, crash->edited);
	snprintf(new, sizeof(new), "%s.others", path);
	from = open(path, O_RDONLY | O_CLOEXEC);
	to = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	n = read(from, bytes, sizeof(bytes) - strlen(LINE));
	if (n < 0 || write(to, bytes, (size_t)n) != n ||
	    write(to, LINE, strlen(LINE)) != (ssize_t)strlen(LINE) || rename(new, path) < 0)
		err(4, "%s", path);
	close(from);
	close(to);
}

bool edit_at(const struct crash *crash, size_t at)
{
	const struct node *node;
	struct tree now;
	bool kept;
	int code;

	code = meddle(crash, at, edit);
	if (code < 0)
		return false;
	/* What is part-way is finished, and what others wrote must survive that too. */
	if (code == 5 && run(crash) > 5)
		return wrong(crash, at, 0, "the same command again fails");
	tree_read(crash->dir, &now);
	node = tree_find(&now, crash->edited);
	kept = node && strstr(node->data, LINE);
	tree_free(&now);
	if (kept || (crash->calls[at].number == SYS_renameat &&
		     __atomic_add_fetch(&crash->totals->lost, 1, __ATOMIC_RELAXED) == 1))
		return true;
	return wrong(crash, at, 0, "what others wrote is lost");
}
