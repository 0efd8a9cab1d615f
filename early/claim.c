// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "early/claim.h"
#include "early/log.h"
#include "early/undo.h"

/* Reads the present override and writes ours through one descriptor. */
static int write_override(const struct root *root, struct claim_target *target)
{
	char path[PCI_ATTR_STR];
	_cleanup_close_ int fd = -1;
	ssize_t n;
	int r = 0;

	pci_attr_path(&target->dev->addr, "driver_override", path);
	fd = root_openat(root, path, O_RDWR, 0);
	if (fd < 0)
		return fd;
	n = pread(fd, target->override_before, sizeof(target->override_before) - 1, 0);
	if (n < 0)
		return -errno;
	target->override_before[n] = '\0';
	target->override_before[strcspn(target->override_before, "\n")] = '\0';
	if (root->write_hook)
		r = root->write_hook(root->write_hook_data, path, CLAIM_DRIVER);
	else if (pwrite(fd, CLAIM_DRIVER, strlen(CLAIM_DRIVER), 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	target->override_written = true;
	return 0;
}

static void refuse_override(const struct claim_env *env, struct claim_plan *plan,
			    struct claim_target *failed, int error)
{
	bool gone = error == -ENOENT || error == -ENODEV;
	char addr[PCI_ADDR_STR];

	claim_refuse(plan, failed, gone ? CLAIM_VANISHED : CLAIM_OVERRIDE_FAILED, -error,
		     "driver_override of %s cannot be written: %s",
		     pci_addr_format(&failed->dev->addr, addr), strerror(-error));
	/* No driver has been asked yet: the old values are all there is to undo. */
	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *target = &plan->targets[i];

		if (target->section == failed->section && undo_override(env->root, target) < 0)
			log_warn("driver_override of %s is left behind",
				 pci_addr_format(&target->dev->addr, addr));
	}
}

void claim_override(const struct claim_env *env, struct claim_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *target = &plan->targets[i];
		int r;

		if (target->reason != CLAIM_OK)
			continue;
		r = write_override(env->root, target);
		if (r < 0)
			refuse_override(env, plan, target, r);
	}
}

static bool is_bound(const struct claim_env *env, struct claim_target *target)
{
	if (pci_driver(env->root, &target->dev->addr, target->driver_after) < 0)
		target->driver_after[0] = '\0';
	return !strcmp(target->driver_after, CLAIM_DRIVER);
}

static int load_modules(void *data, _unused_ size_t i)
{
	const struct claim_env *env = data;

	return env->load_modules(env->root);
}

/* Loading binds every unbound device that has the override, so it is as likely to hang as a bind. */
static int ensure_modules(const struct claim_env *env)
{
	int error = 0, r;

	if (env->modules_ready(env->root))
		return 0;
	r = children_run(load_modules, (void *)env, 1, env->load_deadline_ms, &error);
	return r < 0 ? r : error;
}

/* All functions of one slot that are to be bound: one child's work. */
struct card {
	struct claim_target *first;
	size_t count; /* targets from first on, of which some may be bound already */
};

struct binding {
	const struct claim_env *env;
	struct card *cards;
};

static void pause_ms(long ms)
{
	struct timespec time = {.tv_nsec = ms * 1000000};

	(void)nanosleep(&time, NULL);
}

/*
 * Unbinds what holds it and binds it. A driver that was already probing when the override was written
 * takes it after that; and a device that is just being plugged in matches no driver before the
 * kernel has looked through its slot. Both show as an error that goes away, so late cards try again.
 */
static int bind_one(const struct claim_env *env, const struct pci_addr *addr)
{
	unsigned tries = env->wait_for_match ? env->deadline_ms / 20 : 2;
	char driver[PCI_DRIVER_STR];
	int r = -EIO;

	do {
		r = pci_driver(env->root, addr, driver);
		if (r < 0)
			return r;
		if (!strcmp(driver, CLAIM_DRIVER))
			return 0;
		if (driver[0] && !env->may_unbind)
			return -EBUSY;
		if (driver[0]) {
			r = driver_write(env->root, driver, "unbind", addr);
			/* -ENODEV: it let go by itself in between. */
			if (r < 0 && r != -ENODEV)
				return r;
		}
		r = driver_write(env->root, CLAIM_DRIVER, "bind", addr);
		if (r == 0)
			return 0;
		if (r != -ENODEV && r != -EBUSY && r != -EAGAIN)
			return r;
		if (env->wait_for_match)
			pause_ms(10);
	} while (--tries);
	return r;
}

static int bind_card(void *data, size_t i)
{
	const struct binding *binding = data;
	const struct card *card = &binding->cards[i];

	for (size_t t = 0; t < card->count; t++) {
		int r = bind_one(binding->env, &card->first[t].dev->addr);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The cards of which something is not bound yet. */
static size_t list_unbound(const struct claim_env *env, struct claim_plan *plan, struct card *cards)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *target = &plan->targets[i];
		struct card *last = count ? &cards[count - 1] : NULL;

		if (target->reason != CLAIM_OK || is_bound(env, target))
			continue;
		if (last && last->first->section == target->section &&
		    pci_addr_same_slot(&last->first->dev->addr, &target->dev->addr)) {
			last->count = (size_t)(target - last->first) + 1;
		} else {
			cards[count] = (struct card){.first = target, .count = 1};
			count++;
		}
	}
	return count;
}

static void refuse_card(const struct root *root, struct claim_plan *plan,
			struct claim_target *target, int error)
{
	const char *held = target->driver_after[0] ? target->driver_after : "no driver";
	char addr[PCI_ADDR_STR], path[PCI_ATTR_STR];

	pci_addr_format(&target->dev->addr, addr);
	if (error == -ETIMEDOUT)
		claim_refuse(plan, target, CLAIM_TIMEOUT, ETIMEDOUT,
			     "the kernel did not hand over %s in time; it is with %s", addr, held);
	else if (!root_exists(root, pci_attr_path(&target->dev->addr, "vendor", path)))
		claim_refuse(plan, target, CLAIM_VANISHED, ENODEV, "%s is gone", addr);
	else
		claim_refuse(plan, target, CLAIM_BIND_FAILED, error ? -error : EIO,
			     "vfio-pci did not take %s: %s; the kernel log says more", addr,
			     error ? strerror(-error)
				   : "bound, but the driver link does not show it");
}

/* Sections of which something is not bound are given back whole. */
static void settle(const struct claim_env *env, struct claim_plan *plan, const struct card *cards,
		   const int *errors, size_t count)
{
	for (size_t c = 0; c < count; c++) {
		for (size_t t = 0; t < cards[c].count; t++) {
			struct claim_target *target = &cards[c].first[t];

			if (is_bound(env, target) || target->reason != CLAIM_OK)
				continue;
			refuse_card(env->root, plan, target, errors[c]);
			undo_section(env, plan, target->section);
		}
	}
}

static void refuse_all(const struct claim_env *env, struct claim_plan *plan, int error)
{
	struct utsname name;

	(void)uname(&name);
	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *target = &plan->targets[i];

		if (target->reason != CLAIM_OK)
			continue;
		if (error == -ETIMEDOUT)
			claim_refuse(
				plan, target, CLAIM_TIMEOUT, ETIMEDOUT,
				"loading vfio-pci did not end in time; the kernel log says more");
		else if (error == -ENOENT)
			claim_refuse(
				plan, target, CLAIM_NO_MODULE, ENOENT,
				"there is no vfio-pci module for kernel %s here; rebuild the image "
				"with its vfio modules (dracut --force)",
				name.release);
		else
			claim_refuse(plan, target, CLAIM_NO_MODULE, -error,
				     "vfio-pci cannot be loaded into kernel %s: %s", name.release,
				     strerror(-error));
		undo_section(env, plan, target->section);
	}
}

/*
 * What else is in the group must have no driver, or one that does no DMA of its own (driver_managed_dma
 * in the kernel), or no guest can open the group. The bind says nothing of it.
 */
static void check_group(const struct root *root, struct claim_target *target)
{
	static const char harmless[][10] = {"", CLAIM_DRIVER, "pcieport", "pci-stub"};
	_cleanup_closedir_ DIR *dir = NULL;
	char path[64], driver[PCI_DRIVER_STR];
	const struct dirent *entry;
	struct pci_addr addr;
	size_t i;

	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%d/devices", target->dev->group);
	dir = root_opendir(root, path);
	while (dir && (entry = readdir(dir))) {
		if (pci_addr_parse(entry->d_name, &addr) < 0 || pci_driver(root, &addr, driver) < 0)
			continue;
		for (i = 0; i < ARRAY_SIZE(harmless) && strcmp(driver, harmless[i]) != 0; i++)
			;
		if (i < ARRAY_SIZE(harmless))
			continue;
		snprintf(target->text, sizeof(target->text),
			 "IOMMU group %d also has %.19s, which %s holds: no guest can open it",
			 target->dev->group, entry->d_name, driver);
		return;
	}
}

static void check_groups(const struct root *root, const struct claim_plan *plan)
{
	int last = PCI_GROUP_NONE;

	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *target = &plan->targets[i];

		if (target->reason != CLAIM_OK || target->dev->group == last)
			continue;
		check_group(root, target);
		last = target->dev->group;
	}
}

static void commit(const struct claim_env *env, struct claim_plan *plan)
{
	_cleanup_free_ struct card *cards = NULL;
	_cleanup_free_ int *errors = NULL;
	struct binding binding = {.env = env};
	size_t count, wanted = 0;
	int r;

	for (size_t i = 0; i < plan->count; i++)
		wanted += plan->targets[i].reason == CLAIM_OK;
	if (!wanted)
		return;
	r = ensure_modules(env);
	cards = calloc(plan->count, sizeof(*cards));
	errors = calloc(plan->count, sizeof(*errors));
	if (r >= 0 && (!cards || !errors))
		r = -ENOMEM;
	if (r < 0) {
		refuse_all(env, plan, r);
		return;
	}
	count = list_unbound(env, plan, cards);
	if (!count)
		return;
	binding.cards = cards;
	r = children_run(bind_card, &binding, count, env->deadline_ms, errors);
	for (size_t i = 0; r < 0 && i < count; i++)
		errors[i] = r;
	settle(env, plan, cards, errors, count);
}

void claim_commit(const struct claim_env *env, struct claim_plan *plan)
{
	commit(env, plan);
	check_groups(env->root, plan);
}

void claim_log(const struct claim_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct claim_target *target = &plan->targets[i], *last = target;
		char addr[PCI_ADDR_STR];

		if (target->reason == CLAIM_GUEST_ONLY) {
			log_info("%s", target->text);
		} else if (target->reason == CLAIM_OK) {
			while (last + 1 < plan->targets + plan->count &&
			       last[1].section == target->section && last[1].reason == CLAIM_OK &&
			       pci_addr_same_slot(&last[1].dev->addr, &target->dev->addr))
				last++;
			i += (size_t)(last - target);
			log_info("[device %s]: " CLAIM_DRIVER " has %s (%zu functions)",
				 target->section->name, pci_addr_format(&target->dev->addr, addr),
				 (size_t)(last - target) + 1);
			if (target->text[0])
				log_warn("%s", target->text);
		} else if (target->reason != CLAIM_SIBLING) {
			log_warn("%s", target->text);
		}
	}
}
