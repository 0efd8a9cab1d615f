// SPDX-License-Identifier: GPL-2.0-or-later
/* What is known of a machine, and of an image. */
#include <string.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/host.h"
#include "tests/unit/fixture.h"

#define CPUINFO(vendor, flags)                                                                     \
	"processor\t: 0\nvendor_id\t: " vendor "\ncpu family\t: 23\nmodel name\t: Any CPU\n"       \
	"flags\t\t: fpu vme " flags " sse2\nbugs\t\t:\n\nprocessor\t: 1\n"

static void machine(const struct fixture *f)
{
	put(f, ".vfio-machine", "\n");
	put(f, "proc/cpuinfo", CPUINFO("AuthenticAMD", "pse pdpe1gb"));
	put(f, "sys/devices/system/cpu/present", "0-15\n");
	put(f, "sys/devices/system/cpu/cpu8/topology/thread_siblings_list", "0,8\n");
	put(f, "proc/sys/kernel/osrelease", "6.12.0-amd64\n");
	put(f, "proc/cmdline", "root=/dev/sda1 ro\n");
	put(f, "proc/meminfo", "MemTotal: 32768 kB\nHugepagesize:       2048 kB\n");
}

static void load(struct fixture *f, struct host *ret)
{
	machine_open(f);
	assert_int_equal(host_load(&f->root, ret), 0);
}

static void a_machine_is_read(void **state)
{
	_cleanup_host_ struct host host = {.cpus = 0};
	struct fixture *f = *state;
	cpu_set_t siblings;

	machine(f);
	load(f, &host);
	assert_int_equal(host.vendor, CPU_AMD);
	assert_true(host.flags_known && host.has_2m && host.has_1g);
	assert_int_equal(host.cpus, 16);
	assert_int_equal(CPU_COUNT(&host.present), 16);
	assert_string_equal(host.running, "6.12.0-amd64");
	assert_string_equal(host.cmdline, "root=/dev/sda1 ro");
	assert_int_equal(host_default_page_kib(&host), 2048);
	assert_int_equal(host_siblings(&host, 8, &siblings), 0);
	assert_int_equal(CPU_COUNT(&siblings), 2);
	assert_true(CPU_ISSET(0, &siblings));
	assert_int_equal(host_siblings(&host, 9, &siblings), -ENOENT);
}

static void an_image_says_nothing_of_a_machine(void **state)
{
	_cleanup_host_ struct host host = {.cpus = 1};
	struct fixture *f = *state;
	cpu_set_t siblings;

	machine(f);
	drop(f, ".vfio-machine");
	put(f, "usr/lib/modules/6.1.0/modules.dep", "\n");
	load(f, &host);
	assert_int_equal(host.vendor, CPU_UNKNOWN);
	assert_false(host.flags_known);
	assert_int_equal(host.cpus, 0);
	assert_null(host.running);
	assert_null(host.cmdline);
	assert_int_equal(host_default_page_kib(&host), 0);
	assert_int_equal(host_siblings(&host, 8, &siblings), -ENOENT);
	assert_int_equal(host.kernel_count, 1);
}

static void a_machine_without_its_files_is_unknown(void **state)
{
	_cleanup_host_ struct host host = {.cpus = 1};
	struct fixture *f = *state;

	put(f, ".vfio-machine", "\n");
	put_dir(f, "proc/cpuinfo"); /* cannot be read */
	load(f, &host);
	assert_int_equal(host.vendor, CPU_UNKNOWN);
	assert_false(host.flags_known);
	assert_int_equal(host.cpus, 0);
	assert_int_equal(host.kernel_count, 0);
	assert_true(host_kernels_from(&host, 99, 0, NULL));
	assert_int_equal(host_default_page_kib(&host), 0);
}

static void vendors(void **state)
{
	static const struct {
		const char *vendor;
		enum cpu_vendor wanted;
	} rows[] = {{"GenuineIntel", CPU_INTEL},
		    {"AuthenticAMD", CPU_AMD},
		    {"HygonGenuine", CPU_AMD},
		    {"CentaurHauls", CPU_UNKNOWN},
		    {"NotGenuineIntel", CPU_UNKNOWN}};
	struct fixture *f = *state;

	machine(f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_host_ struct host host = {.cpus = 0};

		put(f, "proc/cpuinfo",
		    "model name\t: vendor_id : GenuineIntel\nvendor_id\t: %s\n"
		    "flags\t\t: pse36 pdpe1gb_not\n\n",
		    rows[i].vendor);
		load(f, &host);
		assert_int_equal(host.vendor, rows[i].wanted);
		assert_true(host.flags_known);
		assert_false(host.has_2m || host.has_1g);
	}
}

/* With hundreds of CPUs the file is long: the first one's lines say it all. */
static void long_cpuinfo(void **state)
{
	_cleanup_host_ struct host host = {.cpus = 0};
	struct fixture *f = *state;
	static char text[200000];
	size_t at = 0;

	machine(f);
	while (at < sizeof(text) - 1000)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       CPUINFO("GenuineIntel", "pse pdpe1gb"));
	put_bytes(f, "proc/cpuinfo", text, at);
	load(f, &host);
	assert_int_equal(host.vendor, CPU_INTEL);
	assert_true(host.has_1g);
}

/* A line that is cut says nothing of what is behind the cut. */
static void flags_that_are_cut_are_unknown(void **state)
{
	_cleanup_host_ struct host host = {.cpus = 0};
	struct fixture *f = *state;
	static char text[20000];

	machine(f);
	memset(text, 'x', sizeof(text));
	memcpy(text, "flags\t: pse ", 12);
	put_bytes(f, "proc/cpuinfo", text, sizeof(text));
	load(f, &host);
	assert_false(host.flags_known);
}

static void kernels_are_the_installed_ones(void **state)
{
	_cleanup_host_ struct host host = {.cpus = 0};
	struct fixture *f = *state;
	const char *older = NULL;

	put(f, "usr/lib/modules/6.12.85+deb13-amd64/modules.dep", "\n");
	put(f, "usr/lib/modules/6.9.0/kernel/x.ko", "\n");
	put(f, "usr/lib/modules/5.10.0-30/modules.dep", "\n");
	put_dir(f, "usr/lib/modules/5.4.0-removed/updates"); /* what a removed package left */
	put(f, "usr/lib/modules/extramodules-5.0/modules.dep", "\n");
	put(f, "usr/lib/modules/4/modules.dep", "\n");
	put_link(f, "lib", "usr/lib");
	load(f, &host);
	assert_int_equal(host.kernel_count, 3);
	assert_string_equal(host.kernels[0].version, "5.10.0-30");
	assert_string_equal(host.kernels[1].version, "6.9.0");
	assert_string_equal(host.kernels[2].version, "6.12.85+deb13-amd64");
	assert_int_equal(host.kernels[2].major, 6);
	assert_int_equal(host.kernels[2].minor, 12);

	assert_false(host_kernels_from(&host, 5, 16, &older));
	assert_string_equal(older, "5.10.0-30");
	assert_true(host_kernels_from(&host, 5, 10, NULL));
	assert_true(host_kernels_from(&host, 4, 20, NULL));
	assert_false(host_kernels_from(&host, 6, 10, NULL));
}

static void kernels_in_both_places_count_once(void **state)
{
	_cleanup_host_ struct host host = {.cpus = 0};
	struct fixture *f = *state;

	put(f, "usr/lib/modules/6.1.0/modules.dep", "\n");
	put(f, "lib/modules/6.1.0/modules.dep", "\n");
	put(f, "lib/modules/5.15.0/modules.dep", "\n");
	load(f, &host);
	assert_int_equal(host.kernel_count, 2);
	assert_string_equal(host.kernels[0].version, "5.15.0");
}

static enum acs_patch acs_of(struct fixture *f)
{
	_cleanup_host_ struct host host = {.cpus = 0};

	load(f, &host);
	assert_int_equal(host.kernel_count, 1);
	return host_acs(&host, &host.kernels[0]);
}

#define SYMBOL_NEAR "ffffffff81a00000 T pci_dev_specific_acs_enabled\n"
#define SYMBOL_PATCH "ffffffff81b00000 t pcie_acs_overrides\n"

static void the_patch_is_looked_for_in_symbols(void **state)
{
	struct fixture *f = *state;

	put(f, "usr/lib/modules/6.12.0/modules.dep", "\n");
	assert_int_equal(acs_of(f), ACS_UNKNOWN);
	put(f, "usr/lib/modules/6.12.0/System.map", SYMBOL_NEAR);
	assert_int_equal(acs_of(f), ACS_NO);
	/* The one in /boot is asked first; Debian's says nothing. */
	put(f, "boot/System.map-6.12.0", "ffffffffffffffff B The real System.map is elsewhere\n");
	assert_int_equal(acs_of(f), ACS_NO);
	put(f, "boot/System.map-6.12.0", SYMBOL_NEAR SYMBOL_PATCH);
	assert_int_equal(acs_of(f), ACS_YES);
	put(f, "boot/System.map-6.11.0", SYMBOL_NEAR SYMBOL_PATCH);
	put(f, "boot/System.map-6.12.0", SYMBOL_NEAR);
	assert_int_equal(acs_of(f), ACS_NO);
}

static void of_the_running_kernel_kallsyms_is_read(void **state)
{
	struct fixture *f = *state;

	machine(f);
	put(f, "usr/lib/modules/6.12.0-amd64/modules.dep", "\n");
	put(f, "proc/kallsyms", SYMBOL_NEAR SYMBOL_PATCH);
	assert_int_equal(acs_of(f), ACS_YES);
	put(f, "proc/kallsyms", "\n");
	assert_int_equal(acs_of(f), ACS_UNKNOWN);
	/* Of another one it says nothing, nor in an image. */
	put(f, "proc/kallsyms", SYMBOL_NEAR SYMBOL_PATCH);
	put(f, "proc/sys/kernel/osrelease", "6.11.0\n");
	assert_int_equal(acs_of(f), ACS_UNKNOWN);
	put(f, "proc/sys/kernel/osrelease", "6.12.0-amd64\n");
	drop(f, ".vfio-machine");
	assert_int_equal(acs_of(f), ACS_UNKNOWN);
}

/* The file is read in pieces: a name must be found wherever the cut is. */
static void a_symbol_across_two_pieces_is_found(void **state)
{
	struct fixture *f = *state;
	static char text[200000];
	const size_t size = sizeof(SYMBOL_PATCH) - 1;

	put(f, "usr/lib/modules/6.12.0/modules.dep", "\n");
	memset(text, '\n', sizeof(text));
	memcpy(text, SYMBOL_NEAR, sizeof(SYMBOL_NEAR) - 1);
	for (size_t at = 65536 - size; at <= 65536; at += 3) {
		memset(text + 1000, '\n', sizeof(text) - 1000);
		memcpy(text + at, SYMBOL_PATCH, size);
		put_bytes(f, "boot/System.map-6.12.0", text, sizeof(text));
		assert_int_equal(acs_of(f), ACS_YES);
	}
	memset(text + 1000, '\n', sizeof(text) - 1000);
	put_bytes(f, "boot/System.map-6.12.0", text, sizeof(text));
	assert_int_equal(acs_of(f), ACS_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(a_machine_is_read),
		cmocka_machine_test(an_image_says_nothing_of_a_machine),
		cmocka_machine_test(a_machine_without_its_files_is_unknown),
		cmocka_machine_test(vendors),
		cmocka_machine_test(long_cpuinfo),
		cmocka_machine_test(flags_that_are_cut_are_unknown),
		cmocka_machine_test(kernels_are_the_installed_ones),
		cmocka_machine_test(kernels_in_both_places_count_once),
		cmocka_machine_test(the_patch_is_looked_for_in_symbols),
		cmocka_machine_test(of_the_running_kernel_kallsyms_is_read),
		cmocka_machine_test(a_symbol_across_two_pieces_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
