// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/grub-bls.h"
#include "bootcfg/grub-default.h"

/* An empty value is none. */
static int get(const struct file *env, const char *name, char **ret)
{
	char *value = grub_env_get(env, name);

	if (!value)
		return errno == ENOMEM ? -ENOMEM : 0;
	if (!*value) {
		free(value);
		return 0;
	}
	*ret = value;
	return 0;
}

int grub_default_read(const struct root *root, const char *dir, struct grub_default *ret)
{
	_cleanup_file_ struct file env = {.exists = false};
	struct diag diag = DIAG_INIT;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "%s/grubenv", dir);
	r = file_read(root, path, &env, &diag);
	if (r == -ENOMEM || r < 0)
		return r == -ENOMEM ? r : 0;
	r = get(&env, "saved_entry", &ret->saved);
	return r < 0 ? r : get(&env, "next_entry", &ret->next);
}

void grub_default_free(struct grub_default *wanted)
{
	free(wanted->wanted);
	free(wanted->saved);
	free(wanted->next);
	*wanted = (struct grub_default){.wanted = NULL};
}

int grub_default_line(struct grub_default *wanted, const char *line, size_t size)
{
	static const char head[] = "set default=";
	_cleanup_free_ char *value = NULL;
	const char *set;

	while (size && strchr(" \t", *line)) {
		line++;
		size--;
	}
	while (size && strchr(" \t\r", line[size - 1]))
		size--;
	if (size < strlen(head) || memcmp(line, head, strlen(head)) != 0)
		return 0;
	line += strlen(head);
	size -= strlen(head);
	if (size >= 2 && strchr("\"'", *line) && line[size - 1] == *line) {
		line++;
		size -= 2;
	}
	value = strndup(line, size);
	if (!value)
		return -ENOMEM;
	/* The branch for a boot that was asked for once is taken where there is one. */
	if (!strcmp(value, "${next_entry}"))
		set = wanted->next;
	else if (wanted->next)
		set = wanted->next;
	else if (!strcmp(value, "${saved_entry}"))
		set = wanted->saved;
	else
		set = value;
	free(wanted->wanted);
	wanted->wanted = set ? strdup(set) : NULL;
	return set && !wanted->wanted ? -ENOMEM : 0;
}

/* One step of a path like "1>gnulinux-6.1-advanced". */
static bool is_step(const char *step, size_t len, unsigned place, const char *title, const char *id)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", place);
	return (len == strlen(number) && !memcmp(step, number, len)) ||
	       (id && len == strlen(id) && !memcmp(step, id, len)) ||
	       (title && len == strlen(title) && !memcmp(step, title, len));
}

bool grub_default_is(const struct grub_default *wanted, struct grub_place place, const char *title,
		     const char *id)
{
	const char *value = wanted->wanted ? wanted->wanted : "0", *step = strrchr(value, '>');
	bool is_number = value[strspn(value, "0123456789")] == '\0';

	/* A number that is a submenu's boots what is first in it. */
	if (!step)
		return place.in_submenu ? is_number && !place.place &&
						  strtoul(value, NULL, 10) == place.parent
					: is_step(value, strlen(value), place.place, title, id);
	if (!place.in_submenu || !is_step(step + 1, strlen(step + 1), place.place, title, id))
		return false;
	is_number = strspn(value, "0123456789") == (size_t)(step - value);
	return !is_number || strtoul(value, NULL, 10) == place.parent;
}
