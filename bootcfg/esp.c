// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "bootcfg/esp.h"
#include "bootcfg/fstab.h"

/* In the order in which bootctl and kernel-install look. */
static const char *const places[ESP_MAX] = {"efi", "boot", "boot/efi"};

bool esp_has(const struct root *root, const char *dir, const char *path)
{
	_cleanup_free_ char *full = NULL;

	if (asprintf(&full, "%s/%s", dir, path) < 0) {
		full = NULL;
		return false;
	}
	return root_exists(root, full);
}

bool esp_has_suffix(const struct root *root, const char *dir, const char *path, const char *suffix)
{
	_cleanup_names_ char **names = NULL;
	_cleanup_free_ char *full = NULL;
	struct diag diag = DIAG_INIT;

	if (asprintf(&full, "%s/%s", dir, path) < 0) {
		full = NULL;
		return false;
	}
	return names_read(root, full, suffix, &names, &diag) == 0 && names[0];
}

static bool is_mount(int fd)
{
	struct statx stx, above;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) < 0 ||
	    statx(fd, "..", 0, STATX_BASIC_STATS, &above) < 0)
		return false;
	if (stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
		return stx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return makedev(stx.stx_dev_major, stx.stx_dev_minor) !=
	       makedev(above.stx_dev_major, above.stx_dev_minor);
}

static bool is_esp(const struct root *root, const char *dir)
{
	return esp_has(root, dir, "loader/entries") || esp_has(root, dir, "EFI/systemd") ||
	       esp_has(root, dir, "EFI/Linux");
}

/*
 * An empty directory where a partition should be, or one that holds what was written before it was
 * mounted: what was written there would be hidden later.
 */
static int check_mounted(const struct root *root, const char *dir, struct diag *diag)
{
	_cleanup_fstab_ struct fstab_line line = {.source = NULL};
	_cleanup_close_ int fd = -1;
	char path[sizeof(diag->file)];
	int r;

	if (root->kind != ROOT_LIVE)
		return 0;
	snprintf(path, sizeof(path), "/%s", dir);
	r = fstab_find(root, path, &line, diag);
	if (r <= 0)
		return r;
	/* This also makes an automount mount it. */
	fd = root_openat(root, dir, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0 && is_mount(fd))
		return 0;
	if (line.noauto && !is_esp(root, dir))
		return 0;
	return diag_set(diag, -ENODEV, path, 0,
			"%s is not mounted, though /etc/fstab has it: mount it first", path);
}

/* --esp: one of the usual places is that place, however it is written. */
static int find_given(const struct boot_context *context, const char **ret, struct diag *diag)
{
	_cleanup_close_ int fd = -1;
	size_t len = strlen(context->esp);
	char path[sizeof(diag->file)];

	while (len && context->esp[len - 1] == '/')
		len--;
	snprintf(path, sizeof(path), "/%s", context->esp);
	fd = root_openat(context->root, *context->esp ? context->esp : ".", O_RDONLY | O_DIRECTORY,
			 0);
	if (fd < 0)
		return diag_set(diag, fd == -ENOENT ? -ENOTDIR : fd, path, 0,
				"--esp names no directory%s",
				context->root->kind == ROOT_LIVE ? "" : " below --root");
	*ret = context->esp;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (strlen(places[i]) == len && !memcmp(places[i], context->esp, len))
			*ret = places[i];
	return check_mounted(context->root, *ret, diag);
}

/* The same directory twice: by a link, or a partition that is mounted in two places. */
static bool is_again(const struct root *root, const char *const *dirs, size_t count)
{
	struct stat last, one;

	for (size_t i = count + 1; i-- > 0;) {
		_cleanup_close_ int fd = root_openat(root, dirs[i], O_RDONLY | O_DIRECTORY, 0);

		if (fd < 0 || fstat(fd, i == count ? &last : &one) < 0)
			return false;
		if (i < count && one.st_dev == last.st_dev && one.st_ino == last.st_ino)
			return true;
	}
	return false;
}

int esp_find(const struct boot_context *context, const char *ret[static ESP_MAX], size_t *ret_count,
	     struct diag *diag)
{
	size_t count = 0;
	int r;

	if (context->esp) {
		r = find_given(context, ret, diag);
		if (r < 0)
			return r;
		*ret_count = 1;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		r = check_mounted(context->root, places[i], diag);
		if (r < 0)
			return r;
		if (!is_esp(context->root, places[i]))
			continue;
		ret[count] = places[i];
		count += !is_again(context->root, ret, count);
	}
	*ret_count = count;
	return 0;
}

int esp_detect(const struct boot_context *context, const char *ret[static ESP_MAX],
	       size_t *ret_count, struct diag *diag)
{
	static const char *const grub[] = {"boot/grub/grub.cfg", "boot/grub2/grub.cfg"};
	int r = esp_find(context, ret, ret_count, diag);

	if (r != -ENODEV)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(grub); i++)
		if (root_exists(context->root, grub[i])) {
			*ret_count = 0;
			return 0;
		}
	return r;
}
