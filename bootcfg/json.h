/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jansson, as all of --json uses it. A failed allocation shows as NULL, which jansson passes on. */
#ifndef BOOTCFG_JSON_H
#define BOOTCFG_JSON_H

#include <jansson.h>

#include "early/diag.h"

/*
 * A string of bytes from outside: what is not UTF-8 becomes '?' byte by byte, which json_string()
 * would refuse. NULL gives null.
 */
json_t *json_text(const char *text) _must_check_;

/* Sets a key and takes value over; 0 or -ENOMEM, also where value is NULL. */
int json_put(json_t *object, const char *key, json_t *value) _must_check_;

/* {"code", "message", "file", "line"}; code is the exit code, file and line may be null. */
json_t *json_error(int code, const struct diag *diag) _must_check_;

/*
 * Prints one document and a newline on stdout, non-ASCII and control characters escaped. 0, or
 * -EIO; an error of a buffered write shows at fflush(3) only.
 */
int json_print(const json_t *document) _must_check_;

#define _cleanup_json_ _cleanup_(json_decrefp)

#endif
