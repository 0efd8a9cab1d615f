// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/crash/tree.h"

static void *enough(void *memory)
{
	if (!memory)
		err(4, "memory");
	return memory;
}

/* --- reading ----------------------------------------------------------------------------------- */

static void read_data(int dir, const char *name, struct node *node, const struct stat *st)
{
	size_t room = S_ISLNK(st->st_mode) ? PATH_MAX : (size_t)st->st_size;
	ssize_t n;
	int fd;

	node->data = enough(calloc(1, room + 1));
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dir, name, node->data, room);
	} else {
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			err(4, "%s", node->path);
		n = read(fd, node->data, room);
		close(fd);
	}
	if (n < 0)
		err(4, "%s", node->path);
	node->size = (size_t)n;
}

static void read_dir(struct tree *tree, int fd, const char *prefix)
{
	const struct dirent *entry;
	DIR *dir = enough(fdopendir(fd));

	while ((entry = readdir(dir))) {
		struct node node = {.data = NULL};
		struct stat st;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (asprintf(&node.path, "%s%s%s", prefix, *prefix ? "/" : "", entry->d_name) < 0 ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			err(4, "%s", entry->d_name);
		node.mode = st.st_mode;
		node.uid = st.st_uid;
		node.gid = st.st_gid;
		if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
			read_data(fd, entry->d_name, &node, &st);
		tree->nodes =
			enough(reallocarray(tree->nodes, tree->count + 1, sizeof(*tree->nodes)));
		tree->nodes[tree->count++] = node;
		if (S_ISDIR(st.st_mode)) {
			int below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			if (below < 0)
				err(4, "%s", node.path);
			read_dir(tree, below, node.path);
		}
	}
	closedir(dir);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->path, ((const struct node *)b)->path);
}

void tree_read(const char *dir, struct tree *ret)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err(4, "%s", dir);
	*ret = (struct tree){.count = 0};
	read_dir(ret, fd, "");
	if (ret->count)
		qsort(ret->nodes, ret->count, sizeof(*ret->nodes), compare);
}

void tree_free(struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		free(tree->nodes[i].path);
		free(tree->nodes[i].data);
	}
	free(tree->nodes);
	*tree = (struct tree){.count = 0};
}

/* --- writing ----------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	return kind == FTW_DP ? rmdir(path) : unlink(path);
}

void tree_remove(const char *dir)
{
	if (access(dir, F_OK) == 0 &&
	    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
		err(4, "%s", dir);
}

static void write_node(int top, const struct node *node)
{
	int fd, r = 0;

	if (S_ISDIR(node->mode)) {
		r = mkdirat(top, node->path, 0700);
	} else if (S_ISLNK(node->mode)) {
		r = symlinkat(node->data, top, node->path);
	} else if (S_ISREG(node->mode)) {
		fd = openat(top, node->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		r = fd < 0 || write(fd, node->data, node->size) != (ssize_t)node->size ? -1 : 0;
		close(fd);
	} else {
		r = mknodat(top, node->path, node->mode, 0);
	}
	if (r == 0 && fchownat(top, node->path, node->uid, node->gid, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (S_ISLNK(node->mode) || fchmodat(top, node->path, node->mode & 07777, 0) == 0))
		return;
	err(4, "%s", node->path);
}

void tree_write(const struct tree *tree, const char *dir)
{
	int top;

	tree_remove(dir);
	if (mkdir(dir, 0755) < 0 || (top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		err(4, "%s", dir);
	for (size_t i = 0; i < tree->count; i++)
		write_node(top, &tree->nodes[i]);
	close(top);
}

/* --- comparing --------------------------------------------------------------------------------- */

const struct node *tree_find(const struct tree *tree, const char *path)
{
	const struct node key = {.path = (char *)path};

	return tree->count ? bsearch(&key, tree->nodes, tree->count, sizeof(*tree->nodes), compare)
			   : NULL;
}

bool node_equal(const struct node *a, const struct node *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->size == b->size &&
	       (!a->size || !memcmp(a->data, b->data, a->size));
}

static bool all_in(const struct tree *a, const struct tree *b, const char *which, char *why,
		   size_t size)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct node *other = tree_find(b, a->nodes[i].path);

		if (other && node_equal(&a->nodes[i], other))
			continue;
		snprintf(why, size, "%s: %s", a->nodes[i].path, other ? "differs" : which);
		return false;
	}
	return true;
}

bool tree_equal(const struct tree *a, const struct tree *b, char *why, size_t size)
{
	return all_in(a, b, "too much", why, size) && all_in(b, a, "missing", why, size);
}
