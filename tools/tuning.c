// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/run.h"
#include "early/module.h"
#include "tools/tuning-internal.h"

#define ARGS_MAX 16

static int run_systemctl(const char *const args[], char **ret_output)
{
	_cleanup_free_ char *program = run_find("systemctl");
	const char *argv[ARGS_MAX + 2] = {program};

	if (!program)
		return -ENOENT;
	for (size_t i = 0; i < ARGS_MAX && args[i]; i++)
		argv[i + 1] = args[i];
	return run_program(argv, ret_output);
}

struct tuning_env tuning_env(const struct root *root)
{
	bool live = root->kind == ROOT_LIVE;

	return (struct tuning_env){
		.root = root,
		.systemctl = live ? run_systemctl : NULL,
		.load_module = live ? module_load_alias : NULL,
	};
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool needs_write(const struct tuning_env *env, struct tuning_setting *setting)
{
	if (setting->gone || setting->foreign || setting->error < 0)
		return false;
	if (setting->kind == TUNING_PREFERENCE) {
		/* The governor, which was put back before it, may have brought it along. */
		if (setting->wanted || tuning_read(env, setting) < 0 ||
		    strcmp(setting->current, setting->ours) != 0)
			return false;
	}
	return !tuning_equal(setting->kind, setting->current, setting->target);
}

/*
 * Writes what is not as it is to be, in order or backwards, all of it or up to the first error that counts.
 * An interrupt that cannot be moved is none: the kernel keeps some where their queue or their timer is.
 */
static int write_all(const struct tuning_env *env, struct tuning_state *state, bool backward,
		     bool go_on, struct diag *diag)
{
	struct diag one, *where = diag;
	int ret = 0;

	for (size_t i = 0; i < state->count; i++) {
		struct tuning_setting *setting =
			&state->settings[backward ? state->count - 1 - i : i];

		/* It could not be read, which the plan has told. */
		if (setting->error < 0 && ret == 0) {
			ret = setting->error;
			where = &one;
		}
		if (!needs_write(env, setting))
			continue;
		setting->error = tuning_write(env, setting, where);
		setting->gone = setting->kind != TUNING_UNIT &&
				(setting->error == -ENOENT || setting->error == -ENODEV);
		if (setting->error == 0 || setting->gone || setting->kind == TUNING_IRQ)
			continue;
		if (ret == 0)
			ret = setting->error;
		if (!go_on)
			break;
		where = &one;
	}
	return ret;
}

/* True for a setting that the next call has to know of. */
static bool stays_recorded(const struct tuning_setting *setting)
{
	if (setting->gone)
		return false;
	if (setting->wanted)
		return !setting->added || setting->error == 0;
	return setting->error < 0 && setting->kind != TUNING_IRQ;
}

static void tell(const struct tuning_env *env, const struct tuning_state *state)
{
	size_t fixed = 0, moved = 0, kept = 0;
	char path[TUNING_PATH_STR];

	for (size_t i = 0; i < state->count; i++) {
		const struct tuning_setting *setting = &state->settings[i];

		if (setting->kind == TUNING_IRQ) {
			fixed += setting->error < 0 && setting->wanted;
			kept += setting->error < 0 && !setting->wanted && !setting->gone;
			moved += setting->foreign && !setting->wanted;
		} else if (setting->foreign && !setting->wanted) {
			tuning_path(setting->kind, setting->name, path);
			tuning_note(env, "%s%s is %s now, which is not from us: it stays as it is",
				    setting->kind == TUNING_UNIT ? "AllowedCPUs of " : "/",
				    setting->kind == TUNING_UNIT ? setting->name : path,
				    setting->current[0] ? setting->current : "none");
		} else if (setting->gone && !setting->added) {
			tuning_path(setting->kind, setting->name, path);
			tuning_note(env, "%s%s is gone and cannot be put back",
				    setting->kind == TUNING_UNIT ? "" : "/",
				    setting->kind == TUNING_UNIT ? setting->name : path);
		}
	}
	if (fixed)
		tuning_note(env,
			    "%zu interrupts cannot be moved off the guest's CPUs: the kernel keeps "
			    "them there, or a CPU has its own",
			    fixed);
	if (moved)
		tuning_note(env, "%zu interrupts have been moved by somebody since: they stay",
			    moved);
	if (kept)
		tuning_note(env, "%zu interrupts cannot be moved back", kept);
}

/* After the writes: what is still to be known is recorded, and what is not is forgotten. */
static int settle(const struct tuning_env *env, struct tuning_state *state, struct diag *diag)
{
	size_t kept = 0;

	tell(env, state);
	state->changing = false;
	for (size_t i = 0; i < state->count; i++) {
		struct tuning_setting *setting = &state->settings[i];

		if (setting->kind == TUNING_UNIT && !setting->wanted && !setting->foreign &&
		    !setting->gone && setting->error == 0 && !setting->drop_in)
			tuning_drop_in_remove(env->root, setting);
		if (!stays_recorded(setting))
			continue;
		state->changing |= !setting->wanted || setting->error < 0;
		if (setting->kind == TUNING_PREFERENCE && tuning_read(env, setting) < 0)
			continue;
		if (!setting->foreign)
			memcpy(setting->ours, setting->current, sizeof(setting->ours));
		state->settings[kept++] = *setting;
	}
	state->count = kept;
	return tuning_record_write(env->root, state, diag);
}

/* Before the writes: from here on whatever is found may be ours. */
static int begin(const struct tuning_env *env, struct tuning_state *state, struct diag *diag)
{
	state->changing = true;
	for (size_t i = 0; i < state->count; i++) {
		struct tuning_setting *setting = &state->settings[i];

		if (setting->wanted && !setting->foreign && !setting->gone)
			memcpy(setting->ours, setting->target, sizeof(setting->ours));
	}
	return tuning_record_write(env->root, state, diag);
}

/* Makes all as the guests of the state want it, and goes on whatever fails. */
static int put_back(const struct tuning_env *env, struct tuning_state *state,
		    const struct tuning_cpus *cpus, struct diag *diag)
{
	struct diag record = DIAG_INIT;
	int r = tuning_plan(env, state, cpus, false, diag), e;

	if (r == 0)
		r = begin(env, state, diag);
	if (r < 0)
		return r;
	r = write_all(env, state, true, true, diag);
	e = settle(env, state, r < 0 ? &record : diag);
	return r < 0 ? r : e;
}

/* --- the two calls ---------------------------------------------------------------------------- */

static int lock(const struct root *root, struct diag *diag)
{
	int fd = tuning_lock(root);

	if (fd < 0)
		return diag_set(diag, fd, NULL, 0, "/" TUNING_PATH ".lock: %s", strerror(-fd));
	return fd;
}

static int check_rest(const struct tuning_state *state, const struct tuning_cpus *cpus,
		      const struct profile_entry *entry, struct diag *diag)
{
	cpu_set_t rest;

	tuning_excluded(state, &rest);
	CPU_AND(&rest, &rest, &cpus->online);
	CPU_XOR(&rest, &rest, &cpus->online);
	if (CPU_COUNT(&rest))
		return 0;
	return diag_set(diag, -EPERM, entry->file, entry->line,
			"`cpus = %.100s`%s: no CPU would be left to the host; leave it one, or do "
			"without `isolate`",
			entry->value,
			state->guest_count > 1 ? " beside those of other guests" : "");
}

static bool same_wants(const struct tuning_guest *a, const struct tuning_guest *b)
{
	return CPU_EQUAL(&a->cpus, &b->cpus) && !strcmp(a->governor, b->governor) &&
	       a->max_frequency == b->max_frequency && a->isolate == b->isolate;
}

static bool nothing_to_do(const struct tuning_env *env, const struct tuning_state *state)
{
	for (size_t i = 0; i < state->count; i++)
		if (state->settings[i].added || !state->settings[i].wanted ||
		    needs_write(env, &state->settings[i]))
			return false;
	return true;
}

static int apply(const struct tuning_env *env, struct tuning_state *state,
		 const struct tuning_cpus *cpus, const struct tuning_guest *before,
		 const char *guest, struct diag *diag)
{
	struct diag undo = DIAG_INIT;
	int r = begin(env, state, diag);
	size_t len;

	if (r < 0)
		return r;
	r = write_all(env, state, false, false, diag);
	if (r == 0)
		return settle(env, state, diag);
	if (before)
		*tuning_find_guest(state, guest) = *before;
	else
		tuning_remove_guest(state, guest);
	if (put_back(env, state, cpus, &undo) == 0)
		return r;
	len = strlen(diag->text);
	snprintf(diag->text + len, sizeof(diag->text) - len,
		 "; and not all could be put back: %.200s", undo.text);
	return r;
}

int tuning_check(const struct tuning_env *env, const struct profile *profile, const char *guest,
		 struct diag *diag)
{
	_cleanup_tuning_ struct tuning_state state = {.count = 0};
	struct tuning_guest wanted = {.isolate = false};
	struct tuning_env silent = *env;
	struct tuning_cpus cpus;
	int r;

	silent.note = NULL;
	r = tuning_cpus_read(env->root, &cpus, diag);
	if (r == 0)
		r = tuning_guest_read(&silent, profile, guest, &cpus, &wanted, diag);
	if (r > 0)
		r = tuning_record_read(env->root, &state, diag);
	if (r < 0 || !wanted.isolate)
		return r < 0 ? r : 0;
	if (tuning_put_guest(&state, &wanted) < 0)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	return check_rest(&state, &cpus, profile_get(profile, "guest", guest, "cpus"), diag);
}

int tuning_apply(const struct tuning_env *env, const struct profile *profile, const char *guest,
		 struct diag *diag)
{
	_cleanup_tuning_ struct tuning_state state = {.count = 0};
	struct tuning_guest wanted = {.isolate = false}, before;
	const struct tuning_guest *there;
	struct tuning_cpus cpus;
	_cleanup_close_ int fd = -1;
	bool again;
	int r;

	r = tuning_cpus_read(env->root, &cpus, diag);
	if (r == 0)
		r = tuning_guest_read(env, profile, guest, &cpus, &wanted, diag);
	if (r < 0)
		return r;
	/* The profile may have said something when the guest was started that it does not say now. */
	if (r == 0)
		return tuning_restore(env, guest, diag);
	fd = lock(env->root, diag);
	if (fd < 0)
		return fd;
	r = tuning_record_read(env->root, &state, diag);
	if (r < 0)
		return r;
	there = tuning_find_guest(&state, guest);
	if (there)
		before = *there;
	again = there && !state.changing && same_wants(&before, &wanted);
	if (tuning_put_guest(&state, &wanted) < 0)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	r = wanted.isolate
		    ? check_rest(&state, &cpus, profile_get(profile, "guest", guest, "cpus"), diag)
		    : 0;
	if (r == 0)
		r = tuning_plan(env, &state, &cpus, true, diag);
	if (r < 0 || (again && nothing_to_do(env, &state)))
		return r;
	return apply(env, &state, &cpus, there ? &before : NULL, guest, diag);
}

int tuning_restore(const struct tuning_env *env, const char *guest, struct diag *diag)
{
	_cleanup_tuning_ struct tuning_state state = {.count = 0};
	struct tuning_cpus cpus;
	_cleanup_close_ int fd = lock(env->root, diag);
	int r;

	if (fd < 0)
		return fd;
	r = tuning_record_read(env->root, &state, diag);
	if (r < 0 || (!tuning_find_guest(&state, guest) && !state.changing))
		return r;
	tuning_remove_guest(&state, guest);
	r = tuning_cpus_read(env->root, &cpus, diag);
	return r < 0 ? r : put_back(env, &state, &cpus, diag);
}
