// SPDX-License-Identifier: GPL-2.0-or-later
/* The proposal as lines of a profile, each with its reason. */
#include <string.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/device-set.h"
#include "bootcfg/propose.h"
#include "early/pages.h"

#define REASON_STR 240
#define GIB 1048576

static int out_of_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* --- cards ------------------------------------------------------------------------------------ */

static char *why_card(const struct proposal *proposal, const struct proposed_card *card,
		      char buf[static REASON_STR])
{
	char addr[PCI_ADDR_STR] = "";

	if (card->other)
		pci_addr_format(&card->other->addr, addr);
	switch (card->choice) {
	case CARD_SPARE:
		snprintf(buf, REASON_STR, "a display that the host does not boot on%s%s",
			 card->other ? ": that is " : "", addr);
		break;
	case CARD_ONLY:
		snprintf(buf, REASON_STR, "the only display, taken since --force says so");
		break;
	case CARD_NAMED:
		snprintf(buf, REASON_STR, "named by --device");
		break;
	case CARD_GROUP:
		if (proposal->predicted)
			snprintf(buf, REASON_STR,
				 "will be in one IOMMU group with %s: the host loses it too", addr);
		else
			snprintf(buf, REASON_STR,
				 "in IOMMU group %d with %s: the host loses it too",
				 card->other->group, addr);
		break;
	}
	return buf;
}

static bool is_seen(const struct proposal *proposal, const struct proposed_card *card,
		    const struct pci_dev *function)
{
	for (struct pci_dev *dev = NULL;
	     (dev = proposal_function(proposal, card, dev)) != function;)
		if (dev->group == function->group)
			return true;
	return false;
}

static bool is_alone(const struct proposal *proposal, const struct proposed_card *card)
{
	for (size_t i = 0; i < proposal->card_count; i++) {
		const struct proposed_card *other = &proposal->cards[i];
		struct pci_dev *mine = NULL, *theirs;

		while (other != card && (mine = proposal_function(proposal, card, mine)))
			for (theirs = NULL; (theirs = proposal_function(proposal, other, theirs));)
				if (mine->group >= 0 && mine->group == theirs->group)
					return false;
	}
	return true;
}

static char *where_card(const struct proposal *proposal, const struct proposed_card *card,
			char buf[static REASON_STR])
{
	unsigned functions = 0, groups = 0;
	char list[64] = "";
	size_t at = 0;

	for (struct pci_dev *dev = NULL; (dev = proposal_function(proposal, card, dev));
	     functions++) {
		if (dev->group < 0 || is_seen(proposal, card, dev))
			continue;
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%d", groups++ ? ", " : "",
				       dev->group);
		if (at >= sizeof(list))
			at = sizeof(list) - 1;
	}
	at = (size_t)snprintf(buf, REASON_STR, "last seen here; %u function%s, ", functions,
			      functions == 1 ? "" : "s");
	if (!groups)
		snprintf(buf + at, REASON_STR - at, "which ha%s no IOMMU group yet",
			 functions == 1 ? "s" : "ve");
	else if (proposal->predicted)
		snprintf(buf + at, REASON_STR - at, "which will be %sin %s",
			 is_alone(proposal, card) ? "alone " : "",
			 groups == 1 ? "one IOMMU group" : "IOMMU groups of their own");
	else
		snprintf(buf + at, REASON_STR - at, "%sin IOMMU group%s %s",
			 is_alone(proposal, card) ? "alone " : "", groups == 1 ? "" : "s", list);
	return buf;
}

static int explain_device(const struct proposal *proposal, const struct proposed_card *card,
			  struct profile_set *set)
{
	char buf[REASON_STR];

	if (!set->value || !set->key)
		return 0;
	if (!strcmp(set->key, "path"))
		return profile_sets_comment(set, "where it sits; bus numbers may move, this stays");
	if (!strcmp(set->key, "id"))
		return profile_sets_comment(set, "%s", why_card(proposal, card, buf));
	if (!strcmp(set->key, "class"))
		return profile_sets_comment(set, "what else must be found there");
	if (!strcmp(set->key, "subsystem"))
		return profile_sets_comment(set, "the same: its maker's mark");
	if (!strcmp(set->key, "address"))
		return profile_sets_comment(set, "%s", where_card(proposal, card, buf));
	if (!strcmp(set->key, "moved"))
		return profile_sets_comment(
			set, "no other card here is %04x:%04x, so this one may change its slot",
			card->dev->vendor, card->dev->device);
	if (!strcmp(set->key, "allow-boot-display"))
		return profile_sets_comment(set, "the host's screen stays dark from then on");
	if (!strcmp(set->key, "allow-storage"))
		return profile_sets_comment(set, "no disk of it is in use by the host");
	return 0;
}

static int add_cards(struct proposal *proposal, struct diag *diag)
{
	static const struct profile nothing = {.device_count = 0};
	_cleanup_free_ char(*texts)[PCI_ADDR_STR] = calloc(proposal->card_count, sizeof(*texts));
	_cleanup_free_ const char **specs = calloc(proposal->card_count, sizeof(*specs));
	const struct device_specs wishes = {
		.items = specs, .count = proposal->card_count, .force = proposal->wish->force};
	const struct proposed_card *card = proposal->cards;
	struct profile_sets *sets = &proposal->sets;
	size_t devices;
	int r;

	if (!texts || !specs)
		return out_of_memory(diag);
	for (size_t i = 0; i < proposal->card_count; i++)
		specs[i] = pci_addr_format(&proposal->cards[i].dev->addr, texts[i]);
	r = device_set_specs(proposal->root, &wishes, &nothing, sets, &devices, &proposal->remarks,
			     diag);
	/* The sections come in the order of the SPECs. */
	for (size_t i = 0; r == 0 && i < sets->count; i++) {
		if (i && strcmp(sets->items[i].name, sets->items[i - 1].name) != 0)
			card++;
		if (explain_device(proposal, card, &sets->items[i]) < 0)
			return out_of_memory(diag);
	}
	return r;
}

/* --- CPUs ------------------------------------------------------------------------------------- */

static int add_set(struct proposal *proposal, const char *section, const char *key,
		   const char *value, const char *reason)
{
	struct profile_sets *sets = &proposal->sets;

	if (profile_sets_add(sets, section, "", key, value) < 0)
		return -ENOMEM;
	return profile_sets_comment(&sets->items[sets->count - 1], "%s", reason);
}

static int add_cpus(struct proposal *proposal)
{
	const struct cpu_choice *cpus = &proposal->cpus;
	_cleanup_free_ char *list = cpulist_format(&cpus->set);
	const char *fast = !proposal->topology.hybrid ? ""
			   : cpus->mixed	      ? "fast and slow "
			   : cpus->slow		      ? "slow "
						      : "fast ";
	char reason[REASON_STR], below[64], node[48] = "";

	if (!list)
		return -ENOMEM;
	if (cpus->caches == 1)
		snprintf(below, sizeof(below), "one %s%s",
			 proposal->topology.has_l3 ? "L3 cache" : "package",
			 cpus->whole_cache ? " of their own" : "");
	else
		snprintf(below, sizeof(below), "%u %s%s", cpus->caches,
			 proposal->topology.has_l3 ? "L3 caches" : "packages",
			 cpus->whole_cache ? " of their own" : "");
	if (proposal->node != CPUS_ANY_NODE)
		snprintf(node, sizeof(node), ", on the card's node %d", proposal->node);
	snprintf(reason, sizeof(reason), "%u %score%s%s, below %s%s; CPU 0 is the host's",
		 cpus->cores, fast, cpus->cores == 1 ? "" : "s",
		 cpus->threads == 2 ? " with both threads"
		 : cpus->threads    ? ""
				    : " with all threads",
		 below, node);
	return add_set(proposal, "cpus", "isolate", list, reason);
}

/* --- the kernel ------------------------------------------------------------------------------- */

/* Whether every installed kernel spares the host's own devices the translation unasked. */
static bool is_passthrough_default(const struct host *host)
{
	for (size_t i = 0; i < host->kernel_count; i++) {
		_cleanup_free_ char *config = NULL;
		char path[300];
		size_t size;

		snprintf(path, sizeof(path), "boot/config-%.200s", host->kernels[i].version);
		if (root_read_file(host->root, path, &config, &size, NULL) < 0) {
			snprintf(path, sizeof(path), "usr/lib/modules/%.200s/config",
				 host->kernels[i].version);
			if (root_read_file(host->root, path, &config, &size, NULL) < 0)
				return false;
		}
		if (!strstr(config, "\nCONFIG_IOMMU_DEFAULT_PASSTHROUGH=y\n"))
			return false;
	}
	return host->kernel_count;
}

static int add_iommu(struct proposal *proposal)
{
	bool passes = is_passthrough_default(&proposal->host);
	char reason[REASON_STR];

	snprintf(reason, sizeof(reason), "%s; %s",
		 proposal->host.vendor == CPU_AMD ? "AMD's IOMMU is on by itself"
						  : "Intel's IOMMU has to be switched on",
		 passes ? "these kernels spare the host's own devices the translation unasked"
			: "pt spares the host's own devices the translation");
	return add_set(proposal, "kernel", "iommu", passes ? "on" : "pt", reason);
}

static int add_pages(struct proposal *proposal)
{
	char reason[REASON_STR], key[PAGES_SIZE_STR], value[64], memory[MEMORY_STR], node[48] = "";
	const struct host *host = &proposal->host;

	if (proposal->node != CPUS_ANY_NODE) {
		snprintf(node, sizeof(node), " on the card's node %d", proposal->node);
		snprintf(value, sizeof(value), "%d:%lu", proposal->node, proposal->page_count);
	} else {
		snprintf(value, sizeof(value), "%lu", proposal->page_count);
	}
	snprintf(reason, sizeof(reason), "%s for the guest%s; %s",
		 proposal_memory(proposal->memory_kib, memory), node,
		 proposal->page_kib == GIB	      ? "this CPU has pages of 1 GiB"
		 : host->flags_known && !host->has_1g ? "this CPU has no pages of 1 GiB"
		 : !host->flags_known ? "whether this CPU has pages of 1 GiB is not known"
				      : "that is no multiple of 1 GiB");
	return add_set(proposal, "hugepages", pages_size_format(proposal->page_kib, key), value,
		       reason);
}

int propose_sets(struct proposal *proposal, struct diag *diag)
{
	int r = add_cards(proposal, diag);

	if (r < 0)
		return r;
	if (add_cpus(proposal) < 0 || add_iommu(proposal) < 0 || add_pages(proposal) < 0)
		return out_of_memory(diag);
	return 0;
}

int proposal_explain(const struct proposal *proposal, struct profile_sets *sets)
{
	for (size_t i = 0; i < sets->count; i++) {
		struct profile_set *set = &sets->items[i];

		for (size_t j = 0; set->value && j < proposal->sets.count; j++) {
			const struct profile_set *mine = &proposal->sets.items[j];

			if (!strcmp(set->section, mine->section) && !strcmp(set->key, mine->key) &&
			    !strcmp(set->value, mine->value) && mine->comment &&
			    profile_sets_comment(set, "%s", mine->comment) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}
