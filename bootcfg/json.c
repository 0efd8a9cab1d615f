// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/json.h"

/* Length of the UTF-8 sequence (RFC 3629) at text; 0 where it is none. */
static size_t utf8_length(const unsigned char *text)
{
	size_t len = text[0] < 0x80   ? 1
		     : text[0] < 0xc2 ? 0
		     : text[0] < 0xe0 ? 2
		     : text[0] < 0xf0 ? 3
		     : text[0] < 0xf5 ? 4
				      : 0;

	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what is above U+10FFFF. */
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return len;
}

json_t *json_text(const char *text)
{
	_cleanup_free_ char *copy = NULL;

	if (!text)
		return json_null();
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *at = copy; *at;) {
		size_t len = utf8_length((const unsigned char *)at);

		/* JSON need not escape DEL, a terminal acts upon it. */
		if (!len || *at == 0x7f) {
			*at = '?';
			len = 1;
		}
		at += len;
	}
	return json_string(copy);
}

int json_put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) < 0 ? -ENOMEM : 0;
}

json_t *json_error(int code, const struct diag *diag)
{
	return json_pack("{s:i, s:o, s:o, s:o}", "code", code, "message", json_text(diag->text),
			 "file", json_text(diag->file[0] ? diag->file : NULL), "line",
			 diag->line ? json_integer(diag->line) : json_null());
}

int json_print(const json_t *document)
{
	if (json_dumpf(document, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) < 0)
		return -EIO;
	putchar('\n');
	return 0;
}
