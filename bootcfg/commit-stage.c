// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/commit-internal.h"

/*
 * From so many new files on a file system one syncfs(2) takes the place of an fsync(2) for each. It
 * is as safe: it waits for data and names alike, and since Linux 5.8 tells of any that could not be
 * written since the descriptor was opened, which was before the first of them. It is not always
 * cheaper, as it waits for what others have written too.
 */
#define SYNCFS_FROM 16

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

int commit_stage(struct commit *commit)
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
