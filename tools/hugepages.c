// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/hugepages.h"

#define NODE_OPTION .name = "node", .argument = "N", .help = "only of this NUMA node"
#define GUEST_OPTION                                                                               \
	.name = "guest", .argument = "NAME", .help = "the pages of [guest NAME] in the profile"

static const struct cmd_option status_options[] = {
	{NODE_OPTION},
};

static const struct cmd_option release_options[] = {
	{NODE_OPTION},
	{.name = "keep", .argument = "N", .help = "leave at least N pages of each size"},
	{GUEST_OPTION},
};

static const struct cmd_option reclaim_options[] = {
	{NODE_OPTION},
	{GUEST_OPTION},
	{.name = "wait",
	 .argument = "SECONDS",
	 .help = "go on so long where not all pages are found at once"},
};

static const struct cmd commands[] = {
	{
		.name = "status",
		.run = hugepages_status_run,
		.help = "pools by size and node: pages in all, free, promised, and wanted",
		.operands = "[SIZE...]",
		.options = status_options,
		.option_count = ARRAY_SIZE(status_options),
	},
	{
		.name = "release",
		.run = hugepages_release_run,
		.help = "give idle pages back to the host; what is used or promised stays",
		.operands = "[SIZE[=VALUE]...]",
		.options = release_options,
		.option_count = ARRAY_SIZE(release_options),
	},
	{
		.name = "reclaim",
		.run = hugepages_reclaim_run,
		.help = "make the pools as large as wanted: a real effort, and what came of it",
		.operands = "[SIZE[=VALUE]...]",
		.options = reclaim_options,
		.option_count = ARRAY_SIZE(reclaim_options),
	},
};

int main(int argc, char **argv)
{
	static const struct cmd_program program = {
		.name = "vfio-hugepages",
		.help = "Shows the pools of huge pages, gives them to the host and takes them "
			"back.",
		.commands = commands,
		.command_count = ARRAY_SIZE(commands),
	};

	return cmd_main(&program, argc, argv);
}
