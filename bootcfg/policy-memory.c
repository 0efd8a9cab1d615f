// SPDX-License-Identifier: GPL-2.0-or-later
/* That huge pages do not starve the host, which then would not get as far as a message. */
#include <string.h>

#include "bootcfg/policy-parts.h"
#include "early/pages.h"

/* KiB of all pages of an entry on a node; PAGES_ANY_NODE: on all. */
static uint64_t entry_kib(const struct profile_entry *entry, int node)
{
	unsigned long count, size_kib = pages_size_kib(entry->key);
	const char *at = entry->value;
	uint64_t kib = 0;
	int on;

	while (pages_value_next(&at, &on, &count))
		if (node == PAGES_ANY_NODE || on == node)
			kib += (uint64_t)count * size_kib;
	return kib;
}

/* KiB that all entries want of a node; *ret_most is the one that wants the most. */
static uint64_t wanted_kib(const struct profile *profile, int node,
			   const struct profile_entry **ret_most)
{
	uint64_t sum = 0, most = 0;

	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];
		uint64_t kib;

		if (strcmp(entry->section, "hugepages") != 0)
			continue;
		kib = entry_kib(entry, node);
		sum += kib;
		if (kib > most) {
			most = kib;
			*ret_most = entry;
		}
	}
	return sum;
}

static int check(struct policy *policy, int node)
{
	uint64_t memory = pages_memory_kib(policy->host->root, node), wanted, share;
	const struct profile_entry *entry = NULL;
	char where[32] = "this machine";
	int r;

	if (!memory)
		return 0;
	wanted = wanted_kib(policy->profile, node, &entry);
	share = pages_host_share(memory, node);
	/* More memory than there is, too: wanted comes first, since share may be all of it. */
	if (!entry || wanted + share <= memory)
		return 0;
	if (node != PAGES_ANY_NODE)
		snprintf(where, sizeof(where), "node %d", node);
	r = policy_may_force(policy, entry);
	if (r < 0)
		return r;
	if (r) {
		remark(policy->remarks,
		       "%s:%u: %llu MiB of huge pages starve the host: %s has %llu MiB; vfio-early "
		       "will give back what is too much",
		       entry->file, entry->line, (unsigned long long)wanted >> 10, where,
		       (unsigned long long)memory >> 10);
		return 0;
	}
	return diag_set(
		policy->diag, -EPERM, entry->file, entry->line,
		"`%s = %.100s`: with this %llu MiB of the %llu MiB of %s are huge pages, and the "
		"host needs %llu MiB of it for itself; take fewer, or use --force",
		entry->key, entry->value, (unsigned long long)wanted >> 10,
		(unsigned long long)memory >> 10, where, (unsigned long long)share >> 10);
}

/* Of the nodes that are named: which nodes give the others is the kernel's choice. */
static int check_nodes(struct policy *policy)
{
	const struct profile *profile = policy->profile;
	int r = 0;

	for (size_t i = 0; i < profile->entry_count && r == 0; i++) {
		const struct profile_entry *entry = &profile->entries[i];
		const char *at = entry->value;
		unsigned long count;
		int node;

		if (strcmp(entry->section, "hugepages") != 0)
			continue;
		while (r == 0 && pages_value_next(&at, &node, &count))
			if (node != PAGES_ANY_NODE)
				r = check(policy, node);
	}
	return r;
}

int policy_memory(struct policy *policy)
{
	int r;

	if (!root_has_kernel(policy->host->root))
		return 0;
	r = check_nodes(policy);
	return r < 0 ? r : check(policy, PAGES_ANY_NODE);
}
