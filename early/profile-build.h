/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal to the profile: it is built from one text after the other, then checked as a whole. */
#ifndef EARLY_PROFILE_BUILD_H
#define EARLY_PROFILE_BUILD_H

#include "profile.h"

/* Starts as PROFILE_BUILD_INIT, ends with profile_build_free(). */
struct profile_build {
	struct profile profile;
	struct profile_section *sections;
	size_t section_count;
	size_t first_entry; /* of the current section, which is the last one */
	const char *file; /* the current one */
};

#define PROFILE_BUILD_INIT ((struct profile_build){.sections = NULL})

/*
 * Room for one more in an array that only grows by one, from NULL: the array, moved where it had to
 * grow, or NULL where there is no memory (the old one is still the caller's).
 */
void *profile_grow(void *array, size_t count, size_t size) _must_check_;

/*
 * Reads one file's text, of size bytes and a NUL, and takes it over, on failure too. path is copied
 * and has a leading slash.
 * Errors: -EBADMSG, -ENOMEM, with diag filled in.
 */
int profile_build_text(struct profile_build *build, char *text, size_t size, const char *path,
		       struct diag *diag) _must_check_;

/* Checks what only all files together show, and hands the profile out. Errors: as above. */
int profile_build_finish(struct profile_build *build, struct profile *ret,
			 struct diag *diag) _must_check_;
void profile_build_free(struct profile_build *build);

int profile_out_of_memory(struct diag *diag);

#define _cleanup_build_ _cleanup_(profile_build_free)

#endif
