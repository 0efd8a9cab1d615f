// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <string.h>

#include "bootcfg/stretch.h"
#include "early/cleanup.h"

/* Exactly size bytes, or false. */
static bool get(int fd, uint64_t at, uint8_t *buf, size_t size)
{
	ssize_t n;

	do
		n = pread(fd, buf, size, (off_t)at);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size;
}

/* True where the file goes at least as far. */
static bool reaches(int fd, uint64_t end)
{
	uint8_t byte;

	return get(fd, end - 1, &byte, 1);
}

/* --- zstd: a frame ----------------------------------------------------------------------------- */

uint64_t stretch_end_zstd(int fd, uint64_t start)
{
	static const uint8_t id_sizes[] = {0, 1, 2, 4}, content_sizes[] = {0, 2, 4, 8};
	uint8_t descriptor, block[3];
	bool single, last = false;
	uint64_t at = start + 4;

	if (!get(fd, at++, &descriptor, 1))
		return 0;
	single = descriptor & 0x20;
	at += !single; /* the window */
	at += id_sizes[descriptor & 3] + content_sizes[descriptor >> 6];
	at += single && !(descriptor >> 6);
	while (!last) {
		uint32_t header;

		if (!get(fd, at, block, sizeof(block)))
			return 0;
		header = block[0] | (uint32_t)block[1] << 8 | (uint32_t)block[2] << 16;
		last = header & 1;
		at += sizeof(block);
		switch (header >> 1 & 3) {
		case 1: /* one byte, repeated */
			at += 1;
			break;
		case 3:
			return 0;
		default:
			at += header >> 3;
		}
	}
	at += descriptor & 4; /* a checksum, of as many bytes */
	return reaches(fd, at) ? at : 0;
}

/* --- lz4: blocks up to one of size 0 ----------------------------------------------------------- */

#define LZ4_BLOCK_MAX ((8U << 20) + (8U << 20) / 255 + 16) /* 8 MiB that do not compress */

uint64_t stretch_end_lz4(int fd, uint64_t start)
{
	uint64_t at = start + 4;

	for (;;) {
		uint8_t b[4];
		uint32_t size;

		/* The end of the file is that of the data too. */
		if (!get(fd, at, b, sizeof(b)))
			return reaches(fd, at) ? at : 0;
		size = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
		if (size == 0 || size > LZ4_BLOCK_MAX)
			return at;
		at += 4 + (uint64_t)size;
	}
}

/* --- xz: a stream of blocks, an index, a footer ------------------------------------------------ */

/* The chunks of a block: 0, or the offset behind the byte that ends them. */
static uint64_t end_of_chunks(int fd, uint64_t at)
{
	for (;;) {
		uint8_t header[5];

		if (!get(fd, at, header, 1))
			return 0;
		if (header[0] == 0)
			return at + 1;
		if (header[0] < 3) {
			if (!get(fd, at, header, 3))
				return 0;
			at += 3 + ((uint64_t)header[1] << 8 | header[2]) + 1;
		} else if (header[0] >= 0x80) {
			if (!get(fd, at, header, 5))
				return 0;
			at += 5 + (header[0] >= 0xc0) + ((uint64_t)header[3] << 8 | header[4]) + 1;
		} else {
			return 0;
		}
	}
}

static bool get_number(int fd, uint64_t *at, uint64_t *ret)
{
	uint64_t value = 0;
	uint8_t byte;

	for (unsigned shift = 0; shift < 63; shift += 7) {
		if (!get(fd, (*at)++, &byte, 1))
			return false;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

static uint64_t up_to_4(uint64_t from, uint64_t at)
{
	return from + (at - from + 3) / 4 * 4;
}

uint64_t stretch_end_xz(int fd, uint64_t start)
{
	static const uint8_t check_sizes[] = {0,  4,  4,  4,  8,  8,  8,  16,
					      16, 16, 32, 32, 32, 64, 64, 64};
	uint64_t at = start + 12, begin, records, ignored;
	uint8_t check, size;

	if (!get(fd, start + 7, &check, 1) || check >= sizeof(check_sizes))
		return 0;
	for (;;) {
		if (!get(fd, at, &size, 1))
			return 0;
		begin = at;
		if (size == 0)
			break;
		at = end_of_chunks(fd, at + ((uint64_t)size + 1) * 4);
		if (!at)
			return 0;
		at = up_to_4(begin, at) + check_sizes[check];
	}
	at++;
	if (!get_number(fd, &at, &records))
		return 0;
	for (; records; records--)
		if (!get_number(fd, &at, &ignored) || !get_number(fd, &at, &ignored))
			return 0;
	at = up_to_4(begin, at) + 4 + 12;
	return reaches(fd, at) ? at : 0;
}
