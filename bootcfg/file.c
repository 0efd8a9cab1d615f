// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/file.h"

static int cannot_read(int error, const char *path, struct diag *diag)
{
	char file[sizeof(diag->file)];

	snprintf(file, sizeof(file), "/%s", path);
	switch (error) {
	case -ENOENT:
		return diag_set(diag, error, file, 0, "a link to a file that is not there");
	case -EISDIR:
		return diag_set(diag, error, file, 0, "a directory, where a file is expected");
	case -ENOTSUP:
		return diag_set(diag, error, file, 0,
				"a FIFO, socket or device, where a file is expected");
	case -EFBIG:
		return diag_set(diag, error, file, 0, "the file is larger than 16 MiB");
	case -EXDEV:
		return diag_set(diag, error, file, 0,
				"it leads out of the image, into /proc, /sys or /run");
	}
	return diag_set(diag, error, file, 0, "cannot be read: %s", strerror(-error));
}

int file_read(const struct root *root, const char *path, struct file *ret, struct diag *diag)
{
	struct file file = {.exists = true};
	int r = root_read_file(root, path, &file.data, &file.size, &file.stat);

	if (r == -ENOTDIR || (r == -ENOENT && !root_exists(root, path))) {
		file.exists = false;
		file.data = NULL;
		file.size = 0;
	} else if (r < 0) {
		return cannot_read(r, path, diag);
	}
	file.path = strdup(path);
	if (!file.path) {
		free(file.data);
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	}
	*ret = file;
	return 0;
}

void file_free(struct file *file)
{
	free(file->path);
	free(file->data);
	*file = (struct file){.exists = false};
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool wanted(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	return *name != '.' && len > tail && !strcmp(name + len - tail, suffix);
}

int names_read(const struct root *root, const char *dir, const char *suffix, char ***ret,
	       struct diag *diag)
{
	_cleanup_closedir_ DIR *stream = root_opendir(root, dir);
	_cleanup_names_ char **names = calloc(1, sizeof(*names));
	const struct dirent *entry;
	size_t count = 0;

	if (!names)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	if (!stream && errno != ENOENT && errno != ENOTDIR)
		return cannot_read(-errno, dir, diag);
	while (stream && (errno = 0, entry = readdir(stream))) {
		char **more;

		if (!wanted(entry->d_name, suffix))
			continue;
		more = reallocarray(names, count + 2, sizeof(*names));
		if (!more)
			return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
		names = more;
		names[count + 1] = NULL;
		names[count] = strdup(entry->d_name);
		if (!names[count++])
			return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	}
	if (stream && errno)
		return cannot_read(-errno, dir, diag);
	qsort(names, count, sizeof(*names), compare);
	*ret = steal(&names);
	return 0;
}

void names_free(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}
