// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Initramfs images, for libFuzzer: whatever a file holds, reading it ends, within its bounds, and says
 * the same every time; what is no image has a printable reason.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "bootcfg/initrd-content.h"
#include "bootcfg/initrd-tree.h"
#include "bootcfg/stretch.h"

/* A zstd block of four bytes may stand for 128 KiB: no input may cost seconds. */
#define UNPACKED_MAX (4 << 20)

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(int error, const struct diag *diag)
{
	CHECK(error == -EBADMSG);
	CHECK(diag->text[0] && strlen(diag->text) < sizeof(diag->text));
	for (const char *at = diag->text; *at; at++)
		CHECK(*at >= 0x20 && *at <= 0x7e);
}

/* Members, with all bodies read that are not large; their count, or -1. */
static long walk(int fd, size_t size)
{
	_cleanup_initrd_ struct initrd *initrd = NULL;
	struct diag diag = DIAG_INIT;
	struct cpio *cpio = NULL;
	long count = 0;
	int r;

	CHECK(initrd_open(fd, UNPACKED_MAX, &initrd) == 0);
	while ((r = initrd_next(initrd, &cpio, &diag)) > 0) {
		const char *name = cpio->member.name;
		char *body = NULL;

		CHECK(strlen(name) < CPIO_NAME_MAX);
		CHECK(name[0] != '/' && strncmp(name, "./", 2) != 0 && !strstr(name, "//"));
		if (count++ % 2)
			continue;
		r = cpio_body(cpio, 1000, &body);
		if (r == 0) {
			CHECK(cpio->member.size <= 1000 && body[cpio->member.size] == '\0');
			free(body);
		} else if (r == -EFBIG) {
			CHECK(cpio->member.size > 1000);
		} else {
			check_error(initrd_fail(initrd, r, &diag), &diag);
			return -1;
		}
	}
	/* Each has a header; what is compressed is at most as long as it may unpack to. */
	CHECK((uint64_t)count * 110 <= size + UNPACKED_MAX);
	if (r < 0)
		check_error(r, &diag);
	return r < 0 ? -1 : count;
}

static void check_stretches(int fd, size_t size)
{
	uint64_t (*const ends[])(int, uint64_t) = {stretch_end_zstd, stretch_end_xz,
						   stretch_end_lz4};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		uint64_t end = ends[i](fd, 0);

		CHECK(end == 0 || (end >= 4 && end <= size));
	}
}

static void check_tree(int fd)
{
	struct initrd_content once = {.made_by = NULL}, again = {.made_by = NULL};
	struct diag diag = DIAG_INIT, diag_again = DIAG_INIT;
	int r = initrd_content_read(fd, &once, &diag);

	CHECK(initrd_content_read(fd, &again, &diag_again) == r);
	CHECK(!strcmp(diag.text, diag_again.text));
	if (r < 0) {
		check_error(r, &diag);
		return;
	}
	CHECK(once.made_by == again.made_by && !strcmp(once.kernel, again.kernel));
	CHECK(once.profile_bad == again.profile_bad && once.has_early == again.has_early);
	CHECK(once.profile.entry_count == again.profile.entry_count);
	if (!once.profile_bad && once.has_early) {
		CHECK(initrd_content_agrees(&once, &again.profile));
		CHECK(initrd_content_agrees(&again, &once.profile));
	}
	initrd_content_free(&once);
	initrd_content_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	long count;

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	check_stretches(fd, size);
	count = walk(fd, size);
	CHECK(walk(fd, size) == count);
	if (count >= 0)
		check_tree(fd);
	return 0;
}
