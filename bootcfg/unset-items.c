// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/args.h"
#include "bootcfg/set-options.h"
#include "early/profile-values.h"
#include "early/text.h"

/* Items that are one key, or a whole section. */
static const struct {
	const char *item, *section, *key;
} plain[] = {
	{"cpus", "cpus", NULL},
	{"iommu", "kernel", "iommu"},
	{"isolcpus", "kernel", "isolcpus"},
	{"irqaffinity", "kernel", "irqaffinity"},
	{"acs-override", "kernel", "acs-override"},
	{"hugepages", "hugepages", NULL},
};

/* What is left while one item after the other is taken out. */
struct remover {
	const struct profile *profile;
	struct profile_sets sets;
	struct args args;
	bool args_changed;
	bool *gone; /* per [device] of the profile */
	size_t absent; /* items that would be understood, and are not in the profile */
	struct diag *diag;
};

static int out_of_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

static bool has_section(const struct profile *profile, const char *section, const char *name)
{
	for (size_t i = 0; i < profile->entry_count; i++)
		if (!strcmp(profile->entries[i].section, section) &&
		    !strcmp(profile->entries[i].name, name))
			return true;
	return false;
}

/* --- messages --------------------------------------------------------------------------------- */

static void list_item(struct text *list, const char *prefix, const char *name)
{
	text_add(list, "%s%s%s", list->size ? ", " : "", prefix, name);
}

static void list_plain(const struct profile *profile, struct text *list)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (plain[i].key ? !!profile_get(profile, plain[i].section, "", plain[i].key)
				 : has_section(profile, plain[i].section, ""))
			list_item(list, "", plain[i].item);
	}
}

/* All items that there are, for people to choose from. */
static void list_items(const struct remover *remover, struct text *list)
{
	const struct profile *profile = remover->profile;
	const struct profile_entry *entry = NULL;

	for (size_t i = 0; i < profile->device_count; i++)
		list_item(list, "device:", profile->devices[i].name);
	list_plain(profile, list);
	for (size_t i = 0; i < profile->entry_count; i++) {
		entry = &profile->entries[i];
		if (!strcmp(entry->section, "hugepages"))
			list_item(list, "hugepages:", entry->key);
	}
	for (size_t i = 0; i < remover->args.count; i++)
		list_item(list, "arg:", remover->args.items[i]);
	for (size_t i = 0; i < profile->entry_count; i++) {
		entry = &profile->entries[i];
		/* A section's keys lie side by side. */
		if (!strcmp(entry->section, "guest") &&
		    (!i || strcmp(entry[-1].section, "guest") != 0 ||
		     strcmp(entry[-1].name, entry->name) != 0))
			list_item(list, "guest:", entry->name);
	}
}

static int refuse(const struct remover *remover, const char *item, const char *why)
{
	_cleanup_text_ struct text list = {.error = 0};

	list_items(remover, &list);
	if (list.error)
		return out_of_memory(remover->diag);
	return diag_set(remover->diag, -EINVAL, NULL, 0, "unset %.100s: %s; there %s: %.300s", item,
			why, list.size ? "are" : "is", list.size ? list.data : "nothing");
}

/* The first one is what the message speaks of. */
static int not_there(struct remover *remover, const char *item)
{
	int r = remover->absent++ ? 0 : refuse(remover, item, "not in the profile");

	return r == -ENOMEM ? r : 0;
}

/* --- items ------------------------------------------------------------------------------------ */

static int take(struct remover *remover, const char *section, const char *name, const char *key)
{
	return profile_sets_add(&remover->sets, section, name, key, NULL) < 0
		       ? out_of_memory(remover->diag)
		       : 0;
}

static int take_device(struct remover *remover, const char *item, const char *name)
{
	const struct profile *profile = remover->profile;

	for (size_t i = 0; i < profile->device_count; i++) {
		if (strcmp(profile->devices[i].name, name) != 0)
			continue;
		remover->gone[i] = true;
		return take(remover, "device", name, NULL);
	}
	return not_there(remover, item);
}

static int take_pages(struct remover *remover, const char *item, const char *text)
{
	char size[PAGE_SIZE_STR];

	if (page_size_parse(text, strlen(text), size) < 0)
		return refuse(remover, item, "no page size");
	if (!profile_get(remover->profile, "hugepages", "", size))
		return not_there(remover, item);
	return take(remover, "hugepages", "", size);
}

static int take_arg(struct remover *remover, const char *item, const char *text)
{
	_cleanup_free_ char *token = NULL;
	struct diag wrong = DIAG_INIT;
	int r = args_token("arg", text, &token, &wrong);

	if (r == -ENOMEM)
		return out_of_memory(remover->diag);
	if (r < 0)
		return refuse(remover, item, "no kernel parameter");
	if (!args_take(&remover->args, token))
		return not_there(remover, item);
	remover->args_changed = true;
	return 0;
}

static int take_plain(struct remover *remover, const char *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (strcmp(plain[i].item, item) != 0)
			continue;
		if (plain[i].key
			    ? !profile_get(remover->profile, plain[i].section, "", plain[i].key)
			    : !has_section(remover->profile, plain[i].section, ""))
			return not_there(remover, item);
		return take(remover, plain[i].section, "", plain[i].key);
	}
	return refuse(remover, item, "no item");
}

/* What follows a prefix, or NULL. */
static const char *after(const char *item, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(item, prefix, len) ? NULL : item + len;
}

static int take_item(struct remover *remover, const char *item)
{
	const char *name;

	if ((name = after(item, "device:")))
		return take_device(remover, item, name);
	if ((name = after(item, "hugepages:")))
		return take_pages(remover, item, name);
	if ((name = after(item, "arg:")))
		return take_arg(remover, item, name);
	if ((name = after(item, "guest:")))
		return has_section(remover->profile, "guest", name)
			       ? take(remover, "guest", name, NULL)
			       : not_there(remover, item);
	return take_plain(remover, item);
}

/* --- what goes with them ---------------------------------------------------------------------- */

static bool is_gone(const struct remover *remover, const struct profile_item *item)
{
	for (size_t i = 0; i < remover->profile->device_count; i++) {
		const char *name = remover->profile->devices[i].name;

		if (remover->gone[i] && strlen(name) == item->len &&
		    !memcmp(name, item->text, item->len))
			return true;
	}
	return false;
}

/* A guest that names a device that is not there would make the profile unreadable. */
static int mend_guest(struct remover *remover, const struct profile_entry *entry)
{
	_cleanup_text_ struct text left = {.error = 0};
	const char *at = entry->value;
	struct profile_item item;

	while (profile_item_next(&at, &item))
		if (!is_gone(remover, &item))
			text_add(&left, "%s%.*s", left.size ? "," : "", (int)item.len, item.text);
	if (left.error)
		return out_of_memory(remover->diag);
	if (left.size == strlen(entry->value))
		return 0;
	return profile_sets_add(&remover->sets, "guest", entry->name, "devices",
				left.size ? left.data : NULL) < 0
		       ? out_of_memory(remover->diag)
		       : 0;
}

static int mend(struct remover *remover)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < remover->profile->entry_count; i++) {
		const struct profile_entry *entry = &remover->profile->entries[i];

		if (!strcmp(entry->section, "guest") && !strcmp(entry->key, "devices"))
			r = mend_guest(remover, entry);
	}
	if (r == 0 && remover->args_changed) {
		_cleanup_free_ char *args = args_join(&remover->args);

		if (!args ||
		    profile_sets_add(&remover->sets, "kernel", "", "args", *args ? args : NULL) < 0)
			return out_of_memory(remover->diag);
	}
	return r;
}

/* --- all -------------------------------------------------------------------------------------- */

static int take_all(struct remover *remover)
{
	const struct profile *profile = remover->profile;
	int r = 0;

	for (size_t i = 0; r == 0 && i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];

		/* A section's keys lie side by side. */
		if (!i || strcmp(entry[-1].section, entry->section) != 0 ||
		    strcmp(entry[-1].name, entry->name) != 0)
			r = take(remover, entry->section, entry->name, NULL);
	}
	return r;
}

static void remover_free(struct remover *remover)
{
	profile_sets_free(&remover->sets);
	args_free(&remover->args);
	free(remover->gone);
}

int unset_items(const struct cmd_call *call, const struct profile *profile,
		struct profile_sets *ret, struct diag *diag)
{
	const struct profile_entry *entry = profile_get(profile, "kernel", "", "args");
	_cleanup_(remover_free) struct remover remover = {.profile = profile, .diag = diag};
	int r;

	remover.gone = calloc(profile->device_count + 1, sizeof(*remover.gone));
	if (!remover.gone || args_parse(entry ? entry->value : NULL, &remover.args) < 0)
		return out_of_memory(diag);
	r = call->operand_count ? 0 : take_all(&remover);
	for (size_t i = 0; r == 0 && i < call->operand_count; i++)
		r = take_item(&remover, call->operands[i]);
	if (r == 0 && remover.absent)
		return remover.absent == call->operand_count ? -ENODATA : -EINVAL;
	if (r == 0 && call->operand_count)
		r = mend(&remover);
	if (r < 0)
		return r;
	*ret = remover.sets;
	remover.sets = (struct profile_sets){.count = 0};
	return 0;
}
