/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of a few paths, each once, in the order in which they came. */
#ifndef BOOTCFG_PATH_LIST_H
#define BOOTCFG_PATH_LIST_H

#include <stdbool.h>

#include "early/cleanup.h"

struct path_list {
	char **items; /* owned */
	size_t count;
};

/* Appends a copy, unless it is there. 0 or -ENOMEM. */
int path_list_add(struct path_list *list, const char *path) _must_check_;
bool path_list_has(const struct path_list *list, const char *path);
void path_list_free(struct path_list *list);

/* True if path is dir itself or lies below it. */
bool path_below(const char *path, const char *dir);

#define _cleanup_path_list_ _cleanup_(path_list_free)

#endif
