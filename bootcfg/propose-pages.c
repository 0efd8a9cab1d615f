// SPDX-License-Identifier: GPL-2.0-or-later
/* How much memory a guest gets, in which pages. */
#include <string.h>

#include "bootcfg/propose.h"
#include "early/pages.h"

#define MIB UINT64_C(1024) /* KiB */
#define GIB UINT64_C(1048576)
#define PAGE_2M (2 * MIB)
#define LEAST (256 * MIB) /* less is no guest that gets a card */

int proposal_parse_memory(const char *text, uint64_t *ret_kib)
{
	uint64_t number = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		number = number * 10 + (unsigned)(*text - '0');
		if (number > GIB)
			return -EINVAL;
	}
	if (*text == 'G' || *text == 'g')
		number *= GIB;
	else if (*text == 'M' || *text == 'm')
		number *= MIB;
	else
		return -EINVAL;
	if ((text[1] && strcmp(text + 1, "iB") != 0) || !number || number % PAGE_2M)
		return -EINVAL;
	*ret_kib = number;
	return 0;
}

char *proposal_memory(uint64_t kib, char buf[static MEMORY_STR])
{
	if (kib % GIB)
		snprintf(buf, MEMORY_STR, "%llu MiB", (unsigned long long)(kib / MIB));
	else
		snprintf(buf, MEMORY_STR, "%llu GiB", (unsigned long long)(kib / GIB));
	return buf;
}

/* What policy-memory.c leaves to a guest. */
static uint64_t spare(const struct root *root, int node, uint64_t *ret_memory)
{
	uint64_t share;

	*ret_memory = pages_memory_kib(root, node);
	share = pages_host_share(*ret_memory, node);
	return *ret_memory > share ? *ret_memory - share : 0;
}

static uint64_t by_default(uint64_t memory, uint64_t most)
{
	uint64_t kib = memory / 2;

	if (kib > most)
		kib = most;
	return kib >= GIB ? kib / GIB * GIB : kib / PAGE_2M * PAGE_2M;
}

static int check(struct proposal *proposal, uint64_t memory, uint64_t most, struct diag *diag)
{
	uint64_t rounded = by_default(2 * most, most);
	char wanted[MEMORY_STR], where[64] = "this machine", limit[MEMORY_STR];

	if (proposal->memory_kib <= most || !memory)
		return 0;
	if (proposal->node != CPUS_ANY_NODE)
		snprintf(where, sizeof(where), "node %d, where the card is,", proposal->node);
	proposal_memory(proposal->memory_kib, wanted);
	if (proposal->wish->force) {
		remark(&proposal->remarks,
		       "%s for the guest starve the host: %s has %llu MiB; vfio-early will give "
		       "back what is too much",
		       wanted, where, (unsigned long long)(memory / MIB));
		return 0;
	}
	return diag_set(diag, -EPERM, NULL, 0,
			"--guest-memory: %s are too much: %s has %llu MiB, and the host needs %llu "
			"MiB of it for itself; ask for %s at most, or use --force",
			wanted, where, (unsigned long long)(memory / MIB),
			(unsigned long long)((memory - most) / MIB),
			proposal_memory(rounded, limit));
}

int propose_pages(struct proposal *proposal, struct diag *diag)
{
	const struct host *host = &proposal->host;
	uint64_t memory, most, node_memory, node_most;

	most = spare(proposal->root, PAGES_ANY_NODE, &memory);
	node_memory = memory;
	node_most = most;
	if (proposal->node != CPUS_ANY_NODE)
		node_most = spare(proposal->root, proposal->node, &node_memory);
	if (node_most > most)
		node_most = most;
	proposal->memory_kib = proposal->wish->memory_kib;
	if (!proposal->memory_kib) {
		proposal->memory_kib = by_default(node_memory, node_most);
		if (proposal->memory_kib < LEAST)
			return diag_set(diag, -EPERM, NULL, 0,
					"this machine has %llu MiB of memory, of which no guest "
					"can be spared any; name its size with --guest-memory, and "
					"--force, if that is wrong",
					(unsigned long long)(node_memory / MIB));
	} else {
		int r = check(proposal, node_memory, node_most, diag);

		if (r < 0)
			return r;
	}
	/* Where the CPU's flags cannot be read, 2 MiB are what every one has. */
	proposal->page_kib = host->flags_known && host->has_1g && proposal->memory_kib % GIB == 0
				     ? GIB
				     : PAGE_2M;
	proposal->page_count = (unsigned long)(proposal->memory_kib / proposal->page_kib);
	return 0;
}
