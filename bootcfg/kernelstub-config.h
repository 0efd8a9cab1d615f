/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/kernelstub/configuration: JSON, as kernelstub (Pop!_OS) writes and reads it. The section "user"
 * counts; where there is none kernelstub begins it as a copy of "default". kernel_options is a string
 * up to revision 2, later a list of words; both are kept as they are, and so is every byte outside
 * of what is edited. kernelstub keeps keys that it does not know: what is ours stands in one of its
 * own, beside "default" and "user":
 *
 *     "vfio-bootcfg": {"options": ["iommu=pt", ...], "replaced": {"isolcpus=8-15": "isolcpus=2-5"},
 *                      "made": ["user"]}
 */
#ifndef BOOTCFG_KERNELSTUB_CONFIG_H
#define BOOTCFG_KERNELSTUB_CONFIG_H

#include "bootcfg/file.h"
#include "bootcfg/json-span.h"
#include "bootcfg/line.h"
#include "early/text.h"

#define STUB_CONFIG "etc/kernelstub/configuration"

struct stub_config {
	struct file file;
	struct json_span top, options; /* options: of "user", else of "default" */
	bool has_user;
	bool is_list; /* else a string */
	bool manage_mode; /* false: the options are in the firmware's boot entry, too */
	bool has_record, made_user; /* what our own key says; made_user: "user" is a copy of ours */
	struct owned_list owned;
};

/*
 * Takes the file over on success. Errors, with diag: -EBADMSG (no JSON; another shape or revision
 * than 1 to 3; our own key torn), -ENOMEM.
 */
int stub_config_parse(struct file *file, struct stub_config *ret, struct diag *diag) _must_check_;
void stub_config_free(struct stub_config *config);

/*
 * The options as segments: one for a string; for a list one for each element, and one for the
 * elements that are to be added. Fills in file, owned and owned_known, too. 0 or -ENOMEM: then the line
 * holds some of it.
 */
int stub_config_line(const struct stub_config *config, struct boot_line *line) _must_check_;

/* The bytes after the line's edits; *ret is the caller's to free. 0 or -ENOMEM. */
int stub_config_write(const struct stub_config *config, const struct boot_line *line, char **ret,
		      size_t *ret_size) _must_check_;

/* Adds the options' value alone, edited, to a text. 0 or -ENOMEM. */
int stub_options_write(const struct stub_config *config, const struct boot_line *line,
		       struct text *text) _must_check_;

#define _cleanup_stub_config_ _cleanup_(stub_config_free)

#endif
