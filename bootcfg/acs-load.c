// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "bootcfg/acs.h"

#define CLASS_IOMMU 0x0806
/* Domains from here on are the kernel's own, below a Volume Management Device. */
#define DOMAIN_VMD 0x10000

static bool read_dword(void *data, unsigned offset, uint32_t *ret)
{
	uint8_t bytes[4];
	int fd = *(const int *)data;

	if (fd < 0 || pread(fd, bytes, sizeof(bytes), offset) != sizeof(bytes))
		return false;
	*ret = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
	return true;
}

static size_t index_of(const struct pci_inventory *inv, const struct pci_addr *addr)
{
	const struct pci_dev *dev = pci_find(inv, addr);

	return dev ? (size_t)(dev - inv->devs) : ACS_NONE;
}

/* The device that a whole domain is behind: what lies above the host bridge in sysfs. */
static size_t find_requester(const struct pci_inventory *inv, const struct pci_dev *dev)
{
	const struct pci_dev *top = pci_find(inv, &dev->path.root);

	if (dev->addr.domain < DOMAIN_VMD || !top || top->parent.domain == dev->addr.domain)
		return ACS_NONE;
	return index_of(inv, &top->parent);
}

static void load_function(const struct root *root, const struct pci_inventory *inv,
			  struct pci_dev *dev, struct acs_machine *machine, struct acs_function *f)
{
	char path[PCI_ATTR_STR];
	_cleanup_close_ int fd =
		root_openat(root, pci_attr_path(&dev->addr, "config", path), O_RDONLY, 0);

	/* One that vanishes meanwhile stays, unknown. */
	(void)!pci_identify(root, dev);
	f->addr = dev->addr;
	f->vendor = dev->vendor;
	f->device = dev->device;
	f->subvendor = dev->subvendor;
	f->subdevice = dev->subdevice;
	f->is_virtual = root_exists(root, pci_attr_path(&dev->addr, "physfn", path));
	f->hidden = dev->class >> 8 == CLASS_IOMMU;
	f->parent = dev->path.hops ? index_of(inv, &dev->parent) : ACS_NONE;
	/* A captured machine may claim that a bridge is below itself. */
	if (f->parent != ACS_NONE && inv->devs[f->parent].path.hops >= dev->path.hops)
		f->parent = ACS_NONE;
	f->requester = find_requester(inv, dev);
	acs_parse(read_dword, &fd, &f->config);
	if (!pci_group(root, dev) && dev->group >= 0)
		machine->iommu_on = true;
}

/* Ports that call themselves what they cannot be, as the kernel corrects them. Parents come first. */
static void correct_type(struct acs_machine *machine, struct acs_function *f)
{
	const struct acs_function *parent =
		f->parent == ACS_NONE ? NULL : &machine->functions[f->parent];

	if (!parent || !parent->config.express || !f->config.express)
		return;
	if (f->config.type == PCI_EXP_TYPE_DOWNSTREAM &&
	    (parent->config.type == PCI_EXP_TYPE_ROOT_PORT ||
	     parent->config.type == PCI_EXP_TYPE_DOWNSTREAM ||
	     parent->config.type == PCI_EXP_TYPE_PCIE_BRIDGE))
		f->config.type = PCI_EXP_TYPE_UPSTREAM;
	else if (f->config.type == PCI_EXP_TYPE_UPSTREAM &&
		 parent->config.type == PCI_EXP_TYPE_UPSTREAM)
		f->config.type = PCI_EXP_TYPE_DOWNSTREAM;
}

int acs_load(const struct root *root, struct pci_inventory *inv, struct acs_machine *ret)
{
	struct acs_machine machine = {.count = inv->count};
	unsigned deepest = 0;

	machine.functions = calloc(inv->count + 1, sizeof(*machine.functions));
	if (!machine.functions)
		return -ENOMEM;
	machine.has_ivrs = root_exists(root, "sys/firmware/acpi/tables/IVRS");
	for (size_t i = 0; i < inv->count; i++) {
		load_function(root, inv, &inv->devs[i], &machine, &machine.functions[i]);
		if (inv->devs[i].path.hops > deepest)
			deepest = inv->devs[i].path.hops;
	}
	for (unsigned depth = 1; depth <= deepest; depth++)
		for (size_t i = 0; i < inv->count; i++)
			if (inv->devs[i].path.hops == depth)
				correct_type(&machine, &machine.functions[i]);
	*ret = machine;
	return 0;
}

void acs_machine_free(struct acs_machine *machine)
{
	free(machine->functions);
	*machine = (struct acs_machine){.count = 0};
}
