/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file as it was read, so that a plan can say what it was and a commit that it still is. */
#ifndef BOOTCFG_FILE_H
#define BOOTCFG_FILE_H

#include <sys/stat.h>

#include "early/diag.h"
#include "early/root.h"

struct file {
	char *path; /* below the root, without a leading slash; owned */
	bool exists;
	char *data; /* NUL-terminated, size counts; NULL where it does not exist; owned */
	size_t size;
	struct stat stat; /* of what a link leads to */
};

/*
 * Reads a regular file of at most 16 MiB. One that is not there is success with exists false (also
 * where a directory on the way is not there); a dangling link is -ENOENT.
 * Errors, with diag: -EISDIR, -ENOTSUP (FIFO, socket, device), -ELOOP, -EFBIG, -EACCES, -EIO, -ENOMEM,
 * ...
 */
int file_read(const struct root *root, const char *path, struct file *ret,
	      struct diag *diag) _must_check_;
void file_free(struct file *file);

/*
 * The names in a directory that end in suffix and do not begin with a dot, sorted bytewise, in a
 * NULL-terminated array. *ret is the caller's, for names_free(). A directory that is not there has
 * none. 0, or -errno with diag.
 */
int names_read(const struct root *root, const char *dir, const char *suffix, char ***ret,
	       struct diag *diag) _must_check_;
void names_free(char **names);

static inline void names_freep(char ***names)
{
	names_free(*names);
}

#define _cleanup_file_ _cleanup_(file_free)
#define _cleanup_names_ _cleanup_(names_freep)

#endif
