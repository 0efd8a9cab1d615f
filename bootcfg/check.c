// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/check.h"
#include "bootcfg/commands.h"
#include "bootcfg/default-entry.h"
#include "bootcfg/json.h"

void check_free(struct check *check)
{
	for (size_t i = 0; i < check->entry_count; i++) {
		free(check->entries[i].text);
		problems_free(&check->entries[i].problems);
	}
	free(check->entries);
	for (size_t i = 0; i < check->image_count; i++)
		image_check_free(&check->images[i]);
	free(check->images);
	for (size_t i = 0; i < check->card_count; i++) {
		free(check->cards[i].text);
		free(check->cards[i].addresses);
	}
	free(check->cards);
	problems_free(&check->problems);
	remarks_free(&check->notes);
	status_free(&check->status);
}

/* --- loading ----------------------------------------------------------------------------------- */

static bool is_chosen(const struct active *active, const struct loader *loader)
{
	for (size_t i = 0; i < active->chosen_count; i++)
		if (active->chosen[i] == loader)
			return true;
	/* Where it is not known which one boots, all of them may. */
	return !active->chosen_count;
}

/* An entry that starts a unified kernel image without a word of its own: the image has its own line. */
static bool is_only_a_name(const struct boot_setup *setup, const struct boot_line *line)
{
	return setup->loader != &loader_grub && line->read_only && !line->unified;
}

/* What an entry of this setup came to be in the status: NULL for a line that is none. */
static const struct status_entry *find_status(const struct status *status,
					      const struct boot_line *line)
{
	for (size_t i = 0; i < status->entry_count; i++)
		if (status->entries[i].line == line)
			return &status->entries[i];
	return NULL;
}

static int load_setup(struct cmd_call *call, struct check *check, const struct boot_setup *setup)
{
	const struct status *status = &check->status;
	struct diag diag = DIAG_INIT;
	int wanted = default_entry(&call->root, &status->active.efi, setup, &diag), r = 0;

	if (wanted == -ENOMEM)
		return wanted;
	if (wanted < 0)
		problem_add(&check->problems, PROBLEM_NO_DEFAULT, true, "%s: %s",
			    setup->loader->name, diag.text);
	else if (is_only_a_name(setup, &setup->lines[wanted]))
		problem_add(
			&check->problems, PROBLEM_NO_DEFAULT, true,
			"%s: the default entry starts a unified kernel image that is not looked "
			"at: name the image itself as `default` of loader.conf",
			setup->lines[wanted].file);
	for (size_t i = 0; r == 0 && i < setup->count; i++) {
		const struct status_entry *entry = find_status(status, &setup->lines[i]);

		if (entry && setup->lines[i].role == LINE_ENTRY &&
		    !is_only_a_name(setup, &setup->lines[i]))
			r = check_add_entry(call, check, entry, (int)i == wanted);
	}
	return r;
}

/* The cards follow the default entry that has most against it: no loader may be the wrong one. */
static const struct check_entry *default_of_all(const struct check *check)
{
	const struct check_entry *found = NULL;

	for (size_t i = 0; i < check->entry_count; i++) {
		const struct check_entry *entry = &check->entries[i];

		if (entry->is_default && (!found || check_entry_ok(check, found)))
			found = entry;
	}
	return problems_stop(&check->problems) ? NULL : found;
}

static int load_next(struct cmd_call *call, struct check *check)
{
	const struct status *status = &check->status;
	size_t asked = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < status->setup_count; i++)
		if (is_chosen(&status->active, status->setups[i].loader)) {
			r = load_setup(call, check, &status->setups[i]);
			asked++;
		}
	if (!asked && status->profile.file_count)
		problem_add(
			&check->problems, PROBLEM_NO_ENTRY, true,
			"no boot source is known here (GRUB, systemd-boot, kernelstub): mount the "
			"partition that it is on, or name it (--esp DIR, --loader NAME)");
	if (r == 0)
		r = check_cards(&call->root, check, default_of_all(check));
	if (r == 0)
		check_host(&call->root, check, cmd_has(call, "rom"));
	return r;
}

int check_load(struct cmd_call *call, struct check *ret)
{
	int code, r;

	*ret = (struct check){.booted = cmd_has(call, "booted")};
	if (ret->booted && !root_has_kernel(&call->root))
		return cmd_failf(call, EXIT_USAGE,
				 "--booted is about a running system, and this is an image");
	code = ret->booted ? status_load_running(call, &ret->status)
			   : status_load(call, &ret->status);
	if (code)
		return code;
	if (ret->booted)
		r = check_booted(&call->root, ret);
	else
		r = load_next(call, ret);
	if (r < 0 || ret->problems.no_memory)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < ret->entry_count; i++)
		if (ret->entries[i].problems.no_memory)
			return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < ret->image_count; i++)
		if (ret->images[i].problems.no_memory)
			return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	return EXIT_DONE;
}

/* --- judging ----------------------------------------------------------------------------------- */

bool check_entry_ok(const struct check *check, const struct check_entry *entry)
{
	return !entry->status->report.missing_count && !entry->problems.count &&
	       (entry->image == NO_IMAGE || !check->images[entry->image].problems.count);
}

bool check_ok(const struct check *check)
{
	if (check->problems.count)
		return false;
	for (size_t i = 0; i < check->entry_count; i++)
		if (check->entries[i].is_default && !check_entry_ok(check, &check->entries[i]))
			return false;
	/* What is said of a card after the boot is among the problems, where it is one. */
	for (size_t i = 0; !check->booted && i < check->card_count; i++)
		if (check->cards[i].will == WILL_NOT &&
		    strcmp(check->cards[i].reason, claim_reason_word(CLAIM_GUEST_ONLY)) != 0)
			return false;
	return true;
}

/* --- the command ------------------------------------------------------------------------------- */

int check_run(struct cmd_call *call)
{
	_cleanup_check_ struct check check;
	int code = check_load(call, &check);

	if (code)
		return code;
	if (call->json) {
		json_t *document = check_json(&check);

		if (!document)
			return cmd_failf(call, EXIT_SYSTEM, "out of memory");
		cmd_document(call, document);
	} else if (!check.booted || !call->quiet || !check_ok(&check)) {
		if (check_print(&check) < 0)
			return cmd_failf(call, EXIT_SYSTEM, "out of memory");
		fflush(stdout); /* before the remarks, where both go to one place */
	}
	/* After a boot one line is enough. */
	for (size_t i = 0; !check.booted && i < check.status.remarks.count; i++)
		cmd_note(call, "%s", check.status.remarks.items[i]);
	for (size_t i = 0; i < check.notes.count; i++)
		cmd_note(call, "%s", check.notes.items[i]);
	return check_ok(&check) ? EXIT_DONE : EXIT_DIFFERS;
}
