// SPDX-License-Identifier: GPL-2.0-or-later
/* What a profile means on a command line, by CPU and kernel. */
#include <string.h>

#include "bootcfg/policy.h"
#include "early/text.h"
#include "tests/unit/fixture.h"

#define DEVICE "[device gpu]\nid = 1002:73bf\naddress = 0000:0b:00.0\n"
#define CPUS "[cpus]\nisolate = 8-15\n"

enum machine { IMAGE, INTEL, AMD, OTHER };

/* 16 CPUs, CPU n + 8 being the second thread of CPU n's core. */
static void make(struct fixture *f, enum machine machine)
{
	static const char *const vendors[] = {"", "GenuineIntel", "AuthenticAMD", "CentaurHauls"};

	if (machine == IMAGE) {
		machine_open(f);
		return;
	}
	put(f, ".vfio-machine", "\n");
	put(f, "proc/cpuinfo", "vendor_id\t: %s\nflags\t\t: fpu pse pdpe1gb\n", vendors[machine]);
	put(f, "sys/devices/system/cpu/present", "0-15\n");
	put(f, "sys/devices/system/cpu/possible", "0-31\n");
	for (unsigned i = 0; i < 16; i++) {
		char path[96];

		snprintf(path, sizeof(path),
			 "sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", i);
		put(f, path, "%u,%u\n", i % 8, i % 8 + 8);
	}
	put_dir(f, "sys/devices/system/node/node0");
	put_dir(f, "sys/devices/system/node/node1");
	machine_open(f);
}

struct result {
	struct profile profile;
	struct host host;
	struct wants wants;
	struct remarks remarks;
	struct diag diag;
	int r;
	struct text units, forbidden, remarked; /* for comparing: joined by " | ", "\n" */
};

static void join(const struct want *items, size_t count, struct text *ret)
{
	text_add(ret, "%s", "");
	for (size_t i = 0; i < count; i++)
		text_add(ret, "%s%s", i ? " | " : "", items[i].text);
	assert_int_equal(ret->error, 0);
}

static void apply(struct fixture *f, const char *profile, unsigned flags, struct result *ret)
{
	*ret = (struct result){.r = 1};
	if (profile_parse_text(profile, strlen(profile), "/etc/p.conf", &ret->profile, &ret->diag) <
	    0)
		print_error("%s\n", ret->diag.text);
	assert_int_equal(host_load(&f->root, &ret->host), 0);
	ret->r = policy_wants(&ret->profile, &ret->host, flags, NULL, &ret->wants, &ret->remarks,
			      &ret->diag);
	join(ret->wants.items, ret->wants.count, &ret->units);
	join(ret->wants.forbidden, ret->wants.forbidden_count, &ret->forbidden);
	text_add(&ret->remarked, "%s", "");
	for (size_t i = 0; i < ret->remarks.count; i++)
		text_add(&ret->remarked, "%s\n", ret->remarks.items[i]);
}

static void done(struct result *result)
{
	profile_free(&result->profile);
	host_free(&result->host);
	wants_free(&result->wants);
	remarks_free(&result->remarks);
	text_free(&result->units);
	text_free(&result->forbidden);
	text_free(&result->remarked);
}

#define FORCE POLICY_FORCE

static const struct {
	const char *story;
	enum machine machine;
	const char *kernel; /* an installed one, or NULL */
	const char *profile;
	unsigned flags;
	int r;
	/* units, joined by " | "; of an error: a word of its message */
	const char *wanted;
	const char *remark; /* words of all remarks; "": none is made */
} rows[] = {
	{"nothing", INTEL, NULL, "", 0, 0, "", ""},

	/* the IOMMU */
	{"pt, Intel", INTEL, NULL, "[kernel]\niommu = pt\n", 0, 0, "intel_iommu=on | iommu=pt", ""},
	{"pt, AMD", AMD, NULL, "[kernel]\niommu = pt\n", 0, 0, "iommu=pt", ""},
	{"pt, unknown as Intel", IMAGE, NULL, "[kernel]\niommu = pt\n", 0, 0,
	 "intel_iommu=on | iommu=pt", ""},
	{"pt, another vendor as Intel", OTHER, NULL, "[kernel]\niommu = pt\n", 0, 0,
	 "intel_iommu=on | iommu=pt", ""},
	{"on, Intel", INTEL, NULL, "[kernel]\niommu = on\n", 0, 0, "intel_iommu=on", ""},
	{"on, AMD needs nothing", AMD, NULL, "[kernel]\niommu = on\n", 0, 0, "", ""},
	{"off", INTEL, NULL, "[kernel]\niommu = off\n", 0, 0, "", ""},
	{"a card asks for one", INTEL, NULL, DEVICE, 0, 0, "intel_iommu=on", "claimed"},
	{"a card on AMD has one", AMD, NULL, DEVICE, 0, 0, "", ""},
	{"a card, and args say it", INTEL, NULL, DEVICE "[kernel]\nargs = intel_iommu=on,sm_on\n",
	 0, 0, "intel_iommu=on,sm_on", ""},

	/* CPUs */
	{"one set", INTEL, NULL, "[cpus]\nisolate = 4-7,12-15\n", 0, 0,
	 "isolcpus=4-7,12-15 | nohz_full=4-7,12-15 | rcu_nocbs=4-7,12-15 | irqaffinity=0-3,8-11",
	 ""},
	{"torn cores are named", AMD, NULL, CPUS, 0, 0,
	 "isolcpus=8-15 | nohz_full=8-15 | rcu_nocbs=8-15 | irqaffinity=0-7",
	 "tears cores apart: isolated CPUs 8-15 share them with the host's CPUs 0-7 (CPU 0"},
	{"some torn", AMD, NULL, "[cpus]\nisolate = 4-7,12-14\n", 0, 0,
	 "isolcpus=4-7,12-14 | nohz_full=4-7,12-14 | rcu_nocbs=4-7,12-14 | irqaffinity=0-3,8-11,15",
	 "isolated CPUs 7 share them with the host's CPUs 15; isolate"},
	{"strides are kept", INTEL, NULL, "[cpus]\nisolate = 1-15:1/2\n", 0, 0,
	 "isolcpus=1-15:1/2 | nohz_full=1-15:1/2 | rcu_nocbs=1-15:1/2 | "
	 "irqaffinity=0,2,4,6,8,10,12,14",
	 ""},
	{"in an image: below the last", IMAGE, NULL, "[cpus]\nisolate = 2-3,8-15\n", 0, 0,
	 "isolcpus=2-3,8-15 | nohz_full=2-3,8-15 | rcu_nocbs=2-3,8-15 | irqaffinity=0-1,4-7",
	 "how many CPUs"},
	{"to the last one", INTEL, "6.1.0", "[cpus]\nisolate = 4-7,12-N\n", 0, 0,
	 "isolcpus=4-7,12-N | nohz_full=4-7,12-N | rcu_nocbs=4-7,12-N | irqaffinity=0-3,8-11", ""},
	{"to the last one, in an image", IMAGE, "6.1.0", "[cpus]\nisolate = 8-N\n", 0, 0,
	 "isolcpus=8-N | nohz_full=8-N | rcu_nocbs=8-N | irqaffinity=0-7", ""},
	{"the last one, in an image", IMAGE, NULL, "[cpus]\nisolate = N\n", 0, 0,
	 "isolcpus=N | nohz_full=N | rcu_nocbs=N", "depends on the machine"},
	{"N is new", IMAGE, "5.10.0", "[cpus]\nisolate = 8-N\n", FORCE, -EPERM, "5.10.0", ""},
	{"N is old enough", INTEL, "5.12.0", "[cpus]\nisolate = 4-7,12-N\n", 0, 0,
	 "isolcpus=4-7,12-N | nohz_full=4-7,12-N | rcu_nocbs=4-7,12-N | irqaffinity=0-3,8-11", ""},
	{"all is newer", INTEL, "5.12.0", "[kernel]\nirqaffinity = all\n", 0, -EPERM, "`all`", ""},
	{"out of range", INTEL, NULL, "[cpus]\nisolate = 8-16\n", 0, -EBADMSG, "CPUs 0-15", ""},
	{"out of range, plugged in later", AMD, NULL, "[cpus]\nisolate = 4-7,12-16\n", FORCE, 0,
	 "isolcpus=4-7,12-16 | nohz_full=4-7,12-16 | rcu_nocbs=4-7,12-16 | irqaffinity=0-3,8-11",
	 "not all of these CPUs are there now"},
	{"out of all range", INTEL, NULL, "[cpus]\nisolate = 8-32\n", FORCE, -EBADMSG, "0-15", ""},
	{"more than we count", IMAGE, NULL, "[cpus]\nisolate = 8-2000\n", 0, -EBADMSG, "1023", ""},
	{"none is left", INTEL, NULL, "[cpus]\nisolate = 0-15\n", FORCE, -EBADMSG, "no CPU", ""},
	{"none is left, by isolcpus", IMAGE, NULL, "[kernel]\nisolcpus = all\n", FORCE, -EBADMSG,
	 "no CPU", ""},
	{"CPU 0", INTEL, NULL, "[cpus]\nisolate = 0-3,8-11\n", 0, -EPERM, "CPU 0", ""},
	{"CPU 0 in an image", IMAGE, NULL, "[cpus]\nisolate = 0-3\n", 0, -EPERM, "CPU 0", ""},
	{"CPU 0 by isolcpus", IMAGE, NULL, "[kernel]\nisolcpus = 0-3\n", 0, -EPERM, "CPU 0", ""},
	{"CPU 0, by force", INTEL, NULL, "[cpus]\nisolate = 0-3,8-11\n", FORCE, 0,
	 "isolcpus=0-3,8-11 | nohz_full=0-3,8-11 | rcu_nocbs=0-3,8-11 | irqaffinity=4-7,12-15",
	 "CPU 0"},
	{"CPU 0, by force, nothing known to be left", IMAGE, NULL, "[cpus]\nisolate = 0-3\n", FORCE,
	 0, "isolcpus=0-3 | nohz_full=0-3 | rcu_nocbs=0-3", "irqaffinity= is left out"},
	{"isolcpus overrides", INTEL, "6.1.0",
	 "[cpus]\nisolate = 4-7,12-15\n[kernel]\nisolcpus = 5-7,13-15\n", 0, 0,
	 "isolcpus=5-7,13-15 | nohz_full=4-7,12-15 | rcu_nocbs=4-7,12-15 | irqaffinity=0-3,8-11",
	 "is not what [cpus] isolates"},
	{"isolcpus overrides, for an old kernel", INTEL, "5.15.0",
	 "[cpus]\nisolate = 4-7,12-15\n[kernel]\nisolcpus = 5-7,13-15\n", 0, 0,
	 "isolcpus=5-7,13-15 | nohz_full=4-7,12-15 | rcu_nocbs=4-7,12-15 | irqaffinity=0-3,8-11",
	 "Linux 5.15.0 takes one"},
	{"isolcpus overrides with the same", INTEL, "5.15.0",
	 "[cpus]\nisolate = 4-7,12-15\n[kernel]\nisolcpus = 12-15,4-7\n", 0, 0,
	 "isolcpus=12-15,4-7 | nohz_full=4-7,12-15 | rcu_nocbs=4-7,12-15 | irqaffinity=0-3,8-11",
	 ""},
	{"without isolcpus", INTEL, NULL,
	 "[cpus]\nisolate = 4-7,12-15\n[kernel]\nisolcpus = none\n", 0, 0,
	 "nohz_full=4-7,12-15 | rcu_nocbs=4-7,12-15 | irqaffinity=0-3,8-11", ""},
	{"isolcpus alone", INTEL, NULL, "[kernel]\nisolcpus = 4-7,12-15\n", 0, 0,
	 "isolcpus=4-7,12-15", ""},
	{"isolcpus alone, torn", INTEL, NULL, "[kernel]\nisolcpus = 4-7\n", 0, 0, "isolcpus=4-7",
	 "tears cores apart"},
	{"nothing but none", INTEL, NULL, "[kernel]\nisolcpus = none\nirqaffinity = none\n", 0, 0,
	 "", ""},
	{"irqaffinity overrides", INTEL, NULL,
	 "[cpus]\nisolate = 4-7,12-15\n[kernel]\nirqaffinity = 0-1\n", 0, 0,
	 "isolcpus=4-7,12-15 | nohz_full=4-7,12-15 | rcu_nocbs=4-7,12-15 | irqaffinity=0-1", ""},
	{"irqaffinity on isolated CPUs", INTEL, NULL,
	 "[cpus]\nisolate = 4-7,12-15\n[kernel]\nirqaffinity = 0-5\n", 0, 0,
	 "isolcpus=4-7,12-15 | nohz_full=4-7,12-15 | rcu_nocbs=4-7,12-15 | irqaffinity=0-5",
	 "sends interrupts to isolated CPUs (4-5)"},
	{"irqaffinity on CPUs that isolcpus isolates", INTEL, NULL,
	 "[kernel]\nisolcpus = 4-7,12-15\nirqaffinity = 12\n", 0, 0,
	 "isolcpus=4-7,12-15 | irqaffinity=12", "isolated CPUs (12)"},
	{"without irqaffinity", IMAGE, NULL, CPUS "[kernel]\nirqaffinity = none\n", 0, 0,
	 "isolcpus=8-15 | nohz_full=8-15 | rcu_nocbs=8-15", ""},
	{"irqaffinity out of range", INTEL, NULL, "[kernel]\nirqaffinity = 0-16\n", 0, -EBADMSG,
	 "0-15", ""},

	/* huge pages */
	{"by size, ascending", INTEL, NULL, "[hugepages]\n1G = 16\n2M = 512\n", 0, 0,
	 "hugepagesz=2M hugepages=512 | hugepagesz=1G hugepages=16", ""},
	{"by node", INTEL, "5.16.0", "[hugepages]\n2M = 0:512,1:256\n", 0, 0,
	 "hugepagesz=2M hugepages=0:512,1:256", ""},
	{"by node, an old kernel among them", INTEL, "5.15.0-91-generic",
	 "[hugepages]\n2M = 0:512,1:256\n1G = 2\n", 0, 0, "hugepagesz=1G hugepages=2",
	 "5.15.0-91-generic"},
	{"by node, no kernel known", IMAGE, NULL, "[hugepages]\n1G = 3:4\n", 0, 0,
	 "hugepagesz=1G hugepages=3:4", "5.16"},
	{"a node that is not there", INTEL, "6.1.0", "[hugepages]\n1G = 0:2,2:4\n", 0, -EBADMSG,
	 "NUMA node 2", ""},
	{"a size that x86 has not", IMAGE, NULL, "[hugepages]\n64K = 4\n", FORCE, -EBADMSG,
	 "2M and 1G", ""},

	/* ACS */
	{"inert", IMAGE, "6.12.0", "[kernel]\nacs-override = downstream,id:1002:73bf\n", 0, 0,
	 "pcie_acs_override=downstream,id:1002:73bf", "inert"},
	{"inert, nothing known", IMAGE, NULL, "[kernel]\nacs-override = multifunction\n", 0, 0,
	 "pcie_acs_override=multifunction", "no kernel is installed"},

	/* args */
	{"args come last, in order", INTEL, NULL,
	 "[kernel]\nargs = kvm.ignore_msrs=1 quiet dyndbg=\"file a +p\" console=tty0 "
	 "console=ttyS0\n"
	 "iommu = pt\n[hugepages]\n1G = 1\n",
	 0, 0,
	 "intel_iommu=on | iommu=pt | hugepagesz=1G hugepages=1 | kvm.ignore_msrs=1 | quiet | "
	 "dyndbg=\"file a +p\" | console=tty0 | console=ttyS0",
	 ""},
	{"a word twice", INTEL, NULL, "[kernel]\nargs = quiet quiet\n", 0, 0, "quiet", ""},
	{"lists add up", INTEL, NULL, "[kernel]\niommu = pt\nargs = intel_iommu=sm_on\n", 0, 0,
	 "intel_iommu=on | iommu=pt | intel_iommu=sm_on", ""},
	{"the same again", INTEL, NULL, "[kernel]\niommu = pt\nargs = intel_iommu=on\n", 0,
	 -EBADMSG, "/etc/p.conf:2 gives `intel_iommu=on`", ""},
	{"off by args", AMD, NULL, DEVICE "[kernel]\nargs = amd_iommu=pgtbl_v2,off\n", FORCE,
	 -EPERM, "amd_iommu", ""},
	{"off by args, nobody minds", AMD, NULL, "[kernel]\nargs = amd_iommu=off\n", 0, 0,
	 "amd_iommu=off", ""},
	{"what is no option", AMD, NULL, "[kernel]\nargs = amd_iommu=on quiet\n", 0, 0, "quiet",
	 "no option"},
	{"protected", IMAGE, NULL, "[kernel]\nargs = quiet root=/dev/sdb1\n", FORCE, -EBADMSG,
	 "root=/dev/sdb1", ""},
	{"of another key", IMAGE, NULL, CPUS "[kernel]\nargs = nohz-full=8-15\n", 0, -EBADMSG,
	 "nohz_full=8-15", ""},
	{"of another key that is not given", IMAGE, NULL, "[kernel]\nargs = nohz_full=8-15\n", 0, 0,
	 "nohz_full=8-15", ""},
	{"a second isolation", IMAGE, NULL,
	 "[kernel]\nisolcpus = 8-15\nargs = isolcpus=managed_irq,4\n", 0, -EBADMSG, "isolcpus=8-15",
	 ""},
	{"pages", IMAGE, NULL, "[kernel]\nargs = hugepagesz=1G hugepages=4\n", 0, -EBADMSG,
	 "[hugepages]", ""},
	{"pages without a size", IMAGE, NULL, "[kernel]\nargs = hugepages=4\n", 0, -EBADMSG,
	 "[hugepages]", ""},
	{"the default size may be said", IMAGE, NULL,
	 "[kernel]\nargs = default_hugepagesz=1G\n[hugepages]\n1G = 2\n", 0, 0,
	 "hugepagesz=1G hugepages=2 | default_hugepagesz=1G", ""},
	{"all cards of a kind", IMAGE, NULL, "[kernel]\nargs = vfio_pci.ids=1002:73bf\n", 0,
	 -EBADMSG, "[device]", ""},
	{"other parameters of vfio-pci", IMAGE, NULL, "[kernel]\nargs = vfio-pci.disable_vga=1\n",
	 0, 0, "vfio-pci.disable_vga=1", ""},
};

static void policy_by_profile(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct result result;
		struct fixture *f;
		void *own = NULL;
		bool ok;

		assert_int_equal(fixture_setup(&own), 0);
		f = own;
		if (rows[i].kernel) {
			char path[128];

			snprintf(path, sizeof(path), "usr/lib/modules/%s/modules.dep",
				 rows[i].kernel);
			put(f, path, "\n");
		}
		make(f, rows[i].machine);
		apply(f, rows[i].profile, rows[i].flags, &result);
		ok = result.r == rows[i].r &&
		     (result.r ? !!strstr(result.diag.text, rows[i].wanted)
			       : !strcmp(result.units.data, rows[i].wanted)) &&
		     (*rows[i].remark ? !!strstr(result.remarked.data, rows[i].remark)
				      : result.r || !result.remarks.count);
		if (!ok)
			print_error("%s: %d, `%s` (%s)\n%s", rows[i].story, result.r,
				    result.units.data, result.diag.text, result.remarked.data);
		assert_true(ok);
		/* Each names its place, and what is wanted the key that asks for it. */
		if (result.r) {
			assert_string_equal(result.diag.file, "/etc/p.conf");
			assert_int_not_equal(result.diag.line, 0);
			assert_int_equal(result.wants.count, 0);
		}
		for (size_t j = 0; j < result.wants.count; j++) {
			assert_string_equal(result.wants.items[j].file, "/etc/p.conf");
			assert_int_not_equal(result.wants.items[j].line, 0);
			assert_non_null(result.wants.items[j].item);
		}
		done(&result);
		assert_int_equal(fixture_teardown(&own), 0);
	}
}

static void items_are_those_of_unset(void **state)
{
	static const char *const items[] = {
		"iommu",       "iommu",	       "isolcpus",     "cpus",	       "cpus",
		"irqaffinity", "hugepages:2M", "hugepages:1G", "acs-override", "arg"};
	static const unsigned lines[] = {2, 2, 3, 8, 8, 4, 11, 10, 5, 6};
	struct fixture *f = *state;
	struct result result;

	make(f, INTEL);
	apply(f,
	      "[kernel]\niommu = pt\nisolcpus = 7,15\nirqaffinity = 0-3\n"
	      "acs-override = downstream\nargs = quiet\n[cpus]\nisolate = 6,7,14,15\n"
	      "[hugepages]\n1G = 1\n2M = 2\n",
	      0, &result);
	assert_int_equal(result.r, 0);
	assert_int_equal(result.wants.count, ARRAY_SIZE(items));
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		assert_string_equal(result.wants.items[i].item, items[i]);
		assert_int_equal(result.wants.items[i].line, lines[i]);
	}
	done(&result);
}

static void derived_ones_are_of_cpus(void **state)
{
	struct fixture *f = *state;
	struct result result;

	make(f, IMAGE);
	apply(f, CPUS, 0, &result);
	assert_int_equal(result.wants.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(result.wants.items[i].item, "cpus");
	done(&result);
}

/* `N` is no CPU that is missing in between. */
static void holes_are_no_cpus(void **state)
{
	struct fixture *f = *state;
	struct result result;

	make(f, OTHER);
	put(f, "sys/devices/system/cpu/present", "0-6,8-15\n");
	apply(f, "[cpus]\nisolate = 6-N\n", 0, &result);
	assert_int_equal(result.r, 0);
	assert_string_equal(result.units.data,
			    "isolcpus=6-N | nohz_full=6-N | rcu_nocbs=6-N | irqaffinity=0-5");
	done(&result);
	apply(f, "[cpus]\nisolate = 6-15\n", 0, &result);
	assert_int_equal(result.r, -EBADMSG);
	assert_mentions(result.diag.text, "0-6,8-15", NULL);
	done(&result);
}

static bool supersedes(const struct wants *wants, const char *what)
{
	for (const char *const *at = wants->superseded; *at; at++)
		if (!strcmp(*at, what))
			return true;
	return false;
}

static void what_must_not_be_there(void **state)
{
	static const struct {
		const char *profile, *forbidden[3]; /* by machine: image, Intel, AMD */
	} table[] = {
		{"[kernel]\niommu = pt\n",
		 {"iommu=off | intel_iommu=off | amd_iommu=off", "iommu=off | intel_iommu=off",
		  "iommu=off | amd_iommu=off"}},
		{"[kernel]\niommu = on\n",
		 {"iommu=off | intel_iommu=off | amd_iommu=off", "iommu=off | intel_iommu=off",
		  "iommu=off | amd_iommu=off"}},
		{DEVICE,
		 {"iommu=off | intel_iommu=off | amd_iommu=off", "iommu=off | intel_iommu=off",
		  "iommu=off | amd_iommu=off"}},
		{"[kernel]\niommu = off\n", {"", "", ""}},
		{CPUS "[hugepages]\n1G = 1\n", {"", "", ""}},
	};
	struct fixture *f = *state;

	for (enum machine machine = IMAGE; machine <= AMD; machine++) {
		make(f, machine);
		for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
			bool cards = !strcmp(table[i].profile, DEVICE);
			struct result result;

			apply(f, table[i].profile, 0, &result);
			assert_int_equal(result.r, 0);
			assert_string_equal(result.forbidden.data, table[i].forbidden[machine]);
			assert_true(supersedes(&result.wants, "amd_iommu=on"));
			assert_int_equal(supersedes(&result.wants, "vfio-pci.ids"), cards);
			assert_int_equal(supersedes(&result.wants, "rd.driver.pre=vfio-pci"),
					 cards);
			done(&result);
		}
	}
}

static void a_cpu_without_large_pages(void **state)
{
	struct fixture *f = *state;
	struct result result;

	make(f, INTEL);
	put(f, "proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: fpu pse pse36\n");
	apply(f, "[hugepages]\n2M = 4\n", 0, &result);
	assert_int_equal(result.r, 0);
	done(&result);
	apply(f, "[hugepages]\n1G = 4\n", 0, &result);
	assert_int_equal(result.r, -EPERM);
	assert_mentions(result.diag.text, "1G", "pdpe1gb", NULL);
	assert_int_equal(result.diag.line, 2);
	done(&result);
	apply(f, "[hugepages]\n1G = 4\n", POLICY_FORCE, &result);
	assert_int_equal(result.r, 0);
	assert_string_equal(result.units.data, "hugepagesz=1G hugepages=4");
	assert_mentions(result.remarked.data, "ignore", NULL);
	done(&result);
	put(f, "proc/cpuinfo", "vendor_id\t: GenuineIntel\n");
	apply(f, "[hugepages]\n1G = 4\n", 0, &result);
	assert_int_equal(result.r, 0);
	done(&result);
}

/* The host keeps 1 GiB, and a tenth of each node. */
static void a_host_that_would_starve(void **state)
{
	static const struct {
		const char *profile;
		int r;
		const char *mentions;
	} cases[] = {
		/* 2 nodes of 8 GiB: 14.4 GiB in all, 7.2 GiB of one */
		{"1G = 14", 0, ""},
		{"1G = 15", -EPERM, "this machine"},
		{"1G = 14\n2M = 204", 0, ""},
		{"2M = 210\n1G = 14", -EPERM, "`1G = 14`"},
		{"1G = 999999999", -EPERM, "this machine"},
		{"1G = 0:7,1:7", 0, ""},
		{"1G = 1:8", -EPERM, "node 1"},
		{"1G = 1:7\n2M = 1:110", -EPERM, "node 1"},
		{"1G = 1:7\n2M = 0:110", 0, ""},
	};
	struct fixture *f = *state;
	struct result result;

	make(f, INTEL);
	put(f, "proc/meminfo", "MemTotal:       16777216 kB\n");
	put(f, "sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:  8388608 kB\n");
	put(f, "sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:  8388608 kB\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[128];

		snprintf(text, sizeof(text), "[hugepages]\n%s\n", cases[i].profile);
		print_message("%s\n", cases[i].profile);
		apply(f, text, 0, &result);
		assert_int_equal(result.r, cases[i].r);
		if (cases[i].r < 0)
			assert_mentions(result.diag.text, cases[i].mentions, "--force", NULL);
		done(&result);
		apply(f, text, POLICY_FORCE, &result);
		assert_int_equal(result.r, 0);
		assert_int_equal(!!strstr(result.remarked.data, "starve"), cases[i].r < 0);
		done(&result);
	}
	/* 4 GiB, of which a tenth would not do. */
	put(f, "proc/meminfo", "MemTotal:        4194304 kB\n");
	apply(f, "[hugepages]\n2M = 1537\n", 0, &result);
	assert_int_equal(result.r, -EPERM);
	assert_mentions(result.diag.text, "1024 MiB", NULL);
	assert_int_equal(result.diag.line, 2);
	done(&result);
	apply(f, "[hugepages]\n2M = 1536\n", 0, &result);
	assert_int_equal(result.r, 0);
	done(&result);
	/* Of an image nobody knows where it will run. */
	drop(f, ".vfio-machine");
	machine_open(f);
	apply(f, "[hugepages]\n1G = 512\n", 0, &result);
	assert_int_equal(result.r, 0);
	done(&result);
}

static void an_acs_patch_is_told_per_kernel(void **state)
{
	struct fixture *f = *state;
	struct result result;

	put(f, "usr/lib/modules/6.11.0-plain/modules.dep", "\n");
	put(f, "usr/lib/modules/6.12.0-zen/modules.dep", "\n");
	put(f, "usr/lib/modules/6.13.0-stub/modules.dep", "\n");
	put(f, "boot/System.map-6.11.0-plain", "f T pci_dev_specific_acs_enabled\n");
	put(f, "boot/System.map-6.12.0-zen", "f t pcie_acs_overrides\n");
	make(f, IMAGE);
	apply(f, "[kernel]\nacs-override = downstream\n", 0, &result);
	assert_int_equal(result.r, 0);
	assert_int_equal(result.remarks.count, 2);
	assert_mentions(result.remarks.items[0], "6.11.0-plain", "is inert under", NULL);
	assert_mentions(result.remarks.items[1], "6.13.0-stub", "cannot be told", NULL);
	done(&result);
}

/* --- ids= ------------------------------------------------------------------------------------- */

static void forbidden_ids(const struct fixture *f, const char *profile, const char *line,
			  const char *wanted, const char *stranger)
{
	struct remarks remarks = {.count = 0};
	struct wants wants = {.count = 0};
	struct text text = {.error = 0};
	struct diag diag = DIAG_INIT;
	struct profile own;

	assert_int_equal(profile_parse_text(profile, strlen(profile), "/p", &own, &diag), 0);
	/* A second entry with the same line adds nothing. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(policy_forbid_ids(&f->root, &own, line, &wants, &remarks, &diag),
				 0);
	join(wants.forbidden, wants.forbidden_count, &text);
	assert_string_equal(text.data, wanted);
	assert_int_equal(remarks.count, wants.forbidden_count);
	if (*wanted)
		assert_mentions(remarks.items[0], stranger, NULL);
	text_free(&text);
	wants_free(&wants);
	remarks_free(&remarks);
	profile_free(&own);
}

static void ids_of_other_cards_are_forbidden(void **state)
{
	static const char guest[] = "[device gpu]\nid = 1002:73bf\naddress = 0000:0b:00.0\n"
				    "functions = 0,1\n";
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	/* The card with all its functions, as guides tell. */
	forbidden_ids(f, guest, "quiet vfio-pci.ids=1002:73bf,1002:ab28,1002:73a6,1002:73a4", "",
		      "");
	forbidden_ids(f, guest, "vfio-pci.ids=1002:73bf,1002:67df",
		      "vfio-pci.ids=1002:73bf,1002:67df", "1002:67df at 0000:0c:00.0");
	forbidden_ids(f, guest, "pci_stub.ids=1002:aaf0", "pci_stub.ids=1002:aaf0", "0000:0c:00.1");
	forbidden_ids(f, guest, "vfio-pci.ids=1002:73bf:1da2:440f:030000:ff0000", "", "");
	forbidden_ids(f, guest, "vfio-pci.ids=1002:ffffffff", "vfio-pci.ids=1002:ffffffff",
		      "1002:67df");
	forbidden_ids(f, guest, "vfio-pci.ids=1002:ffffffff:1da2:440f:030000:ff0000", "", "");
	forbidden_ids(f, guest, "vfio-pci.ids=1002:67df:ffffffff:ffffffff:040000:ff0000", "", "");
	/* One that this machine has not takes nothing. */
	forbidden_ids(f, guest, "vfio-pci.ids=10de:1b80", "", "");
	forbidden_ids(f, guest, "vfio-pci.ids=,nonsense,1002 vfio-pci.ids vfio-pci.disable_vga=1",
		      "", "");
	forbidden_ids(f, guest, "quiet -- vfio-pci.ids=1002:67df", "", "");
	forbidden_ids(f, "[kernel]\niommu = pt\n", "vfio-pci.ids=1002:67df", "", "");
	forbidden_ids(f, guest, "vfio-pci.ids=1002:67df x vfio-pci.ids=1002:67df,1002:aaf0",
		      "vfio-pci.ids=1002:67df | vfio-pci.ids=1002:67df,1002:aaf0", "67df");
}

static void ids_take_the_twin_too(void **state)
{
	struct fixture *f = *state;

	machine_named(f, "dual-q35");
	forbidden_ids(f, "[device gpu]\nid = 1234:1111\naddress = 0000:01:00.0\n",
		      "vfio-pci.ids=1234:1111", "vfio-pci.ids=1234:1111", "1234:1111 at");
}

static void in_an_image_only_named_ids_pass(void **state)
{
	struct fixture *f = *state;

	machine_open(f);
	forbidden_ids(f, DEVICE, "vfio-pci.ids=1002:73BF", "", "");
	forbidden_ids(f, DEVICE, "vfio-pci.ids=1002:73bf,10de:1b80",
		      "vfio-pci.ids=1002:73bf,10de:1b80", "10de:1b80");
	forbidden_ids(f, DEVICE, "vfio-pci.ids=\"1002:73bf,1002:ab28\"",
		      "vfio-pci.ids=\"1002:73bf,1002:ab28\"", "1002:ab28");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_by_profile),
		cmocka_machine_test(items_are_those_of_unset),
		cmocka_machine_test(derived_ones_are_of_cpus),
		cmocka_machine_test(holes_are_no_cpus),
		cmocka_machine_test(what_must_not_be_there),
		cmocka_machine_test(a_cpu_without_large_pages),
		cmocka_machine_test(a_host_that_would_starve),
		cmocka_machine_test(an_acs_patch_is_told_per_kernel),
		cmocka_machine_test(ids_of_other_cards_are_forbidden),
		cmocka_machine_test(ids_take_the_twin_too),
		cmocka_machine_test(in_an_image_only_named_ids_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
