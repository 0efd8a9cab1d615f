// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/grub-bls.h"
#include "bootcfg/grub.h"

struct grub {
	struct grub_source source; /* the first line */
	struct grub_entries entries; /* where GRUB reads such; else grub.cfg's own lines follow */
};

static int grub_detect(const struct boot_context *context, _unused_ struct diag *diag)
{
	return root_exists(context->root, GRUB_DEFAULT_FILE) || grub_directory(context->root);
}

static void grub_free(struct boot_setup *setup)
{
	struct grub *grub = setup->data;

	if (!grub)
		return;
	grub_source_free(&grub->source);
	grub_entries_free(&grub->entries);
	free(grub);
	setup->data = NULL;
}

static int read_all(const struct boot_context *context, struct boot_setup *setup, struct diag *diag)
{
	struct boot_line *line = boot_setup_add(setup);
	struct grub *grub = calloc(1, sizeof(*grub));
	int r;

	setup->data = grub;
	if (!line || !grub)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	r = grub_source_read(context, &grub->source, line, diag);
	if (r < 0)
		return r;
	return grub->source.bls ? grub_entries_read(context, setup, &grub->entries, diag)
				: grub_cfg_read(context, setup, diag);
}

static int grub_read(const struct boot_context *context, struct boot_setup *ret, struct diag *diag)
{
	struct boot_setup setup = {.loader = &loader_grub};
	int r = read_all(context, &setup, diag);

	if (r < 0) {
		boot_setup_free(&setup);
		return r;
	}
	*ret = setup;
	return 0;
}

/*
 * Whether grub.cfg is to be made anew: its sources change, or an entry does not say what they say; or
 * it is not there yet.
 */
static bool is_outdated(const struct root *root, const struct boot_setup *setup)
{
	const struct grub *grub = setup->data;

	if (setup->lines[0].edit_count)
		return true;
	if (!grub_directory(root))
		return setup->lines[0].owned_after.count;
	for (size_t i = 1; i < setup->count; i++)
		if (!grub_cfg_agrees(&grub->source, &setup->lines[0], &setup->lines[i]))
			return true;
	return false;
}

static int grub_plan(const struct boot_context *context, struct boot_setup *setup,
		     struct plan *plan, unsigned *ret_needs, struct diag *diag)
{
	struct grub *grub = setup->data;
	const struct boot_line *line = &setup->lines[0];
	const struct file *home = &grub->source.files[grub->source.home];
	bool created = line->owned_after.count &&
		       (!home->exists || state_created(context->state, home->path));
	int r;

	grub->source.created = state_created(context->state, home->path);
	r = grub_source_plan(&grub->source, line, plan, diag);
	if (r < 0)
		return r;
	if (line->changed && state_put(context->state, home->path, &line->owned_after, created) < 0)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	if (grub->source.bls) {
		*ret_needs = 0;
		return grub_entries_plan(context, setup, &grub->entries, plan, diag);
	}
	*ret_needs = is_outdated(context->root, setup) ? NEED_REGENERATE : 0;
	return 0;
}

const struct loader loader_grub = {
	.name = "grub",
	.detect = grub_detect,
	.read = grub_read,
	.plan = grub_plan,
	.quote = grub_quote,
	.free = grub_free,
};
