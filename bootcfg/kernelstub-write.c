// SPDX-License-Identifier: GPL-2.0-or-later
/* kernelstub's configuration after edits: single values change, all other bytes stay. */
#include <string.h>

#include "bootcfg/json.h"
#include "bootcfg/kernelstub-config.h"
#include "early/text.h"

static void add_span(struct text *text, const char *from, size_t start, size_t end)
{
	text_add(text, "%.*s", (int)(end - start), from + start);
}

/* --- our own key ------------------------------------------------------------------------------- */

/* The blanks in front of the last member: how the members of the document are laid out. */
static struct json_span indent_of(const struct stub_config *config)
{
	const char *data = config->file.data;
	struct json_span indent = {0, 0};
	struct json_item item;

	for (size_t i = 0; json_span_item(data, config->top, i, &item); i++)
		indent.end = item.key.start;
	for (indent.start = indent.end; strchr(" \t\r\n", data[indent.start - 1]); indent.start--)
		;
	return indent;
}

static json_t *record_json(const struct owned_list *owned, bool made_user)
{
	_cleanup_json_ json_t *options = json_array(), *replaced = json_object();
	_cleanup_json_ json_t *record = json_object();

	for (size_t i = 0; i < owned->count; i++) {
		const struct owned *item = &owned->items[i];

		if (json_array_append_new(options, json_string(item->text)) < 0 ||
		    (item->was &&
		     json_object_set_new(replaced, item->text, json_string(item->was)) < 0))
			return NULL;
	}
	if (json_object_set(record, "options", options) < 0 ||
	    (json_object_size(replaced) && json_object_set(record, "replaced", replaced) < 0) ||
	    (made_user && json_object_set_new(record, "made", json_pack("[s]", "user")) < 0))
		return NULL;
	return steal(&record);
}

/* The record's value, laid out as the rest of the document is. */
static int write_record(const struct stub_config *config, const struct owned_list *owned,
			bool made_user, struct text *text)
{
	struct json_span indent = indent_of(config);
	bool lines = memchr(config->file.data + indent.start, '\n', indent.end - indent.start);
	_cleanup_json_ json_t *record = record_json(owned, made_user);
	_cleanup_free_ char *dump =
		record ? json_dumps(record, JSON_ENSURE_ASCII | (lines ? JSON_INDENT(2) : 0))
		       : NULL;

	if (!dump)
		return -ENOMEM;
	for (const char *at = dump; *at;) {
		size_t len = strcspn(at, "\n");

		text_add(text, "%.*s", (int)len, at);
		at += len;
		if (*at++ == '\n')
			add_span(text, config->file.data, indent.start, indent.end);
		else
			break;
	}
	return text->error;
}

/* --- all --------------------------------------------------------------------------------------- */

static void add_member(const struct stub_config *config, const char *name, struct text *text)
{
	struct json_span indent = indent_of(config);

	text_add(text, ",");
	add_span(text, config->file.data, indent.start, indent.end);
	text_add(text, "\"%s\": ", name);
}

/* A section with other options; the file's own bytes otherwise. */
static int write_section(const struct stub_config *config, struct json_span section,
			 const struct boot_line *line, struct text *text)
{
	const char *data = config->file.data;
	int r;

	add_span(text, data, section.start, config->options.start);
	r = stub_options_write(config, line, text);
	add_span(text, data, config->options.end, section.end);
	return r;
}

/* True where "user" is the copy of "default" that we made, and nothing more. */
static bool is_copy(const struct stub_config *config, const struct text *section)
{
	struct json_item item;
	size_t size;

	if (!config->made_user ||
	    !json_span_member(config->file.data, config->top, "default", &item, NULL))
		return false;
	size = item.value.end - item.value.start;
	return section->size == size &&
	       !memcmp(section->data, config->file.data + item.value.start, size);
}

struct writing {
	struct text text;
	size_t from; /* up to where the file's bytes are written */
};

/* One member less, with the comma that made it one more. */
static void drop_member(const struct stub_config *config, size_t index, struct writing *writing)
{
	struct json_item item, next;

	if (!json_span_item(config->file.data, config->top, index, &item))
		return;
	if (!index) {
		add_span(&writing->text, config->file.data, writing->from, item.key.start);
		writing->from = json_span_item(config->file.data, config->top, 1, &next)
					? next.key.start
					: item.value.end;
		return;
	}
	if (json_span_item(config->file.data, config->top, index - 1, &next) &&
	    next.value.end > writing->from)
		add_span(&writing->text, config->file.data, writing->from, next.value.end);
	writing->from = item.value.end;
}

static void change_value(const struct stub_config *config, struct json_span value,
			 const struct text *new, struct writing *writing)
{
	add_span(&writing->text, config->file.data, writing->from, value.start);
	text_add(&writing->text, "%s", new->data);
	writing->from = value.end;
}

static int write_user(const struct stub_config *config, const struct boot_line *line,
		      struct writing *writing)
{
	_cleanup_text_ struct text section = {.data = NULL};
	struct json_item item;
	size_t index;
	int r;

	if (!json_span_member(config->file.data, config->top, "user", &item, &index))
		return 0;
	r = write_section(config, item.value, line, &section);
	if (r < 0)
		return r;
	if (!line->owned_after.count && is_copy(config, &section))
		drop_member(config, index, writing);
	else
		change_value(config, item.value, &section, writing);
	return writing->text.error;
}

static int write_our_key(const struct stub_config *config, const struct boot_line *line,
			 struct writing *writing)
{
	_cleanup_text_ struct text record = {.data = NULL};
	struct json_item item;
	size_t index;
	int r;

	if (!json_span_member(config->file.data, config->top, "vfio-bootcfg", &item, &index))
		return 0;
	if (!line->owned_after.count) {
		drop_member(config, index, writing);
	} else if (!owned_equal(&config->owned, &line->owned_after)) {
		r = write_record(config, &line->owned_after, config->made_user, &record);
		if (r < 0)
			return r;
		change_value(config, item.value, &record, writing);
	}
	return writing->text.error;
}

/* What was not there yet goes behind the last member. */
static int write_new(const struct stub_config *config, const struct boot_line *line,
		     struct writing *writing)
{
	bool made = !config->has_user && line->edit_count;
	const char *data = config->file.data;
	struct json_item item;
	int r = 0;

	for (size_t i = 0; json_span_item(data, config->top, i, &item); i++)
		if (item.value.end > writing->from) {
			add_span(&writing->text, data, writing->from, item.value.end);
			writing->from = item.value.end;
		}
	if (made && json_span_member(data, config->top, "default", &item, NULL)) {
		add_member(config, "user", &writing->text);
		r = write_section(config, item.value, line, &writing->text);
	}
	if (!r && !config->has_record && line->owned_after.count) {
		add_member(config, "vfio-bootcfg", &writing->text);
		r = write_record(config, &line->owned_after, made, &writing->text);
	}
	return r;
}

/* In the order of the file. */
static int write_members(const struct stub_config *config, const struct boot_line *line,
			 struct writing *writing)
{
	const char *data = config->file.data;
	struct json_item user, record;
	bool record_first = json_span_member(data, config->top, "user", &user, NULL) &&
			    json_span_member(data, config->top, "vfio-bootcfg", &record, NULL) &&
			    record.value.start < user.value.start;
	int r = record_first ? write_our_key(config, line, writing)
			     : write_user(config, line, writing);

	if (!r)
		r = record_first ? write_user(config, line, writing)
				 : write_our_key(config, line, writing);
	return r < 0 ? r : write_new(config, line, writing);
}

int stub_config_write(const struct stub_config *config, const struct boot_line *line, char **ret,
		      size_t *ret_size)
{
	struct writing writing = {.from = 0};
	int r = write_members(config, line, &writing);

	add_span(&writing.text, config->file.data, writing.from, config->file.size);
	if (!r)
		r = writing.text.error;
	if (r < 0) {
		text_free(&writing.text);
		return r;
	}
	*ret_size = writing.text.size;
	*ret = writing.text.data;
	return 0;
}
