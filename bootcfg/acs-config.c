// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/pci_regs.h>

#include "bootcfg/acs.h"

/* No list is longer, unless it is a ring. */
#define CAPABILITIES_MAX ((256 - 64) / 4)
#define EXTENDED_MAX ((4096 - 256) / 8)

/* The offset of the PCI Express capability, 0 for none. False where it cannot be read. */
static bool find_express(acs_read read, void *data, unsigned *ret)
{
	uint32_t status, next, header;

	*ret = 0;
	if (!read(data, PCI_COMMAND, &status))
		return false;
	if (!(status >> 16 & PCI_STATUS_CAP_LIST))
		return true;
	if (!read(data, PCI_CAPABILITY_LIST, &next))
		return false;
	for (unsigned i = 0; i < CAPABILITIES_MAX; i++) {
		next &= 0xfc;
		if (next < PCI_STD_HEADER_SIZEOF)
			return true;
		if (!read(data, next, &header))
			return false;
		if ((header & 0xff) == 0xff)
			return true;
		if ((header & 0xff) == PCI_CAP_ID_EXP) {
			*ret = next;
			return true;
		}
		next = header >> 8;
	}
	return true;
}

/* 0 for none; also where there is no extended space, in which the kernel finds none either. */
static unsigned find_acs(acs_read read, void *data)
{
	unsigned at = PCI_CFG_SPACE_SIZE;
	uint32_t header;

	for (unsigned i = 0; i < EXTENDED_MAX; i++) {
		if (!read(data, at, &header) || header == UINT32_MAX)
			return 0;
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_ACS)
			return at;
		at = PCI_EXT_CAP_NEXT(header);
		if (at < PCI_CFG_SPACE_SIZE)
			return 0;
	}
	return 0;
}

static void parse_acs(acs_read read, void *data, uint32_t ids, struct acs_config *config)
{
	const struct acs_function f = {
		.vendor = (uint16_t)ids, .device = (uint16_t)(ids >> 16), .config = *config};
	unsigned at = find_acs(read, data);
	uint32_t both;

	if (!at || !read(data, at + PCI_ACS_CAP, &both))
		return;
	config->acs = true;
	if (acs_quirk_wide(&f)) {
		config->acs_cap = both;
		(void)read(data, at + PCI_ACS_CAP + 4, &config->acs_control);
	} else {
		config->acs_cap = both & 0xffff;
		config->acs_control = both >> 16;
	}
}

void acs_parse(acs_read read, void *data, struct acs_config *ret)
{
	struct acs_config config = {.header = false};
	uint32_t ids, header, flags, link;
	unsigned express;

	*ret = config;
	/* A function that is switched off reads as all ones. */
	if (!read(data, PCI_VENDOR_ID, &ids) || !read(data, 0x0c, &header) || header == UINT32_MAX)
		return;
	header >>= 16; /* PCI_HEADER_TYPE */
	config.header = true;
	config.multifunction = header & 0x80;
	config.bridge = (header & 0x7f) == PCI_HEADER_TYPE_BRIDGE;
	if ((header & 0x7f) == PCI_HEADER_TYPE_CARDBUS) {
		config.known = true; /* its list is elsewhere, and it is conventional PCI */
	} else if (find_express(read, data, &express)) {
		config.known = true;
		if (express && read(data, express, &flags)) {
			flags >>= 16; /* PCI_EXP_FLAGS */
			config.express = true;
			config.type = (flags & PCI_EXP_FLAGS_TYPE) >> 4;
			config.slot = flags & PCI_EXP_FLAGS_SLOT;
			if (read(data, express + PCI_EXP_LNKCAP, &link))
				config.width = (link & PCI_EXP_LNKCAP_MLW) >> 4;
			parse_acs(read, data, ids, &config);
		}
	}
	*ret = config;
}
