// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "early/root.h"

#define FILE_SIZE_MAX (16 << 20)

/* openat2(2) answers -EAGAIN when a rename anywhere races with a `..`; a few tries are enough. */
#define OPENAT2_TRIES 32

static bool is_kernel_path(const char *path)
{
	static const char dirs[][5] = {"sys", "proc", "run"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		size_t len = strlen(dirs[i]);

		if (!strncmp(path, dirs[i], len) && (path[len] == '/' || path[len] == '\0'))
			return true;
	}
	return false;
}

/* A link in an image may lead to the host's /proc or /sys where somebody has mounted them there. */
static int refuse_kernel_fs(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	switch (fs.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case EFIVARFS_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
	case CGROUP2_SUPER_MAGIC:
		return -EXDEV;
	}
	return 0;
}

int root_openat(const struct root *root, const char *path, int flags, mode_t mode)
{
	int fd, r;

	flags |= O_CLOEXEC;
	if (!(flags & O_PATH))
		flags |= O_NOCTTY | O_NONBLOCK;
	if (root->kind == ROOT_LIVE) {
		fd = openat(root->fd, path, flags, mode);
		return fd < 0 ? -errno : fd;
	}
	if (root->kind == ROOT_IMAGE && is_kernel_path(path))
		return -EXDEV;

	struct open_how how = {
		.flags = (unsigned)flags,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int tries = OPENAT2_TRIES;

	do
		fd = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && --tries);
	if (fd < 0)
		return -errno;
	r = refuse_kernel_fs(fd);
	if (r < 0) {
		close_fd(&fd);
		return r;
	}
	return fd;
}

int root_open_boot(struct root *ret)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret = (struct root){.fd = fd, .kind = ROOT_LIVE};
	return 0;
}

/* The inode of the first PID namespace (PROC_PID_INIT_INO in include/linux/proc_ns.h). */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCU

/*
 * Whether "/" is less than a running host: then /sys and /proc may be somebody else's. A container
 * has a PID namespace of its own, or, where it shares the host's, another root than init.
 */
static bool in_chroot_or_container(void)
{
	struct stat mine, init;

	if (stat("/proc/self/ns/pid", &mine) < 0)
		return errno == ENOENT; /* without /proc it is no running system */
	if (mine.st_ino != FIRST_PID_NAMESPACE)
		return true;
	/* Without the right to look, assume a host. */
	if (stat("/", &mine) < 0 || stat("/proc/1/root", &init) < 0)
		return false;
	return mine.st_dev != init.st_dev || mine.st_ino != init.st_ino;
}

int root_open(struct root *ret, const char *dir)
{
	_cleanup_close_ int fd = -1;
	struct root root;
	int r;

	if (!dir || !strcmp(dir, "/")) {
		r = root_open_boot(&root);
		if (r < 0)
			return r;
		if (in_chroot_or_container())
			root.kind = ROOT_IMAGE;
		*ret = root;
		return 0;
	}
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	root = (struct root){.fd = fd, .kind = ROOT_MACHINE};
	r = root_openat(&root, ".vfio-machine", O_PATH | O_NOFOLLOW, 0);
	if (r >= 0)
		close_fd(&r);
	else if (r == -ENOENT)
		root.kind = ROOT_IMAGE;
	else
		return r;
	fd = -1;
	*ret = root;
	return 0;
}

void root_close(struct root *root)
{
	close_fd(&root->fd);
	root->fd = -1;
}

static ssize_t read_retry(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t root_read_attr(const struct root *root, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = root_openat(root, path, O_RDONLY, 0);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read_retry(fd, buf, size);
	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int root_read_file(const struct root *root, const char *path, char **ret, size_t *ret_size,
		   struct stat *ret_stat)
{
	_cleanup_close_ int fd = root_openat(root, path, O_RDONLY, 0);
	_cleanup_free_ char *buf = NULL;
	size_t have = 0, space;
	struct stat st;

	if (fd < 0)
		/* What open(2) says of a socket, and of a device that is not there. */
		return fd == -ENXIO ? -ENOTSUP : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	if (st.st_size > FILE_SIZE_MAX)
		return -EFBIG;
	/* procfs says 0 for its size; a file may grow while it is read. */
	space = st.st_size ? (size_t)st.st_size + 1 : 4096;
	for (;;) {
		char *bigger = realloc(buf, space + 1);
		ssize_t n;

		if (!bigger)
			return -ENOMEM;
		buf = bigger;
		n = read_retry(fd, buf + have, space - have);
		if (n < 0)
			return (int)n;
		have += (size_t)n;
		if (have < space && (n == 0 || have == (size_t)st.st_size))
			break;
		if (have > FILE_SIZE_MAX)
			return -EFBIG;
		if (have == space)
			space *= 2;
	}
	buf[have] = '\0';
	*ret = steal(&buf);
	*ret_size = have;
	if (ret_stat)
		*ret_stat = st;
	return 0;
}

ssize_t root_readlink(const struct root *root, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (root->kind == ROOT_LIVE) {
		n = readlinkat(root->fd, path, buf, size);
	} else {
		/* The directories on the way must be resolved inside the root, the link itself read. */
		fd = root_openat(root, path, O_PATH | O_NOFOLLOW, 0);
		if (fd < 0)
			return fd;
		n = readlinkat(fd, "", buf, size);
		if (n < 0 && errno == ENOENT)
			return -EINVAL; /* what readlinkat(2) says of an fd that is no link */
	}
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return n;
}

ssize_t root_readlink_name(const struct root *root, const char *path, char *buf, size_t size)
{
	char target[4096];
	ssize_t n = root_readlink(root, path, target, sizeof(target));
	const char *name;
	size_t len;

	if (n < 0)
		return n;
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	len = strlen(name);
	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, name, len + 1);
	return (ssize_t)len;
}

DIR *root_opendir(const struct root *root, const char *path)
{
	int fd = root_openat(root, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *dir;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	dir = fdopendir(fd);
	if (!dir)
		close_fd(&fd);
	return dir;
}

bool root_exists(const struct root *root, const char *path)
{
	_cleanup_close_ int fd = -1;

	if (root->kind == ROOT_LIVE)
		return !faccessat(root->fd, path, F_OK, AT_SYMLINK_NOFOLLOW);
	fd = root_openat(root, path, O_PATH | O_NOFOLLOW, 0);
	return fd >= 0;
}

static int write_all(int fd, const char *data, size_t size)
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

int root_write_attr(const struct root *root, const char *path, const char *value)
{
	_cleanup_close_ int fd = -1;
	size_t size = strlen(value);
	ssize_t n;

	if (root->write_hook)
		return root->write_hook(root->write_hook_data, path, value);
	fd = root_openat(root, path, O_WRONLY, 0);
	if (fd < 0)
		return fd;
	n = write(fd, value, size);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

/* Opens the directory that path is in; *ret_name is the last component, inside path. */
static int open_parent(const struct root *root, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char dir[4096];

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		return root_openat(root, ".", O_PATH | O_DIRECTORY, 0);
	if ((size_t)(slash - path) >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	return root_openat(root, dir, O_PATH | O_DIRECTORY, 0);
}

int root_mkdir(const struct root *root, const char *path)
{
	char part[4096];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	if (root->kind == ROOT_IMAGE && is_kernel_path(path))
		return -EXDEV;
	for (size_t i = 1; i <= len; i++) {
		_cleanup_close_ int parent = -1;
		const char *name;

		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		parent = open_parent(root, part, &name);
		if (parent < 0)
			return parent;
		if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int root_replace(const struct root *root, const char *path, const char *data, size_t size,
		 mode_t mode)
{
	_cleanup_close_ int parent = -1, fd = -1;
	char temporary[NAME_MAX + 1];
	const char *name;
	int r;

	if (root->kind == ROOT_IMAGE && is_kernel_path(path))
		return -EXDEV;
	parent = open_parent(root, path, &name);
	if (parent < 0)
		return parent;
	if (snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid()) >=
	    (int)sizeof(temporary))
		return -ENAMETOOLONG;
	/* What lies there already may be a FIFO, or a second name of something else. */
	fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 && errno == EEXIST && !unlinkat(parent, temporary, 0))
		fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (r >= 0 && renameat(parent, temporary, parent, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(parent, temporary, 0);
	return r;
}
