/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GRUB that reads boot entries (Fedora and its kin, GRUB_ENABLE_BLSCFG): three places say the same and
 * are kept equal, since one is made from another by kernel-install, grubby or grub2-mkconfig:
 * /etc/default/grub, /etc/kernel/cmdline and boot/loader/entries. In EL 8 the entries say $kernelopts
 * and grubenv holds it.
 */
#ifndef BOOTCFG_GRUB_BLS_H
#define BOOTCFG_GRUB_BLS_H

#include "bootcfg/bls-set.h"
#include "bootcfg/kernel-cmdline.h"

/* GRUB's environment block: 1024 bytes, a header, NAME=VALUE lines, `#` up to the end. */
#define GRUB_ENV_SIZE 1024

/*
 * The value of a variable in an environment block, without its escapes; NULL: not in it, or no memory
 * (then errno is ENOMEM).
 */
char *grub_env_get(const struct file *file, const char *name) _must_check_;

/*
 * The block with another value; the variable is in it. *ret has GRUB_ENV_SIZE bytes, and is the
 * caller's. 0, -E2BIG (it does not fit), -EBADMSG (no such block or variable), -ENOMEM.
 */
int grub_env_set(const struct file *file, const char *name, const char *value,
		 char **ret) _must_check_;

struct grub_entries {
	struct bls_set set;
	struct kernel_cmdline cmdline;
	struct file env; /* grubenv; path NULL: none is read */
	bool has_cmdline, has_env; /* their lines are there */
	size_t cmdline_line, env_line, first_entry; /* of the setup */
};

/* Appends the lines. Errors as struct loader's read; to be freed in any case. */
int grub_entries_read(const struct boot_context *context, struct boot_setup *setup,
		      struct grub_entries *ret, struct diag *diag) _must_check_;

/* Puts the files into the plan. 0 or -errno with diag. */
int grub_entries_plan(const struct boot_context *context, struct boot_setup *setup,
		      struct grub_entries *entries, struct plan *plan,
		      struct diag *diag) _must_check_;

void grub_entries_free(struct grub_entries *entries);

#endif
