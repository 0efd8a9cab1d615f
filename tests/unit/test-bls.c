// SPDX-License-Identifier: GPL-2.0-or-later
/* Boot entries: read, edited byte by byte, told apart from those of others. */
#include <string.h>

#include "bootcfg/bls.h"
#include "tests/unit/fixture.h"

#define MACHINE "0123456789abcdef0123456789abcdef"
#define OTHER_MACHINE "fedcba9876543210fedcba9876543210"

static int parse_at(const char *path, const char *data, size_t size, struct bls_entry *ret,
		    struct diag *diag)
{
	struct file file = {.exists = true, .size = size};
	int r;

	file.path = strdup(path);
	file.data = calloc(1, size + 1);
	assert_true(file.path && file.data);
	memcpy(file.data, data, size);
	r = bls_parse(&file, ret, diag);
	file_free(&file);
	return r;
}

static struct bls_entry parse(const char *path, const char *text)
{
	struct bls_entry entry;
	struct diag diag = DIAG_INIT;

	if (parse_at(path, text, strlen(text), &entry, &diag))
		fail_msg("%s:%u: %s", diag.file, diag.line, diag.text);
	return entry;
}

static void assert_text(char *text, const char *expected)
{
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

/* Replaces a stretch of the line's segment by hand, as line_edit() would. */
static void edit(struct boot_line *line, size_t segment, const char *old, const char *new)
{
	const char *text = line->segments[segment].text, *at = strstr(text, old);

	assert_non_null(at);
	line->edits = reallocarray(line->edits, line->edit_count + 1, sizeof(*line->edits));
	line->edits[line->edit_count++] = (struct edit){
		.segment = segment,
		.at = (size_t)(at - text) + (*old ? 0 : strlen(text)),
		.remove = strlen(old),
		.insert = strdup(new),
	};
	line->changed = true;
}

static char *written(const struct bls_entry *entry, const struct boot_line *line)
{
	char *text;
	size_t size;

	assert_int_equal(bls_write(entry, line, &text, &size), 0);
	assert_int_equal(size, strlen(text));
	return text;
}

/*
 * Puts ` a=1` at the end of the first options line, as ours, and takes it out again out of what came
 * of that, known by its comment alone.
 */
static void assert_there_and_back(const char *text, bool first_only, const char *expected)
{
	_cleanup_bls_ struct bls_entry before = parse("e.conf", text);
	struct boot_line set = {.changed = false}, unset = {.changed = false};
	struct bls_entry after;
	_cleanup_free_ char *edited = NULL;

	assert_int_equal(bls_line(&before, first_only, &set), 0);
	edit(&set, 0, "", *set.segments[0].text ? " a=1" : "a=1");
	assert_int_equal(owned_add(&set.owned_after, "a=1", NULL), 0);
	edited = written(&before, &set);
	assert_string_equal(edited, expected);

	after = parse("e.conf", edited);
	assert_true(after.ours);
	assert_int_equal(bls_line(&after, first_only, &unset), 0);
	assert_true(unset.owned_known);
	assert_true(owned_equal(&unset.owned, &set.owned_after));
	edit(&unset, 0, strstr(unset.segments[0].text, " a=1") ? " a=1" : "a=1", "");
	assert_text(written(&after, &unset), text);
	boot_line_free(&set);
	boot_line_free(&unset);
	bls_free(&after);
}

#define OWN "# vfio-bootcfg: a=1"

static void bytes_outside_stay(_unused_ void **state)
{
	/* The usual one. */
	assert_there_and_back("title x\nlinux /l\noptions root=/dev/sda ro\n", false,
			      "title x\nlinux /l\n" OWN "\noptions root=/dev/sda ro a=1\n");
	/* Tabs, leading blanks, comments, unknown keys, blank lines, trailing blanks. */
	assert_there_and_back(
		"# a comment\n\n\ttitle\tx  \n  linux   /l\nx-options-source-tuned a b\ngrub_users "
		"$u\n  options\troot=/dev/sda  ro \t\n\ninitrd /i\n\n#end\n",
		false,
		"# a comment\n\n\ttitle\tx  \n  linux   /l\nx-options-source-tuned a b\ngrub_users "
		"$u\n" OWN "\n  options\troot=/dev/sda  ro a=1 \t\n\ninitrd /i\n\n#end\n");
	/* No newline at the end. */
	assert_there_and_back("linux /l\noptions ro", false, "linux /l\n" OWN "\noptions ro a=1");
	assert_there_and_back("options ro", false, OWN "\noptions ro a=1");
	/* Several lines: ours goes to the first, which is all that GRUB sees. */
	for (int first_only = 0; first_only < 2; first_only++)
		assert_there_and_back("options ro\nlinux /l\noptions quiet\n", first_only,
				      OWN "\noptions ro a=1\nlinux /l\noptions quiet\n");
	/* Other letters, and keys that only begin as ours do, are other keys. */
	assert_there_and_back("Options x\noptionsx y\noptions ro\n", false,
			      "Options x\noptionsx y\n" OWN "\noptions ro a=1\n");
}

static void line_ends_are_not_mixed(_unused_ void **state)
{
	assert_there_and_back("title x\r\nlinux /l\r\noptions ro\r\n", false,
			      "title x\r\nlinux /l\r\n" OWN "\r\noptions ro a=1\r\n");
	assert_there_and_back("title x\r\noptions ro", false,
			      "title x\r\n" OWN "\r\noptions ro a=1");
	assert_there_and_back("title x\r\nlinux /l", false,
			      "title x\r\nlinux /l\r\n" OWN "\r\noptions a=1");
	/* systemd-boot ends a line at a CR, too. */
	assert_there_and_back("title x\roptions ro\r", false, "title x\r" OWN "\roptions ro a=1\r");
}

static void line_is_made_where_it_is_seen(_unused_ void **state)
{
	assert_there_and_back("linux /l\ninitrd /i\n", false,
			      "linux /l\n" OWN "\noptions a=1\ninitrd /i\n");
	assert_there_and_back("linux /l", false, "linux /l\n" OWN "\noptions a=1");
	/* GRUB reads no further than a blank line or a key without a value. */
	assert_there_and_back("linux /l\n\ninitrd /i\noptions\n", true,
			      "linux /l\n" OWN "\noptions a=1\n\ninitrd /i\noptions\n");
	assert_there_and_back("uki /u.efi\n", false, "uki /u.efi\n" OWN "\noptions a=1\n");
}

/* Where all of a line was ours, no key without a value is left. */
static void empty_line_goes(_unused_ void **state)
{
	_cleanup_bls_ struct bls_entry entry =
		parse("e.conf", "linux /l\n# vfio-bootcfg: a=1\noptions a=1\ninitrd /i\n");
	struct boot_line line = {.changed = false};

	assert_int_equal(bls_line(&entry, false, &line), 0);
	edit(&line, 0, "a=1", "");
	assert_text(written(&entry, &line), "linux /l\ninitrd /i\n");
	boot_line_free(&line);
}

static void owned_in_any_shape(_unused_ void **state)
{
	static const struct owned items[] = {
		{.text = (char *)"intel_iommu=on"},
		{.text = (char *)"hugepagesz=1G hugepages=16"},
		{.text = (char *)"hugepagesz=2M"}, /* alone: the next one must not join it */
		{.text = (char *)"hugepages=3"},
		{.text = (char *)"isolcpus=8-15", .was = (char *)"isolcpus=2-5"},
		{.text = (char *)"dyndbg=\"file a  +p\""},
		{.text = (char *)"a=b", .was = (char *)"\"a= -> x\"  a=y\tz"},
		{.text = (char *)"n=\xc3\xa4", .was = (char *)"n"},
	};
	_cleanup_bls_ struct bls_entry entry = parse("e.conf", "linux /l\noptions ro\n");
	struct boot_line line = {.changed = false}, again = {.changed = false};
	struct bls_entry after;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(bls_line(&entry, false, &line), 0);
	assert_false(line.owned_known);
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		assert_int_equal(owned_add(&line.owned_after, items[i].text, items[i].was), 0);
	text = written(&entry, &line);
	after = parse("e.conf", text);
	assert_int_equal(bls_line(&after, false, &again), 0);
	assert_true(owned_equal(&again.owned, &line.owned_after));
	/* The same again: the same bytes. */
	assert_int_equal(owned_copy(&again.owned, &again.owned_after), 0);
	assert_text(written(&after, &again), text);
	boot_line_free(&line);
	boot_line_free(&again);
	bls_free(&after);
}

static void nothing_owned_is_said_where_asked(_unused_ void **state)
{
	_cleanup_bls_ struct bls_entry entry = parse("e.conf", "linux /l\noptions ro\n");
	struct boot_line line = {.changed = false}, again = {.changed = false};
	struct bls_entry after;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(bls_line(&entry, false, &line), 0);
	entry.mark = true;
	text = written(&entry, &line);
	assert_string_equal(text, "linux /l\n# vfio-bootcfg owns nothing here\noptions ro\n");
	after = parse("e.conf", text);
	assert_true(after.ours);
	assert_int_equal(bls_line(&after, false, &again), 0);
	assert_true(again.owned_known && again.owned.count == 0);
	after.mark = true;
	assert_text(written(&after, &again), text);
	after.mark = false;
	assert_text(written(&after, &again), "linux /l\noptions ro\n");
	boot_line_free(&line);
	boot_line_free(&again);
	bls_free(&after);
}

static void refuses(const char *data, size_t size, unsigned line, const char *word)
{
	struct bls_entry entry;
	struct diag diag = DIAG_INIT;

	assert_int_equal(parse_at("loader/entries/e.conf", data, size, &entry, &diag), -EBADMSG);
	assert_string_equal(diag.file, "/loader/entries/e.conf");
	assert_int_equal(diag.line, line);
	assert_mentions(diag.text, word, NULL);
}

#define REFUSES(text, line, word) refuses(text, sizeof(text) - 1, line, word)

static void torn_files_are_refused(_unused_ void **state)
{
	REFUSES("title x\noptions a\0b\n", 0, "NUL");
	REFUSES("title x\n\0", 0, "NUL");
	REFUSES("title x\noptions a=\xff\n", 2, "UTF-8");
	REFUSES("options ok\noptions \xed\xa0\x80\n", 2, "UTF-8");
	REFUSES("# vfio-bootcfg replaced: \xcf -> a\noptions ro\n", 1, "comment");
	REFUSES("# vfio-bootcfg:\noptions ro\n", 1, "comment");
	REFUSES("# vfio-bootcfg: a=\"b\noptions ro\n", 1, "comment");
	REFUSES("a b\n# vfio-bootcfg replaced:\noptions ro\n", 2, "comment");
	REFUSES("a b\n# vfio-bootcfg replaced: a=1\noptions ro\n", 2, "comment");
	REFUSES("a b\n# vfio-bootcfg replaced: a=1 ->\noptions ro\n", 2, "comment");
	REFUSES("a b\n# vfio-bootcfg replaced: \"a -> b\"\noptions ro\n", 2, "comment");
}

static void comments_of_others_are_not_ours(_unused_ void **state)
{
	_cleanup_bls_ struct bls_entry entry =
		parse("e.conf", "# vfio-bootcfg is nice\n#vfio-bootcfg: a\n# vfio-bootcfg:a\n"
				"x # vfio-bootcfg: a\noptions # vfio-bootcfg: a\n");

	assert_false(entry.ours);
	assert_int_equal(entry.comment_count, 0);
}

static void id_has_no_counter(_unused_ void **state)
{
	static const struct {
		const char *name, *id;
	} rows[] = {
		{"foo.conf", "foo.conf"},
		{"foo+3.conf", "foo.conf"},
		{"foo+2-1.conf", "foo.conf"},
		{"Foo+0-3.conf", "Foo.conf"},
		{"y+abc.conf", "y+abc.conf"},
		{"y+1-.conf", "y+1-.conf"},
		{"y+.conf", "y+.conf"},
		{"y+1-2-3.conf", "y+1-2-3.conf"},
		{"6.1+deb+1.conf", "6.1+deb.conf"},
		{"6.12.57+deb13-amd64.conf", "6.12.57+deb13-amd64.conf"},
		{"+1.conf", ".conf"},
		{"a.b+1", "a.b+1"},
		{"a+1", "a+1"},
		{"", ""},
	};
	struct bls_entry entry;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_text(bls_id(rows[i].name), rows[i].id);
	entry = parse("boot/efi/loader/entries/foo+2-1.conf", "linux /l\n");
	assert_text(bls_key(&entry), "boot/efi/loader/entries/foo.conf");
	bls_free(&entry);
	entry = parse("foo+2-1.conf", "linux /l\n");
	assert_text(bls_key(&entry), "foo.conf");
	bls_free(&entry);
}

static void assert_parts(const char *path, const char *text, bool first_only, const char *kernel,
			 const char *initrd)
{
	_cleanup_bls_ struct bls_entry entry = parse(path, text);
	struct boot_line line = {.changed = false};

	assert_int_equal(bls_line(&entry, first_only, &line), 0);
	if (kernel)
		assert_string_equal(line.kernel, kernel);
	else
		assert_null(line.kernel);
	if (initrd)
		assert_string_equal(line.initrd, initrd);
	else
		assert_null(line.initrd);
	boot_line_free(&line);
}

static void kernel_and_initrd(_unused_ void **state)
{
	const char *esp = "boot/efi/loader/entries/e.conf", *boot = "boot/loader/entries/e.conf";

	assert_parts(esp, "version 6.12.57\nlinux /x/y\n", false, "6.12.57", NULL);
	assert_parts(esp, "version\nlinux /vmlinuz-6.1.0-1\n", false, "6.1.0-1", NULL);
	assert_parts(esp,
		     "linux /debian/6.1.0-1-amd64/linux\ninitrd /debian/6.1.0-1-amd64/initrd.img\n",
		     false, "6.1.0-1-amd64", "boot/efi/debian/6.1.0-1-amd64/initrd.img");
	assert_parts(esp, "linux /vmlinuz-linux\ninitrd /ucode.img\ninitrd \\i\\r.img\n", false,
		     "/vmlinuz-linux", "boot/efi/i/r.img");
	assert_parts(esp, "linux linux\n", false, "linux", NULL);
	assert_parts(esp, "efi /k.efi\ntitle x\n", false, "/k.efi", NULL);
	assert_parts(esp, "title x\n", false, NULL, NULL);
	assert_parts("loader/entries/e.conf", "initrd /i\n", false, NULL, "i");
	/* GRUB: several in one line, and where /boot is no partition, paths from the root. */
	assert_parts(boot, "initrd /a.img $tuned_initrd\n", true, NULL, "boot/a.img");
	assert_parts(boot, "initrd /boot/a.img /boot/b.img\n", true, NULL, "boot/b.img");
	assert_parts(boot, "initrd $tuned_initrd\n", true, NULL, NULL);
}

static void segments_are_the_options_lines(_unused_ void **state)
{
	_cleanup_bls_ struct bls_entry entry =
		parse("e.conf", "title T\noptions  a  b \noptions\nlinux /l\noptions c\n");
	struct boot_line line = {.changed = false}, first = {.changed = false};

	assert_int_equal(bls_line(&entry, false, &line), 0);
	assert_int_equal(line.role, LINE_ENTRY);
	assert_string_equal(line.file, "/e.conf");
	assert_string_equal(line.title, "T");
	assert_int_equal(line.segment_count, 2);
	assert_int_equal(line.append, 0);
	assert_string_equal(line.segments[0].text, "a  b");
	assert_int_equal(line.segments[0].line, 2);
	assert_string_equal(line.segments[1].text, "c");
	assert_int_equal(line.segments[1].line, 5);
	assert_text(bls_options(&entry), "a  b c");
	/* Both edited at once. */
	edit(&line, 0, "a", "1");
	edit(&line, 1, "c", "");
	assert_text(written(&entry, &line), "title T\noptions  1  b \noptions\nlinux /l\n");
	assert_int_equal(bls_line(&entry, true, &first), 0);
	assert_int_equal(first.segment_count, 1);
	boot_line_free(&line);
	boot_line_free(&first);
}

static void whose_it_is(_unused_ void **state)
{
	static const struct {
		const char *name, *text, *machine, *root;
		enum bls_whose whose;
	} rows[] = {
		{"a.conf", "linux /l\n", NULL, NULL, BLS_OURS},
		{"a.conf", "linux /l\nmachine-id " MACHINE "\n", MACHINE, NULL, BLS_OURS},
		{"a.conf", "linux /l\nmachine-id " OTHER_MACHINE "\n", MACHINE, NULL, BLS_OTHER},
		{"a.conf", "linux /l\nmachine-id " OTHER_MACHINE "\n", NULL, NULL, BLS_OURS},
		{MACHINE "-6.1.conf", "linux /l\n", MACHINE, NULL, BLS_OURS},
		{OTHER_MACHINE "-6.1.conf", "linux /l\n", MACHINE, NULL, BLS_OTHER},
		/* Images that are nobody's have ids of f alone. */
		{"ffffffffffffffffffffffffffffffff-6.1.conf", "linux /l\n", MACHINE, NULL,
		 BLS_OURS},
		{MACHINE "-0-rescue.conf", "linux /l\n", MACHINE, NULL, BLS_RESCUE},
		{MACHINE "-0-rescue+3.conf", "linux /l\n", MACHINE, NULL, BLS_RESCUE},
		{"Recovery-1234-ABCD.conf", "linux /l\n", NULL, NULL, BLS_RESCUE},
		{"a.conf", "title Arch (Rescue)\nlinux /l\n", NULL, NULL, BLS_RESCUE},
		{"a.conf", "title Recovery mode\nlinux /l\n", NULL, NULL, BLS_RESCUE},
		{"a.conf", "linux /l\noptions ro\noptions single\n", NULL, NULL, BLS_RESCUE},
		{"a.conf", "linux /l\noptions systemd.unit=emergency.target\n", NULL, NULL,
		 BLS_RESCUE},
		{"a.conf", "linux /l\noptions boot=casper live-media=/x\n", NULL, NULL, BLS_RESCUE},
		{"a.conf", "linux /l\noptions boot=nfs\n", NULL, NULL, BLS_OURS},
		{"w.conf", "title Windows\nefi /EFI/Microsoft/Boot/bootmgfw.efi\n", NULL, NULL,
		 BLS_OTHER},
		{"s.conf", "efi /shellx64.efi\noptions -nomap\n", NULL, NULL, BLS_OTHER},
		{"a.conf", "efi /vmlinuz.efi\noptions root=/dev/sda1\n", NULL, NULL, BLS_OURS},
		{"m.conf", "linux /memtest86+/memtest.bin\n", NULL, NULL, BLS_OTHER},
		{"t.conf", "title x\n", NULL, NULL, BLS_OTHER},
		{"u.conf", "uki /EFI/Linux/a.efi\n", NULL, NULL, BLS_OURS},
		/* By the root where nothing names a machine. */
		{"a.conf", "linux /l\noptions root=UUID=ab-1\n", MACHINE, "root=UUID=AB-1",
		 BLS_OURS},
		{"a.conf", "linux /l\noptions root=UUID=ab-1\n", MACHINE, "root=UUID=ab-2",
		 BLS_OTHER},
		{"a.conf", "linux /l\noptions root=UUID=ab-12\n", MACHINE, "root=UUID=ab-1",
		 BLS_OTHER},
		{"a.conf", "linux /l\noptions root=PARTUUID=ab-1\n", MACHINE, "root=UUID=ab-2",
		 BLS_OURS},
		{"a.conf", "linux /l\noptions root=LABEL=a\n", NULL, "root=LABEL=b", BLS_OTHER},
		{"a.conf", "linux /l\noptions root=/dev/sda2\n", NULL, "root=/dev/sda1", BLS_OURS},
		{"a.conf", "linux /l\noptions ro -- root=UUID=1\n", NULL, "root=UUID=2", BLS_OURS},
		{"a.conf", "linux /l\nmachine-id " MACHINE "\noptions root=UUID=1\n", MACHINE,
		 "root=UUID=2", BLS_OURS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_bls_ struct bls_entry entry = parse(rows[i].name, rows[i].text);
		char machine[40], root[40];
		struct system_id id = {.machine_id = NULL};

		if (rows[i].machine)
			id.machine_id = strcpy(machine, rows[i].machine);
		if (rows[i].root)
			id.root_arg = strcpy(root, rows[i].root);
		if (bls_whose(&entry, &id) != rows[i].whose)
			fail_msg("row %zu: %s: %s", i, rows[i].name, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_outside_stay),
		cmocka_unit_test(line_ends_are_not_mixed),
		cmocka_unit_test(line_is_made_where_it_is_seen),
		cmocka_unit_test(empty_line_goes),
		cmocka_unit_test(owned_in_any_shape),
		cmocka_unit_test(nothing_owned_is_said_where_asked),
		cmocka_unit_test(torn_files_are_refused),
		cmocka_unit_test(comments_of_others_are_not_ours),
		cmocka_unit_test(id_has_no_counter),
		cmocka_unit_test(kernel_and_initrd),
		cmocka_unit_test(segments_are_the_options_lines),
		cmocka_unit_test(whose_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
