// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dracut writes over the image that boots, and not at once. So it writes beside it, and what it made
 * takes the image's place by rename when it has been looked at and is on the disk.
 *
 * The copies that kernel-install and kernelstub keep on the ESP are made the same way where they lie:
 * running these would write the boot entries anew, with what people had put there by hand lost.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "bootcfg/initramfs.h"
#include "bootcfg/initrd-content.h"
#include "bootcfg/run.h"

/* Of no interest to a boot loader or to kernel-install; the next run removes what a dead one left. */
#define TEMPORARY ".vfio-bootcfg-initrd"
#define COPY_SIZE (128 << 10)
#define ARGUMENTS_MAX 10

/* One image on its way; what is open is closed by target_close(). */
struct target {
	const struct initramfs_image *image;
	int old; /* the image as it is */
	int dir; /* the directory that it is in, all links followed */
	int new; /* the temporary, once it is written */
	struct stat st; /* of the old one */
	char path[4096]; /* of the old one, from "/" */
	char temporary[4096];
	bool staged; /* there is, or may be, a temporary to be removed */
};

static void target_close(struct target *target)
{
	if (target->staged)
		(void)unlinkat(target->dir, TEMPORARY, 0);
	close_fd(&target->old);
	close_fd(&target->dir);
	close_fd(&target->new);
}

static int fail(const struct initramfs_image *image, int error, const char *what, struct diag *diag)
{
	char path[sizeof(diag->file)];

	snprintf(path, sizeof(path), "/%s", image->path);
	return diag_set(diag, error, path, 0, "the image cannot be made anew: %s: %s", what,
			strerror(-error));
}

/* The image as programs find it: the file itself, for a link may lead to it. */
static int find_file(const struct root *root, struct target *target)
{
	char link[64], *slash;
	ssize_t n;

	target->old = root_openat(root, target->image->path, O_RDONLY, 0);
	if (target->old < 0)
		return target->old;
	if (fstat(target->old, &target->st) < 0)
		return -errno;
	if (!S_ISREG(target->st.st_mode))
		return -ENOTSUP;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", target->old);
	n = readlink(link, target->path, sizeof(target->path));
	if (n < 0)
		return -errno;
	if ((size_t)n > sizeof(target->path) - sizeof(TEMPORARY))
		return -ENAMETOOLONG;
	target->path[n] = '\0';
	slash = strrchr(target->path, '/');
	if (!slash)
		return -ENOENT;
	snprintf(target->temporary, sizeof(target->temporary), "%.*s" TEMPORARY,
		 (int)(slash + 1 - target->path), target->path);
	*slash = '\0';
	target->dir =
		open(target->path[0] ? target->path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';
	return target->dir < 0 ? -errno : 0;
}

static int begin(const struct root *root, struct target *target, struct diag *diag)
{
	struct statvfs fs;
	unsigned long long room, need;
	int r = find_file(root, target);

	if (r < 0)
		return fail(target->image, r, "it cannot be opened", diag);
	if (unlinkat(target->dir, TEMPORARY, 0) < 0 && errno != ENOENT)
		return fail(target->image, -errno, "its directory cannot be written to", diag);
	if (fstatvfs(target->dir, &fs) < 0)
		return fail(target->image, -errno, "its file system", diag);
	room = (unsigned long long)fs.f_bavail * fs.f_frsize;
	need = (unsigned long long)target->st.st_size;
	if (room < need) {
		fail(target->image, -ENOSPC, "", diag);
		snprintf(diag->text, sizeof(diag->text),
			 "there is no room for a second image beside it, which is made before the "
			 "first goes: %llu MiB are free, %llu are needed; remove a kernel that is "
			 "not "
			 "used",
			 room >> 20, (need >> 20) + 1);
		return -ENOSPC;
	}
	return 0;
}

/* --- making it --------------------------------------------------------------------------------- */

static int run_dracut(const char *dracut, const struct target *target, bool as_before,
		      struct diag *diag)
{
	const char *argv[ARGUMENTS_MAX] = {dracut, "--force"};
	_cleanup_free_ char *output = NULL;
	char file[sizeof(diag->file)];
	unsigned n = 2;
	int r;

	if (as_before) {
		argv[n++] = "--rebuild";
		argv[n++] = target->path;
	}
	argv[n++] = "--kver";
	argv[n++] = target->image->kernel;
	argv[n++] = target->temporary;
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

static int open_made(struct target *target)
{
	struct stat st;

	target->new = openat(target->dir, TEMPORARY, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (target->new < 0)
		return -errno;
	if (fstat(target->new, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -ENOTSUP;
}

/* dracut ends with success also where it could not put in what the boot needs. */
static int check_made(struct target *target, const struct profile *profile, struct diag *diag)
{
	_cleanup_initrd_content_ struct initrd_content content = {.made_by = NULL};
	const struct initramfs_image *image = target->image;
	char file[sizeof(diag->file)];
	int r = open_made(target);

	if (r < 0)
		return fail(image, r, "dracut made no file", diag);
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

static int copy_bytes(int from, int to, off_t size)
{
	_cleanup_free_ char *buf = malloc(COPY_SIZE);
	off_t at = 0;

	if (!buf)
		return -ENOMEM;
	while (at < size) {
		ssize_t n = pread(from, buf, COPY_SIZE, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		for (ssize_t done = 0; done < n;) {
			ssize_t written = pwrite(to, buf + done, (size_t)(n - done), at + done);

			if (written < 0 && errno == EINTR)
				continue;
			if (written <= 0)
				return written < 0 ? -errno : -EIO;
			done += written;
		}
		at += n;
	}
	return 0;
}

/* A copy of one that has been made just now. */
static int make_copy(const struct target *made, struct target *target, struct diag *diag)
{
	struct stat st;
	int r;

	target->staged = true;
	target->new = openat(target->dir, TEMPORARY, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (target->new < 0)
		return fail(target->image, -errno, "a file beside it", diag);
	if (fstat(made->new, &st) < 0)
		return fail(target->image, -errno, "its model", diag);
	r = copy_bytes(made->new, target->new, st.st_size);
	return r < 0 ? fail(target->image, r, "a copy beside it", diag) : 0;
}

/* --- putting it in its place ------------------------------------------------------------------- */

/* What the file system has no notion of (FAT) is no failure. */
static int keep_attributes(const struct target *target)
{
	char label[1024];
	ssize_t n;

	if (fchmod(target->new, target->st.st_mode & 07777) < 0 && errno != EPERM)
		return -errno;
	if (fchown(target->new, target->st.st_uid, target->st.st_gid) < 0 && errno != EPERM)
		return -errno;
	n = fgetxattr(target->old, "security.selinux", label, sizeof(label));
	if (n > 0 && fsetxattr(target->new, "security.selinux", label, (size_t)n, 0) < 0 &&
	    errno != ENOTSUP && errno != EPERM)
		return -errno;
	return 0;
}

static int put_in_place(struct target *target, struct diag *diag)
{
	const char *name = strrchr(target->path, '/') + 1;
	int r = keep_attributes(target);

	if (r == 0 && fsync(target->new) < 0)
		r = -errno;
	if (r == 0 && renameat(target->dir, TEMPORARY, target->dir, name) < 0)
		r = -errno;
	if (r < 0)
		return fail(target->image, r, "the new one", diag);
	target->staged = false;
	if (fsync(target->dir) < 0 && errno != EINVAL)
		return fail(target->image, -errno, "its directory", diag);
	return 0;
}

/* --- all of them ------------------------------------------------------------------------------- */

static bool same_bytes(const struct root *root, const struct initramfs_image *a,
		       const struct initramfs_image *b)
{
	_cleanup_close_ int one = root_openat(root, a->path, O_RDONLY, 0);
	_cleanup_close_ int other = root_openat(root, b->path, O_RDONLY, 0);
	_cleanup_free_ char *buf = malloc(2 * COPY_SIZE);
	struct stat st, other_st;
	off_t at = 0;

	if (!buf || one < 0 || other < 0 || fstat(one, &st) < 0 || fstat(other, &other_st) < 0 ||
	    st.st_size != other_st.st_size)
		return false;
	while (at < st.st_size) {
		ssize_t n = pread(one, buf, COPY_SIZE, at);

		if (n <= 0 || pread(other, buf + COPY_SIZE, (size_t)n, at) != n ||
		    memcmp(buf, buf + COPY_SIZE, (size_t)n) != 0)
			return false;
		at += n;
	}
	return true;
}

static bool is_ours(const struct initramfs_image *image)
{
	/* What cannot be read any more is made anew by who makes images here. */
	return image->made_by ? !strcmp(image->made_by, "dracut") : image->error == -EBADMSG;
}

/* Whether it is to be made; says of those that are left why. */
static bool is_due(const struct initramfs_image *image, const char *kernel, struct remarks *remarks)
{
	if (!image->outdated || (kernel && strcmp(image->kernel, kernel) != 0))
		return false;
	if (image->error && image->error != -EBADMSG) {
		remark(remarks, "/%s cannot be read (%s), and is left as it is", image->path,
		       strerror(-image->error));
		return false;
	}
	if (!is_ours(image)) {
		remark(remarks,
		       "/%s is made by %s, not by dracut, and is left as it is: the card is not "
		       "claimed where it boots",
		       image->path, image->made_by ? image->made_by : "an unknown program");
		return false;
	}
	if (!image->has_kernel) {
		remark(remarks,
		       "/%s is of a kernel that is not installed (%s), and is left as it is: "
		       "remove "
		       "its boot entry",
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
	_cleanup_(target_close) struct target target = {
		.image = &images[first], .old = -1, .dir = -1, .new = -1};
	_cleanup_free_ bool *copies = calloc(count, sizeof(*copies));
	int r;

	if (!copies)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	for (size_t i = first + 1; i < count; i++)
		copies[i] = rebuild->due[i] && !images[first].error &&
			    !strcmp(images[i].kernel, images[first].kernel) &&
			    same_bytes(rebuild->root, &images[first], &images[i]);
	r = begin(rebuild->root, &target, diag);
	if (r == 0)
		r = make(rebuild->dracut, &target, rebuild->profile, rebuild->remarks, diag);
	if (r == 0)
		r = put_in_place(&target, diag);
	if (r < 0)
		return r;
	images[first].outdated = false;
	for (size_t i = first + 1; i < count; i++) {
		_cleanup_(target_close) struct target copy = {
			.image = &images[i], .old = -1, .dir = -1, .new = -1};

		if (!copies[i])
			continue;
		r = begin(rebuild->root, &copy, diag);
		if (r == 0)
			r = make_copy(&target, &copy, diag);
		if (r == 0)
			r = put_in_place(&copy, diag);
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
