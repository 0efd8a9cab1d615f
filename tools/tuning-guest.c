// SPDX-License-Identifier: GPL-2.0-or-later
/* What [guest NAME] asks of its CPUs, checked against the machine before anything is written. */
#include <string.h>

#include "tools/tuning-internal.h"

#define CPU_DIR "sys/devices/system/cpu/"
#define LIST_STR 8192 /* bytes: CPULIST_MAX CPUs, one by one */

static int read_cpus(const struct root *root, const char *file, cpu_set_t *ret, struct diag *diag)
{
	char path[sizeof(CPU_DIR) + 16], list[LIST_STR];
	ssize_t r;

	snprintf(path, sizeof(path), CPU_DIR "%s", file);
	r = root_read_attr(root, path, list, sizeof(list));
	if (r >= 0)
		r = cpulist_parse(list, ret);
	if (r < 0)
		return diag_set(diag, (int)r, NULL, 0, "/%s, the list of CPUs, cannot be read: %s",
				path, strerror((int)-r));
	return 0;
}

int tuning_cpus_read(const struct root *root, struct tuning_cpus *ret, struct diag *diag)
{
	struct tuning_cpus cpus;
	int r = read_cpus(root, "online", &cpus.online, diag);

	if (r == 0)
		r = read_cpus(root, "present", &cpus.present, diag);
	if (r < 0)
		return r;
	cpus.count = cpulist_last(&cpus.present) + 1;
	*ret = cpus;
	return 0;
}

int tuning_policy(const struct root *root, unsigned cpu, char ret[static TUNING_NAME])
{
	char path[sizeof(CPU_DIR) + 32];
	ssize_t n;

	snprintf(path, sizeof(path), CPU_DIR "cpu%u/cpufreq", cpu);
	n = root_readlink_name(root, path, ret, TUNING_NAME);
	return n < 0 ? (int)n : 0;
}

static int check_cpus(const struct profile_entry *entry, const struct tuning_cpus *cpus,
		      cpu_set_t *ret, struct diag *diag)
{
	_cleanup_free_ char *list = NULL;
	cpu_set_t set, off;
	int r = cpulist_resolve(entry->value, cpus->count, &set);

	if (r == -ERANGE)
		return diag_set(diag, -EBADMSG, entry->file, entry->line,
				"`cpus = %.100s`: a CPU above %d", entry->value, CPULIST_MAX - 1);
	if (r < 0)
		return diag_set(diag, -EBADMSG, entry->file, entry->line,
				"`cpus = %.100s`: no list of CPUs of this machine", entry->value);
	CPU_AND(&off, &set, &cpus->online);
	CPU_XOR(&off, &off, &set);
	if (CPU_COUNT(&off)) {
		list = cpulist_format(&off);
		return diag_set(diag, -EBADMSG, entry->file, entry->line,
				"`cpus = %.100s`: not online here: %s; the CPUs that are: cat "
				"/" CPU_DIR "online",
				entry->value, list ? list : "some");
	}
	*ret = set;
	return 0;
}

/* --- frequencies ------------------------------------------------------------------------------ */

static bool has_word(char *text, const char *word)
{
	char *saved = NULL;

	for (char *at = strtok_r(text, " ", &saved); at; at = strtok_r(NULL, " ", &saved))
		if (!strcmp(at, word))
			return true;
	return false;
}

static bool governor_there(const struct root *root, const char *policy, const char *governor,
			   char *ret_all, size_t size)
{
	char path[TUNING_PATH_STR], copy[TUNING_TEXT];

	snprintf(path, sizeof(path), CPU_DIR "cpufreq/%s/scaling_available_governors", policy);
	if (root_read_attr(root, path, ret_all, size) < 0)
		*ret_all = '\0';
	snprintf(copy, sizeof(copy), "%s", ret_all);
	return has_word(copy, governor);
}

static int check_governor(const struct tuning_env *env, const char *policy,
			  const struct profile_entry *entry, struct diag *diag)
{
	char all[TUNING_TEXT], module[TUNING_TEXT];

	if (governor_there(env->root, policy, entry->value, all, sizeof(all)))
		return 0;
	/* One that is a module is listed once it is loaded. */
	snprintf(module, sizeof(module), "cpufreq_%s", entry->value);
	if (env->load_module && env->load_module(module) == 0 &&
	    governor_there(env->root, policy, entry->value, all, sizeof(all)))
		return 0;
	return diag_set(diag, -EBADMSG, entry->file, entry->line, "`governor = %s`: %s has %s",
			entry->value, policy, all[0] ? all : "no governors");
}

/* CPUs of one policy have one frequency: those of the host go with the guest's. */
static void note_shared(const struct tuning_env *env, const char *policy, const cpu_set_t *cpus)
{
	char path[TUNING_PATH_STR], list[TUNING_TEXT];
	_cleanup_free_ char *others_list = NULL;
	cpu_set_t all, others;

	/* Numbers with blanks between. */
	snprintf(path, sizeof(path), CPU_DIR "cpufreq/%s/affected_cpus", policy);
	if (root_read_attr(env->root, path, list, sizeof(list)) <= 0 ||
	    cpulist_parse(list, &all) < 0)
		return;
	CPU_AND(&others, &all, cpus);
	CPU_XOR(&others, &others, &all);
	if (!CPU_COUNT(&others))
		return;
	others_list = cpulist_format(&others);
	tuning_note(env,
		    "CPU %s, which the guest has not, shares its frequency with the guest's (%s)",
		    others_list ? others_list : "", policy);
}

static int check_frequencies(const struct tuning_env *env, const struct profile_entry *governor,
			     const struct tuning_guest *guest, struct diag *diag)
{
	char last[TUNING_NAME] = "", policy[TUNING_NAME];
	_cleanup_free_ char *without_list = NULL;
	cpu_set_t without;

	CPU_ZERO(&without);
	for (unsigned cpu = 0; cpu < CPULIST_MAX; cpu++) {
		if (!CPU_ISSET(cpu, &guest->cpus))
			continue;
		if (tuning_policy(env->root, cpu, policy) < 0) {
			CPU_SET(cpu, &without);
			continue;
		}
		if (!strcmp(policy, last))
			continue;
		snprintf(last, sizeof(last), "%s", policy);
		note_shared(env, policy, &guest->cpus);
		if (governor) {
			int r = check_governor(env, policy, governor, diag);

			if (r < 0)
				return r;
		}
	}
	if (CPU_COUNT(&without)) {
		without_list = cpulist_format(&without);
		tuning_note(env,
			    "[guest %s]: the kernel does not set the frequency of CPU %s here: "
			    "governor and min-frequency are passed over",
			    guest->name, without_list ? without_list : "");
	}
	return 0;
}

/* --- isolation -------------------------------------------------------------------------------- */

static bool runs(const struct root *root, const char *wanted)
{
	_cleanup_closedir_ DIR *dir = root_opendir(root, "proc");
	const char *pid;

	while (dir && (pid = tuning_next_number(dir))) {
		char path[TUNING_NAME + 16], name[64];

		snprintf(path, sizeof(path), "proc/%s/comm", pid);
		if (root_read_attr(root, path, name, sizeof(name)) > 0 && !strcmp(name, wanted))
			return true;
	}
	return false;
}

static void note_isolation(const struct tuning_env *env, const struct tuning_guest *guest)
{
	const char *why;

	if (CPU_ISSET(0, &guest->cpus))
		tuning_note(env,
			    "[guest %s] has CPU 0, which the kernel itself works on: the guest is "
			    "not alone there",
			    guest->name);
	if (!tuning_has_units(env, &why))
		tuning_note(env, "[guest %s]: host processes are not kept off its CPUs, since %s",
			    guest->name, why);
	if (runs(env->root, "irqbalance"))
		tuning_note(env, "irqbalance runs, and may move interrupts to the guest's CPUs "
				 "again: stop it, or ban them in its IRQBALANCE_BANNED_CPULIST");
}

int tuning_guest_read(const struct tuning_env *env, const struct profile *profile, const char *name,
		      const struct tuning_cpus *cpus, struct tuning_guest *ret, struct diag *diag)
{
	const struct profile_entry *list = profile_get(profile, "guest", name, "cpus");
	const struct profile_entry *governor = profile_get(profile, "guest", name, "governor");
	const struct profile_entry *isolate = profile_get(profile, "guest", name, "isolate");
	struct tuning_guest guest = {
		.max_frequency = profile_get(profile, "guest", name, "min-frequency"),
		.isolate = isolate && !strcmp(isolate->value, "yes"),
	};
	int r;

	/* Without `cpus` there is none of them: the profile is checked for that. */
	if (!list || (!governor && !guest.max_frequency && !guest.isolate))
		return 0;
	snprintf(guest.name, sizeof(guest.name), "%s", name);
	if (governor)
		snprintf(guest.governor, sizeof(guest.governor), "%s", governor->value);
	r = check_cpus(list, cpus, &guest.cpus, diag);
	if (r == 0 && (governor || guest.max_frequency))
		r = check_frequencies(env, governor, &guest, diag);
	if (r < 0)
		return r;
	if (guest.isolate)
		note_isolation(env, &guest);
	*ret = guest;
	return 1;
}
