// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/image-modules.h"

#define DIR_STR 256

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail && !strcmp(text + len - tail, end);
}

bool image_modules_wants(const char *name)
{
	const char *below = strstr(name, "lib/modules/");

	if (!below || (below != name && strncmp(name, "usr/", 4) != 0))
		return false;
	return ends_with(name, "/modules.dep") || ends_with(name, "/modules.builtin");
}

/* --- the lists -------------------------------------------------------------------------------- */

/* Whether a path is DIR/NAME.ko or NAME.ko.COMPRESSION. */
static bool is_module(const char *path, size_t len, const char *name)
{
	const char *slash = memrchr(path, '/', len), *at = slash ? slash + 1 : path;

	for (; *name; name++, at++)
		if (at == path + len || (*at != *name && !(*at == '-' && *name == '_')))
			return false;
	return path + len - at >= 3 && !memcmp(at, ".ko", 3) &&
	       (at + 3 == path + len || at[3] == '.');
}

bool modules_builtin(const char *text, const char *name)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (is_module(text, len, name))
			return true;
		text += len + (text[len] == '\n');
	}
	return false;
}

const char *modules_dep(const char *text, const char *name, size_t *ret_len)
{
	while (*text) {
		size_t len = strcspn(text, "\n"), path = strcspn(text, ":\n");

		if (text[path] == ':' && is_module(text, path, name)) {
			*ret_len = len;
			return text;
		}
		text += len + (text[len] == '\n');
	}
	return NULL;
}

/* --- one kernel ------------------------------------------------------------------------------- */

struct search {
	const struct root *root;
	const struct initrd_tree *tree;
	const char *image, *kernel;
	struct problems *problems;
	const char *installed_dep; /* of the root; NULL: not there */
	const char *dep, *builtin; /* the image's, else the above; "" */
	bool needs_loading;
};

static const char *image_text(const struct search *search, const char *file)
{
	struct initrd_node *node;
	char path[DIR_STR];

	snprintf(path, sizeof(path), "lib/modules/%s/%s", search->kernel, file);
	node = initrd_tree_find(search->tree, path);
	if (!node) {
		snprintf(path, sizeof(path), "usr/lib/modules/%s/%s", search->kernel, file);
		node = initrd_tree_find(search->tree, path);
	}
	return node && S_ISREG(node->mode) ? node->text : NULL;
}

static char *installed_text(const struct search *search, const char *file)
{
	static const char *const dirs[] = {"usr/lib/modules", "lib/modules"};
	char path[DIR_STR], *text;
	size_t size;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", dirs[i], search->kernel, file);
		if (root_read_file(search->root, path, &text, &size, NULL) == 0)
			return text;
	}
	return NULL;
}

static bool in_image(const struct search *search, const char *path, size_t len)
{
	char name[2 * DIR_STR];

	if (len >= DIR_STR)
		return false;
	snprintf(name, sizeof(name), "lib/modules/%s/%.*s", search->kernel, (int)len, path);
	if (initrd_tree_find(search->tree, name))
		return true;
	snprintf(name, sizeof(name), "usr/lib/modules/%s/%.*s", search->kernel, (int)len, path);
	return initrd_tree_find(search->tree, name);
}

/* `needed by`: the module that early asks for. */
static void missing(const struct search *search, const char *path, size_t len, const char *name,
		    bool stops)
{
	problem_add(search->problems, PROBLEM_NO_MODULE, stops,
		    "%s lacks %.*s, which %s needs: make it anew, `dracut --force %s %s`",
		    search->image, (int)len, path, name, search->image, search->kernel);
}

/* Every path of its line: itself, then what it depends on. */
static void check_line(struct search *search, const char *line, size_t len, const char *name,
		       bool stops)
{
	const char *at = line, *end = line + len;

	while (at < end) {
		size_t path = strcspn(at, ": \n");

		if (path && !in_image(search, at, path))
			missing(search, at, path, name, stops);
		at += path;
		while (at < end && strchr(": ", *at))
			at++;
	}
}

static void check_module(struct search *search, const char *name, const char *option, bool stops)
{
	const char *line;
	size_t len = 0;

	if (modules_builtin(search->builtin, name))
		return;
	search->needs_loading = true;
	line = modules_dep(search->dep, name, &len);
	if (line) {
		check_line(search, line, len, name, stops);
		return;
	}
	if (search->installed_dep && !modules_dep(search->installed_dep, name, &len))
		problem_add(search->problems, PROBLEM_NO_MODULE, stops,
			    "Linux %s has no %s (CONFIG_%s), neither built in nor as a module: "
			    "install the package with its modules, or another kernel",
			    search->kernel, name, option);
	else
		problem_add(search->problems, PROBLEM_NO_MODULE, stops,
			    "%s has no %s for Linux %s: make it anew, `dracut --force %s %s`; no "
			    "omit_drivers+= in /etc/dracut.conf.d may name it",
			    search->image, name, search->kernel, search->image, search->kernel);
}

static bool has_libkmod(const struct initrd_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		const char *slash = strrchr(tree->nodes[i].name, '/');

		if (slash && !strcmp(slash, "/libkmod.so.2"))
			return initrd_tree_find(tree, tree->nodes[i].name);
	}
	return false;
}

void image_modules_check(const struct root *root, const struct initrd_tree *tree, const char *image,
			 const char *kernel, struct problems *problems)
{
	struct search search = {
		.root = root, .tree = tree, .image = image, .kernel = kernel, .problems = problems};
	_cleanup_free_ char *dep = installed_text(&search, "modules.dep");
	_cleanup_free_ char *builtin = installed_text(&search, "modules.builtin");
	const char *own_dep = image_text(&search, "modules.dep");
	const char *own_builtin = image_text(&search, "modules.builtin");
	size_t before = problems->count;

	search.installed_dep = dep;
	search.dep = own_dep ? own_dep : dep ? dep : "";
	/* What is built in is so whatever the image says. */
	search.builtin = builtin ? builtin : own_builtin ? own_builtin : "";
	check_module(&search, "vfio_pci", "VFIO_PCI", true);
	/* The card is claimed without it; no guest can use it. */
	check_module(&search, "vfio_iommu_type1", "VFIO_IOMMU_TYPE1", false);
	if (!search.needs_loading || problems->count > before)
		return;
	/* libkmod reads the index, not the text. */
	if (!in_image(&search, "modules.dep.bin", strlen("modules.dep.bin")))
		missing(&search, "modules.dep.bin", strlen("modules.dep.bin"), "loading vfio_pci",
			true);
	if (!has_libkmod(tree))
		problem_add(problems, PROBLEM_NO_LIBKMOD, true,
			    "%s has no libkmod.so.2, with which vfio-early loads vfio-pci: make it "
			    "anew, `dracut --force %s %s`",
			    image, image, kernel);
}
