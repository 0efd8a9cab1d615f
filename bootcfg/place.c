// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "bootcfg/place.h"

#define LINKS_MAX 40 /* as the kernel: MAXSYMLINKS in include/linux/namei.h */

/* --- directories ------------------------------------------------------------------------------- */

/* Cuts a path in two: *ret_dir is the caller's, the answer is its last component. */
static const char *split(const char *path, char dir[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= PATH_MAX)
		return NULL;
	memcpy(dir, path, len);
	dir[len] = '\0';
	return slash ? slash + 1 : path;
}

static void dir_free(struct place_dir *dir)
{
	close_fd(&dir->fd);
	free(dir->path);
	free(dir);
}

void places_free(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		dir_free(places->dirs[i]);
	free(places->dirs);
	places->dirs = NULL;
	places->count = 0;
}

static int dir_open(const struct root *root, struct place_dir *dir)
{
	struct stat st;
	int fd;

	do
		fd = root_openat(root, *dir->path ? dir->path : ".", O_RDONLY | O_DIRECTORY, 0);
	while (fd == -EINTR);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	dir->fd = fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	dir->dev = st.st_dev;
	return 0;
}

int places_dir(struct places *places, const char *path, struct place_dir **ret)
{
	struct place_dir **dirs, *dir;
	int r;

	/* The last one first: files of one directory come together. */
	for (size_t i = places->count; i-- > 0;)
		if (!strcmp(places->dirs[i]->path, path)) {
			*ret = places->dirs[i];
			return 0;
		}
	dirs = reallocarray(places->dirs, places->count + 1, sizeof(*dirs));
	if (!dirs)
		return -ENOMEM;
	places->dirs = dirs;
	dir = calloc(1, sizeof(*dir));
	if (!dir)
		return -ENOMEM;
	dir->fd = -1;
	dir->path = strdup(path);
	r = dir->path ? dir_open(places->root, dir) : -ENOMEM;
	if (r < 0) {
		dir_free(dir);
		return r;
	}
	dirs[places->count++] = dir;
	*ret = dir;
	return 0;
}

int places_missing(const struct root *root, const char *path, struct path_list *list)
{
	char dir[PATH_MAX];
	int fd, r;

	if (!split(path, dir))
		return -ENAMETOOLONG;
	if (!*dir || path_list_has(list, dir))
		return 0;
	do
		fd = root_openat(root, dir, O_PATH | O_DIRECTORY, 0);
	while (fd == -EINTR);
	if (fd >= 0) {
		close_fd(&fd);
		return 0;
	}
	if (fd != -ENOENT)
		return fd;
	r = places_missing(root, dir, list);
	return r < 0 ? r : path_list_add(list, dir);
}

/* mkdir(2) takes the umask off, which is none of our business in a directory of the system. */
static int keep_mode(const struct place_dir *dir, mode_t mode)
{
	struct stat st;

	if (fstat(dir->fd, &st) < 0)
		return -errno;
	/* vfat has one mode for all. */
	if ((st.st_mode & 07777) != mode && TEMP_FAILURE_RETRY(fchmod(dir->fd, mode)) < 0 &&
	    errno != EPERM)
		return -errno;
	return 0;
}

int places_make(struct places *places, const char *path, mode_t mode)
{
	char upper[PATH_MAX];
	const char *name = split(path, upper);
	struct place_dir *parent, *dir;
	int r;

	if (!name)
		return -ENAMETOOLONG;
	r = places_dir(places, upper, &parent);
	if (r < 0)
		return r;
	r = places_dir(places, path, &dir);
	if (r < 0)
		return r;
	if (dir->fd >= 0)
		return 0;
	if (parent->fd < 0)
		return -ENOENT;
	if (TEMP_FAILURE_RETRY(mkdirat(parent->fd, name, mode)) < 0)
		return -errno;
	parent->changed = true;
	r = dir_open(places->root, dir);
	if (r < 0)
		return r;
	return dir->fd < 0 ? -ENOENT : keep_mode(dir, mode);
}

int places_remove(struct places *places, const char *path)
{
	char upper[PATH_MAX];
	const char *name = split(path, upper);
	struct place_dir *parent, *dir;
	int r;

	if (!name)
		return -ENAMETOOLONG;
	r = places_dir(places, upper, &parent);
	if (r < 0 || parent->fd < 0)
		return r == -ENOTDIR ? 0 : r;
	if (TEMP_FAILURE_RETRY(unlinkat(parent->fd, name, AT_REMOVEDIR)) < 0) {
		/* A link to a directory, put there by others, is ENOTDIR. */
		if (errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ||
		    errno == EBUSY)
			return 0;
		return -errno;
	}
	parent->changed = true;
	r = places_dir(places, path, &dir);
	if (r < 0)
		return r;
	close_fd(&dir->fd);
	dir->fd = -1;
	dir->changed = false;
	return 0;
}

int places_sync(struct places *places)
{
	int first = 0;

	for (size_t i = 0; i < places->count; i++) {
		struct place_dir *dir = places->dirs[i];

		if (!dir->changed || dir->fd < 0)
			continue;
		if (TEMP_FAILURE_RETRY(fsync(dir->fd)) < 0) {
			first = first ? first : -errno;
			continue;
		}
		dir->changed = false;
	}
	return first;
}

/* --- files ------------------------------------------------------------------------------------- */

/* statx(2), since it tells what rename(2) would refuse half-way: immutable files, mount points. */
static int look(const struct place_dir *dir, const char *name, struct place *place)
{
	struct statx stx;

	if (TEMP_FAILURE_RETRY(statx(dir->fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &stx)) <
	    0) {
		if (errno != ENOENT)
			return -errno;
		place->exists = place->locked = false;
		return 0;
	}
	place->exists = true;
	place->locked = stx.stx_attributes &
			(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_MOUNT_ROOT);
	place->stat = (struct stat){
		.st_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
		.st_ino = stx.stx_ino,
		.st_mode = stx.stx_mode,
		.st_uid = stx.stx_uid,
		.st_gid = stx.stx_gid,
		.st_size = (off_t)stx.stx_size,
		.st_mtim = {.tv_sec = stx.stx_mtime.tv_sec, .tv_nsec = stx.stx_mtime.tv_nsec},
	};
	return 0;
}

int place_look(struct place *place)
{
	int r;

	if (place->dir->fd < 0) {
		place->exists = false;
		return 0;
	}
	r = look(place->dir, place->name, place);
	if (r < 0)
		return r;
	return place->exists && S_ISLNK(place->stat.st_mode) ? -ELOOP : 0;
}

/* What a link in dir says, as a path below the root again. */
static int follow(const struct place *place, char path[static PATH_MAX])
{
	char target[PATH_MAX];
	ssize_t n =
		TEMP_FAILURE_RETRY(readlinkat(place->dir->fd, place->name, target, sizeof(target)));
	const char *at = target;
	int size;

	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(target))
		return -ENAMETOOLONG;
	target[n] = '\0';
	while (*at == '/')
		at++;
	if (at > target || !*place->dir->path)
		size = snprintf(path, PATH_MAX, "%s", at);
	else
		size = snprintf(path, PATH_MAX, "%s/%s", place->dir->path, at);
	return size < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int place_find(struct places *places, const char *path, struct place *ret)
{
	char at[PATH_MAX], dir[PATH_MAX];
	struct place place = {.exists = false};

	if (snprintf(at, sizeof(at), "%s", path) >= (int)sizeof(at))
		return -ENAMETOOLONG;
	for (int links = 0; links <= LINKS_MAX; links++) {
		const char *name = split(at, dir);
		int r;

		if (!name || strlen(name) > NAME_MAX)
			return -ENAMETOOLONG;
		if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
			return -EISDIR;
		strcpy(place.name, name);
		r = places_dir(places, dir, &place.dir);
		if (r < 0)
			return r;
		place.exists = place.locked = false;
		r = place.dir->fd < 0 ? 0 : look(place.dir, place.name, &place);
		if (r < 0)
			return r;
		if (!place.exists || !S_ISLNK(place.stat.st_mode)) {
			*ret = place;
			return 0;
		}
		r = follow(&place, at);
		if (r < 0)
			return r;
	}
	return -ELOOP;
}
