// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdint.h>
#include <string.h>

#include "bootcfg/plan.h"

/* --- the index: which change a path has, or a thousand entries would cost a million compares ---- */

static size_t slot_of(const struct plan *plan, const char *path)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (const unsigned char *at = (const unsigned char *)path; *at; at++)
		hash = (hash ^ *at) * 16777619U;
	return hash & (plan->index_size - 1);
}

static void index_add(struct plan *plan, size_t change)
{
	size_t slot = slot_of(plan, plan->changes[change].old.path);

	while (plan->index[slot])
		slot = (slot + 1) & (plan->index_size - 1);
	plan->index[slot] = change + 1;
}

static void index_fill(struct plan *plan)
{
	memset(plan->index, 0, plan->index_size * sizeof(*plan->index));
	for (size_t i = 0; i < plan->count; i++)
		index_add(plan, i);
}

/* Room for one more, at most half full. */
static int index_reserve(struct plan *plan)
{
	size_t size = plan->index_size ? plan->index_size * 2 : 64;
	size_t *index;

	if ((plan->count + 1) * 2 <= plan->index_size)
		return 0;
	index = reallocarray(plan->index, size, sizeof(*index));
	if (!index)
		return -ENOMEM;
	plan->index = index;
	plan->index_size = size;
	index_fill(plan);
	return 0;
}

struct change *plan_find(const struct plan *plan, const char *path)
{
	if (!plan->index_size)
		return NULL;
	for (size_t slot = slot_of(plan, path); plan->index[slot];
	     slot = (slot + 1) & (plan->index_size - 1)) {
		struct change *change = &plan->changes[plan->index[slot] - 1];

		if (!strcmp(change->old.path, path))
			return change;
	}
	return NULL;
}

/* --- changes ----------------------------------------------------------------------------------- */

static void change_free(struct change *change)
{
	file_free(&change->old);
	free(change->data);
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		change_free(&plan->changes[i]);
	path_list_free(&plan->made);
	path_list_free(&plan->prune);
	free(plan->changes);
	free(plan->index);
	*plan = (struct plan){.count = 0};
}

/* A copy with a NUL behind it, as file_read() has it. NULL without memory. */
static char *copy_bytes(const char *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		return NULL;
	if (size)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

static enum plan_kind kind_of(const struct change *change)
{
	const struct file *old = &change->old;

	if (!change->data)
		return old->exists ? PLAN_REMOVED : PLAN_UNCHANGED;
	if (!old->exists)
		return PLAN_CREATED;
	if (old->size == change->size && !memcmp(old->data, change->data, change->size))
		return PLAN_UNCHANGED;
	return PLAN_MODIFIED;
}

static int change_init(struct change *change, const struct file *file)
{
	struct file *old = &change->old;

	old->path = strdup(file->path);
	if (!old->path)
		return -ENOMEM;
	if (!file->exists)
		return 0;
	old->data = copy_bytes(file->data, file->size);
	if (!old->data)
		return -ENOMEM;
	old->exists = true;
	old->size = file->size;
	old->stat = file->stat;
	return 0;
}

/* Puts it behind the last of its rank. */
static int insert(struct plan *plan, const struct change *change)
{
	struct change *changes =
		reallocarray(plan->changes, plan->count + 1, sizeof(*plan->changes));
	size_t at = plan->count;

	if (!changes)
		return -ENOMEM;
	plan->changes = changes;
	if (index_reserve(plan) < 0)
		return -ENOMEM;
	while (at && changes[at - 1].rank > change->rank)
		at--;
	memmove(&changes[at + 1], &changes[at], (plan->count - at) * sizeof(*changes));
	changes[at] = *change;
	plan->count++;
	if (at == plan->count - 1)
		index_add(plan, at);
	else
		index_fill(plan); /* all that follow have moved */
	return 0;
}

int plan_put(struct plan *plan, enum plan_rank rank, const struct file *file, const char *data,
	     size_t size, mode_t mode)
{
	struct change *there = plan_find(plan, file->path);
	struct change change = {.rank = rank, .size = data ? size : 0, .mode = mode};

	if (data) {
		change.data = copy_bytes(data, size);
		if (!change.data)
			return -ENOMEM;
	}
	if (there) {
		free(there->data);
		there->data = change.data;
		there->size = change.size;
		there->mode = mode;
		there->kind = kind_of(there);
		return 0;
	}
	if (change_init(&change, file) < 0) {
		change_free(&change);
		return -ENOMEM;
	}
	change.kind = kind_of(&change);
	if (insert(plan, &change) < 0) {
		change_free(&change);
		return -ENOMEM;
	}
	return 0;
}

bool plan_changes(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->changes[i].kind != PLAN_UNCHANGED)
			return true;
	return false;
}

const char *plan_kind_word(enum plan_kind kind)
{
	static const char *const words[] = {
		[PLAN_CREATED] = "created",
		[PLAN_MODIFIED] = "modified",
		[PLAN_REMOVED] = "removed",
		[PLAN_UNCHANGED] = "unchanged",
	};

	return words[kind];
}
