// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernelstub (Pop!_OS): its configuration, and the entries that it makes from it for systemd-boot. Its
 * hooks make them anew at each kernel and initramfs update, but not before: both are edited. Not
 * through its own -a and -d, which lose order and tokens.
 */
#include <string.h>

#include "bootcfg/bls-set.h"
#include "bootcfg/edit.h"
#include "bootcfg/esp.h"
#include "bootcfg/kernelstub-config.h"

struct stub {
	struct stub_config config; /* of the first line */
	struct bls_set set; /* of the others, in this order */
	const char *dirs[ESP_MAX]; /* where they are */
	size_t dir_count;
};

static int no_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* --- detect ------------------------------------------------------------------------------------ */

static bool has_entries(const struct root *root, const char *dir)
{
	return esp_has_suffix(root, dir, "loader/entries", "-current.conf") ||
	       esp_has_suffix(root, dir, "loader/entries", "-oldkern.conf");
}

/* EFI/NAME-UUID/vmlinuz.efi: the firmware starts it, where kernelstub does not manage a loader. */
static bool has_kernel(const struct root *root, const char *dir)
{
	_cleanup_names_ char **names = NULL;
	_cleanup_free_ char *efi = NULL;
	struct diag diag = DIAG_INIT;
	bool found = false;

	if (asprintf(&efi, "%s/EFI", dir) < 0) {
		efi = NULL;
		return false;
	}
	if (names_read(root, efi, "", &names, &diag) < 0)
		return false;
	for (size_t i = 0; names[i] && !found; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "EFI/%s/vmlinuz.efi", names[i]) < 0) {
			path = NULL;
			return false;
		}
		found = strchr(names[i], '-') && esp_has(root, dir, path);
	}
	return found;
}

/* Without any of its kernels on a boot partition, GRUB is what boots, though kernelstub is there. */
static int stub_detect(const struct boot_context *context, struct diag *diag)
{
	static const char *const files[] = {STUB_CONFIG, "etc/default/kernelstub",
					    "usr/bin/kernelstub"};
	static const char *const places[] = {"boot/efi", "efi", "boot"};
	const char *dirs[ESP_MAX];
	bool installed = false;
	size_t count;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		installed = installed || root_exists(context->root, files[i]);
	if (!installed)
		return 0;
	r = esp_detect(context, dirs, &count, diag);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		if (has_entries(context->root, dirs[i]) || has_kernel(context->root, dirs[i]))
			return 1;
	for (size_t i = 0; !context->esp && i < ARRAY_SIZE(places); i++)
		if (has_kernel(context->root, places[i]))
			return 1;
	return 0;
}

/* --- read -------------------------------------------------------------------------------------- */

static int read_config(const struct boot_context *context, struct stub *stub, struct diag *diag)
{
	_cleanup_file_ struct file file = {.exists = false};
	int r = file_read(context->root, STUB_CONFIG, &file, diag);

	if (r < 0)
		return r;
	if (!file.exists)
		return diag_set(diag, -EPERM, "/" STUB_CONFIG, 0,
				"it is not there, so that the next kernel update would undo the "
				"settings: run kernelstub once, which writes it");
	return stub_config_parse(&file, &stub->config, diag);
}

static int add_config(const struct boot_context *context, const struct stub *stub,
		      struct boot_setup *setup)
{
	struct boot_line *line = boot_setup_add(setup);
	const struct owned_list *owned;
	int r = line ? stub_config_line(&stub->config, line) : -ENOMEM;

	if (r < 0)
		return r;
	/* `root=UUID=... ro ` goes in front of it; of the loader's own words the entries tell. */
	line->prefix = strlen("root=UUID=00000000-0000-0000-0000-000000000000 ro ");
	if (stub->config.has_record || !context->state)
		return 0;
	line->owned_known = state_found(context->state);
	owned = state_owned(context->state, STUB_CONFIG);
	return owned ? owned_copy(owned, &line->owned) : 0;
}

static int add_entries(const struct boot_context *context, struct stub *stub,
		       struct boot_setup *setup)
{
	_cleanup_owned_ struct owned_list owned = {.count = 0};
	int r = owned_copy(&setup->lines[0].owned, &owned);

	for (size_t i = 0; !r && i < stub->set.count; i++) {
		struct boot_line *line = boot_setup_add(setup);

		r = line ? bls_claim(context, &stub->set.entries[i], &owned, line) : -ENOMEM;
		if (!r)
			r = bls_remark_missing(context, &stub->set, &stub->set.entries[i], line);
	}
	return r;
}

static int read_all(const struct boot_context *context, struct boot_setup *setup, struct diag *diag)
{
	_cleanup_system_id_ struct system_id id = {.machine_id = NULL};
	struct stub *stub = setup->data;
	int r = esp_find(context, stub->dirs, &stub->dir_count, diag);

	if (!r)
		r = system_id_read(context->root, &id, diag);
	if (!r)
		r = read_config(context, stub, diag);
	for (size_t i = 0; !r && i < stub->dir_count; i++)
		r = bls_set_read(context, stub->dirs[i], &id, &stub->set, diag);
	if (r < 0)
		return r;
	r = add_config(context, stub, setup);
	if (!r)
		r = add_entries(context, stub, setup);
	return r < 0 ? no_memory(diag) : 0;
}

static void stub_free(struct boot_setup *setup)
{
	struct stub *stub = setup->data;

	if (!stub)
		return;
	bls_set_free(&stub->set);
	stub_config_free(&stub->config);
	free(stub);
	setup->data = NULL;
}

static int stub_read(const struct boot_context *context, struct boot_setup *ret, struct diag *diag)
{
	struct boot_setup setup = {.loader = &loader_kernelstub};
	int r;

	setup.data = calloc(1, sizeof(struct stub));
	if (!setup.data)
		return no_memory(diag);
	r = read_all(context, &setup, diag);
	if (r < 0) {
		boot_setup_free(&setup);
		return r;
	}
	*ret = setup;
	return 0;
}

/* --- plan -------------------------------------------------------------------------------------- */

/* Whether the command line that runs has what is ours: then kernelstub has been run since. */
static bool is_running(const struct boot_context *context, const struct boot_line *line)
{
	_cleanup_free_ char *cmdline = NULL;
	size_t size;

	if (line->changed || !root_has_kernel(context->root) ||
	    root_read_file(context->root, "proc/cmdline", &cmdline, &size, NULL) < 0)
		return false;
	for (size_t i = 0; i < line->owned_after.count; i++)
		if (!line_has(cmdline, line->owned_after.items[i].text))
			return false;
	return true;
}

static int plan_config(const struct boot_context *context, const struct stub *stub,
		       const struct boot_line *line, struct plan *plan)
{
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r = stub_config_write(&stub->config, line, &data, &size);

	if (!r)
		r = plan_put(plan, PLAN_SOURCE, &stub->config.file, data, size, 0644);
	return r < 0 ? r : state_put(context->state, STUB_CONFIG, &line->owned_after, false);
}

static int stub_plan(const struct boot_context *context, struct boot_setup *setup,
		     struct plan *plan, unsigned *ret_needs, struct diag *diag)
{
	struct stub *stub = setup->data;
	const struct boot_line *line = &setup->lines[0];

	if (plan_config(context, stub, line, plan) < 0)
		return no_memory(diag);
	for (size_t i = 0; i < stub->set.count; i++)
		if (bls_plan(context, &stub->set.entries[i], &setup->lines[1 + i],
			     &line->owned_after, plan) < 0)
			return no_memory(diag);
	for (size_t i = 0; i < stub->dir_count; i++)
		if (bls_set_forget(context, stub->dirs[i], &stub->set) < 0)
			return no_memory(diag);
	*ret_needs = 0;
	if (stub->config.manage_mode || (!line->changed && !line->owned_after.count) ||
	    is_running(context, line))
		return 0;
	remark(context->remarks,
	       "%s has manage_mode off: the firmware's own boot entry holds the options, and has "
	       "the "
	       "new ones once kernelstub was run",
	       line->file);
	*ret_needs = NEED_REGENERATE;
	return 0;
}

/* Its own parser, by which it reads what revisions 1 and 2 hold, tears quoted words. */
static int stub_quote(const char *unit, struct diag *diag)
{
	int r = bls_quote(unit, diag);

	if (!r && strpbrk(unit, "\"'"))
		r = diag_set(diag, -EINVAL, NULL, 0,
			     "`%.200s` has quotes, which kernelstub tears apart", unit);
	return r;
}

const struct loader loader_kernelstub = {
	.name = "kernelstub",
	.detect = stub_detect,
	.read = stub_read,
	.plan = stub_plan,
	.quote = stub_quote,
	.free = stub_free,
};
