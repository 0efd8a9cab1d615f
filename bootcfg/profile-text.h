/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One file of the profile as lines that can be changed one by one, the others staying byte for byte
 * as they are: comments, blanks, CR LF, a last line without an end. What a line means is ini.h's to
 * say.
 */
#ifndef BOOTCFG_PROFILE_TEXT_H
#define BOOTCFG_PROFILE_TEXT_H

#include <stdbool.h>

#include "early/ini.h"

enum profile_line_kind { LINE_OTHER /* blank, or a comment */, LINE_SECTION, LINE_KEY };

struct profile_line {
	char *text; /* without its end; owned */
	bool crlf;
	enum profile_line_kind kind;
	char *section; /* LINE_SECTION: "device guest-gpu", "cpus"; owned */
	size_t key, key_len; /* LINE_KEY: where in the text */
	size_t value, value_len; /* with the quotes around it, without the comment behind it */
};

struct profile_text {
	struct profile_line *lines;
	size_t count;
	const char *
		open_end; /* what the last line ends with in place of LF: "" or "\r"; NULL: with LF */
};

#define LINE_NONE ((size_t)-1)

/* *ret is the caller's, for profile_text_free(). -EBADMSG with diag's line and text; -ENOMEM. */
int profile_text_parse(const char *data, size_t size, struct profile_text *ret,
		       struct diag *diag) _must_check_;
void profile_text_free(struct profile_text *text);

/* The bytes of the file, NUL-terminated; the caller's to free. NULL without memory. */
char *profile_text_join(const struct profile_text *text, size_t *ret_size) _must_check_;

/* The line of `[section name]` (name "": without), of a key in the section that starts at a line, and
 * of the section's last key. LINE_NONE where there is none. */
size_t profile_text_section(const struct profile_text *text, const char *section, const char *name);
size_t profile_text_key(const struct profile_text *text, size_t header, const char *key);
size_t profile_text_last_key(const struct profile_text *text, size_t header);

/* A copy of the value in a line, as it stands there; the caller's to free. NULL without memory. */
char *profile_text_value(const struct profile_text *text, size_t line) _must_check_;

/*
 * Changes; 0 or -ENOMEM. New lines are put in front of line `at` (count: at the end) and get the line
 * end of the one before them; a key is indented like the line before it, where that is a key. No
 * part may hold a line end.
 */
int profile_text_set(struct profile_text *text, size_t line, const char *value) _must_check_;
int profile_text_add_other(struct profile_text *text, size_t at, const char *line) _must_check_;
int profile_text_add_section(struct profile_text *text, size_t at, const char *section,
			     const char *name) _must_check_;
int profile_text_add_key(struct profile_text *text, size_t at, const char *key,
			 const char *value) _must_check_;
int profile_text_add_comment(struct profile_text *text, size_t line,
			     const char *comment) _must_check_; /* behind a key, in place of one */
int profile_text_comment_out(struct profile_text *text, size_t line) _must_check_;
void profile_text_drop(struct profile_text *text, size_t line);

/* True for a line of blanks, or of nothing. */
bool profile_text_is_blank(const struct profile_text *text, size_t line);

#define _cleanup_profile_text_ _cleanup_(profile_text_free)

#endif
