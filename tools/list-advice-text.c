// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "tools/list.h"

#define NAME_STR (PCINAMES_STR + PCI_ADDR_STR + PCI_DRIVER_STR + 16)

/* "0000:01:00.0 NVIDIA AD102 (nouveau)", fit for a terminal. */
static char *device_text(const struct list_device *device, char buf[static NAME_STR])
{
	char address[PCI_ADDR_STR];

	pci_addr_format(&device->dev->addr, address);
	snprintf(buf, NAME_STR, "%s%s%s%s%s%s", address, *device->name ? " " : "", device->name,
		 *device->dev->driver ? " (" : "", device->dev->driver,
		 *device->dev->driver ? ")" : "");
	text_clean(buf);
	return buf;
}

static void print_others(const struct list_advice *advice)
{
	for (size_t i = 0; i < advice->other_count; i++) {
		const struct list_other *other = &advice->others[i];
		char name[NAME_STR], why[sizeof(other->why)];

		memcpy(why, other->why, sizeof(why));
		text_clean(why);
		printf("    %s: %s%s%s\n", device_text(other->device, name),
		       other->could_come ? "could come along" : "has to stay: ",
		       other->could_come && *why ? ", " : "", why);
	}
}

static void print_slots(const struct list_advice *advice)
{
	for (size_t i = 0; i < advice->slot_count; i++) {
		const struct list_slot *slot = &advice->slots[i];
		char port[PCI_ADDR_STR], width[16] = "", name[NAME_STR];

		pci_addr_format(&slot->port->dev->addr, port);
		if (slot->width)
			snprintf(width, sizeof(width), "x%u, ", slot->width);
		printf("  another slot: behind %s (%s%s%s) it would be on its own\n", port, width,
		       slot->holds ? "now with " : "empty",
		       slot->holds ? device_text(slot->holds, name) : "");
	}
}

static void print_override(const struct list *list, const struct list_advice *advice)
{
	char override[ACS_OVERRIDE_STR], unread[PCI_ADDR_STR];

	if (!list->prediction.members) {
		printf("  whether another slot or an ACS override would help cannot be told: "
		       "configuration space of %s cannot be read; run this as root\n",
		       list_unread(list, unread));
		return;
	}
	if (!advice->has_override) {
		printf("  override: no pcie_acs_override= would split them\n");
		return;
	}
	acs_override_format(&advice->override, override);
	printf("  override: in a kernel with the ACS override patch pcie_acs_override=%s would "
	       "split them, believed of %zu function%s: vfio-bootcfg set --acs-override %s\n"
	       "  its risk: nothing is isolated by it, the kernel only believes it, so that a "
	       "guest could reach the devices and so the memory of the host past the IOMMU\n",
	       override, advice->reach, advice->reach == 1 ? "" : "s", override);
}

void list_print_advice(const struct list *list, const struct list_advice *advice, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct list_advice *a = &advice[i];
		char name[NAME_STR];

		if (list->has_groups)
			printf("\n%s cannot go to a guest as it is: also in IOMMU group %d\n",
			       device_text(a->first, name), a->first->dev->group);
		else
			printf("\n%s could not go to a guest with the IOMMU on: also in its "
			       "predicted group\n",
			       device_text(a->first, name));
		print_others(a);
		if (*a->why)
			printf("  why: %s\n", a->why);
		print_slots(a);
		print_override(list, a);
	}
	if (count && list->prediction.members)
		printf("\nOther slots and overrides are predicted by the kernel's rules, not "
		       "tried.\n");
}
