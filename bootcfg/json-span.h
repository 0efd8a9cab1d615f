/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things stand in the text of a JSON document (RFC 8259), so that one of them can be changed
 * and every other byte stays. For texts that jansson has accepted: nothing is checked here but what
 * memory safety asks for.
 */
#ifndef BOOTCFG_JSON_SPAN_H
#define BOOTCFG_JSON_SPAN_H

#include <stdbool.h>
#include <stddef.h>

#include "early/cleanup.h"

/* Bytes of a text, from start up to end. */
struct json_span {
	size_t start, end;
};

struct json_item {
	struct json_span key; /* of an object's member, with its quotes; empty in an array */
	struct json_span value;
};

/* The document's one value. The text is NUL-terminated. */
struct json_span json_span_top(const char *text);

/* The n-th member or element (from 0) of an object or array: false where it has fewer. */
bool json_span_item(const char *text, struct json_span of, size_t n, struct json_item *ret);
size_t json_span_count(const char *text, struct json_span of);

/* An object's member by name; *ret_index, where not NULL, is its number. False: there is none. */
bool json_span_member(const char *text, struct json_span object, const char *name,
		      struct json_item *ret, size_t *ret_index);

/*
 * A string without quotes and escapes, in UTF-8. *ret_map, where not NULL, gets for each of its bytes,
 * and for its end, where in text it comes from. Both are the caller's to free. 0 or -ENOMEM.
 */
int json_span_string(const char *text, struct json_span string, char **ret,
		     size_t **ret_map) _must_check_;

/*
 * What goes between the quotes of a string, as Python's json module writes it: ASCII only. The
 * caller's to free; NULL without memory.
 */
char *json_span_escape(const char *string) _must_check_;

#endif
