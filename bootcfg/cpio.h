/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Archives of the format newc, member by member, with the kernel's own rules for what it unpacks
 * (Documentation/driver-api/early-userspace/buffer-format.rst, init/initramfs.c): archives follow each
 * other with zeros between, and begin at a multiple of four bytes.
 */
#ifndef BOOTCFG_CPIO_H
#define BOOTCFG_CPIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "early/cleanup.h"

#define CPIO_NAME_MAX 4096 /* bytes with the NUL, as the kernel's PATH_MAX */

/* Where the bytes come from, one after the other. */
struct cpio_stream {
	/* Up to size bytes into buf (NULL: passes over them); less only at the end. Or -errno. */
	ssize_t (*read)(struct cpio_stream *stream, void *buf, size_t size);
	uint64_t offset; /* bytes that read() has handed out */
};

struct cpio_member {
	char name[CPIO_NAME_MAX]; /* without leading `/` and `./`; "" for the top itself */
	uint32_t mode, ino, major, minor, nlink;
	uint32_t size; /* bytes of the body */
};

struct cpio {
	struct cpio_stream *stream;
	struct cpio_member member;
	uint64_t left; /* bytes of the body that were not read, its padding included */
	unsigned archives; /* that were read to their end */
	bool inside; /* an archive has begun and not ended */
	char ahead; /* a byte that was read to see what comes */
	bool has_ahead;
};

static inline void cpio_init(struct cpio *cpio, struct cpio_stream *stream)
{
	*cpio = (struct cpio){.stream = stream};
}

enum cpio_next {
	CPIO_END, /* of the stream */
	CPIO_MEMBER, /* cpio->member is the next one */
	CPIO_OTHER, /* something begins here that is no archive: its first byte is in cpio->ahead */
};

/*
 * Goes to the next member, over what is left of the body of the one before. enum cpio_next, or
 * -EBADMSG (a header that is none, an archive that ends in the middle of a member), or what read()
 * returned.
 */
int cpio_next(struct cpio *cpio) _must_check_;

/*
 * The body of the member, NUL-terminated; the caller's to free. Once for a member. -EFBIG where it is
 * larger than max bytes; -EBADMSG where the stream ends in it; -ENOMEM; what read() returned.
 */
int cpio_body(struct cpio *cpio, size_t max, char **ret) _must_check_;

#endif
