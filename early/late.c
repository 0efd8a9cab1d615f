// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/late.h"
#include "early/log.h"
#include "early/record.h"
#include "early/text.h"

#define EARLY_PATH "/usr/lib/vfio-bootcfg/vfio-early"

/* udev gives a worker three minutes. */
#define LOCK_WAIT_MS 120000

static bool lacks_group(const struct claim_plan *plan, const struct profile_device *section)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].section == section &&
		    plan->targets[i].reason == CLAIM_NO_IOMMU_GROUP)
			return true;
	return false;
}

static void put_bind_rules(struct text *out, const struct claim_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct claim_target *target = &plan->targets[i];
		char addr[PCI_ADDR_STR];

		/* The first function that lacks one makes the others of its section siblings. */
		if (target->dev && target->reason != CLAIM_OK && lacks_group(plan, target->section))
			text_add(out,
				 "ACTION==\"bind\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", "
				 "RUN+=\"" EARLY_PATH " --device %%k\"\n",
				 pci_addr_format(&target->dev->addr, addr));
	}
}

int late_write_rules(const struct root *root, const struct profile *profile,
		     const struct claim_plan *plan)
{
	_cleanup_text_ struct text out = {.size = 0};
	int r = root_mkdir(root, "run/udev/rules.d");

	if (r < 0)
		return r;
	text_add(&out, "# By vfio-early, for cards that come late.\n");
	for (size_t i = 0; i < profile->device_count; i++) {
		const struct profile_device *section = &profile->devices[i];

		if (section->claim_guest)
			continue;
		text_add(&out,
			 "# [device %s]\nACTION==\"add\", SUBSYSTEM==\"pci\", "
			 "ENV{PCI_ID}==\"%04X:%04X\", RUN+=\"" EARLY_PATH " --device %%k\"\n",
			 section->name, section->vendor, section->device);
	}
	put_bind_rules(&out, plan);
	return out.error ? out.error : root_replace(root, LATE_RULES, out.data, out.size, 0644);
}

/* Keeps the targets of sections that have one in addr's slot; true if any is left. */
static bool keep_slot(struct claim_plan *plan, const struct pci_addr *addr)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->count;) {
		const struct profile_device *section = plan->targets[i].section;
		bool wanted = false;
		size_t end;

		for (end = i; end < plan->count && plan->targets[end].section == section; end++)
			wanted |= plan->targets[end].dev &&
				  pci_addr_same_slot(&plan->targets[end].dev->addr, addr);
		for (; i < end; i++)
			if (wanted)
				plan->targets[kept++] = plan->targets[i];
	}
	plan->count = kept;
	return kept;
}

/* True if the record has a section of this name whose result is failed. */
static bool failed_before(const struct root *root, const char *name)
{
	_cleanup_free_ char *text = NULL;
	char title[PROFILE_NAME_MAX + 16];
	size_t size, len;

	if (root_read_file(root, RECORD_PATH, &text, &size, NULL) < 0)
		return false;
	len = (size_t)snprintf(title, sizeof(title), "[claim %s", name);
	for (const char *at = text; (at = strstr(at, title)); at += len)
		if ((at[len] == ' ' || at[len] == ']') &&
		    !strncmp(strchr(at, ']'), "]\nresult = failed", 17))
			return true;
	return false;
}

/* What a person's `udevadm trigger` must not change: a function that has a driver keeps it. */
static void spare_bound(const struct root *root, struct claim_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *target = &plan->targets[i];
		char addr[PCI_ADDR_STR];

		if (target->reason != CLAIM_OK)
			continue;
		pci_addr_format(&target->dev->addr, addr);
		if (target->dev->driver[0] && strcmp(target->dev->driver, CLAIM_DRIVER) != 0)
			claim_refuse(plan, target, CLAIM_RELEASED, EBUSY,
				     "%s is with %s, which a synthetic event does not change", addr,
				     target->dev->driver);
		else if (failed_before(root, target->section->name))
			claim_refuse(plan, target, CLAIM_BIND_FAILED, EALREADY,
				     "claiming %s failed earlier in this boot", addr);
	}
}

static size_t count_claimed(const struct claim_plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += plan->targets[i].reason == CLAIM_OK;
	return count;
}

/* True if nothing is left to do: all that is wanted has our driver already. */
static bool all_bound(const struct claim_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].reason == CLAIM_OK &&
		    strcmp(plan->targets[i].dev->driver, CLAIM_DRIVER) != 0)
			return false;
	return true;
}

static int claim_once(const struct claim_env *env, const struct profile *profile,
		      const struct pci_addr *addr, bool synthetic, size_t *ret_claimed)
{
	_cleanup_inventory_ struct pci_inventory inv = {.count = 0};
	_cleanup_plan_ struct claim_plan plan = {.count = 0};
	int r = pci_scan(env->root, &inv);

	if (r >= 0)
		r = claim_resolve(env->root, profile, &inv, 0, &plan);
	if (r < 0)
		return r;
	*ret_claimed = 0;
	if (!keep_slot(&plan, addr))
		return 0;
	if (synthetic)
		spare_bound(env->root, &plan);
	*ret_claimed = count_claimed(&plan);
	if (all_bound(&plan) && (synthetic || *ret_claimed))
		return 0;
	claim_override(env, &plan);
	claim_commit(env, &plan);
	claim_log(&plan);
	*ret_claimed = count_claimed(&plan);
	return record_update(env->root, &plan);
}

int late_claim(const struct claim_env *env, const struct profile *profile,
	       const struct pci_addr *addr, bool synthetic)
{
	_cleanup_close_ int lock = record_lock(env->root, LOCK_WAIT_MS);
	size_t before = 0, claimed = 0;
	int r;

	if (lock < 0)
		return lock;
	/*
	 * The event of function 0 comes before the kernel has found the slot's other functions. Once
	 * one is bound the kernel is past that, so a second look sees them all.
	 */
	do {
		before = claimed;
		r = claim_once(env, profile, addr, synthetic, &claimed);
	} while (r >= 0 && claimed > before);
	return r;
}
