// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether the host's network hangs on a card: its default route, or what it has mounted over it. Only this
 * namespace counts: an interface that was moved elsewhere is no longer the host's.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "early/claim.h"
#include "early/diag.h"
#include "tools/guards.h"

#define INTERFACE_STR 16 /* IFNAMSIZ */
#define INTERFACES_MAX 64
#define ROUTE_UP 0x1
#define ROUTE_REJECT 0x200

/* An interface that goes with a target: of its own, or one that others were made of (a bridge, a bond, a VLAN). */
struct interface {
	char name[INTERFACE_STR];
	char on[INTERFACE_STR]; /* the card's own */
	struct claim_target *target;
};

struct interfaces {
	struct interface list[INTERFACES_MAX];
	size_t count;
};

struct route {
	int family;
	unsigned char address[16];
	unsigned bits; /* 0: the default route */
	char interface[INTERFACE_STR];
};

static const struct interface *find(const struct interfaces *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (!strcmp(all->list[i].name, name))
			return &all->list[i];
	return NULL;
}

/* sysfs has a link upper_NAME to each interface that is made of one. */
static void add(const struct root *root, struct interfaces *all, const char *name, const char *on,
		struct claim_target *target)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	struct interface *added;
	char path[64];

	if (strlen(name) >= INTERFACE_STR || find(all, name) || all->count == INTERFACES_MAX)
		return;
	added = &all->list[all->count++];
	added->target = target;
	strcpy(added->name, name);
	strcpy(added->on, on);
	snprintf(path, sizeof(path), "sys/class/net/%s", name);
	dir = root_opendir(root, path);
	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "upper_", 6))
			add(root, all, entry->d_name + 6, added->on, target);
}

/* DEVICE/net/NAME, or where a bus is in between, as virtio's, DEVICE/CHILD/net/NAME. */
static void add_below(const struct root *root, struct interfaces *all, struct claim_target *target,
		      const char *dir, unsigned depth)
{
	_cleanup_closedir_ DIR *open = NULL;
	const struct dirent *entry;
	char path[1024];

	snprintf(path, sizeof(path), "%s/net", dir);
	open = root_opendir(root, path);
	while (open && (entry = readdir(open)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < INTERFACE_STR)
			add(root, all, entry->d_name, entry->d_name, target);
	if (!depth)
		return;
	close_dir(&open);
	open = root_opendir(root, dir);
	while (open && (entry = readdir(open))) {
		if (strncmp(entry->d_name, "virtio", 6) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		add_below(root, all, target, path, depth - 1);
	}
}

static unsigned count_bits(uint32_t mask)
{
	return (unsigned)__builtin_popcount(mask);
}

/* proc(5): the kernel prints addresses of IPv4 as one number in the host's byte order. */
static bool parse_v4(const char *line, struct route *ret)
{
	unsigned destination, flags, mask;

	*ret = (struct route){.family = AF_INET};
	if (sscanf(line, "%15s %x %*x %x %*u %*u %*u %x", ret->interface, &destination, &flags,
		   &mask) != 4 ||
	    !(flags & ROUTE_UP) || flags & ROUTE_REJECT)
		return false;
	memcpy(ret->address, &destination, sizeof(destination));
	ret->bits = count_bits(mask);
	return true;
}

static bool parse_v6(const char *line, struct route *ret)
{
	unsigned flags, byte;
	char address[33];

	*ret = (struct route){.family = AF_INET6};
	if (sscanf(line, "%32s %x %*s %*x %*s %*x %*x %*x %x %15s", address, &ret->bits, &flags,
		   ret->interface) != 4 ||
	    strlen(address) != 32 || ret->bits > 128 || !(flags & ROUTE_UP) || flags & ROUTE_REJECT)
		return false;
	for (size_t i = 0; i < 16; i++) {
		if (sscanf(address + 2 * i, "%2x", &byte) != 1)
			return false;
		ret->address[i] = (unsigned char)byte;
	}
	return strcmp(ret->interface, "lo") != 0;
}

struct routes {
	struct route *list;
	size_t count;
};

static void free_routes(struct routes *routes)
{
	free(routes->list);
}

static int read_table(const struct root *root, const char *path,
		      bool (*parse)(const char *line, struct route *ret), struct routes *routes)
{
	_cleanup_free_ char *text = NULL;
	char *state;
	size_t size;

	/* A kernel without IPv6 has no table of it. */
	if (root_read_file(root, path, &text, &size, NULL) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		struct route route, *bigger;

		if (!parse(line, &route))
			continue;
		bigger = reallocarray(routes->list, routes->count + 1, sizeof(route));
		if (!bigger)
			return -ENOMEM;
		routes->list = bigger;
		routes->list[routes->count++] = route;
	}
	return 0;
}

static bool covers(const struct route *route, int family, const unsigned char *address)
{
	unsigned whole = route->bits / 8, rest = route->bits % 8;

	if (route->family != family || memcmp(route->address, address, whole) != 0)
		return false;
	return !rest || !((route->address[whole] ^ address[whole]) & (0xff00 >> rest) & 0xff);
}

/* The target over which all routes go that are the best for an address; NULL where another is left. */
static const struct interface *only_way(const struct interfaces *all, const struct routes *routes,
					int family, const unsigned char *address)
{
	const struct interface *way = NULL;
	unsigned bits = 0;

	for (size_t i = 0; i < routes->count; i++)
		if (covers(&routes->list[i], family, address) && routes->list[i].bits > bits)
			bits = routes->list[i].bits;
	for (size_t i = 0; i < routes->count; i++) {
		const struct route *route = &routes->list[i];

		if (route->bits != bits || !covers(route, family, address))
			continue;
		way = find(all, route->interface);
		if (!way)
			return NULL;
	}
	return way;
}

static void refuse(struct claim_plan *plan, const struct interface *way, const char *what)
{
	char addr[PCI_ADDR_STR], via[INTERFACE_STR + 8] = "";

	if (strcmp(way->name, way->on) != 0)
		snprintf(via, sizeof(via), " (in %s)", way->name);
	claim_refuse(plan, way->target, CLAIM_NETWORK, 0,
		     "%s has %s%s, over which %s; move that to another card, or add --force where "
		     "you have another way in",
		     pci_addr_format(&way->target->dev->addr, addr), way->on, via, what);
}

/* Whether a server's address is reached over the targets alone; then it is refused. */
static bool check_server(struct claim_plan *plan, const struct interfaces *all,
			 const struct routes *routes, const char *server, const char *what)
{
	static const int families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		unsigned char address[16];
		const struct interface *way;

		if (inet_pton(families[i], server, address) != 1)
			continue;
		way = only_way(all, routes, families[i], address);
		if (way)
			refuse(plan, way, what);
		return way;
	}
	return false;
}

/* proc(5), mountinfo: the fifth word is where; among the last options is addr= of network file systems. */
static bool check_mounts(const struct root *root, struct claim_plan *plan,
			 const struct interfaces *all, const struct routes *routes)
{
	_cleanup_free_ char *text = NULL;
	char *state, what[160], point[64], server[64];
	size_t size;

	if (root_read_file(root, "proc/self/mountinfo", &text, &size, NULL) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		const char *options = strstr(line, " - "), *at;

		at = options ? strstr(options, ",addr=") : NULL;
		if (!at || sscanf(line, "%*s %*s %*s %*s %63s", point) != 1 ||
		    sscanf(at, ",addr=%63[^, ]", server) != 1)
			continue;
		snprintf(what, sizeof(what), "%s is mounted from %s", point, server);
		text_clean(what);
		if (check_server(plan, all, routes, server, what))
			return true;
	}
	return false;
}

/* Documentation/ABI has none of it: drivers/scsi/scsi_transport_iscsi.c, the address that is connected to. */
static bool check_iscsi(const struct root *root, struct claim_plan *plan,
			const struct interfaces *all, const struct routes *routes)
{
	_cleanup_closedir_ DIR *dir = root_opendir(root, "sys/class/iscsi_connection");
	const struct dirent *entry;
	char path[320], server[64], what[128];

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "sys/class/iscsi_connection/%s/address",
			 entry->d_name);
		if (entry->d_name[0] == '.' ||
		    root_read_attr(root, path, server, sizeof(server)) <= 0)
			continue;
		snprintf(what, sizeof(what), "iSCSI disks come from %s", server);
		text_clean(what);
		if (check_server(plan, all, routes, server, what))
			return true;
	}
	return false;
}

int guard_network(const struct root *root, struct claim_plan *plan)
{
	static const unsigned char nowhere[16];
	_cleanup_(free_routes) struct routes routes = {.count = 0};
	_cleanup_free_ struct interfaces *all = calloc(1, sizeof(*all));
	const struct interface *way;
	char path[PCI_ATTR_STR];
	int r;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *target = &plan->targets[i];

		if (!target->dev || !strcmp(target->dev->driver, CLAIM_DRIVER))
			continue;
		pci_attr_path(&target->dev->addr, "", path);
		path[strlen(path) - 1] = '\0';
		add_below(root, all, target, path, 1);
	}
	if (!all->count)
		return 0;
	r = read_table(root, "proc/net/route", parse_v4, &routes);
	if (r >= 0)
		r = read_table(root, "proc/net/ipv6_route", parse_v6, &routes);
	if (r < 0)
		return r;
	if (check_mounts(root, plan, all, &routes) || check_iscsi(root, plan, all, &routes))
		return 0;
	/* The default routes are what is best for the address that no other route has. */
	way = only_way(all, &routes, AF_INET, nowhere);
	if (!way)
		way = only_way(all, &routes, AF_INET6, nowhere);
	if (way)
		refuse(plan, way, "the default route of this host goes");
	return 0;
}
