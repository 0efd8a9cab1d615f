// SPDX-License-Identifier: GPL-2.0-or-later
/* Where boot entries are looked for, fstab, and by what a system's own entries are known. */
#include <string.h>
#include <sys/mount.h>

#include "bootcfg/esp.h"
#include "bootcfg/fstab.h"
#include "bootcfg/system-id.h"
#include "tests/unit/fixture.h"

static struct boot_context context_of(struct fixture *f, struct remarks *remarks, const char *esp)
{
	return (struct boot_context){.root = &f->root, .esp = esp, .remarks = remarks};
}

/* What esp_find() gives, joined by blanks; its error as "-19 text". */
static const char *found(struct fixture *f, const char *esp, bool detect)
{
	static char text[1024];
	struct remarks remarks = {.count = 0};
	struct boot_context context = context_of(f, &remarks, esp);
	struct diag diag = DIAG_INIT;
	const char *dirs[ESP_MAX];
	size_t count = 0, len = 0;
	int r = detect ? esp_detect(&context, dirs, &count, &diag)
		       : esp_find(&context, dirs, &count, &diag);

	text[0] = '\0';
	if (r < 0)
		snprintf(text, sizeof(text), "%d %s: %s", r, diag.file, diag.text);
	for (size_t i = 0; !r && i < count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
					dirs[i]);
	return text;
}

static void partitions_are_known_by_what_they_hold(void **state)
{
	struct fixture *f = *state;

	put_dir(f, "efi/loader/entries");
	put_dir(f, "boot/grub");
	machine_open(f);
	assert_string_equal(found(f, NULL, false), "efi");
	put_dir(f, "boot/EFI/Linux");
	put_dir(f, "boot/efi/EFI/systemd");
	assert_string_equal(found(f, NULL, false), "efi boot boot/efi");
	assert_string_equal(found(f, "boot/efi//", false), "boot/efi");
	assert_string_equal(found(f, "boot/grub", false), "boot/grub");
	assert_mentions(found(f, "mnt", false), "-20 /mnt: ", "--esp", NULL);
}

/* A link, or one partition mounted twice, is one directory: an entry is edited once. */
static void same_directory_counts_once(void **state)
{
	struct fixture *f = *state;

	put_dir(f, "efi/loader/entries");
	put_dir(f, "boot");
	put_link(f, "boot/efi", "/efi");
	machine_open(f);
	assert_string_equal(found(f, NULL, false), "efi");
}

static void unmounted_partition_is_refused(void **state)
{
	struct fixture *f = *state;

	put_dir(f, "efi/loader/entries");
	put_dir(f, "boot/efi");
	put(f, "etc/fstab",
	    "# /boot/efi\nUUID=1 / ext4\nUUID=\"A-B\" /boot/efi/ vfat umask=77 0 1\n");
	machine_open(f);
	/* In an image nothing is ever mounted. */
	assert_string_equal(found(f, NULL, false), "efi");
	f->root.kind = ROOT_LIVE;
	assert_mentions(found(f, NULL, false), "-19 /boot/efi: ", "mount it", NULL);
	assert_mentions(found(f, "boot/efi", false), "-19 /boot/efi: ", NULL);
	assert_string_equal(found(f, "efi", false), "efi");
	assert_mentions(found(f, NULL, true), "-19 /boot/efi: ", NULL);
	/* Where GRUB is there, a partition that is not mounted is not what boots. */
	put(f, "boot/grub/grub.cfg", "menuentry\n");
	assert_string_equal(found(f, NULL, true), "");
	assert_mentions(found(f, NULL, false), "-19 /boot/efi: ", NULL);
	put(f, "etc/fstab", "UUID=1 /boot/efi vfat noauto,umask=77 0 1\n");
	assert_string_equal(found(f, NULL, false), "efi");
	/* What lies below the mount point is not what boots. */
	put_dir(f, "boot/efi/loader/entries");
	assert_mentions(found(f, NULL, false), "-19 /boot/efi: ", "mount it", NULL);
}

static int mount_and_find(void *data)
{
	struct fixture copy = *(struct fixture *)data, *f = &copy;

	/* The handle from outside would not see what is mounted here. */
	machine_open(f);
	f->root.kind = ROOT_LIVE;
	if (mount("none", path_in(f, "boot/efi"), "tmpfs", 0, NULL) < 0)
		return 77;
	put_dir(f, "boot/efi/loader/entries");
	return strcmp(found(f, NULL, false), "boot/efi") != 0;
}

static void mounted_partition_is_found(void **state)
{
	struct fixture *f = *state;
	int r;

	put_dir(f, "boot/efi");
	put(f, "etc/fstab", "UUID=1 /boot/efi vfat defaults 0 1\n");
	machine_open(f);
	f->root.kind = ROOT_LIVE;
	assert_mentions(found(f, NULL, false), "-19 ", NULL);
	r = in_namespace(mount_and_find, f);
	if (r == -1 || r == 77)
		skip();
	assert_int_equal(r, 0);
}

static void fstab_lines(void **state)
{
	struct fixture *f = *state;
	struct fstab_line line = {.source = NULL};
	struct diag diag = DIAG_INIT;

	put_dir(f, "etc");
	machine_open(f);
	assert_int_equal(fstab_find(&f->root, "/", &line, &diag), 0);
	put(f, "etc/fstab", "%s", "");
	assert_int_equal(fstab_find(&f->root, "/", &line, &diag), 0);
	assert_null(line.source);
	put(f, "etc/fstab",
	    "#x / y\n\n/dev/a\t/\text4\nUUID=\"b\"  /  ext4 rw 0 1\nc /boot%s vfat rw,noauto\n",
	    "");
	assert_int_equal(fstab_find(&f->root, "/", &line, &diag), 1);
	assert_string_equal(line.source, "UUID=b");
	assert_false(line.noauto);
	fstab_line_free(&line);
	assert_int_equal(fstab_find(&f->root, "/boot", &line, &diag), 1);
	assert_true(line.noauto);
	fstab_line_free(&line);
	drop(f, "etc/fstab");
	put_dir(f, "etc/fstab");
	assert_int_equal(fstab_find(&f->root, "/", &line, &diag), -EISDIR);
}

static void assert_id(struct fixture *f, const char *machine_id, const char *root_arg)
{
	_cleanup_system_id_ struct system_id id = {.machine_id = NULL};
	struct diag diag = DIAG_INIT;

	assert_int_equal(system_id_read(&f->root, &id, &diag), 0);
	assert_string_equal(id.machine_id ? id.machine_id : "-", machine_id);
	assert_string_equal(id.root_arg ? id.root_arg : "-", root_arg);
	assert_int_equal(system_id_root(&id, "quiet root=/dev/sda1 root=LABEL=x -- root=UUID=3"),
			 0);
	assert_string_equal(id.root_arg, strcmp(root_arg, "-") ? root_arg : "root=LABEL=x");
}

static void system_is_known_by_its_ids(void **state)
{
	struct fixture *f = *state;

	put_dir(f, "etc");
	machine_open(f);
	assert_id(f, "-", "-");
	put(f, "etc/machine-id", "uninitialized\n");
	put(f, "etc/fstab", "/dev/sda1 / ext4\n");
	assert_id(f, "-", "-");
	put(f, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	put(f, "etc/fstab", "UUID=1-2 / ext4\n");
	assert_id(f, "0123456789abcdef0123456789abcdef", "root=UUID=1-2");
	put(f, "etc/machine-id", "0123456789abcdef0123456789abcdef0\n");
	put(f, "etc/fstab", "/dev/disk/by-partuuid/ab / ext4\n");
	assert_id(f, "-", "root=PARTUUID=ab");
}

static void assert_entry_id(struct fixture *f, const char *entry_id)
{
	_cleanup_system_id_ struct system_id id = {.machine_id = NULL};
	struct diag diag = DIAG_INIT;

	assert_int_equal(system_id_read(&f->root, &id, &diag), 0);
	assert_string_equal(id.entry_id ? id.entry_id : "-", entry_id);
}

static void entries_are_known_by_their_token(void **state)
{
	struct fixture *f = *state;

	put_dir(f, "etc");
	machine_open(f);
	put(f, "etc/machine-info", "PRETTY_HOSTNAME=a\nKERNEL_INSTALL_LAYOUT=bls\n");
	assert_entry_id(f, "-");
	put(f, "etc/machine-info",
	    "X=1\nKERNEL_INSTALL_MACHINE_ID=0123456789abcdef0123456789abcdef");
	assert_entry_id(f, "0123456789abcdef0123456789abcdef");
	put(f, "etc/machine-info",
	    "KERNEL_INSTALL_MACHINE_ID=\"0123456789abcdef0123456789abcdef\"\n");
	assert_entry_id(f, "0123456789abcdef0123456789abcdef");
	put(f, "etc/kernel/entry-token", "fedcba9876543210fedcba9876543210\n");
	assert_entry_id(f, "fedcba9876543210fedcba9876543210");
	put(f, "etc/kernel/entry-token", "fedcba9876543210fedcba98765432100\n");
	assert_entry_id(f, "-");
	put(f, "etc/kernel/entry-token", "debian\n");
	assert_entry_id(f, "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(partitions_are_known_by_what_they_hold),
		cmocka_machine_test(same_directory_counts_once),
		cmocka_machine_test(unmounted_partition_is_refused),
		cmocka_machine_test(mounted_partition_is_found),
		cmocka_machine_test(fstab_lines),
		cmocka_machine_test(system_is_known_by_its_ids),
		cmocka_machine_test(entries_are_known_by_their_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
