// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <string.h>

#include "bootcfg/remarks.h"
#include "early/diag.h"

void remark(struct remarks *remarks, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	char **items;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	if (r < 0) {
		text = NULL;
		return;
	}
	text_clean(text);
	for (size_t i = 0; i < remarks->count; i++)
		if (!strcmp(remarks->items[i], text))
			return;
	items = reallocarray(remarks->items, remarks->count + 1, sizeof(*items));
	if (!items)
		return;
	remarks->items = items;
	items[remarks->count++] = steal(&text);
}

void remarks_free(struct remarks *remarks)
{
	for (size_t i = 0; i < remarks->count; i++)
		free(remarks->items[i]);
	free(remarks->items);
	*remarks = (struct remarks){.count = 0};
}
