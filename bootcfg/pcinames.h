/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of PCI vendors, devices and classes from pci.ids, as lspci prints them. libpci is behind
 * this: only its list of names is used, never a bus, the network, a cache or udev's database.
 */
#ifndef BOOTCFG_PCINAMES_H
#define BOOTCFG_PCINAMES_H

#include <stdint.h>

#include "early/root.h"

struct pcinames;

/* Bytes that a name needs at most; longer ones are cut. */
#define PCINAMES_STR 256

/*
 * Loads pci.ids of the root. The caller frees *ret with pcinames_free().
 * Errors: -ENOENT where there is no pci.ids, -EBADMSG where it is not understood or no regular
 * file, -ENOMEM, -errno of the opening. A caller may go on with NULL: then no name is known.
 */
int pcinames_load(const struct root *root, struct pcinames **ret) _must_check_;
void pcinames_free(struct pcinames *names);

/* "AMD/ATI Navi 21" and "VGA compatible controller" into buf, "" where unknown; return buf. */
char *pcinames_device(struct pcinames *names, uint16_t vendor, uint16_t device,
		      char buf[static PCINAMES_STR]);
char *pcinames_class(struct pcinames *names, uint32_t class, char buf[static PCINAMES_STR]);

static inline void pcinames_freep(struct pcinames **names)
{
	pcinames_free(*names);
}
#define _cleanup_pcinames_ _cleanup_(pcinames_freep)

#endif
