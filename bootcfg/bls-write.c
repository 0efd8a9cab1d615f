// SPDX-License-Identifier: GPL-2.0-or-later
/* An entry's bytes after edits: what is not meant stays as it is. */
#include <string.h>

#include "bootcfg/bls.h"
#include "bootcfg/edit.h"
#include "bootcfg/mark.h"
#include "early/text.h"

/* What is to become of a stretch of the file. */
struct patch {
	size_t at, remove;
	const char *insert;
};

struct patches {
	struct patch *items; /* space for all of them */
	size_t count;
};

/* Bytes, which text_add() would cut at a NUL; there is none. */
static void add_bytes(struct text *text, const char *bytes, size_t size)
{
	while (size && !text->error) {
		int part = size < 1 << 20 ? (int)size : 1 << 20;

		text_add(text, "%.*s", part, bytes);
		size -= (size_t)part;
	}
}

/* Of the file: the one that its first line has. */
static const char *line_end(const struct bls_entry *entry)
{
	const char *end = strpbrk(entry->file.data, "\r\n");

	return !end || *end == '\n' ? "\n" : end[1] == '\n' ? "\r\n" : "\r";
}

/* The comments that say what is ours, with their line ends; "" where there is nothing to say. */
static int add_comments(struct text *text, const struct bls_entry *entry,
			const struct owned_list *list)
{
	const char *end = line_end(entry);
	const struct owned *before = NULL;

	text_add(text, "%s", "");
	if (!list->count && entry->mark)
		text_add(text, "%s%s", MARK_OWNS_NOTHING, end);
	for (size_t i = 0; i < list->count; i++) {
		const struct owned *item = &list->items[i];
		bool took = item->was && *item->was;

		/* Side by side on a line as long as that is not ambiguous. */
		if (before && !took && mark_apart(before->text, item->text))
			text_add(text, " %s", item->text);
		else if (took)
			text_add(text, "%s%s%s%s%s", before ? end : "", MARK_REPLACED, item->was,
				 MARK_ARROW, item->text);
		else
			text_add(text, "%s%s%s", before ? end : "", MARK_OWNS, item->text);
		before = took ? NULL : item;
		if (took || i + 1 == list->count)
			text_add(text, "%s", end);
	}
	return text->error;
}

static void patch(struct patches *patches, size_t at, size_t remove, const char *insert)
{
	size_t i = patches->count++;

	/* By place; an insertion goes before what is done to the bytes behind it. */
	for (; i && patches->items[i - 1].at >= at + (remove != 0); i--)
		patches->items[i] = patches->items[i - 1];
	patches->items[i] = (struct patch){.at = at, .remove = remove, .insert = insert};
}

static void cut_line_end(struct text *text)
{
	size_t size = text->size;

	if (text->error)
		return;
	if (size && text->data[size - 1] == '\n')
		size--;
	if (size && text->data[size - 1] == '\r')
		size--;
	text->size = size;
	text->data[size] = '\0';
}

static void apply(struct text *text, const struct bls_entry *entry, const struct patches *patches)
{
	const char *data = entry->file.data;
	size_t at = 0;

	for (size_t i = 0; i < patches->count; i++) {
		const struct patch *one = &patches->items[i];

		add_bytes(text, data + at, one->at - at);
		text_add(text, "%s", one->insert);
		at = one->at + one->remove;
	}
	add_bytes(text, data + at, entry->file.size - at);
	/* The file's last line had no end: the line that is the last one now gets none either. */
	if (at == entry->file.size && at && !strchr("\r\n", data[at - 1]))
		cut_line_end(text);
}

/* Behind which line a new one goes: what it boots, so that GRUB, which may stop later, sees it. */
static size_t place_of_new(const struct bls_entry *entry)
{
	static const char *const keys[] = {"linux", "uki", "efi"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct bls_field *field = bls_field(entry, keys[i], 0);

		if (field)
			return field->end;
	}
	return entry->file.size;
}

static bool is_empty(const char *text)
{
	return !text[strspn(text, " \t")];
}

/* The edited segments into the patches; *ret_first is the first options line that remains. */
static int patch_options(const struct bls_entry *entry, const struct boot_line *line, char **edited,
			 struct patches *patches, const struct bls_field **ret_first)
{
	for (size_t i = 0; i < line->segment_count; i++) {
		const struct segment *segment = &line->segments[i];
		const struct bls_field *field;

		edited[i] = boot_line_edited(line, i);
		if (!edited[i])
			return -ENOMEM;
		if (segment->cookie >= entry->count)
			continue;
		field = &entry->fields[segment->cookie];
		if (is_empty(edited[i])) {
			patch(patches, field->start, field->end - field->start, "");
			continue;
		}
		if (!*ret_first)
			*ret_first = field;
		if (strcmp(edited[i], segment->text))
			patch(patches, field->value, field->value_size, edited[i]);
	}
	return 0;
}

/* What goes in: our comments, and the line that the file has not. */
static int patch_new(const struct bls_entry *entry, const char *comments, const char *made,
		     const struct bls_field *first, struct patches *patches, struct text *text)
{
	size_t at = first ? first->start : place_of_new(entry);
	const char *end = line_end(entry);
	bool glued = at && !strchr("\r\n", entry->file.data[at - 1]);

	text_add(text, "%s%s", glued ? end : "", comments);
	if (made)
		text_add(text, "options %s%s", made, end);
	if (glued)
		cut_line_end(text);
	if (!text->error && (*comments || made))
		patch(patches, at, 0, text->data);
	return text->error;
}

static int write_patched(const struct bls_entry *entry, const struct boot_line *line, char **edited,
			 struct patches *patches, struct text *ret)
{
	_cleanup_text_ struct text comments = {.data = NULL}, added = {.data = NULL};
	const struct owned_list *list = &line->owned_after;
	const struct bls_field *first = NULL;
	const char *made = NULL;
	int r = patch_options(entry, line, edited, patches, &first);

	text_add(&comments, "%s", "");
	if (!entry->ours || !owned_equal(&entry->owned, list) || (!list->count && !entry->mark)) {
		for (size_t i = 0; i < entry->comment_count; i++) {
			const struct bls_field *one = &entry->comments[i];

			patch(patches, one->start, one->end - one->start, "");
		}
		add_comments(&comments, entry, list);
	}
	for (size_t i = 0; !r && i < line->segment_count; i++)
		if (line->segments[i].cookie >= entry->count && !is_empty(edited[i]))
			made = edited[i];
	if (!r)
		r = comments.error;
	if (!r)
		r = patch_new(entry, comments.data, made, first, patches, &added);
	if (r < 0)
		return r;
	apply(ret, entry, patches);
	return ret->error;
}

int bls_write(const struct bls_entry *entry, const struct boot_line *line, char **ret,
	      size_t *ret_size)
{
	size_t space = line->segment_count + entry->comment_count + 1;
	struct patches patches = {.items = calloc(space, sizeof(struct patch))};
	char **edited = calloc(line->segment_count + 1, sizeof(*edited));
	_cleanup_text_ struct text text = {.data = NULL};
	int r = -ENOMEM;

	text_add(&text, "%s", "");
	if (patches.items && edited)
		r = write_patched(entry, line, edited, &patches, &text);
	names_free(edited);
	free(patches.items);
	if (!r)
		r = text.error;
	if (r < 0)
		return r;
	*ret_size = text.size;
	*ret = steal(&text.data);
	return 0;
}
