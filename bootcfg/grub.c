// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/grub.h"

static int grub_detect(const struct boot_context *context, _unused_ struct diag *diag)
{
	return root_exists(context->root, GRUB_DEFAULT_FILE) || grub_directory(context->root);
}

static void grub_free(struct boot_setup *setup)
{
	if (setup->data)
		grub_source_free(setup->data);
	free(setup->data);
}

static int grub_read(const struct boot_context *context, struct boot_setup *ret, struct diag *diag)
{
	struct boot_setup setup = {.loader = &loader_grub};
	struct boot_line *line = boot_setup_add(&setup);
	int r;

	setup.data = calloc(1, sizeof(struct grub_source));
	if (!line || !setup.data)
		r = diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	else
		r = grub_source_read(context, setup.data, line, diag);
	if (!r)
		r = grub_cfg_read(context, &setup, diag);
	if (r < 0) {
		boot_setup_free(&setup);
		return r;
	}
	*ret = setup;
	return 0;
}

static int grub_plan(const struct boot_context *context, struct boot_setup *setup,
		     struct plan *plan, unsigned *ret_needs, struct diag *diag)
{
	const struct grub_source *source = setup->data;
	const struct boot_line *line = &setup->lines[0];
	const char *home = source->files[source->home].path;
	unsigned needs = 0;
	int r = grub_source_plan(source, line, plan, diag);

	if (r < 0)
		return r;
	if (context->state && line->changed &&
	    state_put(context->state, home, &line->owned_after,
		      line->owned_after.count && (state_created(context->state, home) ||
						  !source->files[source->home].exists)) < 0)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	for (size_t i = 0; i < source->file_count; i++) {
		const struct change *change = plan_find(plan, source->files[i].path);

		if (change && change->kind != PLAN_UNCHANGED && line->edit_count)
			needs |= NEED_REGENERATE;
	}
	for (size_t i = 1; i < setup->count; i++)
		if (setup->lines[i].read_only && !grub_cfg_agrees(source, line, &setup->lines[i]))
			needs |= NEED_REGENERATE;
	*ret_needs = needs;
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
