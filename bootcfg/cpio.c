// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/cpio.h"

#define HEADER_SIZE 110 /* bytes: the magic and 13 numbers */
#define TRAILER "TRAILER!!!"

static int read_all(struct cpio_stream *stream, void *buf, size_t size)
{
	ssize_t n = stream->read(stream, buf, size);

	if (n < 0)
		return (int)n;
	return (size_t)n == size ? 0 : -EBADMSG;
}

static int skip(struct cpio_stream *stream, uint64_t size)
{
	while (size) {
		size_t step = size > (1U << 30) ? 1U << 30 : (size_t)size;
		int r = read_all(stream, NULL, step);

		if (r < 0)
			return r;
		size -= step;
	}
	return 0;
}

/* Bytes from offset to the next multiple of four. */
static unsigned padding(uint64_t offset)
{
	return (4 - offset % 4) % 4;
}

/* Eight hexadecimal digits. */
static int number(const char *text, uint32_t *ret)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 8; i++) {
		char c = text[i];
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned)(c - 'A') + 10;
		else
			return -EBADMSG;
		value = value << 4 | digit;
	}
	*ret = value;
	return 0;
}

/* As paths are written elsewhere: "./etc//x" and "/etc/x" are "etc/x", "." is "". */
static void clean_name(char *name)
{
	const char *from = name;
	char *to = name;

	while (*from) {
		size_t len = strcspn(from, "/");

		if (len && !(len == 1 && *from == '.')) {
			if (to != name)
				*to++ = '/';
			memmove(to, from, len);
			to += len;
		}
		from += len + (from[len] == '/');
	}
	*to = '\0';
}

/* The name, and what pads it to the body. One that is too long is passed over, as by the kernel. */
static int read_name(struct cpio *cpio, uint32_t size)
{
	struct cpio_member *member = &cpio->member;
	bool too_long = size > sizeof(member->name);
	int r;

	if (!size)
		return -EBADMSG;
	if (too_long) {
		member->name[0] = '\0';
		r = skip(cpio->stream, size);
	} else {
		r = read_all(cpio->stream, member->name, size);
		/* Builders that align bodies put more NULs behind it than the one. */
		if (r == 0 && member->name[size - 1])
			r = -EBADMSG;
	}
	if (r == 0)
		r = skip(cpio->stream, padding(HEADER_SIZE + (uint64_t)size));
	return r < 0 ? r : too_long;
}

/* A header, its first byte read already. 1: a member; 0: the end of its archive; 2: no name. */
static int read_header(struct cpio *cpio)
{
	struct cpio_member *member = &cpio->member;
	uint32_t field[13];
	char header[HEADER_SIZE];
	int r;

	header[0] = cpio->ahead;
	cpio->has_ahead = false;
	r = read_all(cpio->stream, header + 1, sizeof(header) - 1);
	if (r < 0)
		return r;
	/* ...2 has checksums, which nobody looks at. */
	if (memcmp(header, "07070", 5) != 0 || (header[5] != '1' && header[5] != '2'))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		if (number(header + 6 + 8 * i, &field[i]) < 0)
			return -EBADMSG;
	member->ino = field[0];
	member->mode = field[1];
	member->nlink = field[4];
	member->size = field[6];
	member->major = field[7];
	member->minor = field[8];
	r = read_name(cpio, field[11]);
	if (r < 0)
		return r;
	cpio->left = (uint64_t)member->size + padding(member->size);
	if (r)
		return 2;
	if (!strcmp(member->name, TRAILER)) {
		r = skip(cpio->stream, cpio->left);
		cpio->left = 0;
		return r;
	}
	clean_name(member->name);
	return 1;
}

/* The first byte that is no zero between archives: 1, or 0 at the end. */
static int look_ahead(struct cpio *cpio)
{
	while (!cpio->has_ahead) {
		ssize_t n = cpio->stream->read(cpio->stream, &cpio->ahead, 1);

		if (n <= 0)
			return (int)n;
		cpio->has_ahead = cpio->inside || cpio->ahead;
	}
	return 1;
}

int cpio_next(struct cpio *cpio)
{
	for (;;) {
		int r;

		r = skip(cpio->stream, cpio->left);
		cpio->left = 0;
		if (r == 0)
			r = look_ahead(cpio);
		if (r <= 0)
			return r == 0 && cpio->inside ? -EBADMSG : r;
		/* The byte itself is behind us. */
		if (!cpio->inside && (cpio->ahead != '0' || cpio->stream->offset % 4 != 1))
			return CPIO_OTHER;
		cpio->inside = true;
		r = read_header(cpio);
		if (r < 0)
			return r;
		if (r == 1)
			return CPIO_MEMBER;
		if (r == 0) {
			cpio->inside = false;
			cpio->archives++;
		}
	}
}

int cpio_body(struct cpio *cpio, size_t max, char **ret)
{
	size_t size = cpio->member.size;
	_cleanup_free_ char *body = NULL;
	int r;

	if (size > max)
		return -EFBIG;
	body = malloc(size + 1);
	if (!body)
		return -ENOMEM;
	r = read_all(cpio->stream, body, size);
	if (r < 0)
		return r;
	body[size] = '\0';
	cpio->left -= size;
	*ret = steal(&body);
	return 0;
}
