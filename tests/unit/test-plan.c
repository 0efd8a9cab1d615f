// SPDX-License-Identifier: GPL-2.0-or-later
/* The plan and its diff: what --dry-run prints is what patch(1) would need. */
#include <string.h>
#include <sys/wait.h>

#include "bootcfg/plan.h"
#include "tests/unit/fixture.h"

/* A file as it was read, without reading one. */
static struct file file_of(const char *path, const char *data)
{
	return (struct file){.path = (char *)path,
			     .exists = data,
			     .data = (char *)data,
			     .size = data ? strlen(data) : 0};
}

static void plan_text(struct plan *plan, enum plan_rank rank, const char *path, const char *old,
		      const char *new)
{
	struct file file = file_of(path, old);

	assert_int_equal(plan_put(plan, rank, &file, new, new ? strlen(new) : 0, 0644), 0);
}

static void assert_prints(const struct plan *plan, const char *expected)
{
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	assert_int_equal(plan_print(plan, stream), 0);
	assert_int_equal(fclose(stream), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void test_kinds(_unused_ void **state)
{
	struct plan plan = {.count = 0};

	plan_text(&plan, PLAN_ENTRY, "created", NULL, "x");
	plan_text(&plan, PLAN_ENTRY, "emptied", "x", "");
	plan_text(&plan, PLAN_ENTRY, "empty", NULL, "");
	plan_text(&plan, PLAN_ENTRY, "never", NULL, NULL);
	assert_true(plan_changes(&plan));
	assert_int_equal(plan_find(&plan, "created")->kind, PLAN_CREATED);
	assert_int_equal(plan_find(&plan, "emptied")->kind, PLAN_MODIFIED);
	assert_int_equal(plan_find(&plan, "empty")->kind, PLAN_CREATED);
	assert_int_equal(plan_find(&plan, "never")->kind, PLAN_UNCHANGED);
	assert_null(plan_find(&plan, "creates"));
	plan_free(&plan);

	assert_null(plan_find(&plan, "created"));
	plan_text(&plan, PLAN_ENTRY, "same", "x", "x");
	assert_false(plan_changes(&plan));
	plan_text(&plan, PLAN_ENTRY, "removed", "", NULL);
	assert_true(plan_changes(&plan));
	assert_string_equal(plan_kind_word(plan_find(&plan, "removed")->kind), "removed");
	plan_free(&plan);
}

static void test_put_again(_unused_ void **state)
{
	struct plan plan = {.count = 0};
	const struct change *change;

	plan_text(&plan, PLAN_SOURCE, "file", "old", "first");
	/* What the second caller believes the file to be is not what is on the disk. */
	plan_text(&plan, PLAN_ENTRY, "file", "first", "second");
	assert_int_equal(plan.count, 1);
	change = &plan.changes[0];
	assert_string_equal(change->old.data, "old");
	assert_string_equal(change->data, "second");
	assert_int_equal(change->rank, PLAN_SOURCE);
	plan_text(&plan, PLAN_SOURCE, "file", "second", "old");
	assert_int_equal(plan.changes[0].kind, PLAN_UNCHANGED);
	plan_text(&plan, PLAN_SOURCE, "file", "old", NULL);
	assert_int_equal(plan.changes[0].kind, PLAN_REMOVED);
	plan_free(&plan);
}

static void test_order(_unused_ void **state)
{
	static const char *const expected[] = {"s", "p", "a1", "b1", "a2", "a3", "b2"};
	struct plan plan = {.count = 0};

	plan_text(&plan, PLAN_SOURCE, "a1", NULL, "x");
	plan_text(&plan, PLAN_ENTRY, "a2", NULL, "x");
	plan_text(&plan, PLAN_ENTRY, "a3", NULL, "x");
	plan_text(&plan, PLAN_SOURCE, "b1", NULL, "x");
	plan_text(&plan, PLAN_ENTRY, "b2", NULL, "x");
	plan_text(&plan, PLAN_PROFILE, "p", NULL, "x");
	plan_text(&plan, PLAN_STATE, "s", NULL, "x");
	assert_int_equal(plan.count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < plan.count; i++) {
		assert_string_equal(plan.changes[i].old.path, expected[i]);
		assert_ptr_equal(plan_find(&plan, expected[i]), &plan.changes[i]);
	}
	plan_free(&plan);
}

static void test_many(_unused_ void **state)
{
	struct plan plan = {.count = 0};
	char path[64];

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "boot/loader/entries/%d.conf", i);
		plan_text(&plan, i % 7 ? PLAN_ENTRY : PLAN_SOURCE, path, "x", "y");
	}
	assert_int_equal(plan.count, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "boot/loader/entries/%d.conf", i);
		assert_string_equal(plan_find(&plan, path)->old.path, path);
	}
	plan_free(&plan);
}

static void test_diff(_unused_ void **state)
{
	struct plan plan = {.count = 0};

	plan_text(&plan, PLAN_SOURCE, "etc/default/grub", "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
		  "1\n2\n3\n4\nfive\n6\n7\n8\n9\n");
	plan_text(&plan, PLAN_SOURCE, "unchanged", "same\n", "same\n");
	plan_text(&plan, PLAN_SOURCE, "made", NULL, "new\n");
	plan_text(&plan, PLAN_SOURCE, "gone", "a\nb", NULL);
	plan_text(&plan, PLAN_SOURCE, "secret", "a", "b");
	plan_find(&plan, "secret")->private = true;
	assert_prints(&plan, "--- a/etc/default/grub\n"
			     "+++ b/etc/default/grub\n"
			     "@@ -2,7 +2,7 @@\n"
			     " 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
			     "--- /dev/null\n"
			     "+++ b/made\n"
			     "@@ -0,0 +1 @@\n"
			     "+new\n"
			     "--- a/gone\n"
			     "+++ /dev/null\n"
			     "@@ -1,2 +0,0 @@\n"
			     "-a\n"
			     "-b\n"
			     "\\ No newline at end of file\n");
	plan_free(&plan);
}

static void test_diff_blocks(_unused_ void **state)
{
	struct plan plan = {.count = 0};

	/* Six common lines between two changes make one block, seven make two. */
	plan_text(&plan, PLAN_SOURCE, "six", "a\n1\n2\n3\n4\n5\n6\nb\n",
		  "A\n1\n2\n3\n4\n5\n6\nB\n");
	plan_text(&plan, PLAN_SOURCE, "seven", "a\n1\n2\n3\n4\n5\n6\n7\nb\n",
		  "A\n1\n2\n3\n4\n5\n6\n7\nB");
	assert_prints(&plan, "--- a/six\n+++ b/six\n"
			     "@@ -1,8 +1,8 @@\n"
			     "-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n"
			     "--- a/seven\n+++ b/seven\n"
			     "@@ -1,4 +1,4 @@\n"
			     "-a\n+A\n 1\n 2\n 3\n"
			     "@@ -6,4 +6,4 @@\n"
			     " 5\n 6\n 7\n-b\n+B\n\\ No newline at end of file\n");
	plan_free(&plan);
}

static void test_diff_names(_unused_ void **state)
{
	struct plan plan = {.count = 0};

	plan_text(&plan, PLAN_SOURCE, "a\nb\"c \xff", "x\n", "y\n");
	assert_prints(&plan, "--- \"a/a\\012b\\042c \\377\"\n"
			     "+++ \"b/a\\012b\\042c \\377\"\n"
			     "@@ -1 +1 @@\n-x\n+y\n");
	plan_free(&plan);
}

/* --- what is printed is what patch(1) understands ----------------------------------------------- */

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1103515245U + 12345U;
	return *seed >> 16;
}

/* Lines out of few, so that many are alike. */
static void random_text(unsigned *seed, char *text, size_t lines, bool newline)
{
	*text = '\0';
	for (size_t i = 0; i < lines; i++) {
		char line[8] = {(char)('a' + next(seed) % 4), '\n', '\0'};

		if (i == lines - 1 && !newline)
			line[1] = '\0';
		strcat(text, line);
	}
}

static void edit_text(unsigned *seed, const char *from, char *to)
{
	for (; *from; from++) {
		unsigned dice = next(seed) % 20;

		if (dice == 0)
			continue;
		if (dice == 1) {
			*to++ = (char)('a' + next(seed) % 4);
			*to++ = '\n';
		}
		*to++ = *from;
	}
	*to = '\0';
}

static void apply_patch(struct fixture *f, const struct plan *plan)
{
	char command[1024];
	FILE *stream;

	snprintf(command, sizeof(command), "patch -s -f -p1 -F0 -d %s", f->dir);
	stream = popen(command, "w");
	assert_non_null(stream);
	assert_int_equal(plan_print(plan, stream), 0);
	assert_int_equal(pclose(stream), 0);
}

static void test_patch(void **state)
{
	struct fixture *f = *state;
	unsigned seed = 1;

	for (int turn = 0; turn < 12; turn++) {
		enum { FILES = 20 };
		static char old[FILES][512], new[FILES][2048];
		struct plan plan = {.count = 0};
		char path[32];

		for (int i = 0; i < FILES; i++) {
			random_text(&seed, old[i], next(&seed) % 60 + 1, i % 3);
			if (turn % 2)
				random_text(&seed, new[i], next(&seed) % 60 + 1, i % 2);
			else
				edit_text(&seed, old[i], new[i]);
			snprintf(path, sizeof(path), "file %d", i);
			put(f, path, "%s", old[i]);
			plan_text(&plan, PLAN_ENTRY, path, old[i], *new[i] ? new[i] : NULL);
		}
		machine_open(f);
		apply_patch(f, &plan);
		for (int i = 0; i < FILES; i++) {
			struct file file = {.exists = false};
			struct diag diag = DIAG_INIT;

			snprintf(path, sizeof(path), "file %d", i);
			assert_int_equal(file_read(&f->root, path, &file, &diag), 0);
			if (!*new[i])
				assert_false(file.exists);
			else
				assert_string_equal(file.data, new[i]);
			file_free(&file);
		}
		plan_free(&plan);
	}
}

/* Too many differences to search for the best: still a diff that is true. */
static void test_patch_of_strangers(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};
	_cleanup_free_ char *old = malloc(40000), *new = malloc(40000);
	struct file file = {.exists = false};
	struct diag diag = DIAG_INIT;
	size_t a = 0, b = 0;

	for (int i = 0; i < 2000; i++) {
		a += (size_t)sprintf(old + a, "old %d\n", i);
		b += (size_t)sprintf(new + b, "new %d\n", i);
	}
	put_bytes(f, "file", old, a);
	plan_text(&plan, PLAN_ENTRY, "file", old, new);
	apply_patch(f, &plan);
	machine_open(f);
	assert_int_equal(file_read(&f->root, "file", &file, &diag), 0);
	assert_string_equal(file.data, new);
	file_free(&file);
	plan_free(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_put_again),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_diff_blocks),
		cmocka_unit_test(test_diff_names),
		cmocka_machine_test(test_patch),
		cmocka_machine_test(test_patch_of_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
