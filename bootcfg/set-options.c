// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/args.h"
#include "bootcfg/device-set.h"
#include "bootcfg/set-options.h"
#include "early/profile-keys.h"
#include "early/profile-values.h"

static int out_of_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* Of an option that was given more than once the last one counts, as in most programs. */
static const char *last_value(const struct cmd_call *call, const char *option)
{
	const char *value = NULL;

	for (size_t n = 0; cmd_value(call, option, n); n++)
		value = cmd_value(call, option, n);
	return value;
}

/* Control characters would be lines of their own in the profile. */
static int check_text(const char *option, const char *value, struct diag *diag)
{
	for (const char *at = value; *at; at++)
		if ((*at >= 0 && *at < ' ' && *at != '\t') || *at == 0x7f)
			return diag_set(diag, -EINVAL, NULL, 0,
					"--%s %s: a control character in the value", option, value);
	return 0;
}

/* Adds a key as the profile's own rules take it; they cut the value up and look at the byte before it. */
static int add_checked(struct profile_sets *sets, const char *option, enum profile_kind kind,
		       const char *key, const char *value, struct diag *diag)
{
	struct profile_entry entry = {.section = profile_kind_word(kind), .name = "", .key = key};
	_cleanup_free_ char *copy = NULL;
	struct diag wrong = DIAG_INIT;
	int r = check_text(option, value, diag);

	if (r < 0)
		return r;
	if (asprintf(&copy, " %s", value) < 0) {
		copy = NULL;
		return out_of_memory(diag);
	}
	entry.value = copy + 1;
	if (profile_take(kind, &entry, NULL, &wrong) < 0)
		return diag_set(diag, -EINVAL, NULL, 0, "--%s: %s", option, wrong.text);
	return profile_sets_add(sets, entry.section, "", key, entry.value) < 0 ? out_of_memory(diag)
									       : 0;
}

/* --- options with one value ------------------------------------------------------------------- */

static int add_plain(const struct cmd_call *call, struct profile_sets *sets, struct diag *diag)
{
	static const struct {
		const char *option, *key;
		enum profile_kind kind;
	} plain[] = {
		{"cpus", "isolate", PROFILE_CPUS},
		{"iommu", "iommu", PROFILE_KERNEL},
		{"isolcpus", "isolcpus", PROFILE_KERNEL},
		{"irqaffinity", "irqaffinity", PROFILE_KERNEL},
		{"acs-override", "acs-override", PROFILE_KERNEL},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(plain); i++) {
		const char *value = last_value(call, plain[i].option);

		if (value)
			r = add_checked(sets, plain[i].option, plain[i].kind, plain[i].key, value,
					diag);
	}
	return r;
}

static int check_iommu(const struct cmd_call *call, const struct profile *profile, size_t devices,
		       struct diag *diag)
{
	const char *value = last_value(call, "iommu");
	const struct profile_entry *entry = profile_get(profile, "kernel", "", "iommu");

	if (!devices)
		return 0;
	if (value && !strcmp(value, "off"))
		return diag_set(diag, -EPERM, NULL, 0,
				"--iommu off: the profile has a [device], and without the IOMMU no "
				"card can be given to a guest");
	if (!value && entry && !strcmp(entry->value, "off"))
		return diag_set(diag, -EPERM, entry->file, entry->line,
				"--device: `iommu = off` is set, and without the IOMMU no card can "
				"be given to a guest; add --iommu pt");
	return 0;
}

/* --- --hugepages ------------------------------------------------------------------------------ */

int page_size_parse(const char *text, size_t size, char ret[static PAGE_SIZE_STR])
{
	static const char units[] = "kmg";
	char canonical[PAGE_SIZE_STR];
	unsigned long long kib = 0;
	size_t at = 0, unit;

	for (; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
		kib = kib * 10 + (unsigned)(text[at] - '0');
		if (kib > 1ULL << 40)
			return -EINVAL;
	}
	if (!at || at + 1 != size || !strchr(units, text[at] | 0x20))
		return -EINVAL;
	unit = (size_t)(strchr(units, text[at] | 0x20) - units);
	if (!kib)
		return -EINVAL;
	kib <<= 10 * unit;
	for (unit = 0; unit < 2 && kib % 1024 == 0; unit++)
		kib /= 1024;
	snprintf(canonical, sizeof(canonical), "%llu%c", kib, "KMG"[unit]);
	if (!value_is_page_size(canonical))
		return -EINVAL;
	memcpy(ret, canonical, sizeof(canonical));
	return 0;
}

static int add_pages(const struct cmd_call *call, struct profile_sets *sets, struct diag *diag)
{
	const char *given;
	int r = 0;

	for (size_t n = 0; r == 0 && (given = cmd_value(call, "hugepages", n)); n++) {
		const char *equals = strchr(given, '=');
		char size[PAGE_SIZE_STR];

		if (!equals || page_size_parse(given, (size_t)(equals - given), size) < 0)
			return diag_set(diag, -EINVAL, NULL, 0,
					"--hugepages %s: expected SIZE=VALUE, where SIZE is that "
					"of a huge page, such as 2M or 1G, and VALUE a count or "
					"NODE:COUNT,...",
					given);
		if (!strcmp(equals + 1, "0"))
			r = profile_sets_add(sets, "hugepages", "", size, NULL) < 0
				    ? out_of_memory(diag)
				    : 0;
		else
			r = add_checked(sets, "hugepages", PROFILE_HUGEPAGES, size, equals + 1,
					diag);
	}
	return r;
}

/* --- --arg ------------------------------------------------------------------------------------ */

static int add_args(const struct cmd_call *call, const struct profile *profile,
		    struct profile_sets *sets, struct diag *diag)
{
	const struct profile_entry *entry = profile_get(profile, "kernel", "", "args");
	_cleanup_args_ struct args args = {.count = 0};
	_cleanup_free_ char *joined = NULL;
	const char *given;

	if (!cmd_has(call, "arg"))
		return 0;
	if (args_parse(entry ? entry->value : NULL, &args) < 0)
		return out_of_memory(diag);
	for (size_t n = 0; (given = cmd_value(call, "arg", n)); n++) {
		_cleanup_free_ char *token = NULL;
		int r = args_token("--arg", given, &token, diag);

		if (r < 0)
			return r;
		if (args_put(&args, token) < 0)
			return out_of_memory(diag);
	}
	joined = args_join(&args);
	if (!joined || profile_sets_add(sets, "kernel", "", "args", joined) < 0)
		return out_of_memory(diag);
	return 0;
}

int set_options(const struct cmd_call *call, const struct profile *profile,
		struct profile_sets *ret, struct remarks *remarks, struct diag *diag)
{
	_cleanup_sets_ struct profile_sets sets = {.count = 0};
	size_t devices = 0;
	int r;

	r = device_set_all(call, profile, &sets, &devices, remarks, diag);
	if (r == 0)
		r = add_plain(call, &sets, diag);
	if (r == 0)
		r = check_iommu(call, profile, devices, diag);
	if (r == 0)
		r = add_pages(call, &sets, diag);
	if (r == 0)
		r = add_args(call, profile, &sets, diag);
	if (r < 0)
		return r;
	*ret = sets;
	sets = (struct profile_sets){.count = 0};
	return 0;
}
