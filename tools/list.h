/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vfio-device list`: what is known of each PCI function, and its three ways to be printed. */
#ifndef TOOLS_LIST_H
#define TOOLS_LIST_H

#include <stdint.h>

#include "bootcfg/acs.h"
#include "bootcfg/cmd.h"
#include "bootcfg/pcinames.h"
#include "early/profile.h"
#include "early/record.h"
#include "early/resolve.h"

enum list_child_kind {
	LIST_DISK,
	LIST_USB,
};

/* What hangs on a controller. Strings are as the device says them: clean them before a terminal. */
struct list_child {
	enum list_child_kind kind;
	char *name; /* the kernel's: "nvme0n1", "1-4" */
	char *model; /* a disk's model, a USB device's maker and product; "" where it has none */
	uint64_t size_bytes; /* of a disk */
	char **mounts; /* of a disk, its partitions and what dm and md make of them; "[SWAP]" for swap */
	size_t mount_count;
	uint16_t vendor, device; /* of a USB device */
};

struct list_device {
	struct pci_dev *dev; /* owned by the inventory */
	int boot_vga; /* 1, 0, or negative where the kernel says neither */
	bool boot_display; /* the host's console is on it, whatever told so */
	bool claimed; /* bound to vfio-pci now */
	const char *section; /* name of the profile's section that means it, or NULL */
	const char *reason; /* why it is not taken though the profile means it, one word; or NULL */
	const char *text; /* the same in a sentence, for people; or NULL */
	char name[PCINAMES_STR];
	char class_name[PCINAMES_STR];
	struct list_child *children;
	size_t child_count;
};

/*
 * The IOMMU groups as they are predicted from configuration space: with the IOMMU off as if it were on, else as ACS
 * is set up now, unless something else was asked for.
 */
struct list_prediction {
	struct acs_machine machine; /* its functions are in the list's order */
	struct acs_view view;
	struct acs_member *members; /* one per function, or NULL where no prediction can be made */
	bool asked; /* by --predict */
};

struct list {
	struct pci_inventory inv;
	struct profile profile;
	struct claim_plan plan;
	struct record record;
	struct list_device *devices; /* one per function, in the inventory's order */
	size_t count;
	bool has_groups; /* the IOMMU is on */
	struct list_prediction prediction;
};

/*
 * Reads the machine. On failure of the profile alone *ret is still filled in: the list is shown
 * without it. The caller frees *ret with list_free() in every case.
 * 0; -EBADMSG with diag where the profile cannot be read; else as pci_scan(), -ENOMEM.
 */
int list_load(const struct root *root, struct list *ret, struct diag *diag) _must_check_;
void list_free(struct list *list);

/* What hangs on the functions: fills in children. 0 or -ENOMEM; what cannot be read is left out. */
int list_load_children(const struct root *root, struct list *list) _must_check_;

/* True for what a person may want to hand over: no bridge, no part of the chipset. */
bool list_is_card(const struct list_device *device);

/* "boot display", "claimed (guest-gpu)", "storage (disk)", "" ... into buf; returns buf. */
#define LIST_STATE_STR 160
char *list_state(const struct list_device *device, char buf[static LIST_STATE_STR]);

/* --- list-groups.c --- */

/* What --predict takes: "on", "now", or an override. 0, -EINVAL or -E2BIG as acs_override_parse(). */
int list_view_parse(const char *text, struct acs_view *ret) _must_check_;

/*
 * Fills in list->prediction; view NULL: what suits the machine. Leaves it without members where
 * configuration space of some function cannot be read. 0 or -ENOMEM.
 */
int list_predict(const struct root *root, struct list *list,
		 const struct acs_view *view) _must_check_;

/* The first function whose configuration space could not be read, "" for none. Returns buf. */
const char *list_unread(const struct list *list, char buf[static PCI_ADDR_STR]);

/* The address of the first function of its predicted group; "" where there is none. Returns buf. */
char *list_predicted(const struct list *list, const struct list_device *device,
		     char buf[static PCI_ADDR_STR]);

/* Whether a function's live group is what was predicted; true where one of the two is not known. */
bool list_is_explained(const struct list *list, const struct list_device *device);

/* Whether two functions share a group: the kernel's, or with the IOMMU off the predicted one. */
bool list_same_group(const struct list *list, const struct list_device *a,
		     const struct list_device *b);

/*
 * Whether a function does no harm to the rest of its group when that goes to a guest: the kernel lets bridges
 * and functions without a driver be.
 */
bool list_is_harmless(const struct list *list, const struct list_device *device);

/* --- list-advice.c: cards that cannot go to a guest for what is in their group --- */

struct list_other {
	const struct list_device *device;
	bool could_come; /* along to the guest */
	char why[96]; /* why not, or what would go with it; "" */
};

/* Another slot where the card would be on its own. */
struct list_slot {
	const struct list_device *port; /* the port above it */
	const struct list_device *holds; /* a function that is in it now, or NULL */
	unsigned width; /* lanes at most; 0: unknown */
};

#define LIST_SLOTS 4

struct list_advice {
	const struct list_device *first; /* of the card's functions, which are in one slot */
	size_t count;
	struct list_other *others; /* what stands in the way; owned */
	size_t other_count;
	char why[ACS_TEXT]; /* they are together; "" where that cannot be told */
	struct list_slot slots[LIST_SLOTS];
	size_t slot_count;
	bool has_override; /* one that splits them */
	struct acs_override override;
	size_t reach; /* functions of which it is believed */
};

/*
 * Advice for the cards of the profile and for displays that are not the host's, or for all cards. *ret is
 * the caller's, to be freed with list_advice_free(). 0 or -ENOMEM.
 */
int list_advise(const struct list *list, bool all, struct list_advice **ret,
		size_t *ret_count) _must_check_;
void list_advice_free(struct list_advice *advice, size_t count);

/* --- printing --- */

/* Paragraphs below the table, one per card. */
void list_print_advice(const struct list *list, const struct list_advice *advice, size_t count);

/* What the column PREDICTED means, where there is one. */
void list_print_prediction(const struct list *list);

/*
 * Why a card cannot be taken as it is, in words of the record: "boot-display", "disk-in-use",
 * "no-iommu-group", "group"; "" where nothing speaks against it, and for what is no card. Static.
 */
const char *list_obstacle(const struct list *list, const struct list_device *device);

/* Print on stdout, all functions or cards only. 0, -ENOMEM or -EIO. */
int list_print_table(const struct list *list, bool all, bool verbose) _must_check_;
int list_print_tree(const struct list *list, bool verbose) _must_check_;
int list_print_dot(const struct list *list) _must_check_;

/* The object {"devices": [...], "prediction", "advice"}; NULL without memory. */
struct json_t *list_json(const struct list *list, bool all, const struct list_advice *advice,
			 size_t advice_count) _must_check_;

/* The command. */
int list_run(struct cmd_call *call);

#endif
