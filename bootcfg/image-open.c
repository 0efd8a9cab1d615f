// SPDX-License-Identifier: GPL-2.0-or-later
/* The initramfs of a boot as a file that can be read. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "bootcfg/image-check.h"
#include "bootcfg/uki.h"

#define SEVERAL_MAX_BYTES ((off_t)512 << 20) /* of memory: a hostile file may have holes */

/* A regular file, or -errno. */
static int open_file(const struct root *root, const char *path)
{
	int fd = root_openat(root, path, O_RDONLY, 0), r;
	struct stat st;

	if (fd < 0)
		return fd;
	r = fstat(fd, &st) < 0	  ? -errno
	    : S_ISREG(st.st_mode) ? 0
	    : S_ISDIR(st.st_mode) ? -EISDIR
				  : -ENOTSUP;
	if (r < 0) {
		close_fd(&fd);
		return r;
	}
	return fd;
}

/* Appends a file, aligned as boot loaders do it. */
static int append(int from, int to)
{
	off_t at = 0, end = lseek(to, 0, SEEK_END);
	struct stat st;

	if (end < 0 || fstat(from, &st) < 0)
		return -errno;
	if (st.st_size > SEVERAL_MAX_BYTES - end)
		return -EFBIG;
	end = (end + 3) & ~(off_t)3;
	if (ftruncate(to, end) < 0 || lseek(to, end, SEEK_SET) < 0)
		return -errno;
	while (at < st.st_size) {
		ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

/* Several images, one a line, as the kernel gets them: in memory. */
static int open_several(const struct root *root, const char *paths, int *ret_fd)
{
	_cleanup_close_ int whole = memfd_create("initrds", MFD_CLOEXEC);

	if (whole < 0)
		return -errno;
	while (*paths) {
		size_t len = strcspn(paths, "\n");
		_cleanup_free_ char *path = strndup(paths, len);
		_cleanup_close_ int fd = -1;
		int r;

		if (!path)
			return -ENOMEM;
		fd = open_file(root, path);
		r = fd < 0 ? fd : append(fd, whole);
		if (r < 0)
			return r;
		paths += len + (paths[len] == '\n');
	}
	*ret_fd = whole;
	whole = -1;
	return 0;
}

int image_open(const struct root *root, const char *path, bool unified, int *ret_fd)
{
	_cleanup_uki_ struct uki uki = {.cmdline = NULL};
	struct diag diag = DIAG_INIT;
	int r;

	if (unified) {
		r = uki_read(root, path, &uki, &diag);
		return r < 0 ? r : uki_initrd(root, path, &uki, ret_fd);
	}
	if (strchr(path, '\n'))
		return open_several(root, path, ret_fd);
	*ret_fd = open_file(root, path);
	return *ret_fd < 0 ? *ret_fd : 0;
}
