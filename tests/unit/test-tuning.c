// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest's CPUs are set to while it runs: the order of the writes, two guests, ends in the middle. */
#include <sys/wait.h>

#include "tests/unit/tuning-kernel.h"
#include "tools/tuning-internal.h"

#define POLICY "sys/devices/system/cpu/cpufreq/policy"
#define PATH_OF_GOVERNOR(n) POLICY #n "/scaling_governor"
#define PATH_OF_IRQ(n) "proc/irq/" #n "/smp_affinity"
#define PATH_OF_WORKQUEUES "sys/devices/virtual/workqueue/cpumask"
#define PATH_OF_NEW_IRQS "proc/irq/default_smp_affinity"

/* Lines of the journal. */
#define GOVERNOR(n, value) PATH_OF_GOVERNOR(n) "=" value
#define PREFERENCE(n, value) POLICY #n "/energy_performance_preference=" value
#define MIN_FREQUENCY(n, value) POLICY #n "/scaling_min_freq=" value
#define WORKQUEUES(mask) PATH_OF_WORKQUEUES "=" mask
#define NEW_IRQS(mask) PATH_OF_NEW_IRQS "=" mask
#define IRQ(n, mask) PATH_OF_IRQ(n) "=" mask
#define SHOW(units) "systemctl show --property=Id,AllowedCPUs -- " units
#define ALLOW(unit, list) "systemctl set-property --runtime -- " unit " AllowedCPUs=" list

#define RECORD "run/vfio-bootcfg/tuning"

#define WIN "[guest win]\ncpus = 4-7\ngovernor = performance\nmin-frequency = max\nisolate = yes\n"
#define TWO "[guest two]\ncpus = 2-3\nisolate = yes\n"

static int apply(struct tuning_kernel *k, const char *text, const char *guest, struct diag *diag)
{
	_cleanup_profile_ struct profile profile = {.memory = NULL};

	*diag = (struct diag)DIAG_INIT;
	k->journal[0] = k->notes[0] = '\0';
	k->steps = 0;
	assert_int_equal(profile_parse_text(text, strlen(text), "/conf", &profile, diag), 0);
	return tuning_apply(&k->env, &profile, guest, diag);
}

static void applied(struct tuning_kernel *k, const char *text, const char *guest)
{
	struct diag diag;
	int r = apply(k, text, guest, &diag);

	if (r < 0)
		print_error("%s\n", diag.text);
	assert_int_equal(r, 0);
}

static int restore(struct tuning_kernel *k, const char *guest, struct diag *diag)
{
	*diag = (struct diag)DIAG_INIT;
	k->journal[0] = k->notes[0] = '\0';
	k->steps = 0;
	return tuning_restore(&k->env, guest, diag);
}

static void restored(struct tuning_kernel *k, const char *guest)
{
	struct diag diag;
	int r = restore(k, guest, &diag);

	if (r < 0)
		print_error("%s\n", diag.text);
	assert_int_equal(r, 0);
}

/* All that may be changed, a line each. The record too, and what systemd keeps. */
static char *snapshot(struct tuning_kernel *k)
{
	static const char *const irqs[] = {"0", "1", "24", "25", "26", "31", "40"};
	static const char *const units[] = {"system.slice", "user.slice", "init.scope"};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (int policy = 0; policy < 7; policy++)
		fprintf(out, "%d: %s %s %s\n", policy, get(k, POLICY "%d/scaling_governor", policy),
			get(k, POLICY "%d/energy_performance_preference", policy),
			strdupa(get(k, POLICY "%d/scaling_min_freq", policy)));
	for (size_t i = 0; i < ARRAY_SIZE(irqs); i++)
		fprintf(out, "%s: %s\n", irqs[i], get(k, "proc/irq/%s/smp_affinity", irqs[i]));
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		fprintf(out, "%s: %s %s\n", units[i], get(k, "allowed/%s", units[i]),
			get(k, DROP_IN, units[i]));
	fprintf(out, "%s %s\n", get(k, PATH_OF_WORKQUEUES), get(k, PATH_OF_NEW_IRQS));
	fprintf(out, "%s\n", root_exists(&k->f->root, RECORD) ? "recorded" : "not recorded");
	fprintf(out, "%s\n",
		root_exists(&k->f->root, "run/systemd/system.control/system.slice.d") ? "dir"
										      : "no dir");
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_as(struct tuning_kernel *k, const char *before)
{
	_cleanup_free_ char *now = snapshot(k);

	assert_string_equal(now, before);
}

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
		       ALLOW("user.slice", ""), ALLOW("system.slice", ""), ALLOW("init.scope", ""),
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
		assert_journal(&k, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_order),
		cmocka_machine_test(test_twice),
		cmocka_machine_test(test_preference_comes_along),
		cmocka_machine_test(test_two_guests),
		cmocka_machine_test(test_shared_policy),
		cmocka_machine_test(test_failures),
		cmocka_machine_test(test_failed_change),
		cmocka_machine_test(test_failed_restore),
		cmocka_machine_test(test_changed_since),
		cmocka_machine_test(test_allowed_by_the_admin),
		cmocka_machine_test(test_killed),
		cmocka_machine_test(test_refusals),
		cmocka_machine_test(test_governor_in_a_module),
		cmocka_machine_test(test_without),
		cmocka_machine_test(test_isolated_at_boot),
		cmocka_machine_test(test_requested_mask),
		cmocka_machine_test(test_gone),
		cmocka_unit_test(test_masks),
		cmocka_machine_test(test_bad_record),
	};

	return cmocka_run_group_tests_name("tuning", tests, NULL, NULL);
}
