/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The profile: what this host should be. Read from /usr/lib/vfio-bootcfg.conf.d, then
 * /etc/vfio-bootcfg.conf, then /etc/vfio-bootcfg.conf.d; a file in /etc masks one of the same name
 * in /usr/lib. Anything not understood is an error: callers then claim nothing.
 */
#ifndef EARLY_PROFILE_H
#define EARLY_PROFILE_H

#include "diag.h"
#include "pci.h"

#define PROFILE_NAME_MAX 63 /* bytes, of a section's or a key's name */

/*
 * What a file says, checked, and decoded no further than key and value; for sections that early
 * does not act upon. Lists have no blanks; quotes are off, but for those of args.
 */
struct profile_entry {
	const char *section; /* "kernel"; owned by the profile, like all strings here */
	const char *name; /* of `[guest NAME]`; "" where the section has none */
	const char *key;
	const char *value; /* never empty; only args keeps its quotes, which are the kernel's */
	const char *file; /* with a leading slash */
	unsigned line;
};

struct profile_device {
	const char *name;
	const char *file; /* where the section starts */
	unsigned line;
	bool has_path, has_address, has_class, has_subsystem;
	struct pci_path path;
	struct pci_addr address;
	uint16_t vendor, device; /* id is required */
	uint16_t subvendor, subdevice;
	uint32_t class; /* as given, 16 or 24 bits */
	uint8_t class_digits; /* 4 or 6 */
	uint8_t functions; /* bit n: function n; 0: the whole slot */
	bool claim_guest; /* claim = guest: not at boot */
	bool moved_claim; /* moved = claim */
	bool match_all; /* match = all */
	bool allow_boot_display;
	bool allow_storage;
};

struct profile {
	struct profile_device *devices; /* in the order of the files */
	size_t device_count;
	struct profile_entry *entries; /* all keys of all sections, [device] included */
	size_t entry_count;
	size_t file_count; /* files that were read; 0: there is no profile */
	void *memory; /* internal */
};

/*
 * Reads the profile of a root. A file that is empty is read; a link to /dev/null is not, and masks.
 * *ret is the caller's, for profile_free(). No file at all is success with file_count 0.
 * Errors, each with diag filled in: -EBADMSG what a file says is not understood (also: a section
 * twice, a contradiction between files); -EPERM a file that others can write; -EACCES, -EISDIR,
 * -ENOTSUP (not a regular file), -ENOENT (a dangling link), -EFBIG, -EIO, ...: a file that cannot
 * be read; -ENOMEM.
 */
int profile_load(const struct root *root, struct profile *ret, struct diag *diag) _must_check_;
void profile_free(struct profile *profile);

/* What a file of the profile is going to say. It need not be there yet. */
struct profile_overlay {
	const char *path; /* below the root, without a leading slash; NULL ends an array of them */
	const char *text; /* size bytes; NULL: there will be no such file */
	size_t size;
};

/*
 * The same as if the files of the overlay, which may be NULL, were on disk already. Their owner and
 * mode are not looked at; that of a new one is ours. Only /etc/vfio-bootcfg.conf can be one that is
 * not there yet, since the directories are read as they are. Nothing of the overlay is kept.
 */
int profile_load_over(const struct root *root, const struct profile_overlay *overlay,
		      struct profile *ret, struct diag *diag) _must_check_;

/*
 * The same for one file's text of size bytes (copied), which diag calls `file`: for the checks of a
 * text that is no file yet, and for the fuzzer. file has a leading slash; it is copied too.
 * Errors: -EBADMSG, -ENOMEM.
 */
int profile_parse_text(const char *text, size_t size, const char *file, struct profile *ret,
		       struct diag *diag) _must_check_;

/* The value of the only KEY in [SECTION NAME] (name "" for a section without), or NULL. */
const struct profile_entry *profile_get(const struct profile *profile, const char *section,
					const char *name, const char *key);

/* A file that the profile was read from, with a leading slash, in the order of reading; n below file_count. */
const char *profile_file(const struct profile *profile, size_t n);

#define _cleanup_profile_ _cleanup_(profile_free)

#endif
