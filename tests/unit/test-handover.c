// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Release and reclaim against a fake kernel: a captured machine whose attributes answer as sysfs does. Its
 * state is in files, since steps run in children and whole commands are killed; every write is added to a journal.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "early/late.h"
#include "early/record.h"
#include "tests/unit/fixture.h"
#include "tools/handover.h"

#define GPU "0000:01:00.0"
#define AUDIO "0000:01:00.1"
#define TWIN "0000:02:00.0"
#define TWIN_AUDIO "0000:02:00.1"
#define HOST_DISPLAY "0000:00:01.0"

#define PROFILE                                                                                    \
	"[device gpu]\npath = 0000:00:10.0/00.0\nid = 1234:1111\n"                                 \
	"[device twin]\npath = 0000:00:11.0/00.0\nid = 1234:1111\nclaim = guest\n"                 \
	"[guest win]\ndevices = gpu,twin\n[guest bare]\ncpus = 1\n"

#define HANG 1
#define VANISH 2
/* Long enough for what does not hang, on a busy machine too. */
#define HANG_DEADLINE_MS 3000

struct fault {
	const char *path; /* a write whose path ends so, ... */
	const char *value; /* ... of this value, ... */
	int error; /* ... fails with this, or hangs where it is HANG, or the card is gone where it is VANISH */
};

/* Shared with the children. */
static struct kernel {
	struct fault faults[3];
	int native_loads; /* what load_native() answers */
	bool native_refuses; /* the host's drivers take nothing */
	bool native_unloaded; /* until load_native() is called */
	bool ids; /* vfio-pci has the cards' ids: it takes what has no override */
	bool gone; /* nothing can be written any more */
	int writes; /* since the last run */
	int kill_at; /* the process that hands over dies at this write (from 1); 0: none */
	bool kill_after; /* the write is done first */
	pid_t victim;
} * kernel;

static const struct fixture *machine;

static const char *attr(const char *addr, const char *name)
{
	static char path[PCI_ATTR_STR];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", addr, name);
	return path;
}

static void read_text(const char *path, char *buf, size_t size)
{
	struct root plain = machine->root;

	plain.write_hook = NULL;
	if (root_read_attr(&plain, path, buf, size) < 0)
		buf[0] = '\0';
}

static void driver_of(const char *addr, char buf[static PCI_DRIVER_STR])
{
	struct pci_addr parsed;

	assert_int_equal(pci_addr_parse(addr, &parsed), 0);
	assert_int_equal(pci_driver(&machine->root, &parsed, buf), 0);
}

static void set_driver(const char *addr, const char *driver)
{
	char uevent[512], rest[512], target[128];
	const char *at = uevent;

	read_text(attr(addr, "uevent"), uevent, sizeof(uevent));
	if (!strncmp(at, "DRIVER=", 7))
		at = strchr(at, '\n') + 1;
	snprintf(rest, sizeof(rest), "%s", at);
	if (driver) {
		snprintf(target, sizeof(target), "../../../../../bus/pci/drivers/%s", driver);
		put_link(machine, attr(addr, "driver"), target);
		put(machine, attr(addr, "uevent"), "DRIVER=%s\n%s\n", driver, rest);
	} else {
		drop(machine, attr(addr, "driver"));
		put(machine, attr(addr, "uevent"), "%s\n", rest);
	}
}

static const char *native_of(const char *addr)
{
	return addr[strlen(addr) - 1] == '0' ? "bochs-drm" : "snd_hda_intel";
}

/* What the kernel's match and probe come to. */
static int fake_bind(const char *driver, const char *addr)
{
	bool ours = !strcmp(driver, CLAIM_DRIVER);
	char text[PCI_DRIVER_STR];

	driver_of(addr, text);
	if (text[0])
		return -EBUSY;
	read_text(attr(addr, "driver_override"), text, sizeof(text));
	if (strcmp(text, "(null)") != 0
		    ? strcmp(text, driver) != 0
		    : (ours ? !kernel->ids : kernel->native_refuses || kernel->native_unloaded) ||
			      (!ours && strcmp(native_of(addr), driver) != 0))
		return -ENODEV;
	set_driver(addr, driver);
	return 0;
}

static int apply(const char *path, const char *value)
{
	const char *name = strrchr(path, '/') + 1;
	char driver[128], text[PCI_DRIVER_STR];

	snprintf(driver, sizeof(driver), "%s",
		 strstr(path, "drivers/") ? strstr(path, "drivers/") + 8 : "");
	driver[strcspn(driver, "/")] = '\0';
	if (!strcmp(name, "driver_override")) {
		put(machine, path, "%s\n", value[0] == '\n' ? "(null)" : value);
		return 0;
	}
	if (!strncmp(path, "sys/class/vtconsole/", 20)) {
		put(machine, path, "%s\n", value);
		return 0;
	}
	if (!strncmp(path, "sys/bus/platform/", 17)) {
		snprintf(text, sizeof(text), "sys/bus/platform/devices/%.30s/driver", value);
		if (!strcmp(name, "unbind"))
			drop(machine, text);
		else
			put_link(machine, text, "../../../bus/platform/drivers/efi-framebuffer");
		return 0;
	}
	if (!strcmp(name, "unbind")) {
		driver_of(value, text);
		if (strcmp(text, driver) != 0)
			return -ENODEV;
		set_driver(value, NULL);
		return 0;
	}
	if (!strcmp(name, "bind"))
		return fake_bind(driver, value);
	assert_string_equal(path, "sys/bus/pci/drivers_probe");
	if (fake_bind(CLAIM_DRIVER, value) < 0)
		(void)fake_bind(native_of(value), value);
	return 0;
}

static void die(void)
{
	if (getpid() != kernel->victim)
		kill(kernel->victim, SIGKILL);
	kill(getpid(), SIGKILL);
}

static int fake_write(_unused_ void *data, const char *path, const char *value)
{
	int number = __atomic_add_fetch(&kernel->writes, 1, __ATOMIC_SEQ_CST), r, fd;
	char line[256];

	if (number == kernel->kill_at && !kernel->kill_after)
		die();
	if (kernel->gone)
		return -ENODEV;
	for (size_t i = 0; i < ARRAY_SIZE(kernel->faults); i++) {
		const struct fault *fault = &kernel->faults[i];
		size_t len = fault->path ? strlen(fault->path) : 0;

		if (!len || strlen(path) < len || strcmp(path + strlen(path) - len, fault->path) ||
		    strcmp(value, fault->value))
			continue;
		while (fault->error == HANG)
			pause();
		if (fault->error == VANISH) {
			kernel->gone = true;
			drop(machine, "sys/bus/pci/devices/" GPU);
			drop(machine, "sys/bus/pci/devices/" AUDIO);
			return -ENODEV;
		}
		return fault->error;
	}
	snprintf(line, sizeof(line), "%s %s\n", path + strlen("sys/"),
		 value[0] == '\n' ? "(none)" : value);
	fd = open(path_in(machine, "journal"), O_WRONLY | O_CREAT | O_APPEND, 0644);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	close(fd);
	r = apply(path, value);
	if (number == kernel->kill_at && kernel->kill_after)
		die();
	return r;
}

static int load_modules(_unused_ const struct root *root)
{
	return 0;
}

static bool modules_ready(_unused_ const struct root *root)
{
	return true;
}

static int load_native(const char *alias)
{
	assert_non_null(strstr(alias, "pci:v0000"));
	kernel->native_unloaded = false;
	return kernel->native_loads;
}

static int setup(void **state)
{
	int r = fixture_setup(state);

	if (r)
		return r;
	machine = *state;
	kernel = mmap(NULL, sizeof(*kernel), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_true(kernel != MAP_FAILED);
	machine_named(*state, "dual-q35");
	put(machine, "etc/vfio-bootcfg.conf", PROFILE);
	put_dir(machine, "sys/bus/pci/drivers/" CLAIM_DRIVER);
	put_dir(machine, "sys/module/vfio_iommu_type1");
	((struct fixture *)machine)->root.write_hook = fake_write;
	return 0;
}

static int teardown(void **state)
{
	munmap(kernel, sizeof(*kernel));
	return fixture_teardown(state);
}

#define handover_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void open_handover(struct handover *h)
{
	*h = (struct handover){
		.env =
			{
				.root = &machine->root,
				.load_modules = load_modules,
				.modules_ready = modules_ready,
				.deadline_ms = 20000,
				.load_deadline_ms = 20000,
				.may_unbind = true,
			},
		.load_native = load_native,
	};
}

/* Both on a machine as it is then; *h is for handover_free(). */
static int hand_over(struct handover *h, const char *operand, const char *guest, bool to_host)
{
	struct diag diag = DIAG_INIT;

	kernel->writes = 0;
	assert_int_equal(
		handover_pick(h, operand, guest, to_host ? RESOLVE_FIND : RESOLVE_RELEASED, &diag),
		0);
	return to_host ? handover_release(h) : handover_reclaim(h);
}

static int quick(const char *operand, bool to_host)
{
	_cleanup_(handover_free) struct handover h;

	open_handover(&h);
	return hand_over(&h, operand, NULL, to_host);
}

static void assert_is(const char *addr, const char *driver, const char *override)
{
	char text[PCI_DRIVER_STR];

	driver_of(addr, text);
	assert_string_equal(text, driver);
	read_text(attr(addr, "driver_override"), text, sizeof(text));
	assert_string_equal(text, override);
}

static void assert_host_has(void)
{
	assert_is(GPU, "bochs-drm", "(null)");
	assert_is(AUDIO, "snd_hda_intel", "(null)");
}

static void assert_guest_has(void)
{
	assert_is(GPU, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_is(AUDIO, CLAIM_DRIVER, CLAIM_DRIVER);
}

static bool is_marked(const char *addr)
{
	char path[96];

	snprintf(path, sizeof(path), RELEASED_DIR "/%s", addr);
	return root_exists(&machine->root, path);
}

static void assert_journal(const char *wanted)
{
	char text[4096];

	read_text("journal", text, sizeof(text));
	assert_string_equal(text, wanted);
}

static void start_taken(void)
{
	assert_int_equal(quick("gpu", false), 0);
	assert_guest_has();
	drop(machine, "journal");
}

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

static void a_guest_means_its_guest_devices(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h, bare;
	struct diag diag = DIAG_INIT;

	open_handover(&h);
	assert_int_equal(hand_over(&h, NULL, "win", false), 0);
	assert_int_equal(h.plan.count, 2);
	assert_is(TWIN, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_host_has();

	open_handover(&bare);
	assert_int_equal(hand_over(&bare, NULL, "bare", false), 0);
	assert_int_equal(bare.plan.count, 0);
	handover_free(&bare);
	open_handover(&bare);
	assert_int_equal(handover_pick(&bare, NULL, "wim", 0, &diag), -EINVAL);
	assert_mentions(diag.text, "[guest wim]", NULL);
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

/* Refused with this reason and these words; nothing is written, and nothing is marked. */
static void assert_refused(const char *operand, bool to_host, bool force, enum claim_reason reason,
			   const char *words)
{
	_cleanup_(handover_free) struct handover h;
	const struct claim_target *target = NULL;

	if (root_exists(&machine->root, "journal"))
		drop(machine, "journal");
	open_handover(&h);
	h.force = force;
	assert_int_equal(hand_over(&h, operand, NULL, to_host), -EPERM);
	for (size_t i = 0; i < h.plan.count; i++)
		if (h.plan.targets[i].reason != CLAIM_OK &&
		    h.plan.targets[i].reason != CLAIM_SIBLING)
			target = &h.plan.targets[i];
	assert_non_null(target);
	assert_string_equal(claim_reason_word(target->reason), claim_reason_word(reason));
	assert_mentions(target->text, words, NULL);
	assert_false(root_exists(&machine->root, "journal"));
	assert_false(is_marked(GPU));
}

static void open_by(const char *pid, const char *comm, const char *node)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%s/comm", pid);
	put(machine, path, "%s\n", comm);
	snprintf(path, sizeof(path), "proc/%s/fd/0", pid);
	put_link(machine, path, "/dev/null");
	snprintf(path, sizeof(path), "proc/%s/fd/7", pid);
	put_link(machine, path, node);
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

static void all_cards_of_a_guest_or_none(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	put(machine, "etc/vfio-bootcfg.conf",
	    "[device gpu]\npath = 0000:00:10.0/00.0\nid = 1234:1111\nclaim = guest\n"
	    "[device twin]\npath = 0000:00:11.0/00.0\nid = 1234:1111\nclaim = guest\n"
	    "[guest win]\ndevices = gpu,twin\n");
	kernel->faults[0] = (struct fault){"vfio-pci/bind", TWIN_AUDIO, -EINVAL};
	open_handover(&h);
	assert_int_equal(hand_over(&h, NULL, "win", false), -EIO);
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

/* In a child that is killed at the given write. True if it was. */
static bool killed(bool to_host, int at, bool after)
{
	int status, lock;
	pid_t pid;

	kernel->kill_at = at;
	kernel->kill_after = after;
	pid = fork();
	if (pid == 0) {
		kernel->victim = getpid();
		assert_true(record_lock(&machine->root, 0) >= 0);
		_exit(quick("gpu", to_host) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* Its other child may be at work still. */
	lock = record_lock(&machine->root, 60000);
	assert_true(lock >= 0);
	close(lock);
	kernel->kill_at = 0;
	if (!WIFSIGNALED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
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
		handover_test(a_guest_means_its_guest_devices),
		handover_test(what_names_nothing_is_said),
		handover_test(a_card_that_is_open_is_refused),
		handover_test(nvidia_is_never_forced),
		handover_test(a_guest_that_runs_keeps_its_card),
		handover_test(the_rest_of_a_group_must_come_too),
		handover_test(the_last_display_is_refused),
		handover_test(what_the_profile_allows_needs_no_force),
		handover_test(the_only_keyboard_is_refused),
		handover_test(never_what_is_impossible),
		handover_test(all_functions_or_none),
		handover_test(what_was_taken_before_is_spared),
		handover_test(an_override_that_was_left_is_cleared),
		handover_test(all_cards_of_a_guest_or_none),
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
		handover_test(rounds_leave_nothing_behind),
		handover_test(late_claim_leaves_what_was_released),
		handover_test(two_callers_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
