// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest's session against the fake kernel of the handovers, with a pool of huge pages, a CPU and a systemd beside it. What
 * is asserted are the steps in their order, and the state of all of it afterwards. It is in files, since commands are killed.
 */
#include "tests/unit/handover-kernel.h"
#include "tools/guest-internal.h"
#include "tools/hugepages.h"

#define POOL "sys/kernel/mm/hugepages/hugepages-2048kB/"
#define POLICY "sys/devices/system/cpu/cpufreq/policy0/"

#define WIN                                                                                        \
	"[guest win]\ndevices = gpu,twin\nhugepages-2M = 512\ncpus = 0\n"                          \
	"governor = performance\nstop-units = desktop.service,sound.socket,idle.service\n"
#define DEVICES                                                                                    \
	"[device gpu]\npath = 0000:00:10.0/00.0\nid = 1234:1111\n"                                 \
	"[device twin]\npath = 0000:00:11.0/00.0\nid = 1234:1111\nclaim = guest\n"

#define TAKEN                                                                                      \
	"stop desktop.service\nstop sound.socket\ntake twin\npages 512\ngovernor performance\n"
#define GIVEN                                                                                      \
	"governor powersave\npages 100\ngive twin\nstart sound.socket\nstart desktop.service\n"

/* Shared with the children. */
static struct lab {
	const char *bad_verb, *bad_unit; /* systemctl fails with these */
	const char *waits_for; /* a unit whose stop waits until the file `go` is there */
	unsigned long page_limit; /* the pool becomes no larger */
	bool governor_fails;
	bool lets_go; /* the desktop's process closes the card some time after the desktop is stopped */
} * lab;

static char said[4096];

static void note_step(const char *format, ...)
{
	char line[256];
	va_list args;
	int fd;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fd = open(path_in(machine, "steps"), O_WRONLY | O_CREAT | O_APPEND, 0644);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	close(fd);
}

static int tick(void)
{
	int number = __atomic_add_fetch(&kernel->writes, 1, __ATOMIC_SEQ_CST);

	if (number == kernel->kill_at && !kernel->kill_after)
		die();
	return number;
}

static void tock(int number)
{
	if (number == kernel->kill_at && kernel->kill_after)
		die();
}

static int write_pool(const char *path, const char *value)
{
	unsigned long count = strtoul(value, NULL, 10);

	assert_string_equal(path, POOL "nr_hugepages");
	if (count > lab->page_limit)
		count = lab->page_limit;
	put(machine, path, "%lu\n", count);
	put(machine, POOL "free_hugepages", "%lu\n", count);
	note_step("pages %lu\n", count);
	return 0;
}

static int lab_write(void *data, const char *path, const char *value)
{
	int number, r = 0;

	if (!strcmp(path, "sys/bus/pci/devices/" TWIN "/driver_override"))
		note_step("%s twin\n", value[0] == '\n' ? "give" : "take");
	if (!strncmp(path, "sys/bus/", 8))
		return fake_write(data, path, value);
	number = tick();
	if (strstr(path, "hugepages")) {
		r = write_pool(path, value);
	} else if (!strcmp(path, POLICY "scaling_governor")) {
		assert_non_null(strchr(value, '\n'));
		note_step("governor %s", value);
		r = lab->governor_fails ? -EINVAL : 0;
		if (!r)
			put(machine, path, "%s", value);
	} else {
		/* What only helps to get pages. */
		assert_true(strstr(path, "compact") || strstr(path, "drop_caches"));
	}
	tock(number);
	return r;
}

static const char *unit_path(const char *unit)
{
	static char path[96];

	snprintf(path, sizeof(path), "units/%s", unit);
	return path;
}

static void set_unit(const char *unit, const char *state)
{
	put(machine, unit_path(unit), "%s\n", state);
}

/* The process of the desktop, which has the card open. */
#define HOLDER "proc/812"

/* Later, by somebody else: whoever waits for it has to look again. */
static void let_go_later(void)
{
	if (fork() == 0) {
		for (int i = 0; i < 50; i++)
			usleep(1000);
		drop(machine, HOLDER);
		_exit(0);
	}
}

static int fake_systemctl(_unused_ void *data, const char *verb, const char *unit,
			  char **ret_output)
{
	bool bad = lab->bad_verb && !strcmp(verb, lab->bad_verb) && !strcmp(unit, lab->bad_unit);
	char state[32];
	int number;

	read_text(unit_path(unit), state, sizeof(state));
	if (!strcmp(verb, "show")) {
		assert_true(asprintf(ret_output, "LoadState=%s\nActiveState=%s\n",
				     state[0] ? "loaded" : "not-found",
				     state[0] ? state : "inactive") > 0);
		return bad ? 1 : 0;
	}
	number = tick();
	note_step("%s %s\n", verb, unit);
	if (lab->waits_for && !strcmp(unit, lab->waits_for))
		while (!root_exists(&machine->root, "go"))
			usleep(1000);
	if (!bad)
		set_unit(unit, strcmp(verb, "stop") ? "active" : "inactive");
	if (!bad && lab->lets_go && !strcmp(verb, "stop") && !strcmp(unit, "desktop.service"))
		let_go_later();
	tock(number);
	*ret_output = strdup(bad ? "some words\nJob failed: see the journal\n" : "");
	return bad ? 1 : 0;
}

static void say(_unused_ void *data, const char *text)
{
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, "%s\n", text);
}

static void init_handover_here(struct handover *h, const struct root *root, bool force)
{
	assert_ptr_equal(root, &machine->root);
	open_handover(h);
	h->force = force;
}

static struct guest_env env_here(void)
{
	return (struct guest_env){
		.root = &machine->root,
		.init_handover = init_handover_here,
		.systemctl = fake_systemctl,
		.tuning = {.root = &machine->root},
		.say = say,
		.lock_ms = 20000,
		.let_go_ms = 0,
	};
}

static int guest_setup(void **state)
{
	struct fixture *f;
	int r = setup(state);

	if (r)
		return r;
	f = *state;
	lab = mmap(NULL, sizeof(*lab), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(lab != MAP_FAILED);
	lab->page_limit = ~0UL;
	said[0] = '\0';
	f->root.write_hook = NULL;
	put(f, "etc/vfio-bootcfg.conf", DEVICES WIN);
	put(f, "proc/meminfo", "MemTotal:       16777216 kB\nHugepagesize:       2048 kB\n");
	put(f, POOL "nr_hugepages", "100\n");
	put(f, POOL "free_hugepages", "100\n");
	put(f, POOL "surplus_hugepages", "0\n");
	put(f, POOL "resv_hugepages", "0\n");
	put(f, "proc/sys/vm/drop_caches", "0\n");
	put(f, "proc/sys/vm/compact_memory", "\n");
	put(f, "sys/devices/system/cpu/online", "0-1\n");
	put(f, "sys/devices/system/cpu/present", "0-1\n");
	put_link(f, "sys/devices/system/cpu/cpu0/cpufreq", "../cpufreq/policy0");
	put(f, POLICY "affected_cpus", "0\n");
	put(f, POLICY "scaling_available_governors", "performance powersave\n");
	put(f, POLICY "scaling_governor", "powersave\n");
	set_unit("desktop.service", "active");
	set_unit("sound.socket", "activating");
	set_unit("idle.service", "inactive");
	f->root.write_hook = fake_write;
	/* As from boot. */
	assert_int_equal(quick("gpu", false), 0);
	drop(f, "journal");
	f->root.write_hook = lab_write;
	return 0;
}

static int guest_teardown(void **state)
{
	while (wait(NULL) > 0)
		;
	munmap(lab, sizeof(*lab));
	return teardown(state);
}

#define guest_test(f) cmocka_unit_test_setup_teardown(f, guest_setup, guest_teardown)

static int start_as(const char *name, const struct guest_env *env, struct diag *diag)
{
	_cleanup_(guest_free) struct guest guest;

	guest_init(&guest, env, name);
	return guest_start(&guest, diag);
}

static int end_as(const char *name, const struct guest_env *env, bool look_first, struct diag *diag)
{
	_cleanup_(guest_free) struct guest guest;

	guest_init(&guest, env, name);
	return guest_end(&guest, look_first, diag);
}

static int start(struct diag *diag)
{
	const struct guest_env env = env_here();

	*diag = DIAG_INIT;
	return start_as("win", &env, diag);
}

static int end(struct diag *diag)
{
	const struct guest_env env = env_here();

	*diag = DIAG_INIT;
	return end_as("win", &env, false, diag);
}

static void assert_steps(const char *wanted)
{
	char text[4096];

	read_text("steps", text, sizeof(text));
	if (text[0])
		strcat(text, "\n");
	assert_string_equal(text, wanted);
	if (root_exists(&machine->root, "steps"))
		drop(machine, "steps");
}

static void assert_file(const char *path, const char *wanted)
{
	char text[64];

	read_text(path, text, sizeof(text));
	assert_string_equal(text, wanted);
}

static bool is_recorded(void)
{
	return guest_is_recorded(&machine->root, "win");
}

static void assert_off(void)
{
	assert_is(TWIN, "bochs-drm", "(null)");
	assert_is(TWIN_AUDIO, "snd_hda_intel", "(null)");
	assert_guest_has();
	assert_file(POOL "nr_hugepages", "100");
	assert_file(POLICY "scaling_governor", "powersave");
	assert_file("units/desktop.service", "active");
	assert_file("units/idle.service", "inactive");
	assert_false(is_recorded());
	assert_false(hugepages_loans_exist(&machine->root, "win"));
	assert_false(root_exists(&machine->root, TUNING_PATH));
}

static void assert_on(void)
{
	assert_is(TWIN, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_is(TWIN_AUDIO, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_guest_has();
	assert_file(POOL "nr_hugepages", "512");
	assert_file(POLICY "scaling_governor", "performance");
	assert_file("units/desktop.service", "inactive");
	assert_file("units/sound.socket", "inactive");
	assert_true(is_recorded());
}

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
	assert_int_equal(start(&diag), -ENOSPC);
	assert_mentions(diag.text, "huge pages of 2M: 300 of 512: the kernel finds no more", NULL);
	assert_off();
	drop(machine, "steps");

	lab->page_limit = ~0UL;
	lab->governor_fails = true;
	assert_int_equal(start(&diag), -EINVAL);
	assert_mentions(diag.text, "scaling_governor", NULL);
	assert_steps(TAKEN "pages 100\ngive twin\nstart sound.socket\nstart desktop.service\n");
	assert_off();
	assert_string_equal(said, "");
}

static void what_cannot_be_undone_stays_recorded(_unused_ void **state)
{
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
	assert_true(is_recorded());
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
	assert_int_equal(start(&diag), -ENOSPC);
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

static void a_card_has_one_guest(_unused_ void **state)
{
	const struct guest_env env = env_here();
	struct diag diag;

	put(machine, "etc/vfio-bootcfg.conf",
	    DEVICES WIN "[guest mac]\ndevices = gpu\n[guest bsd]\nhugepages-2M = 1\n");
	assert_int_equal(start(&diag), 0);
	assert_int_equal(start_as("mac", &env, &diag), -EPERM);
	assert_mentions(diag.text, "[device gpu] is with the guest win", "session runs", NULL);
	assert_false(guest_is_recorded(&machine->root, "mac"));
	assert_int_equal(start_as("bsd", &env, &diag), 0);
	assert_int_equal(end_as("bsd", &env, true, &diag), 0);
	assert_int_equal(end(&diag), 0);
	assert_int_equal(start_as("mac", &env, &diag), 0);
	assert_int_equal(start(&diag), -EPERM);
	assert_int_equal(end_as("mac", &env, true, &diag), 0);
	assert_off();
}

static void the_desktop_may_take_its_time(_unused_ void **state)
{
	struct guest_env env = env_here();
	struct diag diag = DIAG_INIT;

	put(machine, "sys/bus/pci/devices/" TWIN "/drm/card1/uevent", "DEVNAME=dri/card1\n");
	put(machine, "sys/bus/pci/devices/" TWIN "/drm/card1/dev", "226:1\n");
	open_by("812", "Xorg", "/dev/dri/card1");
	/* It does not let go: refused with its name, and the desktop is started again. */
	env.let_go_ms = 1;
	assert_int_equal(start_as("win", &env, &diag), -EPERM);
	assert_mentions(diag.text, "Xorg (812) has /dev/dri/card1 open", NULL);
	assert_steps("stop desktop.service\nstop sound.socket\nstart sound.socket\n"
		     "start desktop.service\n");
	assert_off();
	/* It does, a little later. */
	env.let_go_ms = 60000;
	lab->lets_go = true;
	assert_int_equal(start_as("win", &env, &diag), 0);
	assert_steps(TAKEN);
	assert_int_equal(end(&diag), 0);
	/* Nobody waits where nothing was stopped. */
	drop(machine, "steps");
	open_by("812", "Xorg", "/dev/dri/card1");
	put(machine, "etc/vfio-bootcfg.conf", DEVICES "[guest win]\ndevices = twin\n");
	assert_int_equal(start_as("win", &env, &diag), -EPERM);
	assert_steps("");
}

/* --- others ----------------------------------------------------------------------------------- */

static void two_callers_take_turns(_unused_ void **state)
{
	struct guest_env env = env_here();
	struct diag diag = DIAG_INIT;
	pid_t pid;
	int status;

	lab->waits_for = "desktop.service";
	pid = fork();
	if (pid == 0)
		_exit(start(&diag) == 0 ? 0 : 1);
	while (!root_exists(&machine->root, "steps"))
		usleep(1000);
	env.lock_ms = 0;
	assert_int_equal(start_as("win", &env, &diag), -EWOULDBLOCK);
	assert_mentions(diag.text, "another guest's start or end is at work", NULL);
	assert_int_equal(end_as("win", &env, false, &diag), -EWOULDBLOCK);
	put(machine, "go", "\n");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_steps(TAKEN);
	assert_int_equal(end(&diag), 0);
	assert_off();
}

/* In a child that is killed at the given step. True if it was. */
static bool killed_at(int (*action)(struct diag *diag), int at, bool after)
{
	struct diag diag;
	int status, lock;
	pid_t pid;

	kernel->writes = 0;
	kernel->kill_at = at;
	kernel->kill_after = after;
	pid = fork();
	if (pid == 0) {
		kernel->victim = getpid();
		_exit(action(&diag) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* Its own children may be at work still. */
	lock = record_lock(&machine->root, 60000);
	assert_true(lock >= 0);
	close(lock);
	kernel->kill_at = 0;
	if (!WIFSIGNALED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

/* How many points there were. */
static int kill_everywhere(int (*action)(struct diag *diag), bool was_on,
			   int (*next)(struct diag *), bool is_on)
{
	struct diag diag;

	for (int at = 1;; at++)
		for (int after = 0; after <= 1; after++) {
			bool was_killed;

			assert_int_equal(was_on ? start(&diag) : end(&diag), 0);
			if (was_on)
				assert_on();
			else
				assert_off();
			was_killed = killed_at(action, at, after);
			assert_int_equal(next(&diag), 0);
			if (is_on)
				assert_on();
			else
				assert_off();
			if (!was_killed)
				return at - 1;
		}
}

static void killed_at_any_step_the_next_call_repairs(_unused_ void **state)
{
	/* Two units, two functions, pages, a governor: at least so many. */
	assert_true(kill_everywhere(start, false, start, true) >= 8);
	assert_true(kill_everywhere(start, false, end, false) >= 8);
	assert_true(kill_everywhere(end, true, end, false) >= 8);
	assert_true(kill_everywhere(end, true, start, true) >= 8);
	assert_string_equal(said, "");
}

static void lists_are_as_in_the_profile(_unused_ void **state)
{
	char *list = NULL;

	assert_false(guest_list_has(NULL, "a"));
	assert_int_equal(guest_list_add(&list, "ab"), 0);
	assert_int_equal(guest_list_add(&list, "a"), 0);
	assert_int_equal(guest_list_add(&list, "b"), 0);
	assert_int_equal(guest_list_add(&list, "a"), 0);
	assert_string_equal(list, "ab,a,b");
	assert_true(guest_list_has(list, "b"));
	assert_false(guest_list_has(list, "ab,a"));
	guest_list_remove(list, "a");
	assert_string_equal(list, "ab,b");
	guest_list_remove(list, "c");
	guest_list_remove(list, "b");
	assert_string_equal(list, "ab");
	guest_list_remove(list, "ab");
	assert_string_equal(list, "");
	assert_int_equal(guest_list_add(&list, "x"), 0);
	assert_string_equal(list, "x");
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		guest_test(all_in_order_and_in_reverse),
		guest_test(a_second_time_does_nothing),
		guest_test(what_was_there_before_stays),
		guest_test(only_what_the_section_has),
		guest_test(a_failure_is_undone_in_reverse),
		guest_test(what_cannot_be_undone_stays_recorded),
		guest_test(a_card_that_does_not_come_back_keeps_nothing_else),
		guest_test(a_guest_that_runs_keeps_what_it_has),
		guest_test(an_end_goes_by_the_record),
		guest_test(nothing_is_touched_where_it_cannot_be),
		guest_test(a_card_has_one_guest),
		guest_test(the_desktop_may_take_its_time),
		guest_test(two_callers_take_turns),
		guest_test(killed_at_any_step_the_next_call_repairs),
		cmocka_unit_test(lists_are_as_in_the_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
