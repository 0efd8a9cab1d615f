// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfio-early-pages: huge pages at boot, beside what vfio-early does and without holding it up: filling
 * pools may take seconds. Only in images whose profile has a [hugepages] section. It never stops a boot:
 * whatever happens is logged and recorded, and the exit code is 0.
 */
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "early/cmdline.h"
#include "early/exitcode.h"
#include "early/log.h"
#include "early/pages-boot.h"

/* Below the unit's TimeoutStartSec. To clear 1 TiB takes one processor as long. */
#define DEADLINE_S 60

/* COMMAND_LINE_SIZE is 2048 on x86, 4096 on others. */
#define CMDLINE_SIZE 8192

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

static bool is_late(void *data)
{
	const time_t *deadline = data;

	return now_s() >= *deadline;
}

/* A host whose memory is the trouble must come up without huge pages too. */
static bool is_switched_off(const struct root *root)
{
	struct cmdline_token token = {.raw_len = 0};
	char text[CMDLINE_SIZE];
	ssize_t n = root_read_attr(root, "proc/cmdline", text, sizeof(text));

	if (n < 0) {
		log_warn("/proc/cmdline cannot be read: huge pages are left as they are");
		return true;
	}
	if (cmdline_switch(text, (size_t)n, &token) == CMDLINE_ON)
		return false;
	log_info("the kernel command line has %.*s: huge pages are left as they are",
		 (int)token.raw_len, token.raw);
	return true;
}

static int mount_nothing(_unused_ const struct root *root, _unused_ const char *path,
			 _unused_ unsigned long size_kib)
{
	return 0;
}

static void log_outcomes(const struct pages_outcomes *outcomes)
{
	for (size_t i = 0; i < outcomes->count; i++)
		if (strcmp(outcomes->items[i].result, "done") != 0)
			log_warn("%s", outcomes->items[i].text);
}

static void run(const struct root *root)
{
	_cleanup_profile_ struct profile profile = {.file_count = 0};
	struct pages_outcomes outcomes = {.count = 0};
	time_t deadline = now_s() + DEADLINE_S;
	struct diag diag = DIAG_INIT;
	char text[DIAG_STR];
	int r;

	if (is_switched_off(root))
		return;
	r = profile_load(root, &profile, &diag);
	if (r < 0) {
		log_warn("%s", diag_format(&diag, text));
		return;
	}
	r = pages_boot(root, &profile, is_late, &deadline, &outcomes);
	if (r >= 0 && outcomes.count) {
		log_outcomes(&outcomes);
		r = pages_boot_record(root, &outcomes);
	}
	if (r < 0)
		log_warn("the record of huge pages cannot be written: %s", strerror(-r));
	free(outcomes.items);
	(void)pages_boot_mounts(root, &profile,
				root->kind == ROOT_LIVE ? pages_mount_at : mount_nothing);
}

static const char usage[] = "Usage: vfio-early-pages [--root DIR]\n"
			    "Make the pools of huge pages as the profile says; run at boot.\n"
			    "\n"
			    "      --root DIR        a captured machine\n"
			    "      --help, --version\n";

enum { OPT_ROOT = 1, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
	{"root", required_argument, NULL, OPT_ROOT},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

int main(int argc, char *argv[])
{
	_cleanup_root_ struct root root = ROOT_INIT;
	const char *dir = NULL;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OPT_ROOT:
			dir = optarg;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			return EXIT_DONE;
		case OPT_VERSION:
			puts("vfio-early-pages " VERSION);
			return EXIT_DONE;
		default:
			fputs("Try vfio-early-pages --help.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fputs("vfio-early-pages takes no arguments; try --help\n", stderr);
		return EXIT_USAGE;
	}
	if (dir)
		log_to_stderr();
	r = dir ? root_open(&root, dir) : root_open_boot(&root);
	if (r < 0) {
		log_warn("%s cannot be opened: %s", dir ? dir : "/", strerror(-r));
		return EXIT_DONE;
	}
	if (root.kind == ROOT_IMAGE) {
		log_warn("%s is an image, not a running or captured machine", dir);
		return EXIT_USAGE;
	}
	run(&root);
	return EXIT_DONE;
}
