/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a commit in progress is about to do, in /var/lib/vfio-bootcfg, so that whoever comes after it
 * knows what lies about. It goes through three states, each reached by one rename(2):
 *
 *   .vfio-bootcfg.journal   staging: temporaries may lie about, no file is changed yet. It is whole
 *                           before the first of them is made: one that is cut off names none
 *   journal                 all is staged and synced: files are being renamed
 *   journal, without files  all are; what is left to do (grub.cfg, initramfs) is in "after"
 *
 * The hashes are there to notice what others did in between, not to keep anybody out: whoever can
 * write here can write the files too. A journal of another machine, in an image that was copied, is
 * not carried out.
 */
#ifndef BOOTCFG_JOURNAL_H
#define BOOTCFG_JOURNAL_H

#include <stdint.h>

#include "bootcfg/place.h"
#include "bootcfg/plan.h"
#include "bootcfg/state.h"

#define JOURNAL_NAME "journal" /* in STATE_DIR */
#define JOURNAL_STAGING ".vfio-bootcfg.journal"

/* What all temporaries begin with: no loader reads such a name, and none ends in .conf or .cfg. */
#define TEMPORARY_PREFIX ".vfio-bootcfg."

/* A file's bytes in short. Not there: exists is false, the rest 0. */
struct digest {
	bool exists;
	size_t size;
	uint64_t hash; /* FNV-1a */
};

struct journal_file {
	char *path; /* as in the plan; owned */
	char *temporary; /* its name, in the directory where the file really is; NULL: removed; owned */
	struct digest old, new;
};

struct journal {
	char *machine; /* whose root it is: the machine id, or "image"; owned */
	unsigned after; /* enum commit_after */
	struct journal_file *files; /* in the order of the renames */
	size_t count;
	struct path_list
		made; /* directories, upper ones first: removed again if nothing comes of it */
	struct path_list prune; /* directories that go where they are empty afterwards */
};

struct digest digest_of(const char *data, size_t size);
bool digest_equal(const struct digest *a, const struct digest *b);

/* Appends a file; path and temporary (may be NULL) are copied. 0 or -ENOMEM. */
int journal_add(struct journal *journal, const char *path, const char *temporary,
		const struct digest *old, const struct digest *new) _must_check_;
void journal_free(struct journal *journal);

/* As a JSON document, the caller's to free. NULL without memory. */
char *journal_text(const struct journal *journal) _must_check_;

/*
 * Reads one. Paths that lead out of the root (absolute, with a "..") and temporaries that are not of
 * our making are refused: an image's journal may be anybody's. 0, -EBADMSG, -ENOMEM; *ret is the
 * caller's, for journal_free(), on success.
 */
int journal_parse(const char *text, size_t size, struct journal *ret) _must_check_;

/*
 * Whose root this is: /etc/machine-id of a running system ("host" where it has none), else "image".
 * 0, -ENOMEM or -errno.
 */
int journal_machine(const struct root *root, char **ret) _must_check_;

#define _cleanup_journal_ _cleanup_(journal_free)

#endif
