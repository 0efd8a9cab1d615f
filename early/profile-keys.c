// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/profile-keys.h"
#include "early/profile-values.h"

#define WORDS_MAX 3

/* Words in place of pointers to them: each pointer costs the image a relocation of 24 bytes. */
struct rule {
	uint8_t kind; /* enum profile_kind */
	uint8_t flag; /* offset of the bool of a [device] that the second word sets; 0: none */
	char key[20]; /* SIZE at its end stands for any page size */
	value_check check; /* NULL: one of words */
	const char *expected;
	char words[WORDS_MAX][8]; /* "" ends them */
};

/* The versions of clang-format differ over these. */
/* clang-format off */
#define VALUE(kind_, key_, check_, expected_)                                                      \
	{                                                                                          \
		.kind = PROFILE_##kind_, .key = key_, .check = check_, .expected = expected_       \
	}
#define WORD(kind_, key_, ...)                                                                     \
	{                                                                                          \
		.kind = PROFILE_##kind_, .key = key_, .words = { __VA_ARGS__ }                     \
	}
#define FLAG(key_, member, off, on)                                                                \
	{                                                                                          \
		.kind = PROFILE_DEVICE, .key = key_, .words = {off, on},                           \
		.flag = offsetof(struct profile_device, member)                                    \
	}
/* clang-format on */

#define IDS "VENDOR:DEVICE, four hex digits each, such as 1002:73bf"
#define CPUS "a CPU list such as 8-15 or 2-7,10-15 or 0-31:2/4"
#define PAGES "a count, or NODE:COUNT such as 0:512,1:512"

static const struct rule rules[] = {
	VALUE(DEVICE, "path", value_path,
	      "a root port and each hop down, such as 0000:00:03.1/00.0/00.0"),
	VALUE(DEVICE, "id", value_id, IDS),
	VALUE(DEVICE, "class", value_class, "four or six hex digits, such as 0300"),
	VALUE(DEVICE, "subsystem", value_subsystem, IDS),
	VALUE(DEVICE, "address", value_address, "an address such as 0000:0b:00.0"),
	VALUE(DEVICE, "functions", value_functions,
	      "`all` or a list of functions 0 to 7, such as 0,1"),
	FLAG("claim", claim_guest, "boot", "guest"),
	FLAG("moved", moved_claim, "refuse", "claim"),
	FLAG("match", match_all, "one", "all"),
	FLAG("allow-boot-display", allow_boot_display, "no", "yes"),
	FLAG("allow-storage", allow_storage, "no", "yes"),
	VALUE(CPUS, "isolate", value_isolate, CPUS),
	WORD(KERNEL, "iommu", "on", "pt", "off"),
	VALUE(KERNEL, "isolcpus", value_cpus_or_none, CPUS ", or `none`"),
	VALUE(KERNEL, "irqaffinity", value_cpus_or_none, CPUS ", or `none`"),
	VALUE(KERNEL, "acs-override", value_acs,
	      "a list of downstream, multifunction, id:VENDOR:DEVICE"),
	VALUE(KERNEL, "args", value_args,
	      "kernel parameters, blanks between them, `\"` around blanks within"),
	VALUE(HUGEPAGES, "SIZE", value_pages, PAGES),
	VALUE(GUEST, "devices", value_devices, "a list of names of [device] sections"),
	VALUE(GUEST, "hugepages-SIZE", value_pages, PAGES),
	VALUE(GUEST, "cpus", value_cpus, CPUS),
	VALUE(GUEST, "governor", value_governor, "a cpufreq governor such as performance"),
	WORD(GUEST, "min-frequency", "max"),
	WORD(GUEST, "isolate", "no", "yes"),
	VALUE(GUEST, "stop-units", value_units,
	      "a list of systemd units, such as display-manager.service"),
};

static const struct {
	const char *word;
	bool named;
} kinds[PROFILE_KINDS] = {
	[PROFILE_DEVICE] = {"device", true},  [PROFILE_CPUS] = {"cpus", false},
	[PROFILE_KERNEL] = {"kernel", false}, [PROFILE_HUGEPAGES] = {"hugepages", false},
	[PROFILE_GUEST] = {"guest", true},
};

const char *profile_kind_word(enum profile_kind kind)
{
	return kinds[kind].word;
}

bool profile_kind_named(enum profile_kind kind)
{
	return kinds[kind].named;
}

/* --- errors ----------------------------------------------------------------------------------- */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Letters to add, drop, change or swap with their neighbour; UINT8_MAX where either is too long. */
static unsigned edit_distance(const char *a, const char *b)
{
	uint8_t rows[3][PROFILE_NAME_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);
	uint8_t *before = rows[0], *last = rows[1], *row = rows[2];

	if (a_len > PROFILE_NAME_MAX || b_len > PROFILE_NAME_MAX)
		return UINT8_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = (uint8_t)j;
	for (size_t i = 1; i <= a_len; i++) {
		uint8_t *spare = before;

		before = last;
		last = row;
		row = spare;
		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned best = min3(last[j] + 1u, row[j - 1] + 1u,
					     last[j - 1] + (a[i - 1] != b[j - 1]));

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = min3(best, before[j - 2] + 1u, best);
			row[j] = (uint8_t)best;
		}
	}
	return row[b_len];
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
	unsigned distance = edit_distance(nearest->text, candidate);

	/* A third of the letters may differ: what is further away was not mistyped. */
	if (distance > (strlen(candidate) + 1) / 3)
		return;
	if (!nearest->best || distance < nearest->distance) {
		nearest->best = candidate;
		nearest->distance = distance;
	}
}

static void append(char *text, size_t size, const char *before, const char *word, const char *after)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s%s", before, word, after);
}

static int unknown_key(enum profile_kind kind, const struct profile_entry *entry, struct diag *diag)
{
	struct nearest nearest = {.text = entry->key};
	const char *elsewhere = NULL;
	char hint[256] = "";

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].kind == kind) {
			append(hint, sizeof(hint), hint[0] ? ", " : "; expected one of ",
			       rules[i].key, "");
			nearest_try(&nearest, rules[i].key);
		} else if (!elsewhere && !strcmp(rules[i].key, entry->key)) {
			elsewhere = kinds[rules[i].kind].word;
		}
	}
	if (elsewhere)
		snprintf(hint, sizeof(hint), "; it is a key of [%s]", elsewhere);
	else if (kind == PROFILE_HUGEPAGES)
		snprintf(hint, sizeof(hint), "; expected a page size such as 2M or 1G");
	else if (nearest.best)
		snprintf(hint, sizeof(hint), "; did you mean `%s`?", nearest.best);
	return diag_set(diag, -EBADMSG, entry->file, entry->line, "unknown key `%s` in [%s%s%s]%s",
			entry->key, entry->section, *entry->name ? " " : "", entry->name, hint);
}

static int bad_word(const struct rule *rule, const struct profile_entry *entry, struct diag *diag)
{
	char expected[64] = "";

	for (size_t i = 0; i < WORDS_MAX && rule->words[i][0]; i++)
		append(expected, sizeof(expected), i ? " or `" : "`", rule->words[i], "`");
	return diag_set(diag, -EBADMSG, entry->file, entry->line, "`%s = %.60s`: expected %s",
			entry->key, entry->value, expected);
}

static int bad_value(const struct rule *rule, const struct profile_entry *entry, const char *shown,
		     const char *why, struct diag *diag)
{
	return diag_set(diag, -EBADMSG, entry->file, entry->line, "`%s = %s`: %s%sexpected %s",
			entry->key, shown, why, *why ? "; " : "", rule->expected);
}

/* --- taking ----------------------------------------------------------------------------------- */

static bool key_fits(const struct rule *rule, const char *key)
{
	const char *size = strstr(rule->key, "SIZE");
	size_t prefix = size ? (size_t)(size - rule->key) : 0;

	if (!size)
		return !strcmp(rule->key, key);
	return !strncmp(rule->key, key, prefix) && value_is_page_size(key + prefix);
}

static int take_word(const struct rule *rule, const struct profile_entry *entry,
		     struct profile_device *device, struct diag *diag)
{
	for (size_t i = 0; i < WORDS_MAX && rule->words[i][0]; i++) {
		if (strcmp(entry->value, rule->words[i]) != 0)
			continue;
		if (rule->flag)
			*(bool *)((char *)device + rule->flag) = i == 1;
		return 0;
	}
	return bad_word(rule, entry, diag);
}

/* What no value may be or hold, but for args: its quotes mean something, its text may be UTF-8. */
static const char *check_bytes(const struct rule *rule, const char *value)
{
	if (!*value)
		return "the value is empty";
	if (rule->check == value_args)
		return NULL;
	for (; *value; value++) {
		if (*value == '"')
			return "a quote within the value";
		if (*value & 0x80)
			return "a byte that is not ASCII";
	}
	return NULL;
}

int profile_take(enum profile_kind kind, struct profile_entry *entry, struct profile_device *device,
		 struct diag *diag)
{
	const struct rule *rule = NULL;
	char *value = (char *)entry->value, shown[64];
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(rules) && !rule; i++)
		if (rules[i].kind == kind && key_fits(&rules[i], entry->key))
			rule = &rules[i];
	if (!rule)
		return unknown_key(kind, entry, diag);
	/* In args the quotes are the kernel's: `args = "a=b c"` is one argument. */
	if (rule->check == value_args && value[-1] == '"') {
		value[strlen(value)] = '"';
		entry->value = --value;
	}
	if (!rule->check)
		return take_word(rule, entry, device, diag);
	/* Validators cut lists up in place. */
	snprintf(shown, sizeof(shown), "%s", value);
	why = check_bytes(rule, value);
	if (!why)
		why = rule->check(value, device);
	return why ? bad_value(rule, entry, shown, why, diag) : 0;
}
