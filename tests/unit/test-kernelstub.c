// SPDX-License-Identifier: GPL-2.0-or-later
/* kernelstub's configuration: found in its text, edited there, and given back byte by byte. */
#include <string.h>

#include "bootcfg/kernelstub-config.h"
#include "tests/unit/fixture.h"

static int parse(const char *text, struct stub_config *ret, struct diag *diag)
{
	struct file file = {.exists = true, .size = strlen(text)};
	int r;

	file.path = strdup(STUB_CONFIG);
	file.data = strdup(text);
	assert_true(file.path && file.data);
	r = stub_config_parse(&file, ret, diag);
	file_free(&file);
	return r;
}

static struct stub_config parsed(const char *text)
{
	struct stub_config config;
	struct diag diag = DIAG_INIT;

	if (parse(text, &config, &diag))
		fail_msg("%u: %s: %s", diag.line, diag.text, text);
	return config;
}

static void assert_text(char *text, const char *expected)
{
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static char *written(const struct stub_config *config, const struct boot_line *line)
{
	char *text;
	size_t size;

	assert_int_equal(stub_config_write(config, line, &text, &size), 0);
	assert_int_equal(size, strlen(text));
	return text;
}

static void edit(struct boot_line *line, size_t segment, size_t at, size_t remove, const char *new)
{
	line->edits = reallocarray(line->edits, line->edit_count + 1, sizeof(*line->edits));
	line->edits[line->edit_count++] = (struct edit){
		.segment = segment, .at = at, .remove = remove, .insert = strdup(new)};
	line->changed = true;
}

/* As line_edit() does: to the end of the append segment, behind a blank where it is not empty. */
static char *with(const char *text, const char *unit)
{
	struct stub_config config = parsed(text);
	struct boot_line line = {.changed = false};
	_cleanup_free_ char *insert = NULL;
	const char *old;
	char *after;

	assert_int_equal(stub_config_line(&config, &line), 0);
	old = line.segments[line.append].text;
	assert_true(asprintf(&insert, "%s%s", *old ? " " : "", unit) > 0);
	edit(&line, line.append, strlen(old), 0, insert);
	assert_int_equal(owned_copy(&line.owned, &line.owned_after), 0);
	assert_int_equal(owned_add(&line.owned_after, unit, NULL), 0);
	after = written(&config, &line);
	boot_line_free(&line);
	stub_config_free(&config);
	return after;
}

/* All that is ours, by what the text itself says, out again. */
static char *without_ours(const char *text)
{
	struct stub_config config = parsed(text);
	struct boot_line line = {.changed = false};
	char *after;

	assert_int_equal(stub_config_line(&config, &line), 0);
	assert_true(line.owned_known);
	for (size_t i = 0; i < line.segment_count; i++) {
		const char *segment = line.segments[i].text;

		for (size_t j = 0; j < line.owned.count; j++) {
			const char *found = strstr(segment, line.owned.items[j].text);
			size_t len = strlen(line.owned.items[j].text);
			bool blank;

			/* The last one: the letters may be part of something else before. */
			for (const char *at = found; at;
			     at = strstr(at + 1, line.owned.items[j].text))
				found = at;
			blank = found && found > segment;
			if (found)
				edit(&line, i, (size_t)(found - segment) - blank, len + blank, "");
		}
	}
	after = written(&config, &line);
	boot_line_free(&line);
	stub_config_free(&config);
	return after;
}

static void there_and_back(const char *text, const char *unit, const char *expected)
{
	_cleanup_free_ char *after = with(text, unit);

	assert_string_equal(after, expected);
	assert_text(without_ours(after), text);
}

#define HEAD "{\"user\":{\"config_rev\":3,\"kernel_options\":"
#define OURS(units) ",\"vfio-bootcfg\": {\"options\": [" units "]}}"

static void bytes_outside_stay(_unused_ void **state)
{
	there_and_back(HEAD "[]}}", "a=1", HEAD "[\"a=1\"]}" OURS("\"a=1\""));
	there_and_back(HEAD "[ ]}}", "a", HEAD "[\"a\" ]}" OURS("\"a\""));
	there_and_back(HEAD "[\"x\"]}}", "a", HEAD "[\"x\", \"a\"]}" OURS("\"a\""));
	there_and_back(HEAD "[ \"x\" ,\"y\"\t]}}", "a",
		       HEAD "[ \"x\" ,\"y\" ,\"a\"\t]}" OURS("\"a\""));
	there_and_back(HEAD "[\n  \"x\"\n]}}\n", "a",
		       HEAD "[\n  \"x\",\n  \"a\"\n]}" OURS("\"a\"") "\n");
	/* Words that kernelstub left empty, and escapes that Python would write otherwise. */
	there_and_back(HEAD "[\"\",\"\\u0078\\/\",\"\"]}}", "a",
		       HEAD "[\"\",\"\\u0078\\/\",\"\",\"a\"]}" OURS("\"a\""));
	/* In front of what ends the kernel's own part. */
	there_and_back(HEAD "[\"--\", \"x\"]}}", "a", HEAD "[\"a\", \"--\", \"x\"]}" OURS("\"a\""));
	/* A string stays one. */
	there_and_back(HEAD "\"caf\\u00E9=\xc3\xa9 x\"}}", "a",
		       HEAD "\"caf\\u00E9=\xc3\xa9 x a\"}" OURS("\"a\""));
	there_and_back(HEAD "\"\"}}", "a", HEAD "\"a\"}" OURS("\"a\""));
	/* What is put in is written as Python writes it. */
	there_and_back(HEAD "[]}}", "n=\xc3\xa4\xf0\x9f\x98\x80",
		       HEAD "[\"n=\\u00e4\\ud83d\\ude00\"]}" OURS("\"n=\\u00E4\\uD83D\\uDE00\""));
}

static void sections_and_their_order(_unused_ void **state)
{
	/* A "kernel_options" elsewhere is not the one. */
	there_and_back(
		"{\"kernel_options\":[1],\"user\":{\"x\":{\"kernel_options\":[2]},\"config_rev\":"
		"1,\"kernel_options\":[\"q\"]},\"default\":{\"kernel_options\":[\"d\"]}}",
		"a",
		"{\"kernel_options\":[1],\"user\":{\"x\":{\"kernel_options\":[2]},\"config_rev\":"
		"1,\"kernel_options\":[\"q\", "
		"\"a\"]},\"default\":{\"kernel_options\":[\"d\"]}" OURS("\"a\""));
	/* A key with an escape in its name. */
	there_and_back(
		"{\"us\\u0065r\":{\"config_rev\":2,\"kernel_options\":\"q\"}}", "a",
		"{\"us\\u0065r\":{\"config_rev\":2,\"kernel_options\":\"q a\"}" OURS("\"a\""));
	/* No section of its own: a copy of "default", which is not changed. */
	there_and_back("{\"default\":{\"config_rev\":3,\"kernel_options\":[\"q\"]} }", "a",
		       "{\"default\":{\"config_rev\":3,\"kernel_options\":[\"q\"]},\"user\": "
		       "{\"config_rev\":3,\"kernel_options\":[\"q\", \"a\"]},\"vfio-bootcfg\": "
		       "{\"options\": [\"a\"], \"made\": [\"user\"]} }");
}

/* kernelstub writes the whole document anew; what it holds is what counts then. */
static void our_key_may_stand_anywhere(_unused_ void **state)
{
	assert_text(without_ours("{\"vfio-bootcfg\": {\"options\": [\"a\"]}, \"user\": "
				 "{\"config_rev\": 3, \"kernel_options\": [\"a\", \"q\"]}}"),
		    "{\"user\": {\"config_rev\": 3, \"kernel_options\": [\"q\"]}}");
	assert_text(
		without_ours("{\n  \"user\": {\"config_rev\": 3, \"kernel_options\": [\n \"a\"\n "
			     "]},\n  \"vfio-bootcfg\": {\"options\": [\"a\"]},\n  \"x\": 1\n}"),
		"{\n  \"user\": {\"config_rev\": 3, \"kernel_options\": []},\n  \"x\": 1\n}");
	/* A "user" that others changed since is not ours to remove. */
	assert_text(
		without_ours("{\"default\": {\"config_rev\": 3, \"kernel_options\": []}, \"user\": "
			     "{\"config_rev\": 3, \"kernel_options\": [\"a\", \"q\"]}, "
			     "\"vfio-bootcfg\": {\"options\": [\"a\"], \"made\": [\"user\"]}}"),
		"{\"default\": {\"config_rev\": 3, \"kernel_options\": []}, \"user\": "
		"{\"config_rev\": 3, \"kernel_options\": [\"q\"]}}");
	/* One more: the key's value alone is written anew, the mark stays. */
	assert_text(
		with("{\"default\": {\"config_rev\": 3, \"kernel_options\": []}, \"vfio-bootcfg\": "
		     "{\"options\": [\"a\"], \"made\": [\"user\"]}, \"user\": "
		     "{\"config_rev\": 3, \"kernel_options\": [\"a\"]}}",
		     "b"),
		"{\"default\": {\"config_rev\": 3, \"kernel_options\": []}, \"vfio-bootcfg\": "
		"{\"options\": [\"a\", \"b\"], \"made\": [\"user\"]}, \"user\": "
		"{\"config_rev\": 3, \"kernel_options\": [\"a\", \"b\"]}}");
}

static void replaced_comes_back(_unused_ void **state)
{
	const char *text = HEAD "[\"x\", \"isolcpus=2-5\", \"y\"]}}";
	struct stub_config config = parsed(text), after;
	struct boot_line line = {.changed = false}, back = {.changed = false};
	_cleanup_free_ char *set = NULL;

	assert_int_equal(stub_config_line(&config, &line), 0);
	edit(&line, 1, 0, strlen("isolcpus=2-5"), "isolcpus=8-15");
	assert_int_equal(owned_add(&line.owned_after, "isolcpus=8-15", "isolcpus=2-5"), 0);
	set = written(&config, &line);
	assert_string_equal(set, HEAD "[\"x\", \"isolcpus=8-15\", \"y\"]},\"vfio-bootcfg\": "
				      "{\"options\": [\"isolcpus=8-15\"], \"replaced\": "
				      "{\"isolcpus=8-15\": \"isolcpus=2-5\"}}}");
	after = parsed(set);
	assert_int_equal(stub_config_line(&after, &back), 0);
	assert_true(owned_equal(&back.owned, &line.owned_after));
	edit(&back, 1, 0, strlen("isolcpus=8-15"), "isolcpus=2-5");
	assert_text(written(&after, &back), text);
	boot_line_free(&line);
	boot_line_free(&back);
	stub_config_free(&config);
	stub_config_free(&after);
}

/* A pair that stood in two elements comes back in two, words that stood in one in one. */
static void elements_are_kept_apart(_unused_ void **state)
{
	struct stub_config config = parsed(HEAD "[\"s=1\", \"n=8\", \"a b c\"]}}");
	struct boot_line line = {.changed = false};

	assert_text(with(HEAD "[]}}", "a b"), HEAD "[\"a\", \"b\"]}" OURS("\"a b\""));
	assert_int_equal(stub_config_line(&config, &line), 0);
	edit(&line, 0, 0, 3, "s=1 n=9");
	edit(&line, 1, 0, 3, "");
	edit(&line, 2, 2, 1, "B");
	assert_text(written(&config, &line), HEAD "[\"s=1\", \"n=9\", \"a B c\"]}}");
	boot_line_free(&line);
	stub_config_free(&config);
}

static void lines_are_counted(_unused_ void **state)
{
	struct stub_config config = parsed(HEAD "[\n\"x\",\n\n\"y\"]}}");
	struct boot_line line = {.changed = false};

	assert_int_equal(stub_config_line(&config, &line), 0);
	assert_string_equal(line.file, "/etc/kernelstub/configuration");
	assert_int_equal(line.segments[0].line, 2);
	assert_int_equal(line.segments[1].line, 4);
	boot_line_free(&line);
	stub_config_free(&config);
}

static void not_understood_is_refused(_unused_ void **state)
{
	static const struct {
		const char *text, *word;
		unsigned line;
	} rows[] = {
		{"", "JSON", 1},
		{"{\n\"user\": {},\n}", "JSON", 3},
		{"[]", "another kind", 0},
		{"{\"user\":{},\"user\":{}}", "JSON", 1},
		{"{\"x\":{}}", "section", 0},
		{"{\"user\":[]}", "section", 0},
		{"{\"user\":{\"kernel_options\":[]}}", "config_rev", 0},
		{"{\"user\":{\"config_rev\":\"3\",\"kernel_options\":[]}}", "config_rev", 0},
		{"{\"user\":{\"config_rev\":0,\"kernel_options\":[]}}", "config_rev", 0},
		{"{\"user\":{\"config_rev\":4,\"kernel_options\":[]}}", "config_rev", 0},
		{"{\"user\":{\"config_rev\":3}}", "kernel_options", 0},
		{HEAD "{}}}", "kernel_options", 0},
		{HEAD "[\"a\", 1]}}", "kernel_options", 0},
		{HEAD "[\"a\\u0000\"]}}", "JSON", 1},
		{HEAD "[\"a\xff\"]}}", "JSON", 1},
		{HEAD "[]},\"vfio-bootcfg\":[]}", "vfio-bootcfg", 0},
		{HEAD "[]},\"vfio-bootcfg\":{\"options\":[1]}}", "vfio-bootcfg", 0},
		{HEAD "[]},\"vfio-bootcfg\":{\"options\":[],\"replaced\":[]}}", "vfio-bootcfg", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct stub_config config;
		struct diag diag = DIAG_INIT;

		if (parse(rows[i].text, &config, &diag) != -EBADMSG)
			fail_msg("row %zu: %s", i, rows[i].text);
		assert_string_equal(diag.file, "/etc/kernelstub/configuration");
		assert_mentions(diag.text, rows[i].word, NULL);
		if (diag.line != rows[i].line)
			fail_msg("row %zu: line %u", i, diag.line);
	}
}

static void manage_mode_is_read(_unused_ void **state)
{
	struct stub_config config = parsed(HEAD "[]}}");

	assert_true(config.manage_mode);
	stub_config_free(&config);
	config =
		parsed("{\"user\":{\"config_rev\":3,\"manage_mode\":false,\"kernel_options\":[]}}");
	assert_false(config.manage_mode);
	stub_config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_outside_stay),
		cmocka_unit_test(sections_and_their_order),
		cmocka_unit_test(our_key_may_stand_anywhere),
		cmocka_unit_test(replaced_comes_back),
		cmocka_unit_test(elements_are_kept_apart),
		cmocka_unit_test(lines_are_counted),
		cmocka_unit_test(not_understood_is_refused),
		cmocka_unit_test(manage_mode_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
