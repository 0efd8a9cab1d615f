// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/bls.h"
#include "bootcfg/edit.h"
#include "bootcfg/json.h"
#include "early/text.h"

static const char owns[] = "# vfio-bootcfg: ", replaced[] = "# vfio-bootcfg replaced: ",
		  owns_nothing[] = "# vfio-bootcfg owns nothing here", arrow[] = " -> ";

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* --- reading ----------------------------------------------------------------------------------- */

static int add_field(struct bls_field **fields, size_t *count, const struct bls_field *field)
{
	struct bls_field *more = reallocarray(*fields, *count + 1, sizeof(**fields));

	if (!more)
		return -ENOMEM;
	*fields = more;
	more[(*count)++] = *field;
	return 0;
}

static int torn(const struct file *file, unsigned line, struct diag *diag)
{
	char path[sizeof(diag->file)];

	snprintf(path, sizeof(path), "/%s", file->path);
	return diag_set(
		diag, -EBADMSG, path, line,
		"a comment of vfio-bootcfg that cannot be read: remove it, and with it what "
		"vfio-bootcfg knows of this line");
}

static int add_unit(void *data, const char *unit, size_t size)
{
	_cleanup_free_ char *text = strndup(unit, size);

	return text ? owned_add(data, text, NULL) : -ENOMEM;
}

/*
 * The last arrow outside of quotes: what replaced something is one unit, and has none. NULL: there
 * is none.
 */
static char *find_arrow(char *text)
{
	bool in_quote = false;
	char *found = NULL;

	for (char *at = text; *at; at++) {
		if (*at == '"')
			in_quote = !in_quote;
		else if (!in_quote && !strncmp(at, arrow, sizeof(arrow) - 1))
			found = at;
	}
	return in_quote ? NULL : found;
}

/* One comment line of ours, without the blanks around it. */
static int read_comment(struct bls_entry *entry, const struct bls_field *comment, const char *head,
			struct diag *diag)
{
	const char *value = entry->file.data + comment->value;
	_cleanup_free_ char *text = strndup(value, comment->value_size);
	char *at;
	int r;

	if (!text)
		return -ENOMEM;
	if (head == owns_nothing)
		return 0;
	if (head == owns) {
		size_t before = entry->owned.count;

		r = line_units(text, add_unit, &entry->owned);
		if (r == -EBADMSG || (!r && entry->owned.count == before))
			return torn(&entry->file, comment->line, diag);
		return r;
	}
	at = find_arrow(text);
	if (!at || at == text || !at[sizeof(arrow) - 1])
		return torn(&entry->file, comment->line, diag);
	*at = '\0';
	return owned_add(&entry->owned, at + sizeof(arrow) - 1, text);
}

/* Which of our comments a line begins as, or NULL. */
static const char *comment_head(const char *line, size_t size)
{
	static const char *const heads[] = {owns, replaced};

	if (size == sizeof(owns_nothing) - 1 && !memcmp(line, owns_nothing, size))
		return owns_nothing;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		/* Up to its colon: one that was cut there is torn, not somebody else's. */
		size_t len = strlen(heads[i]) - 1;

		if (size >= len && !memcmp(line, heads[i], len) &&
		    (size == len || is_blank(line[len])))
			return heads[i];
	}
	return NULL;
}

static int read_line(struct bls_entry *entry, struct bls_field *field, size_t stop,
		     struct diag *diag)
{
	const char *data = entry->file.data;
	const char *head;
	size_t at = field->start;

	while (at < stop && is_blank(data[at]))
		at++;
	while (stop > at && is_blank(data[stop - 1]))
		stop--;
	if (at == stop)
		return 0;
	field->key = at;
	if (data[at] == '#') {
		head = comment_head(data + at, stop - at);
		if (!head)
			return 0;
		at += strlen(head) - (head != owns_nothing);
		field->key_size = at - field->key;
	} else {
		while (at < stop && !is_blank(data[at]))
			at++;
		field->key_size = at - field->key;
		head = NULL;
	}
	while (at < stop && is_blank(data[at]))
		at++;
	field->value = at;
	field->value_size = stop - at;
	if (!head)
		return add_field(&entry->fields, &entry->count, field);
	entry->ours = true;
	if (add_field(&entry->comments, &entry->comment_count, field) < 0)
		return -ENOMEM;
	return read_comment(entry, field, head, diag);
}

static int read_lines(struct bls_entry *entry, struct diag *diag)
{
	const char *data = entry->file.data;
	struct bls_field field = {.line = 1};

	while (field.start < entry->file.size) {
		size_t stop = field.start + strcspn(data + field.start, "\r\n");
		int r;

		/* A lone CR ends a line too, for systemd-boot. */
		field.end = stop + (stop < entry->file.size);
		if (data[stop] == '\r' && data[stop + 1] == '\n')
			field.end++;
		r = read_line(entry, &field, stop, diag);
		if (r < 0)
			return r;
		field = (struct bls_field){.start = field.end, .line = field.line + 1};
	}
	return 0;
}

/* What JSON takes for a text: the state could not hold anything else. */
static bool is_utf8(const char *text, size_t size)
{
	_cleanup_json_ json_t *string = json_stringn(text, size);

	return string;
}

static int check_bytes(const struct bls_entry *entry, struct diag *diag)
{
	const struct bls_field *field;
	char path[sizeof(diag->file)];

	snprintf(path, sizeof(path), "/%s", entry->file.path);
	if (memchr(entry->file.data, '\0', entry->file.size))
		return diag_set(diag, -EBADMSG, path, 0,
				"it holds a NUL byte, and is no boot entry: remove or rename it");
	for (size_t i = 0; (field = bls_field(entry, "options", i)); i++)
		if (!is_utf8(entry->file.data + field->value, field->value_size))
			return diag_set(diag, -EBADMSG, path, field->line,
					"the options are no UTF-8: correct the line");
	return 0;
}

int bls_parse(struct file *file, struct bls_entry *ret, struct diag *diag)
{
	const char *slash = strrchr(file->path, '/');
	struct bls_entry entry = {.file = *file};
	int r;

	entry.id = bls_id(slash ? slash + 1 : file->path);
	r = entry.id ? read_lines(&entry, diag) : -ENOMEM;
	if (!r)
		r = check_bytes(&entry, diag);
	if (r < 0) {
		entry.file = (struct file){.exists = false};
		bls_free(&entry);
		return r == -ENOMEM ? diag_set(diag, r, NULL, 0, "out of memory") : r;
	}
	*file = (struct file){.exists = false};
	*ret = entry;
	return 0;
}

void bls_free(struct bls_entry *entry)
{
	file_free(&entry->file);
	owned_free(&entry->owned);
	free(entry->fields);
	free(entry->comments);
	free(entry->id);
	*entry = (struct bls_entry){.count = 0};
}

const struct bls_field *bls_field(const struct bls_entry *entry, const char *key, size_t n)
{
	for (size_t i = 0; i < entry->count; i++) {
		const struct bls_field *field = &entry->fields[i];

		if (field->key_size == strlen(key) &&
		    !memcmp(entry->file.data + field->key, key, field->key_size) && !n--)
			return field;
	}
	return NULL;
}

/* --- writing ----------------------------------------------------------------------------------- */

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

static int count_unit(void *data, _unused_ const char *unit, _unused_ size_t size)
{
	++*(size_t *)data;
	return 0;
}

/* Whether units read back as they are when they stand side by side. */
static bool apart(const char *before, const char *unit)
{
	_cleanup_free_ char *both = NULL;
	size_t count = 0;

	return asprintf(&both, "%s %s", before, unit) >= 0 &&
	       !line_units(both, count_unit, &count) && count == 2;
}

/* The comments that say what is ours, with their line ends; "" where there is nothing to say. */
static int add_comments(struct text *text, const struct bls_entry *entry,
			const struct owned_list *list)
{
	const char *end = line_end(entry);
	const struct owned *before = NULL;

	text_add(text, "%s", "");
	if (!list->count && entry->mark)
		text_add(text, "%s%s", owns_nothing, end);
	for (size_t i = 0; i < list->count; i++) {
		const struct owned *item = &list->items[i];
		bool took = item->was && *item->was;

		/* Side by side on a line as long as that is not ambiguous. */
		if (before && !took && apart(before->text, item->text))
			text_add(text, " %s", item->text);
		else if (took)
			text_add(text, "%s%s%s%s%s", before ? end : "", replaced, item->was, arrow,
				 item->text);
		else
			text_add(text, "%s%s%s", before ? end : "", owns, item->text);
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
