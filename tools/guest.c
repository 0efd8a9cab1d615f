// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <string.h>

#include "early/profile-values.h"
#include "tools/guest-internal.h"

void guest_init(struct guest *guest, const struct guest_env *env, const char *name)
{
	*guest = (struct guest){.env = env, .name = name, .lock = -1};
}

void guest_free(struct guest *guest)
{
	if (guest->has_cards)
		handover_free(&guest->cards);
	for (size_t i = 0; i < guest->unit_count; i++)
		free(guest->units[i].name);
	free(guest->units);
	free(guest->stopping);
	guest_pools_free(&guest->pools);
	guest_record_free(&guest->record);
	profile_free(&guest->profile);
	close_fd(&guest->lock);
}

void guest_block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGPIPE);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

bool guest_name_valid(const char *name)
{
	return profile_name_valid(name, strlen(name));
}

bool guest_is_known(const struct profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->entry_count; i++)
		if (!strcmp(profile->entries[i].section, "guest") &&
		    !strcmp(profile->entries[i].name, name))
			return true;
	return false;
}

static int load_profile(struct guest *guest, struct diag *diag)
{
	int r = profile_load(guest->env->root, &guest->profile, diag);

	return r < 0 && r != -ENOMEM ? -EBADMSG : r;
}

static int unknown(const struct guest *guest, struct diag *diag)
{
	return diag_set(diag, -EINVAL, NULL, 0, "%s: the profile has no [guest %s]", guest->name,
			guest->name);
}

/* --- CPU settings ----------------------------------------------------------------------------- */

static bool wants_settings(const struct guest *guest)
{
	const struct profile_entry *isolate =
		profile_get(&guest->profile, "guest", guest->name, "isolate");

	return profile_get(&guest->profile, "guest", guest->name, "governor") ||
	       profile_get(&guest->profile, "guest", guest->name, "min-frequency") ||
	       (isolate && !strcmp(isolate->value, "yes"));
}

static int make_settings(struct guest *guest, struct diag *diag)
{
	bool again = guest->record.settings;
	int r = 0;

	/* Also where the profile asks for none any more, and did when the guest was started. */
	if (!wants_settings(guest) && !again)
		return 0;
	guest->record.settings = true;
	r = guest_record_write(guest, diag);
	if (r >= 0)
		r = tuning_apply(&guest->env->tuning, &guest->profile, guest->name, diag);
	if (r >= 0 && !again)
		guest->settings = "applied";
	return r;
}

static int restore_settings(struct guest *guest, struct diag *diag)
{
	int r;

	guest->settings = NULL;
	if (!guest->record.settings)
		return 0;
	r = tuning_restore(&guest->env->tuning, guest->name, diag);
	if (r < 0)
		return r;
	guest->settings = "restored";
	guest->record.settings = false;
	guest_record_note(guest);
	return 0;
}

/* --- undoing ---------------------------------------------------------------------------------- */

static int give_pages(struct guest *guest, struct diag *diag)
{
	guest_pools_free(&guest->pools);
	return guest_pages_give(guest->env->root, guest->name, GUEST_HUGEPAGES_LOCK_MS,
				&guest->pools, diag);
}

typedef int (*guest_step)(struct guest *guest, struct diag *diag);

/* The reverse of a start. One that fails keeps none of the others from being tried. */
static void undo(struct guest *guest)
{
	static const guest_step steps[] = {restore_settings, give_pages, guest_cards_give,
					   guest_units_start};
	struct diag why = DIAG_INIT;

	guest->record.state = GUEST_ENDING;
	if (guest_record_write(guest, &why) < 0)
		guest->env->say(guest->env->data, why.text);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct diag diag = DIAG_INIT;
		int r = steps[i](guest, &diag);

		if (r >= 0)
			continue;
		guest->stuck = true;
		guest->env->say(guest->env->data, diag.text[0] ? diag.text : strerror(-r));
	}
	if (guest->stuck)
		return;
	if (guest_record_remove(guest, &why) < 0) {
		guest->stuck = true;
		guest->env->say(guest->env->data, why.text);
	}
}

/* --- start ------------------------------------------------------------------------------------ */

/* Whatever can be known before anything is touched. */
static int look(struct guest *guest, struct diag *diag)
{
	int r = guest_record_others(guest, diag);

	if (r >= 0)
		r = guest_pages_check(guest->env->root, &guest->profile, guest->name, diag);
	if (r >= 0 && wants_settings(guest))
		r = tuning_check(&guest->env->tuning, &guest->profile, guest->name, diag);
	if (r >= 0)
		r = guest_cards_look(guest, diag);
	return r < 0 ? r : guest_units_look(guest, diag);
}

/*
 * A guest that runs uses its pages, and others would be added for it. Whether it runs can be told by its cards alone.
 */
static bool uses_its_pages(struct guest *guest)
{
	struct diag diag = DIAG_INIT;

	return guest->record.state == GUEST_RUNNING &&
	       (!guest->record.devices || guest_cards_may_go(guest, &diag) == -EPERM);
}

static int take_pages(struct guest *guest, struct diag *diag)
{
	if (uses_its_pages(guest))
		return 0;
	return guest_pages_take(guest->env->root, &guest->profile, guest->name,
				GUEST_HUGEPAGES_LOCK_MS, &guest->pools, diag);
}

static int do_steps(struct guest *guest, struct diag *diag)
{
	static const guest_step steps[] = {guest_units_stop, guest_cards_take, take_pages,
					   make_settings};
	int r = guest_record_write(guest, diag);

	for (size_t i = 0; i < ARRAY_SIZE(steps) && r >= 0; i++)
		r = steps[i](guest, diag);
	if (r < 0)
		return r;
	guest->record.state = GUEST_RUNNING;
	return guest_record_write(guest, diag);
}

static int begin(struct guest *guest, struct diag *diag)
{
	const struct root *root = guest->env->root;
	int r;

	if (!root_has_kernel(root))
		return diag_set(diag, -EXDEV, NULL, 0,
				"an image, chroot or container is no running system: no guest "
				"starts or ends there");
	r = guest_lock(guest, diag);
	return r < 0 ? r : guest_record_read(root, guest->name, &guest->record, diag);
}

static int record_devices(struct guest *guest)
{
	const struct profile_entry *devices =
		profile_get(&guest->profile, "guest", guest->name, "devices");
	char *copy = devices ? strdup(devices->value) : NULL;

	if (devices && !copy)
		return -ENOMEM;
	if (!devices)
		return 0;
	free(guest->record.devices);
	guest->record.devices = copy;
	return 0;
}

int guest_start(struct guest *guest, struct diag *diag)
{
	bool ran, touched;
	int r = load_profile(guest, diag);

	if (r < 0)
		return r;
	if (!guest_is_known(&guest->profile, guest->name))
		return unknown(guest, diag);
	r = begin(guest, diag);
	if (r < 0)
		return r;
	ran = guest->record.state == GUEST_RUNNING;
	touched = guest->record.state != GUEST_NONE;
	r = record_devices(guest);
	if (r < 0)
		return r;
	r = look(guest, diag);
	if (r >= 0) {
		touched = true;
		if (!ran)
			guest->record.state = GUEST_STARTING;
		r = do_steps(guest, diag);
	}
	/* What a guest that runs was given is not taken from it because it cannot have more. */
	if (r < 0 && touched && !ran)
		undo(guest);
	return r;
}

/* --- end -------------------------------------------------------------------------------------- */

int guest_end(struct guest *guest, bool look_first, struct diag *diag)
{
	struct diag why = DIAG_INIT;
	int r = begin(guest, diag), bad;

	if (r < 0)
		return r;
	bad = load_profile(guest, &why);
	if (guest->record.state == GUEST_NONE) {
		if (bad < 0) {
			*diag = why;
			return bad;
		}
		if (!guest_is_known(&guest->profile, guest->name))
			return unknown(guest, diag);
		r = record_devices(guest);
		if (r >= 0)
			r = guest_record_others(guest, diag);
		if (r >= 0)
			r = guest_cards_list(guest, true, &guest->record.cards);
		if (r < 0)
			return r;
	}
	if (look_first && bad >= 0) {
		r = guest_cards_may_go(guest, diag);
		if (r < 0)
			return r;
	}
	undo(guest);
	return guest->stuck ? diag_set(diag, -EIO, NULL, 0,
				       "not all that was done for %s could be undone; this can be "
				       "tried again",
				       guest->name)
			    : 0;
}
