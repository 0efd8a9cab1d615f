// SPDX-License-Identifier: GPL-2.0-or-later
/* The record of a boot: written, read back, updated by late cards. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "early/record.h"
#include "tests/unit/fixture.h"

/* --- plans by hand ----------------------------------------------------------------------------- */

static struct profile_device sections[] = {
	{.name = "gpu"},
	{.name = "gpu2"},
	{.name = "g"},
	{.name = "nic.a_b-c"},
};

static struct pci_dev devs[] = {
	{.addr = {0, 1, 0, 0}, .driver = "bochs-drm", .group = 6},
	{.addr = {0, 1, 0, 1}, .driver = "snd_hda_intel", .group = PCI_GROUP_NONE},
	{.addr = {0x10000, 0xe1, 0x1f, 7}, .driver = "", .group = PCI_GROUP_UNREAD},
};

static struct claim_target target_of(int section, int dev, enum claim_reason reason,
				     const char *text)
{
	struct claim_target target = {.section = &sections[section], .reason = reason};

	if (dev >= 0)
		target.dev = &devs[dev];
	if (reason != CLAIM_OK)
		target.error = EBUSY;
	snprintf(target.text, sizeof(target.text), "%s", text);
	snprintf(target.driver_after, sizeof(target.driver_after), "%s",
		 reason == CLAIM_OK ? "vfio-pci" : "bochs-drm");
	return target;
}

static struct record_head head_of(const char *result, const char *reason, const char *text)
{
	struct record_head head = {
		.result = result,
		.reason = reason,
		.error = 0,
		.started_us = 12345678901234,
		.overrides_us = 1,
		.verified_us = 2,
		.elapsed_us = 987654321098,
	};

	snprintf(head.text, sizeof(head.text), "%s", text);
	return head;
}

static void update(struct fixture *f, struct claim_target target)
{
	struct claim_plan plan = {.targets = &target, .count = 1};

	assert_int_equal(record_update(&f->root, &plan), 0);
}

/* The record's claims, one line each: NAME ADDRESS RESULT REASON. */
static void assert_claims(struct fixture *f, const char *expected)
{
	struct record record;
	char buf[1024] = "";
	size_t len = 0;

	assert_int_equal(record_read(&f->root, &record), 0);
	for (size_t i = 0; i < record.count; i++) {
		const struct record_claim *claim = &record.claims[i];

		len += (size_t)snprintf(buf + len, sizeof(buf) - len, "%s %s %s %s\n", claim->name,
					claim->address[0] ? claim->address : "-", claim->result,
					claim->reason);
		assert_true(len < sizeof(buf));
	}
	record_free(&record);
	assert_string_equal(buf, expected);
}

static char *read_text(struct fixture *f)
{
	char *text;
	size_t size;

	assert_int_equal(root_read_file(&f->root, RECORD_PATH, &text, &size, NULL), 0);
	return text;
}

static int setup(void **state)
{
	int r = fixture_setup(state);

	if (r < 0)
		return r;
	put_bytes(*state, ".vfio-machine", "", 0);
	machine_open(*state);
	return 0;
}

#define record_test(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

/* --- writing and reading ----------------------------------------------------------------------- */

static void test_whole(void **state)
{
	struct fixture *f = *state;
	struct record_head head = head_of("done", "ok", "two of three");
	struct claim_target targets[] = {
		target_of(0, 0, CLAIM_OK, ""),
		target_of(1, 2, CLAIM_BIND_FAILED, "10000:e1:1f.7: vfio-pci refused it"),
		target_of(3, -1, CLAIM_NOT_FOUND, "no such card"),
	};
	const struct claim_plan plan = {.targets = targets, .count = ARRAY_SIZE(targets)};
	struct record record;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	mode_t mask = umask(022);

	assert_int_equal(record_write(&f->root, &head, &plan), 0);
	umask(mask);
	assert_int_equal(stat(path_in(f, RECORD_PATH), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644); /* vfio-device list is for everybody */

	assert_int_equal(record_read(&f->root, &record), 0);
	assert_string_equal(record.result, "done");
	assert_string_equal(record.reason, "ok");
	assert_string_equal(record.text, "two of three");
	assert_int_equal(record.elapsed_us, 987654321098);
	assert_int_equal(record.count, 3);
	assert_string_equal(record.claims[0].name, "gpu");
	assert_string_equal(record.claims[0].address, "0000:01:00.0");
	assert_string_equal(record.claims[0].text, "");
	assert_string_equal(record.claims[0].driver_before, "bochs-drm");
	assert_string_equal(record.claims[1].address, "10000:e1:1f.7");
	assert_string_equal(record.claims[1].text, "10000:e1:1f.7: vfio-pci refused it");
	assert_string_equal(record.claims[1].driver_before, "");
	assert_string_equal(record.claims[2].name, "nic.a_b-c");
	assert_string_equal(record.claims[2].address, "");
	record_free(&record);
	assert_null(record.claims);
	assert_claims(f, "gpu 0000:01:00.0 claimed claimed\n"
			 "gpu2 10000:e1:1f.7 failed bind-failed\n"
			 "nic.a_b-c - skipped not-found\n");

	/* Other people's programs read these. */
	text = read_text(f);
	assert_mentions(
		text, "\n[early]\nversion = " VERSION "\nresult = done\nreason = ok\nerrno = 0\n",
		"\nstarted-us = 12345678901234\noverrides-us = 1\nverified-us = 2\n"
		"elapsed-us = 987654321098\n",
		"\n[claim gpu 0000:01:00.0]\nresult = claimed\nreason = claimed\nerrno = 0\n",
		"\ndriver-before = \"bochs-drm\"\ndriver = \"vfio-pci\"\ngroup = 6\n",
		"\n[claim nic.a_b-c]\n", "\nerrno = 16\n", NULL);
	assert_null(strstr(text, "group = -"));
}

/* Which reasons are a failure and which a decision. */
static void test_results(void **state)
{
	static const enum claim_reason failed[] = {CLAIM_NO_MODULE, CLAIM_OVERRIDE_FAILED,
						   CLAIM_BIND_FAILED, CLAIM_TIMEOUT,
						   CLAIM_VANISHED};
	struct fixture *f = *state;

	for (int reason = 0; reason < CLAIM_REASONS; reason++) {
		const char *result = reason == CLAIM_OK ? "claimed" : "skipped";
		char expected[128];

		for (size_t i = 0; i < ARRAY_SIZE(failed); i++)
			if (reason == (int)failed[i])
				result = "failed";
		update(f, target_of(0, 0, (enum claim_reason)reason, "x"));
		snprintf(expected, sizeof(expected), "gpu 0000:01:00.0 %s %s\n", result,
			 claim_reason_word((enum claim_reason)reason));
		assert_claims(f, expected);
	}
}

static void test_no_plan(void **state)
{
	struct fixture *f = *state;
	struct record_head head = head_of("off", "rescue", "single");
	struct record record;

	assert_int_equal(record_write(&f->root, &head, NULL), 0);
	assert_int_equal(record_read(&f->root, &record), 0);
	assert_string_equal(record.result, "off");
	assert_string_equal(record.reason, "rescue");
	assert_int_equal(record.count, 0);
	record_free(&record);
}

static const struct {
	const char *text;
	const char *read;
} texts[] = {
	{"", ""},
	{"plain", "plain"},
	{"a \"quoted\" word", "a 'quoted' word"},
	{"\"", "'"},
	{"\"all of it\"", "'all of it'"},
	{"  blanks around  ", "  blanks around  "},
	{"# no comment ; either # ", "# no comment ; either # "},
	{"[claim gpu]", "[claim gpu]"},
	{"result = claimed", "result = claimed"},
	{"one\nresult = claimed\n[claim x]", "one?result = claimed?[claim x]"},
	{"cr\r\n", "cr??"},
	{"tab\tand \x1b[31mred\x1b[0m\x07\x7f", "tab?and ?[31mred?[0m??"},
	{"gr\xc3\xb6\xc3\x9f \x9b", "gr???? ?"},
	{"back\\slash \\\" 'x'", "back\\slash \\' 'x'"},
	{"%s %n %%", "%s %n %%"},
};

static void test_texts(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct record_head head = head_of("failed", "bad-profile", texts[i].text);
		struct claim_target target = target_of(0, 0, CLAIM_TIMEOUT, texts[i].text);
		const struct claim_plan plan = {.targets = &target, .count = 1};
		struct record record;

		assert_int_equal(record_write(&f->root, &head, &plan), 0);
		assert_int_equal(record_read(&f->root, &record), 0);
		assert_string_equal(record.text, texts[i].read);
		assert_int_equal(record.count, 1);
		assert_string_equal(record.claims[0].text, texts[i].read);
		assert_string_equal(record.claims[0].result, "failed");
		record_free(&record);
	}
}

/* The longest that there are: nothing is cut on the way. */
static void test_long_texts(void **state)
{
	struct fixture *f = *state;
	struct record_head head = head_of("done", "ok", "");
	struct claim_target target = target_of(0, 0, CLAIM_TIMEOUT, "");
	const struct claim_plan plan = {.targets = &target, .count = 1};
	char name[PROFILE_NAME_MAX + 1];
	struct record record;

	memset(name, 'n', PROFILE_NAME_MAX);
	name[PROFILE_NAME_MAX] = '\0';
	sections[0].name = name;
	memset(head.text, 'h', sizeof(head.text) - 1);
	memset(target.text, 't', sizeof(target.text) - 1);
	assert_int_equal(record_write(&f->root, &head, &plan), 0);
	sections[0].name = "gpu";
	assert_int_equal(record_read(&f->root, &record), 0);
	assert_string_equal(record.text, head.text);
	assert_string_equal(record.claims[0].text, target.text);
	assert_string_equal(record.claims[0].name, name);
	assert_string_equal(record.claims[0].address, "0000:01:00.0");
	record_free(&record);
}

/* --- late cards -------------------------------------------------------------------------------- */

static void test_update(void **state)
{
	struct fixture *f = *state;
	struct record_head head = head_of("done", "ok", "kept");
	struct claim_target targets[] = {
		target_of(0, 0, CLAIM_NO_IOMMU_GROUP, "was"),
		target_of(0, 1, CLAIM_SIBLING, "was"),
		target_of(1, 2, CLAIM_OK, ""),
		target_of(2, -1, CLAIM_NOT_FOUND, "none"),
	};
	const struct claim_plan plan = {.targets = targets, .count = ARRAY_SIZE(targets)};
	struct claim_target late[2];
	struct claim_plan late_plan = {.targets = late, .count = 2};
	struct record record;
	_cleanup_free_ char *first = NULL, *second = NULL;

	assert_int_equal(record_write(&f->root, &head, &plan), 0);
	late[0] = target_of(0, 0, CLAIM_OK, "");
	late[1] = target_of(0, 1, CLAIM_OK, "");
	assert_int_equal(record_update(&f->root, &late_plan), 0);
	/* gpu2 and g are no gpu, though they begin alike. */
	assert_claims(f, "gpu2 10000:e1:1f.7 claimed claimed\ng - skipped not-found\n"
			 "gpu 0000:01:00.0 claimed claimed\ngpu 0000:01:00.1 claimed claimed\n");
	assert_int_equal(record_read(&f->root, &record), 0);
	assert_string_equal(record.text, "kept");
	assert_int_equal(record.elapsed_us, 987654321098);
	record_free(&record);

	/* The same again changes nothing: no line grows with each event. */
	first = read_text(f);
	assert_null(strstr(first, "was"));
	assert_int_equal(record_update(&f->root, &late_plan), 0);
	second = read_text(f);
	assert_string_equal(first, second);

	/* [claim g] is replaced by the card that is found now. */
	update(f, target_of(2, 0, CLAIM_OK, ""));
	assert_claims(f, "gpu2 10000:e1:1f.7 claimed claimed\n"
			 "gpu 0000:01:00.0 claimed claimed\ngpu 0000:01:00.1 claimed claimed\n"
			 "g 0000:01:00.0 claimed claimed\n");
	/* A plan that speaks of nothing. */
	late_plan.count = 0;
	assert_int_equal(record_update(&f->root, &late_plan), 0);
	assert_claims(f, "gpu2 10000:e1:1f.7 claimed claimed\n"
			 "gpu 0000:01:00.0 claimed claimed\ngpu 0000:01:00.1 claimed claimed\n"
			 "g 0000:01:00.0 claimed claimed\n");
}

/* A card came late where the boot has left no record. */
static void test_update_without_record(void **state)
{
	struct fixture *f = *state;
	struct record record;

	update(f, target_of(0, 0, CLAIM_OK, ""));
	assert_claims(f, "gpu 0000:01:00.0 claimed claimed\n");
	assert_int_equal(record_read(&f->root, &record), 0);
	assert_string_equal(record.result, "done");
	assert_string_equal(record.reason, "late");
	record_free(&record);
}

/* Sections that a later version may write are kept, and passed over by this one. */
static void test_other_sections(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *text = NULL;

	put(f, RECORD_PATH,
	    "[early]\nresult = done\nnew-key = 1\n\n[pool 1G]\nresult = short\nwanted = 16\n\n"
	    "[claim gpu 0000:09:00.0]\nresult = failed\nreason = timeout\n\n[claimant gpu]\n"
	    "result = x\n\n[claim gpu2]\nresult = skipped\nreason = not-found\nnew-key = 2\n");
	assert_claims(f, "gpu 0000:09:00.0 failed timeout\ngpu2 - skipped not-found\n");
	update(f, target_of(0, 0, CLAIM_OK, ""));
	assert_claims(f, "gpu2 - skipped not-found\ngpu 0000:01:00.0 claimed claimed\n");
	text = read_text(f);
	assert_mentions(text, "new-key = 1\n\n[pool 1G]\nresult = short\nwanted = 16\n",
			"\n[claimant gpu]\nresult = x\n", "new-key = 2\n", NULL);
}

/* --- what cannot be read or written ------------------------------------------------------------ */

static void assert_unreadable(struct fixture *f, int error)
{
	struct record record = {.count = 77};

	assert_int_equal(record_read(&f->root, &record), error);
	assert_int_equal(record.count, 77);
}

static void test_unreadable(void **state)
{
	static const char *const bad[] = {
		"result = done\n",	     "[early\n",
		"[early]\nresult\n",	     "[early]\ntext = \"open\n",
		"[early]\nre\x01sult = x\n",
	};
	struct fixture *f = *state;

	assert_unreadable(f, -ENOENT);
	put_bytes(f, RECORD_PATH, "", 0);
	assert_claims(f, "");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put(f, RECORD_PATH, "%s[claim gpu]\nresult = claimed\n", bad[i]);
		assert_unreadable(f, -EBADMSG);
	}
	put_bytes(f, RECORD_PATH, "[early]\nresult = \0done\n", 23);
	assert_unreadable(f, -EBADMSG);
	drop(f, RECORD_PATH);
	put_dir(f, RECORD_PATH);
	assert_unreadable(f, -EISDIR);
	drop(f, RECORD_PATH);
	assert_int_equal(mkfifo(path_in(f, RECORD_PATH), 0644), 0);
	alarm(20);
	assert_unreadable(f, -ENOTSUP);
	alarm(0);
}

/* Values that are longer than any that we write are cut, not written past their field. */
static void test_foreign_values(void **state)
{
	struct fixture *f = *state;
	char longest[901];
	struct record record;

	memset(longest, 'v', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	put(f, RECORD_PATH,
	    "[early]\nresult = %.99s\nreason = %.99s\ntext = %s\nelapsed-us = -1\n[claim %.500s "
	    "%.300s x]\n"
	    "result = %.200s\nreason = %.200s\ntext = %.900s\ndriver-before = %.200s\n",
	    longest, longest, longest, longest, longest, longest, longest, longest, longest);
	assert_int_equal(record_read(&f->root, &record), 0);
	assert_int_equal(strlen(record.result), sizeof(record.result) - 1);
	assert_int_equal(strlen(record.text), sizeof(record.text) - 1);
	assert_int_equal(record.count, 1);
	assert_int_equal(strlen(record.claims[0].name), sizeof(record.claims[0].name) - 1);
	assert_int_equal(strlen(record.claims[0].reason), sizeof(record.claims[0].reason) - 1);
	assert_int_equal(strlen(record.claims[0].driver_before),
			 sizeof(record.claims[0].driver_before) - 1);
	record_free(&record);
}

static void test_unwritable(void **state)
{
	struct fixture *f = *state;
	struct record_head head = head_of("done", "ok", "");
	struct claim_target target = target_of(0, 0, CLAIM_OK, "");
	const struct claim_plan plan = {.targets = &target, .count = 1};

	put_dir(f, RECORD_PATH);
	assert_int_equal(record_write(&f->root, &head, NULL), -EISDIR);
	assert_int_equal(record_update(&f->root, &plan), -EISDIR);
	/* What is no record is not replaced by a late card's. */
	drop(f, RECORD_PATH);
	assert_int_equal(mkfifo(path_in(f, RECORD_PATH), 0644), 0);
	assert_int_equal(record_update(&f->root, &plan), -ENOTSUP);
	drop(f, RECORD_DIR);
	put(f, RECORD_DIR, "in the way\n");
	assert_int_equal(record_write(&f->root, &head, NULL), -ENOTDIR);
	drop(f, "run");
	/* An image's /run is nobody's. */
	drop(f, ".vfio-machine");
	machine_open(f);
	assert_int_equal(record_write(&f->root, &head, NULL), -EXDEV);
	assert_unreadable(f, -EXDEV);
	assert_int_equal(access(path_in(f, "run"), F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		record_test(test_whole),
		record_test(test_results),
		record_test(test_no_plan),
		record_test(test_texts),
		record_test(test_long_texts),
		record_test(test_update),
		record_test(test_update_without_record),
		record_test(test_other_sections),
		record_test(test_unreadable),
		record_test(test_foreign_values),
		record_test(test_unwritable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
