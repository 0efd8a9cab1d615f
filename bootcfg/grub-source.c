// SPDX-License-Identifier: GPL-2.0-or-later
/* /etc/default/grub and what grub-mkconfig reads after it, as one command line in segments. */
#include <stdint.h>
#include <string.h>

#include "bootcfg/grub.h"

#define LINUX "GRUB_CMDLINE_LINUX"
#define LINUX_DEFAULT "GRUB_CMDLINE_LINUX_DEFAULT"
#define BLSCFG "GRUB_ENABLE_BLSCFG"

/*
 * Bytes that are in front of the line where no grub.cfg shows them: BOOT_IMAGE= with a path, root=
 * with a UUID, ro.
 */
#define PREFIX_GUESS 160

void grub_source_free(struct grub_source *source)
{
	for (size_t i = 0; i < source->file_count; i++)
		file_free(&source->files[i]);
	for (size_t i = 0; i < source->map_count; i++)
		free(source->maps[i].at);
	free(source->files);
	free(source->maps);
	free(source->all.chars);
	owned_free(&source->record.owned);
	shell_free(&source->shell);
	*source = (struct grub_source){.file_count = 0};
}

static int no_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* --- what kind of GRUB this is ---------------------------------------------------------------- */

/* Whether a text file of the root has some text in it; one that is not there, or binary, has not. */
static bool mentions(const struct root *root, const char *path, const char *text)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	return root_read_file(root, path, &data, &size, NULL) == 0 &&
	       memmem(data, size, text, strlen(text));
}

/* The first of the paths that is there, or NULL. */
static const char *first_of(const struct root *root, const char *const *paths)
{
	while (*paths && !root_exists(root, *paths))
		paths++;
	return *paths;
}

/*
 * Reading grub.d is a patch of Debian's. Its own grub-mkconfig tells; where an image has none yet,
 * Debian's packages leave that directory, and their mark in os-release.
 */
static bool reads_drop_ins(const struct root *root)
{
	static const char *const paths[] = {"usr/sbin/grub-mkconfig", "sbin/grub-mkconfig",
					    "usr/bin/grub-mkconfig",  "usr/sbin/grub2-mkconfig",
					    "usr/bin/grub2-mkconfig", NULL};
	const char *generator = first_of(root, paths);

	if (generator)
		return mentions(root, generator, "default/grub.d");
	if (root_exists(root, "boot/grub2") && !root_exists(root, "boot/grub"))
		return false;
	return root_exists(root, GRUB_DEFAULT_DIR) || root_exists(root, "etc/debian_version") ||
	       root_exists(root, "var/lib/dpkg/status");
}

/* Whether /bin/sh is one that has `+=`. Where it cannot be told, by the family. */
static bool shell_is_bash(const struct root *root, bool debian)
{
	static const char *const paths[] = {"usr/bin/sh", "bin/sh"};
	char target[256];

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (root_readlink_name(root, paths[i], target, sizeof(target)) > 0)
			return !strcmp(target, "bash") || !strcmp(target, "zsh") ||
			       !strcmp(target, "ksh") || !strcmp(target, "mksh");
	return !debian;
}

const char *grub_directory(const struct root *root)
{
	static const char *const dirs[] = {"boot/grub2", "boot/grub"};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/grub.cfg", dirs[i]);
		if (root_exists(root, path))
			return dirs[i];
	}
	return NULL;
}

/* Fedora and its kin: true unless /etc/default/grub says otherwise. */
static bool reads_entries(const struct root *root, const struct shell *shell)
{
	const char *dir = grub_directory(root);
	const struct shell_value *value = shell_get(shell, BLSCFG);
	char path[64];

	if (value && value->count)
		return shell_is(shell, BLSCFG, "true");
	if (mentions(root, "etc/grub.d/10_linux", "blscfg"))
		return true;
	if (!dir)
		return false;
	snprintf(path, sizeof(path), "%s/grub.cfg", dir);
	return mentions(root, path, "\nblscfg");
}

/* --- reading the files ------------------------------------------------------------------------ */

static int add_file(const struct root *root, struct grub_source *source, const char *path,
		    struct diag *diag)
{
	struct file *files =
		reallocarray(source->files, source->file_count + 1, sizeof(*source->files));
	int r;

	if (!files)
		return no_memory(diag);
	source->files = files;
	r = file_read(root, path, &files[source->file_count], diag);
	if (r < 0)
		return r;
	source->file_count++;
	return 0;
}

static int add_drop_ins(const struct root *root, struct grub_source *source, struct diag *diag)
{
	static const char own[] = GRUB_DROP_IN;
	_cleanup_names_ char **names = NULL;
	int r = names_read(root, GRUB_DEFAULT_DIR, ".cfg", &names, diag);
	bool placed = false;

	for (size_t i = 0; r == 0 && (names[i] || !placed); i++) {
		_cleanup_free_ char *path = NULL;

		if (!placed && (!names[i] || strcmp(names[i], strrchr(own, '/') + 1) >= 0)) {
			source->home = (unsigned)source->file_count;
			placed = true;
			r = add_file(root, source, own, diag);
			if (r < 0 || !names[i])
				return r;
			if (!strcmp(names[i], strrchr(own, '/') + 1))
				continue;
		}
		if (asprintf(&path, "%s/%s", GRUB_DEFAULT_DIR, names[i]) < 0) {
			path = NULL;
			return no_memory(diag);
		}
		r = add_file(root, source, path, diag);
	}
	return r;
}

/* Where a line can be added to in the file itself: the last anchor, if all in front of it is text. */
static bool can_add_in_place(const struct grub_source *source)
{
	const struct shell_value *value = shell_get(&source->shell, source->variable);
	size_t i = value ? value->count : 0;

	while (i && value->chars[i - 1].kind == SHELL_BYTE && value->chars[i - 1].c == '\r')
		i--;
	if (!i || value->chars[i - 1].kind != SHELL_ANCHOR || value->chars[i - 1].fixed)
		return false;
	while (i && value->chars[i - 1].kind == SHELL_ANCHOR)
		i--;
	return !i || (value->chars[i - 1].kind == SHELL_BYTE && !value->chars[i - 1].fixed &&
		      value->chars[i - 1].file == source->home);
}

static int evaluate(struct grub_source *source, struct diag *diag)
{
	static const char *const names[] = {LINUX, LINUX_DEFAULT, BLSCFG};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (shell_declare(&source->shell, names[i]) < 0)
			return no_memory(diag);
	if (source->files[source->home].exists)
		r = grub_record_read(&source->files[source->home], source->variable,
				     &source->record, diag);
	for (unsigned i = 0; r == 0 && i < source->file_count; i++) {
		const struct file *file = &source->files[i];

		if (file->exists)
			r = shell_read(&source->shell, file, i, diag);
		if (r || i != source->home || source->record.assignment_end)
			continue;
		source->own_assignment = source->drop_in || !can_add_in_place(source);
		if (source->own_assignment &&
		    shell_anchor(&source->shell, source->variable, i, file->size) < 0)
			r = no_memory(diag);
	}
	if (source->record.assignment_end)
		source->own_assignment = true;
	return r;
}

static int read_files(const struct boot_context *context, struct grub_source *source,
		      struct diag *diag)
{
	const struct root *root = context->root;
	int r = add_file(root, source, GRUB_DEFAULT_FILE, diag);

	if (r < 0)
		return r;
	source->variable = LINUX_DEFAULT;
	source->drop_in = reads_drop_ins(root);
	source->shell.bash = shell_is_bash(root, source->drop_in);
	if (source->drop_in) {
		r = add_drop_ins(root, source, diag);
	} else {
		/* Which variable is ours hangs on what the file says: once to look. */
		struct shell look = {.bash = source->shell.bash};

		if (shell_declare(&look, BLSCFG) < 0)
			r = -ENOMEM;
		if (!r && source->files[0].exists)
			r = shell_read(&look, &source->files[0], 0, diag);
		source->bls = !r && reads_entries(root, &look);
		shell_free(&look);
		/* What writes boot entries there asks for this one (grubby, kernel-install, Anaconda). */
		if (source->bls)
			source->variable = LINUX;
	}
	return r;
}

/* --- segments --------------------------------------------------------------------------------- */

static int join_values(struct grub_source *source)
{
	const struct shell_value *first = shell_get(&source->shell, LINUX),
				 *second = shell_get(&source->shell, LINUX_DEFAULT);
	size_t count = first ? first->count : 0;
	struct shell_char *all;

	all = calloc(count + (second ? second->count : 0) + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	if (count)
		memcpy(all, first->chars, count * sizeof(*all));
	all[count] = (struct shell_char){.c = ' ', .fixed = true};
	if (second && second->count)
		memcpy(all + count + 1, second->chars, second->count * sizeof(*all));
	source->all = (struct shell_value){.set = true, .chars = all};
	source->all.count = count + 1 + (second ? second->count : 0);
	return 0;
}

/* A segment that is being gathered. */
struct gather {
	struct grub_source *source;
	struct boot_line *line;
	char *text;
	size_t *at;
	size_t size;
	bool open, fixed;
	unsigned file, number;
	size_t last; /* the place after its last word */
};

static int flush(struct gather *gather)
{
	struct grub_source *source = gather->source;
	struct grub_map *maps;
	char path[4200];
	size_t *at;

	if (!gather->open)
		return 0;
	gather->open = false;
	maps = reallocarray(source->maps, source->map_count + 1, sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	source->maps = maps;
	at = calloc(gather->size + 1, sizeof(*at));
	if (!at)
		return -ENOMEM;
	if (gather->size)
		memcpy(at, gather->at, gather->size * sizeof(*at));
	at[gather->size] = gather->last;
	maps[source->map_count] = (struct grub_map){.at = at, .size = gather->size};
	snprintf(path, sizeof(path), "/%s", source->files[gather->file].path);
	if (boot_line_segment(gather->line, gather->text ? gather->text : "", gather->size, path,
			      gather->number, gather->fixed, source->map_count++) < 0)
		return -ENOMEM;
	gather->size = 0;
	return 0;
}

static int add_text(struct gather *gather, const char *text, size_t size, size_t place)
{
	char *more = realloc(gather->text, gather->size + size + 1);
	size_t *at;

	if (!more)
		return -ENOMEM;
	gather->text = more;
	at = reallocarray(gather->at, gather->size + size + 1, sizeof(*at));
	if (!at)
		return -ENOMEM;
	gather->at = at;
	for (size_t i = 0; i < size; i++) {
		more[gather->size] = text[i];
		at[gather->size++] = i ? SIZE_MAX : place;
	}
	return 0;
}

/* The blanks between two words, if they could be edited like the words themselves. */
static bool same_stretch(const struct gather *gather, const struct grub_word *word)
{
	const struct shell_char *chars = gather->source->all.chars;

	if (!gather->open || gather->fixed != word->fixed || gather->file != word->file)
		return false;
	for (size_t i = gather->last; i < word->first; i++)
		if (chars[i].kind == SHELL_ANCHOR
			    ? chars[i].c
			    : chars[i].fixed != word->fixed || chars[i].file != word->file)
			return false;
	return true;
}

static int add_word(struct gather *gather, const struct grub_word *word)
{
	const struct shell_char *chars = gather->source->all.chars;
	int r = 0;

	if (same_stretch(gather, word)) {
		for (size_t i = gather->last; !r && i < word->first; i++)
			if (chars[i].kind == SHELL_BYTE && chars[i].c != '\r')
				r = add_text(gather, &chars[i].c, 1, i);
	} else {
		r = flush(gather);
		gather->open = true;
		gather->fixed = word->fixed;
		gather->file = word->file;
		gather->number = word->line;
	}
	if (r)
		return r;
	if (word->exact) {
		for (size_t i = word->first; !r && i < word->end; i++)
			if (chars[i].kind == SHELL_BYTE && chars[i].c != '\r')
				r = add_text(gather, &chars[i].c, 1, i);
	} else {
		r = add_text(gather, word->text, strlen(word->text), word->first);
	}
	gather->last = word->end;
	return r;
}

/* A segment without text, for what is to be added there. */
static int add_empty(struct gather *gather, size_t place)
{
	const struct shell_char *anchor = &gather->source->all.chars[place];
	int r = flush(gather);

	if (r)
		return r;
	gather->line->append = gather->line->segment_count;
	gather->open = true;
	gather->fixed = false;
	gather->file = anchor->file;
	gather->number = anchor->line;
	gather->last = place;
	return flush(gather);
}

static bool is_ours(const struct grub_source *source, const struct shell_char *item)
{
	return item->file == source->home && item->start >= source->record.assignment &&
	       item->start < source->record.assignment_end;
}

/*
 * Where new units go: behind the chars that stand in our own assignment, or at the last anchor in
 * the file that is edited. *ret_empty: no text of its own is there. False: it is not in the value.
 */
static bool find_append(const struct grub_source *source, size_t *ret_place, bool *ret_empty)
{
	const struct shell_char *chars = source->all.chars;
	size_t i = source->all.count;
	bool is_default = !strcmp(source->variable, LINUX_DEFAULT);

	/* In the variable's own part of the line. */
	if (!is_default) {
		const struct shell_value *value = shell_get(&source->shell, LINUX);

		i = value ? value->count : 0;
	}
	for (; i-- > 0;) {
		const struct shell_char *item = &chars[i];

		if (item->kind != SHELL_ANCHOR || item->file != source->home || item->fixed)
			continue;
		if (source->own_assignment &&
		    !(source->record.assignment_end ? is_ours(source, item) : item->c))
			continue;
		*ret_place = i;
		for (; i && chars[i - 1].kind == SHELL_ANCHOR; i--)
			;
		*ret_empty = chars[*ret_place].c || !i || chars[i - 1].kind != SHELL_BYTE ||
			     chars[i - 1].fixed || chars[i - 1].file != source->home;
		return true;
	}
	return false;
}

static int lost(const struct grub_source *source, struct diag *diag)
{
	const struct shell_value *value = shell_get(&source->shell, source->variable);
	const struct shell_char *last =
		value && value->count ? &value->chars[value->count - 1] : NULL;
	char path[sizeof(diag->file)];

	snprintf(path, sizeof(path), "/%s", source->files[last ? last->file : 0].path);
	return diag_set(
		diag, -EPERM, path, last ? last->line : 0,
		"this sets %s anew after /%s, so that nothing which is added there would "
		"count: let it add to the variable (%s=\"$%s ...\"), or give the file a name "
		"that sorts earlier",
		source->variable, source->files[source->home].path, source->variable,
		source->variable);
}

static void remark_unknown(struct remarks *remarks, struct grub_source *source,
			   const struct grub_words *words)
{
	for (size_t i = 0; i < words->count; i++) {
		const struct grub_word *word = &words->items[i];

		for (size_t j = word->first; j < word->end; j++) {
			if (source->all.chars[j].kind != SHELL_UNKNOWN)
				continue;
			source->opaque = true;
			if (!remarks)
				break;
			remark(remarks,
			       "/%s:%u: what `%s` adds to the command line is known when "
			       "grub-mkconfig runs, not before",
			       source->files[word->file].path, word->line, word->text);
			break;
		}
	}
}

static int make_segments(struct remarks *remarks, struct grub_source *source,
			 struct boot_line *line, struct diag *diag)
{
	struct gather gather = {.source = source, .line = line};
	_cleanup_grub_words_ struct grub_words words = {.count = 0};
	size_t place = SIZE_MAX;
	bool empty = false, placed = false;
	int r;

	if (join_values(source) < 0)
		return no_memory(diag);
	if (!find_append(source, &place, &empty))
		return lost(source, diag);
	r = grub_words(&source->all, source->files, &words, diag);
	if (r < 0)
		return r;
	remark_unknown(remarks, source, &words);
	for (size_t i = 0; !r && i < words.count; i++) {
		const struct grub_word *word = &words.items[i];

		if (empty && !placed && place < word->first) {
			r = add_empty(&gather, place);
			placed = true;
		}
		if (!r)
			r = add_word(&gather, word);
		/* A segment number that flush() will give to what is open now. */
		if (!empty && word->first < place)
			line->append = line->segment_count;
	}
	if (!r && empty && !placed)
		r = add_empty(&gather, place);
	if (!r)
		r = flush(&gather);
	free(gather.text);
	free(gather.at);
	return r ? no_memory(diag) : 0;
}

static int take_owned(const struct boot_context *context, const struct grub_source *source,
		      struct boot_line *line)
{
	const struct owned_list *owned =
		context->state ? state_owned(context->state, source->files[source->home].path)
			       : NULL;

	line->keeps_record = true;
	line->owned_known =
		source->record.found || owned || (context->state && state_found(context->state));
	if (source->record.found)
		owned = &source->record.owned;
	return owned ? owned_copy(owned, &line->owned) : 0;
}

int grub_source_read(const struct boot_context *context, struct grub_source *ret,
		     struct boot_line *line, struct diag *diag)
{
	char path[4200];
	int r;

	*ret = (struct grub_source){.file_count = 0};
	r = read_files(context, ret, diag);
	if (!r)
		r = evaluate(ret, diag);
	if (!r)
		r = make_segments(context->remarks, ret, line, diag);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/%s", ret->files[ret->home].path);
	line->role = LINE_SOURCE;
	line->file = strdup(path);
	line->prefix = PREFIX_GUESS;
	if (!line->file || take_owned(context, ret, line) < 0)
		return no_memory(diag);
	return 0;
}

int grub_source_reread(const struct grub_source *source, const struct grub_patches *patches,
		       struct grub_source *ret, struct boot_line *line, struct diag *diag)
{
	int r = 0;

	*ret = (struct grub_source){
		.home = source->home,
		.drop_in = source->drop_in,
		.bls = source->bls,
		.variable = source->variable,
		.shell = {.bash = source->shell.bash},
		.files = calloc(source->file_count, sizeof(*source->files)),
	};
	if (!ret->files)
		return no_memory(diag);
	for (unsigned i = 0; i < source->file_count; i++) {
		struct file *file = &ret->files[ret->file_count++];

		file->path = strdup(source->files[i].path);
		if (!file->path ||
		    grub_patch_apply(patches, i, &source->files[i], &file->data, &file->size) < 0)
			return no_memory(diag);
		file->exists = source->files[i].exists || file->size;
	}
	r = evaluate(ret, diag);
	return r ? r : make_segments(NULL, ret, line, diag);
}
