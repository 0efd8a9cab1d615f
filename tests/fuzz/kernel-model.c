// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/kernel-model.h"

static const unsigned long long sizes[MODEL_SIZES] = {
	1ULL << 16, 1ULL << 21, 1ULL << 25, 1ULL << 29, 1ULL << 30, 1ULL << 34,
};
#define SIZE_2M 1

static bool blank(char c)
{
	return c && strchr(" \t\n\v\f\r\xa0", c);
}

/* Cuts one parameter off a text that is written over; NULL for the value where there is none. */
static char *next_parameter(char *at, char **ret_name, char **ret_value, bool *ret_open)
{
	bool in_quote = false, whole_quoted = *at == '"';
	size_t equals = 0, i;

	if (whole_quoted) {
		at++;
		in_quote = true;
	}
	for (i = 0; at[i]; i++) {
		if (blank(at[i]) && !in_quote)
			break;
		if (!equals && at[i] == '=')
			equals = i;
		if (at[i] == '"')
			in_quote = !in_quote;
	}
	*ret_open = in_quote;
	*ret_name = at;
	*ret_value = NULL;
	if (equals) {
		at[equals] = '\0';
		*ret_value = at + equals + 1;
		if (**ret_value == '"') {
			++*ret_value;
			if (at[i - 1] == '"')
				at[i - 1] = '\0';
		}
	}
	if (whole_quoted && i > 0 && at[i - 1] == '"')
		at[i - 1] = '\0';
	if (at[i]) {
		at[i] = '\0';
		i++;
	}
	at += i;
	while (blank(*at))
		at++;
	return at;
}

static bool same(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	return *a == *b;
}

int model_size(const char *text)
{
	char *end;
	unsigned long long size;

	/* strtoull() takes blanks and signs, simple_strtoull() does not. */
	if (!isdigit((unsigned char)*text))
		return -1;
	if (*text == '0' && (text[1] == 'x' || text[1] == 'X') && !isxdigit((unsigned char)text[2]))
		return -1;
	size = strtoull(text, &end, 0);
	switch (*end) {
	case 'E':
	case 'e':
		size <<= 10; /* fall through */
	case 'P':
	case 'p':
		size <<= 10; /* fall through */
	case 'T':
	case 't':
		size <<= 10; /* fall through */
	case 'G':
	case 'g':
		size <<= 10; /* fall through */
	case 'M':
	case 'm':
		size <<= 10; /* fall through */
	case 'K':
	case 'k':
		size <<= 10;
	}
	for (int i = 0; i < MODEL_SIZES; i++)
		if (size == sizes[i])
			return i;
	return -1;
}

bool model_cpus(const char *text, unsigned char *ret)
{
	memset(ret, 0, MODEL_CPUS);
	for (;;) {
		unsigned long first, last;
		char *end;

		if (!isdigit((unsigned char)*text))
			return false;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			if (!isdigit((unsigned char)end[1]))
				return false;
			last = strtoul(end + 1, &end, 10);
		}
		if (first > last || last >= MODEL_CPUS)
			return false;
		for (; first <= last; first++)
			ret[first] = 1;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
}

bool model_count(const char *text)
{
	size_t digits = 0, colons = 0;

	for (;; text++) {
		if (isdigit((unsigned char)*text)) {
			digits++;
		} else if (*text == ':') {
			if (!digits || colons)
				return false;
			colons = 1;
			digits = 0;
		} else if (*text == ',' || !*text) {
			if (!digits)
				return false;
			if (*text && !colons)
				return false; /* a total is alone */
			if (!*text)
				return true;
			colons = digits = 0;
			/* and what follows must be a node again */
			if (!strchr(text, ':'))
				return false;
		} else {
			return false;
		}
	}
}

/* --- the parsers of single parameters ------------------------------------------------------------ */

static void iommu_setup(struct kernel *kernel, char *list)
{
	for (char *save, *item = strtok_r(list, ",", &save); item;
	     item = strtok_r(NULL, ",", &save)) {
		if (!strcmp(item, "off"))
			kernel->no_iommu = true;
		else if (!strcmp(item, "soft"))
			kernel->swiotlb = true;
		else if (!strcmp(item, "pt"))
			kernel->passthrough = true;
		else if (!strcmp(item, "nopt"))
			kernel->passthrough = false;
	}
}

static void intel_iommu_setup(struct kernel *kernel, char *list)
{
	for (char *save, *item = strtok_r(list, ",", &save); item;
	     item = strtok_r(NULL, ",", &save)) {
		if (!strcmp(item, "on"))
			kernel->intel = true;
		else if (!strcmp(item, "off"))
			kernel->intel = false;
	}
}

static void housekeeping(struct kernel *kernel, const char *list, bool domain, bool managed,
			 bool noise)
{
	unsigned char cpus[MODEL_CPUS];

	if (!model_cpus(list, cpus)) {
		kernel->isolation_known = false;
		return;
	}
	if ((domain && kernel->domain_set && memcmp(kernel->domain, cpus, sizeof(cpus)) != 0) ||
	    (managed && kernel->managed_set && memcmp(kernel->managed, cpus, sizeof(cpus)) != 0) ||
	    (noise && kernel->noise_set && memcmp(kernel->noise, cpus, sizeof(cpus)) != 0))
		return;
	if (domain) {
		kernel->domain_set = true;
		memcpy(kernel->domain, cpus, sizeof(cpus));
	}
	if (managed) {
		kernel->managed_set = true;
		memcpy(kernel->managed, cpus, sizeof(cpus));
	}
	if (noise) {
		kernel->noise_set = true;
		memcpy(kernel->noise, cpus, sizeof(cpus));
	}
}

static void isolcpus_setup(struct kernel *kernel, const char *at)
{
	bool domain = false, managed = false, noise = false;

	while (isalpha((unsigned char)*at)) {
		if (!strncmp(at, "nohz,", 5)) {
			noise = true;
			at += 5;
		} else if (!strncmp(at, "domain,", 7)) {
			domain = true;
			at += 7;
		} else if (!strncmp(at, "managed_irq,", 12)) {
			managed = true;
			at += 12;
		} else {
			/* a word that is skipped, or one that makes all of it void: not modelled */
			kernel->isolation_known = false;
			return;
		}
	}
	if (!domain && !managed && !noise)
		domain = true;
	housekeeping(kernel, at, domain, managed, noise);
}

/* mm/hugetlb.c has these as static variables. */
struct hugetlb {
	bool valid;
	int states; /* sizes that are known */
	int parsed; /* the one that a count is for */
	const char *last; /* where the last count went */
	char implicit[256];
	bool default_parsed;
};

static void hugepages_setup(struct kernel *kernel, struct hugetlb *huge, const char *value)
{
	char *into;

	if (!model_count(value) || strlen(value) >= sizeof(huge->implicit)) {
		kernel->pages_known = false;
		return;
	}
	if (!huge->valid) {
		huge->valid = true;
		return;
	}
	into = huge->states ? kernel->pages[huge->parsed] : huge->implicit;
	if (into == huge->last)
		return;
	strcpy(into, value);
	huge->last = into;
}

static void add_size(struct kernel *kernel, struct hugetlb *huge, int size)
{
	if (kernel->size_known[size])
		return;
	kernel->size_known[size] = true;
	huge->states++;
	huge->parsed = size;
}

static void hugepagesz_setup(struct kernel *kernel, struct hugetlb *huge, const char *value)
{
	int size = model_size(value);

	huge->valid = false;
	if (size < 0)
		return;
	if (kernel->size_known[size]) {
		if (!huge->default_parsed || size != kernel->default_size || *kernel->pages[size])
			return;
		huge->parsed = size;
		huge->valid = true;
		return;
	}
	add_size(kernel, huge, size);
	huge->valid = true;
}

static void default_hugepagesz_setup(struct kernel *kernel, struct hugetlb *huge, const char *value)
{
	int size = model_size(value);

	huge->valid = false;
	if (huge->default_parsed || size < 0)
		return;
	add_size(kernel, huge, size);
	huge->valid = true;
	huge->default_parsed = kernel->default_said = true;
	kernel->default_size = size;
	if (*huge->implicit) {
		strcpy(kernel->pages[size], huge->implicit);
		*huge->implicit = '\0';
	}
}

/* --- the boot ------------------------------------------------------------------------------------ */

static void parameter(struct kernel *kernel, struct hugetlb *huge, const char *name, char *value,
		      const char *asked)
{
	if (same(name, asked)) {
		kernel->last_seen = true;
		snprintf(kernel->last_value, sizeof(kernel->last_value), "%s",
			 value ? value : "\1");
	}
	if (!value)
		return;
	if (same(name, "iommu"))
		iommu_setup(kernel, value);
	else if (same(name, "intel_iommu"))
		intel_iommu_setup(kernel, value);
	else if (same(name, "iommu.passthrough") && strchr("0nNfF", *value) && *value)
		kernel->passthrough = false;
	else if (same(name, "iommu.passthrough") && (*value | 32) == 'o' && (value[1] | 32) == 'f')
		kernel->passthrough = false;
	else if (same(name, "isolcpus"))
		isolcpus_setup(kernel, value);
	else if (same(name, "nohz_full"))
		housekeeping(kernel, value, false, false, true);
	else if (same(name, "hugepagesz"))
		hugepagesz_setup(kernel, huge, value);
	else if (same(name, "default_hugepagesz"))
		default_hugepagesz_setup(kernel, huge, value);
	else if (same(name, "hugepages"))
		hugepages_setup(kernel, huge, value);
}

void kernel_boot(struct kernel *kernel, const char *text, const char *name)
{
	struct hugetlb huge = {.valid = true};
	char *copy = strdup(text), *at = copy, *parameter_name, *value;

	if (!copy)
		abort();
	*kernel = (struct kernel){
		.isolation_known = true, .pages_known = true, .default_size = SIZE_2M};
	while (blank(*at))
		at++;
	while (*at && !kernel->open_quote) {
		at = next_parameter(at, &parameter_name, &value, &kernel->open_quote);
		if (!value && !strcmp(parameter_name, "--"))
			break;
		parameter(kernel, &huge, parameter_name, value, name);
	}
	/* What is init's is not read any further, but a quote there is as open. */
	while (*at && !kernel->open_quote)
		at = next_parameter(at, &parameter_name, &value, &kernel->open_quote);
	if (*huge.implicit && !huge.default_parsed)
		strcpy(kernel->pages[SIZE_2M], huge.implicit);
	free(copy);
}
