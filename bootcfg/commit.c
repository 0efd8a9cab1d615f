// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>

#include "bootcfg/commit.h"
#include "bootcfg/commit-internal.h"
#include "bootcfg/journal-file.h"

static void commit_free(struct commit *commit)
{
	journal_free(&commit->journal);
	path_list_free(&commit->home_made);
	places_free(&commit->places);
	free(commit->stages);
}

#define _cleanup_commit_ _cleanup_(commit_free)

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
	char file[COMMIT_PATH];

	(void)commit_path(path, file);
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
	r = commit_look(&commit, plan);
	if (r < 0)
		return r;
	r = begin_journal(&commit, plan, after);
	if (r >= 0)
		r = commit_stage(&commit);
	if (r >= 0)
		r = commit_look_again(&commit);
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
