// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/file.h"
#include "bootcfg/regenerate.h"
#include "bootcfg/run.h"

/* Beside grub.cfg, so that it is on the same file system and paths in it come out the same. */
#define TEMPORARY "grub.cfg.vfio-bootcfg.new"

struct grub_dir {
	const char *dir; /* below the root */
	const char *mkconfig, *check;
};

static const struct grub_dir grub_dirs[] = {
	{"boot/grub", "grub-mkconfig", "grub-script-check"},
	{"boot/grub2", "grub2-mkconfig", "grub2-script-check"},
};

/* Opens the directory of grub.cfg; the temporaries of a run that died in it go. */
static int open_grub_dir(const struct root *root, const struct grub_dir **ret, int *ret_fd,
			 struct stat *ret_stat, struct diag *diag)
{
	for (size_t i = 0; i < ARRAY_SIZE(grub_dirs); i++) {
		int fd = root_openat(root, grub_dirs[i].dir, O_RDONLY | O_DIRECTORY, 0);

		if (fd < 0)
			continue;
		if (!fstatat(fd, "grub.cfg", ret_stat, AT_SYMLINK_NOFOLLOW)) {
			(void)unlinkat(fd, TEMPORARY, 0);
			(void)unlinkat(fd, TEMPORARY ".new", 0);
			*ret = &grub_dirs[i];
			*ret_fd = fd;
			return 0;
		}
		close_fd(&fd);
	}
	return diag_set(diag, -ENOENT, NULL, 0,
			"there is no grub.cfg in /boot/grub or /boot/grub2: is /boot mounted?");
}

static char *find_tool(const struct grub_dir *grub, bool check)
{
	char *path = run_find(check ? grub->check : grub->mkconfig);

	/* Either name is found with either directory: distributions mix them. */
	for (size_t i = 0; !path && i < ARRAY_SIZE(grub_dirs); i++)
		path = run_find(check ? grub_dirs[i].check : grub_dirs[i].mkconfig);
	return path;
}

/* Fedora's grub2-mkconfig would write all boot entries and grubenv anew. */
static bool knows_no_grubenv(const char *mkconfig)
{
	_cleanup_fclose_ FILE *script = fopen(mkconfig, "re");
	char line[1024];

	while (script && fgets(line, sizeof(line), script))
		if (strstr(line, "--no-grubenv-update"))
			return true;
	return false;
}

static int generate(const struct grub_dir *grub, const char *path, struct diag *diag)
{
	_cleanup_free_ char *mkconfig = find_tool(grub, false), *output = NULL;
	const char *argv[5];
	size_t n = 0;
	int r;

	if (!mkconfig)
		return diag_set(diag, -ENOENT, NULL, 0,
				"there is no %s to make grub.cfg anew: install it, or run with "
				"--no-regenerate and make grub.cfg yourself",
				grub->mkconfig);
	argv[n++] = mkconfig;
	if (knows_no_grubenv(mkconfig))
		argv[n++] = "--no-grubenv-update";
	argv[n++] = "-o";
	argv[n++] = path;
	argv[n] = NULL;
	r = run_program(argv, &output);
	if (r < 0)
		return diag_set(diag, r, NULL, 0, "%s cannot be run: %s", mkconfig, strerror(-r));
	if (r > 0)
		return diag_set(diag, -EBADMSG, NULL, 0,
				"%s failed (exit status %d), grub.cfg is as it was: %.300s",
				mkconfig, r, run_last_line(output));
	return 0;
}

static bool has_menu_entry(const char *text)
{
	for (; text; text = strchr(text, '\n')) {
		text += strspn(text, " \t\r\n");
		/* The word alone: every grub.cfg sets a menuentry_id_option. */
		if ((!strncmp(text, "menuentry", 9) && strchr(" \t", text[9])) ||
		    (!strncmp(text, "blscfg", 6) && strchr(" \t\r\n", text[6])))
			return true;
	}
	return false;
}

/* What does not parse, or has nothing to boot, must not become the file that boots the host. */
static int check(const struct root *root, const struct grub_dir *grub, const char *path,
		 struct diag *diag)
{
	_cleanup_free_ char *tool = find_tool(grub, true), *output = NULL;
	_cleanup_file_ struct file file = {.exists = false};
	int r = file_read(root, path + 1, &file, diag);

	if (r < 0)
		return r;
	if (!file.exists || !has_menu_entry(file.data))
		return diag_set(diag, -EBADMSG, NULL, 0,
				"what %s made has no menu entry: grub.cfg is as it was",
				grub->mkconfig);
	if (!tool)
		return 0;
	r = run_program((const char *const[]){tool, path, NULL}, &output);
	if (r)
		return diag_set(diag, -EBADMSG, NULL, 0,
				"what %s made does not pass %s, grub.cfg is as it was: %.300s",
				grub->mkconfig, grub->check,
				output ? run_last_line(output) : strerror(-r));
	return 0;
}

static int replace(int dir, const struct stat *old, struct diag *diag)
{
	_cleanup_close_ int fd = openat(dir, TEMPORARY, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	/* VFAT has neither owner nor mode. */
	if (fd >= 0 &&
	    (fchown(fd, old->st_uid, old->st_gid) < 0 || fchmod(fd, old->st_mode & 07777) < 0) &&
	    errno != EPERM)
		return diag_set(diag, -errno, "/boot/grub/" TEMPORARY, 0, "%s", strerror(errno));
	if (fd < 0 || fsync(fd) < 0 || renameat(dir, TEMPORARY, dir, "grub.cfg") < 0 ||
	    fsync(dir) < 0)
		return diag_set(diag, -errno, NULL, 0, "grub.cfg cannot be replaced: %s",
				strerror(errno));
	return 0;
}

int grub_regenerate(const struct root *root, struct diag *diag)
{
	const struct grub_dir *grub = NULL;
	_cleanup_close_ int dir = -1;
	char path[64];
	struct stat old;
	int r = open_grub_dir(root, &grub, &dir, &old, diag);

	if (r < 0)
		return r;
	if (S_ISLNK(old.st_mode))
		return diag_set(diag, -ELOOP, NULL, 0,
				"/%s/grub.cfg is a link: make the file that it leads to yourself",
				grub->dir);
	snprintf(path, sizeof(path), "/%s/" TEMPORARY, grub->dir);
	r = generate(grub, path, diag);
	if (r == 0)
		r = check(root, grub, path, diag);
	if (r == 0)
		r = replace(dir, &old, diag);
	if (r < 0) {
		(void)unlinkat(dir, TEMPORARY, 0);
		(void)unlinkat(dir, TEMPORARY ".new", 0);
	}
	return r;
}
