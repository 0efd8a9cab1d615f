// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Systems whose kernel command line belongs to another tool, which would undo an edit or be broken by
 * it: what shows such a system, and what its owner does in place of us.
 */
#include <string.h>

#include "bootcfg/active.h"
#include "bootcfg/file.h"

#define OSTREE_LIVE "run/ostree-booted"
#define OSTREE_IMAGE "ostree/repo"

struct managed {
	const char *live; /* is there while such a system runs; NULL: as image */
	const char *image; /* is in the files of one */
	const char *also; /* and this is there too; NULL: no matter */
	const char *name;
	const char *cure;
};

/* Asked in this order: the more special first. */
static const struct managed managed[] = {
	{OSTREE_LIVE, OSTREE_IMAGE, "usr/bin/rpm-ostree", "rpm-ostree",
	 "run `rpm-ostree kargs --append-if-missing=PARAMETER`"},
	{OSTREE_LIVE, OSTREE_IMAGE, "usr/bin/bootc", "bootc",
	 "list the parameters in a file of the image: /usr/lib/bootc/kargs.d/50-vfio.toml, "
	 "kargs = [\"PARAMETER\"]"},
	{OSTREE_LIVE, OSTREE_IMAGE, NULL, "ostree",
	 "run `ostree admin kargs edit-in-place --append-if-missing=PARAMETER`"},
	{NULL, "etc/NIXOS", NULL, "NixOS",
	 "add them to boot.kernelParams in /etc/nixos/configuration.nix and run `nixos-rebuild "
	 "boot`"},
	/* An image that was never booted lacks the mark. */
	{NULL, "nix/var/nix/profiles/system", NULL, "NixOS",
	 "add them to boot.kernelParams in /etc/nixos/configuration.nix and run `nixos-rebuild "
	 "boot`"},
	{"run/current-system/profile", "gnu/store", "etc/guix", "Guix",
	 "add them to kernel-arguments of the operating-system and run `guix system reconfigure`"},
	{NULL, "etc/kernel/proxmox-boot-uuids", NULL, "proxmox-boot-tool",
	 "put the parameters into the one line of /etc/kernel/cmdline (where it boots by GRUB: "
	 "into /etc/default/grub) and run `proxmox-boot-tool refresh`"},
	{NULL, "usr/bin/sdbootutil", NULL, "sdbootutil",
	 "put the parameters into the one line of /etc/kernel/cmdline and run `sdbootutil "
	 "update-all-entries`"},
};

static bool is_managed(const struct root *root, const struct managed *row)
{
	const char *mark = row->live && root_has_kernel(root) ? row->live : row->image;

	return root_exists(root, mark) && (!row->also || root_exists(root, row->also));
}

/* Whether `/` is mounted read-only: its line in fstab has the option ro. */
static bool root_is_read_only(const struct root *root)
{
	_cleanup_file_ struct file fstab = {.exists = false};
	struct diag diag = DIAG_INIT;
	char *rest, *line;

	if (file_read(root, "etc/fstab", &fstab, &diag) < 0 || !fstab.exists)
		return false;
	rest = fstab.data;
	while ((line = strsep(&rest, "\n"))) {
		char place[3], options[512];

		if (sscanf(line, " %*[^# \t] %2s %*s %511s", place, options) != 2 ||
		    strcmp(place, "/") != 0)
			continue;
		for (char *at = options, *option; (option = strsep(&at, ","));)
			if (!strcmp(option, "ro"))
				return true;
	}
	return false;
}

int active_refuse_managed(const struct root *root, struct diag *diag)
{
	for (size_t i = 0; i < ARRAY_SIZE(managed); i++)
		if (is_managed(root, &managed[i]))
			return diag_set(diag, -EPERM, NULL, 0,
					"%s manages the kernel command line of this system: %s",
					managed[i].name, managed[i].cure);
	/* The package alone is also on systems that can be written to. */
	if (root_exists(root, "usr/sbin/transactional-update") && root_is_read_only(root))
		return diag_set(
			diag, -EPERM, NULL, 0,
			"transactional-update manages this system, whose root is read-only: "
			"put the parameters into GRUB_CMDLINE_LINUX_DEFAULT of "
			"/etc/default/grub and run `transactional-update grub.cfg`");
	return 0;
}
