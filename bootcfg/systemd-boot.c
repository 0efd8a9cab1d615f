// SPDX-License-Identifier: GPL-2.0-or-later
/* systemd-boot: type #1 entries, what kernel-install makes them from, and unified kernel images. */
#include <string.h>
#include <strings.h>

#include "bootcfg/bls-set.h"
#include "bootcfg/esp.h"
#include "bootcfg/kernel-cmdline.h"
#include "bootcfg/uki-set.h"

struct sdboot {
	struct bls_set set;
	struct kernel_cmdline cmdline;
	const char *dirs[ESP_MAX]; /* where the entries are */
	size_t dir_count;
	bool has_source; /* then it is the first line */
	size_t first_entry, first_uki; /* lines, in the order of the set */
};

static int no_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* --- detect ------------------------------------------------------------------------------------ */

static bool has_grub(const struct root *root)
{
	static const char *const files[] = {"etc/default/grub", "etc/grub.d", "boot/grub/grub.cfg",
					    "boot/grub2/grub.cfg"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (root_exists(root, files[i]))
			return true;
	return false;
}

/* GRUB of Fedora has entries below /boot, too; these files it has not. */
static bool is_systemd_boot(const struct root *root, const char *dir)
{
	return esp_has_suffix(root, dir, "EFI/systemd", ".efi") ||
	       esp_has_suffix(root, dir, "EFI/Linux", ".efi") ||
	       esp_has(root, dir, "loader/loader.conf") ||
	       esp_has(root, dir, "loader/entries.srel");
}

static int sdboot_detect(const struct boot_context *context, struct diag *diag)
{
	const char *dirs[ESP_MAX];
	size_t count;
	int r = loader_kernelstub.detect(context, diag);

	/* kernelstub makes the entries that systemd-boot shows: they are edited as its own. */
	if (r)
		return r < 0 ? r : 0;
	r = esp_detect(context, dirs, &count, diag);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		if (is_systemd_boot(context->root, dirs[i]) ||
		    ((context->esp || !has_grub(context->root)) &&
		     esp_has_suffix(context->root, dirs[i], "loader/entries", ".conf")))
			return 1;
	/* An image whose kernels are not installed yet. */
	return !has_grub(context->root) && context->root->kind != ROOT_LIVE &&
	       root_exists(context->root, KERNEL_CMDLINE);
}

/* --- read -------------------------------------------------------------------------------------- */

/* TOKEN/VERSION/linux is how kernel-install lays kernels out. */
static bool is_installed(const struct bls_entry *entry)
{
	const struct bls_field *field = bls_field(entry, "linux", 0);
	const char *path = field ? entry->file.data + field->value : "";
	const char *version = strchr(path + (*path == '/'), '/');

	return version && strspn(version + 1, "0123456789") &&
	       field->value_size > strlen("/linux") &&
	       !strncmp(path + field->value_size - strlen("/linux"), "/linux", strlen("/linux"));
}

/*
 * Whether kernels that are installed later take their command line from /etc/kernel/cmdline. That
 * kernel-install is there says nothing: it comes with systemd, also where entries are written by
 * hand.
 */
static bool uses_source(const struct root *root, const struct bls_set *set, bool has_ukis)
{
	static const char *const files[] = {
		KERNEL_CMDLINE,
		KERNEL_CMDLINE_VENDOR,
		"etc/kernel/install.conf",
		"etc/kernel/entry-token",
		"etc/kernel/postinst.d/zz-systemd-boot",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (root_exists(root, files[i]))
			return true;
	/* Plugins of its own; systemd's packages bring the directory, empty. */
	if (esp_has_suffix(root, "etc/kernel", "install.d", ".install"))
		return true;
	for (size_t i = 0; i < set->count; i++)
		if (is_installed(&set->entries[i]))
			return true;
	return has_ukis;
}

static int read_id(const struct boot_context *context, struct system_id *id, struct diag *diag)
{
	_cleanup_file_ struct file file = {.exists = false};
	int r = system_id_read(context->root, id, diag);

	if (r < 0 || id->root_arg)
		return r;
	r = file_read(context->root, KERNEL_CMDLINE, &file, diag);
	if (r < 0 || !file.exists)
		return r;
	return system_id_root(id, file.data) < 0 ? no_memory(diag) : 0;
}

/* The line that a file which is not there begins with: of the newest kernel, else of a UKI. */
static int seed_source(const struct boot_context *context, struct sdboot *data,
		       const struct uki_set *ukis, struct boot_line *source, struct diag *diag)
{
	const struct bls_entry *newest = bls_set_newest(&data->set);
	struct boot_line line = {.role = LINE_ENTRY};
	int r = -ENOENT;

	if (newest && bls_field(newest, "options", 0))
		r = bls_claim(context, newest, NULL, &line);
	else if (ukis->count)
		r = uki_set_line(ukis, uki_set_newest(ukis), &line);
	if (!r)
		r = kernel_cmdline_seed(&data->cmdline, source, &line);
	if (r == -EBADMSG)
		diag_set(diag, r, line.file, 0,
			 "a quote without its end: what it means is not known");
	boot_line_free(&line);
	if (r == -ENOENT)
		return 0;
	return r == -ENOMEM ? no_memory(diag) : r;
}

static int read_source(const struct boot_context *context, struct sdboot *data,
		       const struct uki_set *ukis, struct boot_setup *setup, struct diag *diag)
{
	int r = kernel_cmdline_read(context, uki_uses_dropins(context->root), setup, &data->cmdline,
				    diag);

	if (r < 0)
		return r;
	data->has_source = true;
	if (kernel_cmdline_needs_seed(&data->cmdline, &setup->lines[0]))
		r = seed_source(context, data, ukis, &setup->lines[0], diag);
	return r;
}

/* An entry that starts a UKI without options of its own: given some, it would lose the UKI's. */
static bool is_uki_entry(const struct bls_entry *entry)
{
	_cleanup_free_ char *options = bls_options(entry), *path = bls_value(entry, "linux");
	size_t len = path ? strlen(path) : 0;

	if (!options || *options)
		return false;
	return bls_field(entry, "uki", 0) || bls_field(entry, "efi", 0) ||
	       (len > 4 && !strcasecmp(path + len - 4, ".efi"));
}

static int add_entry(const struct boot_context *context, struct bls_set *set,
		     const struct bls_entry *entry, const struct owned_list *source,
		     struct boot_setup *setup)
{
	struct boot_line *line = boot_setup_add(setup);
	int r = line ? bls_claim(context, entry, source, line) : -ENOMEM;

	if (!r)
		r = bls_remark_missing(context, set, entry, line);
	if (r < 0)
		return r;
	line->read_only = is_uki_entry(entry);
	if (line->read_only)
		remark(context->remarks,
		       "%s starts a unified kernel image, which brings its own command line",
		       line->file);
	return 0;
}

static int add_lines(const struct boot_context *context, struct sdboot *data,
		     const struct uki_set *ukis, struct boot_setup *setup)
{
	struct owned_list nothing = {.count = 0};
	_cleanup_owned_ struct owned_list owned = {.count = 0};
	int r = owned_copy(data->has_source ? &setup->lines[0].owned : &nothing, &owned);

	data->first_entry = setup->count;
	for (size_t i = 0; !r && i < data->set.count; i++)
		r = add_entry(context, &data->set, &data->set.entries[i], &owned, setup);
	data->first_uki = setup->count;
	for (size_t i = 0; !r && i < ukis->count; i++) {
		struct boot_line *line = boot_setup_add(setup);

		r = line ? uki_set_line(ukis, i, line) : -ENOMEM;
		if (!r)
			r = owned_copy(&owned, &line->owned);
		if (!r)
			line->owned_known = context->state && state_found(context->state);
	}
	return r;
}

/* What boots now has the command line somewhere else. */
static void remark_nothing(const struct boot_context *context, const struct sdboot *data)
{
	if (data->set.others)
		remark(context->remarks,
		       "none of the boot entries below /%s is of this system: none is edited",
		       data->dirs[0]);
	else if (data->has_source && (!data->dir_count || !esp_has(context->root, data->dirs[0],
								   "loader/entries.srel")))
		remark(context->remarks,
		       "no boot entry is here; is the EFI system partition mounted? Only "
		       "/etc/kernel/cmdline is edited: kernels that are installed later take it");
}

static int read_all(const struct boot_context *context, struct boot_setup *setup,
		    struct uki_set *ukis, struct diag *diag)
{
	_cleanup_system_id_ struct system_id id = {.machine_id = NULL};
	struct sdboot *data = setup->data;
	int r = esp_find(context, data->dirs, &data->dir_count, diag);

	if (!r)
		r = read_id(context, &id, diag);
	for (size_t i = 0; !r && i < data->dir_count; i++)
		r = bls_set_read(context, data->dirs[i], &id, &data->set, diag);
	for (size_t i = 0; !r && i < data->dir_count; i++)
		r = uki_set_read(context, data->dirs[i], &id, ukis, diag);
	if (!r && uses_source(context->root, &data->set, ukis->count))
		r = read_source(context, data, ukis, setup, diag);
	if (!r && add_lines(context, data, ukis, setup) < 0)
		r = no_memory(diag);
	if (!r && !data->set.count && !ukis->count)
		remark_nothing(context, data);
	return r;
}

static void sdboot_free(struct boot_setup *setup)
{
	struct sdboot *data = setup->data;

	if (!data)
		return;
	bls_set_free(&data->set);
	kernel_cmdline_free(&data->cmdline);
	free(data);
	setup->data = NULL;
}

static int sdboot_read(const struct boot_context *context, struct boot_setup *ret,
		       struct diag *diag)
{
	struct boot_setup setup = {.loader = &loader_systemd_boot};
	struct uki_set ukis = {.count = 0};
	int r;

	setup.data = calloc(1, sizeof(struct sdboot));
	if (!setup.data)
		return no_memory(diag);
	r = read_all(context, &setup, &ukis, diag);
	uki_set_free(&ukis);
	if (r < 0) {
		boot_setup_free(&setup);
		return r;
	}
	*ret = setup;
	return 0;
}

/* --- plan -------------------------------------------------------------------------------------- */

static int sdboot_plan(const struct boot_context *context, struct boot_setup *setup,
		       struct plan *plan, unsigned *ret_needs, struct diag *diag)
{
	struct sdboot *data = setup->data;
	const struct boot_line *source = data->has_source ? &setup->lines[0] : NULL;
	unsigned needs = 0;
	int r = 0;

	if (source)
		r = kernel_cmdline_plan(context, &data->cmdline, source, plan, diag);
	if (r < 0)
		return r;
	for (size_t i = 0; i < data->set.count; i++)
		if (bls_plan(context, &data->set.entries[i], &setup->lines[data->first_entry + i],
			     source ? &source->owned_after : NULL, plan) < 0)
			return no_memory(diag);
	for (size_t i = 0; i < data->dir_count; i++)
		if (bls_set_forget(context, data->dirs[i], &data->set) < 0)
			return no_memory(diag);
	for (size_t i = data->first_uki; i < setup->count; i++) {
		const struct boot_line *line = &setup->lines[i];

		r = uki_initrd_needs(context, line);
		if (r < 0)
			return no_memory(diag);
		if (source && uki_is_outdated(line, source)) {
			uki_remark_rebuild(context, line, "another command line");
			r |= NEED_REGENERATE;
		} else if (r & NEED_REGENERATE) {
			uki_remark_rebuild(context, line, "an initramfs without the profile");
		}
		needs |= (unsigned)r;
	}
	*ret_needs = needs;
	return 0;
}

const struct loader loader_systemd_boot = {
	.name = "systemd-boot",
	.detect = sdboot_detect,
	.read = sdboot_read,
	.plan = sdboot_plan,
	.quote = bls_quote,
	.free = sdboot_free,
};
