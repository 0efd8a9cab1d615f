/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What GRUB makes of a command line before the kernel gets it: its script language takes quotes and
 * escapes off (GRUB manual, "Shell-like scripting"), then its loader puts double quotes around an
 * argument that holds a blank, and a backslash in front of `\`, `'` and `"` (grub-core/lib/cmdline.c).
 */
#ifndef BOOTCFG_GRUB_WORDS_H
#define BOOTCFG_GRUB_WORDS_H

#include "bootcfg/shell-words.h"

struct grub_word {
	size_t first, end; /* of value->chars; without anchors around it */
	char *text; /* as the kernel gets it; an expansion as it stands in the file; owned */
	bool exact; /* the chars that are bytes, but for CR, are the text byte by byte */
	bool fixed; /* not to be edited where it stands: holds an expansion, or came through one */
	unsigned file, line;
};

struct grub_words {
	struct grub_word *items;
	size_t count;
};

/*
 * Cuts a value into arguments. files: by number, for what an expansion looks like and for messages.
 * *ret is the caller's, for grub_words_free(). Errors, with diag:
 * -EBADMSG  GRUB would end the command in it (`;`, ` #`, a line's end, ...), or a quote stays open
 * -ENOMEM
 */
int grub_words(const struct shell_value *value, const struct file *files, struct grub_words *ret,
	       struct diag *diag) _must_check_;
void grub_words_free(struct grub_words *words);

/* A line of GRUB's script (grub.cfg) as a value, for grub_words(). 0 or -ENOMEM. */
int grub_value(const char *text, size_t size, size_t start, unsigned file, unsigned line,
	       struct shell_value *ret) _must_check_;

/* struct loader's quote: 0, or -EINVAL with diag. */
int grub_quote(const char *unit, struct diag *diag);

/* c of a text that passed grub_quote(), as GRUB's script has to have it: its length, 1 or 2. */
size_t grub_escape(char c, char ret[static 2]);

/* True for `$` alone: what neither of GRUB's two readers of boot entries takes alike. */
bool grub_needs_escape(const char *text);

#define _cleanup_grub_words_ _cleanup_(grub_words_free)

#endif
