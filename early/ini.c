// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <string.h>

#include "early/ini.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_comment(char c)
{
	return c == '#' || c == ';';
}

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

/* Cuts blanks off both ends of what ends at end (where a NUL goes); returns the new start. */
static char *trim(char *text, char *end)
{
	while (end > text && is_blank(end[-1]))
		end--;
	*end = '\0';
	while (is_blank(*text))
		text++;
	return text;
}

/*
 * Ends a line of code where its comment starts. -EBADMSG for a control character or a quote that
 * is not closed.
 */
static int cut_comment(char *text, char **end, unsigned line, struct diag *diag)
{
	bool in_quote = false;

	for (char *at = text; at < *end; at++) {
		if (!in_quote && is_comment(*at) && (at == text || is_blank(at[-1]))) {
			*end = at;
			break;
		}
		if (*at == '"')
			in_quote = !in_quote;
		else if ((*at >= 0 && *at < 0x20 && *at != '\t') || *at == 0x7f)
			return diag_set(diag, -EBADMSG, NULL, line,
					"control character 0x%02x at byte %zu of the line", *at,
					(size_t)(at - text) + 1);
	}
	if (in_quote)
		return diag_set(diag, -EBADMSG, NULL, line, "a `\"` is opened and not closed");
	**end = '\0';
	return 0;
}

static int parse_section(char *text, char *end, const char **ret, unsigned line, struct diag *diag)
{
	char *close = memchr(text, ']', (size_t)(end - text)), *name;

	if (!close)
		return diag_set(diag, -EBADMSG, NULL, line,
				"`%.60s`: the `]` of the section is missing", text);
	name = trim(close + 1, end);
	if (*name)
		return diag_set(diag, -EBADMSG, NULL, line,
				"`%.60s` after the `]`; a section stands on a line of its own",
				name);
	name = trim(text + 1, close);
	if (!*name)
		return diag_set(diag, -EBADMSG, NULL, line, "a section without a name");
	*ret = name;
	return 0;
}

static int parse_pair(char *text, char *end, const char **ret_key, const char **ret_value,
		      unsigned line, struct diag *diag)
{
	char *equals = memchr(text, '=', (size_t)(end - text)), *key, *value;
	size_t len;

	if (!equals)
		return diag_set(diag, -EBADMSG, NULL, line,
				"`%.60s`: expected `key = value` or `[section]`", text);
	value = trim(equals + 1, end);
	key = trim(text, equals);
	len = strlen(key);
	if (!len)
		return diag_set(diag, -EBADMSG, NULL, line, "no key before the `=`");
	for (size_t i = 0; i < len; i++)
		if (!is_key_char(key[i]))
			return diag_set(diag, -EBADMSG, NULL, line,
					"`%.60s` is no key: only letters, digits and `_.-` are",
					key);
	if (len > INI_KEY_MAX)
		return diag_set(diag, -EBADMSG, NULL, line, "a key of %zu bytes; at most %d are",
				len, INI_KEY_MAX);

	len = strlen(value);
	if (len >= 2 && *value == '"' && strchr(value + 1, '"') == value + len - 1) {
		value[len - 1] = '\0';
		value++;
	}
	*ret_key = key;
	*ret_value = value;
	return 0;
}

/* One line without its end; *section is the section so far. */
static int parse_line(char *text, char *end, const char **section, ini_line callback, void *data,
		      unsigned line, struct diag *diag)
{
	const char *key = NULL, *value = NULL;
	char *cr;
	int r;

	if (end > text && end[-1] == '\r')
		end--;
	if (end - text > INI_LINE_MAX)
		return diag_set(diag, -EBADMSG, NULL, line, "a line of %zu bytes; at most %d are",
				(size_t)(end - text), INI_LINE_MAX);
	if (memchr(text, '\0', (size_t)(end - text)))
		return diag_set(diag, -EBADMSG, NULL, line, "a NUL byte: this is no text file");
	cr = memchr(text, '\r', (size_t)(end - text));
	if (cr)
		return diag_set(diag, -EBADMSG, NULL, line,
				"a carriage return within the line, at byte %zu; lines end with LF "
				"or CR LF",
				(size_t)(cr - text) + 1);

	while (text < end && is_blank(*text))
		text++;
	if (text == end || is_comment(*text))
		return 0;
	r = cut_comment(text, &end, line, diag);
	if (r < 0)
		return r;
	if (*text == '[') {
		r = parse_section(text, end, section, line, diag);
	} else if (!*section) {
		r = diag_set(diag, -EBADMSG, NULL, line,
			     "`%.60s` stands before the first `[section]`", text);
	} else {
		r = parse_pair(text, end, &key, &value, line, diag);
	}
	if (r < 0)
		return r;
	return callback(data, *section, key, value, line, diag);
}

int ini_parse(char *text, size_t size, ini_line callback, void *data, struct diag *diag)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *section = NULL;
	char *at = text, *stop = text + size;
	unsigned line = 1;

	if (size >= sizeof(mark) - 1 && !memcmp(at, mark, sizeof(mark) - 1))
		at += sizeof(mark) - 1;
	while (at < stop) {
		char *end = memchr(at, '\n', (size_t)(stop - at));
		int r;

		if (!end)
			end = stop;
		r = parse_line(at, end, &section, callback, data, line++, diag);
		if (r < 0)
			return r;
		at = end + 1;
	}
	return 0;
}
