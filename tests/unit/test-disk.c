// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether a controller has a disk in use. The source is included: what it looks for is static. */
#include "early/disk.c"

#include <linux/loop.h>
#include <sys/ioctl.h>

#include "tests/unit/fixture.h"

#define A "0000:00:17.0"
#define B "0000:00:18.0"

/* Two controllers, disks whose names and numbers begin alike, nothing in use. */
#define DISKS                                                                                      \
	"pci " A " id=8086:a352 class=010601 group=1 driver=ahci\n"                                \
	"pci " B " id=8086:a352 class=010601 group=2 driver=ahci\n"                                \
	"disk sda at=" A " below=ata1/host0/target0:0:0/0:0:0:0 dev=8:0 sectors=1000\n"            \
	"part sda1 disk=sda dev=8:1 sectors=100\n"                                                 \
	"part sda2 disk=sda dev=8:2 sectors=100\n"                                                 \
	"disk sdb at=" B " below=ata2/host1/target1:0:0/1:0:0:0 dev=8:16 sectors=1000\n"           \
	"part sdb1 disk=sdb dev=8:17 sectors=100\n"                                                \
	"disk sdaa at=" B " below=ata3/host2/target2:0:0/2:0:0:0 dev=65:160 sectors=1000\n"        \
	"part sdaa1 disk=sdaa dev=65:161 sectors=100\n"

#define MOUNTS(lines)                                                                              \
	"proc/self/mountinfo << END\n22 1 0:20 / /proc rw - proc proc rw\n" lines "END\n"
#define SWAPS(lines)                                                                               \
	"proc/swaps << END\nFilename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" lines "END\n"
#define NO_MOUNTS MOUNTS("") SWAPS("")

/* As Linux 6.1 and 7.2 show an NVMe disk with several paths. */
#define MULTIPATH                                                                                  \
	"pci 0000:01:00.0 id=1b36:0010 class=010802 group=3 driver=nvme\n"                         \
	"pci 0000:02:00.0 id=1b36:0010 class=010802 group=4 driver=nvme\n"                         \
	"pci 0000:03:00.0 id=1b36:0010 class=010802 group=5 driver=nvme\n"                         \
	"sys/class/block/nvme0c0n1 -> "                                                            \
	"../../devices/pci0000:01/0000:01:00.0/nvme/nvme0/nvme0c0n1\n"                             \
	"sys/class/block/nvme0c1n1 -> "                                                            \
	"../../devices/pci0000:02/0000:02:00.0/nvme/nvme1/nvme0c1n1\n"                             \
	"sys/class/block/nvme2n1 -> ../../devices/pci0000:03/0000:03:00.0/nvme/nvme2/nvme2n1\n"    \
	"sys/class/block/nvme0n1 -> ../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1\n"   \
	"sys/class/block/nvme0n1p1 -> "                                                            \
	"../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1\n"                    \
	"sys/class/nvme-subsystem/nvme-subsys0 -> "                                                \
	"../../devices/virtual/nvme-subsystem/nvme-subsys0\n"                                      \
	"sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0 -> "                                \
	"../../../pci0000:01/0000:01:00.0/nvme/nvme0\n"                                            \
	"sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme1 -> "                                \
	"../../../pci0000:02/0000:02:00.0/nvme/nvme1\n"                                            \
	"sys/devices/virtual/nvme-subsystem/nvme-subsys0/subsystem -> "                            \
	"../../../../class/nvme-subsystem\n"                                                       \
	"sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/dev = 259:1\n"                    \
	"sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1/dev = 259:2\n"          \
	"sys/devices/pci0000:01/0000:01:00.0/nvme/nvme0/nvme0c0n1/hidden = 1\n"                    \
	"sys/devices/pci0000:02/0000:02:00.0/nvme/nvme1/nvme0c1n1/hidden = 1\n"                    \
	"sys/devices/pci0000:03/0000:03:00.0/nvme/nvme2/nvme2n1/dev = 259:4\n"

/* Disks below what has A's address inside of longer text. */
#define ALIKE                                                                                      \
	"sys/class/block/sdc -> ../../devices/pci10000:00/1" A "/ata9/block/sdc\n"                 \
	"sys/class/block/sdd -> ../../devices/pci0000:00/" A ":pcie001/block/sdd\n"                \
	"sys/class/block/sde -> ../../devices/pci0000:00/0000:00:1f.0/x" A "/block/sde\n"          \
	"sys/devices/pci10000:00/1" A "/ata9/block/sdc/dev = 8:32\n"                               \
	"sys/devices/pci0000:00/" A ":pcie001/block/sdd/dev = 8:48\n"                              \
	"sys/devices/pci0000:00/0000:00:1f.0/x" A "/block/sde/dev = 8:64\n"

/* VMD's disks are in a domain of its own, below the endpoint. */
#define VMD_DISK "pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:00.0/nvme/nvme0/nvme0n1"
#define VMD                                                                                        \
	"pci 0000:00:0e.0 id=8086:467f class=010400 driver=vmd\n"                                  \
	"sys/class/block/nvme0n1 -> ../../devices/" VMD_DISK "\n"                                  \
	"sys/devices/" VMD_DISK "/dev = 259:0\n"

#define RAID                                                                                       \
	"pci " A " id=103c:323b class=010400 driver=hpsa\n"                                        \
	"sys/class/block/cciss!c0d0 -> ../../devices/pci0000:00/" A "/block/cciss!c0d0\n"          \
	"sys/devices/pci0000:00/" A "/block/cciss!c0d0/dev = 104:0\n"

static const struct {
	const char *story;
	const char *tree;
	const char *address;
	const char *text; /* NULL: not in use */
} cases[] = {
	{"nothing is mounted", DISKS NO_MOUNTS, A, NULL},
	{"no disk at all", "pci " A " id=8086:a352 class=010601\n" NO_MOUNTS, A, NULL},
	{"a partition, by its number",
	 DISKS MOUNTS("23 1 8:1 / /srv rw,relatime shared:1 - ext4 /dev/root rw\n"), A,
	 "sda1 is mounted on /srv"},
	{"the whole disk", DISKS MOUNTS("23 1 8:0 / /srv rw - ext4 /dev/root rw\n"), A,
	 "sda is mounted on /srv"},
	{"btrfs: the number is no disk's, the source is",
	 DISKS MOUNTS("23 1 0:33 /@ / rw shared:1 master:2 - btrfs /dev/sda2 "
		      "rw,subvol=/@\n"),
	 A, "sda2 is mounted on /"},
	{"a bind mount of a directory of it",
	 DISKS MOUNTS("23 1 8:2 /some/dir /mnt ro - ext4 /dev/sda2 rw\n"), A,
	 "sda2 is mounted on /mnt"},
	{"the last line without its end",
	 DISKS "proc/self/mountinfo = 23 1 8:2 / /mnt ro - ext4 /dev/sda2\n", A,
	 "sda2 is mounted on /mnt"},
	{"what is below another controller does not count",
	 DISKS MOUNTS("23 1 8:17 / / rw - ext4 /dev/sdb1 rw\n"), A, NULL},
	{"but for that controller it does", DISKS MOUNTS("23 1 8:17 / / rw - ext4 /dev/sdb1 rw\n"),
	 B, "sdb1 is mounted on /"},
	{"sda is not sdaa", DISKS MOUNTS("23 1 0:34 / / rw - btrfs /dev/sdaa1 rw\n"), A, NULL},
	{"numbers and names that begin or end alike",
	 DISKS MOUNTS("23 1 8:11 / /a rw - ext4 /dev/sda11 rw\n"
		      "24 1 18:1 / /b rw - ext4 x/dev/sda1 rw\n"
		      "25 1 8:1x / /c rw - ext4 /dev/sda1x rw\n")
		 SWAPS("/dev/sda22 partition 1 0 -2\n/x/dev/sda2 file 1 0 -3\n"),
	 A, NULL},
	{"found behind one that begins alike",
	 DISKS MOUNTS("23 1 8:16 / /a rw - ext4 /dev/sdb rw\n24 1 8:1 / /b rw - "
		      "ext4 /dev/sda1 rw\n"),
	 A, "sda1 is mounted on /b"},
	{"swap",
	 DISKS MOUNTS("") SWAPS("/dev/sda2                               partition\t1\t0\t-2\n"), A,
	 "sda2 is used for swap"},
	{"swap, as later kernels align it",
	 DISKS MOUNTS("") SWAPS("/dev/sda2\t\tpartition\t1\t0\t-2\n"), A, "sda2 is used for swap"},
	{"held by dm", DISKS NO_MOUNTS "mapped dm-3 on=sda1 dev=254:3 sectors=90 mapper=vg-root\n",
	 A, "sda1 is part of dm-3"},
	{"a member of an array", DISKS NO_MOUNTS "mapped md127 on=sda dev=9:127 sectors=90\n", A,
	 "sda is part of md127"},
	{"another's holder", DISKS NO_MOUNTS "mapped md127 on=sdb dev=9:127 sectors=90\n", A, NULL},
	{"a disk on USB hangs on the USB controller",
	 "pci 0000:00:14.0 id=8086:a36d class=0c0330 driver=xhci_hcd\n"
	 "disk sdb at=0000:00:14.0 "
	 "below=usb2/2-1/2-1:1.0/host9/target9:0:0/9:0:0:0 dev=8:16 "
	 "sectors=9\n" MOUNTS("23 1 8:16 / /media rw - vfat /dev/sdb rw\n"),
	 "0000:00:14.0", "sdb is mounted on /media"},
	{"VMD: a disk of its own domain hangs on the endpoint too",
	 VMD MOUNTS("23 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n"), "0000:00:0e.0",
	 "nvme0n1 is mounted on /"},
	{"an address inside of longer text is another's",
	 DISKS ALIKE MOUNTS("23 1 8:32 / /c rw - ext4 /dev/sdc rw\n"
			    "24 1 8:48 / /d rw - ext4 /dev/sdd rw\n"
			    "25 1 8:64 / /e rw - ext4 /dev/sde rw\n"),
	 A, NULL},
	{"the mounts cannot be read", DISKS, A, "mounted cannot be read"},
	{"the mounts cannot be read, and there is no disk",
	 "pci " A " id=8086:a352 class=010601\nsys/class/block/\n", A, NULL},
	{"the list of disks cannot be read", "sys/class/block = x\n" NO_MOUNTS, A,
	 "its disks cannot be listed"},
	{"a mount point with what a terminal would act upon",
	 DISKS "proc/self/mountinfo = 23 1 8:1 / /a\\x1b[2J\\x9b\\x07b\\\\040c rw "
	       "- ext4 /dev/sda1 rw\n",
	 A, "sda1 is mounted on /a?[2J??b\\040c"},
	{"a name with a slash in it", RAID MOUNTS("23 1 0:40 / / rw - btrfs /dev/cciss/c0d0 rw\n"),
	 A, "cciss!c0d0 is mounted on /"},
	{"NVMe with two paths: the first",
	 MULTIPATH MOUNTS("23 1 259:2 / / rw - ext4 /dev/nvme0n1p1 rw\n"), "0000:01:00.0",
	 "nvme0n1p1 is mounted on /"},
	{"NVMe with two paths: the second",
	 MULTIPATH MOUNTS("23 1 259:2 / / rw - ext4 /dev/nvme0n1p1 rw\n"), "0000:02:00.0",
	 "nvme0n1p1 is mounted on /"},
	{"NVMe with two paths: one that it does not hang on",
	 MULTIPATH MOUNTS("23 1 259:2 / / rw - ext4 /dev/nvme0n1p1 rw\n"), "0000:03:00.0", NULL},
	{"NVMe with two paths: not in use", MULTIPATH NO_MOUNTS, "0000:01:00.0", NULL},
};

/* A machine of its own for each row of a table. */
static struct fixture *next_machine(void **state, size_t i, const char *tree)
{
	if (i) {
		assert_int_equal(fixture_teardown(state), 0);
		assert_int_equal(fixture_setup(state), 0);
	}
	machine_text(*state, tree);
	return *state;
}

static void assert_use(const struct fixture *f, const char *story, const char *address,
		       const char *expected)
{
	char text[DISK_TEXT] = "untouched";
	struct pci_addr addr;
	int r;

	assert_int_equal(pci_addr_parse(address, &addr), 0);
	r = disk_in_use(&f->root, &addr, text);
	if (r != !!expected)
		print_error("of `%s`: %s\n", story, text);
	assert_int_equal(r, !!expected);
	assert_mentions(text, expected ? expected : "untouched", NULL);
}

static void test_in_use(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_use(next_machine(state, i, cases[i].tree), cases[i].story, cases[i].address,
			   cases[i].text);
}

static void test_x570(void **state)
{
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	assert_use(f, "root, EFI and swap", "0000:01:00.0", "nvme0n1p");
	assert_use(f, "an idle NVMe disk", "0000:04:00.0", NULL);
	assert_use(f, "encrypted data", "0000:07:00.0", "sda1 is part of dm-0");
	assert_use(f, "a SATA controller without disks", "0000:08:00.0", NULL);
	assert_use(f, "a stick that is not mounted", "0000:06:00.3", NULL);
	assert_use(f, "no controller at all", "0000:0b:00.0", NULL);
}

/* The subsystem's own directory is what tells; without it any controller may be meant. */
static void test_unknown_subsystem(void **state)
{
	struct fixture *f = *state;

	machine_text(f, MULTIPATH MOUNTS("23 1 259:2 / / rw - ext4 /dev/nvme0n1p1 rw\n"));
	drop(f, "sys/class/nvme-subsystem");
	assert_use(f, "unknown", "0000:03:00.0", "nvme0n1p1 is mounted on /");
}

/* A loop device that reads the file, or a negative errno; it is gone when it is closed. */
static int open_loop(const char *file, char *node, size_t size)
{
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int backing = open(file, O_RDONLY | O_CLOEXEC);
	struct loop_config config = {.fd = (unsigned)backing};
	int number, fd;

	if (control < 0 || backing < 0)
		return -errno;
	config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
	number = ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		return -errno;
	snprintf(node, size, "/dev/loop%d", number);
	fd = open(node, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, LOOP_CONFIGURE, &config) < 0) {
		number = -errno;
		close(fd);
		return number;
	}
	return fd;
}

/* The kernel's own word. Only root has block devices, and not in every container. */
static void test_exclusive(void **state)
{
	_cleanup_root_ struct root live = ROOT_INIT;
	static const char zeros[4096];
	struct fixture *f = *state;
	char node[64];
	int loop, holder;

	machine_text(f, DISKS NO_MOUNTS);
	put_bytes(f, "disk", zeros, sizeof(zeros));
	loop = open_loop(path_in(f, "disk"), node, sizeof(node));
	if (loop < 0)
		skip();
	assert_int_equal(root_open_boot(&live), 0);
	assert_false(is_held(&live, node));
	holder = open(node, O_RDONLY | O_EXCL | O_CLOEXEC);
	assert_true(holder >= 0);
	assert_true(is_held(&live, node));
	/* On a captured machine a node is not asked. */
	put_bytes(f, node + 1, "", 0);
	assert_false(is_held(&f->root, node));
	/* As a disk of a controller. */
	f->root.kind = ROOT_LIVE;
	put_link(f, "dev/sda", node);
	assert_use(f, "held", A, "sda is in exclusive use");
	close(holder);
	assert_false(is_held(&live, node));
	assert_use(f, "given up", A, NULL);
	close(loop);
}

/* --- in the initramfs: what root= means -------------------------------------------------------- */

#define UUID "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
#define UUID_BYTES "\x0a\x1b\x2c\x3d\x4e\x5f\x60\x71\x82\x93\xa4\xb5\xc6\xd7\xe8\xf9"
#define UUID_MIXED "\x3d\x2c\x1b\x0a\x5f\x4e\x71\x60\x82\x93\xa4\xb5\xc6\xd7\xe8\xf9"

static const struct {
	const char *what;
	const char *id;
	const char *bytes;
	size_t size, at;
	bool carries;
} heads[] = {
	{"ext4", UUID, UUID_BYTES, 16, 1024 + 0x68, true},
	{"xfs", UUID, UUID_BYTES, 16, 32, true},
	{"btrfs", UUID, UUID_BYTES, 16, 65536 + 32, true},
	{"written in capitals", "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9", UUID_BYTES, 16, 1024, true},
	{"GPT's partition", UUID, UUID_MIXED, 16, 1024 + 16, true},
	{"LUKS", UUID, UUID, 36, 168, true},
	{"FAT", "1A2B-3C4D", "\x4d\x3c\x2b\x1a", 4, 67, true},
	{"NTFS", "1122334455667788", "\x88\x77\x66\x55\x44\x33\x22\x11", 8, 72, true},
	{"MBR", "0a0b0c0d-01", "\x0d\x0c\x0b\x0a", 4, 440, true},
	{"a label", "data", "data", 4, 1024 + 0x78, true},
	{"GPT's name", "root disk", "r\0o\0o\0t\0 \0d\0i\0s\0k", 18, 1024 + 56, true},
	{"a label that may be in another encoding", "gr\xc3\xb6\xc3\x9f", "", 0, 0, true},
	{"a label longer than any",
	 "0123456789012345678901234567890123456789012345678901234567890123"
	 "x",
	 "", 0, 0, true},
	{"at the very end", UUID, UUID_BYTES, 16, HEAD_SIZE - 16, true},
	{"cut off at the end", UUID, UUID_BYTES, 15, HEAD_SIZE - 15, false},
	{"another UUID", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8fa", UUID_BYTES, 16, 1024, false},
	{"the mixed form of another", "3d2c1b0a-5f4e-7160-8293-a4b5c6d7e8fa", UUID_MIXED, 16, 1024,
	 false},
	{"another label", "datb", "data", 4, 1024, false},
	{"a name that is longer", "root disk", "r\0o\0o\0t\0", 8, 1024, false},
	{"an empty disk", UUID, "", 0, 0, false},
	{"too short to tell by bytes", "0000", "", 0, 0, false},
	{"33 digits are no UUID", "000000000000000000000000000000001", "", 0, 0, false},
};

static void test_heads(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		char *head = malloc(HEAD_SIZE);
		bool carries;

		assert_non_null(head);
		memset(head, 0xee, HEAD_SIZE);
		memcpy(head + heads[i].at, heads[i].bytes, heads[i].size);
		carries = head_carries(head, HEAD_SIZE, heads[i].id, strlen(heads[i].id));
		if (carries != heads[i].carries)
			print_error("of %s\n", heads[i].what);
		assert_int_equal(carries, heads[i].carries);
		free(head);
	}
	/* A disk that is smaller than that. */
	assert_false(head_carries(UUID_BYTES, 15, UUID, 36));
	assert_true(head_carries(UUID_BYTES, 16, UUID, 36));
	assert_false(head_carries("", 0, UUID, 36));
}

/* sda has the UUID, sdb the label; both are there to be read. */
static const struct {
	const char *cmdline;
	bool sda, sdb, sda1;
} wanted[] = {
	{"quiet root=UUID=" UUID " ro", true, false, false},
	{"root=\"UUID=" UUID "\"", true, false, false},
	{"root=block:UUID=" UUID, true, false, false},
	{"root=/dev/disk/by-uuid/" UUID, true, false, false},
	{"root=/dev/disk/by-partuuid/" UUID, true, false, false},
	{"root=/dev/mapper/luks-" UUID, true, false, false},
	{"root=PARTUUID=" UUID, true, false, false},
	{"root=LABEL=system", false, true, false},
	{"root=PARTLABEL=system", false, true, false},
	{"root=/dev/disk/by-label/system", false, true, false},
	{"root=/dev/disk/by-partlabel/system", false, true, false},
	{"root=LABEL=nowhere", false, false, false},
	{"root=UUID=ffffffff-0000-0000-0000-000000000000", false, false, false},
	{"root=/dev/sda", true, false, false},
	{"root=/dev/sda1", true, false, true},
	{"root=/dev/sda10", true, false, false},
	{"root=/dev/sdaa1", false, false, false},
	{"root=/dev/sdb2", false, true, false},
	{"root=/dev/nvme0n1p2", false, false, false},
	/* Any of them may be below these. */
	{"root=/dev/md0", true, true, true},
	{"root=/dev/dm-0", true, true, true},
	{"root=/dev/mapper/vg-root", true, true, true},
	{"root=/dev/vg/root", true, true, true},
	{"root=zfs:AUTO", true, true, true},
	{"root=ZFS=rpool/ROOT", true, true, true},
	{"root=/dev/disk/by-id/ata-X", true, true, true},
	{"root=/dev/disk/by-label/my\\x20root", true, true, true},
	{"root=801", true, true, true},
	{"root=8:1", true, true, true},
	{"root=", true, true, true},
	{"root", true, true, true},
	{"quiet", true, true, true},
	{"", true, true, true},
	{"quiet -- root=/dev/sdb", true, true, true},
	{"rootfstype=ext4 rd.root=x", true, true, true},
	/* No disk of this machine. */
	{"root=nfs:192.0.2.1:/x", false, false, false},
	{"root=nfs4:192.0.2.1:/x", false, false, false},
	{"root=/dev/nfs", false, false, false},
	{"root=nbd:192.0.2.1:x", false, false, false},
	{"root=live:https://example.org/x", false, false, false},
	/* Whichever is last: none of them may be lost. */
	{"root=/dev/sdb root=LABEL=nowhere", false, true, false},
	{"root=LABEL=nowhere root=/dev/sdb", false, true, false},
};

static void put_initramfs(struct fixture *f, const char *cmdline)
{
	static char head[HEAD_SIZE];

	put_bytes(f, "etc/initrd-release", "", 0);
	put(f, "proc/cmdline", "%s\n", cmdline);
	memset(head, 0, sizeof(head));
	put_bytes(f, "dev/sda1", head, sizeof(head));
	memcpy(head + 1024, UUID_BYTES, 16);
	put_bytes(f, "dev/sda", head, sizeof(head));
	memset(head, 0, sizeof(head));
	memcpy(head + 1144, "system", 6);
	put_bytes(f, "dev/sdb", head, sizeof(head));
	put_bytes(f, "dev/sdaa", "", 0);
	put_bytes(f, "dev/sdaa1", "", 0);
	/* Nothing of the file system is the kernel's own; the early binary cannot tell. */
	f->root.kind = ROOT_LIVE;
}

static void test_wanted_root(void **state)
{
	struct fixture *f = *state;

	machine_open(f);
	put_initramfs(f, "");
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		char cmdline[256];
		struct host host = {.cmdline = cmdline};
		bool sda, sdb, sda1;

		host.cmdline_size =
			(size_t)snprintf(cmdline, sizeof(cmdline), "%s\n", wanted[i].cmdline);
		sda = is_wanted_root(&f->root, &host, "sda");
		sdb = is_wanted_root(&f->root, &host, "sdb");
		sda1 = is_wanted_root(&f->root, &host, "sda1");
		if (sda != wanted[i].sda || sdb != wanted[i].sdb || sda1 != wanted[i].sda1)
			print_error("of `%s`\n", wanted[i].cmdline);
		assert_int_equal(sda, wanted[i].sda);
		assert_int_equal(sdb, wanted[i].sdb);
		assert_int_equal(sda1, wanted[i].sda1);
	}
}

static void test_wanted_root_unknown(void **state)
{
	struct fixture *f = *state;
	char cmdline[] = "root=LABEL=nowhere";
	struct host host = {.cmdline = NULL}, named = {.cmdline = cmdline, .cmdline_size = 18};

	machine_open(f);
	put_initramfs(f, "");
	assert_true(is_wanted_root(&f->root, &host, "sda")); /* no command line to read */
	assert_false(is_wanted_root(&f->root, &named, "sda"));
	assert_true(is_wanted_root(&f->root, &named, "sdc")); /* no node to read */
	/* The mounts say it all once the initramfs is left, and on a captured machine. */
	drop(f, "etc/initrd-release");
	assert_false(is_wanted_root(&f->root, &host, "sda"));
	put_bytes(f, "etc/initrd-release", "", 0);
	f->root.kind = ROOT_MACHINE;
	assert_false(is_wanted_root(&f->root, &host, "sda"));
}

static void test_in_initramfs(void **state)
{
	struct fixture *f = *state;

	machine_text(f, DISKS NO_MOUNTS);
	put_initramfs(f, "root=UUID=" UUID);
	assert_use(f, "root=", A, "sda may hold the root file system");
	put_initramfs(f, "root=/dev/sdaa1");
	assert_use(f, "root=", A, NULL);
	assert_use(f, "root=", B, "sdaa");
	put_initramfs(f, "quiet");
	assert_use(f, "no root=", A, "may hold the root file system");
}

/* One controller's way to a disk has no node: what counts is the disk that has one. */
static void test_multipath_in_initramfs(void **state)
{
	struct fixture *f = *state;

	machine_text(f, MULTIPATH NO_MOUNTS);
	put_initramfs(f, "root=UUID=" UUID);
	put_bytes(f, "dev/nvme0n1", "", 0);
	put_bytes(f, "dev/nvme0n1p1", "", 0);
	assert_use(f, "another disk is wanted", "0000:01:00.0", NULL);
	put_bytes(f, "dev/nvme0n1p1", UUID_BYTES, 16);
	assert_use(f, "this one is", "0000:01:00.0", "nvme0n1p1 may hold");
	assert_use(f, "this one is, by its other path", "0000:02:00.0", "nvme0n1p1 may hold");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_in_use),
		cmocka_machine_test(test_x570),
		cmocka_machine_test(test_unknown_subsystem),
		cmocka_machine_test(test_exclusive),
		cmocka_unit_test(test_heads),
		cmocka_machine_test(test_wanted_root),
		cmocka_machine_test(test_wanted_root_unknown),
		cmocka_machine_test(test_in_initramfs),
		cmocka_machine_test(test_multipath_in_initramfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
