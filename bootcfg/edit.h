/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place that knows what "already there", "missing" and "contradicts" mean, per parameter:
 * Documentation/admin-guide/kernel-parameters.rst, hugetlbpage.rst, kernel/sched/isolation.c,
 * arch/x86/kernel/pci-dma.c. Pure: text in, edits out.
 *
 *   first wins       isolcpus (per flag), nohz_full: a second one is ignored by the kernel
 *   last wins        what has one value: irqaffinity, most others
 *   comma list       iommu, intel_iommu, amd_iommu, pcie_acs_override: every occurrence counts
 *   by position      hugepagesz with the hugepages after it; each size once
 *   many times       console, rd.lvm.lv, ...: the same name again is another thing
 */
#ifndef BOOTCFG_EDIT_H
#define BOOTCFG_EDIT_H

#include "bootcfg/line.h"
#include "early/diag.h"

enum edit_flags {
	EDIT_REPLACE = 1 << 0, /* --replace: ours takes the place of what contradicts */
	EDIT_ADOPT = 1 << 1, /* --adopt: what is there as wanted becomes ours */
};

/* Bytes of a command line that the kernel of x86 reads, without the NUL (COMMAND_LINE_SIZE). */
#define LINE_MAX_BYTES 2047

/*
 * Fills in edits, owned_after and changed of the line so that it says what wants say: what is
 * missing goes to the append segment, after its last token but before `--`; what we own and do not
 * want any more goes, its old text comes back; a unit that was there is left, and is not ours. A
 * line that agrees gets no edit. What is fixed is read and never edited.
 * Returns 0. Errors, with diag naming file, line and token, and the line untouched:
 * -EEXIST   the user's own token contradicts (or, with EDIT_REPLACE, one that cannot be replaced)
 * -E2BIG    the line would be longer than the kernel reads
 * -EBADMSG  a quote without its end: it is not known what the line means
 * -EINVAL   a want that is not one unit, or a protected one; diag names its place in the profile
 * -ENOMEM
 * A read_only line gets no edits: owned_after is what owned is.
 */
int line_edit(struct boot_line *line, const struct wants *wants, unsigned flags,
	      struct diag *diag) _must_check_;

/* What a command line lacks and has too much; strings are owned by the report. */
struct line_report {
	char **missing; /* units wanted and not in force: not there, or overruled */
	size_t missing_count;
	char **unexpected; /* units that contradict, and ours that are no longer wanted */
	size_t unexpected_count;
	char **superseded; /* left by older guides, harmless */
	size_t superseded_count;
};

/*
 * Compares a text (of /proc/cmdline, of an entry) with what is wanted. owned may be NULL.
 * *ret is the caller's, for line_report_free(). 0; -EBADMSG (an open quote: *ret is filled in, and
 * all is missing); -EINVAL (as line_edit()) or -ENOMEM, *ret untouched.
 */
int line_compare(const char *text, const struct wants *wants, const struct owned_list *owned,
		 struct line_report *ret) _must_check_;
void line_report_free(struct line_report *report);

/*
 * Cuts a text into units and calls take() for each with its bytes, as they stand (of a pair that
 * has others in between: with one blank between the two). unit is valid until take() returns. For
 * `--adopt`, the lists of messages, and tests. Returns take()'s first non-zero answer, 0, -EBADMSG
 * for an open quote (take() was not called), or -ENOMEM.
 */
int line_units(const char *text, int (*take)(void *data, const char *unit, size_t size),
	       void *data) _must_check_;

/*
 * Whether a parameter is never ours: root, rootflags, rootfstype, ro, rw, init, initrd, BOOT_IMAGE,
 * systemd.machine_id, ostree, --. unit is a token's text.
 */
bool unit_protected(const char *unit);

/* True if both units say the same to the kernel: dyndbg="a b" and "dyndbg=a b", 1G and 1024M. */
bool unit_equal(const char *a, const char *b);

/* Whether a unit that means the same stands in the text; where a quote is open nothing does. */
bool line_has(const char *text, const char *unit);

#endif
