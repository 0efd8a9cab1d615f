/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a program of the running system: never one of an image. No shell, output kept. */
#ifndef BOOTCFG_RUN_H
#define BOOTCFG_RUN_H

#include "early/diag.h"

/*
 * The full path of a program from /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin, /sbin, /bin
 * (not from PATH: what runs as root must not depend on it); the caller's to free. NULL: not there.
 */
char *run_find(const char *name) _must_check_;

/*
 * Runs argv[0] (a full path) with stdin from /dev/null and our locale, and waits; of the environment it
 * gets no more. *ret_output, where not NULL, gets its stdout and stderr together, at most the last 64
 * KiB, NUL-terminated; the caller's to free. 0, or the exit status (1 to 255, 128 + n for a signal), or -errno where it could not be run.
 */
int run_program(const char *const argv[], char **ret_output) _must_check_;

/*
 * The same, but a program that has not closed its output after deadline_ms (0: no deadline) is killed. Then -ETIMEDOUT, with
 * *ret_output as above.
 */
int run_program_within(const char *const argv[], unsigned deadline_ms,
		       char **ret_output) _must_check_;

/* The last line of an output that is not blank, for a message; static buffer inside text. */
const char *run_last_line(char *output);

#endif
