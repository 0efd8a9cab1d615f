// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes to a profile that somebody wrote, for libFuzzer: lines are found where the parser finds
 * them, what is set is what is read, all else stays, and what was added goes without a trace. The
 * first bytes choose the changes, up to the first LF; the rest is the file.
 */
#include <stdint.h>
#include <string.h>

#include "bootcfg/file.c"
#include "bootcfg/line.c"
#include "bootcfg/profile-change.c"
#define out_of_memory text_out_of_memory
#include "bootcfg/profile-text.c"
#undef out_of_memory

#define SETS_MAX 8

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of sections that are one key at least, and that no rule ties to another. */
static const char *const keys[][5] = {
	{"cpus", "", "isolate", "8-15", "4"},
	{"kernel", "", "args", "a=\"b # c\" d", "e"},
	{"kernel", "", "isolcpus", "none", "1"},
	{"hugepages", "", "1G", "0:1,1:2", "4"},
	{"guest", "a", "stop-units", "a.service", "b.socket"},
};

struct choice {
	struct profile_set set;
	bool superseded; /* a later one sets the same key */
};

static size_t choose(const uint8_t *data, size_t size, struct choice *ret)
{
	size_t count = size < SETS_MAX ? size : SETS_MAX;

	for (size_t i = 0; i < count; i++) {
		const char *const *key = keys[data[i] / 2 % ARRAY_SIZE(keys)];

		ret[i] = (struct choice){{(char *)key[0], (char *)key[1], (char *)key[2],
					  (char *)key[3 + data[i] % 2]},
					 false};
		for (size_t j = 0; j < i; j++)
			ret[j].superseded |= ret[j].set.key == ret[i].set.key;
	}
	return count;
}

static char *join(const struct edited *edited)
{
	size_t size;
	char *text = profile_text_join(&edited->text, &size);

	CHECK(text && strlen(text) == size);
	return text;
}

static void put_set(struct edited *edited, const struct profile_set *set)
{
	size_t header = profile_text_section(&edited->text, set->section, set->name);

	if (header == LINE_NONE)
		CHECK(edited_add_section(edited, set, &header) == 0);
	if (!edited_agrees(edited, set, header))
		CHECK(edited_put_key(edited, set, header) == 0);
	CHECK(edited_agrees(edited, set, header) == 1);
}

static void take_set(struct edited *edited, const struct profile_set *set)
{
	size_t header = profile_text_section(&edited->text, set->section, set->name);

	if (header != LINE_NONE)
		CHECK(edited_take_out(edited, set, header) == 0);
}

/* Each key that the parser knows is where we would change it, with the value that it has. */
static void check_found(const struct profile *profile, const struct edited *edited)
{
	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];
		struct profile_set set = {(char *)entry->section, (char *)entry->name,
					  (char *)entry->key, (char *)entry->value};
		size_t header = profile_text_section(&edited->text, set.section, set.name);

		CHECK(header != LINE_NONE && header < entry->line);
		CHECK(profile_text_key(&edited->text, header, set.key) == entry->line - 1);
		CHECK(edited_agrees(edited, &set, header) == 1);
	}
}

static void check_meaning(const struct profile *before, const char *text,
			  const struct choice *choices, size_t count)
{
	_cleanup_profile_ struct profile after = {.memory = NULL};
	struct diag diag = DIAG_INIT;
	size_t same = 0, set = 0;

	/* A line that was at its longest may be too long now: that is found before it is written. */
	if (profile_parse_text(text, strlen(text), "/conf", &after, &diag) < 0) {
		CHECK(strstr(diag.text, "a line of "));
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct profile_set *at = &choices[i].set;
		const struct profile_entry *entry =
			profile_get(&after, at->section, at->name, at->key);

		CHECK(entry);
		set += !choices[i].superseded;
		CHECK(choices[i].superseded || !strcmp(entry->value, at->value));
	}
	for (size_t i = 0; i < before->entry_count; i++) {
		const struct profile_entry *a = &before->entries[i], *b;
		bool is_set = false;

		for (size_t j = 0; j < count; j++)
			is_set |= !strcmp(choices[j].set.section, a->section) &&
				  !strcmp(choices[j].set.name, a->name) &&
				  !strcmp(choices[j].set.key, a->key);
		b = profile_get(&after, a->section, a->name, a->key);
		CHECK(b && (is_set || !strcmp(a->value, b->value)));
		same += !is_set;
	}
	CHECK(after.entry_count == same + set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *lf = size ? memchr(data, '\n', size) : NULL;
	_cleanup_free_ char *text = NULL, *after = NULL, *again = NULL, *back = NULL;
	_cleanup_profile_ struct profile before = {.memory = NULL};
	_cleanup_(edited_free) struct edited edited = {.there = true};
	struct choice choices[SETS_MAX];
	struct diag diag = DIAG_INIT;
	bool only_added = true;
	size_t count;

	if (!lf)
		return 0;
	text = strndup((const char *)lf + 1, size - (size_t)(lf + 1 - data));
	CHECK(text);
	if (profile_parse_text(text, strlen(text), "/conf", &before, &diag) < 0)
		return 0;
	CHECK(profile_text_parse(text, strlen(text), &edited.text, &diag) == 0);
	back = join(&edited);
	CHECK(!strcmp(back, text));
	check_found(&before, &edited);
	count = choose(data, (size_t)(lf - data), choices);
	for (size_t i = 0; i < count; i++) {
		const struct profile_set *set = &choices[i].set;

		only_added &= !profile_get(&before, set->section, set->name, set->key);
		put_set(&edited, set);
	}
	after = join(&edited);
	check_meaning(&before, after, choices, count);
	for (size_t i = 0; i < count; i++)
		if (!choices[i].superseded)
			put_set(&edited, &choices[i].set);
	again = join(&edited);
	CHECK(!strcmp(again, after));
	for (size_t i = 0; i < count; i++)
		take_set(&edited, &choices[i].set);
	free(back);
	back = join(&edited);
	CHECK(!only_added || !strcmp(back, text));
	CHECK(strlen(back) >= strlen(text));
	CHECK(edited.owned.count == 0);
	return 0;
}
