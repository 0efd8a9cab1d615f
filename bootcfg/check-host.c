// SPDX-License-Identifier: GPL-2.0-or-later
/* What this host has or has not, beside its boot entries: settings of others, and what only a guest needs. */
#include <string.h>

#include "bootcfg/check.h"
#include "bootcfg/cpulist.h"
#include "bootcfg/option-rom.h"

/* --- settings ---------------------------------------------------------------------------------- */

static void check_settings(struct check *check)
{
	for (size_t i = 0; i < check->status.leftovers.count; i++) {
		const struct leftover *leftover = &check->status.leftovers.items[i];

		if (leftover->contradicts)
			problem_add(&check->problems, PROBLEM_SETTING, false,
				    "%s:%u: `%s` contradicts the profile: take it out, or "
				    "`vfio-bootcfg "
				    "set --replace`",
				    leftover->file, leftover->line, leftover->text);
	}
}

/* --- irqbalance -------------------------------------------------------------------------------- */

/* The CPUs of its ban: a list, or a mask in hexadecimal with commas between 32 bits. */
static int parse_ban(const char *name, const char *value, cpu_set_t *ret)
{
	size_t digit = 0;

	if (!strcmp(name, "IRQBALANCE_BANNED_CPULIST"))
		return *value ? cpulist_parse(value, ret) : 0;
	for (size_t i = strlen(value); i-- > 0;) {
		char c = value[i];
		unsigned bits;

		if (c == ',' || c == 'x')
			continue;
		if (!strchr("0123456789abcdefABCDEF", c))
			return -EINVAL;
		bits = (unsigned)strtoul((char[]){c, '\0'}, NULL, 16);
		for (unsigned bit = 0; bit < 4 && digit + bit < CPULIST_MAX; bit++)
			if (bits & 1U << bit)
				CPU_SET(digit + bit, ret);
		digit += 4;
	}
	return 0;
}

static void check_ban(struct check *check, const char *file, unsigned line, const char *name,
		      const char *value, const cpu_set_t *isolated)
{
	_cleanup_free_ char *left = NULL;
	cpu_set_t banned, both;

	CPU_ZERO(&banned);
	if (parse_ban(name, value, &banned) < 0) {
		remark(&check->notes, "%s:%u: %s=%s is no set of CPUs: correct it, or take it out",
		       file, line, name, value);
		return;
	}
	if (cpulist_within(isolated, &banned))
		return;
	CPU_AND(&both, isolated, &banned);
	CPU_XOR(&both, isolated, &both);
	left = cpulist_format(&both);
	remark(&check->notes,
	       "%s:%u: with %s=%s irqbalance moves interrupts to the isolated CPUs %s: add them "
	       "there, or "
	       "take the line out, since by itself it leaves isolated CPUs alone",
	       file, line, name, value, left ? left : "");
}

/* irqbalance(1): without a ban of its own it takes the kernel's isolated and nohz_full CPUs. */
static void check_irqbalance(const struct root *root, struct check *check)
{
	static const char *const files[] = {"etc/default/irqbalance", "etc/sysconfig/irqbalance"};
	static const char *const names[] = {"IRQBALANCE_BANNED_CPULIST", "IRQBALANCE_BANNED_CPUS"};
	const struct profile_entry *isolate =
		profile_get(&check->status.profile, "cpus", "", "isolate");
	const struct profile_entry *own =
		profile_get(&check->status.profile, "kernel", "", "isolcpus");
	cpu_set_t isolated;

	if (own)
		isolate = own;
	if (!isolate || cpulist_relative(isolate->value) ||
	    cpulist_parse(isolate->value, &isolated) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_file_ struct file file = {.exists = false};
		struct diag diag = DIAG_INIT;
		unsigned number = 0;

		if (file_read(root, files[i], &file, &diag) < 0 || !file.exists)
			continue;
		for (char *at = file.data, *next; *at; at = next) {
			size_t len = strcspn(at, "\n");

			next = at + len + (at[len] == '\n');
			at[len] = '\0';
			number++;
			at += strspn(at, " \t");
			if (!strncmp(at, "export ", 7))
				at += 7;
			for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
				size_t head = strlen(names[j]);
				char *value = at + head, path[64];

				if (strncmp(at, names[j], head) != 0 || *value++ != '=')
					continue;
				value += strspn(value, "\"'");
				value[strcspn(value, "\"' \t\r#")] = '\0';
				snprintf(path, sizeof(path), "/%s", files[i]);
				check_ban(check, path, number, names[j], value, &isolated);
			}
		}
	}
}

/* --- processor, firmware ----------------------------------------------------------------------- */

static void check_cpu(const struct root *root, struct check *check)
{
	const struct host *host = &check->status.host;
	enum cpu_vendor vendor;

	if (!check->status.profile.device_count)
		return;
	if (host->flags_known && !host->has_virt)
		remark(&check->notes, "/proc/cpuinfo has neither vmx nor svm: virtualisation is "
				      "switched off in the "
				      "firmware setup (VT-x, SVM), or this is a guest without it: "
				      "guests are slow");
	if (check_firmware_iommu(root, host, &vendor) == 0)
		remark(&check->notes, "/sys/firmware/acpi/tables has neither DMAR nor IVRS: the "
				      "IOMMU is switched off in "
				      "the firmware setup (VT-d, AMD-Vi)");
}

/* --- option ROMs ------------------------------------------------------------------------------- */

static void check_rom(const struct root *root, struct check *check, const struct check_card *card,
		      const struct pci_addr *address)
{
	enum option_rom kind = ROM_NONE;
	struct pci_dev dev = {.addr = *address};
	char addr[PCI_ADDR_STR];
	int r = pci_identify(root, &dev);

	if (r < 0 || pci_base_class(&dev) != 3)
		return;
	pci_addr_format(address, addr);
	r = option_rom_read(root, address, &kind);
	if (r == 0 && kind == ROM_LEGACY)
		remark(&check->notes,
		       "the option ROM of %s ([device %s]) has no UEFI part: a guest with OVMF "
		       "shows "
		       "nothing on it before its driver runs; start the guest with SeaBIOS, or "
		       "give it a "
		       "newer ROM by <rom file=>",
		       addr, card->name);
	else if (r == 0 && kind == ROM_NONE)
		remark(&check->notes,
		       "%s ([device %s]) shows no option ROM: whether it has UEFI code cannot be "
		       "told; --rom works where no driver has used the card yet",
		       addr, card->name);
	else if (r == -EBUSY)
		remark(&check->notes,
		       "the option ROM of %s ([device %s]) is not read while its driver has the "
		       "card: ask "
		       "again when vfio-pci has it",
		       addr, card->name);
	else if (r < 0 && r != -ENOENT)
		remark(&check->notes, "the option ROM of %s ([device %s]) cannot be read: %s", addr,
		       card->name, strerror(-r));
}

void check_host(const struct root *root, struct check *check, bool rom)
{
	check_settings(check);
	check_irqbalance(root, check);
	check_cpu(root, check);
	for (size_t i = 0; rom && root_has_kernel(root) && i < check->card_count; i++)
		for (size_t j = 0; j < check->cards[i].address_count; j++)
			check_rom(root, check, &check->cards[i], &check->cards[i].addresses[j]);
}
