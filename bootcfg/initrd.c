// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/archive-lib.h"
#include "bootcfg/initrd.h"
#include "bootcfg/stretch.h"

#define BLOCK_SIZE (128 << 10) /* bytes read at once */
#define STRETCHES_MAX 1000 /* that are compressed: each costs far more than its bytes */

/* The file itself, bytes from `start` of the buffer being those at `offset` of the file. */
struct raw_stream {
	struct cpio_stream stream; /* first: its read() gets a pointer to it */
	int fd;
	uint64_t size; /* of the file */
	char *block;
	uint64_t block_start; /* offset of its first byte */
	size_t block_size;
};

/* What is inside of a compressed stretch of it. */
struct inner_stream {
	struct cpio_stream stream; /* first */
	struct archive_lib lib; /* loaded with the first one */
	struct archive *archive; /* NULL outside of one */
	const char *data; /* libarchive's, not handed out yet */
	size_t size;
	uint64_t max; /* bytes that there may be */
	int error; /* -errno that libarchive's callback got */
	bool ended;
};

struct initrd {
	struct raw_stream raw;
	struct inner_stream inner;
	struct cpio outer_cpio, inner_cpio;
	uint64_t inner_start; /* offset of the compressed stretch */
	uint64_t inner_end; /* offset behind it; 0: libarchive finds it */
	uint64_t given; /* offset up to which libarchive got the file */
	uint64_t left; /* bytes that may yet be unpacked */
	unsigned archives; /* likewise */
	unsigned stretches;
	const char *compression; /* of the stretch; NULL outside */
};

/* --- the file ---------------------------------------------------------------------------------- */

static int fill(struct raw_stream *raw, uint64_t offset)
{
	ssize_t n;

	if (offset >= raw->block_start && offset - raw->block_start < raw->block_size)
		return 0;
	do
		n = pread(raw->fd, raw->block, BLOCK_SIZE, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	raw->block_start = offset;
	raw->block_size = (size_t)n;
	return 0;
}

/* The bytes that are at hand from an offset on; 0 at the end. */
static ssize_t at_hand(struct raw_stream *raw, uint64_t offset, const char **ret)
{
	size_t begin;
	int r;

	if (offset >= raw->size)
		return 0;
	r = fill(raw, offset);
	if (r < 0)
		return r;
	begin = (size_t)(offset - raw->block_start);
	*ret = raw->block + begin;
	return begin < raw->block_size ? (ssize_t)(raw->block_size - begin) : 0;
}

static ssize_t raw_read(struct cpio_stream *stream, void *buf, size_t size)
{
	struct raw_stream *raw = (struct raw_stream *)stream;
	size_t done = 0;

	if (!buf) {
		uint64_t left = raw->size > stream->offset ? raw->size - stream->offset : 0;

		done = left < size ? (size_t)left : size;
		stream->offset += done;
		return (ssize_t)done;
	}
	while (done < size) {
		const char *data;
		ssize_t n = at_hand(raw, stream->offset, &data);

		if (n <= 0)
			return n < 0 ? n : (ssize_t)done;
		if ((size_t)n > size - done)
			n = (ssize_t)(size - done);
		memcpy((char *)buf + done, data, (size_t)n);
		done += (size_t)n;
		stream->offset += (uint64_t)n;
	}
	return (ssize_t)done;
}

/* --- what is compressed ------------------------------------------------------------------------ */

struct compression {
	const char *name;
	const char *magic;
	size_t magic_size;
	int filter; /* ARCHIVE_FILTER_ */
	uint64_t (*end)(int fd, uint64_t start);
};

/* Those of lib/decompress.c; lz4 in its old format only. libarchive has lzo by a program alone. */
static const struct compression compressions[] = {
	{"gzip", "\x1f\x8b", 2, ARCHIVE_FILTER_GZIP, NULL},
	{"bzip2", "BZh", 3, ARCHIVE_FILTER_BZIP2, NULL},
	{"lzma", "\x5d\0\0", 3, ARCHIVE_FILTER_LZMA, NULL},
	{"xz", "\xfd\x37zXZ", 5, ARCHIVE_FILTER_XZ, stretch_end_xz},
	{"lzo", "\x89LZO", 4, ARCHIVE_FILTER_NONE, NULL},
	{"lz4", "\x02\x21\x4c\x18", 4, ARCHIVE_FILTER_LZ4, stretch_end_lz4},
	{"zstd", "\x28\xb5\x2f\xfd", 4, ARCHIVE_FILTER_ZSTD, stretch_end_zstd},
};

/* archive_read_callback: another block of the file. */
static la_ssize_t give(_unused_ struct archive *archive, void *data, const void **ret)
{
	struct initrd *initrd = data;
	const char *block;
	ssize_t n = at_hand(&initrd->raw, initrd->given, &block);

	if (n < 0) {
		initrd->inner.error = (int)n;
		return -1;
	}
	if (initrd->inner_end && (uint64_t)n > initrd->inner_end - initrd->given)
		n = (ssize_t)(initrd->inner_end - initrd->given);
	initrd->given += (uint64_t)n;
	*ret = block;
	return n;
}

static int inner_failed(struct inner_stream *inner)
{
	if (inner->error)
		return inner->error;
	return inner->lib.archive_errno(inner->archive) == ENOMEM ? -ENOMEM : -EBADMSG;
}

static ssize_t inner_read(struct cpio_stream *stream, void *buf, size_t size)
{
	struct inner_stream *inner = (struct inner_stream *)stream;
	size_t done = 0;

	while (done < size) {
		size_t n = size - done;

		if (!inner->size) {
			const void *data;
			la_int64_t offset;
			int r = inner->ended
					? ARCHIVE_EOF
					: inner->lib.archive_read_data_block(inner->archive, &data,
									     &inner->size, &offset);

			inner->ended |= r == ARCHIVE_EOF;
			if (r == ARCHIVE_EOF)
				break;
			if (r != ARCHIVE_OK)
				return inner_failed(inner);
			inner->data = data;
			continue;
		}
		if (n > inner->size)
			n = inner->size;
		if (buf)
			memcpy((char *)buf + done, inner->data, n);
		inner->data += n;
		inner->size -= n;
		done += n;
		stream->offset += n;
		if (stream->offset > inner->max)
			return -E2BIG;
	}
	return (ssize_t)done;
}

static const struct compression *compression_at(struct initrd *initrd, uint64_t offset)
{
	const char *data;
	ssize_t n;

	/* The magic may be torn in two by the block. */
	initrd->raw.block_size = 0;
	n = at_hand(&initrd->raw, offset, &data);
	for (size_t i = 0; i < ARRAY_SIZE(compressions); i++)
		if (n >= (ssize_t)compressions[i].magic_size &&
		    !memcmp(data, compressions[i].magic, compressions[i].magic_size))
			return &compressions[i];
	return NULL;
}

static int enable(const struct compression *compression, const struct inner_stream *inner)
{
	const struct archive_lib *lib = &inner->lib;

	/* ARCHIVE_WARN: it would run a program. */
	if (compression->filter == ARCHIVE_FILTER_NONE ||
	    lib->archive_read_support_filter_by_code(inner->archive, compression->filter) !=
		    ARCHIVE_OK)
		return -ENOTSUP;
	/* Nothing may be in it too. */
	if (lib->archive_read_support_format_raw(inner->archive) != ARCHIVE_OK ||
	    lib->archive_read_support_format_empty(inner->archive) != ARCHIVE_OK)
		return -ENOMEM;
	return 0;
}

static int begin_inner(struct initrd *initrd, const struct compression *compression,
		       uint64_t offset)
{
	struct inner_stream *inner = &initrd->inner;
	struct archive_entry *entry;
	int r;

	*inner = (struct inner_stream){
		.stream.read = inner_read, .lib = inner->lib, .max = initrd->left};
	initrd->compression = compression->name;
	if (!inner->lib.archive_read_new) {
		r = archive_lib_load(&inner->lib);
		if (r < 0)
			return r;
	}
	inner->archive = inner->lib.archive_read_new();
	if (!inner->archive)
		return -ENOMEM;
	initrd->inner_start = initrd->given = offset;
	initrd->inner_end = compression->end ? compression->end(initrd->raw.fd, offset) : 0;
	cpio_init(&initrd->inner_cpio, &inner->stream);
	r = enable(compression, inner);
	if (r < 0)
		return r;
	if (inner->lib.archive_read_open(inner->archive, initrd, NULL, give, NULL) != ARCHIVE_OK)
		return inner_failed(inner);
	r = inner->lib.archive_read_next_header(inner->archive, &entry);
	inner->ended = r == ARCHIVE_EOF;
	return r == ARCHIVE_OK || r == ARCHIVE_EOF ? 0 : inner_failed(inner);
}

/* Goes on in the file behind what the decompressor used of it. */
static int end_inner(struct initrd *initrd)
{
	la_int64_t used = initrd->inner.lib.archive_filter_bytes(initrd->inner.archive, -1);
	uint64_t end = initrd->inner_end ? initrd->inner_end : initrd->inner_start + (uint64_t)used;

	if (used <= 0)
		return -EBADMSG;
	initrd->left -= initrd->inner.stream.offset;
	initrd->archives += initrd->inner_cpio.archives;
	initrd->inner.lib.archive_read_free(initrd->inner.archive);
	initrd->inner.archive = NULL;
	initrd->compression = NULL;
	initrd->raw.stream.offset = end;
	initrd->archives += initrd->outer_cpio.archives;
	cpio_init(&initrd->outer_cpio, &initrd->raw.stream);
	return 0;
}

/* --- all of it --------------------------------------------------------------------------------- */

int initrd_open(int fd, uint64_t unpacked_max, struct initrd **ret)
{
	struct initrd *initrd;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	initrd = calloc(1, sizeof(*initrd));
	if (!initrd)
		return -ENOMEM;
	initrd->left = unpacked_max;
	initrd->raw = (struct raw_stream){
		.stream.read = raw_read,
		.fd = fd,
		.size = (uint64_t)st.st_size,
		.block = malloc(BLOCK_SIZE),
	};
	if (!initrd->raw.block) {
		free(initrd);
		return -ENOMEM;
	}
	cpio_init(&initrd->outer_cpio, &initrd->raw.stream);
	*ret = initrd;
	return 0;
}

void initrd_close(struct initrd *initrd)
{
	if (!initrd)
		return;
	if (initrd->inner.archive)
		initrd->inner.lib.archive_read_free(initrd->inner.archive);
	free(initrd->raw.block);
	free(initrd);
}

int initrd_fail(struct initrd *initrd, int error, struct diag *diag)
{
	switch (error) {
	case -ENOMEM:
		return diag_set(diag, error, NULL, 0, "out of memory");
	case -E2BIG:
		return diag_set(diag, -EBADMSG, NULL, 0,
				"this is no initramfs image: what is in it has no end");
	case -EFBIG:
		return diag_set(diag, -EBADMSG, NULL, 0,
				"a file or link in it is far too large for what it should be");
	case -ENOTSUP:
		return diag_set(diag, -EBADMSG, NULL, 0,
				"it is compressed by %s, which libarchive cannot take off here",
				initrd->compression);
	case -ELIBACC:
		return diag_set(
			diag, error, NULL, 0,
			"it is compressed by %s, and libarchive, which takes that off, is not "
			"installed: on Debian `apt-get install libarchive13`",
			initrd->compression);
	case -EBADMSG:
		if (initrd->compression)
			return diag_set(diag, error, NULL, 0,
					"the %s data in it are damaged, or hold no cpio archive",
					initrd->compression);
		return diag_set(diag, error, NULL, 0,
				"this is no initramfs image, or a damaged one: at byte %llu",
				(unsigned long long)initrd->raw.stream.offset);
	}
	return diag_set(diag, error, NULL, 0, "cannot be read: %s", strerror(-error));
}

/* 1: a member is in *ret; 0: the end; 2: look again. */
static int step(struct initrd *initrd, struct cpio **ret)
{
	const struct compression *compression;
	struct cpio *cpio = initrd->inner.archive ? &initrd->inner_cpio : &initrd->outer_cpio;
	uint64_t offset;
	int r = cpio_next(cpio);

	if (r == CPIO_MEMBER) {
		*ret = cpio;
		return 1;
	}
	if (initrd->inner.archive) {
		/*
		 * A decompressor that fails behind a whole archive has run into what follows its own
		 * data; where these end it does not say, so this is the end.
		 */
		if (r == -EBADMSG && !cpio->inside && cpio->archives)
			return 0;
		if (r == CPIO_OTHER)
			return -EBADMSG;
		if (r == CPIO_END)
			r = end_inner(initrd);
		return r < 0 ? r : 2;
	}
	if (r != CPIO_OTHER)
		return r;
	offset = initrd->raw.stream.offset - 1;
	compression = compression_at(initrd, offset);
	/* The kernel complains of what it does not know, and goes on with what it has. */
	if (!compression)
		return initrd->archives + initrd->outer_cpio.archives ? 0 : -EBADMSG;
	if (initrd->stretches++ == STRETCHES_MAX)
		return -EBADMSG;
	r = begin_inner(initrd, compression, offset);
	return r < 0 ? r : 2;
}

int initrd_next(struct initrd *initrd, struct cpio **ret, struct diag *diag)
{
	int r;

	do
		r = step(initrd, ret);
	while (r == 2);
	/* Nothing at all is no image either. */
	if (r == 0 && !initrd->archives && !initrd->outer_cpio.archives &&
	    !initrd->inner_cpio.archives)
		r = -EBADMSG;
	return r < 0 ? initrd_fail(initrd, r, diag) : r;
}
