// SPDX-License-Identifier: GPL-2.0-or-later
/* One boot entry: what its command line, its kernel and its initramfs will make of the profile. */
#include <string.h>

#include "bootcfg/check.h"
#include "bootcfg/initrd-content.h"
#include "bootcfg/param.h"

/* --- the command line -------------------------------------------------------------------------- */

/* A way out of a black screen: in a menu for all times it is a mistake. */
static void check_switch(struct check_entry *entry)
{
	struct cmdline_token token = {.raw_len = 0};

	if (cmdline_switch(entry->text, strlen(entry->text), &token) == CMDLINE_ON)
		return;
	problem_add(&entry->problems, PROBLEM_SWITCHED_OFF, true,
		    "%s: with `%.*s` on its command line vfio-early claims nothing: take it off",
		    entry->status->line->file, (int)token.raw_len, token.raw);
}

/* The kernel refuses such a module whoever loads it; modprobe.blacklist= binds aliases only. */
static void check_blacklist(struct check_entry *entry)
{
	struct cmdline_token token;
	struct cmdline line;

	cmdline_init(&line, entry->text, strlen(entry->text));
	while (cmdline_next(&line, &token)) {
		struct slice list = token_value(&token), item;

		if (token.for_init || !cmdline_is(&token, "module_blacklist"))
			continue;
		while (slice_item(&list, &item))
			if (slice_is(item, "vfio_pci") || slice_is(item, "vfio_pci_core") ||
			    slice_is(item, "vfio") || slice_is(item, "vfio_iommu_type1"))
				problem_add(&entry->problems, PROBLEM_MODULE_BLACKLIST, true,
					    "%s: `%.*s` on its command line keeps the kernel from "
					    "loading %.*s: take it off",
					    entry->status->line->file, (int)token.raw_len,
					    token.raw, (int)item.size, item.data);
	}
}

static void check_iommu(const struct root *root, const struct check *check,
			struct check_entry *entry)
{
	const struct host *host = &check->status.host;
	enum cpu_vendor vendor;
	const char *option;

	entry->iommu = check_iommu_of(root, host, entry->text);
	if (entry->iommu == IOMMU_OFF) {
		problem_add(
			&entry->problems, PROBLEM_IOMMU_OFF, true,
			"%s: its command line switches the IOMMU off (intel_iommu=, amd_iommu= or "
			"iommu=), and vfio-pci takes no card without: `vfio-bootcfg set --iommu "
			"pt --replace`",
			entry->status->line->file);
		return;
	}
	(void)check_firmware_iommu(root, host, &vendor);
	if (vendor == CPU_UNKNOWN)
		return;
	option = vendor == CPU_AMD ? "AMD_IOMMU" : "INTEL_IOMMU";
	if (check_kernel_option(root, entry->kernel, option) == 'n')
		problem_add(&entry->problems, PROBLEM_NO_KERNEL_OPTION, true,
			    "%s: Linux %s was built without CONFIG_%s, which this host's IOMMU "
			    "needs: boot another kernel",
			    entry->status->line->file, entry->kernel, option);
	else if (entry->iommu == IOMMU_AS_BUILT &&
		 check_kernel_option(root, entry->kernel, "INTEL_IOMMU_DEFAULT_ON") == 'y')
		entry->iommu = IOMMU_ON;
}

static void check_acs(const struct check *check, struct check_entry *entry)
{
	const struct profile_entry *wanted =
		profile_get(&check->status.profile, "kernel", "", "acs-override");
	struct host_kernel kernel = {.version = entry->kernel};

	if (!wanted || !*entry->kernel || host_acs(&check->status.host, &kernel) != ACS_NO)
		return;
	problem_add(&entry->problems, PROBLEM_NO_ACS_PATCH, false,
		    "%s: Linux %s has no ACS override patch, so that acs-override of %s:%u has no "
		    "effect: boot one that has it (linux-zen, Liquorix, Proxmox's)",
		    entry->status->line->file, entry->kernel, wanted->file, wanted->line);
}

static void check_line(struct check_entry *entry)
{
	const struct status_entry *status = entry->status;

	for (size_t i = 0; i < status->report.unexpected_count; i++)
		problem_add(
			&entry->problems, PROBLEM_UNEXPECTED, false,
			"%s: `%s` on its command line is not as the profile says: `vfio-bootcfg "
			"set`, with --replace where it is your own",
			status->line->file, status->report.unexpected[i]);
	/* The kernel reads on to the end of the line, and what it makes of it is not what is meant. */
	if (strcspn(entry->text, "\"") < strlen(entry->text)) {
		bool open = false;

		for (const char *at = entry->text; *at; at++)
			open ^= *at == '"';
		if (open)
			problem_add(&entry->problems, PROBLEM_OPEN_QUOTE, false,
				    "%s: its command line has a quote without its end: what it "
				    "means is not known; correct it there",
				    status->line->file);
	}
}

/* --- kernel and image -------------------------------------------------------------------------- */

static void find_kernel(const struct root *root, struct check_entry *entry)
{
	const struct boot_line *line = entry->status->line;

	if (line->image && kernel_image_version(root, line->image, entry->kernel) == 0)
		return;
	entry->kernel[0] = '\0';
	if (line->kernel && !strchr(line->kernel, '/') &&
	    strlen(line->kernel) < sizeof(entry->kernel))
		strcpy(entry->kernel, line->kernel);
}

/* Its index; made where no entry had it yet. -ENOMEM. */
static int find_image(const struct root *root, struct check *check, const char *path,
		      const char *kernel, bool unified, size_t *ret)
{
	struct image_check *images;
	int r;

	for (size_t i = 0; i < check->image_count; i++)
		if (!strcmp(check->images[i].path, path) &&
		    !strcmp(check->images[i].kernel, kernel)) {
			*ret = i;
			return 0;
		}
	images = reallocarray(check->images, check->image_count + 1, sizeof(*images));
	if (!images)
		return -ENOMEM;
	check->images = images;
	r = image_check(root, &check->status.profile, path, kernel, unified,
			&images[check->image_count]);
	*ret = check->image_count++;
	return r;
}

static int check_image(const struct root *root, struct check *check, struct check_entry *entry)
{
	const struct boot_line *line = entry->status->line;

	if (line->unified)
		return find_image(root, check, line->file + 1, entry->kernel, true, &entry->image);
	if (line->initrds)
		return find_image(root, check, line->initrds, entry->kernel, false, &entry->image);
	if (initrd_content_is_asked(&check->status.profile))
		problem_add(&entry->problems, PROBLEM_NO_INITRAMFS, true,
			    "%s: the entry names no initramfs, so that nothing claims a card "
			    "before its "
			    "driver does: make the entry anew with one",
			    line->file);
	return 0;
}

int check_add_entry(struct cmd_call *call, struct check *check, const struct status_entry *status,
		    bool is_default)
{
	const struct root *root = &call->root;
	struct check_entry *entries =
		reallocarray(check->entries, check->entry_count + 1, sizeof(*entries));
	struct check_entry *entry;

	if (!entries)
		return -ENOMEM;
	check->entries = entries;
	entry = &entries[check->entry_count++];
	*entry =
		(struct check_entry){.status = status, .image = NO_IMAGE, .is_default = is_default};
	entry->text = boot_line_text(status->line);
	if (!entry->text)
		return -ENOMEM;
	find_kernel(root, entry);
	check_line(entry);
	if (check->status.profile.device_count) {
		check_switch(entry);
		check_blacklist(entry);
		check_iommu(root, check, entry);
	}
	check_acs(check, entry);
	return check_image(root, check, entry);
}
