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

static int pick_guest(const struct handover *h, const char *guest, bool *wanted, struct diag *diag)
{
	const struct profile_entry *entry = profile_get(&h->profile, "guest", guest, "devices");
	_cleanup_free_ char *names = NULL;
	char *state;
	bool known = entry;

	for (size_t i = 0; i < h->profile.entry_count && !known; i++)
		known = !strcmp(h->profile.entries[i].section, "guest") &&
			!strcmp(h->profile.entries[i].name, guest);
	if (!known)
		return diag_set(diag, -EINVAL, NULL, 0, "%s: the profile has no [guest %s]", guest,
				guest);
	if (!entry)
		return 0;
	names = strdup(entry->value);
	if (!names)
		return -ENOMEM;
	for (char *name = strtok_r(names, ",", &state); name; name = strtok_r(NULL, ",", &state)) {
		const struct profile_device *section = find_section(h, name);

		if (!section)
			return diag_set(diag, -EINVAL, entry->file, entry->line,
					"[guest %s] names %s, and there is no [device %s]", guest,
					name, name);
		if (section->claim_guest)
			wanted[section - h->sections] = true;
	}
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

static int begin(struct handover *h, bool **ret_wanted, struct diag *diag)
{
	size_t count;
	int r;

	r = pci_scan(h->env.root, &h->inv);
	if (r >= 0)
		r = profile_load(h->env.root, &h->profile, diag);
	if (r < 0)
		return r;
	count = h->profile.device_count;
	h->sections = calloc(count + 1, sizeof(*h->sections));
	*ret_wanted = calloc(count + 1, sizeof(**ret_wanted));
	if (!h->sections || !*ret_wanted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		h->sections[i] = h->profile.devices[i];
	return 0;
}

static int finish(struct handover *h, const bool *wanted, unsigned flags)
{
	size_t count = h->profile.device_count;
	int r;

	for (size_t i = 0; i <= count && h->force; i++) {
		h->sections[i].allow_boot_display |= wanted[i];
		h->sections[i].allow_storage |= wanted[i];
	}
	r = resolve(h, count + wanted[count], flags, &h->plan);
	if (r >= 0)
		keep_wanted(h, wanted);
	return r;
}

int handover_pick(struct handover *h, const char *operand, const char *guest, unsigned flags,
		  struct diag *diag)
{
	_cleanup_free_ bool *wanted = NULL;
	struct pci_addr addr;
	int r = begin(h, &wanted, diag);

	if (r < 0)
		return r;
	if (guest)
		r = pick_guest(h, guest, wanted, diag);
	else if (!pci_addr_parse(operand, &addr))
		r = pick_address(h, &addr, wanted, diag);
	else
		r = pick_name(h, operand, wanted, diag);
	return r < 0 ? r : finish(h, wanted, flags);
}

int handover_pick_names(struct handover *h, const char *names, unsigned flags, struct diag *diag)
{
	_cleanup_free_ char *copy = strdup(names);
	_cleanup_free_ bool *wanted = NULL;
	int r = copy ? begin(h, &wanted, diag) : -ENOMEM;
	char *state;

	if (r < 0)
		return r;
	for (char *name = strtok_r(copy, ",", &state); name && r >= 0;
	     name = strtok_r(NULL, ",", &state))
		r = pick_name(h, name, wanted, diag);
	return r < 0 ? r : finish(h, wanted, flags);
}
