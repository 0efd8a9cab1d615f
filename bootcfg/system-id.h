/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By what the boot entries of a system are told from those of others on the same partition. */
#ifndef BOOTCFG_SYSTEM_ID_H
#define BOOTCFG_SYSTEM_ID_H

#include "early/diag.h"
#include "early/root.h"

struct system_id {
	char *machine_id; /* machine-id(5): 32 hex digits, or NULL; owned */
	/*
	 * The one that kernel-install(8) names entries by where it is another (a machine that was
	 * cloned from an image): /etc/kernel/entry-token, else KERNEL_INSTALL_MACHINE_ID= of
	 * machine-info(5). 32 hex digits, or NULL; owned.
	 */
	char *entry_id;
	char *root_arg; /* "root=UUID=..." by /etc/fstab, or NULL; owned */
};

/*
 * *ret is the caller's, for system_id_free(). An image has no machine-id before its first boot, and
 * maybe no fstab. 0, or -errno with diag.
 */
int system_id_read(const struct root *root, struct system_id *ret, struct diag *diag) _must_check_;

/*
 * Where fstab told no root: the one of a command line, if it is named in a way that can be compared.
 * 0 or -ENOMEM.
 */
int system_id_root(struct system_id *id, const char *cmdline) _must_check_;

static inline void system_id_free(struct system_id *id)
{
	free(id->machine_id);
	free(id->entry_id);
	free(id->root_arg);
}
#define _cleanup_system_id_ _cleanup_(system_id_free)

#endif
