// SPDX-License-Identifier: GPL-2.0-or-later
/* Release and reclaim against the fake kernel of handover-kernel.h. */
#include <sys/inotify.h>

#include "early/late.h"
#include "tests/unit/handover-kernel.h"

static void reclaims_and_releases_in_order(_unused_ void **state)
{
	assert_int_equal(quick("gpu", false), 0);
	assert_guest_has();
	assert_is(TWIN, "bochs-drm", "(null)");
	assert_journal("bus/pci/devices/" GPU "/driver_override vfio-pci\n"
		       "bus/pci/devices/" AUDIO "/driver_override vfio-pci\n"
		       "bus/pci/drivers/bochs-drm/unbind " GPU "\n"
		       "bus/pci/drivers/vfio-pci/bind " GPU "\n"
		       "bus/pci/drivers/snd_hda_intel/unbind " AUDIO "\n"
		       "bus/pci/drivers/vfio-pci/bind " AUDIO);
	drop(machine, "journal");

	/* One function at a time: both are children of the same time. */
	put(machine, "etc/vfio-bootcfg.conf",
	    "[device gpu]\npath = 0000:00:10.0/00.0\nid = 1234:1111\nfunctions = 0\n");
	{
		_cleanup_(handover_free) struct handover h;

		open_handover(&h);
		h.force = true;
		assert_int_equal(hand_over(&h, "gpu", NULL, true), 0);
	}
	assert_journal("bus/pci/devices/" GPU "/driver_override (none)\n"
		       "bus/pci/drivers/vfio-pci/unbind " GPU "\n"
		       "bus/pci/drivers_probe " GPU);
	assert_is(GPU, "bochs-drm", "(null)");
	assert_is(AUDIO, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_true(is_marked(GPU));
	assert_false(is_marked(AUDIO));
}

static void a_second_time_writes_nothing(_unused_ void **state)
{
	start_taken();
	assert_int_equal(quick("gpu", false), 0);
	assert_false(root_exists(&machine->root, "journal"));
	assert_int_equal(quick("gpu", true), 0);
	drop(machine, "journal");
	assert_int_equal(quick("gpu", true), 0);
	assert_false(root_exists(&machine->root, "journal"));
	assert_host_has();
}

static void an_address_means_its_section_or_its_slot(_unused_ void **state)
{
	/* Function 1 of the section's card, then the slot of a card that is in no section. */
	assert_int_equal(quick("01:00.1", false), 0);
	assert_guest_has();
	put(machine, "etc/vfio-bootcfg.conf", "# nothing\n");
	assert_int_equal(quick(TWIN, false), 0);
	assert_is(TWIN, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_is(TWIN_AUDIO, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_int_equal(quick(TWIN_AUDIO, true), 0);
	assert_is(TWIN, "bochs-drm", "(null)");
	assert_is(TWIN_AUDIO, "snd_hda_intel", "(null)");
}

static void a_list_of_names_means_all_of_them(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h, none, wrong;
	struct diag diag = DIAG_INIT;

	open_handover(&h);
	assert_int_equal(hand_over(&h, NULL, "twin,gpu", false), 0);
	assert_int_equal(h.plan.count, 4);
	assert_is(TWIN, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_guest_has();

	open_handover(&none);
	assert_int_equal(handover_pick(&none, NULL, "", 0, &diag), 0);
	assert_int_equal(none.plan.count, 0);
	open_handover(&wrong);
	assert_int_equal(handover_pick(&wrong, NULL, "gpu,twim", 0, &diag), -EINVAL);
	assert_mentions(diag.text, "twim", "did you mean twin?", NULL);
}

static void what_names_nothing_is_said(_unused_ void **state)
{
	static const struct {
		const char *operand, *text;
	} cases[] = {
		{"gpo", "did you mean gpu?"},
		{"nonsense", "neither the name"},
		{"0000:07:00.0", "no such PCI function"},
		{"", "neither the name"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(handover_free) struct handover h;
		struct diag diag = DIAG_INIT;

		open_handover(&h);
		assert_int_equal(handover_pick(&h, cases[i].operand, NULL, RESOLVE_FIND, &diag),
				 -EINVAL);
		assert_mentions(diag.text, cases[i].text, NULL);
	}
}

static void a_card_that_is_open_is_refused(_unused_ void **state)
{
	put(machine, "sys/bus/pci/devices/" GPU "/drm/card1/uevent",
	    "MAJOR=226\nMINOR=1\nDEVNAME=dri/card1\nDEVTYPE=drm_minor\n");
	put(machine, "sys/bus/pci/devices/" AUDIO "/sound/card2/pcmC2D0p/uevent",
	    "MAJOR=116\nDEVNAME=snd/pcmC2D0p\n");
	open_by("812", "X\033org", "/dev/dri/card1");
	assert_refused("gpu", false, false, CLAIM_IN_USE,
		       GPU " is in use: X?org (812) has /dev/dri/card1 open");
	/* Another card's node is none of ours; nor is a file of a like name. */
	drop(machine, "proc/812");
	open_by("812", "Xorg", "/dev/dri/card10");
	assert_int_equal(quick("gpu", false), 0);
	assert_int_equal(quick("gpu", true), 0);
	drop(machine, "run");
	open_by("90", "pipewire", "/dev/snd/pcmC2D0p");
	assert_refused("gpu", false, false, CLAIM_IN_USE, AUDIO " is in use: pipewire (90)");
	/* The kernel would wait for that; not for a display. */
	assert_refused("gpu", false, true, CLAIM_IN_USE, "pipewire (90)");
	drop(machine, "proc/90");
	put(machine, "sys/bus/pci/devices/" GPU "/drm/card1/card1-DP-1/i2c-5/i2c-dev/i2c-5/uevent",
	    "MAJOR=89\nMINOR=5\nDEVNAME=i2c-5\n");
	open_by("91", "ddcutil", "/dev/i2c-5");
	assert_refused("gpu", false, true, CLAIM_IN_USE, "ddcutil (91)");
	drop(machine, "proc/91");
	open_by("812", "Xorg", "/dev/dri/card1");
	{
		_cleanup_(handover_free) struct handover h;

		open_handover(&h);
		h.force = true;
		assert_int_equal(hand_over(&h, "gpu", NULL, false), 0);
	}
}

/* A descriptor that is closed leaves the mapping, and the kernel waits for that as well. */
static void a_card_that_is_mapped_is_refused(_unused_ void **state)
{
	put(machine, "sys/bus/pci/devices/" GPU "/drm/card1/uevent",
	    "MAJOR=226\nMINOR=1\nDEVNAME=dri/card1\n");
	put(machine, "proc/55/comm", "game\n");
	put(machine, "proc/55/maps",
	    "00400000-00401000 r-xp 00000000 fe:00 77 /usr/bin/dri/card1\n"
	    "7f00-7f01 rw-p 00000000 00:00 0 [heap]\n"
	    "7f02-7f03 rw-s 00000000 00:05 471 /dev/dri/card1\n");
	assert_refused("gpu", false, false, CLAIM_IN_USE, "game (55) has /dev/dri/card1 mapped");
	put(machine, "proc/55/maps", "7f02-7f03 rw-s 00000000 00:05 471 /dev/dri/card10\n");
	assert_int_equal(quick("gpu", false), 0);
}

/*
 * On a running system a node is known by its number: a container calls it as it likes, and calls others by its name. The
 * zero device stands in for a card's.
 */
static void a_node_is_known_by_its_number(_unused_ void **state)
{
	static const char maps[] = "7f02-7f03 rw-s 00000000 00:05 471 /dri/card1\n";
	struct root *root = &((struct fixture *)machine)->root;

	put(machine, "sys/bus/pci/devices/" GPU "/drm/card1/uevent",
	    "MAJOR=1\nMINOR=5\nDEVNAME=dri/card1\n");
	put(machine, "sys/bus/pci/devices/" GPU "/drm/card1/dev", "1:5\n");
	put(machine, "elsewhere", "%s", "");
	open_by("812", "Xorg", "/dev/zero");
	root->kind = ROOT_LIVE;
	assert_refused("gpu", false, false, CLAIM_IN_USE, "Xorg (812) has /dev/dri/card1 open");
	/* What is no device, or another one, is none of ours, whatever its name. */
	drop(machine, "proc/812");
	open_by("812", "Xorg", path_in(machine, "elsewhere"));
	open_by("813", "Xorg", "/dev/null");
	assert_int_equal(quick("gpu", false), 0);
	assert_int_equal(quick("gpu", true), 0);
	drop(machine, "run");
	put(machine, "proc/90/comm", "game\n");
	put(machine, "proc/90/maps", maps);
	put_link(machine, "proc/90/map_files/7f02-7f03", "/dev/zero");
	assert_refused("gpu", false, false, CLAIM_IN_USE, "game (90) has /dev/dri/card1 mapped");
	drop(machine, "proc/90/map_files/7f02-7f03");
	put_link(machine, "proc/90/map_files/7f02-7f03", "/dev/null");
	assert_int_equal(quick("gpu", false), 0);

	/* A guest's group, likewise. */
	put(machine, "sys/class/vfio/6/dev", "1:5\n");
	open_by("4000", "qemu", "/dev/null");
	assert_int_equal(quick("gpu", true), 0);
	assert_int_equal(quick("gpu", false), 0);
	drop(machine, "proc/4000");
	open_by("4000", "qemu", "/dev/zero");
	assert_refused("gpu", true, true, CLAIM_IN_USE, "qemu (4000) has /dev/vfio/6 open");
	root->kind = ROOT_MACHINE;
}

/* udev looks at each node that comes. Here it closes it once somebody has asked for its name. */
static void who_only_looks_is_waited_for(_unused_ void **state)
{
	struct inotify_event event;
	int queue, status;
	pid_t pid;

	put(machine, "sys/bus/pci/devices/" GPU "/drm/card1/uevent",
	    "MAJOR=226\nMINOR=1\nDEVNAME=dri/card1\n");
	open_by("477", "(udev-worker)", "/dev/dri/card1");
	queue = inotify_init1(IN_CLOEXEC);
	assert_true(inotify_add_watch(queue, path_in(machine, "proc/477/comm"), IN_CLOSE) >= 0);
	pid = fork();
	if (pid == 0) {
		status = read(queue, &event, sizeof(event)) <= 0;
		drop(machine, "proc/477/fd/7");
		_exit(status);
	}
	close(queue);
	assert_int_equal(quick("gpu", false), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void nvidia_is_never_forced(_unused_ void **state)
{
	put(machine, "proc/driver/nvidia/gpus/" GPU "/information",
	    "Model: \t\t X\nDevice Minor: \t 3\n");
	open_by("33", "nvidia-persistenced", "/dev/nvidia3");
	assert_refused("gpu", false, true, CLAIM_IN_USE,
		       "nvidia-persistenced (33) has /dev/nvidia3 open");
}

static void a_guest_that_runs_keeps_its_card(_unused_ void **state)
{
	start_taken();
	open_by("4000", "qemu-system-x86", "/dev/vfio/6");
	assert_refused("gpu", true, true, CLAIM_IN_USE,
		       "qemu-system-x86 (4000) has /dev/vfio/6 open; stop the guest");
	assert_guest_has();
	/* The other card's guest is no obstacle, nor the container's node. */
	drop(machine, "proc/4000");
	open_by("4000", "qemu", "/dev/vfio/7");
	open_by("4001", "qemu", "/dev/vfio/vfio");
	assert_int_equal(quick("gpu", true), 0);
	assert_host_has();
}

static void the_rest_of_a_group_must_come_too(_unused_ void **state)
{
	put(machine, "etc/vfio-bootcfg.conf",
	    "[device gpu]\npath = 0000:00:10.0/00.0\nid = 1234:1111\nfunctions = 0\n");
	assert_refused("gpu", false, false, CLAIM_GROUP,
		       "also " AUDIO ", which snd_hda_intel holds");
	put(machine, "etc/vfio-bootcfg.conf", PROFILE);
	start_taken();
	put(machine, "etc/vfio-bootcfg.conf",
	    "[device gpu]\npath = 0000:00:10.0/00.0\nid = 1234:1111\nfunctions = 0\n");
	assert_refused("gpu", true, false, CLAIM_GROUP, "also " AUDIO ", which vfio-pci holds");
}

static void the_last_display_is_refused(_unused_ void **state)
{
	assert_int_equal(quick("twin", false), 0);
	assert_int_equal(quick("gpu", false), 0);
	assert_refused(HOST_DISPLAY, false, false, CLAIM_BOOT_DISPLAY,
		       "display that this host boots on");
	assert_int_equal(quick("gpu", true), 0);
	/* The host's first display has another driver's card beside it; then it has not. */
	set_driver(HOST_DISPLAY, NULL);
	put(machine, attr(HOST_DISPLAY, "boot_vga"), "0\n");
	drop(machine, "run");
	assert_refused("gpu", false, false, CLAIM_LAST_DISPLAY, "--force");
	set_driver(HOST_DISPLAY, "bochs-drm");
	assert_int_equal(quick("gpu", false), 0);
}

static void what_the_profile_allows_needs_no_force(_unused_ void **state)
{
	put(machine, "etc/vfio-bootcfg.conf",
	    PROFILE "[device only]\naddress = " HOST_DISPLAY
		    "\nid = 1234:1111\nallow-boot-display = yes\n");
	assert_int_equal(quick("twin", false), 0);
	assert_int_equal(quick("gpu", false), 0);
	assert_int_equal(quick("only", false), 0);
	assert_is(HOST_DISPLAY, CLAIM_DRIVER, CLAIM_DRIVER);
}

#define LETTERS "B: KEY=1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe\n"

static void the_only_keyboard_is_refused(_unused_ void **state)
{
	static const char below[] =
		"/devices/pci0000:00/0000:00:10.0/" GPU "/usb1/1-1/input/input5";

	/* The card is a USB controller now. */
	put(machine, attr(GPU, "class"), "0x0c0330\n");
	put(machine, attr(GPU, "uevent"),
	    "DRIVER=bochs-drm\nPCI_CLASS=C0330\nPCI_ID=1234:1111\nPCI_SUBSYS_ID=1AF4:1100\n"
	    "PCI_SLOT_NAME=" GPU "\n");
	put(machine, "proc/bus/input/devices",
	    "I: Bus=0019\nN: Name=\"Power Button\"\nS: Sysfs=/devices/LNXPWRBN:00/input/input0\n"
	    "B: KEY=10000000000000 0\n\n"
	    "N: Name=\"uinput\"\nS: Sysfs=/devices/virtual/input/input9\n" LETTERS "\n"
	    "I: Bus=0003\nN: Name=\"Board\"\nS: Sysfs=%s\n" LETTERS "\n",
	    below);
	assert_refused("gpu", false, false, CLAIM_ONLY_KEYBOARD,
		       "only keyboard of this host hangs on " GPU);
	put(machine, "proc/bus/input/devices",
	    "I: Bus=0003\nS: Sysfs=%s\n" LETTERS "\n"
	    "I: Bus=0011\nS: Sysfs=/devices/platform/i8042/serio0/input/input3\n" LETTERS "\n",
	    below);
	assert_int_equal(quick("gpu", false), 0);
}

#define ROUTE_HEAD                                                                                 \
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
#define ROUTE_V4(iface, destination, flags, mask)                                                  \
	iface "\t" destination "\t0102A8C0\t" flags "\t0\t0\t100\t" mask "\t0\t0\t0\n"
#define DEFAULT_V4(iface) ROUTE_V4(iface, "00000000", "0003", "00000000")
#define ROUTE_V6(destination, bits, flags, iface)                                                  \
	destination " " bits " 00000000000000000000000000000000 00 "                               \
		    "fe800000000000000000000000000001 00000400 00000001 00000000 " flags " " iface \
		    "\n"
#define NOWHERE_V6 "00000000000000000000000000000000"
#define MOUNT_ROOT "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"

/* Back on the host, and not marked. */
static void start_over(void)
{
	assert_int_equal(quick("gpu", true), 0);
	drop(machine, "run");
}

static void the_only_network_is_refused(_unused_ void **state)
{
	put_dir(machine, "sys/bus/pci/devices/" GPU "/net/enp1s0");
	put_dir(machine, "sys/class/net/enp1s0");
	put(machine, "proc/net/route", ROUTE_HEAD DEFAULT_V4("enp1s0"));
	assert_refused("gpu", false, false, CLAIM_NETWORK,
		       GPU " has enp1s0, over which the default route of this host goes");
	/* Another way is left; a route that is down or a refusal is none. */
	put(machine, "proc/net/route", ROUTE_HEAD DEFAULT_V4("enp1s0") DEFAULT_V4("wlan0"));
	assert_int_equal(quick("gpu", false), 0);
	start_over();
	put(machine, "proc/net/route", ROUTE_HEAD DEFAULT_V4("wlan0") DEFAULT_V4("enp1s0"));
	assert_int_equal(quick("gpu", false), 0);
	start_over();
	put(machine, "proc/net/route",
	    ROUTE_HEAD DEFAULT_V4("enp1s0") ROUTE_V4("wlan0", "00000000", "0200", "00000000"));
	assert_refused("gpu", false, false, CLAIM_NETWORK, "enp1s0");
	/* A network that is directly there is not the way to all others. */
	put(machine, "proc/net/route",
	    ROUTE_HEAD ROUTE_V4("enp1s0", "0002A8C0", "0001", "00FFFFFF"));
	assert_int_equal(quick("gpu", false), 0);
	start_over();
	put(machine, "proc/net/ipv6_route",
	    ROUTE_V6(NOWHERE_V6, "00", "00000003", "enp1s0")
		    ROUTE_V6(NOWHERE_V6, "00", "00200200", "lo"));
	assert_refused("gpu", false, false, CLAIM_NETWORK, "default route");
	{
		_cleanup_(handover_free) struct handover h;

		open_handover(&h);
		h.force = true;
		assert_int_equal(hand_over(&h, "gpu", NULL, false), 0);
	}
	start_over();
	put(machine, "proc/net/ipv6_route", "%s", "");

	/* A virtio card's interface is a bus further down, and in a bridge on a VLAN here. */
	drop(machine, "sys/bus/pci/devices/" GPU "/net");
	put_dir(machine, "sys/bus/pci/devices/" GPU "/virtio3/net/enp1s0");
	put_link(machine, "sys/class/net/enp1s0/upper_enp1s0.5", "../enp1s0.5");
	put_link(machine, "sys/class/net/enp1s0.5/upper_br0", "../br0");
	put_dir(machine, "sys/class/net/br0");
	put(machine, "proc/net/route", ROUTE_HEAD DEFAULT_V4("br0"));
	assert_refused("gpu", false, false, CLAIM_NETWORK, "enp1s0 (in br0), over which");
}

static void the_network_of_a_mount_is_refused(_unused_ void **state)
{
	static const char local[] =
		ROUTE_HEAD ROUTE_V4("enp1s0", "0002A8C0", "0001", "00FFFFFF") DEFAULT_V4("wlan0");

	put_dir(machine, "sys/bus/pci/devices/" GPU "/net/enp1s0");
	put_dir(machine, "sys/class/net/enp1s0");
	put(machine, "proc/net/route", "%s", local);
	/* 192.168.2.0/24 is on the card, all else is not. */
	put(machine, "proc/self/mountinfo",
	    MOUNT_ROOT "90 22 0:50 / /srv rw - nfs4 nas:/srv rw,vers=4.2,addr=192.168.3.9\n");
	assert_int_equal(quick("gpu", false), 0);
	start_over();
	put(machine, "proc/self/mountinfo",
	    MOUNT_ROOT "90 22 0:50 / /srv rw - nfs4 nas:/srv rw,vers=4.2,addr=192.168.2.9\n");
	assert_refused("gpu", false, false, CLAIM_NETWORK,
		       "enp1s0, over which /srv is mounted from 192.168.2.9");
	put(machine, "proc/self/mountinfo", MOUNT_ROOT);
	put(machine, "sys/class/iscsi_connection/connection1:0/address", "2001:db8::7\n");
	put(machine, "proc/net/ipv6_route",
	    ROUTE_V6("20010db8000000000000000000000000", "3d", "00000001", "enp1s0")
		    ROUTE_V6(NOWHERE_V6, "00", "00000003", "wlan0"));
	assert_refused("gpu", false, false, CLAIM_NETWORK, "iSCSI disks come from 2001:db8::7");
	put(machine, "sys/class/iscsi_connection/connection1:0/address", "2001:db8:0:8::7\n");
	assert_int_equal(quick("gpu", false), 0);
}

static void never_what_is_impossible(_unused_ void **state)
{
	assert_refused("0000:00:10.0", false, true, CLAIM_BRIDGE, "is a bridge");
	assert_refused("0000:00:10.0", true, true, CLAIM_BRIDGE, "is a bridge");
	assert_refused("0000:00:02.0", false, true, CLAIM_DISK_IN_USE, "vda");
	assert_refused("0000:00:02.0", false, false, CLAIM_STORAGE, "storage");
	put(machine, "etc/vfio-bootcfg.conf",
	    "[device gpu]\npath = 0000:00:12.0/00.0\nid = 1234:1111\n");
	assert_refused("gpu", false, true, CLAIM_NOT_FOUND, "no 1234:1111");
}

static void all_functions_or_none(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	kernel->faults[0] = (struct fault){"vfio-pci/bind", AUDIO, -EINVAL};
	open_handover(&h);
	assert_int_equal(hand_over(&h, "gpu", NULL, false), -EIO);
	assert_false(h.stuck);
	assert_host_has();
	assert_int_equal(h.plan.targets[1].reason, CLAIM_BIND_FAILED);
	assert_string_equal(h.plan.targets[0].driver_after, "bochs-drm");
}

static void what_was_taken_before_is_spared(_unused_ void **state)
{
	char text[1024];

	/* A guest may use function 0, so undoing must not unbind it. */
	start_taken();
	set_driver(AUDIO, "snd_hda_intel");
	put(machine, attr(AUDIO, "driver_override"), "(null)\n");
	kernel->faults[0] = (struct fault){"vfio-pci/bind", AUDIO, -EINVAL};
	assert_int_equal(quick("gpu", false), -EIO);
	assert_is(GPU, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_is(AUDIO, "snd_hda_intel", "(null)");
	read_text("journal", text, sizeof(text));
	assert_non_null(strstr(text, "unbind " AUDIO));
	assert_null(strstr(text, "unbind " GPU));
}

/* Whoever was ended between override and unbind has left one; it does not outlive a failure. */
static void an_override_that_was_left_is_cleared(_unused_ void **state)
{
	put(machine, attr(GPU, "driver_override"), CLAIM_DRIVER "\n");
	put(machine, attr(AUDIO, "driver_override"), CLAIM_DRIVER "\n");
	kernel->faults[0] = (struct fault){"vfio-pci/bind", AUDIO, -EINVAL};
	assert_int_equal(quick("gpu", false), -EIO);
	assert_host_has();
	/* Neither one that could not even be written. */
	put(machine, attr(GPU, "driver_override"), CLAIM_DRIVER "\n");
	kernel->faults[0] = (struct fault){AUDIO "/driver_override", CLAIM_DRIVER, -EIO};
	assert_int_equal(quick("gpu", false), -EIO);
	assert_host_has();
}

static void all_cards_of_a_list_or_none(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	put(machine, "etc/vfio-bootcfg.conf",
	    "[device gpu]\npath = 0000:00:10.0/00.0\nid = 1234:1111\nclaim = guest\n"
	    "[device twin]\npath = 0000:00:11.0/00.0\nid = 1234:1111\nclaim = guest\n");
	kernel->faults[0] = (struct fault){"vfio-pci/bind", TWIN_AUDIO, -EINVAL};
	open_handover(&h);
	assert_int_equal(hand_over(&h, NULL, "gpu,twin", false), -EIO);
	assert_false(h.stuck);
	assert_host_has();
	assert_is(TWIN, "bochs-drm", "(null)");
	assert_is(TWIN_AUDIO, "snd_hda_intel", "(null)");
}

/* The kernel lets go of it, and vfio-pci cannot have it, nor its own driver again. */
static void what_cannot_be_undone_is_said(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	kernel->faults[0] = (struct fault){"vfio-pci/bind", GPU, -EIO};
	kernel->faults[1] = (struct fault){"drivers_probe", GPU, -EIO};
	open_handover(&h);
	assert_int_equal(hand_over(&h, "gpu", NULL, false), -EIO);
	assert_true(h.stuck);
	assert_mentions(h.plan.targets[0].text, "reboot needed", NULL);
	assert_is(GPU, "", "(null)");
	/* And the next call repairs it. */
	memset(kernel->faults, 0, sizeof(kernel->faults));
	assert_int_equal(quick("gpu", true), 0);
	assert_host_has();
}

static void a_driver_that_does_not_take_it(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	start_taken();
	kernel->native_refuses = true;
	open_handover(&h);
	assert_int_equal(hand_over(&h, "gpu", NULL, true), -EIO);
	assert_false(h.stuck);
	assert_int_equal(h.plan.targets[0].reason, CLAIM_NO_DRIVER);
	assert_mentions(h.plan.targets[0].text, "no driver of the host took " GPU, NULL);
	assert_string_equal(h.plan.targets[0].driver_after, CLAIM_DRIVER);
	assert_guest_has();
	assert_false(is_marked(GPU));
	assert_false(is_marked(AUDIO));
}

static void the_drivers_module_is_loaded(_unused_ void **state)
{
	start_taken();
	kernel->native_unloaded = true;
	assert_int_equal(quick("gpu", true), 0);
	assert_host_has();
}

static void no_driver_at_all_is_no_failure(_unused_ void **state)
{
	static const int answers[] = {-ENOENT, -EPERM};
	static const char *const words[] = {"this kernel has none", "blacklisted"};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		_cleanup_(handover_free) struct handover h;

		kernel->native_refuses = false;
		assert_int_equal(quick("gpu", false), 0);
		kernel->native_refuses = true;
		kernel->native_loads = answers[i];
		open_handover(&h);
		assert_int_equal(hand_over(&h, "gpu", NULL, true), 0);
		assert_mentions(h.plan.targets[0].text, words[i], NULL);
		assert_is(GPU, "", "(null)");
		assert_true(is_marked(GPU));
	}
}

static void ids_that_take_it_again(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	start_taken();
	kernel->ids = true;
	open_handover(&h);
	assert_int_equal(hand_over(&h, "gpu", NULL, true), -EIO);
	assert_mentions(h.plan.targets[0].text, "vfio-pci.ids=", NULL);
	assert_false(h.stuck);
	assert_guest_has();
}

static void a_release_that_hangs(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	start_taken();
	kernel->faults[0] = (struct fault){"vfio-pci/unbind", GPU, HANG};
	open_handover(&h);
	h.env.deadline_ms = HANG_DEADLINE_MS;
	assert_int_equal(hand_over(&h, "gpu", NULL, true), -EIO);
	assert_true(h.stuck);
	assert_int_equal(h.plan.targets[0].reason, CLAIM_TIMEOUT);
	assert_mentions(h.plan.targets[0].text, "reboot needed", NULL);
	/* What hangs is not written to again. */
	assert_is(GPU, CLAIM_DRIVER, "(null)");
}

static void a_reclaim_that_hangs(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	kernel->faults[0] = (struct fault){"bochs-drm/unbind", GPU, HANG};
	open_handover(&h);
	h.env.deadline_ms = HANG_DEADLINE_MS;
	assert_int_equal(hand_over(&h, "gpu", NULL, false), -EIO);
	assert_int_equal(h.plan.targets[0].reason, CLAIM_TIMEOUT);
	assert_host_has();
	assert_false(h.stuck);
}

static void a_card_that_vanishes(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;
	struct diag diag = DIAG_INIT;

	open_handover(&h);
	assert_int_equal(handover_pick(&h, "gpu", NULL, RESOLVE_RELEASED, &diag), 0);
	drop(machine, "sys/bus/pci/devices/" AUDIO);
	assert_int_equal(handover_reclaim(&h), -EIO);
	assert_int_equal(h.plan.targets[1].reason, CLAIM_VANISHED);
	assert_false(h.stuck);
	assert_is(GPU, "bochs-drm", "(null)");
}

static void a_card_that_vanishes_whole(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h, back;
	struct diag diag = DIAG_INIT;

	kernel->faults[0] = (struct fault){"bochs-drm/unbind", GPU, VANISH};
	open_handover(&h);
	open_handover(&back);
	assert_int_equal(handover_pick(&h, "gpu", NULL, RESOLVE_RELEASED, &diag), 0);
	assert_int_equal(handover_pick(&back, "gpu", NULL, RESOLVE_FIND, &diag), 0);
	assert_int_equal(handover_reclaim(&h), -EIO);
	assert_false(root_exists(&machine->root, "sys/bus/pci/devices/" GPU));
	assert_false(h.stuck);
	assert_int_equal(handover_release(&back), -EIO);
	assert_false(back.stuck);
}

/* Neither side takes it: the one function that could go back does, and the other is said. */
static void a_release_that_cannot_be_undone(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	start_taken();
	kernel->native_refuses = true;
	kernel->faults[0] = (struct fault){"vfio-pci/bind", AUDIO, -EIO};
	open_handover(&h);
	assert_int_equal(hand_over(&h, "gpu", NULL, true), -EIO);
	assert_true(h.stuck);
	assert_mentions(h.plan.targets[1].text, AUDIO, "reboot needed", NULL);
	kernel->native_refuses = false;
	kernel->faults[0].path = NULL;
	assert_int_equal(quick("gpu", true), 0);
	assert_host_has();
}

static void consoles_come_back(_unused_ void **state)
{
	char text[64];

	/* A host with one card: the firmware's frame buffer on it, and no other. */
	put(machine, "etc/vfio-bootcfg.conf",
	    "[device only]\naddress = " HOST_DISPLAY
	    "\nid = 1234:1111\nallow-boot-display = yes\n");
	put_link(machine, "sys/bus/platform/devices/efi-framebuffer.0",
		 "../../../devices/platform/efi-framebuffer.0");
	put_dir(machine, "sys/devices/platform/efi-framebuffer.0");
	put_link(machine, "sys/devices/platform/efi-framebuffer.0/driver",
		 "../../../bus/platform/drivers/efi-framebuffer");
	put_dir(machine, "sys/bus/platform/drivers/efi-framebuffer");
	put_link(machine, "sys/class/graphics/fb0",
		 "../../devices/platform/efi-framebuffer.0/graphics/fb0");
	put_link(machine, "sys/class/graphics/fbcon", "../../devices/virtual/graphics/fbcon");
	put(machine, "sys/class/vtconsole/vtcon0/name", "(S) dummy device\n");
	put(machine, "sys/class/vtconsole/vtcon0/bind", "1\n");
	put(machine, "sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
	put(machine, "sys/class/vtconsole/vtcon1/bind", "1\n");
	assert_int_equal(quick("only", false), 0);
	assert_is(HOST_DISPLAY, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_journal("class/vtconsole/vtcon1/bind 0\n"
		       "bus/platform/drivers/efi-framebuffer/unbind efi-framebuffer.0\n"
		       "bus/pci/devices/" HOST_DISPLAY "/driver_override vfio-pci\n"
		       "bus/pci/drivers/bochs-drm/unbind " HOST_DISPLAY "\n"
		       "bus/pci/drivers/vfio-pci/bind " HOST_DISPLAY);
	drop(machine, "journal");
	assert_int_equal(quick("only", true), 0);
	assert_is(HOST_DISPLAY, "bochs-drm", "(null)");
	assert_journal("bus/pci/devices/" HOST_DISPLAY "/driver_override (none)\n"
		       "bus/pci/drivers/vfio-pci/unbind " HOST_DISPLAY "\n"
		       "bus/pci/drivers_probe " HOST_DISPLAY "\n"
		       "bus/platform/drivers/efi-framebuffer/bind efi-framebuffer.0\n"
		       "class/vtconsole/vtcon1/bind 1");
	assert_false(root_exists(&machine->root, "run/vfio-bootcfg/detached/" HOST_DISPLAY));

	/* vfio-pci may take the firmware's away for good: said where there is no other. */
	for (int other = 0; other < 2; other++) {
		_cleanup_(handover_free) struct handover h;

		assert_int_equal(quick("only", false), 0);
		drop(machine, "sys/bus/platform/devices/efi-framebuffer.0");
		drop(machine, "sys/class/graphics/fb0");
		if (other)
			put_link(machine, "sys/class/graphics/fb0",
				 "../../devices/pci0000:00/" HOST_DISPLAY "/graphics/fb0");
		open_handover(&h);
		assert_int_equal(hand_over(&h, "only", NULL, true), 0);
		if (other)
			assert_string_equal(h.plan.targets[0].text, "");
		else
			assert_mentions(h.plan.targets[0].text, "frame buffer", "reboot", NULL);
		assert_false(
			root_exists(&machine->root, "run/vfio-bootcfg/detached/" HOST_DISPLAY));
		put_link(machine, "sys/bus/platform/devices/efi-framebuffer.0",
			 "../../../devices/platform/efi-framebuffer.0");
		put_link(machine, "sys/devices/platform/efi-framebuffer.0/driver",
			 "../../../bus/platform/drivers/efi-framebuffer");
		put_link(machine, "sys/class/graphics/fb0",
			 "../../devices/platform/efi-framebuffer.0/graphics/fb0");
		put(machine, "sys/class/vtconsole/vtcon1/bind", "1\n");
	}

	/* A claim that fails puts them back too. */
	kernel->faults[0] = (struct fault){"vfio-pci/bind", HOST_DISPLAY, -EINVAL};
	assert_int_equal(quick("only", false), -EIO);
	read_text("sys/class/vtconsole/vtcon1/bind", text, sizeof(text));
	assert_string_equal(text, "1");
	assert_true(root_exists(&machine->root, "sys/devices/platform/efi-framebuffer.0/driver"));

	/* Where another card has a frame buffer the console moves there by itself. */
	kernel->faults[0].path = NULL;
	drop(machine, "journal");
	put_link(machine, "sys/class/graphics/fb1",
		 "../../devices/pci0000:00/0000:00:10.0/" GPU "/graphics/fb1");
	assert_int_equal(quick("only", false), 0);
	read_text("sys/class/vtconsole/vtcon1/bind", text, sizeof(text));
	assert_string_equal(text, "1");
	assert_false(root_exists(&machine->root, "sys/devices/platform/efi-framebuffer.0/driver"));
}

static void a_record_that_is_not_ours_is_not_obeyed(_unused_ void **state)
{
	start_taken();
	put_dir(machine, "sys/bus/platform/devices/mem.0");
	put(machine, "run/vfio-bootcfg/detached/" GPU,
	    "etc/passwd 1\nsys/bus/platform/drivers/../../../power/state mem.0\nnonsense\n"
	    "sys/class/vtconsole/vtcon7/bind 1\n");
	assert_int_equal(quick("gpu", true), 0);
	char text[1024];

	read_text("journal", text, sizeof(text));
	assert_null(strstr(text, "passwd"));
	assert_null(strstr(text, "power"));
	assert_null(strstr(text, "vtcon7"));
}

static void killed_at_each_write_the_next_call_repairs(_unused_ void **state)
{
	for (int n = 0; n < 8; n++) {
		bool to_host = n & 1, after = n & 2, next_to_host = n & 4;
		int at = 1;

		for (;; at++) {
			assert_int_equal(quick("gpu", !to_host), 0);
			if (!killed(to_host, at, after))
				break;
			assert_int_equal(quick("gpu", next_to_host), 0);
			if (next_to_host)
				assert_host_has();
			else
				assert_guest_has();
			assert_int_equal(is_marked(GPU), next_to_host);
			assert_int_equal(is_marked(AUDIO), next_to_host);
		}
		/* Each of the two functions has three writes, and none was left out. */
		assert_int_equal(at, 7);
	}
}

static void killed_at_each_call_the_next_call_repairs(_unused_ void **state)
{
	for (int n = 0; n < 4; n++) {
		bool to_host = n & 1, next_to_host = n & 2;
		long at = 1;

		for (;; at++) {
			assert_int_equal(quick("gpu", !to_host), 0);
			if (!killed_at_call(to_host, at))
				break;
			assert_int_equal(quick("gpu", next_to_host), 0);
			if (next_to_host)
				assert_host_has();
			else
				assert_guest_has();
			assert_int_equal(is_marked(GPU), next_to_host);
			assert_int_equal(is_marked(AUDIO), next_to_host);
		}
		print_message("%s: %ld calls\n", to_host ? "release" : "reclaim", at - 1);
		assert_true(at > 4);
	}
}

static void rounds_leave_nothing_behind(_unused_ void **state)
{
	for (int i = 0; i < 20; i++) {
		assert_int_equal(quick("gpu", false), 0);
		assert_guest_has();
		assert_int_equal(quick("gpu", true), 0);
		assert_host_has();
	}
}

/* The udev rule's claim leaves alone what was released, by a real event as by one made by hand. */
static void late_claim_leaves_what_was_released(_unused_ void **state)
{
	_cleanup_profile_ struct profile profile = {.file_count = 0};
	_cleanup_(handover_free) struct handover h;
	struct diag diag = DIAG_INIT;
	struct pci_addr addr;

	start_taken();
	assert_int_equal(quick("gpu", true), 0);
	open_handover(&h);
	assert_int_equal(pci_addr_parse(GPU, &addr), 0);
	assert_int_equal(profile_load(&machine->root, &profile, &diag), 0);
	assert_int_equal(late_claim(&h.env, &profile, &addr, true), 0);
	assert_int_equal(late_claim(&h.env, &profile, &addr, false), 0);
	assert_host_has();
	/* Taken once more, it is no longer marked. */
	assert_int_equal(quick("gpu", false), 0);
	assert_false(is_marked(GPU));
	assert_false(is_marked(AUDIO));
	set_driver(GPU, NULL);
	assert_int_equal(late_claim(&h.env, &profile, &addr, false), 0);
	assert_guest_has();
}

static void two_callers_take_turns(_unused_ void **state)
{
	int ready[2], go[2], status, lock;
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(ready) | pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		lock = record_lock(&machine->root, 0);
		status = lock < 0 || write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1;
		_exit(status);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(record_lock(&machine->root, 40), -EWOULDBLOCK);
	assert_int_equal(write(go[1], &byte, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	lock = record_lock(&machine->root, 0);
	assert_true(lock >= 0);
	/* A child that is at work keeps it. */
	pid = fork();
	if (pid == 0)
		_exit(read(go[0], &byte, 1) != 1);
	close(lock);
	assert_int_equal(record_lock(&machine->root, 40), -EWOULDBLOCK);
	assert_int_equal(write(go[1], &byte, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	lock = record_lock(&machine->root, 0);
	assert_true(lock >= 0);
	close(lock);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		handover_test(reclaims_and_releases_in_order),
		handover_test(a_second_time_writes_nothing),
		handover_test(an_address_means_its_section_or_its_slot),
		handover_test(a_list_of_names_means_all_of_them),
		handover_test(what_names_nothing_is_said),
		handover_test(a_card_that_is_open_is_refused),
		handover_test(a_card_that_is_mapped_is_refused),
		handover_test(a_node_is_known_by_its_number),
		handover_test(who_only_looks_is_waited_for),
		handover_test(nvidia_is_never_forced),
		handover_test(a_guest_that_runs_keeps_its_card),
		handover_test(the_rest_of_a_group_must_come_too),
		handover_test(the_last_display_is_refused),
		handover_test(what_the_profile_allows_needs_no_force),
		handover_test(the_only_keyboard_is_refused),
		handover_test(the_only_network_is_refused),
		handover_test(the_network_of_a_mount_is_refused),
		handover_test(never_what_is_impossible),
		handover_test(all_functions_or_none),
		handover_test(what_was_taken_before_is_spared),
		handover_test(an_override_that_was_left_is_cleared),
		handover_test(all_cards_of_a_list_or_none),
		handover_test(what_cannot_be_undone_is_said),
		handover_test(a_driver_that_does_not_take_it),
		handover_test(the_drivers_module_is_loaded),
		handover_test(no_driver_at_all_is_no_failure),
		handover_test(ids_that_take_it_again),
		handover_test(a_release_that_hangs),
		handover_test(a_reclaim_that_hangs),
		handover_test(a_card_that_vanishes),
		handover_test(a_card_that_vanishes_whole),
		handover_test(a_release_that_cannot_be_undone),
		handover_test(consoles_come_back),
		handover_test(a_record_that_is_not_ours_is_not_obeyed),
		handover_test(killed_at_each_write_the_next_call_repairs),
		handover_test(killed_at_each_call_the_next_call_repairs),
		handover_test(rounds_leave_nothing_behind),
		handover_test(late_claim_leaves_what_was_released),
		handover_test(two_callers_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
