// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/path-list.h"

bool path_list_has(const struct path_list *list, const char *path)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->items[i], path))
			return true;
	return false;
}

int path_list_add(struct path_list *list, const char *path)
{
	char **items;

	if (path_list_has(list, path))
		return 0;
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count] = strdup(path);
	if (!items[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

void path_list_free(struct path_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct path_list){.count = 0};
}

bool path_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (path[len] == '/' || path[len] == '\0');
}
