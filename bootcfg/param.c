// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <string.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/param.h"

static const struct param others = {"", PARAM_LAST, VALUE_BYTES};

/* In the order in which they are tried. */
static const struct param params[] = {
	/* every occurrence is parsed, item by item (pci-dma.c, intel/iommu.c, amd/init.c) */
	{"iommu", PARAM_LIST, VALUE_BYTES},
	{"intel_iommu", PARAM_LIST, VALUE_BYTES},
	{"amd_iommu", PARAM_LIST, VALUE_BYTES},
	{"iommu.passthrough", PARAM_LAST, VALUE_BYTES}, /* known as an opposite of iommu=pt */
	{"pcie_acs_override", PARAM_LIST, VALUE_BYTES},
	{"pci", PARAM_LIST, VALUE_BYTES},
	{"efi", PARAM_LIST, VALUE_BYTES},
	{"cgroup_disable", PARAM_LIST, VALUE_BYTES},
	/* "must match": a second one of another set is dropped whole (sched/isolation.c) */
	{"isolcpus", PARAM_ISOLATION, VALUE_CPUS},
	{"nohz_full", PARAM_ISOLATION, VALUE_CPUS},
	/* a mask that each occurrence sets anew */
	{"rcu_nocbs", PARAM_LAST, VALUE_CPUS},
	{"irqaffinity", PARAM_LAST, VALUE_CPUS},
	{"kthread_cpus", PARAM_LAST, VALUE_CPUS},
	/* a count belongs to the size before it (mm/hugetlb.c) */
	{"hugepagesz", PARAM_PAGES, VALUE_SIZE},
	{"default_hugepagesz", PARAM_PAGES, VALUE_SIZE},
	{"hugepages", PARAM_PAGES, VALUE_PAGES},
	{"hugetlb_cma", PARAM_LAST, VALUE_SIZE},
	/* one device, range or address each */
	{"console", PARAM_MANY, VALUE_BYTES},
	{"earlycon", PARAM_MANY, VALUE_BYTES},
	{"netconsole", PARAM_MANY, VALUE_BYTES},
	{"video", PARAM_MANY, VALUE_BYTES},
	{"memmap", PARAM_MANY, VALUE_BYTES},
	{"crashkernel", PARAM_MANY, VALUE_BYTES}, /* size, then size,high and size,low */
	{"ip", PARAM_MANY, VALUE_BYTES},
	{"nameserver", PARAM_MANY, VALUE_BYTES},
	/* lists that the kernel, kmod or systemd gather from all occurrences */
	{"initcall_blacklist", PARAM_MANY, VALUE_BYTES},
	{"module_blacklist", PARAM_MANY, VALUE_BYTES},
	{"modprobe.blacklist", PARAM_MANY, VALUE_BYTES},
	{"acpi_osi", PARAM_MANY, VALUE_BYTES},
	{"dyndbg", PARAM_MANY, VALUE_BYTES},
	{"*.dyndbg", PARAM_MANY, VALUE_BYTES},
	{"systemd.setenv", PARAM_MANY, VALUE_BYTES},
	{"systemd.mask", PARAM_MANY, VALUE_BYTES},
	{"systemd.wants", PARAM_MANY, VALUE_BYTES},
	{"luks.*", PARAM_MANY, VALUE_BYTES},
	/* dracut's switches, of which the last counts; its other words are lists */
	{"rd.vfio", PARAM_LAST, VALUE_BYTES},
	{"rd.hostonly", PARAM_LAST, VALUE_BYTES},
	{"rd.shell", PARAM_LAST, VALUE_BYTES},
	{"rd.debug", PARAM_LAST, VALUE_BYTES},
	{"rd.timeout", PARAM_LAST, VALUE_BYTES},
	{"rd.*", PARAM_MANY, VALUE_BYTES},
};

static const char anything[] = "";

/*
 * What undoes what. sticky: the kernel has no way back from it, so it counts wherever it stands;
 * else the later of the two does. An other item of `anything`: a value that says no.
 */
static const struct {
	const char *name, *item;
	const char *other, *other_item;
	bool sticky;
} opposites[] = {
	{"iommu", "pt", "iommu", "off", true}, /* no_iommu: no remapping at all */
	{"iommu", "pt", "iommu", "soft", true}, /* bounce buffers instead */
	{"iommu", "pt", "iommu", "nopt", false},
	{"iommu", "pt", "iommu.passthrough", anything, false}, /* =0: the same variable */
	{"iommu", "nopt", "iommu", "pt", false},
	{"iommu", "off", "iommu", "pt", true},
	{"iommu", "off", "iommu", "force", true},
	{"iommu", "off", "intel_iommu", "on", true}, /* the user wants one */
	{"iommu", "force", "iommu", "off", true},
	{"iommu", "force", "iommu", "noforce", false},
	{"iommu", "noforce", "iommu", "force", false},
	{"iommu", "merge", "iommu", "nomerge", false},
	{"iommu", "nomerge", "iommu", "merge", false},
	{"iommu", "panic", "iommu", "nopanic", false},
	{"iommu", "nopanic", "iommu", "panic", false},
	{"intel_iommu", "on", "intel_iommu", "off", false},
	{"intel_iommu", "on", "iommu", "off", true}, /* no_iommu stops Intel's too */
	{"intel_iommu", "off", "intel_iommu", "on", false},
	{"intel_iommu", "sm_on", "intel_iommu", "sm_off", false},
	{"intel_iommu", "sm_off", "intel_iommu", "sm_on", false},
	{"amd_iommu", "off", "amd_iommu", "force_enable", true},
	{"amd_iommu", "force_enable", "amd_iommu", "off", true},
	{"amd_iommu", "pgtbl_v1", "amd_iommu", "pgtbl_v2", false},
	{"amd_iommu", "pgtbl_v2", "amd_iommu", "pgtbl_v1", false},
};

static char fold(char c)
{
	return c == '-' ? '_' : c;
}

static bool name_begins(const struct cmdline_token *token, const char *begin, size_t len)
{
	if (token->name_len < len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (fold(token->name[i]) != fold(begin[i]))
			return false;
	return true;
}

static bool name_fits(const struct cmdline_token *token, const char *pattern)
{
	size_t len = strlen(pattern);

	if (*pattern == '*')
		return token->name_len >= len &&
		       !memcmp(token->name + token->name_len - (len - 1), pattern + 1, len - 1);
	if (len && pattern[len - 1] == '*')
		return name_begins(token, pattern, len - 1);
	return cmdline_is(token, pattern);
}

const struct param *param_find(const struct cmdline_token *token)
{
	char c = token->name_len ? fold(*token->name) : '\0';

	/* The first letter is most of the work: this is done for every token of every entry. */
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		if ((*params[i].name == c || *params[i].name == '*') &&
		    name_fits(token, params[i].name))
			return &params[i];
	return &others;
}

bool slice_item(struct slice *rest, struct slice *ret)
{
	const char *comma;

	if (!rest->data)
		return false;
	comma = memchr(rest->data, ',', rest->size);
	*ret = (struct slice){rest->data, comma ? (size_t)(comma - rest->data) : rest->size};
	if (comma) {
		rest->data = comma + 1;
		rest->size -= ret->size + 1;
	} else {
		*rest = (struct slice){NULL, 0};
	}
	return true;
}

bool slice_in_list(struct slice item, struct slice list)
{
	struct slice other;

	while (slice_item(&list, &other))
		if (slice_equal(item, other))
			return true;
	return false;
}

bool slice_is(struct slice slice, const char *text)
{
	return slice.data && slice.size == strlen(text) && !memcmp(slice.data, text, slice.size);
}

bool slice_equal(struct slice a, struct slice b)
{
	if (!a.data || !b.data)
		return a.data == b.data;
	return a.size == b.size && !memcmp(a.data, b.data, a.size);
}

struct slice token_value(const struct cmdline_token *token)
{
	return (struct slice){token->value, token->value_len};
}

bool token_same_name(const struct cmdline_token *a, const struct cmdline_token *b)
{
	return a->name_len == b->name_len && name_begins(a, b->name, b->name_len);
}

static bool slice_number(struct slice slice, unsigned long long *ret)
{
	unsigned long long number = 0;

	if (!slice.data || !slice.size)
		return false;
	for (size_t i = 0; i < slice.size; i++)
		if (!isdigit((unsigned char)slice.data[i]) ||
		    __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (unsigned)(slice.data[i] - '0'), &number))
			return false;
	*ret = number;
	return true;
}

static int digit_of(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : 99;
}

bool value_size(struct slice value, unsigned long long *ret_bytes)
{
	static const char suffixes[] = "kmgtpe";
	unsigned long long bytes = 0;
	unsigned base = 10, shift = 0;
	const char *suffix;
	size_t i = 0;

	if (value.size > 2 && value.data[0] == '0' && (value.data[1] | 0x20) == 'x') {
		base = 16;
		i = 2;
	} else if (value.size && value.data[0] == '0') {
		base = 8;
	}
	for (; i < value.size && digit_of(value.data[i]) < (int)base; i++)
		if (__builtin_mul_overflow(bytes, base, &bytes) ||
		    __builtin_add_overflow(bytes, (unsigned)digit_of(value.data[i]), &bytes))
			return false;
	suffix = i < value.size ? strchr(suffixes, tolower((unsigned char)value.data[i])) : NULL;
	if (suffix && *suffix)
		shift = 10 * (unsigned)(suffix - suffixes + 1);
	if (!bytes || bytes > ~0ULL >> shift)
		return false;
	*ret_bytes = bytes << shift;
	return true;
}

/* The count of node in a list of NODE:N, -1 where it is not in it; the later one, as written last. */
static long long node_count(struct slice list, unsigned long long node)
{
	unsigned long long this_node, count;
	long long found = -1;
	struct slice item;

	while (slice_item(&list, &item)) {
		const char *colon = memchr(item.data, ':', item.size);
		size_t at = colon ? (size_t)(colon - item.data) : item.size;

		if (!colon || !slice_number((struct slice){item.data, at}, &this_node) ||
		    !slice_number((struct slice){colon + 1, item.size - at - 1}, &count) ||
		    count > ~0ULL >> 1)
			return -2;
		if (this_node == node)
			found = (long long)count;
	}
	return found;
}

/* All nodes that a names, and what they are to have, are in b too. */
static bool nodes_in(struct slice a, struct slice b)
{
	struct slice rest = a, item;
	unsigned long long node;

	while (slice_item(&rest, &item)) {
		const char *colon = memchr(item.data, ':', item.size);
		long long count;

		if (!colon ||
		    !slice_number((struct slice){item.data, (size_t)(colon - item.data)}, &node))
			return false;
		count = node_count(a, node);
		if (count < 0 || count != node_count(b, node))
			return false;
	}
	return true;
}

static bool pages_equal(struct slice a, struct slice b)
{
	unsigned long long x, y;

	if (slice_number(a, &x))
		return slice_number(b, &y) && x == y;
	return nodes_in(a, b) && nodes_in(b, a);
}

bool cpus_equal(struct slice a, struct slice b)
{
	_cleanup_free_ char *x = NULL, *y = NULL;
	cpu_set_t cpus_x, cpus_y;

	if (slice_equal(a, b))
		return true;
	if (!a.data || !b.data)
		return false;
	x = strndup(a.data, a.size);
	y = strndup(b.data, b.size);
	/* Without memory they differ: the caller then refuses rather than write. */
	return x && y && !cpulist_parse(x, &cpus_x) && !cpulist_parse(y, &cpus_y) &&
	       CPU_EQUAL(&cpus_x, &cpus_y);
}

bool value_equal(enum param_value kind, struct slice a, struct slice b)
{
	unsigned long long x, y;

	if (slice_equal(a, b))
		return true;
	if (!a.data || !b.data)
		return false;
	switch (kind) {
	case VALUE_CPUS:
		return cpus_equal(a, b);
	case VALUE_SIZE:
		return value_size(a, &x) && value_size(b, &y) && x == y;
	case VALUE_PAGES:
		return pages_equal(a, b);
	case VALUE_BYTES:
		break;
	}
	return false;
}

bool value_is_no(struct slice value)
{
	if (!value.data || !value.size)
		return false;
	if ((value.data[0] == 'o' || value.data[0] == 'O') && value.size > 1)
		return value.data[1] == 'f' || value.data[1] == 'F';
	return strchr("0nNfF", value.data[0]) != NULL;
}

struct isolation_value isolation_parse(const struct cmdline_token *token)
{
	static const char *const words[ISOLATE_COUNT] = {
		[ISOLATE_DOMAIN] = "domain",
		[ISOLATE_MANAGED_IRQ] = "managed_irq",
		[ISOLATE_NOHZ] = "nohz",
	};
	struct isolation_value value = {.list = token_value(token)};
	struct slice rest = value.list, item;

	if (cmdline_is(token, "nohz_full")) {
		value.flags = 1 << ISOLATE_NOHZ;
		return value;
	}
	/* A word that is no flag is passed over, as the kernel does; the last item is no flag. */
	while (rest.size && isalpha((unsigned char)*rest.data) && slice_item(&rest, &item) &&
	       rest.data) {
		for (int i = 0; i < ISOLATE_COUNT; i++)
			if (slice_is(item, words[i]))
				value.flags |= 1U << i;
		value.list = rest;
	}
	if (!value.flags)
		value.flags = 1 << ISOLATE_DOMAIN;
	return value;
}

bool param_opposes(const struct param *param)
{
	return param != &others && (param->class == PARAM_LIST || param->class == PARAM_LAST);
}

bool items_oppose(const struct cmdline_token *want, struct slice want_item,
		  const struct cmdline_token *other, struct slice other_item, bool *ret_sticky)
{
	for (size_t i = 0; i < ARRAY_SIZE(opposites); i++) {
		if (!want_item.size || *want_item.data != *opposites[i].item ||
		    !slice_is(want_item, opposites[i].item) ||
		    !cmdline_is(want, opposites[i].name) || !cmdline_is(other, opposites[i].other))
			continue;
		if (opposites[i].other_item == anything
			    ? value_is_no(other_item)
			    : slice_is(other_item, opposites[i].other_item)) {
			*ret_sticky = opposites[i].sticky;
			return true;
		}
	}
	return false;
}
