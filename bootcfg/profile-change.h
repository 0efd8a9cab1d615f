/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal to profile-edit.h: changes to one file of the profile, and what of it is ours then. */
#ifndef BOOTCFG_PROFILE_CHANGE_H
#define BOOTCFG_PROFILE_CHANGE_H

#include "bootcfg/profile-edit.h"
#include "bootcfg/profile-text.h"

struct edited {
	struct file file;
	struct profile_text text;
	char *key; /* of the state */
	struct owned_list owned;
	bool there; /* else it will be made */
	bool created; /* by us, now or earlier */
	bool changed;
};

void edited_free(struct edited *edited);

/* True if the file's section says what the set wants already. -ENOMEM. */
int edited_agrees(const struct edited *edited, const struct profile_set *set, size_t header);

/* Puts a value, with which it does not agree, into the section that starts at a line. 0 or -ENOMEM. */
int edited_put_key(struct edited *edited, const struct profile_set *set,
		   size_t header) _must_check_;

/* Begins the set's section at the end of the file, which is made where it is not there. 0 or -ENOMEM. */
int edited_add_section(struct edited *edited, const struct profile_set *set,
		       size_t *ret_header) _must_check_;

/* Takes out the set's key, or its whole section. 0 or -ENOMEM. */
int edited_take_out(struct edited *edited, const struct profile_set *set,
		    size_t header) _must_check_;

/* Forgets what was ours and has been changed or taken out by hand. 0 or -ENOMEM. */
int edited_forget(struct edited *edited) _must_check_;

/* True where nothing is left of a file that we made but what it was made with. */
bool edited_is_empty(const struct edited *edited);

#endif
