// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/undo.h"
#include "tools/guards.h"
#include "tools/handover-internal.h"

/* What a child says of a function that no driver has now, each in the one byte of its exit status. */
#define NO_MODULE (-ENOPKG) /* no module of this kernel is for it */
#define BLACKLISTED (-EPERM) /* modprobe.d keeps its module away */
#define NOT_TAKEN (-ENODEV) /* its module is there, and did not take it */

/* drivers_probe says success even where no driver takes the function: the link tells. */
static int probe(const struct root *root, const struct pci_addr *addr,
		 char driver[static PCI_DRIVER_STR])
{
	char text[PCI_ADDR_STR];
	int r = root_write_attr(root, "sys/bus/pci/drivers_probe", pci_addr_format(addr, text));

	return r < 0 ? r : pci_driver(root, addr, driver);
}

static int find_driver(const struct handover *h, const struct pci_addr *addr)
{
	char path[PCI_ATTR_STR], alias[256], driver[PCI_DRIVER_STR];
	int loaded = -ENOENT, r = probe(h->env.root, addr, driver);

	if (r < 0 || driver[0])
		return r;
	/* We have unloaded it ourselves, by its name: it comes back though udev would not load it. */
	loaded = handover_load_own(h, addr);
	if (loaded >= 0) {
		r = pci_driver(h->env.root, addr, driver);
		if (r < 0 || driver[0])
			return r;
	}
	/* udev has loaded it when the card came; somebody may have unloaded it since. */
	if (root_read_attr(h->env.root, pci_attr_path(addr, "modalias", path), alias,
			   sizeof(alias)) > 0)
		loaded = h->load_native(alias);
	if (loaded >= 0)
		r = probe(h->env.root, addr, driver);
	if (r < 0 || driver[0])
		return r;
	return loaded == -ENOENT ? NO_MODULE : loaded == -EPERM ? BLACKLISTED : NOT_TAKEN;
}

/*
 * In a child. The override goes first: whoever is ended after that leaves a card that vfio-pci has and that its own driver
 * can have after any unbind. One that is unbound with our override set nobody could have.
 */
static int release_one(void *data, size_t i)
{
	const struct handover *h = data;
	const struct claim_target *target = &h->plan.targets[i];
	const struct pci_addr *addr = &target->dev->addr;
	bool ours = !strcmp(target->override_before, CLAIM_DRIVER);
	char path[PCI_ATTR_STR], driver[PCI_DRIVER_STR];
	int r = 0;

	pci_attr_path(addr, "driver_override", path);
	if (ours)
		r = root_write_attr(h->env.root, path, "\n");
	if (r >= 0)
		r = pci_driver(h->env.root, addr, driver);
	if (r >= 0 && !strcmp(driver, CLAIM_DRIVER)) {
		r = driver_write(h->env.root, CLAIM_DRIVER, "unbind", addr);
		driver[0] = '\0';
	}
	if (r < 0 || driver[0])
		return r;
	return find_driver(h, addr);
}

/* Reads the link, and says of one function what is not as asked. */
static void judge(struct handover *h, struct claim_target *target, int error)
{
	char addr[PCI_ADDR_STR], path[PCI_ATTR_STR];

	pci_addr_format(&target->dev->addr, addr);
	if (pci_driver(h->env.root, &target->dev->addr, target->driver_after) < 0)
		target->driver_after[0] = '\0';
	if (error == -ETIMEDOUT) {
		h->stuck = true;
		claim_refuse(
			&h->plan, target, CLAIM_TIMEOUT, ETIMEDOUT,
			"the kernel did not give back %s in time: reboot needed; the kernel log "
			"says more",
			addr);
	} else if (!root_exists(h->env.root, pci_attr_path(&target->dev->addr, "vendor", path))) {
		claim_refuse(&h->plan, target, CLAIM_VANISHED, ENODEV, "%s is gone", addr);
	} else if (!strcmp(target->driver_after, CLAIM_DRIVER)) {
		claim_refuse(
			&h->plan, target, CLAIM_NO_DRIVER, error ? -error : EBUSY,
			error ? "vfio-pci does not give back %s: %s"
			      : "vfio-pci takes %s again, by ids that it was given: vfio-pci.ids=, "
				"modprobe.d or new_id%s",
			addr, error ? strerror(-error) : "");
	} else if (target->driver_after[0]) {
		return;
	} else if (error == NO_MODULE || error == BLACKLISTED) {
		snprintf(target->text, sizeof(target->text), "%s has no driver now: %s", addr,
			 error == NO_MODULE ? "this kernel has none for it"
					    : "its module is blacklisted in modprobe.d");
	} else {
		claim_refuse(&h->plan, target, CLAIM_NO_DRIVER, error ? -error : ENODEV,
			     "no driver of the host took %s: %s; the kernel log says more", addr,
			     error ? strerror(-error) : "unknown");
	}
}

/* Gives vfio-pci again what it had: all functions or none. The reasons stay those of the failure. */
static void take_back(struct handover *h)
{
	_cleanup_plan_ struct claim_plan back = {.count = h->plan.count};
	char addr[PCI_ADDR_STR];

	back.targets = calloc(back.count, sizeof(*back.targets));
	if (!back.targets) {
		h->stuck = true;
		return;
	}
	for (size_t i = 0; i < back.count; i++) {
		const struct claim_target *target = &h->plan.targets[i];

		back.targets[i] = (struct claim_target){
			.section = target->section,
			.dev = target->dev,
			.reason = strcmp(target->dev->driver, CLAIM_DRIVER) != 0 ||
						  target->reason == CLAIM_VANISHED
					  ? CLAIM_RELEASED
					  : CLAIM_OK,
		};
	}
	claim_override(&h->env, &back);
	claim_commit(&h->env, &back);
	for (size_t i = 0; i < back.count; i++) {
		struct claim_target *target = &h->plan.targets[i];
		size_t len = strlen(target->text);

		if (back.targets[i].reason == CLAIM_RELEASED)
			continue;
		memcpy(target->driver_after, back.targets[i].driver_after,
		       sizeof(target->driver_after));
		if (back.targets[i].reason == CLAIM_OK)
			continue;
		h->stuck = true;
		pci_addr_format(&target->dev->addr, addr);
		if (target->reason == CLAIM_OK || target->reason == CLAIM_SIBLING)
			claim_refuse(&h->plan, target, back.targets[i].reason,
				     back.targets[i].error,
				     "%s could not go back to vfio-pci: reboot needed", addr);
		else
			snprintf(target->text + len, sizeof(target->text) - len,
				 "; it could not go back to vfio-pci either: reboot needed");
	}
	if (!h->stuck)
		handover_unmark(h);
}

static int refuse(struct handover *h)
{
	int r;

	if (!handover_all_ok(&h->plan))
		return -EPERM;
	r = handover_read_overrides(h);
	if (r >= 0)
		r = guard_holders(h->env.root, &h->plan,
				  GUARD_TO_HOST | (h->force ? GUARD_FORCE : 0));
	if (r < 0)
		return r;
	if (!h->force)
		guard_group(h->env.root, &h->plan, true);
	return handover_all_ok(&h->plan) ? 0 : -EPERM;
}

int handover_release(struct handover *h)
{
	_cleanup_free_ int *errors = calloc(h->plan.count + 1, sizeof(*errors));
	int r = refuse(h);

	if (r < 0)
		return r;
	r = errors ? handover_mark(h) : -ENOMEM;
	if (r < 0) {
		if (h->plan.count)
			claim_refuse(&h->plan, &h->plan.targets[0], CLAIM_OVERRIDE_FAILED, -r,
				     "it cannot be noted that the card is given back: %s",
				     strerror(-r));
		return -EIO;
	}
	r = children_run(release_one, h, h->plan.count, h->env.deadline_ms, errors);
	for (size_t i = 0; i < h->plan.count; i++)
		judge(h, &h->plan.targets[i], r < 0 ? r : errors[i]);
	if (handover_all_ok(&h->plan)) {
		r = handover_load_modules(h);
		if (r < 0)
			snprintf(h->plan.targets[0].text, sizeof(h->plan.targets[0].text),
				 "not all kernel modules that were unloaded for a guest could be "
				 "loaded again: %s; the same command tries it again",
				 strerror(-r));
		r = handover_attach(h);
		if (r < 0 && h->plan.count)
			snprintf(h->plan.targets[0].text, sizeof(h->plan.targets[0].text),
				 "the text console could not be put back: %s",
				 r == -ENODEV ? "the kernel has taken the firmware's frame buffer "
						"away for vfio-pci, and no driver brings another: "
						"it is back after a reboot"
					      : strerror(-r));
		return 0;
	}
	/* What hangs holds the device: another write would hang as well. */
	if (!h->stuck)
		take_back(h);
	return -EIO;
}
