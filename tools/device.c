// SPDX-License-Identifier: GPL-2.0-or-later
#include "bootcfg/cmd.h"
#include "tools/list.h"

static const struct cmd_option list_options[] = {
	{.name = "tree", .help = "all functions as a tree: bridges, slots, functions"},
	{.name = "all",
	 .help = "bridges and the chipset's own functions too",
	 .instead_of_previous = true},
};

static const struct cmd commands[] = {
	{
		.name = "list",
		.run = list_run,
		.help = "cards by IOMMU group: driver, boot display, claimed or not and why, and "
			"what "
			"hangs on a controller",
		.options = list_options,
		.option_count = ARRAY_SIZE(list_options),
	},
};

int main(int argc, char **argv)
{
	static const struct cmd_program program = {
		.name = "vfio-device",
		.help = "Shows the PCI cards of this host and which of them are kept for guests.",
		.commands = commands,
		.command_count = ARRAY_SIZE(commands),
	};

	return cmd_main(&program, argc, argv);
}
