// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <string.h>

#include "early/diag.h"

void text_clean(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

/* Copies as much as fits; size is at least 1. */
static void copy_cut(char *buf, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	memcpy(buf, text, len);
	buf[len] = '\0';
}

int diag_set(struct diag *diag, int error, const char *file, unsigned line, const char *format, ...)
{
	va_list args;

	copy_cut(diag->file, sizeof(diag->file), file ? file : "");
	diag->line = line;
	va_start(args, format);
	if (vsnprintf(diag->text, sizeof(diag->text), format, args) < 0)
		diag->text[0] = '\0';
	va_end(args);
	text_clean(diag->file);
	text_clean(diag->text);
	return error;
}

char *diag_format(const struct diag *diag, char buf[static DIAG_STR])
{
	if (diag->file[0] && diag->line)
		snprintf(buf, DIAG_STR, "%s:%u: %s", diag->file, diag->line, diag->text);
	else if (diag->file[0])
		snprintf(buf, DIAG_STR, "%s: %s", diag->file, diag->text);
	else
		snprintf(buf, DIAG_STR, "%s", diag->text);
	return buf;
}
