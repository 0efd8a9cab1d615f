/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entries of this system on its boot partitions, and what becomes of them. */
#ifndef BOOTCFG_BLS_SET_H
#define BOOTCFG_BLS_SET_H

#include "bootcfg/bls.h"
#include "bootcfg/loader.h"
#include "bootcfg/system-id.h"

struct bls_set {
	struct bls_entry *entries;
	size_t count;
	size_t others; /* that were left out: other systems', and rescue entries */
	unsigned missing; /* entries that bls_remark_missing() has remarked */
};

/*
 * Adds this system's entries in DIR/loader/entries to the set, sorted by name. Left out: rescue
 * entries; those of other systems, with a remark where they boot Linux; what systemd-boot does not
 * read (auto-*, directories); all of them, with a remark, where loader/entries.srel says that they are
 * of another type. Errors as file_read() and bls_parse().
 */
int bls_set_read(const struct boot_context *context, const char *dir, const struct system_id *id,
		 struct bls_set *set, struct diag *diag) _must_check_;
void bls_set_free(struct bls_set *set);

/* The entry of the newest kernel, or NULL: by its version, as strverscmp(3) has it. */
const struct bls_entry *bls_set_newest(const struct bls_set *set);

/*
 * Remarks what the entry names and is not there: systemd-boot hides an entry without its kernel, and
 * ends one without an initrd with an error. Of the first few such entries of a set. 0 or -ENOMEM.
 */
int bls_remark_missing(const struct boot_context *context, struct bls_set *set,
		       const struct bls_entry *entry, const struct boot_line *line) _must_check_;

/*
 * bls_line() into a line, its prefix (systemd-boot's initrd=), and what is ours there: by the entry's comment; else by the state, and what
 * is ours in the source (may be NULL) that entries are made from, since kernel-install and
 * kernelstub make them anew without our comment. 0 or -ENOMEM.
 */
int bls_claim(const struct boot_context *context, const struct bls_entry *entry,
	      const struct owned_list *source, struct boot_line *line) _must_check_;

/*
 * Puts the edited entry into the plan, and what is ours there into the state. source: what is ours
 * there after its edits, or NULL. A line that was not meant (context->kernel) is passed over. 0 or
 * -ENOMEM.
 */
int bls_plan(const struct boot_context *context, struct bls_entry *entry,
	     const struct boot_line *line, const struct owned_list *source,
	     struct plan *plan) _must_check_;

/*
 * Drops from the state what it knows of entries in DIR that are gone, or no longer this system's: a
 * kernel was removed. 0 or -ENOMEM.
 */
int bls_set_forget(const struct boot_context *context, const char *dir,
		   const struct bls_set *set) _must_check_;

/*
 * loader->quote() of those that have entries: what a line of text cannot carry, or kernel-install does
 * not. 0, or -EINVAL with diag.
 */
int bls_quote(const char *unit, struct diag *diag) _must_check_;

#endif
