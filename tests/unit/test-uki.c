// SPDX-License-Identifier: GPL-2.0-or-later
/* Unified kernel images: what is read of them, and torn ones. */
#include <string.h>
#include <sys/mman.h>

#include "bootcfg/uki.h"
#include "tests/unit/fixture.h"

struct section {
	const char *name, *data;
	uint32_t size, at; /* where they are not those of data */
};

#define HEADERS_AT 64
#define TABLE_AT (HEADERS_AT + 24)

static void put32(unsigned char *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char)(value >> 8 * i);
}

/* A PE file of these sections; returns its size. */
static size_t make(unsigned char buf[static 4096], const struct section *sections, size_t count)
{
	size_t at = TABLE_AT + 40 * count;

	memset(buf, 0, 4096);
	memcpy(buf, "MZ", 2);
	put32(buf + 0x3c, HEADERS_AT);
	memcpy(buf + HEADERS_AT, "PE\0\0", 4);
	buf[HEADERS_AT + 6] = (unsigned char)count;
	for (size_t i = 0; i < count; i++) {
		unsigned char *header = buf + TABLE_AT + 40 * i;
		uint32_t size = (uint32_t)strlen(sections[i].data);

		memcpy(header, sections[i].name, strnlen(sections[i].name, 8));
		put32(header + 8, sections[i].size ? sections[i].size : size);
		put32(header + 16, sections[i].size ? sections[i].size : size);
		put32(header + 20, sections[i].at ? sections[i].at : (uint32_t)at);
		memcpy(buf + at, sections[i].data, size);
		at += size;
	}
	return at;
}

static int parse(const unsigned char *data, size_t size, struct uki *ret)
{
	_cleanup_close_ int fd = memfd_create("uki", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	return uki_parse(fd, ret);
}

static const struct section whole[] = {
	{.name = ".osrel", .data = "ID=x\n"},
	{.name = ".uname", .data = "6.9.1"},
	{.name = ".cmdline", .data = "root=UUID=1 ro \n"},
	{.name = ".linux", .data = "kernel"},
	{.name = ".profile", .data = "ID=other\n"},
	{.name = ".cmdline", .data = "other"},
};

static void sections_are_read(_unused_ void **state)
{
	unsigned char buf[4096];
	struct uki uki = {.cmdline = NULL};
	size_t size = make(buf, whole, ARRAY_SIZE(whole));

	assert_int_equal(parse(buf, size, &uki), 0);
	assert_string_equal(uki.cmdline, "root=UUID=1 ro");
	assert_string_equal(uki.uname, "6.9.1");
	assert_true(uki.has_linux);
	uki_free(&uki);
	/* Only of the base profile. */
	size = make(buf, whole + 3, 3);
	assert_int_equal(parse(buf, size, &uki), 0);
	assert_null(uki.cmdline);
	uki_free(&uki);
	/* An add-on boots nothing. */
	size = make(buf, whole + 2, 1);
	assert_int_equal(parse(buf, size, &uki), 0);
	assert_false(uki.has_linux);
	uki_free(&uki);
}

static void every_prefix_is_torn(_unused_ void **state)
{
	unsigned char buf[4096];
	size_t size = make(buf, whole, 3);

	for (size_t i = 0; i < size; i++) {
		struct uki uki = {.uname = (char *)"untouched"};

		assert_int_equal(parse(buf, i, &uki), -EBADMSG);
		assert_string_equal(uki.uname, "untouched");
	}
}

static void sizes_that_lie(_unused_ void **state)
{
	static const struct section beyond = {.name = ".cmdline", .data = "x", .at = 0xfffffff0};
	static const struct section longer = {.name = ".cmdline", .data = "x", .size = 4000};
	static const struct section huge = {.name = ".cmdline", .data = "x", .size = 0xffffffff};
	unsigned char buf[4096];
	struct uki uki = {.cmdline = NULL};

	assert_int_equal(parse(buf, make(buf, &beyond, 1), &uki), -EBADMSG);
	assert_int_equal(parse(buf, make(buf, &longer, 1), &uki), -EBADMSG);
	assert_int_equal(parse(buf, make(buf, &huge, 1), &uki), 0);
	assert_null(uki.cmdline);
	make(buf, whole, 1);
	put32(buf + 0x3c, 0xffffffff);
	assert_int_equal(parse(buf, sizeof(buf), &uki), -EBADMSG);
	make(buf, whole, 1);
	buf[HEADERS_AT + 7] = 0xff;
	assert_int_equal(parse(buf, sizeof(buf), &uki), -EBADMSG);
	make(buf, whole, 1);
	buf[1] = 'X';
	assert_int_equal(parse(buf, sizeof(buf), &uki), -EBADMSG);
}

static void files_of_other_kinds(void **state)
{
	struct fixture *f = *state;
	struct uki uki;
	struct diag diag = DIAG_INIT;

	put(f, "efi/EFI/Linux/a.efi", "MZ");
	machine_open(f);
	assert_int_equal(uki_read(&f->root, "efi/EFI/Linux/a.efi", &uki, &diag), -EBADMSG);
	assert_string_equal(diag.file, "/efi/EFI/Linux/a.efi");
	assert_int_equal(uki_read(&f->root, "efi/EFI/Linux", &uki, &diag), -ENOTSUP);
	assert_int_equal(uki_read(&f->root, "efi/b.efi", &uki, &diag), -ENOENT);
}

static void initrd_is_taken_out(void **state)
{
	static const struct section sections[] = {
		{.name = ".linux", .data = "kernel"},
		{.name = ".initrd", .data = "070701"},
		{.name = ".profile", .data = "ID=other\n"},
		{.name = ".initrd", .data = "other"},
	};
	static const struct section cut = {.name = ".initrd", .data = "x", .size = 4000};
	static const struct section huge = {.name = ".initrd", .data = "x", .size = 0xffffffff};
	struct fixture *f = *state;
	struct diag diag = DIAG_INIT;
	unsigned char buf[4096];
	_cleanup_close_ int fd = -1;
	struct uki uki;
	char text[16];

	put_bytes(f, "a.efi", buf, make(buf, sections, ARRAY_SIZE(sections)));
	put_bytes(f, "none.efi", buf, make(buf, sections, 1));
	put_bytes(f, "cut.efi", buf, make(buf, &cut, 1));
	put_bytes(f, "huge.efi", buf, make(buf, &huge, 1));
	machine_open(f);
	assert_int_equal(uki_read(&f->root, "a.efi", &uki, &diag), 0);
	assert_int_equal(uki_initrd(&f->root, "a.efi", &uki, &fd), 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 6);
	assert_memory_equal(text, "070701", 6);
	close_fd(&fd);
	fd = -1;
	assert_int_equal(uki_read(&f->root, "none.efi", &uki, &diag), 0);
	assert_int_equal(uki_initrd(&f->root, "none.efi", &uki, &fd), -ENOENT);
	assert_int_equal(uki_read(&f->root, "cut.efi", &uki, &diag), 0);
	assert_int_equal(uki_initrd(&f->root, "cut.efi", &uki, &fd), -EBADMSG);
	assert_int_equal(uki_read(&f->root, "huge.efi", &uki, &diag), 0);
	assert_int_equal(uki_initrd(&f->root, "huge.efi", &uki, &fd), -EFBIG);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_are_read),	  cmocka_unit_test(every_prefix_is_torn),
		cmocka_unit_test(sizes_that_lie),	  cmocka_machine_test(files_of_other_kinds),
		cmocka_machine_test(initrd_is_taken_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
