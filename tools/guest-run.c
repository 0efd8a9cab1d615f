// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/json.h"
#include "tools/guest-run.h"
#include "tools/handover-internal.h"
#include "tools/hugepages.h"

int guest_exit_code(const struct guest *guest, int r)
{
	if (guest->stuck)
		return EXIT_PARTWAY;
	switch (r) {
	case 0:
		return EXIT_DONE;
	case -EINVAL:
	case -EBADMSG:
		return EXIT_USAGE;
	case -EPERM:
		return EXIT_REFUSED;
	case -ENOBUFS:
		return EXIT_DIFFERS;
	default:
		return EXIT_SYSTEM;
	}
}

static json_t *units_json(const struct guest *guest)
{
	_cleanup_json_ json_t *units = json_array();

	for (size_t i = 0; i < guest->unit_count; i++) {
		json_t *unit = json_object();
		int e = json_put(unit, "name", json_text(guest->units[i].name));

		e |= json_put(unit, "result", json_text(guest->units[i].result));
		if (json_array_append_new(units, unit) < 0 || e < 0)
			return NULL;
	}
	return steal(&units);
}

static json_t *pools_json(const struct guest *guest)
{
	_cleanup_json_ json_t *pools = json_array();

	for (size_t i = 0; i < guest->pools.count; i++) {
		const struct guest_pool *pool = &guest->pools.items[i];
		json_t *object = hugepages_json(pool->size_kib, pool->node);
		int e = json_put(object, "added", json_integer((json_int_t)pool->added));

		e |= json_put(object, "released", json_integer((json_int_t)pool->released));
		if (json_array_append_new(pools, object) < 0 || e < 0)
			return NULL;
	}
	return steal(&pools);
}

static int put_document(struct cmd_call *call, const struct guest *guest)
{
	json_t *document = json_object();
	json_t *devices = guest->has_cards ? handover_json(&guest->cards.plan, guest->cards_result,
							   guest->to_host)
					   : json_array();
	int e = json_put(document, "devices", devices);

	e |= json_put(document, "units", units_json(guest));
	e |= json_put(document, "hugepages", pools_json(guest));
	e |= json_put(document, "settings", json_text(guest->settings));
	if (e < 0) {
		json_decref(document);
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	}
	cmd_document(call, document);
	return EXIT_DONE;
}

static void print(const struct guest *guest)
{
	char name[HUGEPAGES_NAME_STR];

	for (size_t i = 0; i < guest->unit_count; i++)
		printf("%s  %s\n", guest->units[i].name, guest->units[i].result);
	if (guest->has_cards)
		handover_print(&guest->cards.plan);
	for (size_t i = 0; i < guest->pools.count; i++) {
		const struct guest_pool *pool = &guest->pools.items[i];

		printf("huge pages of %s  %lu %s\n",
		       hugepages_name(pool->size_kib, pool->node, name),
		       pool->added ? pool->added : pool->released,
		       pool->added ? "added" : "given back");
	}
	if (guest->settings)
		printf("CPU settings  %s\n", guest->settings);
	fflush(stdout);
}

static void say(void *data, const char *text)
{
	const struct cmd_call *call = data;

	/* Also with -q: what a session cannot undo is no remark. */
	fprintf(stderr, "%s: %s\n", call->program->name, text);
}

static void note(void *data, const char *text)
{
	cmd_note(data, "%s", text);
}

int guest_run(struct cmd_call *call, const char *name, bool to_host)
{
	_cleanup_(guest_free) struct guest guest;
	struct diag diag = DIAG_INIT;
	struct guest_env env;
	int r, code;

	guest_env_init(&env, &call->root);
	env.say = say;
	env.data = call;
	env.tuning.note = note;
	env.tuning.data = call;
	env.force = cmd_has(call, "force");
	guest_init(&guest, &env, name);
	if (!guest_name_valid(name))
		return cmd_failf(call, EXIT_USAGE, "`--guest %.100s`: not a name of the profile",
				 name);
	guest_block_signals();
	r = to_host ? guest_end(&guest, true, &diag) : guest_start(&guest, &diag);
	code = guest_exit_code(&guest, r);
	if (call->json && put_document(call, &guest))
		return EXIT_SYSTEM;
	if (!r && !call->json && !call->quiet)
		print(&guest);
	if (!r && !guest.has_cards && !guest.unit_count && !guest.pools.count && !guest.settings)
		cmd_note(call, "[guest %s]: there was nothing to %s", name,
			 to_host ? "give back" : "take");
	for (size_t i = 0; guest.has_cards && !r && i < guest.cards.plan.count; i++)
		if (guest.cards.plan.targets[i].text[0])
			cmd_note(call, "%s", guest.cards.plan.targets[i].text);
	if (r < 0 && !diag.text[0])
		return cmd_failf(call, code, "%s", strerror(-r));
	if (r < 0)
		return cmd_fail(call, code, &diag);
	return code;
}
