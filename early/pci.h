/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions as sysfs shows them: Documentation/ABI/testing/sysfs-bus-pci, and the path notation
 * of Documentation/admin-guide/kernel-parameters.txt ("pci="). Everything here only reads.
 */
#ifndef EARLY_PCI_H
#define EARLY_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "root.h"

struct pci_addr {
	uint32_t domain; /* 16 bits, but VMD and Hyper-V use more */
	uint8_t bus;
	uint8_t dev; /* 0 to 31 */
	uint8_t fn; /* 0 to 7 */
};

#define PCI_ADDR_STR 20 /* "10000:0b:00.0" and its NUL, with room */
#define PCI_PATH_HOPS 31 /* more bridges in a row than any machine has */
#define PCI_PATH_STR (PCI_ADDR_STR + PCI_PATH_HOPS * 5)

/* "0000:00:03.1/00.0/00.0": a function on a root bus, then device and function of each hop down. */
struct pci_path {
	struct pci_addr root;
	uint8_t hops;
	uint8_t devfn[PCI_PATH_HOPS]; /* dev << 3 | fn */
};

#define PCI_DRIVER_STR 64
#define PCI_GROUP_NONE (-1)
#define PCI_GROUP_UNREAD (-2)

struct pci_dev {
	struct pci_addr addr;
	struct pci_path path;
	struct pci_addr parent; /* the bridge above; valid if path.hops > 0 */
	bool has_child; /* some function sits below it: a bridge in use */
	bool identified; /* the fields below are read */
	uint16_t vendor, device;
	uint16_t subvendor, subdevice;
	uint32_t class; /* 24 bits: base class, subclass, interface */
	char driver[PCI_DRIVER_STR]; /* bound when it was identified; "" for none */
	int group; /* IOMMU group, PCI_GROUP_NONE or PCI_GROUP_UNREAD */
};

/* All functions of a machine, sorted by address. */
struct pci_inventory {
	struct pci_dev *devs;
	size_t count;
	struct pci_dev **by_path; /* the same, sorted by path */
};

static inline unsigned pci_base_class(const struct pci_dev *dev)
{
	return dev->class >> 16;
}

int pci_addr_cmp(const struct pci_addr *a, const struct pci_addr *b);
bool pci_addr_same_slot(const struct pci_addr *a, const struct pci_addr *b);
bool pci_path_equal(const struct pci_path *a, const struct pci_path *b);

/*
 * Parses "0000:0b:00.0" or, as lspci prints it, "0b:00.0" (domain 0). 0, or -EINVAL for anything
 * else, also for trailing text; *ret is untouched then.
 */
int pci_addr_parse(const char *text, struct pci_addr *ret) _must_check_;

/* Parses "0000:00:03.1/00.0/00.0"; a path of no hops is a function on a root bus. 0 or -EINVAL. */
int pci_path_parse(const char *text, struct pci_path *ret) _must_check_;

/* Print into a buffer of the size that the macro names; return the buffer. */
char *pci_addr_format(const struct pci_addr *addr, char buf[static PCI_ADDR_STR]);
char *pci_path_format(const struct pci_path *path, char buf[static PCI_PATH_STR]);

/*
 * Lists all functions: address, path, parent, has_child. Nothing else is read: one readdir and one
 * readlink per function. The caller frees with pci_inventory_free().
 * Errors: -ENOENT without a PCI bus (or in an image: -EXDEV), -ENOMEM, -errno of the reads.
 * A function that vanishes meanwhile is left out.
 */
int pci_scan(const struct root *root, struct pci_inventory *ret) _must_check_;
void pci_inventory_free(struct pci_inventory *inv);

/* Reads ids, class and driver of one function (one open, read, close of its uevent), if not yet done.
 * 0; -ENODEV where it has vanished; -errno. */
int pci_identify(const struct root *root, struct pci_dev *dev) _must_check_;

/* Reads the IOMMU group into dev->group, if not yet done: its number, or PCI_GROUP_NONE. 0 or -errno. */
int pci_group(const struct root *root, struct pci_dev *dev) _must_check_;

/* 1 or 0 as the kernel's boot_vga says; -ENOENT where it has none (only class 0300 does); -errno. */
int pci_boot_vga(const struct root *root, const struct pci_dev *dev);

/* The driver that holds it right now into buf ("" for none). 0 or -errno. */
int pci_driver(const struct root *root, const struct pci_addr *addr,
	       char buf[static PCI_DRIVER_STR]);

/* The function at an address, or NULL. Owned by the inventory. */
struct pci_dev *pci_find(const struct pci_inventory *inv, const struct pci_addr *addr);

/*
 * The first of the functions with a path and how many there are, or NULL and 0. Several: a virtual
 * function sits on a bus of its own below the bridge of its physical one, and can show its path.
 */
struct pci_dev *const *pci_find_path(const struct pci_inventory *inv, const struct pci_path *path,
				     size_t *ret_count);

/* The functions of the slot that addr is in: *ret_first and the count; 0 for none. */
size_t pci_slot(const struct pci_inventory *inv, const struct pci_addr *addr,
		struct pci_dev **ret_first);

/* Path of an attribute of a function, "sys/bus/pci/devices/ADDRESS/ATTR". */
#define PCI_ATTR_STR 96
char *pci_attr_path(const struct pci_addr *addr, const char *attr, char buf[static PCI_ATTR_STR]);

#define _cleanup_inventory_ _cleanup_(pci_inventory_free)

#endif
