// SPDX-License-Identifier: GPL-2.0-or-later
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "bootcfg/bls.h"
#include "bootcfg/default-entry.h"
#include "bootcfg/grub-bls.h"

#define ENTRIES "/loader/entries/"
#define UKIS "/EFI/Linux/"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_boot_entry(const struct boot_line *line)
{
	return line->role == LINE_ENTRY && !line->absent;
}

static bool has_file_below(const struct boot_line *line, const char *dir)
{
	return is_boot_entry(line) && strstr(line->file, dir);
}

/* NAME+0-3.conf has failed three times. */
static bool is_worn(const struct boot_line *line)
{
	const char *plus = strrchr(base_name(line->file), '+');

	return plus && plus[1] == '0' && strchr("-.", plus[2]);
}

/* 1 where a comes before b in the menu: newest first, what has failed last. */
static bool is_before(const struct boot_line *a, const struct boot_line *b)
{
	int order;

	if (is_worn(a) != is_worn(b))
		return is_worn(b);
	if (!a->kernel || !b->kernel)
		return a->kernel && !b->kernel;
	order = strverscmp(a->kernel, b->kernel);
	return order ? order > 0 : strverscmp(base_name(a->file), base_name(b->file)) > 0;
}

/* FAT keeps no case; older systemd-boot had no suffix in `default`. 1, 0 or -ENOMEM. */
static int matches(const struct boot_line *line, const char *pattern)
{
	_cleanup_free_ char *id = bls_id(base_name(line->file));
	char *dot;

	if (!id)
		return -ENOMEM;
	if (!fnmatch(pattern, id, FNM_CASEFOLD))
		return 1;
	dot = strrchr(id, '.');
	if (dot)
		*dot = '\0';
	return !fnmatch(pattern, id, FNM_CASEFOLD);
}

/* The first in the menu of those that match; pattern NULL: of all. Index, -ENOENT or -ENOMEM. */
static int first_match(const struct boot_setup *setup, const char *pattern)
{
	int best = -ENOENT;

	for (size_t i = 0; i < setup->count; i++) {
		const struct boot_line *line = &setup->lines[i];
		int r;

		if (!has_file_below(line, ENTRIES) && !has_file_below(line, UKIS))
			continue;
		r = pattern ? matches(line, pattern) : 1;
		if (r < 0)
			return r;
		if (r && (best < 0 || is_before(line, &setup->lines[best])))
			best = (int)i;
	}
	return best;
}

/* `default` of loader.conf, beside the entries: *ret is the caller's, NULL for none. 0 or -ENOMEM. */
static int read_loader_conf(const struct root *root, const struct boot_setup *setup, char **ret)
{
	_cleanup_file_ struct file file = {.exists = false};
	struct diag diag = DIAG_INIT;
	const char *mark = NULL, *top = NULL;
	char path[4096];

	*ret = NULL;
	for (size_t i = 0; i < setup->count && !mark; i++) {
		if (!is_boot_entry(&setup->lines[i]))
			continue;
		top = setup->lines[i].file + 1;
		mark = strstr(top - 1, ENTRIES);
		if (!mark)
			mark = strstr(top - 1, UKIS);
	}
	if (!mark)
		return 0;
	snprintf(path, sizeof(path), "%.*s/loader/loader.conf", mark > top ? (int)(mark - top) : 0,
		 top);
	if (file_read(root, path + (*path == '/'), &file, &diag) < 0 || !file.exists)
		return 0;
	for (const char *at = file.data; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		size_t len;

		at += strspn(at, " \t");
		if (strncmp(at, "default", 7) != 0 || !strchr(" \t", at[7]) || !at[7])
			continue;
		at += 7 + strspn(at + 7, " \t");
		len = strcspn(at, "\r\n");
		while (len && strchr(" \t", at[len - 1]))
			len--;
		free(*ret);
		*ret = strndup(at, len);
		if (!*ret)
			return -ENOMEM;
	}
	return 0;
}

static int systemd_boot(const struct root *root, const struct efi_boot *efi,
			const struct boot_setup *setup, struct diag *diag)
{
	_cleanup_free_ char *configured = NULL;
	const char *pattern;
	int r = read_loader_conf(root, setup, &configured);

	if (r < 0)
		return r;
	pattern = efi->entry_default[0] ? efi->entry_default : configured;
	/* What was booted last is what boots next: of that the variable of this boot tells. */
	if (pattern && !strcmp(pattern, "@saved"))
		pattern = efi->entry_selected[0] ? efi->entry_selected : NULL;
	r = pattern && *pattern ? first_match(setup, pattern) : -ENOENT;
	if (r == -ENOENT)
		r = first_match(setup, NULL);
	if (r == -ENOENT)
		return diag_set(
			diag, r, NULL, 0,
			"no boot entry of this system is there: install its kernel anew, or "
			"mount the partition that they are on (--esp DIR)");
	return r;
}

static int grub_entries(const struct root *root, const struct boot_setup *setup, struct diag *diag)
{
	static const char *const paths[] = {"boot/grub2/grubenv", "boot/grub/grubenv"};
	_cleanup_free_ char *saved = NULL;
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && !saved; i++) {
		_cleanup_file_ struct file env = {.exists = false};

		if (file_read(root, paths[i], &env, diag) < 0)
			continue;
		saved = grub_env_get(&env, "saved_entry");
		if (!saved && errno == ENOMEM)
			return -ENOMEM;
	}
	if (saved && *saved)
		r = first_match(setup, saved);
	if (r == -ENOENT)
		r = first_match(setup, NULL);
	return r;
}

static int grub_menu(const struct boot_setup *setup, struct diag *diag)
{
	bool any = false;

	for (size_t i = 0; i < setup->count; i++) {
		if (setup->lines[i].is_default)
			return (int)i;
		any |= is_boot_entry(&setup->lines[i]);
	}
	if (!any)
		return diag_set(diag, -ENOENT, NULL, 0,
				"grub.cfg has no entry of this system: make it by update-grub or "
				"grub-mkconfig -o");
	return diag_set(diag, -ENOENT, NULL, 0,
			"the entry that grub.cfg boots by default is none of this system, or a "
			"rescue entry: choose another by GRUB_DEFAULT= in /etc/default/grub or by "
			"grub-set-default");
}

int default_entry(const struct root *root, const struct efi_boot *efi,
		  const struct boot_setup *setup, struct diag *diag)
{
	bool has_entries = false;

	for (size_t i = 0; i < setup->count; i++)
		has_entries |= has_file_below(&setup->lines[i], ENTRIES);
	if (setup->loader != &loader_grub)
		return systemd_boot(root, efi, setup, diag);
	return has_entries ? grub_entries(root, setup, diag) : grub_menu(setup, diag);
}
