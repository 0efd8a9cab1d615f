// SPDX-License-Identifier: GPL-2.0-or-later
/* What sysctl.d and modprobe.d still say, and whether it counts against the profile. */
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/policy.h"
#include "early/text.h"
#include "tests/unit/fixture.h"

#define PAGES "[hugepages]\n2M = 512\n"
#define DEVICE "[device gpu]\nid = 1002:73bf\naddress = 0000:0b:00.0\n"

/* All that is found, a line each: "FILE:LINE TEXT", `!` in front of what contradicts. */
static int find(struct fixture *f, const char *profile, struct text *ret, struct diag *diag)
{
	_cleanup_leftovers_ struct leftovers leftovers = {.count = 0};
	_cleanup_profile_ struct profile own = {.file_count = 0};
	_cleanup_host_ struct host host = {.cpus = 0};
	int r;

	if (!f->root.fd || f->root.fd == -1)
		machine_open(f);
	assert_int_equal(profile_parse_text(profile, strlen(profile), "/p", &own, diag), 0);
	assert_int_equal(host_load(&f->root, &host), 0);
	r = policy_leftovers(&f->root, &own, &host, &leftovers, diag);
	text_add(ret, "%s", "");
	for (size_t i = 0; i < leftovers.count; i++)
		text_add(ret, "%s%s:%u %s\n", leftovers.items[i].contradicts ? "!" : "",
			 leftovers.items[i].file, leftovers.items[i].line, leftovers.items[i].text);
	assert_int_equal(ret->error, 0);
	return r;
}

static void found(struct fixture *f, const char *profile, const char *wanted)
{
	_cleanup_text_ struct text text = {.error = 0};
	struct diag diag = DIAG_INIT;

	assert_int_equal(find(f, profile, &text, &diag), 0);
	assert_string_equal(text.data, wanted);
}

/* --- sysctl.d --------------------------------------------------------------------------------- */

static void nothing_is_there(void **state)
{
	found(*state, PAGES DEVICE, "");
}

static void another_count_contradicts(void **state)
{
	struct fixture *f = *state;

	put(f, "etc/sysctl.d/10-x.conf", "# pages\n\nvm.nr_hugepages = 1024\n");
	found(f, PAGES, "!/etc/sysctl.d/10-x.conf:3 vm.nr_hugepages = 1024\n");
	/* Nodes are summed up. */
	found(f, "[hugepages]\n2M = 0:512,1:512\n", "");
	found(f, "[hugepages]\n2M = 1024\n", "");
	/* Pools that the profile does not speak of are the user's own. */
	found(f, "[hugepages]\n1G = 4\n", "");
	found(f, "[cpus]\nisolate = 1\n", "");
	/* The default pool is another one by args. */
	found(f, "[hugepages]\n1G = 4\n[kernel]\nargs = default_hugepagesz=1G\n",
	      "!/etc/sysctl.d/10-x.conf:3 vm.nr_hugepages = 1024\n");
	found(f, PAGES "[kernel]\nargs = default_hugepagesz=1G\n", "");
}

static void the_running_kernel_says_which_pool(void **state)
{
	struct fixture *f = *state;

	put(f, ".vfio-machine", "\n");
	put(f, "proc/meminfo", "Hugepagesize:    1048576 kB\n");
	put(f, "etc/sysctl.d/10-x.conf", "vm.nr_hugepages=7\n");
	found(f, "[hugepages]\n1G = 4\n", "!/etc/sysctl.d/10-x.conf:1 vm.nr_hugepages=7\n");
	found(f, PAGES, "");
	found(f, PAGES "[kernel]\nargs = default_hugepagesz=2M\n",
	      "!/etc/sysctl.d/10-x.conf:1 vm.nr_hugepages=7\n");
}

static void spellings(void **state)
{
	static const struct {
		const char *line;
		bool counts;
	} rows[] = {
		{"vm.nr_hugepages=7", true},
		{"vm/nr_hugepages = 7", true},
		{"  -vm.nr_hugepages\t=\t7  ", true},
		{"vm.nr_hugepages = 0x7", true},
		{"vm.nr_hugepages = 7\r", true},
		{"#vm.nr_hugepages = 7", false},
		{"; vm.nr_hugepages = 7", false},
		{"vm.nr_hugepages", false},
		{"-vm.nr_hugepages", false},
		{"vm.nr_hugepages =", false},
		{"vm.nr_hugepages = many", false},
		{"vm.nr_hugepages = -7", false},
		{"vm.nr_hugepages = 7 8", false},
		{"vm.nr_hugepages = 99999999999999999999999999999999999", false},
		{"vm.nr_hugepages_mempolicy = 7", false},
		{"vm.nr_overcommit_hugepages = 7", false},
		{"xvm.nr_hugepages = 7", false},
		{"vm_nr_hugepages = 7", false},
		{"=7", false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_text_ struct text text = {.error = 0};
		struct diag diag = DIAG_INIT;

		put(f, "etc/sysctl.d/x.conf", "%s\n", rows[i].line);
		assert_int_equal(find(f, PAGES, &text, &diag), 0);
		if (!!text.size != rows[i].counts)
			print_error("`%s`\n", rows[i].line);
		assert_int_equal(!!text.size, rows[i].counts);
		/* Also where the file ends without a newline. */
		put(f, "etc/sysctl.d/x.conf", "%s", rows[i].line);
		text.size = 0;
		assert_int_equal(find(f, PAGES, &text, &diag), 0);
		assert_int_equal(!!text.size, rows[i].counts);
	}
}

static void the_last_one_wins(void **state)
{
	struct fixture *f = *state;

	/* By name, in whatever directory. */
	put(f, "etc/sysctl.d/10-a.conf", "vm.nr_hugepages = 1\n");
	put(f, "usr/lib/sysctl.d/20-b.conf", "vm.nr_hugepages = 512\n");
	found(f, PAGES, "");
	put(f, "usr/local/lib/sysctl.d/30-c.conf", "vm.nr_hugepages = 3\nvm.nr_hugepages = 4\n");
	put(f, "etc/sysctl.d/40-d.conf", "vm.nr_hugepages = 5\n");
	found(f, PAGES,
	      "!/usr/local/lib/sysctl.d/30-c.conf:1 vm.nr_hugepages = 3\n"
	      "!/usr/local/lib/sysctl.d/30-c.conf:2 vm.nr_hugepages = 4\n"
	      "!/etc/sysctl.d/40-d.conf:1 vm.nr_hugepages = 5\n");
	/* Last of all: what `sysctl --system` of procps reads after the rest. */
	put(f, "etc/sysctl.conf", "vm.nr_hugepages = 512\n");
	found(f, PAGES, "");
	put(f, "etc/sysctl.conf", "vm.nr_hugepages = 6\n");
	put(f, "etc/sysctl.d/40-d.conf", "vm.nr_hugepages = 512\n");
	found(f, PAGES, "!/etc/sysctl.conf:1 vm.nr_hugepages = 6\n");
}

static void a_name_in_etc_masks(void **state)
{
	struct fixture *f = *state;

	put(f, "usr/lib/sysctl.d/50-x.conf", "vm.nr_hugepages = 1\n");
	put(f, "lib/sysctl.d/50-x.conf", "vm.nr_hugepages = 2\n");
	found(f, PAGES, "!/usr/lib/sysctl.d/50-x.conf:1 vm.nr_hugepages = 1\n");
	put(f, "usr/local/lib/sysctl.d/50-x.conf", "# nothing\n");
	found(f, PAGES, "");
	drop(f, "usr/local");
	/* In an image there is no /dev/null. */
	put_link(f, "etc/sysctl.d/50-x.conf", "/dev/null");
	found(f, PAGES, "");
	put(f, "etc/sysctl.d/50-x.conf.bak", "vm.nr_hugepages = 3\n");
	put(f, "etc/sysctl.d/.hidden.conf", "vm.nr_hugepages = 3\n");
	found(f, PAGES, "");
}

static void run_is_read_on_a_machine_only(void **state)
{
	struct fixture *f = *state;

	put(f, "run/sysctl.d/x.conf", "vm.nr_hugepages = 1\n");
	found(f, PAGES, "");
	put(f, ".vfio-machine", "\n");
	machine_open(f);
	found(f, PAGES, "!/run/sysctl.d/x.conf:1 vm.nr_hugepages = 1\n");
}

/* Debian's way to have /etc/sysctl.conf read: one file, listed once, in the link's place. */
static void sysctl_conf_has_a_link(void **state)
{
	struct fixture *f = *state;

	put(f, "etc/sysctl.conf", "vm.nr_hugepages = 1\n");
	put_link(f, "etc/sysctl.d/99-sysctl.conf", "../sysctl.conf");
	found(f, PAGES, "!/etc/sysctl.conf:1 vm.nr_hugepages = 1\n");
	put(f, "etc/sysctl.d/99-z.conf", "vm.nr_hugepages = 512\n");
	found(f, PAGES, "");
	put_link(f, "etc/sysctl.d/zz.conf", "/etc/sysctl.conf");
	found(f, PAGES, "!/etc/sysctl.conf:1 vm.nr_hugepages = 1\n");
}

static void what_is_no_file_is_passed_over(void **state)
{
	struct fixture *f = *state;
	_cleanup_text_ struct text text = {.error = 0};
	struct diag diag = DIAG_INIT;

	put_dir(f, "etc/sysctl.d/a.conf");
	put_link(f, "etc/sysctl.d/b.conf", "b.conf");
	put_link(f, "etc/sysctl.d/c.conf", "nowhere");
	put_link(f, "etc/sysctl.d/d.conf", "/proc/self/environ");
	assert_int_equal(mkfifo(path_in(f, "etc/sysctl.d/e.conf"), 0644), 0);
	put(f, "etc/sysctl.d/f.conf", "vm.nr_hugepages = 1\n");
	put_bytes(f, "etc/sysctl.d/g.conf", "x\0vm.nr_hugepages = 9\n\0", 24);
	put_bytes(f, "etc/sysctl.d/h.conf", "", 0);
	found(f, PAGES, "!/etc/sysctl.d/f.conf:1 vm.nr_hugepages = 1\n");
	/* A directory that is none is an error, not silence. */
	drop(f, "etc/sysctl.d");
	put_link(f, "etc/sysctl.d", "sysctl.d");
	assert_int_equal(find(f, PAGES, &text, &diag), -ELOOP);
	assert_string_equal(diag.file, "/etc/sysctl.d");
}

/* --- modprobe.d ------------------------------------------------------------------------------- */

static void what_older_guides_wrote(void **state)
{
	struct fixture *f = *state;

	put(f, "etc/modprobe.d/vfio.conf",
	    "# vfio\noptions vfio-pci ids=1002:73bf disable_vga=1\nsoftdep amdgpu pre: vfio-pci\n"
	    "softdep snd_hda_intel pre: vfio_pci\nsoftdep drm post: x\nblacklist amdgpu\n"
	    "blacklist snd-hda-intel\nblacklist nouveau\nblacklist pcspkr\n"
	    "options vfio_iommu_type1 allow_unsafe_interrupts=1\noptions vfio-pci disable_vga=1\n"
	    "install vfio-pci /usr/sbin/override.sh\nalias pci:v00001002d000073BF* vfio-pci\n"
	    "options pci-stub ids=1002:73bf\n  blacklist\tradeon\r\nblacklist amdgpux\n");
	found(f, DEVICE,
	      "/etc/modprobe.d/vfio.conf:2 options vfio-pci ids=1002:73bf disable_vga=1\n"
	      "/etc/modprobe.d/vfio.conf:3 softdep amdgpu pre: vfio-pci\n"
	      "/etc/modprobe.d/vfio.conf:4 softdep snd_hda_intel pre: vfio_pci\n"
	      "/etc/modprobe.d/vfio.conf:6 blacklist amdgpu\n"
	      "/etc/modprobe.d/vfio.conf:7 blacklist snd-hda-intel\n"
	      "/etc/modprobe.d/vfio.conf:12 install vfio-pci /usr/sbin/override.sh\n"
	      "/etc/modprobe.d/vfio.conf:13 alias pci:v00001002d000073BF* vfio-pci\n"
	      "/etc/modprobe.d/vfio.conf:14 options pci-stub ids=1002:73bf\n"
	      "/etc/modprobe.d/vfio.conf:15 blacklist radeon\n");
	/* Without a [device] they may be how this host does it. */
	found(f, PAGES, "");
	found(f, "[device gpu]\nid = 10de:1b80\naddress = 0b:00.0\n",
	      "!/etc/modprobe.d/vfio.conf:2 options vfio-pci ids=1002:73bf disable_vga=1\n"
	      "/etc/modprobe.d/vfio.conf:3 softdep amdgpu pre: vfio-pci\n"
	      "/etc/modprobe.d/vfio.conf:4 softdep snd_hda_intel pre: vfio_pci\n"
	      "/etc/modprobe.d/vfio.conf:7 blacklist snd-hda-intel\n"
	      "/etc/modprobe.d/vfio.conf:8 blacklist nouveau\n"
	      "/etc/modprobe.d/vfio.conf:12 install vfio-pci /usr/sbin/override.sh\n"
	      "/etc/modprobe.d/vfio.conf:13 alias pci:v00001002d000073BF* vfio-pci\n"
	      "!/etc/modprobe.d/vfio.conf:14 options pci-stub ids=1002:73bf\n");
}

static void packages_lines_count_only_where_they_contradict(void **state)
{
	struct fixture *f = *state;

	put(f, "usr/lib/modprobe.d/a.conf", "blacklist amdgpu\noptions vfio-pci ids=1002:73bf\n");
	put(f, "usr/lib/modprobe.d/b.conf", "options vfio-pci ids=1002:73bf,10de:1b80\n");
	found(f, DEVICE,
	      "!/usr/lib/modprobe.d/b.conf:1 options vfio-pci ids=1002:73bf,10de:1b80\n");
	put(f, "etc/modprobe.d/b.conf", "\n");
	found(f, DEVICE, "");
}

static void lines_go_on(void **state)
{
	struct fixture *f = *state;

	put(f, "etc/modprobe.d/a.conf",
	    "options vfio-pci \\\n disable_vga=1 \\\n ids=10de:1b80\n# blacklist \\\nblacklist "
	    "amdgpu\n"
	    "blacklist radeon\\");
	found(f, DEVICE,
	      "!/etc/modprobe.d/a.conf:1 options vfio-pci \\  disable_vga=1 \\  ids=10de:1b80\n"
	      "/etc/modprobe.d/a.conf:6 blacklist radeon\\\n");
}

static void quotes_are_no_part_of_ids(void **state)
{
	struct fixture *f = *state;

	put(f, "etc/modprobe.d/a.conf",
	    "options vfio-pci ids=\"1002:73bf\"\noptions vfio-pci ids='1002:73bf'\n"
	    "options vfio-pci \"ids=1002:73bf\"\noptions vfio-pci ids=\n");
	found(f, DEVICE,
	      "/etc/modprobe.d/a.conf:1 options vfio-pci ids=\"1002:73bf\"\n"
	      "/etc/modprobe.d/a.conf:2 options vfio-pci ids='1002:73bf'\n"
	      "/etc/modprobe.d/a.conf:3 options vfio-pci \"ids=1002:73bf\"\n"
	      "/etc/modprobe.d/a.conf:4 options vfio-pci ids=\n");
}

static void on_a_machine_the_cards_are_looked_at(void **state)
{
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	put(f, "etc/modprobe.d/a.conf", "options vfio-pci ids=1002:73bf,1002:ab28\n");
	found(f, DEVICE, "/etc/modprobe.d/a.conf:1 options vfio-pci ids=1002:73bf,1002:ab28\n");
	put(f, "etc/modprobe.d/a.conf", "options vfio-pci ids=1002:73bf,1002:67df\n");
	found(f, DEVICE, "!/etc/modprobe.d/a.conf:1 options vfio-pci ids=1002:73bf,1002:67df\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(nothing_is_there),
		cmocka_machine_test(another_count_contradicts),
		cmocka_machine_test(the_running_kernel_says_which_pool),
		cmocka_machine_test(spellings),
		cmocka_machine_test(the_last_one_wins),
		cmocka_machine_test(a_name_in_etc_masks),
		cmocka_machine_test(run_is_read_on_a_machine_only),
		cmocka_machine_test(sysctl_conf_has_a_link),
		cmocka_machine_test(what_is_no_file_is_passed_over),
		cmocka_machine_test(what_older_guides_wrote),
		cmocka_machine_test(packages_lines_count_only_where_they_contradict),
		cmocka_machine_test(lines_go_on),
		cmocka_machine_test(quotes_are_no_part_of_ids),
		cmocka_machine_test(on_a_machine_the_cards_are_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
