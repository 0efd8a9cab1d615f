// SPDX-License-Identifier: GPL-2.0-or-later
/* What each setting is to be, computed from what it was before any guest and from all guests that run. */
#include <string.h>

#include "tools/tuning-internal.h"

#define CPUFREQ "sys/devices/system/cpu/cpufreq/"

/* Where host processes are. Guests are in machine.slice, which keeps all CPUs. */
static const char *const units[] = {"system.slice", "user.slice", "init.scope"};

struct plan {
	const struct tuning_env *env;
	struct tuning_state *state;
	const struct tuning_cpus *cpus;
	cpu_set_t excluded; /* from the host */
	bool grow;
};

void tuning_excluded(const struct tuning_state *state, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	for (size_t i = 0; i < state->guest_count; i++)
		if (state->guests[i].isolate)
			CPU_OR(ret, ret, &state->guests[i].cpus);
}

/* *ret is the setting, NULL where it is not recorded and nothing new is looked for. */
static int want(const struct plan *plan, enum tuning_kind kind, const char *name,
		struct tuning_setting **ret)
{
	struct tuning_setting *setting = tuning_find(plan->state, kind, name);

	if (!setting && plan->grow) {
		setting = tuning_add(plan->state, kind, name);
		if (!setting)
			return -ENOMEM;
		setting->added = true;
	}
	if (setting)
		setting->wanted = true;
	*ret = setting;
	return 0;
}

/* --- what guests want ------------------------------------------------------------------------- */

static int read_number(const struct root *root, const char *policy, const char *file,
		       unsigned long *ret)
{
	char path[TUNING_PATH_STR], text[32];
	ssize_t n;

	snprintf(path, sizeof(path), CPUFREQ "%s/%s", policy, file);
	n = root_read_attr(root, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	*ret = strtoul(text, NULL, 10);
	return 0;
}

/* A limit that somebody has put to the frequency stands. */
static int want_frequency(const struct plan *plan, const char *policy)
{
	unsigned long max_khz, limit_khz;
	struct tuning_setting *setting;
	int r;

	if (read_number(plan->env->root, policy, "cpuinfo_max_freq", &max_khz) < 0)
		return 0;
	if (read_number(plan->env->root, policy, "scaling_max_freq", &limit_khz) == 0 &&
	    limit_khz < max_khz)
		max_khz = limit_khz;
	r = want(plan, TUNING_MIN_FREQUENCY, policy, &setting);
	if (r == 0 && setting)
		snprintf(setting->target, sizeof(setting->target), "%lu", max_khz);
	return r;
}

static int want_governor(const struct plan *plan, const char *policy, const char *governor)
{
	char path[TUNING_PATH_STR];
	struct tuning_setting *setting;
	int r = 0;

	/* With this governor the drivers of Intel and AMD set it to performance, and take nothing else. */
	if (!strcmp(governor, "performance") &&
	    root_exists(plan->env->root, tuning_path(TUNING_PREFERENCE, policy, path))) {
		r = want(plan, TUNING_PREFERENCE, policy, &setting);
		if (r == 0 && setting)
			snprintf(setting->target, sizeof(setting->target), "performance");
	}
	if (r == 0)
		r = want(plan, TUNING_GOVERNOR, policy, &setting);
	if (r == 0 && setting)
		snprintf(setting->target, sizeof(setting->target), "%s", governor);
	return r;
}

static int want_frequencies(const struct plan *plan, const struct tuning_guest *guest)
{
	char policy[TUNING_NAME];
	int r = 0;

	for (unsigned cpu = 0; r == 0 && cpu < CPULIST_MAX; cpu++) {
		if (!CPU_ISSET(cpu, &guest->cpus) ||
		    tuning_policy(plan->env->root, cpu, policy) < 0)
			continue;
		if (guest->governor[0])
			r = want_governor(plan, policy, guest->governor);
		if (r == 0 && guest->max_frequency)
			r = want_frequency(plan, policy);
	}
	return r;
}

static int want_interrupts(const struct plan *plan)
{
	_cleanup_closedir_ DIR *dir = root_opendir(plan->env->root, "proc/irq");
	struct tuning_setting *setting;
	const char *number;
	int r = 0;

	while (r == 0 && dir && (number = tuning_next_number(dir)))
		r = want(plan, TUNING_IRQ, number, &setting);
	return r;
}

static int want_isolation(const struct plan *plan)
{
	static const enum tuning_kind masks[] = {TUNING_WORKQUEUES, TUNING_NEW_IRQS};
	struct tuning_setting *setting;
	char path[TUNING_PATH_STR];
	const char *why;
	int r = 0;

	if (!CPU_COUNT(&plan->excluded))
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(units); i++)
		if (tuning_has_units(plan->env, &why))
			r = want(plan, TUNING_UNIT, units[i], &setting);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(masks); i++)
		if (root_exists(plan->env->root, tuning_path(masks[i], "", path)))
			r = want(plan, masks[i], "", &setting);
	return r < 0 ? r : want_interrupts(plan);
}

/* --- what a setting is to be ------------------------------------------------------------------ */

/* Of the CPUs that it had before those that are the host's; where none of them can work, all that are. */
static int aim_cpus(const struct plan *plan, struct tuning_setting *setting)
{
	cpu_set_t before, kept, usable;

	if (setting->kind == TUNING_UNIT && !setting->before[0])
		before = plan->cpus->present;
	else if (tuning_cpus_parse(setting->kind, setting->before, &before) < 0)
		return -EINVAL;
	CPU_AND(&kept, &before, &plan->excluded);
	CPU_XOR(&kept, &kept, &before);
	CPU_AND(&usable, &kept, &plan->cpus->online);
	if (!CPU_COUNT(&usable)) {
		CPU_AND(&kept, &plan->cpus->online, &plan->excluded);
		CPU_XOR(&kept, &kept, &plan->cpus->online);
	}
	/* CPUs may have gone offline since the guest began. */
	if (!CPU_COUNT(&kept))
		kept = before;
	/* As it was written before: the same mask has many texts. */
	if (CPU_EQUAL(&kept, &before) && setting->before[0]) {
		memcpy(setting->target, setting->before, sizeof(setting->target));
		return 0;
	}
	return tuning_cpus_format(setting->kind, &kept, setting->target);
}

/* Those of a card that a guest has: where they are is the guest's or its owner's business. */
static bool is_guests_interrupt(const struct root *root, const struct tuning_setting *setting)
{
	char path[TUNING_NAME + 16];
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "proc/irq/%s", setting->name);
	dir = root_opendir(root, path);
	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "vfio", 4))
			return true;
	return false;
}

static int aim(const struct plan *plan, struct tuning_setting *setting)
{
	if (setting->added) {
		memcpy(setting->before, setting->current, sizeof(setting->before));
		if (setting->kind == TUNING_UNIT)
			setting->drop_in = tuning_drop_in_exists(plan->env->root, setting->name);
	} else if (!plan->state->changing &&
		   !tuning_equal(setting->kind, setting->current, setting->ours) &&
		   !tuning_equal(setting->kind, setting->current, setting->before)) {
		setting->foreign = !plan->grow || !setting->wanted;
		if (!setting->foreign)
			memcpy(setting->before, setting->current, sizeof(setting->before));
	}
	if (!setting->wanted) {
		memcpy(setting->target, setting->before, sizeof(setting->target));
		return 0;
	}
	/* What the driver made of what was asked for is as good. */
	if (setting->kind == TUNING_MIN_FREQUENCY && !setting->added && setting->ours[0] &&
	    !strcmp(setting->current, setting->ours))
		memcpy(setting->target, setting->ours, sizeof(setting->target));
	return setting->kind < TUNING_UNIT ? 0 : aim_cpus(plan, setting);
}

/* True for one that is as it should be already, and so is none of ours. */
static bool is_needless(const struct plan *plan, const struct tuning_setting *setting)
{
	if (!setting->added)
		return false;
	return setting->gone || tuning_equal(setting->kind, setting->current, setting->target) ||
	       (setting->kind == TUNING_IRQ && is_guests_interrupt(plan->env->root, setting));
}

static int compare(const void *a_ptr, const void *b_ptr)
{
	const struct tuning_setting *a = a_ptr, *b = b_ptr;

	if (a->kind != b->kind)
		return (int)a->kind - (int)b->kind;
	return strverscmp(a->name, b->name);
}

int tuning_plan(const struct tuning_env *env, struct tuning_state *state,
		const struct tuning_cpus *cpus, bool grow, struct diag *diag)
{
	struct plan plan = {.env = env, .state = state, .cpus = cpus, .grow = grow};
	size_t kept = 0;
	int r = 0;

	tuning_excluded(state, &plan.excluded);
	for (size_t i = 0; i < state->count; i++) {
		struct tuning_setting *setting = &state->settings[i];

		setting->added = setting->wanted = setting->gone = setting->foreign = false;
		setting->error = 0;
	}
	for (size_t i = 0; r == 0 && i < state->guest_count; i++)
		r = want_frequencies(&plan, &state->guests[i]);
	if (r == 0)
		r = want_isolation(&plan);
	if (r < 0)
		return diag_set(diag, r, NULL, 0, "out of memory");
	r = tuning_read_all(env, state, diag);
	if (!grow)
		r = 0;
	for (size_t i = 0; r == 0 && i < state->count; i++) {
		struct tuning_setting *setting = &state->settings[i];

		if (!setting->gone && setting->error == 0 && aim(&plan, setting) < 0)
			r = diag_set(diag, -EINVAL, NULL, 0,
				     "`%.100s` is no list of CPUs (%s, at most %d CPUs)",
				     setting->current, setting->name, CPULIST_MAX);
		else if (!is_needless(&plan, setting))
			state->settings[kept++] = *setting;
	}
	if (r < 0)
		return r;
	state->count = kept;
	/* One order of writes, however directories are read. */
	if (kept)
		qsort(state->settings, kept, sizeof(*state->settings), compare);
	return 0;
}
