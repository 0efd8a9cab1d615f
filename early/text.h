/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that grows: what early writes into files. A stdio stream would cost the image more. */
#ifndef EARLY_TEXT_H
#define EARLY_TEXT_H

#include <stddef.h>

#include "cleanup.h"

struct text {
	char *data; /* NUL-terminated, or NULL while nothing was added; owned */
	size_t size, space;
	int error; /* -ENOMEM once something did not fit; later additions are dropped */
};

/* Adds formatted text. What goes wrong is kept in text->error, to be looked at once, at the end. */
void text_add(struct text *text, const char *format, ...) _printf_(2, 3);

static inline void text_free(struct text *text)
{
	free(text->data);
}

#define _cleanup_text_ _cleanup_(text_free)

#endif
