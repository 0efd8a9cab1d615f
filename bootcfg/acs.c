// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/pci_regs.h>
#include <string.h>

#include "bootcfg/acs.h"

#define ACS_REQUIRED (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

static bool is_multifunction(const struct acs_function *f)
{
	/* What is found beside function 0 is one of several, whatever its header says; a virtual one never. */
	return !f->is_virtual && (f->config.multifunction || f->addr.fn > 0);
}

bool acs_is_port(const struct acs_function *f)
{
	return f->config.express && (f->config.type == PCI_EXP_TYPE_ROOT_PORT ||
				     f->config.type == PCI_EXP_TYPE_DOWNSTREAM);
}

/* Types for which ACS is only of use between functions of one slot. */
static bool is_endpoint(const struct acs_function *f)
{
	return f->config.express &&
	       (f->config.type == PCI_EXP_TYPE_ENDPOINT ||
		f->config.type == PCI_EXP_TYPE_UPSTREAM || f->config.type == PCI_EXP_TYPE_LEG_END ||
		f->config.type == PCI_EXP_TYPE_RC_END);
}

/* The patch is the last of the exceptions, and passes over what has an ACS capability. */
static bool is_overridden(const struct acs_override *override, const struct acs_function *f)
{
	if (!f->config.express || f->config.acs)
		return false;
	for (size_t i = 0; i < override->id_count; i++)
		if (override->ids[i].vendor == f->vendor && override->ids[i].device == f->device)
			return true;
	return (override->downstream && acs_is_port(f)) ||
	       (override->multifunction && is_endpoint(f) && is_multifunction(f));
}

bool acs_isolates(const struct acs_machine *machine, const struct acs_view *view, size_t index)
{
	const struct acs_function *f = &machine->functions[index];
	uint32_t required, control;
	int quirk = acs_quirk(machine, view, index);

	if (quirk >= 0)
		return quirk;
	if (is_overridden(&view->override, f))
		return true;
	if (!f->config.express || (!acs_is_port(f) && !is_endpoint(f))) {
		/* A type that nobody has heard of is none that ACS is said to be needed for. */
		return f->config.express && f->config.type != PCI_EXP_TYPE_PCI_BRIDGE &&
		       f->config.type != PCI_EXP_TYPE_PCIE_BRIDGE &&
		       f->config.type != PCI_EXP_TYPE_RC_EC;
	}
	if (is_endpoint(f) && !is_multifunction(f))
		return true;
	if (!f->config.acs)
		return false;
	/* What a function cannot do it need not be told to keep from doing. */
	required = ACS_REQUIRED & f->config.acs_cap & ~acs_quirk_broken(f);
	control = f->config.acs_control | (view->iommu_on ? f->config.acs_cap : 0);
	return (control & required) == required;
}

size_t acs_weak_link(const struct acs_machine *machine, const struct acs_view *view, size_t index)
{
	while (index != ACS_NONE && acs_isolates(machine, view, index))
		index = machine->functions[index].parent;
	return index;
}

/* --- groups ----------------------------------------------------------------------------------- */

/* Follows who joined whom up to the first function of the group. */
static size_t find(struct acs_member *members, size_t index)
{
	while (members[index].group != index) {
		members[index].group = members[members[index].group].group;
		index = members[index].group;
	}
	return index;
}

static void join(struct acs_member *members, size_t index, size_t by)
{
	size_t a = find(members, index), b = find(members, by);

	members[a > b ? a : b].group = a > b ? b : a;
}

static void explain(struct acs_member *member, enum acs_reason reason, size_t by)
{
	if (member->reason != ACS_ALONE)
		return;
	member->reason = reason;
	member->by = by;
}

/* The bridge nearest to the root that takes a function's DMA for its own; ACS_NONE for none. */
static size_t find_bridge(const struct acs_machine *machine, size_t index)
{
	size_t found = ACS_NONE;

	for (size_t at = machine->functions[index].parent; at != ACS_NONE;
	     at = machine->functions[at].parent) {
		const struct acs_function *bridge = &machine->functions[at];

		if (!bridge->config.express || bridge->config.type == PCI_EXP_TYPE_PCI_BRIDGE ||
		    bridge->config.type == PCI_EXP_TYPE_PCIE_BRIDGE)
			found = at;
	}
	return found;
}

/* True where something above the function took it into its group. */
static bool join_above(const struct acs_machine *machine, const struct acs_view *view,
		       struct acs_member *members, size_t index)
{
	const struct acs_function *f = &machine->functions[index];
	size_t by = f->requester;

	if (by != ACS_NONE) {
		join(members, index, by);
		explain(&members[index], ACS_BEHIND_REQUESTER, by);
		return true;
	}
	by = find_bridge(machine, index);
	if (by != ACS_NONE) {
		join(members, index, by);
		explain(&members[index], ACS_BEHIND_BRIDGE, by);
		return true;
	}
	by = f->parent == ACS_NONE ? ACS_NONE : acs_weak_link(machine, view, f->parent);
	if (by == ACS_NONE)
		return false;
	/* Each bridge up to the weak one joins the next in its turn. */
	join(members, index, f->parent);
	explain(&members[index], ACS_BEHIND_PORT, by);
	return true;
}

static bool is_same_bus(const struct acs_function *a, const struct acs_function *b)
{
	return a->addr.domain == b->addr.domain && a->addr.bus == b->addr.bus;
}

static unsigned devfn_of(const struct acs_function *f)
{
	return (unsigned)(f->addr.dev << 3 | f->addr.fn);
}

/* What shares the bus, and so lies side by side with it; the later one is that which the kernel asks. */
static void join_beside(const struct acs_machine *machine, const struct acs_view *view,
			struct acs_member *members, size_t index)
{
	const struct acs_function *f = &machine->functions[index];
	bool isolates = acs_isolates(machine, view, index);

	for (size_t i = index + 1; i < machine->count; i++) {
		const struct acs_function *other = &machine->functions[i];

		if (!is_same_bus(f, other))
			break;
		if (other->hidden)
			continue;
		if (acs_quirk_alias(f, devfn_of(other)) || acs_quirk_alias(other, devfn_of(f))) {
			join(members, index, i);
			explain(&members[index], ACS_ALIAS, i);
			explain(&members[i], ACS_ALIAS, index);
		}
		if (!isolates && pci_addr_same_slot(&f->addr, &other->addr) &&
		    is_multifunction(other) && !acs_isolates(machine, view, i)) {
			join(members, index, i);
			explain(&members[index], ACS_BESIDE, i);
			explain(&members[i], ACS_BESIDE, index);
		}
	}
}

int acs_groups(const struct acs_machine *machine, const struct acs_view *view,
	       struct acs_member *ret)
{
	_cleanup_free_ struct acs_member *members = calloc(machine->count + 1, sizeof(*members));

	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < machine->count; i++)
		members[i] = (struct acs_member){.group = i, .by = ACS_NONE};
	for (size_t i = 0; i < machine->count; i++)
		if (!machine->functions[i].hidden && !join_above(machine, view, members, i))
			join_beside(machine, view, members, i);
	for (size_t i = 0; i < machine->count; i++)
		members[i].group = find(members, i);
	for (size_t i = 0; i < machine->count; i++)
		if (machine->functions[i].hidden)
			members[i].group = ACS_NONE;
	if (machine->count)
		memcpy(ret, members, machine->count * sizeof(*ret));
	return 0;
}

size_t acs_unknown(const struct acs_machine *machine)
{
	for (size_t i = 0; i < machine->count; i++)
		if (!machine->functions[i].config.known)
			return i;
	return ACS_NONE;
}

char *acs_text(const struct acs_machine *machine, const struct acs_member *member,
	       char buf[static ACS_TEXT])
{
	char by[PCI_ADDR_STR] = "";
	const struct acs_function *f = NULL;

	if (member->by != ACS_NONE) {
		f = &machine->functions[member->by];
		pci_addr_format(&f->addr, by);
	}
	switch (member->reason) {
	case ACS_ALONE:
		snprintf(buf, ACS_TEXT, "nothing joins it to others");
		break;
	case ACS_BEHIND_REQUESTER:
		snprintf(buf, ACS_TEXT, "its DMA bears the identity of %s", by);
		break;
	case ACS_BEHIND_BRIDGE:
		snprintf(buf, ACS_TEXT,
			 "below the bridge %s it is conventional PCI, whose DMA bears the "
			 "bridge's identity",
			 by);
		break;
	case ACS_BEHIND_PORT:
		if (f && !f->config.express)
			snprintf(buf, ACS_TEXT, "%s above it is a conventional bridge", by);
		else if (f && f->config.acs)
			snprintf(buf, ACS_TEXT, "ACS of %s above it is not switched on", by);
		else
			snprintf(buf, ACS_TEXT, "%s above it has no ACS", by);
		break;
	case ACS_BESIDE:
		snprintf(buf, ACS_TEXT, "neither it nor %s in the same slot has ACS%s", by,
			 f && f->config.acs ? " switched on" : "");
		break;
	case ACS_ALIAS:
		snprintf(buf, ACS_TEXT, "it and %s use one identity for DMA", by);
		break;
	}
	return buf;
}
