/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the file system of an initramfs will be: all its names, with links followed inside it, and the
 * bytes of the few files that are asked for. A later member takes the place of an earlier one.
 */
#ifndef BOOTCFG_INITRD_TREE_H
#define BOOTCFG_INITRD_TREE_H

#include "bootcfg/initrd.h"

#define INITRD_FILE_MAX (1 << 20) /* bytes of a file whose text is kept */

struct initrd_node {
	char *name; /* without a leading slash; owned, as is text */
	char *text; /* of a link its target; of a file what was asked for; else NULL */
	uint32_t mode, ino, major, minor, nlink;
	uint32_t size;
	unsigned order; /* among all members, of all archives */
};

struct initrd_tree {
	struct initrd_node *nodes; /* by name, each once */
	size_t count, space;
};

/*
 * Reads all names and links, and the text of the files whose name wanted() likes. *ret is the
 * caller's, for initrd_tree_free(). Errors as initrd_next() has them, with diag's text.
 */
int initrd_tree_load(int fd, bool (*wanted)(const char *name), struct initrd_tree *ret,
		     struct diag *diag) _must_check_;
void initrd_tree_free(struct initrd_tree *tree);

/* The node of this very name (a link is not followed), or NULL. */
struct initrd_node *initrd_tree_get(const struct initrd_tree *tree, const char *name);

/* The node that a path leads to, links followed; NULL where it leads nowhere. */
struct initrd_node *initrd_tree_find(const struct initrd_tree *tree, const char *path);

/* What has this name in a directory: links are followed on the way to that only. NULL: nothing. */
struct initrd_node *initrd_tree_entry(const struct initrd_tree *tree, const char *dir,
				      const char *base);

/* What is directly in a directory, links on the way to it followed; by name, bytewise. */
struct initrd_list {
	struct initrd_node *at, *end;
	size_t dir_len; /* of the directory's name with its slash */
};
struct initrd_list initrd_tree_list(const struct initrd_tree *tree, const char *dir);

/* The next, with its name in the directory in *ret_base; NULL at the end. */
struct initrd_node *initrd_list_next(struct initrd_list *list, const char **ret_base);

/*
 * The node that has the bytes of a regular file: itself, or of its hard links the one that they came
 * with.
 */
struct initrd_node *initrd_tree_source(const struct initrd_tree *tree, struct initrd_node *node);

/*
 * Reads the image once more for the texts of these nodes, which have none yet. Errors as above.
 */
int initrd_tree_fetch(int fd, struct initrd_node *const *nodes, size_t count,
		      struct diag *diag) _must_check_;

#define _cleanup_initrd_tree_ _cleanup_(initrd_tree_free)

#endif
