// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>

#include "early/text.h"

void text_add(struct text *text, const char *format, ...)
{
	char *data;
	size_t space;
	va_list args;
	int n;

	/* Twice at most: the first try says how much there is. */
	while (!text->error) {
		va_start(args, format);
		n = vsnprintf(text->data ? text->data + text->size : NULL, text->space - text->size,
			      format, args);
		va_end(args);
		if (n >= 0 && (size_t)n < text->space - text->size) {
			text->size += (size_t)n;
			return;
		}
		space = text->space + (n > 0 ? (size_t)n : 0) + 2048;
		data = n < 0 ? NULL : realloc(text->data, space);
		if (!data) {
			text->error = -ENOMEM;
			return;
		}
		text->data = data;
		text->space = space;
	}
}
