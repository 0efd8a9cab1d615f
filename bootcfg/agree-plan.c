// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/agree.h"
#include "bootcfg/initrd-content.h"
#include "early/text.h"

/* Of the state: what --force has let pass. */
#define FORCED_KEY "forced"

/*
 * Where the state is lost, what stands in one file as ours is ours in the loader's other files too:
 * not every format has room for a mark.
 */
static int recover_owned(const struct agree *agree, struct boot_setup *setup)
{
	const struct boot_line *known = NULL;

	if (state_found(agree->state))
		return 0;
	for (size_t i = 0; i < setup->count; i++) {
		const struct boot_line *line = &setup->lines[i];

		/* An entry was made from the source that has no room for a mark: it tells best. */
		if (line->owned_known && line->owned.count &&
		    (!known || (known->role != LINE_ENTRY && line->role == LINE_ENTRY)))
			known = line;
	}
	if (!known)
		return 0;
	for (size_t i = 0; i < setup->count; i++) {
		struct boot_line *line = &setup->lines[i];

		if (line->owned_known)
			continue;
		line->owned_known = true;
		if (line->keeps_record) /* it has none: what stands there is the user's */
			continue;
		owned_free(&line->owned);
		if (owned_copy(&known->owned, &line->owned) < 0)
			return -ENOMEM;
	}
	return 0;
}

struct lost {
	const struct wants *wants;
	struct text *text;
};

static int list_lost(void *data, const char *unit, size_t size)
{
	const struct lost *lost = data;
	_cleanup_free_ char *copy = strndup(unit, size);

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < lost->wants->count; i++)
		if (unit_equal(copy, lost->wants->items[i].text))
			text_add(lost->text, " %s", copy);
	return 0;
}

/*
 * Units that the profile asks for and that stand in a source of which nobody knows any more whose
 * they are: with the state gone, taking them out could take the user's own.
 */
static int refuse_lost(struct agree *agree)
{
	_cleanup_wants_ struct wants wants = {.count = 0};
	_cleanup_remarks_ struct remarks remarks = {.count = 0};
	struct diag diag = DIAG_INIT;

	if (!agree->undo || state_found(agree->state) || (agree->edit_flags & EDIT_ADOPT))
		return EXIT_DONE;
	if (policy_wants(&agree->before, &agree->host, POLICY_FORCE, NULL, &wants, &remarks,
			 &diag) < 0)
		return EXIT_DONE; /* a profile that says nothing has put nothing there */
	for (size_t i = 0; i < agree->setup_count; i++) {
		for (size_t j = 0; j < agree->setups[i].count; j++) {
			const struct boot_line *line = &agree->setups[i].lines[j];
			_cleanup_text_ struct text text = {.data = NULL};
			_cleanup_free_ char *all = boot_line_text(line);

			if (line->owned_known || line->read_only || line->absent)
				continue;
			if (!all ||
			    line_units(all, list_lost,
				       &(struct lost){.wants = &wants, .text = &text}) == -ENOMEM ||
			    text.error)
				return cmd_failf(agree->call, EXIT_SYSTEM, "out of memory");
			if (!text.size)
				continue;
			diag_set(&diag, -EPERM, line->file, 0,
				 "whether these are ours is not known any more (%s is gone):%s; "
				 "`vfio-bootcfg set --adopt` takes them over, then unset works",
				 "/" STATE_FILE, text.data);
			return cmd_fail(agree->call, EXIT_REFUSED, &diag);
		}
	}
	return EXIT_DONE;
}

/* A value that a loader would tear never gets as far as a file. */
static int check_quotes(struct agree *agree, const struct loader *loader)
{
	for (size_t i = 0; i < agree->wants.count; i++) {
		const struct want *want = &agree->wants.items[i];
		struct diag diag = DIAG_INIT;

		if (loader->quote(want->text, &diag) < 0) {
			if (!*diag.file && want->file) {
				snprintf(diag.file, sizeof(diag.file), "%s", want->file);
				diag.line = want->line;
			}
			return cmd_fail(agree->call, EXIT_USAGE, &diag);
		}
	}
	return EXIT_DONE;
}

static bool is_meant(const struct agree *agree, const struct boot_line *line)
{
	const char *kernel = agree->context.kernel;

	if (line->read_only)
		return false;
	return !kernel || line->role != LINE_ENTRY || !line->kernel ||
	       !strcmp(line->kernel, kernel);
}

static int read_loader(struct agree *agree, const struct loader *loader)
{
	struct boot_setup *setup = &agree->setups[agree->setup_count];
	struct diag diag = DIAG_INIT;
	int r = loader->read(&agree->context, setup, &diag);

	if (r < 0)
		return agree_fail_source(agree->call, r, &diag);
	agree->setup_count++;
	if (recover_owned(agree, setup) < 0)
		return cmd_failf(agree->call, EXIT_SYSTEM, "out of memory");
	return EXIT_DONE;
}

static int edit(struct agree *agree, struct boot_line *line, struct diag *diag)
{
	_cleanup_free_ char *text = boot_line_text(line);
	int r;

	if (!text)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	r = policy_forbid_ids(&agree->call->root, &agree->after, text, &agree->wants,
			      &agree->remarks, diag);
	if (!r)
		r = policy_forbid_replaced(&agree->call->root, &agree->after, &line->owned,
					   &agree->wants, diag);
	return r < 0 ? r : line_edit(line, &agree->wants, agree->edit_flags, diag);
}

static int plan_loader(struct agree *agree, struct boot_setup *setup)
{
	struct diag diag = DIAG_INIT;
	unsigned needs = 0;
	int r;

	for (size_t i = 0; i < setup->count; i++) {
		if (!is_meant(agree, &setup->lines[i]))
			continue;
		r = edit(agree, &setup->lines[i], &diag);
		if (r < 0)
			return agree_fail_source(agree->call, r, &diag);
	}
	r = setup->loader->plan(&agree->context, setup, &agree->plan, &needs, &diag);
	if (r < 0)
		return agree_fail_source(agree->call, r, &diag);
	/* Of all that has to be made anew, grub.cfg is what we make ourselves. */
	if ((needs & NEED_REGENERATE) && setup->loader == &loader_grub &&
	    agree->call->root.kind == ROOT_LIVE && !agree->no_regenerate) {
		agree->regenerate = true;
		needs &= ~(unsigned)NEED_REGENERATE;
	}
	agree->needs |= needs;
	return EXIT_DONE;
}

/*
 * sysctl.d, where a count for the default pool would overrule the command line after the boot, and
 * modprobe.d, where ids= may take other cards.
 */
static int plan_leftovers(struct agree *agree)
{
	struct cmd_call *call = agree->call;
	struct diag diag = DIAG_INIT;
	int r = policy_leftovers(&call->root, &agree->after, &agree->host, &agree->leftovers,
				 &diag);

	if (r < 0)
		return agree_fail_source(call, r, &diag);
	for (size_t i = 0; i < agree->leftovers.count; i++) {
		const struct leftover *leftover = &agree->leftovers.items[i];

		if (!leftover->contradicts) {
			if (call->verbose)
				remark(&agree->remarks,
				       "%s:%u: `%s` is from an older guide, and not needed any "
				       "more",
				       leftover->file, leftover->line, leftover->text);
		} else if (!agree->undo && !(agree->edit_flags & EDIT_REPLACE)) {
			diag_set(&diag, -EEXIST, leftover->file, leftover->line,
				 "`%.200s` contradicts the profile: take the line out, or let "
				 "--replace do it",
				 leftover->text);
			return agree_fail(call, -EEXIST, &diag);
		}
	}
	if (agree->edit_flags & EDIT_REPLACE)
		r = leftovers_replace(&call->root, &agree->leftovers, agree->state, &agree->plan,
				      &diag);
	if (r == 0)
		r = leftovers_restore(&call->root, &agree->after, &agree->host, agree->state,
				      &agree->plan, &diag);
	return r < 0 ? agree_fail_source(call, r, &diag) : EXIT_DONE;
}

/* The images that boot entries name, beside those that the kernels' names lead to. */
static const char **entry_images(const struct agree *agree)
{
	size_t count = 0;
	const char **images;

	for (size_t i = 0; i < agree->setup_count; i++)
		count += agree->setups[i].count;
	images = calloc(count + 1, sizeof(*images));
	if (!images)
		return NULL;
	count = 0;
	for (size_t i = 0; i < agree->setup_count; i++)
		for (size_t j = 0; j < agree->setups[i].count; j++)
			if (agree->setups[i].lines[j].initrd)
				images[count++] = agree->setups[i].lines[j].initrd;
	return images;
}

/* A unified kernel image has its initramfs in it, which its loader looks at. */
static bool has_unified(const struct agree *agree)
{
	for (size_t i = 0; i < agree->setup_count; i++)
		for (size_t j = 0; j < agree->setups[i].count; j++)
			if (agree->setups[i].lines[j].unified)
				return true;
	return false;
}

static int look_at_images(struct agree *agree)
{
	_cleanup_free_ const char **more = entry_images(agree);
	struct diag diag = DIAG_INIT;
	bool outdated = false, asked;
	int r;

	if (!more)
		return cmd_failf(agree->call, EXIT_SYSTEM, "out of memory");
	r = initramfs_look(&agree->call->root, &agree->host, &agree->after, more, &agree->initramfs,
			   &diag);
	if (r < 0)
		return agree_fail_source(agree->call, r, &diag);
	asked = initrd_content_is_asked(&agree->before) || initrd_content_is_asked(&agree->after);
	for (size_t i = 0; i < agree->initramfs.count; i++) {
		struct initramfs_image *image = &agree->initramfs.images[i];

		/* Nothing of ours is in an image that cannot be read where nothing was to be in it. */
		if (image->error && !asked)
			image->outdated = false;
		outdated |= image->outdated;
	}
	/* An image that is not made yet is going to be made by somebody: they should know. */
	if (outdated ||
	    (!agree->initramfs.count && agree->after.device_count && !has_unified(agree)))
		agree->needs |= NEED_INITRAMFS;
	return EXIT_DONE;
}

int agree_plan_profile(struct agree *agree, const struct profile_sets *sets)
{
	struct cmd_call *call = agree->call;
	struct diag diag = DIAG_INIT;
	int r;

	r = profile_edit(&call->root, &agree->before, sets, agree->state, &agree->plan, &diag);
	if (r < 0)
		return agree_fail(call, r, &diag);
	r = profile_load_planned(&call->root, &agree->plan, &agree->after, &diag);
	if (r < 0)
		return agree_fail(call, r, &diag);
	r = policy_wants(&agree->after, &agree->host, agree->force ? POLICY_FORCE : 0,
			 state_owned(agree->state, FORCED_KEY), &agree->wants, &agree->remarks,
			 &diag);
	if (r < 0)
		return agree_fail(call, r, &diag);
	if (state_put(agree->state, FORCED_KEY, &agree->wants.forced, false) < 0)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	return EXIT_DONE;
}

int agree_plan(struct agree *agree, const struct profile_sets *sets)
{
	struct cmd_call *call = agree->call;
	struct diag diag = DIAG_INIT;
	int r, code = agree_plan_profile(agree, sets);

	if (code)
		return code;
	agree->context.profile = &agree->after;
	r = active_find(&agree->context, agree->names, &agree->active, &diag);
	if (r < 0)
		return agree_fail(call, r, &diag);
	for (size_t i = 0; i < agree->active.chosen_count; i++) {
		code = check_quotes(agree, agree->active.chosen[i]);
		if (!code)
			code = read_loader(agree, agree->active.chosen[i]);
		if (code)
			return code;
	}
	code = refuse_lost(agree);
	for (size_t i = 0; !code && i < agree->setup_count; i++)
		code = plan_loader(agree, &agree->setups[i]);
	if (!code)
		code = plan_leftovers(agree);
	if (!code)
		code = look_at_images(agree);
	if (!code && state_plan(agree->state, &agree->plan, &diag) < 0)
		code = cmd_fail(call, EXIT_SYSTEM, &diag);
	return code;
}
