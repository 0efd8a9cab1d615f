/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame buffers and virtual consoles that lie on a card: drivers/tty/vt/vt.c (vtconsole/bind), and the
 * platform device of the firmware's frame buffer.
 */
#ifndef TOOLS_CONSOLES_H
#define TOOLS_CONSOLES_H

#include "early/resolve.h"

/* What was detached from the display function of this address: a line "ATTRIBUTE VALUE" per write that puts it back. */
#define DETACHED_DIR "run/vfio-bootcfg/detached"

/*
 * Detaches from the plan's display functions the firmware's frame buffer, and, where no other card has a
 * frame buffer, the console on it. What is needed to put it back is written first, and an earlier record is kept. 0 or
 * -errno: of the record, or of the write that failed. May hang: for a child.
 */
int consoles_detach(const struct root *root, const struct pci_inventory *inv,
		    const struct claim_plan *plan) _must_check_;

/*
 * Puts back what is recorded for the plan's functions, as far as it is still there and not back already, and
 * forgets it. The last error of a write, or 0; -ENODEV where the firmware's frame buffer is gone for good and no other is there. May hang: for a child.
 */
int consoles_attach(const struct root *root, const struct claim_plan *plan) _must_check_;

#endif
