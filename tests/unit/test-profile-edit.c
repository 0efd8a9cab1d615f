// SPDX-License-Identifier: GPL-2.0-or-later
/* What changes in the profile's files, what stays, and how it comes back. */
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/profile-edit.h"
#include "tests/unit/fixture.h"

#define CONF PROFILE_FILE
#define DROPIN "etc/vfio-bootcfg.conf.d/10-host.conf"
#define VENDOR "usr/lib/vfio-bootcfg.conf.d/10-vendor.conf"
#define OPENING                                                                                    \
	"# What this host keeps for its guests, see vfio-bootcfg.conf(5). Written by\n"            \
	"# `vfio-bootcfg set`, which keeps what you change or add by hand.\n"

/* The files of the profile under test; a text of NULL: not there. */
static const char *const paths[] = {CONF, DROPIN, VENDOR};

static char *slurp(const struct fixture *f, const char *path)
{
	char *text = NULL;
	size_t size;
	int r = root_read_file(&f->root, path, &text, &size, NULL);

	if (r == -ENOENT)
		return NULL;
	assert_int_equal(r, 0);
	return text;
}

static void assert_file(const struct fixture *f, const char *path, const char *text)
{
	_cleanup_free_ char *is = slurp(f, path);

	if (!text) {
		if (is)
			print_error("/%s is there: `%s`\n", path, is);
		assert_null(is);
		return;
	}
	if (!is)
		print_error("/%s is not there\n", path);
	assert_non_null(is);
	assert_string_equal(is, text);
}

static void assert_texts(const struct fixture *f, const char *const *texts)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_file(f, paths[i], texts[i]);
}

static void put_texts(struct fixture *f, const char *const *texts)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (texts[i])
			put_bytes(f, paths[i], texts[i], strlen(texts[i]));
	machine_open(f);
}

/* "cpus||isolate|8-15", one a line; without a value: taken out; without a key: the section. */
static void parse_sets(const char *text, struct profile_sets *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *section = strsep(&line, "|"), *name = strsep(&line, "|");
		char *key = strsep(&line, "|");

		assert_int_equal(profile_sets_add(ret, section, name ? name : "", key, line), 0);
	}
}

/* The plan is carried out on what a test has in its own directory. */
static void carry_out(const struct fixture *f, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct change *change = &plan->changes[i];

		assert_int_equal(change->rank, PLAN_PROFILE);
		if (change->data)
			put_bytes(f, change->old.path, change->data, change->size);
		else
			assert_int_equal(unlink(path_in(f, change->old.path)), 0);
	}
}

/* Edits as `set` does; what is planned must read as what is on disk afterwards. */
static int edit(struct fixture *f, struct state *state, const char *text, struct diag *diag)
{
	_cleanup_sets_ struct profile_sets sets = {.count = 0};
	_cleanup_plan_files_ struct plan plan = {.count = 0};
	_cleanup_profile_ struct profile profile = {.memory = NULL};
	_cleanup_profile_ struct profile planned = {.memory = NULL};
	_cleanup_profile_ struct profile after = {.memory = NULL};
	struct diag load = DIAG_INIT;
	int r;

	parse_sets(text, &sets);
	assert_int_equal(profile_load(&f->root, &profile, &load), 0);
	r = profile_edit(&f->root, &profile, &sets, state, &plan, diag);
	if (r < 0)
		return r;
	assert_int_equal(profile_load_planned(&f->root, &plan, &planned, &load), 0);
	carry_out(f, &plan);
	assert_int_equal(profile_load(&f->root, &after, &load), 0);
	assert_int_equal(planned.file_count, after.file_count);
	assert_int_equal(planned.entry_count, after.entry_count);
	for (size_t i = 0; i < after.entry_count; i++) {
		assert_string_equal(planned.entries[i].value, after.entries[i].value);
		assert_string_equal(planned.entries[i].file, after.entries[i].file);
		assert_int_equal(planned.entries[i].line, after.entries[i].line);
	}
	return (int)plan.count;
}

static struct state *new_state(const struct fixture *f)
{
	struct diag diag = DIAG_INIT;
	struct state *state = NULL;

	assert_int_equal(state_load(&f->root, &state, &diag), 0);
	return state;
}

static size_t count_keys(const struct state *state)
{
	_cleanup_free_ const char **keys = state_keys(state);
	size_t count = 0;

	assert_non_null(keys);
	while (keys[count])
		count++;
	return count;
}

#define GPU_HEAD "[device gpu]\nid = 1002:73bf\n"

/* Before, what is set, what is there then, what is left when all of it is taken out again. */
static const struct scene {
	const char *name;
	const char *before[ARRAY_SIZE(paths)];
	const char *set;
	const char *after[ARRAY_SIZE(paths)];
	const char *unset;
	const char *left[ARRAY_SIZE(paths)];
} scenes[] = {
	{"no profile: a file is made, and goes again",
	 {NULL},
	 "cpus||isolate|8-15\nkernel||iommu|pt\ncpus||isolate|4-7",
	 {OPENING "\n[cpus]\nisolate = 4-7\n\n[kernel]\niommu = pt\n"},
	 "cpus\nkernel",
	 {NULL}},
	{"one item of two",
	 {NULL},
	 "kernel||iommu|pt\nkernel||args|a=1\nhugepages||1G|16",
	 {OPENING "\n[kernel]\niommu = pt\nargs = a=1\n\n[hugepages]\n1G = 16\n"},
	 "kernel||iommu\nhugepages||1G",
	 {OPENING "\n[kernel]\nargs = a=1\n"}},
	{"an empty file stays one",
	 {""},
	 "cpus||isolate|8",
	 {"[cpus]\nisolate = 8\n"},
	 "cpus",
	 {""}},
	{"a new section after a blank line that is there",
	 {"# mine\n\n"},
	 "cpus||isolate|8",
	 {"# mine\n\n[cpus]\nisolate = 8\n"},
	 "cpus",
	 {"# mine\n\n"}},
	{"a last line without an end",
	 {GPU_HEAD "class = 0300"},
	 "device|gpu|moved|claim\ncpus||isolate|8",
	 {GPU_HEAD "class = 0300\nmoved = claim\n\n[cpus]\nisolate = 8"},
	 "cpus\ndevice|gpu|moved",
	 {GPU_HEAD "class = 0300"}},
	{"CR LF",
	 {"[cpus]\r\nisolate = 4 ; why\r\n\r\n# end\r\n"},
	 "kernel||iommu|on\ncpus||isolate|8-15",
	 {"[cpus]\r\nisolate = 8-15 ; why\r\n\r\n# end\r\n\r\n[kernel]\r\niommu = on\r\n"},
	 "kernel",
	 {"[cpus]\r\nisolate = 8-15 ; why\r\n\r\n# end\r\n"}},
	{"a carriage return at the very end",
	 {"[cpus]\nisolate = 4\r"},
	 "hugepages||2M|0:4,1:4",
	 {"[cpus]\nisolate = 4\n\n[hugepages]\n2M = 0:4,1:4\r"},
	 "hugepages",
	 {"[cpus]\nisolate = 4\r"}},
	{"a byte order mark",
	 {"\xef\xbb\xbf[cpus]\nisolate = 4\n"},
	 "cpus||isolate|8",
	 {"\xef\xbb\xbf[cpus]\nisolate = 8\n"},
	 "cpus",
	 {"\xef\xbb\xbf# [cpus]\n# isolate = 4\n"}},
	{"only the value changes; a new key after the last one, indented like it",
	 {"# top\n[kernel]   # the kernel\n   # inner\n\tiommu\t=  on   # first\n\n"
	  "\targs = a=\"b # c\"\n# tail\n\n[cpus]\nisolate=1\n"},
	 "kernel||iommu|pt\nkernel||isolcpus|none\ncpus||isolate|2",
	 {"# top\n[kernel]   # the kernel\n   # inner\n\tiommu\t=  pt   # first\n\n"
	  "\targs = a=\"b # c\"\n\tisolcpus = none\n# tail\n\n[cpus]\nisolate=2\n"},
	 "kernel||isolcpus\ncpus",
	 {"# top\n[kernel]   # the kernel\n   # inner\n\tiommu\t=  pt   # first\n\n"
	  "\targs = a=\"b # c\"\n# tail\n\n# [cpus]\n# isolate=1\n"}},
	{"lines by hand become comments, header and all",
	 {"[kernel]\niommu = on # x\n# mine\nargs = a\n"},
	 "kernel||acs-override|downstream",
	 {"[kernel]\niommu = on # x\n# mine\nargs = a\nacs-override = downstream\n"},
	 "kernel",
	 {"# [kernel]\n# iommu = on # x\n# mine\n# args = a\n"}},
	{"a value that was changed comes back as it stood",
	 {"[hugepages]\n2M = \"0:4, 1:4\"   # both\n1G = 2\n"},
	 "hugepages||2M|8\nhugepages||2M|9",
	 {"[hugepages]\n2M = 9   # both\n1G = 2\n"},
	 "hugepages||2M|0:4,1:4",
	 {"[hugepages]\n2M = \"0:4, 1:4\"   # both\n1G = 2\n"}},
	{"a value that is as wanted stays as it stands",
	 {"[hugepages]\n2M = 0:4 , 1:4\n[cpus]\nisolate = \"8-15\"\n"},
	 "hugepages||2M|0:4,1:4\ncpus||isolate|8-15",
	 {"[hugepages]\n2M = 0:4 , 1:4\n[cpus]\nisolate = \"8-15\"\n"},
	 "kernel",
	 {"[hugepages]\n2M = 0:4 , 1:4\n[cpus]\nisolate = \"8-15\"\n"}},
	{"the quotes of args are the kernel's",
	 {"[kernel]\nargs = \"a=b c\"\n"},
	 "kernel||args|a=b",
	 {"[kernel]\nargs = a=b\n"},
	 "kernel||args|\"a=b c\"",
	 {"[kernel]\nargs = \"a=b c\"\n"}},
	{"an empty section by hand is used, and stays",
	 {"[cpus]\n# none yet\n\n[hugepages]\n"},
	 "cpus||isolate|8\nhugepages||1G|1",
	 {"[cpus]\nisolate = 8\n# none yet\n\n[hugepages]\n1G = 1\n"},
	 "cpus\nhugepages||1G",
	 {"[cpus]\n# none yet\n\n[hugepages]\n"}},
	{"a section in a drop-in is edited there, new ones are not",
	 {"# mine\n", "[ device   gpu ]\nid = 1002:73bf\n", NULL},
	 "device|gpu|claim|guest\ndevice|gpu2|id|1002:73bf",
	 {"# mine\n\n[device gpu2]\nid = 1002:73bf\n",
	  "[ device   gpu ]\nid = 1002:73bf\nclaim = guest\n", NULL},
	 "device|gpu\ndevice|gpu2",
	 {"# mine\n", "# [ device   gpu ]\n# id = 1002:73bf\n", NULL}},
	{"an empty section in a drop-in counts",
	 {NULL, "[cpus]\n", NULL},
	 "cpus||isolate|8",
	 {NULL, "[cpus]\nisolate = 8\n", NULL},
	 "cpus",
	 {NULL, "[cpus]\n", NULL}},
	{"names that begin alike, keys of other sections",
	 {"[guest a]\ncpus = 1\n[guest ab]\ncpus = 2\n[cpus]\nisolate = 3\n"},
	 "guest|ab|cpus|4\nguest|a|governor|powersave",
	 {"[guest a]\ncpus = 1\ngovernor = powersave\n[guest ab]\ncpus = 4\n[cpus]\nisolate = 3\n"},
	 "guest|a|governor\nguest|ab|cpus|2",
	 {"[guest a]\ncpus = 1\n[guest ab]\ncpus = 2\n[cpus]\nisolate = 3\n"}},
	{"what is not there is not taken out, wherever",
	 {NULL, NULL, "[cpus]\nisolate = 8\n"},
	 "cpus||isolate|8",
	 {NULL, NULL, "[cpus]\nisolate = 8\n"},
	 "kernel\nhugepages||1G\ncpus||nothing",
	 {NULL, NULL, "[cpus]\nisolate = 8\n"}},
};

static void test_scenes(void **fixture_state)
{
	struct fixture *f = *fixture_state;

	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		const struct scene *scene = &scenes[i];
		_cleanup_state_ struct state *state = NULL;
		struct diag diag = DIAG_INIT;

		print_message("  %s\n", scene->name);
		put_texts(f, scene->before);
		state = new_state(f);
		assert_true(edit(f, state, scene->set, &diag) >= 0);
		assert_texts(f, scene->after);
		/* Again: nothing is left to do. */
		if (!strstr(scene->set, "isolate|8-15\nkernel") && !strstr(scene->set, "2M|8\n"))
			assert_int_equal(edit(f, state, scene->set, &diag), 0);
		assert_texts(f, scene->after);
		assert_true(edit(f, state, scene->unset, &diag) >= 0);
		assert_texts(f, scene->left);
		for (size_t j = 0; j < ARRAY_SIZE(paths); j++)
			(void)unlink(path_in(f, paths[j]));
	}
}

/* --- what is ours ----------------------------------------------------------------------------- */

static void test_forgets_all(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_state_ struct state *state = NULL;
	struct diag diag = DIAG_INIT;

	machine_open(f);
	state = new_state(f);
	assert_int_equal(edit(f, state, "cpus||isolate|8\nkernel||iommu|pt", &diag), 1);
	assert_int_equal(count_keys(state), 1);
	assert_true(state_created(state, "profile:" CONF));
	assert_non_null(owned_find(state_owned(state, "profile:" CONF), "[cpus] isolate = 8"));
	assert_int_equal(edit(f, state, "cpus\nkernel", &diag), 1);
	assert_int_equal(count_keys(state), 0);
	assert_file(f, CONF, NULL);
}

/* A line of ours that was changed by hand since, and one that was added. */
static void test_hand_after_set(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_state_ struct state *state = NULL;
	struct diag diag = DIAG_INIT;

	machine_open(f);
	state = new_state(f);
	assert_int_equal(edit(f, state, "cpus||isolate|8\nkernel||iommu|pt", &diag), 1);
	put(f, CONF, "%s",
	    OPENING "\n[cpus]\nisolate = 9\n\n[kernel]\n# why\niommu = pt\nargs = x\n");
	assert_int_equal(edit(f, state, "cpus\nkernel", &diag), 1);
	assert_file(f, CONF,
		    OPENING "\n# [cpus]\n# isolate = 9\n\n# [kernel]\n# why\n# args = x\n");
	assert_int_equal(count_keys(state), 0);
}

/* The value that we find is what comes back, not the first one that ever stood there. */
static void test_hand_between_sets(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_state_ struct state *state = NULL;
	const struct owned *owned;
	struct diag diag = DIAG_INIT;

	put(f, CONF, "%s", "[cpus]\nisolate = 1\n");
	machine_open(f);
	state = new_state(f);
	assert_int_equal(edit(f, state, "cpus||isolate|2", &diag), 1);
	put(f, CONF, "%s", "[cpus]\nisolate = 3 # new\n");
	assert_int_equal(edit(f, state, "cpus||isolate|4", &diag), 1);
	owned = owned_find(state_owned(state, "profile:" CONF), "[cpus] isolate = 4");
	assert_non_null(owned);
	assert_string_equal(owned->was, "3");
	assert_int_equal(edit(f, state, "cpus||isolate", &diag), 1);
	assert_file(f, CONF, "# [cpus]\n# isolate = 3 # new\n");
}

/* What others appended after our last section stays, in any order of taking out. */
static void test_others_append(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_state_ struct state *state = NULL;
	struct diag diag = DIAG_INIT;

	machine_open(f);
	state = new_state(f);
	assert_int_equal(edit(f, state, "cpus||isolate|8\nhugepages||1G|2", &diag), 1);
	put(f, CONF, "%s",
	    OPENING "\n[cpus]\nisolate = 8\n\n[hugepages]\n1G = 2\n\n[kernel]\nargs = x");
	assert_int_equal(edit(f, state, "cpus", &diag), 1);
	assert_file(f, CONF, OPENING "\n[hugepages]\n1G = 2\n\n[kernel]\nargs = x");
	assert_int_equal(edit(f, state, "hugepages||1G", &diag), 1);
	assert_file(f, CONF, OPENING "\n[kernel]\nargs = x");
	assert_int_equal(count_keys(state), 0);
}

/* Only a blank line is taken for the one that we put there. */
static void test_line_before_header(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_state_ struct state *state = NULL;
	struct diag diag = DIAG_INIT;

	put(f, CONF, "%s", "# mine\n");
	machine_open(f);
	state = new_state(f);
	assert_int_equal(edit(f, state, "cpus||isolate|8", &diag), 1);
	put(f, CONF, "%s", "# mine\n# CPUs\n[cpus]\nisolate = 8\n");
	assert_int_equal(edit(f, state, "cpus", &diag), 1);
	assert_file(f, CONF, "# mine\n# CPUs\n");
}

static void test_dev_null(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_state_ struct state *state = NULL;
	struct diag diag = DIAG_INIT;

	put(f, DROPIN, "%s", "[cpus]\nisolate = 8\n");
	put_link(f, CONF, "/dev/null");
	machine_open(f);
	state = new_state(f);
	assert_int_equal(edit(f, state, "kernel||iommu|pt", &diag), -EPERM);
	assert_string_equal(diag.file, "/" CONF);
	/* What lives elsewhere can be edited. */
	assert_int_equal(edit(f, state, "cpus||isolate|9", &diag), 1);
	assert_file(f, DROPIN, "[cpus]\nisolate = 9\n");
}

/* A record of a file that somebody removed speaks of nothing that is in the next one. */
static void test_file_was_removed(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_state_ struct state *state = NULL;
	struct diag diag = DIAG_INIT;

	put(f, CONF, "%s", "[kernel]\n");
	machine_open(f);
	state = new_state(f);
	assert_int_equal(edit(f, state, "kernel||iommu|pt", &diag), 1);
	drop(f, CONF);
	assert_int_equal(edit(f, state, "cpus||isolate|8", &diag), 1);
	assert_null(owned_find(state_owned(state, "profile:" CONF), "[kernel] iommu = pt"));
	assert_true(state_created(state, "profile:" CONF));
	assert_int_equal(edit(f, state, "cpus", &diag), 1);
	assert_file(f, CONF, NULL);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void test_vendor_is_refused(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	static const char *const sets[] = {"cpus||isolate|9", "cpus||isolate", "cpus",
					   "kernel||iommu|pt\ncpus||isolate|9"};
	_cleanup_state_ struct state *state = NULL;
	struct diag diag = DIAG_INIT;

	put(f, VENDOR, "%s", "# theirs\n[cpus]\nisolate = 8\n");
	machine_open(f);
	state = new_state(f);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		diag = DIAG_INIT;
		assert_int_equal(edit(f, state, sets[i], &diag), -EPERM);
		assert_string_equal(diag.file, "/" VENDOR);
		assert_int_equal(diag.line, 2);
		assert_mentions(diag.text, "[cpus]", "cp /" VENDOR " /etc/vfio-bootcfg.conf.d/",
				NULL);
		assert_file(f, CONF, NULL);
		assert_int_equal(count_keys(state), 0);
	}
	/* As the message says: the copy in /etc takes its place. */
	put(f, "etc/vfio-bootcfg.conf.d/10-vendor.conf", "%s", "# theirs\n[cpus]\nisolate = 8\n");
	assert_int_equal(edit(f, state, sets[0], &diag), 1);
	assert_file(f, "etc/vfio-bootcfg.conf.d/10-vendor.conf", "# theirs\n[cpus]\nisolate = 9\n");
}

static void test_nothing_to_do(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_sets_ struct profile_sets sets = {.count = 0};
	_cleanup_plan_files_ struct plan plan = {.count = 0};
	_cleanup_profile_ struct profile profile = {.memory = NULL};
	struct diag diag = DIAG_INIT;

	put(f, CONF, "%s", "[cpus]\nisolate = 8\n");
	machine_open(f);
	assert_int_equal(profile_load(&f->root, &profile, &diag), 0);
	/* Not even opened: a directory here would be an error. */
	drop(f, CONF);
	put_dir(f, CONF);
	assert_int_equal(profile_edit(&f->root, &profile, &sets, NULL, &plan, &diag), 0);
	assert_int_equal(plan.count, 0);
}

static void test_unreadable(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_sets_ struct profile_sets sets = {.count = 0};
	_cleanup_plan_files_ struct plan plan = {.count = 0};
	_cleanup_state_ struct state *state = NULL;
	struct profile profile = {.memory = NULL};
	struct diag diag = DIAG_INIT;

	put_dir(f, CONF);
	machine_open(f);
	state = new_state(f);
	parse_sets("cpus||isolate|8", &sets);
	assert_int_equal(profile_edit(&f->root, &profile, &sets, state, &plan, &diag), -EISDIR);
	assert_string_equal(diag.file, "/" CONF);
	assert_int_equal(plan.count, 0);
}

/* Two edits into one plan: the second one goes on where the first one stopped. */
static void test_twice_into_one_plan(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_sets_ struct profile_sets first = {.count = 0};
	_cleanup_sets_ struct profile_sets second = {.count = 0};
	_cleanup_plan_files_ struct plan plan = {.count = 0};
	_cleanup_profile_ struct profile profile = {.memory = NULL};
	_cleanup_state_ struct state *state = NULL;
	struct diag diag = DIAG_INIT;

	machine_open(f);
	state = new_state(f);
	parse_sets("cpus||isolate|8\nhugepages||1G|1", &first);
	parse_sets("cpus||isolate|9\nkernel||iommu|on", &second);
	assert_int_equal(profile_edit(&f->root, &profile, &first, state, &plan, &diag), 0);
	assert_int_equal(profile_edit(&f->root, &profile, &second, state, &plan, &diag), 0);
	assert_int_equal(plan.count, 1);
	carry_out(f, &plan);
	assert_file(f, CONF,
		    OPENING
		    "\n[cpus]\nisolate = 9\n\n[hugepages]\n1G = 1\n\n[kernel]\niommu = on\n");
}

/* --- the overlay ------------------------------------------------------------------------------ */

static void test_planned(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	static const char new_text[] = "[cpus]\nisolate = 8-\n";
	_cleanup_plan_files_ struct plan plan = {.count = 0};
	_cleanup_profile_ struct profile profile = {.memory = NULL};
	_cleanup_(file_free) struct file conf = {.exists = false}, dropin = {.exists = false};
	struct diag diag = DIAG_INIT;

	put(f, DROPIN, "%s", "[kernel]\niommu = on\n");
	machine_open(f);
	assert_int_equal(file_read(&f->root, CONF, &conf, &diag), 0);
	assert_int_equal(file_read(&f->root, DROPIN, &dropin, &diag), 0);
	/* A file that is not there yet, and that is wrong. */
	assert_int_equal(plan_put(&plan, PLAN_PROFILE, &conf, new_text, strlen(new_text), 0644), 0);
	assert_int_equal(profile_load_planned(&f->root, &plan, &profile, &diag), -EBADMSG);
	assert_string_equal(diag.file, "/" CONF);
	assert_int_equal(diag.line, 2);
	/* One that goes, and one that is not of the profile. */
	assert_int_equal(plan_put(&plan, PLAN_PROFILE, &conf, "", 0, 0644), 0);
	assert_int_equal(plan_put(&plan, PLAN_PROFILE, &dropin, NULL, 0, 0), 0);
	assert_int_equal(profile_load_planned(&f->root, &plan, &profile, &diag), 0);
	assert_int_equal(profile.file_count, 1);
	assert_string_equal(profile_file(&profile, 0), "/" CONF);
	assert_int_equal(profile.entry_count, 0);
}

static void test_files_in_order(void **fixture_state)
{
	struct fixture *f = *fixture_state;
	_cleanup_profile_ struct profile profile = {.memory = NULL};
	struct diag diag = DIAG_INIT;

	put(f, VENDOR, "%s", "");
	put(f, CONF, "%s", "");
	put(f, DROPIN, "%s", "");
	put_link(f, "etc/vfio-bootcfg.conf.d/20-masked.conf", "/dev/null");
	machine_open(f);
	assert_int_equal(profile_load(&f->root, &profile, &diag), 0);
	assert_int_equal(profile.file_count, 3);
	assert_string_equal(profile_file(&profile, 0), "/" VENDOR);
	assert_string_equal(profile_file(&profile, 1), "/" CONF);
	assert_string_equal(profile_file(&profile, 2), "/" DROPIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_scenes),
		cmocka_machine_test(test_forgets_all),
		cmocka_machine_test(test_hand_after_set),
		cmocka_machine_test(test_hand_between_sets),
		cmocka_machine_test(test_others_append),
		cmocka_machine_test(test_line_before_header),
		cmocka_machine_test(test_dev_null),
		cmocka_machine_test(test_file_was_removed),
		cmocka_machine_test(test_vendor_is_refused),
		cmocka_machine_test(test_nothing_to_do),
		cmocka_machine_test(test_unreadable),
		cmocka_machine_test(test_twice_into_one_plan),
		cmocka_machine_test(test_planned),
		cmocka_machine_test(test_files_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
