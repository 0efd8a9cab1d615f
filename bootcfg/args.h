/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of kernel parameters in [kernel] args, one by one. */
#ifndef BOOTCFG_ARGS_H
#define BOOTCFG_ARGS_H

#include <stddef.h>

#include "early/diag.h"

struct args {
	char **items; /* in the kernel's own quoting; owned */
	size_t count;
};

/* Cuts the value of the profile's key; NULL: none. *ret is the caller's, for args_free(). */
int args_parse(const char *value, struct args *ret) _must_check_;
void args_free(struct args *args);

/*
 * The parameter that an option gives: NAME, or NAME=VALUE, which is put in quotes where VALUE has
 * blanks and is in none. *ret is the caller's. option ("--arg") is for messages. -EINVAL with diag;
 * -ENOMEM.
 */
int args_token(const char *option, const char *text, char **ret, struct diag *diag) _must_check_;

/*
 * Adds a parameter. In place of the one that has its name; one that may be there many times (console=)
 * beside it, unless the very same is there. 0 or -ENOMEM.
 */
int args_put(struct args *args, const char *token) _must_check_;

/* Takes out what has the name of token, and its value where it has one. How many there were. */
size_t args_take(struct args *args, const char *token);

/* The value for the key; the caller's to free. "" for none; NULL without memory. */
char *args_join(const struct args *args) _must_check_;

#define _cleanup_args_ _cleanup_(args_free)

#endif
