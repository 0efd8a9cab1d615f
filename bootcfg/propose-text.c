// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/json.h"
#include "bootcfg/pcinames.h"
#include "bootcfg/propose.h"
#include "early/text.h"

/* --- text ------------------------------------------------------------------------------------- */

static bool same_section(const struct profile_set *a, const struct profile_set *b)
{
	return !strcmp(a->section, b->section) && !strcmp(a->name, b->name);
}

/* Bytes of the longest "key = value" in the section that starts with a set. */
static size_t section_width(const struct profile_sets *sets, size_t start)
{
	size_t width = 0;

	for (size_t i = start;
	     i < sets->count && same_section(&sets->items[i], &sets->items[start]); i++) {
		size_t len = strlen(sets->items[i].key) + 3 + strlen(sets->items[i].value);

		if (len > width)
			width = len;
	}
	return width;
}

static void add_head(const struct proposal *proposal, struct text *text)
{
	const struct pci_dev *dev = proposal->cards[0].dev;
	_cleanup_pcinames_ struct pcinames *names = NULL;
	char name[PCINAMES_STR] = "", addr[PCI_ADDR_STR], memory[MEMORY_STR];

	/* Names are a courtesy. */
	if (!pcinames_load(proposal->root, &names))
		pcinames_device(names, dev->vendor, dev->device, name);
	text_clean(name);
	text_add(text, "# vfio-bootcfg plan: %s %s%s(%04x:%04x), %u CPU%s, %s\n",
		 pci_addr_format(&dev->addr, addr), name, *name ? " " : "", dev->vendor,
		 dev->device, proposal->cpus.count, proposal->cpus.count == 1 ? "" : "s",
		 proposal_memory(proposal->memory_kib, memory));
	text_add(text, "# kernel command line:");
	for (size_t i = 0; i < proposal->wants.count; i++)
		text_add(text, " %s", proposal->wants.items[i].text);
	text_add(text, "\n");
}

void proposal_text(const struct proposal *proposal, bool head, struct text *text)
{
	const struct profile_sets *sets = &proposal->sets;
	size_t width = 0;

	if (head)
		add_head(proposal, text);
	for (size_t i = 0; i < sets->count; i++) {
		const struct profile_set *set = &sets->items[i];
		int pad;

		if (!i || !same_section(set, set - 1)) {
			text_add(text, "%s[%s%s%s]\n", i || head ? "\n" : "", set->section,
				 *set->name ? " " : "", set->name);
			width = section_width(sets, i);
		}
		pad = (int)(width - strlen(set->key) - 3 - strlen(set->value));
		text_add(text, "%s = %s%*s%s%s\n", set->key, set->value, set->comment ? pad : 0, "",
			 set->comment ? "  # " : "", set->comment ? set->comment : "");
	}
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *sets_json(const struct profile_sets *sets)
{
	_cleanup_json_ json_t *array = json_array();

	for (size_t i = 0; i < sets->count; i++) {
		const struct profile_set *set = &sets->items[i];
		_cleanup_json_ json_t *item = json_object();

		if (json_put(item, "section", json_text(set->section)) < 0 ||
		    json_put(item, "name", json_text(*set->name ? set->name : NULL)) < 0 ||
		    json_put(item, "key", json_text(set->key)) < 0 ||
		    json_put(item, "value", json_text(set->value)) < 0 ||
		    json_put(item, "reason", json_text(set->comment)) < 0 ||
		    json_array_append(array, item) < 0)
			return NULL;
	}
	return steal(&array);
}

static json_t *parameters_json(const struct wants *wants)
{
	_cleanup_json_ json_t *array = json_array();

	for (size_t i = 0; i < wants->count; i++)
		if (json_array_append_new(array, json_text(wants->items[i].text)) < 0)
			return NULL;
	return steal(&array);
}

static json_t *remarks_json(const struct remarks *remarks)
{
	_cleanup_json_ json_t *array = json_array();

	for (size_t i = 0; i < remarks->count; i++)
		if (json_array_append_new(array, json_text(remarks->items[i])) < 0)
			return NULL;
	return steal(&array);
}

static json_t *cpus_json(const cpu_set_t *set)
{
	_cleanup_free_ char *list = cpulist_format(set);

	return list ? json_text(list) : NULL;
}

static json_t *cards_json(const struct proposal *proposal)
{
	_cleanup_json_ json_t *array = json_array();

	for (size_t i = 0; i < proposal->card_count; i++)
		for (struct pci_dev *dev = NULL;
		     (dev = proposal_function(proposal, &proposal->cards[i], dev));) {
			char addr[PCI_ADDR_STR];

			if (json_array_append_new(array,
						  json_text(pci_addr_format(&dev->addr, addr))) < 0)
				return NULL;
		}
	return steal(&array);
}

struct json_t *proposal_json(const struct proposal *proposal)
{
	_cleanup_json_ json_t *document = json_object(), *guest = json_object(),
			      *host = json_object();

	if (json_put(guest, "devices", cards_json(proposal)) < 0 ||
	    json_put(guest, "cpus", cpus_json(&proposal->cpus.set)) < 0 ||
	    json_put(guest, "memory_kib", json_integer((json_int_t)proposal->memory_kib)) < 0 ||
	    json_put(guest, "node",
		     proposal->node == CPUS_ANY_NODE ? json_null() : json_integer(proposal->node)) <
		    0 ||
	    json_put(host, "cpus", cpus_json(&proposal->host_cpus)) < 0 ||
	    json_put(document, "profile", sets_json(&proposal->sets)) < 0 ||
	    json_put(document, "parameters", parameters_json(&proposal->wants)) < 0 ||
	    json_put(document, "guest", steal(&guest)) < 0 ||
	    json_put(document, "host", steal(&host)) < 0 ||
	    json_put(document, "remarks", remarks_json(&proposal->remarks)) < 0)
		return NULL;
	return steal(&document);
}
