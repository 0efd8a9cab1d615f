// SPDX-License-Identifier: GPL-2.0-or-later
/* Modules that stand on a card's driver: they go before the card does, and come back with it. */
#include "tests/unit/handover-kernel.h"

#define USB "0000:01:00.2"
#define TYPE_C "0000:01:00.3"
#define NOTE "run/vfio-bootcfg/unloaded/" GPU
#define ONLY "[device gpu]\npath = 0000:00:01.0/00.0\nid = 10de:1e84\nallow-boot-display = yes\n"

#define UNLOADS                                                                                    \
	"module/unload nvidia_drm\nmodule/unload nvidia_modeset\nmodule/unload nvidia_uvm\n"       \
	"module/unload nvidia\n"
#define LOADS                                                                                      \
	"module/load nvidia\nmodule/load nvidia_uvm\nmodule/load nvidia_modeset\n"                 \
	"module/load nvidia_drm"

static int setup_nvidia(void **state)
{
	int r = fixture_setup(state);

	if (r)
		return r;
	setup_kernel(*state, "nvidia-single");
	kernel->nvidia = true;
	put(machine, "etc/vfio-bootcfg.conf", ONLY);
	return 0;
}

#define nvidia_test(f) cmocka_unit_test_setup_teardown(f, setup_nvidia, teardown)

static void assert_host_has_all(void)
{
	static const char *const modules[] = {"nvidia", "nvidia_modeset", "nvidia_uvm",
					      "nvidia_drm"};

	assert_is(GPU, "nvidia", "(null)");
	assert_is(AUDIO, "snd_hda_intel", "(null)");
	assert_is(USB, "xhci_hcd", "(null)");
	assert_is(TYPE_C, "nvidia-gpu", "(null)");
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		assert_true(is_loaded(modules[i]));
	assert_false(root_exists(&machine->root, NOTE));
}

static void assert_guest_has_all(void)
{
	assert_guest_has();
	assert_is(USB, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_is(TYPE_C, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_false(is_loaded("nvidia"));
	assert_true(root_exists(&machine->root, NOTE));
}

static void they_go_and_come_in_order(_unused_ void **state)
{
	assert_int_equal(quick("gpu", false), 0);
	assert_guest_has_all();
	assert_journal("bus/pci/devices/" GPU "/driver_override vfio-pci\n"
		       "bus/pci/devices/" AUDIO "/driver_override vfio-pci\n"
		       "bus/pci/devices/" USB "/driver_override vfio-pci\n"
		       "bus/pci/devices/" TYPE_C "/driver_override vfio-pci\n" UNLOADS
		       "bus/pci/drivers/vfio-pci/bind " GPU "\n"
		       "bus/pci/drivers/snd_hda_intel/unbind " AUDIO "\n"
		       "bus/pci/drivers/vfio-pci/bind " AUDIO "\n"
		       "bus/pci/drivers/xhci_hcd/unbind " USB "\n"
		       "bus/pci/drivers/vfio-pci/bind " USB "\n"
		       "bus/pci/drivers/nvidia-gpu/unbind " TYPE_C "\n"
		       "bus/pci/drivers/vfio-pci/bind " TYPE_C);
	assert_int_equal(quick("gpu", true), 0);
	assert_host_has_all();

	/* The functions go back at the same time; so one alone. */
	put(machine, "etc/vfio-bootcfg.conf", ONLY "functions = 0\n");
	{
		_cleanup_(handover_free) struct handover h, back;

		open_handover(&h);
		open_handover(&back);
		h.force = back.force = true;
		assert_int_equal(hand_over(&h, "gpu", NULL, false), 0);
		drop(machine, "journal");
		assert_int_equal(hand_over(&back, "gpu", NULL, true), 0);
	}
	/* It is bound by its own module's coming, once the override is gone. */
	assert_journal("bus/pci/devices/" GPU "/driver_override (none)\n"
		       "bus/pci/drivers/vfio-pci/unbind " GPU "\n"
		       "bus/pci/drivers_probe " GPU "\n"
		       "module/load nvidia\n" LOADS);
	assert_host_has_all();
	drop(machine, "journal");
	assert_int_equal(quick("gpu", true), 0);
	assert_false(root_exists(&machine->root, "journal"));
}

/* With the consoles of a host with one card: off before the modules, on after them. */
static void consoles_go_first_and_come_last(_unused_ void **state)
{
	char text[4096];

	put_link(machine, "sys/class/graphics/fb0",
		 "../../devices/pci0000:00/0000:00:01.0/" GPU "/graphics/fb0");
	put_dir(machine, "sys/bus/pci/devices/" GPU "/graphics/fb0");
	put(machine, "sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
	put(machine, "sys/class/vtconsole/vtcon1/bind", "1\n");
	refer("nvidia_drm", 1);
	assert_int_equal(quick("gpu", false), 0);
	assert_guest_has_all();
	read_text("journal", text, sizeof(text));
	assert_ptr_equal(strstr(text, "class/vtconsole/vtcon1/bind 0\n"), text);
	assert_int_equal(quick("gpu", true), 0);
	read_text("journal", text, sizeof(text));
	assert_string_equal(strrchr(text, '\n'), "\nclass/vtconsole/vtcon1/bind 1");
	assert_host_has_all();
}

static void what_another_card_needs_stays(_unused_ void **state)
{
	char text[4096];

	/* A second card of the same driver that is none of the targets, whether the module lists its drivers or not. */
	drop(machine, "sys/module/nvidia/drivers");
	put_link(machine, "sys/bus/pci/drivers/nvidia/0000:05:00.0",
		 "../../../../devices/pci0000:00/0000:00:02.0/0000:05:00.0");
	assert_int_equal(quick("gpu", false), -EIO);
	read_text("journal", text, sizeof(text));
	assert_null(strstr(text, "unload"));
	assert_host_has_all();
	/* Neither does one go on which stands what another card needs. */
	drop(machine, "sys/bus/pci/drivers/nvidia/0000:05:00.0");
	put_link(machine, "sys/module/nvidia_uvm/drivers/pci:other", "nowhere");
	put_link(machine, "sys/bus/pci/drivers/other/0000:05:00.0", "nowhere");
	assert_int_equal(quick("gpu", false), -EIO);
	read_text("journal", text, sizeof(text));
	assert_null(strstr(text, "unload"));
	assert_host_has_all();
}

static void one_that_is_used_is_refused(_unused_ void **state)
{
	open_by("33", "python3", "/dev/nvidia-uvm");
	assert_refused("gpu", false, true, CLAIM_IN_USE, "python3 (33) has /dev/nvidia-uvm open");
	drop(machine, "proc/33");
	put(machine, "proc/34/maps",
	    "7f00-7f01 r-xp 00000000 fe:00 12 /usr/lib/nvidia-thing\n"
	    "7f02-7f03 rw-s 00000000 00:05 471 /dev/nvidiactl\n");
	put(machine, "proc/34/comm", "steam\n");
	assert_refused("gpu", false, true, CLAIM_IN_USE, "steam (34) has /dev/nvidiactl mapped");
	drop(machine, "proc/34");
	/* A display server cannot be forced off it, unlike of a driver that stands alone. */
	put(machine, "sys/bus/pci/devices/" GPU "/drm/card0/uevent",
	    "MAJOR=226\nMINOR=0\nDEVNAME=dri/card0\n");
	open_by("812", "Xorg", "/dev/dri/card0");
	assert_refused("gpu", false, true, CLAIM_IN_USE, "Xorg (812) has /dev/dri/card0 open");
	drop(machine, "proc/812");
	/* Nobody who can be named. */
	refer("nvidia_uvm", 2);
	assert_refused("gpu", false, true, CLAIM_IN_USE, "nvidia_uvm must be unloaded");
	assert_refused("gpu", false, true, CLAIM_IN_USE, "in use (2 times)");
	refer("nvidia_uvm", -2);
	assert_int_equal(quick("gpu", false), 0);
}

static void one_that_does_not_go_brings_all_back(_unused_ void **state)
{
	static const char *const names[] = {"nvidia_drm", "nvidia_modeset", "nvidia_uvm", "nvidia"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(handover_free) struct handover h;

		kernel->faults[0] = (struct fault){"module/unload", names[i], -EWOULDBLOCK};
		open_handover(&h);
		assert_int_equal(hand_over(&h, "gpu", NULL, false), -EIO);
		assert_false(h.stuck);
		assert_mentions(h.plan.targets[0].text, "kernel module ", names[i],
				"cannot be unloaded", NULL);
		assert_host_has_all();
	}
	/* Nor does a claim that fails after it. */
	kernel->faults[0] = (struct fault){"vfio-pci/bind", AUDIO, -EINVAL};
	assert_int_equal(quick("gpu", false), -EIO);
	assert_host_has_all();
}

static void one_that_hangs(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	kernel->faults[0] = (struct fault){"module/unload", "nvidia_modeset", HANG};
	open_handover(&h);
	h.env.deadline_ms = HANG_DEADLINE_MS;
	assert_int_equal(hand_over(&h, "gpu", NULL, false), -EIO);
	assert_int_equal(h.plan.targets[0].reason, CLAIM_TIMEOUT);
	assert_mentions(h.plan.targets[0].text, "nvidia_modeset hangs", "reboot needed", NULL);
	assert_host_has_all();
}

static void one_that_does_not_come_is_said(_unused_ void **state)
{
	_cleanup_(handover_free) struct handover h;

	assert_int_equal(quick("gpu", false), 0);
	kernel->faults[0] = (struct fault){"module/load", "nvidia_uvm", -EINVAL};
	open_handover(&h);
	assert_int_equal(hand_over(&h, "gpu", NULL, true), 0);
	assert_mentions(h.plan.targets[0].text, "not all kernel modules", "Invalid argument", NULL);
	assert_is(GPU, "nvidia", "(null)");
	assert_true(is_loaded("nvidia_drm"));
	assert_true(root_exists(&machine->root, NOTE));
	/* The same command tries it again. */
	kernel->faults[0].path = NULL;
	assert_int_equal(quick("gpu", true), 0);
	assert_host_has_all();
}

/* Its own module fails: no driver, all goes back to vfio-pci, and what was noted stays noted. */
static void a_driver_that_does_not_load(_unused_ void **state)
{
	assert_int_equal(quick("gpu", false), 0);
	kernel->faults[0] = (struct fault){"module/load", "nvidia", -ENODEV};
	kernel->native_loads = -ENODEV;
	assert_int_equal(quick("gpu", true), -EIO);
	assert_guest_has_all();
	kernel->faults[0].path = NULL;
	assert_int_equal(quick("gpu", true), 0);
	assert_host_has_all();
}

static void a_note_that_is_not_ours_is_not_obeyed(_unused_ void **state)
{
	char text[4096];

	assert_int_equal(quick("gpu", false), 0);
	put(machine, NOTE, "../../evil\nnvidia\n");
	drop(machine, "journal");
	kernel->native_loads = -ENOENT;
	assert_int_equal(quick("gpu", true), 0);
	read_text("journal", text, sizeof(text));
	assert_null(strstr(text, "module/load"));
}

static void killed_at_each_step_the_next_call_repairs(_unused_ void **state)
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
				assert_host_has_all();
			else
				assert_guest_has_all();
		}
		/* Four overrides, four modules, three unbinds, four binds; or twelve writes, and five loads. */
		assert_int_equal(at, to_host ? 18 : 16);
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
				assert_host_has_all();
			else
				assert_guest_has_all();
		}
		print_message("%s: %ld calls\n", to_host ? "release" : "reclaim", at - 1);
		assert_true(at > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nvidia_test(they_go_and_come_in_order),
		nvidia_test(consoles_go_first_and_come_last),
		nvidia_test(what_another_card_needs_stays),
		nvidia_test(one_that_is_used_is_refused),
		nvidia_test(one_that_does_not_go_brings_all_back),
		nvidia_test(one_that_hangs),
		nvidia_test(one_that_does_not_come_is_said),
		nvidia_test(a_driver_that_does_not_load),
		nvidia_test(a_note_that_is_not_ours_is_not_obeyed),
		nvidia_test(killed_at_each_step_the_next_call_repairs),
		nvidia_test(killed_at_each_call_the_next_call_repairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
