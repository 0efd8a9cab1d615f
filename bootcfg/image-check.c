// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/image-check.h"
#include "bootcfg/image-modules.h"
#include "bootcfg/initrd-content.h"
#include "bootcfg/leftovers.h"

#define UNIT "vfio-early.service"
#define PAGES "usr/lib/vfio-bootcfg/vfio-early-pages"
#define PAGES_UNIT "vfio-early-pages.service"

/* What is known of the image that is looked at. */
struct look {
	const struct root *root;
	const struct profile *profile;
	const struct initrd_tree *tree;
	const struct initrd_content *content;
	const char *name; /* with a leading slash */
	const char *kernel; /* "" where it is not known */
	struct problems *problems;
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail && !strcmp(text + len - tail, end);
}

static bool is_modprobe(const char *name)
{
	static const char *const dirs[] = {"etc/modprobe.d/", "usr/lib/modprobe.d/",
					   "lib/modprobe.d/"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (!strncmp(name, dirs[i], strlen(dirs[i])))
			return ends_with(name, ".conf");
	return false;
}

static bool wanted(const char *name)
{
	return initrd_content_wants(name) || image_modules_wants(name) || is_modprobe(name);
}

static bool has(const struct look *look, const char *path)
{
	return initrd_tree_find(look->tree, path);
}

/* "make it anew: ..." for whoever makes this image. */
static const char *cure(const struct look *look, char buf[static 512])
{
	const char *by = look->content->made_by;

	if (by && strcmp(by, "dracut") != 0)
		snprintf(buf, 512,
			 "it is made by %s, which knows nothing of vfio-early: install dracut and "
			 "run `dracut --force %.200s%s%.100s`",
			 by, look->name, *look->kernel ? " " : "", look->kernel);
	else
		snprintf(buf, 512,
			 "make it anew: `vfio-bootcfg set`, or `dracut --force %.200s%s%.100s`",
			 look->name, *look->kernel ? " " : "", look->kernel);
	return buf;
}

/* --- the profile in it ------------------------------------------------------------------------- */

static void differs(const struct look *look, const struct profile_entry *entry, const char *here,
		    const char *there)
{
	char buf[512], section[PROFILE_NAME_MAX + 16];

	snprintf(section, sizeof(section), "%s%s%s", entry->section, *entry->name ? " " : "",
		 entry->name);
	problem_add(look->problems, PROBLEM_IMAGE_PROFILE, true,
		    "%s carries another profile: [%s] %s is %s%s%s there, %s%s%s in the profile of "
		    "this host; %s",
		    look->name, section, entry->key, there ? "`" : "", there ? there : "not set",
		    there ? "`" : "", here ? "`" : "", here ? here : "not set", here ? "`" : "",
		    cure(look, buf));
}

/* The first key that is another is enough to know. */
static void check_profile(const struct look *look)
{
	const struct profile *in_image = &look->content->profile, *own = look->profile;
	char buf[512];

	if (look->content->profile_bad) {
		problem_add(look->problems, PROBLEM_BAD_PROFILE, true,
			    "the profile in %s is not understood, so that vfio-early claims "
			    "nothing; %s",
			    look->name, cure(look, buf));
		return;
	}
	for (size_t i = 0; i < own->entry_count; i++) {
		const struct profile_entry *entry = &own->entries[i], *other;

		if (!initrd_content_is_asked_by(entry))
			continue;
		other = profile_get(in_image, entry->section, entry->name, entry->key);
		if (other && !strcmp(other->value, entry->value))
			continue;
		differs(look, entry, entry->value, other ? other->value : NULL);
		return;
	}
	for (size_t i = 0; i < in_image->entry_count; i++) {
		const struct profile_entry *entry = &in_image->entries[i];

		if (!initrd_content_is_asked_by(entry) ||
		    profile_get(own, entry->section, entry->name, entry->key))
			continue;
		differs(look, entry, NULL, entry->value);
		return;
	}
}

/* --- what starts early ------------------------------------------------------------------------- */

static bool is_systemd(const struct look *look)
{
	return has(look, "usr/lib/systemd/systemd") || has(look, "lib/systemd/systemd");
}

static bool has_unit(const struct look *look, const char *unit)
{
	static const char *const dirs[] = {"etc/systemd/system", "usr/lib/systemd/system",
					   "lib/systemd/system"};
	char path[256];
	bool wanted_by = false;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/initrd.target.wants", dirs[i]);
		wanted_by |= initrd_tree_entry(look->tree, path, unit) != NULL;
	}
	for (size_t i = 0; wanted_by && i < ARRAY_SIZE(dirs); i++) {
		const struct initrd_node *link = initrd_tree_entry(look->tree, dirs[i], unit);
		const struct initrd_node *node;

		if (!link)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dirs[i], unit);
		node = initrd_tree_find(look->tree, path);
		/* The first one counts: a link to /dev/null is a mask. */
		return node && S_ISREG(node->mode);
	}
	return false;
}

static bool has_hook(const struct look *look, const char *point, const char *name)
{
	static const char *const dirs[] = {"usr/lib/dracut/hooks", "var/lib/dracut/hooks",
					   "lib/dracut/hooks"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct initrd_list list;
		const char *base;
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", dirs[i], point);
		list = initrd_tree_list(look->tree, path);
		while (initrd_list_next(&list, &base))
			if (ends_with(base, name))
				return true;
	}
	return false;
}

static void check_start(const struct look *look)
{
	char buf[512];

	if (is_systemd(look) ? has_unit(look, UNIT) : has_hook(look, "cmdline", "vfio-early.sh"))
		return;
	problem_add(look->problems, PROBLEM_NOT_STARTED, true, "%s has vfio-early, but %s; %s",
		    look->name,
		    is_systemd(look) ? "its systemd does not start " UNIT
				       ", and a hook would come too late"
				     : "no hook of dracut's cmdline runs it",
		    cure(look, buf));
}

static void check_pages(const struct look *look)
{
	bool asked = false;
	char buf[512];

	for (size_t i = 0; i < look->profile->entry_count; i++)
		asked |= !strcmp(look->profile->entries[i].section, "hugepages");
	if (!asked)
		return;
	if (!has(look, PAGES))
		problem_add(look->problems, PROBLEM_NO_EARLY, false,
			    "%s has no vfio-early-pages, which reserves [hugepages]; %s",
			    look->name, cure(look, buf));
	else if (!(is_systemd(look) ? has_unit(look, PAGES_UNIT)
				    : has_hook(look, "pre-mount", "vfio-early-pages.sh")))
		problem_add(look->problems, PROBLEM_NOT_STARTED, false,
			    "%s has vfio-early-pages, which nothing starts; %s", look->name,
			    cure(look, buf));
}

/* --- modules and their settings ---------------------------------------------------------------- */

static int check_modprobe(const struct look *look)
{
	struct leftovers leftovers = {.count = 0};
	struct diag diag = DIAG_INIT;
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->tree->count; i++) {
		const struct initrd_node *node = &look->tree->nodes[i];
		struct file file = {
			.path = node->name, .exists = true, .data = node->text, .size = node->size};

		if (S_ISREG(node->mode) && node->text && is_modprobe(node->name))
			r = leftovers_modprobe_file(look->root, look->profile, &file, &leftovers,
						    &diag);
	}
	for (size_t i = 0; r == 0 && i < leftovers.count; i++) {
		const struct leftover *leftover = &leftovers.items[i];
		char buf[512];

		if (leftover->contradicts)
			problem_add(look->problems, PROBLEM_IMAGE_IDS, false,
				    "%s:%s:%u: `%s` also takes a card that is in no [device]: take "
				    "it out of the host's modprobe.d, then %s",
				    look->name, leftover->file, leftover->line, leftover->text,
				    cure(look, buf));
	}
	leftovers_free(&leftovers);
	return r;
}

static bool has_modules_of(const struct look *look, const char *kernel)
{
	char path[256];

	snprintf(path, sizeof(path), "lib/modules/%.200s", kernel);
	if (has(look, path))
		return true;
	snprintf(path, sizeof(path), "usr/lib/modules/%.200s", kernel);
	return has(look, path);
}

/* Its modules are of no use to another kernel. */
static void check_modules(const struct look *look)
{
	const char *in_image = look->content->kernel;
	const char *kernel = *look->kernel ? look->kernel : in_image;
	char buf[512];

	if (*in_image && !has_modules_of(look, kernel)) {
		problem_add(look->problems, PROBLEM_OTHER_KERNEL, true,
			    "%s has modules of Linux %s, and is booted with Linux %s; %s",
			    look->name, in_image, kernel, cure(look, buf));
		return;
	}
	if (*kernel)
		image_modules_check(look->root, look->tree, look->name, kernel, look->problems);
	else
		problem_add(look->problems, PROBLEM_NO_MODULE, true,
			    "%s has no modules, and which Linux boots with it is not known: "
			    "whether that has vfio-pci cannot be told; %s",
			    look->name, cure(look, buf));
}

/* --- all of it --------------------------------------------------------------------------------- */

static int look_at(const struct look *look)
{
	char buf[512];

	check_profile(look);
	if (!initrd_content_is_asked(look->profile))
		return 0;
	if (look->profile->device_count) {
		if (!look->content->has_early)
			problem_add(look->problems, PROBLEM_NO_EARLY, true,
				    "%s has no vfio-early, so that nothing claims a card when it "
				    "boots; %s",
				    look->name, cure(look, buf));
		else
			check_start(look);
		check_modules(look);
	}
	check_pages(look);
	return check_modprobe(look);
}

int image_check_fd(const struct root *root, const struct profile *profile, int fd, const char *name,
		   const char *kernel, struct problems *problems)
{
	_cleanup_initrd_tree_ struct initrd_tree tree = {.count = 0};
	_cleanup_initrd_content_ struct initrd_content content = {.made_by = NULL};
	struct diag diag = DIAG_INIT;
	struct look look = {
		.root = root,
		.profile = profile,
		.tree = &tree,
		.content = &content,
		.name = name,
		.kernel = kernel,
		.problems = problems,
	};
	int r = initrd_tree_load(fd, wanted, &tree, &diag);

	if (r == 0)
		r = initrd_content_of(fd, &tree, &content, &diag);
	if (r == 0)
		return look_at(&look);
	if (r == -ENOMEM)
		return r;
	problem_add(problems, PROBLEM_IMAGE_UNREADABLE, true,
		    "what is in %s cannot be told: %s; make it anew: `dracut --force %s%s%s`", name,
		    diag.text, name, *kernel ? " " : "", kernel);
	return 0;
}

int image_check(const struct root *root, const struct profile *profile, const char *path,
		const char *kernel, bool unified, struct image_check *ret)
{
	const char *last = strrchr(path, '\n');
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	*ret = (struct image_check){
		.path = strdup(path), .kernel = strdup(kernel), .unified = unified};
	if (!ret->path || !ret->kernel)
		return -ENOMEM;
	/* The one with the system in it comes last. */
	if (asprintf(&name, "/%s", last ? last + 1 : path) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	r = image_open(root, path, unified, &fd);
	if (r == -ENOMEM)
		return r;
	if (r == 0)
		return image_check_fd(root, profile, fd, name, kernel, &ret->problems);
	if (!initrd_content_is_asked(profile))
		return 0;
	if (r == -ENOENT || r == -ENOTDIR)
		problem_add(
			&ret->problems, PROBLEM_NO_INITRAMFS, true,
			unified ? "%s has no initramfs in it, so that nothing claims a card when "
				  "it boots: make it anew with one"
			: last	? "%s, or one that is unpacked before it, is not there: make it, "
				  "`dracut --force %s %s`, or remove the entry"
				: "%s is not there, and an entry boots with it: make it, "
				  "`dracut --force %s %s`, or remove the entry",
			name, name, kernel);
	else
		problem_add(
			&ret->problems, PROBLEM_IMAGE_UNREADABLE, true,
			"%s cannot be read: %s; make it anew, `dracut --force %s`, or ask as root",
			name, strerror(-r), name);
	return 0;
}

void image_check_free(struct image_check *check)
{
	free(check->path);
	free(check->kernel);
	problems_free(&check->problems);
}
