// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/bls.h"
#include "bootcfg/edit.h"
#include "bootcfg/json.h"
#include "bootcfg/mark.h"

static const char owns[] = MARK_OWNS, replaced[] = MARK_REPLACED,
		  owns_nothing[] = MARK_OWNS_NOTHING;

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

/* What JSON takes for a text: the state could not hold anything else. */
static bool is_utf8(const char *text, size_t size)
{
	_cleanup_json_ json_t *string = json_stringn(text, size);

	return string;
}

/* One comment line of ours, without the blanks around it. */
static int read_comment(struct bls_entry *entry, const struct bls_field *comment, const char *head,
			struct diag *diag)
{
	const char *text = entry->file.data + comment->value;

	if (head == owns_nothing)
		return 0;
	/* It may be put into the options one day. */
	if (!is_utf8(text, comment->value_size))
		return mark_torn(&entry->file, comment->line, diag);
	return (head == owns ? mark_read_owns : mark_read_replaced)(
		&entry->file, comment->line, text, comment->value_size, &entry->owned, diag);
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
