// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/initrd-content.h"
#include "early/profile-build.h"

#define DIR_USR "usr/lib/vfio-bootcfg.conf.d"
#define DIR_ETC "etc/vfio-bootcfg.conf.d"
#define FILE_ETC "etc/vfio-bootcfg.conf"
#define EARLY "usr/lib/vfio-bootcfg/vfio-early"
#define SUFFIX ".conf"
#define SOURCES_MAX 1000 /* files: nobody has as many, and a hostile image must not cost hours */

/* --- the files of the profile ------------------------------------------------------------------ */

static bool is_profile_name(const char *name)
{
	size_t len = strlen(name), suffix = sizeof(SUFFIX) - 1;

	return *name != '.' && len > suffix && !strcmp(name + len - suffix, SUFFIX);
}

static bool is_below(const char *name, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(name, dir, len) && name[len] == '/' && is_profile_name(name + len + 1);
}

/* The names that the dracut module gives them: nearly always all that is needed. */
bool initrd_content_wants(const char *name)
{
	return !strcmp(name, FILE_ETC) || is_below(name, DIR_ETC) || is_below(name, DIR_USR);
}

/* A file of the profile: where it is named, and the node that has its bytes. */
struct source {
	char path[CPIO_NAME_MAX + 1]; /* with a leading slash */
	struct initrd_node *node;
};

struct sources {
	struct source *items;
	size_t count;
};

static void sources_free(struct sources *sources)
{
	free(sources->items);
}

/*
 * Adds what is at name; a mask is passed over. -ENOENT: a link to nothing, or no regular file: early
 * refuses such a profile.
 */
static int add(struct sources *sources, const struct initrd_tree *tree, const char *name)
{
	struct initrd_node *link = initrd_tree_get(tree, name);
	struct initrd_node *node = initrd_tree_find(tree, name);
	struct source *items;

	if (link && S_ISLNK(link->mode) && link->text && !strcmp(link->text, "/dev/null"))
		return 0;
	if (!node)
		return link ? -ENOENT : 0;
	if (!S_ISREG(node->mode) || sources->count == SOURCES_MAX)
		return -ENOENT;
	items = reallocarray(sources->items, sources->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	sources->items = items;
	snprintf(items[sources->count].path, sizeof(items->path), "/%s", name);
	items[sources->count++].node = initrd_tree_source(tree, node);
	return 0;
}

static int add_dir(struct sources *sources, const struct initrd_tree *tree, const char *dir,
		   const char *mask_dir)
{
	struct initrd_list list = initrd_tree_list(tree, dir);
	const struct initrd_node *node;
	const char *base;

	while ((node = initrd_list_next(&list, &base))) {
		int r;

		if (!is_profile_name(base) || (mask_dir && initrd_tree_entry(tree, mask_dir, base)))
			continue;
		r = add(sources, tree, node->name);
		if (r < 0)
			return r;
	}
	return 0;
}

static int list_sources(struct sources *sources, const struct initrd_tree *tree)
{
	int r = add_dir(sources, tree, DIR_USR, DIR_ETC);

	if (r == 0)
		r = add(sources, tree, FILE_ETC);
	return r == 0 ? add_dir(sources, tree, DIR_ETC, NULL) : r;
}

/* Reads what links led to, if they did. */
static int fetch(int fd, const struct sources *sources, struct diag *diag)
{
	_cleanup_free_ struct initrd_node **nodes =
		reallocarray(NULL, sources->count + 1, sizeof(struct initrd_node *));
	size_t count = 0;

	if (!nodes)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	for (size_t i = 0; i < sources->count; i++)
		if (!sources->items[i].node->text)
			nodes[count++] = sources->items[i].node;
	return count ? initrd_tree_fetch(fd, nodes, count, diag) : 0;
}

static int build(const struct sources *sources, struct profile *ret, struct diag *diag)
{
	_cleanup_build_ struct profile_build build = PROFILE_BUILD_INIT;

	for (size_t i = 0; i < sources->count; i++) {
		const struct initrd_node *node = sources->items[i].node;
		char *copy = malloc((size_t)node->size + 1);
		int r;

		if (!copy)
			return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
		memcpy(copy, node->text, (size_t)node->size + 1);
		r = profile_build_text(&build, copy, node->size, sources->items[i].path, diag);
		if (r < 0)
			return r;
	}
	return profile_build_finish(&build, ret, diag);
}

static int read_profile(int fd, const struct initrd_tree *tree, struct initrd_content *ret,
			struct diag *diag)
{
	_cleanup_(sources_free) struct sources sources = {.count = 0};
	struct diag ignored = DIAG_INIT;
	int r = list_sources(&sources, tree);

	if (r == -ENOMEM)
		return diag_set(diag, r, NULL, 0, "out of memory");
	if (r == 0) {
		int fetched = fetch(fd, &sources, diag);

		if (fetched < 0)
			return fetched;
		r = build(&sources, &ret->profile, &ignored);
	}
	if (r == -ENOMEM)
		return diag_set(diag, r, NULL, 0, "out of memory");
	ret->profile_bad = r < 0;
	return 0;
}

/* --- the rest ---------------------------------------------------------------------------------- */

/* What each generator leaves in all of its images. */
static const struct {
	const char *path, *name;
} marks[] = {
	{"usr/lib/dracut/build-parameter.txt", "dracut"},
	{"lib/dracut/build-parameter.txt", "dracut"},
	{"usr/lib/dracut-lib.sh", "dracut"},
	{"lib/dracut-lib.sh", "dracut"},
	{"conf/initramfs.conf", "initramfs-tools"},
	{"scripts/functions", "initramfs-tools"},
	{"init_functions", "mkinitcpio"},
	{"buildconfig", "mkinitcpio"},
	{"etc/booster.init.yaml", "booster"},
};

static bool has(const struct initrd_tree *tree, const char *path)
{
	return initrd_tree_find(tree, path) != NULL;
}

static bool has_early(const struct initrd_tree *tree)
{
	struct initrd_node *node = initrd_tree_find(tree, EARLY);

	return node && S_ISREG(node->mode) && (node->mode & 0111) &&
	       initrd_tree_source(tree, node)->size;
}

/* Older kernels' directory is lib, which newer images have as a link. */
static void read_kernel(const struct initrd_tree *tree, char *ret, size_t size)
{
	struct initrd_list list = initrd_tree_list(tree, "lib/modules");
	const struct initrd_node *node;
	unsigned count = 0;
	const char *base;

	while ((node = initrd_list_next(&list, &base)))
		if (S_ISDIR(node->mode) && count++ == 0)
			snprintf(ret, size, "%s", base);
	if (count != 1 || strlen(ret) == size - 1)
		*ret = '\0';
}

static bool has_init(const struct initrd_tree *tree)
{
	static const char *const next[] = {"usr/lib/systemd/systemd", "lib/systemd/systemd",
					   "usr/sbin/switch_root",    "usr/bin/switch_root",
					   "sbin/switch_root",	      "bin/switch_root"};

	if (!has(tree, "init"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(next); i++)
		if (has(tree, next[i]))
			return true;
	return false;
}

int initrd_content_of(int fd, const struct initrd_tree *tree, struct initrd_content *ret,
		      struct diag *diag)
{
	struct initrd_content content = {.made_by = NULL};
	int r = read_profile(fd, tree, &content, diag);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(marks) && !content.made_by; i++)
		if (has(tree, marks[i].path))
			content.made_by = marks[i].name;
	content.has_parameters = has(tree, "usr/lib/dracut/build-parameter.txt") ||
				 has(tree, "lib/dracut/build-parameter.txt");
	content.has_early = has_early(tree);
	content.has_init = has_init(tree);
	read_kernel(tree, content.kernel, sizeof(content.kernel));
	*ret = content;
	return 0;
}

int initrd_content_read(int fd, struct initrd_content *ret, struct diag *diag)
{
	_cleanup_initrd_tree_ struct initrd_tree tree = {.count = 0};
	int r = initrd_tree_load(fd, initrd_content_wants, &tree, diag);

	return r < 0 ? r : initrd_content_of(fd, &tree, ret, diag);
}

void initrd_content_free(struct initrd_content *content)
{
	profile_free(&content->profile);
}

/* --- comparing --------------------------------------------------------------------------------- */

bool initrd_content_is_asked_by(const struct profile_entry *entry)
{
	return !strcmp(entry->section, "device") || !strcmp(entry->section, "hugepages");
}

static size_t count_acted_upon(const struct profile *profile)
{
	size_t count = 0;

	for (size_t i = 0; i < profile->entry_count; i++)
		count += initrd_content_is_asked_by(&profile->entries[i]);
	return count;
}

bool initrd_content_is_asked(const struct profile *profile)
{
	return count_acted_upon(profile) > 0;
}

bool initrd_content_agrees(const struct initrd_content *content, const struct profile *profile)
{
	size_t count = count_acted_upon(profile);

	if (content->profile_bad || count_acted_upon(&content->profile) != count)
		return false;
	/* A key is in a profile once: as many of them, and each as here, is all of them. */
	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i], *other;

		if (!initrd_content_is_asked_by(entry))
			continue;
		other = profile_get(&content->profile, entry->section, entry->name, entry->key);
		if (!other || strcmp(other->value, entry->value) != 0)
			return false;
	}
	return !count || content->has_early;
}
