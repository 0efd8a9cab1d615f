// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A driver with other modules on it, as NVIDIA's, lets go of a card only when those are gone: an unbind
 * before that hangs or fails. A driver without any (amdgpu, bochs, snd_hda_intel) is unbound from one card as well
 * with its module in place: there nothing is unloaded, and nothing can go wrong by it.
 */
#include <fcntl.h>
#include <string.h>

#include "early/text.h"
#include "early/undo.h"
#include "tools/handover-internal.h"

/* By function: the modules that were unloaded for it, one a line, in the order in which they are loaded. */
#define UNLOADED_DIR "run/vfio-bootcfg/unloaded"
#define NOTE_STR (sizeof(UNLOADED_DIR) + 1 + PCI_ADDR_STR)

static bool is_name(const char *text)
{
	return text[0] && text[0] != '-' && strlen(text) < MODULE_NAME &&
	       !text[strspn(text,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")];
}

static bool has_name(const struct module_names *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->names[i], name))
			return true;
	return false;
}

static bool add_name(struct module_names *list, const char *name)
{
	if (has_name(list, name))
		return true;
	if (list->count == MODULES_MAX || !is_name(name))
		return false;
	strcpy(list->names[list->count++], name);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The modules that stand on this one, sorted, since a directory has no order. */
static void list_holders(const struct root *root, const char *name, struct module_names *ret)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[MODULE_NAME + 32];
	const struct dirent *entry;

	ret->count = 0;
	snprintf(path, sizeof(path), "sys/module/%s/holders", name);
	dir = root_opendir(root, path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			(void)add_name(ret, entry->d_name);
	qsort(ret->names, ret->count, sizeof(ret->names[0]), by_name);
}

/* The module of a PCI driver; false where it is built in. */
static bool module_of(const struct root *root, const char *driver, char name[static MODULE_NAME])
{
	char path[PCI_DRIVER_STR + 48];

	if (!driver[0] || !strcmp(driver, CLAIM_DRIVER))
		return false;
	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/module", driver);
	return root_readlink_name(root, path, name, MODULE_NAME) > 0 && is_name(name);
}

static bool is_target(const struct handover *h, const struct pci_addr *addr)
{
	for (size_t i = 0; i < h->plan.count; i++)
		if (!pci_addr_cmp(&h->plan.targets[i].dev->addr, addr))
			return true;
	return false;
}

/* Whether one of our targets is all that any of the driver's devices is. */
static bool drives_only_targets(const struct handover *h, const char *bus, const char *driver)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	struct pci_addr addr;
	char path[600];

	snprintf(path, sizeof(path), "sys/bus/%s/drivers/%s", bus, driver);
	dir = root_opendir(h->env.root, path);
	while (dir && (entry = readdir(dir))) {
		if (pci_addr_parse(entry->d_name, &addr) < 0)
			continue;
		if (!is_target(h, &addr))
			return false;
	}
	return true;
}

/* MODULE/drivers has a link "pci:NAME" for each driver of it. */
static bool serves_only_targets(const struct handover *h, const char *module)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[MODULE_NAME + 32];

	snprintf(path, sizeof(path), "sys/module/%s/drivers", module);
	dir = root_opendir(h->env.root, path);
	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "pci:", 4) &&
		    !drives_only_targets(h, "pci", entry->d_name + 4))
			return false;
	return true;
}

/* Adds the module after all that stand on it. False where one of them must stay, or there is no end. */
static bool add_chain(const struct handover *h, struct module_names *list, const char *name,
		      unsigned depth)
{
	struct module_names holders;

	if (!depth || !serves_only_targets(h, name))
		return false;
	list_holders(h->env.root, name, &holders);
	for (size_t i = 0; i < holders.count; i++)
		if (!has_name(list, holders.names[i]) &&
		    !add_chain(h, list, holders.names[i], depth - 1))
			return false;
	return add_name(list, name);
}

/* The target whose driver the module belongs to, or is below. */
static struct claim_target *target_of(const struct handover *h)
{
	char name[MODULE_NAME];

	for (size_t i = 0; i < h->plan.count; i++)
		if (module_of(h->env.root, h->plan.targets[i].dev->driver, name) &&
		    has_name(&h->modules, name))
			return &h->plan.targets[i];
	return &h->plan.targets[0];
}

/* The frame buffers of the targets: a console on one is a user too, which consoles_detach() takes away. */
static long count_buffers(const struct handover *h)
{
	long count = 0;

	for (size_t i = 0; i < h->plan.count; i++) {
		_cleanup_closedir_ DIR *dir = NULL;
		const struct dirent *entry;
		char path[PCI_ATTR_STR];

		dir = root_opendir(h->env.root,
				   pci_attr_path(&h->plan.targets[i].dev->addr, "graphics", path));
		while (dir && (entry = readdir(dir)))
			count += !strncmp(entry->d_name, "fb", 2);
	}
	return count;
}

void handover_guard_modules(struct handover *h)
{
	long buffers = h->modules.count ? count_buffers(h) : 0;
	char path[MODULE_NAME + 32], text[32];

	for (size_t i = 0; i < h->modules.count; i++) {
		const char *name = h->modules.names[i];
		struct module_names holders;
		long users;

		snprintf(path, sizeof(path), "sys/module/%s/refcnt", name);
		if (root_read_attr(h->env.root, path, text, sizeof(text)) < 0)
			continue;
		list_holders(h->env.root, name, &holders);
		users = strtol(text, NULL, 10) - (long)holders.count;
		if (users <= buffers)
			continue;
		claim_refuse(&h->plan, target_of(h), CLAIM_IN_USE, EBUSY,
			     "the kernel module %s must be unloaded before its driver gives up the "
			     "card, and is in use (%ld times): end what uses it first (lsmod and "
			     "fuser -v /dev/nvidia* show more)",
			     name, users);
		return;
	}
}

static char *note_path(const struct pci_addr *addr, char buf[static NOTE_STR])
{
	char text[PCI_ADDR_STR];

	snprintf(buf, NOTE_STR, UNLOADED_DIR "/%s", pci_addr_format(addr, text));
	return buf;
}

/* What is noted for a function; a note that we would not have written is none. */
static void read_note(const struct root *root, const struct pci_addr *addr,
		      struct module_names *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[NOTE_STR], *state;
	size_t size;

	ret->count = 0;
	if (root_read_file(root, note_path(addr, path), &text, &size, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
		if (!add_name(ret, line)) {
			ret->count = 0;
			return;
		}
}

void handover_find_modules(struct handover *h)
{
	for (size_t i = 0; i < h->plan.count; i++) {
		const char *driver = h->plan.targets[i].dev->driver;
		struct module_names list = h->modules, holders, note;
		char name[MODULE_NAME];

		if (!module_of(h->env.root, driver, name) || has_name(&list, name))
			continue;
		list_holders(h->env.root, name, &holders);
		/* Whoever was ended while he loaded them again may have come no further than the first. */
		read_note(h->env.root, &h->plan.targets[i].dev->addr, &note);
		if ((holders.count || has_name(&note, name)) &&
		    drives_only_targets(h, "pci", driver) && add_chain(h, &list, name, 8))
			h->modules = list;
	}
}

/* A note of one who was ended half-way has what he had unloaded: it is kept, and added to. */
static int write_note(const struct handover *h, const struct pci_addr *addr)
{
	_cleanup_text_ struct text text = {.size = 0};
	struct module_names note;
	char path[NOTE_STR];
	int r = root_mkdir(h->env.root, UNLOADED_DIR);

	read_note(h->env.root, addr, &note);
	for (size_t i = h->modules.count; i-- > 0;)
		(void)add_name(&note, h->modules.names[i]);
	for (size_t i = 0; i < note.count; i++)
		text_add(&text, "%s\n", note.names[i]);
	if (r >= 0)
		r = text.error;
	return r < 0 ? r
		     : root_replace(h->env.root, note_path(addr, path), text.data, text.size, 0644);
}

static int write_notes(const struct handover *h)
{
	char name[MODULE_NAME];

	for (size_t i = 0; i < h->plan.count; i++) {
		const struct pci_dev *dev = h->plan.targets[i].dev;
		int r;

		if (!module_of(h->env.root, dev->driver, name) || !has_name(&h->modules, name))
			continue;
		r = write_note(h, &dev->addr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int unload_step(void *data, _unused_ size_t i)
{
	const struct handover *h = data;

	for (size_t m = 0; m < h->modules.count; m++) {
		int r = h->unload_module(h->modules.names[m]);

		/* Whoever has loaded it may have unloaded it. */
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

/* The first that is still there is the one that did not go. */
static const char *name_stayed(const struct handover *h)
{
	char path[MODULE_NAME + 16];

	for (size_t i = 0; i < h->modules.count; i++) {
		snprintf(path, sizeof(path), "sys/module/%s", h->modules.names[i]);
		if (root_exists(h->env.root, path))
			return h->modules.names[i];
	}
	return NULL;
}

int handover_unload_modules(struct handover *h)
{
	const char *name;
	int error = 0, r;

	if (!h->modules.count)
		return 0;
	r = write_notes(h);
	if (r < 0) {
		claim_refuse(&h->plan, target_of(h), CLAIM_BIND_FAILED, -r,
			     "it cannot be noted which kernel modules are unloaded: %s",
			     strerror(-r));
		return -EIO;
	}
	r = children_run(unload_step, h, 1, h->env.deadline_ms, &error);
	if (r >= 0)
		r = error;
	name = name_stayed(h);
	if (r >= 0 && !name)
		return 0;
	if (r == -ETIMEDOUT)
		claim_refuse(&h->plan, target_of(h), CLAIM_TIMEOUT, ETIMEDOUT,
			     "unloading the kernel module %s hangs: reboot needed; the kernel log "
			     "says more",
			     name ? name : h->modules.names[0]);
	else
		claim_refuse(&h->plan, target_of(h), CLAIM_BIND_FAILED, r < 0 ? -r : EBUSY,
			     "the kernel module %s, without which its driver would not give up the "
			     "card, cannot be unloaded: %s",
			     name ? name : h->modules.names[0], strerror(r < 0 ? -r : EBUSY));
	return -EIO;
}

/* The notes of all functions that the host is to have. */
static void read_notes(const struct handover *h, struct module_names *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < h->plan.count; i++) {
		const struct pci_addr *addr = &h->plan.targets[i].dev->addr;
		char driver[PCI_DRIVER_STR];
		struct module_names note;

		if (pci_driver(h->env.root, addr, driver) >= 0 && !strcmp(driver, CLAIM_DRIVER))
			continue;
		read_note(h->env.root, addr, &note);
		for (size_t m = 0; m < note.count; m++)
			(void)add_name(ret, note.names[m]);
	}
}

static int load_step(void *data, _unused_ size_t i)
{
	const struct handover *h = data;
	struct module_names list;
	int ret = 0;

	read_notes(h, &list);
	for (size_t m = 0; m < list.count; m++) {
		int r = h->load_module(list.names[m]);

		if (r < 0)
			ret = r;
	}
	return ret;
}

static void forget_notes(const struct handover *h)
{
	_cleanup_close_ int dir = root_openat(h->env.root, UNLOADED_DIR, O_PATH | O_DIRECTORY, 0);

	for (size_t i = 0; dir >= 0 && i < h->plan.count; i++) {
		const struct pci_addr *addr = &h->plan.targets[i].dev->addr;
		char driver[PCI_DRIVER_STR], text[PCI_ADDR_STR];

		if (pci_driver(h->env.root, addr, driver) >= 0 && strcmp(driver, CLAIM_DRIVER) != 0)
			(void)unlinkat(dir, pci_addr_format(addr, text), 0);
	}
}

int handover_load_modules(struct handover *h)
{
	struct module_names list;
	int error = 0, r = 0;

	read_notes(h, &list);
	if (!list.count)
		return 0;
	r = children_run(load_step, h, 1, h->env.load_deadline_ms, &error);
	if (r >= 0)
		r = error;
	if (r >= 0)
		forget_notes(h);
	return r;
}

int handover_load_own(const struct handover *h, const struct pci_addr *addr)
{
	struct module_names note;

	read_note(h->env.root, addr, &note);
	return note.count ? h->load_module(note.names[0]) : -ENOENT;
}
