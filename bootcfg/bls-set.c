// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <strings.h>

#include "bootcfg/bls-set.h"
#include "bootcfg/edit.h"
#include "bootcfg/json.h"

#define MISSING_MAX 8 /* entries: more are no surprise any more */

/* What systemd-boot reads: any letter case, since the partition is a FAT. */
static bool is_entry_name(const char *name)
{
	size_t len = strlen(name), tail = strlen(".conf");

	return len > tail && !strcasecmp(name + len - tail, ".conf") &&
	       strncasecmp(name, "auto-", strlen("auto-")) != 0;
}

/* kernel-install's note of whose the entries are: "type1" is what this file is about. */
static int is_other_type(const struct boot_context *context, const char *dir, struct diag *diag)
{
	_cleanup_file_ struct file file = {.exists = false};
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/loader/entries.srel", dir) < 0) {
		path = NULL;
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	}
	r = file_read(context->root, path, &file, diag);
	if (r < 0 || !file.exists)
		return r;
	if (!strncmp(file.data, "type1", 5) && strspn(file.data + 5, "\r\n \t") == file.size - 5)
		return 0;
	remark(context->remarks,
	       "/%s says that the boot entries are not of type 1: they are left alone", path);
	return 1;
}

static int add_entry(struct bls_set *set, struct bls_entry *entry)
{
	struct bls_entry *entries = reallocarray(set->entries, set->count + 1, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	set->entries = entries;
	entries[set->count++] = *entry;
	return 0;
}

static int read_entry(const struct boot_context *context, const char *path,
		      const struct system_id *id, struct bls_set *set, struct diag *diag)
{
	_cleanup_file_ struct file file = {.exists = false};
	struct bls_entry entry;
	enum bls_whose whose;
	int r = file_read(context->root, path, &file, diag);

	if (r == -EISDIR || (!r && !file.exists))
		return 0;
	if (!r)
		r = bls_parse(&file, &entry, diag);
	if (r < 0)
		return r;
	whose = bls_whose(&entry, id);
	if (whose == BLS_OURS) {
		if (!add_entry(set, &entry))
			return 0;
		bls_free(&entry);
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	}
	if (whose == BLS_OTHER && bls_field(&entry, "linux", 0))
		remark(context->remarks, "/%s is of another system, and left alone", path);
	set->others++;
	bls_free(&entry);
	return 0;
}

int bls_set_read(const struct boot_context *context, const char *dir, const struct system_id *id,
		 struct bls_set *set, struct diag *diag)
{
	_cleanup_names_ char **names = NULL;
	_cleanup_free_ char *entries = NULL;
	int r = is_other_type(context, dir, diag);

	if (r)
		return r < 0 ? r : 0;
	if (asprintf(&entries, "%s/loader/entries", dir) < 0) {
		entries = NULL;
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	}
	r = names_read(context->root, entries, "", &names, diag);
	for (size_t i = 0; !r && names[i]; i++) {
		_cleanup_free_ char *path = NULL;

		if (!is_entry_name(names[i]))
			continue;
		if (asprintf(&path, "%s/%s", entries, names[i]) < 0) {
			path = NULL;
			return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
		}
		r = read_entry(context, path, id, set, diag);
	}
	return r;
}

void bls_set_free(struct bls_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		bls_free(&set->entries[i]);
	free(set->entries);
	*set = (struct bls_set){.count = 0};
}

const struct bls_entry *bls_set_newest(const struct bls_set *set)
{
	const struct bls_entry *newest = NULL;
	_cleanup_free_ char *best = NULL;

	for (size_t i = 0; i < set->count; i++) {
		_cleanup_free_ char *kernel = NULL;

		if (bls_kernel(&set->entries[i], &kernel) < 0 || !kernel)
			continue;
		if (best && strverscmp(kernel, best) <= 0)
			continue;
		free(best);
		best = steal(&kernel);
		newest = &set->entries[i];
	}
	return newest;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int forget_others(const struct boot_context *context, const char *head,
			 const char *const *keys, char **known, size_t known_count)
{
	const struct owned_list nothing = {.count = 0};
	int r = 0;

	for (size_t i = 0; !r && keys[i]; i++)
		if (!strncmp(keys[i], head, strlen(head)) &&
		    !bsearch(&keys[i], known, known_count, sizeof(*known), compare))
			r = state_put(context->state, keys[i], &nothing, false);
	return r;
}

int bls_set_forget(const struct boot_context *context, const char *dir, const struct bls_set *set)
{
	_cleanup_free_ const char **keys = state_keys(context->state);
	_cleanup_names_ char **known = calloc(set->count + 1, sizeof(*known));
	_cleanup_free_ char *head = NULL;

	/* None at all: it is not mounted. */
	if (!set->count)
		return 0;
	if (!keys || !known)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++) {
		known[i] = bls_key(&set->entries[i]);
		if (!known[i])
			return -ENOMEM;
	}
	qsort(known, set->count, sizeof(*known), compare);
	if (asprintf(&head, "%s/loader/entries/", dir) < 0) {
		head = NULL;
		return -ENOMEM;
	}
	return forget_others(context, head, keys, known, set->count);
}

/* --- what is ours in an entry ------------------------------------------------------------------ */

struct claiming {
	const struct owned_list *source;
	struct owned_list *owned;
	bool found; /* for has_any_of() */
};

static const struct owned *same_unit(const struct owned_list *list, const char *unit)
{
	for (size_t i = 0; i < list->count; i++)
		if (unit_equal(list->items[i].text, unit))
			return &list->items[i];
	return NULL;
}

static int claim_unit(void *data, const char *unit, size_t size)
{
	struct claiming *claiming = data;
	_cleanup_free_ char *copy = strndup(unit, size);
	const struct owned *ours;

	if (!copy)
		return -ENOMEM;
	ours = same_unit(claiming->source, copy);
	if (!ours)
		return 0;
	claiming->found = true;
	if (!claiming->owned || same_unit(claiming->owned, copy))
		return 0;
	return owned_add(claiming->owned, copy, ours->was);
}

/* What systemd-boot puts in front: `initrd=\PATH ` for each of them. */
static size_t prefix_of(const struct bls_entry *entry)
{
	const struct bls_field *field;
	size_t bytes = 0;

	for (size_t i = 0; (field = bls_field(entry, "initrd", i)); i++)
		bytes += strlen("initrd=\\ ") + field->value_size;
	return bytes;
}

/* Returns whether the file of a field is there, which is remarked where it is not, or -ENOMEM. */
static int is_there(const struct boot_context *context, const struct bls_entry *entry,
		    const struct bls_field *field, const char *what)
{
	_cleanup_free_ char *path = bls_path(entry, field);

	if (!path)
		return -ENOMEM;
	if (!field->value_size || root_exists(context->root, path))
		return 1;
	remark(context->remarks, "/%s:%u: /%s is not there: %s; make the entry anew or remove it",
	       entry->file.path, field->line, path, what);
	return 0;
}

int bls_remark_missing(const struct boot_context *context, struct bls_set *set,
		       const struct bls_entry *entry, const struct boot_line *line)
{
	static const char *const keys[] = {"linux", "efi", "uki"};
	const struct bls_field *field;
	int r = 1;

	if (set->missing == MISSING_MAX ||
	    (context->kernel && line->kernel && strcmp(line->kernel, context->kernel) != 0))
		return 0;
	/* The first file of them tells enough. */
	for (size_t i = 0; r > 0 && i < ARRAY_SIZE(keys); i++)
		if ((field = bls_field(entry, keys[i], 0)))
			r = is_there(context, entry, field, "the entry is not shown");
	for (size_t i = 0; r > 0 && (field = bls_field(entry, "initrd", i)); i++)
		r = is_there(context, entry, field, "the entry cannot be booted");
	set->missing += !r;
	return r < 0 ? r : 0;
}

int bls_claim(const struct boot_context *context, const struct bls_entry *entry,
	      const struct owned_list *source, struct boot_line *line)
{
	_cleanup_free_ char *key = bls_key(entry), *text = NULL;
	const struct owned_list *owned;
	int r = key ? bls_line(entry, false, line) : -ENOMEM;

	if (r < 0)
		return r;
	line->prefix = prefix_of(entry);
	if (entry->ours || !context->state)
		return 0;
	line->owned_known = state_found(context->state);
	owned = state_owned(context->state, key);
	if (owned && owned_copy(owned, &line->owned) < 0)
		return -ENOMEM;
	if (!source || !source->count)
		return 0;
	text = boot_line_text(line);
	if (!text)
		return -ENOMEM;
	r = line_units(text, claim_unit,
		       &(struct claiming){.source = source, .owned = &line->owned});
	return r == -EBADMSG ? 0 : r; /* line_edit() says what is wrong with it */
}

/* Whether something of the source that is ours stands in the line, too. */
static bool has_any_of(const struct boot_line *line, const struct owned_list *source)
{
	_cleanup_free_ char *text = boot_line_text(line);
	struct claiming claiming = {.source = source};

	return text && line_units(text, claim_unit, &claiming) == 0 && claiming.found;
}

int bls_plan(const struct boot_context *context, struct bls_entry *entry,
	     const struct boot_line *line, const struct owned_list *source, struct plan *plan)
{
	_cleanup_free_ char *key = NULL, *data = NULL;
	size_t size = entry->file.size;
	int r;

	if (line->read_only ||
	    (context->kernel && line->kernel && strcmp(line->kernel, context->kernel) != 0))
		return 0;
	entry->mark = source && !line->owned_after.count && has_any_of(line, source);
	if (line->changed || entry->ours != (entry->mark || line->owned_after.count)) {
		r = bls_write(entry, line, &data, &size);
		if (r < 0)
			return r;
	}
	key = bls_key(entry);
	if (!key || plan_put(plan, PLAN_ENTRY, &entry->file, data ? data : entry->file.data, size,
			     0644) < 0)
		return -ENOMEM;
	return state_put(context->state, key, &line->owned_after, false);
}

/* --- quote ------------------------------------------------------------------------------------- */

int bls_quote(const char *unit, struct diag *diag)
{
	_cleanup_json_ json_t *text = json_string(unit);

	if (!text)
		return diag_set(diag, -EINVAL, NULL, 0,
				"`%.200s` is no UTF-8, which boot entries have to be", unit);
	for (const char *at = unit; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return diag_set(diag, -EINVAL, NULL, 0,
					"`%.200s` has a control character, which a boot entry "
					"cannot carry",
					unit);
		if (*at == ' ' && at[1] == ' ')
			return diag_set(diag, -EINVAL, NULL, 0,
					"`%.200s` has two blanks in a row, of which kernel-install "
					"makes one",
					unit);
	}
	if (*unit == '#')
		return diag_set(diag, -EINVAL, NULL, 0,
				"`%.200s` begins with `#`, and would be taken for a comment", unit);
	return 0;
}
