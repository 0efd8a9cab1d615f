// SPDX-License-Identifier: GPL-2.0-or-later
/* ids= of vfio-pci and pci-stub: drivers/vfio/pci/vfio_pci.c vfio_pci_fill_ids(). */
#include <string.h>

#include "bootcfg/policy-parts.h"
#include "early/cmdline.h"
#include "early/resolve.h"

#define ANY UINT32_MAX /* PCI_ANY_ID */

/* VENDOR:DEVICE[:SUBVENDOR[:SUBDEVICE[:CLASS[:MASK]]]] */
struct id {
	uint32_t vendor, device, subvendor, subdevice, class, mask;
};

static bool parse_id(const char *text, size_t len, struct id *ret)
{
	uint32_t parts[6] = {0, 0, ANY, ANY, 0, 0};
	char buf[64];
	size_t n = 0;

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	for (const char *at = buf;; at++) {
		char *end;

		if (n == ARRAY_SIZE(parts))
			return false;
		parts[n++] = (uint32_t)strtoul(at, &end, 16);
		if (end == at || (*end && *end != ':'))
			return false;
		at = end;
		if (!*at)
			break;
	}
	*ret = (struct id){parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]};
	return n >= 2;
}

static bool is(uint32_t wanted, uint32_t value)
{
	return wanted == ANY || wanted == value;
}

/* vfio-pci refuses what has the header of a bridge; bridges to PCI and CardBus do. */
static bool is_bridge(const struct pci_dev *dev)
{
	unsigned class = dev->class >> 8;

	return class == 0x0604 || class == 0x0607 || class == 0x0609;
}

static bool takes(const struct id *id, const struct pci_dev *dev)
{
	return !is_bridge(dev) && is(id->vendor, dev->vendor) && is(id->device, dev->device) &&
	       is(id->subvendor, dev->subvendor) && is(id->subdevice, dev->subdevice) &&
	       !((id->class ^ dev->class) & id->mask);
}

/* Whether a function belongs to a card of the profile: a card's other functions come with it. */
static bool is_ours(const struct claim_plan *plan, const struct pci_dev *dev)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].dev &&
		    pci_addr_same_slot(&plan->targets[i].dev->addr, &dev->addr))
			return true;
	return false;
}

static bool is_named(const struct profile *profile, const struct id *id)
{
	for (size_t i = 0; i < profile->device_count; i++)
		if (profile->devices[i].vendor == id->vendor &&
		    profile->devices[i].device == id->device)
			return true;
	return false;
}

static bool find_stranger(const struct root *root, struct pci_inventory *inv,
			  const struct claim_plan *plan, const struct id *id, char *ret)
{
	for (size_t i = 0; i < inv->count; i++) {
		struct pci_dev *dev = &inv->devs[i];
		char address[PCI_ADDR_STR];

		/* What cannot be read is not there to be taken. */
		if (is_ours(plan, dev) || pci_identify(root, dev) < 0 || !takes(id, dev))
			continue;
		snprintf(ret, STRANGER_STR, "%04x:%04x at %s", dev->vendor, dev->device,
			 pci_addr_format(&dev->addr, address));
		return true;
	}
	return false;
}

int policy_stranger(const struct root *root, const struct profile *profile, const char *ids,
		    size_t len, char ret[static STRANGER_STR])
{
	_cleanup_inventory_ struct pci_inventory inv = {.count = 0};
	_cleanup_plan_ struct claim_plan plan = {.count = 0};
	const char *end = ids + len;
	bool machine;
	int r;

	r = pci_scan(root, &inv);
	if (r == -ENOMEM)
		return r;
	machine = r == 0;
	r = machine ? claim_resolve(root, profile, &inv, RESOLVE_GUEST, &plan) : 0;
	if (r < 0)
		return r;
	while (ids < end) {
		const char *comma = memchr(ids, ',', (size_t)(end - ids));
		size_t size = (size_t)((comma ? comma : end) - ids);
		struct id id;

		/* What the driver does not understand it passes over. */
		if (parse_id(ids, size, &id)) {
			if (machine && find_stranger(root, &inv, &plan, &id, ret))
				return 1;
			if (!machine && !is_named(profile, &id)) {
				snprintf(ret, STRANGER_STR, "%.*s",
					 size < STRANGER_STR ? (int)size : STRANGER_STR - 1, ids);
				return 1;
			}
		}
		ids += size + 1;
	}
	return 0;
}

static bool is_forbidden(const struct wants *wants, const char *unit)
{
	for (size_t i = 0; i < wants->forbidden_count; i++)
		if (!strcmp(wants->forbidden[i].text, unit))
			return true;
	return false;
}

static int forbid(struct wants *wants, const struct profile_device *device, const char *unit,
		  struct diag *diag)
{
	struct want want = {.item = "device", .line = device->line}, *more;

	more = reallocarray(wants->forbidden, wants->forbidden_count + 1, sizeof(*more));
	if (!more)
		return policy_oom(diag);
	wants->forbidden = more;
	want.text = strdup(unit);
	want.file = strdup(device->file);
	if (!want.text || !want.file) {
		free(want.text);
		free(want.file);
		return policy_oom(diag);
	}
	more[wants->forbidden_count++] = want;
	return 0;
}

int policy_forbid_ids(const struct root *root, const struct profile *profile, const char *line,
		      struct wants *wants, struct remarks *remarks, struct diag *diag)
{
	struct cmdline_token token;
	struct cmdline cmdline;

	if (!profile->device_count)
		return 0;
	cmdline_init(&cmdline, line, strlen(line));
	while (cmdline_next(&cmdline, &token)) {
		_cleanup_free_ char *unit = NULL;
		char stranger[STRANGER_STR];
		int r;

		if (token.for_init || !token.value ||
		    (!cmdline_is(&token, "vfio-pci.ids") && !cmdline_is(&token, "pci-stub.ids")))
			continue;
		unit = strndup(token.raw, token.raw_len);
		if (!unit)
			return policy_oom(diag);
		if (is_forbidden(wants, unit))
			continue;
		r = policy_stranger(root, profile, token.value, token.value_len, stranger);
		if (r < 0)
			return policy_oom(diag);
		if (r == 0)
			continue;
		remark(remarks, "%s also takes %s, which is in no [device]", unit, stranger);
		r = forbid(wants, &profile->devices[0], unit, diag);
		if (r < 0)
			return r;
	}
	return 0;
}

int policy_forbid_replaced(const struct root *root, const struct profile *profile,
			   const struct owned_list *owned, struct wants *wants, struct diag *diag)
{
	_cleanup_remarks_ struct remarks unsaid = {.count = 0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < owned->count; i++)
		if (owned->items[i].was)
			r = policy_forbid_ids(root, profile, owned->items[i].was, wants, &unsaid,
					      diag);
	return r;
}
