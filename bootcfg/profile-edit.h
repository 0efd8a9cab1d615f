/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes to the profile's files that keep what people wrote: comments, order, blank lines. A line
 * that `set` wrote is recorded in the state, and goes with `unset`; one that was written by hand is
 * commented out.
 *
 * What is ours stands in the state under "profile:PATH", e.g. "profile:etc/vfio-bootcfg.conf":
 *   "[cpus]"                 a header that we wrote; was "\n": with a blank line before it
 *   "[cpus] isolate = 8-15"  a line that we wrote; where was is given, only its value is ours, and that
 *                            is what stood there before
 * A line that reads differently by now is the user's.
 */
#ifndef BOOTCFG_PROFILE_EDIT_H
#define BOOTCFG_PROFILE_EDIT_H

#include "bootcfg/plan.h"
#include "bootcfg/remarks.h"
#include "bootcfg/state.h"
#include "early/profile.h"

/* Where `set` puts new sections. */
#define PROFILE_FILE "etc/vfio-bootcfg.conf"

struct profile_set {
	char *section; /* "device", "cpus", ...; owned, like all strings here */
	char *name; /* "" where the section has none */
	char *key; /* NULL: the whole section, for removal */
	char *value; /* as it is to stand behind "key = "; NULL: take it out */
	char *comment; /* to be written behind a new line, or NULL */
};

struct profile_sets {
	struct profile_set *items; /* in the order in which they are carried out */
	size_t count;
};

/* Appends copies; of one key the last counts. 0 or -ENOMEM. */
int profile_sets_add(struct profile_sets *sets, const char *section, const char *name,
		     const char *key, const char *value) _must_check_;

/* Puts a comment (copied, and cleaned) beside the set of a key that is there. 0 or -ENOMEM. */
int profile_sets_comment(struct profile_set *set, const char *format, ...) _must_check_
	_printf_(2, 3);
void profile_sets_free(struct profile_sets *sets);

/*
 * Puts into the plan what the sets make of the profile's files, and into the state what of it is
 * ours. A section goes to the file in /etc that holds it; a new one to /etc/vfio-bootcfg.conf, which
 * is made where it is not there, and removed again when only what we wrote was in it. A value that is
 * as wanted stays as it stands. A value that we change is recorded; when its key is taken out, the
 * old value comes back, commented out like all that was written by hand. What is to be taken out and
 * is not there is no error. profile is what profile_load() gave. Without sets nothing is read.
 * Errors, with diag: -EPERM a section that is in /usr/lib (the message says how to copy it);
 * -EBADMSG, -errno of reading.
 */
int profile_edit(const struct root *root, const struct profile *profile,
		 const struct profile_sets *sets, struct state *state, struct plan *plan,
		 struct diag *diag) _must_check_;

/*
 * The profile as it will be: the plan's files in place of the ones on disk. As profile_load().
 */
int profile_load_planned(const struct root *root, const struct plan *plan, struct profile *ret,
			 struct diag *diag) _must_check_;

#define _cleanup_sets_ _cleanup_(profile_sets_free)

#endif
