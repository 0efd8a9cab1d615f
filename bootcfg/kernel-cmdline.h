/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/kernel/cmdline: what kernel-install (systemd's manual), grubby and ukify give to kernels that
 * are installed later. Where it is not there, /usr/lib/kernel/cmdline counts, else the command line
 * that runs. mkinitcpio's UKIs take /etc/cmdline.d/ *.conf in addition.
 */
#ifndef BOOTCFG_KERNEL_CMDLINE_H
#define BOOTCFG_KERNEL_CMDLINE_H

#include "bootcfg/loader.h"

#define KERNEL_CMDLINE "etc/kernel/cmdline"
#define KERNEL_CMDLINE_VENDOR "usr/lib/kernel/cmdline"
#define KERNEL_CMDLINE_BLANKS " \t\r\v\f" /* around a line's text */
#define KERNEL_CMDLINE_NEW ((size_t)-1) /* segment->cookie of a line that is to be made */

/* A line of one of the files that is no comment. */
struct kernel_cmdline_piece {
	size_t file, at,
		size; /* index of the file; bytes of its data, without blanks around them */
};

struct kernel_cmdline {
	struct file *files; /* the first one is the one that new units go to */
	size_t file_count;
	struct kernel_cmdline_piece *pieces; /* segment->cookie is an index */
	size_t piece_count;
	char *seed; /* what a file that is not there begins with; NULL: it is there, or not known */
};

/*
 * Reads the files and adds their line, a source, to the setup. dropins: /etc/cmdline.d counts, too.
 * Where /etc/kernel/cmdline is not there the line is absent, and begins with what
 * /usr/lib/kernel/cmdline says, else with nothing: see kernel_cmdline_seed(). *ret is the caller's, for
 * kernel_cmdline_free().
 * Errors, with diag: -EBADMSG (a NUL, bytes that are no UTF-8), -errno of reading, -ENOMEM.
 */
int kernel_cmdline_read(const struct boot_context *context, bool dropins, struct boot_setup *setup,
			struct kernel_cmdline *ret, struct diag *diag) _must_check_;

/*
 * Whether the line begins with nothing, and kernel_cmdline_seed() is to be called: a file with our
 * units alone would take root= from the next kernel.
 */
bool kernel_cmdline_needs_seed(const struct kernel_cmdline *cmdline, const struct boot_line *line);

/*
 * Begins it with what entry says: without initrd=, BOOT_IMAGE=, systemd.machine_id= and what is ours
 * there (with what that took the place of). 0, -EBADMSG (an open quote), -ENOMEM.
 */
int kernel_cmdline_seed(struct kernel_cmdline *cmdline, struct boot_line *line,
			const struct boot_line *entry) _must_check_;

/*
 * Puts the edited files into the plan, and what is ours there into the state. A file that we made
 * goes when nothing is ours in it any more and nobody else has changed it. Errors, with diag: -EPERM
 * (the file would have to be made, and nothing says what it has to begin with), -ENOMEM.
 */
int kernel_cmdline_plan(const struct boot_context *context, const struct kernel_cmdline *cmdline,
			const struct boot_line *line, struct plan *plan,
			struct diag *diag) _must_check_;

/* What the pieces of a file are cut from: its data, or the seed. */
const char *kernel_cmdline_data(const struct kernel_cmdline *cmdline, size_t file);

void kernel_cmdline_free(struct kernel_cmdline *cmdline);

#endif
