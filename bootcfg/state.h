/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What we own in whose file: /var/lib/vfio-bootcfg/state, JSON, mode 0600 in a directory of 0700.
 * It is a file of the plan like the others, committed first.
 */
#ifndef BOOTCFG_STATE_H
#define BOOTCFG_STATE_H

#include "bootcfg/line.h"
#include "bootcfg/plan.h"

#define STATE_DIR "var/lib/vfio-bootcfg"
#define STATE_FILE STATE_DIR "/state"

struct state;

/*
 * Reads it; none is an empty state. *ret is the caller's, for state_free(). Errors, with diag:
 * -EBADMSG (not ours, or broken: the message says how to go on without it), -errno of file_read().
 */
int state_load(const struct root *root, struct state **ret, struct diag *diag) _must_check_;
void state_free(struct state *state);

/* Whether there was a state file: else a lost /var cannot be told from a first run. */
bool state_found(const struct state *state);

/*
 * What is ours under a key, or NULL where nothing is recorded. A key is the path of a file below the
 * root, for a boot entry without its boot counter; or "profile:PATH", where a unit is
 * "[SECTION NAME] KEY = VALUE" as `set` wrote it; or "forced" (wants->forced). Valid until the key is put again.
 */
const struct owned_list *state_owned(const struct state *state, const char *key);

/* Records a copy of it; an empty list with created false drops the key. created: the file was made by
 * us. 0 or -ENOMEM. */
int state_put(struct state *state, const char *key, const struct owned_list *owned,
	      bool created) _must_check_;
bool state_created(const struct state *state, const char *key);

/* All keys, sorted, NULL-terminated; the array is the caller's to free, the strings are not. NULL
 * without memory. */
const char **state_keys(const struct state *state) _must_check_;

/*
 * Puts the state file into the plan, last of all: as it is now, or its removal where nothing is ours.
 * Fills in plan->made and plan->prune: a directory that a commit makes is ours too, and goes once
 * nothing of ours is in it. 0; -errno, with diag, where a directory cannot be looked at; -ENOMEM.
 */
int state_plan(const struct state *state, struct plan *plan, struct diag *diag) _must_check_;

static inline void state_freep(struct state **state)
{
	state_free(*state);
}
#define _cleanup_state_ _cleanup_(state_freep)

#endif
