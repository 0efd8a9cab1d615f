/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one handle for the file system. Paths are relative to it ("sys/bus/pci", "etc/x.conf"),
 * without a leading slash. For a directory given with --root every lookup is an openat2(2) with
 * RESOLVE_IN_ROOT, so that absolute links and ../ in a hostile image stay inside it.
 */
#ifndef EARLY_ROOT_H
#define EARLY_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cleanup.h"

/* What a root directory stands for. */
enum root_kind {
	ROOT_LIVE, /* "/" of the running system: /sys, /proc and /run are the kernel's */
	ROOT_IMAGE, /* files of a system that is not running: /sys, /proc, /run are never read */
	ROOT_MACHINE, /* a captured machine (it has /.vfio-machine): /sys and /proc are plain files */
};

/*
 * Test seam: called instead of the write of an attribute where it is set. A test's fake kernel
 * answers as sysfs would (0 or -errno) and records the order. Never set outside tests.
 */
typedef int (*root_write_hook)(void *data, const char *path, const char *value);

struct root {
	int fd; /* the directory; owned */
	enum root_kind kind;
	root_write_hook write_hook;
	void *write_hook_data;
};

#define ROOT_INIT ((struct root){.fd = -1})

/*
 * Opens the running system's "/" without looking around: what the early binary does at boot, where
 * there is no chroot or container to find out about. One system call. 0 or -errno.
 */
int root_open_boot(struct root *ret) _must_check_;

/*
 * Opens DIR, or with NULL or "/" the running system. A chroot or container is opened as
 * ROOT_IMAGE. The caller closes it with root_close().
 * Errors: -ENOENT, -ENOTDIR, -EACCES and what else openat(2) gives; -ENOSYS without openat2(2)
 * (Linux < 5.6) for a DIR that is not "/".
 */
int root_open(struct root *ret, const char *dir) _must_check_;
void root_close(struct root *root);

/* True where /sys, /proc and /run may be read: not in an image. */
static inline bool root_has_kernel(const struct root *root)
{
	return root->kind != ROOT_IMAGE;
}

/*
 * Opens a path below the root; flags as for open(2), O_CLOEXEC, O_NOCTTY and O_NONBLOCK are added.
 * Returns a descriptor that the caller closes.
 * Errors: -errno of openat2(2); -EXDEV for sys/, proc/ and run/ of an image, and where a captured
 * machine turns out to have the host's real sysfs or procfs mounted there.
 */
int root_openat(const struct root *root, const char *path, int flags, mode_t mode) _must_check_;

/*
 * Reads a small kernel attribute in one read(2) into buf, NUL-terminates it and cuts one trailing
 * newline. Returns the length. Errors: -errno of open and read, -EXDEV as above, -ENAMETOOLONG
 * where it fills buf (then it may have been cut).
 */
ssize_t root_read_attr(const struct root *root, const char *path, char *buf,
		       size_t size) _must_check_;

/*
 * Reads a whole regular file of at most 16 MiB. *ret is NUL-terminated (the file may hold NULs too:
 * *ret_size counts) and is the caller's to free. ret_stat, where not NULL, gets the fstat(2) of
 * the opened file.
 * Errors: -errno; -EISDIR, -ENOTSUP (FIFO, socket, device), -EFBIG.
 */
struct stat;
int root_read_file(const struct root *root, const char *path, char **ret, size_t *ret_size,
		   struct stat *ret_stat) _must_check_;

/* readlink(2) below the root, NUL-terminated; returns the length. -ENAMETOOLONG where it is cut. */
ssize_t root_readlink(const struct root *root, const char *path, char *buf,
		      size_t size) _must_check_;

/* The last component of a link's target, e.g. a device's driver. -errno as root_readlink(). */
ssize_t root_readlink_name(const struct root *root, const char *path, char *buf,
			   size_t size) _must_check_;

/* A directory to read, which the caller closes; NULL with errno as root_openat() has it. */
DIR *root_opendir(const struct root *root, const char *path) _must_check_;

/* True if path exists below the root (its last link is not followed). */
bool root_exists(const struct root *root, const char *path);

/*
 * Writes value to a kernel attribute in one write(2). The attribute is never created.
 * Returns 0 or -errno of open or of the write, which is the driver's own answer.
 */
int root_write_attr(const struct root *root, const char *path, const char *value) _must_check_;

/* Makes path and its parents, mode 0755. 0 (also where it is there) or -errno. */
int root_mkdir(const struct root *root, const char *path) _must_check_;

/*
 * Replaces a file below the root: temporary beside it, rename(2). Not synced: for /run.
 * 0 or -errno; the old file stays on error.
 */
int root_replace(const struct root *root, const char *path, const char *data, size_t size,
		 mode_t mode) _must_check_;

#define _cleanup_root_ _cleanup_(root_close)

#endif
