/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a program and interferes with one of its system calls: kills it there, cuts a write short
 * and kills it behind, or has the call fail. Calls are counted from the first that opens with
 * O_PATH, which is the root's: what the dynamic linker does before is not the program's. Those for memory do not count.
 */
#ifndef TESTS_CRASH_TRACE_H
#define TESTS_CRASH_TRACE_H

#include <stdbool.h>
#include <stddef.h>

enum trace_act {
	TRACE_RECORD, /* run undisturbed; note all calls */
	TRACE_KILL, /* die instead of making the call */
	TRACE_TEAR, /* make half of a write, and die */
	TRACE_FAIL, /* the call is not made and fails */
	TRACE_MEANWHILE, /* somebody else does something before it is made */
};

struct trace_call {
	int number;
	int fd; /* its first argument */
	bool writes; /* it opens to write, or to make */
};

struct trace {
	enum trace_act act;
	size_t at; /* which call, from 0 */
	int number; /* what it is: another one is not interfered with */
	int error; /* TRACE_FAIL: errno */
	void (*meanwhile)(const void *data); /* TRACE_MEANWHILE */
	const void *data;
	/* --- set by trace_run() --- */
	int status; /* of waitpid(2) */
	bool hit; /* the call was reached, and interfered with */
	struct trace_call *calls; /* TRACE_RECORD; owned by the caller */
	size_t count;
	bool counting, inside, over; /* its own */
};

/* stdout of the program goes to /dev/null, stderr to the descriptor. */
void trace_run(struct trace *trace, char *const argv[], int stderr_fd);

#endif
