/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a file of shell assignments (/etc/default/grub) says, without running it: words as POSIX
 * 2.2 and 2.6 have them, as dash and bash read them. Every byte of a value knows which bytes of
 * which file it is made of, so that an edit leaves all others alone. What only a run could tell
 * (`$(...)`, variables of others, what stands in an `if`) is marked as unknown, and stays as it is.
 */
#ifndef BOOTCFG_SHELL_WORDS_H
#define BOOTCFG_SHELL_WORDS_H

#include "bootcfg/file.h"

enum shell_quote { SHELL_BARE, SHELL_SINGLE, SHELL_DOUBLE };

enum shell_kind {
	SHELL_BYTE, /* c */
	SHELL_UNKNOWN, /* start to end is an expansion of which only a run knows the value */
	SHELL_ANCHOR, /* no byte: where an assignment can be added to, inside its last quotes */
};

struct shell_char {
	size_t start, end; /* the bytes of the file that make it; the escape counts in */
	unsigned file; /* the number that shell_read() was given */
	unsigned line; /* from 1 */
	char c;
	unsigned char kind, quote;
	bool fixed; /* came through another variable: an edit at its place would change that too */
	bool maybe; /* a blank that is there only if what is unknown before it is not empty */
};

struct shell_value {
	char *name; /* owned */
	bool set; /* false: unset, or not assigned yet */
	struct shell_char *chars; /* owned */
	size_t count;
};

struct shell {
	bool bash; /* /bin/sh is one that knows `+=`; else dash */
	struct shell_value *values;
	size_t count;
	bool all_unknown; /* a command was met that may have set anything */
	/* --- of the file that is being read --- */
	bool maybe; /* what follows may not be reached */
};

/*
 * Evaluates a file after those before it. number marks its bytes. Errors, with diag naming the line:
 * -EBADMSG  grub-mkconfig would fail here: a quote, brace or `fi` is missing; `+=` in dash; `exit`;
 *           a line of a lone carriage return; a NUL
 * -ENOMEM
 */
int shell_read(struct shell *shell, const struct file *file, unsigned number,
	       struct diag *diag) _must_check_;
void shell_free(struct shell *shell);

/*
 * A variable as it is after what was read, or NULL where it is known to be unset. One that may have
 * been changed by what is not understood has a single SHELL_UNKNOWN.
 */
const struct shell_value *shell_get(const struct shell *shell, const char *name);

/* Declares that a variable is unset before the first file; others are unknown until assigned. */
int shell_declare(struct shell *shell, const char *name) _must_check_;

/* As if `NAME="${NAME:+$NAME }"` stood in a file `number` that is not there yet, with an anchor. */
int shell_anchor(struct shell *shell, const char *name, unsigned number, size_t at) _must_check_;

/* True if the value's text is wholly known and equals text: GRUB_ENABLE_BLSCFG=true. */
bool shell_is(const struct shell *shell, const char *name, const char *text);

/* Writes c as it has to stand between such quotes into ret; its length, or 0 where it cannot. */
size_t shell_escape(char c, enum shell_quote quote, char ret[static 4]);

static inline bool shell_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool shell_name_char(char c)
{
	return shell_name_start(c) || (c >= '0' && c <= '9');
}

#define _cleanup_shell_ _cleanup_(shell_free)

#endif
