/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame of a command line tool: one table row per command. From the table come dispatch,
 * --help, shell completion and the synopsis of the man page, so that they cannot differ.
 * Options may stand before or after the command's name. Every command takes --root, --json, -q,
 * -v, --help and --version.
 */
#ifndef BOOTCFG_CMD_H
#define BOOTCFG_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "early/diag.h"
#include "early/exitcode.h"
#include "early/root.h"

struct json_t; /* jansson's */

struct cmd_option {
	const char *name; /* the long form, without dashes */
	char letter; /* the short form, or '\0' */
	const char *argument; /* "DIR"; NULL for a switch */
	const char *help; /* a few words, no full stop */
	const char *completion; /* of the argument: words with blanks between, or "@directory" */
	bool instead_of_previous; /* synopsis: [--tree|--all] */
	bool repeatable; /* synopsis: [--arg NAME]... */
};

struct cmd_call;

struct cmd {
	const char *name;
	int (*run)(struct cmd_call *call); /* returns an exit code */
	const char *help; /* one line */
	const char *operands; /* "NAME|ADDRESS"; NULL: none are taken */
	const struct cmd_option *options;
	size_t option_count;
};

struct cmd_program {
	const char *name;
	const char *help; /* one sentence */
	const struct cmd *commands;
	size_t command_count;
};

/* An option that was given, in the order of the command line. */
struct cmd_given {
	const struct cmd_option *option;
	const char *value; /* NULL for a switch */
};

/* One run of one command. */
struct cmd_call {
	const struct cmd_program *program;
	const struct cmd *cmd;
	struct root root; /* opened by the frame, from --root */
	const char *root_dir; /* as given; NULL: the running system */
	bool json, quiet, verbose;
	char **operands;
	size_t operand_count;
	struct cmd_given *given; /* options of the command itself */
	size_t given_count;
	/* What cmd_fail() and cmd_document() keep until the end. */
	int code;
	struct diag error;
	struct json_t *document;
};

/*
 * Parses the command line, opens the root, runs the command, prints its JSON document. Returns the
 * exit code for main(): the command's own, EXIT_USAGE, or EXIT_SYSTEM where root or stdout fails.
 */
int cmd_main(const struct cmd_program *program, int argc, char **argv);

/* Whether an option of the command was given; its n-th value (from 0), or NULL. */
bool cmd_has(const struct cmd_call *call, const char *option);
const char *cmd_value(const struct cmd_call *call, const char *option, size_t n);

/*
 * An error: says it on stderr, and keeps the first one for --json. Returns code, so that a command
 * can `return cmd_fail(...)`. cmd_failf() takes a format in place of a diag.
 */
int cmd_fail(struct cmd_call *call, int code, const struct diag *diag);
int cmd_failf(struct cmd_call *call, int code, const char *format, ...) _printf_(3, 4);

/* A remark on stderr, cleaned of control characters; not with -q. */
void cmd_note(const struct cmd_call *call, const char *format, ...) _printf_(2, 3);

/* Hands over an object as the document of --json; an error is added to it as its key "error". */
void cmd_document(struct cmd_call *call, struct json_t *object);

/* The options that every command takes. */
extern const struct cmd_option cmd_common[];
extern const size_t cmd_common_count;

/* --- made from the table, cmd-help.c --- */

/* Prints the help of the program, or where cmd is not NULL of one command; 80 columns at most. */
void cmd_help(const struct cmd_program *program, const struct cmd *cmd);

/*
 * `--dump=WHAT`, for the build: "bash" and "zsh" are completions, "man" is the synopsis in roff,
 * "options" one line "COMMAND --option ARGUMENT" each. 0, or -EINVAL for another WHAT.
 */
int cmd_dump(const struct cmd_program *program, const char *what) _must_check_;

#endif
