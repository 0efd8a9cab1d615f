/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a user should know beside the result: gathered where it is noticed, printed once at the end
 * (by cmd_note(), or as "remarks" in --json). Never a substitute for an error.
 */
#ifndef BOOTCFG_REMARKS_H
#define BOOTCFG_REMARKS_H

#include <stddef.h>

#include "early/cleanup.h"

struct remarks {
	char **items; /* one sentence each, no full stop; owned */
	size_t count;
};

/* Adds a formatted sentence, once: the same text again is dropped. Without memory it is lost. */
void remark(struct remarks *remarks, const char *format, ...) _printf_(2, 3);
void remarks_free(struct remarks *remarks);

#define _cleanup_remarks_ _cleanup_(remarks_free)

#endif
