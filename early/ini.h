/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line grammar of the profile and of the record: LF or CRLF; `#` or `;` starts a comment at the
 * start of a line or after a blank, outside `"`; `[section name]`; `key = value`; no continuation;
 * lines of at most INI_LINE_MAX bytes; a NUL is an error. A blank is a space or a tab; other
 * control characters may stand in comments only. There is no escape: a value that is to keep its
 * outer blanks or a comment sign stands in quotes and holds none itself.
 */
#ifndef EARLY_INI_H
#define EARLY_INI_H

#include "diag.h"

#define INI_LINE_MAX 4096 /* bytes, without the line's end */
#define INI_KEY_MAX 63 /* bytes; letters, digits and _.- */

/*
 * One line, decoded. section is the text between the brackets without surrounding blanks; key is
 * NULL for the line of a section itself. value has no comment, no surrounding blanks and, where one
 * pair of quotes is around all of it, no quotes; it may be empty. All strings are inside the buffer
 * that is parsed, which the parser cuts up: a quote that was taken off is still at value[-1], for a
 * key whose value has a quoting of its own. Bytes from 0x80 up are passed on in values. Return 0
 * to go on; a negative value ends ini_parse() and is returned by it (the callee fills in diag).
 */
typedef int (*ini_line)(void *data, const char *section, const char *key, const char *value,
			unsigned line, struct diag *diag);

/*
 * Parses size bytes at text (writable, followed by a NUL that is not counted). A UTF-8 byte order
 * mark at the start is passed over.
 * Errors: -EBADMSG with diag's line and text set (the caller fills in diag->file, which is ""), or
 * what line() returned.
 */
int ini_parse(char *text, size_t size, ini_line line, void *data, struct diag *diag) _must_check_;

#endif
