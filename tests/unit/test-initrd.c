// SPDX-License-Identifier: GPL-2.0-or-later
/* Initramfs images: what the kernel would find in them, and what early would. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "bootcfg/initrd-content.h"
#include "bootcfg/initrd-tree.h"
#include "tests/unit/newc.h"

#define PROFILE "[device gpu]\naddress = 0000:0b:00.0\nid = 1002:73bf\n"
#define OTHER "[device other]\naddress = 0000:0c:00.0\nid = 1002:73bf\n"
#define UNPACKED_MAX (1 << 20)
#define EARLY "usr/lib/vfio-bootcfg/vfio-early"

static int file_of(const struct bytes *image)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, image->data, image->size), image->size);
	return fd;
}

/* --- walking ----------------------------------------------------------------------------------- */

/* The names in their order, with a blank between; or the error. */
static int names_in(const struct bytes *image, char *ret, size_t size)
{
	_cleanup_close_ int fd = file_of(image);
	_cleanup_initrd_ struct initrd *initrd = NULL;
	struct diag diag = DIAG_INIT;
	struct cpio *cpio = NULL;
	size_t used = 0;
	int r;

	*ret = '\0';
	assert_int_equal(initrd_open(fd, UNPACKED_MAX, &initrd), 0);
	while ((r = initrd_next(initrd, &cpio, &diag)) > 0)
		used += (size_t)snprintf(ret + used, size - used, "%s%s", used ? " " : "",
					 cpio->member.name);
	assert_int_equal(r < 0, diag.text[0] != '\0');
	return r;
}

static void assert_names(const struct bytes *image, const char *expected)
{
	char names[4096];
	int r = names_in(image, names, sizeof(names));

	assert_string_equal(names, expected);
	assert_int_equal(r, 0);
}

static void assert_broken(const struct bytes *image)
{
	char names[4096];

	assert_int_equal(names_in(image, names, sizeof(names)), -EBADMSG);
}

static void test_plain(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};

	add_directory(&image, ".");
	add_directory(&image, "./etc");
	add_file(&image, "etc/odd", "x");
	add_file(&image, "/etc//./longer", "12345");
	add_trailer(&image);
	assert_names(&image, "etc etc/odd etc/longer");
	/* Zeros between archives and at the end, also in other counts than a block's. */
	align(&image, 512);
	add_zeros(&image, 4);
	add_file(&image, "second", "");
	add_trailer(&image);
	add_zeros(&image, 3);
	assert_names(&image, "etc etc/odd etc/longer second");
}

static void test_bodies(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};
	_cleanup_close_ int fd = -1;
	_cleanup_initrd_ struct initrd *initrd = NULL;
	struct diag diag = DIAG_INIT;
	struct cpio *cpio = NULL;
	char *body = NULL;

	add_file(&image, "one", "first");
	add_file(&image, "two", "second one");
	add_file(&image, "three", "");
	add_trailer(&image);
	fd = file_of(&image);
	assert_int_equal(initrd_open(fd, UNPACKED_MAX, &initrd), 0);
	assert_int_equal(initrd_next(initrd, &cpio, &diag), 1);
	assert_int_equal(cpio_body(cpio, 5, &body), 0);
	assert_string_equal(body, "first");
	free(body);
	assert_int_equal(initrd_next(initrd, &cpio, &diag), 1);
	assert_int_equal(cpio_body(cpio, 9, &body), -EFBIG);
	assert_int_equal(cpio_body(cpio, 10, &body), 0);
	assert_string_equal(body, "second one");
	free(body);
	assert_int_equal(initrd_next(initrd, &cpio, &diag), 1);
	assert_int_equal(cpio_body(cpio, 9, &body), 0);
	assert_string_equal(body, "");
	free(body);
	assert_int_equal(initrd_next(initrd, &cpio, &diag), 0);
}

static const char *const kinds[] = {"gzip", "bzip2", "xz", "lzma", "zstd", "lz4"};

static void add_main(struct bytes *bytes)
{
	/* More than one block of any decompressor, and not all the same. */
	_cleanup_free_ char *body = malloc(300000);
	unsigned seed = 1;

	assert_non_null(body);
	for (size_t i = 0; i < 300000; i++)
		body[i] = (char)((seed = seed * 1103515245 + 12345) >> 16);
	add_directory(bytes, "usr");
	add_member(
		bytes,
		(struct newc){.name = "big", .mode = 0100644, .body = body, .body_size = 300000});
	add_file(bytes, "usr/last", "x");
	add_trailer(bytes);
	align(bytes, 512);
}

static void test_compressed(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes main = {.data = NULL};

	add_main(&main);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_bytes_ struct bytes image = {.data = NULL};

		add_compressed(&image, kinds[i], &main);
		assert_names(&image, "usr big usr/last");
	}
}

static void test_microcode_first(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes main = {.data = NULL};

	add_main(&main);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_bytes_ struct bytes image = {.data = NULL};

		add_microcode(&image);
		add_compressed(&image, kinds[i], &main);
		assert_names(&image, "kernel/x86/microcode kernel/x86/microcode/AuthenticAMD.bin "
				     "early_cpio usr big usr/last");
	}
}

/* As somebody appends a file to an image: padded, or another compressed one right behind. */
static void test_appended(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes main = {.data = NULL}, more = {.data = NULL};

	add_main(&main);
	add_file(&more, "more", "x");
	add_trailer(&more);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_bytes_ struct bytes image = {.data = NULL};

		add_compressed(&image, kinds[i], &main);
		add_compressed(&image, kinds[i], &more);
		assert_names(&image, "usr big usr/last more");
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_bytes_ struct bytes image = {.data = NULL};

		add_compressed(&image, kinds[i], &main);
		align(&image, 4);
		add_bytes(&image, more.data, more.size);
		assert_names(&image, "usr big usr/last more");
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_bytes_ struct bytes image = {.data = NULL};

		add_compressed(&image, kinds[i], &main);
		/* The size of another block of lz4, where there is no end. */
		align(&image, 4);
		add_zeros(&image, 4);
		add_compressed(&image, "gzip", &more);
		assert_names(&image, "usr big usr/last more");
	}
}

/* --- what is no image -------------------------------------------------------------------------- */

static void test_truncated(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes whole = {.data = NULL};
	size_t microcode;

	add_microcode(&whole);
	microcode = whole.size;
	add_directory(&whole, "etc");
	add_file(&whole, "etc/x", "text");
	add_trailer(&whole);
	for (size_t size = 0; size < whole.size; size++) {
		struct bytes image = {.data = whole.data, .size = size};
		char names[4096];
		int r = names_in(&image, names, sizeof(names));

		/* Only between the two is it whole; zeros are no more than that. */
		if (r == 0)
			assert_true(size <= microcode && size > microcode - 512);
		else
			assert_int_equal(r, -EBADMSG);
	}
	assert_names(&whole,
		     "kernel/x86/microcode kernel/x86/microcode/AuthenticAMD.bin early_cpio "
		     "etc etc/x");
}

static void test_truncated_compressed(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes main = {.data = NULL};

	add_main(&main);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_bytes_ struct bytes image = {.data = NULL};
		size_t whole;

		add_compressed(&image, kinds[i], &main);
		/* Not the last bytes: behind the archive there may be a checksum, which says nothing. */
		for (whole = image.size - 2000; image.size; image.size /= 2) {
			if (image.size > whole)
				image.size = whole;
			assert_broken(&image);
		}
		assert_broken(&image);
	}
}

/* By those that have checksums which are looked at. */
static void test_damaged(_unused_ void **state)
{
	static const char *const checked[] = {"xz", "bzip2"};
	_cleanup_bytes_ struct bytes main = {.data = NULL};

	add_main(&main);
	for (size_t i = 0; i < ARRAY_SIZE(checked); i++) {
		_cleanup_bytes_ struct bytes image = {.data = NULL};

		add_compressed(&image, checked[i], &main);
		memset(image.data + image.size / 2, 0x55, 4000);
		assert_broken(&image);
	}
}

static void test_bad_headers(_unused_ void **state)
{
	static const struct {
		size_t at;
		const char *bytes;
	} rows[] = {
		{0, "1"}, /* the magic */
		{5, "3"},	  {5, "7"}, /* the old format, 070707 */
		{6, "0000000g"}, /* numbers */
		{54, "+0000004"}, {54, " 0000004"}, {54, "ffffffff"}, /* sizes that lie */
		{54, "00000104"}, {94, "00000000"}, /* of the name */
		{94, "00000002"}, {94, "ffffffff"}, {94, "00002000"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_bytes_ struct bytes image = {.data = NULL};

		add_file(&image, "name", "body");
		add_trailer(&image);
		memcpy(image.data + rows[i].at, rows[i].bytes, strlen(rows[i].bytes));
		assert_broken(&image);
	}
}

/* With checksums (which the kernel does not look at), and upper case. */
static void test_odd_headers(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};

	add_file(&image, "name", "0123456789");
	image.data[5] = '2';
	memcpy(image.data + 54, "0000000A", 8);
	memcpy(image.data + 102, "ABCDEF01", 8);
	/* The end of an archive may have a body. */
	add_member(&image, (struct newc){.name = "TRAILER!!!", .body = "0707010"});
	add_file(&image, "next", "x");
	add_trailer(&image);
	assert_names(&image, "name next");
}

/* A name that the kernel passes over, and one with the NULs of an aligned archive behind it. */
static void test_names(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};
	char name[5000];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	add_file(&image, name, "x");
	name[4096] = '\0';
	add_file(&image, name, "x");
	add_file(&image, "padded\0\0\0\0\0\0", "x");
	/* "padded" has 7 bytes: make that 11, up to the next header. */
	add_file(&image, "last", "x");
	add_trailer(&image);
	assert_names(&image, "padded last");
	name[4095] = '\0';
	image.size = 0;
	add_file(&image, name, "x");
	add_trailer(&image);
	{
		char names[8192];

		assert_int_equal(names_in(&image, names, sizeof(names)), 0);
		assert_int_equal(strlen(names), 4095);
	}
	image.size = 0;
	add_bytes(&image,
		  "070701"
		  "00000001"
		  "000081a4"
		  "00000000"
		  "00000000"
		  "00000001"
		  "00000000"
		  "00000000"
		  "00000000"
		  "00000000"
		  "00000000"
		  "00000000"
		  "0000000a"
		  "00000000"
		  "name\0\0\0\0\0\0",
		  120);
	add_trailer(&image);
	assert_names(&image, "name");
	/* No NUL at the end of a name. */
	image.data[119] = 'x';
	assert_broken(&image);
}

static void test_no_image(_unused_ void **state)
{
	static const char *const texts[] = {"",
					    "x",
					    "#!/bin/sh\n",
					    "\x7f"
					    "ELF",
					    "0",
					    "070701",
					    "\x1f\x8b",
					    "\x28\xb5\x2f\xfd",
					    "\xfd"
					    "7zXZ",
					    "BZh9",
					    "\x02\x21\x4c\x18",
					    "\x89LZO\0\r\n\x1a\n"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_bytes_ struct bytes image = {.data = NULL};

		add_bytes(&image, texts[i], strlen(texts[i]));
		assert_broken(&image);
		add_zeros(&image, 600);
		assert_broken(&image);
	}
}

/* A compressed stretch with something else in it, with nothing in it, and one in another. */
static void test_strange_insides(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes text = {.data = NULL}, image = {.data = NULL};
	_cleanup_bytes_ struct bytes main = {.data = NULL}, once = {.data = NULL};

	add_bytes(&text, "this is not an archive", 22);
	add_compressed(&image, "gzip", &text);
	assert_broken(&image);
	image.size = 0;
	add_microcode(&image);
	add_compressed(&image, "zstd", &text);
	assert_broken(&image);
	/* Behind an archive that is whole, what is unknown is left alone, as by the kernel. */
	image.size = 0;
	add_microcode(&image);
	add_bytes(&image, "#BOOTCONFIG\n", 12);
	assert_names(&image,
		     "kernel/x86/microcode kernel/x86/microcode/AuthenticAMD.bin early_cpio");
	/* An archive that does not begin at a multiple of four is none. */
	image.size = 0;
	add_microcode(&image);
	add_zeros(&image, 2);
	add_file(&image, "lost", "x");
	add_trailer(&image);
	assert_names(&image,
		     "kernel/x86/microcode kernel/x86/microcode/AuthenticAMD.bin early_cpio");
	image.size = 0;
	add_file(&main, "x", "y");
	add_trailer(&main);
	text.size = 0;
	add_zeros(&text, 700);
	add_compressed(&image, "gzip", &text);
	add_compressed(&image, "gzip", &main);
	assert_names(&image, "x");
	/* Thousands of stretches would cost hours. */
	image.size = 0;
	add_compressed(&once, "gzip", &main);
	for (unsigned i = 0; i < 1100; i++) {
		add_bytes(&image, once.data, once.size);
		add_zeros(&image, 4);
	}
	assert_broken(&image);
}

/* Far more than there is room for, in one member and in many stretches. */
static void test_bomb(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes member = {.data = NULL}, image = {.data = NULL};

	add_member(&member, (struct newc){.name = "zeros", .mode = 0100644});
	memcpy(member.data + 54, "00200000", 8);
	add_zeros(&member, UNPACKED_MAX - member.size);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		image.size = 0;
		add_compressed(&image, kinds[i], &member);
		assert_broken(&image);
	}
	/* Each of them is small enough. */
	member.size = 0;
	add_member(&member, (struct newc){.name = "zeros", .mode = 0100644});
	memcpy(member.data + 54, "00080000", 8);
	add_zeros(&member, 0x80000);
	add_trailer(&member);
	image.size = 0;
	add_compressed(&image, "gzip", &member);
	assert_names(&image, "zeros");
	for (unsigned i = 0; i < 2; i++) {
		align(&image, 512);
		add_compressed(&image, "zstd", &member);
	}
	assert_broken(&image);
}

/* --- the tree ---------------------------------------------------------------------------------- */

static bool want_conf(const char *name)
{
	return strstr(name, ".conf") != NULL;
}

static struct initrd_tree tree_of(const struct bytes *image)
{
	_cleanup_close_ int fd = file_of(image);
	struct initrd_tree tree = {.count = 0};
	struct diag diag = DIAG_INIT;

	assert_int_equal(initrd_tree_load(fd, want_conf, &tree, &diag), 0);
	return tree;
}

static void assert_found(const struct initrd_tree *tree, const char *path, const char *name)
{
	const struct initrd_node *node = initrd_tree_find(tree, path);

	if (!name) {
		assert_null(node);
		return;
	}
	assert_non_null(node);
	assert_string_equal(node->name, name);
}

static void test_tree(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};
	_cleanup_initrd_tree_ struct initrd_tree tree = {.count = 0};

	add_link(&image, "lib", "usr/lib");
	add_link(&image, "usr/lib/x", "../../etc");
	add_directory(&image, "etc");
	add_file(&image, "etc/a.conf", "old");
	add_file(&image, "etc/b", "not asked for");
	add_link(&image, "etc/up", "../../../../usr/lib");
	add_link(&image, "etc/abs", "/etc/a.conf");
	add_link(&image, "etc/gone", "nowhere");
	add_link(&image, "etc/loop", "loop2");
	add_link(&image, "etc/loop2", "loop");
	add_link(&image, "etc/down", "down/x");
	add_trailer(&image);
	add_file(&image, "etc/a.conf", "new");
	add_trailer(&image);
	tree = tree_of(&image);
	assert_int_equal(tree.count, 11);
	assert_string_equal(initrd_tree_get(&tree, "etc/a.conf")->text, "new");
	assert_null(initrd_tree_get(&tree, "etc/b")->text);
	assert_string_equal(initrd_tree_get(&tree, "lib")->text, "usr/lib");
	assert_found(&tree, "etc/a.conf", "etc/a.conf");
	assert_found(&tree, "/etc/../etc/./a.conf", "etc/a.conf");
	assert_found(&tree, "lib/x/a.conf", "etc/a.conf");
	assert_found(&tree, "etc/up/x/abs", "etc/a.conf");
	assert_found(&tree, "../../etc/abs", "etc/a.conf");
	assert_found(&tree, "etc/gone", NULL);
	assert_found(&tree, "etc/loop", NULL);
	assert_found(&tree, "etc/down", NULL);
	assert_found(&tree, "etc", "etc");
	assert_found(&tree, "", NULL);
	assert_found(&tree, "etc/a", NULL);
	assert_ptr_equal(initrd_tree_entry(&tree, "usr/lib/x", "abs"),
			 initrd_tree_get(&tree, "etc/abs"));
	assert_null(initrd_tree_entry(&tree, "etc", "c"));
}

static void test_tree_list(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};
	_cleanup_initrd_tree_ struct initrd_tree tree = {.count = 0};
	struct initrd_list list;
	const char *base = NULL;

	add_file(&image, "d/sub/deep", "x"); /* d/sub itself is not in it */
	add_file(&image, "d/z", "x");
	add_file(&image, "d.x", "x");
	add_file(&image, "d0", "x");
	add_file(&image, "d/a", "x");
	add_link(&image, "l", "d");
	add_trailer(&image);
	tree = tree_of(&image);
	list = initrd_tree_list(&tree, "l");
	assert_non_null(initrd_list_next(&list, &base));
	assert_string_equal(base, "a");
	assert_non_null(initrd_list_next(&list, &base));
	assert_string_equal(base, "z");
	assert_null(initrd_list_next(&list, &base));
	list = initrd_tree_list(&tree, "d/sub");
	assert_non_null(initrd_list_next(&list, &base));
	assert_string_equal(base, "deep");
	list = initrd_tree_list(&tree, "nowhere");
	assert_null(initrd_list_next(&list, &base));
}

/* --- the profile in it ------------------------------------------------------------------------- */

static struct initrd_content content_of(const struct bytes *image)
{
	_cleanup_close_ int fd = file_of(image);
	struct initrd_content content = {.made_by = NULL};
	struct diag diag = DIAG_INIT;
	int r = initrd_content_read(fd, &content, &diag);

	if (r)
		print_error("%s\n", diag.text);
	assert_int_equal(r, 0);
	return content;
}

static void assert_agrees(const struct bytes *image, const char *profile_text, bool expected)
{
	_cleanup_initrd_content_ struct initrd_content content = content_of(image);
	_cleanup_profile_ struct profile profile = {.memory = NULL};
	struct diag diag = DIAG_INIT;

	assert_int_equal(
		profile_parse_text(profile_text, strlen(profile_text), "/x", &profile, &diag), 0);
	assert_int_equal(initrd_content_agrees(&content, &profile), expected);
}

/* An image with early and this as its only file of the profile. */
static void assert_carries(const char *in_image, const char *wanted, bool expected)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};

	add_program(&image, EARLY);
	add_file(&image, "etc/vfio-bootcfg.conf", in_image);
	add_trailer(&image);
	assert_agrees(&image, wanted, expected);
}

static void test_agrees(_unused_ void **state)
{
	assert_carries(PROFILE, PROFILE, true);
	assert_carries("# another text\r\n[hugepages]\n1G = 16\n\n[device gpu]\nid = 1002:73bf\n"
		       "address=0000:0b:00.0   # here\n",
		       PROFILE "[hugepages]\n1G = 16\n", true);
	assert_carries(PROFILE OTHER, OTHER PROFILE, true);
	/* Lists have no blanks of their own. */
	assert_carries("[hugepages]\n2M = 0:1, 1:2\n", "[hugepages]\n2M = 0:1,1:2\n", true);
	assert_carries("", "", true);
	assert_carries(PROFILE, "", false);
	assert_carries("", PROFILE, false);
	assert_carries(PROFILE, OTHER, false);
	assert_carries(PROFILE OTHER, PROFILE, false);
	assert_carries(PROFILE, PROFILE OTHER, false);
	assert_carries(PROFILE, PROFILE "moved = claim\n", false);
	assert_carries(PROFILE "[hugepages]\n1G = 16\n", PROFILE "[hugepages]\n1G = 8\n", false);
	assert_carries(PROFILE "[hugepages]\n1G = 16\n", PROFILE "[hugepages]\n2M = 16\n", false);
	/* What early does not act upon is of no interest. */
	assert_carries(PROFILE "[cpus]\nisolate = 8-15\n",
		       PROFILE "[kernel]\niommu = pt\n[guest vm]\ndevices = gpu\n", true);
	assert_carries("[kernel]\niommu = pt\n", "[cpus]\nisolate = 8-15\n", true);
	/* One that early would refuse. */
	assert_carries("[device gpu]\nadress = 0000:0b:00.0\nid = 1002:73bf\n", PROFILE, false);
	assert_carries("nonsense", "", false);
}

static void test_early(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};

	add_file(&image, "etc/vfio-bootcfg.conf", PROFILE);
	add_trailer(&image);
	assert_agrees(&image, PROFILE, false);
	/* Not to be run; nothing in it; a directory. */
	add_file(&image, EARLY, "\177ELF");
	add_trailer(&image);
	assert_agrees(&image, PROFILE, false);
	add_member(&image, (struct newc){.name = EARLY, .mode = 0100755});
	add_trailer(&image);
	assert_agrees(&image, PROFILE, false);
	add_directory(&image, EARLY);
	add_trailer(&image);
	assert_agrees(&image, PROFILE, false);
	add_program(&image, EARLY);
	add_trailer(&image);
	assert_agrees(&image, PROFILE, true);
	/* By a link, as it may be installed. */
	add_link(&image, EARLY, "../../libexec/early");
	add_program(&image, "usr/libexec/early");
	add_trailer(&image);
	assert_agrees(&image, PROFILE, true);
}

/* /usr/lib, /etc and what masks; several files are one profile. */
static void test_profile_files(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};

	add_program(&image, EARLY);
	add_file(&image, "usr/lib/vfio-bootcfg.conf.d/10-gpu.conf", PROFILE);
	add_file(&image, "etc/vfio-bootcfg.conf.d/20-other.conf", OTHER);
	add_file(&image, "etc/vfio-bootcfg.conf.d/README", "no profile");
	add_file(&image, "etc/vfio-bootcfg.conf.d/.x.conf", "nor this");
	add_file(&image, "etc/vfio-bootcfg.conf.d/sub/x.conf", "nor this");
	add_file(&image, "etc/vfio-bootcfg.conf~", "nor this");
	add_trailer(&image);
	assert_agrees(&image, PROFILE OTHER, true);
	/* Masks: empty, as the dracut module makes them; a link to a device that is not there. */
	add_file(&image, "etc/vfio-bootcfg.conf.d/10-gpu.conf", "");
	add_trailer(&image);
	assert_agrees(&image, OTHER, true);
	add_link(&image, "etc/vfio-bootcfg.conf.d/10-gpu.conf", "/dev/null");
	add_trailer(&image);
	assert_agrees(&image, OTHER, true);
	/* Twice the same section, over two files. */
	add_file(&image, "etc/vfio-bootcfg.conf", OTHER);
	add_trailer(&image);
	assert_agrees(&image, OTHER, false);
}

/* Links: to a file elsewhere (before and behind it), to a directory, to nothing. */
static void test_profile_links(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};

	add_program(&image, EARLY);
	add_file(&image, "srv/one", PROFILE);
	add_link(&image, "etc/vfio-bootcfg.conf", "../srv/one");
	add_link(&image, "etc/vfio-bootcfg.conf.d", "/srv/dir");
	add_file(&image, "srv/dir/other.conf", OTHER);
	add_trailer(&image);
	assert_agrees(&image, PROFILE OTHER, true);
	add_link(&image, "etc/vfio-bootcfg.conf", "../srv/none");
	add_trailer(&image);
	assert_agrees(&image, OTHER, false);
	assert_agrees(&image, PROFILE OTHER, false);
	add_link(&image, "etc/vfio-bootcfg.conf", "../srv/dir");
	add_directory(&image, "srv/dir");
	add_trailer(&image);
	assert_agrees(&image, OTHER, false);
}

/* dracut makes hard links of equal files: the bytes come with the last. */
static void test_hard_links(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};

	add_program(&image, EARLY);
	add_member(&image,
		   (struct newc){
			   .name = "etc/vfio-bootcfg.conf", .mode = 0100644, .ino = 7, .nlink = 2});
	add_member(&image, (struct newc){.name = "usr/share/x",
					 .mode = 0100644,
					 .ino = 8,
					 .nlink = 2,
					 .body = "not this"});
	add_member(&image, (struct newc){.name = "usr/share/y",
					 .mode = 0100644,
					 .ino = 7,
					 .nlink = 2,
					 .body = PROFILE});
	add_trailer(&image);
	assert_agrees(&image, PROFILE, true);
	/* With the first. */
	image.size = 0;
	add_program(&image, EARLY);
	add_member(
		&image,
		(struct newc){.name = "a", .mode = 0100644, .ino = 7, .nlink = 2, .body = PROFILE});
	add_member(&image,
		   (struct newc){
			   .name = "etc/vfio-bootcfg.conf", .mode = 0100644, .ino = 7, .nlink = 2});
	add_trailer(&image);
	assert_agrees(&image, PROFILE, true);
	/* All are empty. */
	image.size = 0;
	add_program(&image, EARLY);
	add_file(&image, "usr/lib/vfio-bootcfg.conf.d/a.conf", PROFILE);
	add_member(&image, (struct newc){.name = "etc/vfio-bootcfg.conf.d/a.conf",
					 .mode = 0100644,
					 .ino = 7,
					 .nlink = 3});
	add_member(&image,
		   (struct newc){.name = "etc/empty", .mode = 0100644, .ino = 7, .nlink = 3});
	add_trailer(&image);
	assert_agrees(&image, "", true);
}

static void test_far_too_large(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL}, body = {.data = NULL};
	_cleanup_close_ int fd = -1;
	struct initrd_content content;
	struct diag diag = DIAG_INIT;

	add_zeros(&body, 1);
	body.data = realloc(body.data, (1 << 20) + 1);
	assert_non_null(body.data);
	memset(body.data, '\n', (1 << 20) + 1);
	add_member(&image, (struct newc){.name = "etc/vfio-bootcfg.conf",
					 .mode = 0100644,
					 .body = body.data,
					 .body_size = (1 << 20) + 1});
	add_trailer(&image);
	fd = file_of(&image);
	assert_int_equal(initrd_content_read(fd, &content, &diag), -EBADMSG);
	assert_mentions(diag.text, "too large", NULL);
}

/* --- who made it, for what --------------------------------------------------------------------- */

static void test_made_by(_unused_ void **state)
{
	static const struct {
		const char *file, *name;
		bool has_parameters;
	} rows[] = {
		{"usr/lib/dracut/build-parameter.txt", "dracut", true},
		{"lib/dracut/build-parameter.txt", "dracut", true},
		{"usr/lib/dracut-lib.sh", "dracut", false},
		{"conf/initramfs.conf", "initramfs-tools", false},
		{"init_functions", "mkinitcpio", false},
		{"etc/booster.init.yaml", "booster", false},
		{"etc/passwd", NULL, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_bytes_ struct bytes image = {.data = NULL};
		struct initrd_content content;

		add_file(&image, rows[i].file, "x");
		add_trailer(&image);
		content = content_of(&image);
		if (rows[i].name)
			assert_string_equal(content.made_by, rows[i].name);
		else
			assert_null(content.made_by);
		assert_int_equal(content.has_parameters, rows[i].has_parameters);
		assert_false(content.has_init);
		assert_string_equal(content.kernel, "");
	}
}

static void test_kernel(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};

	add_microcode(&image);
	add_link(&image, "lib", "usr/lib");
	add_directory(&image, "usr/lib/modules/6.12.0-1-amd64");
	add_file(&image, "usr/lib/modules/6.12.0-1-amd64/modules.dep", "");
	add_file(&image, "usr/lib/modules/stray", "");
	add_trailer(&image);
	assert_string_equal(content_of(&image).kernel, "6.12.0-1-amd64");
	add_directory(&image, "usr/lib/modules/6.12.0-2-amd64");
	add_trailer(&image);
	assert_string_equal(content_of(&image).kernel, "");
	image.size = 0;
	add_directory(&image, "lib/modules/5.10.0");
	add_trailer(&image);
	assert_string_equal(content_of(&image).kernel, "5.10.0");
}

static void test_init(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};

	add_link(&image, "init", "usr/lib/systemd/systemd");
	add_trailer(&image);
	assert_false(content_of(&image).has_init);
	add_program(&image, "usr/lib/systemd/systemd");
	add_trailer(&image);
	assert_true(content_of(&image).has_init);
	image.size = 0;
	add_program(&image, "init");
	add_trailer(&image);
	assert_false(content_of(&image).has_init);
	add_program(&image, "usr/sbin/switch_root");
	add_trailer(&image);
	assert_true(content_of(&image).has_init);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_microcode_first),
		cmocka_unit_test(test_appended),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_truncated_compressed),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_odd_headers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_image),
		cmocka_unit_test(test_strange_insides),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_tree_list),
		cmocka_unit_test(test_agrees),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_profile_files),
		cmocka_unit_test(test_profile_links),
		cmocka_unit_test(test_hard_links),
		cmocka_unit_test(test_far_too_large),
		cmocka_unit_test(test_made_by),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
