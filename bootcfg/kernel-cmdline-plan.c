// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/edit.h"
#include "bootcfg/kernel-cmdline.h"
#include "early/text.h"

static bool is_empty(const char *text)
{
	return !text[strspn(text, KERNEL_CMDLINE_BLANKS)];
}

/* The line that a piece stands on, with its end. */
static size_t line_start(const char *data, size_t at)
{
	while (at && data[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_stop(const char *data, size_t at)
{
	at += strcspn(data + at, "\n");
	return at + (data[at] == '\n');
}

static void add_bytes(struct text *text, const char *data, size_t from, size_t to)
{
	text_add(text, "%.*s", (int)(to - from), data + from);
}

/* A line more; the file's last line keeps its missing end. */
static void add_line(struct text *text, const char *line, bool open_end)
{
	bool glued = text->size && text->data[text->size - 1] != '\n';

	text_add(text, "%s%s%s", glued ? "\n" : "", line, glued || open_end ? "" : "\n");
}

/* The bytes of one of the files after the line's edits. */
static int rebuild(const struct kernel_cmdline *cmdline, const struct boot_line *line, size_t file,
		   struct text *text)
{
	const char *data = kernel_cmdline_data(cmdline, file);
	size_t from = 0, size = strlen(data);

	text_add(text, "%s", "");
	for (size_t i = 0; i < line->segment_count; i++) {
		_cleanup_free_ char *edited = boot_line_edited(line, i);
		size_t cookie = line->segments[i].cookie;
		const struct kernel_cmdline_piece *piece;

		if (!edited)
			return -ENOMEM;
		if (cookie == KERNEL_CMDLINE_NEW || cmdline->pieces[cookie].file != file)
			continue;
		piece = &cmdline->pieces[cookie];
		if (is_empty(edited)) {
			add_bytes(text, data, from, line_start(data, piece->at));
			from = line_stop(data, piece->at);
		} else {
			add_bytes(text, data, from, piece->at);
			text_add(text, "%s", edited);
			from = piece->at + piece->size;
		}
	}
	add_bytes(text, data, from, size);
	/* The last line had no end and went: the one before it has none now. */
	if (from == size && size && data[size - 1] != '\n' && text->size &&
	    text->data[text->size - 1] == '\n' && !text->error)
		text->data[--text->size] = '\0';
	for (size_t i = 0; !file && i < line->segment_count; i++) {
		_cleanup_free_ char *edited = boot_line_edited(line, i);

		if (!edited)
			return -ENOMEM;
		if (line->segments[i].cookie == KERNEL_CMDLINE_NEW && !is_empty(edited))
			add_line(text, edited, false);
	}
	return text->error;
}

/* The seed of a file that we made is kept in the state: is it all that is left of it? */
static char *seed_key(const char *path)
{
	char *key;

	return asprintf(&key, "seed:%s", path) < 0 ? NULL : key;
}

static int record(const struct boot_context *context, const struct kernel_cmdline *cmdline,
		  const struct boot_line *line, bool created)
{
	_cleanup_owned_ struct owned_list seed = {.count = 0};
	_cleanup_free_ char *key = seed_key(cmdline->files[0].path);
	int r = key ? 0 : -ENOMEM;

	if (!r && created && line->absent) {
		r = owned_add(&seed, cmdline->seed, NULL);
		if (!r)
			r = state_put(context->state, key, &seed, false);
	} else if (!r && !created) {
		r = state_put(context->state, key, &seed, false);
	}
	if (!r)
		r = state_put(context->state, cmdline->files[0].path, &line->owned_after, created);
	return r;
}

/* A file of ours that holds nothing but what it began with. */
static bool is_only_seed(const struct boot_context *context, const struct file *file,
			 const struct text *text)
{
	_cleanup_free_ char *key = seed_key(file->path);
	const struct owned_list *seed = key ? state_owned(context->state, key) : NULL;

	return seed && seed->count == 1 && !strcmp(seed->items[0].text, text->data);
}

/* Without the file kernel-install takes what runs, where that which goes is up to the next boot. */
static void remark_running(const struct boot_context *context, const struct boot_line *line)
{
	_cleanup_free_ char *running = NULL;
	size_t size;

	if (!root_has_kernel(context->root) || root_exists(context->root, KERNEL_CMDLINE_VENDOR) ||
	    root_read_file(context->root, "proc/cmdline", &running, &size, NULL) < 0)
		return;
	for (size_t i = 0; i < line->owned.count; i++) {
		const char *unit = line->owned.items[i].text;

		if (!line_has(running, unit))
			continue;
		remark(context->remarks,
		       "%s was made by vfio-bootcfg, and goes: up to the next boot kernel-install "
		       "takes the command line that runs, which has %s still; install no kernel, "
		       "and make no initramfs, before",
		       line->file, unit);
		return;
	}
}

static int plan_files(const struct boot_context *context, const struct kernel_cmdline *cmdline,
		      const struct boot_line *line, struct plan *plan)
{
	bool created = line->absent || state_created(context->state, cmdline->files[0].path);
	int r = 0;

	for (size_t i = 0; !r && i < cmdline->file_count; i++) {
		const struct file *file = &cmdline->files[i];
		_cleanup_text_ struct text text = {.data = NULL};
		bool gone;

		if (!strcmp(file->path, KERNEL_CMDLINE_VENDOR))
			continue;
		r = rebuild(cmdline, line, i, &text);
		if (r < 0)
			return r;
		gone = !i && created && !line->owned_after.count;
		if (gone && !is_only_seed(context, file, &text)) {
			remark(context->remarks,
			       "%s was made by vfio-bootcfg and is kept, since others changed it",
			       line->file);
			gone = false;
		} else if (gone && file->exists && !strcmp(file->path, KERNEL_CMDLINE)) {
			remark_running(context, line);
		}
		r = plan_put(plan, PLAN_SOURCE, file, gone ? NULL : text.data, text.size, 0644);
	}
	if (!r)
		r = record(context, cmdline, line, created && line->owned_after.count);
	return r;
}

int kernel_cmdline_plan(const struct boot_context *context, const struct kernel_cmdline *cmdline,
			const struct boot_line *line, struct plan *plan, struct diag *diag)
{
	int r;

	if (line->absent && !line->owned_after.count) {
		/* Nothing of ours would be in it. */
		r = record(context, cmdline, line, false);
		return r < 0 ? diag_set(diag, -ENOMEM, NULL, 0, "out of memory") : 0;
	}
	if (kernel_cmdline_needs_seed(cmdline, line))
		return diag_set(
			diag, -EPERM, line->file, 0,
			"it is not there, and no boot entry of this system tells which root= it "
			"has to begin with: make it, with one line of what its kernels are to "
			"be given");
	r = plan_files(context, cmdline, line, plan);
	return r < 0 ? diag_set(diag, -ENOMEM, NULL, 0, "out of memory") : 0;
}
