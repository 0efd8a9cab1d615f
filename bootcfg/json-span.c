// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdint.h>
#include <string.h>

#include "bootcfg/json-span.h"
#include "bootcfg/utf8.h"
#include "early/text.h"

static size_t skip_blanks(const char *text, size_t at)
{
	return at + strspn(text + at, " \t\r\n");
}

/* From an opening quote to behind the closing one. */
static size_t skip_string(const char *text, size_t at)
{
	for (at++; text[at] && text[at] != '"'; at++)
		if (text[at] == '\\' && text[at + 1])
			at++;
	return at + (text[at] == '"');
}

/* Nesting is counted, not recursed into: a text may be as deep as it is long. */
static size_t skip_value(const char *text, size_t at)
{
	size_t depth = 0;

	do {
		at = skip_blanks(text, at);
		if (text[at] == '"')
			at = skip_string(text, at);
		else if (text[at] == '{' || text[at] == '[')
			depth++, at++;
		else if ((text[at] == '}' || text[at] == ']') && depth)
			depth--, at++;
		else if (text[at] == ',' || text[at] == ':')
			at++;
		else
			at += strcspn(text + at, " \t\r\n,:{}[]\"");
	} while (depth && text[at]);
	return at;
}

struct json_span json_span_top(const char *text)
{
	size_t at = skip_blanks(text, 0);

	return (struct json_span){.start = at, .end = skip_value(text, at)};
}

bool json_span_item(const char *text, struct json_span of, size_t n, struct json_item *ret)
{
	bool object = text[of.start] == '{';
	size_t at = of.start;

	if (!object && text[at] != '[')
		return false;
	for (size_t i = 0;; i++) {
		struct json_item item = {.key = {0, 0}};

		at = skip_blanks(text, at + 1);
		if (!text[at] || text[at] == '}' || text[at] == ']')
			return false;
		item.key = (struct json_span){.start = at, .end = at};
		if (object) {
			item.key.end = skip_string(text, at);
			at = skip_blanks(text, item.key.end);
			at = skip_blanks(text, at + (text[at] == ':'));
		}
		item.value = (struct json_span){.start = at, .end = skip_value(text, at)};
		if (i == n) {
			*ret = item;
			return true;
		}
		at = skip_blanks(text, item.value.end);
		if (text[at] != ',')
			return false;
	}
}

size_t json_span_count(const char *text, struct json_span of)
{
	struct json_item item;
	size_t count = 0;

	while (json_span_item(text, of, count, &item))
		count++;
	return count;
}

bool json_span_member(const char *text, struct json_span object, const char *name,
		      struct json_item *ret, size_t *ret_index)
{
	struct json_item item;

	if (text[object.start] != '{')
		return false;
	for (size_t i = 0; json_span_item(text, object, i, &item); i++) {
		_cleanup_free_ char *key = NULL;

		if (json_span_string(text, item.key, &key, NULL) < 0 || strcmp(key, name) != 0)
			continue;
		*ret = item;
		if (ret_index)
			*ret_index = i;
		return true;
	}
	return false;
}

/* --- strings ----------------------------------------------------------------------------------- */

static unsigned hex4(const char *text)
{
	unsigned value = 0;

	for (size_t i = 0; i < 4 && text[i]; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, text[i] | (text[i] > '9' ? 0x20 : 0));

		value = value << 4 | (digit ? (unsigned)(digit - digits) : 0);
	}
	return value;
}

/* One letter at *at, which may be an escape; *at goes behind it. */
static uint32_t take(const char *text, size_t *at, size_t end)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *known;
	uint32_t c;

	if (text[*at] != '\\' || *at + 1 >= end)
		return (unsigned char)text[(*at)++];
	++*at;
	if (text[*at] != 'u' || *at + 5 > end) {
		known = text[*at] ? strchr(from, text[*at]) : NULL;
		c = known ? (unsigned char)to[known - from] : (unsigned char)text[*at];
		++*at;
		return c;
	}
	c = hex4(text + *at + 1);
	*at += 5;
	if (c >= 0xd800 && c < 0xdc00 && *at + 6 <= end && text[*at] == '\\' &&
	    text[*at + 1] == 'u') {
		uint32_t low = hex4(text + *at + 2);

		*at += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff);
	}
	return c;
}

int json_span_string(const char *text, struct json_span string, char **ret, size_t **ret_map)
{
	size_t at = string.start + 1;
	size_t end = string.end > at ? string.end - 1 : at, size = 0;
	/* No escape is shorter than what it stands for. */
	_cleanup_free_ char *plain = malloc(end - at + 1);
	_cleanup_free_ size_t *map = calloc(end - at + 1, sizeof(*map));

	if (!plain || !map)
		return -ENOMEM;
	while (at < end) {
		bool escape = text[at] == '\\';
		size_t from = at, len;
		uint32_t c = take(text, &at, end);

		/* Bytes that are no escape are UTF-8 already. */
		if (!escape)
			plain[size] = (char)c;
		len = escape ? utf8_put(plain + size, c) : 1;
		for (size_t i = 0; i < len; i++)
			map[size + i] = from;
		size += len;
	}
	plain[size] = '\0';
	map[size] = end;
	*ret = steal(&plain);
	if (ret_map)
		*ret_map = steal(&map);
	return 0;
}

/* The letter at *at of a text in UTF-8; *at goes behind it. */
static uint32_t take_utf8(const unsigned char **at)
{
	uint32_t c = *(*at)++;
	unsigned more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	if (more)
		c &= 0x3fu >> more;
	for (; more && (**at & 0xc0) == 0x80; more--)
		c = c << 6 | (*(*at)++ & 0x3f);
	return c;
}

char *json_span_escape(const char *string)
{
	_cleanup_text_ struct text text = {.data = NULL};
	const unsigned char *at = (const unsigned char *)string;

	text_add(&text, "%s", "");
	while (*at) {
		static const char plain[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
		uint32_t c = take_utf8(&at);
		const char *known = c < 0x80 ? strchr(plain, (int)c) : NULL;

		if (known)
			text_add(&text, "\\%c", letters[known - plain]);
		else if (c >= ' ' && c <= 0x7f)
			text_add(&text, "%c", (int)c);
		else if (c < 0x10000)
			text_add(&text, "\\u%04x", c);
		else
			text_add(&text, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
				 0xdc00 + (c & 0x3ff));
	}
	return text.error ? NULL : steal(&text.data);
}
