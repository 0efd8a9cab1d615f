// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/loader.h"

const struct loader *const loaders[] = {&loader_kernelstub, &loader_systemd_boot, &loader_grub,
					NULL};

const struct loader *loader_find(const char *name)
{
	for (size_t i = 0; loaders[i]; i++)
		if (!strcmp(loaders[i]->name, name))
			return loaders[i];
	return NULL;
}

struct boot_line *boot_setup_add(struct boot_setup *setup)
{
	struct boot_line *lines =
		reallocarray(setup->lines, setup->count + 1, sizeof(*setup->lines));

	if (!lines)
		return NULL;
	setup->lines = lines;
	lines[setup->count] = (struct boot_line){.role = LINE_SOURCE};
	return &lines[setup->count++];
}

void boot_setup_free(struct boot_setup *setup)
{
	if (setup->loader && setup->loader->free)
		setup->loader->free(setup);
	for (size_t i = 0; i < setup->count; i++)
		boot_line_free(&setup->lines[i]);
	free(setup->lines);
	*setup = (struct boot_setup){.count = 0};
}
