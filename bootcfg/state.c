// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/json-bytes.h"
#include "bootcfg/place.h"
#include "bootcfg/state.h"

#define STATE_VERSION 1
#define PROFILE_KEY "profile:"

struct entry {
	char *key;
	struct owned_list owned;
	bool created;
};

struct state {
	const struct root *root; /* the caller's */
	struct file file; /* as it was read */
	struct entry *entries; /* sorted by key */
	size_t count;
	struct path_list dirs; /* made by us, upper ones first */
};

static void entry_free(struct entry *entry)
{
	free(entry->key);
	owned_free(&entry->owned);
}

void state_free(struct state *state)
{
	if (!state)
		return;
	for (size_t i = 0; i < state->count; i++)
		entry_free(&state->entries[i]);
	free(state->entries);
	file_free(&state->file);
	path_list_free(&state->dirs);
	free(state);
}

/* --- the entries ------------------------------------------------------------------------------- */

/* Where the key is or would be; *ret_there says which. */
static size_t find(const struct state *state, const char *key, bool *ret_there)
{
	size_t from = 0, to = state->count;

	*ret_there = false;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = strcmp(state->entries[middle].key, key);

		if (!order) {
			*ret_there = true;
			return middle;
		}
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static const struct entry *get(const struct state *state, const char *key)
{
	bool there;
	size_t at = find(state, key, &there);

	return there ? &state->entries[at] : NULL;
}

bool state_found(const struct state *state)
{
	return state->file.exists;
}

const struct owned_list *state_owned(const struct state *state, const char *key)
{
	const struct entry *entry = get(state, key);

	return entry ? &entry->owned : NULL;
}

bool state_created(const struct state *state, const char *key)
{
	const struct entry *entry = get(state, key);

	return entry && entry->created;
}

static int add_entry(struct state *state, size_t at, const char *key, struct owned_list *owned,
		     bool created)
{
	struct entry *entries = reallocarray(state->entries, state->count + 1, sizeof(*entries));
	struct entry entry = {.key = strdup(key), .owned = *owned, .created = created};

	if (entries)
		state->entries = entries;
	if (!entries || !entry.key) {
		free(entry.key);
		return -ENOMEM;
	}
	memmove(&entries[at + 1], &entries[at], (state->count - at) * sizeof(*entries));
	entries[at] = entry;
	state->count++;
	*owned = (struct owned_list){.count = 0};
	return 0;
}

int state_put(struct state *state, const char *key, const struct owned_list *owned, bool created)
{
	_cleanup_owned_ struct owned_list copy = {.count = 0};
	bool there;
	size_t at = find(state, key, &there);
	struct entry *entry;

	/* The copy comes first: owned may be what state_owned() has given out. */
	if (owned_copy(owned, &copy) < 0)
		return -ENOMEM;
	if (!there)
		return copy.count || created ? add_entry(state, at, key, &copy, created) : 0;
	entry = &state->entries[at];
	if (!copy.count && !created) {
		entry_free(entry);
		state->count--;
		memmove(entry, entry + 1, (state->count - at) * sizeof(*entry));
		return 0;
	}
	owned_free(&entry->owned);
	entry->owned = copy;
	entry->created = created;
	copy = (struct owned_list){.count = 0};
	return 0;
}

const char **state_keys(const struct state *state)
{
	const char **keys = calloc(state->count + 1, sizeof(*keys));

	for (size_t i = 0; keys && i < state->count; i++)
		keys[i] = state->entries[i].key;
	return keys;
}

/* --- reading ----------------------------------------------------------------------------------- */

static int owned_parse(const json_t *array, struct owned_list *list)
{
	json_t *value;
	size_t i;

	if (!json_is_array(array))
		return -EBADMSG;
	json_array_foreach(array, i, value)
	{
		_cleanup_free_ char *text = NULL, *was = NULL;
		json_t *text_value, *was_value;
		int r;

		if (json_unpack(value, "{s:o, s:o !}", "text", &text_value, "was", &was_value) < 0)
			return -EBADMSG;
		r = json_bytes_read(text_value, &text);
		if (r >= 0 && !json_is_null(was_value))
			r = json_bytes_read(was_value, &was);
		if (r >= 0)
			r = owned_add(list, text, was);
		if (r < 0)
			return r;
	}
	return 0;
}

static int entry_parse(struct state *state, const char *name, json_t *value)
{
	_cleanup_owned_ struct owned_list owned = {.count = 0};
	_cleanup_json_ json_t *string = json_string(name);
	_cleanup_free_ char *key = NULL;
	json_t *list;
	int created, r;
	bool there;
	size_t at;

	if (!string)
		return -ENOMEM;
	r = json_bytes_read(string, &key);
	if (r < 0)
		return r;
	if (json_unpack(value, "{s:b, s:o !}", "created", &created, "owned", &list) < 0)
		return -EBADMSG;
	r = owned_parse(list, &owned);
	if (r < 0)
		return r;
	at = find(state, key, &there);
	return there ? -EBADMSG : add_entry(state, at, key, &owned, created);
}

static int dirs_parse(struct state *state, const json_t *array)
{
	json_t *value;
	size_t i;

	if (!json_is_array(array))
		return -EBADMSG;
	json_array_foreach(array, i, value)
	{
		_cleanup_free_ char *dir = NULL;
		int r = json_bytes_read(value, &dir);

		if (r >= 0)
			r = path_list_add(&state->dirs, dir);
		if (r < 0)
			return r;
	}
	return 0;
}

static int state_parse(struct state *state)
{
	_cleanup_json_ json_t *document =
		json_loadb(state->file.data, state->file.size, JSON_REJECT_DUPLICATES, NULL);
	json_t *files, *dirs, *value;
	const char *name;
	int version, r;

	if (json_unpack(document, "{s:i, s:o, s:o !}", "version", &version, "directories", &dirs,
			"files", &files) < 0 ||
	    version != STATE_VERSION || !json_is_object(files))
		return -EBADMSG;
	json_object_foreach(files, name, value)
	{
		r = entry_parse(state, name, value);
		if (r < 0)
			return r;
	}
	return dirs_parse(state, dirs);
}

int state_load(const struct root *root, struct state **ret, struct diag *diag)
{
	_cleanup_state_ struct state *state = calloc(1, sizeof(*state));
	int r;

	if (!state)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	state->root = root;
	r = file_read(root, STATE_FILE, &state->file, diag);
	if (r < 0)
		return r;
	r = state->file.exists ? state_parse(state) : 0;
	if (r == -EBADMSG)
		return diag_set(
			diag, r, "/" STATE_FILE, 0,
			"it is broken, or of another version of vfio-bootcfg: move it away, "
			"then `vfio-bootcfg set --adopt` takes what is there as ours");
	if (r < 0)
		return diag_set(diag, r, NULL, 0, "out of memory");
	*ret = steal(&state);
	return 0;
}

/* --- writing ----------------------------------------------------------------------------------- */

static json_t *owned_json(const struct owned_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < list->count; i++)
		if (json_array_append_new(array, json_pack("{s:o, s:o}", "text",
							   json_bytes(list->items[i].text), "was",
							   json_bytes(list->items[i].was))) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static int put_entry(json_t *files, const struct entry *entry)
{
	_cleanup_json_ json_t *key = json_bytes(entry->key);

	if (!key)
		return -ENOMEM;
	return json_put(files, json_string_value(key),
			json_pack("{s:b, s:o}", "created", entry->created, "owned",
				  owned_json(&entry->owned)));
}

static json_t *dirs_json(const struct path_list *dirs)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < dirs->count; i++)
		if (json_array_append_new(array, json_bytes(dirs->items[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

/* The file's bytes, the caller's to free: sorted, so that the same state is the same bytes. */
static char *state_text(const struct state *state, const struct path_list *dirs)
{
	_cleanup_json_ json_t *files = json_object();
	_cleanup_json_ json_t *document = NULL;
	_cleanup_free_ char *json = NULL;
	char *text;

	for (size_t i = 0; i < state->count; i++)
		if (put_entry(files, &state->entries[i]) < 0)
			return NULL;
	document = json_pack("{s:i, s:o, s:O}", "version", STATE_VERSION, "directories",
			     dirs_json(dirs), "files", files);
	json = document ? json_dumps(document, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	return json && asprintf(&text, "%s\n", json) >= 0 ? text : NULL;
}

/* --- directories ------------------------------------------------------------------------------- */

/* Whether something of ours is in the directory after the plan; the state itself is, if it stays. */
static bool is_used(const struct state *state, const struct plan *plan, const char *dir)
{
	if (state->count && path_below(STATE_FILE, dir))
		return true;
	for (size_t i = 0; i < state->count; i++) {
		const char *path = state->entries[i].key;

		if (!strncmp(path, PROFILE_KEY, strlen(PROFILE_KEY)))
			path += strlen(PROFILE_KEY);
		if (state->entries[i].created && path_below(path, dir))
			return true;
	}
	for (size_t i = 0; i < plan->count; i++)
		if (plan->changes[i].kind == PLAN_CREATED &&
		    strcmp(plan->changes[i].old.path, STATE_FILE) != 0 &&
		    path_below(plan->changes[i].old.path, dir))
			return true;
	return false;
}

/*
 * Which directories are ours after the plan: those that it makes, and those that we made before while
 * something of ours is in them. The others go, if nobody else has put something there.
 */
static int plan_dirs(const struct state *state, struct plan *plan, struct path_list *dirs,
		     const char **ret_path)
{
	int r = 0;

	*ret_path = STATE_FILE;

	path_list_free(&plan->made);
	path_list_free(&plan->prune);
	for (size_t i = 0; i < state->dirs.count && r >= 0; i++) {
		const char *dir = state->dirs.items[i];

		r = path_list_add(is_used(state, plan, dir) ? dirs : &plan->prune, dir);
	}
	for (size_t i = 0; i < plan->count && r >= 0; i++)
		if (plan->changes[i].kind == PLAN_CREATED) {
			*ret_path = plan->changes[i].old.path;
			r = places_missing(state->root, *ret_path, &plan->made);
		}
	if (state->count && r >= 0)
		r = places_missing(state->root, STATE_FILE, &plan->made);
	for (size_t i = 0; i < plan->made.count && r >= 0; i++)
		if (strcmp(plan->made.items[i], STATE_DIR) != 0)
			r = path_list_add(dirs, plan->made.items[i]);
	return r;
}

int state_plan(const struct state *state, struct plan *plan, struct diag *diag)
{
	_cleanup_path_list_ struct path_list dirs = {.count = 0};
	_cleanup_free_ char *text = NULL;
	char file[sizeof(diag->file)];
	const char *path;
	int r = plan_dirs(state, plan, &dirs, &path);

	if (r < 0) {
		snprintf(file, sizeof(file), "/%s", path);
		return diag_set(diag, r, file, 0, "its directory cannot be looked at: %s",
				strerror(-r));
	}
	if (state->count || dirs.count) {
		text = state_text(state, &dirs);
		r = text ? 0 : -ENOMEM;
	} else if (!state->file.exists) {
		return 0;
	}
	if (r >= 0)
		r = plan_put(plan, PLAN_STATE,
			     state->file.exists ? &state->file
						: &(struct file){.path = (char[]){STATE_FILE}},
			     text, text ? strlen(text) : 0, 0600);
	if (r < 0)
		return diag_set(diag, r, NULL, 0, "out of memory");
	plan_find(plan, STATE_FILE)->private = true;
	return 0;
}
