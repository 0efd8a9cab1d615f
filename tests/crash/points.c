// SPDX-License-Identifier: GPL-2.0-or-later
/* One point: the command is disturbed there, and what it leaves is judged. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/crash.h"

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

static const struct call *call_of(int number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

/* --- running ----------------------------------------------------------------------------------- */

void prepare(struct crash *crash, const char *work, unsigned job)
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

int run(const struct crash *crash)
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

void trace(const struct crash *crash, struct trace *point)
{
	int fd = open_log(crash);

	trace_run(point, crash->argv, fd);
	close(fd);
}

/* Now and then the kernel has one more call made (openat2(2): EAGAIN), and all that follow shift. */
#define TRIES 4

void disturb(const struct crash *crash, struct trace *point)
{
	for (int i = 0; i < TRIES; i++) {
		tree_write(&crash->before, crash->dir);
		trace(crash, point);
		if (point->hit)
			return;
	}
}

/* --- judging ----------------------------------------------------------------------------------- */

bool wrong(const struct crash *crash, size_t at, int error, const char *format, ...)
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
		    (new != NULL &&node_equal(node, new)))
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

bool again(const struct crash *crash, size_t at, int error)
{
	int status = run(crash);

	if (status != 0)
		return wrong(crash, at, error, "the same command again ends with %d", status);
	return is_tree(crash, at, error, &crash->after, "after the same command again");
}

/* --- the points -------------------------------------------------------------------------------- */

bool kill_at(const struct crash *crash, size_t at, enum trace_act act)
{
	struct trace point = {.act = act, .at = at, .number = crash->calls[at].number};
	struct tree now;
	char why[600];
	bool untouched;

	disturb(crash, &point);
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

/* The descriptor that is closed was written to. */
static bool closes_written(const struct crash *crash, size_t at)
{
	for (size_t i = at; i-- > 0;) {
		if (crash->calls[i].fd != crash->calls[at].fd)
			continue;
		if (crash->calls[i].number == SYS_close)
			return false;
		if (crash->calls[i].number == SYS_write)
			return true;
	}
	return false;
}

/* Whether a failure of this call may not be passed over: what was to be written maybe is not. */
static bool must_count(const struct crash *crash, size_t at)
{
	const struct trace_call *made = &crash->calls[at];

	switch (made->number) {
	case SYS_close:
		return closes_written(crash, at);
	case SYS_openat:
	case SYS_openat2:
		return made->writes;
	case SYS_write:
	case SYS_fsync:
	case SYS_syncfs:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_mkdirat:
	case SYS_fchmod:
	case SYS_fchown:
		return true;
	}
	return false;
}

bool fail_at(const struct crash *crash, size_t at, int error)
{
	struct trace point = {
		.act = TRACE_FAIL, .at = at, .number = crash->calls[at].number, .error = error};
	struct stat st;
	int status;

	disturb(crash, &point);
	if (!point.hit)
		return wrong(crash, at, error, "it was not reached");
	if (!WIFEXITED(point.status))
		return wrong(crash, at, error, "it dies by signal %d", WTERMSIG(point.status));
	status = WEXITSTATUS(point.status);
	__atomic_add_fetch(&crash->totals->exits[status & 7], 1, __ATOMIC_RELAXED);
	if (status && (stat(crash->log, &st) < 0 || !st.st_size))
		return wrong(crash, at, error, "it ends with %d and no message", status);
	/* Nothing is wrong: the call is made again. */
	if (error == EINTR && status != 0 && must_count(crash, at))
		return wrong(crash, at, error, "it ends with %d", status);
	switch (status) {
	case 0:
		if (error != EINTR && must_count(crash, at))
			return wrong(crash, at, error, "it ends with 0");
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

const int *errors_of(const struct trace_call *made)
{
	const struct call *call = call_of(made->number);

	/* What is said on stdout and stderr is no file's matter. */
	if (!call || (call->errors == of_write && made->fd <= STDERR_FILENO))
		return NULL;
	return call->errors == of_open && !made->writes ? of_look : call->errors;
}
