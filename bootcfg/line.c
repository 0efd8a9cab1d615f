// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/line.h"

static void want_list_free(struct want *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(items[i].text);
		free(items[i].file);
	}
	free(items);
}

void wants_free(struct wants *wants)
{
	want_list_free(wants->items, wants->count);
	want_list_free(wants->forbidden, wants->forbidden_count);
	owned_free(&wants->forced);
	*wants = (struct wants){.count = 0};
}

void owned_free(struct owned_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].text);
		free(list->items[i].was);
	}
	free(list->items);
	*list = (struct owned_list){.count = 0};
}

int owned_add(struct owned_list *list, const char *text, const char *was)
{
	struct owned *items = reallocarray(list->items, list->count + 1, sizeof(*items));
	struct owned owned;

	if (!items)
		return -ENOMEM;
	list->items = items;
	owned.text = strdup(text);
	owned.was = was ? strdup(was) : NULL;
	if (!owned.text || (was && !owned.was)) {
		free(owned.text);
		free(owned.was);
		return -ENOMEM;
	}
	items[list->count++] = owned;
	return 0;
}

int owned_copy(const struct owned_list *list, struct owned_list *ret)
{
	struct owned_list copy = {.count = 0};

	for (size_t i = 0; i < list->count; i++)
		if (owned_add(&copy, list->items[i].text, list->items[i].was) < 0) {
			owned_free(&copy);
			return -ENOMEM;
		}
	*ret = copy;
	return 0;
}

bool owned_equal(const struct owned_list *a, const struct owned_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct owned *x = &a->items[i], *y = &b->items[i];

		if (strcmp(x->text, y->text) || !x->was != !y->was ||
		    (x->was && strcmp(x->was, y->was)))
			return false;
	}
	return true;
}

const struct owned *owned_find(const struct owned_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->items[i].text, text))
			return &list->items[i];
	return NULL;
}

void boot_line_free(struct boot_line *line)
{
	for (size_t i = 0; i < line->segment_count; i++) {
		free(line->segments[i].text);
		free(line->segments[i].file);
	}
	for (size_t i = 0; i < line->edit_count; i++)
		free(line->edits[i].insert);
	free(line->segments);
	free(line->edits);
	free(line->file);
	free(line->title);
	free(line->kernel);
	free(line->initrd);
	free(line->initrds);
	free(line->image);
	owned_free(&line->owned);
	owned_free(&line->owned_after);
	*line = (struct boot_line){.role = LINE_SOURCE};
}

int boot_line_segment(struct boot_line *line, const char *text, size_t size, const char *file,
		      unsigned number, bool fixed, size_t cookie)
{
	struct segment *segments =
		reallocarray(line->segments, line->segment_count + 1, sizeof(*segments));
	struct segment segment = {.line = number, .fixed = fixed, .cookie = cookie};

	if (!segments)
		return -ENOMEM;
	line->segments = segments;
	segment.text = strndup(text, size);
	segment.file = strdup(file);
	if (!segment.text || !segment.file) {
		free(segment.text);
		free(segment.file);
		return -ENOMEM;
	}
	segments[line->segment_count++] = segment;
	return 0;
}

char *boot_line_text(const struct boot_line *line)
{
	size_t size = 1;
	char *text, *at;

	for (size_t i = 0; i < line->segment_count; i++)
		size += strlen(line->segments[i].text) + 1;
	text = at = malloc(size);
	if (!text)
		return NULL;
	for (size_t i = 0; i < line->segment_count; i++) {
		if (i)
			*at++ = ' ';
		at = stpcpy(at, line->segments[i].text);
	}
	*at = '\0';
	return text;
}

char *boot_line_edited(const struct boot_line *line, size_t segment)
{
	const char *text = line->segments[segment].text;
	size_t size = strlen(text) + 1, from = 0;
	char *edited, *at;

	for (size_t i = 0; i < line->edit_count; i++)
		if (line->edits[i].segment == segment)
			size += strlen(line->edits[i].insert);
	edited = at = malloc(size);
	if (!edited)
		return NULL;
	for (size_t i = 0; i < line->edit_count; i++) {
		const struct edit *edit = &line->edits[i];

		if (edit->segment != segment)
			continue;
		at = mempcpy(at, text + from, edit->at - from);
		at = stpcpy(at, edit->insert);
		from = edit->at + edit->remove;
	}
	strcpy(at, text + from);
	return edited;
}
