// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/acs.h"
#include "early/cmdline.h"

static bool parse_id(const char *text, size_t len, struct acs_override *override)
{
	unsigned vendor, device;
	char copy[16];
	int end = 0;

	if (len != strlen("8086:1901"))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (strspn(copy, "0123456789abcdefABCDEF:") != len ||
	    sscanf(copy, "%4x:%4x%n", &vendor, &device, &end) != 2 || (size_t)end != len)
		return false;
	override->ids[override->id_count].vendor = (uint16_t)vendor;
	override->ids[override->id_count++].device = (uint16_t)device;
	return true;
}

int acs_override_parse(const char *text, struct acs_override *ret)
{
	struct acs_override override = {.id_count = 0};

	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ",");

		if (len == strlen("downstream") && !strncmp(at, "downstream", len)) {
			override.downstream = true;
		} else if (len == strlen("multifunction") && !strncmp(at, "multifunction", len)) {
			override.multifunction = true;
		} else if (len > 3 && !strncmp(at, "id:", 3)) {
			if (override.id_count == ACS_IDS)
				return -E2BIG;
			if (!parse_id(at + 3, len - 3, &override))
				return -EINVAL;
		} else {
			return -EINVAL;
		}
		at += len;
		if (*at == '\0')
			break;
	}
	*ret = override;
	return 0;
}

bool acs_override_find(const char *text, size_t size, struct acs_override *ret)
{
	char value[ACS_OVERRIDE_STR] = "";
	struct cmdline_token token;
	struct cmdline cmdline;
	size_t at = 0;

	cmdline_init(&cmdline, text, size);
	while (cmdline_next(&cmdline, &token)) {
		if (token.for_init || !cmdline_is(&token, "pcie_acs_override") || !token.value ||
		    at + token.value_len + 2 > sizeof(value))
			continue;
		at += (size_t)snprintf(value + at, sizeof(value) - at, "%s%.*s", at ? "," : "",
				       (int)token.value_len, token.value);
	}
	return !acs_override_parse(value, ret);
}

char *acs_override_format(const struct acs_override *override, char buf[static ACS_OVERRIDE_STR])
{
	size_t at = 0;

	buf[0] = '\0';
	if (override->downstream)
		at += (size_t)snprintf(buf + at, ACS_OVERRIDE_STR - at, "downstream,");
	if (override->multifunction)
		at += (size_t)snprintf(buf + at, ACS_OVERRIDE_STR - at, "multifunction,");
	for (size_t i = 0; i < override->id_count; i++)
		at += (size_t)snprintf(buf + at, ACS_OVERRIDE_STR - at, "id:%04x:%04x,",
				       override->ids[i].vendor, override->ids[i].device);
	if (at)
		buf[at - 1] = '\0';
	return buf;
}

size_t acs_override_reach(const struct acs_machine *machine, const struct acs_override *override)
{
	const struct acs_view with = {.iommu_on = true, .override = *override};
	const struct acs_view without = {.iommu_on = true};
	size_t count = 0;

	for (size_t i = 0; i < machine->count; i++)
		count += acs_isolates(machine, &with, i) && !acs_isolates(machine, &without, i);
	return count;
}

/* --- the least -------------------------------------------------------------------------------- */

struct search {
	const struct acs_machine *machine;
	struct acs_member *members;
	acs_wanted wanted;
	void *data;
};

/* 1 where the override does what is wanted, 0 where it does not, -ENOMEM. */
static int try(const struct search *search, const struct acs_override *override)
{
	const struct acs_view view = {.iommu_on = true, .override = *override};
	int r = acs_groups(search->machine, &view, search->members);

	return r < 0 ? r : search->wanted(search->data, search->members);
}

/* Takes the better of two; NULL is none. */
static void keep_better(const struct search *search, const struct acs_override *override,
			struct acs_override *best, size_t *best_reach)
{
	size_t reach = acs_override_reach(search->machine, override);

	if (reach >= *best_reach)
		return;
	*best = *override;
	*best_reach = reach;
}

static void drop_id(struct acs_override *override, size_t index)
{
	override->id_count--;
	memmove(&override->ids[index], &override->ids[index + 1],
		(override->id_count - index) * sizeof(override->ids[0]));
}

static bool has_id(const struct acs_override *override, const struct acs_function *f)
{
	for (size_t i = 0; i < override->id_count; i++)
		if (override->ids[i].vendor == f->vendor && override->ids[i].device == f->device)
			return true;
	return false;
}

/*
 * By ids: first of all whose isolation would change anything, then without each that is not needed. 1, 0 or
 * -ENOMEM as try().
 */
static int try_ids(const struct search *search, struct acs_override *override)
{
	const struct acs_view without = {.iommu_on = true};
	int r;

	*override = (struct acs_override){.id_count = 0};
	for (size_t i = 0; i < search->machine->count; i++) {
		const struct acs_function *f = &search->machine->functions[i];

		if (!f->config.express || f->config.acs || has_id(override, f) ||
		    acs_isolates(search->machine, &without, i))
			continue;
		if (override->id_count == ACS_IDS)
			return 0;
		override->ids[override->id_count].vendor = f->vendor;
		override->ids[override->id_count++].device = f->device;
	}
	r = override->id_count ? try(search, override) : 0;
	for (size_t i = override->id_count; r == 1 && i-- > 0;) {
		struct acs_override less = *override;
		int still;

		drop_id(&less, i);
		still = less.id_count ? try(search, &less) : 0;
		if (still < 0)
			return still;
		if (still)
			*override = less;
	}
	return r;
}

int acs_least_override(const struct acs_machine *machine, acs_wanted wanted, void *data,
		       struct acs_override *ret)
{
	static const struct acs_override words[] = {
		{.downstream = true},
		{.multifunction = true},
		{.downstream = true, .multifunction = true},
	};
	const struct acs_override none = {.id_count = 0};
	_cleanup_free_ struct acs_member *members = calloc(machine->count + 1, sizeof(*members));
	const struct search search = {machine, members, wanted, data};
	struct acs_override best, ids;
	size_t reach = SIZE_MAX;
	int r;

	if (!members)
		return -ENOMEM;
	r = try(&search, &none);
	if (r)
		return r < 0 ? r : -ENOENT;
	r = try_ids(&search, &ids);
	if (r == 1)
		keep_better(&search, &ids, &best, &reach);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++) {
		r = try(&search, &words[i]);
		if (r == 1)
			keep_better(&search, &words[i], &best, &reach);
	}
	if (r < 0)
		return r;
	if (reach == SIZE_MAX)
		return -ENOENT;
	*ret = best;
	return 0;
}
