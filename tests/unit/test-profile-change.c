// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random profiles, changed at random: what is said is what was meant, what was added goes without a
 * trace, and no byte of anybody else's moves. The seeds are fixed, so that a failure comes again.
 */
#include <string.h>

#include "bootcfg/profile-change.h"
#include "tests/unit/fixture.h"

#define ROUNDS 4000
#define SETS_MAX 6

static uint64_t seed;

/* xorshift64*: the same numbers everywhere. */
static unsigned pick(unsigned count)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 33) % count;
}

static const struct {
	const char *section, *name, *key;
	const char *values[3];
} keys[] = {
	{"cpus", "", "isolate", {"8-15", "4", "2-7,10"}},
	{"kernel", "", "iommu", {"pt", "on", "pt"}},
	{"kernel", "", "args", {"a=1 b", "c=\"x # y\"", "\"d=e f\""}},
	{"kernel", "", "isolcpus", {"none", "1", "3,5"}},
	{"hugepages", "", "1G", {"16", "0:1,1:2", "4"}},
	{"hugepages", "", "2M", {"1", "2", "0:512,1:512"}},
	{"guest", "a", "cpus", {"1", "2", "3"}},
	{"guest", "a", "stop-units", {"a.service", "b.socket", "a.service,b.target"}},
	{"guest", "a.b", "cpus", {"1", "2", "3"}},
	{"guest", "a.b", "hugepages-1G", {"1", "2", "3"}},
	{"device", "a", "id", {"1002:73bf", "10de:1b80", "8086:1539"}},
	{"device", "a", "claim", {"boot", "guest", "boot"}},
};

static void other_lines(FILE *out, const char *end)
{
	static const char *const others[] = {"",    "  ",	"# mine",
					     "\t;", "# [cpus]", " # isolate = 1"};

	while (!pick(3))
		fprintf(out, "%s%s", others[pick(ARRAY_SIZE(others))], end);
}

/* A value in one of the ways in which people write it. */
static void value(FILE *out, size_t key)
{
	const char *text = keys[key].values[pick(3)];
	bool is_args = !strcmp(keys[key].key, "args");

	switch (is_args ? 0 : pick(3)) {
	case 1:
		fprintf(out, "\"%s\"", text);
		return;
	case 2:
		for (; *text; text++)
			fprintf(out, *text == ',' ? " , " : "%c", *text);
		return;
	default:
		fprintf(out, "%s", text);
	}
}

/* Sections in the order of the table, some of them; keys in it too, the first of a device always. */
static char *random_profile(void)
{
	static const char *const equals[] = {"=", " = ", "\t= ", " =\t"};
	static const char *const comments[] = {"", "  # why", "\t;", "   "};
	const char *end = pick(4) ? "\n" : "\r\n";
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool with = false;

	assert_non_null(out);
	if (!pick(8))
		fputs("\xef\xbb\xbf", out);
	other_lines(out, end);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		bool first = !i || strcmp(keys[i].section, keys[i - 1].section) != 0 ||
			     strcmp(keys[i].name, keys[i - 1].name) != 0;

		if (first) {
			with = pick(2);
			if (with)
				fprintf(out, pick(2) ? "[%s%s%s]" : " [ %s%s%s ] # head",
					keys[i].section, *keys[i].name ? " " : "", keys[i].name);
			if (with)
				fputs(end, out);
			if (with)
				other_lines(out, end);
		}
		if (!with || (!pick(3) && strcmp(keys[i].key, "id") != 0))
			continue;
		fprintf(out, "%s%s%s", pick(3) ? "" : "\t ", keys[i].key,
			equals[pick(ARRAY_SIZE(equals))]);
		value(out, i);
		fprintf(out, "%s%s", comments[pick(ARRAY_SIZE(comments))], end);
		other_lines(out, end);
	}
	assert_int_equal(fclose(out), 0);
	/* A last line without an end. */
	if (size && text[size - 1] == '\n' && !pick(3))
		text[size - 1] = '\0';
	return text;
}

static void load(const char *text, struct profile *ret)
{
	struct diag diag = DIAG_INIT;
	int r = profile_parse_text(text, strlen(text), "/conf", ret, &diag);

	if (r < 0)
		print_error("%u: %s\n%s", diag.line, diag.text, text);
	assert_int_equal(r, 0);
}

static void read_text(const char *text, struct edited *ret)
{
	struct diag diag = DIAG_INIT;

	*ret = (struct edited){.there = true};
	assert_int_equal(profile_text_parse(text, strlen(text), &ret->text, &diag), 0);
}

static char *join(const struct edited *edited)
{
	size_t size;
	char *text = profile_text_join(&edited->text, &size);

	assert_non_null(text);
	assert_int_equal(strlen(text), size);
	return text;
}

static void put_set(struct edited *edited, const struct profile_set *set)
{
	size_t header = profile_text_section(&edited->text, set->section, set->name);

	if (header == LINE_NONE)
		assert_int_equal(edited_add_section(edited, set, &header), 0);
	if (!edited_agrees(edited, set, header))
		assert_int_equal(edited_put_key(edited, set, header), 0);
	assert_int_equal(edited_agrees(edited, set, header), 1);
}

static void take_set(struct edited *edited, const struct profile_set *set)
{
	size_t header = profile_text_section(&edited->text, set->section, set->name);

	assert_true(header != LINE_NONE);
	assert_int_equal(edited_take_out(edited, set, header), 0);
}

static struct profile_set random_set(void)
{
	size_t i = pick(ARRAY_SIZE(keys));

	/* A device needs its id, so that is only ever changed. */
	return (struct profile_set){.section = (char *)keys[i].section,
				    .name = (char *)keys[i].name,
				    .key = (char *)keys[i].key,
				    .value = (char *)keys[i].values[pick(3)]};
}

static bool is_set(const struct profile_set *sets, size_t count, const struct profile_entry *entry)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(sets[i].section, entry->section) &&
		    !strcmp(sets[i].name, entry->name) && !strcmp(sets[i].key, entry->key))
			return true;
	return false;
}

/* All as before, but for what was set; and that as it was set last. */
static void check_meaning(const struct profile *before, const char *text,
			  const struct profile_set *sets, size_t count)
{
	_cleanup_profile_ struct profile after = {.memory = NULL};
	size_t added = 0;

	load(text, &after);
	for (size_t i = 0; i < before->entry_count; i++) {
		const struct profile_entry *a = &before->entries[i];
		const struct profile_entry *b = profile_get(&after, a->section, a->name, a->key);

		assert_non_null(b);
		if (!is_set(sets, count, a))
			assert_string_equal(a->value, b->value);
	}
	for (size_t i = 0; i < count; i++) {
		const struct profile_entry *entry;

		if (is_set(sets + i + 1, count - i - 1,
			   &(struct profile_entry){.section = sets[i].section,
						   .name = sets[i].name,
						   .key = sets[i].key}))
			continue;
		entry = profile_get(&after, sets[i].section, sets[i].name, sets[i].key);
		assert_non_null(entry);
		assert_string_equal(entry->value, sets[i].value);
		added += !profile_get(before, sets[i].section, sets[i].name, sets[i].key);
	}
	assert_int_equal(after.entry_count, before->entry_count + added);
}

/* Everything that is not in comments any more is the user's; in order, byte for byte. */
static void check_commented(const char *before, const char *after)
{
	const char *a = before, *b = after;

	while (*a || *b) {
		if (*a == *b) {
			a++;
			b++;
		} else if (!strncmp(b, "# ", 2) &&
			   (b == after || b[-1] == '\n' ||
			    (b == after + 3 && !strncmp(after, "\xef\xbb\xbf", 3)))) {
			b += 2;
		} else {
			print_error("before:\n%s\nafter:\n%s\n", before, after);
			fail();
		}
	}
}

static void round_trip(void)
{
	_cleanup_free_ char *text = random_profile(), *after = NULL, *again = NULL, *back = NULL;
	_cleanup_profile_ struct profile before = {.memory = NULL};
	_cleanup_(edited_free) struct edited edited;
	struct profile_set sets[SETS_MAX];
	size_t count = 1 + pick(SETS_MAX);
	bool only_added = true;

	for (size_t i = 0; i < count; i++) {
		sets[i] = random_set();
		/* Without its id the section would not be one. */
		if (!strcmp(sets[i].section, "device"))
			sets[i].key = (char *)"id",
			sets[i].value = (char *)keys[10].values[pick(3)];
	}
	load(text, &before);
	read_text(text, &edited);
	back = join(&edited);
	assert_string_equal(back, text);
	for (size_t i = 0; i < count; i++) {
		only_added &= !profile_get(&before, sets[i].section, sets[i].name, sets[i].key);
		put_set(&edited, &sets[i]);
	}
	after = join(&edited);
	check_meaning(&before, after, sets, count);
	/* The last value of each key again: nothing changes. */
	edited.changed = false;
	for (size_t i = 0; i < count; i++)
		if (!is_set(sets + i + 1, count - i - 1,
			    &(struct profile_entry){.section = sets[i].section,
						    .name = sets[i].name,
						    .key = sets[i].key}))
			put_set(&edited, &sets[i]);
	assert_false(edited.changed);
	again = join(&edited);
	assert_string_equal(again, after);
	/* Out again, in any order. */
	for (size_t i = count; i--;) {
		size_t j = pick((unsigned)i + 1);
		struct profile_set set = sets[j];

		sets[j] = sets[i];
		set.value = NULL;
		if (profile_text_section(&edited.text, set.section, set.name) != LINE_NONE)
			take_set(&edited, &set);
	}
	free(back);
	back = join(&edited);
	if (only_added)
		assert_string_equal(back, text);
	else
		check_commented(text, back);
	assert_int_equal(edited.owned.count, 0);
}

static void test_round_trips(_unused_ void **state)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		seed = i + 1;
		for (unsigned j = 0; j < 8; j++)
			(void)pick(2);
		round_trip();
	}
}

/* Plain unset: whole sections, what was written by hand included. */
static void test_whole_sections(_unused_ void **state)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		_cleanup_free_ char *text = NULL, *back = NULL;
		_cleanup_profile_ struct profile before = {.memory = NULL};
		_cleanup_profile_ struct profile after = {.memory = NULL};
		_cleanup_(edited_free) struct edited edited;

		seed = ROUNDS + i + 1;
		text = random_profile();
		load(text, &before);
		read_text(text, &edited);
		for (size_t j = 0; j < before.entry_count; j++) {
			const struct profile_entry *entry = &before.entries[j];
			struct profile_set set = {.section = (char *)entry->section,
						  .name = (char *)entry->name};

			if (profile_text_section(&edited.text, set.section, set.name) != LINE_NONE)
				take_set(&edited, &set);
		}
		back = join(&edited);
		load(back, &after);
		assert_int_equal(after.entry_count, 0);
		assert_int_equal(after.device_count, 0);
		check_commented(text, back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_whole_sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
