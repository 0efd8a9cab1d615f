// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>

#include "bootcfg/commit-internal.h"
#include "bootcfg/commit.h"
#include "bootcfg/journal-file.h"

struct recovery {
	struct places places;
	struct place_dir *home;
	struct diag *diag;
};

static void recovery_free(struct recovery *recovery)
{
	places_free(&recovery->places);
}

#define _cleanup_recovery_ _cleanup_(recovery_free)

/* What is at a name now. What is no regular file is there, and like nothing that we know. */
static int digest_at(const struct place_dir *dir, const char *name, struct digest *ret)
{
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r = dir->fd < 0 ? -ENOENT : read_at(dir->fd, name, &data, &size);

	if (r == -ENOENT) {
		*ret = (struct digest){.exists = false};
		return 0;
	}
	if (r == -ELOOP || r == -ENOTSUP || r == -EFBIG || r == -EBUSY) {
		*ret = (struct digest){.exists = true, .size = SIZE_MAX};
		return 0;
	}
	if (r < 0)
		return r;
	*ret = digest_of(data, size);
	return 0;
}

/* *ret_whole: the temporary is there, with all its bytes. */
static int look_at_temporary(const struct place *place, const struct journal_file *file,
			     bool *ret_whole)
{
	struct digest now = {.exists = false};
	int r = file->temporary ? digest_at(place->dir, file->temporary, &now) : 0;

	if (r < 0)
		return r;
	*ret_whole = file->temporary && digest_equal(&now, &file->new);
	return 0;
}

static int remove_temporary(struct place *place, const struct journal_file *file)
{
	if (!file->temporary || place->dir->fd < 0)
		return 0;
	if (TEMP_FAILURE_RETRY(unlinkat(place->dir->fd, file->temporary, 0)) < 0)
		return errno == ENOENT ? 0 : -errno;
	place->dir->changed = true;
	return 0;
}

static int remove_temporaries(struct recovery *recovery, const struct journal *journal,
			      bool only_whole)
{
	for (size_t i = 0; i < journal->count; i++) {
		const struct journal_file *file = &journal->files[i];
		bool whole = true;
		struct place place;
		int r = place_find(&recovery->places, file->path, &place);

		/* A path that leads nowhere any more has nothing of ours. */
		if (r == -ELOOP || r == -ENOTDIR || r == -EISDIR || r == -EXDEV)
			continue;
		if (r >= 0 && only_whole)
			r = look_at_temporary(&place, file, &whole);
		if (r >= 0 && whole)
			r = remove_temporary(&place, file);
		if (r < 0)
			return commit_fail(recovery->diag, r, file->path, "cleaned up after");
	}
	return 0;
}

/* An earlier run died before it changed a file: what it staged is removed. */
static int take_back(struct recovery *recovery, const char *machine)
{
	_cleanup_journal_ struct journal journal = {.count = 0};
	struct places *places = &recovery->places;
	int r = journal_read(recovery->home, JOURNAL_STAGING, &journal);

	if (r == -ENOENT)
		return 0;
	/* Cut off while it was written: it is whole before anything that it names is made. */
	if (r < 0 && r != -EBADMSG)
		return commit_fail(recovery->diag, r, STATE_DIR "/" JOURNAL_STAGING, "read");
	if (r >= 0) {
		bool ours = !strcmp(journal.machine, machine);

		r = remove_temporaries(recovery, &journal, !ours);
		if (r < 0)
			return r;
		for (size_t i = journal.made.count; ours && r >= 0 && i-- > 0;)
			r = places_remove(places, journal.made.items[i]);
		if (r < 0)
			return commit_fail(recovery->diag, r, NULL, "cleaned up");
	}
	r = journal_drop(recovery->home, JOURNAL_STAGING);
	return r < 0 ? commit_fail(recovery->diag, r, STATE_DIR "/" JOURNAL_STAGING, "removed") : 0;
}

/*
 * One file of a commit that was under way. *ret_stale: others have changed it since, it is left as
 * it is.
 */
static int go_on_with(struct recovery *recovery, const struct journal_file *file, bool *ret_stale)
{
	struct stage stage = {.staged = false};
	struct digest now;
	bool whole;
	int r = place_find(&recovery->places, file->path, &stage.place);

	*ret_stale = false;
	if (r >= 0)
		r = digest_at(stage.place.dir, stage.place.name, &now);
	if (r < 0)
		return r;
	stage.place.dir->changed = true; /* what was renamed was maybe not synced */
	if (digest_equal(&now, &file->new))
		return remove_temporary(&stage.place, file);
	if (!digest_equal(&now, &file->old)) {
		*ret_stale = true;
		return remove_temporary(&stage.place, file);
	}
	r = look_at_temporary(&stage.place, file, &whole);
	if (r < 0)
		return r;
	/* Someone has tidied up: the file is as it was, and what it should be is planned anew. */
	if (file->temporary && !whole)
		return remove_temporary(&stage.place, file);
	if (file->temporary)
		strncpy(stage.temporary, file->temporary, sizeof(stage.temporary) - 1);
	return stage_carry_out(&stage);
}

static int go_on(struct recovery *recovery, struct journal *journal)
{
	const char *stale = NULL;
	char file_name[COMMIT_PATH];
	int r;

	for (size_t i = 0; i < journal->count; i++) {
		const struct journal_file *file = &journal->files[i];
		bool is_stale = false;

		r = go_on_with(recovery, file, &is_stale);
		if (r < 0)
			return commit_fail(recovery->diag, r, file->path, "finished");
		if (is_stale && !stale)
			stale = file->path;
	}
	r = commit_finish(&recovery->places, recovery->home, journal);
	if (r < 0)
		return commit_fail(recovery->diag, r, STATE_DIR "/" JOURNAL_NAME, "finished");
	if (!stale)
		return 0;
	return diag_set(
		recovery->diag, -ESTALE, commit_path(stale, file_name), 0,
		"an earlier run ended while it changed this file, and others have changed it "
		"since: it is left as it is");
}

static int drop_foreign(struct recovery *recovery, const struct journal *journal)
{
	int r = remove_temporaries(recovery, journal, true);

	if (r < 0)
		return r;
	r = journal_drop(recovery->home, JOURNAL_NAME);
	if (r >= 0)
		r = commit_leave(&recovery->places, recovery->home, NULL);
	if (r < 0)
		return commit_fail(recovery->diag, r, STATE_DIR "/" JOURNAL_NAME, "removed");
	(void)diag_set(recovery->diag, 0, "/" STATE_DIR "/" JOURNAL_NAME, 0,
		       "a change that another system had begun (this is a copy of it) is not "
		       "carried on");
	return 0;
}

static int recover(struct recovery *recovery, bool dry_run, unsigned *ret_after)
{
	_cleanup_journal_ struct journal journal = {.count = 0};
	_cleanup_free_ char *machine = NULL;
	int r = journal_machine(recovery->places.root, &machine);

	if (r < 0)
		return commit_fail(recovery->diag, r, "etc/machine-id", "read");
	if (!dry_run) {
		r = take_back(recovery, machine);
		if (r < 0)
			return r;
	}
	r = journal_read(recovery->home, JOURNAL_NAME, &journal);
	if (r == -ENOENT) {
		/* The last step of an `unset` that died. An empty directory is no reason to fail. */
		if (!dry_run)
			(void)!commit_leave(&recovery->places, recovery->home, NULL);
		return 0;
	}
	if (r == -EBADMSG)
		return diag_set(
			recovery->diag, r, "/" STATE_DIR "/" JOURNAL_NAME, 0,
			"it is broken, or of another version of vfio-bootcfg: what it was to "
			"finish is not known; move it away, then run the command again");
	if (r < 0)
		return commit_fail(recovery->diag, r, STATE_DIR "/" JOURNAL_NAME, "read");
	if (strcmp(journal.machine, machine) != 0)
		return dry_run ? 0 : drop_foreign(recovery, &journal);
	if (!journal.count) {
		*ret_after = journal.after;
		return 0;
	}
	if (dry_run)
		return diag_set(
			recovery->diag, -EINPROGRESS, "/" STATE_DIR "/" JOURNAL_NAME, 0,
			"an earlier run ended part-way: run it again without --dry-run, which "
			"continues it");
	r = go_on(recovery, &journal);
	if (r >= 0 || r == -ESTALE)
		*ret_after = journal.after;
	return r;
}

int commit_recover(const struct root *root, bool dry_run, unsigned *ret_after, struct diag *diag)
{
	_cleanup_recovery_ struct recovery recovery = {.places.root = root, .diag = diag};
	unsigned after = 0;
	int r = places_dir(&recovery.places, STATE_DIR, &recovery.home);

	/* What is in the way of it is for whoever writes there to name. */
	if (r < 0 && r != -ENOTDIR)
		return commit_fail(diag, r, STATE_DIR, "opened");
	if (r >= 0 && recovery.home->fd >= 0) {
		r = recover(&recovery, dry_run, &after);
		if (r < 0 && r != -ESTALE)
			return r;
	} else {
		r = 0;
	}
	*ret_after = after;
	return r;
}
