// SPDX-License-Identifier: GPL-2.0-or-later
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "bootcfg/active.h"

/* --- what the variables tell ------------------------------------------------------------------- */

static bool starts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* FAT keeps no case, and firmware writes names as it likes. */
static bool matches(const char *file, const char *pattern)
{
	return !fnmatch(pattern, file, FNM_NOESCAPE | FNM_CASEFOLD);
}

const char *active_booted(const struct efi_boot *efi)
{
	size_t selected = strlen(efi->entry_selected);
	const char *file = efi->boot_file;

	if (!efi->present)
		return NULL;
	/*
	 * GRUB with its module bli says who it is in the same variable. A stub behind GRUB has a
	 * command line of its own; behind systemd-boot it is one of its entries.
	 */
	if (starts(efi->loader_info, "systemd-boot "))
		return "systemd-boot";
	if (efi->stub_info[0] &&
	    (!efi->loader_info[0] ||
	     (selected > 4 && !strcasecmp(efi->entry_selected + selected - 4, ".efi"))))
		return "uki";
	if (starts(efi->loader_info, "GRUB "))
		return "grub";
	if (efi->loader_info[0])
		return "firmware"; /* rEFInd, Limine, ...: not ours to edit */
	if (matches(file, "\\EFI\\systemd\\systemd-boot*.efi"))
		return "systemd-boot";
	if (matches(file, "\\EFI\\Linux\\*.efi"))
		return "uki";
	if (matches(file, "\\EFI\\*\\grub*.efi") || matches(file, "\\EFI\\*\\shim*.efi"))
		return "grub";
	if (matches(file, "\\EFI\\*-*-*-*-*-*\\vmlinuz*.efi"))
		return "kernelstub";
	/* \EFI\BOOT\BOOTX64.EFI can be any of them. */
	if (matches(file, "\\EFI\\BOOT\\*.efi"))
		return NULL;
	return efi->boot_options[0] ? "firmware" : NULL;
}

/* --- what the files tell ----------------------------------------------------------------------- */

/* A loader that cannot be asked (an ESP that is not mounted) only matters where it is the one. */
struct candidates {
	const struct loader *failed[ACTIVE_MAX];
	int errors[ACTIVE_MAX];
	struct diag diags[ACTIVE_MAX];
	size_t failed_count;
};

static void detect_all(const struct boot_context *context, struct active *ret,
		       struct candidates *candidates)
{
	for (size_t i = 0; loaders[i] && ret->found_count < ACTIVE_MAX; i++) {
		size_t n = candidates->failed_count;
		int r;

		candidates->diags[n] = DIAG_INIT;
		r = loaders[i]->detect(context, &candidates->diags[n]);
		if (r > 0) {
			ret->found[ret->found_count++] = loaders[i];
		} else if (r < 0) {
			candidates->failed[n] = loaders[i];
			candidates->errors[n] = r;
			candidates->failed_count++;
		}
	}
}

static const struct loader *found(const struct active *active, const char *name)
{
	for (size_t i = 0; i < active->found_count; i++)
		if (!strcmp(active->found[i]->name, name))
			return active->found[i];
	return NULL;
}

static void choose(struct active *active, const struct loader *loader)
{
	for (size_t i = 0; i < active->chosen_count; i++)
		if (active->chosen[i] == loader)
			return;
	active->chosen[active->chosen_count++] = loader;
}

/* The names of what is found, "none" where nothing is. */
static char *list_found(const struct active *active, const char *before, char buf[static 128])
{
	size_t used = 0;

	snprintf(buf, 128, "none");
	for (size_t i = 0; i < active->found_count && used < 128; i++)
		used += (size_t)snprintf(buf + used, 128 - used, "%s%s%s", i ? ", " : "", before,
					 active->found[i]->name);
	return buf;
}

/* The error of a loader that could not be asked; 0 where it could. */
static int failure(const struct candidates *candidates, const char *name, struct diag *diag)
{
	for (size_t i = 0; i < candidates->failed_count; i++) {
		if (name && strcmp(candidates->failed[i]->name, name) != 0)
			continue;
		*diag = candidates->diags[i];
		return candidates->errors[i];
	}
	return 0;
}

/* --- the choice -------------------------------------------------------------------------------- */

static int choose_named(const char *const *names, const struct candidates *candidates,
			struct active *ret, struct diag *diag)
{
	char list[128];

	for (; *names; names++) {
		const struct loader *loader = found(ret, *names);
		int r;

		if (!loader) {
			r = failure(candidates, *names, diag);
			if (r < 0)
				return r;
			return diag_set(diag, -EINVAL, NULL, 0,
					"--loader %.60s: no files of such a boot loader are here; "
					"found: %s",
					*names, list_found(ret, "", list));
		}
		choose(ret, loader);
	}
	return 0;
}

/* kernelstub writes systemd-boot's entries: it is asked in its place where it is in use. */
static const struct loader *family(const struct active *active, const char *name)
{
	const struct loader *kernelstub = found(active, "kernelstub");

	if (kernelstub && !strcmp(name, "systemd-boot"))
		return kernelstub;
	return found(active, name);
}

static int choose_booted(const char *booted, const struct candidates *candidates,
			 struct active *ret, struct diag *diag)
{
	/* A UKI's command line is made from the sources that systemd-boot's entries are made from. */
	const char *name = strcmp(booted, "uki") != 0 ? booted : "systemd-boot";
	const struct loader *loader = family(ret, name);
	char list[128];
	int r;

	if (!strcmp(booted, "firmware"))
		return diag_set(
			diag, -EPERM, NULL, 0,
			"this system was booted by %.100s, which vfio-bootcfg does not know: "
			"its kernel command line is kept there; with --loader another one can "
			"be prepared: %s",
			ret->efi.loader_info[0] ? ret->efi.loader_info
						: "the firmware itself (efibootmgr -v)",
			list_found(ret, "--loader ", list));
	if (loader) {
		choose(ret, loader);
		ret->certain = true;
		return 0;
	}
	r = failure(candidates, name, diag);
	if (!r && !strcmp(name, "systemd-boot"))
		r = failure(candidates, "kernelstub", diag);
	if (r < 0)
		return r;
	return diag_set(diag, -ENOENT, NULL, 0,
			"%s booted this system, and its files are not found (found: %s): mount the "
			"file system that they are on, or name one with --loader or --esp",
			strcmp(booted, "uki") != 0 ? booted : "a unified kernel image",
			list_found(ret, "", list));
}

static int choose_by_files(const struct boot_context *context, const struct candidates *candidates,
			   struct active *ret, struct diag *diag)
{
	bool is_efi = root_exists(context->root, "sys/firmware/efi");
	const struct loader *only = NULL;
	char list[128];
	int r;

	/* Without EFI systemd-boot cannot be what boots, whatever lies about. */
	if (!is_efi) {
		only = found(ret, "grub");
		ret->certain = only != NULL;
		if (only) {
			choose(ret, only);
			return 0;
		}
		r = failure(candidates, "grub", diag);
		if (r < 0)
			return r;
		return diag_set(diag, -ENOENT, NULL, 0,
				"this system was booted by a BIOS, and there is no GRUB that could "
				"have done it: its boot loader is none that vfio-bootcfg knows");
	}
	r = failure(candidates, NULL, diag);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ret->found_count; i++) {
		const struct loader *loader = family(ret, ret->found[i]->name);

		if (only && only != loader)
			return diag_set(
				diag, -EPERM, NULL, 0,
				"it cannot be told which boot loader booted this system (the "
				"EFI variables do not say): name it with %s",
				list_found(ret, "--loader ", list));
		only = loader;
	}
	if (!only)
		return diag_set(
			diag, -ENOENT, NULL, 0,
			"no boot loader that vfio-bootcfg knows is here (GRUB, systemd-boot, "
			"kernelstub): mount the file system that it is on, or name it with "
			"--esp");
	choose(ret, only);
	return 0;
}

static int choose_image(const struct candidates *candidates, struct active *ret, struct diag *diag)
{
	int r = failure(candidates, NULL, diag);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ret->found_count; i++)
		choose(ret, family(ret, ret->found[i]->name));
	if (!ret->chosen_count)
		return diag_set(diag, -ENOENT, NULL, 0,
				"no boot loader that vfio-bootcfg knows is in this image (GRUB, "
				"systemd-boot, kernelstub): install one, or name its file system's "
				"directory with --esp");
	return 0;
}

/* What was found and is passed over: people wonder why their file was not edited. */
static void remark_others(const struct active *active, struct remarks *remarks)
{
	for (size_t i = 0; i < active->found_count; i++) {
		const struct loader *loader = active->found[i];
		bool chosen = family(active, loader->name) != loader;

		for (size_t j = 0; j < active->chosen_count; j++)
			chosen |= active->chosen[j] == loader;
		if (!chosen)
			remark(remarks,
			       "there are files of %s too, which is not what booted this system: "
			       "they "
			       "are left as they are (--loader %s edits them)",
			       loader->name, loader->name);
	}
}

int active_find(const struct boot_context *context, const char *const *names, struct active *ret,
		struct diag *diag)
{
	bool live = root_has_kernel(context->root);
	struct candidates candidates = {.failed_count = 0};
	struct diag efi_diag = DIAG_INIT;
	const char *booted;
	int efi_error, r;

	*ret = (struct active){.found_count = 0};
	r = active_refuse_managed(context->root, diag);
	if (r < 0)
		return r;
	efi_error = efi_boot_read(context->root, &ret->efi, &efi_diag);
	detect_all(context, ret, &candidates);
	booted = efi_error ? NULL : active_booted(&ret->efi);
	if (names[0]) {
		r = choose_named(names, &candidates, ret, diag);
		ret->certain = live && booted && r == 0 && ret->chosen_count == 1 &&
			       ret->chosen[0] == family(ret, booted);
		return r;
	}
	if (!live)
		return choose_image(&candidates, ret, diag);
	if (booted)
		r = choose_booted(booted, &candidates, ret, diag);
	else
		r = choose_by_files(context, &candidates, ret, diag);
	/* Why nothing tells is the better message. */
	if (r == -EPERM && efi_error) {
		*diag = efi_diag;
		return r;
	}
	if (r == 0 && efi_error)
		remark(context->remarks, "%s", efi_diag.text);
	if (r == 0)
		remark_others(ret, context->remarks);
	return r;
}
