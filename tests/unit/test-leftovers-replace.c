// SPDX-License-Identifier: GPL-2.0-or-later
/* --replace makes comments of lines in sysctl.d and modprobe.d; unset makes lines of them again. */
#include <string.h>

#include "bootcfg/policy.h"
#include "bootcfg/state.h"
#include "tests/unit/fixture.h"

#define PAGES "[hugepages]\n2M = 512\n"
#define DEVICE "[device gpu]\nid = 1002:73bf\naddress = 0000:0b:00.0\n"
#define MARK "# vfio-bootcfg: "

struct run {
	struct profile profile;
	struct host host;
	struct state *state;
	struct plan plan;
	struct diag diag;
};

static void begin(struct fixture *f, const char *profile, struct run *ret)
{
	*ret = (struct run){.state = NULL};
	machine_open(f);
	assert_int_equal(
		profile_parse_text(profile, strlen(profile), "/p", &ret->profile, &ret->diag), 0);
	assert_int_equal(host_load(&f->root, &ret->host), 0);
	assert_int_equal(state_load(&f->root, &ret->state, &ret->diag), 0);
}

static void end(struct run *run)
{
	profile_free(&run->profile);
	host_free(&run->host);
	state_free(run->state);
	plan_free(&run->plan);
}

/* Writes what is planned, as a commit would. */
static void write_plan(const struct fixture *f, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct change *change = &plan->changes[i];

		if (change->data)
			put_bytes(f, change->old.path, change->data, change->size);
		else if (change->kind == PLAN_REMOVED)
			drop(f, change->old.path);
	}
}

/* What `set --replace` does of it, or `set`, or `unset`. Returns what failed. */
static int go(struct fixture *f, const char *profile, bool replace, struct diag *ret_diag)
{
	struct leftovers leftovers = {.count = 0};
	struct run run;
	int r;

	begin(f, profile, &run);
	r = policy_leftovers(&f->root, &run.profile, &run.host, &leftovers, &run.diag);
	assert_int_equal(r, 0);
	if (replace)
		r = leftovers_replace(&f->root, &leftovers, run.state, &run.plan, &run.diag);
	if (r == 0)
		r = leftovers_restore(&f->root, &run.profile, &run.host, run.state, &run.plan,
				      &run.diag);
	if (r == 0) {
		assert_int_equal(state_plan(run.state, &run.plan, &run.diag), 0);
		write_plan(f, &run.plan);
	}
	if (ret_diag)
		*ret_diag = run.diag;
	leftovers_free(&leftovers);
	end(&run);
	return r;
}

static void holds(const struct fixture *f, const char *path, const char *wanted)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	assert_int_equal(root_read_file(&f->root, path, &data, &size, NULL), 0);
	assert_int_equal(size, strlen(wanted));
	assert_string_equal(data, wanted);
}

#define A_BEFORE "# mine\nvm.swappiness = 1\n  vm.nr_hugepages = 7\r\n\nvm.x = 2"
#define A_AFTER "# mine\nvm.swappiness = 1\n" MARK "  vm.nr_hugepages = 7\r\n\nvm.x = 2"
#define B_BEFORE "vm.nr_hugepages = 8\nvm.nr_hugepages = 9"
#define B_AFTER MARK "vm.nr_hugepages = 8\n" MARK "vm.nr_hugepages = 9"
#define C_BEFORE "blacklist x\noptions vfio-pci ids=10de:1b80\n"
#define C_AFTER "blacklist x\n" MARK "options vfio-pci ids=10de:1b80\n"

static void before(const struct fixture *f)
{
	put(f, "etc/sysctl.d/a.conf", "%s", A_BEFORE);
	put(f, "etc/sysctl.d/b.conf", "%s", B_BEFORE);
	put(f, "etc/sysctl.d/c.conf", "vm.y = 1\n");
	put(f, "etc/modprobe.d/c.conf", "%s", C_BEFORE);
}

static void is_after(const struct fixture *f)
{
	holds(f, "etc/sysctl.d/a.conf", A_AFTER);
	holds(f, "etc/sysctl.d/b.conf", B_AFTER);
	holds(f, "etc/modprobe.d/c.conf", C_AFTER);
}

static void is_before(const struct fixture *f)
{
	holds(f, "etc/sysctl.d/a.conf", A_BEFORE);
	holds(f, "etc/sysctl.d/b.conf", B_BEFORE);
	holds(f, "etc/modprobe.d/c.conf", C_BEFORE);
}

static void every_byte_comes_back(void **state)
{
	struct fixture *f = *state;

	before(f);
	assert_int_equal(go(f, PAGES DEVICE, true, NULL), 0);
	is_after(f);
	/* Again, with and without --replace: as it is. */
	assert_int_equal(go(f, PAGES DEVICE, true, NULL), 0);
	assert_int_equal(go(f, PAGES DEVICE, false, NULL), 0);
	is_after(f);
	assert_true(root_exists(&f->root, STATE_FILE));
	assert_int_equal(go(f, "", false, NULL), 0);
	is_before(f);
	assert_false(root_exists(&f->root, STATE_FILE));
	holds(f, "etc/sysctl.d/c.conf", "vm.y = 1\n");
}

static void without_replace_nothing_is_planned(void **state)
{
	struct fixture *f = *state;

	before(f);
	assert_int_equal(go(f, PAGES DEVICE, false, NULL), 0);
	is_before(f);
}

static void each_kind_comes_back_by_itself(void **state)
{
	struct fixture *f = *state;

	before(f);
	assert_int_equal(go(f, PAGES DEVICE, true, NULL), 0);
	assert_int_equal(go(f, DEVICE, false, NULL), 0);
	holds(f, "etc/sysctl.d/a.conf", A_BEFORE);
	holds(f, "etc/sysctl.d/b.conf", B_BEFORE);
	holds(f, "etc/modprobe.d/c.conf", C_AFTER);
	assert_int_equal(go(f, PAGES, true, NULL), 0);
	holds(f, "etc/sysctl.d/a.conf", A_AFTER);
	holds(f, "etc/modprobe.d/c.conf", C_BEFORE);
	holds(f, "etc/sysctl.d/b.conf", B_AFTER);
}

static void a_lost_state_is_made_up_for(void **state)
{
	struct fixture *f = *state;

	before(f);
	assert_int_equal(go(f, PAGES DEVICE, true, NULL), 0);
	drop(f, STATE_FILE);
	assert_int_equal(go(f, PAGES DEVICE, false, NULL), 0);
	is_after(f);
	assert_int_equal(go(f, "", false, NULL), 0);
	is_before(f);
}

static void what_the_user_did_meanwhile_stays(void **state)
{
	struct fixture *f = *state;

	before(f);
	assert_int_equal(go(f, PAGES DEVICE, true, NULL), 0);
	/* One line gone, one line like ours, one file gone. */
	put(f, "etc/sysctl.d/b.conf",
	    "new = 1\n" MARK "vm.nr_hugepages = 9\n" MARK "a note of mine\n");
	drop(f, "etc/modprobe.d/c.conf");
	assert_int_equal(go(f, "", false, NULL), 0);
	holds(f, "etc/sysctl.d/b.conf", "new = 1\nvm.nr_hugepages = 9\n" MARK "a note of mine\n");
	assert_false(root_exists(&f->root, "etc/modprobe.d/c.conf"));
	assert_false(root_exists(&f->root, STATE_FILE));
}

static void a_second_contradiction_in_the_file_is_recorded_too(void **state)
{
	struct fixture *f = *state;

	put(f, "etc/sysctl.d/a.conf", "vm.nr_hugepages = 7\n");
	assert_int_equal(go(f, PAGES, true, NULL), 0);
	put(f, "etc/sysctl.d/a.conf", MARK "vm.nr_hugepages = 7\nvm.nr_hugepages = 8\n");
	assert_int_equal(go(f, PAGES, true, NULL), 0);
	holds(f, "etc/sysctl.d/a.conf", MARK "vm.nr_hugepages = 7\n" MARK "vm.nr_hugepages = 8\n");
	assert_int_equal(go(f, "", false, NULL), 0);
	holds(f, "etc/sysctl.d/a.conf", "vm.nr_hugepages = 7\nvm.nr_hugepages = 8\n");
}

static void a_link_is_edited_once(void **state)
{
	struct fixture *f = *state;

	put(f, "etc/sysctl.conf", "vm.nr_hugepages = 7\n");
	put_link(f, "etc/sysctl.d/99-sysctl.conf", "../sysctl.conf");
	assert_int_equal(go(f, PAGES, true, NULL), 0);
	holds(f, "etc/sysctl.conf", MARK "vm.nr_hugepages = 7\n");
	drop(f, STATE_FILE);
	assert_int_equal(go(f, "", false, NULL), 0);
	holds(f, "etc/sysctl.conf", "vm.nr_hugepages = 7\n");
}

static void what_is_no_line_to_comment_out_is_refused(void **state)
{
	static const struct {
		const char *path, *text, *word;
		unsigned line;
	} rows[] = {
		{"usr/lib/sysctl.d/a.conf", "vm.nr_hugepages = 7\n", "in /etc", 1},
		{"etc/modprobe.d/a.conf", "\noptions vfio-pci \\\n ids=10de:1b80\n", "by hand", 2},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char file[64];
		struct diag diag;

		put(f, rows[i].path, "%s", rows[i].text);
		assert_int_equal(go(f, PAGES DEVICE, true, &diag), -EEXIST);
		snprintf(file, sizeof(file), "/%s", rows[i].path);
		assert_string_equal(diag.file, file);
		assert_int_equal(diag.line, rows[i].line);
		assert_mentions(diag.text, rows[i].word, NULL);
		holds(f, rows[i].path, rows[i].text);
		drop(f, rows[i].path);
	}
	put_bytes(f, "etc/sysctl.d/z.conf", "vm.nr_hugepages = 7\n\0", 21);
	assert_int_equal(go(f, PAGES, true, NULL), -EEXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(every_byte_comes_back),
		cmocka_machine_test(without_replace_nothing_is_planned),
		cmocka_machine_test(each_kind_comes_back_by_itself),
		cmocka_machine_test(a_lost_state_is_made_up_for),
		cmocka_machine_test(what_the_user_did_meanwhile_stays),
		cmocka_machine_test(a_second_contradiction_in_the_file_is_recorded_too),
		cmocka_machine_test(a_link_is_edited_once),
		cmocka_machine_test(what_is_no_line_to_comment_out_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
