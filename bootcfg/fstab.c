// SPDX-License-Identifier: GPL-2.0-or-later
#include <mntent.h>
#include <string.h>

#include "bootcfg/file.h"
#include "bootcfg/fstab.h"

#define LINE_SPACE 8192

/* "/boot/efi/" is "/boot/efi". */
static bool same_dir(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	while (a_len > 1 && a[a_len - 1] == '/')
		a_len--;
	while (b_len > 1 && b[b_len - 1] == '/')
		b_len--;
	return a_len == b_len && !memcmp(a, b, a_len);
}

/* UUID="..." is allowed, too. */
static char *unquoted(const char *source)
{
	char *copy = strdup(source), *to = copy;

	for (const char *at = copy; at && *at; at++)
		if (*at != '"')
			*to++ = *at;
	if (to)
		*to = '\0';
	return copy;
}

int fstab_find(const struct root *root, const char *dir, struct fstab_line *ret, struct diag *diag)
{
	_cleanup_file_ struct file file = {.exists = false};
	_cleanup_fclose_ FILE *stream = NULL;
	_cleanup_fstab_ struct fstab_line line = {.source = NULL};
	char space[LINE_SPACE];
	struct mntent entry;
	bool failed = false;
	int r = file_read(root, "etc/fstab", &file, diag);

	if (r < 0)
		return r;
	if (!file.exists || !file.size)
		return 0;
	stream = fmemopen(file.data, file.size, "r");
	while (stream && getmntent_r(stream, &entry, space, sizeof(space))) {
		if (!same_dir(entry.mnt_dir, dir))
			continue;
		free(line.source);
		line.source = unquoted(entry.mnt_fsname);
		line.noauto = hasmntopt(&entry, "noauto");
		failed = failed || !line.source;
	}
	if (!stream || failed)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	if (!line.source)
		return 0;
	ret->source = steal(&line.source);
	ret->noauto = line.noauto;
	return 1;
}
