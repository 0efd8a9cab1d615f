// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * IOMMU groups told from configuration space. What is expected was worked out by hand from
 * pci_device_group(); the boot tests compare with what kernels do.
 */
#include <string.h>

#include "bootcfg/acs.h"
#include "tests/unit/fixture.h"

/* A port or endpoint of QEMU's makers, which the kernel knows nothing special about. */
#define PCI(address, words) "pci 0000:" address " id=1b36:0001 " words "\n"
#define UNDER(address, above, words) PCI(address, "parent=0000:" above " " words)
#define BRIDGE "class=060400 "
#define CARD "class=030000 "

#define ON ((struct acs_view){.iommu_on = true})
#define LIVE ((struct acs_view){.iommu_on = false})
#define OVERRIDE(...) ((struct acs_view){.iommu_on = true, .override = {__VA_ARGS__}})

/* One root port and a card of two functions. */
#define PORT_AND_CARD(port)                                                                        \
	PCI("00:01.0", BRIDGE "pcie=root,slot,x16 " port)                                          \
	UNDER("01:00.0", "00:01.0", CARD "pcie=end mf=1")                                          \
	UNDER("01:00.1", "00:01.0", "class=040300 pcie=end mf=1")

/* Two root ports in one slot, a card at each. */
#define TWO_PORTS(first, second)                                                                   \
	PCI("00:01.0", BRIDGE "pcie=root mf=1 " first)                                             \
	PCI("00:01.1", BRIDGE "pcie=root mf=1 " second)                                            \
	UNDER("01:00.0", "00:01.0", CARD "pcie=end")                                               \
	UNDER("02:00.0", "00:01.1", CARD "pcie=end")

/* A switch of two downstream ports, a card at each; where the second of them is. */
#define SWITCH(root, down, second)                                                                 \
	PCI("00:01.0", BRIDGE "pcie=root " root)                                                   \
	UNDER("01:00.0", "00:01.0", BRIDGE "pcie=up")                                              \
	UNDER("02:00.0", "01:00.0", BRIDGE "pcie=down " down)                                      \
	UNDER(second, "01:00.0", BRIDGE "pcie=down " down)                                         \
	UNDER("03:00.0", "02:00.0", CARD "pcie=end")                                               \
	UNDER("04:00.0", second, CARD "pcie=end")

static const struct {
	const char *story, *tree;
	struct acs_view view;
	const char *groups; /* those of more than one function, by their short addresses */
} cases[] = {
	{"a port with ACS: the card's functions share a group, the port has its own",
	 PORT_AND_CARD("acs=001f/0000"), ON, "01:00.0 01:00.1"},
	{"the same before the kernel has switched it on", PORT_AND_CARD("acs=001f/0000"), LIVE,
	 "00:01.0 01:00.0 01:00.1"},
	{"live, switched on", PORT_AND_CARD("acs=005f/001d"), LIVE, "01:00.0 01:00.1"},
	{"live, one of the four is off", PORT_AND_CARD("acs=005f/0015"), LIVE,
	 "00:01.0 01:00.0 01:00.1"},
	{"live, what the port cannot do need not be on", PORT_AND_CARD("acs=0015/0015"), LIVE,
	 "01:00.0 01:00.1"},
	{"a port without ACS is in the card's group", PORT_AND_CARD(""), ON,
	 "00:01.0 01:00.0 01:00.1"},
	{"two cards behind ports of one slot without ACS", TWO_PORTS("", ""), ON,
	 "00:01.0 00:01.1 01:00.0 02:00.0"},
	{"the same ports with ACS", TWO_PORTS("acs=001f/0000", "acs=001f/0000"), ON, ""},
	{"one of them with ACS: it isolates its card, and is joined to nothing",
	 TWO_PORTS("acs=001f/0000", ""), ON, "00:01.1 02:00.0"},
	{"override: ports are believed", TWO_PORTS("", ""), OVERRIDE(.downstream = true), ""},
	{"override by id", TWO_PORTS("", ""), OVERRIDE(.id_count = 1, .ids = {{0x1b36, 0x0001}}),
	 ""},
	{"override by another id", TWO_PORTS("", ""),
	 OVERRIDE(.id_count = 1, .ids = {{0x1b36, 0x0002}}), "00:01.0 00:01.1 01:00.0 02:00.0"},
	{"override: multifunction is nothing to ports", TWO_PORTS("", ""),
	 OVERRIDE(.multifunction = true), "00:01.0 00:01.1 01:00.0 02:00.0"},
	{"override: multifunction splits a card", PORT_AND_CARD("acs=001f/0000"),
	 OVERRIDE(.multifunction = true), ""},
	{"override passes over what has ACS and does not use it",
	 PCI("00:01.0", BRIDGE "pcie=root acs=001f/0000")
		 UNDER("01:00.0", "00:01.0", CARD "pcie=end"),
	 {.iommu_on = false, .override = {.downstream = true}},
	 "00:01.0 01:00.0"},
	{"a switch: its upstream port is on its own, each downstream port goes with its card",
	 SWITCH("acs=001f/0000", "", "02:01.0"), ON, "02:00.0 03:00.0|02:01.0 04:00.0"},
	{"a switch with ACS", SWITCH("acs=001f/0000", "acs=001f/0000", "02:01.0"), ON, ""},
	{"a switch whose downstream ports share a slot", SWITCH("acs=001f/0000", "mf=1", "02:00.1"),
	 ON, "02:00.0 02:00.1 03:00.0 04:00.0"},
	{"a switch below a root port without ACS, its own ACS is of no use",
	 SWITCH("", "acs=001f/0000", "02:01.0"), ON,
	 "00:01.0 01:00.0 02:00.0 02:01.0 03:00.0 04:00.0"},
	{"a PCIe-to-PCI bridge and what is below it",
	 PCI("00:01.0", BRIDGE "pcie=root acs=001f/0000")
		 UNDER("01:00.0", "00:01.0", BRIDGE "pcie=pci-bridge")
			 UNDER("02:01.0", "01:00.0", CARD "pcie=none")
				 UNDER("02:02.0", "01:00.0", CARD "pcie=none"),
	 ON, "01:00.0 02:01.0 02:02.0"},
	{"conventional bridges in a row, from the root bus",
	 PCI("00:1e.0", BRIDGE "pcie=none") UNDER("01:01.0", "00:1e.0", BRIDGE "pcie=none")
		 UNDER("02:01.0", "01:01.0", CARD "pcie=none"),
	 ON, "00:1e.0 01:01.0 02:01.0"},
	{"a bridge to PCI Express below a conventional one",
	 PCI("00:1e.0", BRIDGE "pcie=none") UNDER("01:01.0", "00:1e.0", BRIDGE "pcie=pcie-bridge")
		 UNDER("02:00.0", "01:01.0", CARD "pcie=end"),
	 ON, "00:1e.0 01:01.0 02:00.0"},
	{"conventional functions of one slot on the root bus, and one alone",
	 PCI("00:1d.0", "class=0c0300 pcie=none mf=1") PCI("00:1d.1", "class=0c0300 pcie=none")
		 PCI("00:1e.0", "class=0c0300 pcie=none"),
	 ON, "00:1d.0 00:1d.1"},
	{"several functions though the first does not say so",
	 PCI("00:1d.0", "class=0c0300 pcie=none") PCI("00:1d.1", "class=0c0300 pcie=none"), ON,
	 "00:1d.0 00:1d.1"},
	{"integrated endpoints: only Intel's are known to isolate",
	 PCI("00:14.0", "class=0c0330 pcie=rc-end mf=1")
		 PCI("00:14.1", "class=050000 pcie=rc-end") "pci 0000:00:15.0 id=8086:7ae0 "
							    "class=0c0330 pcie=rc-end mf=1\n"
							    "pci 0000:00:15.1 id=8086:7ae1 "
							    "class=050000 pcie=rc-end mf=1\n",
	 ON, "00:14.0 00:14.1"},
	{"one of Intel's in a slot of others",
	 "pci 0000:00:14.0 id=8086:7ae0 class=0c0330 pcie=rc-end mf=1\n" PCI(
		 "00:14.1", "class=050000 pcie=rc-end") PCI("00:14.2", "class=050000 pcie=rc-end"),
	 ON, "00:14.1 00:14.2"},
	{"an event collector never isolates",
	 PCI("00:00.0", "class=060000 pcie=rc-end mf=1 acs=0000/0000") PCI(
		 "00:00.3", "class=080700 pcie=rc-ec") PCI("00:00.4", "class=080700 pcie=rc-ec"),
	 ON, "00:00.3 00:00.4"},
	{"a card of several functions with ACS that needs nothing switched on",
	 PCI("00:01.0", BRIDGE "pcie=root acs=001f/0000")
		 UNDER("01:00.0", "00:01.0", CARD "pcie=end mf=1 acs=0000/0000")
			 UNDER("01:00.1", "00:01.0", CARD "pcie=end mf=1 acs=0000/0000"),
	 ON, ""},
	{"virtual functions are apart, also from each other in one slot",
	 PCI("00:01.0", BRIDGE "pcie=root acs=001f/0000") UNDER("01:00.0", "00:01.0",
								CARD "pcie=end")
		 UNDER("01:00.1", "00:01.0", CARD "pcie=end vf_of=0000:01:00.0")
			 UNDER("01:00.2", "00:01.0", CARD "pcie=end vf_of=0000:01:00.0")
				 UNDER("02:00.0", "00:01.0", CARD "pcie=end vf_of=0000:01:00.0"),
	 ON, ""},
	{"legacy endpoints are as others",
	 PCI("00:01.0", BRIDGE "pcie=root acs=001f/0000")
		 UNDER("01:00.0", "00:01.0", CARD "pcie=legacy mf=1")
			 UNDER("01:00.1", "00:01.0", CARD "pcie=legacy mf=1"),
	 ON, "01:00.0 01:00.1"},
	{"identities are of one bus",
	 PCI("00:01.0",
	     BRIDGE "pcie=root acs=001f/0000") "pci 0000:01:00.0 parent=0000:00:01.0 id=1b4b:9230 "
					       "class=010601 pcie=end\n"
					       "pci 0000:02:00.1 parent=0000:00:01.0 id=1b36:0001 "
					       "class=030000 pcie=end acs=001f/0000\n"
					       "pci 0001:00:01.0 id=1b36:0001 class=060400 "
					       "pcie=root acs=001f/0000\n"
					       "pci 0001:01:00.1 parent=0001:00:01.0 id=1b36:0001 "
					       "class=030000 pcie=end acs=001f/0000\n",
	 ON, ""},
	{"a function that uses the first one's identity",
	 PCI("00:01.0",
	     BRIDGE "pcie=root acs=001f/0000") "pci 0000:01:00.0 parent=0000:00:01.0 id=1180:e822 "
					       "class=080500 pcie=end acs=001f/0000\n"
					       "pci 0000:01:00.3 parent=0000:00:01.0 id=1180:e832 "
					       "class=0c0010 pcie=end acs=001f/0000\n",
	 ON, "01:00.0 01:00.3"},
	{"what is behind a VMD bears its identity",
	 PCI("00:0e.0",
	     "class=010400 pcie=rc-end") "pci 10000:e0:06.0 behind=0000:00:0e.0 id=8086:a74d "
					 "class=060400 pcie=root acs=001f/0000\n"
					 "pci 10000:e1:00.0 parent=10000:e0:06.0 id=144d:a808 "
					 "class=010802 pcie=end\n",
	 ON, "00:0e.0 10000:e0:06.0 10000:e1:00.0"},
	{"an IOMMU is in no group",
	 PCI("00:00.0", "class=060000 pcie=none mf=1") PCI("00:00.1", "class=060000 pcie=none")
		 PCI("00:00.2", "class=080600 pcie=none"),
	 ON, "00:00.0 00:00.1"},
	{"a disk controller that uses its neighbour's identity",
	 PCI("00:01.0",
	     BRIDGE "pcie=root acs=001f/0000") "pci 0000:01:00.0 parent=0000:00:01.0 id=1b4b:9230 "
					       "class=010601 pcie=end acs=0000/0000\n"
					       "pci 0000:01:00.1 parent=0000:00:01.0 id=1b4b:91a4 "
					       "class=010100 pcie=end acs=0000/0000\n",
	 ON, "01:00.0 01:00.1"},
	{"Intel's older ports without ACS, once the kernel has done something",
	 "pci 0000:00:1c.0 id=8086:1e10 class=060400 pcie=root mf=1\n"
	 "pci 0000:00:1c.4 id=8086:1e18 class=060400 pcie=root mf=1\n" UNDER("02:00.0", "00:1c.0",
									     CARD "pcie=end")
		 UNDER("03:00.0", "00:1c.4", CARD "pcie=end"),
	 ON, ""},
	{"the same, now, with the IOMMU off",
	 "pci 0000:00:1c.0 id=8086:1e10 class=060400 pcie=root mf=1\n"
	 "pci 0000:00:1c.4 id=8086:1e18 class=060400 pcie=root mf=1\n" UNDER("02:00.0", "00:1c.0",
									     CARD "pcie=end")
		 UNDER("03:00.0", "00:1c.4", CARD "pcie=end"),
	 LIVE, "00:1c.0 00:1c.4 02:00.0 03:00.0"},
	{"every second of another series: this one is not",
	 "pci 0000:00:1c.0 id=8086:8c92 class=060400 pcie=root mf=1\n"
	 "pci 0000:00:1c.1 id=8086:8c93 class=060400 pcie=root mf=1\n"
	 "pci 0000:00:1c.2 id=8086:8c95 class=060400 pcie=root mf=1\n",
	 ON, "00:1c.1 00:1c.2"},
	{"ACS registers of 32 bits: what stands where others have control is nothing",
	 "pci 0000:00:1c.0 id=8086:a110 class=060400 pcie=root acs=001f/0000\n"
	 "config 0000:00:1c.0 148 1d000000\n" UNDER("02:00.0", "00:1c.0", CARD "pcie=end"),
	 LIVE, ""},
	{"the same, off",
	 "pci 0000:00:1c.0 id=8086:a110 class=060400 pcie=root acs=001f/001f\n" UNDER(
		 "02:00.0", "00:1c.0", CARD "pcie=end"),
	 LIVE, "00:1c.0 02:00.0"},
	{"IDT's switches without source validation",
	 PCI("00:01.0", BRIDGE "pcie=root acs=001f/001d") UNDER(
		 "01:00.0", "00:01.0",
		 BRIDGE "pcie=up") "pci 0000:02:00.0 parent=0000:01:00.0 id=111d:8090 class=060400 "
				   "pcie=down acs=001f/001c\n" UNDER("03:00.0", "02:00.0",
								     CARD "pcie=end"),
	 LIVE, ""},
	{"a maker whose ports do not isolate whatever they say",
	 "pci 0000:00:01.0 id=1d17:0700 class=060400 pcie=root acs=001f/001f\n" UNDER(
		 "01:00.0", "00:01.0", CARD "pcie=end"),
	 ON, "00:01.0 01:00.0"},
	{"an upstream port that calls itself downstream",
	 PCI("00:01.0", BRIDGE "pcie=root acs=001f/0000")
		 UNDER("01:00.0", "00:01.0", BRIDGE "pcie=down")
			 UNDER("02:00.0", "01:00.0", BRIDGE "pcie=down acs=001f/0000")
				 UNDER("03:00.0", "02:00.0", CARD "pcie=end"),
	 ON, ""},
	{"a downstream port that calls itself upstream",
	 PCI("00:01.0", BRIDGE "pcie=root acs=001f/0000")
		 UNDER("01:00.0", "00:01.0", BRIDGE "pcie=up")
			 UNDER("02:00.0", "01:00.0", BRIDGE "pcie=up")
				 UNDER("03:00.0", "02:00.0", CARD "pcie=end"),
	 ON, "02:00.0 03:00.0"},
	{"AMD's older south bridges, where firmware describes an IOMMU",
	 "pci 0000:00:14.0 id=1002:4385 class=0c0500 pcie=none mf=1\n"
	 "pci 0000:00:14.2 id=1002:4383 class=040300 pcie=none\n"
	 "pci 0000:00:14.3 id=1002:439d class=060100 pcie=none\n"
	 "sys/firmware/acpi/tables/IVRS = x\n",
	 ON, ""},
	{"the same without",
	 "pci 0000:00:14.0 id=1002:4385 class=0c0500 pcie=none mf=1\n"
	 "pci 0000:00:14.2 id=1002:4383 class=040300 pcie=none\n"
	 "pci 0000:00:14.3 id=1002:439d class=060100 pcie=none\n",
	 ON, "00:14.0 00:14.2 00:14.3"},
	{"domains do not mix, also where there is a first function of all",
	 PCI("00:00.0", "class=060000 pcie=none")
		 PCI("00:01.0", "class=0c0300 pcie=none mf=1") "pci 0001:00:01.1 id=1b36:0001 "
							       "class=0c0300 pcie=none mf=1\n",
	 ON, ""},
	{"an IOMMU that is the first of its slot",
	 PCI("00:00.0", "class=080600 pcie=none mf=1") PCI("00:00.1", "class=060000 pcie=none")
		 PCI("00:00.2", "class=060000 pcie=none"),
	 ON, "00:00.1 00:00.2"},
	{"AMD's older south bridges elsewhere than on a root bus",
	 PCI("00:01.0",
	     BRIDGE "pcie=root acs=001f/0000") "pci 0000:01:00.0 parent=0000:00:01.0 id=1002:4385 "
					       "class=0c0500 pcie=none mf=1\n"
					       "pci 0000:01:00.1 parent=0000:00:01.0 id=1002:4383 "
					       "class=040300 pcie=none\n"
					       "sys/firmware/acpi/tables/IVRS = x\n",
	 ON, "01:00.0 01:00.1"},
	{"the id of one of Intel's root ports on what is none",
	 PCI("00:01.0", BRIDGE "pcie=root acs=001f/0000") UNDER(
		 "01:00.0", "00:01.0",
		 BRIDGE "pcie=up") "pci 0000:02:00.0 parent=0000:01:00.0 id=8086:1e10 class=060400 "
				   "pcie=down\n" UNDER("03:00.0", "02:00.0", CARD "pcie=end"),
	 ON, "02:00.0 03:00.0"},
	{"Intel's older ports, now, with the IOMMU on",
	 "pci 0000:00:1c.0 id=8086:1e10 class=060400 pcie=root group=1\n" UNDER(
		 "02:00.0", "00:1c.0", CARD "pcie=end group=2"),
	 LIVE, ""},
	{"a maker whose cards isolate as listed, whatever they say",
	 PCI("00:01.0", BRIDGE "pcie=root acs=001f/0000")
		 PCI("00:02.0", BRIDGE
		     "pcie=root acs=001f/0000") "pci 0000:01:00.0 parent=0000:00:01.0 id=8088:0100 "
						"class=020000 pcie=end mf=1\n"
						"pci 0000:01:00.1 parent=0000:00:01.0 id=8088:0100 "
						"class=020000 pcie=end mf=1\n"
						"pci 0000:02:00.0 parent=0000:00:02.0 id=8088:0200 "
						"class=020000 pcie=end mf=1 acs=0000/0000\n"
						"pci 0000:02:00.1 parent=0000:00:02.0 id=8088:0200 "
						"class=020000 pcie=end mf=1 acs=0000/0000\n",
	 ON, "02:00.0 02:00.1"},
	{"identities are of one slot",
	 PCI("00:01.0",
	     BRIDGE "pcie=root acs=001f/0000") "pci 0000:01:00.0 parent=0000:00:01.0 id=1b4b:9230 "
					       "class=010601 pcie=end\n"
					       "pci 0000:01:01.1 parent=0000:00:01.0 id=1b36:0001 "
					       "class=030000 pcie=end acs=001f/0000\n",
	 ON, ""},
};

static const char *short_address(const struct pci_addr *addr)
{
	static char buf[PCI_ADDR_STR];

	pci_addr_format(addr, buf);
	return addr->domain ? buf : buf + strlen("0000:");
}

/* "01:00.0 01:00.1|02:00.0 03:00.0" */
static void print_groups(const struct acs_machine *machine, const struct acs_member *members,
			 char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < machine->count; i++) {
		size_t count = 0;

		for (size_t j = i; members[i].group == i && j < machine->count; j++)
			count += members[j].group == i;
		if (count < 2)
			continue;
		for (size_t j = i; j < machine->count; j++)
			if (members[j].group == i)
				at += (size_t)snprintf(buf + at, size - at, "%s%s",
						       !at	? ""
						       : j == i ? "|"
								: " ",
						       short_address(&machine->functions[j].addr));
	}
}

static void load(struct fixture *f, const char *tree, struct acs_machine *ret)
{
	machine_text(f, tree);
	machine_scan(f);
	assert_int_equal(acs_load(&f->root, &f->inv, ret), 0);
}

static void predict(const char *tree, const struct acs_view *view, char *buf, size_t size)
{
	_cleanup_acs_ struct acs_machine machine = {.count = 0};
	struct acs_member members[16];
	void *fixture;

	assert_int_equal(fixture_setup(&fixture), 0);
	load(fixture, tree, &machine);
	assert_true(acs_unknown(&machine) == ACS_NONE);
	assert_true(machine.count <= ARRAY_SIZE(members));
	assert_int_equal(acs_groups(&machine, view, members), 0);
	print_groups(&machine, members, buf, size);
	assert_int_equal(fixture_teardown(&fixture), 0);
}

static void groups_as_the_kernel_makes_them(_unused_ void **state)
{
	size_t wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char found[512];

		predict(cases[i].tree, &cases[i].view, found, sizeof(found));
		if (!strcmp(found, cases[i].groups))
			continue;
		print_error("%s: found '%s', not '%s'\n", cases[i].story, found, cases[i].groups);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* --- why -------------------------------------------------------------------------------------- */

static const struct {
	const char *story, *tree, *address;
	struct acs_view view;
	const char *text;
} reasons[] = {
	{"alone", PORT_AND_CARD("acs=001f/0000"), "0000:00:01.0", ON, "nothing joins it to others"},
	{"beside", PORT_AND_CARD("acs=001f/0000"), "0000:01:00.1", ON,
	 "neither it nor 0000:01:00.0 in the same slot has ACS"},
	{"no ACS above", PORT_AND_CARD(""), "0000:01:00.0", ON, "0000:00:01.0 above it has no ACS"},
	{"not switched on", PORT_AND_CARD("acs=001f/0000"), "0000:01:00.0", LIVE,
	 "ACS of 0000:00:01.0 above it is not switched on"},
	{"the port at fault is further up", SWITCH("", "acs=001f/0000", "02:01.0"), "0000:03:00.0",
	 ON, "0000:00:01.0 above it has no ACS"},
	{"the nearest port at fault", SWITCH("", "", "02:01.0"), "0000:04:00.0", ON,
	 "0000:02:01.0 above it has no ACS"},
	{"below a bridge",
	 PCI("00:1e.0", BRIDGE "pcie=none") UNDER("01:01.0", "00:1e.0", CARD "pcie=none"),
	 "0000:01:01.0", ON, "below the bridge 0000:00:1e.0 it is conventional PCI"},
};

static void says_why(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		_cleanup_acs_ struct acs_machine machine = {.count = 0};
		struct acs_member members[16];
		char text[ACS_TEXT];
		struct fixture *f;
		void *fixture;
		size_t at;

		assert_int_equal(fixture_setup(&fixture), 0);
		f = fixture;
		load(f, reasons[i].tree, &machine);
		assert_int_equal(acs_groups(&machine, &reasons[i].view, members), 0);
		at = (size_t)(machine_dev(f, reasons[i].address) - f->inv.devs);
		acs_text(&machine, &members[at], text);
		if (!strstr(text, reasons[i].text))
			fail_msg("%s: '%s'", reasons[i].story, text);
		assert_int_equal(fixture_teardown(&fixture), 0);
	}
}

/* --- overrides -------------------------------------------------------------------------------- */

static void overrides_are_read(_unused_ void **state)
{
	static const char *const good[] = {"downstream", "multifunction",
					   "downstream,multifunction", "id:8086:1901",
					   "downstream,id:8086:1901,id:10de:0fbb"};
	static const char *const bad[] = {"",
					  "upstream",
					  "downstream,",
					  ",downstream",
					  "id:8086",
					  "id:8086:19011",
					  "id:8086:19 1",
					  "id:80861901",
					  "id:8086;1901",
					  "downstream ",
					  "DOWNSTREAM",
					  "id:",
					  "id:0x86:1901",
					  "id:8086:1901x"};
	char text[ACS_OVERRIDE_STR], many[16 * 13 + 1] = "";

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct acs_override override;

		assert_int_equal(acs_override_parse(good[i], &override), 0);
		assert_string_equal(acs_override_format(&override, text), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct acs_override override = {.downstream = true};

		if (acs_override_parse(bad[i], &override) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_true(override.downstream && !override.id_count);
	}
	for (int i = 0; i < 15; i++)
		strcat(many, i ? ",id:8086:1901" : "id:8086:1901");
	{
		struct acs_override override;

		assert_int_equal(acs_override_parse(many, &override), 0);
		assert_int_equal(override.id_count, 15);
		assert_string_equal(acs_override_format(&override, text), many);
		strcat(many, ",id:8086:1901");
		assert_int_equal(acs_override_parse(many, &override), -E2BIG);
	}
}

struct apart {
	size_t a, b;
};

static bool are_apart(void *data, const struct acs_member *members)
{
	const struct apart *apart = data;

	return members[apart->a].group != members[apart->b].group;
}

static const struct {
	const char *story, *tree, *a, *b, *override; /* NULL: none */
} least[] = {
	{"two ports of one model: the id, since it reaches no more than the word, and is no wider",
	 TWO_PORTS("", ""), "0000:01:00.0", "0000:02:00.0", "id:1b36:0001"},
	{"nothing to do", TWO_PORTS("acs=001f/0000", ""), "0000:01:00.0", "0000:02:00.0", NULL},
	{"an id, and only that which is needed",
	 "pci 0000:00:01.0 id=8086:1901 class=060400 pcie=root mf=1\n"
	 "pci 0000:00:01.1 id=8086:1905 class=060400 pcie=root mf=1\n"
	 "pci 0000:00:1c.0 id=8086:7ab8 class=060400 pcie=root\n" UNDER("01:00.0", "00:01.0",
									CARD "pcie=end")
		 UNDER("02:00.0", "00:01.1", CARD "pcie=end"),
	 "0000:01:00.0", "0000:02:00.0", "id:8086:1901"},
	{"no override does it: conventional PCI",
	 PCI("00:1e.0", BRIDGE "pcie=none") UNDER("01:01.0", "00:1e.0", CARD "pcie=none")
		 UNDER("01:02.0", "00:1e.0", CARD "pcie=none"),
	 "0000:01:01.0", "0000:01:02.0", NULL},
	{"the functions of one card, of two models",
	 PCI("00:01.0",
	     BRIDGE "pcie=root acs=001f/0000") "pci 0000:01:00.0 parent=0000:00:01.0 id=10de:2684 "
					       "class=030000 pcie=end mf=1\n"
					       "pci 0000:01:00.1 parent=0000:00:01.0 id=10de:22ba "
					       "class=040300 pcie=end mf=1\n",
	 "0000:01:00.0", "0000:01:00.1", "id:10de:2684"},
};

static void the_least_override_is_chosen(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(least); i++) {
		_cleanup_acs_ struct acs_machine machine = {.count = 0};
		char text[ACS_OVERRIDE_STR];
		struct acs_override override;
		struct apart apart;
		struct fixture *f;
		void *fixture;
		int r;

		assert_int_equal(fixture_setup(&fixture), 0);
		f = fixture;
		load(f, least[i].tree, &machine);
		apart.a = (size_t)(machine_dev(f, least[i].a) - f->inv.devs);
		apart.b = (size_t)(machine_dev(f, least[i].b) - f->inv.devs);
		r = acs_least_override(&machine, are_apart, &apart, &override);
		if (r != (least[i].override ? 0 : -ENOENT))
			fail_msg("%s: %d", least[i].story, r);
		if (!r && strcmp(acs_override_format(&override, text), least[i].override))
			fail_msg("%s: '%s'", least[i].story, text);
		assert_int_equal(fixture_teardown(&fixture), 0);
	}
}

/* --- configuration space ---------------------------------------------------------------------- */

struct space {
	uint8_t bytes[4096];
	size_t size;
	unsigned reads;
};

static bool read_space(void *data, unsigned offset, uint32_t *ret)
{
	struct space *space = data;

	space->reads++;
	assert_int_equal(offset % 4, 0);
	if (offset + 4 > space->size)
		return false;
	memcpy(ret, space->bytes + offset, 4);
	return true;
}

/* An endpoint with an ACS capability that is the third of its list. */
static struct space make_space(void)
{
	static const struct {
		unsigned at;
		uint32_t value;
	} dwords[] = {
		{0x00, 0x000c1b36},  {0x04, 0x00100007},  {0x0c, 0x00810000},  {0x34, 0x00000054},
		{0x54, 0x00006005},  {0x60, 0x01420010},  {0x6c, 0x00000103},  {0x100, 0x14820001},
		{0x148, 0x1501000b}, {0x150, 0x0001000d}, {0x154, 0x001d005f},
	};
	struct space space = {.size = 4096};

	for (size_t i = 0; i < ARRAY_SIZE(dwords); i++)
		memcpy(space.bytes + dwords[i].at, &dwords[i].value, 4);
	return space;
}

static void put_dword(struct space *space, unsigned at, uint32_t value)
{
	memcpy(space->bytes + at, &value, 4);
}

static struct acs_config parse(struct space *space)
{
	struct acs_config config;

	memset(&config, 0xaa, sizeof(config));
	space->reads = 0;
	acs_parse(read_space, space, &config);
	assert_true(space->reads < 600);
	return config;
}

static void configuration_space_is_read(_unused_ void **state)
{
	struct space space = make_space();
	struct acs_config config = parse(&space);

	assert_true(config.header && config.known && config.multifunction && config.bridge);
	assert_true(config.express && config.slot && config.acs);
	assert_int_equal(config.type, 4);
	assert_int_equal(config.width, 16);
	assert_int_equal(config.acs_cap, 0x5f);
	assert_int_equal(config.acs_control, 0x1d);
	assert_true(space.reads < 16);

	/* Without ECAM there is no ACS for the kernel either. */
	space.size = 256;
	config = parse(&space);
	assert_true(config.known && config.express && !config.acs);
	/* Not root. */
	space.size = 64;
	config = parse(&space);
	assert_true(config.header && !config.known && !config.express && config.bridge);
	space.size = 0;
	config = parse(&space);
	assert_true(!config.header && !config.known);
}

static void broken_lists_end(_unused_ void **state)
{
	struct space space = make_space();
	struct acs_config config;

	put_dword(&space, 0x54, 0x00005405); /* a ring */
	config = parse(&space);
	assert_true(config.known && !config.express);

	space = make_space();
	put_dword(&space, 0x60, 0x01422010); /* back into the header */
	config = parse(&space);
	assert_true(config.express && config.acs);

	space = make_space();
	put_dword(&space, 0x54, 0x000060ff); /* nothing is there */
	config = parse(&space);
	assert_true(config.known && !config.express);

	space = make_space();
	put_dword(&space, 0x34, 0x000000ff);
	config = parse(&space);
	assert_true(config.known && !config.express);

	space = make_space();
	put_dword(&space, 0x148, 0x1001000b); /* a ring of two */
	config = parse(&space);
	assert_true(config.express && !config.acs);

	space = make_space();
	put_dword(&space, 0x148, 0xffffffff);
	config = parse(&space);
	assert_true(config.express && !config.acs);

	space = make_space();
	put_dword(&space, 0x04, 0x00000007); /* no list at all */
	config = parse(&space);
	assert_true(config.known && !config.express);

	memset(space.bytes, 0xff, sizeof(space.bytes)); /* switched off */
	config = parse(&space);
	assert_true(!config.header && !config.known);

	space = make_space();
	put_dword(&space, 0x0c, 0x00020000); /* CardBus */
	config = parse(&space);
	assert_true(config.known && !config.bridge && !config.express);
}

static void what_only_root_may_read(void **state)
{
	_cleanup_acs_ struct acs_machine machine = {.count = 0};

	load(*state,
	     PORT_AND_CARD("acs=001f/0000") "pci 0000:00:1f.0 id=8086:7a84 class=060100\n"
					    "config 0000:00:1f.0 034 40\n",
	     &machine);
	assert_true(acs_unknown(&machine) == ACS_NONE);
	put(*state, "sys/devices/pci0000:00/0000:00:1f.0/config", "%s", "too short");
	acs_machine_free(&machine);
	assert_int_equal(acs_load(&((struct fixture *)*state)->root,
				  &((struct fixture *)*state)->inv, &machine),
			 0);
	assert_int_equal(acs_unknown(&machine), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_as_the_kernel_makes_them),
		cmocka_unit_test(says_why),
		cmocka_unit_test(overrides_are_read),
		cmocka_unit_test(the_least_override_is_chosen),
		cmocka_unit_test(configuration_space_is_read),
		cmocka_unit_test(broken_lists_end),
		cmocka_machine_test(what_only_root_may_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
