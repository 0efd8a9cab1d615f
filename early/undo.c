// SPDX-License-Identifier: GPL-2.0-or-later
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "early/log.h"
#include "early/undo.h"

#define CHILDREN_AT_ONCE 64

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for one child until a point in time. Its answer, -ETIMEDOUT or -EIO. */
static int child_wait(pid_t pid, int64_t until_ms)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int status, r;

	do {
		int64_t left = until_ms - now_ms();

		r = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (r < 0 && errno == EINTR);
	if (fd >= 0 && r == 0) {
		/* One that hangs inside the kernel does not die either: leave it, init reaps it. */
		(void)kill(pid, SIGKILL);
		return -ETIMEDOUT;
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int children_run_some(child_step step, void *data, size_t first, size_t count,
			     unsigned deadline_ms, int *ret_errors)
{
	int64_t until_ms = now_ms() + deadline_ms;
	pid_t pids[CHILDREN_AT_ONCE];

	for (size_t i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(-step(data, first + i) & 0xff);
		if (pids[i] < 0)
			ret_errors[first + i] = -errno;
	}
	for (size_t i = 0; i < count; i++)
		if (pids[i] > 0)
			ret_errors[first + i] = child_wait(pids[i], until_ms);
	return 0;
}

int children_run(child_step step, void *data, size_t count, unsigned deadline_ms, int *ret_errors)
{
	for (size_t first = 0; first < count; first += CHILDREN_AT_ONCE) {
		size_t some = count - first < CHILDREN_AT_ONCE ? count - first : CHILDREN_AT_ONCE;
		int r = children_run_some(step, data, first, some, deadline_ms, ret_errors);

		if (r < 0)
			return r;
	}
	return 0;
}

int driver_write(const struct root *root, const char *driver, const char *file,
		 const struct pci_addr *addr)
{
	char path[PCI_DRIVER_STR + 48], text[PCI_ADDR_STR];

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/%s", driver, file);
	return root_write_attr(root, path, pci_addr_format(addr, text));
}

int undo_override(const struct root *root, struct claim_target *target)
{
	bool none = !target->override_before[0] || !strcmp(target->override_before, "(null)");
	char path[PCI_ATTR_STR];
	int r;

	if (!target->override_written)
		return 0;
	/* The kernel takes an empty line for "no override". */
	r = root_write_attr(root, pci_attr_path(&target->dev->addr, "driver_override", path),
			    none ? "\n" : target->override_before);
	if (r >= 0 || r == -ENOENT || r == -ENODEV)
		target->override_written = false;
	return r;
}

struct undo {
	const struct claim_env *env;
	struct claim_target **targets;
};

/* In a child: the link first, since an unbind of what is not bound is an error of its own. */
static int undo_one(void *data, size_t i)
{
	const struct undo *undo = data;
	const struct root *root = undo->env->root;
	struct claim_target *target = undo->targets[i];
	char driver[PCI_DRIVER_STR], addr[PCI_ADDR_STR];
	int r = pci_driver(root, &target->dev->addr, driver), e;

	if (r >= 0 && !strcmp(driver, CLAIM_DRIVER))
		r = driver_write(root, CLAIM_DRIVER, "unbind", &target->dev->addr);
	e = undo_override(root, target);
	if (e < 0)
		return e;
	if (r < 0)
		return r;
	/* drivers_probe says success even where no driver takes it: the parent reads the link. */
	return root_write_attr(root, "sys/bus/pci/drivers_probe",
			       pci_addr_format(&target->dev->addr, addr));
}

void undo_section(const struct claim_env *env, struct claim_plan *plan,
		  const struct profile_device *section)
{
	_cleanup_free_ struct claim_target **targets = NULL;
	_cleanup_free_ int *errors = NULL;
	size_t count = 0;

	targets = calloc(plan->count + 1, sizeof(struct claim_target *));
	errors = calloc(plan->count + 1, sizeof(int));
	if (!targets || !errors) {
		log_warn("no memory to give back [device %s]", section->name);
		return;
	}
	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *target = &plan->targets[i];

		if (target->section == section && target->dev && target->override_written)
			targets[count++] = target;
	}

	struct undo undo = {.env = env, .targets = targets};

	if (children_run(undo_one, &undo, count, env->deadline_ms, errors) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct claim_target *target = targets[i];
		size_t len = strlen(target->text);

		target->override_written = errors[i] < 0;
		if (pci_driver(env->root, &target->dev->addr, target->driver_after) < 0)
			target->driver_after[0] = '\0';
		if (errors[i] < 0 && errors[i] != -ENODEV && errors[i] != -ENOENT)
			snprintf(target->text + len, sizeof(target->text) - len,
				 "; it could not be given back to the host either (%s): reboot "
				 "needed",
				 strerror(-errors[i]));
	}
}
