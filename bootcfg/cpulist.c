// SPDX-License-Identifier: GPL-2.0-or-later
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "bootcfg/cpulist.h"
#include "early/text.h"

/* What is between two regions of a list. */
static bool is_gap(char c)
{
	return c == ',' || c == ' ' || (c >= '\t' && c <= '\r');
}

/* A number, or `N` where count says what that is. Returns what follows it, or NULL. */
static const char *scan(const char *at, unsigned count, unsigned *ret)
{
	unsigned value = 0;

	if (*at == 'N' && count) {
		*ret = count - 1;
		return at + 1;
	}
	if (*at < '0' || *at > '9')
		return NULL;
	for (; *at >= '0' && *at <= '9'; at++)
		if (value < UINT_MAX / 16)
			value = value * 10 + (unsigned)(*at - '0');
	*ret = value;
	return at;
}

/* One region: FIRST, FIRST-LAST or FIRST-LAST:USED/GROUP. Returns what follows it. */
static int parse_region(const char **text, unsigned count, cpu_set_t *set)
{
	unsigned first = 0, last, used = 1, group = 1;
	const char *at = *text;
	bool range = true;

	if (count && !strncasecmp(at, "all", 3)) {
		last = count - 1;
		at += 3;
	} else {
		at = scan(at, count, &first);
		last = first;
		range = at && *at == '-';
		if (range)
			at = scan(at + 1, count, &last);
	}
	if (at && range && *at == ':') {
		at = scan(at + 1, count, &used);
		at = at && *at == '/' ? scan(at + 1, count, &group) : NULL;
	}
	if (!at || (*at && !is_gap(*at)) || first > last || !group || used > group)
		return -EINVAL;
	if (last >= CPULIST_MAX)
		return -ERANGE;
	for (unsigned cpu = first; cpu <= last; cpu++)
		if ((cpu - first) % group < used)
			CPU_SET(cpu, set);
	*text = at;
	return 0;
}

static int parse(const char *text, unsigned count, cpu_set_t *ret)
{
	bool nothing = true;
	cpu_set_t set;
	int r;

	CPU_ZERO(&set);
	for (;;) {
		while (is_gap(*text))
			text++;
		if (!*text)
			break;
		r = parse_region(&text, count, &set);
		if (r < 0)
			return r;
		nothing = false;
	}
	if (nothing)
		return -EINVAL;
	*ret = set;
	return 0;
}

int cpulist_parse(const char *text, cpu_set_t *ret)
{
	return parse(text, 0, ret);
}

int cpulist_resolve(const char *text, unsigned count, cpu_set_t *ret)
{
	return parse(text, count, ret);
}

bool cpulist_relative(const char *text)
{
	for (; *text; text++)
		if (*text == 'N' || !strncasecmp(text, "all", 3))
			return true;
	return false;
}

char *cpulist_format(const cpu_set_t *set)
{
	_cleanup_text_ struct text text = {.error = 0};

	for (unsigned cpu = 0; cpu < CPULIST_MAX; cpu++) {
		unsigned last = cpu;

		if (!CPU_ISSET(cpu, set))
			continue;
		while (last + 1 < CPULIST_MAX && CPU_ISSET(last + 1, set))
			last++;
		text_add(&text, text.size ? ",%u" : "%u", cpu);
		if (last > cpu)
			text_add(&text, "-%u", last);
		cpu = last;
	}
	if (text.error)
		return NULL;
	return text.data ? steal(&text.data) : strdup("");
}

void cpulist_complement(const cpu_set_t *set, unsigned count, cpu_set_t *ret)
{
	cpu_set_t rest;

	CPU_ZERO(&rest);
	for (unsigned cpu = 0; cpu < count && cpu < CPULIST_MAX; cpu++)
		if (!CPU_ISSET(cpu, set))
			CPU_SET(cpu, &rest);
	*ret = rest;
}

unsigned cpulist_last(const cpu_set_t *set)
{
	unsigned cpu = CPULIST_MAX - 1;

	while (cpu && !CPU_ISSET(cpu, set))
		cpu--;
	return cpu;
}

bool cpulist_within(const cpu_set_t *a, const cpu_set_t *b)
{
	cpu_set_t both;

	CPU_AND(&both, a, b);
	return CPU_EQUAL(&both, a);
}
