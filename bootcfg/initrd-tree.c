// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/initrd-tree.h"

/* Far above any image (a generic one has 5,000 names of 60 bytes), far below what hurts. */
#define NODES_MAX (1 << 18)
#define TEXTS_MAX (64 << 20) /* bytes of names and texts */
#define LINKS_MAX 40 /* followed in one path, as in the kernel */

/* --- reading ----------------------------------------------------------------------------------- */

static int too_much(struct diag *diag)
{
	return diag_set(diag, -EBADMSG, NULL, 0,
			"this is no initramfs image: it has %d files, or more", NODES_MAX);
}

static int out_of_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

static int add(struct initrd_tree *tree, const struct cpio_member *member, struct diag *diag)
{
	struct initrd_node *node;

	if (tree->count == tree->space) {
		size_t space = tree->space ? 2 * tree->space : 256;
		struct initrd_node *nodes = reallocarray(tree->nodes, space, sizeof(*tree->nodes));

		if (!nodes)
			return out_of_memory(diag);
		tree->nodes = nodes;
		tree->space = space;
	}
	node = &tree->nodes[tree->count];
	*node = (struct initrd_node){
		.name = strdup(member->name),
		.mode = member->mode,
		.ino = member->ino,
		.major = member->major,
		.minor = member->minor,
		.nlink = member->nlink,
		.size = member->size,
		.order = (unsigned)tree->count,
	};
	if (!node->name)
		return out_of_memory(diag);
	tree->count++;
	return 0;
}

/* The text of the member, where it fits under what there is left for all. */
static int take_text(struct initrd *initrd, struct cpio *cpio, size_t max, size_t *left,
		     struct initrd_node *node, struct diag *diag)
{
	int r;

	if (cpio->member.size > *left)
		return too_much(diag);
	r = cpio_body(cpio, max, &node->text);
	if (r < 0)
		return initrd_fail(initrd, r, diag);
	*left -= cpio->member.size;
	return 0;
}

static int compare(const void *a_ptr, const void *b_ptr)
{
	const struct initrd_node *a = a_ptr, *b = b_ptr;
	int r = strcmp(a->name, b->name);

	return r ? r : (a->order > b->order) - (a->order < b->order);
}

static void node_free(struct initrd_node *node)
{
	free(node->name);
	free(node->text);
}

/* Sorts, and keeps of each name the last. */
static void settle(struct initrd_tree *tree)
{
	size_t count = 0;

	if (tree->count)
		qsort(tree->nodes, tree->count, sizeof(*tree->nodes), compare);
	for (size_t i = 0; i < tree->count; i++) {
		if (i + 1 < tree->count && !strcmp(tree->nodes[i].name, tree->nodes[i + 1].name))
			node_free(&tree->nodes[i]);
		else
			tree->nodes[count++] = tree->nodes[i];
	}
	tree->count = count;
}

int initrd_tree_load(int fd, bool (*wanted)(const char *name), struct initrd_tree *ret,
		     struct diag *diag)
{
	_cleanup_initrd_tree_ struct initrd_tree tree = {.count = 0};
	_cleanup_initrd_ struct initrd *initrd = NULL;
	size_t left = TEXTS_MAX;
	struct cpio *cpio = NULL;
	int r = initrd_open(fd, INITRD_UNPACKED_MAX, &initrd);

	if (r < 0)
		return diag_set(diag, r, NULL, 0, "cannot be read: %s", strerror(-r));
	while ((r = initrd_next(initrd, &cpio, diag)) > 0) {
		const struct cpio_member *member = &cpio->member;
		size_t size = strlen(member->name) + 1;

		if (tree.count == NODES_MAX || size > left)
			return too_much(diag);
		left -= size;
		r = add(&tree, member, diag);
		if (r == 0 &&
		    (S_ISLNK(member->mode) || (S_ISREG(member->mode) && wanted(member->name))))
			r = take_text(initrd, cpio,
				      S_ISLNK(member->mode) ? CPIO_NAME_MAX : INITRD_FILE_MAX,
				      &left, &tree.nodes[tree.count - 1], diag);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	settle(&tree);
	*ret = tree;
	tree = (struct initrd_tree){.count = 0};
	return 0;
}

void initrd_tree_free(struct initrd_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		node_free(&tree->nodes[i]);
	free(tree->nodes);
	*tree = (struct initrd_tree){.count = 0};
}

int initrd_tree_fetch(int fd, struct initrd_node *const *nodes, size_t count, struct diag *diag)
{
	_cleanup_initrd_ struct initrd *initrd = NULL;
	size_t left = TEXTS_MAX;
	unsigned order = 0;
	struct cpio *cpio = NULL;
	int r = initrd_open(fd, INITRD_UNPACKED_MAX, &initrd);

	if (r < 0)
		return diag_set(diag, r, NULL, 0, "cannot be read: %s", strerror(-r));
	while ((r = initrd_next(initrd, &cpio, diag)) > 0) {
		for (size_t i = 0; i < count; i++) {
			if (nodes[i]->order != order || nodes[i]->text)
				continue;
			r = take_text(initrd, cpio, INITRD_FILE_MAX, &left, nodes[i], diag);
			if (r < 0)
				return r;
			break;
		}
		order++;
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		if (!nodes[i]->text)
			return diag_set(diag, -EBADMSG, NULL, 0,
					"it was changed while it was read: try again");
	return 0;
}

/* --- looking up -------------------------------------------------------------------------------- */

/* The first node whose name is not below this one. */
static size_t lower_bound(const struct initrd_tree *tree, const char *name)
{
	size_t low = 0, high = tree->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(tree->nodes[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct initrd_node *initrd_tree_get(const struct initrd_tree *tree, const char *name)
{
	size_t at = lower_bound(tree, name);

	return at < tree->count && !strcmp(tree->nodes[at].name, name) ? &tree->nodes[at] : NULL;
}

static void drop_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
	else
		*path = '\0';
}

/*
 * Where a path leads, without links in it. What no member names is taken for a directory: archives
 * need not have those. False for a path that is too long or goes round.
 */
static bool resolve(const struct initrd_tree *tree, const char *path,
		    char ret[static CPIO_NAME_MAX])
{
	char rest[2 * CPIO_NAME_MAX];
	unsigned links = 0;
	size_t used = 0;

	if (strlen(path) >= CPIO_NAME_MAX)
		return false;
	strcpy(rest, path);
	ret[0] = '\0';
	while (rest[used]) {
		size_t len = strcspn(rest + used, "/"), old = strlen(ret);
		const char *part = rest + used;
		const struct initrd_node *node;
		char longer[2 * CPIO_NAME_MAX];

		used += len + (part[len] == '/');
		if (!len || (len == 1 && part[0] == '.'))
			continue;
		if (len == 2 && !memcmp(part, "..", 2)) {
			drop_last(ret);
			continue;
		}
		if (old + 1 + len >= CPIO_NAME_MAX)
			return false;
		sprintf(ret + old, "%s%.*s", old ? "/" : "", (int)len, part);
		node = initrd_tree_get(tree, ret);
		if (!node || !S_ISLNK(node->mode) || !node->text)
			continue;
		if (++links > LINKS_MAX ||
		    strlen(node->text) + strlen(rest + used) + 2 > CPIO_NAME_MAX)
			return false;
		sprintf(longer, "%s/%s", node->text, rest + used);
		if (node->text[0] == '/')
			ret[0] = '\0';
		else
			ret[old] = '\0';
		strcpy(rest, longer);
		used = 0;
	}
	return true;
}

struct initrd_node *initrd_tree_find(const struct initrd_tree *tree, const char *path)
{
	char name[CPIO_NAME_MAX];

	return resolve(tree, path, name) ? initrd_tree_get(tree, name) : NULL;
}

struct initrd_node *initrd_tree_entry(const struct initrd_tree *tree, const char *dir,
				      const char *base)
{
	char name[2 * CPIO_NAME_MAX];
	size_t len;

	if (!resolve(tree, dir, name))
		return NULL;
	len = strlen(name);
	snprintf(name + len, sizeof(name) - len, "/%s", base);
	return initrd_tree_get(tree, name);
}

struct initrd_list initrd_tree_list(const struct initrd_tree *tree, const char *dir)
{
	char name[CPIO_NAME_MAX + 2];
	struct initrd_list list = {.at = NULL};

	if (!resolve(tree, dir, name))
		return list;
	list.dir_len = strlen(name) + 1;
	strcat(name, "/");
	list.at = tree->nodes + lower_bound(tree, name);
	name[list.dir_len - 1] = '/' + 1;
	list.end = tree->nodes + lower_bound(tree, name);
	return list;
}

struct initrd_node *initrd_list_next(struct initrd_list *list, const char **ret_base)
{
	while (list->at < list->end) {
		struct initrd_node *node = list->at++;
		const char *base = node->name + list->dir_len;

		if (strchr(base, '/'))
			continue;
		*ret_base = base;
		return node;
	}
	return NULL;
}

struct initrd_node *initrd_tree_source(const struct initrd_tree *tree, struct initrd_node *node)
{
	struct initrd_node *source = node;

	if (node->size || node->nlink < 2)
		return node;
	for (size_t i = 0; i < tree->count; i++) {
		struct initrd_node *other = &tree->nodes[i];

		if (other->size && other->ino == node->ino && other->major == node->major &&
		    other->minor == node->minor && other->nlink == node->nlink &&
		    S_ISREG(other->mode))
			source = other;
	}
	return source;
}
