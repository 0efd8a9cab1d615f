// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest's CPUs are set to while it runs: the order of the writes, two guests, machines that have not all of it. */
#include "tests/unit/tuning-kernel.h"
#include "tools/tuning-internal.h"

/* All steps since the last call, in this order; NULL ends them. */
static void __attribute__((sentinel)) assert_journal(const struct tuning_kernel *k, ...)
{
	char expected[sizeof(k->journal)] = "";
	const char *line;
	va_list lines;

	va_start(lines, k);
	while ((line = va_arg(lines, const char *)))
		add(expected, sizeof(expected), line);
	va_end(lines);
	assert_string_equal(k->journal, expected);
}

static void test_order(void **state)
{
	struct tuning_kernel k;
	_cleanup_free_ char *before = NULL;

	tuning_kernel_make(&k, *state);
	before = snapshot(&k);
	applied(&k, WIN, "win");
	/* The frequency of policy5 has a limit. Interrupt 25 was on a CPU of the guest alone. */
	assert_journal(&k, SHOW("system.slice user.slice init.scope"), GOVERNOR(4, "performance"),
		       GOVERNOR(5, "performance"), GOVERNOR(6, "performance"),
		       MIN_FREQUENCY(4, "4426000"), MIN_FREQUENCY(5, "4000000"),
		       MIN_FREQUENCY(6, "4426000"), ALLOW("init.scope", "0-3"),
		       ALLOW("system.slice", "0-3"), ALLOW("user.slice", "0-3"), WORKQUEUES("f"),
		       NEW_IRQS("f"), IRQ(0, "f"), IRQ(1, "f"), IRQ(25, "f"), IRQ(26, "f"),
		       IRQ(31, "f"), NULL);
	assert_string_equal(k.notes,
			    "2 interrupts cannot be moved off the guest's CPUs: the kernel "
			    "keeps them there, or a CPU has its own\n");
	restored(&k, "win");
	assert_journal(&k, SHOW("init.scope system.slice user.slice"), IRQ(31, "00000000,000000ff"),
		       IRQ(25, "10"), IRQ(1, "ff"), NEW_IRQS("ff"), WORKQUEUES("ff"),
		       ALLOW("user.slice", ""), ALL_CPUS("user.slice"), ALLOW("system.slice", ""),
		       ALL_CPUS("system.slice"), ALLOW("init.scope", ""), ALL_CPUS("init.scope"),
		       MIN_FREQUENCY(6, "550000"), MIN_FREQUENCY(5, "550000"),
		       MIN_FREQUENCY(4, "550000"), GOVERNOR(6, "powersave"),
		       GOVERNOR(5, "powersave"), GOVERNOR(4, "powersave"),
		       PREFERENCE(6, "balance_performance"), PREFERENCE(5, "balance_performance"),
		       PREFERENCE(4, "balance_performance"), NULL);
	assert_string_equal(k.notes, "");
	assert_as(&k, before);
	/* Again: nothing is recorded. */
	restored(&k, "win");
	assert_journal(&k, NULL);
}

/* The first values stay recorded, and what is as it should be is not written again. */
static void test_twice(void **state)
{
	struct tuning_kernel k;
	_cleanup_free_ char *before = NULL;

	tuning_kernel_make(&k, *state);
	before = snapshot(&k);
	applied(&k, WIN, "win");
	applied(&k, WIN, "win");
	assert_journal(&k, SHOW("init.scope system.slice user.slice"), IRQ(0, "f"), IRQ(26, "f"),
		       NULL);
	restored(&k, "win");
	assert_as(&k, before);
}

/* Some drivers bring the preference along with the governor. */
static void test_preference_comes_along(void **state)
{
	struct tuning_kernel k;
	_cleanup_free_ char *before = NULL;

	tuning_kernel_make(&k, *state);
	k.intel = true;
	before = snapshot(&k);
	applied(&k, WIN, "win");
	restored(&k, "win");
	assert_null(strstr(k.journal, "preference"));
	assert_as(&k, before);
}

/* Each order of start and end: what is set is always what both that run want. */
static void test_two_guests(void **state)
{
	struct tuning_kernel k;

	for (int order = 0; order < 4; order++) {
		const char *first = order & 1 ? "win" : "two", *second = order & 1 ? "two" : "win";
		const char *leaves = order & 2 ? first : second;
		_cleanup_free_ char *before = NULL, *alone = NULL;

		tuning_kernel_make(&k, *state);
		before = snapshot(&k);
		applied(&k, WIN TWO, !strcmp(leaves, first) ? second : first);
		alone = snapshot(&k);
		restored(&k, !strcmp(leaves, first) ? second : first);
		assert_as(&k, before);
		applied(&k, WIN TWO, first);
		applied(&k, WIN TWO, second);
		assert_string_equal(get(&k, "allowed/system.slice"), "0-1");
		assert_string_equal(get(&k, PATH_OF_WORKQUEUES), "3");
		assert_string_equal(get(&k, PATH_OF_NEW_IRQS), "3");
		assert_string_equal(get(&k, PATH_OF_IRQ(24)), "3");
		assert_string_equal(get(&k, PATH_OF_IRQ(25)), "3");
		assert_string_equal(get(&k, PATH_OF_GOVERNOR(6)), "performance");
		assert_string_equal(get(&k, PATH_OF_GOVERNOR(3)), "powersave");
		restored(&k, leaves);
		{
			_cleanup_free_ char *now = snapshot(&k);

			/* But for the interrupt that the other one moved from its CPU alone. */
			assert_string_equal(now, alone);
		}
		restored(&k, !strcmp(leaves, first) ? second : first);
		assert_as(&k, before);
	}
}

/* A policy that two guests share goes back with the last one. */
static void test_shared_policy(void **state)
{
	static const char text[] =
		"[guest a]\ncpus = 6\ngovernor = performance\n"
		"[guest b]\ncpus = 7\ngovernor = performance\nmin-frequency = max\n";
	struct tuning_kernel k;
	_cleanup_free_ char *before = NULL;

	tuning_kernel_make(&k, *state);
	before = snapshot(&k);
	applied(&k, text, "a");
	assert_string_equal(k.notes,
			    "CPU 7, which the guest has not, shares its frequency with the "
			    "guest's (policy6)\n");
	assert_journal(&k, GOVERNOR(6, "performance"), NULL);
	applied(&k, text, "b");
	assert_journal(&k, MIN_FREQUENCY(6, "4426000"), NULL);
	restored(&k, "a");
	assert_journal(&k, NULL);
	restored(&k, "b");
	assert_as(&k, before);
}

/* What the admin has limited units to stays so, less the guest's; it comes back, drop-in and all. */
static void test_allowed_by_the_admin(void **state)
{
	struct tuning_kernel k;
	_cleanup_free_ char *before = NULL;

	tuning_kernel_make(&k, *state);
	put(k.f, "allowed/system.slice", "0-1,6\n");
	put(k.f, "run/systemd/system.control/system.slice.d/50-AllowedCPUs.conf",
	    "AllowedCPUs=0-1 6\n");
	put(k.f, "allowed/user.slice", "5-7\n");
	before = snapshot(&k);
	applied(&k, WIN, "win");
	assert_string_equal(get(&k, "allowed/system.slice"), "0-1");
	assert_string_equal(get(&k, "allowed/user.slice"), "0-3");
	restored(&k, "win");
	assert_string_equal(get(&k, "allowed/system.slice"), "0-1 6");
	assert_string_equal(get(&k, "allowed/user.slice"), "5-7");
	assert_string_equal(get(&k, DROP_IN, "system.slice"), "AllowedCPUs=0-1 6");
	assert_false(root_exists(&k.f->root, "run/systemd/system.control/user.slice.d"));
}

static void refuse(struct tuning_kernel *k, const char *text, int error, unsigned line,
		   const char *says)
{
	_cleanup_free_ char *before = snapshot(k);
	struct diag diag;

	assert_int_equal(apply(k, text, "g", &diag), error);
	assert_mentions(diag.text, says, NULL);
	assert_string_equal(diag.file, "/conf");
	assert_int_equal(diag.line, line);
	assert_as(k, before);
}

static void test_refusals(void **state)
{
	struct tuning_kernel k;

	tuning_kernel_make(&k, *state);
	refuse(&k, "[guest g]\ncpus = 6-9\ngovernor = performance\n", -EBADMSG, 2,
	       "`cpus = 6-9`: not online here: 8-9");
	put(k.f, "sys/devices/system/cpu/online", "0-4,6-7\n");
	refuse(&k, "[guest g]\ncpus = 4-7\nmin-frequency = max\n", -EBADMSG, 2,
	       "not online here: 5;");
	put(k.f, "sys/devices/system/cpu/online", "0-7\n");
	refuse(&k, "[guest g]\ncpus = 4-7\nisolate = yes\ngovernor = schedutil\n", -EBADMSG, 4,
	       "`governor = schedutil`: policy4 has performance powersave");
	refuse(&k, "[guest g]\ncpus = all\nisolate = yes\n", -EPERM, 2,
	       "no CPU would be left to the host");
	applied(&k, TWO, "two");
	refuse(&k, "[guest g]\ncpus = 0-1,4-N\nisolate = yes\n", -EPERM, 2,
	       "beside those of other guests");
	restored(&k, "two");
	/* All of them may run fast. */
	applied(&k, "[guest g]\ncpus = all\ngovernor = performance\n", "g");
	assert_string_equal(get(&k, PATH_OF_GOVERNOR(0)), "performance");
}

static void test_governor_in_a_module(void **state)
{
	struct tuning_kernel k;

	tuning_kernel_make(&k, *state);
	k.module = "cpufreq_ondemand";
	applied(&k, "[guest g]\ncpus = 4\ngovernor = ondemand\n", "g");
	assert_journal(&k, GOVERNOR(4, "ondemand"), NULL);
	restored(&k, "g");
	assert_journal(&k, GOVERNOR(4, "powersave"), NULL);
}

/* A machine that has not all of it: told, and the guest starts. */
static void test_without(void **state)
{
	struct tuning_kernel k;
	_cleanup_free_ char *before = NULL;

	tuning_kernel_make(&k, *state);
	drop(k.f, "sys/devices/system/cpu/cpufreq");
	for (int cpu = 0; cpu < 8; cpu++) {
		char path[64];

		snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%d/cpufreq", cpu);
		drop(k.f, path);
	}
	put(k.f, "sys/fs/cgroup/cgroup.controllers", "cpu io\n");
	put(k.f, "proc/4711/comm", "irqbalance\n");
	before = snapshot(&k);
	applied(&k, "[guest g]\ncpus = 0,4-7\ngovernor = performance\nisolate = yes\n", "g");
	assert_mentions(k.notes, "does not set the frequency of CPU 0,4-7 here",
			"[guest g] has CPU 0", "since cgroup v2 has no cpuset controller here",
			"irqbalance runs", NULL);
	assert_null(strstr(k.journal, "systemctl"));
	assert_string_equal(get(&k, PATH_OF_WORKQUEUES), "e");
	restored(&k, "g");
	assert_as(&k, before);
	drop(k.f, "run/systemd/system");
	applied(&k, WIN, "win");
	assert_mentions(k.notes, "since systemd does not run here", NULL);
	restored(&k, "win");
	assert_as(&k, before);
	/* Nothing is asked for. */
	applied(&k, "[guest g]\ncpus = 4-7\nisolate = no\n", "g");
	assert_journal(&k, NULL);
	applied(&k, WIN, "nobody");
	assert_as(&k, before);
	/* What the profile does not ask for any more is taken back. */
	applied(&k, "[guest g]\ncpus = 4-7\nisolate = yes\n", "g");
	applied(&k, "[guest g]\ncpus = 4-7\n", "g");
	assert_as(&k, before);
}

/* What is isolated at boot has been left alone by all of it: nothing is written but the units. */
static void test_isolated_at_boot(void **state)
{
	struct tuning_kernel k;

	tuning_kernel_make(&k, *state);
	put(k.f, PATH_OF_WORKQUEUES, "f\n");
	put(k.f, PATH_OF_NEW_IRQS, "0f\n");
	for (int irq = 0; irq < 41; irq++) {
		char path[64];

		snprintf(path, sizeof(path), "proc/irq/%d/smp_affinity", irq);
		if (root_exists(&k.f->root, path))
			put(k.f, path, "f\n");
	}
	applied(&k, "[guest g]\ncpus = 4-7\nisolate = yes\n", "g");
	assert_journal(&k, SHOW("system.slice user.slice init.scope"), ALLOW("init.scope", "0-3"),
		       ALLOW("system.slice", "0-3"), ALLOW("user.slice", "0-3"), NULL);
}

/* What has been requested is put back, not what was in force beside an isolated partition. */
static void test_requested_mask(void **state)
{
	struct tuning_kernel k;

	tuning_kernel_make(&k, *state);
	put(k.f, "sys/devices/virtual/workqueue/cpumask_requested", "ff\n");
	put(k.f, PATH_OF_WORKQUEUES, "7f\n");
	applied(&k, TWO, "two");
	assert_mentions(k.journal, WORKQUEUES("f3"), NULL);
	restored(&k, "two");
	assert_mentions(k.journal, WORKQUEUES("ff"), NULL);
}

/* More CPUs than eight: groups of 32, the highest first. */
static void test_masks(void **state)
{
	static const struct {
		const char *text;
		const char *cpus, *again;
	} masks[] = {
		{"0", "", "0"},
		{"1", "0", "1"},
		{"00000000,000000ff", "0-7", "ff"},
		{"1,00000001", "0,32", "1,00000001"},
		{"80000000,00000000,f0000000", "28-31,95", "80000000,00000000,f0000000"},
	};
	char text[TUNING_TEXT];
	cpu_set_t set;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		_cleanup_free_ char *list = NULL;

		assert_int_equal(tuning_cpus_parse(TUNING_IRQ, masks[i].text, &set), 0);
		list = cpulist_format(&set);
		assert_string_equal(list, masks[i].cpus);
		assert_int_equal(tuning_cpus_format(TUNING_IRQ, &set, text), 0);
		assert_string_equal(text, masks[i].again);
	}
	assert_true(tuning_equal(TUNING_WORKQUEUES, "00000000,0000000f", "f"));
	assert_false(tuning_equal(TUNING_WORKQUEUES, "f0", "f"));
	assert_true(tuning_equal(TUNING_UNIT, "0-3 6", "0-3,6"));
	assert_false(tuning_equal(TUNING_UNIT, "", "0"));
	assert_int_equal(tuning_cpus_parse(TUNING_IRQ, "fg", &set), -EINVAL);
	/* The highest of all, and one more. */
	memset(text, 0, sizeof(text));
	text[0] = '8';
	memset(text + 1, '0', CPULIST_MAX / 4 - 1);
	assert_int_equal(tuning_cpus_parse(TUNING_IRQ, text, &set), 0);
	assert_true(CPU_ISSET(CPULIST_MAX - 1, &set));
	assert_int_equal(tuning_cpus_format(TUNING_IRQ, &set, text), 0);
	memmove(text + 1, text, strlen(text));
	assert_int_equal(tuning_cpus_parse(TUNING_IRQ, text, &set), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_order),
		cmocka_machine_test(test_twice),
		cmocka_machine_test(test_preference_comes_along),
		cmocka_machine_test(test_two_guests),
		cmocka_machine_test(test_shared_policy),
		cmocka_machine_test(test_allowed_by_the_admin),
		cmocka_machine_test(test_refusals),
		cmocka_machine_test(test_governor_in_a_module),
		cmocka_machine_test(test_without),
		cmocka_machine_test(test_isolated_at_boot),
		cmocka_machine_test(test_requested_mask),
		cmocka_unit_test(test_masks),
	};

	return cmocka_run_group_tests_name("tuning", tests, NULL, NULL);
}
