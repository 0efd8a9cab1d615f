// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest's start and end do, in which order, and what becomes of it where a step fails. */
#include "tests/unit/guest-lab.h"

/* --- the way it should go --------------------------------------------------------------------- */

static void all_in_order_and_in_reverse(_unused_ void **state)
{
	struct diag diag;

	assert_int_equal(start(&diag), 0);
	assert_steps(TAKEN);
	assert_on();
	assert_int_equal(end(&diag), 0);
	assert_steps(GIVEN);
	assert_off();
	assert_string_equal(said, "");
}

static void a_second_time_does_nothing(_unused_ void **state)
{
	struct diag diag;

	assert_int_equal(start(&diag), 0);
	assert_steps(TAKEN);
	assert_int_equal(start(&diag), 0);
	assert_steps("");
	assert_on();
	assert_int_equal(end(&diag), 0);
	assert_steps(GIVEN);
	assert_int_equal(end(&diag), 0);
	assert_steps("");
	assert_off();
}

static void what_was_there_before_stays(_unused_ void **state)
{
	struct diag diag;

	/* By hand: a card that is with vfio-pci, and as many pages as the guest needs. */
	assert_int_equal(quick("twin", false), 0);
	put(machine, POOL "nr_hugepages", "600\n");
	put(machine, POOL "free_hugepages", "600\n");
	put(machine, POLICY "scaling_governor", "performance\n");
	drop(machine, "steps");
	assert_int_equal(start(&diag), 0);
	assert_steps("stop desktop.service\nstop sound.socket\n");
	assert_int_equal(end(&diag), 0);
	assert_steps("start sound.socket\nstart desktop.service\n");
	assert_is(TWIN, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_file(POOL "nr_hugepages", "600");
	assert_file(POLICY "scaling_governor", "performance");
}

static void only_what_the_section_has(_unused_ void **state)
{
	const struct guest_env env = env_here();
	struct diag diag = DIAG_INIT;

	put(machine, "etc/vfio-bootcfg.conf", DEVICES "[guest bare]\ncpus = 1\n[guest none]\n");
	assert_int_equal(start_as("bare", &env, &diag), 0);
	assert_int_equal(end_as("bare", &env, true, &diag), 0);
	assert_int_equal(start_as("none", &env, &diag), -EINVAL);
	assert_mentions(diag.text, "the profile has no [guest none]", NULL);
	assert_int_equal(end_as("nobody", &env, true, &diag), -EINVAL);
	assert_steps("");
	put(machine, "etc/vfio-bootcfg.conf", "[guest bare\n");
	assert_int_equal(start_as("bare", &env, &diag), -EBADMSG);
	assert_int_equal(diag.line, 1);
	assert_int_equal(end_as("bare", &env, true, &diag), -EBADMSG);
	assert_steps("");
}

static void pages_that_others_use_are_not_counted(_unused_ void **state)
{
	struct diag diag;

	put(machine, "etc/vfio-bootcfg.conf", "[guest win]\nhugepages-2M = 512\n");
	put(machine, POOL "nr_hugepages", "200\n");
	put(machine, POOL "free_hugepages", "60\n");
	put(machine, POOL "resv_hugepages", "10\n");
	assert_int_equal(start(&diag), 0);
	assert_steps("pages 662\n");
	assert_int_equal(end(&diag), 0);
	assert_steps("pages 200\n");
}

/* --- what fails ------------------------------------------------------------------------------- */

static void a_failure_is_undone_in_reverse(_unused_ void **state)
{
	struct diag diag;

	lab->bad_verb = "stop";
	lab->bad_unit = "sound.socket";
	assert_int_equal(start(&diag), -EIO);
	assert_mentions(diag.text, "sound.socket cannot be stopped: Job failed: see the journal",
			NULL);
	assert_steps("stop desktop.service\nstop sound.socket\nstart sound.socket\n"
		     "start desktop.service\n");
	assert_off();

	lab->bad_verb = NULL;
	kernel->faults[0] = (struct fault){"vfio-pci/bind", TWIN_AUDIO, -EINVAL};
	assert_int_equal(start(&diag), -EIO);
	assert_mentions(diag.text, TWIN_AUDIO, NULL);
	assert_steps("stop desktop.service\nstop sound.socket\ntake twin\ngive twin\n"
		     "start sound.socket\nstart desktop.service\n");
	assert_off();
	assert_false(is_marked(TWIN));

	kernel->faults[0].path = NULL;
	lab->page_limit = 300;
	assert_int_equal(start(&diag), -ENOBUFS);
	assert_mentions(diag.text, "huge pages of 2M: 300 of 512: the kernel finds no more", NULL);
	assert_off();
	drop(machine, "steps");

	/* What can be known before is found before anything is touched. */
	lab->page_limit = ~0UL;
	put(machine, POLICY "scaling_available_governors", "powersave schedutil\n");
	assert_int_equal(start(&diag), -EBADMSG);
	assert_mentions(diag.text, "performance", "powersave schedutil", NULL);
	assert_steps("");
	put(machine, POLICY "scaling_available_governors", "performance powersave\n");

	lab->governor_fails = true;
	assert_int_equal(start(&diag), -EINVAL);
	assert_mentions(diag.text, "scaling_governor", NULL);
	assert_steps(TAKEN "pages 100\ngive twin\nstart sound.socket\nstart desktop.service\n");
	assert_off();
	assert_string_equal(said, "");
}

static void what_cannot_be_undone_stays_recorded(_unused_ void **state)
{
	char record[512];
	struct diag diag;

	/* At the end; all else is undone, and the next call does what is left. */
	assert_int_equal(start(&diag), 0);
	drop(machine, "steps");
	lab->bad_verb = "start";
	lab->bad_unit = "sound.socket";
	assert_int_equal(end(&diag), -EIO);
	assert_steps(GIVEN);
	assert_mentions(said, "sound.socket cannot be started: Job failed", NULL);
	assert_file("units/desktop.service", "active");
	read_text(GUEST_DIR "/win", record, sizeof(record));
	assert_mentions(record, "units = sound.socket", NULL);
	assert_null(strstr(record, "cards"));
	lab->bad_verb = NULL;
	assert_int_equal(end(&diag), 0);
	assert_steps("start sound.socket\n");
	assert_off();

	/* And at a start. */
	kernel->faults[0] = (struct fault){"vfio-pci/bind", TWIN_AUDIO, -EINVAL};
	lab->bad_verb = "start";
	lab->bad_unit = "desktop.service";
	assert_int_equal(start(&diag), -EIO);
	assert_mentions(diag.text, TWIN_AUDIO, NULL);
	assert_true(is_recorded());
	kernel->faults[0].path = NULL;
	lab->bad_verb = NULL;
	drop(machine, "steps");
	assert_int_equal(start(&diag), 0);
	assert_on();
	assert_int_equal(end(&diag), 0);
	assert_off();
}

static void a_card_that_does_not_come_back_keeps_nothing_else(_unused_ void **state)
{
	struct diag diag;

	assert_int_equal(start(&diag), 0);
	drop(machine, "steps");
	open_by("4711", "qemu", "/dev/vfio/7");
	assert_int_equal(end(&diag), -EIO);
	assert_steps("governor powersave\npages 100\nstart sound.socket\nstart desktop.service\n");
	assert_mentions(said, "qemu (4711) has /dev/vfio/7 open", NULL);
	assert_true(is_recorded());
	drop(machine, "proc/4711");
	assert_int_equal(end(&diag), 0);
	assert_steps("give twin\n");
	assert_off();
}

static void a_guest_that_runs_keeps_what_it_has(_unused_ void **state)
{
	struct guest_env env = env_here();
	struct diag diag;

	assert_int_equal(start(&diag), 0);
	drop(machine, "steps");
	put(machine, "etc/vfio-bootcfg.conf",
	    DEVICES "[guest win]\ndevices = gpu,twin\nhugepages-2M = 900\n");
	lab->page_limit = 600;
	assert_int_equal(start(&diag), -ENOBUFS);
	assert_is(TWIN, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_file("units/desktop.service", "inactive");
	put(machine, "etc/vfio-bootcfg.conf", DEVICES WIN);
	/* Its pages are used: it does not get them twice. */
	open_by("4711", "qemu", "/dev/vfio/7");
	put(machine, POOL "free_hugepages", "0\n");
	drop(machine, "steps");
	lab->page_limit = ~0UL;
	assert_int_equal(start(&diag), 0);
	assert_steps("");
	put(machine, POOL "free_hugepages", "600\n");
	/* Who asks for its end is told that it runs; the hook does what it can. */
	assert_int_equal(end_as("win", &env, true, &diag), -EPERM);
	assert_mentions(diag.text, "qemu (4711) has /dev/vfio/7 open; stop the guest first", NULL);
	assert_steps("");
	drop(machine, "proc/4711");
	/* Also one of a card that it has since boot. */
	open_by("4711", "qemu", "/dev/vfio/6");
	assert_int_equal(end_as("win", &env, true, &diag), -EPERM);
	drop(machine, "proc/4711");
	assert_int_equal(end_as("win", &env, true, &diag), 0);
	assert_off();
}

static void an_end_goes_by_the_record(_unused_ void **state)
{
	struct diag diag;

	/* The profile has changed: units, pages, and whose the card is. */
	assert_int_equal(start(&diag), 0);
	drop(machine, "steps");
	put(machine, "etc/vfio-bootcfg.conf", DEVICES);
	assert_int_equal(end(&diag), 0);
	assert_steps(GIVEN);
	assert_off();

	/* It cannot be read: what needs it waits for it. */
	put(machine, "etc/vfio-bootcfg.conf", DEVICES WIN);
	assert_int_equal(start(&diag), 0);
	drop(machine, "steps");
	put(machine, "etc/vfio-bootcfg.conf", "nonsense\n");
	assert_int_equal(end(&diag), -EIO);
	assert_steps("governor powersave\npages 100\nstart sound.socket\nstart desktop.service\n");
	assert_true(is_recorded());
	put(machine, "etc/vfio-bootcfg.conf", DEVICES WIN);
	assert_int_equal(end(&diag), 0);
	assert_off();
}

/* --- what is looked at first ------------------------------------------------------------------ */

static void nothing_is_touched_where_it_cannot_be(_unused_ void **state)
{
	static const struct {
		const char *profile, *text;
		int error;
	} cases[] = {
		{DEVICES "[guest win]\nstop-units = desktop.service,nothing.service\n",
		 "systemd knows no unit nothing.service", -EINVAL},
		{DEVICES "[guest win]\nstop-units = desktop.service\nhugepages-1G = 1\n",
		 "no huge pages of 1G", -EINVAL},
		{DEVICES "[guest win]\nstop-units = desktop.service\nhugepages-2M = 3:1\n",
		 "no NUMA node 3", -EINVAL},
		{DEVICES "[device away]\npath = 0000:00:10.0/05.0\nid = 1234:1111\nclaim = guest\n"
			 "[guest win]\nstop-units = desktop.service\ndevices = away\n",
		 "away", -EPERM},
		{DEVICES "[device late]\naddress = 0000:00:01.0\nid = 1234:1111\n"
			 "[guest win]\nstop-units = desktop.service\ndevices = late\n",
		 "is not with vfio-pci", -EPERM},
		{DEVICES "[device boot]\naddress = 0000:00:01.0\nid = 1234:1111\nclaim = guest\n"
			 "[guest win]\nstop-units = desktop.service\ndevices = boot\n",
		 "display", -EPERM},
	};
	struct diag diag;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put(machine, "etc/vfio-bootcfg.conf", "%s", cases[i].profile);
		assert_int_equal(start(&diag), cases[i].error);
		assert_mentions(diag.text, cases[i].text, NULL);
		assert_steps("");
		assert_off();
	}
	put(machine, "etc/vfio-bootcfg.conf", DEVICES WIN);
	lab->bad_verb = "show";
	lab->bad_unit = "sound.socket";
	*(char *)said = '\0';
	assert_int_equal(start(&diag), -EIO);
	assert_steps("");
	assert_off();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		guest_test(all_in_order_and_in_reverse),
		guest_test(a_second_time_does_nothing),
		guest_test(what_was_there_before_stays),
		guest_test(only_what_the_section_has),
		guest_test(pages_that_others_use_are_not_counted),
		guest_test(a_failure_is_undone_in_reverse),
		guest_test(what_cannot_be_undone_stays_recorded),
		guest_test(a_card_that_does_not_come_back_keeps_nothing_else),
		guest_test(a_guest_that_runs_keeps_what_it_has),
		guest_test(an_end_goes_by_the_record),
		guest_test(nothing_is_touched_where_it_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
