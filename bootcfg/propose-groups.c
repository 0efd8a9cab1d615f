// SPDX-License-Identifier: GPL-2.0-or-later
/* Who has to come along with a card: the kernel's IOMMU groups, or where it has made none yet, those that it will make. */
#include <string.h>

#include "bootcfg/device-spec.h"
#include "bootcfg/propose.h"
#include "early/disk.h"
#include "early/display.h"

#define CLASS_NETWORK 0x02
#define CLASS_BRIDGE 0x06

/* --- what there is ---------------------------------------------------------------------------- */

static bool has_groups(const struct proposal *proposal)
{
	for (size_t i = 0; i < proposal->inv.count; i++)
		if (proposal->inv.devs[i].group >= 0)
			return true;
	return false;
}

int propose_groups(struct proposal *proposal)
{
	const struct acs_view on = {.iommu_on = true};
	char addr[PCI_ADDR_STR];
	size_t unread;
	int r = acs_load(proposal->root, &proposal->inv, &proposal->acs);

	if (r < 0)
		return r;
	unread = acs_unknown(&proposal->acs);
	if (unread == ACS_NONE) {
		proposal->members = calloc(proposal->acs.count + 1, sizeof(*proposal->members));
		r = proposal->members ? acs_groups(&proposal->acs, &on, proposal->members)
				      : -ENOMEM;
	}
	if (r < 0 || has_groups(proposal))
		return r;
	if (unread != ACS_NONE) {
		remark(&proposal->remarks,
		       "the IOMMU is off, and configuration space of %s cannot be read here, so "
		       "that nothing tells which IOMMU groups there will be: run this as root; or "
		       "look at `vfio-device list` once it is on",
		       pci_addr_format(&proposal->acs.functions[unread].addr, addr));
		return 0;
	}
	remark(&proposal->remarks,
	       "the IOMMU is off: which groups there will be is told from configuration space by "
	       "the kernel's rules; `vfio-device list` shows them once it is on");
	proposal->predicted = true;
	for (size_t i = 0; i < proposal->acs.count; i++)
		if (proposal->members[i].group != ACS_NONE)
			proposal->inv.devs[i].group = (int)proposal->members[i].group;
	return 0;
}

/* --- companions ------------------------------------------------------------------------------- */

/* What must not leave the host; "" for what may. */
#define WHY_STR (DISK_TEXT + 64)
static void look_at(const struct proposal *proposal, const struct pci_dev *dev,
		    char buf[static WHY_STR])
{
	char disk[DISK_TEXT];

	buf[0] = '\0';
	if (proposal->display && device_same_card(proposal->root, proposal->display, dev))
		snprintf(buf, WHY_STR, "the display that the host boots on");
	else if (pci_base_class(dev) == CLASS_NETWORK && dev->driver[0] &&
		 strcmp(dev->driver, "vfio-pci") != 0)
		snprintf(buf, WHY_STR, "a network card of the host");
	else if (dev->driver[0] && strcmp(dev->driver, "vfio-pci") != 0 &&
		 disk_in_use(proposal->root, &dev->addr, disk))
		snprintf(buf, WHY_STR, "which the host uses: %s", disk);
}

/* No guest gets a bridge, nor does one make a group impossible. */
static bool may_be_companion(const struct proposal *proposal, const struct proposed_card *card,
			     const struct pci_dev *dev)
{
	return dev->identified && pci_base_class(dev) != CLASS_BRIDGE &&
	       !device_same_card(proposal->root, card->dev, dev);
}

struct pci_dev *proposal_companion(const struct proposal *proposal,
				   const struct proposed_card *card, size_t *at,
				   const struct pci_dev **ret_mine)
{
	for (; *at < proposal->inv.count; ++*at) {
		struct pci_dev *dev = &proposal->inv.devs[*at], *mine = NULL;

		if (dev->group < 0 || !may_be_companion(proposal, card, dev))
			continue;
		while ((mine = proposal_function(proposal, card, mine)))
			if (mine->group == dev->group) {
				++*at;
				*ret_mine = mine;
				return dev;
			}
	}
	return NULL;
}

bool proposal_group_is_held(const struct proposal *proposal, const struct proposed_card *card,
			    char ret[static REFUSAL_STR])
{
	char mine_addr[PCI_ADDR_STR], addr[PCI_ADDR_STR], why[WHY_STR];
	const struct pci_dev *dev, *mine;
	size_t at = 0;

	while ((dev = proposal_companion(proposal, card, &at, &mine))) {
		look_at(proposal, dev, why);
		if (!why[0])
			continue;
		pci_addr_format(&mine->addr, mine_addr);
		pci_addr_format(&dev->addr, addr);
		if (proposal->predicted)
			snprintf(ret, REFUSAL_STR, "%s will share an IOMMU group with %s, %s",
				 mine_addr, addr, why);
		else
			snprintf(ret, REFUSAL_STR, "%s shares IOMMU group %d with %s, %s",
				 mine_addr, mine->group, addr, why);
		return true;
	}
	return false;
}

/* --- what would help -------------------------------------------------------------------------- */

struct question {
	const struct proposal *proposal;
	const struct proposed_card *card;
	const bool *held; /* of each function: it must not leave the host */
};

static size_t index_of(const struct proposal *proposal, const struct pci_dev *dev)
{
	return (size_t)(dev - proposal->inv.devs);
}

static bool sets_free(void *data, const struct acs_member *members)
{
	const struct question *q = data;
	const struct pci_dev *mine = NULL;

	while ((mine = proposal_function(q->proposal, q->card, mine)))
		for (size_t i = 0; i < q->proposal->inv.count; i++)
			if (q->held[i] && members[i].group != ACS_NONE &&
			    members[i].group == members[index_of(q->proposal, mine)].group)
				return false;
	return true;
}

void proposal_cure(const struct proposal *proposal, const struct proposed_card *card,
		   char ret[static CURE_STR])
{
	_cleanup_free_ bool *held = calloc(proposal->inv.count + 1, sizeof(*held));
	struct question question = {proposal, card, held};
	char override[ACS_OVERRIDE_STR] = "downstream", why[WHY_STR];
	struct acs_override least;

	for (size_t i = 0; held && proposal->members && i < proposal->inv.count; i++) {
		const struct pci_dev *dev = &proposal->inv.devs[i];

		if (!may_be_companion(proposal, card, dev))
			continue;
		look_at(proposal, dev, why);
		held[i] = why[0];
	}
	if (held && proposal->members) {
		if (acs_least_override(&proposal->acs, sets_free, &question, &least) < 0) {
			snprintf(ret, CURE_STR,
				 "put one of them into a slot of another group; no "
				 "pcie_acs_override= would keep them apart");
			return;
		}
		acs_override_format(&least, override);
	}
	snprintf(ret, CURE_STR,
		 "put one of them into a slot of another group (vfio-device list names such), or, "
		 "with a kernel that has the ACS "
		 "override patch, set --acs-override %s, reboot, and plan again; what the guest "
		 "does with its card may then reach the other one",
		 override);
}
