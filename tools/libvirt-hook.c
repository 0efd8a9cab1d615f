// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfio-libvirt-hook GUEST OPERATION SUBOPERATION EXTRA, with the guest's XML on stdin: libvirt's hook for qemu guests
 * (https://libvirt.org/hooks.html). A guest's session (guest.h) begins with `prepare begin` and ends with `release end`; libvirt calls
 * the latter also after a prepare that failed, and after a crash. It never calls libvirt, which waits for it.
 */
#include <string.h>

#include "early/cmdline.h"
#include "early/exitcode.h"
#include "tools/guest-run.h"

#define NAME "vfio-libvirt-hook"

/* GUEST OPERATION SUBOPERATION EXTRA; for tests there may be `--root DIR` before them. */
#define ARGUMENTS 4

static void say(_unused_ void *data, const char *text)
{
	fprintf(stderr, NAME ": %s\n", text);
}

static int fail(int code, const struct diag *diag)
{
	char text[DIAG_STR];

	say(NULL, diag_format(diag, text));
	return code;
}

/* libvirt waits until all of it is read. A person at a terminal has none. */
static void drain(void)
{
	char buf[4096];
	ssize_t n;

	if (isatty(STDIN_FILENO))
		return;
	do
		n = read(STDIN_FILENO, buf, sizeof(buf));
	while (n > 0 || (n < 0 && errno == EINTR));
}

/* The way out of a black screen: what the user switched off at boot stays off. */
static bool is_off(const struct root *root)
{
	struct cmdline_token token = {.raw_len = 0};
	struct diag diag = DIAG_INIT;
	char text[4096];
	ssize_t n = root_read_attr(root, "proc/cmdline", text, sizeof(text));

	if (n < 0) {
		say(NULL, "/proc/cmdline cannot be read, so nothing is done for the guest");
		return true;
	}
	if (cmdline_switch(text, (size_t)n, &token) == CMDLINE_ON)
		return false;
	diag_set(&diag, 0, NULL, 0,
		 "nothing is done for the guest: `%.*s` on the kernel command line",
		 (int)token.raw_len, token.raw);
	say(NULL, diag.text);
	return true;
}

/*
 * A profile that cannot be read keeps every guest from starting whose name could stand in it: whether this one needs
 * a card, and which, is not known then.
 */
static int prepare(const struct root *root, struct guest *guest)
{
	_cleanup_profile_ struct profile profile = {.device_count = 0};
	struct diag diag = DIAG_INIT;
	int r = profile_load(root, &profile, &diag);

	if (r < 0)
		return fail(EXIT_USAGE, &diag);
	if (!guest_is_known(&profile, guest->name) || is_off(root))
		return EXIT_DONE;
	guest_block_signals();
	r = guest_start(guest, &diag);
	if (r < 0 && !diag.text[0])
		diag_set(&diag, r, NULL, 0, "%s", strerror(-r));
	return r < 0 ? fail(guest_exit_code(guest, r), &diag) : EXIT_DONE;
}

/* What libvirt makes of the exit status is a line in its log. */
static int release(const struct root *root, struct guest *guest)
{
	struct diag diag = DIAG_INIT;
	int r;

	if (!guest_is_recorded(root, guest->name))
		return EXIT_DONE;
	guest_block_signals();
	r = guest_end(guest, false, &diag);
	if (r < 0 && !diag.text[0])
		diag_set(&diag, r, NULL, 0, "%s", strerror(-r));
	return r < 0 ? fail(guest_exit_code(guest, r), &diag) : EXIT_DONE;
}

int main(int argc, char **argv)
{
	_cleanup_root_ struct root root = ROOT_INIT;
	_cleanup_(guest_free) struct guest guest;
	struct diag diag = DIAG_INIT;
	const char *dir = NULL;
	struct guest_env env;
	bool begins, ends;
	int r;

	guest_init(&guest, NULL, NULL);
	drain();
	if (argc == ARGUMENTS + 3 && !strcmp(argv[1], "--root")) {
		dir = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc < ARGUMENTS) {
		fprintf(stderr, "usage: " NAME " GUEST OPERATION SUBOPERATION [EXTRA]\n"
				"libvirt runs this: see " NAME "(8)\n");
		return EXIT_USAGE;
	}
	begins = !strcmp(argv[2], "prepare") && !strcmp(argv[3], "begin");
	ends = !strcmp(argv[2], "release") && !strcmp(argv[3], "end");
	if ((!begins && !ends) || !guest_name_valid(argv[1]))
		return EXIT_DONE;
	r = root_open(&root, dir);
	if (r < 0) {
		diag_set(&diag, r, NULL, 0, "%s: %s", dir ? dir : "/", strerror(-r));
		return fail(EXIT_SYSTEM, &diag);
	}
	guest_env_init(&env, &root);
	env.say = say;
	guest_init(&guest, &env, argv[1]);
	return begins ? prepare(&root, &guest) : release(&root, &guest);
}
