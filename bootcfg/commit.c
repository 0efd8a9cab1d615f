// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>

#include "bootcfg/commit.h"
#include "bootcfg/commit-internal.h"
#include "bootcfg/journal-file.h"
#include "bootcfg/stage.h"

/*
 * From so many new files on a file system one syncfs(2) takes the place of an fsync(2) for each. It
 * is as safe: it waits for data and names alike, and since Linux 5.8 tells of any that could not be
 * written since the descriptor was opened, which was before the first of them. It is not always
 * cheaper, as it waits for what others have written too.
 */
#define SYNCFS_FROM 16

struct commit {
	struct places places;
	struct place_dir *home; /* STATE_DIR */
	struct stage *stages;
	size_t count;
	struct journal journal;
	struct path_list home_made; /* directories down to STATE_DIR that had to be made */
	bool pending; /* there was a journal: of files that are done, with something left to do */
	struct diag *diag;
};

static void commit_free(struct commit *commit)
{
	journal_free(&commit->journal);
	path_list_free(&commit->home_made);
	places_free(&commit->places);
	free(commit->stages);
}

#define _cleanup_commit_ _cleanup_(commit_free)

int commit_fail(struct diag *diag, int error, const char *path, const char *what)
{
	char file[sizeof(diag->file)];
	const char *cure = "";

	if (path)
		snprintf(file, sizeof(file), "/%s", path);
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

/* --- looking ----------------------------------------------------------------------------------- */

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
			return diag_set(commit->diag, -EEXIST, a->old.path, 0,
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
	int r = place_find(&commit->places, path, &stage->place);

	if (r >= 0)
		r = stage_look(stage);
	if (r < 0)
		return commit_fail(commit->diag, r, path, "looked at");
	if (stage->place.locked)
		return diag_set(
			commit->diag, -EPERM, path, 0,
			"it cannot be replaced: it is immutable or append-only (chattr -i -a), "
			"or something is mounted on it");
	if (stage->change->data)
		return 0;
	/* Staging shows what cannot be written, but there is nothing to stage for a removal. */
	if (faccessat(stage->place.dir->fd, ".", W_OK, AT_EACCESS) < 0)
		return commit_fail(commit->diag, -errno, path, "removed");
	return 0;
}

/* Everything is looked at before anything is written. */
static int look_at_all(struct commit *commit, const struct plan *plan)
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

static int look_again(struct commit *commit)
{
	for (size_t i = 0; i < commit->count; i++) {
		struct stage *stage = &commit->stages[i];
		int r = stage->done ? 0 : stage_look(stage);

		if (r < 0)
			return commit_fail(commit->diag, r, stage->change->old.path, "looked at");
	}
	return 0;
}

/* --- the journal ------------------------------------------------------------------------------- */

/* Opens STATE_DIR, and makes it where it is not there. */
static int open_home(struct commit *commit)
{
	struct path_list *made = &commit->home_made;
	int r = places_missing(commit->places.root, STATE_DIR "/x", made);

	for (size_t i = 0; r >= 0 && i < made->count; i++)
		r = places_make(&commit->places, made->items[i],
				!strcmp(made->items[i], STATE_DIR) ? 0700 : 0755);
	if (r >= 0)
		r = places_dir(&commit->places, STATE_DIR, &commit->home);
	if (r >= 0 && commit->home->fd < 0)
		r = -ENOENT;
	if (r < 0)
		return commit_fail(commit->diag, r, STATE_DIR, "made");
	commit->pending = journal_is_there(commit->home, JOURNAL_NAME);
	return 0;
}

static int fill_journal(struct commit *commit, const struct plan *plan, unsigned after)
{
	struct journal *journal = &commit->journal;
	uint32_t number;
	int r;

	journal->after = after;
	r = journal_machine(commit->places.root, &journal->machine);
	if (r < 0)
		return r;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	for (size_t i = 0; i < commit->count; i++) {
		struct stage *stage = &commit->stages[i];
		const struct change *change = stage->change;
		const struct file *old = &change->old;
		struct digest before = digest_of(old->exists ? old->data : NULL, old->size);
		struct digest now = digest_of(change->data, change->size);

		if (stage->done)
			continue;
		if (change->data)
			snprintf(stage->temporary, sizeof(stage->temporary),
				 TEMPORARY_PREFIX "%08x-%zu", number, i);
		r = journal_add(journal, old->path, change->data ? stage->temporary : NULL, &before,
				&now);
		if (r >= 0 && !old->exists)
			r = places_missing(commit->places.root, old->path, &journal->made);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < plan->prune.count; i++) {
		r = path_list_add(&journal->prune, plan->prune.items[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int begin_journal(struct commit *commit, const struct plan *plan, unsigned after)
{
	int r = open_home(commit);

	if (r < 0)
		return r;
	r = fill_journal(commit, plan, after);
	if (r >= 0)
		r = journal_write(commit->home, &commit->journal);
	if (r < 0)
		return commit_fail(commit->diag, r, STATE_DIR "/" JOURNAL_NAME, "written");
	return 0;
}

/* --- staging ----------------------------------------------------------------------------------- */

static int make_dirs(struct commit *commit)
{
	const struct path_list *made = &commit->journal.made;

	for (size_t i = 0; i < made->count; i++) {
		int r = places_make(&commit->places, made->items[i], 0755);

		if (r < 0)
			return commit_fail(commit->diag, r, made->items[i], "made");
	}
	return 0;
}

static bool many_on(const struct commit *commit, dev_t dev)
{
	size_t staged = 0;

	for (size_t i = 0; i < commit->places.count; i++)
		if (commit->places.dirs[i]->dev == dev)
			staged += commit->places.dirs[i]->staged;
	return staged >= SYNCFS_FROM;
}

/* Syncs the file systems that got many temporaries, once each. */
static int sync_temporaries(struct commit *commit)
{
	const struct places *places = &commit->places;

	for (size_t i = 0; i < places->count; i++) {
		const struct place_dir *dir = places->dirs[i];
		bool synced = !dir->staged || !many_on(commit, dir->dev);

		for (size_t j = 0; j < i && !synced; j++)
			synced = places->dirs[j]->staged && places->dirs[j]->dev == dir->dev;
		if (!synced && TEMP_FAILURE_RETRY(syncfs(dir->fd)) < 0)
			return commit_fail(commit->diag, -errno, dir->path, "synced");
	}
	return 0;
}

static int stage_all(struct commit *commit)
{
	int r = make_dirs(commit);

	if (r < 0)
		return r;
	for (size_t i = 0; i < commit->count; i++)
		if (*commit->stages[i].temporary)
			commit->stages[i].place.dir->staged++;
	for (size_t i = 0; i < commit->count; i++) {
		struct stage *stage = &commit->stages[i];

		if (!*stage->temporary)
			continue;
		r = stage_write(stage, !many_on(commit, stage->place.dir->dev));
		if (r < 0)
			return commit_fail(commit->diag, r, stage->change->old.path, "written");
	}
	return sync_temporaries(commit);
}

/* --- and back ---------------------------------------------------------------------------------- */

static void remove_dirs(struct commit *commit, const struct path_list *list)
{
	for (size_t i = list->count; i-- > 0;)
		if (places_remove(&commit->places, list->items[i]) < 0)
			return; /* an empty directory harms nobody */
}

/*
 * No file is changed yet: everything that was made goes again. The journal goes last, and only with
 * all that it names: else the next run cleans up. Returns error, or -EUCLEAN.
 */
static int give_up(struct commit *commit, bool promoted, int error)
{
	struct journal rest = {.after = commit->journal.after, .machine = commit->journal.machine};

	if (!commit->home || commit->home->fd < 0)
		goto no_journal;
	if (promoted && journal_demote(commit->home) < 0)
		return commit_fail(commit->diag, -EUCLEAN, STATE_DIR "/" JOURNAL_NAME,
				   "taken back, run the same command again");
	for (size_t i = 0; i < commit->count; i++)
		if (stage_undo(&commit->stages[i]) < 0)
			return error;
	remove_dirs(commit, &commit->journal.made);
	if (promoted && commit->pending) {
		/* What an earlier run left to be done still is. */
		if (journal_write(commit->home, &rest) < 0 || journal_promote(commit->home) < 0)
			return error;
	} else if (journal_drop(commit->home, JOURNAL_STAGING) < 0) {
		return error;
	}
no_journal:
	remove_dirs(commit, &commit->home_made);
	return error;
}

/* --- the commit -------------------------------------------------------------------------------- */

static int part_way(struct commit *commit, const char *path, int error)
{
	size_t done = 0;
	char file[sizeof(commit->diag->file)];

	snprintf(file, sizeof(file), "/%s", path);
	if (!commit->count)
		return diag_set(commit->diag, -EUCLEAN, file, 0, "%s", strerror(-error));
	for (size_t i = 0; i < commit->count; i++)
		done += commit->stages[i].done;
	return diag_set(
		commit->diag, -EUCLEAN, file, 0,
		"%s; %zu of %zu files are changed, from /%s on: run the same command again, "
		"which continues",
		error == -EREMCHG ? "it was changed by others while this ran" : strerror(-error),
		done, commit->count, commit->stages[0].change->old.path);
}

/* *ret_changed: how many files have got their new bytes. */
static int carry_out(struct commit *commit, const char **ret_path, size_t *ret_changed)
{
	for (size_t i = 0; i < commit->count; i++) {
		struct stage *stage = &commit->stages[i];
		int r;

		if (stage->done)
			continue;
		*ret_path = stage->change->old.path;
		r = stage_look(stage);
		if (r >= 0)
			r = stage_carry_out(stage);
		if (r < 0)
			return r;
		++*ret_changed;
	}
	return 0;
}

int commit_finish(struct places *places, struct place_dir *home, struct journal *journal)
{
	struct journal rest = {.after = journal->after, .machine = journal->machine};
	int r;

	for (size_t i = journal->prune.count; i-- > 0;) {
		r = places_remove(places, journal->prune.items[i]);
		if (r < 0)
			return r;
	}
	r = places_sync(places);
	if (r < 0)
		return r;
	/* From here on the files are anybody's to change: their names leave the journal. */
	if (journal->after) {
		r = journal_write(home, &rest);
		return r < 0 ? r : journal_promote(home);
	}
	/* Not synced: if it comes back after a power cut, everything is found to be done. */
	r = journal_drop(home, JOURNAL_NAME);
	return r < 0 ? r : commit_leave(places, home, &journal->prune);
}

int commit_leave(struct places *places, struct place_dir *home, const struct path_list *prune)
{
	const char *state = strrchr(STATE_FILE, '/') + 1;
	int r;

	if (!faccessat(home->fd, state, F_OK, AT_SYMLINK_NOFOLLOW))
		return 0;
	r = places_remove(places, STATE_DIR);
	for (size_t i = prune ? prune->count : 0; r >= 0 && i-- > 0;)
		if (path_below(STATE_DIR, prune->items[i]))
			r = places_remove(places, prune->items[i]);
	return r;
}

int commit_plan(const struct root *root, const struct plan *plan, unsigned after, struct diag *diag)
{
	_cleanup_commit_ struct commit commit = {.places.root = root, .diag = diag};
	size_t changed = 0;
	const char *path;
	int r;

	if (!plan_changes(plan) && !after)
		return 0;
	r = look_at_all(&commit, plan);
	if (r < 0)
		return r;
	r = begin_journal(&commit, plan, after);
	if (r >= 0)
		r = stage_all(&commit);
	if (r >= 0)
		r = look_again(&commit);
	if (r < 0)
		return give_up(&commit, false, r);
	r = journal_promote(commit.home);
	if (r < 0) {
		commit_fail(diag, r, STATE_DIR "/" JOURNAL_NAME, "written");
		return give_up(&commit, !journal_is_there(commit.home, JOURNAL_STAGING), r);
	}
	path = STATE_DIR "/" JOURNAL_NAME;
	r = carry_out(&commit, &path, &changed);
	if (r < 0 && !changed) {
		commit_fail(diag, r, path, "replaced");
		return give_up(&commit, true, r);
	}
	if (r >= 0) {
		path = STATE_DIR;
		r = commit_finish(&commit.places, commit.home, &commit.journal);
	}
	return r < 0 ? part_way(&commit, path, r) : 0;
}

int commit_lock(const struct root *root, struct diag *diag)
{
	_cleanup_close_ int fd = root_openat(root, ".", O_RDONLY | O_DIRECTORY, 0);
	int r;

	if (fd < 0)
		return diag_set(diag, fd, NULL, 0, "the root directory cannot be opened: %s",
				strerror(-fd));
	if (TEMP_FAILURE_RETRY(flock(fd, LOCK_EX | LOCK_NB)) < 0) {
		r = -errno;
		if (r == -EWOULDBLOCK)
			return diag_set(diag, r, NULL, 0,
					"another vfio-bootcfg is at work here: wait for it to end");
		return diag_set(diag, r, NULL, 0, "the root directory cannot be locked: %s",
				strerror(-r));
	}
	r = fd;
	fd = -1;
	return r;
}

int commit_done(const struct root *root, struct diag *diag)
{
	_cleanup_places_ struct places places = {.root = root};
	struct place_dir *home;
	int r = places_dir(&places, STATE_DIR, &home);

	if (r >= 0 && home->fd >= 0 && journal_is_there(home, JOURNAL_NAME)) {
		r = journal_drop(home, JOURNAL_NAME);
		if (r >= 0)
			r = commit_leave(&places, home, NULL);
	}
	return r < 0 ? commit_fail(diag, r, STATE_DIR "/" JOURNAL_NAME, "removed") : 0;
}
