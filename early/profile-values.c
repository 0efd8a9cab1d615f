// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <strings.h>

#include "early/cmdline.h"
#include "early/profile-values.h"

#define CPU_MAX 8191 /* NR_CPUS - 1 where it is largest */
#define CPU_LAST (CPU_MAX + 1)
#define NODE_MAX 1023 /* MAX_NUMNODES - 1 */
#define PAGES_MAX 999999999 /* of one size */
#define GOVERNOR_MAX 15 /* CPUFREQ_NAME_LEN - 1 */
#define UNIT_MAX 255 /* systemd's UNIT_NAME_MAX - 1 */

/* --- scanning --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Exactly `digits` hex digits; returns what follows them, or NULL. */
static const char *scan_hex(const char *at, unsigned digits, uint32_t *ret)
{
	uint32_t value = 0;

	for (; digits--; at++) {
		if (is_digit(*at))
			value = value << 4 | (uint32_t)(*at - '0');
		else if ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'f')
			value = value << 4 | (uint32_t)((*at | 0x20) - 'a' + 10);
		else
			return NULL;
	}
	*ret = value;
	return at;
}

/* A decimal number; returns what follows it, or NULL. Above UINT32_MAX it stays there. */
static const char *scan_number(const char *at, uint32_t *ret)
{
	uint64_t value = 0;

	if (!is_digit(*at))
		return NULL;
	for (; is_digit(*at); at++)
		if (value <= UINT32_MAX)
			value = value * 10 + (uint64_t)(*at - '0');
	*ret = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
	return at;
}

/* "vvvv:dddd"; returns what follows it, or NULL. */
static const char *scan_ids(const char *at, uint16_t *ret_vendor, uint16_t *ret_device)
{
	uint32_t vendor, device;

	at = scan_hex(at, 4, &vendor);
	if (!at || *at != ':')
		return NULL;
	at = scan_hex(at + 1, 4, &device);
	if (!at)
		return NULL;
	*ret_vendor = (uint16_t)vendor;
	*ret_device = (uint16_t)device;
	return at;
}

bool profile_name_valid(const char *name, size_t len)
{
	if (!len || len > PROFILE_NAME_MAX || !(is_letter(*name) || *name == '_'))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_letter(name[i]) && !is_digit(name[i]) &&
		    (name[i] == '\0' || !strchr("_.-", name[i])))
			return false;
	return true;
}

/* --- lists ------------------------------------------------------------------------------------ */

bool profile_item_next(const char **at, struct profile_item *ret)
{
	struct profile_item item = {.text = *at, .len = strcspn(*at, ",")};

	if (!item.len)
		return false;
	*at = item.text + item.len + (item.text[item.len] == ',');
	*ret = item;
	return true;
}

static bool item_is(const struct profile_item *item, const char *text)
{
	return item->len == strlen(text) && !memcmp(item->text, text, item->len);
}

/* Takes out the blanks beside commas, so that a list can go on a command line as it is. */
static const char *squeeze_list(char *value)
{
	char *to = value;
	const char *at = value;

	for (;;) {
		const char *end = at + strcspn(at, ","), *next = end;

		at += strspn(at, " \t");
		while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		if (end <= at)
			return "an empty element";
		memmove(to, at, (size_t)(end - at));
		to += end - at;
		if (!*next)
			break;
		*to++ = ',';
		at = next + 1;
	}
	*to = '\0';
	return NULL;
}

static const char *check_unique(const char *value)
{
	struct profile_item item, other;

	while (profile_item_next(&value, &item)) {
		const char *rest = value;

		while (profile_item_next(&rest, &other))
			if (item.len == other.len && !memcmp(item.text, other.text, item.len))
				return "an element twice";
	}
	return NULL;
}

/* --- [device] --------------------------------------------------------------------------------- */

const char *value_path(char *value, struct profile_device *device)
{
	if (pci_path_parse(value, &device->path) < 0)
		return "";
	device->has_path = true;
	return NULL;
}

const char *value_address(char *value, struct profile_device *device)
{
	if (pci_addr_parse(value, &device->address) < 0)
		return "";
	device->has_address = true;
	return NULL;
}

const char *value_id(char *value, struct profile_device *device)
{
	const char *end = scan_ids(value, &device->vendor, &device->device);

	return end && !*end ? NULL : "";
}

const char *value_subsystem(char *value, struct profile_device *device)
{
	const char *end = scan_ids(value, &device->subvendor, &device->subdevice);

	if (!end || *end)
		return "";
	device->has_subsystem = true;
	return NULL;
}

const char *value_class(char *value, struct profile_device *device)
{
	size_t digits = strlen(value);

	if ((digits != 4 && digits != 6) || !scan_hex(value, (unsigned)digits, &device->class))
		return "";
	device->class_digits = (uint8_t)digits;
	device->has_class = true;
	return NULL;
}

const char *value_functions(char *value, struct profile_device *device)
{
	struct profile_item item;
	const char *why, *at = value;
	uint8_t functions = 0;

	if (!strcmp(value, "all"))
		return NULL;
	why = squeeze_list(value);
	if (why)
		return why;
	while (profile_item_next(&at, &item)) {
		uint8_t bit;

		if (item.len != 1 || *item.text < '0' || *item.text > '7')
			return "";
		bit = (uint8_t)(1 << (*item.text - '0'));
		if (functions & bit)
			return "a function twice";
		functions |= bit;
	}
	device->functions = functions;
	return NULL;
}

/* --- [cpus], [kernel] ------------------------------------------------------------------------- */

/* A CPU number, or N, the last one, which is CPU_LAST here; UINT32_MAX for what no kernel has. */
static const char *scan_cpu(const char *at, uint32_t *ret)
{
	if (*at == 'N') {
		*ret = CPU_LAST;
		return at + 1;
	}
	at = scan_number(at, ret);
	if (at && *ret > CPU_MAX)
		*ret = UINT32_MAX;
	return at;
}

/* One region as lib/bitmap-str.c reads it; one that selects no CPU is refused. */
static const char *check_cpu_region(const struct profile_item *item, bool *ret_everything)
{
	const char *at = item->text, *end = item->text + item->len;
	uint32_t first = 0, last = CPU_LAST, used = 1, group = 1;
	bool range = true;

	if (item->len >= 3 && !strncasecmp(at, "all", 3)) {
		at += 3;
	} else {
		at = scan_cpu(at, &first);
		range = at && *at == '-';
		if (range)
			at = scan_cpu(at + 1, &last);
		else
			last = first;
		if (!at)
			return "";
		if (first > CPU_LAST || last > CPU_LAST)
			return "a CPU number above 8191";
		if (first > last)
			return "a range that runs backwards";
	}
	if (range && *at == ':') {
		at = scan_number(at + 1, &used);
		if (!at || *at != '/')
			return "";
		at = scan_number(at + 1, &group);
		if (!at)
			return "";
		if (!used || used > group)
			return "USED/GROUP where USED is not 1 to GROUP";
	}
	if (at != end)
		return "";
	if (!first && last == CPU_LAST && used == group)
		*ret_everything = true;
	return NULL;
}

static const char *check_cpu_list(char *value, bool *ret_everything)
{
	const char *why = squeeze_list(value), *at = value;
	struct profile_item item;

	while (!why && profile_item_next(&at, &item))
		why = check_cpu_region(&item, ret_everything);
	return why;
}

const char *value_cpus(char *value, _unused_ struct profile_device *device)
{
	bool everything;

	return check_cpu_list(value, &everything);
}

const char *value_cpus_or_none(char *value, struct profile_device *device)
{
	return !strcmp(value, "none") ? NULL : value_cpus(value, device);
}

const char *value_isolate(char *value, _unused_ struct profile_device *device)
{
	bool everything = false;
	const char *why = check_cpu_list(value, &everything);

	return !why && everything ? "no CPU is left to the host" : why;
}

const char *value_acs(char *value, _unused_ struct profile_device *device)
{
	const char *why = squeeze_list(value), *at = value;
	struct profile_item item;
	uint16_t vendor, dev;

	if (why)
		return why;
	while (profile_item_next(&at, &item)) {
		if (item_is(&item, "downstream") || item_is(&item, "multifunction"))
			continue;
		if (item.len < 3 || memcmp(item.text, "id:", 3) ||
		    scan_ids(item.text + 3, &vendor, &dev) != item.text + item.len)
			return "";
	}
	return check_unique(value);
}

const char *value_args(char *value, _unused_ struct profile_device *device)
{
	struct cmdline_token token;
	struct cmdline cmdline;
	bool in_quote = false;

	for (const char *at = value; *at; at++) {
		if (*at == '"')
			in_quote = !in_quote;
		else if (*at == (char)0xa0 && !in_quote)
			return "byte 0xa0 outside quotes, where the kernel takes it for a blank";
	}
	cmdline_init(&cmdline, value, strlen(value));
	while (cmdline_next(&cmdline, &token)) {
		if (cmdline.for_init)
			return "`--` would hand what follows it to init";
		if (!token.name_len || *token.name == '=')
			return "an argument without a name";
		if (memchr(token.name, ' ', token.name_len) ||
		    memchr(token.name, '\t', token.name_len))
			return "a blank within a name: quotes here are the kernel's, around one "
			       "argument";
	}
	return NULL;
}

/* --- [hugepages], [guest] --------------------------------------------------------------------- */

const char *value_pages(char *value, _unused_ struct profile_device *device)
{
	const char *why = squeeze_list(value), *at = value;
	uint64_t seen[(NODE_MAX + 1) / 64] = {0};
	struct profile_item item;
	uint32_t count, node;

	if (why)
		return why;
	while (profile_item_next(&at, &item)) {
		const char *end = scan_number(item.text, &count);

		if (end && *end == ':') {
			node = count;
			end = scan_number(end + 1, &count);
			if (node > NODE_MAX)
				return "a node above 1023";
			if (seen[node / 64] >> node % 64 & 1)
				return "a node twice";
			seen[node / 64] |= UINT64_C(1) << node % 64;
		} else if (item.text != value || *at) {
			return "counts with and without a node";
		}
		if (!end || end != item.text + item.len)
			return "";
		if (count > PAGES_MAX)
			return "a count above 999999999";
	}
	return NULL;
}

bool value_is_page_size(const char *text)
{
	uint32_t size;
	const char *end = scan_number(text, &size);

	return end && *text != '0' && size < 1024 && !(size & (size - 1)) &&
	       (!strcmp(end, "M") || (!strcmp(end, "K") && size >= 4) ||
		(!strcmp(end, "G") && size <= 64));
}

const char *value_devices(char *value, _unused_ struct profile_device *device)
{
	const char *why = squeeze_list(value), *at = value;
	struct profile_item item;

	if (why)
		return why;
	while (profile_item_next(&at, &item))
		if (!profile_name_valid(item.text, item.len))
			return "";
	return check_unique(value);
}

const char *value_governor(char *value, _unused_ struct profile_device *device)
{
	size_t len = strlen(value);

	return len <= GOVERNOR_MAX && profile_name_valid(value, len) ? NULL : "";
}

static bool is_unit(const struct profile_item *item)
{
	static const char suffixes[][11] = {".service", ".socket", ".target",	".timer",
					    ".mount",	".path",   ".slice",	".scope",
					    ".swap",	".device", ".automount"};

	/* What begins with `-` would be an option of systemctl. */
	if (item->len > UNIT_MAX || *item->text == '-' || *item->text == '.')
		return false;
	for (size_t i = 0; i < item->len; i++)
		if (!is_letter(item->text[i]) && !is_digit(item->text[i]) &&
		    !strchr(":_.\\@-", item->text[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t len = strlen(suffixes[i]);

		if (item->len > len && !memcmp(item->text + item->len - len, suffixes[i], len))
			return true;
	}
	return false;
}

const char *value_units(char *value, _unused_ struct profile_device *device)
{
	const char *why = squeeze_list(value), *at = value;
	struct profile_item item;

	if (why)
		return why;
	while (profile_item_next(&at, &item))
		if (!is_unit(&item))
			return "";
	return check_unique(value);
}
