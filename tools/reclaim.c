// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/undo.h"
#include "tools/guards.h"
#include "tools/handover-internal.h"

int handover_guard_users(struct handover *h)
{
	unsigned flags = 0;
	int r;

	handover_find_modules(h);
	if (h->force)
		flags |= GUARD_FORCE;
	if (h->modules.count)
		flags |= GUARD_MODULES;
	r = guard_holders(h->env.root, &h->plan, flags);
	if (r >= 0 && handover_all_ok(&h->plan))
		handover_guard_modules(h);
	return r;
}

int handover_guard_host(struct handover *h)
{
	int r;

	if (h->force)
		return 0;
	guard_last_display(h->env.root, &h->inv, &h->plan);
	guard_only_keyboard(h->env.root, &h->plan);
	r = guard_network(h->env.root, &h->plan);
	if (r >= 0)
		guard_group(h->env.root, &h->plan, false);
	return r;
}

static int refuse(struct handover *h)
{
	int r;

	if (!handover_all_ok(&h->plan))
		return -EPERM;
	r = handover_read_overrides(h);
	if (r >= 0)
		r = handover_guard_users(h);
	if (r >= 0)
		r = handover_guard_host(h);
	if (r < 0)
		return r;
	return handover_all_ok(&h->plan) ? 0 : -EPERM;
}

static bool all_taken(const struct handover *h)
{
	for (size_t i = 0; i < h->plan.count; i++)
		if (!handover_is_taken(&h->plan.targets[i]))
			return false;
	return true;
}

/*
 * What undoing must not do: take from vfio-pci what it had before, which a guest may use; or write back an
 * override of ours that was left by somebody who was ended.
 */
static void spare_taken(struct handover *h)
{
	for (size_t i = 0; i < h->plan.count; i++) {
		struct claim_target *target = &h->plan.targets[i];

		if (handover_is_taken(target))
			target->override_written = false;
		else if (!strcmp(target->override_before, CLAIM_DRIVER))
			target->override_before[0] = '\0';
	}
}

/* In a child. An override of ours without our driver keeps the host's away: none stays, whoever wrote it. */
static int clear_stale(void *data, size_t i)
{
	const struct handover *h = data;
	const struct pci_addr *addr = &h->plan.targets[i].dev->addr;
	char path[PCI_ATTR_STR], text[PCI_DRIVER_STR], driver[PCI_DRIVER_STR];
	int r = pci_driver(h->env.root, addr, driver);

	if (r < 0 || !strcmp(driver, CLAIM_DRIVER))
		return r;
	pci_attr_path(addr, "driver_override", path);
	if (root_read_attr(h->env.root, path, text, sizeof(text)) < 0 || strcmp(text, CLAIM_DRIVER))
		return 0;
	r = root_write_attr(h->env.root, path, "\n");
	if (r < 0 || driver[0])
		return r;
	return root_write_attr(h->env.root, "sys/bus/pci/drivers_probe",
			       pci_addr_format(addr, text));
}

/* All sections or none: what was claimed goes back with what was not. */
static void give_back(struct handover *h)
{
	struct claim_plan *plan = &h->plan;
	_cleanup_free_ int *errors = calloc(plan->count + 1, sizeof(*errors));
	const struct profile_device *last = NULL;
	int r = -ENOMEM;

	for (size_t i = 0; i < plan->count; i++) {
		if (plan->targets[i].reason != CLAIM_OK || plan->targets[i].section == last)
			continue;
		last = plan->targets[i].section;
		undo_section(&h->env, plan, last);
	}
	if (errors)
		r = children_run(clear_stale, h, plan->count, h->env.deadline_ms, errors);
	if (handover_load_modules(h) < 0)
		h->stuck = true;
	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *target = &plan->targets[i];
		const char *before = target->dev->driver;
		char path[PCI_ATTR_STR];

		if (pci_driver(h->env.root, &target->dev->addr, target->driver_after) < 0)
			target->driver_after[0] = '\0';
		if (!root_exists(h->env.root, pci_attr_path(&target->dev->addr, "vendor", path)))
			continue;
		/* One that was found without a driver may have got its own. */
		if (r < 0 || errors[i] < 0 ||
		    (before[0] && strcmp(target->driver_after, before) != 0))
			h->stuck = true;
	}
}

int handover_reclaim(struct handover *h)
{
	int r = refuse(h);

	if (r < 0)
		return r;
	if (all_taken(h)) {
		handover_unmark(h);
		return 0;
	}
	r = handover_detach(h);
	if (r < 0) {
		claim_refuse(&h->plan, &h->plan.targets[0], CLAIM_BIND_FAILED, -r,
			     "the text console cannot be taken off the card: %s", strerror(-r));
	} else {
		claim_override(&h->env, &h->plan);
		spare_taken(h);
		/* With the override set, no other driver takes what a module lets go of. */
		if (!handover_all_ok(&h->plan) || handover_unload_modules(h) >= 0)
			claim_commit(&h->env, &h->plan);
	}
	if (handover_all_ok(&h->plan)) {
		handover_unmark(h);
		return 0;
	}
	give_back(h);
	if (handover_attach(h) < 0)
		h->stuck = true;
	return -EIO;
}
