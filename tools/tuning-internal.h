/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal to CPU settings: the record, the plan, and how a single setting is read and written. */
#ifndef TOOLS_TUNING_INTERNAL_H
#define TOOLS_TUNING_INTERNAL_H

#include "bootcfg/cpulist.h"
#include "early/record.h"
#include "tools/tuning.h"

#define TUNING_TEXT 512 /* the mask of CPULIST_MAX CPUs and more */
#define TUNING_NAME 64

/* In the order of the writes at a guest's start; at its end it is the reverse. */
enum tuning_kind {
	TUNING_PREFERENCE, /* energy_performance_preference: not written at the start, the governor changes it */
	TUNING_GOVERNOR,
	TUNING_MIN_FREQUENCY,
	TUNING_UNIT, /* AllowedCPUs= of a systemd unit */
	TUNING_WORKQUEUES,
	TUNING_NEW_IRQS,
	TUNING_IRQ,
	TUNING_KINDS
};

struct tuning_setting {
	enum tuning_kind kind;
	char name
		[TUNING_NAME]; /* "policy4", "system.slice", "24"; "" where there is one of its kind */
	char before[TUNING_TEXT]; /* any guest; as it was read */
	char ours[TUNING_TEXT]; /* as it was read after the last write */
	bool drop_in; /* a unit's runtime drop-in was there before */
	/* From here on of one run. */
	char current[TUNING_TEXT], target[TUNING_TEXT];
	bool added; /* not recorded yet */
	bool wanted; /* by a guest */
	bool gone; /* it is not there any more: a CPU or an interrupt that was removed */
	bool foreign; /* somebody else has changed it: not touched */
	int error; /* of its read or write */
};

/* What a guest wants. */
struct tuning_guest {
	char name[PROFILE_NAME_MAX + 1];
	cpu_set_t cpus;
	char governor[TUNING_NAME]; /* "": any */
	bool max_frequency;
	bool isolate;
};

struct tuning_state {
	bool changing; /* somebody was ended in the middle: whatever is found may be ours */
	struct tuning_guest *guests;
	size_t guest_count;
	struct tuning_setting *settings;
	size_t count;
};

struct tuning_cpus {
	cpu_set_t online, present;
	unsigned count; /* one more than the highest that is present */
};

/* --- tuning-record.c --- */

/* Waits until nobody else changes settings. A descriptor, whose close gives the lock back; -errno. */
int tuning_lock(const struct root *root) _must_check_;

/* -errno, with diag filled in; no file is an empty state. Frees with tuning_state_free(). */
int tuning_record_read(const struct root *root, struct tuning_state *ret,
		       struct diag *diag) _must_check_;

/* Replaces the record; without a guest and a setting it goes. -errno, with diag filled in. */
int tuning_record_write(const struct root *root, const struct tuning_state *state,
			struct diag *diag) _must_check_;
void tuning_state_free(struct tuning_state *state);

/* The entry of a kind and name, or NULL; a new one, which is zero but for these, or NULL without memory. */
struct tuning_setting *tuning_find(const struct tuning_state *state, enum tuning_kind kind,
				   const char *name);
struct tuning_setting *tuning_add(struct tuning_state *state, enum tuning_kind kind,
				  const char *name);

struct tuning_guest *tuning_find_guest(const struct tuning_state *state, const char *name);

/* Adds a guest, or replaces the one of its name. 0 or -ENOMEM. And removes it, if it is there. */
int tuning_put_guest(struct tuning_state *state, const struct tuning_guest *guest) _must_check_;
void tuning_remove_guest(struct tuning_state *state, const char *name);

/* --- tuning-guest.c --- */

int tuning_cpus_read(const struct root *root, struct tuning_cpus *ret,
		     struct diag *diag) _must_check_;

/*
 * What [guest NAME] asks for, checked against the machine; the remarks on it are made. 1; 0 where it is nothing,
 * *ret untouched; or an error of tuning_apply().
 */
int tuning_guest_read(const struct tuning_env *env, const struct profile *profile, const char *name,
		      const struct tuning_cpus *cpus, struct tuning_guest *ret,
		      struct diag *diag) _must_check_;

/* The name of a CPU's frequency policy. -errno where it has none. */
int tuning_policy(const struct root *root, unsigned cpu, char ret[static TUNING_NAME]) _must_check_;

/* --- tuning-plan.c --- */

/* The CPUs of all guests that want to be alone. */
void tuning_excluded(const struct tuning_state *state, cpu_set_t *ret);

/*
 * Finds out what each setting is and what it is to be. With grow what a guest wants is looked for in the
 * machine; without, only what is recorded is looked at, and one that cannot be read is no error (it has its own).
 * Nothing is written. -errno, with diag filled in.
 */
int tuning_plan(const struct tuning_env *env, struct tuning_state *state,
		const struct tuning_cpus *cpus, bool grow, struct diag *diag) _must_check_;

/* --- tuning-values.c --- */

#define TUNING_PATH_STR (TUNING_NAME + 80)
char *tuning_path(enum tuning_kind kind, const char *name, char ret[static TUNING_PATH_STR]);

/* Whether host processes can be kept off CPUs here; where not, why, static. */
bool tuning_has_units(const struct tuning_env *env, const char **ret_why);

/*
 * Reads what all of them are. Those that are not there are marked, those that cannot be read have the error. -errno of
 * the first one, with diag filled in.
 */
int tuning_read_all(const struct tuning_env *env, struct tuning_state *state,
		    struct diag *diag) _must_check_;
int tuning_read(const struct tuning_env *env, struct tuning_setting *setting) _must_check_;

/* Writes the target and reads it back. -errno, with diag filled in. */
int tuning_write(const struct tuning_env *env, struct tuning_setting *setting,
		 struct diag *diag) _must_check_;

/* Removes the drop-in of a unit's setting, which was not there before. */
void tuning_drop_in_remove(const struct root *root, const struct tuning_setting *setting);
bool tuning_drop_in_exists(const struct root *root, const char *unit);

/* True where two texts mean the same for this kind. */
bool tuning_equal(enum tuning_kind kind, const char *a, const char *b);

/* The CPUs of a mask or list, as this kind has it: "" is none. 0, -EINVAL, -ERANGE. And back. */
int tuning_cpus_parse(enum tuning_kind kind, const char *text, cpu_set_t *ret) _must_check_;
int tuning_cpus_format(enum tuning_kind kind, const cpu_set_t *set,
		       char ret[static TUNING_TEXT]) _must_check_;

/* One more file of its directory whose name is a number. */
const char *tuning_next_number(DIR *dir);

void tuning_note(const struct tuning_env *env, const char *format, ...) _printf_(2, 3);

#define _cleanup_tuning_ _cleanup_(tuning_state_free)

#endif
