/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A captured machine whose attributes answer as sysfs does, and whose modules come and go. Its state is in
 * files, since steps run in children and whole commands are killed; every write is added to a journal. A part of each
 * test program that includes it.
 */
#ifndef TESTS_UNIT_HANDOVER_KERNEL_H
#define TESTS_UNIT_HANDOVER_KERNEL_H

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "early/record.h"
#include "tests/kill-at.h"
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
	"[guest win]\ndevices = gpu,twin\n"

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
struct kernel {
	struct fault faults[3];
	int native_loads; /* what load_native() answers */
	bool native_refuses; /* the host's drivers take nothing */
	bool native_unloaded; /* until load_native() is called */
	bool nvidia; /* the machine is nvidia-single: modules stand on its card's driver */
	bool ids; /* vfio-pci has the cards' ids: it takes what has no override */
	bool gone; /* nothing can be written any more */
	int writes; /* since the last run */
	int kill_at; /* the process that hands over dies at this write (from 1); 0: none */
	bool kill_after; /* the write is done first */
	pid_t victim;
	pid_t inside; /* who writes now: one at a time, and what this kernel does is not interrupted */
};
static struct kernel *kernel;

static const struct fixture *machine;

static _unused_ const char *attr(const char *addr, const char *name)
{
	static char path[PCI_ATTR_STR];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", addr, name);
	return path;
}

static _unused_ void read_text(const char *path, char *buf, size_t size)
{
	struct root plain = machine->root;

	plain.write_hook = NULL;
	if (root_read_attr(&plain, path, buf, size) < 0)
		buf[0] = '\0';
}

static _unused_ void driver_of(const char *addr, char buf[static PCI_DRIVER_STR])
{
	struct pci_addr parsed;

	assert_int_equal(pci_addr_parse(addr, &parsed), 0);
	assert_int_equal(pci_driver(&machine->root, &parsed, buf), 0);
}

static _unused_ void set_driver(const char *addr, const char *driver)
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

static _unused_ const char *native_of(const char *addr)
{
	static const char *const nvidia[] = {"nvidia", "snd_hda_intel", "xhci_hcd", "nvidia-gpu"};
	int function = addr[strlen(addr) - 1] - '0';

	if (kernel->nvidia)
		return nvidia[function];
	return function ? "snd_hda_intel" : "bochs-drm";
}

/* NVIDIA's modules: on which others each stands, the ones that are loaded first in front. */
static const struct {
	const char *name, *on[2];
} module_needs[] = {
	{"nvidia", {NULL}},
	{"nvidia_modeset", {"nvidia"}},
	{"nvidia_uvm", {"nvidia"}},
	{"nvidia_drm", {"nvidia_modeset", "nvidia"}},
};

static _unused_ const char *module_path(const char *name, const char *rest)
{
	static char path[256];

	snprintf(path, sizeof(path), "sys/module/%s%s", name, rest);
	return path;
}

static _unused_ bool is_loaded(const char *name)
{
	return root_exists(&machine->root, module_path(name, ""));
}

static _unused_ int references(const char *name)
{
	char text[16];

	read_text(module_path(name, "/refcnt"), text, sizeof(text));
	return atoi(text);
}

static _unused_ void refer(const char *name, int change)
{
	put(machine, module_path(name, "/refcnt"), "%d\n", references(name) + change);
}

static int fake_load(const char *name);
static int fake_unload(const char *name);

/* What the kernel's match and probe come to. */
static _unused_ int fake_bind(const char *driver, const char *addr)
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
			      (!ours && strcmp(native_of(addr), driver) != 0) ||
			      (!strcmp(driver, "nvidia") && !is_loaded(driver)))
		return -ENODEV;
	set_driver(addr, driver);
	return 0;
}

static _unused_ int apply(const char *path, const char *value)
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
	if (!strcmp(path, "sys/module/load"))
		return fake_load(value);
	if (!strcmp(path, "sys/module/unload"))
		return fake_unload(value);
	if (!strncmp(path, "sys/class/vtconsole/", 20)) {
		/* A console on its frame buffer is a user of the module. */
		if (kernel->nvidia && is_loaded("nvidia_drm"))
			refer("nvidia_drm", value[0] == '1' ? 1 : -1);
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
		/* It would hang. */
		if (!strcmp(driver, "nvidia") && references(driver))
			return -EBUSY;
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

static _unused_ int fake_load(const char *name)
{
	char path[160], target[64];

	for (size_t i = 0; i < ARRAY_SIZE(module_needs); i++) {
		if (strcmp(module_needs[i].name, name) != 0 || is_loaded(name))
			continue;
		for (size_t n = 0; n < 2 && module_needs[i].on[n]; n++) {
			assert_int_equal(fake_load(module_needs[i].on[n]), 0);
			snprintf(path, sizeof(path), "/holders/%s", name);
			snprintf(target, sizeof(target), "../../%s", name);
			put_link(machine, module_path(module_needs[i].on[n], path), target);
			refer(module_needs[i].on[n], 1);
		}
		put_dir(machine, module_path(name, "/holders"));
		refer(name, 0);
		if (!strcmp(name, "nvidia")) {
			put_link(machine, "sys/bus/pci/drivers/nvidia/module",
				 "../../../../module/nvidia");
			(void)fake_bind(name, GPU);
		}
	}
	return 0;
}

static _unused_ int fake_unload(const char *name)
{
	char path[160], driver[PCI_DRIVER_STR];

	if (!is_loaded(name))
		return -ENOENT;
	if (references(name))
		return -EWOULDBLOCK;
	driver_of(GPU, driver);
	if (!strcmp(driver, name))
		set_driver(GPU, NULL);
	drop(machine, module_path(name, ""));
	for (size_t i = 0; i < ARRAY_SIZE(module_needs); i++)
		for (size_t n = 0; n < 2 && module_needs[i].on[n]; n++) {
			if (strcmp(module_needs[i].name, name) != 0)
				continue;
			snprintf(path, sizeof(path), "/holders/%s", name);
			drop(machine, module_path(module_needs[i].on[n], path));
			refer(module_needs[i].on[n], -1);
		}
	return 0;
}

static _unused_ void enter_kernel(void)
{
	pid_t self = getpid(), nobody = 0;

	/* No call that would be counted. */
	while (!__atomic_compare_exchange_n(&kernel->inside, &nobody, self, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST))
		nobody = 0;
}

static _unused_ void leave_kernel(void)
{
	__atomic_store_n(&kernel->inside, 0, __ATOMIC_SEQ_CST);
}

static _unused_ void die(void)
{
	leave_kernel();
	if (getpid() != kernel->victim)
		kill(kernel->victim, SIGKILL);
	kill(getpid(), SIGKILL);
}

static _unused_ int write_inside(const char *path, const char *value)
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
		while (fault->error == HANG) {
			leave_kernel();
			pause();
		}
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

static _unused_ int fake_write(_unused_ void *data, const char *path, const char *value)
{
	int r;

	enter_kernel();
	r = write_inside(path, value);
	leave_kernel();
	return r;
}

static _unused_ int load_modules(_unused_ const struct root *root)
{
	return 0;
}

static _unused_ bool modules_ready(_unused_ const struct root *root)
{
	return true;
}

static _unused_ int load_native(const char *alias)
{
	assert_non_null(strstr(alias, "pci:v0000"));
	kernel->native_unloaded = false;
	return kernel->native_loads;
}

static _unused_ int load_module(const char *name)
{
	return fake_write(NULL, "sys/module/load", name);
}

static _unused_ int unload_module(const char *name)
{
	return fake_write(NULL, "sys/module/unload", name);
}

static _unused_ void setup_kernel(struct fixture *f, const char *name)
{
	machine = f;
	kernel = mmap(NULL, sizeof(*kernel), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_true(kernel != MAP_FAILED);
	machine_named(f, name);
	put_dir(machine, "sys/bus/pci/drivers/" CLAIM_DRIVER);
	put_dir(machine, "sys/module/vfio_iommu_type1");
	f->root.write_hook = fake_write;
}

static _unused_ int setup(void **state)
{
	int r = fixture_setup(state);

	if (r)
		return r;
	setup_kernel(*state, "dual-q35");
	put(machine, "etc/vfio-bootcfg.conf", PROFILE);
	return 0;
}

static _unused_ int teardown(void **state)
{
	munmap(kernel, sizeof(*kernel));
	return fixture_teardown(state);
}

#define handover_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static _unused_ void open_handover(struct handover *h)
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
		.load_module = load_module,
		.unload_module = unload_module,
	};
}

/* Both on a machine as it is then; *h is for handover_free(). */
static _unused_ int hand_over(struct handover *h, const char *operand, const char *guest,
			      bool to_host)
{
	struct diag diag = DIAG_INIT;

	kernel->writes = 0;
	assert_int_equal(
		handover_pick(h, operand, guest, to_host ? RESOLVE_FIND : RESOLVE_RELEASED, &diag),
		0);
	return to_host ? handover_release(h) : handover_reclaim(h);
}

static _unused_ int quick(const char *operand, bool to_host)
{
	_cleanup_(handover_free) struct handover h;

	open_handover(&h);
	return hand_over(&h, operand, NULL, to_host);
}

static _unused_ void assert_is(const char *addr, const char *driver, const char *override)
{
	char text[PCI_DRIVER_STR];

	driver_of(addr, text);
	assert_string_equal(text, driver);
	read_text(attr(addr, "driver_override"), text, sizeof(text));
	assert_string_equal(text, override);
}

static _unused_ void assert_host_has(void)
{
	assert_is(GPU, "bochs-drm", "(null)");
	assert_is(AUDIO, "snd_hda_intel", "(null)");
}

static _unused_ void assert_guest_has(void)
{
	assert_is(GPU, CLAIM_DRIVER, CLAIM_DRIVER);
	assert_is(AUDIO, CLAIM_DRIVER, CLAIM_DRIVER);
}

static _unused_ bool is_marked(const char *addr)
{
	char path[96];

	snprintf(path, sizeof(path), RELEASED_DIR "/%s", addr);
	return root_exists(&machine->root, path);
}

static _unused_ void assert_journal(const char *wanted)
{
	char text[4096];

	read_text("journal", text, sizeof(text));
	assert_string_equal(text, wanted);
}

static _unused_ void start_taken(void)
{
	assert_int_equal(quick("gpu", false), 0);
	assert_guest_has();
	drop(machine, "journal");
}

/* Refused with this reason and these words; nothing is written, and nothing is marked. */
static _unused_ void assert_refused(const char *operand, bool to_host, bool force,
				    enum claim_reason reason, const char *words)
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

static _unused_ void open_by(const char *pid, const char *comm, const char *node)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%s/comm", pid);
	put(machine, path, "%s\n", comm);
	snprintf(path, sizeof(path), "proc/%s/fd/0", pid);
	put_link(machine, path, "/dev/null");
	snprintf(path, sizeof(path), "proc/%s/fd/7", pid);
	put_link(machine, path, node);
}

/* In a child that is killed at the given write. True if it was. */
static _unused_ bool killed(bool to_host, int at, bool after)
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

static _unused_ void hand_over_alone(void *data)
{
	int lock = record_lock(&machine->root, 0);

	_exit(lock >= 0 && quick("gpu", *(bool *)data) == 0 ? 0 : 1);
}

/* In a child that is killed, with its own ones, at this system call. True if it was. */
static _unused_ bool killed_at_call(bool to_host, long at)
{
	struct kill_at run = {.at = at, .inside = &kernel->inside, .only_changed = true};

	kill_at(&run, hand_over_alone, &to_host);
	assert_int_equal(kernel->inside, 0);
	if (!run.killed)
		assert_true(WIFEXITED(run.status) && WEXITSTATUS(run.status) == 0);
	return run.killed;
}

#endif
