/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the parts of the GRUB loader; for bootcfg/grub*.c only. */
#ifndef BOOTCFG_GRUB_H
#define BOOTCFG_GRUB_H

#include "bootcfg/grub-words.h"
#include "bootcfg/loader.h"

#define GRUB_DEFAULT_FILE "etc/default/grub"
#define GRUB_DEFAULT_DIR "etc/default/grub.d"
#define GRUB_DROP_IN GRUB_DEFAULT_DIR "/zz-vfio-bootcfg.cfg"

/*
 * What is ours in the file that keeps the record of it: comments, and where there was no assignment
 * to add to (always in the drop-in) one of our own. Offsets into the file.
 */
struct grub_record {
	bool found; /* there are such comments */
	struct owned_list owned;
	size_t start, end; /* the first such comment up to the end of the assignment */
	size_t assignment, assignment_end; /* our own assignment; both 0: none */
	struct {
		size_t start, end;
	} lines[64]; /* comments, not side by side where somebody wrote between them */
	size_t line_count;
};

/*
 * Reads the record out of a file. -EBADMSG (a comment of ours that is torn) with diag, or -ENOMEM.
 */
int grub_record_read(const struct file *file, const char *variable, struct grub_record *ret,
		     struct diag *diag) _must_check_;

/*
 * Appends the record as lines: each with eol behind it, or with glue in front of it. text: of the
 * assignment, as the kernel gets it; NULL: none. 0 or -ENOMEM.
 */
struct text;
int grub_record_write(struct text *ret, const struct owned_list *owned, const char *variable,
		      const char *text, const char *eol, bool glue) _must_check_;

/* Bytes of a file that give way to others. */
struct grub_patch {
	unsigned file;
	size_t start, end;
	char *insert; /* owned */
};

struct grub_patches {
	struct grub_patch *items; /* by file, then by start; an insertion before a removal */
	size_t count;
};

/* Adds a copy. 0 or -ENOMEM. */
int grub_patch_add(struct grub_patches *patches, unsigned file, size_t start, size_t end,
		   const char *insert, size_t size) _must_check_;
/* The file's bytes with its patches; the caller's to free. 0 or -ENOMEM. */
int grub_patch_apply(const struct grub_patches *patches, unsigned number, const struct file *file,
		     char **ret, size_t *ret_size) _must_check_;
void grub_patches_free(struct grub_patches *patches);

/* A segment's text, byte by byte as places in grub->all. */
struct grub_map {
	size_t *at; /* per byte of the text and one more; SIZE_MAX inside of what is not exact */
	size_t size;
};

/* What the files of etc/default say. */
struct grub_source {
	struct file *files; /* in the order in which grub-mkconfig reads them */
	size_t file_count;
	unsigned home; /* the file with the record */
	bool created; /* home is a file that we have made: gone where nothing is left in it */
	bool drop_in; /* grub-mkconfig reads grub.d, so that home is a file of our own */
	bool bls; /* boot entries are files: grub.cfg reads them when the machine boots */
	const char *variable; /* that new units go to */
	struct shell shell;
	struct grub_record record;
	struct shell_value all; /* GRUB_CMDLINE_LINUX, a blank, GRUB_CMDLINE_LINUX_DEFAULT */
	struct grub_map *maps; /* per segment of the line */
	size_t map_count;
	bool own_assignment; /* the append segment is that of the record, or is to be one */
	bool opaque; /* something in it is known to a run only */
};

/*
 * Reads the files into *ret and what they say into line. Errors as struct loader's read; *ret is to
 * be freed in any case.
 */
int grub_source_read(const struct boot_context *context, struct grub_source *ret,
		     struct boot_line *line, struct diag *diag) _must_check_;
void grub_source_free(struct grub_source *source);

/* What the files would say with these patches. Errors as grub_source_read(); both are to be freed. */
int grub_source_reread(const struct grub_source *source, const struct grub_patches *patches,
		       struct grub_source *ret, struct boot_line *line,
		       struct diag *diag) _must_check_;

/* Puts the files into the plan as the line's edits make them. 0 or -errno with diag. */
int grub_source_plan(const struct grub_source *source, const struct boot_line *line,
		     struct plan *plan, struct diag *diag) _must_check_;

/* "boot/grub" or "boot/grub2", where its grub.cfg is; NULL: there is none. Static. */
const char *grub_directory(const struct root *root);

/*
 * Appends a read-only line per menu entry of grub.cfg that boots a kernel of this system. Recovery
 * entries are left out, since they keep clear of GRUB_CMDLINE_LINUX_DEFAULT. 0 or -errno with diag.
 */
int grub_cfg_read(const struct boot_context *context, struct boot_setup *setup,
		  struct diag *diag) _must_check_;

/* True if an entry of grub.cfg says what the source will say. */
bool grub_cfg_agrees(const struct grub_source *source, const struct boot_line *from,
		     const struct boot_line *entry);

#endif
