// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/check.h"
#include "bootcfg/json.h"

static json_t *strings_json(char *const *items, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(array, json_text(items[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

/* The sentences, or their words. */
static json_t *problems_json(const struct problems *first, const struct problems *second,
			     bool words)
{
	const struct problems *const both[] = {first, second};
	json_t *array = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		for (size_t j = 0; both[i] && j < both[i]->count; j++) {
			const struct problem *problem = &both[i]->items[j];

			if (json_array_append_new(array,
						  words ? json_text(problem_word(problem->reason))
							: json_text(problem->text)) < 0) {
				json_decref(array);
				return NULL;
			}
		}
	return array;
}

static json_t *path_json(const char *path)
{
	_cleanup_free_ char *text = NULL;

	if (!path)
		return json_null();
	if (asprintf(&text, "/%s", path) < 0) {
		text = NULL;
		return NULL;
	}
	return json_text(text);
}

static json_t *entry_json(const struct check *check, const struct check_entry *entry)
{
	const struct boot_line *line = entry->status->line;
	const struct line_report *report = &entry->status->report;
	const struct problems *image =
		entry->image == NO_IMAGE ? NULL : &check->images[entry->image].problems;
	_cleanup_json_ json_t *object = json_object();

	if (json_put(object, "file", json_text(line->file)) < 0 ||
	    json_put(object, "title", json_text(line->title)) < 0 ||
	    json_put(object, "loader", json_text(entry->status->loader->name)) < 0 ||
	    json_put(object, "default", json_boolean(entry->is_default)) < 0 ||
	    json_put(object, "kernel", json_text(*entry->kernel ? entry->kernel : NULL)) < 0 ||
	    json_put(object, "initramfs",
		     line->unified ? json_text(line->file) : path_json(line->initrd)) < 0 ||
	    json_put(object, "missing", strings_json(report->missing, report->missing_count)) < 0 ||
	    json_put(object, "problems", problems_json(&entry->problems, image, false)) < 0 ||
	    json_put(object, "reasons", problems_json(&entry->problems, image, true)) < 0 ||
	    json_put(object, "ok", json_boolean(check_entry_ok(check, entry))) < 0)
		return NULL;
	return steal(&object);
}

static json_t *card_json(const struct check_card *card)
{
	_cleanup_json_ json_t *object = json_object();
	json_t *addresses = json_array();
	char addr[PCI_ADDR_STR];

	for (size_t i = 0; i < card->address_count; i++)
		json_array_append_new(addresses,
				      json_text(pci_addr_format(&card->addresses[i], addr)));
	if (json_put(object, "name", json_text(card->name)) < 0 ||
	    json_put(object, "will",
		     card->will == WILL_UNKNOWN ? json_null() : json_boolean(card->will == WILL)) <
		    0 ||
	    json_put(object, "reason", json_text(card->reason)) < 0 ||
	    json_put(object, "text", json_text(card->text)) < 0 ||
	    json_put(object, "addresses", addresses) < 0)
		return NULL;
	return steal(&object);
}

static json_t *entries_json(const struct check *check)
{
	json_t *array = json_array();

	for (size_t i = 0; i < check->entry_count; i++)
		if (json_array_append_new(array, entry_json(check, &check->entries[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *cards_json(const struct check *check)
{
	json_t *array = json_array();

	for (size_t i = 0; i < check->card_count; i++)
		if (json_array_append_new(array, card_json(&check->cards[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

struct json_t *check_json(const struct check *check)
{
	_cleanup_json_ json_t *document = json_object();
	const char *file = NULL;

	for (size_t i = 0; i < check->entry_count && !file; i++)
		if (check->entries[i].is_default)
			file = check->entries[i].status->line->file;
	if (json_put(document, "ok", json_boolean(check_ok(check))) < 0 ||
	    json_put(document, "booted", json_boolean(check->booted)) < 0 ||
	    json_put(document, "default_entry", json_text(file)) < 0 ||
	    json_put(document, "entries", entries_json(check)) < 0 ||
	    json_put(document, "cards", cards_json(check)) < 0 ||
	    json_put(document, "problems", problems_json(&check->problems, NULL, false)) < 0 ||
	    json_put(document, "reasons", problems_json(&check->problems, NULL, true)) < 0 ||
	    json_put(document, "notes", strings_json(check->notes.items, check->notes.count)) < 0 ||
	    json_put(document, "remarks",
		     strings_json(check->status.remarks.items, check->status.remarks.count)) < 0)
		return NULL;
	return steal(&document);
}
