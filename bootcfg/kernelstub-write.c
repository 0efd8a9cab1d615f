// SPDX-License-Identifier: GPL-2.0-or-later
/* kernelstub's configuration after edits: single values change, all other bytes stay. */
#include <string.h>

#include "bootcfg/json.h"
#include "bootcfg/kernelstub-config.h"
#include "early/cmdline.h"
#include "early/text.h"

static void add_span(struct text *text, const char *from, size_t start, size_t end)
{
	text_add(text, "%.*s", (int)(end - start), from + start);
}

static bool is_empty(const char *text)
{
	return !text[strspn(text, " \t")];
}

/* --- kernel_options ---------------------------------------------------------------------------- */

static void add_escaped(struct text *text, const char *string)
{
	_cleanup_free_ char *escaped = json_span_escape(string);

	if (escaped)
		text_add(text, "%s", escaped);
	else
		text->error = -ENOMEM;
}

/* A string's bytes with the segment's edits, quotes included: what is not edited stays escaped as it is. */
static int write_string(const struct stub_config *config, struct json_span string,
			const struct boot_line *line, size_t segment, struct text *text)
{
	const char *data = config->file.data;
	_cleanup_free_ char *plain = NULL;
	_cleanup_free_ size_t *map = NULL;
	size_t from = string.start;

	if (json_span_string(data, string, &plain, &map) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < line->edit_count; i++) {
		const struct edit *edit = &line->edits[i];

		if (edit->segment != segment)
			continue;
		add_span(text, data, from, map[edit->at]);
		add_escaped(text, edit->insert);
		from = map[edit->at + edit->remove];
	}
	add_span(text, data, from, string.end);
	return text->error;
}

/* A list that is written anew: what stands between its elements is kept. */
struct list {
	struct text *text;
	const char *data;
	struct json_span first; /* the blanks behind the bracket */
	struct json_span between; /* what separates the first two; empty: unknown */
	size_t count; /* elements written */
};

static void add_separator(struct list *list, const struct json_span *own)
{
	bool lines =
		memchr(list->data + list->first.start, '\n', list->first.end - list->first.start);

	if (!list->count++) {
		add_span(list->text, list->data, list->first.start, list->first.end);
	} else if (own && own->end > own->start) {
		add_span(list->text, list->data, own->start, own->end);
	} else if (list->between.end > list->between.start) {
		add_span(list->text, list->data, list->between.start, list->between.end);
	} else {
		text_add(list->text, ",");
		if (lines)
			add_span(list->text, list->data, list->first.start, list->first.end);
		else
			text_add(list->text, " ");
	}
}

/* Each token an element of its own, as kernelstub has them. */
static void add_tokens(struct list *list, const char *tokens)
{
	struct cmdline_token token;
	struct cmdline cmdline;

	cmdline_init(&cmdline, tokens, strlen(tokens));
	while (cmdline_next(&cmdline, &token)) {
		_cleanup_free_ char *one = strndup(token.raw, token.raw_len);

		add_separator(list, NULL);
		text_add(list->text, "\"");
		if (one)
			add_escaped(list->text, one);
		else
			list->text->error = -ENOMEM;
		text_add(list->text, "\"");
	}
}

static size_t count_tokens(const char *text)
{
	struct cmdline_token token;
	struct cmdline cmdline;
	size_t count = 0;

	cmdline_init(&cmdline, text, strlen(text));
	while (cmdline_next(&cmdline, &token))
		count++;
	return count;
}

static int write_segment(const struct stub_config *config, const struct boot_line *line, size_t i,
			 struct json_span *own, struct list *list)
{
	const struct segment *segment = &line->segments[i];
	_cleanup_free_ char *edited = boot_line_edited(line, i);
	struct json_item item;

	if (!edited)
		return -ENOMEM;
	if (!json_span_item(config->file.data, config->options, segment->cookie, &item)) {
		add_tokens(list, edited);
		return list->text->error;
	}
	own->end = item.value.start;
	if (is_empty(edited) && !is_empty(segment->text)) {
		own->start = item.value.end;
		return 0;
	}
	/* What stood in two elements comes back as two. */
	if (count_tokens(segment->text) == 1 && count_tokens(edited) > 1) {
		add_tokens(list, edited);
	} else {
		add_separator(list, segment->cookie ? own : NULL);
		if (write_string(config, item.value, line, i, list->text) < 0)
			return -ENOMEM;
	}
	own->start = item.value.end;
	return list->text->error;
}

static int write_list(const struct stub_config *config, const struct boot_line *line,
		      struct text *text)
{
	const char *data = config->file.data;
	struct json_span all = config->options, own = {.start = all.start + 1};
	struct list list = {.text = text, .data = data};
	struct json_item item;
	size_t tail;
	int r = 0;

	list.first = (struct json_span){.start = all.start + 1, .end = all.start + 1};
	if (json_span_item(data, all, 0, &item)) {
		list.first.end = item.value.start;
		list.between.start = item.value.end;
		list.between.end =
			json_span_item(data, all, 1, &item) ? item.value.start : list.between.start;
	}
	text_add(text, "[");
	for (size_t i = 0; !r && i < line->segment_count; i++)
		r = write_segment(config, line, i, &own, &list);
	if (r < 0)
		return r;
	/* The blanks in front of the bracket, which an empty list has not where its elements had lines. */
	for (tail = all.end - 1; strchr(" \t\r\n", data[tail - 1]); tail--)
		;
	if (list.count || list.first.end == list.first.start)
		add_span(text, data, tail, all.end);
	else
		text_add(text, "]");
	return text->error;
}

static int write_options(const struct stub_config *config, const struct boot_line *line,
			 struct text *text)
{
	if (!line->edit_count)
		add_span(text, config->file.data, config->options.start, config->options.end);
	else if (config->is_list)
		return write_list(config, line, text);
	else
		return write_string(config, config->options, line, 0, text);
	return text->error;
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
	r = write_options(config, line, text);
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
