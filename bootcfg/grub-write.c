// SPDX-License-Identifier: GPL-2.0-or-later
/* Edits of the command line, carried back to the bytes of the shell files that they came from. */
#include <stdint.h>
#include <string.h>

#include "bootcfg/edit.h"
#include "bootcfg/grub.h"
#include "early/cmdline.h"
#include "early/text.h"

static int no_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* --- patches ---------------------------------------------------------------------------------- */

int grub_patch_add(struct grub_patches *patches, unsigned file, size_t start, size_t end,
		   const char *insert, size_t size)
{
	struct grub_patch *items = reallocarray(patches->items, patches->count + 1, sizeof(*items));
	struct grub_patch patch = {.file = file, .start = start, .end = end};
	size_t i = patches->count;

	if (!items)
		return -ENOMEM;
	patches->items = items;
	patch.insert = strndup(insert, size);
	if (!patch.insert)
		return -ENOMEM;
	for (; i; i--) {
		const struct grub_patch *before = &items[i - 1];

		if (before->file < file || (before->file == file && before->start < start) ||
		    (before->file == file && before->start == start &&
		     (before->start == before->end || start != end)))
			break;
		items[i] = *before;
	}
	items[i] = patch;
	patches->count++;
	return 0;
}

void grub_patches_free(struct grub_patches *patches)
{
	for (size_t i = 0; i < patches->count; i++)
		free(patches->items[i].insert);
	free(patches->items);
	*patches = (struct grub_patches){.count = 0};
}

int grub_patch_apply(const struct grub_patches *patches, unsigned number, const struct file *file,
		     char **ret, size_t *ret_size)
{
	size_t space = file->size + 1, size = 0, from = 0;
	char *data;

	for (size_t i = 0; i < patches->count; i++)
		space += strlen(patches->items[i].insert);
	data = malloc(space);
	if (!data)
		return -ENOMEM;
	for (size_t i = 0; i < patches->count; i++) {
		const struct grub_patch *patch = &patches->items[i];
		size_t len = strlen(patch->insert);

		if (patch->file != number)
			continue;
		if (patch->start > from) {
			memcpy(data + size, file->data + from, patch->start - from);
			size += patch->start - from;
		}
		memcpy(data + size, patch->insert, len);
		size += len;
		/* What was cut already, by a patch that reaches further, stays cut. */
		from = patch->end > from ? patch->end : patch->start > from ? patch->start : from;
	}
	if (file->size > from) {
		memcpy(data + size, file->data + from, file->size - from);
		size += file->size - from;
	}
	data[size] = '\0';
	*ret = data;
	*ret_size = size;
	return 0;
}

/* --- from edits to patches -------------------------------------------------------------------- */

/* text as it has to stand in the file between such quotes. */
static char *encode(const char *text, enum shell_quote quote)
{
	char *encoded = malloc(strlen(text) * 8 + 1), *at = encoded;

	if (!encoded)
		return NULL;
	for (; *text; text++) {
		char script[2];
		size_t count = grub_escape(*text, script);

		for (size_t i = 0; i < count; i++) {
			char shell[4];
			size_t size = shell_escape(script[i], quote, shell);

			at = mempcpy(at, shell, size);
		}
	}
	*at = '\0';
	return encoded;
}

static int cannot_restore(const struct segment *segment, const char *text, size_t size,
			  struct diag *diag)
{
	return diag_set(diag, -EEXIST, segment->file, segment->line,
			"`%.*s` is written in a way that unset could not put back byte for byte: "
			"change it by hand",
			(int)(size < 100 ? size : 100), text);
}

/* Whether a token is of what is ours: nobody will ask for its bytes again. */
static bool is_owned(const struct boot_line *line, const struct cmdline_token *token)
{
	_cleanup_free_ char *text = strndup(token->raw, token->raw_len);
	struct cmdline_token part;
	struct cmdline parts;

	for (size_t i = 0; text && i < line->owned.count; i++) {
		const char *owned = line->owned.items[i].text;

		cmdline_init(&parts, owned, strlen(owned));
		while (cmdline_next(&parts, &part)) {
			_cleanup_free_ char *one = strndup(part.raw, part.raw_len);

			if (one && unit_equal(one, text))
				return true;
		}
	}
	return false;
}

/* Whether we would write the bytes of the text between from and to as they stand in the file. */
static bool can_write(const struct grub_source *source, const struct grub_map *map, size_t from,
		      size_t to)
{
	const struct shell_char *before = NULL;

	for (size_t i = from; i < to; i++) {
		const struct shell_char *item;
		char shell[4];
		size_t size;

		if (map->at[i] == SIZE_MAX)
			return false;
		item = &source->all.chars[map->at[i]];
		if (item->c == '$')
			return false;
		/* In one piece, between the same quotes. */
		if (before && (before->end != item->start || before->quote != item->quote))
			return false;
		before = item;
		size = shell_escape(item->c, item->quote, shell);
		if (size != item->end - item->start ||
		    memcmp(source->files[item->file].data + item->start, shell, size) != 0)
			return false;
	}
	return true;
}

/*
 * Takes the chars [from, to) of the value away, but for the line end of a CRLF file: it stands behind
 * the quotes, and no edit's text has it, so that nobody would put it back.
 */
static int remove_chars(const struct grub_source *source, size_t from, size_t to,
			struct grub_patches *patches)
{
	for (size_t i = from; i < to; i++) {
		const struct shell_char *item = &source->all.chars[i];

		if (item->kind == SHELL_BYTE && item->c != '\r' &&
		    grub_patch_add(patches, item->file, item->start, item->end, "", 0) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Puts text in front of a char, or behind the one before it. */
static int insert_text(const struct grub_source *source, const struct grub_map *map,
		       const struct edit *edit, struct grub_patches *patches)
{
	const struct shell_char *chars = source->all.chars, *item = NULL;
	_cleanup_free_ char *text = NULL;
	size_t at, place = map->at[edit->at];

	/* Behind the byte before, which is inside of its quotes, unless that byte goes. */
	if (edit->at && !edit->remove)
		for (size_t i = place; i-- > map->at[0] && !item;)
			if (chars[i].kind == SHELL_BYTE && chars[i].c != '\r')
				item = &chars[i];
	at = item ? item->end : 0;
	if (!item) {
		item = &chars[place];
		at = item->start;
	}
	text = encode(edit->insert, item->quote);
	if (!text)
		return -ENOMEM;
	return grub_patch_add(patches, item->file, at, at, text, strlen(text));
}

static int carry_edit(const struct grub_source *source, const struct boot_line *line,
		      const struct edit *edit, struct grub_patches *patches, struct diag *diag)
{
	const struct segment *segment = &line->segments[edit->segment];
	const struct grub_map *map = &source->maps[segment->cookie];
	size_t from = map->at[edit->at], to = map->at[edit->at + edit->remove];
	const char *text = segment->text;
	struct cmdline_token token;
	struct cmdline cmdline;
	int r = 0;

	if (from == SIZE_MAX || to == SIZE_MAX)
		return cannot_restore(segment, text, strlen(text), diag);
	cmdline_init(&cmdline, text + edit->at, edit->remove);
	while (cmdline_next(&cmdline, &token)) {
		size_t start = (size_t)(token.raw - text);

		if (!is_owned(line, &token) &&
		    !can_write(source, map, start, start + token.raw_len))
			return cannot_restore(segment, token.raw, token.raw_len, diag);
	}
	if (*edit->insert)
		r = insert_text(source, map, edit, patches);
	if (!r)
		r = remove_chars(source, from, to, patches);
	return r ? no_memory(diag) : 0;
}

/* --- the record, and our own assignment ------------------------------------------------------- */

static const char *line_end(const struct file *file)
{
	const char *newline = file->exists ? memchr(file->data, '\n', file->size) : NULL;

	return newline && newline > file->data && newline[-1] == '\r' ? "\r\n" : "\n";
}

/* The lines that are ours go; where the first of them stood. */
static int remove_record(const struct grub_source *source, struct grub_patches *patches,
			 size_t *ret_place)
{
	const struct grub_record *record = &source->record;
	const struct file *file = &source->files[source->home];
	size_t place = file->size, at = 0;
	bool any = false;

	while (true) {
		size_t start = SIZE_MAX, end = 0;

		/* The next line, and all that stand right behind it. */
		for (size_t i = 0; i <= record->line_count; i++) {
			bool last = i == record->line_count;
			size_t s = last ? record->assignment : record->lines[i].start;
			size_t e = last ? record->assignment_end : record->lines[i].end;

			if (e > at && e > s && s < start && s >= at) {
				start = s;
				end = e;
			}
		}
		if (start == SIZE_MAX)
			break;
		at = end;
		for (size_t i = 0; i <= record->line_count; i++) {
			bool last = i == record->line_count;

			if ((last ? record->assignment : record->lines[i].start) == at &&
			    (last ? record->assignment_end : record->lines[i].end) > at) {
				at = last ? record->assignment_end : record->lines[i].end;
				i = SIZE_MAX;
			}
		}
		/* Behind a file without a last newline each line has its newline in front. */
		if (at == file->size && file->data[at - 1] != '\n' && start) {
			const char *newline = memchr(file->data + start, '\n', at - start);

			start--;
			/* A lone CR in front of it may be the user's: as our own lines have it. */
			start -= start && file->data[start - 1] == '\r' && newline &&
				 newline[-1] == '\r';
		}
		if (grub_patch_add(patches, source->home, start, at, "", 0) < 0)
			return -ENOMEM;
		if (!any)
			place = start;
		any = true;
	}
	*ret_place = place;
	return 0;
}

static int write_record(const struct grub_source *source, const struct boot_line *line,
			struct grub_patches *patches)
{
	const struct file *file = &source->files[source->home];
	_cleanup_text_ struct text text = {.data = NULL};
	_cleanup_free_ char *value = NULL;
	size_t place;
	int r = remove_record(source, patches, &place);

	if (r)
		return r;
	if (source->own_assignment) {
		value = boot_line_edited(line, line->append);
		if (!value)
			return -ENOMEM;
	}
	r = grub_record_write(&text, &line->owned_after, source->variable,
			      value && value[strspn(value, " \t")] ? value : NULL, line_end(file),
			      place && file->data[place - 1] != '\n');
	if (r || !text.size)
		return r;
	return grub_patch_add(patches, source->home, place, place, text.data, text.size);
}

/* --- the plan --------------------------------------------------------------------------------- */

static int plan_file(const struct grub_source *source, unsigned number,
		     const struct grub_patches *patches, struct plan *plan)
{
	const struct file *file = &source->files[number];
	_cleanup_free_ char *data = NULL;
	size_t size;

	if (grub_patch_apply(patches, number, file, &data, &size) < 0)
		return -ENOMEM;
	if (!file->exists && !size)
		return 0;
	/* A drop-in with nothing in it, or a file of ours that has nothing left. */
	if (!size && number == source->home && (source->drop_in || source->created))
		return plan_put(plan, PLAN_SOURCE, file, NULL, 0, 0);
	return plan_put(plan, PLAN_SOURCE, file, data, size, 0644);
}

/* Whether both texts are the same parameters in the same order. */
static bool same_tokens(const char *a, const char *b)
{
	struct cmdline_token x, y;
	struct cmdline left, right;
	bool more;

	cmdline_init(&left, a, strlen(a));
	cmdline_init(&right, b, strlen(b));
	while ((more = cmdline_next(&left, &x)))
		if (!cmdline_next(&right, &y) || x.raw_len != y.raw_len ||
		    memcmp(x.raw, y.raw, x.raw_len))
			return false;
	return !cmdline_next(&right, &y);
}

static char *edited_text(const struct boot_line *line)
{
	_cleanup_text_ struct text text = {.data = NULL};

	text_add(&text, "%s", "");
	for (size_t i = 0; i < line->segment_count; i++) {
		_cleanup_free_ char *one = boot_line_edited(line, i);

		if (!one)
			return NULL;
		text_add(&text, " %s", one);
	}
	return text.error ? NULL : steal(&text.data);
}

static bool says(const struct grub_source *source, const struct boot_line *now,
		 const struct boot_line *line, const char *meant)
{
	_cleanup_free_ char *text = boot_line_text(now);

	if (!text || !same_tokens(text, meant))
		return false;
	if (source->record.owned.count != line->owned_after.count)
		return false;
	for (size_t i = 0; i < line->owned_after.count; i++)
		if (!owned_find(&source->record.owned, line->owned_after.items[i].text))
			return false;
	return true;
}

/* What the new files say must be what was meant: else something about them was not understood. */
static int verify(const struct grub_source *source, const struct boot_line *line,
		  const struct grub_patches *patches, struct diag *diag)
{
	_cleanup_free_ char *meant = edited_text(line);
	struct boot_line now = {.role = LINE_SOURCE};
	struct diag ignored = DIAG_INIT; /* its lines are of a file that is not there */
	struct grub_source then;
	char path[4200];
	int r;

	if (!meant)
		return no_memory(diag);
	r = grub_source_reread(source, patches, &then, &now, &ignored);
	if (r == -ENOMEM)
		no_memory(diag);
	else if (r < 0 || !says(&then, &now, line, meant)) {
		snprintf(path, sizeof(path), "/%s", source->files[source->home].path);
		r = diag_set(
			diag, -EBADMSG, path, 0,
			"it is written in a way that cannot be edited without changing what it "
			"means: write %s=\"...\" on a line of its own",
			source->variable);
	}
	boot_line_free(&now);
	grub_source_free(&then);
	return r;
}

int grub_source_plan(const struct grub_source *source, const struct boot_line *line,
		     struct plan *plan, struct diag *diag)
{
	struct grub_patches patches = {.count = 0};
	int r = 0;

	for (size_t i = 0; line->changed && r == 0 && i < line->edit_count; i++) {
		const struct edit *edit = &line->edits[i];

		if (!source->own_assignment || edit->segment != line->append)
			r = carry_edit(source, line, edit, &patches, diag);
	}
	if (line->changed && r == 0 && write_record(source, line, &patches) < 0)
		r = no_memory(diag);
	if (line->changed && r == 0)
		r = verify(source, line, &patches, diag);
	for (unsigned i = 0; r == 0 && i < source->file_count; i++)
		if (plan_file(source, i, &patches, plan) < 0)
			r = no_memory(diag);
	grub_patches_free(&patches);
	return r;
}
