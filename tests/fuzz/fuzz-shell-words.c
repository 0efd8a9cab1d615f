// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /etc/default/grub, for libFuzzer: any text is read or refused with its place; what is set in it
 * says what was meant, set again it changes nothing, unset it is the same bytes. A byte 0x1e in the
 * data makes the rest another file, which is read after a drop-in of ours.
 */
#include <stdint.h>
#include <string.h>

#include "bootcfg/edit.h"
#include "bootcfg/grub.h"

#define FILE_SEPARATOR 0x1e

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *const paths[] = {(char *)"etc/default/grub", (char *)GRUB_DROP_IN,
			      (char *)GRUB_DEFAULT_DIR "/zzz.cfg"};

static struct want wanted[] = {
	{.text = (char *)"iommu=pt", .item = "iommu"},
	{.text = (char *)"isolcpus=8-15", .item = "isolcpus"},
	{.text = (char *)"memmap=4G$4G", .item = "arg"},
	{.text = (char *)"a.dyndbg=\"file x +p; y\"", .item = "arg"},
};

/* Files as texts; NULL: not there. */
struct texts {
	char *text[ARRAY_SIZE(paths)];
};

static void texts_free(struct texts *texts)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		free(texts->text[i]);
}

static void check_diag(const struct diag *diag, const struct texts *texts)
{
	size_t lines = 1;

	CHECK(*diag->text && *diag->file == '/');
	for (const char *at = diag->text; *at; at++)
		CHECK(*at >= 0x20 && *at <= 0x7e);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (texts->text[i] && !strcmp(diag->file + 1, paths[i]))
			for (const char *at = texts->text[i]; *at; at++)
				lines += *at == '\n';
	CHECK(diag->line <= lines);
}

static void fill(struct grub_source *source, const struct texts *texts)
{
	static struct file files[ARRAY_SIZE(paths)];

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		files[i] = (struct file){.path = paths[i],
					 .exists = texts->text[i],
					 .data = texts->text[i],
					 .size = texts->text[i] ? strlen(texts->text[i]) : 0};
	source->files = files;
	source->file_count = source->drop_in ? ARRAY_SIZE(paths) : 1;
	source->home = source->drop_in;
	source->variable = "GRUB_CMDLINE_LINUX_DEFAULT";
}

/* What the plan makes of the files. */
static void apply(const struct plan *plan, const struct texts *before, struct texts *after)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const struct change *change = plan_find(plan, paths[i]);
		const char *text = change ? change->data : before->text[i];

		if (change && change->kind == PLAN_UNCHANGED)
			text = before->text[i];
		after->text[i] = text ? strdup(text) : NULL;
		if (change && change->data)
			CHECK(strlen(change->data) == change->size);
	}
}

/* One run: false where it is refused. */
static bool run(const struct texts *before, bool drop_in, size_t count, unsigned flags,
		struct texts *after, bool *ret_owned)
{
	static const char *const none[] = {NULL};
	struct wants wants = {.items = wanted, .count = count, .superseded = none};
	struct grub_source seed = {.drop_in = drop_in}, source;
	struct boot_line line = {.role = LINE_SOURCE};
	struct grub_patches nothing = {.count = 0};
	struct plan plan = {.count = 0};
	struct diag diag = DIAG_INIT;
	int r;

	fill(&seed, before);
	r = grub_source_reread(&seed, &nothing, &source, &line, &diag);
	if (!r) {
		r = owned_copy(&source.record.owned, &line.owned);
		*ret_owned = line.owned.count || source.record.found;
		line.file = strdup("/etc/default/grub");
	}
	if (!r)
		r = line_edit(&line, &wants, flags, &diag);
	if (!r)
		r = grub_source_plan(&source, &line, &plan, &diag);
	if (!r)
		apply(&plan, before, after);
	else
		check_diag(&diag, before);
	plan_free(&plan);
	boot_line_free(&line);
	grub_source_free(&source);
	return !r;
}

static bool same(const struct texts *a, const struct texts *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (!a->text[i] != !b->text[i] || (a->text[i] && strcmp(a->text[i], b->text[i])))
			return false;
	return true;
}

static void check_files(const struct texts *texts, bool drop_in, unsigned flags)
{
	struct texts set = {{NULL}}, again = {{NULL}}, unset = {{NULL}};
	bool owned = false, ignored;

	if (run(texts, drop_in, ARRAY_SIZE(wanted), flags, &set, &owned)) {
		CHECK(run(&set, drop_in, ARRAY_SIZE(wanted), 0, &again, &ignored));
		CHECK(same(&set, &again));
		CHECK(run(&set, drop_in, 0, 0, &unset, &ignored));
		/* Comments of ours in what we were given are no user's bytes. */
		CHECK(owned || same(texts, &unset));
	}
	texts_free(&set);
	texts_free(&again);
	texts_free(&unset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct texts texts = {{NULL}};
	const uint8_t *second = memchr(data, FILE_SEPARATOR, size);
	size_t first = second ? (size_t)(second - data) : size;

	texts.text[0] = strndup((const char *)data, first);
	check_files(&texts, false, 0);
	check_files(&texts, false, EDIT_REPLACE);
	if (second) {
		texts.text[2] = strndup((const char *)second + 1, size - first - 1);
		check_files(&texts, true, EDIT_REPLACE);
	}
	texts_free(&texts);
	return 0;
}
