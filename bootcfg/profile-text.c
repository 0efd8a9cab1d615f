// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/profile-text.h"

#define BLANKS " \t"

/* --- reading ---------------------------------------------------------------------------------- */

static void line_free(struct profile_line *line)
{
	free(line->text);
	free(line->section);
}

void profile_text_free(struct profile_text *text)
{
	for (size_t i = 0; i < text->count; i++)
		line_free(&text->lines[i]);
	free(text->lines);
	*text = (struct profile_text){.count = 0};
}

/* "device   gpu" as "device gpu", which is how sections are compared. */
static char *section_text(const char *text)
{
	size_t word = strcspn(text, BLANKS), gap = strspn(text + word, BLANKS);
	char *section;

	if (asprintf(&section, "%.*s%s%s", (int)word, text, text[word + gap] ? " " : "",
		     text + word + gap) < 0)
		return NULL;
	return section;
}

static int out_of_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* Cuts data into lines, of which nothing is known yet. */
static int split(const char *data, size_t size, struct profile_text *text)
{
	const char *at = data, *stop = data + size;
	size_t lines = size && stop[-1] != '\n';

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	text->lines = calloc(lines + 1, sizeof(*text->lines));
	if (!text->lines)
		return -ENOMEM;
	while (at < stop) {
		const char *lf = memchr(at, '\n', (size_t)(stop - at));
		const char *end = lf ? lf : stop, *next = lf ? lf + 1 : stop;
		struct profile_line *line = &text->lines[text->count];
		bool cr;

		cr = end > at && end[-1] == '\r';
		line->text = strndup(at, (size_t)(end - at) - cr);
		if (!line->text)
			return -ENOMEM;
		line->crlf = cr;
		if (!lf) {
			/* Once it is not the last line any more, it is like the others. */
			text->open_end = cr ? "\r" : "";
			line->crlf = text->count ? text->lines[0].crlf : cr;
		}
		text->count++;
		at = next;
	}
	return 0;
}

struct reader {
	struct profile_text *text;
	const char *original, *copy; /* of the bytes: the copy is what ini_parse() cuts up */
	size_t line, start; /* the line that was looked at last, and where it starts */
};

/* Where a pointer into the copy points to in its line, which is a later one at each call. */
static size_t column(struct reader *reader, const char *at, unsigned line)
{
	for (; reader->line + 1 < line; reader->line++)
		reader->start = (size_t)(strchr(reader->original + reader->start, '\n') + 1 -
					 reader->original);
	return (size_t)(at - reader->copy) - reader->start;
}

/* ini_line */
static int take_line(void *data, const char *section, const char *key, const char *value,
		     unsigned number, struct diag *diag)
{
	struct reader *reader = data;
	struct profile_line *line = &reader->text->lines[number - 1];

	if (!key) {
		line->kind = LINE_SECTION;
		line->section = section_text(section);
		return line->section ? 0 : out_of_memory(diag);
	}
	line->kind = LINE_KEY;
	line->key = column(reader, key, number);
	line->key_len = strlen(key);
	line->value = column(reader, value, number);
	line->value_len = strlen(value);
	if (line->value && line->text[line->value - 1] == '"') {
		line->value--;
		line->value_len += 2;
	}
	return 0;
}

int profile_text_parse(const char *data, size_t size, struct profile_text *ret, struct diag *diag)
{
	_cleanup_profile_text_ struct profile_text text = {.count = 0};
	_cleanup_free_ char *copy = malloc(size + 1);
	struct reader reader = {.text = &text, .original = data, .copy = copy};
	int r;

	if (!copy || split(data, size, &text) < 0)
		return out_of_memory(diag);
	memcpy(copy, data, size);
	copy[size] = '\0';
	r = ini_parse(copy, size, take_line, &reader, diag);
	if (r < 0)
		return r;
	*ret = text;
	text = (struct profile_text){.count = 0};
	return 0;
}

char *profile_text_join(const struct profile_text *text, size_t *ret_size)
{
	size_t size = 1;
	char *data, *at;

	for (size_t i = 0; i < text->count; i++)
		size += strlen(text->lines[i].text) + 2;
	at = data = malloc(size);
	if (!data)
		return NULL;
	for (size_t i = 0; i < text->count; i++) {
		const struct profile_line *line = &text->lines[i];

		at = stpcpy(at, line->text);
		if (i + 1 == text->count && text->open_end)
			at = stpcpy(at, text->open_end);
		else
			at = stpcpy(at, line->crlf ? "\r\n" : "\n");
	}
	*at = '\0';
	*ret_size = (size_t)(at - data);
	return data;
}

/* --- looking ---------------------------------------------------------------------------------- */

size_t profile_text_section(const struct profile_text *text, const char *section, const char *name)
{
	size_t len = strlen(section);

	for (size_t i = 0; i < text->count; i++) {
		const char *at = text->lines[i].section;

		if (text->lines[i].kind != LINE_SECTION || strncmp(at, section, len) != 0)
			continue;
		at += len;
		if (*name ? *at == ' ' && !strcmp(at + 1, name) : !*at)
			return i;
	}
	return LINE_NONE;
}

size_t profile_text_key(const struct profile_text *text, size_t header, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = header + 1; i < text->count; i++) {
		const struct profile_line *line = &text->lines[i];

		if (line->kind == LINE_SECTION)
			break;
		if (line->kind == LINE_KEY && line->key_len == len &&
		    !memcmp(line->text + line->key, key, len))
			return i;
	}
	return LINE_NONE;
}

size_t profile_text_last_key(const struct profile_text *text, size_t header)
{
	size_t last = LINE_NONE;

	for (size_t i = header + 1; i < text->count && text->lines[i].kind != LINE_SECTION; i++)
		if (text->lines[i].kind == LINE_KEY)
			last = i;
	return last;
}

char *profile_text_value(const struct profile_text *text, size_t line)
{
	const struct profile_line *at = &text->lines[line];

	return strndup(at->text + at->value, at->value_len);
}

bool profile_text_is_blank(const struct profile_text *text, size_t line)
{
	const char *at = text->lines[line].text;

	return !at[strspn(at, BLANKS)];
}

/* --- changing --------------------------------------------------------------------------------- */

int profile_text_set(struct profile_text *text, size_t line, const char *value)
{
	struct profile_line *at = &text->lines[line];
	char *changed;

	if (asprintf(&changed, "%.*s%s%s", (int)at->value, at->text, value,
		     at->text + at->value + at->value_len) < 0)
		return -ENOMEM;
	free(at->text);
	at->text = changed;
	at->value_len = strlen(value);
	return 0;
}

/* Takes over what the new line owns, on failure too. */
static int insert(struct profile_text *text, size_t at, struct profile_line line)
{
	struct profile_line *lines = NULL;

	if (line.text && (line.kind != LINE_SECTION || line.section))
		lines = reallocarray(text->lines, text->count + 1, sizeof(*lines));
	if (!lines) {
		line_free(&line);
		return -ENOMEM;
	}
	text->lines = lines;
	if (text->count)
		line.crlf = lines[at ? at - 1 : 0].crlf;
	memmove(lines + at + 1, lines + at, (text->count - at) * sizeof(*lines));
	lines[at] = line;
	text->count++;
	return 0;
}

int profile_text_add_other(struct profile_text *text, size_t at, const char *line)
{
	return insert(text, at, (struct profile_line){.text = strdup(line)});
}

int profile_text_add_section(struct profile_text *text, size_t at, const char *section,
			     const char *name)
{
	struct profile_line line = {.kind = LINE_SECTION};

	if (asprintf(&line.section, "%s%s%s", section, *name ? " " : "", name) < 0)
		return -ENOMEM;
	if (asprintf(&line.text, "[%s]", line.section) < 0)
		line.text = NULL;
	return insert(text, at, line);
}

int profile_text_add_key(struct profile_text *text, size_t at, const char *key, const char *value)
{
	const struct profile_line *before = at ? &text->lines[at - 1] : NULL;
	size_t indent = before && before->kind == LINE_KEY ? strspn(before->text, BLANKS) : 0;
	struct profile_line line = {.kind = LINE_KEY, .key = indent, .key_len = strlen(key)};

	line.value = indent + line.key_len + strlen(" = ");
	line.value_len = strlen(value);
	if (asprintf(&line.text, "%.*s%s = %s", (int)indent, before ? before->text : "", key,
		     value) < 0)
		line.text = NULL;
	return insert(text, at, line);
}

int profile_text_add_comment(struct profile_text *text, size_t line, const char *comment)
{
	struct profile_line *at = &text->lines[line];
	char *changed;

	if (asprintf(&changed, "%.*s  # %s", (int)(at->value + at->value_len), at->text, comment) <
	    0)
		return -ENOMEM;
	free(at->text);
	at->text = changed;
	return 0;
}

int profile_text_comment_out(struct profile_text *text, size_t line)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct profile_line *at = &text->lines[line];
	/* A byte order mark is one at the start of the file only. */
	size_t skip = strncmp(at->text, mark, strlen(mark)) ? 0 : strlen(mark);
	char *changed;

	if (asprintf(&changed, "%.*s# %s", (int)skip, at->text, at->text + skip) < 0)
		return -ENOMEM;
	free(at->text);
	at->text = changed;
	at->kind = LINE_OTHER;
	return 0;
}

void profile_text_drop(struct profile_text *text, size_t line)
{
	line_free(&text->lines[line]);
	text->count--;
	memmove(text->lines + line, text->lines + line + 1,
		(text->count - line) * sizeof(*text->lines));
}
