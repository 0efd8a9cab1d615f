// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/agree.h"
#include "bootcfg/regenerate.h"

static bool is_live(const struct agree *agree)
{
	return agree->call->root.kind == ROOT_LIVE;
}

/* dracut is run where it makes this host's images; what others make, they have to make. */
static bool can_rebuild(const struct agree *agree)
{
	return is_live(agree) && !agree->no_regenerate && agree->initramfs.count &&
	       agree->initramfs.generator == GENERATOR_DRACUT;
}

/* A label is made by the policy of a running system: a new file of an image has none. */
static bool needs_relabel(const struct agree *agree)
{
	_cleanup_file_ struct file config = {.exists = false};
	struct diag diag = DIAG_INIT;

	if (is_live(agree))
		return false;
	if (file_read(&agree->call->root, "etc/selinux/config", &config, &diag) < 0 ||
	    !config.exists || strstr(config.data, "\nSELINUX=disabled") ||
	    !strncmp(config.data, "SELINUX=disabled", 16))
		return false;
	for (size_t i = 0; i < agree->plan.count; i++)
		if (agree->plan.changes[i].kind == PLAN_CREATED)
			return true;
	return false;
}

static bool needs_reboot(const struct agree *agree, bool done_something)
{
	struct line_report report = {.missing_count = 0};
	bool missing;

	if (!is_live(agree))
		return false;
	if (done_something || !agree->host.cmdline)
		return done_something;
	if (line_compare(agree->host.cmdline, &agree->wants, NULL, &report) < 0)
		return true;
	missing = report.missing_count;
	line_report_free(&report);
	return missing;
}

static int fail_generator(struct agree *agree, const struct diag *diag)
{
	struct diag undo = DIAG_INIT;

	if (commit_revert(&agree->call->root, &agree->plan, &undo) < 0) {
		cmd_fail(agree->call, EXIT_PARTWAY, diag);
		return cmd_fail(agree->call, EXIT_PARTWAY, &undo);
	}
	return cmd_fail(agree->call, EXIT_SYSTEM, diag);
}

/* The images that lack the profile still: of other generators, or not understood. */
static size_t count_outdated(const struct agree *agree, bool installed)
{
	const char *kernel = agree->context.kernel;
	size_t count = 0;

	for (size_t i = 0; i < agree->initramfs.count; i++) {
		const struct initramfs_image *image = &agree->initramfs.images[i];

		count += image->outdated && (!installed || image->has_kernel) &&
			 (!kernel || !strcmp(kernel, image->kernel));
	}
	return count;
}

static int run_generators(struct agree *agree, bool rebuild)
{
	const struct root *root = &agree->call->root;
	struct diag diag = DIAG_INIT;
	size_t before;
	int r;

	if (agree->regenerate) {
		if (grub_regenerate(root, &diag) < 0)
			return fail_generator(agree, &diag);
		agree->regenerated = true;
	}
	if (rebuild) {
		before = count_outdated(agree, false);
		r = initramfs_rebuild(root, &agree->after, &agree->initramfs, agree->context.kernel,
				      &agree->remarks, &diag);
		/* The command line is as it should be; the images that are left are the next run's. */
		if (r < 0)
			return cmd_fail(agree->call, EXIT_PARTWAY, &diag);
		agree->rebuilt = count_outdated(agree, false) < before;
		/* What boots a kernel that is gone is not to be made, but to go. */
		if (!count_outdated(agree, true))
			agree->needs &= ~(unsigned)NEED_INITRAMFS;
	}
	r = commit_done(root, &diag);
	return r < 0 ? cmd_fail(agree->call, EXIT_PARTWAY, &diag) : EXIT_DONE;
}

static int commit(struct agree *agree)
{
	bool rebuild = (agree->needs & NEED_INITRAMFS) && can_rebuild(agree);
	bool changes = plan_changes(&agree->plan);
	struct diag diag = DIAG_INIT;
	unsigned after;
	int code, r;

	if ((agree->pending & COMMIT_REGENERATE) && is_live(agree) && !agree->no_regenerate)
		for (size_t i = 0; i < agree->setup_count; i++)
			if (agree->setups[i].loader == &loader_grub)
				agree->regenerate = true;
	after = (agree->regenerate ? COMMIT_REGENERATE : 0) | (rebuild ? COMMIT_INITRAMFS : 0);
	if (changes) {
		r = commit_plan(&agree->call->root, &agree->plan, after, &diag);
		if (r < 0)
			return cmd_fail(agree->call, r == -EUCLEAN ? EXIT_PARTWAY : EXIT_SYSTEM,
					&diag);
	}
	if (after || agree->pending) {
		code = run_generators(agree, rebuild);
		if (code)
			return code;
	}
	if ((agree->needs & NEED_INITRAMFS) && is_live(agree) &&
	    agree->initramfs.generator != GENERATOR_DRACUT)
		remark(&agree->remarks,
		       "the initramfs images of this host are made by %s, which does not carry the "
		       "profile: install dracut, so that the card is claimed before its driver",
		       agree->initramfs.generator_name ? agree->initramfs.generator_name
						       : "nothing that is known");
	if (needs_reboot(agree, changes || agree->regenerated || agree->rebuilt))
		agree->needs |= NEED_REBOOT;
	return EXIT_DONE;
}

int agree_carry_out(struct agree *agree)
{
	int code = EXIT_DONE;

	if (needs_relabel(agree))
		agree->needs |= NEED_RELABEL;
	if (agree->dry_run) {
		if (agree->regenerate)
			agree->needs |= NEED_REGENERATE;
		if (needs_reboot(agree, plan_changes(&agree->plan)))
			agree->needs |= NEED_REBOOT;
	} else {
		code = commit(agree);
	}
	return code ? code : agree_report(agree);
}
