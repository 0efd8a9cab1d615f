// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dracut writes over the image that boots, and not at once. So it writes beside it, and what it made
 * takes the image's place by rename when it has been looked at and is on the disk.
 *
 * The copies that kernel-install and kernelstub keep on the ESP are made the same way where they lie:
 * running these would write the boot entries anew, with what people had put there by hand lost.
 */
#include <string.h>

#include "bootcfg/initramfs-target.h"
#include "bootcfg/initrd-content.h"
#include "bootcfg/run.h"

#define ARGUMENTS_MAX 10

/* --- making it --------------------------------------------------------------------------------- */

static int run_dracut(const char *dracut, const struct target *target, bool as_before,
		      struct diag *diag)
{
	const char *argv[ARGUMENTS_MAX] = {dracut};
	_cleanup_free_ char *output = NULL;
	char file[sizeof(diag->file)];
	unsigned n = 1;
	int r;

	/* What is an option goes on record in the image, once more with every rebuild: none is. */
	if (as_before) {
		argv[n++] = "--rebuild";
		argv[n++] = target->path;
	} else {
		argv[n++] = "--force";
	}
	argv[n++] = target->temporary;
	argv[n++] = target->image->kernel;
	argv[n] = NULL;
	r = run_program(argv, &output);
	if (r == 0)
		return 0;
	snprintf(file, sizeof(file), "/%s", target->image->path);
	if (r < 0)
		return diag_set(diag, r, file, 0, "%s cannot be run: %s", dracut, strerror(-r));
	return diag_set(diag, -EBADMSG, file, 0,
			"dracut failed (status %d), the image is as it was: %.300s", r,
			output ? run_last_line(output) : "it said nothing");
}

/* dracut ends with success also where it could not put in what the boot needs. */
static int check_made(struct target *target, const struct profile *profile, struct diag *diag)
{
	_cleanup_initrd_content_ struct initrd_content content = {.made_by = NULL};
	const struct initramfs_image *image = target->image;
	char file[sizeof(diag->file)];
	int r = target_open_new(target);

	if (r < 0)
		return target_fail(image, r, "dracut made no file", diag);
	snprintf(file, sizeof(file), "/%s", image->path);
	r = initrd_content_read(target->new, &content, diag);
	if (r < 0) {
		snprintf(diag->file, sizeof(diag->file), "%s", file);
		return r;
	}
	if (!initrd_content_agrees(&content, profile))
		return diag_set(diag, -EBADMSG, file, 0,
				"dracut made an image without the profile, the old one stays: is "
				"the module vfio-bootcfg in its modules.d, and not omitted in "
				"/etc/dracut.conf.d?");
	if (image->has_init && !content.has_init)
		return diag_set(
			diag, -EBADMSG, file, 0,
			"dracut made an image that cannot go on to the root file system, the "
			"old one stays: run `dracut --force --kver %s` to see why",
			image->kernel);
	return 0;
}

static int make(const char *dracut, struct target *target, const struct profile *profile,
		struct remarks *remarks, struct diag *diag)
{
	int r;

	target->staged = true;
	if (target->image->has_parameters) {
		r = run_dracut(dracut, target, true, diag);
		if (r != -EBADMSG)
			return r < 0 ? r : check_made(target, profile, diag);
		/* Its own arguments may have named files that are gone: an update gives it none. */
		remark(remarks, "/%s: %s; made with dracut's defaults", target->image->path,
		       diag->text);
		*diag = DIAG_INIT;
	}
	r = run_dracut(dracut, target, false, diag);
	return r < 0 ? r : check_made(target, profile, diag);
}

/* --- all of them ------------------------------------------------------------------------------- */

/* Whether it is to be made; says of those that are left why. */
static bool is_due(const struct initramfs_image *image, const char *kernel, struct remarks *remarks)
{
	if (!image->outdated || (kernel && strcmp(image->kernel, kernel) != 0))
		return false;
	/* It may hold what somebody has added, in a way that the kernel knows and we do not. */
	if (image->error) {
		remark(remarks,
		       "/%s cannot be read as an initramfs image (%s), and is left as it is: "
		       "`dracut --force /%s %s` makes it anew",
		       image->path, strerror(-image->error), image->path, image->kernel);
		return false;
	}
	if (!image->made_by || strcmp(image->made_by, "dracut") != 0) {
		remark(remarks,
		       "/%s is made by %s, not by dracut, and is left as it is: the card is not "
		       "claimed where it boots",
		       image->path, image->made_by ? image->made_by : "an unknown program");
		return false;
	}
	if (!image->has_kernel) {
		remark(remarks,
		       "/%s is of a kernel that is not installed (%s), and is left as it is: "
		       "remove its boot entry",
		       image->path, image->kernel[0] ? image->kernel : "its version is not known");
		return false;
	}
	return true;
}

struct rebuild {
	const struct root *root;
	const struct profile *profile;
	struct initramfs *initramfs;
	const char *dracut;
	bool *due; /* by image */
	struct remarks *remarks;
};

/* The image, then all that are copies of it as it was. */
static int rebuild_with_copies(const struct rebuild *rebuild, size_t first, struct diag *diag)
{
	struct initramfs_image *images = rebuild->initramfs->images;
	size_t count = rebuild->initramfs->count;
	_cleanup_target_ struct target target = TARGET_INIT(&images[first]);
	_cleanup_free_ bool *copies = calloc(count, sizeof(*copies));
	int r;

	if (!copies)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	for (size_t i = first + 1; i < count; i++)
		copies[i] = rebuild->due[i] && !strcmp(images[i].kernel, images[first].kernel) &&
			    target_same_bytes(rebuild->root, &images[first], &images[i]);
	r = target_begin(rebuild->root, &target, diag);
	if (r == 0)
		r = make(rebuild->dracut, &target, rebuild->profile, rebuild->remarks, diag);
	if (r == 0)
		r = target_put_in_place(&target, diag);
	if (r < 0)
		return r;
	images[first].outdated = false;
	for (size_t i = first + 1; i < count; i++) {
		_cleanup_target_ struct target copy = TARGET_INIT(&images[i]);

		if (!copies[i])
			continue;
		r = target_begin(rebuild->root, &copy, diag);
		if (r == 0)
			r = target_copy(&target, &copy, diag);
		if (r == 0)
			r = target_put_in_place(&copy, diag);
		if (r < 0)
			return r;
		rebuild->due[i] = false;
		images[i].outdated = false;
	}
	return 0;
}

int initramfs_rebuild(const struct root *root, const struct profile *profile,
		      struct initramfs *initramfs, const char *kernel, struct remarks *remarks,
		      struct diag *diag)
{
	_cleanup_free_ bool *due = calloc(initramfs->count + 1, sizeof(*due));
	_cleanup_free_ char *dracut = NULL;
	struct rebuild rebuild = {.root = root,
				  .profile = profile,
				  .initramfs = initramfs,
				  .due = due,
				  .remarks = remarks};
	bool any = false;
	int r = 0;

	if (root->kind != ROOT_LIVE)
		return diag_set(diag, -EINVAL, NULL, 0, "dracut is run for the live system only");
	if (!due)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	for (size_t i = 0; i < initramfs->count; i++)
		any |= due[i] = is_due(&initramfs->images[i], kernel, remarks);
	if (!any)
		return 0;
	rebuild.dracut = dracut = run_find("dracut");
	if (!dracut)
		return diag_set(diag, -ENOENT, NULL, 0,
				"the initramfs images are made by dracut, which is not installed: "
				"install it, then run `vfio-bootcfg set` again");
	for (size_t i = 0; r == 0 && i < initramfs->count; i++)
		if (due[i])
			r = rebuild_with_copies(&rebuild, i, diag);
	return r;
}
