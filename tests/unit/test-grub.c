// SPDX-License-Identifier: GPL-2.0-or-later
/* The GRUB loader over trees of files: set, set again, unset. */
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/commit.h"
#include "bootcfg/edit.h"
#include "bootcfg/loader.h"
#include "fixture.h"

#define DROP_IN "etc/default/grub.d/zz-vfio-bootcfg.cfg"
#define MADE "# Parameters of vfio-bootcfg(8): `vfio-bootcfg unset` takes them back.\n"
#define APPEND                                                                                     \
	"GRUB_CMDLINE_LINUX_DEFAULT=\"${GRUB_CMDLINE_LINUX_DEFAULT:+$GRUB_CMDLINE_LINUX_DEFAULT }"

/* The last run's. */
static unsigned needs;
static struct diag diag;
static struct remarks remarks;
static bool changed;

/* What `set` does with the units in wanted (separated by newlines), up to the commit. */
static int run(struct fixture *f, const char *wanted, unsigned flags)
{
	_cleanup_wants_ struct wants wants = {.count = 0};
	_cleanup_setup_ struct boot_setup setup = {.count = 0};
	_cleanup_plan_files_ struct plan plan = {.count = 0};
	_cleanup_state_ struct state *state = NULL;
	struct boot_context context = {.root = &f->root, .remarks = &remarks};
	int r;

	if (!f->root.fd || f->root.fd < 0)
		machine_open(f);
	wants.items = calloc(32, sizeof(*wants.items));
	assert_non_null(wants.items);
	for (const char *at = wanted; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		wants.items[wants.count].text = strndup(at, strcspn(at, "\n"));
		wants.items[wants.count].file = strdup("/etc/vfio-bootcfg.conf");
		wants.items[wants.count++].item = "arg";
	}
	remarks_free(&remarks);
	diag = DIAG_INIT;
	assert_int_equal(state_load(&f->root, &state, &diag), 0);
	context.state = state;
	r = loader_grub.read(&context, &setup, &diag);
	if (r < 0)
		return r;
	for (size_t i = 0; i < setup.count; i++) {
		if (setup.lines[i].read_only)
			continue;
		r = line_edit(&setup.lines[i], &wants, flags, &diag);
		if (r < 0)
			return r;
	}
	r = loader_grub.plan(&context, &setup, &plan, &needs, &diag);
	if (r < 0)
		return r;
	assert_int_equal(state_plan(state, &plan, &diag), 0);
	changed = plan_changes(&plan);
	return commit_plan(&f->root, &plan, 0, &diag);
}

static void must_run(struct fixture *f, const char *wanted, unsigned flags)
{
	int r = run(f, wanted, flags);
	char text[DIAG_STR];

	if (r < 0)
		fail_msg("%s: %s: %s", wanted, strerror(-r), diag_format(&diag, text));
}

static void assert_file(const struct fixture *f, const char *path, const char *text)
{
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r = root_read_file(&f->root, path, &data, &size, NULL);

	if (!text) {
		if (r != -ENOENT)
			fail_msg("%s is there: %s", path, r ? "" : data);
		return;
	}
	if (r < 0)
		fail_msg("%s: %s", path, strerror(-r));
	if (size != strlen(text) || memcmp(data, text, size) != 0)
		fail_msg("%s is\n<%s>, not\n<%s>", path, data, text);
}

/* set gives `after` in path; the same again changes nothing; unset gives back `before`. */
static void round_trip(struct fixture *f, const char *wanted, unsigned flags, const char *path,
		       const char *before, const char *after)
{
	if (before)
		put(f, path, "%s", before);
	must_run(f, wanted, flags);
	assert_file(f, path, after);
	must_run(f, wanted, 0);
	assert_false(changed);
	must_run(f, "", 0);
	assert_file(f, path, before);
}

static void debian(struct fixture *f)
{
	put(f, "usr/sbin/grub-mkconfig",
	    "#!/bin/sh\nfor x in ${sysconfdir}/default/grub.d/*.cfg\n");
	put_link(f, "bin/sh", "dash");
}

static void elsewhere(struct fixture *f)
{
	put(f, "usr/bin/grub-mkconfig", "#!/bin/sh\n. ${sysconfdir}/default/grub\n");
	put_link(f, "usr/bin/sh", "bash");
}

#define USER "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n"

static void drop_in_is_made_and_removed(void **state)
{
	struct fixture *f = *state;

	debian(f);
	put(f, "etc/default/grub", USER);
	round_trip(f, "intel_iommu=on\niommu=pt\nhugepagesz=1G hugepages=16", 0, DROP_IN, NULL,
		   MADE
		   "# vfio-bootcfg: intel_iommu=on iommu=pt hugepagesz=1G hugepages=16\n" APPEND
		   "intel_iommu=on iommu=pt hugepagesz=1G hugepages=16\"\n");
	assert_file(f, "etc/default/grub", USER);
	assert_file(f, "var/lib/vfio-bootcfg/state", NULL);
}

static void what_is_there_is_not_ours(void **state)
{
	struct fixture *f = *state;

	debian(f);
	put(f, "etc/default/grub", "GRUB_CMDLINE_LINUX=\"iommu=pt\"\n");
	put(f, "etc/default/grub.d/10-a.cfg",
	    "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX intel_iommu=on\"\n");
	must_run(f, "intel_iommu=on\niommu=pt", 0);
	assert_false(changed);
	assert_file(f, DROP_IN, NULL);
	must_run(f, "intel_iommu=on\niommu=pt\nnohz=on", 0);
	assert_file(f, DROP_IN, MADE "# vfio-bootcfg: nohz=on\n" APPEND "nohz=on\"\n");
}

static void contradiction_is_refused_and_replaced(void **state)
{
	static const char user[] =
		"A=1 # c\nGRUB_CMDLINE_LINUX_DEFAULT='quiet isolcpus=2-5'\"\" # d\n";
	struct fixture *f = *state;

	debian(f);
	put(f, "etc/default/grub", "%s", user);
	assert_int_equal(run(f, "isolcpus=8-15", 0), -EEXIST);
	assert_string_equal(diag.file, "/etc/default/grub");
	assert_int_equal(diag.line, 2);
	must_run(f, "isolcpus=8-15\nnohz=on", EDIT_REPLACE);
	assert_file(f, "etc/default/grub",
		    "A=1 # c\nGRUB_CMDLINE_LINUX_DEFAULT='quiet isolcpus=8-15'\"\" # d\n");
	assert_file(f, DROP_IN,
		    MADE "# vfio-bootcfg replaced: isolcpus=2-5 -> isolcpus=8-15\n"
			 "# vfio-bootcfg: nohz=on\n" APPEND "nohz=on\"\n");
	must_run(f, "isolcpus=8-15\nnohz=on", 0);
	assert_false(changed);
	/* The drop-in alone is enough to take it back. */
	drop(f, "var/lib");
	must_run(f, "", 0);
	assert_file(f, "etc/default/grub", user);
	assert_file(f, DROP_IN, NULL);
}

static void later_drop_ins(void **state)
{
	struct fixture *f = *state;

	debian(f);
	put(f, "etc/default/grub", USER);
	put(f, "etc/default/grub.d/zzz.cfg",
	    "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT last\"\n");
	round_trip(f, "iommu=pt", 0, DROP_IN, NULL,
		   MADE "# vfio-bootcfg: iommu=pt\n" APPEND "iommu=pt\"\n");
	put(f, "etc/default/grub.d/zzz.cfg", "\nGRUB_CMDLINE_LINUX_DEFAULT=\"last\"\n");
	assert_int_equal(run(f, "iommu=pt", 0), -EPERM);
	assert_string_equal(diag.file, "/etc/default/grub.d/zzz.cfg");
	assert_int_equal(diag.line, 2);
	/* A replaced isolcpus is found in the file that has it. */
	put(f, "etc/default/grub.d/zzz.cfg",
	    "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT isolcpus=1\"\n");
	must_run(f, "isolcpus=2", EDIT_REPLACE);
	assert_file(f, "etc/default/grub.d/zzz.cfg",
		    "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT isolcpus=2\"\n");
	must_run(f, "", 0);
	assert_file(f, "etc/default/grub.d/zzz.cfg",
		    "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT isolcpus=1\"\n");
}

/* Elsewhere the assignment itself is edited, in the quoting that it has. */
static void in_place(void **state)
{
#define RECORD MADE "# vfio-bootcfg: iommu=pt\n"
#define V "GRUB_CMDLINE_LINUX_DEFAULT="
	static const struct {
		const char *before, *after;
	} rows[] = {
		{V "\"quiet\"\nA=1\n", V "\"quiet iommu=pt\"\nA=1\n" RECORD},
		{V "'quiet' # c\n", V "'quiet iommu=pt' # c\n" RECORD},
		{V "quiet\n", V "quiet\\ iommu=pt\n" RECORD},
		{V "\"a\"'b'\n", V "\"a\"'b iommu=pt'\n" RECORD},
		{V "\"\"\n", V "\"iommu=pt\"\n" RECORD},
		{V "\n", V "iommu=pt\n" RECORD},
		{V "\"quiet \\\n splash\"\n", V "\"quiet \\\n splash iommu=pt\"\n" RECORD},
		{V "\"quiet \"\n", V "\"quiet iommu=pt \"\n" RECORD},
		{"export " V "\"a\"; B=1\n", "export " V "\"a iommu=pt\"; B=1\n" RECORD},
		{V "a\n" V "\"$GRUB_CMDLINE_LINUX_DEFAULT b\"\n",
		 V "a\n" V "\"$GRUB_CMDLINE_LINUX_DEFAULT b iommu=pt\"\n" RECORD},
		{"A=1\n" V "\"q dyndbg=\\\"file a +p\\\"\"\n",
		 "A=1\n" V "\"q dyndbg=\\\"file a +p\\\" iommu=pt\"\n" RECORD},
		{V "\"quiet\"",
		 V "\"quiet iommu=pt\"\n# Parameters of vfio-bootcfg(8): `vfio-bootcfg unset` "
		   "takes them back.\n# vfio-bootcfg: iommu=pt"},
		{"A=1\r\n" V "\"quiet\"\r\n",
		 "A=1\r\n" V "\"quiet iommu=pt\"\r\n# Parameters of vfio-bootcfg(8): `vfio-bootcfg "
		 "unset` takes them back.\r\n# vfio-bootcfg: iommu=pt\r\n"},
		/* Nothing there that could be added to: an assignment of our own. */
		{"A=1\n", "A=1\n" RECORD APPEND "iommu=pt\"\n"},
		{"A=1",
		 "A=1\n# Parameters of vfio-bootcfg(8): `vfio-bootcfg unset` takes them back.\n"
		 "# vfio-bootcfg: iommu=pt\n" APPEND "iommu=pt\""},
		{V "\"a $(b)\"\n", V "\"a $(b)\"\n" RECORD APPEND "iommu=pt\"\n"},
		{"if x; then " V "a; fi\n", "if x; then " V "a; fi\n" RECORD APPEND "iommu=pt\"\n"},
		{"E=x\n" V "\"$E\"\n", "E=x\n" V "\"$E\"\n" RECORD APPEND "iommu=pt\"\n"},
		{"#" V "\"x\"\n", "#" V "\"x\"\n" RECORD APPEND "iommu=pt\"\n"},
	};
	struct fixture *f = *state;

	elsewhere(f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		round_trip(f, "iommu=pt", 0, "etc/default/grub", rows[i].before, rows[i].after);
}

/* A lost /var changes nothing; nor does what is written behind our comments. */
static void record_in_the_file(void **state)
{
	struct fixture *f = *state;

	elsewhere(f);
	put(f, "etc/default/grub", V "\"isolcpus=1 a\"\n");
	must_run(f, "iommu=pt\nisolcpus=2", EDIT_REPLACE);
	assert_file(f, "etc/default/grub",
		    V "\"isolcpus=2 a iommu=pt\"\n" MADE "# vfio-bootcfg replaced: isolcpus=1 -> "
		      "isolcpus=2\n# vfio-bootcfg: iommu=pt\n");
	drop(f, "var/lib");
	put(f, "etc/default/grub",
	    V "\"isolcpus=2 a iommu=pt b\"\n" MADE "# vfio-bootcfg replaced: isolcpus=1 -> "
	      "isolcpus=2\n# vfio-bootcfg: iommu=pt\nA=1\n");
	must_run(f, "", 0);
	assert_file(f, "etc/default/grub", V "\"isolcpus=1 a b\"\nA=1\n");
	put(f, "etc/default/grub", V "\"a\"\n# vfio-bootcfg replaced: x\n");
	assert_int_equal(run(f, "", 0), -EBADMSG);
	assert_int_equal(diag.line, 2);
}

static void what_grub_makes_of_it(void **state)
{
	static const struct {
		const char *text, *why;
		unsigned line;
	} refused[] = {
		{V "\"quiet # iommu=pt\"\n", "comment", 1},
		{"A=1\n" V "\"quiet; reboot\"\n", "ends the command", 2},
		{V "\"a {b}\"\n", "ends the command", 1},
		{V "\"l1\nl2\"\n", "new line", 1},
		{V "'it'\\''s'\n", "single quote", 1},
		{V "'a=\"b'\n", "double quote", 1},
		{V "'a\\'\n", "backslash", 1},
	};
	struct fixture *f = *state;

	debian(f);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		put(f, "etc/default/grub", "%s", refused[i].text);
		assert_int_equal(run(f, "iommu=pt", 0), -EBADMSG);
		assert_mentions(diag.text, refused[i].why, NULL);
		assert_int_equal(diag.line, refused[i].line);
		assert_file(f, DROP_IN, NULL);
	}
	/* `$` has to be escaped for GRUB, and then for the shell. */
	put(f, "etc/default/grub", "A=1\n");
	round_trip(f, "memmap=4G$4G\nx.dyndbg=\"file a +p; file b\"", 0, DROP_IN, NULL,
		   MADE "# vfio-bootcfg: memmap=4G$4G x.dyndbg=\"file a +p; file b\"\n" APPEND
			"memmap=4G\\\\\\$4G x.dyndbg=\\\"file a +p; file b\\\"\"\n");
	/* What is there counts as the kernel gets it. */
	put(f, "etc/default/grub", V "\"memmap=4G\\\\\\$4G 'x.dyndbg=file a'\"\n");
	must_run(f, "memmap=4G$4G\nx.dyndbg=\"file a\"", 0);
	assert_false(changed);
}

static void quote(_unused_ void **state)
{
	static const char *const good[] = {"iommu=pt",	   "hugepagesz=1G hugepages=2",
					   "memmap=4G$4G", "a.dyndbg=\"file x +p; y #z\"",
					   "\"a.b=c d\"",  "a=",
					   "a=\"\"",	   "a#b",
					   "a=(b)",	   "a=*"};
	static const char *const bad[] = {"a=b;c",	 "#a",	  "a=b'c",	"a=b\\c",
					  "a=b\"c d\"e", "a=b&c", "a|b",	"a<b",
					  "a>b",	 "a={b}", "a=\"b\tc\"", "a=\xc3\xa4"};
	struct diag why = DIAG_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (loader_grub.quote(good[i], &why) != 0)
			fail_msg("%s: %s", good[i], why.text);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (loader_grub.quote(bad[i], &why) != -EINVAL)
			fail_msg("%s passes", bad[i]);
}

#define ENTRY(title, id, args)                                                                     \
	"menuentry '" title "' --class debian $menuentry_id_option 'gnulinux-" id "' {\n"          \
	"\tinsmod gzio\n\tif [ x$grub_platform = xxen ]; then insmod xzio; fi\n"                   \
	"\tlinux\t/boot/vmlinuz-6.1.0-1 root=UUID=1-2 ro " args "\n"                               \
	"\tinitrd\t/boot/ucode.img /boot/initrd.img-6.1.0-1\n}\n"

static void grub_cfg(void **state)
{
	struct fixture *f = *state;

	debian(f);
	put(f, "etc/default/grub", USER);
	put(f, "boot/vmlinuz-6.1.0-1", "x");
	put(f, "boot/grub/grub.cfg", "%s",
	    "### BEGIN /etc/grub.d/10_linux ###\n" ENTRY(
		    "Debian", "simple-1", " quiet") "submenu 'More' {\n" ENTRY("Debian 6.1",
									       "6.1.0-1-advanced-1",
									       " quiet")
		    ENTRY("Debian rec", "6.1.0-1-recovery-1",
			  "single ") "}\n### END /etc/grub.d/10_linux ###\n"
				     "### BEGIN /etc/grub.d/30_os-prober ###\n" ENTRY(
					     "Other", "x",
					     "") "### END /etc/grub.d/30_os-prober ###\n");
	must_run(f, "", 0);
	assert_int_equal(needs, 0);
	must_run(f, "iommu=pt", 0);
	assert_int_equal(needs, NEED_REGENERATE);
	/* It is so until somebody has done it. */
	must_run(f, "iommu=pt", 0);
	assert_int_equal(needs, NEED_REGENERATE);
	put(f, "boot/grub/grub.cfg", "%s", ENTRY("Debian", "simple-1", " quiet iommu=pt"));
	must_run(f, "iommu=pt", 0);
	assert_int_equal(needs, 0);
}

static void entries_of_grub_cfg(void **state)
{
	_cleanup_setup_ struct boot_setup setup = {.count = 0};
	struct fixture *f = *state;
	struct boot_context context = {.root = &f->root, .remarks = &remarks};
	_cleanup_free_ char *text = NULL;
	const struct boot_line *line;

	grub_cfg(state);
	assert_int_equal(loader_grub.detect(&context, &diag), 1);
	assert_int_equal(loader_grub.read(&context, &setup, &diag), 0);
	assert_int_equal(setup.count, 2);
	line = &setup.lines[1];
	text = boot_line_text(line);
	assert_string_equal(text, "root=UUID=1-2 ro quiet iommu=pt");
	assert_true(line->read_only);
	assert_string_equal(line->file, "/boot/grub/grub.cfg");
	assert_string_equal(line->title, "Debian");
	assert_string_equal(line->kernel, "6.1.0-1");
	assert_string_equal(line->initrd, "boot/initrd.img-6.1.0-1");
	assert_int_equal(line->prefix, strlen("BOOT_IMAGE=/boot/vmlinuz-6.1.0-1 ") - 1);
}

/* Which kind of GRUB an image has, by its files. */
static void kinds(void **state)
{
	struct fixture *f = *state;

	/* Without a grub-mkconfig the directory tells. */
	put(f, "etc/default/grub", USER);
	put_dir(f, "etc/default/grub.d");
	must_run(f, "iommu=pt", 0);
	assert_file(f, "etc/default/grub", USER);
	must_run(f, "", 0);
	/* One that does not read it counts more. */
	elsewhere(f);
	must_run(f, "iommu=pt", 0);
	assert_file(f, DROP_IN, NULL);
	must_run(f, "", 0);
	assert_file(f, "etc/default/grub", USER);
	/* dash has no `+=`, bash has. */
	put(f, "etc/default/grub", "A=1\n" V "a\n" V "b\nA+=c\n");
	must_run(f, "iommu=pt", 0);
	drop(f, "usr/bin/sh");
	put_link(f, "usr/bin/sh", "/usr/bin/dash");
	assert_int_equal(run(f, "", 0), -EBADMSG);
	assert_int_equal(diag.line, 4);
	assert_mentions(diag.text, "127", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(drop_in_is_made_and_removed),
		cmocka_machine_test(what_is_there_is_not_ours),
		cmocka_machine_test(contradiction_is_refused_and_replaced),
		cmocka_machine_test(later_drop_ins),
		cmocka_machine_test(in_place),
		cmocka_machine_test(record_in_the_file),
		cmocka_machine_test(what_grub_makes_of_it),
		cmocka_unit_test(quote),
		cmocka_machine_test(grub_cfg),
		cmocka_machine_test(entries_of_grub_cfg),
		cmocka_machine_test(kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
