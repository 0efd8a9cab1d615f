/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory tree held in memory: read, written out again, compared. */
#ifndef TESTS_CRASH_TREE_H
#define TESTS_CRASH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct node {
	char *path; /* below the top */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char *data; /* of a file; where a link leads; else NULL */
	size_t size;
};

struct tree {
	struct node *nodes; /* sorted by path: a directory before what is in it */
	size_t count;
};

/* All of them end the program with a message where the system fails them. */
void tree_read(const char *dir, struct tree *ret);
void tree_free(struct tree *tree);

/* dir becomes that tree: all else that is in it goes. */
void tree_write(const struct tree *tree, const char *dir);
void tree_remove(const char *dir);

const struct node *tree_find(const struct tree *tree, const char *path);
bool node_equal(const struct node *a, const struct node *b);

/* True if both are alike: paths, types, modes, owners, bytes. The first difference is put into why. */
bool tree_equal(const struct tree *a, const struct tree *b, char *why, size_t size);

#endif
