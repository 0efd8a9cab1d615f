// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "early/profile-build.h"

#define DIR_USR "usr/lib/vfio-bootcfg.conf.d"
#define DIR_ETC "etc/vfio-bootcfg.conf.d"
#define FILE_ETC "vfio-bootcfg.conf"

#define DIRENTS_SIZE 4096
#define SUFFIX ".conf"

struct file_name {
	char *name;
	unsigned char type; /* DT_ */
};

struct file_list {
	struct file_name *names;
	size_t count;
};

static void file_list_free(struct file_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->names[i].name);
	free(list->names);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct file_name *)a)->name, ((const struct file_name *)b)->name);
}

static bool is_profile_name(const char *name)
{
	size_t len = strlen(name), suffix = sizeof(SUFFIX) - 1;

	return *name != '.' && len > suffix && !strcmp(name + len - suffix, SUFFIX);
}

static int list_add(struct file_list *list, const struct dirent64 *entry)
{
	struct file_name *names = profile_grow(list->names, list->count, sizeof(*names));
	char *name;

	if (!names)
		return -ENOMEM;
	list->names = names;
	name = strdup(entry->d_name);
	if (!name)
		return -ENOMEM;
	names[list->count++] = (struct file_name){.name = name, .type = entry->d_type};
	return 0;
}

static int read_dir(const struct root *root, const char *dir, struct file_list *ret)
{
	_cleanup_close_ int fd = root_openat(root, dir, O_RDONLY | O_DIRECTORY, 0);
	_Alignas(struct dirent64) char buf[DIRENTS_SIZE];
	ssize_t n;

	if (fd < 0) {
		char target[2];
		ssize_t len = fd == -ENOENT ? root_readlink(root, dir, target, sizeof(target)) : 0;

		/* A link that leads nowhere may have led to files that mask others. */
		return fd == -ENOENT && len < 0 && len != -ENAMETOOLONG ? 0 : fd;
	}
	while ((n = getdents64(fd, buf, sizeof(buf))) > 0) {
		for (const char *at = buf; at < buf + n;) {
			const struct dirent64 *entry = (const void *)at;

			if (is_profile_name(entry->d_name) && list_add(ret, entry) < 0)
				return -ENOMEM;
			at += entry->d_reclen;
		}
	}
	if (n < 0)
		return -errno;
	if (ret->count)
		qsort(ret->names, ret->count, sizeof(*ret->names), compare_names);
	return 0;
}

/* The profile's names in one directory, sorted bytewise. A missing directory has none. */
static int list_dir(const struct root *root, const char *dir, struct file_list *ret,
		    struct diag *diag)
{
	int r = read_dir(root, dir, ret);

	if (r < 0) {
		char path[64];

		snprintf(path, sizeof(path), "/%s", dir);
		return diag_set(diag, r, path, 0, "the directory cannot be read: %s", strerror(-r));
	}
	return 0;
}

static int cannot_read(int error, const char *path, struct diag *diag)
{
	switch (error) {
	case -ENOENT:
		return diag_set(
			diag, error, path, 0,
			"a link to a file that is not there; to mask a file, link to /dev/null");
	case -EISDIR:
		return diag_set(diag, error, path, 0, "a directory, where a file is expected");
	case -ENOTSUP:
		return diag_set(diag, error, path, 0,
				"a FIFO, socket or device, where a file is expected");
	case -EFBIG:
		return diag_set(diag, error, path, 0, "the file is larger than 16 MiB");
	case -EACCES:
		return diag_set(diag, error, path, 0,
				"the file cannot be read: %s; run this as root or make it readable",
				strerror(-error));
	}
	return diag_set(diag, error, path, 0, "the file cannot be read: %s", strerror(-error));
}

/* What others can write, they could make the host hand any card away with. */
static int check_owner(const struct stat *st, const char *path, struct diag *diag)
{
	unsigned mode = st->st_mode & 07777;

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return diag_set(
			diag, -EPERM, path, 0,
			"the file belongs to user %u, neither root nor us; chown it to root",
			(unsigned)st->st_uid);
	if (mode & S_IWOTH)
		return diag_set(diag, -EPERM, path, 0,
				"everybody can write the file (mode %04o); chmod it to 0644", mode);
	if (mode & S_IWGRP && st->st_gid != 0)
		return diag_set(diag, -EPERM, path, 0,
				"group %u can write the file (mode %04o); chmod it to 0644",
				(unsigned)st->st_gid, mode);
	return 0;
}

static const struct profile_overlay *find_overlay(const struct profile_overlay *overlay,
						  const char *path)
{
	for (; overlay && overlay->path; overlay++)
		if (!strcmp(overlay->path, path))
			return overlay;
	return NULL;
}

static int load_overlay(struct profile_build *build, const struct profile_overlay *overlay,
			const char *path, struct diag *diag)
{
	char *text;

	if (!overlay->text)
		return 0;
	text = malloc(overlay->size + 1);
	if (!text)
		return profile_out_of_memory(diag);
	memcpy(text, overlay->text, overlay->size);
	text[overlay->size] = '\0';
	return profile_build_text(build, text, overlay->size, path, diag);
}

static int load_file(struct profile_build *build, const struct root *root,
		     const struct profile_overlay *overlay, const char *dir, const char *name,
		     unsigned char type, struct diag *diag)
{
	static const char mask[] = "/dev/null";
	char path[sizeof("/" DIR_USR "/") + NAME_MAX], target[sizeof(mask) + 1], *text;
	bool is_link = false;
	struct stat st;
	size_t size;
	int r;

	snprintf(path, sizeof(path), "/%s/%s", dir, name);
	overlay = find_overlay(overlay, path + 1);
	if (overlay)
		return load_overlay(build, overlay, path, diag);
	if (type == DT_LNK || type == DT_UNKNOWN) {
		ssize_t n = root_readlink(root, path + 1, target, sizeof(target));

		/* By its text: an image may have no such node. */
		if (n == -ENOENT || (n >= 0 && !strcmp(target, mask)))
			return 0;
		is_link = n >= 0 || n == -ENAMETOOLONG;
	}
	r = root_read_file(root, path + 1, &text, &size, &st);
	if (r == -ENOMEM)
		return profile_out_of_memory(diag);
	if (r == -ENOENT && !is_link)
		return 0; /* removed meanwhile */
	if (r < 0)
		return cannot_read(r, path, diag);
	r = check_owner(&st, path, diag);
	if (r < 0) {
		free(text);
		return r;
	}
	return profile_build_text(build, text, size, path, diag);
}

static bool list_has(const struct file_list *list, const struct file_name *name)
{
	return list->count &&
	       bsearch(name, list->names, list->count, sizeof(*list->names), compare_names);
}

static int load_dir(struct profile_build *build, const struct root *root,
		    const struct profile_overlay *overlay, const char *dir,
		    const struct file_list *list, const struct file_list *masks, struct diag *diag)
{
	for (size_t i = 0; i < list->count; i++) {
		int r;

		if (masks && list_has(masks, &list->names[i]))
			continue;
		r = load_file(build, root, overlay, dir, list->names[i].name, list->names[i].type,
			      diag);
		if (r < 0)
			return r;
	}
	return 0;
}

int profile_load_over(const struct root *root, const struct profile_overlay *overlay,
		      struct profile *ret, struct diag *diag)
{
	_cleanup_build_ struct profile_build build = PROFILE_BUILD_INIT;
	_cleanup_(file_list_free) struct file_list usr = {.count = 0}, etc = {.count = 0};
	int r;

	r = list_dir(root, DIR_USR, &usr, diag);
	if (r == 0)
		r = list_dir(root, DIR_ETC, &etc, diag);
	if (r == 0)
		r = load_dir(&build, root, overlay, DIR_USR, &usr, &etc, diag);
	if (r == 0)
		r = load_file(&build, root, overlay, "etc", FILE_ETC, DT_UNKNOWN, diag);
	if (r == 0)
		r = load_dir(&build, root, overlay, DIR_ETC, &etc, NULL, diag);
	return r < 0 ? r : profile_build_finish(&build, ret, diag);
}

int profile_load(const struct root *root, struct profile *ret, struct diag *diag)
{
	return profile_load_over(root, NULL, ret, diag);
}
