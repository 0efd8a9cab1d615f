// SPDX-License-Identifier: GPL-2.0-or-later
/* kernel_options after edits, a string or a list; what is not edited keeps its bytes. */
#include <string.h>

#include "bootcfg/kernelstub-config.h"
#include "early/cmdline.h"

static void add_span(struct text *text, const char *from, size_t start, size_t end)
{
	text_add(text, "%.*s", (int)(end - start), from + start);
}

static bool is_empty(const char *text)
{
	return !text[strspn(text, " \t")];
}

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

int stub_options_write(const struct stub_config *config, const struct boot_line *line,
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
