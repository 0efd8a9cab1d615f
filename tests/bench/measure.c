// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * measure ROUNDS TARGETS NAME[,idle][,unbound]=PROGRAM...
 *
 * Runs the programs in turn, ROUNDS times, and prints a line for each run:
 *	NAME ROUND CPU_US OVERRIDES_US VERIFIED_US EXIT_US
 * CPU: user and system time of the program and its children (wait4). The others: wall time from just before the
 * program is spawned. OVERRIDES: until the override of the last function in the file TARGETS is
 * closed (inotify, on that one file, so that the program pays for one event); VERIFIED: where the
 * program leaves a record, OVERRIDES plus what that says lies between; else EXIT.
 *
 * idle: it is to write nothing. unbound: the functions have no driver link while it runs.
 * A program that fails, or leaves a function without the override, ends the measurement.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RECORD "/run/vfio-bootcfg/record"
#define DRIVER_LINK "../../../../bus/pci/drivers/vfio-pci"
#define TIMEOUT_MS 120000
#define PATH_SIZE 512

extern char **environ;

struct run {
	int64_t cpu_us, overrides_us, verified_us, exit_us;
};

static char **targets; /* directories of the functions */
static size_t target_count;

static void die(const char *what, const char *name)
{
	fprintf(stderr, "measure: %s: %s\n", name, what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static char *attr(const char *dir, const char *name)
{
	static char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void read_targets(const char *file)
{
	FILE *in = fopen(file, "re");
	char line[PATH_SIZE];

	if (!in)
		die(strerror(errno), file);
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		targets = reallocarray(targets, target_count + 1, sizeof(*targets));
		if (!targets || !(targets[target_count++] = strdup(line)))
			die("no memory", file);
	}
	fclose(in);
	if (!target_count)
		die("no targets", file);
}

/* As before the claim. Sizes matter: a plain file keeps the tail of what was longer. */
static void reset(bool bound)
{
	for (size_t i = 0; i < target_count; i++) {
		int fd = open(attr(targets[i], "driver_override"), O_WRONLY | O_TRUNC | O_CLOEXEC);
		char *link;

		if (fd < 0 || write(fd, "(null)\n", 7) != 7)
			die("cannot be reset", targets[i]);
		close(fd);
		link = attr(targets[i], "driver");
		if (bound ? symlink(DRIVER_LINK, link) < 0 && errno != EEXIST
			  : unlink(link) < 0 && errno != ENOENT)
			die(strerror(errno), link);
	}
	(void)unlink(RECORD);
}

static void check(const char *name, bool wanted)
{
	for (size_t i = 0; i < target_count; i++) {
		char text[64] = "";
		int fd = open(attr(targets[i], "driver_override"), O_RDONLY | O_CLOEXEC);

		if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
			die("an override cannot be read", name);
		close(fd);
		text[strcspn(text, "\n")] = '\0';
		if (!strcmp(text, "vfio-pci") != wanted)
			die(wanted ? "it left a function without the override"
				   : "it wrote an override, and was not to",
			    name);
	}
}

/* What lies between the last override and the last driver link; -1 without a record. */
static int64_t record_gap_us(void)
{
	FILE *in = fopen(RECORD, "re");
	int64_t overrides = -1, verified = -1;
	char line[256];

	if (!in)
		return -1;
	while (fgets(line, sizeof(line), in)) {
		(void)sscanf(line, "overrides-us = %" SCNd64, &overrides);
		(void)sscanf(line, "verified-us = %" SCNd64, &verified);
	}
	fclose(in);
	if (overrides < 0 || verified < overrides)
		die("it has no times", RECORD);
	return verified - overrides;
}

static int64_t microseconds(struct timeval tv)
{
	return (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
}

static struct run run_once(const char *name, const char *program, bool idle)
{
	char *argv[] = {(char *)program, NULL};
	struct run run = {.overrides_us = -1};
	struct pollfd fds[2];
	struct rusage usage;
	int64_t begin, gap;
	int status, r;
	pid_t pid;

	fds[0] = (struct pollfd){.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .events = POLLIN};
	if (fds[0].fd < 0 ||
	    inotify_add_watch(fds[0].fd, attr(targets[target_count - 1], "driver_override"),
			      IN_CLOSE_WRITE) < 0)
		die(strerror(errno), "inotify");
	begin = now_ns();
	r = posix_spawn(&pid, program, NULL, NULL, argv, environ);
	if (r)
		die(strerror(r), program);
	fds[1] = (struct pollfd){.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	if (fds[1].fd < 0)
		die(strerror(errno), "pidfd_open");
	do {
		r = poll(fds, 2, TIMEOUT_MS);
		if (r <= 0)
			die(r ? strerror(errno) : "it does not end", name);
		if (fds[0].revents) {
			char events[sizeof(struct inotify_event) + 256];

			run.overrides_us = (now_ns() - begin) / 1000;
			if (read(fds[0].fd, events, sizeof(events)) < 0)
				die(strerror(errno), "inotify");
		}
	} while (!fds[1].revents);
	run.exit_us = (now_ns() - begin) / 1000;
	if (wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		die("it failed", name);
	close(fds[0].fd);
	close(fds[1].fd);
	if (idle != (run.overrides_us < 0))
		die("the last function's override was not the last", name);
	run.cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
	gap = record_gap_us();
	run.verified_us = gap < 0 ? run.exit_us : run.overrides_us + gap;
	return run;
}

int main(int argc, char **argv)
{
	unsigned long rounds;

	if (argc < 4) {
		fputs("Usage: measure ROUNDS TARGETS NAME[,idle][,unbound]=PROGRAM...\n", stderr);
		return 2;
	}
	rounds = strtoul(argv[1], NULL, 10);
	read_targets(argv[2]);
	/* Round 0 warms the caches and is not printed. */
	for (unsigned long round = 0; round <= rounds; round++) {
		for (int i = 3; i < argc; i++) {
			char name[64];
			const char *program = strchr(argv[i], '=');
			bool idle, unbound;
			struct run run;

			if (!program || (size_t)(program - argv[i]) >= sizeof(name))
				die("NAME=PROGRAM is wanted", argv[i]);
			snprintf(name, sizeof(name), "%.*s", (int)(program - argv[i]), argv[i]);
			idle = strstr(name, ",idle");
			unbound = strstr(name, ",unbound");
			name[strcspn(name, ",")] = '\0';
			reset(!unbound);
			run = run_once(name, program + 1, idle);
			check(name, !idle);
			if (round)
				printf("%s %lu %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
				       name, round, run.cpu_us, run.overrides_us, run.verified_us,
				       run.exit_us);
		}
	}
	reset(true);
	return 0;
}
