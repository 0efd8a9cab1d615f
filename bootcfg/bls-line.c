// SPDX-License-Identifier: GPL-2.0-or-later
/* What an entry means: its parts as a boot line, which kernel it boots, whose it is. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "bootcfg/bls.h"
#include "early/cmdline.h"
#include "early/text.h"
#include "early/text.h"

#define MACHINE_ID_DIGITS 32

char *bls_value(const struct bls_entry *entry, const char *key)
{
	const struct bls_field *field = bls_field(entry, key, 0);

	return field ? strndup(entry->file.data + field->value, field->value_size) : NULL;
}

char *bls_options(const struct bls_entry *entry)
{
	_cleanup_text_ struct text text = {.data = NULL};
	const struct bls_field *field;

	text_add(&text, "%s", "");
	for (size_t i = 0; (field = bls_field(entry, "options", i)); i++)
		if (field->value_size)
			text_add(&text, "%s%.*s", text.size ? " " : "", (int)field->value_size,
				 entry->file.data + field->value);
	return text.error ? NULL : steal(&text.data);
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

char *bls_id(const char *file_name)
{
	const char *dot = strrchr(file_name, '.'), *plus = strrchr(file_name, '+'), *at;
	char *id = strdup(file_name);

	if (!id || !dot || !plus || plus > dot || !digits(plus + 1))
		return id;
	at = plus + 1 + digits(plus + 1);
	if (*at == '-' && digits(at + 1))
		at += 1 + digits(at + 1);
	if (at == dot)
		strcpy(id + (plus - file_name), dot);
	return id;
}

char *bls_key(const struct bls_entry *entry)
{
	const char *path = entry->file.path, *slash = strrchr(path, '/');
	char *key;

	if (asprintf(&key, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, entry->id) < 0)
		return NULL;
	return key;
}

/* --- as a boot line ---------------------------------------------------------------------------- */

/* The version in the path of a kernel: a name's rest behind its first dash, or a directory's. */
static const char *version_in(char *path)
{
	static const char *const heads[] = {"vmlinuz-", "vmlinux-", "linux-",
					    "kernel-",	"bzImage-", "Image-"};
	char *slash = strrchr(path, '/'), *parent;
	const char *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (!strncmp(name, heads[i], strlen(heads[i])) && digits(name + strlen(heads[i])))
			return name + strlen(heads[i]);
	if (!slash || (strcmp(name, "linux") && strcmp(name, "vmlinuz")))
		return NULL;
	*slash = '\0';
	parent = strrchr(path, '/');
	if (parent && digits(parent + 1))
		return parent + 1;
	*slash = '/';
	return NULL;
}

int bls_kernel(const struct bls_entry *entry, char **ret)
{
	static const char *const keys[] = {"linux", "uki", "efi"};
	_cleanup_free_ char *version = bls_value(entry, "version"), *path = NULL;
	const struct bls_field *field = bls_field(entry, "version", 0);
	const char *found;
	char *kernel;

	if (field && !version)
		return -ENOMEM;
	if (version && *version) {
		*ret = steal(&version);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys) && !path; i++) {
		if (!bls_field(entry, keys[i], 0))
			continue;
		path = bls_value(entry, keys[i]);
		if (!path)
			return -ENOMEM;
	}
	if (!path) {
		*ret = NULL;
		return 0;
	}
	found = version_in(path);
	kernel = strdup(found ? found : path);
	if (!kernel)
		return -ENOMEM;
	*ret = kernel;
	return 0;
}

/*
 * A path of an entry as one below the root. Entries count from the top of their own partition: the
 * directory that holds loader/; where that is no partition, GRUB's count from the root.
 */
static char *path_below(const struct bls_entry *entry, const char *value, size_t size)
{
	const char *path = entry->file.path, *loader = strstr(path, "loader/entries/");
	int top = loader && loader > path ? (int)(loader - path) : 0;
	char *below;

	for (; size && (*value == '/' || *value == '\\'); size--)
		value++;
	if (size > (size_t)top && !memcmp(value, path, (size_t)top))
		top = 0;
	if (asprintf(&below, "%.*s%.*s", top, path, (int)size, value) < 0)
		return NULL;
	for (char *at = below; *at; at++)
		if (*at == '\\')
			*at = '/';
	return below;
}

/* The last word that is no variable of GRUB, of value; *size is its own. */
static const char *last_word(const char *value, size_t *size)
{
	const char *end = value + *size, *word = value, *at = value;

	while (at < end) {
		size_t len = 0;

		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		while (at + len < end && at[len] != ' ' && at[len] != '\t')
			len++;
		if (len && *at != '$') {
			word = at;
			*size = len;
		}
		at += len;
	}
	return word;
}

char *bls_path(const struct bls_entry *entry, const struct bls_field *field)
{
	return path_below(entry, entry->file.data + field->value, field->value_size);
}

static int fill_initrd(const struct bls_entry *entry, bool first_only, struct boot_line *line)
{
	const struct bls_field *field, *last = NULL;
	const char *value;
	size_t size;

	for (size_t i = 0; (field = bls_field(entry, "initrd", i)); i++)
		if (field->value_size)
			last = field;
	if (!last)
		return 0;
	value = entry->file.data + last->value;
	size = last->value_size;
	if (first_only)
		value = last_word(value, &size);
	if (first_only && *value == '$')
		return 0;
	line->initrd = path_below(entry, value, size);
	return line->initrd ? 0 : -ENOMEM;
}

/* All words of all initrd lines: systemd-boot's have one each. Variables are GRUB's, and left out. */
static int fill_initrds(const struct bls_entry *entry, struct boot_line *line)
{
	_cleanup_text_ struct text text = {.data = NULL};
	const struct bls_field *field;

	for (size_t i = 0; (field = bls_field(entry, "initrd", i)); i++) {
		const char *at = entry->file.data + field->value, *end = at + field->value_size;

		while (at < end) {
			_cleanup_free_ char *path = NULL;
			size_t len = 0;

			while (at + len < end && at[len] != ' ' && at[len] != '\t')
				len++;
			if (len && *at != '$') {
				path = path_below(entry, at, len);
				if (!path)
					return -ENOMEM;
				text_add(&text, "%s%s", text.size ? "\n" : "", path);
			}
			at += len + 1;
		}
	}
	line->initrds = text.error ? NULL : steal(&text.data);
	return text.error;
}

static int fill_image(const struct bls_entry *entry, struct boot_line *line)
{
	const struct bls_field *field = bls_field(entry, "linux", 0);

	if (!field || !field->value_size)
		return 0;
	line->image = bls_path(entry, field);
	return line->image ? 0 : -ENOMEM;
}

static int fill_segments(const struct bls_entry *entry, bool first_only, struct boot_line *line)
{
	const struct bls_field *field;
	int r = 0;

	for (size_t i = 0; !r && (field = bls_field(entry, "options", i)); i++) {
		if (!field->value_size || (first_only && line->segment_count))
			continue;
		r = boot_line_segment(line, entry->file.data + field->value, field->value_size,
				      line->file, field->line, false,
				      (size_t)(field - entry->fields));
	}
	if (!r && !line->segment_count)
		r = boot_line_segment(line, "", 0, line->file, 0, false, entry->count);
	return r;
}

int bls_line(const struct bls_entry *entry, bool first_only, struct boot_line *line)
{
	int r;

	line->role = LINE_ENTRY;
	if (asprintf(&line->file, "/%s", entry->file.path) < 0) {
		line->file = NULL;
		return -ENOMEM;
	}
	line->title = bls_value(entry, "title");
	if (!line->title && bls_field(entry, "title", 0))
		return -ENOMEM;
	r = bls_kernel(entry, &line->kernel);
	if (!r)
		r = fill_initrd(entry, first_only, line);
	if (!r)
		r = fill_initrds(entry, line);
	if (!r)
		r = fill_image(entry, line);
	if (!r)
		r = fill_segments(entry, first_only, line);
	if (!r)
		r = owned_copy(&entry->owned, &line->owned);
	line->owned_known = entry->ours;
	return r;
}

/* --- whose ------------------------------------------------------------------------------------- */

static bool holds(const struct bls_entry *entry, const char *key, const char *word)
{
	const struct bls_field *field = bls_field(entry, key, 0);
	size_t len = strlen(word);

	for (size_t i = 0; field && i + len <= field->value_size; i++)
		if (!strncasecmp(entry->file.data + field->value + i, word, len))
			return true;
	return false;
}

/* 32 hex digits, and not the ones that images have which are nobody's. */
static bool is_machine_id(const char *text, size_t size)
{
	return size >= MACHINE_ID_DIGITS &&
	       strspn(text, "0123456789abcdefABCDEF") == MACHINE_ID_DIGITS &&
	       strspn(text, "fF") != MACHINE_ID_DIGITS && strspn(text, "0") != MACHINE_ID_DIGITS;
}

/* The machine that an entry names: by its key, else at the start of its name. NULL: none. */
static const char *machine_of(const struct bls_entry *entry)
{
	const struct bls_field *field = bls_field(entry, "machine-id", 0);

	if (field && is_machine_id(entry->file.data + field->value, field->value_size))
		return entry->file.data + field->value;
	if (is_machine_id(entry->id, strlen(entry->id)) && entry->id[MACHINE_ID_DIGITS] == '-')
		return entry->id;
	return NULL;
}

/* Bytes of `UUID=` and the like at the start of a value; 0: another way to name a root. */
static size_t kind_of(const char *value, size_t size)
{
	static const char *const kinds[] = {"UUID=", "PARTUUID=", "LABEL=", "PARTLABEL="};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (size > strlen(kinds[i]) && !strncasecmp(value, kinds[i], strlen(kinds[i])))
			return strlen(kinds[i]);
	return 0;
}

/* Whether a command line names a root of the same kind as root_arg, and another one. */
static bool other_root(const char *options, const char *root_arg)
{
	const char *want = root_arg + strlen("root=");
	size_t kind = kind_of(want, strlen(want));
	struct cmdline_token token;
	struct cmdline cmdline;
	bool other = false;

	cmdline_init(&cmdline, options, strlen(options));
	while (kind && cmdline_next(&cmdline, &token))
		if (!token.for_init && token.value && cmdline_is(&token, "root") &&
		    kind_of(token.value, token.value_len) == kind &&
		    !strncasecmp(token.value, want, kind))
			other = token.value_len != strlen(want) ||
				strncasecmp(token.value, want, token.value_len);
	return other;
}

static bool has_root(const char *options)
{
	struct cmdline_token token;
	struct cmdline cmdline;
	bool found = false;

	cmdline_init(&cmdline, options, strlen(options));
	while (cmdline_next(&cmdline, &token))
		found = found || cmdline_is(&token, "root");
	return found;
}

/* A live system, as the recovery partition of some distributions has. */
static bool is_live(const char *options)
{
	struct cmdline_token token;
	struct cmdline cmdline;
	bool found = false;

	cmdline_init(&cmdline, options, strlen(options));
	while (cmdline_next(&cmdline, &token))
		found = found ||
			(cmdline_is(&token, "boot") &&
			 (cmdline_value_is(&token, "casper") || cmdline_value_is(&token, "live")));
	return found;
}

static bool is_rescue(const struct bls_entry *entry, const char *options)
{
	return strstr(entry->id, "-0-rescue") || !strncasecmp(entry->id, "recovery-", 9) ||
	       !strncasecmp(entry->id, "rescue", 6) || holds(entry, "title", "rescue") ||
	       holds(entry, "title", "recovery") || is_live(options) ||
	       cmdline_switch(options, strlen(options), NULL) == CMDLINE_OFF_RESCUE;
}

static bool boots_linux(const struct bls_entry *entry, const char *options)
{
	if (holds(entry, "linux", "memtest") || holds(entry, "efi", "memtest"))
		return false;
	/* A kernel is an EFI program too, and so are shells and other loaders. */
	return bls_field(entry, "linux", 0) || bls_field(entry, "uki", 0) ||
	       (bls_field(entry, "efi", 0) && has_root(options));
}

static bool is_id(const char *machine, const char *id)
{
	return id && !strncasecmp(machine, id, MACHINE_ID_DIGITS);
}

enum bls_whose bls_whose(const struct bls_entry *entry, const struct system_id *id)
{
	_cleanup_free_ char *options = bls_options(entry);
	const char *machine = machine_of(entry);

	/* Without memory nothing is known of it: it is left alone. */
	if (!options || !boots_linux(entry, options))
		return BLS_OTHER;
	if (machine && id->machine_id && !is_id(machine, id->machine_id) &&
	    !is_id(machine, id->entry_id))
		return BLS_OTHER;
	if (!(machine && id->machine_id) && id->root_arg && other_root(options, id->root_arg))
		return BLS_OTHER;
	return is_rescue(entry, options) ? BLS_RESCUE : BLS_OURS;
}
