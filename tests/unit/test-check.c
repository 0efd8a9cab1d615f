// SPDX-License-Identifier: GPL-2.0-or-later
/* The parts of `check` that are pure, or look at one thing. Whole hosts are in tests/cli/check.sh. */
#include <string.h>

#include "bootcfg/check.h"
#include "bootcfg/default-entry.h"
#include "bootcfg/grub-default.h"
#include "bootcfg/image-modules.h"
#include "bootcfg/option-rom.h"
#include "tests/unit/newc.h"

/* --- option ROMs ------------------------------------------------------------------------------- */

static void add_rom_at(struct bytes *rom, unsigned char code, unsigned char indicator,
		       unsigned units, unsigned offset)
{
	unsigned char image[512] = {0x55, 0xaa};
	unsigned char *pcir = image + offset;

	image[0x18] = (unsigned char)offset;
	image[0x19] = (unsigned char)(offset >> 8);
	memcpy(pcir, "PCIR", 4);
	pcir[0x10] = (unsigned char)units;
	pcir[0x14] = code;
	pcir[0x15] = indicator;
	add_bytes(rom, image, sizeof(image));
}

static enum option_rom kind(const struct bytes *rom)
{
	return option_rom_kind((const unsigned char *)rom->data, rom->size);
}

static void option_roms_say_what_code_they_have(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes legacy = {.data = NULL}, both = {.data = NULL};
	_cleanup_bytes_ struct bytes hidden = {.data = NULL};

	assert_int_equal(option_rom_kind((const unsigned char *)"", 0), ROM_NONE);
	assert_int_equal(option_rom_kind((const unsigned char *)"\x55\xaa", 2), ROM_NONE);
	add_rom_at(&legacy, 0, 0x80, 1, 0x1c);
	assert_int_equal(kind(&legacy), ROM_LEGACY);
	add_rom_at(&both, 0, 0, 1, 0x40);
	add_rom_at(&both, 3, 0x80, 1, 0x1c);
	assert_int_equal(kind(&both), ROM_UEFI);
	/* What stands behind the last image does not count. */
	add_rom_at(&hidden, 0, 0x80, 1, 0x1c);
	add_rom_at(&hidden, 3, 0x80, 1, 0x1c);
	assert_int_equal(kind(&hidden), ROM_LEGACY);
}

static void torn_option_roms_end_where_they_are_torn(_unused_ void **state)
{
	_cleanup_bytes_ struct bytes rom = {.data = NULL}, no_length = {.data = NULL};

	add_rom_at(&rom, 0, 0, 1, 0x1c);
	add_rom_at(&rom, 3, 0x80, 1, 0x1c);
	for (size_t size = 0; size < rom.size; size++) {
		enum option_rom found = option_rom_kind((const unsigned char *)rom.data, size);

		assert_int_equal(found, size < 0x1c + 0x16	   ? ROM_NONE
					: size < 512 + 0x1c + 0x16 ? ROM_LEGACY
								   : ROM_UEFI);
	}
	add_rom_at(&no_length, 0, 0, 0, 0x1c);
	assert_int_equal(kind(&no_length), ROM_LEGACY);
	/* A structure that lies outside. */
	rom.data[0x19] = (char)0xff;
	assert_int_equal(kind(&rom), ROM_NONE);
}

/* --- lists of modules -------------------------------------------------------------------------- */

static void modules_are_found_by_their_whole_name(_unused_ void **state)
{
	static const char dep[] = "kernel/vfio-pci-core.ko.xz: kernel/vfio.ko.xz\n"
				  "kernel/my_vfio_pci.ko:\n"
				  "kernel/vfio-pci.ko.zst: kernel/vfio-pci-core.ko.xz\n";
	size_t len = 0;
	const char *line = modules_dep(dep, "vfio_pci", &len);

	assert_non_null(line);
	assert_memory_equal(line, "kernel/vfio-pci.ko.zst: kernel/vfio-pci-core.ko.xz", len);
	assert_null(modules_dep(dep, "vfio_pc", &len));
	assert_null(modules_dep(dep, "vfio_iommu_type1", &len));
	assert_null(modules_dep("kernel/vfio-pci.kobject: x\n", "vfio_pci", &len));
	assert_null(modules_dep("", "vfio_pci", &len));
	assert_true(modules_builtin("kernel/a.ko\nkernel/vfio-pci.ko", "vfio_pci"));
	assert_true(modules_builtin("vfio_pci.ko\n", "vfio_pci"));
	assert_false(modules_builtin("kernel/vfio-pci-core.ko\nkernel/xvfio-pci.ko\n", "vfio_pci"));
	assert_false(modules_builtin("kernel/vfio-pci", "vfio_pci"));
}

/* --- what boots by default --------------------------------------------------------------------- */

static void grub_takes_numbers_titles_ids_and_paths(_unused_ void **state)
{
	static const struct {
		const char *line;
		struct grub_place place;
		bool is;
	} cases[] = {
		{"set default=\"0\"", {.place = 0}, true},
		{"\tset default=0 ", {.place = 1}, false},
		{"set default='title'", {.place = 7}, true},
		{"set default=id", {.place = 7}, true},
		{"set default=id", {.in_submenu = true, .parent = 1, .place = 7}, false},
		{"set default=\"sub>id\"", {.in_submenu = true, .parent = 1, .place = 7}, true},
		{"set default=\"sub>id\"", {.place = 7}, false},
		{"set default=\"1>2\"", {.in_submenu = true, .parent = 1, .place = 2}, true},
		{"set default=\"1>2\"", {.in_submenu = true, .parent = 3, .place = 2}, false},
		{"set default=\"1\"", {.in_submenu = true, .parent = 1, .place = 0}, true},
		{"set default=\"1\"", {.in_submenu = true, .parent = 1, .place = 1}, false},
		{"set default=\"${saved_entry}\"", {.place = 4}, true},
		{"set default=\"${next_entry}\"", {.place = 0}, true},
		{"set defaults=9", {.place = 0}, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct grub_default wanted = {.saved = strdup("4")};

		assert_int_equal(grub_default_line(&wanted, cases[i].line, strlen(cases[i].line)),
				 0);
		if (grub_default_is(&wanted, cases[i].place, "title", "id") != cases[i].is)
			fail_msg("%s", cases[i].line);
		grub_default_free(&wanted);
	}
}

static void grub_boots_once_what_was_asked_for_once(_unused_ void **state)
{
	struct grub_default wanted = {.next = strdup("id")};
	static const char *const lines[] = {"set default=\"${next_entry}\"", "set default=\"0\""};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(grub_default_line(&wanted, lines[i], strlen(lines[i])), 0);
	assert_true(grub_default_is(&wanted, (struct grub_place){.place = 5}, NULL, "id"));
	assert_false(grub_default_is(&wanted, (struct grub_place){.place = 0}, NULL, "other"));
	grub_default_free(&wanted);
}

static void add_entry(struct boot_setup *setup, const char *file, const char *kernel)
{
	struct boot_line *line = boot_setup_add(setup);

	assert_non_null(line);
	line->role = LINE_ENTRY;
	line->file = strdup(file);
	line->kernel = strdup(kernel);
	assert_true(line->file && line->kernel);
}

static const char *chosen(const struct fixture *f, const struct efi_boot *efi,
			  const struct boot_setup *setup)
{
	struct diag diag = DIAG_INIT;
	int r = default_entry(&f->root, efi, setup, &diag);

	assert_true(r >= 0);
	return setup->lines[r].file;
}

static void systemd_boot_takes_its_variable_then_its_file_then_the_newest(void **state)
{
	struct boot_setup setup = {.loader = &loader_systemd_boot};
	struct efi_boot efi = {.present = true};
	struct fixture *f = *state;

	put_dir(f, "efi");
	machine_open(f);
	add_entry(&setup, "/efi/loader/entries/a-6.9.conf", "6.9");
	add_entry(&setup, "/efi/loader/entries/a-6.10.conf", "6.10");
	add_entry(&setup, "/efi/loader/entries/a-6.12+0-3.conf", "6.12");
	add_entry(&setup, "/efi/EFI/Linux/b-6.1.efi", "6.1");
	/* 6.12 has failed three times. */
	assert_string_equal(chosen(f, &efi, &setup), "/efi/loader/entries/a-6.10.conf");
	put(f, "efi/loader/loader.conf", "timeout 3\n#default x\ndefault A-6.9*\n");
	assert_string_equal(chosen(f, &efi, &setup), "/efi/loader/entries/a-6.9.conf");
	put(f, "efi/loader/loader.conf", "default  a-6.12.conf \r\n");
	assert_string_equal(chosen(f, &efi, &setup), "/efi/loader/entries/a-6.12+0-3.conf");
	put(f, "efi/loader/loader.conf", "default b-6.1.efi\n");
	assert_string_equal(chosen(f, &efi, &setup), "/efi/EFI/Linux/b-6.1.efi");
	snprintf(efi.entry_default, sizeof(efi.entry_default), "a-6.9.conf");
	assert_string_equal(chosen(f, &efi, &setup), "/efi/loader/entries/a-6.9.conf");
	snprintf(efi.entry_default, sizeof(efi.entry_default), "@saved");
	snprintf(efi.entry_selected, sizeof(efi.entry_selected), "b-6.1.efi");
	assert_string_equal(chosen(f, &efi, &setup), "/efi/EFI/Linux/b-6.1.efi");
	snprintf(efi.entry_default, sizeof(efi.entry_default), "gone.conf");
	assert_string_equal(chosen(f, &efi, &setup), "/efi/loader/entries/a-6.10.conf");
	boot_setup_free(&setup);
}

/* --- the IOMMU --------------------------------------------------------------------------------- */

static void what_switches_the_iommu_on_depends_on_whose_it_is(void **state)
{
	static const struct {
		const char *line;
		enum check_iommu intel, amd;
	} cases[] = {
		{"quiet", IOMMU_AS_BUILT, IOMMU_ON},
		{"intel_iommu=on", IOMMU_ON, IOMMU_ON},
		{"intel_iommu=on,sm_on iommu=pt", IOMMU_ON, IOMMU_ON},
		{"intel_iommu=off", IOMMU_OFF, IOMMU_ON},
		{"intel_iommu=off intel_iommu=on", IOMMU_ON, IOMMU_ON},
		{"intel_iommu=on intel_iommu=off", IOMMU_OFF, IOMMU_ON},
		{"amd_iommu=off", IOMMU_AS_BUILT, IOMMU_OFF},
		{"iommu=pt", IOMMU_AS_BUILT, IOMMU_ON},
		{"intel_iommu=on iommu=off", IOMMU_OFF, IOMMU_OFF},
		{"quiet -- intel_iommu=on iommu=off", IOMMU_AS_BUILT, IOMMU_ON},
	};
	struct host host = {.vendor = CPU_UNKNOWN};
	struct fixture *f = *state;
	enum cpu_vendor vendor;

	machine_text(f, "sys/firmware/acpi/tables/\n");
	assert_int_equal(check_firmware_iommu(&f->root, &host, &vendor), 0);
	put(f, "sys/firmware/acpi/tables/DMAR", "x");
	assert_int_equal(check_firmware_iommu(&f->root, &host, &vendor), 1);
	assert_int_equal(vendor, CPU_INTEL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(check_iommu_of(&f->root, &host, cases[i].line), cases[i].intel);
	drop(f, "sys/firmware/acpi/tables/DMAR");
	put(f, "sys/firmware/acpi/tables/IVRS", "x");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(check_iommu_of(&f->root, &host, cases[i].line), cases[i].amd);
	drop(f, "sys/firmware");
	assert_int_equal(check_firmware_iommu(&f->root, &host, &vendor), -1);
}

static void kernel_options_are_yes_no_or_not_known(void **state)
{
	struct fixture *f = *state;

	machine_text(f, "proc/x = 1\n");
	assert_int_equal(check_kernel_option(&f->root, "6.1", "INTEL_IOMMU"), 0);
	put(f, "boot/config-6.1",
	    "#\nCONFIG_INTEL_IOMMU=y\nCONFIG_VFIO=m\n# CONFIG_X is not set\n");
	assert_int_equal(check_kernel_option(&f->root, "6.1", "INTEL_IOMMU"), 'y');
	assert_int_equal(check_kernel_option(&f->root, "6.1", "VFIO"), 'm');
	assert_int_equal(check_kernel_option(&f->root, "6.1", "X"), 'n');
	put(f, "boot/config-6.1", "nothing of the kind\n");
	assert_int_equal(check_kernel_option(&f->root, "6.1", "X"), 0);
}

/* --- the kernel -------------------------------------------------------------------------------- */

static void a_kernel_says_its_version(void **state)
{
	char image[2048] = "", version[KERNEL_VERSION_STR] = "as it was";
	struct fixture *f = *state;

	put(f, "boot/short", "MZ");
	memcpy(image + 0x202, "HdrS", 4);
	image[0x20e] = 0;
	image[0x20f] = 2; /* 0x400 */
	strcpy(image + 0x400, "6.1.0-9-amd64 (builder) #1 SMP");
	put_bytes(f, "boot/good", image, sizeof(image));
	strcpy(image + 0x400, "not a version");
	put_bytes(f, "boot/bad", image, sizeof(image));
	image[0x20f] = 8; /* behind its end */
	put_bytes(f, "boot/torn", image, sizeof(image));
	put_dir(f, "boot/dir");
	machine_open(f);
	assert_int_equal(kernel_image_version(&f->root, "boot/short", version), -EBADMSG);
	assert_int_equal(kernel_image_version(&f->root, "boot/bad", version), -EBADMSG);
	assert_int_equal(kernel_image_version(&f->root, "boot/torn", version), -EBADMSG);
	assert_int_equal(kernel_image_version(&f->root, "boot/dir", version), -EBADMSG);
	assert_int_equal(kernel_image_version(&f->root, "boot/none", version), -ENOENT);
	assert_string_equal(version, "as it was");
	assert_int_equal(kernel_image_version(&f->root, "boot/good", version), 0);
	assert_string_equal(version, "6.1.0-9-amd64");
}

/* --- problems ---------------------------------------------------------------------------------- */

static void problems_are_clean_and_said_once(_unused_ void **state)
{
	_cleanup_problems_ struct problems problems = {.count = 0};

	problem_add(&problems, PROBLEM_UNEXPECTED, false, "a\033[31m%s", "b");
	problem_add(&problems, PROBLEM_UNEXPECTED, false, "a\033[31m%s", "b");
	assert_int_equal(problems.count, 1);
	assert_string_equal(problems.items[0].text, "a?[31mb");
	assert_null(problems_stop(&problems));
	problem_add(&problems, PROBLEM_NO_EARLY, true, "c");
	assert_string_equal(problems_stop(&problems)->text, "c");
	for (unsigned i = 0; i < PROBLEM_REASONS; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(problem_word(i), problem_word(j));
	for (unsigned i = 0; i < PROBLEM_REASONS; i++)
		assert_true(*problem_word(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(option_roms_say_what_code_they_have),
		cmocka_unit_test(torn_option_roms_end_where_they_are_torn),
		cmocka_unit_test(modules_are_found_by_their_whole_name),
		cmocka_unit_test(grub_takes_numbers_titles_ids_and_paths),
		cmocka_unit_test(grub_boots_once_what_was_asked_for_once),
		cmocka_machine_test(systemd_boot_takes_its_variable_then_its_file_then_the_newest),
		cmocka_machine_test(what_switches_the_iommu_on_depends_on_whose_it_is),
		cmocka_machine_test(kernel_options_are_yes_no_or_not_known),
		cmocka_machine_test(a_kernel_says_its_version),
		cmocka_unit_test(problems_are_clean_and_said_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
