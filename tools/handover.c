// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>

#include "early/record.h"
#include "early/undo.h"
#include "tools/consoles.h"
#include "tools/handover-internal.h"

bool handover_all_ok(const struct claim_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].reason != CLAIM_OK)
			return false;
	return true;
}

bool handover_is_taken(const struct claim_target *target)
{
	return !strcmp(target->dev->driver, CLAIM_DRIVER) &&
	       !strcmp(target->override_before, CLAIM_DRIVER);
}

static int read_override(const struct handover *h, struct claim_target *target)
{
	char path[PCI_ATTR_STR];
	ssize_t n;

	n = root_read_attr(h->env.root, pci_attr_path(&target->dev->addr, "driver_override", path),
			   target->override_before, sizeof(target->override_before));
	return n < 0 ? (int)n : 0;
}

static int read_step(void *data, size_t i)
{
	struct handover *h = data;

	return read_override(h, &h->plan.targets[i]);
}

int handover_read_overrides(struct handover *h)
{
	_cleanup_free_ int *errors = calloc(h->plan.count + 1, sizeof(*errors));
	int ret = 0, r = -ENOMEM;

	/* Before Linux 6.12 reading it waits for whoever probes or unbinds the device. */
	if (errors)
		r = children_run(read_step, h, h->plan.count, h->env.deadline_ms, errors);
	for (size_t i = 0; i < h->plan.count; i++) {
		struct claim_target *target = &h->plan.targets[i];
		char addr[PCI_ADDR_STR];
		int error = errors && r >= 0 ? errors[i] : r;

		pci_addr_format(&target->dev->addr, addr);
		if (!error)
			error = read_override(h, target);
		if (!error)
			continue;
		ret = -EIO;
		if (error == -ETIMEDOUT)
			claim_refuse(
				&h->plan, target, CLAIM_TIMEOUT, ETIMEDOUT,
				"the kernel does not answer for %s, where an earlier step still "
				"hangs: reboot needed",
				addr);
		else if (error == -ENOENT || error == -ENODEV)
			claim_refuse(&h->plan, target, CLAIM_VANISHED, -error, "%s is gone", addr);
		else
			claim_refuse(&h->plan, target, CLAIM_OVERRIDE_FAILED, -error,
				     "driver_override of %s cannot be read: %s", addr,
				     strerror(-error));
	}
	return ret;
}

/* Those of which are, or all. A mark that stays keeps the udev rule away from a card that vfio-pci has. */
static void unmark(const struct handover *h, const bool *which)
{
	_cleanup_close_ int dir = root_openat(h->env.root, RELEASED_DIR, O_PATH | O_DIRECTORY, 0);

	for (size_t i = 0; dir >= 0 && i < h->plan.count; i++) {
		char addr[PCI_ADDR_STR];

		if (!which || which[i])
			(void)unlinkat(dir, pci_addr_format(&h->plan.targets[i].dev->addr, addr),
				       0);
	}
}

int handover_mark(const struct handover *h)
{
	_cleanup_free_ bool *ours = calloc(h->plan.count + 1, sizeof(*ours));
	int r;

	if (!ours)
		return -ENOMEM;
	r = root_mkdir(h->env.root, RELEASED_DIR);
	for (size_t i = 0; r >= 0 && i < h->plan.count; i++) {
		char path[sizeof(RELEASED_DIR) + 1 + PCI_ADDR_STR] = RELEASED_DIR "/";

		pci_addr_format(&h->plan.targets[i].dev->addr, path + sizeof(RELEASED_DIR));
		ours[i] = !root_exists(h->env.root, path);
		if (ours[i])
			r = root_replace(h->env.root, path, "", 0, 0644);
	}
	if (r < 0)
		unmark(h, ours);
	return r;
}

void handover_unmark(const struct handover *h)
{
	unmark(h, NULL);
}

static int detach_step(void *data, _unused_ size_t i)
{
	struct handover *h = data;

	return consoles_detach(h->env.root, &h->inv, &h->plan);
}

static int attach_step(void *data, _unused_ size_t i)
{
	struct handover *h = data;

	return consoles_attach(h->env.root, &h->plan);
}

static int run_one(struct handover *h, child_step step)
{
	int error = 0, r = children_run(step, h, 1, h->env.deadline_ms, &error);

	return r < 0 ? r : error;
}

int handover_detach(struct handover *h)
{
	return run_one(h, detach_step);
}

int handover_attach(struct handover *h)
{
	return run_one(h, attach_step);
}
