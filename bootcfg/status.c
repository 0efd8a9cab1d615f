// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/commands.h"
#include "bootcfg/json.h"
#include "bootcfg/status.h"
#include "bootcfg/table.h"
#include "early/text.h"

enum { COL_WHERE, COL_KERNEL, COL_STATE, COL_COUNT };

/* "missing iommu=pt; unexpected isolcpus=2", or "as wanted". */
static int add_line(struct table *table, struct table_line *parent, const char *where,
		    const char *kernel, const struct line_report *report)
{
	_cleanup_text_ struct text text = {.data = NULL};
	struct table_line *line = table_add(table, parent);

	for (size_t i = 0; i < report->missing_count; i++)
		text_add(&text, "%s%s", i ? " " : "missing: ", report->missing[i]);
	for (size_t i = 0; i < report->unexpected_count; i++)
		text_add(&text, "%s%s",
			 i	     ? " "
			 : text.size ? "; unexpected: "
				     : "unexpected: ",
			 report->unexpected[i]);
	for (size_t i = 0; i < report->superseded_count; i++)
		text_add(&text, "%s%s",
			 i	     ? " "
			 : text.size ? "; no longer needed: "
				     : "no longer needed: ",
			 report->superseded[i]);
	if (!line || text.error || table_set(line, COL_WHERE, where) < 0 ||
	    table_set(line, COL_KERNEL, kernel ? kernel : "") < 0 ||
	    table_set(line, COL_STATE, text.size ? text.data : "as wanted") < 0)
		return -ENOMEM;
	return 0;
}

static int print_table(const struct status *status)
{
	_cleanup_table_ struct table *table = table_new();

	if (!table || table_column(table, "WHERE", TABLE_TREE, 0) < 0 ||
	    table_column(table, "KERNEL", 0, 0) < 0 || table_column(table, "STATE", 0, 0) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < status->active.found_count; i++) {
		const struct loader *loader = status->active.found[i];
		struct table_line *parent = table_add(table, NULL);
		bool active = false;

		for (size_t j = 0; j < status->active.chosen_count; j++)
			active |= status->active.chosen[j] == loader;
		if (!parent || table_set(parent, COL_WHERE, loader->name) < 0 ||
		    table_set(parent, COL_STATE, active ? "active" : "not what boots this host") <
			    0)
			return -ENOMEM;
		for (size_t j = 0; j < status->entry_count; j++) {
			const struct status_entry *entry = &status->entries[j];
			const struct boot_line *line = entry->line;

			if (entry->loader == loader &&
			    add_line(table, parent, line->title ? line->title : line->file,
				     line->kernel, &entry->report) < 0)
				return -ENOMEM;
		}
	}
	if (status->has_running &&
	    add_line(table, NULL, "running now", status->host.running, &status->running) < 0)
		return -ENOMEM;
	return table_print(table);
}

static void print_wanted(const struct status *status)
{
	const struct efi_boot *efi = &status->active.efi;

	if (!status->profile.file_count)
		printf("There is no profile: nothing is wanted (vfio-bootcfg set makes one)\n");
	else if (!status->wants.count)
		printf("The profile wants nothing on the kernel command line\n");
	else
		printf("Wanted:");
	for (size_t i = 0; i < status->wants.count; i++)
		printf(" %s", status->wants.items[i].text);
	if (status->wants.count)
		putchar('\n');
	if (efi->present && efi->secure_boot >= 0)
		printf("Secure Boot: %s\n", efi->secure_boot ? "on" : "off");
}

static void print_early(const struct status *status)
{
	for (size_t i = 0; status->has_record && i < status->record.count; i++) {
		const struct record_claim *claim = &status->record.claims[i];

		printf("%s %s: %s%s%s\n", claim->name, claim->address, claim->result,
		       strcmp(claim->result, claim->reason) ? ", " : "",
		       strcmp(claim->result, claim->reason) ? claim->reason : "");
	}
	for (size_t i = 0; i < status->pool_count; i++) {
		const struct status_pool *pool = &status->pools[i];
		const struct record_pool *boot = status_at_boot(status, pool);

		if (pool->now < 0)
			continue;
		printf("%s pages", pool->size);
		if (pool->node >= 0)
			printf(" on node %d", pool->node);
		printf(": %lu wanted, %ld there", pool->wanted, pool->now);
		if (boot && strcmp(boot->result, "done") != 0)
			printf("; at boot: %s (%s)", boot->result, boot->text);
		putchar('\n');
	}
	for (size_t i = 0; i < status->leftovers.count; i++) {
		const struct leftover *leftover = &status->leftovers.items[i];

		printf("%s:%u: `%s` %s\n", leftover->file, leftover->line, leftover->text,
		       leftover->contradicts ? "contradicts the profile" : "is no longer needed");
	}
}

int status_print(const struct status *status)
{
	int r;

	print_wanted(status);
	r = print_table(status);
	if (r < 0)
		return r;
	print_early(status);
	return 0;
}

int status_run(struct cmd_call *call)
{
	_cleanup_status_ struct status status;
	int code = status_load(call, &status);

	if (code)
		return code;
	if (call->json) {
		json_t *document = status_json(&status);

		if (!document)
			return cmd_failf(call, EXIT_SYSTEM, "out of memory");
		cmd_document(call, document);
	} else {
		if (status_print(&status) < 0)
			return cmd_failf(call, EXIT_SYSTEM, "out of memory");
		fflush(stdout); /* before the remarks, where both go to one place */
	}
	for (size_t i = 0; i < status.remarks.count; i++)
		cmd_note(call, "%s", status.remarks.items[i]);
	return status_agrees(&status) ? EXIT_DONE : EXIT_DIFFERS;
}
