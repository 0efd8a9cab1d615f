// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/leftovers.h"
#include "bootcfg/policy-parts.h"

#define PATH_STR 512

/* --- directories of settings: sysctl.d(5), modprobe.d(5) -------------------------------------- */

static const char *const tops[] = {"etc", "run", "usr/local/lib", "usr/lib", "lib"};

struct found {
	char *name;
	unsigned char top; /* index of tops */
};

struct found_list {
	struct found *items;
	size_t count;
};

static void found_free(struct found_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
}

/* By name; what masks comes first. */
static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (int)x->top - (int)y->top;
}

static int find(const struct root *root, const char *name, struct found_list *list,
		struct diag *diag)
{
	for (unsigned char top = 0; top < ARRAY_SIZE(tops); top++) {
		_cleanup_names_ char **names = NULL;
		char path[PATH_STR];
		int r;

		if (!strcmp(tops[top], "run") && !root_has_kernel(root))
			continue;
		snprintf(path, sizeof(path), "%s/%s", tops[top], name);
		r = names_read(root, path, ".conf", &names, diag);
		if (r < 0)
			return r;
		for (size_t i = 0; names[i]; i++) {
			struct found *more =
				reallocarray(list->items, list->count + 1, sizeof(*more));

			if (!more)
				return policy_oom(diag);
			list->items = more;
			more[list->count++] = (struct found){steal(&names[i]), top};
			/* names_free() stops at the first NULL. */
			names[i] = strdup("");
			if (!names[i])
				return policy_oom(diag);
		}
	}
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare);
	return 0;
}

static bool is_passed_over(int error)
{
	switch (error) {
	case -ENOENT: /* a link to nowhere; in an image /dev/null is that */
	case -ENOTSUP:
	case -EISDIR:
	case -ELOOP:
	case -EXDEV:
	case -ENXIO:
		return true;
	}
	return false;
}

int leftover_file(const struct root *root, const char *path, leftover_take take, void *data,
		  struct diag *diag)
{
	_cleanup_file_ struct file file = {.exists = false};
	struct diag why;
	int r = file_read(root, path, &file, &why);

	if (r < 0) {
		if (is_passed_over(r))
			return 0;
		*diag = why;
		return r;
	}
	return file.exists ? take(data, &file, diag) : 0;
}

int leftover_files(const struct root *root, const char *name, leftover_take take, void *data,
		   struct diag *diag)
{
	_cleanup_(found_free) struct found_list list = {.count = 0};
	int r = find(root, name, &list, diag);

	for (size_t i = 0; i < list.count && r == 0; i++) {
		const struct found *found = &list.items[i];
		char path[PATH_STR];

		if (i && !strcmp(found->name, found[-1].name))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s/%s", tops[found->top], name, found->name) <
		    (int)sizeof(path))
			r = leftover_file(root, path, take, data, diag);
	}
	return r;
}

bool leftover_line_next(const struct file *file, struct leftover_line *line)
{
	const char *end = file->data + file->size;
	const char *at = line->text ? line->text + line->len + 1 : file->data;
	const char *newline;

	if (at >= end)
		return false;
	newline = memchr(at, '\n', (size_t)(end - at));
	line->text = at;
	line->len = (size_t)((newline ? newline : end) - at);
	line->number++;
	return true;
}

/* --- the list --------------------------------------------------------------------------------- */

int leftover_add(struct leftovers *leftovers, const struct file *file,
		 const struct leftover_line *line, bool contradicts, struct diag *diag)
{
	struct leftover item = {.line = line->number, .contradicts = contradicts}, *more;
	const char *text = line->text;
	size_t len = line->len;

	more = reallocarray(leftovers->items, leftovers->count + 1, sizeof(*more));
	if (!more)
		return policy_oom(diag);
	leftovers->items = more;
	while (len && strchr(" \t\r", text[len - 1]))
		len--;
	while (len && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	item.text = strndup(text, len);
	if (asprintf(&item.file, "/%s", file->path) < 0)
		item.file = NULL;
	if (!item.text || !item.file) {
		free(item.text);
		free(item.file);
		return policy_oom(diag);
	}
	for (char *at = item.text; *at; at++)
		if (*at == '\t' || *at == '\n')
			*at = ' ';
	text_clean(item.text);
	more[leftovers->count++] = item;
	return 0;
}

void leftovers_free(struct leftovers *leftovers)
{
	for (size_t i = 0; i < leftovers->count; i++) {
		free(leftovers->items[i].file);
		free(leftovers->items[i].text);
	}
	free(leftovers->items);
	*leftovers = (struct leftovers){.count = 0};
}

int policy_leftovers(const struct root *root, const struct profile *profile,
		     const struct host *host, struct leftovers *ret, struct diag *diag)
{
	_cleanup_leftovers_ struct leftovers leftovers = {.count = 0};
	unsigned long pages;
	int r = 0;

	/* A pool or a card that the profile does not want is the user's own business. */
	if (policy_default_pages(profile, host, &pages))
		r = leftovers_sysctl(root, pages, &leftovers, diag);
	if (r == 0 && profile->device_count)
		r = leftovers_modprobe(root, profile, &leftovers, diag);
	if (r < 0)
		return r;
	*ret = leftovers;
	leftovers = (struct leftovers){.count = 0};
	return 0;
}
