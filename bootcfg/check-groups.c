// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What else is in the IOMMU group of a card: it is claimed all the same, but the kernel opens no group to a
 * guest in which a driver of the host does DMA (Documentation/driver-api/vfio.rst).
 */
#include <string.h>

#include "bootcfg/check.h"
#include "early/text.h"

struct sharing {
	const struct root *root;
	const struct pci_inventory *inv;
	const struct claim_plan *plan;
	const struct acs_member *members; /* as predicted; NULL: the groups are those of now */
};

static bool same_group(const struct sharing *sharing, const struct pci_dev *a,
		       const struct pci_dev *b)
{
	const struct pci_dev *devs = sharing->inv->devs;

	if (!sharing->members)
		return a->group >= 0 && a->group == b->group;
	return sharing->members[a - devs].group != ACS_NONE &&
	       sharing->members[a - devs].group == sharing->members[b - devs].group;
}

/* Whether a guest gets it; of a card that is taken when its guest starts the plan names one function. */
static bool is_given(const struct sharing *sharing, const struct pci_dev *dev)
{
	for (size_t i = 0; i < sharing->plan->count; i++) {
		const struct claim_target *target = &sharing->plan->targets[i];

		if (target->dev == dev && target->reason == CLAIM_OK)
			return true;
		if (target->dev && target->reason == CLAIM_GUEST_ONLY &&
		    pci_addr_same_slot(&target->dev->addr, &dev->addr))
			return true;
	}
	return false;
}

/* As vfio-early has it: these do no DMA of their own (driver_managed_dma in the kernel). */
static bool is_harmless(const char *driver)
{
	return !*driver || !strcmp(driver, "vfio-pci") || !strcmp(driver, "pcieport") ||
	       !strcmp(driver, "pci-stub");
}

static int check_function(const struct sharing *sharing, struct check *check,
			  const struct claim_target *target)
{
	const struct pci_inventory *inv = sharing->inv;
	char addr[PCI_ADDR_STR], driver[PCI_DRIVER_STR];
	_cleanup_text_ struct text others = {.data = NULL};

	for (size_t i = 0; i < inv->count; i++) {
		const struct pci_dev *other = &inv->devs[i];

		if (!same_group(sharing, target->dev, other) || is_given(sharing, other) ||
		    pci_driver(sharing->root, &other->addr, driver) < 0 || is_harmless(driver))
			continue;
		text_add(&others, "%s%s (%s)", others.size ? ", " : "",
			 pci_addr_format(&other->addr, addr), driver);
	}
	if (others.error)
		return others.error;
	if (others.size)
		remark(&check->notes,
		       "[device %s]: %s %s IOMMU group with %s%s: no guest starts with it while "
		       "the "
		       "host uses that; `vfio-device list` says what would help",
		       target->section->name, pci_addr_format(&target->dev->addr, addr),
		       sharing->members ? "will share its" : "shares its", others.data,
		       sharing->members ? " (predicted from configuration space)" : "");
	return 0;
}

/* One note for all functions of a card that are in one group. */
static int check_all(const struct sharing *sharing, struct check *check)
{
	const struct claim_target *targets = sharing->plan->targets;
	int r = 0;

	for (size_t i = 0, j; r == 0 && i < sharing->plan->count; i++) {
		if (!targets[i].dev || !is_given(sharing, targets[i].dev))
			continue;
		for (j = 0; j < i; j++)
			if (targets[j].dev && targets[j].section == targets[i].section &&
			    same_group(sharing, targets[j].dev, targets[i].dev))
				break;
		if (j == i)
			r = check_function(sharing, check, &targets[i]);
	}
	return r;
}

/* The override that an entry asks of a kernel which may know it; none otherwise. */
static void next_override(const struct check *check, const struct check_entry *entry,
			  struct acs_override *ret)
{
	char version[KERNEL_VERSION_STR];
	const struct host_kernel kernel = {.version = version};

	strcpy(version, entry->kernel);
	if (acs_override_find(entry->text, strlen(entry->text), ret) &&
	    host_acs(&check->status.host, &kernel) == ACS_NO)
		*ret = (struct acs_override){.id_count = 0};
}

/* Whether the groups of now say nothing of the next boot. */
static bool must_predict(const struct check *check, const struct claim_plan *plan,
			 const struct acs_override *next)
{
	char there[ACS_OVERRIDE_STR], here[ACS_OVERRIDE_STR];
	const char *cmdline = check->status.host.cmdline;
	struct acs_override running = {.id_count = 0};

	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].dev && plan->targets[i].reason == CLAIM_OK &&
		    plan->targets[i].dev->group == PCI_GROUP_NONE)
			return true;
	if (cmdline)
		(void)acs_override_find(cmdline, strlen(cmdline), &running);
	acs_override_format(next, there);
	acs_override_format(&running, here);
	return strcmp(there, here) != 0;
}

int check_groups(const struct root *root, struct check *check, const struct check_entry *entry,
		 struct pci_inventory *inv, const struct claim_plan *plan)
{
	struct sharing sharing = {.root = root, .inv = inv, .plan = plan};
	_cleanup_acs_ struct acs_machine machine = {.count = 0};
	_cleanup_free_ struct acs_member *members = NULL;
	struct acs_view view = {.iommu_on = true};
	int r;

	next_override(check, entry, &view.override);
	if (!must_predict(check, plan, &view.override)) {
		/* One that cannot be read is in no group: of a card, resolve has said so. */
		for (size_t i = 0; i < inv->count; i++)
			(void)!pci_group(root, &inv->devs[i]);
		return check_all(&sharing, check);
	}
	r = acs_load(root, inv, &machine);
	if (r < 0 || acs_unknown(&machine) != ACS_NONE)
		return r; /* configuration space that is not there tells nothing */
	members = calloc(inv->count + 1, sizeof(*members));
	if (!members)
		return -ENOMEM;
	sharing.members = members;
	r = acs_groups(&machine, &view, members);
	return r < 0 ? r : check_all(&sharing, check);
}
