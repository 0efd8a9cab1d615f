/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a boot will not do what the profile says, one sentence each: what is wrong (the file, the device
 * or the kernel's option by name) and what to do about it.
 */
#ifndef BOOTCFG_PROBLEMS_H
#define BOOTCFG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "early/cleanup.h"

enum problem_reason {
	/* a boot entry */
	PROBLEM_NO_INITRAMFS, /* it has none, or one that is not there */
	PROBLEM_UNEXPECTED, /* something on its command line contradicts */
	PROBLEM_OPEN_QUOTE, /* its command line has a quote without its end */
	PROBLEM_SWITCHED_OFF, /* it has one of the ways out: early claims nothing */
	PROBLEM_MODULE_BLACKLIST, /* the kernel itself is told not to load vfio-pci */
	PROBLEM_IOMMU_OFF, /* it switches the IOMMU off */
	PROBLEM_NO_KERNEL_OPTION, /* its kernel was built without what this CPU's IOMMU needs */
	PROBLEM_NO_ACS_PATCH, /* an override is asked of a kernel that knows none */
	/* its image */
	PROBLEM_IMAGE_UNREADABLE,
	PROBLEM_OTHER_KERNEL, /* its modules are for another kernel */
	PROBLEM_NO_EARLY, /* it has no vfio-early */
	PROBLEM_NOT_STARTED, /* it has one that nothing starts, or that comes too late */
	PROBLEM_NO_LIBKMOD, /* vfio-early has nothing to load modules with */
	PROBLEM_NO_MODULE, /* vfio-pci, or what it needs, is not in it */
	PROBLEM_IMAGE_PROFILE, /* it carries another profile */
	PROBLEM_BAD_PROFILE, /* it carries one that early refuses */
	PROBLEM_IMAGE_IDS, /* its modprobe.d gives other cards to vfio-pci */
	/* the host */
	PROBLEM_NO_ENTRY, /* there is no boot entry that could be looked at */
	PROBLEM_NO_DEFAULT, /* which entry boots by default is not known, or it is none of ours */
	PROBLEM_SETTING, /* sysctl.d or modprobe.d contradicts */
	/* this boot */
	PROBLEM_NO_RECORD, /* early did not run */
	PROBLEM_NOTHING_DONE, /* it ran, and was switched off or refused the profile */
	PROBLEM_CARD, /* a card is not with vfio-pci */
	PROBLEM_PAGES, /* fewer huge pages than wanted */
	PROBLEM_RUNNING, /* the running command line is another */
	PROBLEM_REASONS
};

/* "no-initramfs" and so on; static. */
const char *problem_word(enum problem_reason reason);

struct problem {
	enum problem_reason reason;
	bool stops_claims; /* no card at all is claimed */
	char *text; /* one line, printable; owned */
};

struct problems {
	struct problem *items;
	size_t count;
	bool no_memory; /* one was lost: to be looked at once, at the end */
};

/* Adds one. The same text again is dropped. */
void problem_add(struct problems *problems, enum problem_reason reason, bool stops_claims,
		 const char *format, ...) _printf_(4, 5);
void problems_free(struct problems *problems);

/* The first that keeps every card from being claimed, or NULL. */
const struct problem *problems_stop(const struct problems *problems);

#define _cleanup_problems_ _cleanup_(problems_free)

#endif
