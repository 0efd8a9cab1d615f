// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/edit.h"
#include "bootcfg/mark.h"

int mark_torn(const struct file *file, unsigned line, struct diag *diag)
{
	char path[sizeof(diag->file)];

	snprintf(path, sizeof(path), "/%s", file->path);
	return diag_set(
		diag, -EBADMSG, path, line,
		"a comment of vfio-bootcfg that cannot be read: remove it, and with it what "
		"vfio-bootcfg knows of this file");
}

static int add_unit(void *data, const char *unit, size_t size)
{
	_cleanup_free_ char *text = strndup(unit, size);

	return text ? owned_add(data, text, NULL) : -ENOMEM;
}

int mark_read_owns(const struct file *file, unsigned line, const char *text, size_t size,
		   struct owned_list *owned, struct diag *diag)
{
	_cleanup_free_ char *copy = strndup(text, size);
	size_t before = owned->count;
	int r = copy ? line_units(copy, add_unit, owned) : -ENOMEM;

	if (r == -EBADMSG || (!r && owned->count == before))
		return mark_torn(file, line, diag);
	return r;
}

/*
 * The last arrow outside of quotes: what replaced something is one unit, and has none. NULL: there
 * is none.
 */
static char *find_arrow(char *text)
{
	bool in_quote = false;
	char *found = NULL;

	for (char *at = text; *at; at++) {
		if (*at == '"')
			in_quote = !in_quote;
		else if (!in_quote && !strncmp(at, MARK_ARROW, strlen(MARK_ARROW)))
			found = at;
	}
	return in_quote ? NULL : found;
}

int mark_read_replaced(const struct file *file, unsigned line, const char *text, size_t size,
		       struct owned_list *owned, struct diag *diag)
{
	_cleanup_free_ char *copy = strndup(text, size);
	char *at;

	if (!copy)
		return -ENOMEM;
	at = find_arrow(copy);
	if (!at || at == copy || !at[strlen(MARK_ARROW)])
		return mark_torn(file, line, diag);
	*at = '\0';
	return owned_add(owned, at + strlen(MARK_ARROW), copy);
}

static int count_unit(void *data, _unused_ const char *unit, _unused_ size_t size)
{
	++*(size_t *)data;
	return 0;
}

bool mark_apart(const char *before, const char *unit)
{
	_cleanup_free_ char *both = NULL;
	size_t count = 0;

	return asprintf(&both, "%s %s", before, unit) >= 0 &&
	       !line_units(both, count_unit, &count) && count == 2;
}
