// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kill-walk [--blind] SECONDS NAME ADDRESS=DRIVER...: runs `vfio-device reclaim NAME` and `release NAME` again and again,
 * and kills each, with all of its children, after the first thing that it changes, after the second, and so on to the last:
 * in front of the next system call that may change something, since all deaths between two changes leave the same. After each the next call, the opposite one or the same, must end with 0 and leave every function as it
 * is without any kill: driver, override, marks. Each call is killed once; then, until the seconds are over, once more
 * for the other next call. A host must have the card at the beginning, and has it at the end.
 * --blind: no next call, so that what a kill leaves is found wrong: the walk's own control. Exits with 0 if all was well.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../kill-at.h"

#define RUN "/run/vfio-bootcfg"

static const char *name;
static char **functions;
static bool blind;

static void execute(void *data)
{
	const char *verb = data;
	int null = open("/dev/null", O_RDWR);

	dup2(null, 1);
	execlp("vfio-device", "vfio-device", "-q", verb, name, NULL);
	_exit(127);
}

static void call(const char *verb)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		execute((void *)verb);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		err(1, "fork");
	if (status)
		errx(1, "vfio-device %s %s ended with status %#x", verb, name, status);
}

static void read_line(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(buf, (int)size, file))
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (file)
		fclose(file);
}

static void driver_of(const char *address, char *buf, size_t size)
{
	char path[128], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	snprintf(buf, size, "%s", n < 0 ? "" : strrchr(target, '/') + 1);
}

/* What is in a directory of ours, besides a temporary file that the next one replaces. */
static int entries(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

/* Says what is not as it must be after a call that was not killed. */
static bool is_exact(bool to_host, const char *when)
{
	int marked = 0, count = 0;
	bool ok = true;

	for (char **at = functions; *at; at++) {
		int len = (int)strcspn(*at, "=");
		char address[32], path[128], driver[64], override[64];
		const char *wanted = to_host ? *at + len + 1 : "vfio-pci";

		snprintf(address, sizeof(address), "%.*s", len, *at);
		driver_of(address, driver, sizeof(driver));
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", address);
		read_line(path, override, sizeof(override));
		snprintf(path, sizeof(path), RUN "/released/%s", address);
		marked += access(path, F_OK) == 0;
		count++;
		if (!strcmp(driver, wanted) && !strcmp(override, to_host ? "(null)" : "vfio-pci"))
			continue;
		printf("%s: %s has driver '%s' and override '%s'\n", when, address, driver,
		       override);
		ok = false;
	}
	if (marked != (to_host ? count : 0) || entries(RUN "/released") != marked ||
	    entries(RUN "/detached") != 0 || entries(RUN "/unloaded") != 0) {
		printf("%s: %d of %d functions are marked, and %d, %d and %d files are in "
		       "released, "
		       "detached and unloaded\n",
		       when, marked, count, entries(RUN "/released"), entries(RUN "/detached"),
		       entries(RUN "/unloaded"));
		ok = false;
	}
	return ok;
}

static int without_driver(void)
{
	int count = 0;

	for (char **at = functions; *at; at++) {
		char address[32], driver[64];

		snprintf(address, sizeof(address), "%.*s", (int)strcspn(*at, "="), *at);
		driver_of(address, driver, sizeof(driver));
		count += !driver[0];
	}
	return count;
}

struct walk {
	bool to_host;
	long calls; /* 0: not known yet */
	long both, bare;
	bool ok;
};

static const char *verb_of(bool to_host)
{
	return to_host ? "release" : "reclaim";
}

/* False where the command came to its end before that call. */
static bool kill_one(struct walk *walk, long at, bool next_to_host)
{
	struct kill_at run = {.at = at, .only_changed = true};
	char when[96];

	kill_at(&run, execute, (void *)verb_of(walk->to_host));
	if (!run.killed) {
		if (run.status)
			errx(1, "%s under ptrace ended with status %#x", verb_of(walk->to_host),
			     run.status);
		return false;
	}
	walk->bare += without_driver() > 0;
	snprintf(when, sizeof(when), "%s killed after change %ld, then %s", verb_of(walk->to_host),
		 at, blind ? "nothing" : verb_of(next_to_host));
	if (!blind)
		call(verb_of(next_to_host));
	walk->ok = is_exact(next_to_host, when) && walk->ok;
	if (blind || next_to_host == walk->to_host)
		call(verb_of(!walk->to_host));
	return true;
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static bool walk(bool to_host, time_t until_s)
{
	struct walk walk = {.to_host = to_host, .ok = true};
	long at = 1;

	call(verb_of(!to_host));
	while (kill_one(&walk, at, at & 1 ? to_host : !to_host))
		at++;
	walk.calls = at - 1;
	call(verb_of(!to_host));
	for (at = 1; at <= walk.calls && now_s() < until_s; at++)
		if (kill_one(&walk, at, at & 1 ? !to_host : to_host))
			walk.both++;
	printf("%s: killed after each of %ld changes, after %ld of them for both next calls; %ld "
	       "times a "
	       "function was left without a driver, for the next call to give it one\n",
	       verb_of(to_host), walk.calls, walk.both, walk.bare);
	if (walk.calls < 10)
		printf("too few changes: the walk went astray\n");
	return walk.ok && walk.calls >= 10;
}

int main(int argc, char **argv)
{
	time_t begin_s = now_s();
	long seconds;
	bool ok;

	blind = argc > 1 && !strcmp(argv[1], "--blind");
	argv += blind;
	argc -= blind;
	if (argc < 4)
		errx(2, "usage: kill-walk [--blind] SECONDS NAME ADDRESS=DRIVER...");
	setvbuf(stdout, NULL, _IOLBF, 0);
	seconds = strtol(argv[1], NULL, 10);
	name = argv[2];
	functions = argv + 3;
	ok = walk(false, begin_s + seconds / 2);
	call("release");
	ok = walk(true, begin_s + seconds) && ok;
	call("release");
	return !ok;
}
