// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <time.h>

#include "tools/guards.h"
#include "tools/guest-internal.h"
#include "tools/handover-internal.h"

#define LET_GO_STEP_MS 200

int guest_cards_list(const struct guest *guest, bool claim_guest, char **ret)
{
	const struct profile_entry *entry =
		profile_get(&guest->profile, "guest", guest->name, "devices");
	_cleanup_free_ char *names = strdup(entry ? entry->value : "");
	_cleanup_free_ char *list = strdup("");
	char *state;

	if (!names || !list)
		return -ENOMEM;
	for (char *name = strtok_r(names, ",", &state); name; name = strtok_r(NULL, ",", &state))
		for (size_t i = 0; i < guest->profile.device_count; i++) {
			const struct profile_device *device = &guest->profile.devices[i];

			if (!strcmp(device->name, name) && device->claim_guest == claim_guest &&
			    guest_list_add(&list, name) < 0)
				return -ENOMEM;
		}
	*ret = steal(&list);
	return 0;
}

static int explain(int error, struct diag *diag)
{
	if (diag->text[0] || error == -ENOMEM)
		return error;
	if (error == -EXDEV)
		return diag_set(diag, error, NULL, 0,
				"an image, chroot or container has no cards that change hands");
	return diag_set(diag, error, NULL, 0, "the PCI devices cannot be listed: %s",
			strerror(-error));
}

static int pick(const struct guest *guest, struct handover *h, const char *names, unsigned flags,
		struct diag *diag)
{
	int r;

	guest->env->init_handover(h, guest->env->root, guest->env->force);
	r = handover_pick(h, NULL, names, flags, diag);
	return r < 0 ? explain(r, diag) : 0;
}

/* The first reason that a plan has against it. */
static int refusal(const struct claim_plan *plan, int error, struct diag *diag)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct claim_target *target = &plan->targets[i];

		if (target->reason != CLAIM_OK && target->reason != CLAIM_SIBLING)
			return diag_set(diag, error, NULL, 0, "%s", target->text);
	}
	return 0;
}

static int look_at_taken(const struct guest *guest, const char *names, struct diag *diag)
{
	_cleanup_(handover_free) struct handover h;
	int r = pick(guest, &h, names, RESOLVE_FIND, diag);

	if (r >= 0)
		r = refusal(&h.plan, -EPERM, diag);
	for (size_t i = 0; i < h.plan.count && r >= 0; i++) {
		const struct claim_target *target = &h.plan.targets[i];
		char addr[PCI_ADDR_STR];

		if (strcmp(target->dev->driver, CLAIM_DRIVER) != 0)
			r = diag_set(diag, -EPERM, NULL, 0,
				     "%s of [device %s] is not with vfio-pci, though it was to be "
				     "from boot: vfio-device reclaim %s",
				     pci_addr_format(&target->dev->addr, addr),
				     target->section->name, target->section->name);
	}
	return r;
}

static int look_at_others(const struct guest *guest, const char *names, struct diag *diag)
{
	_cleanup_(handover_free) struct handover h;
	int r = pick(guest, &h, names, RESOLVE_RELEASED, diag);

	if (r >= 0)
		r = refusal(&h.plan, -EPERM, diag);
	if (r >= 0)
		r = handover_guard_host(&h);
	return r < 0 ? r : refusal(&h.plan, -EPERM, diag);
}

int guest_cards_look(struct guest *guest, struct diag *diag)
{
	_cleanup_free_ char *taken = NULL, *others = NULL;
	int r = guest_cards_list(guest, false, &taken);

	if (r >= 0)
		r = guest_cards_list(guest, true, &others);
	if (r >= 0 && *taken)
		r = look_at_taken(guest, taken, diag);
	if (r >= 0 && *others)
		r = look_at_others(guest, others, diag);
	return r;
}

static int may_go(const struct guest *guest, const char *names, bool given_back, struct diag *diag)
{
	_cleanup_(handover_free) struct handover h;
	int r = pick(guest, &h, names, RESOLVE_FIND, diag);

	/* A card that is not there any more is nobody's. */
	if (r < 0 || !handover_all_ok(&h.plan))
		return r;
	if (!given_back)
		r = guard_holders(guest->env->root, &h.plan, GUARD_TO_HOST);
	else if (!guest->env->force)
		guard_group(guest->env->root, &h.plan, true);
	return r < 0 ? r : refusal(&h.plan, -EPERM, diag);
}

int guest_cards_may_go(struct guest *guest, struct diag *diag)
{
	const struct profile_entry *entry =
		profile_get(&guest->profile, "guest", guest->name, "devices");
	const char *cards = guest->record.cards;
	int r = entry ? may_go(guest, entry->value, false, diag) : 0;

	return r >= 0 && cards && *cards ? may_go(guest, cards, true, diag) : r;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * A unit is stopped when its processes have ended, but not what others have started meanwhile, or the user's own
 * session of a display manager: that goes a little later.
 */
static int wait_until_let_go(const struct guest *guest, const char *names, struct diag *diag)
{
	const struct timespec pause = {.tv_nsec = LET_GO_STEP_MS * 1000000L};
	bool stopped = guest->record.units && *guest->record.units;
	int64_t until_ms = now_ms() + (stopped ? guest->env->let_go_ms : 0);

	for (;;) {
		_cleanup_(handover_free) struct handover h;
		int r = pick(guest, &h, names, RESOLVE_RELEASED, diag);

		if (r >= 0)
			r = handover_guard_users(&h);
		if (r >= 0)
			r = refusal(&h.plan, -EPERM, diag);
		if (r != -EPERM || now_ms() >= until_ms)
			return r;
		(void)nanosleep(&pause, NULL);
	}
}

/* What is with vfio-pci already was not taken by us, and stays so at the end. */
static int record_cards(struct guest *guest, struct diag *diag)
{
	const struct claim_plan *plan = &guest->cards.plan;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].dev &&
		    strcmp(plan->targets[i].dev->driver, CLAIM_DRIVER) != 0 &&
		    guest_list_add(&guest->record.cards, plan->targets[i].section->name) < 0)
			return -ENOMEM;
	return guest_record_write(guest, diag);
}

static void forget_cards(struct guest *guest)
{
	if (guest->has_cards)
		handover_free(&guest->cards);
	guest->has_cards = false;
}

static int take(struct guest *guest, const char *names, struct diag *diag)
{
	int r = pick(guest, &guest->cards, names, RESOLVE_RELEASED, diag);

	guest->has_cards = true;
	guest->to_host = false;
	if (r >= 0)
		r = record_cards(guest, diag);
	if (r < 0) {
		forget_cards(guest);
		return r;
	}
	r = guest->cards_result = handover_reclaim(&guest->cards);
	if (r < 0 && refusal(&guest->cards.plan, r, diag) == 0)
		return diag_set(diag, r, NULL, 0, "the cards cannot be taken: %s", strerror(-r));
	return r;
}

int guest_cards_take(struct guest *guest, struct diag *diag)
{
	_cleanup_free_ char *names = NULL, *before = NULL;
	_cleanup_close_ int lock = -1;
	int r = guest_cards_list(guest, true, &names);

	if (r < 0 || !*names)
		return r;
	before = strdup(guest->record.cards ? guest->record.cards : "");
	if (!before)
		return -ENOMEM;
	r = wait_until_let_go(guest, names, diag);
	if (r < 0)
		return r;
	lock = handover_lock(guest->env->root, diag);
	if (lock < 0)
		return lock;
	forget_cards(guest);
	r = take(guest, names, diag);
	/* All of them or none: then there is nothing to give back. */
	if (r < 0 && !(guest->has_cards && guest->cards.stuck)) {
		free(guest->record.cards);
		guest->record.cards = steal(&before);
	}
	return r;
}

int guest_cards_give(struct guest *guest, struct diag *diag)
{
	_cleanup_close_ int lock = -1;
	int r;

	if (!guest->record.cards || !*guest->record.cards)
		return 0;
	lock = handover_lock(guest->env->root, diag);
	if (lock < 0)
		return lock;
	forget_cards(guest);
	guest->has_cards = true;
	guest->to_host = true;
	r = pick(guest, &guest->cards, guest->record.cards, RESOLVE_FIND, diag);
	if (r < 0) {
		forget_cards(guest);
		return r;
	}
	r = guest->cards_result = handover_release(&guest->cards);
	if (r < 0) {
		if (refusal(&guest->cards.plan, r, diag) == 0)
			return diag_set(diag, r, NULL, 0, "the cards cannot be given back: %s",
					strerror(-r));
		return r;
	}
	guest->record.cards[0] = '\0';
	guest_record_note(guest);
	return 0;
}
