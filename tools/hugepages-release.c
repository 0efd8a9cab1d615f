// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/json.h"
#include "tools/hugepages-holders.h"
#include "tools/hugepages.h"

struct release {
	struct hugepages hugepages;
	struct pages_effort effort;
	unsigned long keep; /* of each size */
	unsigned long given; /* so far, of all */
	json_t *released; /* borrowed from the document */
};

static int say(struct release *release, unsigned long size_kib, int node, unsigned long asked,
	       unsigned long given, unsigned long kept)
{
	struct cmd_call *call = release->hugepages.call;
	_cleanup_json_ json_t *object = hugepages_json(size_kib, node);
	char name[HUGEPAGES_NAME_STR], holders[HUGEPAGES_HOLDERS_STR];
	json_t *number = asked == HUGEPAGES_ALL ? json_null() : json_integer((json_int_t)asked);

	hugepages_name(size_kib, node, name);
	if (json_put(object, "asked", number) < 0 ||
	    json_put(object, "released", json_integer((json_int_t)given)) < 0 ||
	    json_put(object, "kept", json_integer((json_int_t)kept)) < 0 ||
	    json_array_append(release->released, object) < 0)
		return -ENOMEM;
	if (!call->json)
		printf("%s: %lu pages released, %lu stay\n", name, given, kept);
	if (asked != HUGEPAGES_ALL && given < asked && kept > release->keep) {
		hugepages_holders_text(&call->root, size_kib, node, holders);
		cmd_note(call,
			 "%s: %lu pages are used by a guest or promised to one, and stay until it "
			 "ends%s%s",
			 name, asked - given < kept ? asked - given : kept, *holders ? ": " : "",
			 holders);
	}
	return 0;
}

/* By the size as a whole: --keep is of all nodes, or of the one that is named. */
static unsigned long limit(const struct release *release, const struct pages_want *want)
{
	struct pages_want all = {.size_kib = want->size_kib, .node = release->hugepages.node};
	unsigned long kept = pages_have(&release->hugepages.pages, &all);
	unsigned long most = kept > release->keep ? kept - release->keep : 0;

	return want->count < most ? want->count : most;
}

static int release_wants(struct release *release)
{
	struct hugepages *hugepages = &release->hugepages;
	int r = 0;

	for (size_t i = 0; i < hugepages->want_count && r >= 0; i++) {
		const struct pages_want *want = &hugepages->wants[i];
		unsigned long given;

		r = pages_shrink(&release->effort, want->size_kib, want->node, limit(release, want),
				 &given);
		release->given += given;
		if (r >= 0)
			r = say(release, want->size_kib, want->node, want->count, given,
				pages_have(&hugepages->pages, want));
	}
	return r;
}

/* What reclaim --guest has added, pool by pool, and no more than that. */
static int release_loans(struct release *release)
{
	struct hugepages *hugepages = &release->hugepages;
	const struct root *root = &hugepages->call->root;
	_cleanup_loans_ struct hugepages_loans loans = {.count = 0};
	int r = hugepages_loans_read(root, hugepages->guest, &hugepages->pages, &loans), written;

	if (r < 0)
		return r;
	if (!loans.recorded)
		cmd_note(hugepages->call, "[guest %s] was given no pages that could be given back",
			 hugepages->guest);
	else
		r = hugepages_loans_shrink(root, hugepages->guest, &hugepages->pages, &loans);
	for (size_t i = 0; i < loans.count && r >= 0; i++) {
		const struct hugepages_loan *loan = &loans.items[i];
		struct pages_want want = {loan->size_kib, loan->node, loan->added};
		unsigned long given;

		if (!loan->added ||
		    (hugepages->node != PAGES_ANY_NODE && loan->node != hugepages->node))
			continue;
		r = pages_shrink(&release->effort, loan->size_kib, loan->node,
				 limit(release, &want), &given);
		release->given += given;
		if (r >= 0)
			r = say(release, loan->size_kib, loan->node, loan->added, given,
				pages_have(&hugepages->pages, &want));
	}
	if (!loans.recorded)
		return r;
	written = hugepages_loans_end(root, hugepages->guest, &hugepages->pages, &loans);
	return r < 0 ? r : written;
}

static int take_keep(struct release *release, struct cmd_call *call)
{
	const char *keep = cmd_value(call, "keep", 0);
	char *end;

	if (!keep)
		return EXIT_DONE;
	release->keep = strtoul(keep, &end, 10);
	if (*keep < '0' || *keep > '9' || *end || release->keep > 999999999)
		return cmd_failf(call, EXIT_USAGE, "`--keep %.20s`: expected a number", keep);
	return EXIT_DONE;
}

static void release_free(struct release *release)
{
	hugepages_free(&release->hugepages);
}

int hugepages_release_run(struct cmd_call *call)
{
	_cleanup_(release_free) struct release release = {.keep = 0};
	struct hugepages *hugepages = &release.hugepages;
	json_t *document = json_object();
	int code = hugepages_load(hugepages, call), r;

	release.released = json_array();
	if (json_put(document, "released", release.released) < 0) {
		json_decref(document);
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	}
	cmd_document(call, document);
	if (!code)
		code = take_keep(&release, call);
	if (!code && !hugepages->want_count && !hugepages->guest)
		code = cmd_failf(call, EXIT_USAGE,
				 "the profile has no [hugepages]%s: say which size",
				 hugepages->node == PAGES_ANY_NODE ? "" : " of this node");
	if (!code)
		code = hugepages_lock(hugepages);
	if (code)
		return code;
	release.effort = (struct pages_effort){.root = &call->root, .pages = &hugepages->pages};
	r = hugepages->guest ? release_loans(&release) : release_wants(&release);
	return r < 0 ? hugepages_fail(hugepages, r, release.given) : EXIT_DONE;
}
