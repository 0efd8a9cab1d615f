// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the profile's text may say, and what it is told where it may not. Its files:
 * test-profile-files.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "early/ini.h"
#include "early/profile.h"

#define FILE_NAME "/etc/vfio-bootcfg.conf"
#define ID "id = 1002:73bf\n"
#define GPU "[device gpu]\n" ID

static int parse(const char *text, size_t size, struct profile *ret, struct diag *diag)
{
	*diag = (struct diag)DIAG_INIT;
	return profile_parse_text(text, size, FILE_NAME, ret, diag);
}

/* Must be refused at line, with these words; *ret must not be touched. */
static void refuse_sized(const char *text, size_t size, unsigned line, const char *words)
{
	struct profile profile, before;
	struct diag diag;
	char message[DIAG_STR];
	int r;

	memset(&profile, 0xa5, sizeof(profile));
	before = profile;
	r = parse(text, size, &profile, &diag);
	diag_format(&diag, message);
	if (r != -EBADMSG || diag.line != line || !strstr(diag.text, words))
		print_error("`%.200s`\nexpected %u: %s\nanswered %d, %s\n", text, line, words, r,
			    r < 0 ? message : "");
	assert_int_equal(r, -EBADMSG);
	assert_memory_equal(&profile, &before, sizeof(profile));
	assert_string_equal(diag.file, FILE_NAME);
	assert_int_equal(diag.line, line);
	assert_non_null(strstr(diag.text, words));
}

static void refuse(const char *text, unsigned line, const char *words)
{
	refuse_sized(text, strlen(text), line, words);
}

static struct profile accept_text(const char *text, size_t size)
{
	struct profile profile;
	char message[DIAG_STR];
	struct diag diag;
	int r = parse(text, size, &profile, &diag);

	if (r < 0)
		print_error("`%.200s`\n%s\n", text, diag_format(&diag, message));
	assert_int_equal(r, 0);
	return profile;
}

static const char *value_of(const struct profile *profile, const char *section, const char *name,
			    const char *key)
{
	const struct profile_entry *entry = profile_get(profile, section, name, key);

	assert_non_null(entry);
	return entry->value;
}

static const char everything[] =
	"# a host with one guest\n"
	"[device guest-gpu]\n"
	"path = 0000:00:03.1/00.0/00.0    # where it sits\n"
	"id = 1002:73BF                   ; what must be found there\n"
	"class = 0300\n"
	"subsystem = 1da2:440f\n"
	"address = 0000:0b:00.0\n"
	"functions = 0, 1\n"
	"claim = guest\n"
	"moved = claim\n"
	"match = one\n"
	"allow-boot-display = yes\n"
	"allow-storage = no\n"
	"\n"
	"[device nics]\n"
	"  id=8086:1533\n"
	"\tclass\t=\t020000\n"
	"match = all\n"
	"[cpus]\n"
	"isolate = 8-15\n"
	"[kernel]\n"
	"iommu = pt\n"
	"isolcpus = none\n"
	"irqaffinity = 0-7, 16\n"
	"acs-override = downstream,id:8086:a1b2\n"
	"args = kvm.ignore_msrs=1 dyndbg=\"file x.c +p # no comment\" # a comment\n"
	"[hugepages]\n"
	"1G = 16\n"
	"2M = 0:512 , 1:512\n"
	"[guest win11]\n"
	"devices = guest-gpu,nics\n"
	"hugepages-1G = 16\n"
	"cpus = 8-15\n"
	"governor = performance\n"
	"min-frequency = max\n"
	"isolate = yes\n"
	"stop-units = display-manager.service, getty@tty1.service\n";

static void test_everything(void **state)
{
	_cleanup_profile_ struct profile p = accept_text(everything, sizeof(everything) - 1);
	const struct profile_device *gpu = &p.devices[0], *nics = &p.devices[1];
	char buf[PCI_PATH_STR];

	(void)state;
	assert_int_equal(p.file_count, 1);
	assert_int_equal(p.device_count, 2);
	assert_int_equal(p.entry_count, 29);

	assert_string_equal(gpu->name, "guest-gpu");
	assert_string_equal(gpu->file, FILE_NAME);
	assert_int_equal(gpu->line, 2);
	assert_true(gpu->has_path && gpu->has_address && gpu->has_class && gpu->has_subsystem);
	assert_string_equal(pci_path_format(&gpu->path, buf), "0000:00:03.1/00.0/00.0");
	assert_string_equal(pci_addr_format(&gpu->address, buf), "0000:0b:00.0");
	assert_int_equal(gpu->vendor, 0x1002);
	assert_int_equal(gpu->device, 0x73bf);
	assert_int_equal(gpu->subvendor, 0x1da2);
	assert_int_equal(gpu->subdevice, 0x440f);
	assert_int_equal(gpu->class, 0x0300);
	assert_int_equal(gpu->class_digits, 4);
	assert_int_equal(gpu->functions, 0x03);
	assert_true(gpu->claim_guest && gpu->moved_claim && gpu->allow_boot_display);
	assert_false(gpu->match_all || gpu->allow_storage);

	assert_string_equal(nics->name, "nics");
	assert_false(nics->has_path || nics->has_address || nics->has_subsystem);
	assert_int_equal(nics->class, 0x020000);
	assert_int_equal(nics->class_digits, 6);
	assert_int_equal(nics->functions, 0);
	assert_true(nics->match_all);
	assert_false(nics->claim_guest || nics->moved_claim || nics->allow_boot_display);

	assert_string_equal(value_of(&p, "kernel", "", "irqaffinity"), "0-7,16");
	assert_string_equal(value_of(&p, "hugepages", "", "2M"), "0:512,1:512");
	assert_string_equal(value_of(&p, "kernel", "", "args"),
			    "kvm.ignore_msrs=1 dyndbg=\"file x.c +p # no comment\"");
	assert_string_equal(value_of(&p, "guest", "win11", "stop-units"),
			    "display-manager.service,getty@tty1.service");
	assert_int_equal(profile_get(&p, "guest", "win11", "cpus")->line, 33);
	assert_null(profile_get(&p, "guest", "win10", "cpus"));
	assert_null(profile_get(&p, "guest", "win11", "args"));
	assert_null(profile_get(&p, "cpus", "", "cpus"));
}

/* Each in a profile of its own, in the section named. */
static const struct {
	const char *section, *key, *value, *taken; /* NULL: as it is */
} good[] = {
	{"device d", "path", "0000:00:03.1", NULL},
	{"device d", "path", "\"0000:00:03.1/00.0\"", "0000:00:03.1/00.0"},
	{"device d", "path", "10000:00:03.1/1f.7", NULL},
	{"device d", "address", "0b:00.0", NULL},
	{"device d", "class", "0C0330", NULL},
	{"device d", "functions", "all", NULL},
	{"device d", "functions", "7", NULL},
	{"device d", "functions", "0,1,2,3,4,5,6,7", NULL},
	{"cpus", "isolate", "1", NULL},
	{"cpus", "isolate", "1-3 ,\t5", "1-3,5"},
	{"cpus", "isolate", "2-N", NULL},
	{"cpus", "isolate", "all:1/2", NULL},
	{"cpus", "isolate", "0-31:2/4,8191", NULL},
	{"kernel", "isolcpus", "all", NULL},
	{"kernel", "isolcpus", "ALL", NULL},
	{"kernel", "isolcpus", "N", NULL},
	{"kernel", "isolcpus", "0-N", NULL},
	{"kernel", "irqaffinity", "none", NULL},
	{"kernel", "iommu", "off", NULL},
	{"kernel", "acs-override", "downstream, multifunction", "downstream,multifunction"},
	{"kernel", "args", "a=\"b c\"", NULL},
	{"kernel", "args", "\"a=b c\"", NULL}, /* the quotes are the kernel's */
	{"kernel", "args", "\"a=b\" \"c=d\"", NULL},
	{"kernel", "args", "a;b c#d", NULL}, /* no blank before them */
	{"kernel", "args", "name=\"\xc3\xa4\xc3\xa0\"", NULL}, /* UTF-8; its 0xa0 in quotes */
	{"hugepages", "512K", "0", NULL},
	{"hugepages", "64K", "1", NULL},
	{"hugepages", "16G", "1", NULL},
	{"hugepages", "1G", "0:1,1023:999999999", NULL},
	{"guest g", "hugepages-2M", "0:4", NULL},
	{"guest g", "cpus", "all", NULL},
	{"guest g", "isolate", "no", NULL},
	{"guest g", "governor", "schedutil", NULL},
	{"guest g", "stop-units", "a\\x2db.mount,x@y.target", NULL},
	{"guest a.b-c_9", "cpus", "1", NULL},
	{"guest _", "cpus", "1", NULL},
};

static void test_good_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const char *taken = good[i].taken ? good[i].taken : good[i].value;
		struct profile profile;
		char text[512];

		snprintf(text, sizeof(text), "[%s]\n%s%s = %s\n", good[i].section,
			 !strncmp(good[i].section, "device", 6) ? ID
			 : !strcmp(good[i].key, "governor")	? "cpus = 1\n"
								: "",
			 good[i].key, good[i].value);
		profile = accept_text(text, strlen(text));
		assert_string_equal(profile.entries[profile.entry_count - 1].value, taken);
		profile_free(&profile);
	}
}

static const struct {
	const char *section, *key, *value, *words;
} bad[] = {
	{"device d", "path", "0000:00:03.1/", "expected a root port"},
	{"device d", "path", "00:03.1/00.8", "expected a root port"},
	{"device d", "path", "0000:00:03.1/20.0", "expected a root port"},
	{"device d", "path", "0000:00:03.1 /00.0", "expected a root port"},
	{"device d", "path", "pci0000:00", "expected a root port"},
	{"device d", "address", "0000:0b:00", "expected an address"},
	{"device d", "address", "0000:0b:00.8", "expected an address"},
	{"device d", "address", "0000:0b:20.0", "expected an address"},
	{"device d", "address", "0b:00.0,0b:00.1", "expected an address"},
	{"device d", "class", "03", "expected four or six"},
	{"device d", "class", "03000", "expected four or six"},
	{"device d", "class", "0x0300", "expected four or six"},
	{"device d", "class", "03g0", "expected four or six"},
	{"device d", "subsystem", "1da2", "expected VENDOR:DEVICE"},
	{"device d", "subsystem", "1da2:440f0", "expected VENDOR:DEVICE"},
	{"device d", "subsystem", "1da2:440", "expected VENDOR:DEVICE"},
	{"device d", "subsystem", "1da2-440f", "expected VENDOR:DEVICE"},
	{"device d", "functions", "", "the value is empty"},
	{"device d", "functions", "\"\"", "the value is empty"},
	{"device d", "functions", ",", "an empty element"},
	{"device d", "functions", "0,", "an empty element"},
	{"device d", "functions", ",0", "an empty element"},
	{"device d", "functions", "0,,1", "an empty element"},
	{"device d", "functions", "8", "functions 0 to 7"},
	{"device d", "functions", "00", "functions 0 to 7"},
	{"device d", "functions", "0 1", "functions 0 to 7"},
	{"device d", "functions", "all,0", "functions 0 to 7"},
	{"device d", "functions", "1,0,1", "a function twice"},
	{"device d", "claim", "bot", "expected `boot` or `guest`"},
	{"device d", "claim", "", "expected `boot` or `guest`"},
	{"device d", "claim", "Boot", "expected `boot` or `guest`"},
	{"device d", "moved", "yes", "expected `refuse` or `claim`"},
	{"device d", "match", "any", "expected `one` or `all`"},
	{"device d", "allow-boot-display", "1", "expected `no` or `yes`"},
	{"device d", "allow-storage", "true", "expected `no` or `yes`"},
	{"cpus", "isolate", "all", "no CPU is left"},
	{"cpus", "isolate", "1,0-N", "no CPU is left"},
	{"cpus", "isolate", "none", "expected a CPU list"},
	{"cpus", "isolate", "8-", "expected a CPU list"},
	{"cpus", "isolate", "-8", "expected a CPU list"},
	{"cpus", "isolate", "8-15 24-31", "expected a CPU list"},
	{"cpus", "isolate", "8--15", "expected a CPU list"},
	{"cpus", "isolate", "15-8", "runs backwards"},
	{"cpus", "isolate", "N-8", "runs backwards"},
	{"cpus", "isolate", "8192", "above 8191"},
	{"cpus", "isolate", "1-8192", "above 8191"},
	{"cpus", "isolate", "4294967297", "above 8191"},
	{"cpus", "isolate", "18446744073709551617", "above 8191"}, /* 2^64 + 1 */
	{"cpus", "isolate", "3:1/2", "expected a CPU list"}, /* -EINVAL to the kernel too */
	{"cpus", "isolate", "0-7:3/2", "USED/GROUP"},
	{"cpus", "isolate", "0-7:0/2", "USED/GROUP"},
	{"cpus", "isolate", "0-7:1/0", "USED/GROUP"},
	{"cpus", "isolate", "0-7:1", "expected a CPU list"},
	{"cpus", "isolate", "0-7:1/", "expected a CPU list"},
	{"cpus", "isolate", "0x8", "expected a CPU list"},
	{"cpus", "isolate", "1,,2", "an empty element"},
	{"cpus", "isolate", "1\xc2\xa0", "not ASCII"},
	{"cpus", "isolate", "1 \"2\" 3", "a quote within"},
	{"kernel", "isolcpus", "None", "`none`"},
	{"kernel", "irqaffinity", "none,1", "`none`"},
	{"kernel", "iommu", "yes", "expected `on` or `pt` or `off`"},
	{"kernel", "acs-override", "upstream", "expected a list of downstream"},
	{"kernel", "acs-override", "id:8086", "expected a list of downstream"},
	{"kernel", "acs-override", "id:8086:a1b2:0", "expected a list of downstream"},
	{"kernel", "acs-override", "downstream,downstream", "an element twice"},
	{"kernel", "args", "a=\"b", "is opened and not closed"},
	{"kernel", "args", "a -- b", "`--`"},
	{"kernel", "args", "a --", "`--`"},
	{"kernel", "args", "=b", "without a name"},
	{"kernel", "args", "\"\"", "without a name"},
	{"kernel", "args", "\"quiet splash\"", "a blank within a name"},
	{"kernel", "args", "name=\xc3\xa0", "byte 0xa0"},
	{"kernel", "args", "", "the value is empty"},
	{"hugepages", "1G", "-1", "expected a count"},
	{"hugepages", "1G", "0:", "expected a count"},
	{"hugepages", "1G", ":5", "expected a count"},
	{"hugepages", "1G", "0:1:2", "expected a count"},
	{"hugepages", "1G", "16G", "expected a count"},
	{"hugepages", "1G", "4,8", "with and without a node"},
	{"hugepages", "1G", "4,0:8", "with and without a node"},
	{"hugepages", "1G", "0:8,4", "with and without a node"},
	{"hugepages", "1G", "0:8,1:1,0:4", "a node twice"},
	{"hugepages", "1G", "1024:1", "a node above"},
	{"hugepages", "1G", "99999999999:1", "a node above"},
	{"hugepages", "1G", "1000000000", "a count above"},
	{"hugepages", "3M", "1", "unknown key `3M` in [hugepages]; expected a page size"},
	{"hugepages", "1024M", "1", "expected a page size"}, /* that is 1G */
	{"hugepages", "0M", "1", "expected a page size"},
	{"hugepages", "02M", "1", "expected a page size"},
	{"hugepages", "2m", "1", "expected a page size"},
	{"hugepages", "2MB", "1", "expected a page size"},
	{"hugepages", "2K", "1", "expected a page size"},
	{"hugepages", "SIZE", "1", "expected a page size"},
	{"guest g", "devices", "9lives", "expected a list of names"},
	{"guest g", "devices", "a b", "expected a list of names"},
	{"guest g", "devices", "a,a", "an element twice"},
	{"guest g", "hugepages-3G", "1", "unknown key `hugepages-3G` in [guest g]"},
	{"guest g", "hugepages-SIZE", "1", "unknown key `hugepages-SIZE`"},
	{"guest g", "cpus", "none", "expected a CPU list"},
	{"guest g", "governor", "fast and slow", "expected a cpufreq governor"},
	{"guest g", "governor", "longer-than-that", "expected a cpufreq governor"},
	{"guest g", "min-frequency", "800", "expected `max`"},
	{"guest g", "isolate", "8-15", "expected `no` or `yes`"},
	{"guest g", "stop-units", "sddm", "expected a list of systemd units"},
	{"guest g", "stop-units", ".service", "expected a list of systemd units"},
	{"guest g", "stop-units", "--now.service", "expected a list of systemd units"},
	{"guest g", "stop-units", "a.service b.service", "expected a list of systemd units"},
	{"guest g", "stop-units", "a/../b.service", "expected a list of systemd units"},
	{"guest g", "stop-units", "a.service,a.service", "an element twice"},

	/* keys */
	{"device d", "adress", "0b:00.0",
	 "unknown key `adress` in [device d]; did you mean `address`"},
	{"device d", "functoins", "all", "did you mean `functions`?"},
	{"device d", "allow_storage", "yes", "did you mean `allow-storage`?"},
	{"device d", "Path", "0b:00.0", "did you mean `path`?"},
	{"device d", "colour", "red",
	 "expected one of path, id, class, subsystem, address, functions"},
	{"device d", "cpus", "1", "it is a key of [guest]"},
	{"cpus", "isolcpus", "1", "it is a key of [kernel]"},
	{"kernel", "isolate", "1", "it is a key of [cpus]"},
	{"kernel", "acs_override", "downstream", "did you mean `acs-override`?"},
	{"guest g", "device", "x", "did you mean `devices`?"},
};

static void test_bad_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		bool device = !strncmp(bad[i].section, "device", 6);
		char text[512];

		snprintf(text, sizeof(text), "[%s]\n%s%s = %s\n", bad[i].section, device ? ID : "",
			 bad[i].key, bad[i].value);
		refuse(text, device ? 3 : 2, bad[i].words);
	}
}

static const struct {
	const char *text;
	unsigned line;
	const char *words;
} bad_texts[] = {
	/* lines */
	{"a = b\n", 1, "before the first `[section]`"},
	{"\n\nx\n", 3, "before the first `[section]`"},
	{"[cpus]\nisolate\n", 2, "`isolate`: expected `key = value` or `[section]`"},
	{"[cpus]\nisolate # = 1\n", 2, "expected `key = value`"},
	{"[cpus]\n = 1\n", 2, "no key before"},
	{"[cpus]\niso late = 1\n", 2, "`iso late` is no key"},
	{"[cpus]\n\"isolate\" = 1\n", 2, "is no key"},
	{"[cpus]\nisol\xc3\xa4te = 1\n", 2, "is no key"},
	{"[cpus]\n\xc2\xa0isolate = 1\n", 2, "is no key"},
	{"[cpus]\nisolate = 1 \\\n2\n", 2, "expected a CPU list"}, /* no continuation */
	{"[cpus]\nisolate = \"1\n", 2, "is opened and not closed"},
	{"[cpus]\nisolate = \"1 # \n", 2, "is opened and not closed"},
	{"[cpus]\nisolate = 1#2\n", 2, "expected a CPU list"}, /* no comment without a blank */
	{"[cpus]\nisolate = 1\r2\n", 2, "a carriage return within the line, at byte 12"},
	{"[cpus]\r[kernel]\r", 1, "a carriage return within the line"},
	{"# a comment\rargs = 1\n", 1, "a carriage return within the line"},
	{"[cpus]\nisolate = 1\r\r\n", 2, "a carriage return within the line"},
	{"[cpus]\nisolate = 1\x01\n", 2, "control character 0x01 at byte 12"},
	{"[cpus]\nisolate = 1\x7f\n", 2, "control character 0x7f"},
	{"[cpus]\nisolate = 1\n\xef\xbb\xbf\n", 3, "expected `key = value`"}, /* not at the start */

	/* sections */
	{"[cpus\nisolate = 1\n", 1, "the `]` of the section is missing"},
	{"[cpus # ]\n", 1, "the `]` of the section is missing"},
	{"[cpus] isolate = 1\n", 1, "`isolate = 1` after the `]`"},
	{"[]\n", 1, "a section without a name"},
	{"[ ]\n", 1, "a section without a name"},
	{"[devices gpu]\n", 1, "unknown section [devices gpu]; did you mean `device`?"},
	{"[devcie gpu]\n", 1, "did you mean `device`?"},
	{"[cpu]\n", 1, "did you mean `cpus`?"},
	{"[Kernel]\n", 1, "did you mean `kernel`?"},
	{"[vm win11]\n", 1,
	 "expected [device NAME], [cpus], [kernel], [hugepages] or [guest NAME]"},
	{"[device]\n", 1, "[device] needs a name"},
	{"[guest ]\n", 1, "[guest] needs a name"},
	{"[cpus host]\n", 1, "[cpus] has no name"},
	{"[device 2nd]\n", 1, "a name begins with a letter"},
	{"[device a b]\n", 1, "a name begins with a letter"},
	{"[device \"a\"]\n", 1, "a name begins with a letter"},
	{"[device a/b]\n", 1, "a name begins with a letter"},
	{"[device 0123456789012345678901234567890123456789012345678901234567890123]\n", 1,
	 "at most 63"},
	{"[device a123456789012345678901234567890123456789012345678901234567890123]\n", 1,
	 "at most 63"},
	{"[cpus]\na123456789012345678901234567890123456789012345678901234567890123 = 1\n", 2,
	 "a key of 64 bytes"},

	/* the same twice */
	{"[cpus]\nisolate = 1\n\nisolate = 1\n", 4, "`isolate` stands in line 2 already"},
	{"[cpus]\n[kernel]\n[cpus]\n", 3, "[cpus] stands in " FILE_NAME ":1 already"},
	{GPU "[device x]\n" ID GPU, 5, "[device gpu] stands in " FILE_NAME ":1 already"},
	{"[guest b]\n[guest a]\n[guest b]\n[guest a]\n[guest b]\n", 3,
	 "[guest b] stands in " FILE_NAME ":1 already"}, /* the first repetition */

	/* what does not go together */
	{"[device gpu]\nclass = 0300\n", 1, "[device gpu] has no `id`"},
	{"[device gpu]\nid = 1002\n", 2, "expected VENDOR:DEVICE"},
	{"[device gpu]\nid =\n", 2, "the value is empty"},
	{GPU "path = 00:01.0\nmatch = all\n", 4, "has a `path`, and `match = all`"},
	{GPU "match = all\nmoved = claim\n", 3, "`moved = claim`, which looks for one card"},
	{GPU "path = 00:01.0/00.0\n[device b]\n" ID "path = 0000:00:01.0/00.0\n", 6,
	 "[device b] has the `path` of [device gpu], " FILE_NAME ":3"},
	{GPU "address = 0b:00.0\n[device b]\n" ID "address = 0000:0b:00.0\n", 6,
	 "[device b] has the `address` of [device gpu], " FILE_NAME ":3"},
	{"[kernel]\niommu = off\n" GPU, 2,
	 "`iommu = off` contradicts [device gpu], " FILE_NAME ":3"},
	{GPU "[guest g]\ndevices = gpu,gpv\n", 4,
	 "[guest g] names the device `gpv`, and there is no [device gpv]; did you mean `gpu`?"},
	{"[guest gpu]\ndevices = gpu\n", 2, "there is no [device gpu]"},
	{"[guest g]\ngovernor = performance\n", 2,
	 "[guest g] has no `cpus`, which `governor` is for"},
	{"[guest g]\nisolate = no\nmin-frequency = max\n", 3, "which `min-frequency` is for"},
	{"[guest h]\ncpus = 1\n[guest g]\nisolate = yes\n", 4, "which `isolate` is for"},
};

static void test_bad_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_texts); i++)
		refuse(bad_texts[i].text, bad_texts[i].line, bad_texts[i].words);
}

static void test_good_texts(void **state)
{
	static const struct {
		const char *text;
		size_t devices, entries;
	} texts[] = {
		{"", 0, 0},
		{"\n", 0, 0},
		{"# nothing", 0, 0},
		{" \t; nothing\n#", 0, 0},
		{"[cpus]", 0, 0},
		{"[ cpus ] # but none\n", 0, 0},
		{"[guest g]\n[hugepages]\n", 0, 0},
		{"\xef\xbb\xbf[cpus]\nisolate=1", 0, 1},
		{"[cpus]\r\nisolate = 1\r\n\r\n", 0, 1},
		{"[cpus]\r\nisolate = 1\r", 0, 1},
		{"# \x01\x80\xff \" ' ]\n" GPU, 1, 1}, /* comments may hold anything */
		{"[guest g] # \" [\ncpus = 1 ; \"\n", 0, 1},
		{"[device\tgpu]\n" ID, 1, 1},
		{"[guest g]\ndevices = gpu\n" GPU, 1, 2}, /* in any order */
		{"[guest x]\n[guest X]\n[device x]\n" ID "[device X]\n" ID, 2, 2},
		{"[kernel]\niommu = off\n", 0, 1},
		{"[kernel]\niommu = pt\n" GPU, 1, 2},
		/* one address, but what counts is the path */
		{GPU "address = 0b:00.0\npath = 00:01.0\n[device b]\n" ID "address = 0b:00.0\n", 2,
		 5},
		{GPU "address = 0b:00.0\npath = 00:01.0\n[device b]\n" ID
		     "address = 0b:00.0\npath = 00:01.0/00.0\n",
		 2, 6},
		{GPU "[device b]\n" ID, 2, 2}, /* neither has a place */
		{GPU "match = all\naddress = 0b:00.0\n", 1, 3},
		{"[device a12345678901234567890123456789012345678901234567890123456789012]\n" ID, 1,
		 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct profile profile = accept_text(texts[i].text, strlen(texts[i].text));

		assert_int_equal(profile.device_count, texts[i].devices);
		assert_int_equal(profile.entry_count, texts[i].entries);
		profile_free(&profile);
	}
}

static void test_nul(void **state)
{
	static const char in_value[] = "[cpus]\nisolate = 1\0\n[kernel]\n";
	static const char in_comment[] = "# a\0b\n[cpus]\n";
	static const char at_end[] = "[cpus]\nisolate = 1\n\0";

	(void)state;
	refuse_sized(in_value, sizeof(in_value) - 1, 2, "a NUL byte");
	refuse_sized(in_comment, sizeof(in_comment) - 1, 1, "a NUL byte");
	refuse_sized(at_end, sizeof(at_end) - 1, 3, "a NUL byte");
}

/* A second line of size bytes, filled after its beginning; ends with end. */
static char *line_of(size_t size, const char *begin, char fill, const char *end, size_t *ret_size)
{
	static const char head[] = "[kernel]\n";
	size_t at = sizeof(head) - 1, total = at + size + strlen(end);
	char *text = malloc(total + 1);

	assert_non_null(text);
	memcpy(text, head, at);
	memset(text + at, fill, size);
	memcpy(text + at, begin, strlen(begin));
	memcpy(text + at + size, end, strlen(end) + 1);
	*ret_size = total;
	return text;
}

static void test_long_lines(void **state)
{
	static const struct {
		size_t size;
		const char *begin;
		char fill;
		const char *end;
		const char *words; /* NULL: right */
	} lines[] = {
		{4096, "args = a", 'b', "", NULL},
		{4096, "args = a", 'b', "\n", NULL},
		{4096, "args = a", 'b', "\r\n", NULL}, /* the end does not count */
		{4096, "# ", ' ', "\n", NULL},
		{4097, "args = a", 'b', "", "a line of 4097 bytes; at most 4096 are"},
		{4097, "args = a", 'b', "\r\n", "a line of 4097 bytes"},
		{4097, "# ", 'x', "\n", "a line of 4097 bytes"}, /* a comment too */
		{1 << 20, "args = a", 'b', "\n[kernel]\n", "a line of 1048576 bytes"},
		{1 << 20, "", '\0', "\n", "a line of 1048576 bytes"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		size_t size;
		_cleanup_free_ char *text =
			line_of(lines[i].size, lines[i].begin, lines[i].fill, lines[i].end, &size);

		if (lines[i].words) {
			refuse_sized(text, size, 2, lines[i].words);
		} else {
			struct profile profile = accept_text(text, size);

			profile_free(&profile);
		}
	}
}

/* More sections than any host has: arrays grow, the order stays, a repetition is still found. */
static void test_many(void **state)
{
	enum { COUNT = 5000, LINE = 64 };
	_cleanup_free_ char *text = malloc(COUNT * LINE + LINE);
	struct profile profile;
	char name[16];
	size_t len = 0;

	(void)state;
	assert_non_null(text);
	for (unsigned i = 0; i < COUNT; i++)
		len += (size_t)sprintf(text + len, "[device d%u]\n" ID "address = %04x:%02x:00.0\n",
				       i, i >> 8, i & 0xff);
	profile = accept_text(text, len);
	assert_int_equal(profile.device_count, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		assert_string_equal(profile.devices[i].name, name);
		assert_int_equal(profile.devices[i].address.bus, i & 0xff);
	}
	profile_free(&profile);
	strcpy(text + len, "[device d77]\n" ID);
	refuse(text, COUNT * 3 + 1, "[device d77] stands in " FILE_NAME ":232 already");
	strcpy(text + len, "[device x]\n" ID "address = 0001:02:00.0\n");
	refuse(text, COUNT * 3 + 3, "[device x] has the `address` of [device d258]");
}

/* What is printed is one line that a terminal does not act upon, whatever the file holds. */
static void test_messages(void **state)
{
	static const char text[] = "[\x1b[31mred\xc2\x9b]\n";
	struct profile profile;
	char message[DIAG_STR];
	struct diag diag;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1, &profile, &diag), -EBADMSG);
	assert_int_equal(diag.line, 1);
	diag_format(&diag, message);
	assert_string_equal(message, FILE_NAME ":1: control character 0x1b at byte 2 of the line");

	refuse("[\xff\xfe]\n", 1, "unknown section [??]");
	assert_int_equal(diag_set(&diag, -EIO, NULL, 0, "%s\n\x1b", "x"), -EIO);
	assert_string_equal(diag_format(&diag, message), "x??");
	diag_set(&diag, 0, "/a\tb", 0, "y");
	assert_string_equal(diag_format(&diag, message), "/a?b: y");
	diag_set(&diag, 0, "/f", 7, "%0600d", 1);
	assert_int_equal(strlen(diag.text), sizeof(diag.text) - 1);
}

/* The seam that record.c uses too: what a line is, and that an answer of the callback ends it. */
static int stop_at_b(void *data, const char *section, const char *key, const char *value,
		     unsigned line, struct diag *diag)
{
	char *seen = data;

	(void)diag;
	sprintf(seen + strlen(seen), "%u:%s:%s:%s\n", line, section, key ? key : "-",
		value ? value : "-");
	return key && !strcmp(key, "b") ? -ECANCELED : 0;
}

static void test_ini(void **state)
{
	char text[] = "[claim gpu 0000:01:00.0]\n\n9a = \" x ; y \" ; z\na =\"\"\nb = c\nd = e\n";
	char seen[256] = "";
	struct diag diag = DIAG_INIT;

	(void)state;
	assert_int_equal(ini_parse(text, strlen(text), stop_at_b, seen, &diag), -ECANCELED);
	assert_string_equal(seen, "1:claim gpu 0000:01:00.0:-:-\n"
				  "3:claim gpu 0000:01:00.0:9a: x ; y \n"
				  "4:claim gpu 0000:01:00.0:a:\n"
				  "5:claim gpu 0000:01:00.0:b:c\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything), cmocka_unit_test(test_good_values),
		cmocka_unit_test(test_bad_values), cmocka_unit_test(test_good_texts),
		cmocka_unit_test(test_bad_texts),  cmocka_unit_test(test_nul),
		cmocka_unit_test(test_long_lines), cmocka_unit_test(test_many),
		cmocka_unit_test(test_messages),   cmocka_unit_test(test_ini),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
