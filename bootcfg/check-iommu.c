// SPDX-License-Identifier: GPL-2.0-or-later
/* drivers/iommu/intel/iommu.c, drivers/iommu/amd/init.c, arch/x86/kernel/pci-dma.c: what switches it on. */
#include <string.h>

#include "bootcfg/check.h"
#include "bootcfg/param.h"

#define TABLES "sys/firmware/acpi/tables/"

int check_firmware_iommu(const struct root *root, const struct host *host,
			 enum cpu_vendor *ret_vendor)
{
	*ret_vendor = host->vendor;
	if (!root_has_kernel(root) || !root_exists(root, TABLES))
		return -1;
	if (root_exists(root, TABLES "DMAR"))
		*ret_vendor = CPU_INTEL;
	else if (root_exists(root, TABLES "IVRS"))
		*ret_vendor = CPU_AMD;
	else
		return root_exists(root, TABLES "VIOT");
	return 1;
}

/* What one comma list says of on and off, where it says anything. */
static void read_list(struct slice list, bool *on, bool *off)
{
	struct slice item;

	while (slice_item(&list, &item)) {
		if (slice_is(item, "on")) {
			*on = true;
			*off = false;
		} else if (slice_is(item, "off")) {
			*off = true;
		}
	}
}

enum check_iommu check_iommu_of(const struct root *root, const struct host *host,
				const char *cmdline)
{
	bool intel_on = false, intel_off = false, amd_off = false, all_off = false, ignored = false;
	struct cmdline_token token;
	enum cpu_vendor vendor;
	struct cmdline line;

	(void)check_firmware_iommu(root, host, &vendor);
	cmdline_init(&line, cmdline, strlen(cmdline));
	while (cmdline_next(&line, &token)) {
		if (token.for_init)
			break;
		if (cmdline_is(&token, "intel_iommu"))
			read_list(token_value(&token), &intel_on, &intel_off);
		else if (cmdline_is(&token, "amd_iommu"))
			read_list(token_value(&token), &ignored, &amd_off);
		else if (cmdline_is(&token, "iommu"))
			read_list(token_value(&token), &ignored, &all_off);
	}
	if (all_off || (vendor == CPU_AMD ? amd_off : intel_off))
		return IOMMU_OFF;
	return vendor == CPU_AMD || intel_on ? IOMMU_ON : IOMMU_AS_BUILT;
}

char check_kernel_option(const struct root *root, const char *kernel, const char *name)
{
	static const struct {
		const char *before, *after;
	} places[] = {
		{"boot/config-", ""}, {"usr/lib/modules/", "/config"}, {"lib/modules/", "/config"}};
	char path[512], word[96];
	int len = snprintf(word, sizeof(word), "\nCONFIG_%s=", name);

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *text = NULL;
		const char *at;
		size_t size;

		snprintf(path, sizeof(path), "%s%.200s%s", places[i].before, kernel,
			 places[i].after);
		if (!*kernel || root_read_file(root, path, &text, &size, NULL) < 0) {
			text = NULL;
			continue;
		}
		at = strstr(text, word);
		/* A file that names no option at all is none. */
		if (at)
			return at[len];
		return strstr(text, "CONFIG_") ? 'n' : 0;
	}
	return 0;
}
