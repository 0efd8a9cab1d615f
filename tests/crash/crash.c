// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crash kill|fail JOBS BEFORE WORK -- PROGRAM ARGUMENT...
 * crash swap:ONE:OTHER:OUTSIDE JOBS BEFORE WORK -- PROGRAM ARGUMENT...
 * crash edit:FILE JOBS BEFORE WORK -- PROGRAM ARGUMENT...
 *
 * Runs a command on copies of the tree BEFORE ("{}" in an argument is the copy), once undisturbed: what
 * it leaves is the tree AFTER. Then once for each of its system calls:
 *
 *   kill  it dies instead of the call, and, where that is a write, after half of it. Every file must be
 *         as in BEFORE or as in AFTER; the same command again must give AFTER.
 *   fail  each call that may change something, or that opens, fails with each error that suits it. It
 *         must end with 0 and AFTER, but not where data may not be on the disk; or with 4 (2 or 3 where it could not read) and BEFORE; or with 5, and the
 *         same command again must give AFTER.
 *   swap  somebody exchanges two names in the copy before the call is made: a directory, and a link that
 *         leads to OUTSIDE, which must stay as it is. Once they are exchanged again, the same command
 *         must give AFTER.
 *
 *   edit  somebody replaces FILE by one with a line more before the call is made: the line must not get
 *         lost, but where the call is the very rename(2) that takes the file's place.
 *
 * A point that fails is told on stderr. Ends with 1 if there was one. On stdout: how many were tried.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/crash.h"

static void count_point(const struct crash *crash, bool ok)
{
	__atomic_add_fetch(&crash->totals->points, 1, __ATOMIC_RELAXED);
	if (!ok)
		__atomic_add_fetch(&crash->totals->failed, 1, __ATOMIC_RELAXED);
}

static void job(const struct crash *crash, bool kills, unsigned number, unsigned jobs)
{
	for (size_t at = number; at < crash->count; at += jobs) {
		if (crash->calls[at].number == SYS_exit_group)
			continue; /* it is over by then */
		if (crash->outside || crash->edited) {
			count_point(crash, crash->edited ? edit_at(crash, at) : swap_at(crash, at));
			continue;
		}
		if (kills) {
			count_point(crash, kill_at(crash, at, TRACE_KILL));
			if (crash->calls[at].number == SYS_write)
				count_point(crash, kill_at(crash, at, TRACE_TEAR));
			continue;
		}
		for (const int *error = errors_of(&crash->calls[at]); error && *error; error++)
			count_point(crash, fail_at(crash, at, *error));
	}
	tree_remove(crash->dir);
	unlink(crash->log);
}

static void undisturbed(struct crash *crash)
{
	struct trace record = {.act = TRACE_RECORD};

	tree_write(&crash->before, crash->dir);
	trace(crash, &record);
	if (!WIFEXITED(record.status) || WEXITSTATUS(record.status) != 0)
		errx(4, "undisturbed, the command fails: see %s", crash->log);
	tree_read(crash->dir, &crash->after);
	crash->count = record.count;
	crash->calls = record.calls;
	if (!crash->count)
		errx(4, "the command makes no system call that counts");
}

/* "swap:ONE:OTHER:OUTSIDE" or "edit:FILE" */
static bool take_words(struct crash *crash, char *text)
{
	if (text && !strncmp(text, "edit:", 5)) {
		crash->edited = text + 5;
		return true;
	}
	if (!text || strncmp(text, "swap:", 5) != 0)
		return false;
	(void)strtok(text, ":");
	crash->one = strtok(NULL, ":");
	crash->other = strtok(NULL, ":");
	crash->outside = strtok(NULL, ":");
	if (crash->outside)
		tree_read(crash->outside, &crash->outside_before);
	return crash->outside;
}

int main(int argc, char *argv[])
{
	struct crash crash = {.command = argv + 6};
	bool kills = argc > 1 && !strcmp(argv[1], "kill");
	unsigned jobs;

	if (argc < 7 || strcmp(argv[5], "--") != 0 ||
	    (!kills && strcmp(argv[1], "fail") != 0 && !take_words(&crash, argv[1])))
		errx(2, "usage: crash kill|fail|swap:ONE:OTHER:OUTSIDE|edit:FILE JOBS BEFORE WORK "
			"-- PROGRAM "
			"ARGUMENT...");
	jobs = (unsigned)atoi(argv[2]);
	umask(022);
	tree_read(argv[3], &crash.before);
	crash.totals = mmap(NULL, sizeof(*crash.totals), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crash.totals == MAP_FAILED)
		err(4, "mmap");
	prepare(&crash, argv[4], 0);
	undisturbed(&crash);
	for (unsigned i = 0; i < jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(4, "fork");
		if (pid > 0)
			continue;
		prepare(&crash, argv[4], i);
		job(&crash, kills, i, jobs);
		_exit(0);
	}
	for (unsigned i = 0; i < jobs; i++) {
		int status;

		if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
			errx(4, "a job has failed");
	}
	printf("%zu points, %zu wrong, %zu calls", crash.totals->points, crash.totals->failed,
	       crash.count);
	for (int i = 0; !kills && i < 6; i++)
		if (crash.totals->exits[i])
			printf(", exit %d: %zu", i, crash.totals->exits[i]);
	putchar('\n');
	return crash.totals->failed || !crash.totals->points;
}
