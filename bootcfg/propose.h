/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `plan` proposes for this machine: a card that the host can spare, CPUs and memory near it, and
 * why. Reads only. Data flows one way: machine -> cards -> CPUs -> pages -> sets (of the profile) ->
 * the text, JSON and libvirt's XML.
 */
#ifndef BOOTCFG_PROPOSE_H
#define BOOTCFG_PROPOSE_H

#include "bootcfg/acs.h"
#include "bootcfg/host.h"
#include "bootcfg/line.h"
#include "bootcfg/profile-edit.h"
#include "bootcfg/propose-cpus.h"
#include "early/pci.h"

struct text;
struct json_t;

struct wish {
	const char *const *devices; /* SPECs in place of what we would pick */
	size_t device_count;
	unsigned cpus; /* 0: half of those near the card */
	uint64_t memory_kib; /* 0: half of the memory near the card; a multiple of 2 MiB */
	bool force;
};

enum card_choice {
	CARD_SPARE, /* the host boots on another display */
	CARD_ONLY, /* the host boots on it; --force */
	CARD_NAMED, /* by --device */
	CARD_GROUP, /* it shares an IOMMU group with one that was chosen */
};

struct proposed_card {
	struct pci_dev *dev; /* the function that speaks for it; owned by the inventory */
	enum card_choice choice;
	const struct pci_dev
		*other; /* the boot display, or the one whose group it shares; or NULL */
};

struct proposal {
	const struct root *root; /* not owned, like the wish */
	const struct wish *wish;
	struct host host;
	struct pci_inventory inv;
	struct acs_machine acs; /* the same functions, and how they isolate */
	struct acs_member *members; /* predicted with the IOMMU on; NULL where it cannot be told */
	bool predicted; /* the groups of inv are those, since the kernel has made none */
	struct pci_dev *display; /* which the host boots on, or NULL */
	struct proposed_card *cards; /* the first one decides what is near */
	size_t card_count;
	struct topology topology;
	int node; /* near the card, where the machine has several; else CPUS_ANY_NODE */
	struct cpu_choice cpus;
	cpu_set_t host_cpus;
	uint64_t memory_kib;
	unsigned long page_kib, page_count;
	struct profile_sets sets; /* of a machine without a profile, each with its reason */
	struct wants wants; /* what comes of it on the kernel command line */
	struct remarks remarks;
};

/*
 * Makes a proposal; the caller frees *ret with proposal_free() in every case. root and wish must
 * outlive it. Errors, with diag: -EPERM it is not to be (exit 3): no card to spare, a group that cannot
 * be given away whole, too many CPUs, too much memory; -EINVAL a SPEC that is none (exit 2);
 * -ELIBACC, -ENODATA, -ENOMEM, -EIO what is needed cannot be had (exit 4).
 */
int propose(const struct root *root, const struct wish *wish, struct proposal *ret,
	    struct diag *diag) _must_check_;
void proposal_free(struct proposal *proposal);

/* Puts the reasons of the proposal beside the same values of other sets. 0 or -ENOMEM. */
int proposal_explain(const struct proposal *proposal, struct profile_sets *sets) _must_check_;

/* "16777216G" and its NUL. A --guest-memory in KiB; -EINVAL for what is none. */
int proposal_parse_memory(const char *text, uint64_t *ret_kib) _must_check_;

/* "16 GiB" or "1536 MiB" into buf; returns buf. */
#define MEMORY_STR 32
char *proposal_memory(uint64_t kib, char buf[static MEMORY_STR]);

/* --- its parts -------------------------------------------------------------------------------- */

/* Scans the PCI bus and chooses cards: propose-card.c. Errors as propose(). */
int propose_cards(struct proposal *proposal, struct diag *diag) _must_check_;

/* The next function of a card, of those that a guest gets; NULL starts, and ends. */
struct pci_dev *proposal_function(const struct proposal *proposal, const struct proposed_card *card,
				  const struct pci_dev *after);

/* Reads or predicts the groups of all functions: propose-groups.c. 0 or -ENOMEM. */
int propose_groups(struct proposal *proposal) _must_check_;

/*
 * The next function that shares a group with one of the card's, *ret_mine, and is neither its own nor a bridge; NULL at
 * the end. *at counts on from 0.
 */
struct pci_dev *proposal_companion(const struct proposal *proposal,
				   const struct proposed_card *card, size_t *at,
				   const struct pci_dev **ret_mine);

/* Whether one of those must not leave the host: then which and why is in ret. */
#define REFUSAL_STR 320
bool proposal_group_is_held(const struct proposal *proposal, const struct proposed_card *card,
			    char ret[static REFUSAL_STR]);

/* What to do about that: the least ACS override that sets the card free, where it can be told. */
#define CURE_STR (ACS_OVERRIDE_STR + 320)
void proposal_cure(const struct proposal *proposal, const struct proposed_card *card,
		   char ret[static CURE_STR]);

/* Memory and page size: propose-pages.c. Errors as propose(). */
int propose_pages(struct proposal *proposal, struct diag *diag) _must_check_;

/* The proposal as changes of an empty profile, with their reasons: propose-sets.c. */
int propose_sets(struct proposal *proposal, struct diag *diag) _must_check_;

/* --- to be printed ---------------------------------------------------------------------------- */

/* The profile, a reason beside each line; with head what it is for and what comes of it. */
void proposal_text(const struct proposal *proposal, bool head, struct text *text);

/* libvirt's domain, valid by its schema. */
void proposal_xml(const struct proposal *proposal, struct text *text);

/* {"profile", "parameters", "guest", "host", "remarks"}; NULL without memory. */
struct json_t *proposal_json(const struct proposal *proposal) _must_check_;

#define _cleanup_proposal_ _cleanup_(proposal_free)

#endif
