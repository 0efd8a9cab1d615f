/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which PCI functions the kernel puts into one IOMMU group, told from configuration space and
 * topology alone: what pci_device_group() of drivers/iommu/iommu.c comes to, with pci_acs_enabled()
 * of drivers/pci/pci.c, pci_for_each_dma_alias() of drivers/pci/search.c and the exceptions of
 * drivers/pci/quirks.c, as they are in Linux 6.1, 6.12 and 7.2. PCI Express Base Specification 6.12
 * has Access Control Services. It is a prediction: another kernel may know other exceptions, and
 * firmware may hide functions. Pure but for acs_load().
 */
#ifndef BOOTCFG_ACS_H
#define BOOTCFG_ACS_H

#include "early/pci.h"

#define ACS_NONE SIZE_MAX /* no function */

/* What configuration space says of one function. */
struct acs_config {
	bool header; /* its first 64 bytes were read: multifunction and bridge are known */
	bool known; /* its capabilities were read too, which only root can: the rest is known */
	bool multifunction; /* the header says so */
	bool bridge; /* header type 1 */
	bool express; /* has a PCI Express capability */
	bool slot; /* a port with a slot that takes cards */
	uint8_t type; /* PCI_EXP_TYPE_*, if express */
	uint8_t width; /* lanes of the link at most, 0 for none */
	bool acs; /* has an ACS capability */
	uint32_t acs_cap, acs_control; /* PCI_ACS_*: what it can do, and what is switched on */
};

struct acs_function {
	struct pci_addr addr;
	uint16_t vendor, device, subvendor, subdevice;
	struct acs_config config;
	bool is_virtual; /* a virtual function of SR-IOV */
	bool hidden; /* an IOMMU itself, which is in no group */
	size_t parent; /* the bridge above it; ACS_NONE on a root bus */
	size_t requester; /* whose identity its DMA bears, where not its own: its VMD's; or ACS_NONE */
};

/* Functions sorted by address, so that those of a slot lie side by side, function 0 first. */
struct acs_machine {
	struct acs_function *functions;
	size_t count;
	bool has_ivrs; /* firmware describes an AMD IOMMU */
	bool iommu_on; /* the kernel has made groups */
};

#define ACS_IDS 15 /* as many as the patch has room for */

/* pcie_acs_override=, of kernels with that patch. */
struct acs_override {
	bool downstream, multifunction;
	size_t id_count;
	struct {
		uint16_t vendor, device;
	} ids[ACS_IDS];
};

/* Under which circumstances to predict. */
struct acs_view {
	bool iommu_on; /* as the kernel sets up ACS with an IOMMU; else as it is set up now */
	struct acs_override override;
};

enum acs_reason {
	ACS_ALONE, /* nothing above or beside it pulls it into another group */
	ACS_BEHIND_REQUESTER, /* its DMA bears the identity of `by` */
	ACS_BEHIND_BRIDGE, /* conventional PCI below the bridge `by` */
	ACS_BEHIND_PORT, /* the port or bridge `by` above it does not isolate */
	ACS_BESIDE, /* neither it nor `by`, in the same slot, isolates */
	ACS_ALIAS, /* it and `by` use each other's identity */
};

struct acs_member {
	size_t group; /* index of the first function of its group; ACS_NONE for a hidden one */
	enum acs_reason reason;
	size_t by;
};

/*
 * Reads one dword of configuration space at an offset that is a multiple of 4. True, or false where
 * it cannot be read.
 */
typedef bool (*acs_read)(void *data, unsigned offset, uint32_t *ret);

/* Finds what matters, reading no more than that: undefined registers of some devices hang them. */
void acs_parse(acs_read read, void *data, struct acs_config *ret);

/* Whether a function is a port that cards or switches are below: a root or downstream port. */
bool acs_is_port(const struct acs_function *f);

/*
 * Whether a function keeps apart what can be kept apart, as pci_acs_enabled() has it. One whose
 * capabilities are not known is taken for one without ACS.
 */
bool acs_isolates(const struct acs_machine *machine, const struct acs_view *view, size_t index);

/*
 * Predicts the groups: ret, of machine->count entries, is filled in. 0 or -ENOMEM.
 */
int acs_groups(const struct acs_machine *machine, const struct acs_view *view,
	       struct acs_member *ret) _must_check_;

/*
 * The first port or bridge above a function, from index upwards, that does not isolate; ACS_NONE where all
 * do, so that what is behind index is on its own.
 */
size_t acs_weak_link(const struct acs_machine *machine, const struct acs_view *view, size_t index);

/* The first function whose capabilities are not known, without which no prediction means much; or ACS_NONE. */
size_t acs_unknown(const struct acs_machine *machine);

/* "is joined to 0000:00:01.0: neither isolates its functions" into buf; returns buf. */
#define ACS_TEXT 256
char *acs_text(const struct acs_machine *machine, const struct acs_member *member,
	       char buf[static ACS_TEXT]);

/* --- acs-override.c --- */

/*
 * Parses what pcie_acs_override= and the profile's acs-override take: "downstream,multifunction" or
 * "id:8086:1901". 0; -EINVAL for what is not understood, -E2BIG for more ids than the patch takes.
 */
int acs_override_parse(const char *text, struct acs_override *ret) _must_check_;

#define ACS_OVERRIDE_STR (ACS_IDS * 13 + 32)
char *acs_override_format(const struct acs_override *override, char buf[static ACS_OVERRIDE_STR]);

/* What all pcie_acs_override= of a command line say; false, and *ret untouched, for nothing. */
bool acs_override_find(const char *text, size_t size, struct acs_override *ret);

/* How many functions are believed to isolate for the override's sake alone. */
size_t acs_override_reach(const struct acs_machine *machine, const struct acs_override *override);

/*
 * Whether a grouping will do: asked once per override that is tried. members as acs_groups() gives
 * them.
 */
typedef bool (*acs_wanted)(void *data, const struct acs_member *members);

/*
 * The override that makes `wanted` true and is believed of the fewest functions. 0; -ENOENT where
 * no override does, or none is needed; -ENOMEM.
 */
int acs_least_override(const struct acs_machine *machine, acs_wanted wanted, void *data,
		       struct acs_override *ret) _must_check_;

/* --- acs-quirks.c: what the kernel knows better than configuration space --- */

/* 1 or 0 where the kernel knows whether a function isolates, -ENOTTY where it does not. */
int acs_quirk(const struct acs_machine *machine, const struct acs_view *view, size_t index);

/* Whether a function does DMA with the identity of the devfn beside it on the same bus. */
bool acs_quirk_alias(const struct acs_function *f, unsigned devfn);

/* Bits of the ACS capability that count for nothing, since the kernel never sets them. */
uint32_t acs_quirk_broken(const struct acs_function *f);

/* Intel's root ports that have ACS registers of 32 bits. */
bool acs_quirk_wide(const struct acs_function *f);

/* --- acs-load.c --- */

/*
 * Reads configuration space of all functions of an inventory, which are identified here. The caller frees
 * with acs_machine_free(). 0, -ENOMEM; what cannot be read is not known in *ret.
 */
int acs_load(const struct root *root, struct pci_inventory *inv,
	     struct acs_machine *ret) _must_check_;
void acs_machine_free(struct acs_machine *machine);

#define _cleanup_acs_ _cleanup_(acs_machine_free)

#endif
