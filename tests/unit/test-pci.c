// SPDX-License-Identifier: GPL-2.0-or-later
/* PCI functions: addresses and paths as text, the topology, ids, groups and drivers. */
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/fixture.h"

/* --- text -------------------------------------------------------------------------------------- */

static const struct {
	const char *text;
	struct pci_addr addr;
	const char *printed; /* NULL: as text */
} addrs[] = {
	{"0000:00:00.0", {0, 0, 0, 0}, NULL},
	{"0000:0b:00.1", {0, 0x0b, 0, 1}, NULL},
	{"0000:ff:1f.7", {0, 0xff, 0x1f, 7}, NULL},
	{"ffff:00:01.0", {0xffff, 0, 1, 0}, NULL},
	{"10000:e1:00.0", {0x10000, 0xe1, 0, 0}, NULL}, /* VMD */
	{"ffffffff:ff:1f.7", {0xffffffff, 0xff, 0x1f, 7}, NULL},
	{"0b:00.0", {0, 0x0b, 0, 0}, "0000:0b:00.0"}, /* as lspci prints it */
	{"0000:0B:1F.0", {0, 0x0b, 0x1f, 0}, "0000:0b:1f.0"},
	{"00012:0b:00.0", {0x12, 0x0b, 0, 0}, "0012:0b:00.0"},
};

static const char *const bad_addrs[] = {
	"",
	" ",
	"0",
	":",
	"0b",
	"0b:",
	"0b:00",
	"0b:00.",
	"0b:00.8",
	"0b:00.9",
	"0b:00.-1",
	"0b:00.00",
	"0b:00.0 ",
	" 0b:00.0",
	"0b:00.0\n",
	"0b:00.0x",
	"0b:00.0/00.0",
	"0b:20.0", /* 32 devices a bus */
	"0b:ff.0",
	"0b:0.0",
	"0b:000.0",
	"b:00.0",
	"00b:00.0",
	"0b.00.0",
	"0b:00:0",
	"0b:00,0",
	"0g:00.0",
	"0b:0g.0",
	"0000:",
	"0000:0b",
	"0000:0b:",
	"0000:0b:00",
	"0000:0b:00.",
	"0000:0b:00.8",
	"0000:0b:20.0",
	"0000:b:00.0",
	"0000:00b:00.0",
	"0000:100:00.0",
	"000:0b:00.0", /* as short as none that a kernel prints */
	"00:0b:00.0",
	":0b:00.0",
	"0000::00.0",
	"0000:0b::0",
	"0000:0b:00.0:",
	"000000000:0b:00.0",
	"100000000:0b:00.0",
	"0x0000:0b:00.0",
	"+000:0b:00.0",
	"-000:0b:00.0",
	"0000 :0b:00.0",
	"0000:0b:00.0.0",
	"pci:v00001002d000073BF",
	"1002:73bf",
	"\xd9\xa0:00.0",
};

static const struct pci_addr unlike = {0xdead, 0xbe, 0x1e, 5};

static void test_addrs(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		const char *printed = addrs[i].printed ? addrs[i].printed : addrs[i].text;
		struct pci_addr addr = unlike, again = unlike;
		char buf[PCI_ADDR_STR];

		assert_int_equal(pci_addr_parse(addrs[i].text, &addr), 0);
		assert_int_equal(pci_addr_cmp(&addr, &addrs[i].addr), 0);
		assert_int_equal(addr.domain, addrs[i].addr.domain);
		assert_int_equal(addr.bus, addrs[i].addr.bus);
		assert_int_equal(addr.dev, addrs[i].addr.dev);
		assert_int_equal(addr.fn, addrs[i].addr.fn);
		assert_ptr_equal(pci_addr_format(&addr, buf), buf);
		assert_string_equal(buf, printed);
		assert_int_equal(pci_addr_parse(buf, &again), 0);
		assert_int_equal(pci_addr_cmp(&addr, &again), 0);
	}
}

static void test_bad_addrs(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_addrs); i++) {
		struct pci_addr addr = unlike;

		if (pci_addr_parse(bad_addrs[i], &addr) != -EINVAL)
			print_error("of `%s`\n", bad_addrs[i]);
		assert_int_equal(pci_addr_parse(bad_addrs[i], &addr), -EINVAL);
		assert_int_equal(pci_addr_cmp(&addr, &unlike), 0);
	}
}

/* Every address that there is, of one bus. */
static void test_addrs_round_trip(_unused_ void **state)
{
	for (unsigned devfn = 0; devfn < 256; devfn++) {
		struct pci_addr addr = {devfn << 8, (uint8_t)devfn, (uint8_t)(devfn >> 3),
					devfn & 7};
		struct pci_addr again = unlike;
		char buf[PCI_ADDR_STR];

		assert_int_equal(pci_addr_parse(pci_addr_format(&addr, buf), &again), 0);
		assert_int_equal(pci_addr_cmp(&addr, &again), 0);
	}
}

#define HOPS_4 "/00.0/01.1/1f.7/10.3"
#define HOPS_31 HOPS_4 HOPS_4 HOPS_4 HOPS_4 HOPS_4 HOPS_4 HOPS_4 "/00.0/01.1/1f.7"

static const struct {
	const char *text;
	const char *printed; /* NULL: not a path */
	unsigned hops;
} paths[] = {
	{"0000:00:03.1/00.0/00.0", "0000:00:03.1/00.0/00.0", 2},
	{"0000:00:1f.2", "0000:00:1f.2", 0},
	{"00:03.1/1F.7", "0000:00:03.1/1f.7", 1},
	{"10000:e0:06.0/00.0", "10000:e0:06.0/00.0", 1},
	{"0000:00:01.0" HOPS_31, "0000:00:01.0" HOPS_31, 31},
	{"ffffffff:ff:1f.7" HOPS_31, "ffffffff:ff:1f.7" HOPS_31, 31},
	{"0000:00:01.0" HOPS_31 "/10.3", NULL, 0},
	{"", NULL, 0},
	{"/", NULL, 0},
	{"/00.0", NULL, 0},
	{"03.1/00.0", NULL, 0},
	{"0000:00:03.1/", NULL, 0},
	{"0000:00:03.1/00.0/", NULL, 0},
	{"0000:00:03.1//00.0", NULL, 0},
	{"0000:00:03.1/00", NULL, 0},
	{"0000:00:03.1/0.0", NULL, 0},
	{"0000:00:03.1/00.8", NULL, 0},
	{"0000:00:03.1/20.0", NULL, 0},
	{"0000:00:03.1/00.0 ", NULL, 0},
	{"0000:00:03.1 /00.0", NULL, 0},
	{"0000:00:03.1/00.0x", NULL, 0},
	{"0000:00:03.1\\00.0", NULL, 0},
	{"0000:00:03.1/0000:0b:00.0", NULL, 0},
	{"0000:00:03.1/0b:00.0", NULL, 0},
	{"0000:00:03/00.0", NULL, 0},
};

static void test_paths(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct pci_path path = {.root = unlike, .hops = 9}, again;
		char buf[PCI_PATH_STR];
		int r = pci_path_parse(paths[i].text, &path);

		if (!paths[i].printed) {
			if (r != -EINVAL)
				print_error("of `%s`\n", paths[i].text);
			assert_int_equal(r, -EINVAL);
			assert_int_equal(pci_addr_cmp(&path.root, &unlike), 0);
			assert_int_equal(path.hops, 9);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(path.hops, paths[i].hops);
		assert_string_equal(pci_path_format(&path, buf), paths[i].printed);
		assert_int_equal(pci_path_parse(buf, &again), 0);
		assert_true(pci_path_equal(&path, &again));
	}
}

static void test_compare(_unused_ void **state)
{
	static const char *const sorted[] = {
		"0000:00:00.0", "0000:00:00.1", "0000:00:01.0",	 "0000:01:00.0",     "0000:0b:00.0",
		"0000:80:00.0", "0001:00:00.0", "10000:00:00.0", "ffffffff:00:00.0",
	};
	static const char *const unequal[] = {
		"0000:00:01.0",		  "0000:00:01.0/00.0", "0000:00:01.0/00.1",
		"0000:00:01.0/00.0/00.0", "0000:00:01.1/00.0", "0001:00:01.0/00.0",
	};
	struct pci_addr a, b;
	struct pci_path p, q;

	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
			assert_int_equal(pci_addr_parse(sorted[i], &a), 0);
			assert_int_equal(pci_addr_parse(sorted[j], &b), 0);
			assert_int_equal(pci_addr_cmp(&a, &b), (i > j) - (i < j));
			assert_int_equal(pci_addr_same_slot(&a, &b), i == j || i + j == 1);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(unequal); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(unequal); j++) {
			assert_int_equal(pci_path_parse(unequal[i], &p), 0);
			assert_int_equal(pci_path_parse(unequal[j], &q), 0);
			assert_int_equal(pci_path_equal(&p, &q), i == j);
		}
	}
}

static void test_attr_path(_unused_ void **state)
{
	static const struct pci_addr longest = {0xffffffff, 0xff, 0x1f, 7};
	static const char stem[] = "sys/bus/pci/devices/ffffffff:ff:1f.7/";
	char buf[PCI_ATTR_STR], name[200];

	assert_string_equal(pci_attr_path(&longest, "driver_override", buf),
			    "sys/bus/pci/devices/ffffffff:ff:1f.7/driver_override");
	/* A name that is too long for any attribute is cut, not written past the end. */
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(strlen(pci_attr_path(&longest, name, buf)), PCI_ATTR_STR - 1);
	assert_memory_equal(buf, stem, sizeof(stem) - 1);
}

/* --- topology ---------------------------------------------------------------------------------- */

static const char *path_of(const struct fixture *f, const char *address)
{
	static char buf[PCI_PATH_STR];

	return pci_path_format(&machine_dev(f, address)->path, buf);
}

static const struct {
	const char *address;
	const char *path;
	const char *parent; /* NULL: a root bus */
	bool has_child;
} x570[] = {
	{"0000:00:00.0", "0000:00:00.0", NULL, false},
	{"0000:00:03.1", "0000:00:03.1", NULL, true},
	{"0000:09:00.0", "0000:00:03.1/00.0", "0000:00:03.1", true},
	{"0000:0a:00.0", "0000:00:03.1/00.0/00.0", "0000:09:00.0", true},
	{"0000:0b:00.0", "0000:00:03.1/00.0/00.0/00.0", "0000:0a:00.0", false},
	{"0000:0b:00.3", "0000:00:03.1/00.0/00.0/00.3", "0000:0a:00.0", false},
	{"0000:0c:00.0", "0000:00:03.2/00.0", "0000:00:03.2", false},
	{"0000:08:00.0", "0000:00:01.2/00.0/0a.0/00.0", "0000:03:0a.0", false},
};

static void test_topology(void **state)
{
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	for (size_t i = 0; i < ARRAY_SIZE(x570); i++) {
		const struct pci_dev *dev = machine_dev(f, x570[i].address);
		char parent[PCI_ADDR_STR];

		assert_string_equal(path_of(f, x570[i].address), x570[i].path);
		assert_int_equal(dev->path.hops != 0, x570[i].parent != NULL);
		if (x570[i].parent)
			assert_string_equal(pci_addr_format(&dev->parent, parent), x570[i].parent);
		assert_int_equal(dev->has_child, x570[i].has_child);
		/* Nothing else is read yet. */
		assert_false(dev->identified);
		assert_int_equal(dev->group, PCI_GROUP_UNREAD);
	}
}

static void test_sorted(void **state)
{
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	assert_true(f->inv.count > 40);
	for (size_t i = 0; i < f->inv.count; i++) {
		struct pci_dev *dev = &f->inv.devs[i];
		struct pci_dev *const *first;
		size_t count;

		if (i)
			assert_int_equal(pci_addr_cmp(&dev[-1].addr, &dev->addr), -1);
		assert_ptr_equal(pci_find(&f->inv, &dev->addr), dev);
		first = pci_find_path(&f->inv, &dev->path, &count);
		assert_int_equal(count, 1);
		assert_ptr_equal(*first, dev);
	}
}

/* What is no address in the directory is no function. */
static void test_stray_entries(void **state)
{
	struct fixture *f = *state;
	struct pci_inventory inv = {.count = 77};
	struct pci_addr addr = {0, 0, 0, 0};
	struct pci_path path = {.hops = 0};
	size_t count = 7;

	machine_text(f, "sys/bus/pci/devices/README = no function\n");
	assert_int_equal(f->inv.count, 0);
	assert_null(pci_find(&f->inv, &addr));
	assert_null(pci_find_path(&f->inv, &path, &count));
	assert_int_equal(count, 0);

	drop(f, "sys/bus/pci/devices");
	assert_int_equal(pci_scan(&f->root, &inv), -ENOENT);
	drop(f, ".vfio-machine");
	machine_open(f);
	assert_int_equal(pci_scan(&f->root, &inv), -EXDEV);
	assert_int_equal(inv.count, 77);
}

static const struct {
	const char *address;
	const char *below; /* of /sys/devices */
	const char *path;
	bool has_child;
} domains[] = {
	{"0000:00:0e.0", "pci0000:00/", "0000:00:0e.0", false},
	/* VMD has a domain and a bus of its own: the notation starts anew. */
	{"10000:e0:06.0", "pci0000:00/0000:00:0e.0/pci10000:e0/", "10000:e0:06.0", true},
	{"10000:e1:00.0", "pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/",
	 "10000:e0:06.0/00.0", false},
	/* Hyper-V's bus is below a device whose name begins like an address. */
	{"4f11:00:02.0", "LNXSYSTM:00/VMBUS:00/47505500-0001-0000/pci4f11:00/", "4f11:00:02.0",
	 false},
	/* Arm: the host bridge is a platform device. */
	{"0002:00:00.0", "platform/40000000.pcie/pci0002:00/", "0002:00:00.0", true},
	{"0002:01:00.0", "platform/40000000.pcie/pci0002:00/0002:00:00.0/", "0002:00:00.0/00.0",
	 false},
	/* A bridge's other directories are no hops: a port service has a longer name. */
	{"0003:01:00.0", "pci0003:00/0003:00:01.0:pcie004/", "0003:01:00.0", false},
	/* Nor is one that is no bus at all. */
	{"0004:01:00.0", "", "0004:01:00.0", false},
};

static void test_other_domains(void **state)
{
	struct fixture *f = *state;
	char link[64], target[128];

	machine_text(f, "# empty\n");
	for (size_t i = 0; i < ARRAY_SIZE(domains); i++) {
		snprintf(link, sizeof(link), "sys/bus/pci/devices/%s", domains[i].address);
		snprintf(target, sizeof(target), "../../../devices/%s%s", domains[i].below,
			 domains[i].address);
		put_link(f, link, target);
	}
	machine_scan(f);
	assert_int_equal(f->inv.count, ARRAY_SIZE(domains));
	for (size_t i = 0; i < ARRAY_SIZE(domains); i++) {
		const char *address = domains[i].address;

		assert_string_equal(path_of(f, address), domains[i].path);
		assert_int_equal(machine_dev(f, address)->has_child, domains[i].has_child);
	}
}

/* A capture may have copied what the links lead to: then every function is its own root. */
static void test_plain_directories(void **state)
{
	struct fixture *f = *state;

	machine_text(f, "sys/bus/pci/devices/0000:00:10.0/\n"
			"sys/bus/pci/devices/0000:01:00.0/vendor = 0x1234\n"
			"sys/bus/pci/devices/0000:01:00.0/device = 0x1111\n"
			"sys/bus/pci/devices/0000:01:00.0/class = 0x030000\n");
	assert_int_equal(f->inv.count, 2);
	assert_string_equal(path_of(f, "0000:01:00.0"), "0000:01:00.0");
	assert_false(machine_dev(f, "0000:00:10.0")->has_child);
	assert_int_equal(pci_identify(&f->root, machine_dev(f, "0000:01:00.0")), 0);
	assert_int_equal(machine_dev(f, "0000:01:00.0")->vendor, 0x1234);
}

/* A virtual function's bus may be another one, yet it hangs below its physical function's bridge. */
static void test_path_of_virtual_function(void **state)
{
	struct fixture *f = *state;
	struct pci_dev *const *found;
	struct pci_path path;
	size_t count;

	machine_text(f, "pci 0000:00:01.0 id=8086:1901 class=060400 group=1 driver=pcieport\n"
			"pci 0000:01:00.0 parent=0000:00:01.0 id=8086:1521 class=020000 group=2\n"
			"pci 0000:02:00.0 parent=0000:00:01.0 id=8086:1520 class=020000 group=3\n"
			"pci 0000:02:00.1 parent=0000:00:01.0 id=8086:1520 class=020000 group=4\n");
	assert_int_equal(pci_path_parse("0000:00:01.0/00.0", &path), 0);
	found = pci_find_path(&f->inv, &path, &count);
	assert_int_equal(count, 2);
	assert_true(found[0] != found[1]);
	for (size_t i = 0; i < count; i++) {
		assert_true(pci_path_equal(&found[i]->path, &path));
		assert_true(found[i] == machine_dev(f, "0000:01:00.0") ||
			    found[i] == machine_dev(f, "0000:02:00.0"));
	}
	assert_int_equal(pci_path_parse("0000:00:01.0/00.1", &path), 0);
	assert_ptr_equal(*pci_find_path(&f->inv, &path, &count), machine_dev(f, "0000:02:00.1"));
	assert_int_equal(count, 1);
	assert_int_equal(pci_path_parse("0000:00:01.0/00.2", &path), 0);
	assert_null(pci_find_path(&f->inv, &path, &count));
	assert_int_equal(count, 0);
	assert_int_equal(pci_path_parse("0001:00:01.0/00.0", &path), 0);
	assert_null(pci_find_path(&f->inv, &path, &count));
}

static void test_slot(void **state)
{
	static const struct {
		const char *address;
		size_t count;
		const char *first;
	} slots[] = {
		{"0000:0b:00.0", 4, "0000:0b:00.0"}, {"0000:0b:00.3", 4, "0000:0b:00.0"},
		{"0000:0b:00.7", 4, "0000:0b:00.0"}, /* not there, yet in the slot */
		{"0000:06:00.1", 3, "0000:06:00.0"}, {"0000:00:01.5", 3, "0000:00:01.0"},
		{"0000:00:18.0", 8, "0000:00:18.0"}, {"0000:0b:01.0", 0, NULL},
		{"0001:0b:00.0", 0, NULL},
	};
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		struct pci_dev *first = NULL;
		struct pci_addr addr;

		assert_int_equal(pci_addr_parse(slots[i].address, &addr), 0);
		assert_int_equal(pci_slot(&f->inv, &addr, &first), slots[i].count);
		assert_ptr_equal(first, slots[i].first ? machine_dev(f, slots[i].first) : NULL);
	}
}

/* --- what a function is ------------------------------------------------------------------------ */

#define CARD "0000:01:00.0"
#define CARD_DIR "sys/devices/pci0000:00/0000:00:10.0/" CARD

static void assert_is_the_card(const struct pci_dev *dev, const char *driver)
{
	assert_true(dev->identified);
	assert_int_equal(dev->vendor, 0x1234);
	assert_int_equal(dev->device, 0x1111);
	assert_int_equal(dev->subvendor, 0x1af4);
	assert_int_equal(dev->subdevice, 0x1100);
	assert_int_equal(dev->class, 0x038000);
	assert_int_equal(pci_base_class(dev), 0x03);
	assert_string_equal(dev->driver, driver);
}

static void test_identify(void **state)
{
	struct fixture *f = *state;

	machine_named(f, "dual-q35");
	assert_int_equal(pci_identify(&f->root, machine_dev(f, CARD)), 0);
	assert_is_the_card(machine_dev(f, CARD), "bochs-drm");
	/* Once read it is kept. */
	put(f, CARD_DIR "/uevent", "PCI_CLASS=30000\nPCI_ID=ABCD:0001\n");
	assert_int_equal(pci_identify(&f->root, machine_dev(f, CARD)), 0);
	assert_is_the_card(machine_dev(f, CARD), "bochs-drm");

	/* By the files where the uevent has not all of it, or is not captured. */
	for (int i = 0; i < 2; i++) {
		if (i)
			drop(f, CARD_DIR "/uevent");
		else
			put(f, CARD_DIR "/uevent", "PCI_SLOT_NAME=" CARD "\n");
		machine_scan(f);
		assert_int_equal(pci_identify(&f->root, machine_dev(f, CARD)), 0);
		assert_is_the_card(machine_dev(f, CARD), "bochs-drm");
	}
	drop(f, CARD_DIR "/driver");
	machine_scan(f);
	assert_int_equal(pci_identify(&f->root, machine_dev(f, CARD)), 0);
	assert_is_the_card(machine_dev(f, CARD), "");
	/* Bridges have no subsystem. */
	drop(f, CARD_DIR "/subsystem_device");
	machine_scan(f);
	assert_int_equal(pci_identify(&f->root, machine_dev(f, CARD)), 0);
	assert_int_equal(machine_dev(f, CARD)->subvendor, 0);
	assert_int_equal(machine_dev(f, CARD)->subdevice, 0);
}

static const struct {
	const char *uevent;
	unsigned vendor, device, subvendor, class;
	const char *driver;
} uevents[] = {
	{"DRIVER=nouveau\nPCI_CLASS=30000\nPCI_ID=10DE:1E07\nPCI_SUBSYS_ID=10DE:12A4\n", 0x10de,
	 0x1e07, 0x10de, 0x030000, "nouveau"},
	{"PCI_CLASS=C0330\nPCI_ID=1912:0014\nPCI_SUBSYS_ID=0000:0000", 0x1912, 0x0014, 0, 0x0c0330,
	 ""},
	{"PCI_ID=0001:0002\nPCI_CLASS=0000\n", 1, 2, 0, 0, ""},
	/* A key is all that is before the `=`. */
	{"XPCI_ID=9999:9999\nPCI_IDX=9999:9999\nPCI_CLASS=10802\nPCI_ID=144D:A808\nDRIVERS=x\n",
	 0x144d, 0xa808, 0, 0x010802, ""},
	{"PCI_CLASS=20000\nPCI_ID=8086:1539\nDRIVER=\n", 0x8086, 0x1539, 0, 0x020000, ""},
};

static const char *const bad_uevents[] = {
	"",
	"PCI_CLASS=30000\n",
	"PCI_ID=10DE:1E07\n",
	"PCI_CLASS=\nPCI_ID=10DE:1E07\n",
	"PCI_CLASS=30000\nPCI_ID=10DE\n",
	"PCI_CLASS=30000\nPCI_ID=10DE1E07\n",
	"PCI_CLASS=30000\nPCI_ID=:1E07\n",
	"PCI_CLASS=x\nPCI_ID=10DE:1E07\n",
};

static void test_uevents(void **state)
{
	struct fixture *f = *state;

	machine_named(f, "dual-q35");
	for (size_t i = 0; i < ARRAY_SIZE(uevents); i++) {
		struct pci_dev *dev;

		put(f, CARD_DIR "/uevent", "%s", uevents[i].uevent);
		machine_scan(f);
		dev = machine_dev(f, CARD);
		assert_int_equal(pci_identify(&f->root, dev), 0);
		assert_int_equal(dev->vendor, uevents[i].vendor);
		assert_int_equal(dev->device, uevents[i].device);
		assert_int_equal(dev->subvendor, uevents[i].subvendor);
		assert_int_equal(dev->class, uevents[i].class);
		assert_string_equal(dev->driver, uevents[i].driver);
	}
	drop(f, CARD_DIR "/vendor");
	for (size_t i = 0; i < ARRAY_SIZE(bad_uevents); i++) {
		put(f, CARD_DIR "/uevent", "%s", bad_uevents[i]);
		machine_scan(f);
		assert_int_equal(pci_identify(&f->root, machine_dev(f, CARD)), -ENODEV);
		assert_false(machine_dev(f, CARD)->identified);
	}
	put(f, CARD_DIR "/vendor", "no number\n");
	machine_scan(f);
	assert_int_equal(pci_identify(&f->root, machine_dev(f, CARD)), -EIO);
	assert_false(machine_dev(f, CARD)->identified);
}

static void test_group(void **state)
{
	static const char *const bad[] = {"x", "6x", "-1", "99999999999", "../"};
	struct fixture *f = *state;
	struct pci_dev *dev;

	machine_named(f, "dual-q35");
	dev = machine_dev(f, CARD);
	assert_int_equal(pci_group(&f->root, dev), 0);
	assert_int_equal(dev->group, 6);
	drop(f, CARD_DIR "/iommu_group");
	assert_int_equal(pci_group(&f->root, dev), 0);
	assert_int_equal(dev->group, 6); /* kept */
	machine_scan(f);
	dev = machine_dev(f, CARD);
	assert_int_equal(pci_group(&f->root, dev), 0);
	assert_int_equal(dev->group, PCI_GROUP_NONE);
	put_link(f, CARD_DIR "/iommu_group", "../../../kernel/iommu_groups/0");
	machine_scan(f);
	dev = machine_dev(f, CARD);
	assert_int_equal(pci_group(&f->root, dev), 0);
	assert_int_equal(dev->group, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_link(f, CARD_DIR "/iommu_group", bad[i]);
		machine_scan(f);
		dev = machine_dev(f, CARD);
		assert_int_equal(pci_group(&f->root, dev), -EIO);
		assert_int_equal(dev->group, PCI_GROUP_UNREAD);
	}
}

static void test_boot_vga_and_driver(void **state)
{
	struct fixture *f = *state;
	char driver[PCI_DRIVER_STR] = "untouched";
	struct pci_addr card, gone;

	machine_named(f, "x570-3700x");
	assert_int_equal(pci_boot_vga(&f->root, machine_dev(f, "0000:0c:00.0")), 1);
	assert_int_equal(pci_boot_vga(&f->root, machine_dev(f, "0000:0b:00.0")), 0);
	assert_int_equal(pci_boot_vga(&f->root, machine_dev(f, "0000:0b:00.1")), -ENOENT);

	assert_int_equal(pci_addr_parse("0000:0b:00.1", &card), 0);
	assert_int_equal(pci_addr_parse("0000:77:00.1", &gone), 0);
	assert_int_equal(pci_driver(&f->root, &card, driver), 0);
	assert_string_equal(driver, "snd_hda_intel");
	assert_int_equal(pci_driver(&f->root, &gone, driver), 0);
	assert_string_equal(driver, "");
}

/* Pulled out between the listing and the look at it. */
static void test_vanished(void **state)
{
	struct fixture *f = *state;
	struct pci_addr addr;
	struct pci_dev *dev;
	size_t before;

	machine_named(f, "dual-q35");
	before = f->inv.count;
	dev = machine_dev(f, CARD);
	addr = dev->addr;
	drop(f, CARD_DIR);
	assert_int_equal(pci_identify(&f->root, dev), -ENODEV);
	assert_false(dev->identified);
	assert_int_equal(pci_group(&f->root, dev), 0);
	assert_int_equal(dev->group, PCI_GROUP_NONE);
	assert_int_equal(pci_boot_vga(&f->root, dev), -ENOENT);
	/* The link is still listed, as in the middle of a removal. */
	machine_scan(f);
	assert_int_equal(pci_identify(&f->root, machine_dev(f, CARD)), -ENODEV);
	drop(f, "sys/bus/pci/devices/" CARD);
	machine_scan(f);
	assert_null(pci_find(&f->inv, &addr));
	assert_int_equal(f->inv.count, before - 1);
}

/* More functions than one getdents64(2) returns. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	char address[PCI_ADDR_STR], link[64];

	machine_text(f, "# empty\n");
	for (unsigned i = 0; i < 1500; i++) {
		struct pci_addr addr = {i >> 8, (uint8_t)(i & 255), 0, 0};

		pci_addr_format(&addr, address);
		snprintf(link, sizeof(link), "sys/bus/pci/devices/%s", address);
		put_link(f, link, "../../../devices/pci0000:00/0000:00:01.0");
	}
	machine_scan(f);
	assert_int_equal(f->inv.count, 1500);
	assert_non_null(machine_dev(f, "0005:db:00.0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addrs),
		cmocka_unit_test(test_bad_addrs),
		cmocka_unit_test(test_addrs_round_trip),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_attr_path),
		cmocka_machine_test(test_topology),
		cmocka_machine_test(test_sorted),
		cmocka_machine_test(test_stray_entries),
		cmocka_machine_test(test_other_domains),
		cmocka_machine_test(test_plain_directories),
		cmocka_machine_test(test_path_of_virtual_function),
		cmocka_machine_test(test_slot),
		cmocka_machine_test(test_identify),
		cmocka_machine_test(test_uevents),
		cmocka_machine_test(test_group),
		cmocka_machine_test(test_boot_vga_and_driver),
		cmocka_machine_test(test_vanished),
		cmocka_machine_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
