// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/device-set-internal.h"
#include "early/resolve.h"

#define CLASS_NIC 0x02
#define CLASS_DISPLAY 0x03
#define CLASS_AUDIO 0x04
#define CLASS_NVME 0x0108
#define CLASS_USB 0x0c03

static int out_of_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* --- which section ---------------------------------------------------------------------------- */

static struct chosen *find_name(const struct chooser *chooser, const char *name)
{
	for (size_t i = 0; i < chooser->count; i++)
		if (!strcmp(chooser->items[i].name, name))
			return &chooser->items[i];
	return NULL;
}

/* Whether a section says where the card is, though that held another one before. */
static bool says_place(const struct chooser *chooser, const struct profile_device *section,
		       const struct pci_dev *card)
{
	if (device_is_virtual(chooser->root, card))
		return false;
	if (section->has_path)
		return pci_path_equal(&section->path, &card->path);
	return section->has_address && !pci_addr_cmp(&section->address, &card->addr);
}

/* What the card is to its guest: the display function of a slot speaks for its others. */
static const char *name_for(const struct chooser *chooser, const struct pci_dev *card)
{
	struct pci_dev *first;
	size_t count = card ? pci_slot(&chooser->inv, &card->addr, &first) : 0;

	for (size_t i = 0; i < count; i++)
		if (device_same_card(chooser->root, card, &first[i]) &&
		    !pci_identify(chooser->root, &first[i]) &&
		    pci_base_class(&first[i]) == CLASS_DISPLAY)
			return "guest-gpu";
	if (!card)
		return "guest-device";
	if (card->class >> 8 == CLASS_NVME)
		return "guest-nvme";
	if (card->class >> 8 == CLASS_USB)
		return "guest-usb";
	if (pci_base_class(card) == CLASS_AUDIO)
		return "guest-audio";
	return pci_base_class(card) == CLASS_NIC ? "guest-nic" : "guest-device";
}

static struct chosen *new_section(struct chooser *chooser, const char *given_name,
				  const struct pci_dev *card)
{
	struct chosen *item = &chooser->items[chooser->count];
	const char *name = *given_name ? given_name : name_for(chooser, card);

	*item = (struct chosen){.is_old = false};
	snprintf(item->name, sizeof(item->name), "%s", name);
	for (unsigned n = 2; find_name(chooser, item->name); n++)
		snprintf(item->name, sizeof(item->name), "%.40s-%u", name, n);
	chooser->count++;
	return item;
}

/* The section that a SPEC means: of its name, of its card, or a new one. */
static int pick(struct chooser *chooser, const struct device_spec *spec, const struct pci_dev *card,
		struct chosen **ret)
{
	struct chosen *named = *spec->name ? find_name(chooser, spec->name) : NULL;
	struct chosen *placed = NULL;

	for (size_t i = 0; i < chooser->count && !placed; i++)
		if (chooser->live ? device_is_of(chooser, &chooser->items[i], card)
				  : device_is_at(&chooser->items[i].section, spec))
			placed = &chooser->items[i];
	for (size_t i = 0; i < chooser->count && chooser->live && !placed; i++)
		if (says_place(chooser, &chooser->items[i].section, card))
			placed = &chooser->items[i];
	if (named && placed && named != placed)
		return device_refuse(chooser, spec->text, claim_reason_word(CLAIM_CONFLICT),
				     "this card is [device %s]; take that out first "
				     "(vfio-bootcfg unset device:%s)",
				     placed->name, placed->name);
	if (placed && *spec->name && !named)
		remark(chooser->remarks,
		       "--device %s: this card is [device %s] already, and keeps that name",
		       spec->text, placed->name);
	if (placed && !named)
		named = placed;
	if (named && named->given)
		return diag_set(chooser->diag, -EINVAL, NULL, 0,
				"--device %s and --device %s both mean [device %s]", named->given,
				spec->text, named->name);
	*ret = named ? named : new_section(chooser, spec->name, card);
	return 0;
}

/* --- all -------------------------------------------------------------------------------------- */

static int add_spec(struct chooser *chooser, const char *text)
{
	struct device_spec spec;
	struct pci_dev *card = NULL;
	struct chosen *item = NULL;
	int r = device_spec_parse(text, &spec, chooser->diag);

	if (r < 0)
		return r;
	if (chooser->live)
		r = device_spec_find(chooser->root, &chooser->inv, &spec, &card, chooser->diag);
	else if (!spec.has_id)
		r = diag_set(chooser->diag, -EINVAL, NULL, 0,
			     "--device %s: in an image nothing tells which card this will be; add "
			     "its id: %s@VENDOR:DEVICE",
			     text, text);
	if (r == 0)
		r = pick(chooser, &spec, card, &item);
	if (r < 0)
		return r;
	item->given = text;
	r = chooser->live ? device_record_card(chooser, item, card)
			  : device_record_given(chooser, item, &spec);
	return r == -ENOMEM ? out_of_memory(chooser->diag) : r;
}

/* The cards that the sections of the profile mean now. */
static int find_cards(struct chooser *chooser)
{
	_cleanup_plan_ struct claim_plan plan = {.count = 0};

	if (claim_resolve(chooser->root, chooser->profile, &chooser->inv, RESOLVE_GUEST, &plan) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < plan.count; i++) {
		struct chosen *item =
			&chooser->items[plan.targets[i].section - chooser->profile->devices];

		if (!item->card)
			item->card = plan.targets[i].dev;
	}
	return 0;
}

static int look_at_machine(struct chooser *chooser)
{
	int r = pci_scan(chooser->root, &chooser->inv);

	if (r == -ENOENT)
		return diag_set(chooser->diag, -EPERM, NULL, 0,
				"--device: this machine has no PCI bus");
	if (r < 0)
		return diag_set(chooser->diag, r == -ENOMEM ? r : -EIO, "/sys/bus/pci/devices", 0,
				"cannot be read: %s", strerror(-r));
	return find_cards(chooser) < 0 ? out_of_memory(chooser->diag) : 0;
}

static void chooser_free(struct chooser *chooser)
{
	pci_inventory_free(&chooser->inv);
	free(chooser->items);
}

int device_set_specs(const struct root *root, const struct device_specs *specs,
		     const struct profile *profile, struct profile_sets *sets, size_t *ret_devices,
		     struct remarks *remarks, struct diag *diag)
{
	_cleanup_(chooser_free) struct chooser chooser = {
		.root = root,
		.profile = profile,
		.force = specs->force,
		.live = root_has_kernel(root),
		.sets = sets,
		.remarks = remarks,
		.diag = diag,
	};
	size_t given = specs->count;
	int r = 0;

	chooser.items = calloc(profile->device_count + given + 1, sizeof(*chooser.items));
	if (!chooser.items)
		return out_of_memory(diag);
	for (; chooser.count < profile->device_count; chooser.count++) {
		struct chosen *item = &chooser.items[chooser.count];

		*item = (struct chosen){.section = profile->devices[chooser.count], .is_old = true};
		snprintf(item->name, sizeof(item->name), "%s", item->section.name);
	}
	if (given && chooser.live)
		r = look_at_machine(&chooser);
	for (size_t i = 0; r == 0 && i < given; i++)
		r = add_spec(&chooser, specs->items[i]);
	if (r == 0 && given && chooser.live)
		r = device_check_all(&chooser);
	if (r == -ENOMEM)
		return out_of_memory(diag);
	if (r == 0)
		*ret_devices = chooser.count;
	return r;
}

int device_set_all(const struct cmd_call *call, const struct profile *profile,
		   struct profile_sets *sets, size_t *ret_devices, struct remarks *remarks,
		   struct diag *diag)
{
	_cleanup_free_ const char **items = NULL;
	struct device_specs specs = {.force = cmd_has(call, "force")};

	while (cmd_value(call, "device", specs.count))
		specs.count++;
	specs.items = items = calloc(specs.count + 1, sizeof(*items));
	if (!items)
		return out_of_memory(diag);
	for (size_t i = 0; i < specs.count; i++)
		items[i] = cmd_value(call, "device", i);
	return device_set_specs(&call->root, &specs, profile, sets, ret_devices, remarks, diag);
}
