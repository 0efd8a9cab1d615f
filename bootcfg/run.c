// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "bootcfg/run.h"

#define OUTPUT_MAX (64 << 10)
#define EXIT_NOT_RUN 127 /* the shell's own status of a program that cannot be run */

char *run_find(const char *name)
{
	static const char dirs[][16] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					"/usr/bin",	   "/sbin",	     "/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char *path;

		if (asprintf(&path, "%s/%s", dirs[i], name) < 0)
			return NULL;
		if (!access(path, X_OK))
			return path;
		free(path);
	}
	return NULL;
}

/*
 * grub-mkconfig makes the menu in the user's language, and GRUB_DEFAULT may be one of its titles; dracut
 * sets its own.
 */
static const char *const locales[] = {"LANG=", "LANGUAGE=", "LC_ALL=", "LC_MESSAGES="};

#define ENVIRONMENT_MAX (3 + ARRAY_SIZE(locales) + 1)

static void fill_environment(char *environment[static ENVIRONMENT_MAX])
{
	size_t n = 0;

	/*
	 * Debian's dracut hands the file that it wrote to kernel-install, which writes the boot entry
	 * anew with its name: ours is a temporary. The copies on the ESP are made by us.
	 */
	environment[n++] = (char *)"NO_POST_UPDATE_HOOKS=1";
	environment[n++] =
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	environment[n++] = (char *)"HOME=/root";
	for (size_t i = 0; i < ARRAY_SIZE(locales); i++)
		for (char **one = environ; one && *one; one++)
			if (!strncmp(*one, locales[i], strlen(locales[i]))) {
				environment[n++] = *one;
				break;
			}
	environment[n] = NULL;
}

/* Between fork and exec: nothing that may take a lock. */
static _noreturn_ void child(const char *const argv[], char *const environment[], int output)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
	    dup2(output, STDERR_FILENO) >= 0)
		execve(argv[0], (char *const *)argv, environment);
	_exit(EXIT_NOT_RUN);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False: the time was up before there was something to read. until_ms 0: there is no such time. */
static bool wait_readable(int fd, int64_t until_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int64_t left;

	if (!until_ms)
		return true;
	do {
		left = until_ms - now_ms();
		if (left > 0 && poll(&poll_fd, 1, (int)left) > 0)
			return true;
	} while (left > 0);
	return false;
}

/*
 * All of it is read, so that the program never waits for us; the last part is kept. False: the time
 * was up before its end.
 */
static bool drain(int fd, int64_t until_ms, char *output)
{
	bool ended = true;
	size_t have = 0;
	ssize_t n;

	for (;;) {
		ended = wait_readable(fd, until_ms);
		if (!ended)
			break;
		n = read(fd, output + have, 2 * OUTPUT_MAX - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
		if (have == 2 * OUTPUT_MAX) {
			memcpy(output, output + OUTPUT_MAX, OUTPUT_MAX);
			have = OUTPUT_MAX;
		}
	}
	if (have > OUTPUT_MAX) {
		memmove(output, output + have - OUTPUT_MAX, OUTPUT_MAX);
		have = OUTPUT_MAX;
	}
	output[have] = '\0';
	return ended;
}

int run_program(const char *const argv[], char **ret_output)
{
	return run_program_within(argv, 0, ret_output);
}

int run_program_within(const char *const argv[], unsigned deadline_ms, char **ret_output)
{
	int64_t until_ms = deadline_ms ? now_ms() + deadline_ms : 0;
	_cleanup_free_ char *output = malloc(2 * OUTPUT_MAX + 1);
	char *environment[ENVIRONMENT_MAX];
	int pipes[2], status;
	bool ended;
	pid_t pid;

	if (!output)
		return -ENOMEM;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	fill_environment(environment);
	pid = fork();
	if (pid == 0)
		child(argv, environment, pipes[1]);
	status = -errno;
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return status;
	}
	ended = drain(pipes[0], until_ms, output);
	close(pipes[0]);
	if (!ended)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	/* What a generator prints with NULs in it is cut there: it is for one line of a message. */
	if (ret_output)
		*ret_output = steal(&output);
	if (!ended)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char *run_last_line(char *output)
{
	char *end = output + strlen(output), *line;

	while (end > output && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	line = strrchr(output, '\n');
	return line ? line + 1 : output;
}
