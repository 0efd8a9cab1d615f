// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/grub-bls.h"

static const char header[] = "# GRUB Environment Block\n";

static bool is_block(const struct file *file)
{
	return file->exists && file->size == GRUB_ENV_SIZE &&
	       !memcmp(file->data, header, strlen(header));
}

/* The end of a line whose newline is no part of a value: a backslash escapes it. */
static size_t line_end(const struct file *file, size_t at)
{
	for (; at < file->size && file->data[at] != '\n'; at++)
		at += file->data[at] == '\\' && at + 1 < file->size;
	return at;
}

/* Start and end of a variable's value, with its escapes. */
static bool find(const struct file *file, const char *name, size_t *ret_start, size_t *ret_end)
{
	size_t len = strlen(name), end;

	if (!is_block(file))
		return false;
	for (size_t at = strlen(header); at < file->size; at = end + 1) {
		end = line_end(file, at);
		/* The padding begins where a line begins with `#`, and has no newline. */
		if (end >= file->size)
			return false;
		if (end - at > len && !memcmp(file->data + at, name, len) &&
		    file->data[at + len] == '=') {
			*ret_start = at + len + 1;
			*ret_end = end;
			return true;
		}
	}
	return false;
}

char *grub_env_get(const struct file *file, const char *name)
{
	size_t at, end;
	char *value, *to;

	errno = 0;
	if (!find(file, name, &at, &end))
		return NULL;
	value = to = calloc(end - at + 1, 1);
	if (!value)
		return NULL;
	for (; at < end; at++) {
		at += file->data[at] == '\\' && at + 1 < end;
		*to++ = file->data[at];
	}
	return value;
}

/* How much of the block is in use: up to the padding. */
static size_t used(const struct file *file)
{
	size_t at = strlen(header), end;

	while (at < file->size && file->data[at] != '#') {
		end = line_end(file, at);
		if (end >= file->size)
			break;
		at = end + 1;
	}
	return at;
}

int grub_env_set(const struct file *file, const char *name, const char *value, char **ret)
{
	_cleanup_free_ char *escaped = malloc(2 * strlen(value) + 1), *block = NULL;
	size_t start, end, size = 0, rest;

	if (!escaped)
		return -ENOMEM;
	if (!find(file, name, &start, &end))
		return -EBADMSG;
	for (; *value; value++) {
		if (*value == '\\' || *value == '\n')
			escaped[size++] = '\\';
		escaped[size++] = *value;
	}
	rest = used(file) - end;
	/* One byte of padding at least, which is where GRUB's reader stops. */
	if (start + size + rest >= GRUB_ENV_SIZE)
		return -E2BIG;
	block = malloc(GRUB_ENV_SIZE + 1);
	if (!block)
		return -ENOMEM;
	memset(block, '#', GRUB_ENV_SIZE);
	memcpy(block, file->data, start);
	memcpy(block + start, escaped, size);
	memcpy(block + start + size, file->data + end, rest);
	block[GRUB_ENV_SIZE] = '\0';
	*ret = steal(&block);
	return 0;
}
