/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the host uses a disk that hangs on a PCI function. Reads only. */
#ifndef EARLY_DISK_H
#define EARLY_DISK_H

#include "pci.h"

/*
 * Looks at every block device below the function: mounted, swapped to, held by another (dm, md),
 * opened exclusively by somebody, or meant by root= of the kernel command line. What cannot be told
 * counts as in use.
 * Returns 0 (no disk, or none in use), or 1 with the disk and the reason in text ("nvme0n1 is
 * mounted on /").
 */
#define DISK_TEXT 160
int disk_in_use(const struct root *root, const struct pci_addr *addr, char text[static DISK_TEXT]);

#endif
