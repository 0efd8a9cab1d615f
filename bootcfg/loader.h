/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A boot source: what keeps a kernel command line. One const struct each; all of them read their
 * files into boot lines and write edited lines into a plan. No other code knows their formats.
 */
#ifndef BOOTCFG_LOADER_H
#define BOOTCFG_LOADER_H

#include "bootcfg/line.h"
#include "bootcfg/plan.h"
#include "bootcfg/remarks.h"
#include "bootcfg/state.h"

/* What all loaders are given. */
struct boot_context {
	const struct root *root;
	struct state *state; /* read for line->owned; plan() records owned_after in it */
	const char *esp; /* --esp: below the root, without a leading slash; NULL: look for it */
	const char
		*kernel; /* only this kernel's entries are edited (a kernel upgrade); NULL: all */
	const struct profile
		*profile; /* as it is to be; NULL: only the command line is asked for */
	bool force; /* --force */
	struct remarks *remarks;
};

/* What needs to be done after the files are written, beside what the command does itself. */
enum boot_needs {
	NEED_REGENERATE = 1 << 0, /* grub.cfg, a UKI, entries that kernelstub makes */
	NEED_INITRAMFS = 1 << 1,
	NEED_RELABEL = 1 << 2, /* SELinux: a new file in an image has no label */
	NEED_REBOOT = 1 << 3,
};

/* What one loader has read. */
struct boot_setup {
	const struct loader *loader;
	struct boot_line *lines; /* sources first, then entries */
	size_t count;
	void *data; /* the loader's own */
};

struct loader {
	const char *name; /* of --loader and of JSON */

	/*
	 * Whether this loader's files are in the root: 1, 0, or -errno with diag. Looks for files only
	 * that belong to it alone; reads no EFI variable.
	 */
	int (*detect)(const struct boot_context *context, struct diag *diag);

	/*
	 * Reads all that is this loader's into *ret, which the caller frees with boot_setup_free() on
	 * success. Entries of other systems and rescue entries are left out (a remark where that may
	 * surprise). line->owned is filled in. Errors, with diag: -EBADMSG (a file that is not
	 * understood: nothing may be written), -EPERM (refused), -errno.
	 */
	int (*read)(const struct boot_context *context, struct boot_setup *ret, struct diag *diag);

	/*
	 * Puts what the lines' edits make of the files into the plan, records owned_after in the state
	 * and in place. *ret_needs gets boot_needs bits of what has to follow. 0 or -errno with diag.
	 */
	int (*plan)(const struct boot_context *context, struct boot_setup *setup, struct plan *plan,
		    unsigned *ret_needs, struct diag *diag);

	/*
	 * Whether this loader can carry the unit to the kernel unharmed: 0, or -EINVAL with diag
	 * (GRUB: ` #`, `;`, ...). Asked of every unit that is wanted, before anything is written.
	 */
	int (*quote)(const char *unit, struct diag *diag);

	void (*free)(struct boot_setup *setup); /* setup->data; NULL: nothing to free */
};

extern const struct loader loader_grub, loader_systemd_boot, loader_kernelstub;

/* All, NULL-terminated, in the order in which they are asked. */
extern const struct loader *const loaders[];

/* By name, or NULL. */
const struct loader *loader_find(const char *name);

/* Appends an empty line, owned by the setup. NULL without memory. */
struct boot_line *boot_setup_add(struct boot_setup *setup) _must_check_;
void boot_setup_free(struct boot_setup *setup);

#define _cleanup_setup_ _cleanup_(boot_setup_free)

#endif
