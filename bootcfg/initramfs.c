// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/initramfs.h"
#include "bootcfg/initrd-content.h"

/* --- one image --------------------------------------------------------------------------------- */

/* A regular file, opened, or -errno. */
static int open_image(const struct root *root, const char *path, struct stat *ret_stat)
{
	int fd = root_openat(root, path, O_RDONLY, 0);

	if (fd < 0)
		return fd == -ENXIO ? -ENOTSUP : fd; /* a socket */
	if (fstat(fd, ret_stat) < 0) {
		int r = -errno;

		close_fd(&fd);
		return r;
	}
	if (!S_ISREG(ret_stat->st_mode)) {
		close_fd(&fd);
		return S_ISDIR(ret_stat->st_mode) ? -EISDIR : -ENOTSUP;
	}
	return fd;
}

static int place(const char *path, int error, struct diag *diag)
{
	snprintf(diag->file, sizeof(diag->file), "/%s", path);
	return error;
}

int initramfs_carries(const struct root *root, const char *path, const struct profile *profile,
		      struct diag *diag)
{
	_cleanup_initrd_content_ struct initrd_content content = {.made_by = NULL};
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	fd = open_image(root, path, &st);
	if (fd < 0) {
		diag_set(diag, fd, NULL, 0, "cannot be read: %s", strerror(-fd));
		return place(path, fd, diag);
	}
	r = initrd_content_read(fd, &content, diag);
	return r < 0 ? place(path, r, diag) : initrd_content_agrees(&content, profile);
}

/* --- all images -------------------------------------------------------------------------------- */

static bool is_installed(const struct host *host, const char *kernel)
{
	for (size_t i = 0; i < host->kernel_count; i++)
		if (!strcmp(host->kernels[i].version, kernel))
			return true;
	return false;
}

/* The longest version in a path: 6.1.0-5 is also in 6.1.0-50. */
static const char *kernel_in_path(const struct host *host, const char *path)
{
	const char *found = "";

	for (size_t i = 0; i < host->kernel_count; i++) {
		const char *version = host->kernels[i].version;

		if (strlen(version) > strlen(found) && strstr(path, version))
			found = version;
	}
	return found;
}

static struct initramfs_image *add_image(struct initramfs *list, const char *path)
{
	struct initramfs_image *images =
		reallocarray(list->images, list->count + 1, sizeof(*images));

	if (!images)
		return NULL;
	list->images = images;
	images[list->count] = (struct initramfs_image){.path = strdup(path)};
	return images[list->count].path ? &images[list->count++] : NULL;
}

static bool is_listed(const struct initramfs *list, const struct stat *st)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->images[i].dev == st->st_dev && list->images[i].ino == st->st_ino)
			return true;
	return false;
}

struct look {
	const struct root *root;
	const struct host *host;
	const struct profile *profile;
	struct initramfs *list;
};

/* 0, -ENOMEM, or in image->error what is wrong with it. */
static int look_into(const struct look *look, int fd, struct initramfs_image *image)
{
	_cleanup_initrd_content_ struct initrd_content content = {.made_by = NULL};
	struct diag diag = DIAG_INIT;
	const char *kernel;

	image->error = fd < 0 ? fd : initrd_content_read(fd, &content, &diag);
	if (image->error == -ENOMEM)
		return -ENOMEM;
	image->outdated = image->error || !initrd_content_agrees(&content, look->profile);
	image->made_by = content.made_by;
	image->has_parameters = content.has_parameters;
	image->has_init = content.has_init;
	/* What is in it cannot be renamed; some have no modules at all. */
	kernel = content.kernel[0] ? content.kernel : kernel_in_path(look->host, image->path);
	image->has_kernel = is_installed(look->host, kernel);
	image->kernel = strdup(kernel);
	return image->kernel ? 0 : -ENOMEM;
}

static int look_at(const struct look *look, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct initramfs_image *image;
	struct stat st = {.st_ino = 0};

	fd = open_image(look->root, path, &st);
	if (fd == -ENOENT || fd == -ENOTDIR || (fd >= 0 && is_listed(look->list, &st)))
		return 0;
	image = add_image(look->list, path);
	if (!image)
		return -ENOMEM;
	if (fd >= 0) {
		image->dev = st.st_dev;
		image->ino = st.st_ino;
	}
	return look_into(look, fd, image);
}

static int look_at_kernel(const struct look *look, const char *version)
{
	/* Debian, Fedora, SUSE, Gentoo. */
	static const char *const forms[] = {"boot/initrd.img-%s", "boot/initramfs-%s.img",
					    "boot/initrd-%s", "boot/initramfs-%s"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(forms); i++) {
		_cleanup_free_ char *path = NULL;
		const char *mark = strstr(forms[i], "%s");

		if (asprintf(&path, "%.*s%s%s", (int)(mark - forms[i]), forms[i], version,
			     mark + 2) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = look_at(look, path);
	}
	return r;
}

/* --- who makes them ---------------------------------------------------------------------------- */

struct evidence {
	const char *name;
	const char *hook; /* runs it when a kernel is installed; NULL: the program is enough */
	const char *program;
	const char *masked; /* a link here to /dev/null stops it; NULL: nothing does */
};

/*
 * Hooks of packages that were removed stay behind as configuration, so the program counts too; and
 * dracut-core alone, without its hook, makes no images.
 */
static const struct evidence evidence[] = {
	{"dracut", "etc/kernel/postinst.d/dracut", "usr/bin/dracut", NULL},
	{"initramfs-tools", "etc/kernel/postinst.d/initramfs-tools", "usr/sbin/mkinitramfs", NULL},
	{"mkinitcpio", "usr/share/libalpm/hooks/90-mkinitcpio-install.hook", "usr/bin/mkinitcpio",
	 "etc/pacman.d/hooks/90-mkinitcpio-install.hook"},
	{"booster", "usr/share/libalpm/hooks/90-booster-install.hook", "usr/bin/booster",
	 "etc/pacman.d/hooks/90-booster-install.hook"},
	{"dracut", NULL, "usr/bin/dracut", NULL},
	{"dracut", NULL, "usr/sbin/dracut", NULL},
	{"initramfs-tools", NULL, "usr/sbin/mkinitramfs", NULL},
	{"mkinitcpio", NULL, "usr/bin/mkinitcpio", "etc/pacman.d/hooks/90-mkinitcpio-install.hook"},
	{"genkernel", NULL, "usr/bin/genkernel", NULL},
};

static bool is_masked(const struct root *root, const char *path)
{
	char target[16];
	ssize_t n = path ? root_readlink(root, path, target, sizeof(target)) : -1;

	return n >= 0 && !strcmp(target, "/dev/null");
}

static const char *generator_by_files(const struct root *root)
{
	for (size_t i = 0; i < ARRAY_SIZE(evidence); i++) {
		const struct evidence *row = &evidence[i];

		if (root_exists(root, row->program) &&
		    (!row->hook || root_exists(root, row->hook)) && !is_masked(root, row->masked))
			return row->name;
	}
	return NULL;
}

/* Who made what is there, where no program tells who will make the next. */
static const char *generator_by_images(const struct initramfs *list)
{
	for (size_t i = list->count; i-- > 0;)
		if (list->images[i].made_by)
			return list->images[i].made_by;
	return NULL;
}

static void tell_generator(const struct root *root, struct initramfs *list)
{
	const char *name = generator_by_files(root);

	list->generator_name = name ? name : generator_by_images(list);
	if (!list->generator_name)
		list->generator = GENERATOR_NONE;
	else if (name && !strcmp(name, "dracut"))
		list->generator = GENERATOR_DRACUT;
	else
		list->generator = GENERATOR_OTHER;
}

int initramfs_look(const struct root *root, const struct host *host, const struct profile *profile,
		   const char *const *more, struct initramfs *ret, struct diag *diag)
{
	_cleanup_initramfs_ struct initramfs list = {.count = 0};
	struct look look = {.root = root, .host = host, .profile = profile, .list = &list};
	int r = 0;

	for (size_t i = 0; r == 0 && i < host->kernel_count; i++)
		r = look_at_kernel(&look, host->kernels[i].version);
	for (; r == 0 && more && *more; more++)
		r = look_at(&look, *more + strspn(*more, "/"));
	if (r < 0)
		return diag_set(diag, r, NULL, 0, "out of memory");
	tell_generator(root, &list);
	*ret = list;
	list = (struct initramfs){.count = 0};
	return 0;
}

void initramfs_free(struct initramfs *initramfs)
{
	for (size_t i = 0; i < initramfs->count; i++) {
		free(initramfs->images[i].kernel);
		free(initramfs->images[i].path);
	}
	free(initramfs->images);
	*initramfs = (struct initramfs){.count = 0};
}
