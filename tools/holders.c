// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "early/claim.h"
#include "early/diag.h"
#include "tools/guards.h"

#define NODES_MAX 256
#define NAMED_MAX 3
/* For what only looks, as udev does just after a release. */
#define PASSING_MS 5000
#define PASSING_STEP_MS 20

/* A device node of a target: who has it open or mapped holds the card. */
struct node {
	char path[64];
	bool family; /* all whose paths begin so, or that have this major number */
	bool numbered;
	unsigned major, minor;
	struct claim_target *target;
	bool hangs; /* the kernel waits until it is closed */
};

struct nodes {
	const struct root *root;
	unsigned flags;
	struct node list[NODES_MAX];
	size_t count;
	bool mappable; /* one of them is more than a VFIO group, of which there are no mappings */
};

/* number: "MAJOR:MINOR", or NULL where it is not known. */
static struct node *add_node(struct nodes *nodes, struct claim_target *target, bool hangs,
			     const char *path, const char *number)
{
	struct node *node;

	if (nodes->count == NODES_MAX)
		return NULL;
	node = &nodes->list[nodes->count++];
	*node = (struct node){.target = target, .hangs = hangs};
	snprintf(node->path, sizeof(node->path), "%s", path);
	nodes->mappable |= strncmp(path, "/dev/vfio/", 10) || strchr(path + 10, '/');
	node->numbered = number && sscanf(number, "%u:%u", &node->major, &node->minor) == 2;
	return node;
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
static void add_entry(struct nodes *nodes, struct claim_target *target, const char *dir)
{
	char path[1100], text[1024], node[64], number[32];
	bool numbered;
	const char *at;

	snprintf(path, sizeof(path), "%s/uevent", dir);
	if (root_read_attr(nodes->root, path, text, sizeof(text)) < 0)
		return;
	at = strncmp(text, "DEVNAME=", 8) != 0 ? strstr(text, "\nDEVNAME=") : text;
	if (!at)
		return;
	at = strchr(at, '=') + 1;
	snprintf(node, sizeof(node), "/dev/%.*s", (int)strcspn(at, "\n"), at);
	snprintf(path, sizeof(path), "%s/dev", dir);
	numbered = root_read_attr(nodes->root, path, number, sizeof(number)) > 0;
	add_node(nodes, target, is_waited_for(at) || nodes->flags & GUARD_MODULES, node,
		 numbered ? number : NULL);
}

/* The nodes of a directory's entries, and of their own ones, depth levels down. Links lead elsewhere. */
static void add_entries(struct nodes *nodes, struct claim_target *target, const char *dir,
			unsigned depth)
{
	_cleanup_closedir_ DIR *open = root_opendir(nodes->root, dir);
	const struct dirent *entry;

	while (open && (entry = readdir(open))) {
		char path[1024];

		if (entry->d_name[0] == '.' || entry->d_type == DT_LNK || entry->d_type == DT_REG)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) >= (int)sizeof(path))
			continue;
		add_entry(nodes, target, path);
		if (depth > 1)
			add_entries(nodes, target, path, depth - 1);
	}
}

/* What the host's driver has made of the function: drm/card1/card1-DP-1/i2c-5/i2c-dev/i2c-5 is as deep as it gets. */
static void add_classes(struct nodes *nodes, struct claim_target *target)
{
	char path[PCI_ATTR_STR], below[PCI_ATTR_STR + 260];
	_cleanup_closedir_ DIR *open = NULL;
	const struct dirent *entry;

	open = root_opendir(nodes->root, pci_attr_path(&target->dev->addr, "", path));
	while (open && (entry = readdir(open))) {
		if (strcmp(entry->d_name, "drm") && strcmp(entry->d_name, "graphics") &&
		    strcmp(entry->d_name, "sound") && strncmp(entry->d_name, "i2c-", 4))
			continue;
		snprintf(below, sizeof(below), "%s%s", path, entry->d_name);
		add_entries(nodes, target, below, 5);
	}
}

#define NVIDIA_MAJOR 195

/* Its driver has no class in sysfs: /proc/driver/nvidia/gpus/ADDRESS/information names the minor. */
static void add_nvidia(struct nodes *nodes, struct claim_target *target, const char *addr)
{
	char path[96], text[4096], node[32], number[32];
	const char *at;
	unsigned minor;

	snprintf(path, sizeof(path), "proc/driver/nvidia/gpus/%s/information", addr);
	if (root_read_attr(nodes->root, path, text, sizeof(text)) < 0)
		return;
	at = strstr(text, "Device Minor:");
	if (!at || sscanf(at, "Device Minor: %u", &minor) != 1)
		return;
	snprintf(node, sizeof(node), "/dev/nvidia%u", minor);
	snprintf(number, sizeof(number), "%d:%u", NVIDIA_MAJOR, minor);
	add_node(nodes, target, true, node, number);
}

/* nvidiactl, nvidia-uvm and so on, which no one card has: each open one is a user of a module. */
static void add_nvidia_family(struct nodes *nodes, struct claim_target *target)
{
	_cleanup_free_ char *text = NULL;
	struct node *node;
	unsigned major;
	char *state;
	size_t size;
	int at;

	node = add_node(nodes, target, true, "/dev/nvidia", NULL);
	if (node)
		node->family = true;
	if (root_read_file(nodes->root, "proc/devices", &text, &size, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		if (!strcmp(line, "Block devices:"))
			return;
		if (sscanf(line, "%u %n", &major, &at) != 1 || strncmp(line + at, "nvidia", 6) != 0)
			continue;
		node = add_node(nodes, target, true, "/dev/nvidia", NULL);
		if (!node)
			return;
		node->family = node->numbered = true;
		node->major = major;
	}
}

static void add_nodes(struct nodes *nodes, struct claim_target *target)
{
	char path[PCI_ATTR_STR], addr[PCI_ADDR_STR], node[32], number[32];
	const struct pci_dev *dev = target->dev;

	pci_addr_format(&dev->addr, addr);
	if (nodes->flags & GUARD_TO_HOST) {
		bool numbered;

		if (strcmp(dev->driver, CLAIM_DRIVER) != 0)
			return;
		snprintf(path, sizeof(path), "sys/class/vfio/%d/dev", dev->group);
		numbered = root_read_attr(nodes->root, path, number, sizeof(number)) > 0;
		snprintf(node, sizeof(node), "/dev/vfio/%d", dev->group);
		add_node(nodes, target, true, node, numbered ? number : NULL);
		add_entries(nodes, target, pci_attr_path(&dev->addr, "vfio-dev", path), 1);
		return;
	}
	add_classes(nodes, target);
	add_nvidia(nodes, target, addr);
	if (nodes->flags & GUARD_MODULES && !strcmp(dev->driver, "nvidia"))
		add_nvidia_family(nodes, target);
}

static bool is_number(const char *text)
{
	return text[0] && !text[strspn(text, "0123456789")];
}

/* A file that a process has: path as the kernel writes it, and its number where that could be asked for. */
struct file {
	const char *path;
	bool numbered;
	dev_t number;
};

static bool is_same(const struct node *node, const struct file *file)
{
	if (node->numbered && file->numbered)
		return major(file->number) == node->major &&
		       (node->family || minor(file->number) == node->minor);
	return node->family ? !strncmp(file->path, node->path, strlen(node->path))
			    : !strcmp(file->path, node->path);
}

static const struct node *find_node(const struct nodes *nodes, const struct file *file)
{
	for (size_t i = 0; i < nodes->count; i++)
		if ((nodes->list[i].hangs || !(nodes->flags & GUARD_FORCE)) &&
		    is_same(&nodes->list[i], file))
			return &nodes->list[i];
	return NULL;
}

/*
 * What a link of procfs leads to, where it is a character device. Only of a running system: that of a captured one would
 * lead out of it.
 */
static bool ask_number(const struct root *root, const char *link, struct file *file)
{
	struct stat st;

	file->numbered = false;
	if (root->kind != ROOT_LIVE || fstatat(root->fd, link, &st, 0) < 0)
		return true;
	file->numbered = S_ISCHR(st.st_mode);
	file->number = st.st_rdev;
	return file->numbered;
}

/* What a process has of ours: the node, and how to say it. */
struct hold {
	const struct node *node;
	char path[64];
	const char *how;
};

static bool take_hold(struct hold *hold, const struct node *node, const struct file *file,
		      const char *how)
{
	if (!node)
		return false;
	*hold = (struct hold){.node = node, .how = how};
	snprintf(hold->path, sizeof(hold->path), "%.63s", node->family ? file->path : node->path);
	text_clean(hold->path);
	return true;
}

static bool has_open(const struct nodes *nodes, const char *pid, struct hold *ret)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[600], target[4096];
	struct file file = {.path = target};
	const struct dirent *entry;

	snprintf(path, sizeof(path), "proc/%s/fd", pid);
	dir = root_opendir(nodes->root, path);
	while (dir && (entry = readdir(dir))) {
		if (!is_number(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "proc/%s/fd/%s", pid, entry->d_name);
		if (!ask_number(nodes->root, path, &file) ||
		    root_readlink(nodes->root, path, target, sizeof(target)) < 0)
			continue;
		if (take_hold(ret, find_node(nodes, &file), &file, "open"))
			return true;
	}
	return false;
}

/* The last part of a path is the same for all who have a device node, unlike what is above it in a container. */
static bool may_be_ours(const struct nodes *nodes, const char *path)
{
	const char *name = strrchr(path, '/');

	for (size_t i = 0; name && i < nodes->count; i++) {
		const char *own = strrchr(nodes->list[i].path, '/');

		if (nodes->list[i].family ? !strncmp(name, own, strlen(own)) : !strcmp(name, own))
			return true;
	}
	return false;
}

/* A mapping outlives the descriptor that it was made of, and the kernel counts it as well. */
static bool has_mapped(const struct nodes *nodes, const char *pid, struct hold *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[600], *state;
	size_t size;

	snprintf(path, sizeof(path), "proc/%s/maps", pid);
	if (!nodes->mappable || root_read_file(nodes->root, path, &text, &size, NULL) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		struct file file = {.path = strchr(line, '/')};

		if (!file.path || !may_be_ours(nodes, file.path))
			continue;
		snprintf(path, sizeof(path), "proc/%s/map_files/%.*s", pid, (int)strcspn(line, " "),
			 line);
		if (!ask_number(nodes->root, path, &file))
			continue;
		if (take_hold(ret, find_node(nodes, &file), &file, "mapped"))
			return true;
	}
	return false;
}

static void process_name(const struct root *root, const char *pid, char *buf, size_t size)
{
	char path[300];

	snprintf(path, sizeof(path), "proc/%s/comm", pid);
	if (root_read_attr(root, path, buf, size) <= 0)
		snprintf(buf, size, "a process");
	text_clean(buf);
}

/* udev looks at each node that comes, and is done with it soon. */
static bool is_passing(const char *name)
{
	return !strcmp(name, "(udev-worker)") || !strcmp(name, "systemd-udevd");
}

/* Who holds something: "Xorg (812) has /dev/dri/card1 open" of each, the first NAMED_MAX of them. */
struct holders {
	const struct node *first;
	size_t count, passing;
	char text[CLAIM_TEXT / 2];
};

static void list_holders(const struct nodes *nodes, struct holders *ret)
{
	_cleanup_closedir_ DIR *proc = root_opendir(nodes->root, "proc");
	const struct dirent *entry;
	size_t len = 0;

	*ret = (struct holders){.count = 0};
	while (proc && (entry = readdir(proc))) {
		struct hold hold;
		char name[64];

		if (!is_number(entry->d_name) || (!has_open(nodes, entry->d_name, &hold) &&
						  !has_mapped(nodes, entry->d_name, &hold)))
			continue;
		process_name(nodes->root, entry->d_name, name, sizeof(name));
		ret->passing += is_passing(name);
		if (!ret->count)
			ret->first = hold.node;
		if (ret->count++ < NAMED_MAX && len < sizeof(ret->text))
			len += (size_t)snprintf(ret->text + len, sizeof(ret->text) - len,
						"%s%s (%s) has %s %s", len ? ", " : "", name,
						entry->d_name, hold.path, hold.how);
	}
}

static void pause_ms(long ms)
{
	struct timespec time = {.tv_nsec = ms * 1000000};

	(void)nanosleep(&time, NULL);
}

int guard_holders(const struct root *root, struct claim_plan *plan, unsigned flags)
{
	_cleanup_free_ struct nodes *nodes = calloc(1, sizeof(*nodes));
	unsigned tries = PASSING_MS / PASSING_STEP_MS;
	char addr[PCI_ADDR_STR], more[32] = "";
	struct holders holders;

	if (!nodes)
		return -ENOMEM;
	nodes->root = root;
	nodes->flags = flags;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].dev)
			add_nodes(nodes, &plan->targets[i]);
	if (!nodes->count)
		return 0;
	list_holders(nodes, &holders);
	while (holders.count && holders.passing == holders.count && --tries) {
		pause_ms(PASSING_STEP_MS);
		list_holders(nodes, &holders);
	}
	if (!holders.count)
		return 0;
	if (holders.count > NAMED_MAX)
		snprintf(more, sizeof(more), ", and %zu more", holders.count - NAMED_MAX);
	claim_refuse(plan, holders.first->target, CLAIM_IN_USE, EBUSY, "%s is in use: %s%s; %s",
		     pci_addr_format(&holders.first->target->dev->addr, addr), holders.text, more,
		     flags & GUARD_TO_HOST ? "stop the guest first" : "end that first");
	return 0;
}
