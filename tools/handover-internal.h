/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What release and reclaim share. */
#ifndef TOOLS_HANDOVER_INTERNAL_H
#define TOOLS_HANDOVER_INTERNAL_H

#include "tools/handover.h"

/* True if no target is refused. */
bool handover_all_ok(const struct claim_plan *plan);

/* Writes or removes the marks of all targets (RELEASED_DIR/ADDRESS). 0 or -errno. */
int handover_mark(const struct handover *h) _must_check_;
void handover_unmark(const struct handover *h);

/* consoles_detach(), consoles_attach() in a child with the deadline. 0 or -errno. */
int handover_detach(struct handover *h) _must_check_;
int handover_attach(struct handover *h) _must_check_;

#endif
