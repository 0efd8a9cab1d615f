// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "bootcfg/initramfs-target.h"

#define COPY_SIZE (128 << 10) /* bytes at once */

void target_close(struct target *target)
{
	if (target->staged)
		(void)unlinkat(target->dir, TARGET_TEMPORARY, 0);
	close_fd(&target->old);
	close_fd(&target->dir);
	close_fd(&target->new);
}

int target_fail(const struct initramfs_image *image, int error, const char *what, struct diag *diag)
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
	if ((size_t)n > sizeof(target->path) - sizeof(TARGET_TEMPORARY))
		return -ENAMETOOLONG;
	target->path[n] = '\0';
	slash = strrchr(target->path, '/');
	if (!slash)
		return -ENOENT;
	snprintf(target->temporary, sizeof(target->temporary), "%.*s" TARGET_TEMPORARY,
		 (int)(slash + 1 - target->path), target->path);
	*slash = '\0';
	target->dir =
		open(target->path[0] ? target->path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';
	return target->dir < 0 ? -errno : 0;
}

int target_begin(const struct root *root, struct target *target, struct diag *diag)
{
	struct statvfs fs;
	unsigned long long room, need;
	int r = find_file(root, target);

	if (r < 0)
		return target_fail(target->image, r, "it cannot be opened", diag);
	if (unlinkat(target->dir, TARGET_TEMPORARY, 0) < 0 && errno != ENOENT)
		return target_fail(target->image, -errno, "its directory cannot be written to",
				   diag);
	if (fstatvfs(target->dir, &fs) < 0)
		return target_fail(target->image, -errno, "its file system", diag);
	room = (unsigned long long)fs.f_bavail * fs.f_frsize;
	need = (unsigned long long)target->st.st_size;
	if (room < need) {
		target_fail(target->image, -ENOSPC, "", diag);
		snprintf(diag->text, sizeof(diag->text),
			 "there is no room for a second image beside it, which is made before the "
			 "first goes: %llu MiB are free, %llu are needed; remove a kernel that "
			 "is not used",
			 room >> 20, (need >> 20) + 1);
		return -ENOSPC;
	}
	return 0;
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
int target_copy(const struct target *made, struct target *target, struct diag *diag)
{
	struct stat st;
	int r;

	target->staged = true;
	target->new =
		openat(target->dir, TARGET_TEMPORARY, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (target->new < 0)
		return target_fail(target->image, -errno, "a file beside it", diag);
	if (fstat(made->new, &st) < 0)
		return target_fail(target->image, -errno, "its model", diag);
	r = copy_bytes(made->new, target->new, st.st_size);
	return r < 0 ? target_fail(target->image, r, "a copy beside it", diag) : 0;
}

int target_open_new(struct target *target)
{
	struct stat st;

	target->new = openat(target->dir, TARGET_TEMPORARY, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (target->new < 0)
		return -errno;
	if (fstat(target->new, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -ENOTSUP;
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

int target_put_in_place(struct target *target, struct diag *diag)
{
	const char *name = strrchr(target->path, '/') + 1;
	int r = keep_attributes(target);

	if (r == 0 && fsync(target->new) < 0)
		r = -errno;
	if (r == 0 && renameat(target->dir, TARGET_TEMPORARY, target->dir, name) < 0)
		r = -errno;
	if (r < 0)
		return target_fail(target->image, r, "the new one", diag);
	target->staged = false;
	if (fsync(target->dir) < 0 && errno != EINVAL)
		return target_fail(target->image, -errno, "its directory", diag);
	return 0;
}

bool target_same_bytes(const struct root *root, const struct initramfs_image *a,
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
