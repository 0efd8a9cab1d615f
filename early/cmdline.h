/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel command line, cut into tokens as the kernel does it (lib/cmdline.c next_arg(),
 * kernel/params.c parse_args()): blanks separate, only `"` quotes, `-` equals `_` in names, `--`
 * ends the kernel's own part.
 */
#ifndef EARLY_CMDLINE_H
#define EARLY_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"

/* A token, as slices of the caller's text: nothing is copied, nothing is NUL-terminated. */
struct cmdline_token {
	const char *raw; /* all of it, with its quotes */
	size_t raw_len;
	const char *name; /* up to the first `=` after its start, without a leading quote */
	size_t name_len;
	/* after it, without the quotes that the kernel takes off; NULL without `=` */
	const char *value;
	size_t value_len;
	bool for_init; /* after `--`: an argument of init, no parameter of the kernel */
};

struct cmdline {
	const char *rest;
	const char *end;
	bool for_init;
};

/*
 * Starts on a text of size bytes (less where a NUL ends it before), which must outlive the cmdline.
 */
void cmdline_init(struct cmdline *cmdline, const char *text, size_t size);

/*
 * The next token into *ret: true, or false at the end (*ret untouched). `--` itself is returned as
 * a token.
 */
bool cmdline_next(struct cmdline *cmdline, struct cmdline_token *ret) _must_check_;

/* True if the token's name is name, `-` and `_` being the same. */
bool cmdline_is(const struct cmdline_token *token, const char *name);

/* True if the value is given and equals text, byte for byte. */
bool cmdline_value_is(const struct cmdline_token *token, const char *text);

/* Why early must keep its hands off, from a whole command line. */
enum cmdline_off {
	CMDLINE_ON, /* claim */
	CMDLINE_OFF_SWITCH, /* vfio_bootcfg.enable=0 or rd.vfio=0 */
	CMDLINE_OFF_HOSTONLY, /* rd.hostonly=0: dracut's own rescue switch */
	CMDLINE_OFF_RESCUE, /* single, rescue or emergency mode is asked for */
	CMDLINE_OFF_KDUMP, /* elfcorehdr=: this kernel is there to save the memory of one that crashed */
};

/*
 * The ways out of a black screen. Of a switch given twice the last wins; a value of our own
 * switches that is neither yes nor no counts as off, since claiming nothing is what cannot hurt
 * (rd.hostonly is dracut's: off only where it says no). What is after `--` counts too, as systemd
 * and dracut read it: they take the whole line. One word that asks for rescue is enough, whatever
 * follows it. *ret_token, where not NULL, is the token that said so, untouched for CMDLINE_ON.
 */
enum cmdline_off cmdline_switch(const char *text, size_t size, struct cmdline_token *ret_token);

#endif
