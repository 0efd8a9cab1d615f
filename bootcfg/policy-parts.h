/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal to the policy: its parts, in the order in which their units stand on a command line. */
#ifndef BOOTCFG_POLICY_PARTS_H
#define BOOTCFG_POLICY_PARTS_H

#include "bootcfg/policy.h"

struct policy {
	const struct profile *profile;
	const struct host *host;
	unsigned flags;
	const struct owned_list *accepted; /* or NULL */
	struct wants wants;
	struct remarks *remarks;
	struct diag *diag;
};

/* Adds a wanted unit that an entry of the profile asks for; item is static. 0 or -ENOMEM with diag. */
int policy_add(struct policy *policy, const char *item, const struct profile_entry *entry,
	       const char *format, ...) _must_check_ _printf_(4, 5);

/* 1 where an entry that is only unwise may pass, by --force now or before; 0, or -ENOMEM with diag. */
int policy_may_force(struct policy *policy, const struct profile_entry *entry) _must_check_;

int policy_oom(struct diag *diag); /* -ENOMEM with its message */

/* The only KEY of [kernel], or NULL. */
const struct profile_entry *policy_kernel_key(const struct policy *policy, const char *key);

/* isolcpus, nohz_full, rcu_nocbs, irqaffinity. 0 or -errno with diag, as all of these. */
int policy_cpus(struct policy *policy) _must_check_;
int policy_hugepages(struct policy *policy) _must_check_;

/* That huge pages leave the host the memory that it needs: not without --force. 0 or -EPERM with diag. */
int policy_memory(struct policy *policy) _must_check_;

/* args; comes last, since it looks for what the others have added. */
int policy_args(struct policy *policy) _must_check_;

/* True if args has a NAME= whose comma-separated value has item. */
bool policy_args_have(const struct policy *policy, const char *name, const char *item);

/*
 * The page size in KiB that hugepages= without a size and vm.nr_hugepages are about, and how many
 * pages of it the profile wants (by node: their sum). False where it wants none.
 */
bool policy_default_pages(const struct profile *profile, const struct host *host,
			  unsigned long *ret_count);

/*
 * Whether `ids=` of vfio-pci or pci-stub (len bytes) takes a card that no [device] names: 1 with its
 * ids and address in ret, 0, or -ENOMEM.
 */
#define STRANGER_STR 64
int policy_stranger(const struct root *root, const struct profile *profile, const char *ids,
		    size_t len, char ret[static STRANGER_STR]) _must_check_;

#endif
