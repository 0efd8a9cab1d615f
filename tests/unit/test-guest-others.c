// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest's session beside other guests, other processes, other callers, and after one that was killed. */
#include "tests/unit/guest-lab.h"

static void a_card_has_one_guest(_unused_ void **state)
{
	const struct guest_env env = env_here();
	struct diag diag;

	put(machine, "etc/vfio-bootcfg.conf",
	    DEVICES WIN "[guest mac]\ndevices = gpu,twin\n[guest bsd]\nhugepages-2M = 1\n");
	assert_int_equal(start(&diag), 0);
	assert_int_equal(start_as("mac", &env, &diag), -EPERM);
	assert_mentions(diag.text, "[device gpu] is with the guest win", "session runs", NULL);
	assert_false(guest_is_recorded(&machine->root, "mac"));
	/* It cannot give away what is not with it either. */
	assert_int_equal(end_as("mac", &env, true, &diag), -EPERM);
	assert_on();
	assert_int_equal(start_as("bsd", &env, &diag), 0);
	assert_int_equal(end_as("bsd", &env, true, &diag), 0);
	assert_int_equal(end(&diag), 0);
	assert_int_equal(start_as("mac", &env, &diag), 0);
	assert_int_equal(start(&diag), -EPERM);
	assert_int_equal(end_as("mac", &env, true, &diag), 0);
	assert_off();
}

static void the_desktop_may_take_its_time(_unused_ void **state)
{
	struct guest_env env = env_here();
	struct diag diag = DIAG_INIT;

	put(machine, "sys/bus/pci/devices/" TWIN "/drm/card1/uevent", "DEVNAME=dri/card1\n");
	put(machine, "sys/bus/pci/devices/" TWIN "/drm/card1/dev", "226:1\n");
	open_by("812", "Xorg", "/dev/dri/card1");
	/* It does not let go: refused with its name, and the desktop is started again. */
	env.let_go_ms = 1;
	assert_int_equal(start_as("win", &env, &diag), -EPERM);
	assert_mentions(diag.text, "Xorg (812) has /dev/dri/card1 open", NULL);
	assert_steps("stop desktop.service\nstop sound.socket\nstart sound.socket\n"
		     "start desktop.service\n");
	assert_off();
	/* It does, a little later. */
	env.let_go_ms = 60000;
	lab->lets_go = true;
	assert_int_equal(start_as("win", &env, &diag), 0);
	assert_steps(TAKEN);
	assert_int_equal(end(&diag), 0);
	/* Nobody waits where nothing was stopped. */
	drop(machine, "steps");
	open_by("812", "Xorg", "/dev/dri/card1");
	put(machine, "etc/vfio-bootcfg.conf", DEVICES "[guest win]\ndevices = twin\n");
	assert_int_equal(start_as("win", &env, &diag), -EPERM);
	assert_steps("");
}

static void two_callers_take_turns(_unused_ void **state)
{
	struct guest_env env = env_here();
	struct diag diag = DIAG_INIT;
	pid_t pid;
	int status;

	lab->waits_for = "desktop.service";
	pid = fork();
	if (pid == 0)
		_exit(start(&diag) == 0 ? 0 : 1);
	while (!root_exists(&machine->root, "steps"))
		usleep(1000);
	env.lock_ms = 0;
	assert_int_equal(start_as("win", &env, &diag), -EWOULDBLOCK);
	assert_mentions(diag.text, "another guest's start or end is at work", NULL);
	assert_int_equal(end_as("win", &env, false, &diag), -EWOULDBLOCK);
	put(machine, "go", "\n");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_steps(TAKEN);
	assert_int_equal(end(&diag), 0);
	assert_off();
}

/* In a child that is killed at the given step. True if it was. */
static bool killed_at(int (*action)(struct diag *diag), int at, bool after)
{
	struct diag diag;
	int status, lock;
	pid_t pid;

	kernel->writes = 0;
	kernel->kill_at = at;
	kernel->kill_after = after;
	pid = fork();
	if (pid == 0) {
		kernel->victim = getpid();
		_exit(action(&diag) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* Its own children may be at work still. */
	lock = record_lock(&machine->root, 60000);
	assert_true(lock >= 0);
	close(lock);
	kernel->kill_at = 0;
	if (!WIFSIGNALED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

/* How many points there were. */
static int kill_everywhere(int (*action)(struct diag *diag), bool was_on,
			   int (*next)(struct diag *), bool is_on)
{
	struct diag diag;

	for (int at = 1;; at++)
		for (int after = 0; after <= 1; after++) {
			bool was_killed;

			assert_int_equal(was_on ? start(&diag) : end(&diag), 0);
			if (was_on)
				assert_on();
			else
				assert_off();
			was_killed = killed_at(action, at, after);
			assert_int_equal(next(&diag), 0);
			if (is_on)
				assert_on();
			else
				assert_off();
			if (!was_killed)
				return at - 1;
		}
}

static void killed_at_any_step_the_next_call_repairs(_unused_ void **state)
{
	/* Two units, two functions, pages, a governor: at least so many. */
	assert_true(kill_everywhere(start, false, start, true) >= 8);
	assert_true(kill_everywhere(start, false, end, false) >= 8);
	assert_true(kill_everywhere(end, true, end, false) >= 8);
	assert_true(kill_everywhere(end, true, start, true) >= 8);
	assert_string_equal(said, "");
}

static void lists_are_as_in_the_profile(_unused_ void **state)
{
	char *list = NULL;

	assert_false(guest_list_has(NULL, "a"));
	assert_int_equal(guest_list_add(&list, "ab"), 0);
	assert_int_equal(guest_list_add(&list, "a"), 0);
	assert_int_equal(guest_list_add(&list, "b"), 0);
	assert_int_equal(guest_list_add(&list, "a"), 0);
	assert_string_equal(list, "ab,a,b");
	assert_true(guest_list_has(list, "b"));
	assert_false(guest_list_has(list, "ab,a"));
	guest_list_remove(list, "a");
	assert_string_equal(list, "ab,b");
	guest_list_remove(list, "c");
	guest_list_remove(list, "b");
	assert_string_equal(list, "ab");
	guest_list_remove(list, "ab");
	assert_string_equal(list, "");
	assert_int_equal(guest_list_add(&list, "x"), 0);
	assert_string_equal(list, "x");
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		guest_test(a_card_has_one_guest),
		guest_test(the_desktop_may_take_its_time),
		guest_test(two_callers_take_turns),
		guest_test(killed_at_any_step_the_next_call_repairs),
		cmocka_unit_test(lists_are_as_in_the_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
