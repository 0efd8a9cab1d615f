// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/json.h"
#include "bootcfg/status.h"

static json_t *strings_json(char *const *items, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_text(items[i]));
	return array;
}

static int put_report(json_t *object, const struct line_report *report)
{
	if (json_put(object, "missing", strings_json(report->missing, report->missing_count)) < 0 ||
	    json_put(object, "unexpected",
		     strings_json(report->unexpected, report->unexpected_count)) < 0)
		return -ENOMEM;
	return json_put(object, "superseded",
			strings_json(report->superseded, report->superseded_count));
}

static json_t *entry_json(const struct status_entry *entry)
{
	const struct boot_line *line = entry->line;
	_cleanup_json_ json_t *object = json_object();

	if (json_put(object, "file", json_text(line->file)) < 0 ||
	    json_put(object, "title", json_text(line->title)) < 0 ||
	    json_put(object, "kernel", json_text(line->kernel)) < 0 ||
	    json_put(object, "source", json_boolean(line->role == LINE_SOURCE)) < 0 ||
	    put_report(object, &entry->report) < 0)
		return NULL;
	return steal(&object);
}

static json_t *loaders_json(const struct status *status)
{
	json_t *array = json_array();

	for (size_t i = 0; i < status->active.found_count; i++) {
		const struct loader *loader = status->active.found[i];
		_cleanup_json_ json_t *object = json_object();
		json_t *entries = json_array();
		bool active = false;

		for (size_t j = 0; j < status->active.chosen_count; j++)
			active |= status->active.chosen[j] == loader;
		for (size_t j = 0; j < status->entry_count; j++)
			if (status->entries[j].loader == loader)
				json_array_append_new(entries, entry_json(&status->entries[j]));
		if (json_put(object, "name", json_text(loader->name)) < 0 ||
		    json_put(object, "active", json_boolean(active)) < 0 ||
		    json_put(object, "entries", entries) < 0 ||
		    json_array_append(array, object) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *profile_json(const struct status *status)
{
	_cleanup_json_ json_t *object = json_object();
	json_t *wanted = json_array(), *devices = json_array();

	for (size_t i = 0; i < status->wants.count; i++)
		json_array_append_new(wanted, json_text(status->wants.items[i].text));
	for (size_t i = 0; i < status->profile.device_count; i++)
		json_array_append_new(devices, json_text(status->profile.devices[i].name));
	if (json_put(object, "files", json_integer((json_int_t)status->profile.file_count)) < 0 ||
	    json_put(object, "devices", devices) < 0 || json_put(object, "wanted", wanted) < 0)
		return NULL;
	return steal(&object);
}

static json_t *claims_json(const struct status *status)
{
	json_t *array = json_array();

	for (size_t i = 0; status->has_record && i < status->record.count; i++) {
		const struct record_claim *claim = &status->record.claims[i];
		_cleanup_json_ json_t *object = json_object();

		if (json_put(object, "name", json_text(claim->name)) < 0 ||
		    json_put(object, "address",
			     json_text(*claim->address ? claim->address : NULL)) < 0 ||
		    json_put(object, "result", json_text(claim->result)) < 0 ||
		    json_put(object, "reason", json_text(claim->reason)) < 0 ||
		    json_array_append(array, object) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *pools_json(const struct status *status)
{
	json_t *array = json_array();

	for (size_t i = 0; i < status->pool_count; i++) {
		const struct status_pool *pool = &status->pools[i];
		const struct record_pool *boot = status_at_boot(status, pool);
		_cleanup_json_ json_t *object = json_object();

		if (json_put(object, "size", json_text(pool->size)) < 0 ||
		    json_put(object, "node",
			     pool->node < 0 ? json_null() : json_integer(pool->node)) < 0 ||
		    json_put(object, "wanted", json_integer((json_int_t)pool->wanted)) < 0 ||
		    json_put(object, "got",
			     boot ? json_integer((json_int_t)boot->got) : json_null()) < 0 ||
		    json_put(object, "result", json_text(boot ? boot->result : NULL)) < 0 ||
		    json_put(object, "reason", json_text(boot ? boot->reason : NULL)) < 0 ||
		    json_put(object, "text", json_text(boot && *boot->text ? boot->text : NULL)) <
			    0 ||
		    json_put(object, "now", pool->now < 0 ? json_null() : json_integer(pool->now)) <
			    0 ||
		    json_array_append(array, object) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *early_json(const struct status *status)
{
	_cleanup_json_ json_t *object = json_object();

	if (json_put(object, "claims", claims_json(status)) < 0 ||
	    json_put(object, "hugepages", pools_json(status)) < 0 ||
	    json_put(object, "elapsed_us",
		     status->has_record ? json_integer((json_int_t)status->record.elapsed_us)
					: json_null()) < 0)
		return NULL;
	return steal(&object);
}

static json_t *running_json(const struct status *status)
{
	_cleanup_json_ json_t *object = json_object();

	if (!status->has_running)
		return json_null();
	return put_report(object, &status->running) < 0 ? NULL : steal(&object);
}

static json_t *leftovers_json(const struct status *status)
{
	json_t *array = json_array();

	for (size_t i = 0; i < status->leftovers.count; i++) {
		const struct leftover *leftover = &status->leftovers.items[i];
		_cleanup_json_ json_t *object = json_object();

		if (json_put(object, "file", json_text(leftover->file)) < 0 ||
		    json_put(object, "line", json_integer(leftover->line)) < 0 ||
		    json_put(object, "text", json_text(leftover->text)) < 0 ||
		    json_put(object, "contradicts", json_boolean(leftover->contradicts)) < 0 ||
		    json_array_append(array, object) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *remarks_json(const struct remarks *remarks)
{
	return strings_json(remarks->items, remarks->count);
}

struct json_t *status_json(const struct status *status)
{
	_cleanup_json_ json_t *document = json_object();
	const struct efi_boot *efi = &status->active.efi;

	if (json_put(document, "profile", profile_json(status)) < 0 ||
	    json_put(document, "loaders", loaders_json(status)) < 0 ||
	    json_put(document, "running", running_json(status)) < 0 ||
	    json_put(document, "early", early_json(status)) < 0 ||
	    json_put(document, "leftovers", leftovers_json(status)) < 0 ||
	    json_put(document, "secure_boot",
		     efi->secure_boot < 0 || !efi->present ? json_null()
							   : json_boolean(efi->secure_boot)) < 0 ||
	    json_put(document, "agrees", json_boolean(status_agrees(status))) < 0 ||
	    json_put(document, "remarks", remarks_json(&status->remarks)) < 0)
		return NULL;
	return steal(&document);
}
