// SPDX-License-Identifier: GPL-2.0-or-later
/* What options and items mean for the profile, on captured machines and in images. */
#include <string.h>

#include "bootcfg/set-options.h"
#include "tests/unit/fixture.h"

#define WORDS_MAX 8

/* A call as cmd_main() makes it of "--device|X|--force", or for `unset` of operands. */
struct words {
	char text[512];
	struct cmd_option options[WORDS_MAX];
	struct cmd_given given[WORDS_MAX];
	char *operands[WORDS_MAX];
	struct cmd_call call;
};

static void split_words(struct words *words, const struct fixture *f, const char *text)
{
	char *rest = words->text, *word;

	*words = (struct words){.call = {.root = f->root}};
	words->call.operands = words->operands;
	words->call.given = words->given;
	snprintf(words->text, sizeof(words->text), "%s", text);
	while (*text && (word = strsep(&rest, "|"))) {
		size_t n = words->call.given_count;

		assert_true(n < WORDS_MAX && words->call.operand_count < WORDS_MAX);
		if (strncmp(word, "--", 2) != 0) {
			words->operands[words->call.operand_count++] = word;
			continue;
		}
		words->options[n] = (struct cmd_option){.name = word + 2};
		words->given[n].option = &words->options[n];
		if (strcmp(word, "--force") != 0)
			words->given[n].value = strsep(&rest, "|");
		words->call.given_count++;
	}
}

/* The changes as lines: "[device gpu] id = 1002:73bf"; "- [cpus]" is taken out. The caller frees. */
static char *sets_text(const struct profile_sets *sets)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < sets->count; i++) {
		const struct profile_set *set = &sets->items[i];

		fprintf(out, "%s[%s%s%s]%s%s%s%s\n", set->value ? "" : "- ", set->section,
			*set->name ? " " : "", set->name, set->key ? " " : "",
			set->key ? set->key : "", set->value ? " = " : "",
			set->value ? set->value : "");
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

struct outcome {
	int error;
	struct diag diag;
	char *sets; /* owned */
	struct remarks remarks;
};

static void outcome_free(struct outcome *outcome)
{
	free(outcome->sets);
	remarks_free(&outcome->remarks);
}

static void run(const struct fixture *f, bool unset, const char *profile_text, const char *text,
		struct outcome *ret)
{
	_cleanup_sets_ struct profile_sets sets = {.count = 0};
	_cleanup_profile_ struct profile profile = {.memory = NULL};
	struct diag diag = DIAG_INIT;
	struct words words;
	int r = profile_parse_text(profile_text, strlen(profile_text), "/conf", &profile, &diag);

	if (r < 0)
		print_error("%s\n", diag.text);
	assert_int_equal(r, 0);
	split_words(&words, f, text);
	*ret = (struct outcome){.error = 0};
	ret->error = unset ? unset_items(&words.call, &profile, &sets, &ret->diag)
			   : set_options(&words.call, &profile, &sets, &ret->remarks, &ret->diag);
	if (ret->error < 0)
		assert_int_equal(sets.count, 0);
	ret->sets = sets_text(&sets);
}

struct row {
	const char *words;
	const char *profile; /* NULL: there is none */
	const char *sets; /* NULL: refused with error */
	int error;
	const char *
		text; /* of the message, or where it is not refused of the only remark; NULL: no remark */
	const char *more; /* that is in it too */
};

static void check_row(const struct fixture *f, bool unset, const struct row *row)
{
	_cleanup_(outcome_free) struct outcome is = {.error = 0};
	const char *text;

	run(f, unset, row->profile ? row->profile : "", row->words, &is);
	text = row->sets ? (is.remarks.count ? is.remarks.items[0] : "") : is.diag.text;
	if (is.error != row->error || (row->sets && strcmp(is.sets, row->sets) != 0) ||
	    (row->sets && is.remarks.count != (row->text ? 1 : 0)))
		print_error("%s: %d %s\n%s%s\n", row->words, is.error, is.diag.text, is.sets,
			    is.remarks.count ? is.remarks.items[0] : "");
	assert_int_equal(is.error, row->error);
	if (row->sets) {
		assert_string_equal(is.sets, row->sets);
		assert_int_equal(is.remarks.count, row->text ? 1 : 0);
	}
	if (row->text)
		assert_mentions(text, row->text, row->more, NULL);
}

static void check_rows(const struct fixture *f, bool unset, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(f, unset, &rows[i]);
}

#define SET_ROWS(f, rows) check_rows(f, false, rows, ARRAY_SIZE(rows))
#define UNSET_ROWS(f, rows) check_rows(f, true, rows, ARRAY_SIZE(rows))

/* --- cards of a machine ----------------------------------------------------------------------- */

#define D(name, rest) "[device " name "] " rest "\n"

/* The card of x570-3700x that is for a guest, and what is not so of each of its kind. */
#define NAVI_PATH "0000:00:03.1/00.0/00.0/00.0"
/* clang-format off */
#define NAVI(name)                                                                                 \
	D(name, "path = " NAVI_PATH)                                                               \
	D(name, "id = 1002:73bf")                                                                  \
	D(name, "class = 0300")                                                                    \
	D(name, "subsystem = 1da2:440f")                                                           \
	D(name, "address = 0000:0b:00.0")                                                          \
	D(name, "moved = claim")
/* clang-format on */
#define HAND                                                                                       \
	"[device gpu]\npath=" NAVI_PATH "\nid=1002:73BF\nclass=030000\nsubsystem=1DA2:440f\n"      \
	"address=0b:00.0\n"

static void test_a_card(void **state)
{
	struct fixture *f = *state;
	static const struct row rows[] = {
		{.words = "--device|0b:00.0", .sets = NAVI("guest-gpu")},
		{.words = "--device|0000:0b:00.0@1002:73bf", .sets = NAVI("guest-gpu")},
		{.words = "--device|0b:00", .sets = NAVI("guest-gpu")},
		{.words = "--device|0000:0B:00", .sets = NAVI("guest-gpu")},
		{.words = "--device|x=" NAVI_PATH, .sets = NAVI("x")},
		{.words = "--device|x.1=1002:73BF", .sets = NAVI("x.1")},
		/* The slot is meant, whichever function names it; its display gives the name. */
		{.words = "--device|0b:00.1",
		 .sets = D("guest-gpu", "path = 0000:00:03.1/00.0/00.0/00.1")
			 D("guest-gpu", "id = 1002:ab28") D("guest-gpu", "class = 0403")
				 D("guest-gpu", "subsystem = 1002:ab28")
					 D("guest-gpu", "address = 0000:0b:00.1")
						 D("guest-gpu", "moved = claim")},
		{.words = "--device|05:00.0",
		 .sets = D("guest-nic", "path = 0000:00:01.2/00.0/05.0/00.0")
			 D("guest-nic", "id = 8086:1539") D("guest-nic", "class = 0200")
				 D("guest-nic", "subsystem = 1462:7c35")
					 D("guest-nic", "address = 0000:05:00.0")
						 D("guest-nic", "moved = claim")},
		/* A twin, which is the host's: what is not in its place is not looked for. */
		{.words = "--device|0e:00.3",
		 .sets = D("guest-usb", "path = 0000:00:08.1/00.3") D("guest-usb", "id = 1022:149c")
			 D("guest-usb", "class = 0c03") D("guest-usb", "subsystem = 1462:7c35")
				 D("guest-usb", "address = 0000:0e:00.3")},
		/* A disk that nobody uses. */
		{.words = "--device|04:00.0",
		 .sets = D("guest-nvme", "path = 0000:00:01.2/00.0/01.0/00.0")
			 D("guest-nvme", "id = 15b7:5006") D("guest-nvme", "class = 0108")
				 D("guest-nvme", "subsystem = 15b7:5006")
					 D("guest-nvme", "address = 0000:04:00.0")
						 D("guest-nvme", "moved = claim")
							 D("guest-nvme", "allow-storage = yes")},
		/* The chipset's SATA; its twin at 07:00.0 has the host's data. */
		{.words = "--device|08:00.0",
		 .sets = D("guest-device", "path = 0000:00:01.2/00.0/0a.0/00.0")
			 D("guest-device", "id = 1022:7901") D("guest-device", "class = 0106")
				 D("guest-device", "subsystem = 1022:7901")
					 D("guest-device", "address = 0000:08:00.0")
						 D("guest-device", "allow-storage = yes")},
	};

	machine_named(f, "x570-3700x");
	SET_ROWS(f, rows);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	static const struct row rows[] = {
		{.words = "--device|0c:00.0",
		 .error = -EPERM,
		 .text = "boot-display",
		 .more = "--force"},
		{.words = "--device|0c:00.1",
		 .error = -EPERM,
		 .text = "boot-display",
		 .more = "0c:00.0"},
		{.words = "--device|01:00.0",
		 .error = -EPERM,
		 .text = "disk-in-use",
		 .more = "nvme0n1"},
		{.words = "--device|01:00.0|--force", .error = -EPERM, .text = "disk-in-use"},
		{.words = "--device|07:00.0",
		 .error = -EPERM,
		 .text = "disk-in-use",
		 .more = "sda1"},
		{.words = "--device|00:03.1", .error = -EPERM, .text = "bridge"},
		{.words = "--device|00:03.1|--force", .error = -EPERM, .text = "bridge"},
		{.words = "--device|0f:00.0",
		 .error = -EPERM,
		 .text = "not-found",
		 .more = "0f:00.0"},
		{.words = "--device|0f:00", .error = -EPERM, .text = "not-found"},
		{.words = "--device|0000:00:03.1/07.0", .error = -EPERM, .text = "not-found"},
		{.words = "--device|1002:7340",
		 .error = -EPERM,
		 .text = "not-found",
		 .more = "1002:7340"},
		{.words = "--device|0b:00.0@1002:73be",
		 .error = -EPERM,
		 .text = "changed",
		 .more = "1002:73bf, not 1002:73be"},
		{.words = "--device|1022:7901",
		 .error = -EPERM,
		 .text = "ambiguous",
		 .more = "0000:07:00.0 (ahci), 0000:08:00.0 (ahci)"},
		/* Two functions of one card are no two cards; those of another are. */
		{.words = "--device|1022:149c",
		 .error = -EPERM,
		 .text = "ambiguous: 2 cards",
		 .more = "0000:06:00.1 (xhci_hcd), 0000:0e:00.3 (xhci_hcd)"},
		{.words = "--device|a=0b:00.0|--device|b=0b:00.1",
		 .error = -EINVAL,
		 .text = "a=0b:00.0",
		 .more = "b=0b:00.1"},
		{.words = "--device|0b:00.0|--iommu|off", .error = -EPERM, .text = "--iommu off"},
		{.words = "--device|0b:00.0",
		 .profile = "[kernel]\niommu = off\n",
		 .error = -EPERM,
		 .text = "iommu = off",
		 .more = "--iommu pt"},
	};

	machine_named(f, "x570-3700x");
	SET_ROWS(f, rows);
}

static void test_no_spec(void **state)
{
	struct fixture *f = *state;
	static const char *const specs[] = {
		"",
		"x=",
		"=0b:00.0",
		"1x=0b:00.0",
		"x y=0b:00.0",
		"0b:00.8",
		"0b:20.0",
		"b:00.0",
		"0b:00.0.0",
		"0b:00.0@",
		"0b:00.0@1002",
		"0b:00.0@1002:73bf ",
		"@1002:73bf",
		"1002:73bf@1002:73bf",
		"1002:73bg",
		"1002:73bf0",
		"0000:00:03.1/",
		"/00.0",
		"0000:00:03.1/00.0/",
		"x=y=0b:00.0",
		"0b:00.0\n",
		"guest-gpu",
	};

	for (int live = 0; live < 2; live++) {
		if (live)
			machine_named(f, "x570-3700x");
		else
			machine_open(f);
		for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
			char words[64];

			snprintf(words, sizeof(words), "--device|%s", specs[i]);
			check_row(f, false,
				  &(struct row){
					  .words = words, .error = -EINVAL, .text = "--device"});
		}
	}
}

static void test_force(void **state)
{
	struct fixture *f = *state;
	static const struct row rows[] = {
		{.words = "--device|0c:00.0|--force",
		 .sets = D("guest-gpu", "path = 0000:00:03.2/00.0") D("guest-gpu", "id = 1002:67df")
			 D("guest-gpu", "class = 0300") D("guest-gpu", "subsystem = 1da2:e353")
				 D("guest-gpu", "address = 0000:0c:00.0")
					 D("guest-gpu", "moved = claim")
						 D("guest-gpu", "allow-boot-display = yes")},
		/* Where it is allowed already, --force is not asked for again. */
		{.words = "--device|0c:00.0",
		 .profile = "[device x]\npath=0000:00:03.2/00.0\nid=1002:67df\nclass=0300\n"
			    "subsystem=1da2:e353\naddress=0c:00.0\nmoved=refuse\n"
			    "allow-boot-display=yes\n",
		 .sets = ""},
	};

	machine_named(f, "x570-3700x");
	SET_ROWS(f, rows);
}

/* The same name or the same card is the same section. */
static void test_update(void **state)
{
	struct fixture *f = *state;
	static const struct row rows[] = {
		/* All is as wanted, in the words of whoever wrote it. */
		{.words = "--device|0b:00.0", .profile = HAND "moved=claim\n", .sets = ""},
		{.words = "--device|0b:00.0",
		 .profile = HAND "moved=refuse\nclaim=guest\n",
		 .sets = ""},
		{.words = "--device|0b:00.2",
		 .profile = HAND "moved=claim\n",
		 .sets = D("gpu", "path = 0000:00:03.1/00.0/00.0/00.2") D("gpu", "id = 1002:73a6")
			 D("gpu", "class = 0c03") D("gpu", "address = 0000:0b:00.2")},
		{.words = "--device|gpu=0b:00.0",
		 .profile = HAND,
		 .sets = D("gpu", "moved = claim")},
		{.words = "--device|other=0b:00.0",
		 .profile = HAND "moved=claim\n",
		 .sets = "",
		 .text = "is [device gpu] already"},
		/* What an image's builder wrote is completed. */
		{.words = "--device|0b:00.0",
		 .profile = "[device x]\naddress=0b:00.0\nid=1002:73bf\n",
		 .sets = D("x", "path = " NAVI_PATH) D("x", "class = 0300")
			 D("x", "subsystem = 1da2:440f") D("x", "moved = claim")},
		{.words = "--device|0b:00.0",
		 .profile = "[device x]\nid=1002:73bf\nmoved=refuse\n",
		 .sets = D("x", "path = " NAVI_PATH) D("x", "class = 0300")
			 D("x", "subsystem = 1da2:440f") D("x", "address = 0000:0b:00.0")},
		/* The card sits elsewhere by now, or another one in its place. */
		{.words = "--device|0b:00.0",
		 .profile = "[device x]\npath=0000:00:03.2/07.0\nid=1002:73bf\nmoved=claim\n",
		 .sets = D("x", "path = " NAVI_PATH) D("x", "class = 0300")
			 D("x", "subsystem = 1da2:440f") D("x", "address = 0000:0b:00.0")},
		{.words = "--device|0b:00.0",
		 .profile = "[device x]\npath=" NAVI_PATH "\nid=10de:1b80\nclass=0300\n"
			    "functions=0,1\nallow-boot-display=yes\nclaim=guest\n",
		 .sets = "- [device x] functions\n" D("x", "id = 1002:73bf")
			 D("x", "subsystem = 1da2:440f") D("x", "address = 0000:0b:00.0")
				 D("x", "moved = claim") "- [device x] allow-boot-display\n"},
		/* A name that meant another card: of that nothing is left but the name. */
		{.words = "--device|gpu=05:00.0",
		 .profile = HAND "moved=refuse\nfunctions=0\nallow-storage=yes\n",
		 .sets = "- [device gpu] functions\n" D("gpu", "path = 0000:00:01.2/00.0/05.0/00.0")
			 D("gpu", "id = 8086:1539") D("gpu", "class = 0200") D(
				 "gpu", "subsystem = 1462:7c35") D("gpu", "address = 0000:05:00.0")
				 D("gpu", "moved = claim") "- [device gpu] allow-storage\n"},
		/* One section for many cards becomes one for this card. */
		{.words = "--device|m=0b:00.0",
		 .profile = "[device m]\nid=1002:73bf\nmatch=all\n",
		 .sets = "- [device m] match\n" D("m", "path = " NAVI_PATH) D("m", "class = 0300")
			 D("m", "subsystem = 1da2:440f") D("m", "address = 0000:0b:00.0")
				 D("m", "moved = claim")},
		/* Listed functions stay where the card is the same. */
		{.words = "--device|0b:00.0",
		 .profile = HAND "moved=claim\nfunctions=0,1\n",
		 .sets = ""},
		{.words = "--device|gpu=0b:00.2",
		 .profile = HAND "moved=claim\nfunctions=0,1\n",
		 .sets = "- [device gpu] functions\n" D("gpu", "path = 0000:00:03.1/00.0/00.0/00.2")
			 D("gpu", "id = 1002:73a6") D("gpu", "class = 0c03")
				 D("gpu", "address = 0000:0b:00.2")},
		/* A twin came: what would take it for the card goes. */
		{.words = "--device|0e:00.3",
		 .profile = "[device u]\npath=0000:00:08.1/00.3\nid=1022:149c\nclass=0c03\n"
			    "subsystem=1462:7c35\naddress=0000:0e:00.3\nmoved=claim\n",
		 .sets = "- [device u] moved\n",
		 .text = "moved = claim is taken out"},
	};

	machine_named(f, "x570-3700x");
	SET_ROWS(f, rows);
}

/* Names that are taken, by the profile or in the same call. */
static void test_names(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *words;
		const char *names[4]; /* that sections are made of, in order */
	} rows[] = {
		{"--device|01:00.0|--device|02:00.0", {"guest-gpu-2", "guest-gpu-4"}},
		{"--device|guest-gpu-2=01:00.0|--device|02:00.0", {"guest-gpu-2", "guest-gpu-4"}},
		{"--device|02:00.0|--device|guest-gpu-4=01:00.0", {"guest-gpu-2", "guest-gpu-4"}},
	};

	machine_named(f, "dual-q35");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(outcome_free) struct outcome is = {.error = 0};
		const char *at;

		run(f, false,
		    "[device guest-gpu]\nid = 10de:1b80\n[device guest-gpu-3]\nid = 10de:1b81\n",
		    rows[i].words, &is);
		assert_int_equal(is.error, 0);
		at = is.sets;
		for (size_t j = 0; rows[i].names[j]; j++) {
			char header[64];

			snprintf(header, sizeof(header), "[device %s] path", rows[i].names[j]);
			at = strstr(at, header);
			if (!at)
				print_error("%s: no %s in\n%s", rows[i].words, header, is.sets);
			assert_non_null(at);
		}
	}
}

static void test_conflicts(void **state)
{
	struct fixture *f = *state;
	static const struct row rows[] = {
		{.words = "--device|b=0b:00.0",
		 .profile = HAND "[device b]\naddress=05:00.0\nid=8086:1539\n",
		 .error = -EPERM,
		 .text = "conflict",
		 .more = "unset device:gpu"},
		/* Another section lists a function of the slot. */
		{.words = "--device|0b:00.0",
		 .profile = "[device a]\naddress=0b:00.1\nid=1002:ab28\nfunctions=1\n",
		 .error = -EPERM,
		 .text = "conflict",
		 .more = "[device a]"},
	};

	machine_named(f, "x570-3700x");
	SET_ROWS(f, rows);
}

/* What else of its group the host holds: no reason to refuse, since an ACS override may be wanted. */
static void test_group(void **state)
{
	struct fixture *f = *state;
	static const char tree[] =
		"pci 0000:00:01.0 id=8086:1539 class=020000 group=3 driver=igb\n"
		"pci 0000:01:00.0 id=1002:73bf class=038000 group=1\n"
		"pci 0000:01:00.1 id=1002:ab28 class=040300 group=1 driver=snd_hda_intel\n"
		"pci 0000:02:00.0 id=8086:1539 class=020000 group=1 driver=igb\n"
		"pci 0000:03:00.0 id=1b36:000c class=060400 group=1 driver=pcieport\n"
		"pci 0000:04:00.0 id=1002:73ba class=038000 group=1 driver=amdgpu\n"
		"pci 0000:05:00.0 id=1234:1111 class=030000 group=2 boot_vga=1\n";
	_cleanup_(outcome_free) struct outcome is = {.error = 0};

	machine_text(f, tree);
	run(f, false, "", "--device|01:00.0|--device|x=04:00.0", &is);
	assert_int_equal(is.error, 0);
	assert_int_equal(is.remarks.count, 2);
	assert_mentions(is.remarks.items[0], "0000:01:00.0", "group 1", "0000:02:00.0", "igb",
			NULL);
	assert_mentions(is.remarks.items[1], "0000:04:00.0", "0000:02:00.0", NULL);
}

/* Without an IOMMU, which this very call may switch on; what is unsafe is refused all the same. */
static void test_no_iommu(void **state)
{
	struct fixture *f = *state;
	static const struct row rows[] = {
		{.words = "--device|gpu=01:00.0|--iommu|pt",
		 .sets = D("gpu", "path = 0000:00:10.0/00.0") D("gpu", "id = 1234:1111")
			 D("gpu", "class = 0380") D("gpu", "subsystem = 1af4:1100")
				 D("gpu", "address = 0000:01:00.0") "[kernel] iommu = pt\n",
		 .text = "no IOMMU group now",
		 .more = "0000:01:00.0"},
		{.words = "--device|00:01.0", .error = -EPERM, .text = "boot-display"},
		{.words = "--device|00:02.0",
		 .error = -EPERM,
		 .text = "disk-in-use",
		 .more = "vda"},
	};

	machine_named(f, "no-iommu");
	SET_ROWS(f, rows);
}

/* What the section does not take of its slot is not looked at. */
static void test_listed_functions(void **state)
{
	struct fixture *f = *state;
	static const char tree[] =
		"pci 0000:00:01.0 id=1234:1111 class=030000 group=1 boot_vga=1\n"
		"pci 0000:00:02.0 id=10de:1b80 sub=0001:0002 class=030000 group=2 driver=nouveau\n"
		"pci 0000:00:02.1 id=144d:a808 class=010802 group=3 driver=nvme\n"
		"pci 0000:00:03.0 id=10de:1b82 class=038000 group=4\n"
		"pci 0000:00:03.1 id=1b36:000c class=060400 group=5 driver=pcieport\n"
		"pci 0000:01:00.0 parent=0000:00:03.1 id=144d:a808 class=010802 group=6 "
		"driver=nvme\n"
		"disk nvme1n1 at=0000:01:00.0 below=nvme/nvme1 dev=259:1 sectors=8\n"
		"disk nvme0n1 at=0000:00:02.1 below=nvme/nvme0 dev=259:0 sectors=8\n"
		"proc/self/mountinfo << END\n22 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n"
		"23 22 259:1 / /srv rw - ext4 /dev/nvme1n1 rw\nEND\n";
	static const struct row rows[] = {
		{.words = "--device|00:02.0", .error = -EPERM, .text = "disk-in-use"},
		{.words = "--device|00:02.0",
		 .profile = "[device x]\npath=0000:00:02.0\nid=10de:1b80\nclass=0300\n"
			    "subsystem=0001:0002\naddress=00:02.0\nmoved=claim\nfunctions=0\n",
		 .sets = ""},
		/* A bridge stays with the host, and what hangs below it. */
		{.words = "--device|x=00:03.0",
		 .sets = D("x", "path = 0000:00:03.0") D("x", "id = 10de:1b82")
			 D("x", "class = 0380") D("x", "address = 0000:00:03.0")
				 D("x", "moved = claim")},
	};

	machine_text(f, tree);
	SET_ROWS(f, rows);
}

/* Given back in this boot: the next one is meant. */
static void test_released(void **state)
{
	struct fixture *f = *state;

	machine_named(f, "x570-3700x");
	put(f, "run/vfio-bootcfg/released/0000:0b:00.1", "%s", "");
	check_row(f, false,
		  &(struct row){.words = "--device|0b:00.0",
				.sets = NAVI("guest-gpu"),
				.text = "next boot",
				.more = "0000:0b:00.1"});
}

/* A virtual function shows the path of its physical one, and is a card of its own. */
static void test_virtual_function(void **state)
{
	struct fixture *f = *state;
	static const char tree[] =
		"pci 0000:00:02.0 id=1b36:000c class=060400 group=1 driver=pcieport\n"
		"pci 0000:01:00.0 id=8086:1572 class=020000 parent=0000:00:02.0 group=2 "
		"driver=i40e\n"
		"pci 0000:02:00.0 id=8086:154c class=020000 parent=0000:00:02.0 group=3 "
		"driver=iavf\n"
		"pci 0000:02:00.1 id=8086:154c class=020000 parent=0000:00:02.0 group=4 "
		"driver=iavf\n"
		"pci 0000:02:00.2 id=144d:a80a class=010802 parent=0000:00:02.0 group=5\n"
		"sys/bus/pci/devices/0000:02:00.2/physfn -> ../0000:01:00.1\n"
		"sys/bus/pci/devices/0000:02:00.0/physfn -> ../0000:01:00.0\n"
		"sys/bus/pci/devices/0000:02:00.1/physfn -> ../0000:01:00.0\n";
	static const struct row rows[] = {
		{.words = "--device|vf=02:00.0",
		 .sets = D("vf", "id = 8086:154c") D("vf", "class = 0200")
			 D("vf", "address = 0000:02:00.0")},
		{.words = "--device|pf=01:00.0",
		 .sets = D("pf", "path = 0000:00:02.0/00.0") D("pf", "id = 8086:1572")
			 D("pf", "class = 0200") D("pf", "address = 0000:01:00.0")
				 D("pf", "moved = claim")},
		{.words = "--device|8086:154c", .error = -EPERM, .text = "ambiguous: 2 cards"},
	};

	machine_text(f, tree);
	SET_ROWS(f, rows);
}

static void test_no_bus(void **state)
{
	struct fixture *f = *state;

	put(f, ".vfio-machine", "%s", "");
	machine_open(f);
	check_row(
		f, false,
		&(struct row){.words = "--device|0b:00.0", .error = -EPERM, .text = "no PCI bus"});
	/* Without a card nobody looks for one. */
	check_row(f, false, &(struct row){.words = "--cpus|8", .sets = "[cpus] isolate = 8\n"});
}

/* --- cards of an image ------------------------------------------------------------------------ */

static void test_image(void **state)
{
	struct fixture *f = *state;
	static const char old[] = "[device x]\naddress=0b:00.0\npath=" NAVI_PATH
				  "\nid=1002:73BF\nclass=0300\nmoved=claim\nclaim=guest\n";
	static const struct row rows[] = {
		{.words = "--device|gpu=0b:00.0@1002:73BF",
		 .sets = D("gpu", "id = 1002:73bf") D("gpu", "address = 0000:0b:00.0")},
		{.words = "--device|0b:00@1002:73bf",
		 .sets = D("guest-device", "id = 1002:73bf")
			 D("guest-device", "address = 0000:0b:00.0")},
		{.words = "--device|" NAVI_PATH "@1002:73bf",
		 .sets = D("guest-device", "path = " NAVI_PATH)
			 D("guest-device", "id = 1002:73bf")},
		{.words = "--device|1002:73bf|--device|n=8086:1539",
		 .sets = D("guest-device", "id = 1002:73bf") D("n", "id = 8086:1539")},
		{.words = "--device|gpu=0b:00.0",
		 .error = -EINVAL,
		 .text = "in an image",
		 .more = "gpu=0b:00.0@VENDOR:DEVICE"},
		{.words = "--device|" NAVI_PATH, .error = -EINVAL, .text = "in an image"},
		{.words = "--device|0b:00.0@1002:73bf", .profile = old, .sets = ""},
		{.words = "--device|x=" NAVI_PATH "@1002:73bf", .profile = old, .sets = ""},
		/* Another card: what the section said of the old one goes. */
		{.words = "--device|x=0c:00.0@1002:73bf",
		 .profile = old,
		 .sets = "- [device x] class\n- [device x] moved\n- [device x] path\n" D(
			 "x", "address = 0000:0c:00.0")},
		{.words = "--device|x=0b:00.0@1002:67df",
		 .profile = old,
		 .sets = "- [device x] class\n- [device x] moved\n- [device x] path\n" D(
			 "x", "id = 1002:67df")},
		{.words = "--device|x=10de:1b80",
		 .profile = old,
		 .sets = "- [device x] class\n- [device x] moved\n- [device x] path\n" D(
			 "x", "id = 10de:1b80") "- [device x] address\n"},
		{.words = "--device|a=1002:73bf|--device|1002:73bf",
		 .error = -EINVAL,
		 .text = "both mean [device a]"},
	};

	/* Whatever lies about there is not looked at. */
	put(f, "sys/bus/pci/devices/0000:0b:00.0/uevent", "%s", "PCI_ID=FFFF:FFFF\n");
	machine_open(f);
	SET_ROWS(f, rows);
}

/* --- other options ---------------------------------------------------------------------------- */

static void test_plain(void **state)
{
	struct fixture *f = *state;
	static const struct row rows[] = {
		{.words = "", .sets = ""},
		{.words = "--cpus|2-7, 10-15", .sets = "[cpus] isolate = 2-7,10-15\n"},
		{.words = "--cpus|1|--cpus|2", .sets = "[cpus] isolate = 2\n"},
		{.words = "--acs-override|downstream,id:1002:73bf|--irqaffinity|0-7|--isolcpus|none"
			  "|--iommu|on",
		 .sets = "[kernel] iommu = on\n[kernel] isolcpus = none\n"
			 "[kernel] irqaffinity = 0-7\n"
			 "[kernel] acs-override = downstream,id:1002:73bf\n"},
		{.words = "--iommu|off", .sets = "[kernel] iommu = off\n"},
		{.words = "--iommu|off", .profile = HAND, .error = -EPERM, .text = "--iommu off"},
		{.words = "--iommu|maybe", .error = -EINVAL, .text = "--iommu", .more = "`pt`"},
		{.words = "--cpus|8-",
		 .error = -EINVAL,
		 .text = "--cpus",
		 .more = "`isolate = 8-`"},
		{.words = "--cpus|", .error = -EINVAL, .text = "--cpus", .more = "empty"},
		{.words = "--cpus|8 # but not 9", .error = -EINVAL, .text = "--cpus"},
		{.words = "--cpus|\"8\"", .error = -EINVAL, .text = "--cpus", .more = "quote"},
		{.words = "--cpus|8\n[kernel]",
		 .error = -EINVAL,
		 .text = "--cpus",
		 .more = "control character"},
		{.words = "--cpus|all",
		 .error = -EINVAL,
		 .text = "--cpus",
		 .more = "no CPU is left"},
		{.words = "--isolcpus|x", .error = -EINVAL, .text = "--isolcpus"},
		{.words = "--irqaffinity|x", .error = -EINVAL, .text = "--irqaffinity"},
		{.words = "--acs-override|up", .error = -EINVAL, .text = "--acs-override"},
	};

	machine_open(f);
	SET_ROWS(f, rows);
}

static void test_pages(void **state)
{
	struct fixture *f = *state;
	static const struct row rows[] = {
		{.words = "--hugepages|1G=16|--hugepages|2m=0:512, 1:512",
		 .sets = "[hugepages] 1G = 16\n[hugepages] 2M = 0:512,1:512\n"},
		{.words = "--hugepages|1048576k=1|--hugepages|2048K=2|--hugepages|1024m=3",
		 .sets = "[hugepages] 1G = 3\n[hugepages] 2M = 2\n"},
		{.words = "--hugepages|1G=0|--hugepages|2M=2|--hugepages|1G=3",
		 .sets = "[hugepages] 1G = 3\n[hugepages] 2M = 2\n"},
		{.words = "--hugepages|64k=8|--hugepages|16g=1",
		 .sets = "[hugepages] 64K = 8\n[hugepages] 16G = 1\n"},
		{.words = "--hugepages|1g=0", .sets = "- [hugepages] 1G\n"},
		{.words = "--hugepages|1G=0:0", .sets = "[hugepages] 1G = 0:0\n"},
		{.words = "--hugepages|1G", .error = -EINVAL, .text = "SIZE=VALUE"},
		{.words = "--hugepages|=4", .error = -EINVAL, .text = "SIZE=VALUE"},
		{.words = "--hugepages|2048=4", .error = -EINVAL, .text = "SIZE=VALUE"},
		{.words = "--hugepages|3M=4", .error = -EINVAL, .text = "SIZE=VALUE"},
		{.words = "--hugepages|0M=4", .error = -EINVAL, .text = "SIZE=VALUE"},
		{.words = "--hugepages|1T=4", .error = -EINVAL, .text = "SIZE=VALUE"},
		{.words = "--hugepages|2MB=4", .error = -EINVAL, .text = "SIZE=VALUE"},
		{.words = "--hugepages|99999999999999999999G=4",
		 .error = -EINVAL,
		 .text = "SIZE=VALUE"},
		{.words = "--hugepages|1G=",
		 .error = -EINVAL,
		 .text = "--hugepages",
		 .more = "empty"},
		{.words = "--hugepages|1G=-1",
		 .error = -EINVAL,
		 .text = "--hugepages",
		 .more = "`1G = -1`"},
		{.words = "--hugepages|1G=1,0:2", .error = -EINVAL, .text = "--hugepages"},
	};

	machine_open(f);
	SET_ROWS(f, rows);
}

static void test_args(void **state)
{
	struct fixture *f = *state;
	static const char old[] = "[kernel]\nargs = quiet a-b=1 console=tty0 \"x=y z\"\n";
	static const struct row rows[] = {
		{.words = "--arg|quiet|--arg|kvm.ignore_msrs=1",
		 .sets = "[kernel] args = quiet kvm.ignore_msrs=1\n"},
		{.words = "--arg|dyndbg=file a.c +p",
		 .sets = "[kernel] args = dyndbg=\"file a.c +p\"\n"},
		{.words = "--arg|dyndbg=\"file a.c +p\"",
		 .sets = "[kernel] args = dyndbg=\"file a.c +p\"\n"},
		{.words = "--arg|\"x=y z\"", .sets = "[kernel] args = \"x=y z\"\n"},
		{.words = "--arg|a=b # c", .sets = "[kernel] args = a=\"b # c\"\n"},
		/* Its name is there: in its place; `-` and `_` are the same. */
		{.words = "--arg|a_b=2|--arg|x=2",
		 .profile = old,
		 .sets = "[kernel] args = quiet a_b=2 console=tty0 x=2\n"},
		{.words = "--arg|a_b=1",
		 .profile = old,
		 .sets = "[kernel] args = quiet a-b=1 console=tty0 \"x=y z\"\n"},
		{.words = "--arg|x=y z",
		 .profile = old,
		 .sets = "[kernel] args = quiet a-b=1 console=tty0 \"x=y z\"\n"},
		{.words = "--arg|a=3",
		 .profile = "[kernel]\nargs = a=1 b a=2\n",
		 .sets = "[kernel] args = a=3 b\n"},
		/* What may be there many times. */
		{.words = "--arg|console=ttyS0",
		 .profile = old,
		 .sets = "[kernel] args = quiet a-b=1 console=tty0 \"x=y z\" console=ttyS0\n"},
		{.words = "--arg|console=tty0|--arg|console=tty1|--arg|console=tty1",
		 .profile = "[kernel]\nargs = console=tty0\n",
		 .sets = "[kernel] args = console=tty0 console=tty1\n"},
		{.words = "--arg|", .error = -EINVAL, .text = "--arg"},
		{.words = "--arg|quiet splash", .error = -EINVAL, .text = "more than one"},
		{.words = "--arg|quiet splash=1", .error = -EINVAL, .text = "more than one"},
		{.words = "--arg| quiet", .error = -EINVAL, .text = "--arg"},
		{.words = "--arg|a=\"b", .error = -EINVAL, .text = "not closed"},
		{.words = "--arg|a=\"b\" c", .error = -EINVAL, .text = "more than one"},
		{.words = "--arg|a=b\nc", .error = -EINVAL, .text = "control character"},
		{.words = "--arg|#a", .error = -EINVAL, .text = "comment"},
		{.words = "--arg|--", .error = -EINVAL, .text = "--arg"},
		{.words = "--arg|=b", .error = -EINVAL, .text = "--arg", .more = "without a name"},
	};

	machine_open(f);
	SET_ROWS(f, rows);
}

/* --- unset ------------------------------------------------------------------------------------ */

static void test_unset(void **state)
{
	struct fixture *f = *state;
	static const char whole[] =
		"[device a]\nid=1002:73bf\n[device b]\nid=1002:67df\n[cpus]\nisolate=8\n"
		"[kernel]\niommu=pt\nisolcpus=8\nirqaffinity=0\nacs-override=downstream\n"
		"args=quiet console=tty0 console=ttyS0 \"x=y z\"\n[hugepages]\n1G=1\n2M=2\n"
		"[guest one]\ndevices=a\ncpus=8\n[guest two]\ndevices=a,b\n";
	static const struct row rows[] = {
		{.words = "",
		 .sets = "- [device a]\n- [device b]\n- [cpus]\n- [kernel]\n- [hugepages]\n"
			 "- [guest one]\n- [guest two]\n"},
		{.words = "cpus|iommu", .sets = "- [cpus]\n- [kernel] iommu\n"},
		{.words = "isolcpus|irqaffinity|acs-override|hugepages",
		 .sets = "- [kernel] isolcpus\n- [kernel] irqaffinity\n- [kernel] acs-override\n"
			 "- [hugepages]\n"},
		{.words = "hugepages:1048576k|hugepages:2m",
		 .sets = "- [hugepages] 1G\n- [hugepages] 2M\n"},
		{.words = "guest:two", .sets = "- [guest two]\n"},
		/* Guests do without the device. */
		{.words = "device:b", .sets = "- [device b]\n[guest two] devices = a\n"},
		{.words = "device:b|device:a",
		 .sets = "- [device b]\n- [device a]\n- [guest one] devices\n"
			 "- [guest two] devices\n"},
		{.words = "arg:console", .sets = "[kernel] args = quiet \"x=y z\"\n"},
		{.words = "arg:console=ttyS0|arg:x=y z",
		 .sets = "[kernel] args = quiet console=tty0\n"},
		{.words = "arg:quiet|arg:console|arg:x=\"y z\"", .sets = "- [kernel] args\n"},
		{.words = "device:c",
		 .error = -ENODATA,
		 .text = "device:a, device:b, cpus, iommu",
		 .more = "hugepages:1G, hugepages:2M, arg:quiet, arg:console=tty0"},
		{.words = "device:", .error = -ENODATA, .text = "not in the profile"},
		{.words = "device",
		 .error = -EINVAL,
		 .text = "no item",
		 .more = "guest:one, guest:two"},
		{.words = "kernel", .error = -EINVAL, .text = "no item"},
		{.words = "guest:three", .error = -ENODATA, .text = "guest:three: not in"},
		{.words = "hugepages:4M", .error = -ENODATA, .text = "not in the profile"},
		{.words = "hugepages:x", .error = -EINVAL, .text = "no page size"},
		{.words = "arg:console=tty9", .error = -ENODATA, .text = "not in the profile"},
		{.words = "arg:", .error = -EINVAL, .text = "no kernel parameter"},
		{.words = "iommu|cpus:8", .error = -EINVAL, .text = "cpus:8"},
		/* Only where nothing of it is there may it have been done already. */
		{.words = "device:c|iommu|guest:three",
		 .error = -EINVAL,
		 .text = "device:c: not in"},
		{.words = "device:c|guest:three", .error = -ENODATA, .text = "device:c: not in"},
		{.words = "device:c|guests", .error = -EINVAL, .text = "guests: no item"},
	};
	static const struct row none[] = {
		{.words = "", .profile = "", .sets = ""},
		{.words = "cpus",
		 .profile = "[kernel]\niommu=on\n",
		 .error = -ENODATA,
		 .text = "there are: iommu"},
		{.words = "hugepages",
		 .profile = "[hugepages]\n",
		 .error = -ENODATA,
		 .text = "there is: nothing"},
		{.words = "iommu", .profile = "", .error = -ENODATA, .text = "there is: nothing"},
	};

	machine_open(f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct row row = rows[i];

		row.profile = whole;
		check_row(f, true, &row);
	}
	UNSET_ROWS(f, none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_a_card),    cmocka_machine_test(test_refused),
		cmocka_machine_test(test_no_spec),   cmocka_machine_test(test_force),
		cmocka_machine_test(test_update),    cmocka_machine_test(test_names),
		cmocka_machine_test(test_conflicts), cmocka_machine_test(test_group),
		cmocka_machine_test(test_no_iommu),  cmocka_machine_test(test_listed_functions),
		cmocka_machine_test(test_released),  cmocka_machine_test(test_virtual_function),
		cmocka_machine_test(test_no_bus),    cmocka_machine_test(test_image),
		cmocka_machine_test(test_plain),     cmocka_machine_test(test_pages),
		cmocka_machine_test(test_args),	     cmocka_machine_test(test_unset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
