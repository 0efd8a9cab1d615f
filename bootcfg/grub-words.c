// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/grub-words.h"
#include "early/cmdline.h"

/* A word that is being read. */
struct reader {
	const struct shell_value *value;
	const struct file *files;
	struct diag *diag;
	size_t at;
	char *content; /* what GRUB's script makes of it; space for all */
	size_t content_size;
	char *raw; /* as it stands */
	size_t raw_size;
	bool escaped, variable, unknown;
};

void grub_words_free(struct grub_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->items[i].text);
	free(words->items);
	*words = (struct grub_words){.count = 0};
}

static int complain(const struct reader *reader, const struct shell_char *item, const char *what)
{
	char path[sizeof(reader->diag->file)];

	snprintf(path, sizeof(path), "/%s", reader->files[item->file].path);
	return diag_set(reader->diag, -EBADMSG, path, item->line, "%s", what);
}

/* The kind of a char: its byte, or what cannot be one. */
enum { IS_UNKNOWN = -1, IS_NOTHING = -2 };

static int byte_of(const struct shell_char *item)
{
	if (item->kind == SHELL_UNKNOWN)
		return IS_UNKNOWN;
	/* GRUB passes over carriage returns wherever they stand (grub-core/lib/getline.c). */
	if (item->kind == SHELL_ANCHOR || item->c == '\r')
		return IS_NOTHING;
	return (unsigned char)item->c;
}

/* The next byte that counts, or IS_UNKNOWN, or IS_NOTHING at the end; reader->at is its place. */
static int peek(struct reader *reader)
{
	for (; reader->at < reader->value->count; reader->at++) {
		int c = byte_of(&reader->value->chars[reader->at]);

		if (c != IS_NOTHING)
			return c;
	}
	return IS_NOTHING;
}

static void keep(struct reader *reader, int c)
{
	reader->content[reader->content_size++] = (char)c;
}

static void pass(struct reader *reader)
{
	reader->raw[reader->raw_size++] = reader->value->chars[reader->at++].c;
}

/* An expansion of the shell: as it stands in the file, if that could be one word. */
static int read_unknown(struct reader *reader)
{
	const struct shell_char *item = &reader->value->chars[reader->at++];
	const struct file *file = &reader->files[item->file];
	const char *text = "$...";
	size_t size = 4;
	char *content, *raw;

	if (file->data && item->end <= file->size && item->start < item->end &&
	    item->end - item->start <= 80) {
		text = file->data + item->start;
		size = item->end - item->start;
		for (size_t i = 0; i < size; i++)
			if (text[i] <= ' ' || text[i] == '"' || text[i] > 0x7e) {
				text = "$(...)";
				size = 6;
			}
	}
	content = realloc(reader->content, reader->value->count + reader->content_size + size + 1);
	if (!content)
		return -ENOMEM;
	reader->content = content;
	raw = realloc(reader->raw, reader->value->count + reader->raw_size + size + 1);
	if (!raw)
		return -ENOMEM;
	reader->raw = raw;
	memcpy(raw + reader->raw_size, text, size);
	reader->raw_size += size;
	reader->unknown = true;
	return 0;
}

static int read_single(struct reader *reader, const struct shell_char *from)
{
	int c;

	pass(reader);
	reader->escaped = true;
	while ((c = peek(reader)) != '\'') {
		if (c == IS_NOTHING)
			return complain(reader, from, "a single quote stays open for GRUB");
		if (c == IS_UNKNOWN) {
			if (read_unknown(reader) < 0)
				return -ENOMEM;
			continue;
		}
		keep(reader, c);
		pass(reader);
	}
	pass(reader);
	return 0;
}

static int read_double(struct reader *reader, const struct shell_char *from)
{
	int c;

	pass(reader);
	while ((c = peek(reader)) != '"') {
		if (c == IS_NOTHING)
			return complain(reader, from, "a double quote stays open for GRUB");
		if (c == IS_UNKNOWN) {
			if (read_unknown(reader) < 0)
				return -ENOMEM;
			continue;
		}
		if (c == '\n')
			return complain(reader, &reader->value->chars[reader->at],
					"a line ends inside of quotes: GRUB would end the command "
					"line");
		if (c == '$')
			reader->variable = true;
		pass(reader);
		if (c == '\\') {
			int next = peek(reader);

			reader->escaped = true;
			if (next == '$' || next == '"' || next == '\\') {
				c = next;
				pass(reader);
			}
		}
		keep(reader, c);
	}
	pass(reader);
	return 0;
}

/* One thing outside of quotes. */
static int read_bare(struct reader *reader, int c)
{
	const struct shell_char *item = &reader->value->chars[reader->at];

	switch (c) {
	case IS_UNKNOWN:
		return read_unknown(reader);
	case '\'':
		return read_single(reader, item);
	case '"':
		return read_double(reader, item);
	case '\\':
		reader->escaped = true;
		pass(reader);
		c = peek(reader);
		if (c < 0 || c == '\n')
			return complain(reader, item,
					"a lone backslash: GRUB would join the next "
					"line to this one");
		break;
	case '$':
		reader->variable = true;
		break;
	case ';':
	case '&':
	case '|':
	case '<':
	case '>':
	case '{':
	case '}': {
		char what[120];

		snprintf(what, sizeof(what),
			 "GRUB ends the command line at `%c`: what follows never reaches the "
			 "kernel; "
			 "quote it or take it out",
			 c);
		return complain(reader, item, what);
	}
	}
	keep(reader, c);
	pass(reader);
	return 0;
}

/* What GRUB's loader hands to the kernel for one argument. */
static char *as_handed_over(const char *content, size_t size)
{
	bool quoted = memchr(content, ' ', size) || !size;
	char *text = malloc(2 * size + 3), *at = text;

	if (!text)
		return NULL;
	if (quoted)
		*at++ = '"';
	for (size_t i = 0; i < size; i++) {
		if (strchr("\\'\"", content[i]))
			*at++ = '\\';
		*at++ = content[i];
	}
	if (quoted)
		*at++ = '"';
	*at = '\0';
	return text;
}

static bool slice_equal(const char *a, size_t a_size, const char *b, size_t b_size)
{
	return !a == !b && (!a || (a_size == b_size && !memcmp(a, b, a_size)));
}

/* Whether the kernel takes both for the same one parameter. */
static bool same_to_kernel(const char *a, size_t a_size, const char *b)
{
	struct cmdline_token x, y;
	struct cmdline left, right;

	cmdline_init(&left, a, a_size);
	cmdline_init(&right, b, strlen(b));
	if (!cmdline_next(&left, &x) || !cmdline_next(&right, &y) || x.raw_len != a_size ||
	    y.raw_len != strlen(b))
		return false;
	return slice_equal(x.name, x.name_len, y.name, y.name_len) &&
	       slice_equal(x.value, x.value_len, y.value, y.value_len);
}

static int finish(struct reader *reader, struct grub_word *word)
{
	char *text = as_handed_over(reader->content, reader->content_size);

	if (!text)
		return -ENOMEM;
	if (reader->variable || reader->unknown) {
		/* What GRUB or the shell puts there is not known here: as it is written. */
		free(text);
		text = strndup(reader->raw, reader->raw_size);
	} else if (!reader->escaped && same_to_kernel(reader->raw, reader->raw_size, text)) {
		free(text);
		text = strndup(reader->raw, reader->raw_size);
		word->exact = true;
	}
	word->text = text;
	return text ? 0 : -ENOMEM;
}

static int read_word(struct reader *reader, struct grub_word *word)
{
	const struct shell_char *item = &reader->value->chars[reader->at];
	int r = 0, c;

	*word = (struct grub_word){.first = reader->at, .file = item->file, .line = item->line};
	reader->content_size = reader->raw_size = 0;
	reader->escaped = reader->variable = reader->unknown = false;
	if (peek(reader) == '#')
		return complain(reader, item,
				"GRUB takes what follows ` #` for a comment: it never reaches the "
				"kernel; take it out");
	for (word->end = reader->at; !r; word->end = reader->at) {
		size_t end = reader->at;

		c = peek(reader);
		if (c == IS_NOTHING || c == ' ' || c == '\t' || c == '\n') {
			reader->at = end;
			break;
		}
		r = read_bare(reader, c);
	}
	for (size_t i = word->first; i < word->end; i++)
		if (reader->value->chars[i].fixed || reader->value->chars[i].file != word->file)
			word->fixed = true;
	return r ? r : finish(reader, word);
}

static int read_words(struct reader *reader, struct grub_words *words)
{
	int c;

	while ((c = peek(reader)) != IS_NOTHING) {
		struct grub_word *items;
		int r;

		if (c == '\n')
			return complain(reader, &reader->value->chars[reader->at],
					"the value goes on in a new line, which GRUB takes for "
					"another command: what is there never reaches the kernel");
		if (c == ' ' || c == '\t') {
			reader->at++;
			continue;
		}
		items = reallocarray(words->items, words->count + 1, sizeof(*items));
		if (!items)
			return -ENOMEM;
		words->items = items;
		items[words->count] = (struct grub_word){.text = NULL};
		r = read_word(reader, &items[words->count++]);
		if (r)
			return r;
	}
	return 0;
}

int grub_words(const struct shell_value *value, const struct file *files, struct grub_words *ret,
	       struct diag *diag)
{
	struct reader reader = {.value = value,
				.files = files,
				.diag = diag,
				.content = malloc(value->count + 1),
				.raw = malloc(value->count + 1)};
	struct grub_words words = {.count = 0};
	int r = reader.content && reader.raw ? read_words(&reader, &words) : -ENOMEM;

	free(reader.content);
	free(reader.raw);
	if (r) {
		grub_words_free(&words);
		return r == -ENOMEM ? diag_set(diag, r, NULL, 0, "out of memory") : r;
	}
	*ret = words;
	return 0;
}

int grub_value(const char *text, size_t size, size_t start, unsigned file, unsigned line,
	       struct shell_value *ret)
{
	struct shell_value value = {.set = true, .count = size};

	value.chars = calloc(size ? size : 1, sizeof(*value.chars));
	if (!value.chars)
		return -ENOMEM;
	for (size_t i = 0; i < size; i++)
		value.chars[i] = (struct shell_char){.start = start + i,
						     .end = start + i + 1,
						     .file = file,
						     .line = line,
						     .c = text[i]};
	*ret = value;
	return 0;
}

/* --- what GRUB can carry ---------------------------------------------------------------------- */

static const char *why_not(const char *token, size_t size)
{
	bool in_quote = false;
	char *content = malloc(size + 1);
	_cleanup_free_ char *handed = NULL;
	size_t count = 0;

	if (!content)
		return "out of memory";
	for (size_t i = 0; i < size; i++) {
		char c = token[i];

		if (c == '"')
			in_quote = !in_quote;
		else
			content[count++] = c;
	}
	handed = as_handed_over(content, count);
	free(content);
	if (*token == '#')
		return "GRUB takes a word that begins with `#` for a comment";
	for (size_t i = 0; i < size; i++) {
		char c = token[i];

		if (c == '"')
			in_quote = !in_quote;
		if (c == '\\' || c == '\'')
			return "GRUB puts a backslash in front of `\\` and `'`";
		if (c < 0x20 || c > 0x7e)
			return "GRUB carries printable ASCII only";
		if (!in_quote && strchr(";&|<>{}", c))
			return "it means something else to GRUB, outside of double quotes";
	}
	if (!handed)
		return "out of memory";
	if (!same_to_kernel(token, size, handed))
		return "GRUB takes its quotes off: quote the whole value, or nothing of it";
	return NULL;
}

int grub_quote(const char *unit, struct diag *diag)
{
	struct cmdline_token token;
	struct cmdline cmdline;

	cmdline_init(&cmdline, unit, strlen(unit));
	while (cmdline_next(&cmdline, &token)) {
		const char *why = why_not(token.raw, token.raw_len);

		if (why)
			return diag_set(
				diag, -EINVAL, NULL, 0, "GRUB cannot hand `%.*s` to the kernel: %s",
				(int)(token.raw_len < 100 ? token.raw_len : 100), token.raw, why);
	}
	return 0;
}

size_t grub_escape(char c, char ret[static 2])
{
	size_t size = 0;

	if (c == '$')
		ret[size++] = '\\';
	ret[size++] = c;
	return size;
}

bool grub_needs_escape(const char *text)
{
	return strchr(text, '$');
}
