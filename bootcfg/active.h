/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which boot sources are to be edited: live the one that the firmware says has booted this system,
 * in an image all whose files are there. Systems that others manage are refused with the command
 * that they have for it.
 */
#ifndef BOOTCFG_ACTIVE_H
#define BOOTCFG_ACTIVE_H

#include "bootcfg/efivars.h"
#include "bootcfg/loader.h"

#define ACTIVE_MAX 8

struct active {
	const struct loader *found[ACTIVE_MAX]; /* all whose files are there */
	size_t found_count;
	const struct loader *chosen[ACTIVE_MAX]; /* to be edited */
	size_t chosen_count;
	bool certain; /* the one that booted is known (live), not guessed from files */
	struct efi_boot efi;
};

/*
 * names: --loader, NULL-terminated, may be empty. *ret is filled in as far as it is known, on failure
 * too: found, efi. What else is noticed (other loaders' files, a guess) is remarked. Where kernelstub
 * is chosen, systemd-boot is not: it has the same entries.
 * Errors, with diag: -EPERM (a managed system: ostree, bootc, NixOS, Guix, Proxmox, transactional; or
 * live, with more than one candidate and nothing that tells: the message has the choices), -EINVAL
 * (--loader names one that is not there: says which are), -ENOENT (no boot source at all, or not that
 * of the loader that booted), -errno.
 */
int active_find(const struct boot_context *context, const char *const *names, struct active *ret,
		struct diag *diag) _must_check_;

/* A system whose boot entries another tool owns: -EPERM with diag, or 0. Asked before all else. */
int active_refuse_managed(const struct root *root, struct diag *diag) _must_check_;

/*
 * Which loader the variables say has booted this system: a loader's name, "kernelstub" where its
 * kernel was started by the firmware itself, "uki", "firmware" (a kernel as EFI stub, of nobody that
 * is known), or NULL where they do not tell. Static. Pure.
 */
const char *active_booted(const struct efi_boot *efi);

#endif
