// SPDX-License-Identifier: GPL-2.0-or-later
/* Which boot source is edited: by the EFI variables of a captured machine, else by files. */
#include <string.h>

#include "bootcfg/active.h"
#include "tests/unit/efi.h"

/* --- loaders that are there where a file of their name is -------------------------------------- */

static int detect(const struct boot_context *context, const char *name, struct diag *diag)
{
	char path[64];

	snprintf(path, sizeof(path), "fake/%s-broken", name);
	if (root_exists(context->root, path))
		return diag_set(diag, -ENODEV, "/efi", 0, "%s: not mounted", name);
	snprintf(path, sizeof(path), "fake/%s", name);
	return root_exists(context->root, path);
}

#define FAKE(symbol, text)                                                                         \
	static int detect_##symbol(const struct boot_context *context, struct diag *diag)          \
	{                                                                                          \
		return detect(context, text, diag);                                                \
	}                                                                                          \
	const struct loader loader_##symbol = {.name = text, .detect = detect_##symbol}

FAKE(kernelstub, "kernelstub");
FAKE(systemd_boot, "systemd-boot");
FAKE(grub, "grub");

const struct loader *const loaders[] = {&loader_kernelstub, &loader_systemd_boot, &loader_grub,
					NULL};

/* --- a question and its answer ----------------------------------------------------------------- */

struct answer {
	struct active active;
	struct remarks remarks;
	struct diag diag;
	int error;
	char chosen[128]; /* names with a blank between */
};

static void answer_free(struct answer *answer)
{
	remarks_free(&answer->remarks);
}

static struct answer ask(const struct fixture *f, const char *const *names)
{
	struct answer answer = {.error = 0};
	struct boot_context context = {.root = &f->root, .remarks = &answer.remarks};

	answer.error = active_find(&context, names, &answer.active, &answer.diag);
	for (size_t i = 0; i < answer.active.chosen_count; i++) {
		if (i)
			strcat(answer.chosen, " ");
		strcat(answer.chosen, answer.active.chosen[i]->name);
	}
	/* An error says why; a choice is one. */
	assert_int_equal(answer.error < 0, answer.diag.text[0] != '\0');
	assert_true(answer.error < 0 || answer.active.chosen_count > 0);
	return answer;
}

static const char *const nothing[] = {NULL};

static void assert_chosen(const struct fixture *f, const char *chosen, bool certain)
{
	_cleanup_(answer_free) struct answer answer = ask(f, nothing);

	if (answer.error)
		print_error("%s\n", answer.diag.text);
	assert_int_equal(answer.error, 0);
	assert_string_equal(answer.chosen, chosen);
	assert_int_equal(answer.active.certain, certain);
}

static void assert_refused(const struct fixture *f, int error, const char *word)
{
	_cleanup_(answer_free) struct answer answer = ask(f, nothing);

	assert_int_equal(answer.error, error);
	assert_int_equal(answer.active.chosen_count, 0);
	assert_mentions(answer.diag.text, word, NULL);
}

/* Loaders with a blank between; a live EFI machine whose variables say nothing yet. */
static void machine(struct fixture *f, const char *names)
{
	char text[128], *rest = text, *name;

	put(f, ".vfio-machine", "%s", "");
	put_efi(f, "Timeout", EFI_GLOBAL, "\x05\x00", 2);
	put_dir(f, "fake");
	snprintf(text, sizeof(text), "%s", names);
	while ((name = strsep(&rest, " "))) {
		char path[160];

		snprintf(path, sizeof(path), "fake/%s", name);
		put(f, path, "%s", "");
	}
	machine_open(f);
}

static void image(struct fixture *f, const char *names)
{
	machine(f, names);
	drop(f, ".vfio-machine");
	machine_open(f);
}

/* --- live, by the variables -------------------------------------------------------------------- */

static void test_loader_info(void **state)
{
	struct fixture *f = *state;

	machine(f, "grub systemd-boot");
	put_efi_text(f, "LoaderInfo", "systemd-boot 257.8-1~deb13u2");
	assert_chosen(f, "systemd-boot", true);
	put_efi_text(f, "LoaderInfo", "GRUB 2.12");
	assert_chosen(f, "grub", true);
	/* BootCurrent may be a shim in front of it, or firmware that started something else. */
	put_efi_boot(f, "Linux", "\\EFI\\debian\\grubx64.efi", NULL);
	put_efi_text(f, "LoaderInfo", "systemd-boot 257");
	assert_chosen(f, "systemd-boot", true);
	put_efi_boot(f, "Linux", "\\EFI\\systemd\\systemd-bootx64.efi", NULL);
	put_efi_text(f, "LoaderInfo", "GRUB 2.12");
	assert_chosen(f, "grub", true);
}

static void test_booted_by_what_is_unknown(void **state)
{
	struct fixture *f = *state;

	machine(f, "grub systemd-boot");
	put_efi_text(f, "LoaderInfo", "rEFInd 0.14.0");
	assert_refused(f, -EPERM, "rEFInd");
	put_efi_text(f, "LoaderInfo", "systemd-bootleg 1");
	assert_refused(f, -EPERM, "systemd-bootleg");
	/* A kernel as EFI stub: its command line is in the boot option. */
	drop(f, EFIVARS "LoaderInfo-" EFI_LOADER);
	put_efi_boot(f, "Arch", "\\vmlinuz-linux", "root=/dev/sda2 initrd=\\initramfs-linux.img");
	assert_refused(f, -EPERM, "efibootmgr");
}

static void test_boot_current(void **state)
{
	static const struct {
		const char *file, *chosen; /* NULL: cannot be told */
	} rows[] = {
		{"\\EFI\\systemd\\systemd-bootx64.efi", "systemd-boot"},
		{"\\EFI\\SYSTEMD\\SYSTEMD-BOOTX64.EFI", "systemd-boot"},
		{"\\EFI\\systemd\\systemd-bootaa64.efi.signed.efi", "systemd-boot"},
		{"\\EFI\\debian\\grubx64.efi", "grub"},
		{"\\EFI\\fedora\\shimx64.efi", "grub"},
		{"\\EFI\\ubuntu\\SHIM.EFI", "grub"},
		{"\\EFI\\Linux\\arch-linux.efi", "systemd-boot"},
		{"\\EFI\\BOOT\\BOOTX64.EFI", NULL},
		{"\\EFI\\Microsoft\\Boot\\bootmgfw.efi", NULL},
		{"\\EFI\\grubx64.efi", NULL},
		{"", NULL},
	};
	struct fixture *f = *state;

	machine(f, "grub systemd-boot");
	assert_refused(f, -EPERM, "--loader systemd-boot, --loader grub");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put_efi_boot(f, "x", rows[i].file, NULL);
		if (rows[i].chosen)
			assert_chosen(f, rows[i].chosen, true);
		else
			assert_refused(f, -EPERM, "--loader grub");
	}
}

static void test_uki(void **state)
{
	struct fixture *f = *state;

	machine(f, "grub systemd-boot");
	/* Started by the firmware, by systemd-boot, by GRUB as one of its entries. */
	put_efi_text(f, "StubInfo", "systemd-stub 257");
	put_efi_boot(f, "x", "\\EFI\\BOOT\\BOOTX64.EFI", NULL);
	assert_chosen(f, "systemd-boot", true);
	put_efi_text(f, "LoaderEntrySelected", "debian-6.12.EFI");
	put_efi_text(f, "LoaderInfo", "systemd-boot 257");
	assert_chosen(f, "systemd-boot", true);
	put_efi_text(f, "LoaderInfo", "GRUB 2.14");
	assert_chosen(f, "systemd-boot", true);
	/* GRUB gave it a command line of its own. */
	put_efi_text(f, "LoaderEntrySelected", "debian-6.12");
	assert_chosen(f, "grub", true);
	put_efi_text(f, "LoaderEntrySelected", ".efi");
	assert_chosen(f, "grub", true);
}

static void test_booted_and_not_there(void **state)
{
	struct fixture *f = *state;

	machine(f, "grub");
	put_efi_text(f, "LoaderInfo", "systemd-boot 257");
	assert_refused(f, -ENOENT, "mount");
	assert_refused(f, -ENOENT, "found: grub");
	put(f, "fake/systemd-boot-broken", "%s", "");
	assert_refused(f, -ENODEV, "systemd-boot: not mounted");
	/* What cannot be asked does not matter where another one boots. */
	put_efi_text(f, "LoaderInfo", "GRUB 2.12");
	assert_chosen(f, "grub", true);
}

static void test_kernelstub(void **state)
{
	struct fixture *f = *state;

	machine(f, "grub systemd-boot kernelstub");
	put_efi_text(f, "LoaderInfo", "systemd-boot 249");
	assert_chosen(f, "kernelstub", true);
	/* The package is there, and GRUB boots. */
	put_efi_text(f, "LoaderInfo", "GRUB 2.12");
	assert_chosen(f, "grub", true);
	/* Its kernel is started by the firmware. */
	drop(f, EFIVARS "LoaderInfo-" EFI_LOADER);
	put_efi_boot(f, "Pop!_OS 22.04",
		     "\\EFI\\Pop_OS-81af4e2b-1d75-43f6-8ab1-f16e3f5a1e4f\\vmlinuz.efi",
		     "root=UUID=81af4e2b ro quiet");
	assert_chosen(f, "kernelstub", true);
	drop(f, "fake/kernelstub");
	assert_refused(f, -ENOENT, "kernelstub booted this system");
}

/* --- live, by files ---------------------------------------------------------------------------- */

static void test_bios(void **state)
{
	struct fixture *f = *state;

	/* Whatever lies about: without EFI only GRUB can have booted. */
	machine(f, "grub systemd-boot kernelstub");
	drop(f, "sys/firmware");
	assert_chosen(f, "grub", true);
	drop(f, "fake/grub");
	assert_refused(f, -ENOENT, "BIOS");
	put(f, "fake/grub-broken", "%s", "");
	assert_refused(f, -ENODEV, "grub: not mounted");
}

/* EFI without variables, as with a real-time kernel. */
static void test_efi_without_variables(void **state)
{
	struct fixture *f = *state;

	machine(f, "grub");
	drop(f, "sys/firmware/efi/efivars");
	assert_chosen(f, "grub", false);
	put(f, "fake/systemd-boot", "%s", "");
	assert_refused(f, -EPERM, "--loader");
	drop(f, "fake/grub");
	assert_chosen(f, "systemd-boot", false);
	put(f, "fake/kernelstub", "%s", "");
	assert_chosen(f, "kernelstub", false);
	put(f, "fake/grub-broken", "%s", "");
	assert_refused(f, -ENODEV, "grub: not mounted");
	drop(f, "fake");
	put_dir(f, "fake");
	assert_refused(f, -ENOENT, "no boot loader");
}

/* What was found is told on failure too. */
static void test_found_on_failure(void **state)
{
	struct fixture *f = *state;
	_cleanup_(answer_free) struct answer answer = {.error = 0};

	machine(f, "grub systemd-boot");
	answer = ask(f, nothing);
	assert_int_equal(answer.error, -EPERM);
	assert_int_equal(answer.active.found_count, 2);
	assert_true(answer.active.efi.present);
}

static void test_remarks(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	machine(f, "grub systemd-boot kernelstub");
	put_efi_text(f, "LoaderInfo", "systemd-boot 249");
	answer = ask(f, nothing);
	assert_int_equal(answer.remarks.count, 1);
	assert_mentions(answer.remarks.items[0], "grub", "--loader grub", NULL);
	answer_free(&answer);
	drop(f, "fake/grub");
	answer = ask(f, nothing);
	assert_int_equal(answer.remarks.count, 0);
	answer_free(&answer);
}

/* --- --loader ---------------------------------------------------------------------------------- */

static void test_named(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	machine(f, "grub systemd-boot");
	answer = ask(f, (const char *const[]){"grub", NULL});
	assert_string_equal(answer.chosen, "grub");
	assert_false(answer.active.certain);
	answer = ask(f, (const char *const[]){"grub", "systemd-boot", "grub", NULL});
	assert_string_equal(answer.chosen, "grub systemd-boot");
	put_efi_text(f, "LoaderInfo", "GRUB 2.12");
	answer = ask(f, (const char *const[]){"grub", NULL});
	assert_true(answer.active.certain);
	answer = ask(f, (const char *const[]){"systemd-boot", NULL});
	assert_string_equal(answer.chosen, "systemd-boot");
	assert_false(answer.active.certain);
	/* Whatever booted. */
	put_efi_text(f, "LoaderInfo", "rEFInd 0.14.0");
	answer = ask(f, (const char *const[]){"grub", NULL});
	assert_string_equal(answer.chosen, "grub");
	answer = ask(f, (const char *const[]){"kernelstub", NULL});
	assert_int_equal(answer.error, -EINVAL);
	assert_mentions(answer.diag.text, "kernelstub", "systemd-boot, grub", NULL);
	put(f, "fake/kernelstub-broken", "%s", "");
	answer = ask(f, (const char *const[]){"kernelstub", NULL});
	assert_int_equal(answer.error, -ENODEV);
	answer = ask(f, (const char *const[]){"grub", NULL});
	assert_int_equal(answer.error, 0);
}

/* --- images ------------------------------------------------------------------------------------ */

static void test_image(void **state)
{
	struct fixture *f = *state;
	_cleanup_(answer_free) struct answer answer = {.error = 0};

	image(f, "grub systemd-boot");
	/* The variables that lie in it are of no machine. */
	put_efi_text(f, "LoaderInfo", "GRUB 2.12");
	assert_chosen(f, "systemd-boot grub", false);
	put(f, "fake/kernelstub", "%s", "");
	assert_chosen(f, "kernelstub grub", false);
	answer = ask(f, (const char *const[]){"systemd-boot", NULL});
	assert_string_equal(answer.chosen, "systemd-boot");
	assert_int_equal(answer.remarks.count, 0);
	put(f, "fake/grub-broken", "%s", "");
	assert_refused(f, -ENODEV, "grub: not mounted");
	drop(f, "fake");
	assert_refused(f, -ENOENT, "no boot loader");
}

/* --- systems that others manage ---------------------------------------------------------------- */

static void test_managed(void **state)
{
	static const struct {
		const char *files[3], *word;
		bool live, image; /* refused there */
	} rows[] = {
		{{"run/ostree-booted", "usr/bin/rpm-ostree"}, "rpm-ostree kargs", true, false},
		{{"ostree/repo", "usr/bin/rpm-ostree"}, "rpm-ostree kargs", false, true},
		{{"ostree/repo", "run/ostree-booted", "usr/bin/bootc"}, "kargs.d", true, true},
		{{"ostree/repo", "run/ostree-booted"}, "ostree admin", true, true},
		{{"etc/NIXOS"}, "boot.kernelParams", true, true},
		{{"run/current-system/profile", "etc/guix"}, "guix system", true, false},
		{{"gnu/store", "etc/guix"}, "guix system", false, true},
		/* The package manager on another distribution. */
		{{"gnu/store"}, NULL, false, false},
		{{"etc/kernel/proxmox-boot-uuids"}, "proxmox-boot-tool refresh", true, true},
		{{"usr/bin/sdbootutil"}, "sdbootutil update-all-entries", true, true},
		{{"usr/sbin/transactional-update"}, NULL, false, false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		machine(f, "grub");
		put_efi_text(f, "LoaderInfo", "GRUB 2.12");
		for (size_t j = 0; j < ARRAY_SIZE(rows[i].files) && rows[i].files[j]; j++)
			put(f, rows[i].files[j], "%s", "");
		if (rows[i].live)
			assert_refused(f, -EPERM, rows[i].word);
		else
			assert_chosen(f, "grub", true);
		drop(f, ".vfio-machine");
		machine_open(f);
		if (rows[i].image)
			assert_refused(f, -EPERM, rows[i].word);
		else
			assert_chosen(f, "grub", false);
		for (size_t j = 0; j < ARRAY_SIZE(rows[i].files) && rows[i].files[j]; j++)
			drop(f, rows[i].files[j]);
	}
}

static void test_transactional(void **state)
{
	static const struct {
		const char *fstab;
		bool refused;
	} rows[] = {
		{"/dev/vda3 / btrfs ro 0 0\n", true},
		{"# root\n\nUUID=1 /boot ext4 ro 0 0\n\tUUID=2\t/ btrfs\tdefaults,ro,noatime",
		 true},
		{"UUID=2 / btrfs rw,errors=remount-ro 0 0\n", false},
		{"#UUID=2 / btrfs ro 0 0\n", false},
		{"UUID=1 /var btrfs ro 0 0\n", false},
		{"UUID=1 /v btrfs ro 0 0\n", false},
		{"UUID=1 /\n", false},
		{"", false},
	};
	struct fixture *f = *state;

	image(f, "grub");
	put(f, "usr/sbin/transactional-update", "%s", "");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put(f, "etc/fstab", "%s", rows[i].fstab);
		if (rows[i].refused)
			assert_refused(f, -EPERM, "transactional-update grub.cfg");
		else
			assert_chosen(f, "grub", false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_loader_info),
		cmocka_machine_test(test_booted_by_what_is_unknown),
		cmocka_machine_test(test_boot_current),
		cmocka_machine_test(test_uki),
		cmocka_machine_test(test_booted_and_not_there),
		cmocka_machine_test(test_kernelstub),
		cmocka_machine_test(test_bios),
		cmocka_machine_test(test_efi_without_variables),
		cmocka_machine_test(test_found_on_failure),
		cmocka_machine_test(test_remarks),
		cmocka_machine_test(test_named),
		cmocka_machine_test(test_image),
		cmocka_machine_test(test_managed),
		cmocka_machine_test(test_transactional),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
