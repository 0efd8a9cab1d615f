/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vfio-device list`: what is known of each PCI function, and its three ways to be printed. */
#ifndef TOOLS_LIST_H
#define TOOLS_LIST_H

#include <stdint.h>

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

struct list {
	struct pci_inventory inv;
	struct profile profile;
	struct claim_plan plan;
	struct record record;
	struct list_device *devices; /* one per function, in the inventory's order */
	size_t count;
	bool has_groups; /* the IOMMU is on */
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

/* Print on stdout, all functions or cards only. 0, -ENOMEM or -EIO. */
int list_print_table(const struct list *list, bool all, bool verbose) _must_check_;
int list_print_tree(const struct list *list, bool verbose) _must_check_;

/* The object {"devices": [...]}; NULL without memory. */
struct json_t *list_json(const struct list *list, bool all) _must_check_;

/* The command. */
int list_run(struct cmd_call *call);

#endif
