// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/file.h"
#include "bootcfg/fstab.h"
#include "bootcfg/system-id.h"
#include "early/cmdline.h"

#define MACHINE_ID_DIGITS 32

/* The same thing by another name, as fstab has it, on a command line. */
static const struct {
	const char *prefix, *name;
} kinds[] = {
	{"UUID=", "UUID="},
	{"PARTUUID=", "PARTUUID="},
	{"LABEL=", "LABEL="},
	{"PARTLABEL=", "PARTLABEL="},
	{"/dev/disk/by-uuid/", "UUID="},
	{"/dev/disk/by-partuuid/", "PARTUUID="},
};

static int set_root(struct system_id *id, const char *source, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (size <= len || memcmp(source, kinds[i].prefix, len))
			continue;
		if (asprintf(&id->root_arg, "root=%s%.*s", kinds[i].name, (int)(size - len),
			     source + len) < 0) {
			id->root_arg = NULL;
			return -ENOMEM;
		}
		return 0;
	}
	return 0;
}

int system_id_root(struct system_id *id, const char *cmdline)
{
	struct cmdline_token token;
	struct cmdline tokens;
	int r = 0;

	cmdline_init(&tokens, cmdline, strlen(cmdline));
	while (!r && !id->root_arg && cmdline_next(&tokens, &token))
		if (!token.for_init && token.value && cmdline_is(&token, "root"))
			r = set_root(id, token.value, token.value_len);
	return r;
}

/* The 32 hex digits that a text begins with, if that is all that stands there. */
static int set_id(char **id, const char *text)
{
	size_t digits;

	text += *text == '"';
	digits = strspn(text, "0123456789abcdefABCDEF");
	if (digits != MACHINE_ID_DIGITS || !strchr("\" \t\r\n", text[digits]))
		return 0;
	*id = strndup(text, digits);
	return *id ? 0 : -ENOMEM;
}

static int read_entry_id(const struct root *root, struct system_id *id, struct diag *diag)
{
	static const char key[] = "KERNEL_INSTALL_MACHINE_ID=";
	_cleanup_file_ struct file token = {.exists = false}, info = {.exists = false};
	int r = file_read(root, "etc/kernel/entry-token", &token, diag);

	if (!r && token.exists && set_id(&id->entry_id, token.data) < 0)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	if (!r && !token.exists)
		r = file_read(root, "etc/machine-info", &info, diag);
	if (r < 0 || !info.exists)
		return r;
	for (const char *line = info.data; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, strlen(key)) || id->entry_id)
			continue;
		if (set_id(&id->entry_id, line + strlen(key)) < 0)
			return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	}
	return 0;
}

int system_id_read(const struct root *root, struct system_id *ret, struct diag *diag)
{
	_cleanup_file_ struct file file = {.exists = false};
	_cleanup_fstab_ struct fstab_line line = {.source = NULL};
	_cleanup_system_id_ struct system_id id = {.machine_id = NULL};
	int r = file_read(root, "etc/machine-id", &file, diag);

	if (r < 0)
		return r;
	if (file.exists && strspn(file.data, "0123456789abcdefABCDEF") == MACHINE_ID_DIGITS) {
		id.machine_id = strndup(file.data, MACHINE_ID_DIGITS);
		if (!id.machine_id)
			return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	}
	r = read_entry_id(root, &id, diag);
	if (!r)
		r = fstab_find(root, "/", &line, diag);
	if (r < 0)
		return r;
	if (r && set_root(&id, line.source, strlen(line.source)) < 0)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	ret->machine_id = steal(&id.machine_id);
	ret->entry_id = steal(&id.entry_id);
	ret->root_arg = steal(&id.root_arg);
	return 0;
}
