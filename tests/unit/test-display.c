// SPDX-License-Identifier: GPL-2.0-or-later
/* Which display the host boots on, by what the kernels from 6.1 to 7.2 show of it. */
#include <string.h>

#include "early/display.h"
#include "tests/unit/fixture.h"

/* Two cards behind root ports, and nothing that says which of them is the host's. */
#define TWO_CARDS                                                                                  \
	"pci 0000:00:00.0 id=8086:29c0 class=060000\n"                                             \
	"pci 0000:00:10.0 id=1b36:000c class=060400 driver=pcieport\n"                             \
	"pci 0000:00:11.0 id=1b36:000c class=060400 driver=pcieport\n"                             \
	"pci 0000:01:00.0 parent=0000:00:10.0 id=10de:1e07 class=030000 boot_vga=0\n"              \
	"pci 0000:01:00.1 parent=0000:00:10.0 id=10de:10f7 class=040300\n"                         \
	"pci 0000:02:00.0 parent=0000:00:11.0 id=10de:1e07 class=030000 boot_vga=0\n"              \
	"pci 0000:02:00.1 parent=0000:00:11.0 id=10de:10f7 class=040300\n"

#define FIRST "0000:01:00.0"
#define SECOND "0000:02:00.0"

/* As drivers/firmware/sysfb.c has it since 6.9, below the function; before, below platform/. */
#define FRAMEBUFFER(name, below)                                                                   \
	"sys/bus/platform/devices/" name " -> ../../../devices/" below name "\n"
#define ON_SECOND "pci0000:00/0000:00:11.0/0000:02:00.0/"

static const struct {
	const char *story;
	const char *tree;
	enum display_by by;
	const char *address;
} cases[] = {
	{"no display at all", "pci 0000:00:00.0 id=8086:29c0 class=060000\n", DISPLAY_NONE, NULL},
	{"two, and nothing known", TWO_CARDS, DISPLAY_NONE, NULL},
	{"boot_vga",
	 "pci 0000:00:01.0 id=1234:1111 class=030000 boot_vga=0\n"
	 "pci 0000:00:02.0 id=1234:1111 class=030000 boot_vga=1\n",
	 DISPLAY_BOOT_VGA, "0000:00:02.0"},
	{"boot_vga goes before the frame buffer",
	 "pci 0000:00:01.0 id=1234:1111 class=030000 boot_vga=1\n" TWO_CARDS FRAMEBUFFER(
		 "simple-framebuffer.0", ON_SECOND),
	 DISPLAY_BOOT_VGA, "0000:00:01.0"},
	{"simpledrm's device", TWO_CARDS FRAMEBUFFER("simple-framebuffer.0", ON_SECOND),
	 DISPLAY_FRAMEBUFFER, SECOND},
	{"efifb's device", TWO_CARDS FRAMEBUFFER("efi-framebuffer.0", ON_SECOND),
	 DISPLAY_FRAMEBUFFER, SECOND},
	{"vesafb's device", TWO_CARDS FRAMEBUFFER("vesa-framebuffer.0", ON_SECOND),
	 DISPLAY_FRAMEBUFFER, SECOND},
	{"another platform device", TWO_CARDS FRAMEBUFFER("pcspkr", ON_SECOND), DISPLAY_NONE, NULL},
	{"a frame buffer that is on no function",
	 TWO_CARDS FRAMEBUFFER("efi-framebuffer.0", "platform/"), DISPLAY_NONE, NULL},
	{"a frame buffer on a function that is gone",
	 TWO_CARDS FRAMEBUFFER("efi-framebuffer.0", "pci0000:00/0000:00:11.0/0000:09:00.0/"),
	 DISPLAY_NONE, NULL},
	{"6.1's efifb says nothing, iomem does",
	 TWO_CARDS "proc/iomem << END\n"
		   "00000000-00000fff : Reserved\n"
		   "00100000-7fffffff : System RAM\n"
		   "  01000000-01ffffff : Kernel code\n"
		   "c0000000-cfffffff : PCI Bus 0000:01\n"
		   "  c0000000-c0ffffff : 0000:01:00.0\n"
		   "d0000000-dfffffff : PCI Bus 0000:02\n"
		   "  d0000000-d0ffffff : 0000:02:00.0\n"
		   "    d0000000-d02fffff : BOOTFB\n"
		   "END\n" FRAMEBUFFER("efi-framebuffer.0", "platform/"),
	 DISPLAY_FRAMEBUFFER, SECOND},
	{"an ordinary user sees names without numbers",
	 TWO_CARDS "proc/iomem << END\n"
		   "00000000-00000000 : PCI Bus 0000:01\n"
		   "  00000000-00000000 : 0000:01:00.0\n"
		   "    00000000-00000000 : efifb\n"
		   "END\n",
	 DISPLAY_FRAMEBUFFER, FIRST},
	{"nested deeper",
	 TWO_CARDS "proc/iomem << END\n"
		   "80000000-dfffffff : PCI Bus 0000:00\n"
		   "  c0000000-cfffffff : PCI Bus 0000:01\n"
		   "    c0000000-cfffffff : 0000:01:00.0\n"
		   "      c0000000-c07fffff : window\n"
		   "        c0000000-c02fffff : simplefb\n"
		   "END\n",
	 DISPLAY_FRAMEBUFFER, FIRST},
	{"beside a function, not in it",
	 TWO_CARDS "proc/iomem << END\n"
		   "c0000000-cfffffff : PCI Bus 0000:01\n"
		   "  c0000000-c0ffffff : 0000:01:00.0\n"
		   "  c1000000-c12fffff : BOOTFB\n"
		   "d0000000-d02fffff : BOOTFB\n"
		   "END\n",
	 DISPLAY_NONE, NULL},
	{"in a function that is not listed",
	 TWO_CARDS "proc/iomem << END\n"
		   "c0000000-c0ffffff : 0000:01:00.0\n"
		   "d0000000-d0ffffff : 0000:09:00.0\n"
		   "  d0000000-d02fffff : BOOTFB\n"
		   "END\n",
	 DISPLAY_NONE, NULL},
	{"other regions, and what is no line of iomem",
	 TWO_CARDS
	 "proc/iomem << END\n"
	 "\n"
	 "c0000000-c0ffffff : 0000:01:00.0\n"
	 "  c0000000-c02fffff : BOOTFB2\n"
	 "  c0000000-c02fffff :\n"
	 "  BOOTFB\n"
	 "                                                                              c : "
	 "BOOTFB\n"
	 "END\n",
	 DISPLAY_NONE, NULL},
	{"the only one",
	 "pci 0000:00:00.0 id=8086:29c0 class=060000\n"
	 "pci 0000:00:02.0 id=8086:3e92 class=038000\n"
	 "pci 0000:00:1f.3 id=8086:a348 class=040300\n",
	 DISPLAY_ONLY, "0000:00:02.0"},
	{"one card with two display functions is one display",
	 "pci 0000:01:00.0 id=1002:5b60 class=030000 boot_vga=0\n"
	 "pci 0000:01:00.1 id=1002:5b70 class=038000\n",
	 DISPLAY_ONLY, "0000:01:00.0"},
	{"a 3D controller may be a display too",
	 "pci 0000:00:02.0 id=8086:3e92 class=038000\n"
	 "pci 0000:01:00.0 id=10de:1e07 class=030200\n",
	 DISPLAY_NONE, NULL},
};

static void test_display(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pci_dev *dev = (struct pci_dev *)&cases;
		struct fixture *f;
		enum display_by by;

		/* A machine of its own for each row. */
		if (i) {
			assert_int_equal(fixture_teardown(state), 0);
			assert_int_equal(fixture_setup(state), 0);
		}
		f = *state;
		machine_text(f, cases[i].tree);
		by = display_boot(&f->root, &f->inv, &dev);
		if (by != cases[i].by)
			print_error("of `%s`\n", cases[i].story);
		assert_int_equal(by, cases[i].by);
		assert_ptr_equal(dev, cases[i].address ? machine_dev(f, cases[i].address) : NULL);
	}
}

/* As booted: the display on the root bus says so itself, and no class has been read for that. */
static void test_reads_no_more_than_needed(void **state)
{
	struct fixture *f = *state;
	struct pci_dev *dev;

	machine_named(f, "dual-q35");
	assert_int_equal(display_boot(&f->root, &f->inv, &dev), DISPLAY_BOOT_VGA);
	assert_ptr_equal(dev, machine_dev(f, "0000:00:01.0"));
	for (size_t i = 0; i < f->inv.count; i++)
		assert_false(f->inv.devs[i].identified);
}

/* An image has no frame buffer of its own; what a build host shows is not asked. */
static void test_image(void **state)
{
	struct fixture *f = *state;
	struct pci_dev *dev;

	machine_text(f, TWO_CARDS FRAMEBUFFER("simple-framebuffer.0", ON_SECOND));
	assert_int_equal(display_boot(&f->root, &f->inv, &dev), DISPLAY_FRAMEBUFFER);
	drop(f, ".vfio-machine");
	machine_open(f);
	assert_int_equal(display_boot(&f->root, &f->inv, &dev), DISPLAY_NONE);
	assert_null(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_display),
		cmocka_machine_test(test_reads_no_more_than_needed),
		cmocka_machine_test(test_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
