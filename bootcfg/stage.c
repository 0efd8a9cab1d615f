// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "bootcfg/stage.h"

#define FILE_SIZE_MAX (16 << 20) /* as file_read() */

int write_fully(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

int read_at(int dir_fd, const char *name, char **ret, size_t *ret_size)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	_cleanup_close_ int fd = TEMP_FAILURE_RETRY(openat(dir_fd, name, flags));
	_cleanup_free_ char *data = NULL;
	size_t size = 0, space;
	struct stat st;

	if (fd < 0)
		return errno == ENXIO ? -ENOTSUP : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	if (st.st_size > FILE_SIZE_MAX)
		return -EFBIG;
	space = (size_t)st.st_size + 1;
	data = malloc(space);
	if (!data)
		return -ENOMEM;
	for (;;) {
		ssize_t n = TEMP_FAILURE_RETRY(read(fd, data + size, space - size));

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
		if (size == space)
			return -EBUSY; /* it grows while we read */
	}
	data[size] = '\0';
	*ret = steal(&data);
	*ret_size = size;
	return 0;
}

/* --- has somebody else been here? -------------------------------------------------------------- */

static bool same_times(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool same_owner(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

static bool same_bytes(const struct stage *stage)
{
	const struct file *old = &stage->change->old;
	_cleanup_free_ char *data = NULL;
	size_t size;

	return read_at(stage->place.dir->fd, stage->place.name, &data, &size) == 0 &&
	       size == old->size && !memcmp(data, old->data, size);
}

int stage_look(struct stage *stage)
{
	const struct file *old = &stage->change->old;
	const struct stat *now = &stage->place.stat;
	int r = place_look(&stage->place);

	if (r < 0)
		return r == -ELOOP ? -EREMCHG : r;
	if (stage->place.exists != old->exists)
		return -EREMCHG;
	if (!old->exists)
		return 0;
	/* vfat makes up inode numbers anew, and a package may have written the same bytes again. */
	if (!same_times(now, stage->looked ? &stage->seen : &old->stat) && !same_bytes(stage))
		return -EREMCHG;
	/* The temporary has the mode and owner that were seen. */
	if (stage->staged && !same_owner(now, &stage->seen))
		return -EREMCHG;
	stage->seen = *now;
	stage->looked = true;
	return 0;
}

/* --- temporaries ------------------------------------------------------------------------------- */

static bool on_vfat(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == MSDOS_SUPER_MAGIC;
}

static int keep_owner_and_mode(int fd, const struct stage *stage)
{
	const struct change *change = stage->change;
	struct stat want = {.st_mode = change->mode, .st_uid = change->uid, .st_gid = change->gid};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (stage->place.exists) {
		want = stage->seen;
	} else if (geteuid() != 0) {
		/* An image that is built without privileges belongs to its builder. */
		want.st_uid = st.st_uid;
		want.st_gid = st.st_gid;
	}
	if ((st.st_uid != want.st_uid || st.st_gid != want.st_gid) &&
	    TEMP_FAILURE_RETRY(fchown(fd, want.st_uid, want.st_gid)) < 0 &&
	    !(errno == EPERM && on_vfat(fd)))
		return -errno;
	if (((st.st_mode ^ want.st_mode) & 07777) &&
	    TEMP_FAILURE_RETRY(fchmod(fd, want.st_mode & 07777)) < 0 &&
	    !(errno == EPERM && on_vfat(fd)))
		return -errno;
	return 0;
}

/* What is about the old bytes would make the new ones unreadable, or give them powers. */
static bool is_about_bytes(const char *name)
{
	return !strcmp(name, "security.ima") || !strcmp(name, "security.evm") ||
	       !strcmp(name, "security.capability");
}

static int copy_xattr(int from, int to, const char *name)
{
	char value[XATTR_SIZE_MAX], there[XATTR_SIZE_MAX];
	ssize_t n = fgetxattr(from, name, value, sizeof(value));

	if (n < 0)
		return errno == ENODATA || errno == ENOTSUP ? 0 : -errno;
	/* A label that is there already need not be set, which asks for more privilege. */
	if (fgetxattr(to, name, there, sizeof(there)) == n && !memcmp(value, there, (size_t)n))
		return 0;
	if (fsetxattr(to, name, value, (size_t)n, 0) == 0 || errno == ENOTSUP)
		return 0;
	return errno == EPERM && on_vfat(to) ? 0 : -errno;
}

static int keep_xattrs(int fd, const struct stage *stage)
{
	struct place_dir *dir = stage->place.dir;
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	_cleanup_close_ int old = -1;
	_cleanup_free_ char *names = NULL;
	ssize_t n;

	if (!stage->place.exists || dir->no_xattrs)
		return 0;
	old = TEMP_FAILURE_RETRY(openat(dir->fd, stage->place.name, flags));
	if (old < 0)
		return -errno;
	n = flistxattr(old, NULL, 0);
	if (n < 0 && errno == ENOTSUP) {
		dir->no_xattrs = true;
		return 0;
	}
	if (n <= 0)
		return n < 0 ? -errno : 0;
	names = malloc((size_t)n);
	if (!names)
		return -ENOMEM;
	n = flistxattr(old, names, (size_t)n);
	if (n < 0)
		return -errno;
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		int r = is_about_bytes(name) ? 0 : copy_xattr(old, fd, name);

		if (r < 0)
			return r;
	}
	return 0;
}

static int fill(int fd, const struct stage *stage, bool sync)
{
	int r = write_fully(fd, stage->change->data, stage->change->size);

	if (r >= 0)
		r = keep_owner_and_mode(fd, stage);
	if (r >= 0)
		r = keep_xattrs(fd, stage);
	if (r >= 0 && sync && TEMP_FAILURE_RETRY(fsync(fd)) < 0)
		r = -errno;
	return r;
}

int stage_write(struct stage *stage, bool sync)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = TEMP_FAILURE_RETRY(openat(stage->place.dir->fd, stage->temporary, flags, 0600));
	int r;

	if (fd < 0)
		return -errno;
	stage->staged = true;
	stage->place.dir->changed = true;
	r = fill(fd, stage, sync);
	/* Linux has closed it after an EINTR too; what NFS or a quota says there counts. */
	if (close(fd) < 0 && errno != EINTR && r >= 0)
		r = -errno;
	return r;
}

int stage_rename(struct place_dir *dir, const char *from, const char *to, bool new)
{
	if (new) {
		if (TEMP_FAILURE_RETRY(renameat2(dir->fd, from, dir->fd, to, RENAME_NOREPLACE)) ==
		    0) {
			dir->changed = true;
			return 0;
		}
		/* Not every file system has it. */
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
	}
	if (TEMP_FAILURE_RETRY(renameat(dir->fd, from, dir->fd, to)) < 0)
		return -errno;
	dir->changed = true;
	return 0;
}

int stage_carry_out(struct stage *stage)
{
	struct place_dir *dir = stage->place.dir;
	int r = 0;

	if (*stage->temporary)
		r = stage_rename(dir, stage->temporary, stage->place.name, !stage->place.exists);
	else if (TEMP_FAILURE_RETRY(unlinkat(dir->fd, stage->place.name, 0)) < 0)
		r = -errno;
	if (r < 0)
		return r;
	dir->changed = true;
	stage->staged = false;
	stage->done = true;
	return 0;
}

int stage_undo(struct stage *stage)
{
	if (!stage->staged)
		return 0;
	if (TEMP_FAILURE_RETRY(unlinkat(stage->place.dir->fd, stage->temporary, 0)) < 0 &&
	    errno != ENOENT)
		return -errno;
	stage->staged = false;
	return 0;
}
