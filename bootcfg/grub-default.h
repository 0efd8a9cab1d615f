/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which entry of grub.cfg boots where nobody chooses: the variable `default` (GRUB's manual, 16.1.5), that
 * grub-mkconfig sets to a number, a title or an id, or to what grubenv has.
 */
#ifndef BOOTCFG_GRUB_DEFAULT_H
#define BOOTCFG_GRUB_DEFAULT_H

#include <stdbool.h>

#include "bootcfg/file.h"

struct grub_default {
	char *wanted; /* NULL: the first; owned */
	char *saved, *next; /* of grubenv: saved_entry, next_entry; owned */
};

/* Reads grubenv (not there, or not readable: nothing is saved). 0 or -ENOMEM. */
int grub_default_read(const struct root *root, const char *dir,
		      struct grub_default *ret) _must_check_;
void grub_default_free(struct grub_default *wanted);

/* Looks whether a line of grub.cfg sets it, as 00_header writes that. 0 or -ENOMEM. */
int grub_default_line(struct grub_default *wanted, const char *line, size_t size) _must_check_;

/* Where an entry stands in the menu: in a submenu, parent is that submenu's place. */
struct grub_place {
	bool in_submenu;
	unsigned parent, place; /* from 0 */
};

/* True if it is the one. title and id may be NULL. */
bool grub_default_is(const struct grub_default *wanted, struct grub_place place, const char *title,
		     const char *id);

#endif
