// SPDX-License-Identifier: GPL-2.0-or-later
/* grub.cfg, which is never edited: what its menu entries hand to the kernel. */
#include <string.h>

#include "bootcfg/grub-default.h"
#include "bootcfg/grub.h"
#include "early/cmdline.h"
#include "early/text.h"

/* A menu entry that is being read. */
struct entry {
	char *title, *id, *kernel, *initrd, *initrds, *args;
	unsigned line; /* of its linux command */
	struct grub_place place;
	bool open, recovery;
};

struct reader {
	const struct boot_context *context;
	struct boot_setup *setup;
	const struct file *file;
	struct diag *diag;
	bool foreign; /* in a part that no kernel of this system is in */
	struct entry entry;
	struct grub_default wanted; /* what is to boot, as far as it was said up to here */
	bool in_submenu, found;
	unsigned places, sub_places; /* entries so far: of the menu, of the submenu */
	size_t first; /* line of the first entry, which boots where the wanted one is not there; 0: not ours */
};

static int no_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

static void entry_free(struct entry *entry)
{
	free(entry->title);
	free(entry->id);
	free(entry->kernel);
	free(entry->initrd);
	free(entry->initrds);
	free(entry->args);
	*entry = (struct entry){.open = false};
}

/* Without the quotes that the kernel's own quoting needs: a title, a path. */
static char *plain(const char *text)
{
	char *copy = strdup(text), *to = copy;

	if (!copy)
		return NULL;
	for (const char *at = copy; *at; at++)
		if (*at == '\\' && at[1])
			*to++ = *++at;
		else if (*at != '"')
			*to++ = *at;
	*to = '\0';
	return copy;
}

/* Words that make a boot a rescue: such an entry is a way out, and stays as it is. */
static bool is_rescue(const char *args)
{
	static const char *const words[] = {"single", "S",	   "s",	      "1",
					    "rescue", "emergency", "recovery"};
	struct cmdline_token token;
	struct cmdline cmdline;

	cmdline_init(&cmdline, args, strlen(args));
	while (cmdline_next(&cmdline, &token)) {
		if (cmdline_is(&token, "systemd.unit") &&
		    (cmdline_value_is(&token, "rescue.target") ||
		     cmdline_value_is(&token, "emergency.target")))
			return true;
		for (size_t i = 0; !token.value && i < ARRAY_SIZE(words); i++)
			if (cmdline_is(&token, words[i]))
				return true;
	}
	return false;
}

/* The path below the root, of one that GRUB has relative to the partition with /boot. */
static char *below_root(const struct root *root, const char *path)
{
	char *full = NULL;

	if (*path == '(' && strchr(path, ')'))
		path = strchr(path, ')') + 1;
	while (*path == '/')
		path++;
	if (!root_exists(root, path) &&
	    (strncmp(path, "boot/", 5) != 0 || !root_exists(root, "boot"))) {
		if (asprintf(&full, "boot/%s", path) < 0)
			return NULL;
		return full;
	}
	return strdup(path);
}

/* vmlinuz-6.1.0-1-amd64 -> 6.1.0-1-amd64; a path without that stays itself. */
static char *version_of(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *dash = strchr(name, '-');

	return strdup(dash && dash[1] >= '0' && dash[1] <= '9' ? dash + 1 : path);
}

static int add_entry(struct reader *reader, bool chosen)
{
	struct entry *entry = &reader->entry;
	struct boot_line *line = boot_setup_add(reader->setup);
	char path[sizeof(reader->diag->file)];

	if (!line)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/%s", reader->file->path);
	line->role = LINE_ENTRY;
	line->read_only = true;
	line->owned_known = true;
	line->prefix = strlen("BOOT_IMAGE= ") + strlen(entry->kernel);
	line->file = strdup(path);
	line->title = steal(&entry->title);
	line->kernel = version_of(entry->kernel);
	line->initrd = steal(&entry->initrd);
	line->initrds = steal(&entry->initrds);
	line->image = strdup(entry->kernel);
	line->is_default = chosen;
	if (!entry->place.in_submenu && !entry->place.place)
		reader->first = (size_t)(line - reader->setup->lines);
	if (!line->image || !line->file || !line->kernel ||
	    boot_line_segment(line, entry->args, strlen(entry->args), path, entry->line, true, 0) <
		    0)
		return -ENOMEM;
	return 0;
}

static int close_entry(struct reader *reader)
{
	struct entry *entry = &reader->entry;
	bool rescue = entry->id && strstr(entry->id, "-recovery-");
	bool chosen = !reader->found &&
		      grub_default_is(&reader->wanted, entry->place, entry->title, entry->id);
	int r = 0;

	reader->found |= chosen;

	if (entry->args && !reader->foreign && !rescue && !is_rescue(entry->args) &&
	    !(entry->id && !strncmp(entry->id, "osprober-", 9)))
		r = add_entry(reader, chosen);
	entry_free(entry);
	return r;
}

/* The words of a line from the given one on, joined. */
static char *join(const struct grub_words *words, size_t from)
{
	_cleanup_text_ struct text text = {.data = NULL};

	text_add(&text, "%s", "");
	for (size_t i = from; i < words->count; i++)
		text_add(&text, "%s%s", i > from ? " " : "", words->items[i].text);
	return text.error ? NULL : steal(&text.data);
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words;
}

static int open_entry(struct reader *reader, const struct grub_words *words)
{
	struct entry *entry = &reader->entry;
	int r = entry->open ? close_entry(reader) : 0;

	if (r)
		return r;
	entry->open = true;
	entry->place = (struct grub_place){.in_submenu = reader->in_submenu};
	if (reader->in_submenu) {
		entry->place.parent = reader->places - 1;
		entry->place.place = reader->sub_places++;
	} else {
		entry->place.place = reader->places++;
	}
	if (words->count > 1) {
		entry->title = plain(words->items[1].text);
		if (!entry->title)
			return -ENOMEM;
	}
	for (size_t i = 2; i < words->count && !entry->id; i++) {
		const char *text = words->items[i].text;

		if (i + 1 < words->count &&
		    (!strcmp(text, "$menuentry_id_option") || !strcmp(text, "--id")))
			entry->id = plain(words->items[i + 1].text);
		else if (!strncmp(text, "--id=", 5))
			entry->id = plain(text + 5);
	}
	return 0;
}

/* All images of an initrd command; the kernel unpacks one after the other. */
static int list_initrds(struct reader *reader, const struct grub_words *words)
{
	_cleanup_text_ struct text text = {.data = NULL};

	for (size_t i = 1; i < words->count; i++) {
		_cleanup_free_ char *path = plain(words->items[i].text), *below = NULL;

		below = path ? below_root(reader->context->root, path) : NULL;
		if (!below)
			return -ENOMEM;
		text_add(&text, "%s%s", i > 1 ? "\n" : "", below);
	}
	free(reader->entry.initrds);
	reader->entry.initrds = text.error ? NULL : steal(&text.data);
	return text.error;
}

static int read_command(struct reader *reader, const struct grub_words *words)
{
	static const char *const loads[] = {"linux", "linux16", "linuxefi", NULL};
	static const char *const initrds[] = {"initrd", "initrd16", "initrdefi", NULL};
	struct entry *entry = &reader->entry;
	const char *name = words->count ? words->items[0].text : "";

	if (!strcmp(name, "menuentry"))
		return open_entry(reader, words);
	if (!strcmp(name, "submenu")) {
		reader->places++;
		reader->sub_places = 0;
		reader->in_submenu = true;
	}
	if (!entry->open || words->count < 2)
		return 0;
	if (is_one_of(name, loads) && !entry->args) {
		_cleanup_free_ char *path = plain(words->items[1].text);

		entry->kernel = path ? below_root(reader->context->root, path) : NULL;
		entry->args = join(words, 2);
		entry->line = words->items[0].line;
		return entry->kernel && entry->args ? 0 : -ENOMEM;
	}
	if (is_one_of(name, initrds)) {
		_cleanup_free_ char *path = plain(words->items[words->count - 1].text);

		free(entry->initrd);
		entry->initrd = path ? below_root(reader->context->root, path) : NULL;
		return entry->initrd ? list_initrds(reader, words) : -ENOMEM;
	}
	return 0;
}

/* Parts that come from elsewhere than from GRUB_CMDLINE_LINUX: other systems, the user's own. */
static bool is_foreign(const char *line, size_t size)
{
	static const char *const kinds[] = {"os-prober", "_custom", "_xen"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (memmem(line, size, kinds[i], strlen(kinds[i])))
			return true;
	return false;
}

static int read_line(struct reader *reader, const char *text, size_t size, size_t start,
		     unsigned number)
{
	static const char begin[] = "### BEGIN ", end[] = "### END ";
	_cleanup_grub_words_ struct grub_words words = {.count = 0};
	struct shell_value value = {.set = true};
	struct diag diag = DIAG_INIT;
	size_t len = size;
	int r;

	if (size > strlen(begin) && !memcmp(text, begin, strlen(begin)))
		reader->foreign = is_foreign(text, size);
	if (size > strlen(end) && !memcmp(text, end, strlen(end)))
		reader->foreign = false;
	for (; len && strchr(" \t\r", text[len - 1]); len--)
		;
	if (grub_default_line(&reader->wanted, text, len) < 0)
		return -ENOMEM;
	if (len && text[strspn(text, " \t")] == '}') {
		if (reader->entry.open)
			return close_entry(reader);
		reader->in_submenu = false;
		return 0;
	}
	/* A block opens at the end of the line. */
	if (len && text[len - 1] == '{')
		len--;
	if (grub_value(text, len, start, 0, number, &value) < 0)
		return -ENOMEM;
	r = grub_words(&value, reader->file, &words, &diag);
	free(value.chars);
	/* Script that is no plain command: nothing in it loads a kernel of ours. */
	if (r == -EBADMSG)
		return 0;
	return r ? r : read_command(reader, &words);
}

int grub_cfg_read(const struct boot_context *context, struct boot_setup *setup, struct diag *diag)
{
	const char *dir = grub_directory(context->root);
	_cleanup_file_ struct file file = {.exists = false};
	struct reader reader = {.context = context, .setup = setup, .file = &file, .diag = diag};
	char path[64];
	int r;

	if (!dir)
		return 0;
	snprintf(path, sizeof(path), "%s/grub.cfg", dir);
	r = file_read(context->root, path, &file, diag);
	if (r == -EACCES) {
		remark(context->remarks,
		       "/%s: only root may read it, so that its entries are not shown", path);
		return 0;
	}
	if (r < 0 || !file.exists)
		return r;
	r = grub_default_read(context->root, dir, &reader.wanted);
	for (size_t at = 0, number = 1; r == 0 && at < file.size; number++) {
		const char *line = file.data + at;
		size_t size = strcspn(line, "\n");

		if (size > file.size - at)
			size = file.size - at;
		r = read_line(&reader, line, strnlen(line, size), at, (unsigned)number);
		at += size + 1;
	}
	if (r == 0 && !reader.found && reader.first)
		setup->lines[reader.first].is_default = true;
	entry_free(&reader.entry);
	grub_default_free(&reader.wanted);
	return r ? no_memory(diag) : 0;
}

/* Whether the tokens of part stand side by side somewhere in the entry. */
static bool holds(const char *entry, const char *part)
{
	struct cmdline_token token;
	struct cmdline start;

	cmdline_init(&start, entry, strlen(entry));
	while (true) {
		struct cmdline here = start, there;
		struct cmdline_token x, y;
		bool more;

		cmdline_init(&there, part, strlen(part));
		while ((more = cmdline_next(&there, &y)))
			if (!cmdline_next(&here, &x) || x.raw_len != y.raw_len ||
			    memcmp(x.raw, y.raw, x.raw_len) != 0)
				break;
		if (!more)
			return true;
		if (!cmdline_next(&start, &token))
			return false;
	}
}

bool grub_cfg_agrees(const struct grub_source *source, const struct boot_line *from,
		     const struct boot_line *entry)
{
	_cleanup_free_ char *text = boot_line_text(entry);
	_cleanup_text_ struct text whole = {.data = NULL};

	text_add(&whole, "%s", "");
	for (size_t i = 0; i < from->segment_count; i++) {
		_cleanup_free_ char *part = boot_line_edited(from, i);

		if (!text || !part)
			return false;
		/* Piece by piece, where only a run of grub-mkconfig knows what is between them. */
		if (source->opaque && !from->segments[i].fixed && !holds(text, part))
			return false;
		text_add(&whole, "%s ", part);
	}
	return source->opaque || (!whole.error && holds(text, whole.data));
}
