// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <string.h>

#include "bootcfg/commit.h"
#include "bootcfg/journal.h"
#include "bootcfg/json-bytes.h"

#define JOURNAL_VERSION 1

struct digest digest_of(const char *data, size_t size)
{
	struct digest digest = {
		.exists = data, .size = data ? size : 0, .hash = UINT64_C(14695981039346656037)};

	for (size_t i = 0; i < digest.size; i++)
		digest.hash = (digest.hash ^ (unsigned char)data[i]) * UINT64_C(1099511628211);
	if (!data)
		digest.hash = 0;
	return digest;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->exists == b->exists && a->size == b->size && a->hash == b->hash;
}

int journal_add(struct journal *journal, const char *path, const char *temporary,
		const struct digest *old, const struct digest *new)
{
	struct journal_file *files =
		reallocarray(journal->files, journal->count + 1, sizeof(*files));
	struct journal_file *file;

	if (!files)
		return -ENOMEM;
	journal->files = files;
	file = &files[journal->count];
	*file = (struct journal_file){.path = strdup(path), .old = *old, .new = *new};
	if (temporary)
		file->temporary = strdup(temporary);
	journal->count++;
	return file->path && (file->temporary || !temporary) ? 0 : -ENOMEM;
}

void journal_free(struct journal *journal)
{
	for (size_t i = 0; i < journal->count; i++) {
		free(journal->files[i].path);
		free(journal->files[i].temporary);
	}
	free(journal->files);
	free(journal->machine);
	path_list_free(&journal->made);
	path_list_free(&journal->prune);
	*journal = (struct journal){.count = 0};
}

int journal_machine(const struct root *root, char **ret)
{
	char id[128];
	ssize_t n;

	if (root->kind != ROOT_LIVE) {
		*ret = strdup("image");
		return *ret ? 0 : -ENOMEM;
	}
	n = root_read_attr(root, "etc/machine-id", id, sizeof(id));
	if (n < 0 && n != -ENOENT)
		return (int)n;
	*ret = strdup(n > 0 ? id : "host");
	return *ret ? 0 : -ENOMEM;
}

/* --- writing ----------------------------------------------------------------------------------- */

static json_t *digest_json(const struct digest *digest)
{
	char hash[17];

	if (!digest->exists)
		return json_null();
	snprintf(hash, sizeof(hash), "%016" PRIx64, digest->hash);
	return json_pack("{s:I, s:s}", "size", (json_int_t)digest->size, "fnv1a", hash);
}

static json_t *list_json(const struct path_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < list->count; i++)
		if (json_array_append_new(array, json_bytes(list->items[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *files_json(const struct journal *journal)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < journal->count; i++) {
		const struct journal_file *file = &journal->files[i];

		if (json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o}", "path",
							   json_bytes(file->path), "temporary",
							   json_bytes(file->temporary), "old",
							   digest_json(&file->old), "new",
							   digest_json(&file->new))) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

char *journal_text(const struct journal *journal)
{
	_cleanup_json_ json_t *document =
		json_pack("{s:i, s:o, s:b, s:b, s:o, s:o, s:o}", "version", JOURNAL_VERSION,
			  "machine", json_bytes(journal->machine), "regenerate",
			  (journal->after & COMMIT_REGENERATE) != 0, "initramfs",
			  (journal->after & COMMIT_INITRAMFS) != 0, "files", files_json(journal),
			  "made", list_json(&journal->made), "prune", list_json(&journal->prune));

	return document ? json_dumps(document, JSON_INDENT(1)) : NULL;
}

/* --- reading ----------------------------------------------------------------------------------- */

/* Relative, and no component is empty, "." or "..". */
static bool path_stays(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[len] == '\0')
			return true;
		path += len + 1;
	}
}

static bool temporary_is_ours(const char *name)
{
	return !strncmp(name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) && !strchr(name, '/') &&
	       strcmp(name, JOURNAL_STAGING) != 0;
}

static int path_read(const json_t *value, char **ret)
{
	_cleanup_free_ char *path = NULL;
	int r = json_bytes_read(value, &path);

	if (r < 0)
		return r;
	if (!path_stays(path))
		return -EBADMSG;
	*ret = steal(&path);
	return 0;
}

static int digest_read(json_t *value, struct digest *ret)
{
	json_int_t size;
	const char *hash;
	char *end;

	if (json_is_null(value)) {
		*ret = (struct digest){.exists = false};
		return 0;
	}
	if (json_unpack(value, "{s:I, s:s !}", "size", &size, "fnv1a", &hash) < 0 || size < 0 ||
	    strlen(hash) != 16)
		return -EBADMSG;
	*ret = (struct digest){.exists = true, .size = (size_t)size};
	ret->hash = strtoull(hash, &end, 16);
	return *end ? -EBADMSG : 0;
}

static int file_parse(json_t *value, struct journal *journal)
{
	_cleanup_free_ char *path = NULL, *temporary = NULL;
	json_t *path_value, *temporary_value, *old_value, *new_value;
	struct digest old, new;
	int r;

	if (json_unpack(value, "{s:o, s:o, s:o, s:o !}", "path", &path_value, "temporary",
			&temporary_value, "old", &old_value, "new", &new_value) < 0)
		return -EBADMSG;
	r = path_read(path_value, &path);
	if (r < 0)
		return r;
	if (digest_read(old_value, &old) < 0 || digest_read(new_value, &new) < 0 ||
	    new.exists == json_is_null(temporary_value))
		return -EBADMSG;
	if (new.exists) {
		r = json_bytes_read(temporary_value, &temporary);
		if (r < 0)
			return r;
		if (!temporary_is_ours(temporary))
			return -EBADMSG;
	}
	return journal_add(journal, path, temporary, &old, &new);
}

static int list_parse(const json_t *array, struct path_list *list)
{
	json_t *value;
	size_t i;

	if (!json_is_array(array))
		return -EBADMSG;
	json_array_foreach(array, i, value)
	{
		_cleanup_free_ char *path = NULL;
		int r = path_read(value, &path);

		if (r < 0)
			return r;
		r = path_list_add(list, path);
		if (r < 0)
			return r;
	}
	return 0;
}

static int document_parse(json_t *document, struct journal *journal)
{
	json_t *machine, *files, *made, *prune, *value;
	int version, regenerate, initramfs, r;
	size_t i;

	if (json_unpack(document, "{s:i, s:o, s:b, s:b, s:o, s:o, s:o !}", "version", &version,
			"machine", &machine, "regenerate", &regenerate, "initramfs", &initramfs,
			"files", &files, "made", &made, "prune", &prune) < 0 ||
	    version != JOURNAL_VERSION || !json_is_array(files))
		return -EBADMSG;
	journal->after = (regenerate ? COMMIT_REGENERATE : 0) | (initramfs ? COMMIT_INITRAMFS : 0);
	r = json_bytes_read(machine, &journal->machine);
	if (r < 0)
		return r;
	json_array_foreach(files, i, value)
	{
		r = file_parse(value, journal);
		if (r < 0)
			return r;
	}
	r = list_parse(made, &journal->made);
	return r < 0 ? r : list_parse(prune, &journal->prune);
}

int journal_parse(const char *text, size_t size, struct journal *ret)
{
	_cleanup_json_ json_t *document = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	struct journal journal = {.count = 0};
	int r = document ? document_parse(document, &journal) : -EBADMSG;

	if (r < 0) {
		journal_free(&journal);
		return r;
	}
	*ret = journal;
	return 0;
}
