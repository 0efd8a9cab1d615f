/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What release and reclaim share. */
#ifndef TOOLS_HANDOVER_INTERNAL_H
#define TOOLS_HANDOVER_INTERNAL_H

#include "tools/handover.h"

/* True if no target is refused. */
bool handover_all_ok(const struct claim_plan *plan);

/*
 * What speaks against a reclaim, in the plan: processes and modules that have the cards, which may go; and what the host could not
 * do without. Not with h->force, where it is only unwise. Both only read. 0 or -ENOMEM.
 */
int handover_guard_users(struct handover *h) _must_check_;
int handover_guard_host(struct handover *h) _must_check_;

/* Writes or removes the marks of all targets (RELEASED_DIR/ADDRESS). 0 or -errno. */
int handover_mark(const struct handover *h) _must_check_;
void handover_unmark(const struct handover *h);

/* consoles_detach(), consoles_attach() in a child with the deadline. 0 or -errno. */
int handover_detach(struct handover *h) _must_check_;
int handover_attach(struct handover *h) _must_check_;

/*
 * Finds the modules of the targets' own drivers that must go before such a driver lets go of its card (modules): those on
 * which other modules are, where no card but our targets needs any of them. Reads only.
 */
void handover_find_modules(struct handover *h);

/* Refuses targets whose modules have users besides each other. After guard_holders(), which can name processes. */
void handover_guard_modules(struct handover *h);

/*
 * Notes the modules for their targets (UNLOADED_DIR), then unloads them, in a child with the deadline. 0; -EIO with the
 * reason in the plan, and what went is still to be put back.
 */
int handover_unload_modules(struct handover *h) _must_check_;

/*
 * Loads what is noted for the targets that vfio-pci has not, in a child with the deadline, and forgets it. 0 or -errno, then
 * the note stays for the next call.
 */
int handover_load_modules(struct handover *h) _must_check_;

/* In a child. Loads the first module that is noted for a function: its driver's. -ENOENT where none is noted. */
int handover_load_own(const struct handover *h, const struct pci_addr *addr) _must_check_;

/* The array "devices" of --json, NULL without memory; and the lines of a success. r is what the handover returned. */
struct json_t;
struct json_t *handover_json(const struct claim_plan *plan, int r, bool to_host) _must_check_;
void handover_print(const struct claim_plan *plan);

#endif
