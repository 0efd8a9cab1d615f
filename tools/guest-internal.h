/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a session: its record, and one file per step. Errors as guest_start() has them. */
#ifndef TOOLS_GUEST_INTERNAL_H
#define TOOLS_GUEST_INTERNAL_H

#include "tools/guest.h"

#define GUEST_DIR RECORD_DIR "/guest"
#define GUEST_LOCK RECORD_DIR "/guest.lock"

#define GUEST_HUGEPAGES_LOCK_MS 60000 /* another vfio-hugepages without --wait */

/* --- lists with commas, guest-record.c --- */

bool guest_list_has(const char *list, const char *name);
/* Adds a name that is not in it yet. 0 or -ENOMEM. */
int guest_list_add(char **list, const char *name) _must_check_;
void guest_list_remove(char *list, const char *name);

/* --- the record --- */

void guest_record_free(struct guest_record *record);
/* GUEST_NONE where there is none. 0; -EBADMSG or -errno with diag. */
int guest_record_read(const struct root *root, const char *name, struct guest_record *ret,
		      struct diag *diag) _must_check_;
/* By rename. 0 or -errno with diag. */
int guest_record_write(const struct guest *guest, struct diag *diag) _must_check_;
/* That something is undone, as well as can be: /run may be full, and to undo it once more does no harm. */
void guest_record_note(const struct guest *guest);
/* 0 or -errno with diag. */
int guest_record_remove(const struct guest *guest, struct diag *diag) _must_check_;
/* -EPERM where a device of guest->record is one of another recorded session; diag names both. */
int guest_record_others(const struct guest *guest, struct diag *diag) _must_check_;
/* One session at a time. Of the process: a child that hangs in the kernel keeps nobody out. */
int guest_lock(struct guest *guest, struct diag *diag) _must_check_;

/* --- units, guest-units.c --- */

/* Finds out which of stop-units run, into guest->stopping. -EINVAL for one that systemd does not know. */
int guest_units_look(struct guest *guest, struct diag *diag) _must_check_;
int guest_units_stop(struct guest *guest, struct diag *diag) _must_check_;
/* All that can be started; the others stay recorded, and are said. */
int guest_units_start(struct guest *guest, struct diag *diag) _must_check_;

/* --- cards, guest-cards.c --- */

/* All that speaks against the cards, but for processes: those of units that will be stopped have them. */
int guest_cards_look(struct guest *guest, struct diag *diag) _must_check_;
/*
 * -EPERM where a process has a card of the guest open by VFIO, or where those of the record would leave a part of
 * their IOMMU group behind.
 */
int guest_cards_may_go(struct guest *guest, struct diag *diag) _must_check_;
int guest_cards_take(struct guest *guest, struct diag *diag) _must_check_;
int guest_cards_give(struct guest *guest, struct diag *diag) _must_check_;
/* The devices of [guest NAME] with claim = guest (or with the other one) as a list, the caller's to free. */
int guest_cards_list(const struct guest *guest, bool claim_guest, char **ret) _must_check_;

#endif
