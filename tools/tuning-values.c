// SPDX-License-Identifier: GPL-2.0-or-later
/* How a single setting is read, compared and written. */
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/run.h"
#include "tools/tuning-internal.h"

#define CPUFREQ "sys/devices/system/cpu/cpufreq/"
#define WORKQUEUES "sys/devices/virtual/workqueue/"
#define DROP_INS "run/systemd/system.control/"
#define DROP_IN "50-AllowedCPUs.conf"
#define PROPERTY "AllowedCPUs="

#define UNITS_MAX 8
#define BITS_A_DIGIT 4
#define BITS_A_GROUP 32

void tuning_note(const struct tuning_env *env, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		text = NULL;
	else if (env->note)
		env->note(env->data, text);
}

const char *tuning_next_number(DIR *dir)
{
	const struct dirent *entry;

	while ((entry = readdir(dir)))
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
		    strlen(entry->d_name) < TUNING_NAME)
			return entry->d_name;
	return NULL;
}

char *tuning_path(enum tuning_kind kind, const char *name, char ret[static TUNING_PATH_STR])
{
	const char *before = CPUFREQ, *after = "";

	switch (kind) {
	case TUNING_PREFERENCE:
		after = "/energy_performance_preference";
		break;
	case TUNING_GOVERNOR:
		after = "/scaling_governor";
		break;
	case TUNING_MIN_FREQUENCY:
		after = "/scaling_min_freq";
		break;
	case TUNING_WORKQUEUES:
		before = WORKQUEUES "cpumask";
		break;
	case TUNING_NEW_IRQS:
		before = "proc/irq/default_smp_affinity";
		break;
	case TUNING_IRQ:
		before = "proc/irq/";
		after = "/smp_affinity";
		break;
	case TUNING_UNIT:
	case TUNING_KINDS:
		before = "";
		break;
	}
	snprintf(ret, TUNING_PATH_STR, "%s%s%s", before, name, after);
	return ret;
}

/* --- masks and lists -------------------------------------------------------------------------- */

/* Hex digits, the highest CPUs first, a comma before each 32 of them: lib/bitmap-str.c. */
static int mask_parse(const char *text, cpu_set_t *ret)
{
	unsigned cpu = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (const char *at = text + strlen(text); at-- > text;) {
		unsigned digit;

		if (*at == ',')
			continue;
		if (*at >= '0' && *at <= '9')
			digit = (unsigned)(*at - '0');
		else if (*at >= 'a' && *at <= 'f')
			digit = (unsigned)(*at - 'a') + 10;
		else
			return -EINVAL;
		for (unsigned bit = 0; bit < BITS_A_DIGIT; bit++, cpu++) {
			if (!(digit >> bit & 1))
				continue;
			if (cpu >= CPULIST_MAX)
				return -ERANGE;
			CPU_SET(cpu, &set);
		}
	}
	*ret = set;
	return 0;
}

static int mask_format(const cpu_set_t *set, char ret[static TUNING_TEXT])
{
	int group = (int)cpulist_last(set) / BITS_A_GROUP;
	size_t len = 0;

	for (bool first = true; group >= 0; group--, first = false) {
		unsigned bits = 0;

		for (int bit = 0; bit < BITS_A_GROUP; bit++)
			if (CPU_ISSET(group * BITS_A_GROUP + bit, set))
				bits |= 1U << bit;
		len += (size_t)snprintf(ret + len, TUNING_TEXT - len, first ? "%x" : ",%08x", bits);
	}
	return 0;
}

int tuning_cpus_parse(enum tuning_kind kind, const char *text, cpu_set_t *ret)
{
	if (kind != TUNING_UNIT)
		return mask_parse(text, ret);
	if (*text)
		return cpulist_parse(text, ret);
	CPU_ZERO(ret);
	return 0;
}

int tuning_cpus_format(enum tuning_kind kind, const cpu_set_t *set, char ret[static TUNING_TEXT])
{
	_cleanup_free_ char *list = NULL;

	if (kind != TUNING_UNIT)
		return mask_format(set, ret);
	list = cpulist_format(set);
	if (!list)
		return -ENOMEM;
	return snprintf(ret, TUNING_TEXT, "%s", list) < TUNING_TEXT ? 0 : -ENAMETOOLONG;
}

bool tuning_equal(enum tuning_kind kind, const char *a, const char *b)
{
	cpu_set_t a_set, b_set;

	if (kind < TUNING_UNIT || tuning_cpus_parse(kind, a, &a_set) < 0 ||
	    tuning_cpus_parse(kind, b, &b_set) < 0)
		return !strcmp(a, b);
	return CPU_EQUAL(&a_set, &b_set);
}

/* --- units ------------------------------------------------------------------------------------ */

bool tuning_has_units(const struct tuning_env *env, const char **ret_why)
{
	char controllers[256], *saved = NULL;

	*ret_why = "systemd does not run here";
	if (!env->systemctl || !root_exists(env->root, "run/systemd/system"))
		return false;
	*ret_why = "cgroup v2 has no cpuset controller here";
	if (root_read_attr(env->root, "sys/fs/cgroup/cgroup.controllers", controllers,
			   sizeof(controllers)) < 0)
		return false;
	for (char *word = strtok_r(controllers, " ", &saved); word;
	     word = strtok_r(NULL, " ", &saved))
		if (!strcmp(word, "cpuset"))
			return true;
	return false;
}

static char *drop_in_dir(const char *unit, char ret[static TUNING_PATH_STR])
{
	snprintf(ret, TUNING_PATH_STR, DROP_INS "%s.d", unit);
	return ret;
}

bool tuning_drop_in_exists(const struct root *root, const char *unit)
{
	char dir[TUNING_PATH_STR], path[TUNING_PATH_STR + sizeof(DROP_IN)];

	snprintf(path, sizeof(path), "%s/" DROP_IN, drop_in_dir(unit, dir));
	return root_exists(root, path);
}

void tuning_drop_in_remove(const struct root *root, const struct tuning_setting *setting)
{
	char path[TUNING_PATH_STR];
	_cleanup_close_ int dir =
		root_openat(root, drop_in_dir(setting->name, path), O_RDONLY | O_DIRECTORY, 0);
	_cleanup_close_ int parent = root_openat(root, DROP_INS, O_RDONLY | O_DIRECTORY, 0);

	if (dir < 0 || parent < 0)
		return;
	/* systemd keeps in mind that the setting is none, with or without the file that says so. */
	(void)unlinkat(dir, DROP_IN, 0);
	(void)unlinkat(parent, strrchr(path, '/') + 1, AT_REMOVEDIR);
}

static void take_shown(struct tuning_state *state, const char *unit, const char *value)
{
	struct tuning_setting *setting = unit ? tuning_find(state, TUNING_UNIT, unit) : NULL;

	if (!setting || !value)
		return;
	snprintf(setting->current, sizeof(setting->current), "%s", value);
	setting->gone = false;
}

static int fail_systemctl(const char *what, int r, char *output, struct diag *diag)
{
	return diag_set(diag, r < 0 ? r : -EIO, NULL, 0, "systemctl %s: %s", what,
			r < 0		    ? strerror(-r)
			: output && *output ? run_last_line(output)
					    : "it failed and says nothing");
}

/* Blocks of NAME=VALUE, an empty line between two units. */
static int read_units(const struct tuning_env *env, struct tuning_state *state, struct diag *diag)
{
	const char *args[3 + UNITS_MAX + 1] = {"show", "--property=Id,AllowedCPUs", "--"};
	const char *unit = NULL, *value = NULL, *why;
	_cleanup_free_ char *output = NULL;
	size_t count = 3;
	int r;

	for (size_t i = 0; i < state->count && count < 3 + UNITS_MAX; i++) {
		if (state->settings[i].kind != TUNING_UNIT)
			continue;
		args[count++] = state->settings[i].name;
	}
	if (count == 3)
		return 0;
	r = tuning_has_units(env, &why) ? env->systemctl(args, &output) : -ENOTSUP;
	if (r != 0)
		return fail_systemctl("show", r, output, diag);
	for (size_t i = 0; i < state->count; i++)
		state->settings[i].gone |= state->settings[i].kind == TUNING_UNIT;
	for (char *line = output, *end; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		if (!strncmp(line, "Id=", 3))
			unit = line + 3;
		else if (!strncmp(line, PROPERTY, strlen(PROPERTY)))
			value = line + strlen(PROPERTY);
		else if (!*line) {
			take_shown(state, unit, value);
			unit = value = NULL;
		}
	}
	take_shown(state, unit, value);
	return 0;
}

/*
 * systemd writes no empty list, since the kernel takes none for a cpuset with processes: where another unit still needs
 * the controller, a unit that has no list any more keeps what it had (seen with 252). All CPUs are what none means.
 */
static int open_cpuset(const struct tuning_env *env, const char *unit, struct diag *diag)
{
	char path[TUNING_PATH_STR], old[TUNING_TEXT], all[TUNING_TEXT];
	int r;

	snprintf(path, sizeof(path), "sys/fs/cgroup/%s/cpuset.cpus", unit);
	if (root_read_attr(env->root, path, old, sizeof(old)) <= 0 || !*old ||
	    root_read_attr(env->root, "sys/devices/system/cpu/possible", all, sizeof(all)) <= 0)
		return 0;
	r = root_write_attr(env->root, path, all);
	/* It may have gone with the controller meanwhile. */
	if (r >= 0 || r == -ENOENT || r == -ENODEV)
		return 0;
	return diag_set(diag, r, NULL, 0, "/%s cannot be set to %s: %s", path, all, strerror(-r));
}

static int write_unit(const struct tuning_env *env, const struct tuning_setting *setting,
		      struct diag *diag)
{
	char assignment[sizeof(PROPERTY) + TUNING_TEXT];
	const char *const args[] = {"set-property", "--runtime", "--",
				    setting->name,  assignment,	 NULL};
	_cleanup_free_ char *output = NULL;
	int r;

	snprintf(assignment, sizeof(assignment), PROPERTY "%s", setting->target);
	r = env->systemctl(args, &output);
	if (r != 0)
		return fail_systemctl("set-property", r, output, diag);
	return *setting->target ? 0 : open_cpuset(env, setting->name, diag);
}

/* --- any setting ------------------------------------------------------------------------------ */

int tuning_read(const struct tuning_env *env, struct tuning_setting *setting)
{
	char path[TUNING_PATH_STR], text[TUNING_TEXT];
	ssize_t n = -ENOENT;

	/* What is in force may be less than what was asked for: CPUs in isolated partitions are off it. */
	if (setting->kind == TUNING_WORKQUEUES)
		n = root_read_attr(env->root, WORKQUEUES "cpumask_requested", text, sizeof(text));
	if (n < 0)
		n = root_read_attr(env->root, tuning_path(setting->kind, setting->name, path), text,
				   sizeof(text));
	if (n < 0)
		return (int)n;
	text[strcspn(text, "\n")] = '\0';
	snprintf(setting->current, sizeof(setting->current), "%s", text);
	return 0;
}

int tuning_read_all(const struct tuning_env *env, struct tuning_state *state, struct diag *diag)
{
	char path[TUNING_PATH_STR];
	int units_error = read_units(env, state, diag), ret = units_error;

	for (size_t i = 0; i < state->count; i++) {
		struct tuning_setting *setting = &state->settings[i];
		int r;

		if (setting->kind == TUNING_UNIT) {
			setting->error = units_error;
			continue;
		}
		r = tuning_read(env, setting);
		/* -EBUSY: all CPUs of the policy are offline. */
		setting->gone = r == -ENOENT || r == -ENODEV || r == -EBUSY ||
				(r < 0 && setting->kind == TUNING_IRQ);
		if (r == 0 || setting->gone)
			continue;
		setting->error = r;
		if (ret == 0)
			ret = diag_set(diag, r, NULL, 0, "/%s cannot be read: %s",
				       tuning_path(setting->kind, setting->name, path),
				       strerror(-r));
	}
	return ret;
}

int tuning_write(const struct tuning_env *env, struct tuning_setting *setting, struct diag *diag)
{
	char path[TUNING_PATH_STR], value[TUNING_TEXT + 1];
	int r;

	if (setting->kind == TUNING_UNIT) {
		r = write_unit(env, setting, diag);
		if (r == 0)
			snprintf(setting->current, sizeof(setting->current), "%s", setting->target);
		return r;
	}
	snprintf(value, sizeof(value), "%s\n", setting->target);
	tuning_path(setting->kind, setting->name, path);
	r = root_write_attr(env->root, path, value);
	if (r < 0)
		return diag_set(diag, r, NULL, 0, "/%s: the kernel does not take `%s`: %s", path,
				setting->target, strerror(-r));
	return tuning_read(env, setting);
}
