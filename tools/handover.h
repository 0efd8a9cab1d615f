/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `vfio-device release` and `reclaim`: cards change hands while the host runs. The functions that a
 * command line means are the targets of a claim plan (early/resolve.h), and what becomes of each is told there:
 * dev->driver had it before, driver_after has it now, reason and text say why it is not as asked.
 *
 * Both are safe to be ended at any point: what they find, whatever the step at which another one was
 * ended, the next one completes. Attributes are those of Documentation/ABI/testing/sysfs-bus-pci.
 */
#ifndef TOOLS_HANDOVER_H
#define TOOLS_HANDOVER_H

#include "bootcfg/cmd.h"
#include "early/claim.h"
#include "early/profile.h"

#define MODULES_MAX 32
#define MODULE_NAME 64 /* the kernel's MODULE_NAME_LEN is less */

/* Kernel modules that go while guests have the cards, in the order of their going. */
struct module_names {
	char names[MODULES_MAX][MODULE_NAME];
	size_t count;
};

struct handover {
	struct claim_env env;
	int (*load_native)(const char *modalias); /* module_load_alias() */
	int (*load_module)(const char *name); /* module_load_name() */
	int (*unload_module)(const char *name); /* module_unload() */
	bool force;
	struct pci_inventory inv;
	struct profile profile;
	struct profile_device *sections; /* the profile's, and one for a card that is in none */
	char address_name[PCI_ADDR_STR]; /* the name of that one */
	struct claim_plan plan;
	struct module_names modules; /* what reclaim unloads */
	bool stuck; /* something could not be put back as it was */
};

/* As a running system, or a captured machine, has it: h->env, load_native and force. Nothing is owned yet. */
void handover_init(struct handover *h, const struct root *root, bool force);
void handover_free(struct handover *h);

/* record_lock(), with the time that another handover may take. A descriptor; -errno with diag. */
int handover_lock(const struct root *root, struct diag *diag) _must_check_;

/*
 * Which cards are meant: the [device] NAME, or the card at an ADDRESS (with the functions that a section
 * says, where one means it; else the whole slot), or a list of names of [device] sections with commas between; operand or
 * names is NULL. flags: RESOLVE_RELEASED to take, RESOLVE_FIND to give back. Fills in inv, profile, plan; env.root is set.
 * 0, and what the resolver has against a target is in the plan; -EINVAL with diag for what names nothing;
 * -EBADMSG and the like with diag for a profile that cannot be read; -EXDEV or -ENOENT without a PCI bus; -ENOMEM.
 */
int handover_pick(struct handover *h, const char *operand, const char *names, unsigned flags,
		  struct diag *diag) _must_check_;

/*
 * Gives every target of the plan to its own driver: marks it as released, so that udev's rule leaves it
 * alone; clears our override; takes it from vfio-pci; loads its driver's module, lets the kernel probe and reads the
 * link. Where one function is not taken, all that vfio-pci had go back to it. Refuses a card that a process has open.
 * 0: as asked, or nothing to do; -EPERM: refused, nothing was touched; -EIO: it failed, and h->stuck says whether all
 * is as it was. The reasons are in the plan. The caller holds the lock (early/record.h).
 */
int handover_release(struct handover *h) _must_check_;

/*
 * Takes every target for guests: looks whether the host can do without it, detaches the consoles, then claims as
 * at boot, and removes the marks. All functions of all targets, or none. Errors as above.
 */
int handover_reclaim(struct handover *h) _must_check_;

/* True for a function that vfio-pci has, with the override that keeps it there. */
bool handover_is_taken(const struct claim_target *target);

/*
 * Reads driver_override of every target into override_before, in a child first: where an earlier step
 * hangs in the kernel, so would this. 0; -EIO with the reason in the plan.
 */
int handover_read_overrides(struct handover *h) _must_check_;

/* The commands. */
int release_run(struct cmd_call *call);
int reclaim_run(struct cmd_call *call);

#endif
