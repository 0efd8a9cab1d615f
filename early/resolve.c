// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <string.h>

#include "early/disk.h"
#include "early/display.h"
#include "early/record.h"
#include "early/resolve.h"

#define CLASS_STORAGE 0x01
#define CLASS_DISPLAY 0x03
#define CLASS_BRIDGE 0x06

static const char reason_words[CLAIM_REASONS][16] = {
	[CLAIM_OK] = "claimed",
	[CLAIM_NOT_FOUND] = "not-found",
	[CLAIM_CHANGED] = "changed",
	[CLAIM_AMBIGUOUS] = "ambiguous",
	[CLAIM_NO_IOMMU_GROUP] = "no-iommu-group",
	[CLAIM_BOOT_DISPLAY] = "boot-display",
	[CLAIM_BRIDGE] = "bridge",
	[CLAIM_STORAGE] = "storage",
	[CLAIM_DISK_IN_USE] = "disk-in-use",
	[CLAIM_NO_FUNCTION] = "no-function",
	[CLAIM_SIBLING] = "sibling",
	[CLAIM_CONFLICT] = "conflict",
	[CLAIM_RELEASED] = "released",
	[CLAIM_GUEST_ONLY] = "guest-only",
	[CLAIM_NO_MODULE] = "no-module",
	[CLAIM_OVERRIDE_FAILED] = "override-failed",
	[CLAIM_BIND_FAILED] = "bind-failed",
	[CLAIM_TIMEOUT] = "timeout",
	[CLAIM_VANISHED] = "vanished",
	[CLAIM_IN_USE] = "in-use",
	[CLAIM_LAST_DISPLAY] = "last-display",
	[CLAIM_ONLY_KEYBOARD] = "only-keyboard",
	[CLAIM_NETWORK] = "network-in-use",
	[CLAIM_GROUP] = "group",
	[CLAIM_NO_DRIVER] = "no-driver",
};

const char *claim_reason_word(enum claim_reason reason)
{
	return reason_words[reason];
}

/* What is known of one section while all are resolved together. */
struct finding {
	const struct profile_device *section;
	struct pci_dev *anchor; /* the function that the fingerprint is of */
	struct pci_dev *other; /* what sits where the section looked first, where that is another */
	size_t matches; /* cards elsewhere that fit and that no other section has */
	struct pci_dev *match; /* the first of them */
};

struct resolver {
	const struct root *root;
	const struct pci_inventory *inv;
	struct finding *findings;
	size_t count;
	unsigned flags;
	struct claim_plan *plan;
	size_t space;
	bool display_known;
	enum display_by display_by;
	struct pci_dev *display;
	int released_known; /* 0: not looked; 1: the directory is there; -1: it is not */
};

void claim_plan_free(struct claim_plan *plan)
{
	free(plan->targets);
	*plan = (struct claim_plan){.count = 0};
}

/* A section is all or nothing: what else it has goes with the target that is refused. */
static void refuse_siblings(struct claim_plan *plan, struct claim_target *target)
{
	struct claim_target *other = target;
	char addr[PCI_ADDR_STR];

	/* The targets of a section lie side by side. */
	while (other > plan->targets && other[-1].section == target->section)
		other--;
	for (; other < plan->targets + plan->count && other->section == target->section; other++) {
		if (other == target || other->reason != CLAIM_OK)
			continue;
		other->reason = CLAIM_SIBLING;
		snprintf(other->text, sizeof(other->text),
			 "[device %s] is all or nothing, and %s cannot be taken",
			 target->section->name,
			 target->dev ? pci_addr_format(&target->dev->addr, addr)
				     : "one of its functions");
	}
}

void claim_refuse(struct claim_plan *plan, struct claim_target *target, enum claim_reason reason,
		  int error, const char *format, ...)
{
	va_list args;

	target->reason = reason;
	target->error = error;
	va_start(args, format);
	vsnprintf(target->text, sizeof(target->text), format, args);
	va_end(args);
	refuse_siblings(plan, target);
}

static bool fits(const struct pci_dev *dev, const struct profile_device *section)
{
	if (dev->vendor != section->vendor || dev->device != section->device)
		return false;
	if (section->has_class &&
	    (section->class_digits == 6 ? dev->class : dev->class >> 8) != section->class)
		return false;
	return !section->has_subsystem ||
	       (dev->subvendor == section->subvendor && dev->subdevice == section->subdevice);
}

static bool is_virtual_function(const struct root *root, const struct pci_dev *dev)
{
	char path[PCI_ATTR_STR];

	return root_exists(root, pci_attr_path(&dev->addr, "physfn", path));
}

/* The function at a path; of several, the physical one. */
static struct pci_dev *find_path(const struct resolver *res, const struct pci_path *path)
{
	size_t count;
	struct pci_dev *const *devs = pci_find_path(res->inv, path, &count);

	for (size_t i = 0; count > 1 && i < count; i++)
		if (!is_virtual_function(res->root, devs[i]))
			return devs[i];
	return count ? devs[0] : NULL;
}

/* First where the section says it sits. */
static void find_in_place(struct resolver *res, struct finding *finding)
{
	const struct profile_device *section = finding->section;
	struct pci_dev *dev = NULL;

	if (section->has_path)
		dev = find_path(res, &section->path);
	else if (section->has_address)
		dev = pci_find(res->inv, &section->address);
	/* What cannot be read is on its way out: it is no other model. */
	if (!dev || pci_identify(res->root, dev) < 0)
		return;
	if (fits(dev, section))
		finding->anchor = dev;
	else
		finding->other = dev;
}

/* A card is a slot; a virtual function is a card of its own. */
static bool is_same_card(const struct resolver *res, const struct pci_dev *a,
			 const struct pci_dev *b)
{
	if (a == b)
		return true;
	return pci_addr_same_slot(&a->addr, &b->addr) && !is_virtual_function(res->root, a) &&
	       !is_virtual_function(res->root, b);
}

static bool other_section_has(const struct resolver *res, const struct finding *finding,
			      const struct pci_dev *dev)
{
	for (size_t i = 0; i < res->count; i++) {
		const struct finding *other = &res->findings[i];

		if (other != finding && other->anchor && is_same_card(res, other->anchor, dev))
			return true;
	}
	return false;
}

/* Then by the fingerprint, among what no other section has in its place. Counts cards, not functions. */
static void find_elsewhere(struct resolver *res, struct finding *finding)
{
	const struct pci_dev *last = NULL;

	for (size_t i = 0; i < res->inv->count; i++) {
		struct pci_dev *dev = &res->inv->devs[i];

		if (pci_identify(res->root, dev) < 0 || !fits(dev, finding->section) ||
		    other_section_has(res, finding, dev) || (last && is_same_card(res, last, dev)))
			continue;
		if (!finding->matches++)
			finding->match = dev;
		last = dev;
	}
}

static struct claim_target *add_target(struct resolver *res, const struct profile_device *section,
				       struct pci_dev *dev)
{
	struct claim_plan *plan = res->plan;
	struct claim_target *target;

	if (plan->count == res->space) {
		size_t more = res->space ? res->space * 2 : 16;
		struct claim_target *targets = reallocarray(plan->targets, more, sizeof(*targets));

		if (!targets)
			return NULL;
		plan->targets = targets;
		res->space = more;
	}
	target = &plan->targets[plan->count++];
	*target = (struct claim_target){.section = section, .dev = dev, .reason = CLAIM_OK};
	return target;
}

static const struct pci_dev *boot_display(struct resolver *res)
{
	if (!res->display_known)
		res->display_by = display_boot(res->root, res->inv, &res->display);
	res->display_known = true;
	return res->display;
}

static bool is_released(struct resolver *res, const struct pci_dev *dev)
{
	char path[sizeof(RELEASED_DIR) + 1 + PCI_ADDR_STR] = RELEASED_DIR "/";

	if (!res->released_known)
		res->released_known = root_exists(res->root, RELEASED_DIR) ? 1 : -1;
	if (res->released_known < 0)
		return false;
	pci_addr_format(&dev->addr, path + sizeof(RELEASED_DIR));
	return root_exists(res->root, path);
}

static void check_display(struct resolver *res, struct claim_target *target, const char *addr)
{
	static const char *const by[] = {
		[DISPLAY_BOOT_VGA] = "the kernel's boot_vga",
		[DISPLAY_FRAMEBUFFER] = "the firmware's frame buffer lies on it",
		[DISPLAY_ONLY] = "it is the only display there is",
	};

	if (target->section->allow_boot_display || boot_display(res) != target->dev)
		return;
	claim_refuse(res->plan, target, CLAIM_BOOT_DISPLAY, 0,
		     "%s is the display that this host boots on (%s); make another card primary in "
		     "the firmware setup, or set allow-boot-display = yes in [device %s]",
		     addr, by[res->display_by], target->section->name);
}

static void check_storage(struct resolver *res, struct claim_target *target, const char *addr)
{
	char text[DISK_TEXT];

	if (pci_base_class(target->dev) == CLASS_STORAGE && !target->section->allow_storage) {
		claim_refuse(
			res->plan, target, CLAIM_STORAGE, 0,
			"%s is a storage controller; where no disk of the host hangs on it, set "
			"allow-storage = yes in [device %s]",
			addr, target->section->name);
		return;
	}
	if (!target->dev->driver[0] || !strcmp(target->dev->driver, "vfio-pci") ||
	    !disk_in_use(res->root, &target->dev->addr, text))
		return;
	claim_refuse(res->plan, target, CLAIM_DISK_IN_USE, 0,
		     "a disk of %s is in use by the host: %s", addr, text);
}

/* Everything that speaks against one function; the first reason is kept. */
static void check_target(struct resolver *res, struct claim_target *target)
{
	struct pci_dev *dev = target->dev;
	char addr[PCI_ADDR_STR];
	int r;

	pci_addr_format(&dev->addr, addr);
	r = pci_identify(res->root, dev);
	if (r < 0) {
		claim_refuse(res->plan, target, CLAIM_VANISHED, -r, "%s cannot be read: %s", addr,
			     strerror(-r));
		return;
	}
	memcpy(target->driver_after, dev->driver, sizeof(target->driver_after));
	if (pci_base_class(dev) == CLASS_BRIDGE) {
		claim_refuse(
			res->plan, target, CLAIM_BRIDGE, 0,
			"%s is a bridge, which vfio-pci never takes; name the card behind it in "
			"[device %s]",
			addr, target->section->name);
		return;
	}
	if (res->flags & RESOLVE_FIND) {
		r = pci_group(res->root, dev);
		if (r < 0)
			claim_refuse(res->plan, target, CLAIM_VANISHED, -r,
				     "the IOMMU group of %s cannot be read: %s", addr,
				     strerror(-r));
		return;
	}
	if (!(res->flags & RESOLVE_RELEASED) && is_released(res, dev)) {
		claim_refuse(res->plan, target, CLAIM_RELEASED, 0,
			     "%s was given back to the host in this boot (" RELEASED_DIR ")", addr);
		return;
	}
	r = pci_group(res->root, dev);
	if (r < 0 || (dev->group == PCI_GROUP_NONE && !(res->flags & RESOLVE_NO_GROUP))) {
		claim_refuse(res->plan, target, CLAIM_NO_IOMMU_GROUP, r < 0 ? -r : ENODEV,
			     "%s has no IOMMU group: switch on VT-d or AMD-Vi in the firmware "
			     "setup, and run vfio-bootcfg set --iommu pt",
			     addr);
		return;
	}
	if (pci_base_class(dev) == CLASS_DISPLAY)
		check_display(res, target, addr);
	if (target->reason == CLAIM_OK)
		check_storage(res, target, addr);
}

/* The functions of one card that a section wants, as targets. */
static int add_card(struct resolver *res, const struct profile_device *section,
		    struct pci_dev *anchor)
{
	struct pci_dev *first = anchor;
	size_t count = pci_slot(res->inv, &anchor->addr, &first);
	uint8_t wanted = section->functions;

	/* The virtual functions in a slot are cards of their own. */
	if (!wanted && count > 1 && is_virtual_function(res->root, anchor))
		wanted = (uint8_t)(1 << anchor->addr.fn);
	for (uint8_t fn = 0; fn < 8; fn++) {
		struct pci_addr at = {anchor->addr.domain, anchor->addr.bus, anchor->addr.dev, fn};
		struct pci_dev *dev = pci_find(res->inv, &at);
		bool listed = wanted & 1 << fn;

		if (wanted ? !listed : !dev)
			continue;
		/* A bridge that nobody named stays with the host: it may share the group. */
		if (dev && dev != anchor && !listed && !pci_identify(res->root, dev) &&
		    pci_base_class(dev) == CLASS_BRIDGE)
			continue;
		if (!add_target(res, section, dev ? dev : anchor))
			return -ENOMEM;
		if (!dev) {
			struct claim_target *target = &res->plan->targets[res->plan->count - 1];
			char addr[PCI_ADDR_STR];

			target->dev = NULL;
			claim_refuse(res->plan, target, CLAIM_NO_FUNCTION, 0,
				     "there is no function %s, which [device %s] lists",
				     pci_addr_format(&at, addr), section->name);
		}
	}
	return 0;
}

/* What the section's own words for its place are, for messages. */
static const char *place_text(const struct profile_device *section, char buf[static PCI_PATH_STR])
{
	if (section->has_path)
		return pci_path_format(&section->path, buf);
	if (section->has_address)
		return pci_addr_format(&section->address, buf);
	return "anywhere";
}

static int add_missing(struct resolver *res, const struct finding *finding)
{
	const struct profile_device *section = finding->section;
	struct claim_target *target = add_target(res, section, NULL);
	char place[PCI_PATH_STR], addr[PCI_ADDR_STR], elsewhere[96] = "";

	if (!target)
		return -ENOMEM;
	if (finding->match)
		snprintf(elsewhere, sizeof(elsewhere), "; one such card is at %s now",
			 pci_addr_format(&finding->match->addr, addr));
	if (finding->matches > 1 &&
	    (section->moved_claim || (!section->has_path && !section->has_address)))
		claim_refuse(res->plan, target, CLAIM_AMBIGUOUS, 0,
			     "%zu cards are %04x:%04x, and nothing at %s says which is "
			     "meant; give [device %s] its path (vfio-device list -v)",
			     finding->matches, section->vendor, section->device,
			     place_text(section, place), section->name);
	else if (finding->other)
		claim_refuse(
			res->plan, target, CLAIM_CHANGED, 0,
			"%s holds %04x:%04x (class %06x) now, not the %04x:%04x of [device %s]%s; "
			"correct the section (vfio-device list -v)",
			place_text(section, place), finding->other->vendor, finding->other->device,
			finding->other->class, section->vendor, section->device, section->name,
			elsewhere);
	else
		claim_refuse(res->plan, target, CLAIM_NOT_FOUND, 0,
			     "no %04x:%04x of [device %s] at %s%s; correct the section "
			     "(vfio-device list -v)",
			     section->vendor, section->device, section->name,
			     place_text(section, place), elsewhere);
	return 0;
}

static int add_guest_only(struct resolver *res, const struct finding *finding)
{
	struct claim_target *target = add_target(res, finding->section, finding->anchor);

	if (!target)
		return -ENOMEM;
	claim_refuse(res->plan, target, CLAIM_GUEST_ONLY, 0,
		     "[device %s] has claim = guest: it is taken when its guest starts",
		     finding->section->name);
	return 0;
}

/* All cards with the fingerprint but the boot display. */
static int add_all(struct resolver *res, const struct finding *finding)
{
	const struct profile_device *section = finding->section;
	const struct pci_dev *last = NULL;
	size_t before = res->plan->count;

	for (size_t i = 0; i < res->inv->count; i++) {
		struct pci_dev *dev = &res->inv->devs[i];
		int r;

		if (pci_identify(res->root, dev) < 0 || !fits(dev, section) ||
		    other_section_has(res, finding, dev) || (last && is_same_card(res, last, dev)))
			continue;
		if (pci_base_class(dev) == CLASS_DISPLAY && !section->allow_boot_display &&
		    boot_display(res) && pci_addr_same_slot(&boot_display(res)->addr, &dev->addr))
			continue;
		last = dev;
		r = add_card(res, section, dev);
		if (r < 0)
			return r;
	}
	return res->plan->count == before ? add_missing(res, finding) : 0;
}

static int add_section(struct resolver *res, const struct finding *finding)
{
	const struct profile_device *section = finding->section;

	if (section->claim_guest && !(res->flags & RESOLVE_GUEST))
		return add_guest_only(res, finding);
	if (section->match_all)
		return add_all(res, finding);
	if (finding->anchor)
		return add_card(res, section, finding->anchor);
	return add_missing(res, finding);
}

/* Two sections that mean the same function contradict each other: neither gets it. */
static int check_conflicts(struct resolver *res)
{
	_cleanup_free_ struct claim_target **owners = NULL;
	struct claim_plan *plan = res->plan;

	owners = calloc(res->inv->count + 1, sizeof(struct claim_target *));
	if (!owners)
		return -ENOMEM;
	for (size_t i = 0; i < plan->count; i++) {
		struct claim_target *b = &plan->targets[i], **owner, *a;
		char addr[PCI_ADDR_STR];

		if (!b->dev)
			continue;
		owner = &owners[b->dev - res->inv->devs];
		a = *owner;
		*owner = b;
		if (!a || a->section == b->section)
			continue;
		pci_addr_format(&a->dev->addr, addr);
		for (int n = 0; n < 2; n++)
			claim_refuse(
				plan, n ? b : a, CLAIM_CONFLICT, 0,
				"%s is meant by both [device %s] and [device %s]; take one out",
				addr, a->section->name, b->section->name);
	}
	return 0;
}

static void settle_elsewhere(struct resolver *res)
{
	for (size_t i = 0; i < res->count; i++) {
		struct finding *finding = &res->findings[i];

		if (!finding->anchor && !finding->section->match_all)
			find_elsewhere(res, finding);
	}
	/* Only after all have looked, so that the order of the sections does not matter. */
	for (size_t i = 0; i < res->count; i++) {
		struct finding *finding = &res->findings[i];
		const struct profile_device *section = finding->section;

		if (!finding->anchor && finding->matches == 1 &&
		    (section->moved_claim || (!section->has_path && !section->has_address)))
			finding->anchor = finding->match;
	}
}

int claim_resolve(const struct root *root, const struct profile *profile,
		  const struct pci_inventory *inv, unsigned flags, struct claim_plan *ret)
{
	_cleanup_plan_ struct claim_plan plan = {.count = 0};
	_cleanup_free_ struct finding *findings = NULL;
	struct resolver res = {
		.root = root,
		.inv = inv,
		.count = profile->device_count,
		.flags = flags,
		.plan = &plan,
	};
	int r;

	findings = calloc(res.count + 1, sizeof(*findings));
	if (!findings)
		return -ENOMEM;
	res.findings = findings;
	for (size_t i = 0; i < res.count; i++) {
		findings[i].section = &profile->devices[i];
		find_in_place(&res, &findings[i]);
	}
	settle_elsewhere(&res);
	for (size_t i = 0; i < res.count; i++) {
		r = add_section(&res, &findings[i]);
		if (r < 0)
			return r;
	}
	r = check_conflicts(&res);
	if (r < 0)
		return r;
	/* What was refused while its section was still being listed has later siblings. */
	for (size_t i = 0; i < plan.count; i++)
		if (plan.targets[i].reason != CLAIM_OK && plan.targets[i].reason != CLAIM_SIBLING)
			refuse_siblings(&plan, &plan.targets[i]);
	for (size_t i = 0; i < plan.count; i++) {
		struct claim_target *target = &plan.targets[i];

		if (target->reason == CLAIM_OK)
			check_target(&res, target);
		else if (target->dev && !pci_identify(root, target->dev))
			/* Whoever holds it keeps it: the record says so. */
			memcpy(target->driver_after, target->dev->driver,
			       sizeof(target->driver_after));
	}
	*ret = plan;
	plan = (struct claim_plan){.count = 0};
	return 0;
}
