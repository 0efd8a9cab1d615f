/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal to the leftovers: sysctl.d and modprobe.d, directories of settings with the same rules. */
#ifndef BOOTCFG_LEFTOVERS_H
#define BOOTCFG_LEFTOVERS_H

#include "bootcfg/file.h"
#include "bootcfg/policy.h"

/* What stands before a line of the user's that we made a comment. */
#define LEFTOVER_MARK "# vfio-bootcfg: "

/*
 * Calls take() for the *.conf of NAME ("sysctl.d") below /etc, /run, /usr/local/lib, /usr/lib and /lib
 * in the order in which they are read, by name; one in a directory named first masks the others, be it
 * empty or a link to /dev/null. What no program could read as settings (a directory, a FIFO, a link
 * to nowhere) is passed over. take() may empty the file, to keep what is in it. Returns take()'s first non-zero answer, 0, or -errno with diag.
 */
typedef int (*leftover_take)(void *data, struct file *file, struct diag *diag);
int leftover_files(const struct root *root, const char *name, leftover_take take, void *data,
		   struct diag *diag) _must_check_;

/* The same for one file. */
int leftover_file(const struct root *root, const char *path, leftover_take take, void *data,
		  struct diag *diag) _must_check_;

/* The next line of a text: its bytes without the newline; false at the end. *at starts as the text. */
struct leftover_line {
	const char *text;
	size_t len;
	unsigned number; /* from 1 */
};
bool leftover_line_next(const struct file *file, struct leftover_line *line) _must_check_;

/* Appends a copy. 0 or -ENOMEM with diag. */
int leftover_add(struct leftovers *leftovers, const struct file *file,
		 const struct leftover_line *line, bool contradicts,
		 struct diag *diag) _must_check_;

/* The two parts of policy_leftovers(). */
int leftovers_sysctl(const struct root *root, unsigned long pages, struct leftovers *leftovers,
		     struct diag *diag) _must_check_;
int leftovers_modprobe(const struct root *root, const struct profile *profile,
		       struct leftovers *leftovers, struct diag *diag) _must_check_;

/* The second one for a single file, be it one of an initramfs. */
int leftovers_modprobe_file(const struct root *root, const struct profile *profile,
			    struct file *file, struct leftovers *leftovers,
			    struct diag *diag) _must_check_;

#endif
