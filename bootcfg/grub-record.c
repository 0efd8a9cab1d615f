// SPDX-License-Identifier: GPL-2.0-or-later
/* What is ours, kept in the file itself: a lost /var does not keep `unset` from its work. */
#include <string.h>

#include "bootcfg/edit.h"
#include "bootcfg/grub.h"
#include "bootcfg/mark.h"
#include "early/text.h"

static const char head[] = "# Parameters of vfio-bootcfg(8): `vfio-bootcfg unset` takes them back.";
static const char owns[] = MARK_OWNS, replaced[] = MARK_REPLACED;

static bool begins(const char *line, size_t size, const char *with)
{
	return size >= strlen(with) && !memcmp(line, with, strlen(with));
}

/* One comment, without its line's end. 1: it is ours; 0: it is not. */
static int read_comment(const struct file *file, unsigned number, const char *line, size_t size,
			struct grub_record *record, struct diag *diag)
{
	int r;

	if (size == strlen(head) && begins(line, size, head))
		return 1;
	if (begins(line, size, owns)) {
		r = mark_read_owns(file, number, line + strlen(owns), size - strlen(owns),
				   &record->owned, diag);
	} else if (begins(line, size, replaced)) {
		r = mark_read_replaced(file, number, line + strlen(replaced),
				       size - strlen(replaced), &record->owned, diag);
	} else {
		return 0;
	}
	if (r)
		return r;
	record->found = true;
	return 1;
}

/* Whether the line is the assignment that grub_record_write() makes. */
static bool is_assignment(const char *line, size_t size, const char *variable)
{
	char begin[200];
	int len = snprintf(begin, sizeof(begin), "%s=\"${%s:+$%s }", variable, variable, variable);

	if (!begins(line, size, begin) || size < (size_t)len + 2 || line[size - 1] != '"')
		return false;
	/* Nothing after the quotes, and no expansion of somebody else inside. */
	for (size_t i = (size_t)len; i + 1 < size; i++) {
		if (line[i] == '\\')
			i++;
		else if (strchr("$`\"", line[i]))
			return false;
	}
	return true;
}

int grub_record_read(const struct file *file, const char *variable, struct grub_record *ret,
		     struct diag *diag)
{
	struct grub_record record = {.found = false};
	bool ours = false;
	size_t at = 0;

	for (unsigned number = 1; at < file->size; number++) {
		const char *line = file->data + at;
		const char *newline = memchr(line, '\n', file->size - at);
		size_t size = newline ? (size_t)(newline - line) : file->size - at;
		size_t end = at + size + (newline != NULL);
		int r;

		if (size && line[size - 1] == '\r')
			size--;
		r = read_comment(file, number, line, size, &record, diag);
		if (r < 0 || record.line_count == ARRAY_SIZE(record.lines)) {
			owned_free(&record.owned);
			return r == -ENOMEM ? diag_set(diag, r, NULL, 0, "out of memory")
			       : r < 0	    ? r
					    : mark_torn(file, number, diag);
		}
		if (r) {
			record.lines[record.line_count].start = at;
			record.lines[record.line_count++].end = end;
		} else if (ours && is_assignment(line, size, variable)) {
			record.assignment = at;
			record.assignment_end = end;
		}
		ours = r;
		at = end;
	}
	*ret = record;
	return 0;
}

static void add_line(struct text *text, const char *eol, bool glue, const char *begin,
		     const char *rest)
{
	text_add(text, "%s%s%s%s", glue ? eol : "", begin, rest, glue ? "" : eol);
}

/* The text as it has to stand between the double quotes of the shell, for GRUB's script. */
static int add_assignment(struct text *text, const char *variable, const char *value,
			  const char *eol, bool glue)
{
	text_add(text, "%s%s=\"${%s:+$%s }", glue ? eol : "", variable, variable, variable);
	for (; *value; value++) {
		char script[2], shell[4];
		size_t count = grub_escape(*value, script);

		for (size_t i = 0; i < count; i++) {
			size_t size = shell_escape(script[i], SHELL_DOUBLE, shell);

			text_add(text, "%.*s", (int)size, shell);
		}
	}
	text_add(text, "\"%s", glue ? "" : eol);
	return text->error;
}

int grub_record_write(struct text *ret, const struct owned_list *owned, const char *variable,
		      const char *text, const char *eol, bool glue)
{
	_cleanup_text_ struct text line = {.data = NULL};
	const struct owned *before = NULL;

	text_add(ret, "%s", "");
	if (!owned->count && !text)
		return ret->error;
	add_line(ret, eol, glue, head, "");
	for (size_t i = 0; i < owned->count; i++) {
		const struct owned *item = &owned->items[i];
		bool took = item->was && *item->was;

		if (before && (took || !mark_apart(before->text, item->text))) {
			add_line(ret, eol, glue, owns, line.data);
			line.size = 0;
			before = NULL;
		}
		if (took) {
			add_line(ret, eol, glue, replaced, "");
			/* The line's end again, behind what follows. */
			if (!glue && !ret->error)
				ret->size -= strlen(eol);
			text_add(ret, "%s%s%s%s", item->was, MARK_ARROW, item->text,
				 glue ? "" : eol);
			continue;
		}
		text_add(&line, "%s%s", before ? " " : "", item->text);
		if (line.error)
			return line.error;
		before = item;
	}
	if (before)
		add_line(ret, eol, glue, owns, line.data);
	return text ? add_assignment(ret, variable, text, eol, glue) : ret->error;
}
