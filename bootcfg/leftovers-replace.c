// SPDX-License-Identifier: GPL-2.0-or-later
/* --replace and unset: lines of the user's become comments, and lines again. */
#include <string.h>

#include "bootcfg/leftovers.h"
#include "bootcfg/policy-parts.h"
#include "bootcfg/state.h"
#include "early/text.h"

#define CONF "etc/sysctl.conf"

/* --- to comments ------------------------------------------------------------------------------ */

/* Only what people write is ours to edit. */
static int check_editable(const struct leftover *item, struct diag *diag)
{
	if (!strncmp(item->file, "/etc/", 5))
		return 0;
	return diag_set(diag, -EEXIST, item->file, item->line,
			"`%.200s` contradicts the profile, in a file that is not the "
			"administrator's; put one of the same name and without that line in /etc",
			item->text);
}

static bool is_to_go(const struct leftovers *leftovers, const struct file *file, unsigned line)
{
	for (size_t i = 0; i < leftovers->count; i++) {
		const struct leftover *item = &leftovers->items[i];

		if (item->contradicts && item->line == line && !strcmp(item->file + 1, file->path))
			return true;
	}
	return false;
}

static int own(struct owned_list *owned, const struct leftover_line *line)
{
	_cleanup_free_ char *was = strndup(line->text, line->len), *text = NULL;

	if (!was || asprintf(&text, LEFTOVER_MARK "%s", was) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return owned_add(owned, text, was);
}

/* The file with the lines that are to go behind a mark, and the rest of its bytes as they are. */
static int comment_out(const struct leftovers *leftovers, const struct file *file, struct text *ret,
		       struct owned_list *owned, struct diag *diag)
{
	struct leftover_line line = {.text = NULL};
	const char *done = file->data;

	while (leftover_line_next(file, &line)) {
		if (!is_to_go(leftovers, file, line.number))
			continue;
		if (memchr(line.text, '\0', line.len) || line.text[line.len - 1] == '\\') {
			char name[sizeof(diag->file)];

			snprintf(name, sizeof(name), "/%s", file->path);
			return diag_set(diag, -EEXIST, name, line.number,
					"this line contradicts the profile, and has others behind "
					"it that hang on it; comment it out by hand");
		}
		text_add(ret, "%.*s" LEFTOVER_MARK, (int)(line.text - done), done);
		done = line.text;
		if (own(owned, &line) < 0)
			return policy_oom(diag);
	}
	text_add(ret, "%s", done);
	return ret->error ? policy_oom(diag) : 0;
}

static int replace_in(const struct root *root, const struct leftovers *leftovers, const char *path,
		      struct state *state, struct plan *plan, struct diag *diag)
{
	_cleanup_owned_ struct owned_list owned = {.count = 0};
	_cleanup_text_ struct text text = {.error = 0};
	_cleanup_file_ struct file file = {.exists = false};
	const struct owned_list *before = state_owned(state, path);
	int r = file_read(root, path, &file, diag);

	if (r < 0)
		return r;
	if (!file.exists)
		return 0;
	if (before && owned_copy(before, &owned) < 0)
		return policy_oom(diag);
	if (strlen(file.data) != file.size) {
		char name[sizeof(diag->file)];

		snprintf(name, sizeof(name), "/%s", path);
		return diag_set(diag, -EEXIST, name, 0,
				"a NUL in a file that contradicts the profile; it is not edited");
	}
	r = comment_out(leftovers, &file, &text, &owned, diag);
	if (r < 0)
		return r;
	if (plan_put(plan, PLAN_SOURCE, &file, text.data, text.size, 0644) < 0 ||
	    state_put(state, path, &owned, false) < 0)
		return policy_oom(diag);
	return 0;
}

int leftovers_replace(const struct root *root, const struct leftovers *leftovers,
		      struct state *state, struct plan *plan, struct diag *diag)
{
	int r = 0;

	for (size_t i = 0; i < leftovers->count && r == 0; i++)
		if (leftovers->items[i].contradicts)
			r = check_editable(&leftovers->items[i], diag);
	for (size_t i = 0; i < leftovers->count && r == 0; i++) {
		const struct leftover *item = &leftovers->items[i];

		/* Those of one file come one after the other. */
		if (!item->contradicts || plan_find(plan, item->file + 1))
			continue;
		r = replace_in(root, leftovers, item->file + 1, state, plan, diag);
	}
	return r;
}

/* --- and back --------------------------------------------------------------------------------- */

struct restore {
	struct state *state;
	struct plan *plan;
	/* of etc/sysctl.conf, which often has a link in sysctl.d too */
	dev_t conf_dev;
	ino_t conf_ino;
};

/* A comment of the user's may begin like ours: only where our record is lost do all count. */
static bool is_ours(const struct restore *restore, const struct owned_list *owned,
		    const struct leftover_line *line)
{
	_cleanup_free_ char *text = NULL;

	if (line->len < sizeof(LEFTOVER_MARK) - 1 ||
	    memcmp(line->text, LEFTOVER_MARK, sizeof(LEFTOVER_MARK) - 1))
		return false;
	if (!state_found(restore->state))
		return true;
	text = strndup(line->text, line->len);
	return text && owned && owned_find(owned, text);
}

static int restore_in(void *data, struct file *file, struct diag *diag)
{
	_cleanup_text_ struct text text = {.error = 0};
	struct restore *restore = data;
	const struct owned_list *owned = state_owned(restore->state, file->path);
	struct leftover_line line = {.text = NULL};
	const char *done = file->data;
	bool found = false;

	if (!strcmp(file->path, CONF)) {
		restore->conf_dev = file->stat.st_dev;
		restore->conf_ino = file->stat.st_ino;
	} else if (file->stat.st_dev == restore->conf_dev &&
		   file->stat.st_ino == restore->conf_ino) {
		return 0;
	}
	if (!strstr(file->data, LEFTOVER_MARK) || strlen(file->data) != file->size)
		return 0;
	while (leftover_line_next(file, &line)) {
		if (!is_ours(restore, owned, &line))
			continue;
		text_add(&text, "%.*s", (int)(line.text - done), done);
		done = line.text + sizeof(LEFTOVER_MARK) - 1;
		found = true;
	}
	if (!found)
		return 0;
	text_add(&text, "%s", done);
	if (text.error ||
	    plan_put(restore->plan, PLAN_SOURCE, file, text.data, text.size, 0644) < 0)
		return policy_oom(diag);
	return 0;
}

static bool is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && path[len] == '/';
}

/* What is recorded for lines that the user took out meanwhile is nothing any more. */
static int restore_recorded(const struct root *root, const char *dir, const char *conf,
			    struct restore *restore, struct diag *diag)
{
	_cleanup_free_ const char **keys = state_keys(restore->state);
	struct owned_list nothing = {.count = 0};

	if (!keys)
		return policy_oom(diag);
	for (size_t i = 0; keys[i]; i++) {
		_cleanup_free_ char *key = NULL;
		int r;

		if (!is_in(keys[i], dir) && !(conf && !strcmp(keys[i], conf)))
			continue;
		key = strdup(keys[i]);
		if (!key)
			return policy_oom(diag);
		r = leftover_file(root, key, restore_in, restore, diag);
		if (r < 0)
			return r;
		if (state_put(restore->state, key, &nothing, false) < 0)
			return policy_oom(diag);
	}
	return 0;
}

static int restore_all(const struct root *root, const char *dir, const char *conf,
		       struct restore *restore, struct diag *diag)
{
	_cleanup_names_ char **names = NULL;
	int r = conf ? leftover_file(root, conf, restore_in, restore, diag) : 0;

	if (r == 0)
		r = names_read(root, dir, ".conf", &names, diag);
	for (size_t i = 0; r == 0 && names[i]; i++) {
		char path[512];

		if (snprintf(path, sizeof(path), "%s/%s", dir, names[i]) < (int)sizeof(path))
			r = leftover_file(root, path, restore_in, restore, diag);
	}
	return r;
}

static int restore_kind(const struct root *root, const char *dir, const char *conf,
			struct restore *restore, struct diag *diag)
{
	if (state_found(restore->state))
		return restore_recorded(root, dir, conf, restore, diag);
	return restore_all(root, dir, conf, restore, diag);
}

int leftovers_restore(const struct root *root, const struct profile *profile,
		      const struct host *host, struct state *state, struct plan *plan,
		      struct diag *diag)
{
	struct restore restore = {.state = state, .plan = plan};
	unsigned long pages;
	int r = 0;

	if (!policy_default_pages(profile, host, &pages))
		r = restore_kind(root, "etc/sysctl.d", CONF, &restore, diag);
	if (r == 0 && !profile->device_count)
		r = restore_kind(root, "etc/modprobe.d", NULL, &restore, diag);
	return r;
}
