// SPDX-License-Identifier: GPL-2.0-or-later
/* Huge pages at boot: Documentation/admin-guide/mm/hugetlbpage.rst, mm/hugetlb.c. */
#include <string.h>

#include "bootcfg/policy-parts.h"

/* What x86 has, ascending. */
static const struct {
	const char *key, *item, *flag;
	unsigned long kib;
} sizes[] = {
	{"2M", "hugepages:2M", "pse", 2048},
	{"1G", "hugepages:1G", "pdpe1gb", 1048576},
};

static int check_size(struct policy *policy, const struct profile_entry *entry, size_t size)
{
	const struct host *host = policy->host;
	int r;

	if (!host->flags_known || (size ? host->has_1g : host->has_2m))
		return 0;
	r = policy_may_force(policy, entry);
	if (r < 0)
		return r;
	if (!r)
		return diag_set(policy->diag, -EPERM, entry->file, entry->line,
				"`%s = %.100s`: this CPU has no pages of %s (no %s in "
				"/proc/cpuinfo); use another size, or --force",
				entry->key, entry->value, entry->key, sizes[size].flag);
	remark(policy->remarks, "%s:%u: this CPU has no pages of %s: Linux will ignore them",
	       entry->file, entry->line, entry->key);
	return 0;
}

/* An unknown node makes the kernel drop the whole parameter. */
static int check_nodes(struct policy *policy, const struct profile_entry *entry)
{
	const struct root *root = policy->host->root;
	const char *at = entry->value;

	if (!root_has_kernel(root) || !root_exists(root, "sys/devices/system/node"))
		return 0;
	for (; at; at = strchr(at, ',')) {
		unsigned long node;
		char path[64];

		at += *at == ',';
		node = strtoul(at, NULL, 10);
		snprintf(path, sizeof(path), "sys/devices/system/node/node%lu", node);
		if (!root_exists(root, path))
			return diag_set(policy->diag, -EBADMSG, entry->file, entry->line,
					"`%s = %.100s`: this machine has no NUMA node %lu",
					entry->key, entry->value, node);
	}
	return 0;
}

/* Older kernels read NODE:COUNT as a count of NODE, without a word. */
static bool can_say_nodes(struct policy *policy, const struct profile_entry *entry)
{
	const char *older;

	if (!host_kernels_from(policy->host, 5, 16, &older)) {
		remark(policy->remarks,
		       "%s:%u: `%s = %s` is left to vfio-early, not put on the command line: Linux "
		       "%s, which is installed, cannot read counts by node there (5.16 and newer "
		       "can)",
		       entry->file, entry->line, entry->key, entry->value, older);
		return false;
	}
	if (!policy->host->kernel_count)
		remark(policy->remarks,
		       "%s:%u: no installed kernel is found: counts by node on the command line "
		       "need Linux 5.16",
		       entry->file, entry->line);
	return true;
}

static int add_size(struct policy *policy, const struct profile_entry *entry, size_t size)
{
	int r = check_size(policy, entry, size);

	if (r == 0 && strchr(entry->value, ':')) {
		r = check_nodes(policy, entry);
		if (r == 0 && !can_say_nodes(policy, entry))
			return 0;
	}
	return r < 0 ? r
		     : policy_add(policy, sizes[size].item, entry, "hugepagesz=%s hugepages=%s",
				  entry->key, entry->value);
}

int policy_hugepages(struct policy *policy)
{
	const struct profile *profile = policy->profile;
	int r = 0;

	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];

		if (!strcmp(entry->section, "hugepages") && strcmp(entry->key, sizes[0].key) &&
		    strcmp(entry->key, sizes[1].key))
			return diag_set(policy->diag, -EBADMSG, entry->file, entry->line,
					"`%s = %.100s`: x86 has huge pages of 2M and 1G only",
					entry->key, entry->value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes) && r == 0; i++) {
		const struct profile_entry *entry =
			profile_get(profile, "hugepages", "", sizes[i].key);

		if (entry)
			r = add_size(policy, entry, i);
	}
	return r;
}

bool policy_default_pages(const struct profile *profile, const struct host *host,
			  unsigned long *ret_count)
{
	struct policy policy = {.profile = profile};
	unsigned long kib = sizes[0].kib, count = 0;
	const struct profile_entry *entry;

	if (policy_args_have(&policy, "default_hugepagesz", "1G"))
		kib = sizes[1].kib;
	else if (!policy_args_have(&policy, "default_hugepagesz", "2M") &&
		 host_default_page_kib(host) == sizes[1].kib)
		kib = sizes[1].kib;
	entry = profile_get(profile, "hugepages", "", sizes[kib == sizes[1].kib].key);
	if (!entry)
		return false;
	for (const char *at = entry->value; at; at = strchr(at, ',')) {
		char *end;
		unsigned long number;

		at += *at == ',';
		number = strtoul(at, &end, 10);
		count += *end == ':' ? strtoul(end + 1, NULL, 10) : number;
	}
	*ret_count = count;
	return true;
}
