// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest's CPUs are set to while it runs: failures, ends in the middle, what others change meanwhile. */
#include <sys/wait.h>

#include "tests/unit/tuning-kernel.h"

/* Whatever fails: what was set before it is put back, and nothing is recorded. */
static void test_failures(void **state)
{
	static const struct {
		const char *fault;
		int error, answer;
		const char *says;
	} faults[] = {
		{GOVERNOR(4, "performance"), -EINVAL, -EINVAL,
		 "/" PATH_OF_GOVERNOR(
			 4) ": the kernel does not take `performance`: Invalid argument"},
		{GOVERNOR(6, "performance"), -EIO, -EIO, "policy6"},
		{MIN_FREQUENCY(6, "4426000"), -EINVAL, -EINVAL, "`4426000`"},
		{"init.scope AllowedCPUs=0-3", 1, -EIO,
		 "systemctl set-property: Failed to set unit properties: no"},
		{"user.slice AllowedCPUs=0-3", -ENOENT, -ENOENT, "systemctl set-property"},
		{"user.slice init.scope", 1, -EIO, "systemctl show"},
		{WORKQUEUES("f"), -EINVAL, -EINVAL, "workqueue/cpumask"},
		{NEW_IRQS("f"), -EIO, -EIO, "default_smp_affinity"},
	};
	struct tuning_kernel k;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		_cleanup_free_ char *before = NULL, *with_two = NULL;
		struct diag diag;

		tuning_kernel_make(&k, *state);
		before = snapshot(&k);
		k.fault = faults[i].fault;
		k.fault_error = faults[i].error;
		assert_int_equal(apply(&k, WIN, "win", &diag), faults[i].answer);
		assert_mentions(diag.text, faults[i].says, NULL);
		assert_null(strstr(diag.text, "put back"));
		assert_as(&k, before);
		if (strstr(faults[i].fault, "slice") || strstr(faults[i].fault, "scope"))
			continue;
		/* Another guest that runs keeps what it has. */
		k.fault = NULL;
		applied(&k, WIN TWO, "two");
		with_two = snapshot(&k);
		k.fault = strstr(faults[i].fault, "policy") ? faults[i].fault
			  : strstr(faults[i].fault, "irq")  ? NEW_IRQS("3")
							    : WORKQUEUES("3");
		assert_int_equal(apply(&k, WIN TWO, "win", &diag), faults[i].answer);
		assert_as(&k, with_two);
		restored(&k, "two");
		assert_as(&k, before);
	}
}

/* A guest that runs keeps what it has, where what it is to have now fails. */
static void test_failed_change(void **state)
{
	struct tuning_kernel k;
	_cleanup_free_ char *before = NULL, *with_two = NULL;
	struct diag diag;

	tuning_kernel_make(&k, *state);
	before = snapshot(&k);
	applied(&k, TWO, "two");
	with_two = snapshot(&k);
	k.fault = WORKQUEUES("f1");
	k.fault_error = -EINVAL;
	assert_int_equal(apply(&k, "[guest two]\ncpus = 1-3\nisolate = yes\n", "two", &diag),
			 -EINVAL);
	assert_as(&k, with_two);
	k.fault = NULL;
	applied(&k, "[guest two]\ncpus = 1-3\nisolate = yes\n", "two");
	assert_string_equal(get(&k, "allowed/system.slice"), "0,4-7");
	restored(&k, "two");
	assert_as(&k, before);
}

/* What cannot be put back is told and kept for the next call; the rest is put back. */
static void test_failed_restore(void **state)
{
	static const struct {
		const char *fault, *says;
	} faults[] = {
		{GOVERNOR(5, "powersave"), "policy5/scaling_governor"},
		{PREFERENCE(5, "balance_performance"), "policy5/energy"},
		{MIN_FREQUENCY(6, "550000"), "policy6/scaling_min_freq"},
		{"system.slice AllowedCPUs=", "systemctl set-property"},
		{"system.slice user.slice", "systemctl show"},
		{WORKQUEUES("ff"), "workqueue"},
	};
	struct tuning_kernel k;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		_cleanup_free_ char *before = NULL;
		struct diag diag;

		tuning_kernel_make(&k, *state);
		before = snapshot(&k);
		applied(&k, WIN, "win");
		k.fault = faults[i].fault;
		k.fault_error = -EIO;
		assert_int_equal(restore(&k, "win", &diag), -EIO);
		assert_mentions(diag.text, faults[i].says, NULL);
		assert_string_equal(get(&k, PATH_OF_IRQ(25)), "10");
		assert_string_equal(get(&k, PATH_OF_GOVERNOR(4)), "powersave");
		assert_true(root_exists(&k.f->root, RECORD));
		k.fault = NULL;
		restored(&k, "win");
		assert_as(&k, before);
	}
}

/* What the user has set meanwhile is not touched, and said. */
static void test_changed_since(void **state)
{
	struct tuning_kernel k;

	tuning_kernel_make(&k, *state);
	applied(&k, WIN, "win");
	put(k.f, PATH_OF_GOVERNOR(4), "powersave2\n");
	put(k.f, PATH_OF_WORKQUEUES, "1f\n");
	put(k.f, PATH_OF_IRQ(1), "80\n");
	put(k.f, "allowed/user.slice", "0\n");
	restored(&k, "win");
	assert_null(strstr(k.journal, PATH_OF_GOVERNOR(4)));
	assert_null(strstr(k.journal, PATH_OF_WORKQUEUES));
	assert_null(strstr(k.journal, PATH_OF_IRQ(1)));
	assert_null(strstr(k.journal, "user.slice A"));
	assert_mentions(k.notes, "/" PATH_OF_GOVERNOR(4) " is powersave2 now, which is not from us",
			"workqueue/cpumask is 1f now", "1 interrupts have been moved by somebody",
			"AllowedCPUs of user.slice is 0 now", NULL);
	assert_string_equal(get(&k, PATH_OF_GOVERNOR(5)), "powersave");
	assert_string_equal(get(&k, "allowed/system.slice"), "");
	assert_string_equal(get(&k, DROP_IN, "user.slice"), "AllowedCPUs=0-3");
	assert_false(root_exists(&k.f->root, RECORD));

	/* A start takes it for what was there before. */
	put(k.f, PATH_OF_GOVERNOR(4), "powersave\n");
	applied(&k, WIN, "win");
	put(k.f, PATH_OF_IRQ(1), "c0\n");
	applied(&k, WIN, "win");
	assert_string_equal(get(&k, PATH_OF_IRQ(1)), "f");
	restored(&k, "win");
	assert_string_equal(get(&k, PATH_OF_IRQ(1)), "c0");
}

struct plot {
	struct tuning_kernel *k;
	bool restores;
	unsigned at;
	bool after;
};

/* Runs one of the two in a child that ends at a step; true where it came to that step. */
static bool killed(const struct plot *plot)
{
	struct diag diag;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		plot->k->kill_at = plot->at;
		plot->k->kill_after = plot->after;
		if (plot->restores)
			_exit(restore(plot->k, "win", &diag) < 0);
		_exit(apply(plot->k, WIN TWO, "win", &diag) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 99 || WEXITSTATUS(status) == 0);
	return WEXITSTATUS(status) == 99;
}

/* One end in the middle, and what comes after it. False where there is no such step. */
static bool end_and_go_on(struct fixture *f, struct plot *plot, bool with_two, bool starts_again)
{
	struct tuning_kernel k;
	_cleanup_free_ char *before = NULL, *two = NULL;
	bool was_killed;

	tuning_kernel_make(&k, f);
	plot->k = &k;
	before = snapshot(&k);
	if (with_two)
		applied(&k, WIN TWO, "two");
	two = snapshot(&k);
	if (plot->restores)
		applied(&k, WIN TWO, "win");
	was_killed = killed(plot);
	if (starts_again) {
		applied(&k, WIN TWO, "win");
		assert_string_equal(get(&k, PATH_OF_WORKQUEUES), with_two ? "3" : "f");
	}
	restored(&k, "win");
	assert_as(&k, two);
	restored(&k, "two");
	assert_as(&k, before);
	return was_killed;
}

/* Ended before any step of either, or after the last one: the next call completes it. */
static void test_killed(void **state)
{
	for (int way = 0; way < 8; way++) {
		struct plot plot = {.restores = way & 1, .at = 1};

		while (end_and_go_on(*state, &plot, way & 2, way & 4))
			plot.at++;
		assert_in_range(plot.at, 14, 40);
		plot.at--;
		plot.after = true;
		assert_true(end_and_go_on(*state, &plot, way & 2, way & 4));
	}
}

/* CPUs and interrupts that go while the guest runs. */
static void test_gone(void **state)
{
	struct tuning_kernel k;

	tuning_kernel_make(&k, *state);
	applied(&k, WIN, "win");
	drop(k.f, "proc/irq/31");
	drop(k.f, POLICY "6");
	put(k.f, "sys/devices/system/cpu/online", "0-5\n");
	restored(&k, "win");
	assert_mentions(k.notes, "/" PATH_OF_GOVERNOR(6) " is gone and cannot be put back", NULL);
	assert_string_equal(get(&k, PATH_OF_GOVERNOR(5)), "powersave");
	assert_string_equal(get(&k, PATH_OF_WORKQUEUES), "ff");
	assert_false(root_exists(&k.f->root, RECORD));
}

static void test_bad_record(void **state)
{
	static const char *const texts[] = {
		"[nonsense]\n",
		"[governor ../../../etc]\nbefore = x\n",
		"[guest g]\ncpus = many\n",
		"before = 1\n",
	};
	struct tuning_kernel k;
	struct diag diag;

	tuning_kernel_make(&k, *state);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put(k.f, RECORD, "%s", texts[i]);
		assert_int_equal(restore(&k, "win", &diag), -EBADMSG);
		assert_string_equal(diag.file, "/" RECORD);
		assert_int_equal(apply(&k, WIN, "win", &diag), -EBADMSG);
		assert_string_equal(k.journal, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_failures),	  cmocka_machine_test(test_failed_change),
		cmocka_machine_test(test_failed_restore), cmocka_machine_test(test_changed_since),
		cmocka_machine_test(test_killed),	  cmocka_machine_test(test_gone),
		cmocka_machine_test(test_bad_record),
	};

	return cmocka_run_group_tests_name("tuning-undo", tests, NULL, NULL);
}
