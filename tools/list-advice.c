// SPDX-License-Identifier: GPL-2.0-or-later
/* What to do about a card that shares its IOMMU group with what the host needs. */
#include <string.h>

#include "tools/list.h"

#define CLASS_DISPLAY 0x03
#define CLASS_STORAGE 0x01

/* A card is the functions of a slot: they go together. */
struct card {
	const struct list *list;
	size_t first, count;
};

static bool is_of(const struct card *card, size_t index)
{
	return index >= card->first && index < card->first + card->count;
}

static bool stands_in_the_way(const struct card *card, size_t index)
{
	const struct list *list = card->list;

	if (is_of(card, index) || list_is_harmless(list, &list->devices[index]))
		return false;
	for (size_t i = card->first; i < card->first + card->count; i++)
		if (list_same_group(list, &list->devices[i], &list->devices[index]))
			return true;
	return false;
}

/* The same of a prediction. */
static bool is_viable(void *data, const struct acs_member *members)
{
	const struct card *card = data;
	const struct list *list = card->list;

	for (size_t i = 0; i < list->count; i++) {
		if (is_of(card, i) || members[i].group == ACS_NONE ||
		    list_is_harmless(list, &list->devices[i]))
			continue;
		for (size_t j = card->first; j < card->first + card->count; j++)
			if (members[i].group == members[j].group)
				return false;
	}
	return true;
}

/* --- who else --------------------------------------------------------------------------------- */

static const struct list_child *find_mounted(const struct list_device *device)
{
	for (size_t i = 0; i < device->child_count; i++)
		if (device->children[i].mount_count)
			return &device->children[i];
	return NULL;
}

static size_t first_of_slot(const struct list *list, size_t index)
{
	while (index > 0 && pci_addr_same_slot(&list->devices[index - 1].dev->addr,
					       &list->devices[index].dev->addr))
		index--;
	return index;
}

static size_t count_slot(const struct list *list, size_t first)
{
	size_t end = first + 1;

	while (end < list->count &&
	       pci_addr_same_slot(&list->devices[first].dev->addr, &list->devices[end].dev->addr))
		end++;
	return end - first;
}

/* False, with the reason, where the host needs a function. */
static bool can_leave(const struct list_device *device, char *why, size_t size)
{
	const struct list_child *disk = find_mounted(device);

	if (device->boot_display)
		snprintf(why, size, "the boot display");
	else if (disk)
		snprintf(why, size, "its disk %.20s is in use: %.40s", disk->name, disk->mounts[0]);
	else if (!list_is_card(device))
		snprintf(why, size, "a part of the host itself");
	else
		return true;
	return false;
}

/* Functions of one slot are one card. */
static void judge(const struct list *list, struct list_other *other)
{
	const struct list_device *device = other->device;
	size_t first = first_of_slot(list, (size_t)(device - list->devices));
	char address[PCI_ADDR_STR], why[sizeof(other->why)];

	if (!can_leave(device, other->why, sizeof(other->why)))
		return;
	for (size_t i = first; i < first + count_slot(list, first); i++) {
		if (can_leave(&list->devices[i], why, sizeof(why)) ||
		    list_is_harmless(list, &list->devices[i]))
			continue;
		snprintf(other->why, sizeof(other->why), "one card with %s",
			 pci_addr_format(&list->devices[i].dev->addr, address));
		return;
	}
	other->could_come = true;
	if (pci_base_class(device->dev) == CLASS_STORAGE)
		snprintf(other->why, sizeof(other->why), "with its disks");
	else if (device->child_count)
		snprintf(other->why, sizeof(other->why), "with what hangs on it: %.60s",
			 device->children[0].model);
}

static int add_others(const struct card *card, struct list_advice *advice)
{
	for (size_t i = 0; i < card->list->count; i++) {
		struct list_other *others;

		if (!stands_in_the_way(card, i))
			continue;
		others = reallocarray(advice->others, advice->other_count + 1, sizeof(*others));
		if (!others)
			return -ENOMEM;
		advice->others = others;
		others += advice->other_count++;
		*others = (struct list_other){.device = &card->list->devices[i]};
		judge(card->list, others);
	}
	return 0;
}

/* The reason of one of its functions, but not that they are beside each other. */
static void explain(const struct card *card, struct list_advice *advice)
{
	const struct list_prediction *p = &card->list->prediction;

	for (size_t i = card->first; p->members && i < card->first + card->count; i++) {
		const struct acs_member *member = &p->members[i];

		if (member->reason == ACS_ALONE || is_of(card, member->by) ||
		    !list_is_explained(card->list, &card->list->devices[i]))
			continue;
		acs_text(&p->machine, member, advice->why);
		return;
	}
}

/* --- another slot ----------------------------------------------------------------------------- */

static bool is_below(const struct acs_machine *machine, size_t index, size_t port)
{
	while (index != ACS_NONE && index != port)
		index = machine->functions[index].parent;
	return index == port;
}

/*
 * Would the card be on its own behind this port? One that does not isolate is no better where something is in
 * it: that would have to go where the card is now.
 */
static bool would_do(const struct card *card, size_t port, bool holds)
{
	const struct list *list = card->list;
	const struct list_prediction *p = &list->prediction;

	if (acs_weak_link(&p->machine, &p->view, port) == ACS_NONE)
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (p->members[i].group == p->members[port].group && !is_of(card, i) &&
		    !is_below(&p->machine, i, port) && !list_is_harmless(list, &list->devices[i]))
			return false;
	return !holds;
}

static const struct list_device *find_held(const struct card *card, size_t port)
{
	const struct list *list = card->list;

	for (size_t i = 0; i < list->count; i++)
		if (i != port && is_below(&list->prediction.machine, i, port) &&
		    list_is_card(&list->devices[i]))
			return &list->devices[i];
	return NULL;
}

/* Empty slots first, then the others, each in the order of addresses. */
static void add_slots(const struct card *card, struct list_advice *advice)
{
	const struct list *list = card->list;
	const struct acs_machine *machine = &list->prediction.machine;

	for (int held = 0; list->prediction.members && held <= 1; held++) {
		for (size_t i = 0; i < list->count && advice->slot_count < LIST_SLOTS; i++) {
			const struct acs_config *config = &machine->functions[i].config;
			const struct list_device *holds;

			if (!acs_is_port(&machine->functions[i]) || !config->slot ||
			    is_below(machine, card->first, i))
				continue;
			holds = find_held(card, i);
			if (!!holds != held || !would_do(card, i, holds))
				continue;
			advice->slots[advice->slot_count++] =
				(struct list_slot){&list->devices[i], holds, config->width};
		}
	}
}

/* --- all of it -------------------------------------------------------------------------------- */

static int advise(struct card *card, struct list_advice *advice)
{
	const struct list_prediction *p = &card->list->prediction;
	int r = add_others(card, advice);

	if (r < 0)
		return r;
	explain(card, advice);
	add_slots(card, advice);
	if (!p->members)
		return 0;
	r = acs_least_override(&p->machine, is_viable, card, &advice->override);
	if (r == -ENOMEM)
		return r;
	advice->has_override = r >= 0;
	if (advice->has_override)
		advice->reach = acs_override_reach(&p->machine, &advice->override);
	return 0;
}

/* A bridge is no card; nor is what the host boots on, unless the profile wants it. */
static bool is_wanted(const struct card *card, bool all)
{
	bool wanted = false;

	for (size_t i = card->first; i < card->first + card->count; i++) {
		const struct list_device *device = &card->list->devices[i];

		if (!device->section && (device->boot_display || find_mounted(device)))
			return false;
		if (device->section ||
		    (list_is_card(device) && (all || pci_base_class(device->dev) == CLASS_DISPLAY)))
			wanted = true;
	}
	return wanted;
}

static bool is_alone(const struct card *card)
{
	for (size_t i = 0; i < card->list->count; i++)
		if (stands_in_the_way(card, i))
			return false;
	return true;
}

const char *list_obstacle(const struct list *list, const struct list_device *device)
{
	struct card card = {list, (size_t)(device - list->devices), 1};

	if (!list_is_card(device) || device->claimed)
		return "";
	/* What early would say of it comes first. */
	if (device->reason)
		return device->reason;
	if (device->boot_display)
		return claim_reason_word(CLAIM_BOOT_DISPLAY);
	if (find_mounted(device))
		return claim_reason_word(CLAIM_DISK_IN_USE);
	if (list->has_groups && device->dev->group < 0)
		return claim_reason_word(CLAIM_NO_IOMMU_GROUP);
	while (card.first > 0 &&
	       pci_addr_same_slot(&list->devices[card.first - 1].dev->addr, &device->dev->addr))
		card.first--;
	card.count = count_slot(list, card.first);
	return is_alone(&card) ? "" : claim_reason_word(CLAIM_GROUP);
}

int list_advise(const struct list *list, bool all, struct list_advice **ret, size_t *ret_count)
{
	struct list_advice *advice = NULL;
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < list->count; i += count_slot(list, i)) {
		struct card card = {list, i, count_slot(list, i)};
		struct list_advice *more;

		if (!is_wanted(&card, all) || is_alone(&card))
			continue;
		more = reallocarray(advice, count + 1, sizeof(*advice));
		if (!more) {
			r = -ENOMEM;
			break;
		}
		advice = more;
		advice[count] =
			(struct list_advice){.first = &list->devices[i], .count = card.count};
		r = advise(&card, &advice[count++]);
	}
	if (r < 0) {
		list_advice_free(advice, count);
		return r;
	}
	*ret = advice;
	*ret_count = count;
	return 0;
}

void list_advice_free(struct list_advice *advice, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(advice[i].others);
	free(advice);
}
