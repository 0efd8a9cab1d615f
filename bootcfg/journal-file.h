/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's file in its directory, which is STATE_DIR, opened. */
#ifndef BOOTCFG_JOURNAL_FILE_H
#define BOOTCFG_JOURNAL_FILE_H

#include "bootcfg/journal.h"

/* Writes it as the staging one, synced. 0 or -errno: then it is gone again where that was possible. */
int journal_write(struct place_dir *home, const struct journal *journal) _must_check_;

/* From staging to the one that is carried out, in one step, synced. 0 or -errno. */
int journal_promote(struct place_dir *home) _must_check_;

/* Back again: what it names will be removed by the next run, not carried out. 0 or -errno. */
int journal_demote(struct place_dir *home) _must_check_;

/*
 * Reads one of the two. 0; -ENOENT there is none; -EBADMSG it is not understood; -errno. *ret is the
 * caller's on success.
 */
int journal_read(const struct place_dir *home, const char *name, struct journal *ret) _must_check_;

/* Removes one of the two; one that is not there is success. 0 or -errno. */
int journal_drop(struct place_dir *home, const char *name) _must_check_;

bool journal_is_there(const struct place_dir *home, const char *name);

#endif
