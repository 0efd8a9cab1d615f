// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/profile-change.h"

#define DIR_USR "/usr/lib/"
#define DIR_ETC "/etc/vfio-bootcfg.conf.d"

struct editor {
	const struct root *root;
	struct state *state;
	struct plan *plan;
	struct diag *diag;
	struct edited *files;
	size_t count;
};

static int out_of_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

static void editor_free(struct editor *editor)
{
	for (size_t i = 0; i < editor->count; i++)
		edited_free(&editor->files[i]);
	free(editor->files);
}

/* --- files ------------------------------------------------------------------------------------ */

/* What the plan makes of a file already counts, not what is on disk. */
static int read_file(struct editor *editor, const char *path, struct edited *edited)
{
	const struct change *change = plan_find(editor->plan, path);
	const char *data = NULL;
	size_t size = 0;
	int r = file_read(editor->root, path, &edited->file, editor->diag);

	if (r < 0)
		return r;
	if (change) {
		data = change->data;
		size = change->size;
	} else if (edited->file.exists) {
		data = edited->file.data;
		size = edited->file.size;
	}
	if (asprintf(&edited->key, "profile:%s", path) < 0) {
		edited->key = NULL;
		return out_of_memory(editor->diag);
	}
	r = data ? profile_text_parse(data, size, &edited->text, editor->diag) : 0;
	if (r == -EBADMSG)
		snprintf(editor->diag->file, sizeof(editor->diag->file), "/%s", path);
	edited->there = data;
	if (r == 0) {
		const struct owned_list *owned = state_owned(editor->state, edited->key);

		edited->created = state_created(editor->state, edited->key);
		if (owned && owned_copy(owned, &edited->owned) < 0)
			r = out_of_memory(editor->diag);
	}
	return r;
}

static int add_file(struct editor *editor, const char *path, struct edited **ret)
{
	struct edited *edited;

	for (size_t i = 0; i < editor->count; i++) {
		if (!strcmp(editor->files[i].file.path, path)) {
			*ret = &editor->files[i];
			return 0;
		}
	}
	/* Counted at once, so that what a failure leaves is freed. */
	edited = *ret = &editor->files[editor->count++];
	*edited = (struct edited){.changed = false};
	return read_file(editor, path, edited);
}

static int read_files(struct editor *editor, const struct profile *profile)
{
	struct edited *edited;
	int r = 0;

	editor->files = calloc(profile->file_count + 1, sizeof(*editor->files));
	if (!editor->files)
		return out_of_memory(editor->diag);
	for (size_t i = 0; r == 0 && i < profile->file_count; i++)
		r = add_file(editor, profile_file(profile, i) + 1, &edited);
	if (r == 0 && plan_find(editor->plan, PROFILE_FILE))
		r = add_file(editor, PROFILE_FILE, &edited);
	return r;
}

/* The file that holds a section, and its line there; NULL where none does. */
static struct edited *find_section(const struct editor *editor, const struct profile_set *set,
				   size_t *ret_header)
{
	for (size_t i = 0; i < editor->count; i++) {
		size_t header =
			profile_text_section(&editor->files[i].text, set->section, set->name);

		if (header != LINE_NONE) {
			*ret_header = header;
			return &editor->files[i];
		}
	}
	return NULL;
}

/* What packages own is not ours to edit: a copy in /etc takes its place. */
static int check_place(const struct editor *editor, const struct edited *edited,
		       const struct profile_set *set, size_t header)
{
	char path[sizeof(editor->diag->file)];

	snprintf(path, sizeof(path), "/%s", edited->file.path);
	if (strncmp(path, DIR_USR, strlen(DIR_USR)) != 0)
		return 0;
	return diag_set(editor->diag, -EPERM, path, (unsigned)header + 1,
			"[%s%s%s] is in /usr/lib, where packages keep theirs; take a copy, which "
			"counts in its place, and try again: "
			"mkdir -p " DIR_ETC " && cp %s " DIR_ETC "/",
			set->section, *set->name ? " " : "", set->name, path);
}

/* Where a new section goes to. */
static int add_profile_file(struct editor *editor, struct edited **ret)
{
	static const char mask[] = "/dev/null";
	char target[sizeof(mask) + 1];

	if (root_readlink(editor->root, PROFILE_FILE, target, sizeof(target)) >= 0 &&
	    !strcmp(target, mask))
		return diag_set(editor->diag, -EPERM, "/" PROFILE_FILE, 0,
				"the link to /dev/null says that this file is not wanted, and new "
				"sections go there; remove it");
	return add_file(editor, PROFILE_FILE, ret);
}

static int carry_out(struct editor *editor, const struct profile_set *set)
{
	size_t header = LINE_NONE;
	struct edited *edited = find_section(editor, set, &header);
	int r = 0;

	if (!set->value) {
		if (!edited ||
		    (set->key && profile_text_key(&edited->text, header, set->key) == LINE_NONE))
			return 0;
		r = check_place(editor, edited, set, header);
		return r < 0 ? r : edited_take_out(edited, set, header);
	}
	if (!edited) {
		r = add_profile_file(editor, &edited);
		if (r == 0)
			r = edited_add_section(edited, set, &header);
		return r < 0 ? r : edited_put_key(edited, set, header);
	}
	r = edited_agrees(edited, set, header);
	if (r)
		return r < 0 ? r : 0;
	r = check_place(editor, edited, set, header);
	return r < 0 ? r : edited_put_key(edited, set, header);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int finish(struct editor *editor, struct edited *edited)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;
	bool ours;

	if (!edited->changed)
		return 0;
	if (edited_forget(edited) < 0)
		return -ENOMEM;
	ours = edited->owned.count;
	if (ours || !edited->created || !edited_is_empty(edited)) {
		data = profile_text_join(&edited->text, &size);
		if (!data)
			return -ENOMEM;
	}
	/* A file that holds nothing of ours any more is the user's, whoever made it. */
	if (state_put(editor->state, edited->key, &edited->owned, edited->created && ours) < 0)
		return -ENOMEM;
	return plan_put(editor->plan, PLAN_PROFILE, &edited->file, data, size, 0644);
}

int profile_edit(const struct root *root, const struct profile *profile,
		 const struct profile_sets *sets, struct state *state, struct plan *plan,
		 struct diag *diag)
{
	_cleanup_(editor_free) struct editor editor = {
		.root = root, .state = state, .plan = plan, .diag = diag};
	int r;

	if (!sets->count)
		return 0;
	r = read_files(&editor, profile);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < sets->count; i++)
		r = carry_out(&editor, &sets->items[i]);
	for (size_t i = 0; r >= 0 && i < editor.count; i++)
		r = finish(&editor, &editor.files[i]);
	return r == -ENOMEM ? out_of_memory(diag) : r;
}

int profile_load_planned(const struct root *root, const struct plan *plan, struct profile *ret,
			 struct diag *diag)
{
	_cleanup_free_ struct profile_overlay *overlay = calloc(plan->count + 1, sizeof(*overlay));
	size_t count = 0;

	if (!overlay)
		return out_of_memory(diag);
	for (size_t i = 0; i < plan->count; i++) {
		const struct change *change = &plan->changes[i];

		if (change->rank == PLAN_PROFILE)
			overlay[count++] = (struct profile_overlay){.path = change->old.path,
								    .text = change->data,
								    .size = change->size};
	}
	return profile_load_over(root, overlay, ret, diag);
}
