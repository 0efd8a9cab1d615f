// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/edit.h"
#include "bootcfg/json.h"
#include "bootcfg/kernel-cmdline.h"
#include "early/cmdline.h"
#include "early/text.h"

#define DROPIN_DIR "etc/cmdline.d"
#define OUR_DROPIN DROPIN_DIR "/vfio-bootcfg.conf"

static int no_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

const char *kernel_cmdline_data(const struct kernel_cmdline *cmdline, size_t file)
{
	const struct file *one = &cmdline->files[file];

	if (one->exists)
		return one->data;
	return !file && cmdline->seed ? cmdline->seed : "";
}

/* --- reading ----------------------------------------------------------------------------------- */

static int add_file(struct kernel_cmdline *cmdline, struct file *file, struct diag *diag)
{
	struct file *files = reallocarray(cmdline->files, cmdline->file_count + 1, sizeof(*files));

	if (!files) {
		file_free(file);
		return no_memory(diag);
	}
	cmdline->files = files;
	files[cmdline->file_count++] = *file;
	return 0;
}

static int check_bytes(const char *path, const char *data, size_t size, struct diag *diag)
{
	_cleanup_json_ json_t *text = json_stringn(data, size);
	char name[sizeof(diag->file)];

	snprintf(name, sizeof(name), "/%s", path);
	if (memchr(data, '\0', size))
		return diag_set(
			diag, -EBADMSG, name, 0,
			"it holds a NUL byte, and is no command line: correct or remove it");
	if (!text)
		return diag_set(diag, -EBADMSG, name, 0, "it is no UTF-8: correct it");
	return 0;
}

static int read_file(const struct boot_context *context, const char *path,
		     struct kernel_cmdline *cmdline, struct diag *diag)
{
	struct file file = {.exists = false};
	int r = file_read(context->root, path, &file, diag);

	if (!r && file.exists)
		r = check_bytes(path, file.data, file.size, diag);
	if (r < 0) {
		file_free(&file);
		return r;
	}
	return add_file(cmdline, &file, diag);
}

static int read_vendor(const struct boot_context *context, struct kernel_cmdline *cmdline,
		       struct diag *diag)
{
	_cleanup_file_ struct file file = {.exists = false};
	int r = file_read(context->root, KERNEL_CMDLINE_VENDOR, &file, diag);

	if (!r && file.exists)
		r = check_bytes(KERNEL_CMDLINE_VENDOR, file.data, file.size, diag);
	if (!r && file.exists)
		cmdline->seed = steal(&file.data);
	return r;
}

static int read_dropins(const struct boot_context *context, char **names,
			struct kernel_cmdline *cmdline, struct diag *diag)
{
	int r = 0;

	for (size_t i = 0; !r && names[i]; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, DROPIN_DIR "/%s", names[i]) < 0) {
			path = NULL;
			return no_memory(diag);
		}
		if (strcmp(path, cmdline->files[0].path))
			r = read_file(context, path, cmdline, diag);
	}
	return r;
}

/*
 * mkinitcpio reads /etc/cmdline.d beside the one of /etc/kernel and /usr/lib/kernel: where only that
 * is in use, ours is one more of them.
 */
static int read_beside_dropins(const struct boot_context *context, struct kernel_cmdline *cmdline,
			       struct diag *diag)
{
	int r = read_file(context, OUR_DROPIN, cmdline, diag);

	if (r < 0)
		return r;
	if (!cmdline->files[0].exists) {
		cmdline->seed = strdup("");
		if (!cmdline->seed)
			return no_memory(diag);
	}
	if (root_exists(context->root, KERNEL_CMDLINE))
		return read_file(context, KERNEL_CMDLINE, cmdline, diag);
	if (root_exists(context->root, KERNEL_CMDLINE_VENDOR))
		return read_file(context, KERNEL_CMDLINE_VENDOR, cmdline, diag);
	return 0;
}

static int read_files(const struct boot_context *context, bool dropins,
		      struct kernel_cmdline *cmdline, struct diag *diag)
{
	_cleanup_names_ char **names = NULL;
	int r = 0;

	if (dropins)
		r = names_read(context->root, DROPIN_DIR, ".conf", &names, diag);
	if (r < 0)
		return r;
	if (names && names[0] &&
	    (root_exists(context->root, OUR_DROPIN) || !root_exists(context->root, KERNEL_CMDLINE)))
		r = read_beside_dropins(context, cmdline, diag);
	else
		r = read_file(context, KERNEL_CMDLINE, cmdline, diag);
	if (!r && !cmdline->files[0].exists && !cmdline->seed)
		r = read_vendor(context, cmdline, diag);
	return r || !names ? r : read_dropins(context, names, cmdline, diag);
}

static int add_piece(struct kernel_cmdline *cmdline, struct boot_line *line, size_t file, size_t at,
		     size_t size, unsigned number)
{
	struct kernel_cmdline_piece *pieces =
		reallocarray(cmdline->pieces, cmdline->piece_count + 1, sizeof(*pieces));
	_cleanup_free_ char *path = NULL;

	if (!pieces)
		return -ENOMEM;
	cmdline->pieces = pieces;
	pieces[cmdline->piece_count] =
		(struct kernel_cmdline_piece){.file = file, .at = at, .size = size};
	if (asprintf(&path, "/%s", cmdline->files[file].path) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return boot_line_segment(line, kernel_cmdline_data(cmdline, file) + at, size, path, number,
				 !strcmp(cmdline->files[file].path, KERNEL_CMDLINE_VENDOR),
				 cmdline->piece_count++);
}

/* Returns whether there are comments, or -ENOMEM. */
static int cut_pieces(struct kernel_cmdline *cmdline, struct boot_line *line, size_t file)
{
	const char *data = kernel_cmdline_data(cmdline, file);
	int comments = 0;
	unsigned number = 1;

	for (size_t start = 0; data[start]; number++) {
		size_t at = start + strspn(data + start, KERNEL_CMDLINE_BLANKS);
		size_t end = at + strcspn(data + at, "\n");

		start = end + (data[end] == '\n');
		while (end > at && strchr(KERNEL_CMDLINE_BLANKS, data[end - 1]))
			end--;
		if (data[at] == '#')
			comments = 1;
		else if (end > at && add_piece(cmdline, line, file, at, end - at, number) < 0)
			return -ENOMEM;
	}
	return comments;
}

static bool has_dashes(const char *text)
{
	struct cmdline_token token;
	struct cmdline cmdline;

	cmdline_init(&cmdline, text, strlen(text));
	while (cmdline_next(&cmdline, &token))
		if (token.raw_len == 2 && !memcmp(token.raw, "--", 2))
			return true;
	return false;
}

/* New units go to the last line of our file, but not behind what ends the kernel's own part. */
static int choose_append(struct kernel_cmdline *cmdline, struct boot_line *line)
{
	size_t found = KERNEL_CMDLINE_NEW;

	for (size_t i = 0; i < line->segment_count; i++) {
		const struct segment *segment = &line->segments[i];

		if (segment->cookie == KERNEL_CMDLINE_NEW || cmdline->pieces[segment->cookie].file)
			continue;
		found = i;
		if (has_dashes(segment->text))
			break;
	}
	if (found == KERNEL_CMDLINE_NEW) {
		found = line->segment_count;
		if (boot_line_segment(line, "", 0, line->file, 0, false, KERNEL_CMDLINE_NEW) < 0)
			return -ENOMEM;
	}
	line->append = found;
	return 0;
}

static int fill_line(const struct boot_context *context, struct kernel_cmdline *cmdline,
		     struct boot_line *line)
{
	const char *path = cmdline->files[0].path;
	const struct owned_list *owned = context->state ? state_owned(context->state, path) : NULL;

	line->role = LINE_SOURCE;
	line->absent = !cmdline->files[0].exists;
	line->owned_known = context->state && state_found(context->state);
	if (asprintf(&line->file, "/%s", path) < 0) {
		line->file = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; i < cmdline->file_count; i++) {
		int comments = cut_pieces(cmdline, line, i);

		if (comments < 0)
			return comments;
		if (comments && !i && !strcmp(path, KERNEL_CMDLINE))
			remark(context->remarks,
			       "%s has comments, whose words older systems (systemd before 253) "
			       "give to the kernel",
			       line->file);
	}
	if (owned && owned_copy(owned, &line->owned) < 0)
		return -ENOMEM;
	return choose_append(cmdline, line);
}

int kernel_cmdline_read(const struct boot_context *context, bool dropins, struct boot_setup *setup,
			struct kernel_cmdline *ret, struct diag *diag)
{
	struct kernel_cmdline cmdline = {.files = NULL};
	int r = read_files(context, dropins, &cmdline, diag);

	if (!r) {
		struct boot_line *line = boot_setup_add(setup);

		r = line ? fill_line(context, &cmdline, line) : -ENOMEM;
		if (r < 0)
			r = no_memory(diag);
	}
	if (r < 0) {
		kernel_cmdline_free(&cmdline);
		return r;
	}
	*ret = cmdline;
	return 0;
}

void kernel_cmdline_free(struct kernel_cmdline *cmdline)
{
	for (size_t i = 0; i < cmdline->file_count; i++)
		file_free(&cmdline->files[i]);
	free(cmdline->files);
	free(cmdline->pieces);
	free(cmdline->seed);
	*cmdline = (struct kernel_cmdline){.files = NULL};
}

/* --- a file that is not there ------------------------------------------------------------------ */

bool kernel_cmdline_needs_seed(const struct kernel_cmdline *cmdline, const struct boot_line *line)
{
	return line->absent && !cmdline->seed;
}

struct seeding {
	const struct owned_list *owned;
	struct text *text;
};

/* What the loader or kernel-install puts in by itself, each time. */
static bool is_added(const char *unit)
{
	static const char *const names[] = {"initrd", "BOOT_IMAGE", "systemd.machine_id"};
	struct cmdline_token token;
	struct cmdline cmdline;

	cmdline_init(&cmdline, unit, strlen(unit));
	if (!cmdline_next(&cmdline, &token) || !token.value)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (cmdline_is(&token, names[i]))
			return true;
	return false;
}

static int seed_unit(void *data, const char *unit, size_t size)
{
	const struct seeding *seeding = data;
	_cleanup_free_ char *copy = strndup(unit, size);
	const struct owned *owned = copy ? owned_find(seeding->owned, copy) : NULL;

	if (!copy)
		return -ENOMEM;
	if (is_added(copy) || (owned && !owned->was))
		return 0;
	text_add(seeding->text, "%s%s", seeding->text->size ? " " : "", owned ? owned->was : copy);
	return 0;
}

int kernel_cmdline_seed(struct kernel_cmdline *cmdline, struct boot_line *line,
			const struct boot_line *entry)
{
	_cleanup_free_ char *all = boot_line_text(entry);
	_cleanup_text_ struct text text = {.data = NULL};
	struct seeding seeding = {.owned = &entry->owned, .text = &text};
	int r;

	text_add(&text, "%s", "");
	if (!all)
		return -ENOMEM;
	r = line_units(all, seed_unit, &seeding);
	text_add(&text, "\n");
	if (r < 0 || text.error)
		return r < 0 ? r : text.error;
	free(cmdline->seed);
	cmdline->seed = steal(&text.data);
	/* The empty piece that stood for a line to be made gives way to what there is now. */
	for (size_t i = 0; i < line->segment_count; i++) {
		free(line->segments[i].text);
		free(line->segments[i].file);
	}
	line->segment_count = 0;
	cmdline->piece_count = 0;
	for (size_t i = 0; i < cmdline->file_count; i++)
		if (cut_pieces(cmdline, line, i) < 0)
			return -ENOMEM;
	return choose_append(cmdline, line);
}
