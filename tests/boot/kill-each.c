// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kill-each CHECK COMMAND ARGUMENT...: runs a command, then once more for each of its system calls that change something
 * and each that follows one, and kills it there. CHECK, a line of shell, is run after each of these, sees whether all is
 * well, and puts things back for the next. Ends with 1 where it ever fails. On stdout: how many points were tried.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/trace.h"

static int changes(const struct trace_call *call)
{
	switch (call->number) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_ftruncate:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_mkdirat:
	case SYS_unlinkat:
	case SYS_fchmod:
	case SYS_flock:
		return 1;
	}
	return call->writes;
}

static int check(const char *command, const char *when, size_t at)
{
	int status = system(command);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	printf("%s %zu: the check ends with %#x\n", when, at, status);
	return 1;
}

int main(int argc, char *argv[])
{
	struct trace record = {.act = TRACE_RECORD};
	size_t tried = 0, killed = 0;
	int wrong;

	if (argc < 3) {
		fprintf(stderr, "usage: kill-each CHECK COMMAND ARGUMENT...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	trace_run(&record, argv + 2, STDERR_FILENO);
	if (!WIFEXITED(record.status) || WEXITSTATUS(record.status) != 0) {
		printf("undisturbed, it ends with %#x\n", record.status);
		return 1;
	}
	wrong = check(argv[1], "undisturbed", 0);
	for (size_t at = 0; at < record.count && !wrong; at++) {
		struct trace point = {
			.act = TRACE_KILL, .at = at, .number = record.calls[at].number};

		if (!changes(&record.calls[at]) && (!at || !changes(&record.calls[at - 1])))
			continue;
		trace_run(&point, argv + 2, STDERR_FILENO);
		killed += WIFSIGNALED(point.status);
		wrong = check(argv[1], "killed at call", at);
		tried++;
	}
	printf("%zu points, killed at %zu\n", tried, killed);
	return wrong || killed < 10 || killed + 2 < tried;
}
