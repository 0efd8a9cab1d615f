// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>

#include "bootcfg/commit-internal.h"

const char *commit_path(const char *path, char buf[static COMMIT_PATH])
{
	snprintf(buf, COMMIT_PATH, "/%s", path);
	return buf;
}

int commit_fail(struct diag *diag, int error, const char *path, const char *what)
{
	char file[COMMIT_PATH];
	const char *cure = "";

	if (path)
		(void)commit_path(path, file);
	switch (error) {
	case -EREMCHG:
		return diag_set(diag, error, path ? file : NULL, 0,
				"it was changed by others while this ran: run the command again");
	case -ENOSPC:
	case -EDQUOT:
		cure = "; make room in its file system";
		break;
	case -EROFS:
		cure = "; mount its file system for writing";
		break;
	}
	return diag_set(diag, error, path ? file : NULL, 0, "cannot be %s: %s%s", what,
			strerror(-error), cure);
}

static int by_place(const void *a, const void *b)
{
	const struct stage *x = *(struct stage *const *)a, *y = *(struct stage *const *)b;
	int r = strcmp(x->place.name, y->place.name);

	if (r)
		return r;
	if (x->place.stat.st_ino != y->place.stat.st_ino)
		return x->place.stat.st_ino < y->place.stat.st_ino ? -1 : 1;
	return x->place.stat.st_dev < y->place.stat.st_dev   ? -1
	       : x->place.stat.st_dev > y->place.stat.st_dev ? 1
							     : 0;
}

/*
 * Two paths of the plan may be one file, by a link: the second rename would find the first one's
 * work. The same bytes for both are done once; others cannot be done.
 */
static int merge_twins(struct commit *commit)
{
	_cleanup_free_ struct stage **sorted = calloc(commit->count + 1, sizeof(*sorted));
	size_t count = 0;

	if (!sorted)
		return commit_fail(commit->diag, -ENOMEM, NULL, "committed");
	for (size_t i = 0; i < commit->count; i++)
		if (commit->stages[i].place.exists)
			sorted[count++] = &commit->stages[i];
	qsort(sorted, count, sizeof(struct stage *), by_place);
	for (size_t i = 1; i < count; i++) {
		struct stage *one = sorted[i - 1], *two = sorted[i];
		const struct change *a = one->change, *b = two->change;
		char file[COMMIT_PATH];
		struct stat x, y;

		if (by_place(&one, &two) != 0)
			continue;
		/* A hard link of the same name in another directory is a file of its own. */
		if (one->place.dir != two->place.dir &&
		    (fstat(one->place.dir->fd, &x) < 0 || fstat(two->place.dir->fd, &y) < 0 ||
		     x.st_ino != y.st_ino || x.st_dev != y.st_dev))
			continue;
		if (!a->data != !b->data || a->size != b->size ||
		    (a->data && memcmp(a->data, b->data, a->size) != 0))
			return diag_set(commit->diag, -EEXIST, commit_path(a->old.path, file), 0,
					"it is the same file as /%s, and cannot become both",
					b->old.path);
		/* In the order of the plan, whatever the sort made of equals. */
		if (one < two) {
			two->done = true;
			sorted[i] = one;
		} else {
			one->done = true;
		}
	}
	return 0;
}

static int look_at(struct commit *commit, struct stage *stage)
{
	const char *path = stage->change->old.path;
	char file[COMMIT_PATH];
	int r = place_find(&commit->places, path, &stage->place);

	if (r >= 0)
		r = stage_look(stage);
	if (r < 0)
		return commit_fail(commit->diag, r, path, "looked at");
	if (stage->place.locked)
		return diag_set(
			commit->diag, -EPERM, commit_path(path, file), 0,
			"it cannot be replaced: it is immutable or append-only (chattr -i -a), "
			"or something is mounted on it");
	if (stage->change->data)
		return 0;
	/* Staging shows what cannot be written, but there is nothing to stage for a removal. */
	if (faccessat(stage->place.dir->fd, ".", W_OK, AT_EACCESS) < 0)
		return commit_fail(commit->diag, -errno, path, "removed");
	return 0;
}

int commit_look(struct commit *commit, const struct plan *plan)
{
	commit->stages = calloc(plan->count + 1, sizeof(*commit->stages));
	if (!commit->stages)
		return commit_fail(commit->diag, -ENOMEM, NULL, "committed");
	for (size_t i = 0; i < plan->count; i++) {
		struct stage *stage = &commit->stages[commit->count];
		int r;

		if (plan->changes[i].kind == PLAN_UNCHANGED)
			continue;
		stage->change = &plan->changes[i];
		r = look_at(commit, stage);
		if (r < 0)
			return r;
		commit->count++;
	}
	return merge_twins(commit);
}

int commit_look_again(struct commit *commit)
{
	for (size_t i = 0; i < commit->count; i++) {
		struct stage *stage = &commit->stages[i];
		int r = stage->done ? 0 : stage_look(stage);

		if (r < 0)
			return commit_fail(commit->diag, r, stage->change->old.path, "looked at");
	}
	return 0;
}
