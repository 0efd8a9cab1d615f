// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/run.h"
#include "tools/guest-internal.h"

/* More than the 90 s that systemd itself gives a unit to stop. */
#define SYSTEMCTL_DEADLINE_MS 120000

static int run_systemctl(_unused_ void *data, const char *verb, const char *unit, char **ret_output)
{
	_cleanup_free_ char *path = run_find("systemctl");
	const char *argv[8];
	size_t n = 0;

	if (!path)
		return -ENOENT;
	argv[n++] = path;
	argv[n++] = "--no-ask-password";
	if (!strcmp(verb, "show"))
		argv[n++] = "--property=LoadState,ActiveState";
	argv[n++] = verb;
	argv[n++] = "--";
	argv[n++] = unit;
	argv[n] = NULL;
	return run_program_within(argv, SYSTEMCTL_DEADLINE_MS, ret_output);
}

void guest_env_init(struct guest_env *env, const struct root *root)
{
	*env = (struct guest_env){
		.root = root,
		.init_handover = handover_init,
		.systemctl = root->kind == ROOT_LIVE ? run_systemctl : NULL,
		.tuning = tuning_env(root),
		.lock_ms = 300000,
		.let_go_ms = 20000,
	};
}

static int fail(int status, const char *unit, const char *what, char *output, struct diag *diag)
{
	const char *why = status == -ENOENT	 ? "there is no systemctl"
			  : status == -ETIMEDOUT ? "systemctl did not come to its end"
			  : status < 0		 ? strerror(-status)
			  : output && *output	 ? run_last_line(output)
						 : "systemctl failed";

	return diag_set(diag, -EIO, NULL, 0, "%s cannot be %s: %s", unit, what, why);
}

static int call(const struct guest *guest, const char *verb, const char *unit, const char *what,
		char **ret_output, struct diag *diag)
{
	_cleanup_free_ char *output = NULL;
	int status = guest->env->systemctl(guest->env->data, verb, unit, &output);

	if (status)
		return fail(status, unit, what, output, diag);
	if (ret_output)
		*ret_output = steal(&output);
	return 0;
}

static int report(struct guest *guest, const char *unit, const char *result)
{
	struct guest_unit *more;

	more = reallocarray(guest->units, guest->unit_count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	guest->units = more;
	more[guest->unit_count] = (struct guest_unit){.name = strdup(unit), .result = result};
	if (!more[guest->unit_count].name)
		return -ENOMEM;
	guest->unit_count++;
	return 0;
}

/* On its way up it will have the card as well. One on its way down is not ours to start again. */
static bool runs(const char *output)
{
	static const char states[][12] = {"active", "activating", "reloading", "refreshing"};
	const char *at = strstr(output, "ActiveState=");
	size_t len;

	if (!at)
		return false;
	at += strlen("ActiveState=");
	len = strcspn(at, "\r\n");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (len == strlen(states[i]) && !memcmp(at, states[i], len))
			return true;
	return false;
}

int guest_units_look(struct guest *guest, struct diag *diag)
{
	const struct profile_entry *entry =
		profile_get(&guest->profile, "guest", guest->name, "stop-units");
	_cleanup_free_ char *names = entry ? strdup(entry->value) : NULL;
	char *state;

	if (!entry || !guest->env->systemctl)
		return 0;
	if (!names)
		return -ENOMEM;
	for (char *unit = strtok_r(names, ",", &state); unit; unit = strtok_r(NULL, ",", &state)) {
		_cleanup_free_ char *output = NULL;
		int r = call(guest, "show", unit, "asked after", &output, diag);

		if (r < 0)
			return r;
		if (strstr(output, "LoadState=not-found"))
			return diag_set(diag, -EINVAL, entry->file, entry->line,
					"stop-units: systemd knows no unit %s", unit);
		if (runs(output) && guest_list_add(&guest->stopping, unit) < 0)
			return -ENOMEM;
	}
	return 0;
}

int guest_units_stop(struct guest *guest, struct diag *diag)
{
	_cleanup_free_ char *names = strdup(guest->stopping ? guest->stopping : "");
	char *state;

	if (!names)
		return -ENOMEM;
	for (char *unit = strtok_r(names, ",", &state); unit; unit = strtok_r(NULL, ",", &state)) {
		int r = guest_list_add(&guest->record.units, unit);

		if (r >= 0)
			r = guest_record_write(guest, diag);
		if (r >= 0)
			r = call(guest, "stop", unit, "stopped", NULL, diag);
		if (r >= 0)
			r = report(guest, unit, "stopped");
		if (r < 0)
			return r;
	}
	return 0;
}

/* The last name of a list; "" at its end. */
static const char *last(const char *list)
{
	const char *comma = strrchr(list, ',');

	return comma ? comma + 1 : list;
}

int guest_units_start(struct guest *guest, struct diag *diag)
{
	_cleanup_free_ char *names = strdup(guest->record.units ? guest->record.units : "");
	int ret = 0;

	if (!names)
		return -ENOMEM;
	if (*names && !guest->env->systemctl)
		return diag_set(diag, -EIO, NULL, 0, "%s cannot be started: no systemd to ask",
				names);
	while (*names) {
		_cleanup_free_ char *unit = strdup(last(names));
		struct diag why = DIAG_INIT;
		int r = unit ? call(guest, "start", unit, "started", NULL, &why) : -ENOMEM;

		if (r >= 0) {
			guest_list_remove(guest->record.units, unit);
			guest_record_note(guest);
		}
		if (!unit || report(guest, unit, r < 0 ? "failed" : "started") < 0)
			return -ENOMEM;
		guest_list_remove(names, unit);
		/* The first is for the caller, others are said here. */
		if (r < 0 && !ret)
			*diag = why;
		else if (r < 0)
			guest->env->say(guest->env->data, why.text);
		if (r < 0)
			ret = r;
	}
	return ret;
}
