/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is ours in a file, written into it as comments, so that a lost /var does not keep `unset` from its
 * work. One names units that we put in, one what stands in the place of what:
 *
 *   # vfio-bootcfg: intel_iommu=on iommu=pt
 *   # vfio-bootcfg replaced: isolcpus=2-3 -> isolcpus=8-15
 */
#ifndef BOOTCFG_MARK_H
#define BOOTCFG_MARK_H

#include "bootcfg/file.h"
#include "bootcfg/line.h"

#define MARK_OWNS "# vfio-bootcfg: "
#define MARK_REPLACED "# vfio-bootcfg replaced: "
#define MARK_OWNS_NOTHING "# vfio-bootcfg owns nothing here"
#define MARK_ARROW " -> "

/*
 * Adds what a comment says, behind its MARK_OWNS or MARK_REPLACED, to owned; text need not end in NUL.
 * line is for messages. 0, -ENOMEM, or -EBADMSG with diag: it cannot be read.
 */
int mark_read_owns(const struct file *file, unsigned line, const char *text, size_t size,
		   struct owned_list *owned, struct diag *diag) _must_check_;
int mark_read_replaced(const struct file *file, unsigned line, const char *text, size_t size,
		       struct owned_list *owned, struct diag *diag) _must_check_;

/* Fails for such a comment: -EBADMSG, with diag. */
int mark_torn(const struct file *file, unsigned line, struct diag *diag);

/* Whether units read back as they are when they stand side by side; without memory not. */
bool mark_apart(const char *before, const char *unit);

#endif
