// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crash kill|fail JOBS BEFORE WORK -- PROGRAM ARGUMENT...
 *
 * Runs a command on copies of the tree BEFORE ("{}" in an argument is the copy), once undisturbed: what
 * it leaves is the tree AFTER. Then once for each of its system calls:
 *
 *   kill  it dies instead of the call, and, where that is a write, after half of it. Every file must be
 *         as in BEFORE or as in AFTER; the same command again must give AFTER.
 *   fail  each call that may change something, or that opens, fails with each error that suits it. It
 *         must end with 0 and AFTER; or with 4 (2 or 3 where it could not read) and BEFORE; or with 5, and the
 *         same command again must give AFTER.
 *
 * A point that fails is told on stderr. Ends with 1 if there was one. On stdout: how many were tried.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/trace.h"
#include "tests/crash/tree.h"

#define ARGUMENTS_MAX 64
#define STATE_DIR "var/lib/vfio-bootcfg"
#define TEMPORARY_PREFIX ".vfio-bootcfg."

struct call {
	int number;
	const char *name;
	const int *errors; /* 0 ends them */
};

static const int of_open[] = {ENOSPC, EROFS, EACCES, EIO, EINTR, 0};
static const int of_look[] = {EACCES, EIO, EINTR, 0}; /* an open to read */
static const int of_write[] = {ENOSPC, EIO, EINTR, EDQUOT, 0};
static const int of_sync[] = {EIO, ENOSPC, EINTR, 0};
static const int of_name[] = {ENOSPC, EROFS, EIO, EINTR, EACCES, 0};
static const int of_mode[] = {EIO, EROFS, EINTR, EPERM, 0};
static const int of_close[] = {EIO, EINTR, 0};
static const int of_read[] = {EIO, EINTR, 0};

static const struct call calls[] = {
	{SYS_openat, "openat", of_open},       {SYS_openat2, "openat2", of_open},
	{SYS_write, "write", of_write},	       {SYS_pwrite64, "pwrite64", of_write},
	{SYS_fsync, "fsync", of_sync},	       {SYS_fdatasync, "fdatasync", of_sync},
	{SYS_syncfs, "syncfs", of_sync},       {SYS_rename, "rename", of_name},
	{SYS_renameat, "renameat", of_name},   {SYS_renameat2, "renameat2", of_name},
	{SYS_mkdir, "mkdir", of_name},	       {SYS_mkdirat, "mkdirat", of_name},
	{SYS_unlink, "unlink", of_name},       {SYS_unlinkat, "unlinkat", of_name},
	{SYS_fchmod, "fchmod", of_mode},       {SYS_fchown, "fchown", of_mode},
	{SYS_fsetxattr, "fsetxattr", of_mode}, {SYS_close, "close", of_close},
	{SYS_read, "read", of_read},	       {SYS_statx, "statx", of_read},
	{SYS_flock, "flock", of_read},
};

/* What all jobs count in. */
struct totals {
	size_t points, failed;
	size_t exits[8]; /* fail: how often the disturbed command ended with each status */
};

struct crash {
	char *const *command;
	struct tree before, after;
	struct totals *totals;
	size_t count; /* calls of the undisturbed run */
	struct trace_call *calls;
	char dir[512]; /* this job's copy */
	char log[520]; /* what the command says on stderr */
	char *argv[ARGUMENTS_MAX + 1];
};

static const struct call *call_of(int number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

/* --- running ----------------------------------------------------------------------------------- */

static void prepare(struct crash *crash, const char *work, unsigned job)
{
	size_t i;

	snprintf(crash->dir, sizeof(crash->dir), "%s/job-%u", work, job);
	snprintf(crash->log, sizeof(crash->log), "%s.log", crash->dir);
	for (i = 0; crash->command[i] && i < ARGUMENTS_MAX; i++)
		crash->argv[i] = strcmp(crash->command[i], "{}") ? crash->command[i] : crash->dir;
	crash->argv[i] = NULL;
}

static int open_log(const struct crash *crash)
{
	int fd = open(crash->log, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		err(4, "%s", crash->log);
	return fd;
}

/* The command as a person runs it; its exit status, or 128 and more. */
static int run(const struct crash *crash)
{
	int fd = open_log(crash), status;
	pid_t pid = fork();

	if (pid < 0)
		err(4, "fork");
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(fd, 2);
		execv(crash->argv[0], crash->argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid)
		err(4, "waitpid");
	close(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void trace(const struct crash *crash, struct trace *trace)
{
	int fd = open_log(crash);

	trace_run(trace, crash->argv, fd);
	close(fd);
}

/* --- judging ----------------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static bool wrong(const struct crash *crash, size_t at,
							int error, const char *format, ...)
{
	const struct call *call = call_of(crash->calls[at].number);
	char text[1024], said[512] = "";
	int fd = open(crash->log, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, said, sizeof(said) - 1);
	va_list args;

	close(fd);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "call %zu, %s (%d)%s%s: %s\n%s", at, call ? call->name : "",
		crash->calls[at].number, error ? " fails with " : "",
		error ? strerrorname_np(error) : "", text, n > 0 ? said : "");
	return false;
}

/* What a commit has lying about while it is under way: none of the files that anybody reads. */
static bool is_ours(const char *path)
{
	const char *name = strrchr(path, '/');

	return !strncmp(name ? name + 1 : path, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) ||
	       !strcmp(path, STATE_DIR "/journal");
}

/* Whether each file is wholly as before or wholly as after. */
static bool old_or_new(const struct crash *crash, size_t at)
{
	struct tree now;
	bool ok = true;

	tree_read(crash->dir, &now);
	for (size_t i = 0; i < now.count && ok; i++) {
		const struct node *node = &now.nodes[i];
		const struct node *old = tree_find(&crash->before, node->path);
		const struct node *new = tree_find(&crash->after, node->path);

		/* A directory that is being made is maybe not open to all yet. */
		if (is_ours(node->path) || S_ISDIR(node->mode) || (old && node_equal(node, old)) ||
		    (new &&node_equal(node, new)))
			continue;
		ok = wrong(crash, at, 0, "%s is neither old nor new", node->path);
	}
	for (size_t i = 0; i < crash->before.count && ok; i++) {
		const char *path = crash->before.nodes[i].path;

		/* What is in both is there at any time. */
		if (!tree_find(&now, path) && tree_find(&crash->after, path))
			ok = wrong(crash, at, 0, "%s is gone", path);
	}
	tree_free(&now);
	return ok;
}

static bool is_tree(const struct crash *crash, size_t at, int error, const struct tree *expected,
		    const char *when)
{
	char why[600];
	struct tree now;
	bool ok;

	tree_read(crash->dir, &now);
	ok = tree_equal(&now, expected, why, sizeof(why));
	tree_free(&now);
	return ok || wrong(crash, at, error, "%s: %s", when, why);
}

static bool again(const struct crash *crash, size_t at, int error)
{
	int status = run(crash);

	if (status != 0)
		return wrong(crash, at, error, "the same command again ends with %d", status);
	return is_tree(crash, at, error, &crash->after, "after the same command again");
}

/* --- the points -------------------------------------------------------------------------------- */

static bool kill_at(const struct crash *crash, size_t at, enum trace_act act)
{
	struct trace point = {.act = act, .at = at};
	struct tree now;
	char why[600];
	bool untouched;

	tree_write(&crash->before, crash->dir);
	trace(crash, &point);
	if (!point.hit || !WIFSIGNALED(point.status) || WTERMSIG(point.status) != SIGKILL)
		return wrong(crash, at, 0, "it was not killed there");
	if (!old_or_new(crash, at))
		return false;
	/* As before: the same command again would be the undisturbed one. */
	tree_read(crash->dir, &now);
	untouched = tree_equal(&now, &crash->before, why, sizeof(why));
	tree_free(&now);
	return untouched || again(crash, at, 0);
}

static bool fail_at(const struct crash *crash, size_t at, int error)
{
	struct trace point = {.act = TRACE_FAIL, .at = at, .error = error};
	struct stat st;
	int status;

	tree_write(&crash->before, crash->dir);
	trace(crash, &point);
	if (!point.hit)
		return wrong(crash, at, error, "it was not reached");
	if (!WIFEXITED(point.status))
		return wrong(crash, at, error, "it dies by signal %d", WTERMSIG(point.status));
	status = WEXITSTATUS(point.status);
	__atomic_add_fetch(&crash->totals->exits[status & 7], 1, __ATOMIC_RELAXED);
	if (status && (stat(crash->log, &st) < 0 || !st.st_size))
		return wrong(crash, at, error, "it ends with %d and no message", status);
	switch (status) {
	case 0:
		return is_tree(crash, at, error, &crash->after, "it ends with 0");
	case 2:
	case 3:
	case 4:
		return is_tree(crash, at, error, &crash->before, "nothing was to be changed");
	case 5:
		return again(crash, at, error);
	}
	return wrong(crash, at, error, "it ends with %d", status);
}

/* What the call may be made to fail with; NULL: it is none of those that can do harm. */
static const int *errors_of(const struct trace_call *made)
{
	const struct call *call = call_of(made->number);

	/* What is said on stdout and stderr is no file's matter. */
	if (!call || (call->errors == of_write && made->fd <= STDERR_FILENO))
		return NULL;
	return call->errors == of_open && !made->writes ? of_look : call->errors;
}

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

int main(int argc, char *argv[])
{
	struct crash crash = {.command = argv + 6};
	bool kills = argc > 1 && !strcmp(argv[1], "kill");
	unsigned jobs;

	if (argc < 7 || strcmp(argv[5], "--") != 0 || (!kills && strcmp(argv[1], "fail") != 0))
		errx(2, "usage: crash kill|fail JOBS BEFORE WORK -- PROGRAM ARGUMENT...");
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
