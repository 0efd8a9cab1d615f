// SPDX-License-Identifier: GPL-2.0-or-later
/* What is ours, and that a file of anybody else's making is not taken for it. */
#include <string.h>

#include "bootcfg/state.h"
#include "tests/unit/fixture.h"

static struct state *load(struct fixture *f)
{
	struct diag diag = DIAG_INIT;
	struct state *loaded;

	machine_open(f);
	assert_int_equal(state_load(&f->root, &loaded, &diag), 0);
	return loaded;
}

static void own(struct state *state, const char *key, const char *text, const char *was,
		bool created)
{
	struct owned_list list = {.count = 0};

	if (text)
		assert_int_equal(owned_add(&list, text, was), 0);
	assert_int_equal(state_put(state, key, &list, created), 0);
	owned_free(&list);
}

/* Writes what the plan makes of the state, as a commit would. */
static const struct change *save(struct fixture *f, struct state *state, struct plan *plan)
{
	struct diag diag = DIAG_INIT;
	const struct change *change;

	assert_int_equal(state_plan(state, plan, &diag), 0);
	change = plan_find(plan, STATE_FILE);
	if (change && change->data)
		put_bytes(f, STATE_FILE, change->data, change->size);
	return change;
}

static void test_empty(void **state)
{
	struct fixture *f = *state;
	struct state *ours = load(f);
	struct plan plan = {.count = 0};
	const char **keys = state_keys(ours);

	assert_false(state_found(ours));
	assert_null(state_owned(ours, "etc/default/grub"));
	assert_false(state_created(ours, "etc/default/grub"));
	assert_null(keys[0]);
	free(keys);
	assert_null(save(f, ours, &plan));
	assert_int_equal(plan.made.count, 0);
	plan_free(&plan);
	state_free(ours);
}

static void test_round_trip(void **state)
{
	struct fixture *f = *state;
	struct state *ours = load(f), *again;
	struct plan plan = {.count = 0}, same = {.count = 0};
	const struct owned_list *list;
	const char **keys;

	own(ours, "b\xff%41\n\x7f", "dyndbg=\"file a +p\"", "\xc3\xa4 \xff\t%\"\\", false);
	own(ours, "a", "iommu=pt", NULL, true);
	own(ours, "c", NULL, NULL, true);
	own(ours, "profile:etc/vfio-bootcfg.conf", "[kernel] iommu = pt", "iommu = on", false);
	assert_non_null(save(f, ours, &plan));
	assert_int_equal(plan.changes[0].mode, 0600);
	assert_int_equal(plan.changes[0].rank, PLAN_STATE);
	assert_true(plan.changes[0].private);
	state_free(ours);
	plan_free(&plan);

	again = load(f);
	assert_true(state_found(again));
	keys = state_keys(again);
	assert_string_equal(keys[0], "a");
	assert_string_equal(keys[1], "b\xff%41\n\x7f");
	assert_string_equal(keys[2], "c");
	assert_string_equal(keys[3], "profile:etc/vfio-bootcfg.conf");
	assert_null(keys[4]);
	list = state_owned(again, keys[1]);
	assert_int_equal(list->count, 1);
	assert_string_equal(list->items[0].text, "dyndbg=\"file a +p\"");
	assert_string_equal(list->items[0].was, "\xc3\xa4 \xff\t%\"\\");
	assert_null(state_owned(again, "a")->items[0].was);
	assert_false(state_created(again, keys[1]));
	assert_true(state_created(again, "c"));
	assert_int_equal(state_owned(again, "c")->count, 0);
	free(keys);

	/* The same in another order is the same bytes: nothing to write. */
	own(again, "c", NULL, NULL, false);
	own(again, "a", NULL, NULL, false);
	own(again, "a", "iommu=pt", NULL, true);
	own(again, "c", NULL, NULL, true);
	assert_int_equal(save(f, again, &same)->kind, PLAN_UNCHANGED);
	plan_free(&same);
	state_free(again);
}

static void test_put(void **state)
{
	struct fixture *f = *state;
	struct state *ours = load(f);
	struct plan plan = {.count = 0};

	own(ours, "k", "a", NULL, false);
	own(ours, "k", "b", "c", true);
	assert_int_equal(state_owned(ours, "k")->count, 1);
	assert_string_equal(state_owned(ours, "k")->items[0].text, "b");
	/* What it has given out may be put back. */
	assert_int_equal(state_put(ours, "k", state_owned(ours, "k"), false), 0);
	assert_string_equal(state_owned(ours, "k")->items[0].was, "c");
	own(ours, "j", NULL, NULL, false);
	assert_null(state_owned(ours, "j"));
	save(f, ours, &plan);
	plan_free(&plan);
	state_free(ours);

	ours = load(f);
	own(ours, "k", NULL, NULL, false);
	assert_null(state_owned(ours, "k"));
	assert_int_equal(save(f, ours, &plan)->kind, PLAN_REMOVED);
	plan_free(&plan);
	state_free(ours);
}

/* Directories that a commit makes are ours until nothing of ours is in them. */
static void test_directories(void **state)
{
	struct fixture *f = *state;
	struct state *ours;
	struct plan plan = {.count = 0};
	struct file drop_in = {.path = (char[]){"etc/default/grub.d/zz.cfg"}};

	put_dir(f, "etc");
	put_dir(f, "var/lib");
	ours = load(f);
	assert_int_equal(plan_put(&plan, PLAN_SOURCE, &drop_in, "x", 1, 0644), 0);
	own(ours, drop_in.path, "x", NULL, true);
	assert_non_null(save(f, ours, &plan));
	assert_int_equal(plan.made.count, 3);
	assert_string_equal(plan.made.items[0], "etc/default");
	assert_string_equal(plan.made.items[1], "etc/default/grub.d");
	assert_string_equal(plan.made.items[2], STATE_DIR);
	assert_int_equal(plan.prune.count, 0);
	plan_free(&plan);
	state_free(ours);

	/* Done: they are there, and stay ours. */
	put(f, drop_in.path, "x");
	ours = load(f);
	assert_int_equal(save(f, ours, &plan)->kind, PLAN_UNCHANGED);
	assert_int_equal(plan.made.count, 0);
	assert_int_equal(plan.prune.count, 0);
	plan_free(&plan);

	own(ours, drop_in.path, NULL, NULL, false);
	assert_int_equal(save(f, ours, &plan)->kind, PLAN_REMOVED);
	assert_int_equal(plan.prune.count, 2);
	assert_string_equal(plan.prune.items[0], "etc/default");
	assert_string_equal(plan.prune.items[1], "etc/default/grub.d");
	plan_free(&plan);

	/* A directory goes when what is ours in it goes, whatever else is ours. */
	own(ours, "etc/kernel/cmdline", "x", NULL, false);
	assert_int_equal(save(f, ours, &plan)->kind, PLAN_MODIFIED);
	assert_int_equal(plan.prune.count, 2);
	assert_null(strstr(plan_find(&plan, STATE_FILE)->data, "grub.d"));
	plan_free(&plan);
	state_free(ours);
}

static void test_broken(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"null",
		"{\"version\": 2, \"directories\": [], \"files\": {}}",
		"{\"version\": \"1\", \"directories\": [], \"files\": {}}",
		"{\"version\": 1, \"files\": {}}",
		"{\"version\": 1, \"directories\": [], \"files\": []}",
		"{\"version\": 1, \"directories\": [], \"files\": {}, \"more\": 1}",
		"{\"version\": 1, \"directories\": [], \"files\": {}} x",
		"{\"version\": 1, \"directories\": [1], \"files\": {}}",
		"{\"version\": 1, \"directories\": {}, \"files\": {}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"a\": 1}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"a\": {\"created\": true}}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"a\": {\"created\": 1, "
		"\"owned\": "
		"[]}}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"a\": {\"created\": true, "
		"\"owned\": "
		"{}}}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"a\": {\"created\": true, "
		"\"owned\": "
		"[{\"text\": \"x\"}]}}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"a\": {\"created\": true, "
		"\"owned\": "
		"[{\"text\": null, \"was\": null}]}}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"a\": {\"created\": true, "
		"\"owned\": "
		"[{\"text\": \"%4\", \"was\": null}]}}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"a\": {\"created\": true, "
		"\"owned\": "
		"[{\"text\": \"%00\", \"was\": null}]}}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"a\": {\"created\": true, "
		"\"owned\": "
		"[{\"text\": \"\\u0000\", \"was\": null}]}}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"%41\": {\"created\": true, "
		"\"owned\": "
		"[]}}}",
		"{\"version\": 1, \"directories\": [], \"files\": {\"a\": {\"created\": true, "
		"\"owned\": "
		"[]}, \"a\": {\"created\": true, \"owned\": []}}}",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct diag diag = DIAG_INIT;
		struct state *ours = (struct state *)f;

		put_bytes(f, STATE_FILE, texts[i], strlen(texts[i]));
		machine_open(f);
		assert_int_equal(state_load(&f->root, &ours, &diag), -EBADMSG);
		assert_ptr_equal(ours, f);
		assert_string_equal(diag.file, "/" STATE_FILE);
		assert_mentions(diag.text, "move it away", "set --adopt", NULL);
	}
}

static void test_unreadable(void **state)
{
	struct fixture *f = *state;
	struct diag diag = DIAG_INIT;
	struct state *ours = (struct state *)f;

	put_dir(f, STATE_FILE);
	machine_open(f);
	assert_int_equal(state_load(&f->root, &ours, &diag), -EISDIR);
	assert_ptr_equal(ours, f);
}

/* Whether a directory is ours cannot be told: then it is not said that it is not. */
static void test_unseen_directory(void **state)
{
	struct fixture *f = *state;
	struct state *ours = load(f);
	struct plan plan = {.count = 0};
	struct diag diag = DIAG_INIT;
	struct file made = {.path = (char[]){"loop/made"}};

	put_link(f, "loop", "loop");
	own(ours, "k", "x", NULL, false);
	assert_int_equal(plan_put(&plan, PLAN_SOURCE, &made, "x", 1, 0644), 0);
	assert_int_equal(state_plan(ours, &plan, &diag), -ELOOP);
	assert_string_equal(diag.file, "/loop/made");
	plan_free(&plan);
	state_free(ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_unseen_directory), cmocka_machine_test(test_empty),
		cmocka_machine_test(test_round_trip),	    cmocka_machine_test(test_put),
		cmocka_machine_test(test_directories),	    cmocka_machine_test(test_broken),
		cmocka_machine_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
