// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/profile-keys.h"
#include "tools/handover.h"

void handover_free(struct handover *h)
{
	claim_plan_free(&h->plan);
	free(h->sections);
	profile_free(&h->profile);
	pci_inventory_free(&h->inv);
}

static struct profile_device *find_section(const struct handover *h, const char *name)
{
	for (size_t i = 0; i < h->profile.device_count; i++)
		if (!strcmp(h->sections[i].name, name))
			return &h->sections[i];
	return NULL;
}

/* Resolves the first count sections: together, since each must know what others have. */
static int resolve(const struct handover *h, size_t count, unsigned flags, struct claim_plan *ret)
{
	const struct profile view = {.devices = h->sections, .device_count = count};

	return claim_resolve(h->env.root, &view, &h->inv, flags | RESOLVE_GUEST, ret);
}

static int pick_name(const struct handover *h, const char *name, bool *wanted, struct diag *diag)
{
	struct nearest nearest = {.text = name};
	struct profile_device *section = find_section(h, name);

	if (section) {
		wanted[section - h->sections] = true;
		return 0;
	}
	for (size_t i = 0; i < h->profile.device_count; i++)
		nearest_try(&nearest, h->sections[i].name);
	if (nearest.best)
		return diag_set(diag, -EINVAL, NULL, 0,
				"%s: no [device] of the profile has this name; did you mean %s?",
				name, nearest.best);
	return diag_set(diag, -EINVAL, NULL, 0,
			"%s: neither the name of a [device] of the profile nor a PCI address "
			"(vfio-device list shows both)",
			name);
}

/* The section that means the function, or one of our own for its whole slot. */
static int pick_address(struct handover *h, const struct pci_addr *addr, bool *wanted,
			struct diag *diag)
{
	_cleanup_plan_ struct claim_plan plan = {.count = 0};
	size_t count = h->profile.device_count;
	struct pci_dev *dev = pci_find(&h->inv, addr);
	int r;

	pci_addr_format(addr, h->address_name);
	if (!dev || pci_identify(h->env.root, dev) < 0)
		return diag_set(diag, -EINVAL, NULL, 0,
				"%s: this host has no such PCI function (vfio-device list --all)",
				h->address_name);
	r = resolve(h, count, RESOLVE_FIND, &plan);
	if (r < 0)
		return r;
	for (size_t i = 0; i < plan.count; i++) {
		if (plan.targets[i].dev != dev)
			continue;
		wanted[plan.targets[i].section - h->sections] = true;
		return 0;
	}
	h->sections[count] = (struct profile_device){
		.name = h->address_name,
		.has_address = true,
		.address = *addr,
		.vendor = dev->vendor,
		.device = dev->device,
	};
	wanted[count] = true;
	return 0;
}

/* Keeps the targets of wanted sections. */
static void keep_wanted(struct handover *h, const bool *wanted)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->plan.count; i++)
		if (wanted[h->plan.targets[i].section - h->sections])
			h->plan.targets[kept++] = h->plan.targets[i];
	h->plan.count = kept;
}

static int pick_names(const struct handover *h, const char *names, bool *wanted, struct diag *diag)
{
	_cleanup_free_ char *copy = strdup(names);
	int r = copy ? 0 : -ENOMEM;
	char *state;

	for (char *name = copy ? strtok_r(copy, ",", &state) : NULL; name && r >= 0;
	     name = strtok_r(NULL, ",", &state))
		r = pick_name(h, name, wanted, diag);
	return r;
}

int handover_pick(struct handover *h, const char *operand, const char *names, unsigned flags,
		  struct diag *diag)
{
	_cleanup_free_ bool *wanted = NULL;
	struct pci_addr addr;
	size_t count;
	int r;

	r = pci_scan(h->env.root, &h->inv);
	if (r >= 0)
		r = profile_load(h->env.root, &h->profile, diag);
	if (r < 0)
		return r;
	count = h->profile.device_count;
	h->sections = calloc(count + 1, sizeof(*h->sections));
	wanted = calloc(count + 1, sizeof(*wanted));
	if (!h->sections || !wanted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		h->sections[i] = h->profile.devices[i];
	if (names)
		r = pick_names(h, names, wanted, diag);
	else if (!pci_addr_parse(operand, &addr))
		r = pick_address(h, &addr, wanted, diag);
	else
		r = pick_name(h, operand, wanted, diag);
	if (r < 0)
		return r;
	for (size_t i = 0; i <= count && h->force; i++) {
		h->sections[i].allow_boot_display |= wanted[i];
		h->sections[i].allow_storage |= wanted[i];
	}
	r = resolve(h, count + wanted[count], flags, &h->plan);
	if (r >= 0)
		keep_wanted(h, wanted);
	return r;
}
