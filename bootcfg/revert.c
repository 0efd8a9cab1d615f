// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/commit-internal.h"
#include "bootcfg/commit.h"

/* The file must be as the commit has left it: what others made of it since is not ours to undo. */
static int check(const struct change *change, const struct file *now, struct diag *diag)
{
	if (now->exists == (change->data != NULL) &&
	    (!now->exists ||
	     (now->size == change->size && !memcmp(now->data, change->data, now->size))))
		return 0;
	return commit_fail(diag, -EREMCHG, change->old.path, "taken back");
}

int commit_revert(const struct root *root, const struct plan *plan, struct diag *diag)
{
	struct plan back = {.count = 0};
	int r = 0;

	for (size_t i = 0; i < plan->count && r >= 0; i++) {
		const struct change *change = &plan->changes[i];
		const struct file *old = &change->old;
		_cleanup_file_ struct file now = {.exists = false};
		struct change *made;

		if (change->kind == PLAN_UNCHANGED)
			continue;
		r = file_read(root, old->path, &now, diag);
		if (r >= 0)
			r = check(change, &now, diag);
		if (r < 0)
			break;
		r = plan_put(&back, change->rank, &now, old->exists ? old->data : NULL, old->size,
			     old->stat.st_mode & 07777);
		if (r < 0) {
			commit_fail(diag, r, old->path, "taken back");
			break;
		}
		made = plan_find(&back, old->path);
		made->uid = old->stat.st_uid;
		made->gid = old->stat.st_gid;
	}
	for (size_t i = 0; i < plan->made.count && r >= 0; i++) {
		r = path_list_add(&back.prune, plan->made.items[i]);
		if (r < 0)
			commit_fail(diag, r, plan->made.items[i], "removed");
	}
	if (r >= 0)
		r = commit_plan(root, &back, 0, diag);
	plan_free(&back);
	return r;
}
