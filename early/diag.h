/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One message with its place, filled in where the error is found and printed once, at the top. */
#ifndef EARLY_DIAG_H
#define EARLY_DIAG_H

#include "cleanup.h"

struct diag {
	char file[256]; /* path below the root, with a leading slash; "" where there is none */
	unsigned line; /* from 1; 0 where there is none */
	char text[512]; /* what is wrong and what to do about it; printable, one line */
};

#define DIAG_INIT ((struct diag){.line = 0})

/*
 * Sets file, line and the formatted text (cut to fit, control characters replaced by '?'). Returns
 * error, so that a caller can write `return diag_set(...)`. file may be NULL.
 */
int diag_set(struct diag *diag, int error, const char *file, unsigned line, const char *format, ...)
	_printf_(5, 6);

/* "FILE:LINE: text", "FILE: text" or "text" into buf; returns buf. */
#define DIAG_STR 800
char *diag_format(const struct diag *diag, char buf[static DIAG_STR]);

/*
 * Replaces what a terminal or the kernel log would act upon (control characters, DEL, bytes above
 * 0x7e) by '?'.
 */
void text_clean(char *text);

#endif
