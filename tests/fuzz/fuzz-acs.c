// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * IOMMU groups of machines made up at random, for libFuzzer. The kernel makes them one function after the
 * other, and looks for groups that are there already; bootcfg/acs.c joins what belongs together. Both must come to
 * the same, whatever the topology. And whatever bytes configuration space has, it is read to an end.
 */
#include <stdint.h>
#include <string.h>

#include "bootcfg/acs.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define FUNCTIONS_MAX 20
#define BYTES_EACH 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the kernel's way ------------------------------------------------------------------------- */

struct model {
	const struct acs_machine *machine;
	const struct acs_view *view;
	size_t groups[FUNCTIONS_MAX]; /* by number, from 1; 0 for none yet */
	bool seen[256]; /* by devfn: what get_pci_alias_group() has been at */
};

static const struct acs_function *at(const struct model *m, size_t index)
{
	return &m->machine->functions[index];
}

static unsigned devfn(const struct acs_function *f)
{
	return (unsigned)(f->addr.dev << 3 | f->addr.fn);
}

static bool on_one_bus(const struct acs_function *a, const struct acs_function *b)
{
	return a->addr.domain == b->addr.domain && a->addr.bus == b->addr.bus;
}

static bool are_aliases(const struct model *m, size_t a, size_t b)
{
	return acs_quirk_alias(at(m, a), devfn(at(m, b))) ||
	       acs_quirk_alias(at(m, b), devfn(at(m, a))) || at(m, a)->requester == b ||
	       at(m, b)->requester == a;
}

static bool is_multifunction(const struct acs_function *f)
{
	return !f->is_virtual && (f->config.multifunction || f->addr.fn);
}

static size_t group_by_alias(struct model *m, size_t index);

static size_t group_by_function(struct model *m, size_t index)
{
	size_t group = 0;

	if (!is_multifunction(at(m, index)) || acs_isolates(m->machine, m->view, index))
		return 0;
	for (size_t i = 0; !group && i < m->machine->count; i++)
		if (i != index && pci_addr_same_slot(&at(m, i)->addr, &at(m, index)->addr) &&
		    !acs_isolates(m->machine, m->view, i))
			group = group_by_alias(m, i);
	return group;
}

static size_t group_by_alias(struct model *m, size_t index)
{
	bool *seen = &m->seen[devfn(at(m, index))];
	size_t group = m->groups[index];

	if (*seen)
		return 0;
	*seen = true;
	for (size_t i = 0; !group && i < m->machine->count; i++) {
		if (i == index || !on_one_bus(at(m, i), at(m, index)) || !are_aliases(m, index, i))
			continue;
		group = group_by_alias(m, i);
		if (!group)
			group = group_by_function(m, i);
	}
	return group;
}

static size_t find_group(struct model *m, size_t index)
{
	size_t device = index, group;

	if (at(m, index)->requester != ACS_NONE)
		device = at(m, index)->requester;
	if (m->groups[device])
		return m->groups[device];
	for (size_t b = at(m, device)->parent; b != ACS_NONE; b = at(m, b)->parent) {
		const struct acs_config *config = &at(m, b)->config;

		if (config->express && config->type != 7 && config->type != 8)
			continue;
		device = b;
		if (m->groups[b])
			return m->groups[b];
	}
	for (size_t b = at(m, device)->parent; b != ACS_NONE; b = at(m, b)->parent) {
		if (acs_weak_link(m->machine, m->view, b) == ACS_NONE)
			break;
		device = b;
		if (m->groups[b])
			return m->groups[b];
	}
	memset(m->seen, 0, sizeof(m->seen));
	group = group_by_alias(m, device);
	return group ? group : group_by_function(m, device);
}

/* --- a machine -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return pci_addr_cmp(&((const struct acs_function *)a)->addr,
			    &((const struct acs_function *)b)->addr);
}

/* Until it is sorted, a parent is known by the bus below it: 1 + its place in this list. */
static size_t make_functions(const uint8_t *data, size_t size, struct acs_function *ret)
{
	static const struct {
		uint16_t vendor, device;
	} ids[] = {{0x1b36, 1},	     {0x8086, 0x7ae0}, {0x1b4b, 0x9230}, {0x1180, 0xe832},
		   {0x9005, 0x0285}, {0x10b5, 0x87b0}, {0x8086, 0x2954}, {0x1b36, 2}};
	static const uint8_t types[] = {0, 1, 4, 5, 6, 7, 8, 9, 10, 11};
	size_t count = 0;

	for (; size >= BYTES_EACH && count < FUNCTIONS_MAX;
	     data += BYTES_EACH, size -= BYTES_EACH) {
		struct acs_function *f = &ret[count++];
		size_t bus = data[0] % count; /* 0 is the root bus */

		*f = (struct acs_function){
			.addr = {.bus = (uint8_t)bus, .dev = data[1] >> 6, .fn = data[1] & 7},
			.vendor = ids[data[2] % ARRAY_SIZE(ids)].vendor,
			.device = ids[data[2] % ARRAY_SIZE(ids)].device,
			.subvendor = 0x9005,
			.subdevice = 0x02bb,
			.parent = bus ? bus - 1 : ACS_NONE,
			.requester = ACS_NONE,
			.is_virtual = (data[3] & 7) == 7,
			.config = {.header = true,
				   .known = true,
				   .multifunction = data[3] & 8,
				   .express = (data[3] & 0x30) != 0,
				   .type = types[data[4] % ARRAY_SIZE(types)],
				   .acs = data[3] & 0x40,
				   .acs_cap = 0x1f,
				   .acs_control = data[3] & 0x80 ? 0x1f : 0},
		};
		/* A virtual function is an endpoint. */
		if (f->is_virtual) {
			f->config.express = true;
			f->config.type = 0;
		}
	}
	return count;
}

/* In the order of addresses, which is that in which the kernel finds them; each address once. */
static void sort_functions(struct acs_machine *machine)
{
	struct acs_function *f = machine->functions;
	size_t parents[FUNCTIONS_MAX], count = 0;
	struct pci_addr before[FUNCTIONS_MAX];

	for (size_t i = 0; i < machine->count; i++)
		before[i] = f[i].addr;
	qsort(f, machine->count, sizeof(*f), compare);
	for (size_t i = 0; i < machine->count; i++)
		if (!count || compare(&f[count - 1], &f[i]))
			f[count++] = f[i];
	machine->count = count;
	for (size_t i = 0; i < count; i++) {
		parents[i] = f[i].parent;
		f[i].parent = ACS_NONE;
		for (size_t j = 0; parents[i] != ACS_NONE && j < count; j++)
			if (!pci_addr_cmp(&f[j].addr, &before[parents[i]]) &&
			    f[j].addr.bus < f[i].addr.bus)
				f[i].parent = j;
	}
}

static bool read_data(void *data, unsigned offset, uint32_t *ret)
{
	const uint8_t *const *slice = data;

	CHECK(offset % 4 == 0 && offset < 4096);
	if (slice[0] + offset + 4 > slice[1])
		return false;
	memcpy(ret, slice[0] + offset, 4);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acs_function functions[FUNCTIONS_MAX];
	struct acs_machine machine = {.functions = functions};
	struct acs_member members[FUNCTIONS_MAX];
	struct acs_view view = {.iommu_on = false};
	const uint8_t *slice[] = {data, data + size};
	struct acs_config config;
	struct model m = {.machine = &machine, .view = &view};
	size_t last = 0;

	acs_parse(read_data, slice, &config);
	CHECK(!config.acs || config.express);
	if (size < 1)
		return 0;
	view.iommu_on = data[0] & 1;
	view.override.downstream = data[0] & 2;
	view.override.multifunction = data[0] & 4;
	machine.has_ivrs = data[0] & 8;
	machine.count = make_functions(data + 1, size - 1, functions);
	sort_functions(&machine);
	/* Half of the machines have a domain behind their first function. */
	for (size_t i = 1; data[0] & 16 && i < machine.count; i++)
		if (functions[i].addr.dev == 3 && functions[i].parent == ACS_NONE)
			functions[i].requester = 0;
	CHECK(acs_groups(&machine, &view, members) == 0);
	for (size_t i = 0; i < machine.count; i++) {
		m.groups[i] = find_group(&m, i);
		if (!m.groups[i])
			m.groups[i] = ++last;
	}
	for (size_t i = 0; i < machine.count; i++) {
		CHECK(members[i].group <= i && members[members[i].group].group == members[i].group);
		CHECK((members[i].reason == ACS_ALONE) == (members[i].by == ACS_NONE));
		for (size_t j = 0; j < i; j++)
			CHECK((members[i].group == members[j].group) ==
			      (m.groups[i] == m.groups[j]));
	}
	return 0;
}
