/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's session against the fake kernel of the handovers, with a pool of huge pages, a CPU and a systemd beside it. What
 * is asserted are the steps in their order, and the state of all of it afterwards. It is in files, since commands are killed. A part of
 * each test program that includes it.
 */
#ifndef TESTS_UNIT_GUEST_LAB_H
#define TESTS_UNIT_GUEST_LAB_H

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
struct lab {
	const char *bad_verb, *bad_unit; /* systemctl fails with these */
	const char *waits_for; /* a unit whose stop waits until the file `go` is there */
	unsigned long page_limit; /* the pool becomes no larger */
	bool governor_fails;
	bool lets_go; /* the desktop's process closes the card some time after the desktop is stopped */
};
static struct lab *lab;

static _unused_ char said[4096];

static _unused_ void note_step(const char *format, ...)
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

static _unused_ int tick(void)
{
	int number = __atomic_add_fetch(&kernel->writes, 1, __ATOMIC_SEQ_CST);

	if (number == kernel->kill_at && !kernel->kill_after)
		die();
	return number;
}

static _unused_ void tock(int number)
{
	if (number == kernel->kill_at && kernel->kill_after)
		die();
}

static _unused_ int write_pool(const char *path, const char *value)
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

static _unused_ int lab_write(void *data, const char *path, const char *value)
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

static _unused_ const char *unit_path(const char *unit)
{
	static char path[96];

	snprintf(path, sizeof(path), "units/%s", unit);
	return path;
}

static _unused_ void set_unit(const char *unit, const char *state)
{
	put(machine, unit_path(unit), "%s\n", state);
}

/* The process of the desktop, which has the card open. */
#define HOLDER "proc/812"

/* Later, by somebody else: whoever waits for it has to look again. */
static _unused_ void let_go_later(void)
{
	if (fork() == 0) {
		for (int i = 0; i < 50; i++)
			usleep(1000);
		drop(machine, HOLDER);
		_exit(0);
	}
}

static _unused_ int fake_systemctl(_unused_ void *data, const char *verb, const char *unit,
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

static _unused_ void say(_unused_ void *data, const char *text)
{
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, "%s\n", text);
}

static _unused_ void init_handover_here(struct handover *h, const struct root *root, bool force)
{
	assert_ptr_equal(root, &machine->root);
	open_handover(h);
	h->force = force;
}

static _unused_ struct guest_env env_here(void)
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

static _unused_ int guest_setup(void **state)
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

static _unused_ int guest_teardown(void **state)
{
	while (wait(NULL) > 0)
		;
	munmap(lab, sizeof(*lab));
	return teardown(state);
}

#define guest_test(f) cmocka_unit_test_setup_teardown(f, guest_setup, guest_teardown)

static _unused_ int start_as(const char *name, const struct guest_env *env, struct diag *diag)
{
	_cleanup_(guest_free) struct guest guest;

	guest_init(&guest, env, name);
	return guest_start(&guest, diag);
}

static _unused_ int end_as(const char *name, const struct guest_env *env, bool look_first,
			   struct diag *diag)
{
	_cleanup_(guest_free) struct guest guest;

	guest_init(&guest, env, name);
	return guest_end(&guest, look_first, diag);
}

static _unused_ int start(struct diag *diag)
{
	const struct guest_env env = env_here();

	*diag = DIAG_INIT;
	return start_as("win", &env, diag);
}

static _unused_ int end(struct diag *diag)
{
	const struct guest_env env = env_here();

	*diag = DIAG_INIT;
	return end_as("win", &env, false, diag);
}

/* A pool grows by pieces, whose sizes are hugepages' own matter: as one step, the last. */
static _unused_ void join_growth(char *text)
{
	char *out = text, *last = NULL;

	for (char *line = text, *next; *line; line = next) {
		bool grows = !strncmp(line, "pages ", 6);
		size_t len;

		next = strchr(line, '\n') + 1;
		len = (size_t)(next - line);
		if (grows && last && strtoul(line + 6, NULL, 10) > strtoul(last + 6, NULL, 10))
			out = last;
		last = grows ? out : NULL;
		memmove(out, line, len);
		out += len;
	}
	*out = '\0';
}

static _unused_ void assert_steps(const char *wanted)
{
	char text[4096];

	read_text("steps", text, sizeof(text));
	if (text[0])
		strcat(text, "\n");
	join_growth(text);
	assert_string_equal(text, wanted);
	if (root_exists(&machine->root, "steps"))
		drop(machine, "steps");
}

static _unused_ void assert_file(const char *path, const char *wanted)
{
	char text[64];

	read_text(path, text, sizeof(text));
	assert_string_equal(text, wanted);
}

static _unused_ bool is_recorded(void)
{
	return guest_is_recorded(&machine->root, "win");
}

static _unused_ void assert_off(void)
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

static _unused_ void assert_on(void)
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

#endif
