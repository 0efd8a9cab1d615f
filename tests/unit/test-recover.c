// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a run finds that comes after one that died, or in an image that lies. tests/crash kills real
 * runs at every system call; here are the states that it cannot make.
 */
#include "bootcfg/journal-file.h"
#include "tests/unit/commit-tree.h"

#define HOME STATE_DIR "/"
#define TEMPORARY TEMPORARY_PREFIX "12345678-"

static void add(struct journal *journal, const char *path, const char *temporary, const char *old,
		const char *new)
{
	struct digest before = digest_of(old, old ? strlen(old) : 0);
	struct digest now = digest_of(new, new ? strlen(new) : 0);

	assert_int_equal(journal_add(journal, path, temporary, &before, &now), 0);
}

/* Puts the journal where a run that died would have left it. */
static void leave(struct fixture *f, struct journal *journal, const char *machine, const char *name)
{
	char path[64];
	char *text;

	free(journal->machine);
	journal->machine = strdup(machine);
	text = journal_text(journal);
	assert_non_null(text);
	snprintf(path, sizeof(path), HOME "%s", name);
	put(f, path, "%s", text);
	free(text);
	machine_open(f);
}

static void recovers(struct fixture *f, int expected, unsigned expected_after, struct diag *diag)
{
	unsigned after = 77;
	int r;

	*diag = DIAG_INIT;
	r = commit_recover(&f->root, false, &after, diag);
	if (r != expected)
		print_error("%s: %s\n", diag->file, diag->text);
	assert_int_equal(r, expected);
	assert_int_equal(after, r && r != -ESTALE ? 77 : expected_after);
}

/* Three files, of which the first is done, and a fourth that goes. */
static void half_done(struct fixture *f, struct journal *journal)
{
	put(f, "etc/a", "new a");
	put(f, "etc/b", "old b");
	put(f, "etc/" TEMPORARY "1", "new b");
	put(f, "etc/" TEMPORARY "2", "new c");
	put(f, "etc/d", "old d");
	add(journal, "etc/a", TEMPORARY "0", "old a", "new a");
	add(journal, "etc/b", TEMPORARY "1", "old b", "new b");
	add(journal, "etc/c", TEMPORARY "2", NULL, "new c");
	add(journal, "etc/d", NULL, "old d", NULL);
}

static void assert_all_new(struct fixture *f)
{
	assert_holds(f, "etc/a", "new a");
	assert_holds(f, "etc/b", "new b");
	assert_holds(f, "etc/c", "new c");
	assert_holds(f, "etc/d", NULL);
}

static void test_nothing(void **state)
{
	struct fixture *f = *state;
	struct diag diag;

	machine_open(f);
	recovers(f, 0, 0, &diag);
	put_dir(f, STATE_DIR);
	recovers(f, 0, 0, &diag);
	assert_string_equal(diag.text, "");
}

static void test_goes_on(void **state)
{
	struct fixture *f = *state;
	struct journal journal = {.count = 0};
	struct diag diag;
	unsigned after = 77;

	half_done(f, &journal);
	leave(f, &journal, "image", JOURNAL_NAME);
	assert_int_equal(commit_recover(&f->root, true, &after, &diag), -EINPROGRESS);
	assert_mentions(diag.text, "without --dry-run", NULL);
	assert_holds(f, "etc/b", "old b");
	recovers(f, 0, 0, &diag);
	assert_all_new(f);
	assert_clean(f);
	assert_holds(f, STATE_DIR, NULL);
	recovers(f, 0, 0, &diag);
	journal_free(&journal);
}

static void test_after(void **state)
{
	struct fixture *f = *state;
	struct journal journal = {.after = COMMIT_REGENERATE};
	struct diag diag;
	unsigned after = 77;

	half_done(f, &journal);
	leave(f, &journal, "image", JOURNAL_NAME);
	recovers(f, 0, COMMIT_REGENERATE, &diag);
	assert_all_new(f);
	/* From here on the files are anybody's: only what is left to do is remembered. */
	put(f, "etc/a", "by others");
	recovers(f, 0, COMMIT_REGENERATE, &diag);
	assert_int_equal(commit_recover(&f->root, true, &after, &diag), 0);
	assert_int_equal(after, COMMIT_REGENERATE);
	assert_int_equal(commit_done(&f->root, &diag), 0);
	recovers(f, 0, 0, &diag);
	assert_clean(f);
	assert_holds(f, STATE_DIR, NULL);
	assert_int_equal(commit_done(&f->root, &diag), 0);
	journal_free(&journal);
}

/* A commit keeps what an earlier one left to be done, also where it comes to nothing. */
static void test_after_of_an_earlier_one(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};
	struct diag diag;

	put(f, "file", "old");
	plan_path(f, &plan, "file", "new");
	commit_gives(f, &plan, COMMIT_INITRAMFS, 0);
	plan_free(&plan);
	plan_path(f, &plan, "file", "newer");
	put(f, "file", "theirs");
	commit_gives(f, &plan, COMMIT_INITRAMFS, -EREMCHG);
	recovers(f, 0, COMMIT_INITRAMFS, &diag);
	plan_free(&plan);
	plan_path(f, &plan, "file", "newer");
	commit_gives(f, &plan, COMMIT_INITRAMFS | COMMIT_REGENERATE, 0);
	recovers(f, 0, COMMIT_INITRAMFS | COMMIT_REGENERATE, &diag);
	plan_free(&plan);
	plan_path(f, &plan, "file", "newest");
	commit_gives(f, &plan, 0, 0);
	recovers(f, 0, 0, &diag);
	assert_holds(f, STATE_DIR, NULL);
	plan_free(&plan);
}

static void test_stale(void **state)
{
	struct fixture *f = *state;
	struct journal journal = {.after = COMMIT_REGENERATE};
	struct diag diag;

	half_done(f, &journal);
	put(f, "etc/b", "by others");
	leave(f, &journal, "image", JOURNAL_NAME);
	recovers(f, -ESTALE, COMMIT_REGENERATE, &diag);
	assert_string_equal(diag.file, "/etc/b");
	assert_holds(f, "etc/b", "by others");
	assert_holds(f, "etc/c", "new c");
	assert_holds(f, "etc/d", NULL);
	assert_int_equal(commit_done(&f->root, &diag), 0);
	assert_clean(f);
	journal_free(&journal);
}

/* Files of other kinds in the place of ours, or what was to be made is there: all of it stays. */
static void test_stale_kinds(void **state)
{
	struct fixture *f = *state;
	struct journal journal = {.count = 0};
	struct diag diag;

	half_done(f, &journal);
	drop(f, "etc/b");
	assert_int_equal(mkfifo(path_in(f, "etc/b"), 0600), 0);
	put(f, "etc/c", "by others");
	drop(f, "etc/d");
	put(f, "etc/d/file", "x");
	leave(f, &journal, "image", JOURNAL_NAME);
	recovers(f, -ESTALE, 0, &diag);
	assert_true(S_ISFIFO(mode_of(f, "etc/b")));
	assert_holds(f, "etc/c", "by others");
	assert_holds(f, "etc/d/file", "x");
	assert_clean(f);
	journal_free(&journal);
}

/* Someone has tidied up, or the disk has lost it: the file stays as it was, and is planned anew. */
static void test_temporary_lost(void **state)
{
	struct fixture *f = *state;
	struct journal journal = {.count = 0};
	struct diag diag;

	half_done(f, &journal);
	drop(f, "etc/" TEMPORARY "1");
	put(f, "etc/" TEMPORARY "2", "new");
	leave(f, &journal, "image", JOURNAL_NAME);
	recovers(f, 0, 0, &diag);
	assert_holds(f, "etc/b", "old b");
	assert_holds(f, "etc/c", NULL);
	assert_holds(f, "etc/d", NULL);
	assert_clean(f);
	journal_free(&journal);
}

static void test_takes_back(void **state)
{
	struct fixture *f = *state;
	struct journal journal = {.after = COMMIT_REGENERATE};
	struct diag diag;
	unsigned after = 77;

	half_done(f, &journal);
	put(f, "etc/made/by/" TEMPORARY "3", "cut o");
	add(&journal, "etc/made/by/us", TEMPORARY "3", NULL, "cut off");
	assert_int_equal(path_list_add(&journal.made, "etc/made"), 0);
	assert_int_equal(path_list_add(&journal.made, "etc/made/by"), 0);
	assert_int_equal(path_list_add(&journal.made, "etc/never"), 0);
	leave(f, &journal, "image", JOURNAL_STAGING);
	/* No file was changed: a dry run may look at them. */
	assert_int_equal(commit_recover(&f->root, true, &after, &diag), 0);
	assert_holds(f, "etc/made/by/" TEMPORARY "3", "cut o");
	recovers(f, 0, 0, &diag);
	assert_holds(f, "etc/b", "old b");
	assert_holds(f, "etc/c", NULL);
	assert_holds(f, "etc/d", "old d");
	assert_holds(f, "etc/made", NULL);
	assert_clean(f);
	assert_holds(f, STATE_DIR, NULL);

	/* What others put into a directory of ours keeps it. */
	put(f, "etc/made/by/others", "x");
	leave(f, &journal, "image", JOURNAL_STAGING);
	recovers(f, 0, 0, &diag);
	assert_holds(f, "etc/made/by/others", "x");
	assert_clean(f);
	journal_free(&journal);
}

static void test_staging_cut_off(void **state)
{
	struct fixture *f = *state;
	struct diag diag;

	put(f, HOME JOURNAL_STAGING, "{\"version\": 1, \"mach");
	put(f, STATE_FILE, "x");
	machine_open(f);
	recovers(f, 0, 0, &diag);
	assert_clean(f);
	put_link(f, HOME JOURNAL_STAGING, "/etc/passwd");
	put(f, "etc/passwd", "x");
	recovers(f, 0, 0, &diag);
	assert_holds(f, HOME JOURNAL_STAGING, NULL);
	assert_holds(f, "etc/passwd", "x");
}

/* Both at once: an earlier one is done but for grub.cfg, the later one had only staged. */
static void test_staging_behind_a_done_one(void **state)
{
	struct fixture *f = *state;
	struct journal done = {.after = COMMIT_REGENERATE}, journal = {.count = 0};
	struct diag diag;

	half_done(f, &journal);
	leave(f, &journal, "image", JOURNAL_STAGING);
	leave(f, &done, "image", JOURNAL_NAME);
	recovers(f, 0, COMMIT_REGENERATE, &diag);
	assert_holds(f, "etc/b", "old b");
	assert_int_equal(commit_done(&f->root, &diag), 0);
	assert_clean(f);
	journal_free(&journal);
	journal_free(&done);
}

static void test_foreign(void **state)
{
	struct fixture *f = *state;
	struct journal journal = {.after = COMMIT_REGENERATE};
	struct diag diag;
	unsigned after = 77;

	half_done(f, &journal);
	put(f, "etc/" TEMPORARY "2", "theirs");
	leave(f, &journal, "0123456789abcdef0123456789abcdef", JOURNAL_NAME);
	assert_int_equal(commit_recover(&f->root, true, &after, &diag), 0);
	recovers(f, 0, 0, &diag);
	assert_mentions(diag.text, "another system", NULL);
	assert_holds(f, "etc/b", "old b");
	assert_holds(f, "etc/c", NULL);
	assert_holds(f, "etc/d", "old d");
	assert_holds(f, "etc/" TEMPORARY "1", NULL);
	assert_holds(f, "etc/" TEMPORARY "2", "theirs");
	assert_holds(f, STATE_DIR, NULL);
	journal_free(&journal);

	half_done(f, &journal);
	put(f, "etc/" TEMPORARY "2", "theirs");
	assert_int_equal(path_list_add(&journal.made, "etc/empty"), 0);
	put_dir(f, "etc/empty");
	leave(f, &journal, "0123456789abcdef0123456789abcdef", JOURNAL_STAGING);
	recovers(f, 0, 0, &diag);
	assert_holds(f, "etc/" TEMPORARY "1", NULL);
	assert_holds(f, "etc/" TEMPORARY "2", "theirs");
	assert_true(S_ISDIR(mode_of(f, "etc/empty")));
	journal_free(&journal);
}

/* --- journals that lie ------------------------------------------------------------------------- */

#define WITH_FILES(files)                                                                          \
	"{\"version\": 1, \"machine\": \"image\", \"regenerate\": false, \"initramfs\": false, "   \
	"\"files\": [" files "], \"made\": [], \"prune\": []}"
#define WITH_FILE(path, temporary)                                                                 \
	WITH_FILES("{\"path\": \"" path "\", \"temporary\": " temporary                            \
		   ", \"old\": null, \"new\": {\"size\": 1, \"fnv1a\": \"0123456789abcdef\"}}")
#define WITH_MADE(path)                                                                            \
	"{\"version\": 1, \"machine\": \"image\", \"regenerate\": false, \"initramfs\": false, "   \
	"\"files\": [], \"made\": [\"" path "\"], \"prune\": []}"

static void test_parse(_unused_ void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"version\": 1}",
		WITH_FILES("1"),
		WITH_FILES("{}"),
		WITH_FILE("/etc/x", "\".vfio-bootcfg.x\""),
		WITH_FILE("", "\".vfio-bootcfg.x\""),
		WITH_FILE("..", "\".vfio-bootcfg.x\""),
		WITH_FILE("etc/../../x", "\".vfio-bootcfg.x\""),
		WITH_FILE("etc/..", "\".vfio-bootcfg.x\""),
		WITH_FILE("etc//x", "\".vfio-bootcfg.x\""),
		WITH_FILE("./etc/x", "\".vfio-bootcfg.x\""),
		WITH_FILE("etc/x/", "\".vfio-bootcfg.x\""),
		WITH_FILE("etc/x", "\"passwd\""),
		WITH_FILE("etc/x", "\".vfio-bootcfg\""),
		WITH_FILE("etc/x", "\".vfio-bootcfg./../passwd\""),
		WITH_FILE("etc/x", "\".vfio-bootcfg.%2f%2e%2e/passwd\""),
		WITH_FILE("etc/x", "\".vfio-bootcfg.journal\""),
		WITH_FILE("etc/x", "null"),
		WITH_FILE("etc/x", "1"),
		WITH_FILES(
			"{\"path\": \"etc/x\", \"temporary\": \".vfio-bootcfg.x\", \"old\": null, "
			"\"new\": null}"),
		WITH_FILES(
			"{\"path\": \"etc/x\", \"temporary\": \".vfio-bootcfg.x\", \"old\": null, "
			"\"new\": {\"size\": -1, \"fnv1a\": \"0123456789abcdef\"}}"),
		WITH_FILES(
			"{\"path\": \"etc/x\", \"temporary\": \".vfio-bootcfg.x\", \"old\": null, "
			"\"new\": {\"size\": 1, \"fnv1a\": \"0123456789abcdeg\"}}"),
		WITH_FILES(
			"{\"path\": \"etc/x\", \"temporary\": \".vfio-bootcfg.x\", \"old\": null, "
			"\"new\": {\"size\": 1, \"fnv1a\": \"0123456789abcde\"}}"),
		WITH_MADE("/etc"),
		WITH_MADE("../etc"),
		WITH_MADE("etc/%2"),
	};
	struct journal journal;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int r = journal_parse(bad[i], strlen(bad[i]), &journal);

		if (r != -EBADMSG)
			print_error("%s\n", bad[i]);
		assert_int_equal(r, -EBADMSG);
	}
	assert_int_equal(journal_parse(WITH_FILE("etc/x", "\".vfio-bootcfg.x\""),
				       strlen(WITH_FILE("etc/x", "\".vfio-bootcfg.x\"")), &journal),
			 0);
	assert_int_equal(journal.count, 1);
	journal_free(&journal);
	assert_int_equal(journal_parse(WITH_MADE("etc"), strlen(WITH_MADE("etc")), &journal), 0);
	assert_int_equal(journal.made.count, 1);
	journal_free(&journal);
}

static void test_journal_round_trip(_unused_ void **state)
{
	struct journal journal = {.after = COMMIT_INITRAMFS}, again;
	char *text;

	journal.machine = strdup("image");
	add(&journal, "boot/a\xff b\n.conf", TEMPORARY "0", "old", "");
	add(&journal, "etc/gone", NULL, "", NULL);
	assert_int_equal(path_list_add(&journal.made, "etc/made"), 0);
	assert_int_equal(path_list_add(&journal.prune, "etc/gone.d"), 0);
	text = journal_text(&journal);
	assert_int_equal(journal_parse(text, strlen(text), &again), 0);
	assert_string_equal(again.machine, "image");
	assert_int_equal(again.after, COMMIT_INITRAMFS);
	assert_int_equal(again.count, 2);
	assert_string_equal(again.files[0].path, "boot/a\xff b\n.conf");
	assert_string_equal(again.files[0].temporary, TEMPORARY "0");
	assert_null(again.files[1].temporary);
	for (size_t i = 0; i < 2; i++) {
		assert_true(digest_equal(&again.files[i].old, &journal.files[i].old));
		assert_true(digest_equal(&again.files[i].new, &journal.files[i].new));
	}
	assert_false(digest_equal(&again.files[0].new, &again.files[1].new));
	assert_string_equal(again.made.items[0], "etc/made");
	assert_string_equal(again.prune.items[0], "etc/gone.d");
	free(text);
	journal_free(&journal);
	journal_free(&again);
}

static void test_broken(void **state)
{
	struct fixture *f = *state;
	struct diag diag;

	put(f, HOME JOURNAL_NAME, "{\"version\": 2}");
	machine_open(f);
	recovers(f, -EBADMSG, 0, &diag);
	assert_mentions(diag.text, "move it away", NULL);
	assert_holds(f, HOME JOURNAL_NAME, "{\"version\": 2}");
	put_link(f, HOME JOURNAL_NAME, "/etc/journal");
	recovers(f, -EBADMSG, 0, &diag);
	drop(f, HOME JOURNAL_NAME);
	assert_int_equal(mkfifo(path_in(f, HOME JOURNAL_NAME), 0600), 0);
	recovers(f, -EBADMSG, 0, &diag);
}

/* The file is where a link leads: so is the temporary, inside the root. */
static void test_links(void **state)
{
	struct fixture *f = *state;
	struct journal journal = {.count = 0};
	struct diag diag;

	put(f, "usr/b", "old b");
	put(f, "usr/" TEMPORARY "1", "new b");
	put(f, "etc/x", "x");
	put_link(f, "etc/b", "/../../usr/b");
	put_link(f, "etc/loop", "loop");
	add(&journal, "etc/b", TEMPORARY "1", "old b", "new b");
	leave(f, &journal, "image", JOURNAL_NAME);
	recovers(f, 0, 0, &diag);
	assert_holds(f, "usr/b", "new b");
	assert_true(S_ISLNK(mode_of(f, "etc/b")));
	assert_clean(f);

	/* What leads nowhere holds nothing up while nothing is changed. */
	add(&journal, "etc/loop", TEMPORARY "2", NULL, "x");
	add(&journal, "etc/x/y", TEMPORARY "3", NULL, "x");
	leave(f, &journal, "image", JOURNAL_STAGING);
	recovers(f, 0, 0, &diag);
	assert_clean(f);
	journal_free(&journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_nothing),
		cmocka_machine_test(test_goes_on),
		cmocka_machine_test(test_after),
		cmocka_machine_test(test_after_of_an_earlier_one),
		cmocka_machine_test(test_stale),
		cmocka_machine_test(test_stale_kinds),
		cmocka_machine_test(test_temporary_lost),
		cmocka_machine_test(test_takes_back),
		cmocka_machine_test(test_staging_cut_off),
		cmocka_machine_test(test_staging_behind_a_done_one),
		cmocka_machine_test(test_foreign),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_journal_round_trip),
		cmocka_machine_test(test_broken),
		cmocka_machine_test(test_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
