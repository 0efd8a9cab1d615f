// SPDX-License-Identifier: GPL-2.0-or-later
#include "bootcfg/cmd.h"
#include "bootcfg/commands.h"

#define LOADERS "grub systemd-boot kernelstub"

/* Each formatter of two Debian releases has its own way with these. */
// clang-format off
#define AGREE_OPTIONS \
	{.name = "force", .help = "do what is unwise, where it is not impossible"}, \
	{.name = "dry-run", .help = "print what would change as a diff, write nothing"}, \
	{.name = "loader", .argument = "NAME", .completion = LOADERS, .repeatable = true, \
	 .help = "grub, systemd-boot or kernelstub, in place of the active one"}, \
	{.name = "esp", .argument = "DIR", .completion = "@directory", \
	 .help = "where the EFI system partition is, inside --root"}, \
	{.name = "no-regenerate", .help = "run neither grub-mkconfig nor dracut: say what is left to do"}
// clang-format on

static const struct cmd_option set_options[] = {
	{.name = "device",
	 .argument = "SPEC",
	 .help = "a card: [NAME=]WHERE[@vvvv:dddd], WHERE an address, a path or an id",
	 .repeatable = true},
	{.name = "cpus",
	 .argument = "LIST",
	 .help = "CPUs for guests: isolcpus, nohz_full, rcu_nocbs and irqaffinity of one piece"},
	{.name = "iommu",
	 .argument = "on|pt|off",
	 .help = "switch the IOMMU on; pt: the host's own devices pass through",
	 .completion = "on pt off"},
	{.name = "isolcpus",
	 .argument = "LIST",
	 .help = "in place of what --cpus derives; or none"},
	{.name = "irqaffinity",
	 .argument = "LIST",
	 .help = "in place of what --cpus derives; or none"},
	{.name = "hugepages",
	 .argument = "SIZE=VALUE",
	 .help = "2M or 1G; VALUE is a count, or NODE:COUNT,...; 0: none",
	 .completion = "2M= 1G=",
	 .repeatable = true},
	{.name = "acs-override",
	 .argument = "WHAT",
	 .help = "downstream, multifunction, id:vvvv:dddd, with commas between",
	 .completion = "downstream multifunction downstream,multifunction"},
	{.name = "arg",
	 .argument = "NAME[=VALUE]",
	 .help = "one more kernel parameter",
	 .repeatable = true},
	{.name = "replace", .help = "take the place of your own settings that contradict"},
	{.name = "adopt", .help = "what is there as wanted becomes ours, for unset to take back"},
	{.name = "kernel",
	 .argument = "VERSION",
	 .help = "only this kernel's boot entries: after a kernel was installed"},
	AGREE_OPTIONS,
};

static const struct cmd_option unset_options[] = {
	AGREE_OPTIONS,
};

static const struct cmd_option status_options[] = {
	{.name = "loader",
	 .argument = "NAME",
	 .help = "grub, systemd-boot or kernelstub, in place of the active one",
	 .completion = LOADERS,
	 .repeatable = true},
	{.name = "esp",
	 .argument = "DIR",
	 .help = "where the EFI system partition is, inside --root",
	 .completion = "@directory"},
};

static const struct cmd_option plan_options[] = {
	{.name = "write", .help = "write it into the profile; `set` then makes it count"},
	{.name = "guest-memory",
	 .argument = "SIZE",
	 .help = "16G, 8192M; else half of what is near the card"},
	{.name = "guest-cpus",
	 .argument = "COUNT",
	 .help = "CPUs of the guest; else half of those near the card"},
	{.name = "device",
	 .argument = "SPEC",
	 .help = "this card, in place of one that the host can spare",
	 .repeatable = true},
	{.name = "force", .help = "the only display too; more memory than the host can spare"},
	{.name = "xml", .help = "print libvirt's domain that goes with it"},
};

static const struct cmd_option check_options[] = {
	{.name = "booted",
	 .help = "this boot in place of the next one: what of the profile was done"},
	{.name = "rom", .help = "read the cards' option ROMs, too: is there one for UEFI"},
	{.name = "loader",
	 .argument = "NAME",
	 .help = "grub, systemd-boot or kernelstub, in place of the active one",
	 .completion = LOADERS,
	 .repeatable = true},
	{.name = "esp",
	 .argument = "DIR",
	 .help = "where the EFI system partition is, inside --root",
	 .completion = "@directory"},
};

static const struct cmd commands[] = {
	{
		.name = "set",
		.run = set_run,
		.help = "change the profile as the options say, and make every boot source agree "
			"with it",
		.options = set_options,
		.option_count = ARRAY_SIZE(set_options),
	},
	{
		.name = "unset",
		.run = unset_run,
		.help = "take back all, or these items: every boot source gets its bytes back",
		.operands = "[ITEM...]",
		.options = unset_options,
		.option_count = ARRAY_SIZE(unset_options),
	},
	{
		.name = "plan",
		.run = plan_run,
		.help = "propose a profile for this machine, a reason beside each line",
		.options = plan_options,
		.option_count = ARRAY_SIZE(plan_options),
	},
	{
		.name = "status",
		.run = status_run,
		.help = "wanted, configured and running, side by side",
		.options = status_options,
		.option_count = ARRAY_SIZE(status_options),
	},
	{
		.name = "check",
		.run = check_run,
		.help = "whether the next boot will do what the profile says: entries, images, "
			"cards, and why not",
		.options = check_options,
		.option_count = ARRAY_SIZE(check_options),
	},
};

int main(int argc, char **argv)
{
	static const struct cmd_program program = {
		.name = "vfio-bootcfg",
		.help = "Keeps the kernel command line that a host with passed-through cards "
			"needs, in "
			"whatever boot loader it has.",
		.commands = commands,
		.command_count = ARRAY_SIZE(commands),
	};

	return cmd_main(&program, argc, argv);
}
