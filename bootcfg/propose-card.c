// SPDX-License-Identifier: GPL-2.0-or-later
/* Which card a host can spare, and who has to come along. */
#include <string.h>

#include "bootcfg/device-spec.h"
#include "bootcfg/propose.h"
#include "early/display.h"

#define CLASS_DISPLAY 0x03
#define CLASS_BRIDGE 0x06
#define CLASS_VGA 0x0300
#define CLASS_3D 0x0302
#define VENDOR_ASPEED 0x1a03
#define VENDOR_MATROX 0x102b

static int out_of_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* --- cards ------------------------------------------------------------------------------------ */

struct pci_dev *proposal_function(const struct proposal *proposal, const struct proposed_card *card,
				  const struct pci_dev *after)
{
	struct pci_dev *first;
	size_t count = pci_slot(&proposal->inv, &card->dev->addr, &first);

	for (size_t i = 0; i < count; i++)
		if ((!after || first[i].addr.fn > after->addr.fn) && first[i].identified &&
		    pci_base_class(&first[i]) != CLASS_BRIDGE &&
		    device_same_card(proposal->root, card->dev, &first[i]))
			return &first[i];
	return NULL;
}

static bool is_chosen(const struct proposal *proposal, const struct pci_dev *dev)
{
	for (size_t i = 0; i < proposal->card_count; i++)
		if (device_same_card(proposal->root, proposal->cards[i].dev, dev))
			return true;
	return false;
}

static int add_card(struct proposal *proposal, struct pci_dev *dev, enum card_choice choice,
		    const struct pci_dev *other)
{
	struct proposed_card *cards;

	if (is_chosen(proposal, dev))
		return 0;
	cards = reallocarray(proposal->cards, proposal->card_count + 1, sizeof(*cards));
	if (!cards)
		return -ENOMEM;
	proposal->cards = cards;
	cards[proposal->card_count++] =
		(struct proposed_card){.dev = dev, .choice = choice, .other = other};
	return 0;
}

/* --- groups ----------------------------------------------------------------------------------- */

/* All that hangs together with a chosen card, and with what comes along. */
static int add_companions(struct proposal *proposal, struct diag *diag)
{
	for (size_t i = 0; i < proposal->card_count; i++) {
		const struct proposed_card card = proposal->cards[i];
		char refusal[REFUSAL_STR], cure[CURE_STR];
		const struct pci_dev *mine;
		struct pci_dev *dev;
		size_t at = 0;

		if (proposal_group_is_held(proposal, &card, refusal)) {
			proposal_cure(proposal, &card, cure);
			return diag_set(diag, -EPERM, NULL, 0, "%s; %s", refusal, cure);
		}
		while ((dev = proposal_companion(proposal, &card, &at, &mine)))
			if (add_card(proposal, dev, CARD_GROUP, mine) < 0)
				return out_of_memory(diag);
	}
	return 0;
}

/* --- the choice ------------------------------------------------------------------------------- */

/* Displays of a board's management controller are no card that a guest wants. */
static bool is_management(const struct pci_dev *dev)
{
	return dev->vendor == VENDOR_ASPEED || dev->vendor == VENDOR_MATROX;
}

static bool has_virtual_functions(const struct proposal *proposal, const struct pci_dev *dev)
{
	char path[PCI_ATTR_STR];

	return root_exists(proposal->root, pci_attr_path(&dev->addr, "virtfn0", path));
}

static bool is_candidate(const struct proposal *proposal, const struct pci_dev *dev)
{
	return dev->identified && pci_base_class(dev) == CLASS_DISPLAY && !is_management(dev) &&
	       !has_virtual_functions(proposal, dev) &&
	       !(proposal->display && device_same_card(proposal->root, proposal->display, dev));
}

/* The higher the better: a card in a slot, then one with the connectors of a display or none at all. */
static unsigned rank(const struct pci_dev *dev)
{
	unsigned class = dev->class >> 8;

	return (dev->path.hops > 0) * 2U + (class == CLASS_VGA || class == CLASS_3D);
}

static void tell_others(struct proposal *proposal, const struct pci_dev *chosen)
{
	char list[200] = "", addr[PCI_ADDR_STR];
	size_t at = 0;

	for (size_t i = 0; i < proposal->inv.count && at + 2 * PCI_ADDR_STR < sizeof(list); i++) {
		const struct pci_dev *dev = &proposal->inv.devs[i];
		struct proposed_card card = {.dev = &proposal->inv.devs[i]};
		char refusal[REFUSAL_STR];

		if (!is_candidate(proposal, dev) || device_same_card(proposal->root, chosen, dev))
			continue;
		if (!proposal_group_is_held(proposal, &card, refusal))
			at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", at ? ", " : "",
					       pci_addr_format(&dev->addr, addr));
	}
	if (at)
		remark(&proposal->remarks,
		       "%s would do as well as %s: --device names the one to take", list,
		       pci_addr_format(&chosen->addr, addr));
}

static int take_only_display(struct proposal *proposal, struct diag *diag)
{
	struct pci_dev *display = proposal->display;
	char addr[PCI_ADDR_STR];

	if (!display)
		return diag_set(diag, -EPERM, NULL, 0,
				"no display is in this machine; name what the guest gets with "
				"--device (vfio-device list shows what there is)");
	if (!proposal->wish->force)
		return diag_set(diag, -EPERM, NULL, 0,
				"%s is the only display of this machine, and the host boots on it; "
				"put in a second card, or switch the processor's own display on in "
				"the firmware setup; with --force it is given away, and from the "
				"next boot on the host has no screen: only network or a serial "
				"line then lead to it",
				pci_addr_format(&display->addr, addr));
	return add_card(proposal, display, CARD_ONLY, NULL) < 0 ? out_of_memory(diag) : 0;
}

static int pick(struct proposal *proposal, struct diag *diag)
{
	char first[REFUSAL_STR] = "", cure[CURE_STR] = "", refusal[REFUSAL_STR];
	struct pci_dev *best = NULL;
	bool blind = false;

	for (size_t i = 0; i < proposal->inv.count; i++) {
		struct pci_dev *dev = &proposal->inv.devs[i];
		const struct proposed_card card = {.dev = dev};

		if (!is_candidate(proposal, dev))
			continue;
		blind |= !proposal->display && dev->class >> 8 == CLASS_VGA;
		if (!proposal_group_is_held(proposal, &card, refusal)) {
			if (!best || rank(dev) > rank(best))
				best = dev;
		} else if (!first[0]) {
			memcpy(first, refusal, sizeof(first));
			proposal_cure(proposal, &card, cure);
		}
	}
	if (blind)
		return diag_set(diag, -EPERM, NULL, 0,
				"which display the host boots on cannot be told here; name the "
				"guest's card with --device (vfio-device list shows what there "
				"is)");
	if (!best && first[0])
		return diag_set(diag, -EPERM, NULL, 0, "no card can be given away: %s; %s", first,
				cure);
	if (!best)
		return take_only_display(proposal, diag);
	tell_others(proposal, best);
	return add_card(proposal, best, CARD_SPARE, proposal->display) < 0 ? out_of_memory(diag)
									   : 0;
}

static int take_named(struct proposal *proposal, struct diag *diag)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < proposal->wish->device_count; i++) {
		struct device_spec spec;
		struct pci_dev *dev;

		r = device_spec_parse(proposal->wish->devices[i], &spec, diag);
		if (r == 0)
			r = device_spec_find(proposal->root, &proposal->inv, &spec, &dev, diag);
		if (r == 0 && pci_base_class(dev) == CLASS_BRIDGE)
			r = diag_set(diag, -EPERM, NULL, 0,
				     "--device %s: this is a bridge; name the card behind it "
				     "(vfio-device list --tree)",
				     spec.text);
		if (r == 0 && add_card(proposal, dev, CARD_NAMED, NULL) < 0)
			r = out_of_memory(diag);
	}
	return r;
}

int propose_cards(struct proposal *proposal, struct diag *diag)
{
	int r = pci_scan(proposal->root, &proposal->inv);

	if (r == -ENOENT)
		return diag_set(diag, -EPERM, NULL, 0,
				"this machine has no PCI bus: there is no card to give away");
	if (r < 0)
		return diag_set(diag, r == -ENOMEM ? r : -EIO, "/sys/bus/pci/devices", 0,
				"cannot be read: %s", strerror(-r));
	/* What cannot be read has vanished meanwhile, and is no candidate. */
	for (size_t i = 0; i < proposal->inv.count; i++)
		if (pci_identify(proposal->root, &proposal->inv.devs[i]) == 0)
			(void)!pci_group(proposal->root, &proposal->inv.devs[i]);
	if (propose_groups(proposal) < 0)
		return out_of_memory(diag);
	if (display_boot(proposal->root, &proposal->inv, &proposal->display) == DISPLAY_NONE)
		proposal->display = NULL;
	r = proposal->wish->device_count ? take_named(proposal, diag) : pick(proposal, diag);
	return r < 0 ? r : add_companions(proposal, diag);
}
