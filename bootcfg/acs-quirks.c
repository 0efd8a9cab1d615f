// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Facts of drivers/pci/quirks.c, the same in Linux 6.1.192, 6.12.117 and 7.2.12. Left out are those that need
 * more than configuration space: Switchtec's non-transparent bridges, whose table is behind a BAR.
 */
#include <linux/pci_regs.h>

#include "bootcfg/acs.h"

#define ACS_REQUIRED (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

enum quirk {
	YES, /* what it is, it isolates */
	PORT_YES, /* as a root port it isolates; else this says nothing */
	INTEL_PCH, /* ports that the kernel can make isolate, by registers beside configuration space */
	INTEL_WIDE, /* ACS registers of 32 bits */
	AMD_SOUTHBRIDGE, /* isolates on the root bus of a machine with an AMD IOMMU */
	LISTED_PORT, /* ports of a maker whose other ports do not isolate */
	LISTED, /* a maker whose other functions do not isolate */
};

/* In the order in which the kernel asks. even: of the range only the even ids. */
static const struct quirk_range {
	uint16_t vendor, first, last;
	enum quirk quirk;
	bool even;
} ranges[] = {
	{0x1002, 0x4383, 0x4385, AMD_SOUTHBRIDGE, false},
	{0x1002, 0x4399, 0x4399, AMD_SOUTHBRIDGE, false},
	{0x1002, 0x439c, 0x439d, AMD_SOUTHBRIDGE, false},
	{0x1022, 0x7809, 0x7809, AMD_SOUTHBRIDGE, false},
	{0x1022, 0x780f, 0x780f, AMD_SOUTHBRIDGE, false},
	{0x1924, 0x0903, 0x0903, YES, false}, /* Solarflare */
	{0x1924, 0x0923, 0x0923, YES, false},
	{0x1924, 0x0a03, 0x0a03, YES, false},
	{0x8086, 0x105e, 0x1060, YES, false}, /* Intel's network cards */
	{0x8086, 0x10a7, 0x10a7, YES, false},
	{0x8086, 0x10a9, 0x10a9, YES, false},
	{0x8086, 0x10c6, 0x10c6, YES, false},
	{0x8086, 0x10c9, 0x10c9, YES, false},
	{0x8086, 0x10d6, 0x10d6, YES, false},
	{0x8086, 0x10d9, 0x10d9, YES, false},
	{0x8086, 0x10db, 0x10db, YES, false},
	{0x8086, 0x10dd, 0x10dd, YES, false},
	{0x8086, 0x10e1, 0x10e1, YES, false},
	{0x8086, 0x10e6, 0x10e8, YES, false},
	{0x8086, 0x10f1, 0x10f1, YES, false},
	{0x8086, 0x10f7, 0x10fc, YES, false},
	{0x8086, 0x1507, 0x1507, YES, false},
	{0x8086, 0x1509, 0x150a, YES, false},
	{0x8086, 0x150d, 0x1511, YES, false},
	{0x8086, 0x1514, 0x1514, YES, false},
	{0x8086, 0x1516, 0x1516, YES, false},
	{0x8086, 0x1518, 0x1518, YES, false},
	{0x8086, 0x151c, 0x151c, YES, false},
	{0x8086, 0x1521, 0x1524, YES, false},
	{0x8086, 0x1526, 0x1527, YES, false},
	{0x8086, 0x1529, 0x152a, YES, false},
	{0x8086, 0x154d, 0x154d, YES, false},
	{0x8086, 0x154f, 0x154f, YES, false},
	{0x8086, 0x1551, 0x1551, YES, false},
	{0x8086, 0x1558, 0x1558, YES, false},
	{0x8086, 0x15b7, 0x15b8, YES, false},
	{0x17cb, 0x0111, 0x0111, YES, false}, /* Qualcomm's root ports */
	{0x17cb, 0x0115, 0x0115, YES, false},
	{0x17cb, 0x0120, 0x0120, YES, false},
	{0x17cb, 0x0400, 0x0401, YES, false},
	{0x1dbf, 0x0401, 0x0401, YES, false}, /* HXT's */
	{0x8086, 0x3b42, 0x3b51, INTEL_PCH, false}, /* Ibex Peak */
	{0x8086, 0x1c10, 0x1c1f, INTEL_PCH, false}, /* Cougar Point */
	{0x8086, 0x1e10, 0x1e1f, INTEL_PCH, false}, /* Panther Point */
	{0x8086, 0x8c10, 0x8c1f, INTEL_PCH, false}, /* Lynx Point H */
	{0x8086, 0x9c10, 0x9c1b, INTEL_PCH, false}, /* Lynx Point LP */
	{0x8086, 0x9c90, 0x9c9b, INTEL_PCH, false}, /* Wildcat Point */
	{0x8086, 0x1d10, 0x1d1e, INTEL_PCH, true}, /* Patsburg */
	{0x8086, 0x8d10, 0x8d1e, INTEL_PCH, false}, /* Wellsburg */
	{0x8086, 0x8c90, 0x8c9e, INTEL_PCH, true}, /* Lynx Point, 9 series */
	{0x8086, 0xa110, 0xa11f, INTEL_WIDE, false}, /* Sunrise Point */
	{0x8086, 0xa167, 0xa16a, INTEL_WIDE, false},
	{0x8086, 0xa290, 0xa29f, INTEL_WIDE, false}, /* Union Point */
	{0x8086, 0xa2e7, 0xa2ee, INTEL_WIDE, false},
	{0x8086, 0x9d10, 0x9d1b, INTEL_WIDE, false}, /* 7th and 8th generation, mobile */
	{0x19a2, 0x0710, 0x0710, YES, false}, /* Emulex */
	{0x10df, 0x0720, 0x0720, YES, false},
	{0x177d, 0xa000, 0xa7ff, PORT_YES, false}, /* Cavium */
	{0x177d, 0xaf84, 0xaf84, PORT_YES, false},
	{0x177d, 0xb884, 0xb884, PORT_YES, false},
	{0x177d, 0xa026, 0xa026, YES, false},
	{0x177d, 0xa059, 0xa059, YES, false},
	{0x177d, 0xa060, 0xa060, YES, false},
	{0x10e8, 0xe004, 0xe004, YES, false}, /* X-Gene */
	{0x1def, 0xe005, 0xe00c, YES, false}, /* Ampere */
	{0x14e4, 0x16d7, 0x16d7, YES, false}, /* Broadcom */
	{0x14e4, 0x1750, 0x1752, YES, false},
	{0x14e4, 0x1760, 0x1763, YES, false},
	{0x14e4, 0xd714, 0xd714, YES, false},
	{0x0014, 0x3c09, 0x3c09, YES, false}, /* Loongson */
	{0x0014, 0x3c19, 0x3c19, YES, false},
	{0x0014, 0x3c29, 0x3c29, YES, false},
	{0x0014, 0x7a09, 0x7a09, YES, false},
	{0x0014, 0x7a19, 0x7a19, YES, false},
	{0x0014, 0x7a29, 0x7a29, YES, false},
	{0x0014, 0x7a39, 0x7a39, YES, false},
	{0x0014, 0x7a49, 0x7a49, YES, false},
	{0x0014, 0x7a59, 0x7a59, YES, false},
	{0x0014, 0x7a69, 0x7a69, YES, false},
	{0x1c36, 0x0031, 0x0031, PORT_YES, false}, /* Annapurna Labs */
	{0x1d17, 0x3038, 0x3038, YES, false}, /* Zhaoxin */
	{0x1d17, 0x3104, 0x3104, YES, false},
	{0x1d17, 0x9083, 0x9083, YES, false},
	{0x1957, 0x8d80, 0x8d83, YES, false}, /* NXP */
	{0x1957, 0x8d88, 0x8d8b, YES, false},
	{0x1957, 0x8d90, 0x8d93, YES, false},
	{0x1957, 0x8d98, 0x8d9b, YES, false},
	{0x1957, 0x8da0, 0x8da1, YES, false},
	{0x1957, 0x8da8, 0x8da9, YES, false},
	{0x1957, 0x8db0, 0x8db1, YES, false},
	{0x1957, 0x8db8, 0x8db9, YES, false},
	{0x1d17, 0x0710, 0x071e, LISTED_PORT, false},
	{0x1d17, 0x0721, 0x0721, LISTED_PORT, false},
	{0x1d17, 0x0723, 0x0752, LISTED_PORT, false},
	{0x8088, 0x0100, 0x010f, LISTED, false}, /* Wangxun */
	{0x8088, 0x1001, 0x1001, LISTED, false},
	{0x8088, 0x2001, 0x2001, LISTED, false},
	{0x8088, 0x5010, 0x5010, LISTED, false},
	{0x8088, 0x5025, 0x5025, LISTED, false},
	{0x8088, 0x5040, 0x5040, LISTED, false},
	{0x8088, 0x5110, 0x5110, LISTED, false},
	{0x8088, 0x5125, 0x5125, LISTED, false},
	{0x8088, 0x5140, 0x5140, LISTED, false},
};

static bool is_in(const struct quirk_range *range, const struct acs_function *f)
{
	return f->vendor == range->vendor && f->device >= range->first &&
	       f->device <= range->last && !(range->even && f->device & 1);
}

static bool is_type(const struct acs_function *f, uint8_t type)
{
	return f->config.express && f->config.type == type;
}

static int answer(const struct acs_machine *machine, const struct acs_view *view,
		  const struct acs_function *f, enum quirk quirk)
{
	bool root_port = is_type(f, PCI_EXP_TYPE_ROOT_PORT);
	uint32_t required;

	switch (quirk) {
	case YES:
	case LISTED:
		return 1;
	case PORT_YES:
		return root_port ? 1 : -ENOTTY;
	case LISTED_PORT:
		return acs_is_port(f) ? 1 : -ENOTTY;
	case AMD_SOUTHBRIDGE:
		return machine->has_ivrs && f->parent == ACS_NONE &&
				       (f->config.multifunction || f->addr.fn)
			       ? 1
			       : -ENOTTY;
	case INTEL_PCH:
		/* The kernel does it where there is an IOMMU; no register that could be read here says so. */
		if (!root_port)
			return -ENOTTY;
		return view->iommu_on || machine->iommu_on;
	case INTEL_WIDE:
		if (!root_port || !f->config.acs)
			return -ENOTTY;
		required = f->config.acs_cap & ACS_REQUIRED;
		return view->iommu_on || (f->config.acs_control & required) == required;
	}
	return -ENOTTY;
}

int acs_quirk(const struct acs_machine *machine, const struct acs_view *view, size_t index)
{
	const struct acs_function *f = &machine->functions[index];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		if (!is_in(&ranges[i], f))
			continue;
		r = answer(machine, view, f, ranges[i].quirk);
		if (r >= 0)
			return r;
	}
	/* VT-d lets these reach each other by translated addresses only. */
	if (f->vendor == 0x8086 && is_type(f, PCI_EXP_TYPE_RC_END))
		return 1;
	if ((f->vendor == 0x1d17 && acs_is_port(f)) || f->vendor == 0x8088)
		return 0;
	return -ENOTTY;
}

bool acs_quirk_wide(const struct acs_function *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (ranges[i].quirk == INTEL_WIDE && is_in(&ranges[i], f))
			return is_type(f, PCI_EXP_TYPE_ROOT_PORT);
	return false;
}

/* Functions of cards that use the identity of function 0, or of function 1, there or not. */
static const struct {
	uint16_t vendor, device;
	uint8_t fn;
} aliases[] = {
	{0x1180, 0xe476, 0}, /* Ricoh */
	{0x1180, 0xe832, 0}, {0x6766, 0x3d40, 0}, /* Glenfly */
	{0x6766, 0x3d41, 0}, {0x1b4b, 0x9120, 1}, /* Marvell's disk controllers, and what is made of them */
	{0x1b4b, 0x9123, 1}, {0x1b4b, 0x9125, 1}, {0x1b4b, 0x9128, 1}, {0x1b4b, 0x9130, 1},
	{0x1b4b, 0x9170, 1}, {0x1b4b, 0x9172, 1}, {0x1b4b, 0x917a, 1}, {0x1b4b, 0x9182, 1},
	{0x1b4b, 0x9183, 1}, {0x1b4b, 0x91a0, 1}, {0x1b4b, 0x9215, 1}, {0x1b4b, 0x9220, 1},
	{0x1b4b, 0x9230, 1}, {0x1b4b, 0x9235, 1}, {0x1103, 0x0642, 1}, {0x1103, 0x0645, 1},
	{0x197b, 0x2392, 1}, {0x1c28, 0x0122, 1},
};

bool acs_quirk_alias(const struct acs_function *f, unsigned devfn)
{
	unsigned dev = devfn >> 3, fn = devfn & 7;

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (f->vendor == aliases[i].vendor && f->device == aliases[i].device)
			return dev == f->addr.dev && fn == aliases[i].fn;
	/* Adaptec 3405 and 3805: the engine behind the address translation unit. */
	if (f->vendor == 0x9005 && f->device == 0x0285)
		return f->subvendor == 0x9005 &&
		       (f->subdevice == 0x02bb || f->subdevice == 0x02bc) && devfn == 1 << 3;
	/* Xeon Phi x200. */
	if (f->vendor == 0x8086 && (f->device == 0x2260 || f->device == 0x2264))
		return devfn == 0x10 << 3 || devfn == 0x11 << 3 || devfn == (0x12 << 3 | 3);
	/* Visual Compute Accelerator: five functions of every slot. */
	if (f->vendor == 0x8086 && f->device >= 0x2954 && f->device <= 0x295a &&
	    f->device != 0x2957)
		return fn < 5;
	/* PLX's non-transparent bridges. */
	return f->vendor == 0x10b5 && (f->device == 0x87b0 || f->device == 0x87b1);
}

uint32_t acs_quirk_broken(const struct acs_function *f)
{
	/* IDT's switches drop good completions with source validation on. */
	return f->vendor == 0x111d && (f->device == 0x80b5 || f->device == 0x8090) ? PCI_ACS_SV : 0;
}
