/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot entries of type #1 (UAPI.1 Boot Loader Specification), as systemd-boot, GRUB with blscfg and
 * kernelstub have them. Bytes outside of what we edit stay: tabs, CRLF, comments, unknown keys,
 * a missing last newline. What is ours in an entry stands in it as comments, in front of its first
 * `options` line, in the order of the list:
 *
 *     # vfio-bootcfg: intel_iommu=on iommu=pt
 *     # vfio-bootcfg replaced: isolcpus=2-5 -> isolcpus=8-15
 *     # vfio-bootcfg owns nothing here
 *
 * The last one stands alone: all that we would have put in was there. Every reader of the format
 * passes over such lines (GRUB's too: the key is `#`, and it has a value).
 */
#ifndef BOOTCFG_BLS_H
#define BOOTCFG_BLS_H

#include "bootcfg/file.h"
#include "bootcfg/line.h"
#include "bootcfg/system-id.h"

/* A line `key value` of an entry; offsets into the file's data. */
struct bls_field {
	size_t key, key_size; /* bytes */
	size_t value, value_size; /* without the blanks around it and the line's end */
	size_t start, end; /* of the line; end is after its newline */
	unsigned line; /* from 1 */
};

struct bls_entry {
	struct file file;
	struct bls_field *fields; /* comments and blank lines are not among them */
	size_t count;
	struct bls_field *comments; /* our own: key is what stands before the value */
	size_t comment_count;
	bool ours; /* has our comment: owned is what it says */
	struct owned_list owned;
	char *id; /* file name without a boot counter; owned */
	/*
	 * For the caller to set before bls_write(): where nothing is ours after it, the entry is to say
	 * so, lest it be taken for one that was made from a source in which we own something.
	 */
	bool mark;
};

/*
 * Parses an entry (file is taken over on success). Errors, with diag: -EBADMSG (a NUL, bytes that are
 * no UTF-8 in options, our own comment torn), -ENOMEM.
 */
int bls_parse(struct file *file, struct bls_entry *ret, struct diag *diag) _must_check_;
void bls_free(struct bls_entry *entry);

/* The n-th field with this key (from 0), or NULL. Keys are case-sensitive. */
const struct bls_field *bls_field(const struct bls_entry *entry, const char *key, size_t n);

/* Copy of a field's value; NULL without memory or without field. */
char *bls_value(const struct bls_entry *entry, const char *key) _must_check_;

/* The file that a field names, below the root; the caller's to free. NULL without memory. */
char *bls_path(const struct bls_entry *entry, const struct bls_field *field) _must_check_;

/* All options lines as one text, joined by blanks, as systemd-boot does; NULL without memory. */
char *bls_options(const struct bls_entry *entry) _must_check_;

/* The name without `+LEFT[-DONE]` before its suffix; the caller's to free. NULL without memory. */
char *bls_id(const char *file_name) _must_check_;

/*
 * The entry's key in the state: its path below the root with the id in place of the name, since a
 * boot counter makes the loader rename the file. The caller's to free; NULL without memory.
 */
char *bls_key(const struct bls_entry *entry) _must_check_;

/*
 * The kernel's version: the key `version`, else as far as its path tells (vmlinuz-VERSION,
 * TOKEN/VERSION/linux), else that path as it stands. *ret is the caller's to free; NULL where the
 * entry has none of these. 0 or -ENOMEM.
 */
int bls_kernel(const struct bls_entry *entry, char **ret) _must_check_;

/*
 * Segments of the entry's options lines into line (append is the first), and its file, owned,
 * owned_known, title, kernel and initrd (its last one). first_only: only the first options line
 * counts, and of an initrd line the last word that is no variable (GRUB). A line without a value
 * is none; without an options line there is one empty segment for a line to be made. 0 or -ENOMEM:
 * then the line holds some of it, for boot_line_free().
 */
int bls_line(const struct bls_entry *entry, bool first_only, struct boot_line *line) _must_check_;

/*
 * The entry's bytes after the line's edits, with the comments of owned_after (none where it is
 * empty and mark is not set); *ret is the caller's to free. line is of bls_line(). An options line
 * that becomes empty goes whole; one that is made goes behind what is booted. 0 or -ENOMEM.
 */
int bls_write(const struct bls_entry *entry, const struct boot_line *line, char **ret,
	      size_t *ret_size) _must_check_;

/*
 * Whose entry it is. What tells nothing against it is ours.
 */
enum bls_whose {
	BLS_OURS,
	BLS_RESCUE, /* *-0-rescue*, Recovery-*, a title or parameters that say so: stays a way out */
	BLS_OTHER, /* another system, memtest, Windows, a shell: no linux, other machine or root */
};
enum bls_whose bls_whose(const struct bls_entry *entry, const struct system_id *id);

#define _cleanup_bls_ _cleanup_(bls_free)

#endif
