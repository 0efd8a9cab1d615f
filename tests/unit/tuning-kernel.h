/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine of eight CPUs whose files answer writes as amd-pstate, the workqueues and the interrupts do, and a
 * systemctl for it. Every write and call is added to a journal. A part of each test program that includes it.
 */
#ifndef TESTS_UNIT_TUNING_KERNEL_H
#define TESTS_UNIT_TUNING_KERNEL_H

#include <string.h>
#include <sys/stat.h>

#include "bootcfg/cpulist.h"
#include "tests/unit/fixture.h"
#include "tools/tuning.h"

#define DROP_IN "run/systemd/system.control/%s.d/50-AllowedCPUs.conf"

struct tuning_kernel {
	struct fixture *f;
	struct tuning_env env;
	/* A write or call whose text ends so fails with this. */
	const char *fault;
	int fault_error;
	/* The process ends at this step (from 1), before or after it is done. */
	unsigned kill_at, steps;
	bool kill_after;
	bool intel; /* putting the governor back brings the preference along */
	const char *module; /* what load_module() loads; the governor it has is added */
	char journal[16384];
	char notes[4096];
};

static inline struct root plain_root(const struct tuning_kernel *k)
{
	struct root root = k->f->root;

	root.write_hook = NULL;
	return root;
}

/* The first line of a file; static, overwritten by the next call but one. */
static inline _printf_(2, 3) const char *get(const struct tuning_kernel *k, const char *format, ...)
{
	static char bufs[2][1024];
	static unsigned turn;
	struct root root = plain_root(k);
	char path[256], *buf = bufs[turn++ % 2];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (root_read_attr(&root, path, buf, sizeof(bufs[0])) < 0)
		return "(none)";
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

static inline void add(char *text, size_t size, const char *line)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s\n", line);
}

/* Counts a step, which may be the last one; the error that it is to have. */
static inline int step(struct tuning_kernel *k, const char *line, bool after)
{
	size_t len = strlen(line), fault = k->fault ? strlen(k->fault) : 0;

	if (!after) {
		add(k->journal, sizeof(k->journal), line);
		k->steps++;
	}
	if (k->steps == k->kill_at && k->kill_after == after)
		_exit(99);
	return k->fault && len >= fault && !strcmp(line + len - fault, k->fault) ? k->fault_error
										 : 0;
}

static inline bool ends(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);

	return len >= end_len && !strcmp(path + len - end_len, end);
}

/* The file beside another one. */
static inline const char *beside(const char *path, const char *name)
{
	static char buf[256];

	snprintf(buf, sizeof(buf), "%.*s/%s", (int)(strrchr(path, '/') - path), path, name);
	return buf;
}

static inline int kernel_takes(struct tuning_kernel *k, const char *path, const char *value)
{
	if (ends(path, "irq/0/smp_affinity") || ends(path, "irq/26/smp_affinity"))
		return -EIO;
	if (ends(path, "/scaling_governor")) {
		if (!strstr(get(k, "%s", beside(path, "scaling_available_governors")), value))
			return -EINVAL;
		if (!strcmp(value, "performance"))
			put(k->f, beside(path, "energy_performance_preference"), "performance\n");
		else if (k->intel)
			put(k->f, beside(path, "energy_performance_preference"),
			    "balance_performance\n");
	}
	if (ends(path, "/energy_performance_preference") && strcmp(value, "performance") != 0 &&
	    !strcmp(get(k, "%s", beside(path, "scaling_governor")), "performance"))
		return -EBUSY;
	put(k->f, path, "%s\n", value);
	if (ends(path, "workqueue/cpumask") &&
	    root_exists(&k->f->root, beside(path, "cpumask_requested")))
		put(k->f, beside(path, "cpumask_requested"), "%s\n", value);
	return 0;
}

static inline int kernel_write(void *data, const char *path, const char *text)
{
	struct tuning_kernel *k = data;
	char line[2048], value[1024];
	int r;

	snprintf(value, sizeof(value), "%.*s", (int)strcspn(text, "\n"), text);
	snprintf(line, sizeof(line), "%s=%s", path, value);
	r = step(k, line, false);
	if (r == 0)
		r = kernel_takes(k, path, value);
	(void)step(k, line, true);
	return r;
}

/* As systemd prints it: ranges with blanks between. */
static inline void show(struct tuning_kernel *k, const char *unit, FILE *out)
{
	char value[1024];

	snprintf(value, sizeof(value), "%s", get(k, "allowed/%s", unit));
	for (char *at = value; *at; at++)
		if (*at == ',')
			*at = ' ';
	fprintf(out, "%sId=%s\nAllowedCPUs=%s\n", ftell(out) ? "\n" : "", unit,
		!strcmp(value, "(none)") ? "" : value);
}

static struct tuning_kernel *tuning_kernel; /* of systemctl(), which is given none */

static inline int fake_systemctl(const char *const args[], char **ret_output)
{
	struct tuning_kernel *k = tuning_kernel;
	size_t size;
	FILE *out = open_memstream(ret_output, &size);
	char line[512] = "systemctl", path[256];
	int r;

	assert_non_null(out);
	for (size_t i = 0; args[i]; i++) {
		size_t used = strlen(line);

		snprintf(line + used, sizeof(line) - used, " %s", args[i]);
	}
	r = step(k, line, false);
	if (r == 0 && !strcmp(args[0], "show")) {
		for (size_t i = 3; args[i]; i++)
			show(k, args[i], out);
	} else if (r == 0) {
		assert_string_equal(args[0], "set-property");
		assert_string_equal(args[1], "--runtime");
		put(k->f, beside("allowed/x", args[3]), "%s\n", strchr(args[4], '=') + 1);
		snprintf(path, sizeof(path), DROP_IN, args[3]);
		put(k->f, path, "%s\n", args[4]);
		/* None is never written: what was there stays. */
		snprintf(path, sizeof(path), "sys/fs/cgroup/%s/cpuset.cpus", args[3]);
		if (strchr(args[4], '=')[1])
			put(k->f, path, "%s\n", strchr(args[4], '=') + 1);
	} else {
		fputs("Failed to set unit properties: no\n", out);
	}
	assert_int_equal(fclose(out), 0);
	(void)step(k, line, true);
	return r;
}

static inline int fake_load_module(const char *name)
{
	struct tuning_kernel *k = tuning_kernel;

	if (!k->module || strcmp(name, k->module) != 0)
		return -ENOENT;
	for (int policy = 0; policy < 7; policy++) {
		char path[128];

		snprintf(path, sizeof(path),
			 "sys/devices/system/cpu/cpufreq/policy%d/scaling_available_governors",
			 policy);
		put(k->f, path, "performance powersave %s\n", strchr(name, '_') + 1);
	}
	return 0;
}

static inline void take_note(void *data, const char *text)
{
	struct tuning_kernel *k = data;

	add(k->notes, sizeof(k->notes), text);
}

static inline void tuning_kernel_make(struct tuning_kernel *k, struct fixture *f)
{
	/* Anew. */
	if (f->root.fd >= 0) {
		root_close(&f->root);
		drop(f, "");
		assert_int_equal(mkdir(f->dir, 0755), 0);
	}
	*k = (struct tuning_kernel){.f = f};
	machine_named(f, "eight-cpus");
	put(f, "allowed/system.slice", "\n");
	put(f, "allowed/user.slice", "\n");
	put(f, "allowed/init.scope", "\n");
	f->root.write_hook = kernel_write;
	f->root.write_hook_data = k;
	k->env = (struct tuning_env){
		.root = &f->root,
		.systemctl = fake_systemctl,
		.load_module = fake_load_module,
		.note = take_note,
		.data = k,
	};
	tuning_kernel = k;
}

/* --- what the tests say ------------------------------------------------------------------------ */

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
#define ALL_CPUS(unit) "sys/fs/cgroup/" unit "/cpuset.cpus=0-15"
#define ALLOW(unit, list) "systemctl set-property --runtime -- " unit " AllowedCPUs=" list

#define RECORD "run/vfio-bootcfg/tuning"

#define WIN "[guest win]\ncpus = 4-7\ngovernor = performance\nmin-frequency = max\nisolate = yes\n"
#define TWO "[guest two]\ncpus = 2-3\nisolate = yes\n"

static inline int apply(struct tuning_kernel *k, const char *text, const char *guest,
			struct diag *diag)
{
	_cleanup_profile_ struct profile profile = {.memory = NULL};

	*diag = (struct diag)DIAG_INIT;
	k->journal[0] = k->notes[0] = '\0';
	k->steps = 0;
	assert_int_equal(profile_parse_text(text, strlen(text), "/conf", &profile, diag), 0);
	return tuning_apply(&k->env, &profile, guest, diag);
}

static inline void applied(struct tuning_kernel *k, const char *text, const char *guest)
{
	struct diag diag;
	int r = apply(k, text, guest, &diag);

	if (r < 0)
		print_error("%s\n", diag.text);
	assert_int_equal(r, 0);
}

static inline int restore(struct tuning_kernel *k, const char *guest, struct diag *diag)
{
	*diag = (struct diag)DIAG_INIT;
	k->journal[0] = k->notes[0] = '\0';
	k->steps = 0;
	return tuning_restore(&k->env, guest, diag);
}

static inline void restored(struct tuning_kernel *k, const char *guest)
{
	struct diag diag;
	int r = restore(k, guest, &diag);

	if (r < 0)
		print_error("%s\n", diag.text);
	assert_int_equal(r, 0);
}

/* All that may be changed, a line each. The record too, and what systemd keeps. */
static inline char *snapshot(struct tuning_kernel *k)
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

static inline void assert_as(struct tuning_kernel *k, const char *before)
{
	_cleanup_free_ char *now = snapshot(k);

	assert_string_equal(now, before);
}

#endif
