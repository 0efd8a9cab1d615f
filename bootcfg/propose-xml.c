// SPDX-License-Identifier: GPL-2.0-or-later
/* libvirt's domain, https://libvirt.org/formatdomain.html: what belongs to the cards, CPUs and pages. */
#include <string.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/propose.h"
#include "early/text.h"

static void add_list(struct text *text, const char *before, const cpu_set_t *set, const char *after)
{
	_cleanup_free_ char *list = cpulist_format(set);

	if (list)
		text_add(text, "%s%s%s", before, list, after);
	else
		text->error = -ENOMEM;
}

static void add_memory(const struct proposal *proposal, struct text *text)
{
	text_add(text,
		 "  <memory unit='KiB'>%llu</memory>\n"
		 "  <currentMemory unit='KiB'>%llu</currentMemory>\n"
		 "  <memoryBacking>\n"
		 "    <hugepages>\n"
		 "      <page size='%lu' unit='KiB' nodeset='0'/>\n"
		 "    </hugepages>\n"
		 "  </memoryBacking>\n",
		 (unsigned long long)proposal->memory_kib, (unsigned long long)proposal->memory_kib,
		 proposal->page_kib);
}

/* QEMU's own threads: on the host's CPUs, those near the card where there are some. */
static cpu_set_t helpers(const struct proposal *proposal)
{
	const struct topology *topology = &proposal->topology;
	cpu_set_t near;

	CPU_ZERO(&near);
	for (size_t i = 0; i < topology->count; i++)
		if (topology->cores[i].node == proposal->node)
			CPU_OR(&near, &near, &topology->cores[i].threads);
	CPU_AND(&near, &near, &proposal->host_cpus);
	return CPU_COUNT(&near) ? near : proposal->host_cpus;
}

/* A guest numbers the threads of a core one after the other. */
static void add_pins(const struct proposal *proposal, struct text *text)
{
	const struct topology *topology = &proposal->topology;
	cpu_set_t host = helpers(proposal);
	unsigned vcpu = 0;

	text_add(text,
		 "  <vcpu placement='static'>%u</vcpu>\n"
		 "  <iothreads>1</iothreads>\n"
		 "  <cputune>\n",
		 proposal->cpus.count);
	for (size_t i = 0; i < topology->count; i++) {
		const struct topology_core *core = &topology->cores[i];

		if (!CPU_ISSET(core->first, &proposal->cpus.set))
			continue;
		for (unsigned cpu = core->first; cpu <= core->last; cpu++)
			if (CPU_ISSET(cpu, &core->threads))
				text_add(text, "    <vcpupin vcpu='%u' cpuset='%u'/>\n", vcpu++,
					 cpu);
	}
	add_list(text, "    <emulatorpin cpuset='", &host, "'/>\n");
	add_list(text, "    <iothreadpin iothread='1' cpuset='", &host, "'/>\n");
	text_add(text, "  </cputune>\n");
	/* The pages of a machine without NUMA are on its node 0. */
	text_add(text,
		 "  <numatune>\n"
		 "    <memory mode='strict' nodeset='%d'/>\n"
		 "  </numatune>\n",
		 proposal->node == CPUS_ANY_NODE ? 0 : proposal->node);
}

static void add_cpu(const struct proposal *proposal, struct text *text)
{
	const struct cpu_choice *cpus = &proposal->cpus;
	bool alike = cpus->threads && !cpus->mixed;
	unsigned threads = alike ? cpus->threads : 1;

	text_add(text,
		 "  <cpu mode='host-passthrough' check='none' migratable='off'>\n"
		 "    <topology sockets='1' dies='1' cores='%u' threads='%u'/>\n"
		 "    <cache mode='passthrough'/>\n",
		 cpus->count / threads, threads);
	/* Without it a guest on AMD sees no second threads. */
	if (proposal->host.vendor == CPU_AMD && threads > 1)
		text_add(text, "    <feature policy='require' name='topoext'/>\n");
	text_add(text,
		 "    <numa>\n"
		 "      <cell id='0' cpus='0-%u' memory='%llu' unit='KiB'/>\n"
		 "    </numa>\n"
		 "  </cpu>\n",
		 cpus->count - 1, (unsigned long long)proposal->memory_kib);
}

/* All functions of a card as one card behind a port of its own, as they are in the host. */
static void add_card(const struct proposal *proposal, size_t number, struct text *text)
{
	const struct proposed_card *card = &proposal->cards[number];
	bool several = proposal_function(proposal, card, proposal_function(proposal, card, NULL));
	unsigned function = 0;

	for (struct pci_dev *dev = NULL; (dev = proposal_function(proposal, card, dev)); function++)
		text_add(text,
			 "    <hostdev mode='subsystem' type='pci' managed='no'>\n"
			 "      <source>\n"
			 "        <address domain='0x%04x' bus='0x%02x' slot='0x%02x' "
			 "function='0x%x'/>\n"
			 "      </source>\n"
			 "      <address type='pci' domain='0x0000' bus='0x%02zx' slot='0x00' "
			 "function='0x%x'%s/>\n"
			 "    </hostdev>\n",
			 dev->addr.domain, dev->addr.bus, dev->addr.dev, dev->addr.fn, number + 1,
			 function, several && !function ? " multifunction='on'" : "");
}

void proposal_xml(const struct proposal *proposal, struct text *text)
{
	text_add(text, "<!-- By vfio-bootcfg plan: the cards, CPUs and pages of the proposed "
		       "profile. Disks "
		       "and network are yours to add. -->\n"
		       "<domain type='kvm'>\n"
		       "  <name>guest</name>\n");
	add_memory(proposal, text);
	add_pins(proposal, text);
	text_add(text, "  <os firmware='efi'>\n"
		       "    <type arch='x86_64' machine='q35'>hvm</type>\n"
		       "  </os>\n"
		       "  <features>\n"
		       "    <acpi/>\n"
		       "    <apic/>\n"
		       "  </features>\n");
	add_cpu(proposal, text);
	/* vfio-early has the cards already: libvirt is neither to take nor to give them back. */
	text_add(text, "  <devices>\n"
		       "    <controller type='pci' index='0' model='pcie-root'/>\n");
	for (size_t i = 0; i < proposal->card_count; i++)
		text_add(text, "    <controller type='pci' index='%zu' model='pcie-root-port'/>\n",
			 i + 1);
	for (size_t i = 0; i < proposal->card_count; i++)
		add_card(proposal, i, text);
	text_add(text, "  </devices>\n</domain>\n");
}
