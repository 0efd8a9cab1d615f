// SPDX-License-Identifier: GPL-2.0-or-later
/* [kernel] args: what the user adds by hand must not say what other keys say. */
#include <string.h>

#include "bootcfg/edit.h"
#include "bootcfg/param.h"
#include "bootcfg/policy-parts.h"
#include "early/cmdline.h"

static bool list_has(const struct cmdline_token *token, const char *item)
{
	const char *at = token->value, *end = at + token->value_len;
	size_t len = strlen(item);

	while (at && at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t size = (size_t)((comma ? comma : end) - at);

		if (size == len && !memcmp(at, item, len))
			return true;
		at += size + 1;
	}
	return false;
}

bool policy_args_have(const struct policy *policy, const char *name, const char *item)
{
	const struct profile_entry *entry = policy_kernel_key(policy, "args");
	struct cmdline_token token;
	struct cmdline cmdline;

	if (!entry)
		return false;
	cmdline_init(&cmdline, entry->value, strlen(entry->value));
	while (cmdline_next(&cmdline, &token))
		if (cmdline_is(&token, name) && list_has(&token, item))
			return true;
	return false;
}

/* Parameters that a key of the profile gives, and how; the others are looked for in the wants. */
static const struct {
	const char *name, *cure;
} better[] = {
	{"hugepagesz", "write [hugepages] SIZE = COUNT"},
	{"hugepages", "write [hugepages] SIZE = COUNT"},
	{"vfio-pci.ids", "it takes every card of a kind; name the card in a [device]"},
	{"pci-stub.ids", "it takes every card of a kind; name the card in a [device]"},
};

static const char *const off[] = {"iommu", "intel_iommu", "amd_iommu"};

/* Lists to which several may add: intel_iommu=on by us, intel_iommu=sm_on by args. */
static bool adds_up(const struct cmdline_token *token, const struct cmdline_token *wanted)
{
	char item[16];

	if (!cmdline_is(token, "iommu") && !cmdline_is(token, "intel_iommu"))
		return false;
	if (wanted->value_len >= sizeof(item))
		return true;
	memcpy(item, wanted->value, wanted->value_len);
	item[wanted->value_len] = '\0';
	return token->value && !list_has(token, item);
}

/* The want that has a token of this name already, or NULL. */
static const struct want *given(const struct policy *policy, const struct cmdline_token *token,
				const char *name)
{
	for (size_t i = 0; i < policy->wants.count; i++) {
		const struct want *want = &policy->wants.items[i];
		struct cmdline_token wanted;
		struct cmdline cmdline;

		if (!strcmp(want->item, "arg"))
			continue;
		cmdline_init(&cmdline, want->text, strlen(want->text));
		while (cmdline_next(&cmdline, &wanted))
			if (cmdline_is(&wanted, name) && !adds_up(token, &wanted))
				return want;
	}
	return NULL;
}

/* Another of the args that leaves this one without effect, since the kernel takes one value; or NULL. */
static const struct want *rival(const struct policy *policy, const struct cmdline_token *token)
{
	const struct param *param = param_find(token);

	for (size_t i = 0; param->class == PARAM_LAST && i < policy->wants.count; i++) {
		const struct want *want = &policy->wants.items[i];
		struct cmdline_token other;
		struct cmdline cmdline;

		if (strcmp(want->item, "arg") != 0)
			continue;
		cmdline_init(&cmdline, want->text, strlen(want->text));
		if (cmdline_next(&cmdline, &other) && token_same_name(token, &other) &&
		    !value_equal(param->value, token_value(token), token_value(&other)))
			return want;
	}
	return NULL;
}

static int refuse(const struct policy *policy, int error, const struct profile_entry *entry,
		  const char *unit, const char *why)
{
	return diag_set(policy->diag, error, entry->file, entry->line, "args: `%.100s`: %s", unit,
			why);
}

static int check(const struct policy *policy, const struct profile_entry *entry,
		 const struct cmdline_token *token, const char *unit)
{
	_cleanup_free_ char *name = strndup(token->name, token->name_len);
	const struct want *want;

	if (!name)
		return policy_oom(policy->diag);
	if (unit_protected(unit))
		return refuse(policy, -EBADMSG, entry, unit,
			      "this is the boot loader's own; set it there");
	for (size_t i = 0; i < ARRAY_SIZE(better); i++)
		if (cmdline_is(token, better[i].name))
			return refuse(policy, -EBADMSG, entry, unit, better[i].cure);
	for (size_t i = 0; i < ARRAY_SIZE(off) && policy->wants.forbidden_count; i++)
		if (cmdline_is(token, off[i]) && list_has(token, "off"))
			return refuse(policy, -EPERM, entry, unit,
				      "without an IOMMU no card can be handed to a guest, and the "
				      "rest of the profile wants one; take it out");
	want = given(policy, token, name);
	if (want)
		return diag_set(policy->diag, -EBADMSG, entry->file, entry->line,
				"args: `%.100s`: %.100s:%u gives `%.100s`; keep one of them", unit,
				want->file, want->line, want->text);
	want = rival(policy, token);
	if (want)
		return diag_set(policy->diag, -EBADMSG, entry->file, entry->line,
				"args: `%.100s`: the kernel takes one value, and `%.100s` stands "
				"before it; keep one of them",
				unit, want->text);
	return 0;
}

static bool added(const struct policy *policy, const char *unit)
{
	for (size_t i = 0; i < policy->wants.count; i++)
		if (!strcmp(policy->wants.items[i].text, unit))
			return true;
	return false;
}

int policy_args(struct policy *policy)
{
	const struct profile_entry *entry = policy_kernel_key(policy, "args");
	struct cmdline_token token;
	struct cmdline cmdline;
	int r = 0;

	if (!entry)
		return 0;
	cmdline_init(&cmdline, entry->value, strlen(entry->value));
	while (r == 0 && cmdline_next(&cmdline, &token)) {
		_cleanup_free_ char *unit = strndup(token.raw, token.raw_len);

		if (!unit)
			return policy_oom(policy->diag);
		if (cmdline_is(&token, "amd_iommu") && cmdline_value_is(&token, "on")) {
			remark(policy->remarks,
			       "%s:%u: args: amd_iommu=on is left out: it is no option of Linux, "
			       "AMD's IOMMU is on by default",
			       entry->file, entry->line);
			continue;
		}
		r = check(policy, entry, &token, unit);
		if (r == 0 && !added(policy, unit))
			r = policy_add(policy, "arg", entry, "%s", unit);
	}
	return r;
}
