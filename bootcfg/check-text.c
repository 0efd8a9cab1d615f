// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/check.h"
#include "bootcfg/table.h"
#include "early/text.h"

enum { COL_ENTRY, COL_KERNEL, COL_INITRAMFS, COL_STATE };
enum { COL_CARD, COL_ADDRESS, COL_WILL, COL_WHY };

static const struct problems *image_problems(const struct check *check,
					     const struct check_entry *entry)
{
	static const struct problems none = {.count = 0};

	return entry->image == NO_IMAGE ? &none : &check->images[entry->image].problems;
}

static const char *entry_name(const struct check_entry *entry)
{
	const struct boot_line *line = entry->status->line;

	return line->title ? line->title : line->file;
}

static int add_entry(struct table *table, const struct check *check,
		     const struct check_entry *entry)
{
	const struct boot_line *line = entry->status->line;
	size_t count = entry->problems.count + image_problems(check, entry)->count +
		       (entry->status->report.missing_count > 0);
	struct table_line *row = table_add(table, NULL);
	char state[64], name[512];

	snprintf(name, sizeof(name), "%s%s", entry_name(entry),
		 entry->is_default ? " (default)" : "");
	if (count)
		snprintf(state, sizeof(state), "%zu problem%s", count, count == 1 ? "" : "s");
	else
		snprintf(state, sizeof(state), "as the profile says");
	if (!row || table_set(row, COL_ENTRY, name) < 0 ||
	    table_set(row, COL_KERNEL, *entry->kernel ? entry->kernel : "") < 0 ||
	    table_set(row, COL_INITRAMFS,
		      line->unified  ? "in the image"
		      : line->initrd ? line->initrd
				     : "") < 0 ||
	    table_set(row, COL_STATE, state) < 0)
		return -ENOMEM;
	return 0;
}

static int print_entries(const struct check *check)
{
	_cleanup_table_ struct table *table = table_new();

	if (!table || table_column(table, "ENTRY", 0, 0) < 0 ||
	    table_column(table, "KERNEL", 0, 0) < 0 || table_column(table, "INITRAMFS", 0, 0) < 0 ||
	    table_column(table, "STATE", 0, 0) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < check->entry_count; i++)
		if (add_entry(table, check, &check->entries[i]) < 0)
			return -ENOMEM;
	return table_print(table);
}

static int print_cards(const struct check *check)
{
	static const char *const will[] = {
		[WILL_NOT] = "no", [WILL] = "yes", [WILL_UNKNOWN] = "not known"};
	_cleanup_table_ struct table *table = table_new();

	if (!table || table_column(table, "CARD", 0, 0) < 0 ||
	    table_column(table, "ADDRESS", 0, 0) < 0 || table_column(table, "CLAIMED", 0, 0) < 0 ||
	    table_column(table, "WHY", 0, 0) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < check->card_count; i++) {
		const struct check_card *card = &check->cards[i];
		struct table_line *row = table_add(table, NULL);
		char addr[PCI_ADDR_STR] = "";

		if (card->address_count)
			pci_addr_format(&card->addresses[0], addr);
		if (!row || table_set(row, COL_CARD, card->name) < 0 ||
		    table_set(row, COL_ADDRESS, addr) < 0 ||
		    table_set(row, COL_WILL, will[card->will]) < 0 ||
		    table_set(row, COL_WHY, card->will == WILL ? "" : card->reason) < 0)
			return -ENOMEM;
	}
	return table_print(table);
}

static void print_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		printf("%s\n", problems->items[i].text);
}

static void print_missing(const struct check_entry *entry)
{
	const struct line_report *report = &entry->status->report;
	char name[512];

	if (!report->missing_count)
		return;
	snprintf(name, sizeof(name), "%s", entry_name(entry));
	text_clean(name);
	printf("%s (%s): its command line lacks", entry->status->line->file, name);
	for (size_t i = 0; i < report->missing_count; i++)
		printf(" %s", report->missing[i]);
	printf(": `vfio-bootcfg set`\n");
}

/* The reason of a card that no entry has said yet. */
static void print_reasons(const struct check *check)
{
	for (size_t i = 0; i < check->card_count; i++) {
		const struct check_card *card = &check->cards[i];
		bool said = false;

		for (size_t j = 0; j < check->entry_count; j++) {
			const struct problems *own = &check->entries[j].problems;
			const struct problems *image = image_problems(check, &check->entries[j]);

			for (size_t k = 0; k < own->count; k++)
				said |= !strcmp(own->items[k].text, card->text);
			for (size_t k = 0; k < image->count; k++)
				said |= !strcmp(image->items[k].text, card->text);
		}
		for (size_t j = 0; j < i; j++)
			said |= !strcmp(check->cards[j].text, card->text);
		if (!said && *card->text)
			printf("%s\n", card->text);
	}
}

/* One line, for the journal. */
static void print_booted(const struct check *check)
{
	if (check_ok(check)) {
		printf("This boot is as the profile says\n");
		return;
	}
	printf("This boot is not as the profile says: ");
	for (size_t i = 0; i < check->problems.count; i++)
		printf("%s%s", i ? "; " : "", check->problems.items[i].text);
	putchar('\n');
}

int check_print(const struct check *check)
{
	if (check->booted) {
		print_booted(check);
		return 0;
	}
	if (!check->status.profile.file_count)
		printf("There is no profile: nothing is wanted (vfio-bootcfg set makes one)\n");
	if (check->entry_count && print_entries(check) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < check->entry_count; i++) {
		print_missing(&check->entries[i]);
		print_problems(&check->entries[i].problems);
		/* Entries may share an image. */
		for (size_t j = 0; j < check->image_count; j++) {
			bool first = check->entries[i].image == j;

			for (size_t k = 0; k < i; k++)
				first &= check->entries[k].image != j;
			if (first)
				print_problems(&check->images[j].problems);
		}
	}
	print_problems(&check->problems);
	if (check->card_count && print_cards(check) < 0)
		return -ENOMEM;
	print_reasons(check);
	printf("The next boot will %sdo what the profile says%s\n", check_ok(check) ? "" : "not ",
	       check_ok(check) && !root_has_kernel(check->status.host.root)
		       ? ", as far as an image can tell"
		       : "");
	return 0;
}
