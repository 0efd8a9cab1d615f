/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `check` found, before it is printed: each boot entry with its kernel and initramfs, what becomes of
 * each card when the default entry boots, and what else of this host matters. --booted: what came of it.
 */
#ifndef BOOTCFG_CHECK_H
#define BOOTCFG_CHECK_H

#include "bootcfg/acs.h"
#include "bootcfg/image-check.h"
#include "bootcfg/kernel-image.h"
#include "bootcfg/status.h"
#include "early/resolve.h"

enum check_iommu {
	IOMMU_ON, /* the command line says so, or it needs no word */
	IOMMU_OFF, /* the command line says so */
	IOMMU_AS_BUILT, /* neither: as the kernel was built */
};

struct check_entry {
	const struct status_entry *status; /* owned by check->status, with its line */
	char *text; /* the whole command line; owned */
	char kernel[KERNEL_VERSION_STR]; /* "" where it is not known */
	size_t image; /* index into check->images; NO_IMAGE: it has none */
	bool is_default;
	enum check_iommu iommu;
	struct problems problems; /* without those of the image */
};

#define NO_IMAGE ((size_t)-1)

enum check_will { WILL_NOT, WILL, WILL_UNKNOWN };

struct check_card {
	const char *name; /* of its section; the profile's */
	enum check_will will;
	const char *
		reason; /* a word: of claim_reason_word(), problem_word(), or one of ours; static */
	char *text; /* one sentence; "" for nothing to say; owned */
	struct pci_addr *addresses; /* of the functions that are meant; owned */
	size_t address_count;
};

struct check {
	struct status status;
	bool booted; /* --booted */
	struct check_entry *entries;
	size_t entry_count;
	struct image_check *images;
	size_t image_count;
	struct check_card *cards;
	size_t card_count;
	struct problems problems; /* of the host, of this boot */
	struct remarks notes; /* what is no reason for a no */
};

/* Reads all. 0, or an exit code of an error that it has said; the caller frees in any case. */
int check_load(struct cmd_call *call, struct check *ret) _must_check_;
void check_free(struct check *check);

/* True where nothing speaks against it. */
bool check_ok(const struct check *check);

/* True for an entry that does what the profile says. */
bool check_entry_ok(const struct check *check, const struct check_entry *entry);

/* The document of --json; NULL without memory. */
struct json_t *check_json(const struct check *check) _must_check_;

/* The text on stdout. 0 or -ENOMEM. */
int check_print(const struct check *check) _must_check_;

/* --- the parts of check_load(); 0 or -ENOMEM --- */

/* One entry: its command line, its kernel's options, its image. */
int check_add_entry(struct cmd_call *call, struct check *check, const struct status_entry *status,
		    bool is_default) _must_check_;

/* The cards, by the default entry (NULL: not known) and this machine. */
int check_cards(const struct root *root, struct check *check,
		const struct check_entry *entry) _must_check_;

/*
 * Notes on what else is in the IOMMU group of a card that is given away: in the groups of now, or in those that are
 * predicted, where the entry changes them. Identifies and groups inv.
 */
int check_groups(const struct root *root, struct check *check, const struct check_entry *entry,
		 struct pci_inventory *inv, const struct claim_plan *plan) _must_check_;

/* What else this host has or has not. rom: option ROMs are read, too. */
void check_host(const struct root *root, struct check *check, bool rom);

/* --booted: what is wrong with this boot, and the cards as they are. */
int check_booted(const struct root *root, struct check *check) _must_check_;

/* What a command line makes of the IOMMU that the firmware (else the CPU) says is there. */
enum check_iommu check_iommu_of(const struct root *root, const struct host *host,
				const char *cmdline);

/* Whether the firmware describes an IOMMU: 1, 0, or -1 where its tables cannot be seen. */
int check_firmware_iommu(const struct root *root, const struct host *host,
			 enum cpu_vendor *ret_vendor);

/* CONFIG_NAME of an installed kernel: 'y', 'm', 'n'; 0 where that is not known. */
char check_kernel_option(const struct root *root, const char *kernel, const char *name);

/* A card with the reason and a formatted sentence. NULL without memory. */
struct check_card *check_card_add(struct check *check, const char *name, enum check_will will,
				  const char *reason, const char *format, ...) _printf_(5, 6);
int check_card_address(struct check_card *card, const struct pci_addr *address) _must_check_;

#define _cleanup_check_ _cleanup_(check_free)

#endif
