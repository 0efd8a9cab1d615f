/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CRASH_CRASH_H
#define TESTS_CRASH_CRASH_H

#include "tests/crash/trace.h"
#include "tests/crash/tree.h"

#define ARGUMENTS_MAX 64

/* What all jobs count in. */
struct totals {
	size_t points, failed, lost;
	size_t exits[8]; /* fail: how often the disturbed command ended with each status */
};

struct crash {
	char *const *command;
	const char *one, *other, *outside; /* swap */
	const char *edited; /* edit */
	struct tree outside_before;
	struct tree before, after;
	struct totals *totals;
	size_t count; /* calls of the undisturbed run */
	struct trace_call *calls;
	char dir[512]; /* this job's copy */
	char log[520]; /* what the command says on stderr */
	char *argv[ARGUMENTS_MAX + 1];
};

/* The job's copy and argument vector. */
void prepare(struct crash *crash, const char *work, unsigned job);

/* Runs the command on the copy, and traces what point says; stderr goes to crash->log. */
void trace(const struct crash *crash, struct trace *point);

/* Which errors the call may be made to fail with, 0 ends them; NULL: it is none that can do harm. */
const int *errors_of(const struct trace_call *made);

/* Runs it on a new copy of BEFORE, and interferes: point->hit says whether that was possible. */
void disturb(const struct crash *crash, struct trace *point);

/* The command as a person runs it; its exit status, or 128 and more. */
int run(const struct crash *crash);

/* Tells on stderr what is wrong at a point; error may be 0. Returns false. */
bool wrong(const struct crash *crash, size_t at, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Whether the same command again gives AFTER. */
bool again(const struct crash *crash, size_t at, int error);

/* One point each: false, and told on stderr, where something is not as it must be. */
bool kill_at(const struct crash *crash, size_t at, enum trace_act act);
bool fail_at(const struct crash *crash, size_t at, int error);
bool swap_at(const struct crash *crash, size_t at);
bool edit_at(const struct crash *crash, size_t at);

#endif
