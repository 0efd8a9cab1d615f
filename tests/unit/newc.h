/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Initramfs images for tests, made byte by byte. */
#ifndef TESTS_UNIT_NEWC_H
#define TESTS_UNIT_NEWC_H

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "tests/unit/fixture.h"

struct bytes {
	char *data;
	size_t size;
};

static inline void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
}
#define _cleanup_bytes_ _cleanup_(bytes_free)

static inline void add_bytes(struct bytes *bytes, const void *data, size_t size)
{
	bytes->data = realloc(bytes->data, bytes->size + size + 1);
	assert_non_null(bytes->data);
	if (size)
		memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

static inline void add_zeros(struct bytes *bytes, size_t count)
{
	char *zeros = calloc(1, count + 1);

	assert_non_null(zeros);
	add_bytes(bytes, zeros, count);
	free(zeros);
}

static inline void align(struct bytes *bytes, size_t to)
{
	while (bytes->size % to)
		add_zeros(bytes, 1);
}

struct newc {
	const char *name;
	uint32_t mode;
	const char *body; /* NULL: none */
	uint32_t body_size; /* 0: strlen(body) */
	uint32_t ino, nlink;
};

static inline void add_member(struct bytes *bytes, struct newc member)
{
	uint32_t size = member.body_size ? member.body_size
			: member.body	 ? (uint32_t)strlen(member.body)
					 : 0;
	char header[111];

	snprintf(header, sizeof(header),
		 "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", member.ino,
		 member.mode, 0U, 0U, member.nlink ? member.nlink : 1, 0U, size, 0U, 0U, 0U, 0U,
		 (unsigned)strlen(member.name) + 1, 0U);
	add_bytes(bytes, header, 110);
	add_bytes(bytes, member.name, strlen(member.name) + 1);
	align(bytes, 4);
	if (size)
		add_bytes(bytes, member.body, size);
	align(bytes, 4);
}

static inline void add_file(struct bytes *bytes, const char *name, const char *text)
{
	add_member(bytes, (struct newc){.name = name, .mode = 0100644, .body = text});
}

static inline void add_program(struct bytes *bytes, const char *name)
{
	add_member(bytes, (struct newc){.name = name, .mode = 0100755, .body = "\177ELF"});
}

static inline void add_directory(struct bytes *bytes, const char *name)
{
	add_member(bytes, (struct newc){.name = name, .mode = 040755, .nlink = 2});
}

static inline void add_link(struct bytes *bytes, const char *name, const char *target)
{
	add_member(bytes, (struct newc){.name = name, .mode = 0120777, .body = target});
}

static inline void add_trailer(struct bytes *bytes)
{
	add_member(bytes, (struct newc){.name = "TRAILER!!!"});
}

/* Microcode, as dracut puts it first: an archive that is not compressed, filled up to a block. */
static inline void add_microcode(struct bytes *bytes)
{
	add_directory(bytes, "kernel/x86/microcode");
	add_file(bytes, "kernel/x86/microcode/AuthenticAMD.bin", "not really");
	add_file(bytes, "early_cpio", "1\n");
	add_trailer(bytes);
	align(bytes, 512);
}

/* A literal run of the old format of lz4, the one that kernels read. */
static inline void add_lz4(struct bytes *to, const struct bytes *from)
{
	struct bytes block = {.data = NULL};
	size_t left = from->size - 15;
	unsigned char size[4];

	add_bytes(&block, "\xf0", 1);
	for (; left >= 255; left -= 255)
		add_bytes(&block, "\xff", 1);
	add_bytes(&block, &(unsigned char){(unsigned char)left}, 1);
	add_bytes(&block, from->data, from->size);
	for (unsigned i = 0; i < 4; i++)
		size[i] = (unsigned char)(block.size >> 8 * i);
	add_bytes(to, "\x02\x21\x4c\x18", 4);
	add_bytes(to, size, 4);
	add_bytes(to, block.data, block.size);
	bytes_free(&block);
}

/* Appends from, compressed: "gzip", "bzip2", "xz", "lzma", "zstd", "lz4". */
static inline void add_compressed(struct bytes *to, const char *how, const struct bytes *from)
{
	struct archive_entry *entry = archive_entry_new();
	struct archive *archive = archive_write_new();
	size_t space = 2 * from->size + 65536, used = 0;
	char *buf = malloc(space);

	assert_true(buf && entry && archive);
	if (!strcmp(how, "lz4")) {
		add_lz4(to, from);
	} else {
		assert_int_equal(archive_write_add_filter_by_name(archive, how), ARCHIVE_OK);
		assert_int_equal(archive_write_set_format_raw(archive), ARCHIVE_OK);
		assert_int_equal(archive_write_set_bytes_in_last_block(archive, 1), ARCHIVE_OK);
		assert_int_equal(archive_write_open_memory(archive, buf, space, &used), ARCHIVE_OK);
		archive_entry_set_pathname(entry, "data");
		archive_entry_set_filetype(entry, 0100000);
		assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
		assert_int_equal(archive_write_data(archive, from->data, from->size), from->size);
		assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
		add_bytes(to, buf, used);
	}
	archive_write_free(archive);
	archive_entry_free(entry);
	free(buf);
}

#endif
