/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes of any kind (paths, what stood on a command line) in a JSON string, and back, unharmed: '%'
 * and what is not printable ASCII become %XX. For the files that this project reads again itself;
 * what people read goes through json_text().
 */
#ifndef BOOTCFG_JSON_BYTES_H
#define BOOTCFG_JSON_BYTES_H

#include "bootcfg/json.h"

/* A JSON string; NULL gives null. NULL without memory. */
json_t *json_bytes(const char *bytes) _must_check_;

/*
 * The bytes of such a string, the caller's to free. 0; -EBADMSG (no string, an escape that json_bytes()
 * does not make, a NUL), -ENOMEM.
 */
int json_bytes_read(const json_t *value, char **ret) _must_check_;

#endif
