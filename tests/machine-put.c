// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/machine-internal.h"

#define TEXT_MAX 1024

_printf_(3, 4) int machine_fail(const struct machine *m, int error, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%u: ", m->file, m->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return error;
}

/* Nothing of a tree file may leave dir: no absolute path, no `..`. */
static bool is_inside(const char *path)
{
	if (*path == '/' || *path == '\0')
		return false;
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += len + (path[len] == '/');
	}
	return true;
}

int machine_dirs(const struct machine *m, const char *path, bool last_too)
{
	char part[PATH_MAX];

	if (!is_inside(path))
		return machine_fail(m, -EINVAL, "%s: not a path below the machine", path);
	for (size_t i = 1;; i++) {
		if (path[i] != '/' && (path[i] != '\0' || !last_too)) {
			if (path[i] == '\0')
				return 0;
			continue;
		}
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdirat(m->fd, part, 0755) < 0 && errno != EEXIST)
			return machine_fail(m, -errno, "%s: %s", part, strerror(errno));
		if (path[i] == '\0')
			return 0;
	}
}

int machine_put_bytes(const struct machine *m, const char *path, const void *data, size_t size)
{
	_cleanup_close_ int fd = -1;
	int r = machine_dirs(m, path, false);

	if (r < 0)
		return r;
	fd = openat(m->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return machine_fail(m, -errno, "%s: %s", path, strerror(errno));
	if (write(fd, data, size) != (ssize_t)size)
		return machine_fail(m, -EIO, "%s: cannot be written", path);
	return 0;
}

/* DIR/NAME with the formatted text and a newline, as sysfs prints most attributes. */
_printf_(4, 5) int machine_put(const struct machine *m, const char *dir, const char *name,
			       const char *format, ...)
{
	char path[PATH_MAX + NAME_MAX], text[TEXT_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (n < 0 || n >= (int)sizeof(text) - 1)
		return machine_fail(m, -EINVAL, "%s: the value is too long", name);
	text[n++] = '\n';
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return machine_put_bytes(m, path, text, (size_t)n);
}

int machine_put_link(const struct machine *m, const char *path, const char *target)
{
	int r = machine_dirs(m, path, false);

	if (r < 0)
		return r;
	if (symlinkat(target, m->fd, path) < 0)
		return machine_fail(m, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* A link at FROM_DIR/NAME to another path of the machine, relative as the kernel makes them. */
int machine_put_relative(const struct machine *m, const char *from_dir, const char *name,
			 const char *to)
{
	char path[2 * PATH_MAX], target[2 * PATH_MAX] = "";
	size_t shared = 0, at = 0;

	for (size_t i = 0; from_dir[i] == to[i] || !from_dir[i] || !to[i]; i++) {
		if ((from_dir[i] == '/' || !from_dir[i]) && (to[i] == '/' || !to[i]))
			shared = i;
		if (!from_dir[i] || !to[i])
			break;
	}
	for (const char *p = from_dir + shared; *p && at + 4 < sizeof(target); p++) {
		if (p == from_dir + shared || *p == '/') {
			memcpy(target + at, "../", 4);
			at += 3;
		}
	}
	to += shared;
	if (*to == '/')
		to++;
	snprintf(target + at, sizeof(target) - at, "%s", to);
	snprintf(path, sizeof(path), "%s/%s", from_dir, name);
	return machine_put_link(m, path, target);
}
