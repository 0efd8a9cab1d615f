// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/agree.h"
#include "bootcfg/json.h"

static const struct {
	unsigned bit;
	const char *word;
	const char *what;
} need_words[] = {
	{NEED_INITRAMFS, "initramfs", "the initramfs images are to be made anew"},
	{NEED_REGENERATE, "regenerate", "what is made from these files is to be made anew"},
	{NEED_RELABEL, "relabel", "new files have no SELinux label yet"},
	{NEED_REBOOT, "reboot", "it counts from the next boot on"},
};

static json_t *files_json(const struct agree *agree)
{
	json_t *files = json_array();

	for (size_t i = 0; i < agree->plan.count; i++) {
		const struct change *change = &agree->plan.changes[i];
		_cleanup_json_ json_t *file = json_object();
		char path[4096];

		if (change->private)
			continue;
		snprintf(path, sizeof(path), "/%s", change->old.path);
		if (json_put(file, "path", json_text(path)) < 0 ||
		    json_put(file, "change", json_text(plan_kind_word(change->kind))) < 0 ||
		    json_array_append(files, file) < 0) {
			json_decref(files);
			return NULL;
		}
	}
	return files;
}

static json_t *needs_json(unsigned needs)
{
	json_t *words = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(need_words); i++)
		if (needs & need_words[i].bit)
			json_array_append_new(words, json_string(need_words[i].word));
	return words;
}

static json_t *remarks_json(const struct remarks *remarks)
{
	json_t *items = json_array();

	for (size_t i = 0; i < remarks->count; i++)
		json_array_append_new(items, json_text(remarks->items[i]));
	return items;
}

static int report_json(struct agree *agree)
{
	_cleanup_json_ json_t *document = json_object();
	bool changed = plan_changes(&agree->plan) || agree->regenerated;

	if (json_put(document, "changed", json_boolean(changed)) < 0 ||
	    json_put(document, "files", files_json(agree)) < 0 ||
	    json_put(document, "needs", needs_json(agree->needs)) < 0 ||
	    json_put(document, "remarks", remarks_json(&agree->remarks)) < 0)
		return cmd_failf(agree->call, EXIT_SYSTEM, "out of memory");
	cmd_document(agree->call, steal(&document));
	return EXIT_DONE;
}

static void print_files(const struct agree *agree)
{
	bool any = false;

	for (size_t i = 0; i < agree->plan.count; i++) {
		const struct change *change = &agree->plan.changes[i];

		if (change->private || change->kind == PLAN_UNCHANGED)
			continue;
		printf("%-8s /%s\n", plan_kind_word(change->kind), change->old.path);
		any = true;
	}
	if (agree->regenerated)
		printf("made anew grub.cfg\n");
	if (!any && !agree->regenerated)
		printf("nothing to do: every boot source agrees with the profile\n");
}

int agree_report(struct agree *agree)
{
	const struct cmd_call *call = agree->call;

	if (call->json) {
		int code = report_json(agree);

		if (code)
			return code;
	} else if (agree->dry_run) {
		if (plan_print(&agree->plan, stdout) < 0)
			return cmd_failf(agree->call, EXIT_SYSTEM, "out of memory");
	} else if (!call->quiet) {
		print_files(agree);
	}
	if (!call->json)
		fflush(stdout); /* before the remarks, where both go to one place */
	for (size_t i = 0; i < agree->remarks.count; i++)
		cmd_note(call, "%s", agree->remarks.items[i]);
	if (!call->json)
		for (size_t i = 0; i < ARRAY_SIZE(need_words); i++)
			if (agree->needs & need_words[i].bit)
				cmd_note(call, "needs %s: %s", need_words[i].word,
					 need_words[i].what);
	return EXIT_DONE;
}
