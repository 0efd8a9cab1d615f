/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal to device-set.h: the sections while they are chosen and checked. */
#ifndef BOOTCFG_DEVICE_SET_INTERNAL_H
#define BOOTCFG_DEVICE_SET_INTERNAL_H

#include "bootcfg/device-set.h"
#include "bootcfg/device-spec.h"

struct chosen {
	struct profile_device section; /* as it will be */
	char name[PROFILE_NAME_MAX + 1];
	bool is_old; /* it is in the profile */
	const char *given; /* the SPEC, where one means it; NULL: none does */
	struct pci_dev *card; /* that it means, or NULL */
};

struct chooser {
	const struct root *root;
	const struct profile *profile;
	bool force, live;
	struct pci_inventory inv; /* where live */
	struct chosen *items; /* the profile's, then new ones */
	size_t count;
	struct profile_sets *sets;
	struct remarks *remarks;
	struct diag *diag;
};

/* Refuses a card: -EPERM, with vfio-early's word for it. */
int device_refuse(struct chooser *chooser, const char *spec, const char *word, const char *format,
		  ...) _printf_(4, 5);

/* Whether a section means the function's card now: device-record.c, like the next three. */
bool device_is_of(const struct chooser *chooser, const struct chosen *item,
		  const struct pci_dev *dev);

/* Whether a section says the place of a SPEC, or the id of one that has no place: for an image. */
bool device_is_at(const struct profile_device *section, const struct device_spec *spec);

/*
 * Adds to the sets what makes the section mean this card, or in an image what was given; what agrees
 * already is left out. Errors: as device_check(); -ENOMEM.
 */
int device_record_card(struct chooser *chooser, struct chosen *item, struct pci_dev *card);
int device_record_given(struct chooser *chooser, struct chosen *item,
			const struct device_spec *spec);

/* What a card needs allowed. */
struct device_needs {
	bool boot_display, storage;
};

/*
 * Looks at all functions that the section takes of its card. -EPERM, with diag: a bridge, a disk in use,
 * the boot display without --force.
 */
int device_check(struct chooser *chooser, const struct chosen *item, struct device_needs *ret);

/* Asks what the boot will ask, of all sections together. -EPERM with diag; -ENOMEM. */
int device_check_all(struct chooser *chooser);

#endif
