// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <string.h>

#include "bootcfg/json-bytes.h"

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c <= 0x7e && c != '%';
}

json_t *json_bytes(const char *bytes)
{
	static const char digits[] = "0123456789abcdef";
	_cleanup_free_ char *text = NULL;
	char *at;

	if (!bytes)
		return json_null();
	text = at = calloc(3, strlen(bytes) + 1);
	if (!text)
		return NULL;
	for (const unsigned char *from = (const unsigned char *)bytes; *from; from++) {
		if (is_plain(*from)) {
			*at++ = (char)*from;
			continue;
		}
		*at++ = '%';
		*at++ = digits[*from >> 4];
		*at++ = digits[*from & 15];
	}
	*at = '\0';
	return json_string(text);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int json_bytes_read(const json_t *value, char **ret)
{
	_cleanup_free_ char *bytes = NULL;
	const char *from = json_string_value(value);
	char *at;

	if (!from || strlen(from) != json_string_length(value))
		return -EBADMSG;
	bytes = at = calloc(1, strlen(from) + 1);
	if (!bytes)
		return -ENOMEM;
	while (*from) {
		int high, low;

		if (*from != '%') {
			if (!is_plain((unsigned char)*from))
				return -EBADMSG;
			*at++ = *from++;
			continue;
		}
		high = digit(from[1]);
		low = high < 0 ? -1 : digit(from[2]);
		if (low < 0 || (high == 0 && low == 0) ||
		    is_plain((unsigned char)(high << 4 | low)))
			return -EBADMSG;
		*at++ = (char)(high << 4 | low);
		from += 3;
	}
	*at = '\0';
	*ret = steal(&bytes);
	return 0;
}
