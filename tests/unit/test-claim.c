// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Claiming against a fake kernel: a captured machine whose attributes answer as sysfs does. The
 * answers live in files, since the steps that may hang run in children, and every write is added to
 * a journal, so that the order can be asserted.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "early/claim.h"
#include "early/log.h"
#include "early/undo.h"
#include "tests/machine.h"

#define GPU "0000:01:00.0"
#define AUDIO "0000:01:00.1"
#define TWIN "0000:02:00.0"
#define TWIN_AUDIO "0000:02:00.1"

struct fault {
	const char *path; /* a write whose path ends so, ... */
	const char *value; /* ... and whose value starts so, ... */
	int error; /* ... fails with this, or hangs where it is HANG */
};

#define HANG 1

struct machine {
	char dir[64];
	struct root root;
	struct pci_inventory inv;
	struct profile profile;
	struct profile_device sections[2];
	struct claim_plan plan;
	struct claim_env env;
	struct fault faults[3];
	bool mute_bind; /* bind says yes and does nothing */
};

static struct machine *current;

/* "DIR/" and the formatted rest. */
static _printf_(4, 5) void path_in(const struct machine *m, char *buf, size_t size,
				   const char *format, ...)
{
	int n = snprintf(buf, size, "%s/", m->dir);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + n, size - (size_t)n, format, args);
	va_end(args);
}

static void put_file(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void get_override(struct machine *m, const char *addr, char buf[static 64])
{
	char path[160];
	int fd;
	ssize_t n;

	path_in(m, path, sizeof(path), "sys/bus/pci/devices/%s/%s", addr, "driver_override");
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, buf, 63);
	assert_true(n >= 0);
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	close(fd);
}

static void get_driver(struct machine *m, const char *addr, char buf[static PCI_DRIVER_STR])
{
	struct pci_addr parsed;

	assert_int_equal(pci_addr_parse(addr, &parsed), 0);
	assert_int_equal(pci_driver(&m->root, &parsed, buf), 0);
}

static const char *native_of(const char *addr)
{
	return addr[strlen(addr) - 1] == '0' ? "bochs-drm" : "snd_hda_intel";
}

static bool has_driver(struct machine *m, const char *name)
{
	char path[160];

	path_in(m, path, sizeof(path), "sys/bus/pci/drivers/%s", name);
	return !access(path, F_OK);
}

/* What the kernel's match and probe come to. */
static int fake_bind(struct machine *m, const char *driver, const char *addr)
{
	char link[160], target[160], override[64], bound[PCI_DRIVER_STR];

	get_driver(m, addr, bound);
	if (bound[0])
		return -EBUSY;
	if (!has_driver(m, driver))
		return -ENOENT;
	get_override(m, addr, override);
	if (strcmp(override, "(null)") != 0 && override[0] ? strcmp(override, driver) != 0
							   : strcmp(native_of(addr), driver) != 0)
		return -ENODEV;
	if (m->mute_bind)
		return 0;
	path_in(m, link, sizeof(link), "sys/bus/pci/devices/%s/%s", addr, "driver");
	snprintf(target, sizeof(target), "../../../../../bus/pci/drivers/%s", driver);
	return symlink(target, link) < 0 ? -errno : 0;
}

static int fake_write(void *data, const char *path, const char *value)
{
	struct machine *m = data;
	char file[256], line[256];
	const char *name = strrchr(path, '/') + 1;

	path_in(m, file, sizeof(file), "journal");
	snprintf(line, sizeof(line), "%s %s\n", path + strlen("sys/bus/pci/"),
		 value[0] == '\n' ? "(none)" : value);
	put_file(file, line, O_APPEND);
	for (size_t i = 0; i < ARRAY_SIZE(m->faults); i++) {
		const struct fault *fault = &m->faults[i];
		size_t len;

		if (!fault->path)
			continue;
		len = strlen(fault->path);
		if (strlen(path) < len || strcmp(path + strlen(path) - len, fault->path) != 0 ||
		    strncmp(value, fault->value, strlen(fault->value)) != 0)
			continue;
		while (fault->error == HANG)
			pause();
		return fault->error;
	}
	path_in(m, file, sizeof(file), "%s", path);
	if (!strcmp(name, "driver_override")) {
		put_file(file, value[0] == '\n' ? "(null)\n" : value, O_TRUNC);
		return 0;
	}
	if (!strcmp(name, "unbind")) {
		path_in(m, file, sizeof(file), "sys/bus/pci/devices/%s/%s", value, "driver");
		return unlink(file) < 0 ? -ENODEV : 0;
	}
	if (!strcmp(name, "bind")) {
		char driver[64];

		snprintf(driver, sizeof(driver), "%s", path + strlen("sys/bus/pci/drivers/"));
		*strchr(driver, '/') = '\0';
		return fake_bind(m, driver, value);
	}
	if (!strcmp(name, "drivers_probe")) {
		if (fake_bind(m, native_of(value), value) < 0)
			(void)fake_bind(m, CLAIM_DRIVER, value);
		return 0;
	}
	fail_msg("unexpected write to %s", path);
	return -EINVAL;
}

static int load_ok(_unused_ const struct root *root)
{
	static const char *const addrs[] = {GPU, AUDIO, TWIN, TWIN_AUDIO};
	char dir[160];

	path_in(current, dir, sizeof(dir), "sys/bus/pci/drivers/" CLAIM_DRIVER);
	mkdir(dir, 0755);
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++)
		(void)fake_bind(current, CLAIM_DRIVER, addrs[i]);
	return 0;
}

/* Loads, but one function's probe fails meanwhile: what loading never tells. */
static int load_but_audio_fails(const struct root *root)
{
	char link[160];
	int r = load_ok(root);

	path_in(current, link, sizeof(link), "sys/bus/pci/devices/%s/%s", AUDIO, "driver");
	unlink(link);
	return r;
}

static int load_missing(_unused_ const struct root *root)
{
	return -ENOENT;
}

static int load_hangs(_unused_ const struct root *root)
{
	return pause();
}

static bool never_ready(_unused_ const struct root *root)
{
	return false;
}

static struct profile_device section(const char *name, const char *path)
{
	struct profile_device device = {
		.name = name, .vendor = 0x1234, .device = 0x1111, .has_path = true};

	assert_int_equal(pci_path_parse(path, &device.path), 0);
	return device;
}

/* Two sections, one per card; count says how many of them are there. */
static void machine_open(struct machine *m, size_t count)
{
	*m = (struct machine){.dir = "/tmp/claim-XXXXXX", .root = ROOT_INIT};
	assert_non_null(mkdtemp(m->dir));
	assert_int_equal(machine_expand("tests/machines/dual-q35/tree", m->dir), 0);
	assert_int_equal(root_open(&m->root, m->dir), 0);
	m->root.write_hook = fake_write;
	m->root.write_hook_data = m;
	m->sections[0] = section("gpu", "0000:00:10.0/00.0");
	m->sections[1] = section("twin", "0000:00:11.0/00.0");
	m->profile = (struct profile){.devices = m->sections, .device_count = count};
	m->env = (struct claim_env){
		.root = &m->root,
		.load_modules = load_ok,
		.modules_ready = never_ready,
		.deadline_ms = 20000,
		.load_deadline_ms = 20000,
		.may_unbind = true,
	};
	current = m;
}

/* What hangs here is waited for; what does not has to be done in this time on a busy machine, too. */
static void will_hang(struct machine *m)
{
	m->env.deadline_ms = m->env.load_deadline_ms = 2000;
}

/* Before the boot's claim no driver is loaded in the initramfs. */
static void unbind_all(struct machine *m)
{
	static const char *const addrs[] = {GPU, AUDIO, TWIN, TWIN_AUDIO};
	char link[160];

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		path_in(m, link, sizeof(link), "sys/bus/pci/devices/%s/%s", addrs[i], "driver");
		unlink(link);
		path_in(m, link, sizeof(link), "sys/bus/pci/devices/%s/%s", addrs[i], "uevent");
		unlink(link);
	}
}

static void claim(struct machine *m)
{
	assert_int_equal(pci_scan(&m->root, &m->inv), 0);
	assert_int_equal(claim_resolve(&m->root, &m->profile, &m->inv, 0, &m->plan), 0);
	claim_override(&m->env, &m->plan);
	claim_commit(&m->env, &m->plan);
}

static void machine_close(struct machine *m)
{
	char command[96];

	claim_plan_free(&m->plan);
	pci_inventory_free(&m->inv);
	root_close(&m->root);
	snprintf(command, sizeof(command), "rm -r %s", m->dir);
	assert_int_equal(system(command), 0);
}

static void assert_target(const struct machine *m, size_t i, enum claim_reason reason)
{
	if (m->plan.targets[i].reason != reason)
		fail_msg("target %zu: %s, wanted %s (%s)", i,
			 claim_reason_word(m->plan.targets[i].reason), claim_reason_word(reason),
			 m->plan.targets[i].text);
}

static void assert_state(struct machine *m, const char *addr, const char *driver,
			 const char *override)
{
	char text[PCI_DRIVER_STR > 64 ? PCI_DRIVER_STR : 64];

	get_driver(m, addr, text);
	assert_string_equal(text, driver);
	get_override(m, addr, text);
	assert_string_equal(text, override);
}

static char *journal(struct machine *m)
{
	struct root plain = m->root;
	char *text = NULL;
	size_t size;

	plain.write_hook = NULL;
	assert_int_equal(root_read_file(&plain, "journal", &text, &size, NULL), 0);
	return text;
}

static void claims_before_the_driver_is_there(_unused_ void **state)
{
	struct machine m;

	machine_open(&m, 1);
	unbind_all(&m);
	claim(&m);
	assert_int_equal(m.plan.count, 2);
	assert_target(&m, 0, CLAIM_OK);
	assert_target(&m, 1, CLAIM_OK);
	assert_state(&m, GPU, "vfio-pci", "vfio-pci");
	assert_state(&m, AUDIO, "vfio-pci", "vfio-pci");
	assert_state(&m, TWIN, "", "(null)");

	_cleanup_free_ char *text = journal(&m);

	/* Two overrides and nothing else: loading the module binds. */
	assert_string_equal(text, "devices/" GPU "/driver_override vfio-pci\n"
				  "devices/" AUDIO "/driver_override vfio-pci\n");
	machine_close(&m);
}

static void overrides_of_all_cards_come_first(_unused_ void **state)
{
	_cleanup_free_ char *text = NULL;
	struct machine m;

	machine_open(&m, 2);
	claim(&m);
	text = journal(&m);
	for (size_t i = 0; i < 4; i++)
		assert_target(&m, i, CLAIM_OK);
	/* All four are held by their drivers: no unbind before the last override. */
	assert_non_null(strstr(text, TWIN_AUDIO "/driver_override"));
	assert_non_null(strstr(text, "unbind"));
	assert_true(strstr(text, TWIN_AUDIO "/driver_override") < strstr(text, "unbind"));
	assert_state(&m, TWIN_AUDIO, "vfio-pci", "vfio-pci");
	machine_close(&m);
}

static void a_bound_card_is_moved_over(_unused_ void **state)
{
	_cleanup_free_ char *text = NULL;
	struct machine m;

	machine_open(&m, 1);
	assert_state(&m, GPU, "bochs-drm", "(null)");
	claim(&m);
	assert_state(&m, GPU, "vfio-pci", "vfio-pci");
	text = journal(&m);
	assert_non_null(strstr(text, "drivers/bochs-drm/unbind " GPU "\n"
				     "drivers/vfio-pci/bind " GPU "\n"));
	machine_close(&m);
}

static void a_bind_that_fails_half_way_gives_all_back(_unused_ void **state)
{
	struct machine m;

	machine_open(&m, 1);
	unbind_all(&m);
	m.env.load_modules = load_but_audio_fails;
	m.faults[0] = (struct fault){"vfio-pci/bind", AUDIO, -EINVAL};
	claim(&m);
	assert_target(&m, 0, CLAIM_SIBLING);
	assert_target(&m, 1, CLAIM_BIND_FAILED);
	assert_int_equal(m.plan.targets[1].error, EINVAL);
	assert_non_null(strstr(m.plan.targets[1].text, AUDIO));
	assert_state(&m, GPU, "bochs-drm", "(null)");
	assert_state(&m, AUDIO, "snd_hda_intel", "(null)");
	assert_string_equal(m.plan.targets[0].driver_after, "bochs-drm");
	machine_close(&m);
}

static void one_section_fails_and_the_other_is_claimed(_unused_ void **state)
{
	struct machine m;

	machine_open(&m, 2);
	m.faults[0] = (struct fault){"vfio-pci/bind", TWIN_AUDIO, -EINVAL};
	claim(&m);
	assert_target(&m, 0, CLAIM_OK);
	assert_target(&m, 2, CLAIM_SIBLING);
	assert_target(&m, 3, CLAIM_BIND_FAILED);
	assert_state(&m, AUDIO, "vfio-pci", "vfio-pci");
	assert_state(&m, TWIN, "bochs-drm", "(null)");
	assert_state(&m, TWIN_AUDIO, "snd_hda_intel", "(null)");
	machine_close(&m);
}

static void without_the_module_the_host_keeps_its_card(_unused_ void **state)
{
	struct machine m;

	machine_open(&m, 1);
	unbind_all(&m);
	m.env.load_modules = load_missing;
	claim(&m);
	assert_target(&m, 0, CLAIM_NO_MODULE);
	assert_non_null(strstr(m.plan.targets[0].text, "dracut --force"));
	assert_state(&m, GPU, "bochs-drm", "(null)");
	assert_state(&m, AUDIO, "snd_hda_intel", "(null)");
	machine_close(&m);
}

static void a_module_that_hangs_does_not_stop_the_boot(_unused_ void **state)
{
	struct machine m;

	machine_open(&m, 1);
	m.env.load_modules = load_hangs;
	will_hang(&m);
	claim(&m);
	assert_target(&m, 0, CLAIM_TIMEOUT);
	assert_state(&m, GPU, "bochs-drm", "(null)");
	machine_close(&m);
}

static void an_unbind_that_hangs_costs_its_own_section(_unused_ void **state)
{
	struct machine m;

	machine_open(&m, 2);
	m.faults[0] = (struct fault){"bochs-drm/unbind", GPU, HANG};
	will_hang(&m);
	claim(&m);
	assert_target(&m, 0, CLAIM_TIMEOUT);
	assert_target(&m, 2, CLAIM_OK);
	assert_target(&m, 3, CLAIM_OK);
	assert_state(&m, GPU, "bochs-drm", "(null)");
	assert_state(&m, AUDIO, "snd_hda_intel", "(null)");
	assert_state(&m, TWIN, "vfio-pci", "vfio-pci");
	machine_close(&m);
}

static void an_undo_that_hangs_says_reboot(_unused_ void **state)
{
	struct machine m;

	machine_open(&m, 1);
	m.faults[0] = (struct fault){"vfio-pci/bind", AUDIO, -EINVAL};
	m.faults[1] = (struct fault){"vfio-pci/unbind", GPU, HANG};
	will_hang(&m);
	claim(&m);
	assert_target(&m, 1, CLAIM_BIND_FAILED);
	assert_non_null(strstr(m.plan.targets[0].text, "reboot needed"));
	assert_state(&m, AUDIO, "snd_hda_intel", "(null)");
	machine_close(&m);
}

static void a_function_that_vanishes_takes_its_section_back(_unused_ void **state)
{
	static const int errors[] = {-ENODEV, -ENOENT, -EIO};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct machine m;

		machine_open(&m, 2);
		m.faults[0] = (struct fault){AUDIO "/driver_override", "vfio-pci", errors[i]};
		claim(&m);
		assert_target(&m, 0, CLAIM_SIBLING);
		assert_target(&m, 1, errors[i] == -EIO ? CLAIM_OVERRIDE_FAILED : CLAIM_VANISHED);
		assert_state(&m, GPU, "bochs-drm", "(null)");
		assert_target(&m, 2, CLAIM_OK);
		assert_state(&m, TWIN, "vfio-pci", "vfio-pci");
		machine_close(&m);
	}
}

static void the_override_that_was_there_comes_back(_unused_ void **state)
{
	struct machine m;
	char path[160];

	machine_open(&m, 1);
	path_in(&m, path, sizeof(path), "sys/bus/pci/devices/%s/%s", AUDIO, "driver_override");
	put_file(path, "snd_hda_intel\n", O_TRUNC);
	m.faults[0] = (struct fault){"vfio-pci/bind", GPU, -EIO};
	claim(&m);
	assert_target(&m, 0, CLAIM_BIND_FAILED);
	assert_state(&m, AUDIO, "snd_hda_intel", "snd_hda_intel");
	machine_close(&m);
}

static void a_bind_that_only_says_yes_is_no_success(_unused_ void **state)
{
	struct machine m;

	machine_open(&m, 1);
	m.mute_bind = true;
	claim(&m);
	assert_target(&m, 0, CLAIM_BIND_FAILED);
	machine_close(&m);
}

static void a_second_run_changes_nothing(_unused_ void **state)
{
	struct machine m;

	machine_open(&m, 1);
	claim(&m);
	claim_plan_free(&m.plan);
	pci_inventory_free(&m.inv);
	m.faults[0] = (struct fault){"unbind", "", -EIO};
	m.faults[1] = (struct fault){"bind", "", -EIO};
	claim(&m);
	assert_target(&m, 0, CLAIM_OK);
	assert_target(&m, 1, CLAIM_OK);
	machine_close(&m);
}

static void a_synthetic_event_unbinds_nothing(_unused_ void **state)
{
	struct machine m;

	machine_open(&m, 1);
	m.env.may_unbind = false;
	claim(&m);
	assert_target(&m, 0, CLAIM_BIND_FAILED);
	assert_int_equal(m.plan.targets[0].error, EBUSY);
	assert_state(&m, GPU, "bochs-drm", "(null)");
	machine_close(&m);
}

static void a_stranger_in_the_group_is_named(_unused_ void **state)
{
	for (int stranger = 0; stranger < 2; stranger++) {
		struct machine m;
		char link[160];

		machine_open(&m, 1);
		path_in(&m, link, sizeof(link), "sys/kernel/iommu_groups/6/devices/0000:00:1f.2");
		/* pcieport does no DMA of its own: its function may stay in the group. */
		assert_int_equal(symlink(stranger ? "../../../../devices/pci0000:00/0000:00:1f.2"
						  : "../../../../devices/pci0000:00/0000:00:10.0",
					 link),
				 0);
		if (!stranger) {
			char other[160];

			path_in(&m, other, sizeof(other),
				"sys/kernel/iommu_groups/6/devices/0000:00:10.0");
			assert_int_equal(rename(link, other), 0);
		}
		claim(&m);
		assert_target(&m, 0, CLAIM_OK);
		if (stranger)
			assert_non_null(strstr(m.plan.targets[0].text, "0000:00:1f.2, which ahci"));
		else
			assert_string_equal(m.plan.targets[0].text, "");
		machine_close(&m);
	}
}

static int claim_step(void *data, _unused_ size_t i)
{
	claim(data);
	return 0;
}

/* What vfio-early --guard does: also the steps before any child of its own may block. */
static void an_override_that_blocks_ends_with_the_guard(_unused_ void **state)
{
	struct machine m;
	int error = 0;

	machine_open(&m, 1);
	m.faults[0] = (struct fault){AUDIO "/driver_override", "vfio-pci", HANG};
	assert_int_equal(children_run(claim_step, &m, 1, 300, &error), 0);
	assert_int_equal(error, -ETIMEDOUT);
	m.faults[0] = (struct fault){NULL, NULL, 0};
	assert_int_equal(children_run(claim_step, &m, 1, 5000, &error), 0);
	assert_int_equal(error, 0);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_before_the_driver_is_there),
		cmocka_unit_test(overrides_of_all_cards_come_first),
		cmocka_unit_test(a_bound_card_is_moved_over),
		cmocka_unit_test(a_bind_that_fails_half_way_gives_all_back),
		cmocka_unit_test(one_section_fails_and_the_other_is_claimed),
		cmocka_unit_test(without_the_module_the_host_keeps_its_card),
		cmocka_unit_test(a_module_that_hangs_does_not_stop_the_boot),
		cmocka_unit_test(an_unbind_that_hangs_costs_its_own_section),
		cmocka_unit_test(an_undo_that_hangs_says_reboot),
		cmocka_unit_test(a_function_that_vanishes_takes_its_section_back),
		cmocka_unit_test(the_override_that_was_there_comes_back),
		cmocka_unit_test(a_bind_that_only_says_yes_is_no_success),
		cmocka_unit_test(a_second_run_changes_nothing),
		cmocka_unit_test(a_synthetic_event_unbinds_nothing),
		cmocka_unit_test(a_stranger_in_the_group_is_named),
		cmocka_unit_test(an_override_that_blocks_ends_with_the_guard),
	};

	log_to_stderr();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
