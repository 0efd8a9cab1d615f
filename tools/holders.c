// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/claim.h"
#include "early/diag.h"
#include "tools/guards.h"

#define NODES_MAX 256
#define NAMED_MAX 3

/* A device node of a target: who has it open holds the card. */
struct node {
	char path[64];
	struct claim_target *target;
	bool hangs; /* the kernel waits until it is closed */
};

struct nodes {
	struct node list[NODES_MAX];
	size_t count;
};

static void add_node(struct nodes *nodes, struct claim_target *target, bool hangs, const char *path)
{
	struct node *node;

	if (nodes->count == NODES_MAX)
		return;
	node = &nodes->list[nodes->count++];
	*node = (struct node){.target = target, .hangs = hangs};
	snprintf(node->path, sizeof(node->path), "%s", path);
}

/*
 * The kernel takes a display from who has it open. A sound card and an I2C bus wait until they are closed
 * (snd_card_free(), i2c_del_adapter()), and so does VFIO.
 */
static bool is_waited_for(const char *name)
{
	return strncmp(name, "dri/", 4) && strncmp(name, "fb", 2) &&
	       strncmp(name, "drm_dp_aux", 10);
}

/* The node that an entry of sysfs says it has. */
static void add_entry(const struct root *root, struct nodes *nodes, struct claim_target *target,
		      const char *dir)
{
	char path[1100], text[1024], node[64];
	const char *at;

	snprintf(path, sizeof(path), "%s/uevent", dir);
	if (root_read_attr(root, path, text, sizeof(text)) < 0)
		return;
	at = strncmp(text, "DEVNAME=", 8) != 0 ? strstr(text, "\nDEVNAME=") : text;
	if (!at)
		return;
	at = strchr(at, '=') + 1;
	snprintf(node, sizeof(node), "/dev/%.*s", (int)strcspn(at, "\n"), at);
	add_node(nodes, target, is_waited_for(at), node);
}

/* The nodes of a directory's entries, and of their own ones, depth levels down. Links lead elsewhere. */
static void add_entries(const struct root *root, struct nodes *nodes, struct claim_target *target,
			const char *dir, unsigned depth)
{
	_cleanup_closedir_ DIR *open = root_opendir(root, dir);
	const struct dirent *entry;

	while (open && (entry = readdir(open))) {
		char path[1024];

		if (entry->d_name[0] == '.' || entry->d_type == DT_LNK || entry->d_type == DT_REG)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) >= (int)sizeof(path))
			continue;
		add_entry(root, nodes, target, path);
		if (depth > 1)
			add_entries(root, nodes, target, path, depth - 1);
	}
}

/* What the host's driver has made of the function: drm/card1/card1-DP-1/i2c-5/i2c-dev/i2c-5 is as deep as it gets. */
static void add_classes(const struct root *root, struct nodes *nodes, struct claim_target *target)
{
	char path[PCI_ATTR_STR], below[PCI_ATTR_STR + 260];
	_cleanup_closedir_ DIR *open = NULL;
	const struct dirent *entry;

	open = root_opendir(root, pci_attr_path(&target->dev->addr, "", path));
	while (open && (entry = readdir(open))) {
		if (strcmp(entry->d_name, "drm") && strcmp(entry->d_name, "graphics") &&
		    strcmp(entry->d_name, "sound") && strncmp(entry->d_name, "i2c-", 4))
			continue;
		snprintf(below, sizeof(below), "%s%s", path, entry->d_name);
		add_entries(root, nodes, target, below, 5);
	}
}

/* Its driver has no class in sysfs: /proc/driver/nvidia/gpus/ADDRESS/information names the minor. */
static void add_nvidia(const struct root *root, struct nodes *nodes, struct claim_target *target,
		       const char *addr)
{
	char path[96], text[4096], node[32];
	const char *at;
	unsigned minor;

	snprintf(path, sizeof(path), "proc/driver/nvidia/gpus/%s/information", addr);
	if (root_read_attr(root, path, text, sizeof(text)) < 0)
		return;
	at = strstr(text, "Device Minor:");
	if (!at || sscanf(at, "Device Minor: %u", &minor) != 1)
		return;
	snprintf(node, sizeof(node), "/dev/nvidia%u", minor);
	add_node(nodes, target, true, node);
}

static void add_nodes(const struct root *root, struct nodes *nodes, struct claim_target *target,
		      bool to_host)
{
	char path[PCI_ATTR_STR], addr[PCI_ADDR_STR], node[32];
	const struct pci_dev *dev = target->dev;

	pci_addr_format(&dev->addr, addr);
	if (to_host) {
		if (strcmp(dev->driver, CLAIM_DRIVER) != 0)
			return;
		snprintf(node, sizeof(node), "/dev/vfio/%d", dev->group);
		add_node(nodes, target, true, node);
		add_entries(root, nodes, target, pci_attr_path(&dev->addr, "vfio-dev", path), 1);
		return;
	}
	add_classes(root, nodes, target);
	add_nvidia(root, nodes, target, addr);
}

static bool is_number(const char *text)
{
	return text[0] && !text[strspn(text, "0123456789")];
}

/* The first of the nodes that the process has open, of those that count. */
static const struct node *held_by(const struct root *root, const struct nodes *nodes,
				  const char *pid, bool force)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[600], target[4096];
	const struct dirent *entry;

	snprintf(path, sizeof(path), "proc/%s/fd", pid);
	dir = root_opendir(root, path);
	while (dir && (entry = readdir(dir))) {
		if (!is_number(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "proc/%s/fd/%s", pid, entry->d_name);
		if (root_readlink(root, path, target, sizeof(target)) < 0)
			continue;
		for (size_t i = 0; i < nodes->count; i++)
			if (!strcmp(target, nodes->list[i].path) &&
			    (nodes->list[i].hangs || !force))
				return &nodes->list[i];
	}
	return NULL;
}

static void process_name(const struct root *root, const char *pid, char *buf, size_t size)
{
	char path[300];

	snprintf(path, sizeof(path), "proc/%s/comm", pid);
	if (root_read_attr(root, path, buf, size) <= 0)
		snprintf(buf, size, "a process");
	text_clean(buf);
}

/* "Xorg (812) has /dev/dri/card1 open" of each, the first NAMED_MAX of them. */
static size_t list_holders(const struct root *root, const struct nodes *nodes, bool force,
			   char *text, size_t size, const struct node **ret_node)
{
	_cleanup_closedir_ DIR *proc = root_opendir(root, "proc");
	const struct dirent *entry;
	size_t count = 0, len = 0;

	while (proc && (entry = readdir(proc))) {
		const struct node *node;
		char name[64];

		if (!is_number(entry->d_name))
			continue;
		node = held_by(root, nodes, entry->d_name, force);
		if (!node)
			continue;
		if (!count)
			*ret_node = node;
		if (count++ >= NAMED_MAX || len >= size)
			continue;
		process_name(root, entry->d_name, name, sizeof(name));
		len += (size_t)snprintf(text + len, size - len, "%s%s (%s) has %s open",
					len ? ", " : "", name, entry->d_name, node->path);
	}
	return count;
}

int guard_holders(const struct root *root, struct claim_plan *plan, bool to_host, bool force)
{
	_cleanup_free_ struct nodes *nodes = calloc(1, sizeof(*nodes));
	char text[CLAIM_TEXT / 2] = "", addr[PCI_ADDR_STR], more[32] = "";
	const struct node *node = NULL;
	size_t count;

	if (!nodes)
		return -ENOMEM;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].dev)
			add_nodes(root, nodes, &plan->targets[i], to_host);
	count = list_holders(root, nodes, force, text, sizeof(text), &node);
	if (!count)
		return 0;
	if (count > NAMED_MAX)
		snprintf(more, sizeof(more), ", and %zu more", count - NAMED_MAX);
	claim_refuse(plan, node->target, CLAIM_IN_USE, EBUSY, "%s is in use: %s%s; %s",
		     pci_addr_format(&node->target->dev->addr, addr), text, more,
		     to_host ? "stop the guest first" : "end that first");
	return 0;
}
