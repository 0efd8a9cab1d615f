// SPDX-License-Identifier: GPL-2.0-or-later
#include "bootcfg/cmd.h"
#include "tools/handover.h"
#include "tools/list.h"

static const struct cmd_option list_options[] = {
	{.name = "tree", .help = "all functions as a tree: bridges, slots, functions"},
	{.name = "all",
	 .help = "bridges and the chipset's own functions too",
	 .instead_of_previous = true},
	{.name = "dot", .help = "a picture of it for Graphviz", .instead_of_previous = true},
	{.name = "predict",
	 .argument = "WHAT",
	 .help = "groups as they would be: with the IOMMU on, with ACS as it is now, or with an "
		 "ACS "
		 "override",
	 .completion = "on now downstream multifunction"},
};

static const struct cmd_option handover_options[] = {
	{.name = "guest",
	 .argument = "NAME",
	 .help = "all that [guest NAME] asks for: its session starts or ends"},
	{.name = "force", .help = "do what is unwise, where it is not impossible"},
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
	{
		.name = "release",
		.run = release_run,
		.help = "give a card back to the host: its own drivers get it",
		.operands = "[NAME|ADDRESS]",
		.options = handover_options,
		.option_count = ARRAY_SIZE(handover_options),
	},
	{
		.name = "reclaim",
		.run = reclaim_run,
		.help = "take a card for guests: vfio-pci gets it",
		.operands = "[NAME|ADDRESS]",
		.options = handover_options,
		.option_count = ARRAY_SIZE(handover_options),
	},
};

int main(int argc, char **argv)
{
	static const struct cmd_program program = {
		.name = "vfio-device",
		.help = "Shows the PCI cards of this host and which of them are kept for guests; "
			"gives them back and takes them again.",
		.commands = commands,
		.command_count = ARRAY_SIZE(commands),
	};

	return cmd_main(&program, argc, argv);
}
