/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the shell reader's words and its commands: for shell-words.c and shell-commands.c only. */
#ifndef BOOTCFG_SHELL_INTERNAL_H
#define BOOTCFG_SHELL_INTERNAL_H

#include "bootcfg/shell-words.h"

struct lexer {
	struct shell *shell;
	const char *data;
	size_t at, size;
	unsigned line;
	unsigned number;
	unsigned depth; /* of nested expansions */
	const char *file; /* to name */
	struct diag *diag;
};

/* What a word turned out to be. */
struct word {
	struct shell_value value; /* what it expands to; for an assignment what follows the `=` */
	size_t start; /* in the file */
	unsigned line;
	bool plain; /* no quote, no expansion: may be a reserved word */
	bool split; /* an expansion outside of quotes: may become several words */
	bool pattern; /* may become names of files */
};

/* More than any command line: a value that doubles itself line by line must end. */
#define VALUE_MAX 8192
#define DEPTH_MAX 100

/* The byte at the lexer's place after line continuations, which it passes over; -1 at the end. */
int lexer_peek(struct lexer *lexer);
int lexer_fail(struct lexer *lexer, unsigned line, const char *what) _must_check_;

/*
 * Reads a word up to an unquoted blank or operator into *ret, which the caller frees. self: the
 * variable that is being assigned, or NULL. 0 or -errno with diag.
 */
int word_read(struct lexer *lexer, const char *self, struct word *ret) _must_check_;
void word_free(struct word *word);

/* Adds a char; beyond VALUE_MAX all becomes one unknown. 0 or -ENOMEM. */
int value_add(struct shell_value *value, struct shell_char item) _must_check_;
void value_clear(struct shell_value *value);

/* The variable's place in shell->values, made where it is missing; NULL without memory. */
struct shell_value *shell_slot(struct shell *shell, const char *name, size_t size);

/* A variable may have any value from now on. 0 or -ENOMEM. */
int shell_forget(struct lexer *lexer, const char *name, size_t size, size_t start, size_t end,
		 unsigned line) _must_check_;

#endif
