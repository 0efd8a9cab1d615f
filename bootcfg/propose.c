// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/policy.h"
#include "bootcfg/propose.h"
#include "early/text.h"

static int out_of_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* --- near the card ---------------------------------------------------------------------------- */

static int load_topology(struct proposal *proposal, struct diag *diag)
{
	int r = topology_load(proposal->root, &proposal->topology);

	if (r == -ELIBACC)
		return diag_set(diag, r, NULL, 0,
				"plan needs hwloc, which is not installed: install libhwloc15 (the "
				"library libhwloc.so.15)");
	if (r == -ENOMEM)
		return out_of_memory(diag);
	if (r < 0)
		return diag_set(diag, -ENODATA, "/sys/devices/system/cpu", 0,
				"nothing there tells which cores this machine has");
	return 0;
}

static bool has_node(const struct topology *topology, int node)
{
	for (size_t i = 0; i < topology->count; i++)
		if (topology->cores[i].node == node)
			return true;
	return false;
}

/* In a machine with one node it makes no difference. */
static void find_node(struct proposal *proposal)
{
	const struct pci_dev *dev = proposal->cards[0].dev;
	char path[PCI_ATTR_STR], addr[PCI_ADDR_STR], buf[32];
	int node = -1;

	proposal->node = CPUS_ANY_NODE;
	if (proposal->topology.nodes < 2)
		return;
	if (root_read_attr(proposal->root, pci_attr_path(&dev->addr, "numa_node", path), buf,
			   sizeof(buf)) > 0)
		node = atoi(buf);
	if (node >= 0 && has_node(&proposal->topology, node)) {
		proposal->node = node;
		return;
	}
	proposal->node = proposal->topology.cores[0].node;
	remark(&proposal->remarks,
	       "the firmware does not say which NUMA node %s is on, or one without a CPU: node %d "
	       "is "
	       "taken, which may be the far one",
	       pci_addr_format(&dev->addr, addr), proposal->node);
}

static int choose_cpus(struct proposal *proposal, struct diag *diag)
{
	const struct topology *topology = &proposal->topology;
	unsigned available = cpus_available(topology, proposal->node);
	unsigned wanted = proposal->wish->cpus;
	char where[64] = "this machine", addr[PCI_ADDR_STR];

	if (proposal->node != CPUS_ANY_NODE)
		snprintf(where, sizeof(where), "node %d, where %s is,", proposal->node,
			 pci_addr_format(&proposal->cards[0].dev->addr, addr));
	if (!available)
		return diag_set(diag, -EPERM, NULL, 0,
				"%s has no CPU to spare: its one core is CPU 0's, which the host "
				"needs",
				where);
	if (!wanted)
		wanted = cpus_default(topology, proposal->node);
	if (cpus_choose(topology, proposal->node, wanted, &proposal->cpus) < 0)
		return diag_set(diag, -EPERM, NULL, 0,
				"--guest-cpus %u: %s can spare %u CPUs, all but those of CPU 0's "
				"core, which the host needs; ask for fewer",
				wanted, where, available);
	if (proposal->wish->cpus && proposal->cpus.count > wanted)
		remark(&proposal->remarks,
		       "%u CPUs were asked for, and whole cores have %u: a core of which the host "
		       "has the other half is slow, and can be watched",
		       wanted, proposal->cpus.count);
	CPU_ZERO(&proposal->host_cpus);
	for (size_t i = 0; i < topology->count; i++)
		if (!CPU_ISSET(topology->cores[i].first, &proposal->cpus.set))
			CPU_OR(&proposal->host_cpus, &proposal->host_cpus,
			       &topology->cores[i].threads);
	return 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* What the profile means for these kernels is the policy's to say, refusals included. */
static int find_wants(struct proposal *proposal, struct diag *diag)
{
	_cleanup_profile_ struct profile profile = {.device_count = 0};
	_cleanup_text_ struct text text = {.data = NULL};
	int r;

	proposal_text(proposal, false, &text);
	if (text.error)
		return out_of_memory(diag);
	r = profile_parse_text(text.data, text.size, "/the proposal", &profile, diag);
	if (r < 0)
		return r;
	return policy_wants(&profile, &proposal->host, proposal->wish->force ? POLICY_FORCE : 0,
			    NULL, &proposal->wants, &proposal->remarks, diag);
}

int propose(const struct root *root, const struct wish *wish, struct proposal *ret,
	    struct diag *diag)
{
	int r;

	*ret = (struct proposal){.root = root, .wish = wish, .node = CPUS_ANY_NODE};
	if (!root_has_kernel(root))
		return diag_set(diag, -EPERM, NULL, 0,
				"this is an image: plan looks at the machine that it is to run on; "
				"run it there, or on a capture of it (tools/collect-machine.sh)");
	if (host_load(root, &ret->host) < 0)
		return out_of_memory(diag);
	r = propose_cards(ret, diag);
	if (r == 0)
		r = load_topology(ret, diag);
	if (r < 0)
		return r;
	find_node(ret);
	r = choose_cpus(ret, diag);
	if (r == 0)
		r = propose_pages(ret, diag);
	if (r == 0)
		r = propose_sets(ret, diag);
	return r < 0 ? r : find_wants(ret, diag);
}

void proposal_free(struct proposal *proposal)
{
	wants_free(&proposal->wants);
	remarks_free(&proposal->remarks);
	profile_sets_free(&proposal->sets);
	topology_free(&proposal->topology);
	acs_machine_free(&proposal->acs);
	free(proposal->members);
	proposal->members = NULL;
	pci_inventory_free(&proposal->inv);
	host_free(&proposal->host);
	free(proposal->cards);
	proposal->cards = NULL;
}
