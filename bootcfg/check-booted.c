// SPDX-License-Identifier: GPL-2.0-or-later
/* After the boot: what the record says, whether it is still so, and what is missing of the rest. */
#include <string.h>

#include "bootcfg/check.h"
#include "early/claim.h"

#define RECORD_PATH_TEXT "/" RECORD_PATH

static bool is_released(const struct root *root, const char *address)
{
	char path[128];

	snprintf(path, sizeof(path), RELEASED_DIR "/%s", address);
	return root_exists(root, path);
}

/* A line of the record, and what the card's driver is now. */
static int check_claim(const struct root *root, struct check *check,
		       const struct record_claim *claim)
{
	const char *reason = claim->reason, *text = claim->text;
	bool claimed = !strcmp(claim->result, "claimed");
	bool guest = !strcmp(reason, claim_reason_word(CLAIM_GUEST_ONLY));
	char driver[PCI_DRIVER_STR] = "", now[256];
	const char *name = NULL;
	struct pci_addr addr;
	struct check_card *card;
	bool has_addr = pci_addr_parse(claim->address, &addr) == 0;

	for (size_t i = 0; i < check->status.profile.device_count; i++)
		if (!strcmp(check->status.profile.devices[i].name, claim->name))
			name = check->status.profile.devices[i].name;
	/* Of a section that has left the profile since. */
	if (!name)
		return 0;
	if (claimed && has_addr && pci_driver(root, &addr, driver) == 0 &&
	    strcmp(driver, CLAIM_DRIVER) != 0) {
		bool released = is_released(root, claim->address);

		claimed = false;
		reason = released ? "released" : "taken";
		snprintf(now, sizeof(now),
			 "%s was claimed at boot, and %s%.60s has it now: `vfio-device reclaim "
			 "%.63s`",
			 claim->address, released ? "was given back to the host; " : "",
			 *driver ? driver : "no driver", name);
		text = now;
		/* Who gave it back knows. */
		guest = released;
	}
	card = check_card_add(check, name, claimed ? WILL : WILL_NOT, reason, "%s", text);
	if (!card || (has_addr && check_card_address(card, &addr) < 0))
		return -ENOMEM;
	if (!claimed && !guest && strcmp(reason, claim_reason_word(CLAIM_SIBLING)) != 0)
		problem_add(&check->problems, PROBLEM_CARD, false, "[device %s]: %s", name, text);
	return 0;
}

static bool has_claim(const struct record *record, const char *name)
{
	for (size_t i = 0; i < record->count; i++)
		if (!strcmp(record->claims[i].name, name))
			return true;
	return false;
}

static int check_record(const struct root *root, struct check *check)
{
	const struct status *status = &check->status;
	const struct record *record = &status->record;
	int r = 0;

	if (!status->profile.device_count)
		return 0;
	if (!status->has_record) {
		problem_add(&check->problems, PROBLEM_NO_RECORD, true,
			    "/" RECORD_PATH
			    " is not there: vfio-early did not run in this boot; `vfio-bootcfg "
			    "check` says why, or the initramfs that was booted has none");
		return 0;
	}
	if (strcmp(record->result, "done") != 0)
		problem_add(&check->problems, PROBLEM_NOTHING_DONE, true,
			    "vfio-early claimed nothing (" RECORD_PATH_TEXT ": %s): %s; %s",
			    record->reason, record->text,
			    !strcmp(record->result, "off") ? "boot without it, if it was not meant"
			    : !strcmp(record->result, "failed")
				    ? "`journalctl -k -g vfio-early` says more"
				    : "`vfio-bootcfg check` says what is to be corrected");
	for (size_t i = 0; r == 0 && i < record->count; i++)
		r = check_claim(root, check, &record->claims[i]);
	for (size_t i = 0; !strcmp(record->result, "done") && i < status->profile.device_count;
	     i++) {
		const struct profile_device *device = &status->profile.devices[i];

		if (!has_claim(record, device->name))
			problem_add(
				&check->problems, PROBLEM_CARD, false,
				"[device %s] (%s:%u) was not in the profile of the initramfs that "
				"was booted: `vfio-bootcfg set`, then reboot",
				device->name, device->file, device->line);
	}
	return r;
}

static void check_running(struct check *check)
{
	const struct line_report *report = &check->status.running;

	for (size_t i = 0; check->status.has_running && i < report->missing_count; i++)
		problem_add(
			&check->problems, PROBLEM_RUNNING, false,
			"/proc/cmdline lacks `%s`: `vfio-bootcfg check` says which entry has it",
			report->missing[i]);
	for (size_t i = 0; check->status.has_running && i < report->unexpected_count; i++)
		problem_add(
			&check->problems, PROBLEM_RUNNING, false,
			"/proc/cmdline has `%s`, which contradicts the profile: `vfio-bootcfg set "
			"--replace`",
			report->unexpected[i]);
}

static void check_pools(struct check *check)
{
	for (size_t i = 0; i < check->status.pool_count; i++) {
		const struct status_pool *pool = &check->status.pools[i];
		const struct record_pool *boot = status_at_boot(&check->status, pool);
		char node[32] = "";

		if (pool->now < 0 || (unsigned long)pool->now >= pool->wanted)
			continue;
		if (pool->node >= 0)
			snprintf(node, sizeof(node), " on node %d", pool->node);
		problem_add(&check->problems, PROBLEM_PAGES, false,
			    "%ld of %lu huge pages of %s%s are there%s%s: `vfio-hugepages reclaim`",
			    pool->now, pool->wanted, pool->size, node,
			    boot && strcmp(boot->result, "done") != 0 ? "; at boot: " : "",
			    boot && strcmp(boot->result, "done") != 0 ? boot->text : "");
	}
}

int check_booted(const struct root *root, struct check *check)
{
	check_running(check);
	check_pools(check);
	return check_record(root, check);
}
