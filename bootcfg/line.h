/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel command line where a boot source keeps it, and what has to become of it. The loaders
 * read their files into lines and write edited lines back; everything between the two (what is
 * wanted, satisfied, contradicting, ours) is the same for all of them and lives in edit.h.
 */
#ifndef BOOTCFG_LINE_H
#define BOOTCFG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "early/cleanup.h"

/*
 * One thing on a command line that is wanted or owned whole: a token, or `hugepagesz=S` with the
 * `hugepages=N` that belongs to it ("hugepagesz=1G hugepages=16").
 */
struct want {
	char *text; /* in the kernel's own quoting, blank-separated; owned */
	const char *item; /* of `unset ITEM`: "iommu", "isolcpus", "hugepages:1G", "arg"; static */
	char *file; /* the profile's, with a leading slash; owned */
	unsigned line;
};

/* A unit that we have put somewhere. */
struct owned {
	char *text; /* as it stands there; owned */
	char *was; /* the user's bytes whose place it took, or NULL; owned */
};

struct owned_list {
	struct owned *items;
	size_t count;
};

struct wants {
	struct want *items; /* in the order in which they are added to a line */
	size_t count;
	/*
	 * Units that must not be there, e.g. "amd_iommu=off" or a vfio-pci.ids= that takes another
	 * card: a contradiction where the user has one, and never added. text as above.
	 */
	struct want *forbidden;
	size_t forbidden_count;
	/* What older guides left behind ("amd_iommu=on", "vfio-pci.ids"): never unexpected. By name,
	 * or by name=value. */
	const char *const *superseded; /* NULL-terminated, static */
	/* Entries of the profile, "SECTION KEY = VALUE", that are unwise and stand there by --force. */
	struct owned_list forced;
};

/*
 * A stretch of a command line in one place of one file; no token crosses its end, segments are
 * joined by a blank. text is as the kernel will get it: the loader has taken its own quoting off
 * and puts it back.
 */
struct segment {
	char *text; /* owned; NUL-terminated, no NUL inside */
	char *file; /* with a leading slash; owned */
	unsigned line; /* where the segment starts; 0: the whole file */
	bool fixed; /* cannot be edited here: /usr/lib, an expansion of the shell, a signed file */
	size_t cookie; /* the loader's own */
};

/* Take `remove` bytes out of a segment's text at `at`, put `insert` there. */
struct edit {
	size_t segment;
	size_t at, remove; /* bytes of segment->text as it was read */
	char *insert; /* "" where nothing is put in; owned */
};

enum line_role {
	LINE_SOURCE, /* what later kernels get their line from: a file in /etc, kernelstub's JSON */
	LINE_ENTRY, /* what a boot uses: an entry on the ESP, one of grub.cfg's menu entries */
};

struct boot_line {
	enum line_role role;
	char *file; /* the file to name to people, with a leading slash; owned */
	char *title; /* of a menu entry, or NULL; owned */
	char *kernel; /* its version, or where that is not known the path of its image, or NULL; owned */
	char *initrd; /* path of its (last) image below the root, or NULL; owned */
	char *initrds; /* paths of all of them, one a line, in their order, or NULL; owned */
	char *image; /* path of the kernel below the root, or NULL; owned */
	bool is_default; /* of grub.cfg: it says that this one boots where nobody chooses */
	struct segment *segments;
	size_t segment_count;
	size_t append; /* the segment that new units go to; never a fixed one, unless read_only */
	size_t prefix; /* bytes that the loader puts in front itself (BOOT_IMAGE=..., initrd=...) */
	bool read_only; /* shown by status, never edited: grub.cfg, a UKI, another system's entry */
	bool unified; /* a UKI: its initramfs is in it */
	bool absent; /* the file is not there yet: it is made where an edit puts something in */
	bool owned_known; /* there is a record of what is ours here, maybe of nothing */
	bool keeps_record; /* `set` writes that record into the file itself, always */
	struct owned_list
		owned; /* ours as it was read: from the place itself, else from the state */
	/* --- filled in by line_edit() --- */
	struct edit *edits; /* by segment, then by `at`, not overlapping */
	size_t edit_count;
	struct owned_list owned_after;
	bool changed; /* there are edits, or owned_after differs from owned */
};

void wants_free(struct wants *wants);
void owned_free(struct owned_list *list);
/* Appends copies; was may be NULL. 0 or -ENOMEM. */
int owned_add(struct owned_list *list, const char *text, const char *was) _must_check_;
int owned_copy(const struct owned_list *list, struct owned_list *ret) _must_check_;
bool owned_equal(const struct owned_list *a, const struct owned_list *b);
const struct owned *owned_find(const struct owned_list *list, const char *text);

/* Frees what the line holds, not the struct itself. */
void boot_line_free(struct boot_line *line);

/* Appends a segment; text and file are copied. 0 or -ENOMEM. */
int boot_line_segment(struct boot_line *line, const char *text, size_t size, const char *file,
		      unsigned number, bool fixed, size_t cookie) _must_check_;

/* All segments as one text, joined by blanks; the caller's to free, NULL without memory. */
char *boot_line_text(const struct boot_line *line) _must_check_;

/*
 * One segment's text after the line's edits; the caller's to free, NULL without memory. For the
 * loaders whose files hold the text as it is.
 */
char *boot_line_edited(const struct boot_line *line, size_t segment) _must_check_;

#define _cleanup_wants_ _cleanup_(wants_free)
#define _cleanup_owned_ _cleanup_(owned_free)

#endif
