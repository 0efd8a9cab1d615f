// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What becomes of each card when the default entry boots. What early will look at is asked of early's own
 * code, on this machine as it is now; what the next boot changes (the IOMMU, what was given back) is
 * taken as it will be.
 */
#include <stdarg.h>
#include <string.h>

#include "bootcfg/check.h"
#include "early/resolve.h"

struct check_card *check_card_add(struct check *check, const char *name, enum check_will will,
				  const char *reason, const char *format, ...)
{
	struct check_card *cards =
		reallocarray(check->cards, check->card_count + 1, sizeof(*cards));
	struct check_card *card;
	va_list args;
	int r;

	if (!cards)
		return NULL;
	check->cards = cards;
	card = &cards[check->card_count];
	*card = (struct check_card){.name = name, .will = will, .reason = reason};
	va_start(args, format);
	r = vasprintf(&card->text, format, args);
	va_end(args);
	if (r < 0)
		return NULL;
	text_clean(card->text);
	check->card_count++;
	return card;
}

int check_card_address(struct check_card *card, const struct pci_addr *address)
{
	struct pci_addr *more =
		reallocarray(card->addresses, card->address_count + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	card->addresses = more;
	more[card->address_count++] = *address;
	return 0;
}

/* --- without a look at the machine ------------------------------------------------------------- */

static int add_all(struct check *check, enum check_will will, const char *reason, const char *text)
{
	const struct profile *profile = &check->status.profile;

	for (size_t i = 0; i < profile->device_count; i++) {
		const struct profile_device *device = &profile->devices[i];
		bool guest = device->claim_guest;

		if (!check_card_add(check, device->name, guest ? WILL_NOT : will,
				    guest ? claim_reason_word(CLAIM_GUEST_ONLY) : reason, "%s%s%s",
				    guest ? "[device " : text, guest ? device->name : "",
				    guest ? "] has claim = guest: it is taken when its guest starts"
					  : ""))
			return -ENOMEM;
	}
	return 0;
}

/* What of the entry keeps all cards with the host, or NULL. */
static const struct problem *entry_stop(const struct check *check, const struct check_entry *entry)
{
	const struct problem *stop = problems_stop(&entry->problems);

	if (!stop && entry->image != NO_IMAGE)
		stop = problems_stop(&check->images[entry->image].problems);
	return stop;
}

/* --- the IOMMU in the next boot ---------------------------------------------------------------- */

struct next {
	const struct root *root;
	struct check *check;
	const struct check_entry *entry;
	enum check_iommu running;
	int firmware; /* as check_firmware_iommu() */
	enum cpu_vendor vendor;
};

/* Why a card that has no group now will have none, into text; WILL: it will have one. */
static enum check_will group_in_next(const struct next *next, const char *addr,
				     char text[static CLAIM_TEXT])
{
	const char *name = next->vendor == CPU_AMD     ? "AMD-Vi (IOMMU)"
			   : next->vendor == CPU_INTEL ? "VT-d"
						       : "VT-d or AMD-Vi";

	if (next->firmware == 0) {
		snprintf(text, CLAIM_TEXT,
			 "%s will have no IOMMU group: the firmware describes no IOMMU (no DMAR or "
			 "IVRS in /sys/firmware/acpi/tables): switch %s on in the firmware setup",
			 addr, name);
		return WILL_NOT;
	}
	if (next->entry->iommu != IOMMU_ON) {
		snprintf(text, CLAIM_TEXT,
			 "%s will have no IOMMU group: nothing on the command line of %s switches "
			 "the "
			 "IOMMU on: `vfio-bootcfg set --iommu pt`",
			 addr, next->entry->status->line->file);
		return WILL_NOT;
	}
	if (next->running == IOMMU_ON) {
		snprintf(
			text, CLAIM_TEXT,
			"%s has no IOMMU group, though the running command line switches the IOMMU "
			"on: switch %s on in the firmware setup; where it is on, `journalctl -k` "
			"says why "
			"this kernel does not use it",
			addr, name);
		return WILL_NOT;
	}
	if (next->firmware < 0) {
		snprintf(text, CLAIM_TEXT,
			 "%s has no IOMMU group in this boot; the next one switches the IOMMU on, "
			 "and "
			 "whether %s is on in the firmware setup cannot be seen",
			 addr, name);
		return WILL_UNKNOWN;
	}
	snprintf(text, CLAIM_TEXT, "%s gets its IOMMU group in the next boot", addr);
	return WILL;
}

/* And of one that has: the next boot may be without. */
static enum check_will loses_group(const struct next *next, const char *addr,
				   char text[static CLAIM_TEXT])
{
	if (next->entry->iommu != IOMMU_AS_BUILT || next->running != IOMMU_ON ||
	    next->vendor == CPU_AMD)
		return WILL;
	snprintf(
		text, CLAIM_TEXT,
		"%s has its IOMMU group by what the running command line says, and that of %s says "
		"nothing of the IOMMU: `vfio-bootcfg set --iommu pt`",
		addr, next->entry->status->line->file);
	return WILL_NOT;
}

/* --- one section ------------------------------------------------------------------------------- */

/* The target that tells why a section is not taken; else its first. */
static const struct claim_target *telling(const struct claim_target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (targets[i].reason != CLAIM_OK && targets[i].reason != CLAIM_SIBLING)
			return &targets[i];
	return targets;
}

static int add_section(const struct next *next, const struct claim_target *targets, size_t count)
{
	const struct claim_target *target = telling(targets, count);
	enum check_will will = target->reason == CLAIM_OK ? WILL : WILL_NOT;
	const char *reason = claim_reason_word(target->reason);
	char text[CLAIM_TEXT], addr[PCI_ADDR_STR];
	struct check_card *card;

	snprintf(text, sizeof(text), "%s", target->text);
	for (size_t i = 0; will == WILL && i < count; i++) {
		char said[CLAIM_TEXT] = "";

		pci_addr_format(&targets[i].dev->addr, addr);
		will = targets[i].dev->group == PCI_GROUP_NONE ? group_in_next(next, addr, said)
							       : loses_group(next, addr, said);
		/* Of a yes the first function tells. */
		if (*said && (will != WILL || !*text))
			strcpy(text, said);
		if (will != WILL)
			reason = claim_reason_word(CLAIM_NO_IOMMU_GROUP);
	}
	card = check_card_add(next->check, target->section->name, will, reason, "%s", text);
	if (!card)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (targets[i].dev && check_card_address(card, &targets[i].dev->addr) < 0)
			return -ENOMEM;
	return 0;
}

int check_cards(const struct root *root, struct check *check, const struct check_entry *entry)
{
	const struct host *host = &check->status.host;
	const struct problem *stop =
		entry ? entry_stop(check, entry) : problems_stop(&check->problems);
	_cleanup_inventory_ struct pci_inventory inv = {.count = 0};
	_cleanup_plan_ struct claim_plan plan = {.count = 0};
	struct next next = {.root = root, .check = check, .entry = entry};
	int r;

	if (stop)
		return add_all(check, WILL_NOT, problem_word(stop->reason), stop->text);
	if (!entry)
		return 0; /* without a profile nothing is asked */
	if (!root_has_kernel(root))
		return add_all(check, WILL_UNKNOWN, "image",
			       "which cards the machine has cannot be told in an image");
	r = pci_scan(root, &inv);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return add_all(check, WILL_NOT, claim_reason_word(CLAIM_NOT_FOUND),
			       "this machine has no PCI bus (/sys/bus/pci): take the [device] "
			       "sections out "
			       "of the profile");
	next.running = host->cmdline ? check_iommu_of(root, host, host->cmdline) : IOMMU_AS_BUILT;
	next.firmware = check_firmware_iommu(root, host, &next.vendor);
	r = claim_resolve(root, &check->status.profile, &inv, RESOLVE_RELEASED | RESOLVE_NO_GROUP,
			  &plan);
	for (size_t i = 0, count; r == 0 && i < plan.count; i += count) {
		count = 1;
		while (i + count < plan.count &&
		       plan.targets[i + count].section == plan.targets[i].section)
			count++;
		r = add_section(&next, &plan.targets[i], count);
	}
	return r < 0 ? r : check_groups(root, check, entry, &inv, &plan);
}
