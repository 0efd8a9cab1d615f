// SPDX-License-Identifier: GPL-2.0-or-later
/* What the EFI variables say of a boot, whatever firmware and loaders have left in them. */
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "bootcfg/efivars.h"
#include "tests/unit/efi.h"

static void machine(struct fixture *f)
{
	put(f, ".vfio-machine", "%s", "");
	put_efi(f, "Timeout", EFI_GLOBAL, "\x05\x00", 2);
	machine_open(f);
}

static struct efi_boot boot_of(const struct fixture *f)
{
	struct diag diag = DIAG_INIT;
	struct efi_boot boot;
	int r = efi_boot_read(&f->root, &boot, &diag);

	if (r)
		print_error("%s\n", diag.text);
	assert_int_equal(r, 0);
	assert_string_equal(diag.text, "");
	return boot;
}

/* LoaderInfo of these bytes. */
static struct efi_boot boot_with_info(const struct fixture *f, const void *data, size_t size)
{
	put_efi(f, "LoaderInfo", EFI_LOADER, data, size);
	return boot_of(f);
}

static void assert_info(const struct fixture *f, const void *data, size_t size,
			const char *expected)
{
	struct efi_boot boot = boot_with_info(f, data, size);

	assert_string_equal(boot.loader_info, expected);
	assert_true(boot.present);
}

static void assert_nothing(const struct efi_boot *boot)
{
	assert_string_equal(boot->loader_info, "");
	assert_string_equal(boot->stub_info, "");
	assert_string_equal(boot->entry_selected, "");
	assert_string_equal(boot->entry_default, "");
	assert_string_equal(boot->esp_partuuid, "");
	assert_string_equal(boot->boot_file, "");
	assert_string_equal(boot->boot_label, "");
	assert_string_equal(boot->boot_options, "");
	assert_int_equal(boot->secure_boot, -1);
}

/* --- where there are none ---------------------------------------------------------------------- */

static void test_image(void **state)
{
	struct fixture *f = *state;
	struct efi_boot boot;

	put_efi_text(f, "LoaderInfo", "systemd-boot 257");
	machine_open(f);
	assert_int_equal(f->root.kind, ROOT_IMAGE);
	boot = boot_of(f);
	assert_false(boot.present);
	assert_nothing(&boot);
}

static void test_no_efi(void **state)
{
	struct fixture *f = *state;
	struct efi_boot boot;

	put(f, ".vfio-machine", "%s", "");
	put_dir(f, "sys/firmware");
	machine_open(f);
	boot = boot_of(f);
	assert_false(boot.present);
	/* Not mounted, or a kernel without run time services: the directory is there. */
	put_dir(f, "sys/firmware/efi/efivars");
	boot = boot_of(f);
	assert_false(boot.present);
	assert_nothing(&boot);
	machine(f);
	boot = boot_of(f);
	assert_true(boot.present);
	assert_nothing(&boot);
}

static void test_hostile_directory(void **state)
{
	struct fixture *f = *state;
	struct efi_boot boot;

	/* All that leads out of the machine is not there. */
	machine(f);
	drop(f, "sys/firmware/efi/efivars");
	put_link(f, "sys/firmware/efi/efivars", "/../../../../../../etc");
	boot = boot_of(f);
	assert_false(boot.present);
	/* A variable is a regular file, no link (the library would follow it), no FIFO. */
	drop(f, "sys/firmware/efi/efivars");
	machine(f);
	put_efi_text(f, "Elsewhere", "systemd-boot 257");
	put_link(f, EFIVARS "LoaderInfo-" EFI_LOADER, "Elsewhere-" EFI_LOADER);
	assert_int_equal(mkfifo(path_in(f, EFIVARS "StubInfo-" EFI_LOADER), 0644), 0);
	put_dir(f, EFIVARS "LoaderEntrySelected-" EFI_LOADER);
	boot = boot_of(f);
	assert_true(boot.present);
	assert_nothing(&boot);
}

/* --- texts ------------------------------------------------------------------------------------- */

static void test_systemd_boot(void **state)
{
	struct fixture *f = *state;
	struct efi_boot boot;

	machine(f);
	put_efi_text(f, "LoaderInfo", "systemd-boot 257.8-1~deb13u2");
	put_efi_text(f, "StubInfo", "systemd-stub 257.8-1~deb13u2");
	put_efi_text(f, "LoaderEntrySelected", "0123-6.12.0.conf");
	put_efi_text(f, "LoaderEntryDefault", "0123-*");
	put_efi_text(f, "LoaderDevicePartUUID", "0FC63DAF-8483-4772-8E79-3D69D8477DE4");
	boot = boot_of(f);
	assert_true(boot.present);
	assert_string_equal(boot.loader_info, "systemd-boot 257.8-1~deb13u2");
	assert_string_equal(boot.stub_info, "systemd-stub 257.8-1~deb13u2");
	assert_string_equal(boot.entry_selected, "0123-6.12.0.conf");
	assert_string_equal(boot.entry_default, "0123-*");
	assert_string_equal(boot.esp_partuuid, "0fc63daf-8483-4772-8e79-3d69d8477de4");
	assert_string_equal(boot.boot_file, "");
}

static void test_grub(void **state)
{
	struct fixture *f = *state;
	struct efi_boot boot;

	machine(f);
	put_efi_text(f, "LoaderInfo", "GRUB 2.12");
	put_efi_text(f, "LoaderDevicePartUUID", "not a uuid at all, but as long as one");
	boot = boot_of(f);
	assert_string_equal(boot.loader_info, "GRUB 2.12");
	assert_string_equal(boot.esp_partuuid, "");
	put_efi_text(f, "LoaderDevicePartUUID", "0fc63daf-8483-4772-8e79-3d69d8477deg");
	boot = boot_of(f);
	assert_string_equal(boot.esp_partuuid, "");
	put_efi_text(f, "LoaderDevicePartUUID", "0fc63daf-8483-4772-8e79-3d69d8477de");
	boot = boot_of(f);
	assert_string_equal(boot.esp_partuuid, "");
}

static void test_odd_texts(void **state)
{
	struct fixture *f = *state;
	unsigned char data[1024];
	struct efi_boot boot;
	size_t size;

	machine(f);
	assert_info(f, "G\0R\0U\0B\0\0", 10, "GRUB");
	/* No NUL at its end; more behind it; half a character. */
	assert_info(f, "G\0R\0U\0B\0", 8, "GRUB");
	assert_info(f, "G\0R\0\0\0U\0B\0", 10, "GR");
	assert_info(f, "G\0R\0U\0B\0\0\0x", 11, "");
	assert_info(f, "G", 1, "");
	assert_info(f, "", 0, "");
	/* Beyond ASCII: two, three and four bytes. */
	assert_info(f, "\xe9\x00\xac\x20\x3d\xd8\x00\xde\0\0", 10, "\u00e9\u20ac\U0001f600");
	/* Half a pair, at the start, before another, in the wrong order, at the end. */
	assert_info(f, "\x3d\xd8\x41\x00", 4, "?A");
	assert_info(f, "\x3d\xd8\x3d\xd8\x00\xde", 6, "?\U0001f600");
	assert_info(f, "\x00\xde\x3d\xd8", 4, "??");
	assert_info(f, "\x41\x00\x3d\xd8", 4, "A?");
	assert_info(f, "a\0\x1b\0[\0\n\0\x7f\0b\0", 12, "a?[??b");
	/* Too long: cut, at a whole character. */
	for (size = 0; size < 1000; size += 2)
		memcpy(data + size, "\xac\x20", 2);
	boot = boot_with_info(f, data, size);
	assert_int_equal(strlen(boot.loader_info), 126);
	assert_memory_equal(boot.loader_info + 123, "\u20ac", 4);
	memset(data, 'a', sizeof(data));
	for (size = 1; size < 1000; size += 2)
		data[size] = 0;
	boot = boot_with_info(f, data, 1000);
	assert_int_equal(strlen(boot.loader_info), sizeof(boot.loader_info) - 1);
}

/* Files that are no variables: shorter than their attributes, or far too long. */
static void test_short_files(void **state)
{
	struct fixture *f = *state;
	char many[70000];
	struct efi_boot boot;

	machine(f);
	for (size_t size = 0; size <= 4; size++) {
		put_bytes(f, EFIVARS "LoaderInfo-" EFI_LOADER, "\x06\0\0\0", size);
		put_bytes(f, EFIVARS "BootCurrent-" EFI_GLOBAL, "\x06\0\0\0", size);
		put_bytes(f, EFIVARS "SecureBoot-" EFI_GLOBAL, "\x06\0\0\0", size);
		boot = boot_of(f);
		assert_true(boot.present);
		assert_nothing(&boot);
	}
	memset(many, 'a', sizeof(many));
	put_bytes(f, EFIVARS "LoaderInfo-" EFI_LOADER, many, sizeof(many));
	boot = boot_of(f);
	assert_nothing(&boot);
}

/* --- load options ------------------------------------------------------------------------------ */

static void test_boot_current(void **state)
{
	struct fixture *f = *state;
	struct efi_boot boot;

	machine(f);
	put_efi_boot(f, "debian", "\\EFI\\debian\\shimx64.efi", NULL);
	boot = boot_of(f);
	assert_string_equal(boot.boot_label, "debian");
	assert_string_equal(boot.boot_file, "\\EFI\\debian\\shimx64.efi");
	assert_string_equal(boot.boot_options, "");
	put_efi_boot(f, "Pop!_OS 22.04", "\\EFI\\Pop_OS-1\\vmlinuz.efi", "root=UUID=1 ro quiet");
	boot = boot_of(f);
	assert_string_equal(boot.boot_label, "Pop!_OS 22.04");
	assert_string_equal(boot.boot_options, "root=UUID=1 ro quiet");
	/* It names an option that is not there; it is no 16-bit number. */
	put_efi(f, "BootCurrent", EFI_GLOBAL, "\x08\x00", 2);
	boot = boot_of(f);
	assert_string_equal(boot.boot_file, "");
	put_efi(f, "BootCurrent", EFI_GLOBAL, "\x07\x00\x00\x00", 4);
	boot = boot_of(f);
	assert_string_equal(boot.boot_file, "");
	put_efi(f, "BootCurrent", EFI_GLOBAL, "\x07", 1);
	boot = boot_of(f);
	assert_string_equal(boot.boot_file, "");
}

/* Upper case, four digits. */
static void test_boot_number(void **state)
{
	struct fixture *f = *state;
	unsigned char data[1024];
	size_t size = efi_load_option("x", "\\a.efi", NULL, data);
	struct efi_boot boot;

	machine(f);
	put_efi(f, "Boot00AF", EFI_GLOBAL, data, size);
	put_efi(f, "BootCurrent", EFI_GLOBAL, "\xaf\x00", 2);
	boot = boot_of(f);
	assert_string_equal(boot.boot_file, "\\a.efi");
}

static void test_truncated_option(void **state)
{
	struct fixture *f = *state;
	unsigned char data[1024];
	size_t options = sizeof("quiet") * 2;
	size_t size = efi_load_option("label", "\\EFI\\x\\grubx64.efi", "quiet", data);
	struct efi_boot boot;

	machine(f);
	put_efi(f, "BootCurrent", EFI_GLOBAL, "\x07\x00", 2);
	for (size_t cut = 0; cut <= size; cut++) {
		put_efi(f, "Boot0007", EFI_GLOBAL, data, cut);
		boot = boot_of(f);
		/* All of the device path, or nothing. */
		assert_string_equal(boot.boot_file,
				    cut < size - options ? "" : "\\EFI\\x\\grubx64.efi");
		assert_string_equal(boot.boot_label, cut < size - options ? "" : "label");
		if (cut == size)
			assert_string_equal(boot.boot_options, "quiet");
		/* Half a character at the end: no text. */
		if ((size - cut) % 2)
			assert_string_equal(boot.boot_options, "");
	}
}

static void test_broken_device_path(void **state)
{
	struct fixture *f = *state;
	unsigned char data[1024];
	size_t size = efi_load_option("x", "\\a.efi", NULL, data);
	size_t file = 6 + 4 + 42; /* the node, behind the description and the partition */
	struct efi_boot boot;

	machine(f);
	put_efi(f, "BootCurrent", EFI_GLOBAL, "\x07\x00", 2);
	/* A node of length 0 would be walked for ever; one longer than the path leads out of it. */
	for (unsigned len = 0; len < 4; len++) {
		data[file + 2] = (unsigned char)len;
		put_efi(f, "Boot0007", EFI_GLOBAL, data, size);
		boot = boot_of(f);
		assert_string_equal(boot.boot_file, "");
	}
	data[file + 2] = 0xff;
	data[file + 3] = 0xff;
	put_efi(f, "Boot0007", EFI_GLOBAL, data, size);
	boot = boot_of(f);
	assert_string_equal(boot.boot_file, "");
	/* What is behind the end of a path is another one; paths that are longer than the variable. */
	size = efi_load_option("x", "\\a.efi", NULL, data);
	data[file - 42] = 0x7f;
	put_efi(f, "Boot0007", EFI_GLOBAL, data, size);
	boot = boot_of(f);
	assert_string_equal(boot.boot_file, "");
	size = efi_load_option("x", "\\a.efi", NULL, data);
	data[4]++;
	put_efi(f, "Boot0007", EFI_GLOBAL, data, size);
	boot = boot_of(f);
	assert_string_equal(boot.boot_file, "");
	assert_string_equal(boot.boot_label, "");
}

/* A name that does not fit is no name: what is cut may look like another. */
static void test_long_file(void **state)
{
	struct fixture *f = *state;
	char name[700] = "\\EFI\\";
	struct efi_boot boot;

	machine(f);
	memset(name + 5, 'a', 600);
	put_efi_boot(f, "x", name, NULL);
	boot = boot_of(f);
	assert_string_equal(boot.boot_file, "");
	name[511] = '\0';
	put_efi_boot(f, "x", name, NULL);
	boot = boot_of(f);
	assert_string_equal(boot.boot_file, name);
}

/* --- Secure Boot ------------------------------------------------------------------------------- */

static void test_secure_boot(void **state)
{
	static const struct {
		int secure, setup, expected;
	} rows[] = {
		{-1, -1, -1}, {-1, 0, -1}, {-1, 1, -1}, {0, -1, 0}, {0, 0, 0},
		{0, 1, 0},    {1, -1, 1},  {1, 0, 1},	{1, 1, 0},  {2, 0, 0},
	};
	struct fixture *f = *state;

	machine(f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char secure = (char)rows[i].secure, setup = (char)rows[i].setup;

		if (secure >= 0)
			put_efi(f, "SecureBoot", EFI_GLOBAL, &secure, 1);
		if (setup >= 0)
			put_efi(f, "SetupMode", EFI_GLOBAL, &setup, 1);
		assert_int_equal(boot_of(f).secure_boot, rows[i].expected);
		if (secure >= 0)
			drop(f, EFIVARS "SecureBoot-" EFI_GLOBAL);
		if (setup >= 0)
			drop(f, EFIVARS "SetupMode-" EFI_GLOBAL);
	}
	put_efi(f, "SecureBoot", EFI_GLOBAL, "\1\1", 2);
	assert_int_equal(boot_of(f).secure_boot, -1);
}

/* --- the environment --------------------------------------------------------------------------- */

static void assert_env(const char *name, const char *expected)
{
	const char *value = getenv(name);

	assert_true(!value == !expected);
	if (value)
		assert_string_equal(value, expected);
}

static void test_environment(void **state)
{
	static const char *const ops[] = {"help", "vars", "default", "efivarfs", ""};
	struct fixture *f = *state;

	machine(f);
	put_efi_text(f, "LoaderInfo", "GRUB 2.12");
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		assert_int_equal(setenv("LIBEFIVAR_OPS", ops[i], 1), 0);
		assert_int_equal(setenv("EFIVARFS_PATH", "/nowhere", 1), 0);
		assert_string_equal(boot_of(f).loader_info, "GRUB 2.12");
		assert_env("LIBEFIVAR_OPS", ops[i]);
		assert_env("EFIVARFS_PATH", "/nowhere");
	}
	assert_int_equal(unsetenv("LIBEFIVAR_OPS"), 0);
	assert_int_equal(unsetenv("EFIVARFS_PATH"), 0);
	assert_string_equal(boot_of(f).loader_info, "GRUB 2.12");
	assert_env("LIBEFIVAR_OPS", NULL);
	assert_env("EFIVARFS_PATH", NULL);
}

/* Another directory a moment later: the library must not keep the first. */
static void test_twice(void **state)
{
	struct fixture *f = *state;
	struct efi_boot boot;

	machine(f);
	put_efi_text(f, "LoaderInfo", "GRUB 2.12");
	assert_string_equal(boot_of(f).loader_info, "GRUB 2.12");
	drop(f, "sys");
	machine(f);
	put_efi_text(f, "LoaderInfo", "systemd-boot 252");
	boot = boot_of(f);
	assert_string_equal(boot.loader_info, "systemd-boot 252");
}

/* A library that is not there: said so, with what there is to do. */
static int without_library(void *data)
{
	const struct fixture *f = data;
	struct diag diag = DIAG_INIT;
	struct efi_boot boot;
	int r;

	if (mount("tmpfs", "/usr/lib", "tmpfs", 0, NULL) < 0)
		return 1;
	r = efi_boot_read(&f->root, &boot, &diag);
	if (r != -ENOSYS || !boot.present || boot.secure_boot != -1)
		return 2;
	return strstr(diag.text, "libefivar") && strstr(diag.text, "--loader") ? 0 : 3;
}

static void test_no_library(void **state)
{
	struct fixture *f = *state;
	int r;

	machine(f);
	put_efi_text(f, "LoaderInfo", "GRUB 2.12");
	r = in_namespace(without_library, f);
	if (r == -1)
		skip();
	assert_int_equal(r, 0);
}

/* The library ends the program with success where it likes; so would the tests be. */
static bool is_finished;

static void unfinished(void)
{
	if (is_finished)
		return;
	print_error("something ended the program\n");
	_exit(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_image),
		cmocka_machine_test(test_no_efi),
		cmocka_machine_test(test_hostile_directory),
		cmocka_machine_test(test_systemd_boot),
		cmocka_machine_test(test_grub),
		cmocka_machine_test(test_odd_texts),
		cmocka_machine_test(test_short_files),
		cmocka_machine_test(test_boot_current),
		cmocka_machine_test(test_boot_number),
		cmocka_machine_test(test_truncated_option),
		cmocka_machine_test(test_broken_device_path),
		cmocka_machine_test(test_long_file),
		cmocka_machine_test(test_secure_boot),
		cmocka_machine_test(test_environment),
		cmocka_machine_test(test_twice),
		cmocka_machine_test(test_no_library),
	};

	int failed;

	assert_int_equal(atexit(unfinished), 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	is_finished = true;
	return failed;
}
