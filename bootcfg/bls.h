/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot entries of type #1 (UAPI.1 Boot Loader Specification), as systemd-boot, GRUB with blscfg and
 * kernelstub have them. Bytes outside of what we edit stay: tabs, CRLF, comments, unknown keys,
 * a missing last newline. What is ours in an entry stands in it as a comment, in front of its first
 * `options` line:
 *
 *     # vfio-bootcfg: intel_iommu=on iommu=pt
 *     # vfio-bootcfg replaced: isolcpus=2-5 -> isolcpus=8-15
 *
 * which every reader of the format passes over (GRUB's too: the key is `#`, and it has a value).
 */
#ifndef BOOTCFG_BLS_H
#define BOOTCFG_BLS_H

#include "bootcfg/file.h"
#include "bootcfg/line.h"

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
	bool ours; /* has our comment: owned is what it says */
	struct owned_list owned;
	char *id; /* file name without a boot counter; owned */
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

/* The name without `+LEFT[-DONE]` before its suffix; the caller's to free. NULL without memory. */
char *bls_id(const char *file_name) _must_check_;

/*
 * Segments of the entry's options lines into line, its owned list, title, kernel and initrd.
 * first_only: only the first options line counts (GRUB); the rest is then no part of the line.
 * Without an options line the append segment is a new one. 0 or -ENOMEM.
 */
int bls_line(const struct bls_entry *entry, bool first_only, struct boot_line *line) _must_check_;

/*
 * The entry's bytes after the line's edits, with the comment of owned_after (none where it is empty);
 * the caller's to free. separator: what stands after the key of an options line that is made. 0 or
 * -ENOMEM.
 */
int bls_write(const struct bls_entry *entry, const struct boot_line *line, char **ret,
	      size_t *ret_size) _must_check_;

/*
 * Whose entry it is. machine_id: 32 hex digits or NULL. root_arg: `root=UUID=...` of this system where
 * it is known, or NULL.
 */
enum bls_whose {
	BLS_OURS,
	BLS_RESCUE, /* *-0-rescue*, Recovery-*, a title or parameters that say so: stays a way out */
	BLS_OTHER, /* another system, memtest, Windows, a shell: no linux, other machine or root */
};
enum bls_whose bls_whose(const struct bls_entry *entry, const char *machine_id,
			 const char *root_arg);

#endif
