// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which functions are claimed: a machine, a profile, and what is to come of them, one line per
 * function: SECTION ADDRESS REASON.
 */
#include <string.h>

#include "early/resolve.h"
#include "tests/unit/fixture.h"

/* --- machines ---------------------------------------------------------------------------------- */

#define SYS00 "sys/devices/pci0000:00/"
#define CHIPSET "pci 0000:00:00.0 id=8086:29c0 class=060000 group=0\n"
#define DISPLAY "pci 0000:00:01.0 id=1234:1111 class=030000 group=1 driver=bochs-drm boot_vga=1\n"
#define PORT(dev) "pci 0000:00:" dev ".0 id=1b36:000c class=060400 group=3 driver=pcieport\n"
/* A display function and its audio, behind the port at DEV, on bus BUS. */
#define CARD(bus, dev)                                                                             \
	"pci 0000:" bus ":00.0 parent=0000:00:" dev                                                \
	".0 id=1234:1111 sub=1af4:1100 class=038000 group=6 driver=bochs-drm\n"                    \
	"pci 0000:" bus ":00.1 parent=0000:00:" dev                                                \
	".0 id=8086:293e sub=1af4:1100 class=040300 group=6 driver=snd_hda_intel\n"
#define NVME(bus, dev)                                                                             \
	"pci 0000:" bus ":00.0 parent=0000:00:" dev ".0 id=1b36:0010 class=010802 group=9 "        \
	"driver=nvme\n"

#define HOST CHIPSET DISPLAY PORT("10") PORT("11")
#define ONE HOST CARD("01", "10")
#define TWINS HOST CARD("01", "10") CARD("02", "11")
/* One more root port and a disk in front: all buses are one further. */
#define MOVED                                                                                      \
	CHIPSET DISPLAY PORT("0f") NVME("01", "0f") PORT("10") PORT("11") CARD("02", "10")         \
		CARD("03", "11")
/* The port of the guest's card is empty; its twin is where it always was. */
#define TWIN_LEFT HOST CARD("01", "11")
#define REPLACED HOST NVME("01", "10") CARD("02", "11")
#define SSD                                                                                        \
	"pci 0000:03:00.0 id=144d:a808 class=010802 group=15 driver=nvme\n"                        \
	"disk nvme0n1 at=0000:03:00.0 below=nvme/nvme0 dev=259:0 sectors=1000\n"
#define MOUNTED "proc/self/mountinfo = 23 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n"
#define UNMOUNTED "proc/self/mountinfo = 23 1 8:0 / / rw - ext4 /dev/sda rw\n"

/* A network card with three virtual functions, of which one has the physical one's path. */
#define VIRTUAL(address)                                                                           \
	"pci " address " parent=0000:00:10.0 id=8086:1520 class=020000 group=5\n" SYS00            \
	"0000:00:10.0/" address "/physfn -> ../0000:01:00.0\n"
#define NETWORK                                                                                    \
	HOST "pci 0000:01:00.0 parent=0000:00:10.0 id=8086:1521 class=020000 group=4 "             \
	     "driver=igb\n" VIRTUAL("0000:02:00.0") VIRTUAL("0000:02:10.0")                        \
		     VIRTUAL("0000:02:10.2")

/* A network card with two ports. */
#define PORTS                                                                                      \
	HOST "pci 0000:01:00.0 parent=0000:00:10.0 id=8086:1528 class=020000 group=4 "             \
	     "driver=ixgbe\n"                                                                      \
	     "pci 0000:01:00.1 parent=0000:00:10.0 id=8086:1528 class=020000 group=5 "             \
	     "driver=ixgbe\n"
/* Intel's graphics: the virtual functions have the physical one's id and slot. */
#define GRAPHICS                                                                                   \
	"pci 0000:00:01.0 id=1234:1111 class=030000 group=1 driver=bochs-drm boot_vga=1\n"         \
	"pci 0000:00:02.0 id=8086:a780 class=030000 group=2 driver=i915\n"                         \
	"pci 0000:00:02.1 id=8086:a780 class=030000 group=3\n"                                     \
	"pci 0000:00:02.2 id=8086:a780 class=030000 group=4\n"                                     \
	"sys/devices/pci0000:00/0000:00:02.1/physfn -> ../0000:00:02.0\n"                          \
	"sys/devices/pci0000:00/0000:00:02.2/physfn -> ../0000:00:02.0\n"

/* --- profiles ---------------------------------------------------------------------------------- */

#define GPU "[device gpu]\nid = 1234:1111\nclass = 0380\n"
#define TWIN "[device twin]\nid = 1234:1111\nclass = 0380\n"
#define AT10 "path = 0000:00:10.0/00.0\n"
#define AT11 "path = 0000:00:11.0/00.0\n"
#define AT12 "path = 0000:00:12.0/00.0\n"
#define MOVE "moved = claim\n"
#define STORE "[device disk]\nid = 144d:a808\n"

#define CLAIMED(bus) "gpu 0000:" bus ":00.0 claimed\ngpu 0000:" bus ":00.1 claimed\n"
#define TWIN_CLAIMED(bus) "twin 0000:" bus ":00.0 claimed\ntwin 0000:" bus ":00.1 claimed\n"

static const struct {
	const char *story;
	const char *tree;
	const char *profile;
	const char *plan;
	/* In the first text that is no sibling's: the device | the reason | the cure. */
	const char *words;
} cases[] = {
	/* Where it sits. */
	{"by path: the twin and the boot display are left alone", TWINS, GPU AT10, CLAIMED("01"),
	 NULL},
	{"by path, the other one", TWINS, GPU AT11, CLAIMED("02"), NULL},
	{"by path, bus numbers moved", MOVED, GPU AT10, CLAIMED("02"), NULL},
	{"the path goes before the address", MOVED, GPU AT10 "address = 0000:03:00.0\n",
	 CLAIMED("02"), NULL},
	{"by address", TWINS, GPU "address = 0000:02:00.0\n", CLAIMED("02"), NULL},
	{"by address, as lspci prints it", TWINS, GPU "address = 02:00.0\n", CLAIMED("02"), NULL},
	{"by address, bus numbers moved: the disk that is there now is not taken", MOVED,
	 GPU "address = 0000:01:00.0\n", "gpu - changed\n",
	 "0000:01:00.0 holds 1b36:0010|1234:1111|[device gpu]|vfio-device list"},
	{"by address, and nothing is there", TWINS, GPU "address = 0000:07:00.0\n",
	 "gpu - not-found\n", "1234:1111|[device gpu]|at 0000:07:00.0|vfio-device list"},
	{"by path, and nothing is there", TWINS, GPU AT12, "gpu - not-found\n",
	 "no 1234:1111 of [device gpu]|0000:00:12.0/00.0|0000:01:00.0|vfio-device list"},
	{"by id", ONE, GPU, CLAIMED("01"), NULL},
	{"by id, bus numbers moved",
	 CHIPSET DISPLAY PORT("0f") NVME("01", "0f") PORT("10") CARD("02", "10"), GPU,
	 CLAIMED("02"), NULL},
	{"by id, and two cards have it", TWINS, GPU, "gpu - ambiguous\n",
	 "2 cards|1234:1111|[device gpu] its path|vfio-device list"},
	{"by id, and none has it", HOST, GPU, "gpu - not-found\n",
	 "no 1234:1111|[device gpu]|anywhere"},
	{"by id, which the boot display has too", ONE, "[device gpu]\nid = 1234:1111\n",
	 "gpu - ambiguous\n", "2 cards"},
	{"by the id of its audio function: the slot is meant", ONE,
	 "[device gpu]\nid = 8086:293e\n", CLAIMED("01"), NULL},
	{"an empty profile", TWINS, "", "", NULL},

	/* The fingerprint. */
	{"all of it fits", TWINS,
	 "[device gpu]\nid = 1234:1111\nclass = 038000\nsubsystem = 1af4:1100\n" AT10,
	 CLAIMED("01"), NULL},
	{"another class", TWINS, "[device gpu]\nid = 1234:1111\nclass = 0300\n" AT10,
	 "gpu - changed\n", "0000:00:10.0/00.0 holds 1234:1111|class 038000|[device gpu]"},
	{"another programming interface", TWINS,
	 "[device gpu]\nid = 1234:1111\nclass = 038001\n" AT10, "gpu - changed\n", NULL},
	{"another subsystem", TWINS, "[device gpu]\nid = 1234:1111\nsubsystem = 1af4:1101\n" AT10,
	 "gpu - changed\n", NULL},
	{"another device", TWINS, "[device gpu]\nid = 1234:1112\n" AT10, "gpu - changed\n", NULL},
	{"another vendor", TWINS, "[device gpu]\nid = 1235:1111\n" AT10, "gpu - changed\n", NULL},

	/* It has moved, or is gone. */
	{"gone, and the twin is the host's", TWIN_LEFT, GPU AT10, "gpu - not-found\n",
	 "0000:00:10.0/00.0|one such card is at 0000:01:00.0 now|[device gpu]"},
	{"another model sits in its slot", REPLACED, GPU AT10, "gpu - changed\n",
	 "holds 1b36:0010 (class 010802)|not the 1234:1111|0000:02:00.0 now|vfio-device list"},
	{"moved = claim: the only one is taken where it is", TWIN_LEFT, GPU AT10 MOVE,
	 CLAIMED("01"), NULL},
	{"moved = claim, another model in its slot", REPLACED, GPU AT10 MOVE, CLAIMED("02"), NULL},
	{"moved = claim, but it has not moved", TWINS, GPU AT10 MOVE, CLAIMED("01"), NULL},
	{"moved = claim, and two have the fingerprint", TWINS, GPU AT12 MOVE, "gpu - ambiguous\n",
	 "2 cards|0000:00:12.0/00.0|[device gpu]"},
	{"moved = refuse, and two have the fingerprint", TWINS, GPU AT12, "gpu - not-found\n",
	 NULL},
	{"moved = claim, and it is gone", HOST, GPU AT10 MOVE, "gpu - not-found\n", NULL},
	{"moved = claim, and only the boot display fits", HOST,
	 "[device gpu]\nid = 1234:1111\n" AT10 MOVE, "gpu 0000:00:01.0 boot-display\n", NULL},

	/* Several sections. */
	{"twins, both by path", TWINS, GPU AT10 TWIN AT11, CLAIMED("01") TWIN_CLAIMED("02"), NULL},
	{"twins, crosswise", TWINS, GPU AT11 TWIN AT10, CLAIMED("02") TWIN_CLAIMED("01"), NULL},
	{"twins, the second by id: what the first has not", TWINS, GPU AT10 TWIN,
	 CLAIMED("01") TWIN_CLAIMED("02"), NULL},
	{"twins, the first by id", TWINS, GPU TWIN AT10, CLAIMED("02") TWIN_CLAIMED("01"), NULL},
	{"twins, one gone: the other section's card is not taken for it", TWIN_LEFT,
	 GPU AT10 MOVE TWIN AT11, "gpu - not-found\n" TWIN_CLAIMED("01"), NULL},
	{"twins, one gone, in the other order", TWIN_LEFT, TWIN AT11 GPU AT10 MOVE,
	 TWIN_CLAIMED("01") "gpu - not-found\n", NULL},
	{"twins that have both moved cannot be told apart", TWINS,
	 GPU AT12 MOVE TWIN "path = 0000:00:13.0/00.0\n" MOVE,
	 "gpu - ambiguous\ntwin - ambiguous\n", NULL},
	{"twins by id cannot either", TWINS, GPU TWIN, "gpu - ambiguous\ntwin - ambiguous\n", NULL},
	{"a guest's card is no other section's", TWINS, GPU AT10 "claim = guest\n" TWIN,
	 "gpu 0000:01:00.0 guest-only\n" TWIN_CLAIMED("02"), NULL},
	{"two that want the one card that fits", ONE, GPU TWIN,
	 "gpu 0000:01:00.0 conflict\ngpu 0000:01:00.1 conflict\n"
	 "twin 0000:01:00.0 conflict\ntwin 0000:01:00.1 conflict\n",
	 "0000:01:00.0|[device gpu]|[device twin]|take one out"},
	{"by path and by address the same", TWINS, GPU AT10 TWIN "address = 0000:01:00.0\n",
	 "gpu 0000:01:00.0 conflict\ngpu 0000:01:00.1 conflict\n"
	 "twin 0000:01:00.0 conflict\ntwin 0000:01:00.1 conflict\n",
	 NULL},
	{"in conflict about one function only", TWINS,
	 GPU AT10 TWIN "address = 0000:01:00.0\nfunctions = 1\n",
	 "gpu 0000:01:00.0 sibling\ngpu 0000:01:00.1 conflict\ntwin 0000:01:00.1 conflict\n",
	 "0000:01:00.1|[device gpu]|[device twin]"},
	{"a guest's and a boot's section for one card", TWINS,
	 GPU AT10 "claim = guest\n" TWIN "address = 0000:01:00.0\n",
	 "gpu 0000:01:00.0 conflict\n"
	 "twin 0000:01:00.0 conflict\ntwin 0000:01:00.1 sibling\n",
	 NULL},
	{"the slot divided between two", TWINS,
	 GPU AT10 "functions = 0\n[device audio]\nid = 8086:293e\npath = 0000:00:10.0/00.1\n"
		  "functions = 1\n",
	 "gpu 0000:01:00.0 claimed\naudio 0000:01:00.1 claimed\n", NULL},

	/* match = all */
	{"all with the fingerprint", TWINS, GPU "match = all\n", CLAIMED("01") CLAIMED("02"), NULL},
	{"all but the boot display", TWINS, "[device gpu]\nid = 1234:1111\nmatch = all\n",
	 CLAIMED("01") CLAIMED("02"), NULL},
	{"all, the boot display too", TWINS,
	 "[device gpu]\nid = 1234:1111\nmatch = all\nallow-boot-display = yes\n",
	 "gpu 0000:00:01.0 claimed\n" CLAIMED("01") CLAIMED("02"), NULL},
	{"all but another section's", TWINS, GPU "match = all\n" TWIN AT10,
	 CLAIMED("02") TWIN_CLAIMED("01"), NULL},
	{"all of none", HOST, GPU "match = all\n", "gpu - not-found\n", "1234:1111|[device gpu]"},
	{"all, where only the boot display fits", HOST,
	 "[device gpu]\nid = 1234:1111\nmatch = all\n", "gpu - not-found\n", NULL},
	{"all or nothing of all", TWINS, GPU "match = all\nfunctions = 0,2\n",
	 "gpu 0000:01:00.0 sibling\ngpu - no-function\ngpu 0000:02:00.0 sibling\ngpu - "
	 "no-function\n",
	 "0000:01:00.2|[device gpu]"},

	/* Functions. */
	{"the first only", TWINS, GPU AT10 "functions = 0\n", "gpu 0000:01:00.0 claimed\n", NULL},
	{"another than the fingerprint is of", TWINS, GPU AT10 "functions = 1\n",
	 "gpu 0000:01:00.1 claimed\n", NULL},
	{"a list", TWINS, GPU AT10 "functions = 1,0\n", CLAIMED("01"), NULL},
	{"one that is not there", TWINS, GPU AT10 "functions = 0,2\n",
	 "gpu 0000:01:00.0 sibling\ngpu - no-function\n", "no function 0000:01:00.2|[device gpu]"},
	{"one that is not there before one that is",
	 TWINS "pci 0000:01:00.3 parent=0000:00:10.0 id=1234:3333 class=0c0330 group=6\n",
	 GPU AT10 "functions = 0,2,3\n",
	 "gpu 0000:01:00.0 sibling\ngpu - no-function\ngpu 0000:01:00.3 sibling\n", "0000:01:00.2"},
	{"a bridge in the slot is passed over",
	 TWINS "pci 0000:01:00.2 parent=0000:00:10.0 id=1234:2222 class=060400 group=6\n"
	       "pci 0000:01:00.3 parent=0000:00:10.0 id=1234:3333 class=060100 group=6\n",
	 GPU AT10, CLAIMED("01"), NULL},
	{"a bridge that is listed is refused",
	 TWINS "pci 0000:01:00.2 parent=0000:00:10.0 id=1234:2222 class=060400 group=6\n",
	 GPU AT10 "functions = 0,2\n", "gpu 0000:01:00.0 sibling\ngpu 0000:01:00.2 bridge\n",
	 "0000:01:00.2 is a bridge|vfio-pci|[device gpu]"},
	{"a bridge that is named is refused", TWINS,
	 "[device port]\nid = 1b36:000c\npath = 0000:00:10.0\n", "port 0000:00:10.0 bridge\n",
	 "0000:00:10.0|[device port]"},

	/* What speaks against one. */
	{"the second function has no group",
	 HOST "pci 0000:01:00.0 parent=0000:00:10.0 id=1234:1111 class=038000 group=6\n"
	      "pci 0000:01:00.1 parent=0000:00:10.0 id=8086:293e class=040300\n",
	 GPU AT10, "gpu 0000:01:00.0 sibling\ngpu 0000:01:00.1 no-iommu-group\n",
	 "0000:01:00.1 has no IOMMU group|VT-d or AMD-Vi|vfio-bootcfg set --iommu pt"},
	{"the first function has no group",
	 HOST "pci 0000:01:00.0 parent=0000:00:10.0 id=1234:1111 class=038000\n"
	      "pci 0000:01:00.1 parent=0000:00:10.0 id=8086:293e class=040300 group=6\n",
	 GPU AT10, "gpu 0000:01:00.0 no-iommu-group\ngpu 0000:01:00.1 sibling\n", NULL},
	{"the boot display", TWINS, "[device gpu]\nid = 1234:1111\naddress = 0000:00:01.0\n",
	 "gpu 0000:00:01.0 boot-display\n",
	 "0000:00:01.0|boot_vga|firmware setup|allow-boot-display = yes in [device gpu]"},
	{"the boot display, allowed", TWINS,
	 "[device gpu]\nid = 1234:1111\naddress = 0000:00:01.0\nallow-boot-display = yes\n",
	 "gpu 0000:00:01.0 claimed\n", NULL},
	{"the firmware's frame buffer lies on it",
	 CHIPSET PORT("10") PORT("11") CARD("01", "10")
		 CARD("02", "11") "sys/bus/platform/devices/efi-framebuffer.0 -> "
				  "../../../devices/pci0000:00/0000:00:10.0/"
				  "0000:01:00.0/efi-framebuffer.0\n",
	 GPU AT10, "gpu 0000:01:00.0 boot-display\ngpu 0000:01:00.1 sibling\n",
	 "0000:01:00.0|frame buffer|allow-boot-display"},
	{"the twin of that one",
	 CHIPSET PORT("10") PORT("11") CARD("01", "10")
		 CARD("02", "11") "sys/bus/platform/devices/efi-framebuffer.0 -> "
				  "../../../devices/pci0000:00/0000:00:10.0/"
				  "0000:01:00.0/efi-framebuffer.0\n",
	 GPU AT11, CLAIMED("02"), NULL},
	{"the only display there is", CHIPSET PORT("10") CARD("01", "10"), GPU AT10,
	 "gpu 0000:01:00.0 boot-display\ngpu 0000:01:00.1 sibling\n", "0000:01:00.0|only display"},
	{"two displays, and nothing says which is the host's",
	 CHIPSET PORT("10") PORT("11") CARD("01", "10") CARD("02", "11"), GPU AT10, CLAIMED("01"),
	 NULL},
	{"the audio function of the boot display's card is none",
	 CHIPSET PORT("10") CARD("01", "10"), GPU AT10 "functions = 1\n",
	 "gpu 0000:01:00.1 claimed\n", NULL},
	{"storage", SSD UNMOUNTED, STORE, "disk 0000:03:00.0 storage\n",
	 "0000:03:00.0|storage controller|allow-storage = yes in [device disk]"},
	{"storage, allowed, not in use", SSD UNMOUNTED, STORE "allow-storage = yes\n",
	 "disk 0000:03:00.0 claimed\n", NULL},
	{"storage, allowed, in use", SSD MOUNTED, STORE "allow-storage = yes\n",
	 "disk 0000:03:00.0 disk-in-use\n", "0000:03:00.0|nvme0n1 is mounted on /"},
	{"storage, in use and not allowed", SSD MOUNTED, STORE, "disk 0000:03:00.0 storage\n",
	 NULL},
	{"storage that no driver holds has no disk in use",
	 "pci 0000:03:00.0 id=144d:a808 class=010802 group=15\n", STORE "allow-storage = yes\n",
	 "disk 0000:03:00.0 claimed\n", NULL},
	{"no storage, but the host's disk is on it",
	 "pci 0000:00:14.0 id=8086:a36d class=0c0330 group=4 driver=xhci_hcd\n"
	 "disk sdb at=0000:00:14.0 below=usb2/2-1/2-1:1.0/host9/target9:0:0/9:0:0:0 dev=259:0 "
	 "sectors=9\n" MOUNTED,
	 "[device usb]\nid = 8086:a36d\n", "usb 0000:00:14.0 disk-in-use\n",
	 "0000:00:14.0|sdb is mounted on /"},
	{"given back in this boot", TWINS "run/vfio-bootcfg/released/0000:01:00.1 = \n", GPU AT10,
	 "gpu 0000:01:00.0 sibling\ngpu 0000:01:00.1 released\n",
	 "0000:01:00.1 was given back|vfio-bootcfg/released"},
	{"another was given back", TWINS "run/vfio-bootcfg/released/0000:02:00.0 = \n", GPU AT10,
	 CLAIMED("01"), NULL},
	{"for its guest only", TWINS, GPU AT10 "claim = guest\n", "gpu 0000:01:00.0 guest-only\n",
	 "[device gpu]|claim = guest|guest starts"},
	{"for its guest only, and not there", HOST, GPU AT10 "claim = guest\n",
	 "gpu - guest-only\n", NULL},

	/* Functions with the same id. */
	{"two in one slot are one card", PORTS, "[device nic]\nid = 8086:1528\n",
	 "nic 0000:01:00.0 claimed\nnic 0000:01:00.1 claimed\n", NULL},
	{"two in one slot, all of them, and each once", PORTS,
	 "[device nic]\nid = 8086:1528\nmatch = all\n",
	 "nic 0000:01:00.0 claimed\nnic 0000:01:00.1 claimed\n", NULL},
	{"a physical one and its virtual ones in its slot", GRAPHICS,
	 "[device gpu]\nid = 8086:a780\n", "gpu - ambiguous\n", "3 cards"},
	{"the physical one is taken, a virtual one is not its", GRAPHICS,
	 "[device pf]\nid = 8086:a780\naddress = 0000:00:02.0\nfunctions = 0\n"
	 "[device vf]\nid = 8086:a780\n",
	 "pf 0000:00:02.0 claimed\nvf - ambiguous\n", "2 cards"},
	{"a virtual one is taken, the physical one is not its", GRAPHICS,
	 "[device vf]\nid = 8086:a780\naddress = 0000:00:02.1\n[device gpu]\nid = 8086:a780\n",
	 "vf 0000:00:02.1 claimed\ngpu - ambiguous\n", "2 cards"},

	/* Virtual functions are cards of their own. */
	{"the physical one at a path that both have", NETWORK,
	 "[device nic]\nid = 8086:1521\npath = 0000:00:10.0/00.0\n", "nic 0000:01:00.0 claimed\n",
	 NULL},
	{"the physical one, whichever the list has first",
	 HOST "pci 0000:02:00.0 parent=0000:00:10.0 id=8086:1521 class=020000 group=4 "
	      "driver=igb\n" VIRTUAL("0000:01:00.0"),
	 "[device nic]\nid = 8086:1521\npath = 0000:00:10.0/00.0\n", "nic 0000:02:00.0 claimed\n",
	 NULL},
	{"a virtual one, by address", NETWORK,
	 "[device vf]\nid = 8086:1520\naddress = 0000:02:10.0\n", "vf 0000:02:10.0 claimed\n",
	 NULL},
	{"a virtual one, by path", NETWORK,
	 "[device vf]\nid = 8086:1520\npath = 0000:00:10.0/10.2\n", "vf 0000:02:10.2 claimed\n",
	 NULL},
	{"two of one slot, each in its section", NETWORK,
	 "[device a]\nid = 8086:1520\naddress = 0000:02:10.2\n"
	 "[device b]\nid = 8086:1520\naddress = 0000:02:10.0\n",
	 "a 0000:02:10.2 claimed\nb 0000:02:10.0 claimed\n", NULL},
	{"by id they are as many as there are", NETWORK, "[device vf]\nid = 8086:1520\n",
	 "vf - ambiguous\n", "3 cards"},
	{"by id, in one slot", HOST VIRTUAL("0000:02:10.0") VIRTUAL("0000:02:10.2"),
	 "[device vf]\nid = 8086:1520\n", "vf - ambiguous\n", "2 cards"},
	{"the one that another section has not",
	 HOST VIRTUAL("0000:02:10.0") VIRTUAL("0000:02:10.2"),
	 "[device a]\nid = 8086:1520\n[device b]\nid = 8086:1520\naddress = 0000:02:10.0\n",
	 "a 0000:02:10.2 claimed\nb 0000:02:10.0 claimed\n", NULL},
	{"all of them", NETWORK, "[device vf]\nid = 8086:1520\nmatch = all\n",
	 "vf 0000:02:00.0 claimed\nvf 0000:02:10.0 claimed\nvf 0000:02:10.2 claimed\n", NULL},
};

/* --- the runner -------------------------------------------------------------------------------- */

struct resolved {
	struct profile profile;
	struct claim_plan plan;
};

static void resolved_free(struct resolved *resolved)
{
	claim_plan_free(&resolved->plan);
	profile_free(&resolved->profile);
}

#define _cleanup_resolved_ _cleanup_(resolved_free)

static void resolve(struct fixture *f, const char *text, unsigned flags, struct resolved *ret)
{
	struct diag diag = DIAG_INIT;
	char buf[DIAG_STR];
	int r = profile_parse_text(text, strlen(text), "/etc/vfio-bootcfg.conf", &ret->profile,
				   &diag);

	if (r < 0)
		print_error("%s\n", diag_format(&diag, buf));
	assert_int_equal(r, 0);
	assert_int_equal(claim_resolve(&f->root, &ret->profile, &f->inv, flags, &ret->plan), 0);
}

static void render(const struct claim_plan *plan, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < plan->count; i++) {
		const struct claim_target *target = &plan->targets[i];
		char addr[PCI_ADDR_STR];

		len += (size_t)snprintf(buf + len, size - len, "%s %s %s\n", target->section->name,
					target->dev ? pci_addr_format(&target->dev->addr, addr)
						    : "-",
					claim_reason_word(target->reason));
		assert_true(len < size);
	}
}

/* What holds for every plan. */
static void assert_sound(const struct claim_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct claim_target *target = &plan->targets[i];

		assert_int_equal(target->text[0] == '\0', target->reason == CLAIM_OK);
		assert_true(strlen(target->text) < CLAIM_TEXT - 1); /* not cut */
		assert_false(target->override_written);
		/* Also of what is refused the record says who holds it. */
		if (target->dev && target->reason != CLAIM_VANISHED) {
			assert_true(target->dev->identified);
			assert_string_equal(target->driver_after, target->dev->driver);
		}
		if (target->reason != CLAIM_OK)
			continue;
		assert_non_null(target->dev);
		assert_true(target->dev->group >= 0);
		assert_int_equal(target->error, 0);
		/* All or nothing. */
		for (size_t j = 0; j < plan->count; j++)
			if (plan->targets[j].section == target->section)
				assert_int_equal(plan->targets[j].reason, CLAIM_OK);
	}
}

static const char *first_text(const struct claim_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].reason != CLAIM_OK && plan->targets[i].reason != CLAIM_SIBLING)
			return plan->targets[i].text;
	return "";
}

static void assert_plan(struct fixture *f, const char *story, const char *profile,
			const char *expected, const char *words, unsigned flags)
{
	_cleanup_resolved_ struct resolved resolved = {.plan = {.count = 0}};
	_cleanup_free_ char *copy = NULL;
	char plan[1024], *state;

	resolve(f, profile, flags, &resolved);
	render(&resolved.plan, plan, sizeof(plan));
	if (strcmp(plan, expected) != 0)
		print_error("of `%s`: %s\n", story, first_text(&resolved.plan));
	assert_string_equal(plan, expected);
	assert_sound(&resolved.plan);
	if (!words)
		return;
	copy = strdup(words);
	assert_non_null(copy);
	for (char *word = strtok_r(copy, "|", &state); word; word = strtok_r(NULL, "|", &state))
		assert_mentions(first_text(&resolved.plan), word, NULL);
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (i) {
			assert_int_equal(fixture_teardown(state), 0);
			assert_int_equal(fixture_setup(state), 0);
		}
		machine_text(*state, cases[i].tree);
		assert_plan(*state, cases[i].story, cases[i].profile, cases[i].plan, cases[i].words,
			    0);
	}
}

/* A guest's card when its guest starts; and what is for the boot is there for guests too. */
static void test_for_guest(void **state)
{
	struct fixture *f = *state;

	machine_text(f, TWINS);
	assert_plan(f, "its own", GPU AT10 "claim = guest\n", CLAIMED("01"), NULL, RESOLVE_GUEST);
	assert_plan(f, "the boot's", GPU AT10, CLAIMED("01"), NULL, RESOLVE_GUEST);
}

/* --- what a tree cannot say -------------------------------------------------------------------- */

#define CARD_DIR SYS00 "0000:00:10.0/0000:01:00.0"
#define AUDIO_DIR SYS00 "0000:00:10.0/0000:01:00.1"

static void test_vanishing(void **state)
{
	struct fixture *f = *state;

	machine_text(f, TWINS);
	drop(f, AUDIO_DIR);
	assert_plan(f, "the second function", GPU AT10,
		    "gpu 0000:01:00.0 sibling\ngpu 0000:01:00.1 vanished\n",
		    "0000:01:00.1 cannot be read|No such device", 0);
	drop(f, CARD_DIR);
	machine_scan(f);
	assert_plan(f, "the whole card is no other model", GPU AT10, "gpu - not-found\n", NULL, 0);
	/* The twin's fingerprint cannot be read: it is not one that fits. */
	machine_scan(f);
	assert_plan(f, "by id", GPU, "gpu 0000:02:00.0 claimed\ngpu 0000:02:00.1 claimed\n", NULL,
		    0);
}

static void test_unreadable_group(void **state)
{
	_cleanup_resolved_ struct resolved resolved = {.plan = {.count = 0}};
	struct fixture *f = *state;

	machine_text(f, TWINS);
	put_link(f, CARD_DIR "/iommu_group", "nonsense");
	assert_plan(f, "a group that is no number", GPU AT10,
		    "gpu 0000:01:00.0 no-iommu-group\ngpu 0000:01:00.1 sibling\n",
		    "0000:01:00.0|IOMMU group", 0);
	resolve(f, GPU AT10, 0, &resolved);
	assert_int_equal(resolved.plan.targets[0].error, EIO);
}

/* What vfio-pci holds is ours already: no disk of the host can be on it. */
static void test_already_claimed(void **state)
{
	struct fixture *f = *state;

	machine_text(f, SSD MOUNTED);
	put(f, "sys/devices/pci0000:03/0000:03:00.0/uevent",
	    "DRIVER=vfio-pci\nPCI_CLASS=10802\nPCI_ID=144D:A808\n");
	assert_plan(f, "with vfio-pci", STORE "allow-storage = yes\n",
		    "disk 0000:03:00.0 claimed\n", NULL, 0);
	put(f, "sys/devices/pci0000:03/0000:03:00.0/uevent",
	    "DRIVER=vfio-pci-x\nPCI_CLASS=10802\nPCI_ID=144D:A808\n");
	machine_scan(f);
	assert_plan(f, "with another", STORE "allow-storage = yes\n",
		    "disk 0000:03:00.0 disk-in-use\n", NULL, 0);
}

static void test_no_machine(void **state)
{
	struct fixture *f = *state;

	machine_text(f, "# nothing\n");
	assert_plan(f, "no function at all", GPU AT10 TWIN, "gpu - not-found\ntwin - not-found\n",
		    NULL, 0);
}

/* The longest names and paths that there are: the sentence is still whole. */
static void test_long_texts(void **state)
{
#define NAME62 "12345678901234567890123456789012345678901234567890123456789012"
#define NAME63 "n" NAME62
	static const char *const profiles[] = {
		"[device " NAME63 "]\nid = 1234:1111\nclass = 0380\n"
		"path = 0000:00:12.0/00.0/00.0/00.0/00.0/00.0/00.0/00.0\n",
		"[device " NAME63 "]\nid = 1234:1112\n" AT10,
		"[device " NAME63 "]\nid = 1234:1111\naddress = 0000:00:01.0\n",
		"[device " NAME63 "]\nid = 1234:1111\nclass = 0380\n",
		"[device " NAME63 "]\nid = 1234:1111\nfunctions = 0,7\n" AT10,
		"[device " NAME63 "]\nid = 1234:1111\n" AT10 "[device m" NAME62
		"]\nid = 1234:1111\n"
		"address = 0000:01:00.0\n",
	};
	struct fixture *f = *state;

	machine_text(f, TWINS);
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		_cleanup_resolved_ struct resolved resolved = {.plan = {.count = 0}};

		resolve(f, profiles[i], 0, &resolved);
		assert_true(resolved.plan.count > 0);
		assert_int_not_equal(resolved.plan.targets[0].reason, CLAIM_OK);
		assert_sound(&resolved.plan);
	}
}

static void test_words(_unused_ void **state)
{
	for (int i = 0; i < CLAIM_REASONS; i++) {
		const char *word = claim_reason_word((enum claim_reason)i);

		assert_non_null(word);
		assert_true(strlen(word) < 32); /* record.h */
		for (int j = 0; j < i; j++)
			assert_string_not_equal(word, claim_reason_word((enum claim_reason)j));
	}
	assert_string_equal(claim_reason_word(CLAIM_OK), "claimed");
}

/* What claiming calls when a step fails. */
static void test_refuse(void **state)
{
	_cleanup_resolved_ struct resolved resolved = {.plan = {.count = 0}};
	struct fixture *f = *state;
	struct claim_target *targets;

	machine_text(f, TWINS);
	resolve(f, TWIN AT11 GPU AT10, 0, &resolved);
	targets = resolved.plan.targets;
	assert_int_equal(resolved.plan.count, 4);
	claim_refuse(&resolved.plan, &targets[3], CLAIM_BIND_FAILED, EBUSY, "%s says no",
		     "vfio-pci");
	assert_int_equal(targets[3].reason, CLAIM_BIND_FAILED);
	assert_int_equal(targets[3].error, EBUSY);
	assert_string_equal(targets[3].text, "vfio-pci says no");
	assert_int_equal(targets[2].reason, CLAIM_SIBLING);
	assert_mentions(targets[2].text, "[device gpu]", "0000:01:00.1", NULL);
	assert_int_equal(targets[0].reason, CLAIM_OK);
	assert_int_equal(targets[1].reason, CLAIM_OK);
	/* A reason of its own is kept when the next one is refused. */
	claim_refuse(&resolved.plan, &targets[0], CLAIM_TIMEOUT, ETIMEDOUT, "first");
	claim_refuse(&resolved.plan, &targets[1], CLAIM_VANISHED, ENODEV, "second");
	assert_int_equal(targets[0].reason, CLAIM_TIMEOUT);
	assert_string_equal(targets[0].text, "first");
	assert_int_equal(targets[1].reason, CLAIM_VANISHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_cases),
		cmocka_machine_test(test_for_guest),
		cmocka_machine_test(test_vanishing),
		cmocka_machine_test(test_unreadable_group),
		cmocka_machine_test(test_already_claimed),
		cmocka_machine_test(test_no_machine),
		cmocka_machine_test(test_long_texts),
		cmocka_unit_test(test_words),
		cmocka_machine_test(test_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
