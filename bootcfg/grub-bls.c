// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/grub-bls.h"
#include "bootcfg/grub.h"
#include "early/cmdline.h"

#define KERNELOPTS "kernelopts"

static int no_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
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

/* Whether a text has `$NAME` as a word of its own. */
static bool uses(const char *text, const char *name)
{
	struct cmdline_token token;
	struct cmdline cmdline;

	cmdline_init(&cmdline, text, strlen(text));
	while (cmdline_next(&cmdline, &token))
		if (token.raw_len == strlen(name) + 1 && *token.raw == '$' &&
		    !memcmp(token.raw + 1, name, strlen(name)))
			return true;
	return false;
}

/* --- grubenv ---------------------------------------------------------------------------------- */

static int read_env(const struct boot_context *context, struct grub_entries *entries,
		    struct diag *diag)
{
	static const char *const paths[] = {"boot/grub2/grubenv", "boot/grub/grubenv"};
	int r = 0;

	for (size_t i = 0; !r && !entries->env.exists && i < ARRAY_SIZE(paths); i++) {
		file_free(&entries->env);
		r = file_read(context->root, paths[i], &entries->env, diag);
		/* A link to a partition that is not mounted: then there is none. */
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

/* A variable of grubenv as a segment that is only looked at. 0 or -ENOMEM. */
static int add_variable(const struct grub_entries *entries, const char *name,
			struct boot_line *line)
{
	_cleanup_free_ char *value = grub_env_get(&entries->env, name);
	char path[4200];

	if (!value)
		return errno == ENOMEM ? -ENOMEM : 0;
	snprintf(path, sizeof(path), "/%s", entries->env.path);
	return boot_line_segment(line, value, strlen(value), path, 0, true, (size_t)-1);
}

/* The line that all entries with $kernelopts share. */
static int add_env_line(const struct boot_context *context, struct boot_setup *setup,
			struct grub_entries *entries, struct diag *diag)
{
	_cleanup_free_ char *value = grub_env_get(&entries->env, KERNELOPTS);
	const struct owned_list *owned;
	struct boot_line *line;
	char path[4200];

	if (!value)
		return errno == ENOMEM ? no_memory(diag) : 0;
	entries->env_line = setup->count;
	line = boot_setup_add(setup);
	if (!line)
		return no_memory(diag);
	entries->has_env = true;
	snprintf(path, sizeof(path), "/%s", entries->env.path);
	line->role = LINE_SOURCE;
	line->file = strdup(path);
	owned = context->state ? state_owned(context->state, entries->env.path) : NULL;
	line->owned_known = context->state && (owned || state_found(context->state));
	if (!line->file || boot_line_segment(line, value, strlen(value), path, 0, false, 0) < 0 ||
	    (owned && owned_copy(owned, &line->owned) < 0))
		return no_memory(diag);
	return 0;
}

/* --- entries ---------------------------------------------------------------------------------- */

/* Of the options lines GRUB reads the first one only. */
static void keep_first(struct boot_line *line)
{
	for (size_t i = 1; i < line->segment_count; i++) {
		free(line->segments[i].text);
		free(line->segments[i].file);
	}
	if (line->segment_count > 1)
		line->segment_count = 1;
	line->append = 0;
}

/* The line of an entry: what it takes from grubenv is a part of it that is edited there, or not. */
static int expand(const struct grub_entries *entries, struct boot_line *line)
{
	const char *text = line->segments[0].text;
	int r;

	line->read_only = entries->has_env && uses(text, KERNELOPTS);
	r = line->read_only ? add_variable(entries, KERNELOPTS, line) : 0;
	if (!r && uses(text, "tuned_params"))
		r = add_variable(entries, "tuned_params", line);
	return r;
}

static int add_entry(const struct boot_context *context, const struct grub_entries *entries,
		     const struct bls_entry *entry, const struct owned_list *source,
		     struct boot_setup *setup)
{
	struct boot_line *line = boot_setup_add(setup);
	const struct bls_field *kernel = bls_field(entry, "linux", 0);
	int r = line ? bls_claim(context, entry, source, line) : -ENOMEM;

	if (r < 0)
		return r;
	keep_first(line);
	/* GRUB names the partition, too. */
	line->prefix = strlen("BOOT_IMAGE=(hd0,gpt2) ") + (kernel ? kernel->value_size : 0);
	return expand(entries, line);
}

static int add_entries(const struct boot_context *context, struct grub_entries *entries,
		       struct boot_setup *setup)
{
	const struct boot_line *source =
		&setup->lines[entries->has_cmdline ? entries->cmdline_line : 0];
	_cleanup_owned_ struct owned_list owned = {.count = 0};
	int r = owned_copy(&source->owned, &owned);

	entries->first_entry = setup->count;
	for (size_t i = 0; !r && i < entries->set.count; i++)
		r = add_entry(context, entries, &entries->set.entries[i], &owned, setup);
	return r;
}

/* Whether an entry gets its line from grubenv, as all of EL 8 do. */
static bool is_shared(const struct bls_entry *entry)
{
	_cleanup_free_ char *options = entry ? bls_options(entry) : NULL;

	return options && uses(options, KERNELOPTS);
}

/*
 * /etc/kernel/cmdline. Where it is not there it is made, from the newest entry: else kernel-install
 * takes the command line that runs, which has ours only after the next boot.
 */
static int read_cmdline(const struct boot_context *context, struct grub_entries *entries,
			struct boot_setup *setup, struct diag *diag)
{
	const struct bls_entry *newest = bls_set_newest(&entries->set);
	struct boot_line line = {.role = LINE_ENTRY};
	int r;

	if (!root_exists(context->root, KERNEL_CMDLINE) &&
	    (!newest || !bls_field(newest, "options", 0) || is_shared(newest)))
		return 0;
	entries->cmdline_line = setup->count;
	r = kernel_cmdline_read(context, false, setup, &entries->cmdline, diag);
	if (r < 0)
		return r;
	entries->has_cmdline = true;
	if (!newest ||
	    !kernel_cmdline_needs_seed(&entries->cmdline, &setup->lines[entries->cmdline_line]))
		return 0;
	r = bls_claim(context, newest, NULL, &line);
	if (!r)
		r = kernel_cmdline_seed(&entries->cmdline, &setup->lines[entries->cmdline_line],
					&line);
	if (r == -EBADMSG)
		diag_set(diag, r, line.file, 0,
			 "a quote without its end: what it means is not known");
	boot_line_free(&line);
	return r == -ENOMEM ? no_memory(diag) : r;
}

int grub_entries_read(const struct boot_context *context, struct boot_setup *setup,
		      struct grub_entries *ret, struct diag *diag)
{
	_cleanup_system_id_ struct system_id id = {.machine_id = NULL};
	int r = read_id(context, &id, diag);

	if (!r)
		r = bls_set_read(context, "boot", &id, &ret->set, diag);
	if (!r)
		r = read_cmdline(context, ret, setup, diag);
	if (!r)
		r = read_env(context, ret, diag);
	for (size_t i = 0; !r && i < ret->set.count; i++)
		if (is_shared(&ret->set.entries[i]) && !ret->has_env)
			r = add_env_line(context, setup, ret, diag);
	if (!r && add_entries(context, ret, setup) < 0)
		r = no_memory(diag);
	return r;
}

/* --- plan ------------------------------------------------------------------------------------- */

/* Of GRUB's two readers of entries one takes `\$` for a dollar, the other one does not. */
static int check_dollar(const struct boot_line *line, struct diag *diag)
{
	for (size_t i = 0; i < line->edit_count; i++)
		if (grub_needs_escape(line->edits[i].insert))
			return diag_set(diag, -EPERM, line->file, 0,
					"GRUB takes the `$` in `%.200s` for a variable of its own, "
					"which cannot be helped in a boot entry",
					line->edits[i].insert + strspn(line->edits[i].insert, " "));
	return 0;
}

static int plan_env(const struct boot_context *context, const struct grub_entries *entries,
		    const struct boot_line *line, struct plan *plan, struct diag *diag)
{
	_cleanup_free_ char *value = boot_line_edited(line, 0), *block = NULL;
	int r;

	if (!value)
		return no_memory(diag);
	r = line->edit_count ? grub_env_set(&entries->env, KERNELOPTS, value, &block) : 0;
	if (r == -E2BIG)
		return diag_set(
			diag, r, line->file, 0,
			"with our parameters %s does not fit into the %d bytes that GRUB has "
			"for it: take something out of it (grub2-editenv), or move the entries "
			"to options of their own",
			KERNELOPTS, GRUB_ENV_SIZE);
	if (r < 0)
		return no_memory(diag);
	if (plan_put(plan, PLAN_ENTRY, &entries->env, block ? block : entries->env.data,
		     entries->env.size, 0644) < 0 ||
	    state_put(context->state, entries->env.path, &line->owned_after, false) < 0)
		return no_memory(diag);
	return 0;
}

/*
 * All that is ours in the sources. They may differ in what of it the user had before; an entry that
 * holds some of it as the user's is to say so, or a lost state would leave nobody who knows.
 */
static int list_ours(const struct boot_line *grub, const struct boot_line *source,
		     struct owned_list *ret)
{
	int r = owned_copy(&source->owned_after, ret);

	for (size_t i = 0; !r && i < grub->owned_after.count; i++)
		if (!owned_find(ret, grub->owned_after.items[i].text))
			r = owned_add(ret, grub->owned_after.items[i].text, NULL);
	return r;
}

int grub_entries_plan(const struct boot_context *context, struct boot_setup *setup,
		      struct grub_entries *entries, struct plan *plan, struct diag *diag)
{
	const struct boot_line *source =
		&setup->lines[entries->has_cmdline ? entries->cmdline_line : 0];
	_cleanup_owned_ struct owned_list ours = {.count = 0};
	int r = 0;

	if (list_ours(&setup->lines[0], source, &ours) < 0)
		return no_memory(diag);
	for (size_t i = entries->has_cmdline ? entries->cmdline_line : entries->first_entry;
	     !r && i < setup->count; i++)
		r = check_dollar(&setup->lines[i], diag);
	if (!r && entries->has_cmdline)
		r = kernel_cmdline_plan(context, &entries->cmdline, source, plan, diag);
	if (!r && entries->has_env)
		r = plan_env(context, entries, &setup->lines[entries->env_line], plan, diag);
	for (size_t i = 0; !r && i < entries->set.count; i++) {
		struct boot_line *line = &setup->lines[entries->first_entry + i];

		keep_first(line); /* what came from grubenv is not written here */
		if (bls_plan(context, &entries->set.entries[i], line, &ours, plan) < 0)
			r = no_memory(diag);
	}
	return r;
}

void grub_entries_free(struct grub_entries *entries)
{
	bls_set_free(&entries->set);
	kernel_cmdline_free(&entries->cmdline);
	file_free(&entries->env);
}
