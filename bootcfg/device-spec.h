/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A card as people name it: [NAME=]WHERE[@vvvv:dddd]. */
#ifndef BOOTCFG_DEVICE_SPEC_H
#define BOOTCFG_DEVICE_SPEC_H

#include "early/diag.h"
#include "early/profile.h"

enum spec_where {
	SPEC_ADDRESS, /* 0000:0b:00.0, 0b:00.0 */
	SPEC_SLOT, /* 0000:0b:00, 0b:00 */
	SPEC_PATH, /* 0000:00:03.1/00.0/00.0 */
	SPEC_ID, /* 1002:73bf */
};

struct device_spec {
	const char *text; /* as it was given; the caller's */
	char name[PROFILE_NAME_MAX + 1]; /* "" where none was given */
	enum spec_where where;
	struct pci_addr address; /* of a slot: its function 0 */
	struct pci_path path;
	bool has_id; /* of SPEC_ID, or behind the @ */
	uint16_t vendor, device;
};

/* -EINVAL with diag for what is no SPEC. text must outlive *ret. */
int device_spec_parse(const char *text, struct device_spec *ret, struct diag *diag) _must_check_;

/*
 * The function that is meant in this machine, identified; owned by the inventory. Of a slot its first
 * one. Errors, with diag: -EPERM, beginning with the word that vfio-early has for it: not-found,
 * changed (another id is there), ambiguous (several cards have the id: all of them are listed),
 * vanished.
 */
int device_spec_find(const struct root *root, const struct pci_inventory *inv,
		     const struct device_spec *spec, struct pci_dev **ret,
		     struct diag *diag) _must_check_;

/* True if both functions are of one card: a slot is one, but each virtual function is its own. */
bool device_same_card(const struct root *root, const struct pci_dev *a, const struct pci_dev *b);

/* True if it is a virtual function of SR-IOV. */
bool device_is_virtual(const struct root *root, const struct pci_dev *dev);

#endif
