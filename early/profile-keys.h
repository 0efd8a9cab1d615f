/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal to the profile: its sections and their keys. */
#ifndef EARLY_PROFILE_KEYS_H
#define EARLY_PROFILE_KEYS_H

#include "profile.h"

enum profile_kind {
	PROFILE_DEVICE,
	PROFILE_CPUS,
	PROFILE_KERNEL,
	PROFILE_HUGEPAGES,
	PROFILE_GUEST,
	PROFILE_KINDS
};

/* "device" and so on; static. */
const char *profile_kind_word(enum profile_kind kind);

/* True where the sections of this kind have a name: [device NAME], [guest NAME]. */
bool profile_kind_named(enum profile_kind kind);

/*
 * Looks for the word that was meant. The candidates are tried in turn; best stays NULL where none
 * is close, the first of two that are equally close.
 */
struct nearest {
	const char *text;
	const char *best;
	unsigned distance; /* letters that differ */
};
void nearest_try(struct nearest *nearest, const char *candidate);

/*
 * Checks one key and its value (entry->value: writable, as ini_parse() hands it out) and, in a
 * [device], stores what it means in *device, which is NULL elsewhere. Leaves entry->value in its
 * canonical form: lists without blanks, args with its quotes.
 * Errors: -EBADMSG with diag filled in.
 */
int profile_take(enum profile_kind kind, struct profile_entry *entry, struct profile_device *device,
		 struct diag *diag) _must_check_;

#endif
