// SPDX-License-Identifier: GPL-2.0-or-later
/* What a section says of its card, so that it will be known again. */
#include <string.h>
#include <strings.h>

#include "bootcfg/device-set-internal.h"

bool device_is_of(const struct chooser *chooser, const struct chosen *item,
		  const struct pci_dev *dev)
{
	uint8_t functions = item->section.functions;

	/* A section for many cards is of none. */
	return item->card && !item->section.match_all &&
	       device_same_card(chooser->root, item->card, dev) &&
	       (!functions || functions & 1 << dev->addr.fn);
}

bool device_is_at(const struct profile_device *section, const struct device_spec *spec)
{
	switch (spec->where) {
	case SPEC_PATH:
		return section->has_path && pci_path_equal(&section->path, &spec->path);
	case SPEC_ID:
		return !section->has_path && !section->has_address && !section->match_all &&
		       section->vendor == spec->vendor && section->device == spec->device;
	default:
		return section->has_address && !pci_addr_cmp(&section->address, &spec->address);
	}
}

/* --- single keys ------------------------------------------------------------------------------ */

static const struct profile_entry *old_entry(const struct chooser *chooser,
					     const struct chosen *item, const char *key)
{
	return item->is_old ? profile_get(chooser->profile, "device", item->name, key) : NULL;
}

/* Hex digits may be large or small. */
static int put(struct chooser *chooser, const struct chosen *item, const char *key,
	       const char *value)
{
	const struct profile_entry *entry = old_entry(chooser, item, key);

	if (entry && !strcasecmp(entry->value, value))
		return 0;
	return profile_sets_add(chooser->sets, "device", item->name, key, value);
}

static int take(struct chooser *chooser, const struct chosen *item, const char *key)
{
	if (!old_entry(chooser, item, key))
		return 0;
	return profile_sets_add(chooser->sets, "device", item->name, key, NULL);
}

static int put_path(struct chooser *chooser, struct chosen *item, const struct pci_path *path)
{
	const struct profile_entry *entry = old_entry(chooser, item, "path");
	char text[PCI_PATH_STR];
	struct pci_path old;

	item->section.has_path = true;
	item->section.path = *path;
	if (entry && !pci_path_parse(entry->value, &old) && pci_path_equal(&old, path))
		return 0;
	return put(chooser, item, "path", pci_path_format(path, text));
}

static int put_address(struct chooser *chooser, struct chosen *item, const struct pci_addr *addr)
{
	const struct profile_entry *entry = old_entry(chooser, item, "address");
	char text[PCI_ADDR_STR];
	struct pci_addr old;

	item->section.has_address = true;
	item->section.address = *addr;
	if (entry && !pci_addr_parse(entry->value, &old) && !pci_addr_cmp(&old, addr))
		return 0;
	return put(chooser, item, "address", pci_addr_format(addr, text));
}

static int put_ids(struct chooser *chooser, const struct chosen *item, const char *key,
		   uint16_t vendor, uint16_t device)
{
	char text[16];

	snprintf(text, sizeof(text), "%04x:%04x", vendor, device);
	return put(chooser, item, key, text);
}

/* What was said, and decided, of another card is not so of this one. The name's own wishes stay. */
static int forget_decisions(struct chooser *chooser, struct chosen *item)
{
	struct profile_device *section = &item->section;

	*section = (struct profile_device){.name = section->name,
					   .file = section->file,
					   .line = section->line,
					   .claim_guest = section->claim_guest};
	return take(chooser, item, "functions") < 0 || take(chooser, item, "match") < 0 ? -ENOMEM
											: 0;
}

/* --- a card of this machine ------------------------------------------------------------------- */

static int put_place(struct chooser *chooser, struct chosen *item)
{
	const struct pci_dev *card = item->card;
	size_t count;
	int r;

	/* Of several functions with one path only the address tells a virtual one. */
	(void)pci_find_path(&chooser->inv, &card->path, &count);
	if (count > 1 && device_is_virtual(chooser->root, card)) {
		item->section.has_path = false;
		r = take(chooser, item, "path");
	} else {
		r = put_path(chooser, item, &card->path);
	}
	return r;
}

static int put_fingerprint(struct chooser *chooser, struct chosen *item)
{
	const struct pci_dev *card = item->card;
	struct profile_device *section = &item->section;
	char text[16];
	int r = put_ids(chooser, item, "id", card->vendor, card->device);

	section->vendor = card->vendor;
	section->device = card->device;
	/* Six digits by hand say more than four. */
	if (r == 0 &&
	    !(section->has_class && section->class_digits == 6 && section->class == card->class)) {
		section->has_class = true;
		section->class = card->class >> 8;
		section->class_digits = 4;
		snprintf(text, sizeof(text), "%04x", section->class);
		r = put(chooser, item, "class", text);
	}
	section->has_subsystem = card->subvendor || card->subdevice;
	section->subvendor = card->subvendor;
	section->subdevice = card->subdevice;
	if (r < 0)
		return r;
	return section->has_subsystem
		       ? put_ids(chooser, item, "subsystem", card->subvendor, card->subdevice)
		       : take(chooser, item, "subsystem");
}

static bool has_twin(const struct chooser *chooser, const struct pci_dev *card)
{
	for (size_t i = 0; i < chooser->inv.count; i++) {
		struct pci_dev *dev = &chooser->inv.devs[i];

		if (!pci_identify(chooser->root, dev) && dev->vendor == card->vendor &&
		    dev->device == card->device && !device_same_card(chooser->root, card, dev))
			return true;
	}
	return false;
}

/*
 * With a twin about, a card that is not in its place may be gone, and the twin, which the host keeps,
 * would be taken for it.
 */
static int put_moved(struct chooser *chooser, struct chosen *item, bool same)
{
	const struct profile_entry *entry = old_entry(chooser, item, "moved");
	bool was_claim = entry && !strcmp(entry->value, "claim");

	item->section.moved_claim = false;
	if (has_twin(chooser, item->card)) {
		if (was_claim)
			remark(chooser->remarks,
			       "[device %s]: moved = claim is taken out, since another card of "
			       "this machine is %04x:%04x too",
			       item->name, item->card->vendor, item->card->device);
		return was_claim ? take(chooser, item, "moved") : 0;
	}
	/* `moved = refuse` by hand is a decision. */
	if (same && entry && !was_claim)
		return 0;
	item->section.moved_claim = true;
	return put(chooser, item, "moved", "claim");
}

static int put_allowed(struct chooser *chooser, struct chosen *item, bool same)
{
	struct device_needs needs = {.storage = false};
	int r = device_check(chooser, item, &needs);

	if (r < 0)
		return r;
	if (needs.boot_display)
		r = put(chooser, item, "allow-boot-display", "yes");
	else if (!same)
		r = take(chooser, item, "allow-boot-display");
	if (r == 0 && needs.storage)
		r = put(chooser, item, "allow-storage", "yes");
	else if (r == 0 && !same)
		r = take(chooser, item, "allow-storage");
	item->section.allow_boot_display |= needs.boot_display;
	item->section.allow_storage |= needs.storage;
	return r;
}

int device_record_card(struct chooser *chooser, struct chosen *item, struct pci_dev *card)
{
	bool same = item->is_old && device_is_of(chooser, item, card);
	int r = 0;

	item->card = card;
	if (!same)
		r = forget_decisions(chooser, item);
	if (r == 0)
		r = put_place(chooser, item);
	if (r == 0)
		r = put_fingerprint(chooser, item);
	if (r == 0)
		r = put_address(chooser, item, &card->addr);
	if (r == 0)
		r = put_moved(chooser, item, same);
	return r < 0 ? r : put_allowed(chooser, item, same);
}

/* --- of an image ------------------------------------------------------------------------------ */

int device_record_given(struct chooser *chooser, struct chosen *item,
			const struct device_spec *spec)
{
	static const char *const others[] = {"class", "subsystem", "moved", "allow-storage",
					     "allow-boot-display"};
	struct profile_device *section = &item->section;
	int r;

	if (item->is_old && section->vendor == spec->vendor && section->device == spec->device &&
	    device_is_at(section, spec))
		return 0;
	r = forget_decisions(chooser, item);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(others); i++)
		r = take(chooser, item, others[i]);
	section->vendor = spec->vendor;
	section->device = spec->device;
	if (r == 0)
		r = spec->where == SPEC_PATH ? put_path(chooser, item, &spec->path)
					     : take(chooser, item, "path");
	if (r == 0)
		r = put_ids(chooser, item, "id", spec->vendor, spec->device);
	if (r < 0)
		return r;
	return spec->where == SPEC_ADDRESS || spec->where == SPEC_SLOT
		       ? put_address(chooser, item, &spec->address)
		       : take(chooser, item, "address");
}
