// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/json.h"
#include "early/module.h"
#include "early/record.h"
#include "tools/guest-run.h"
#include "tools/handover-internal.h"

/* A person waits: more than at boot, since some drivers take their time to let go. */
#define CARD_DEADLINE_MS 20000
#define LOAD_DEADLINE_MS 30000
/* Somebody else's handover, with all of its deadlines. */
#define LOCK_WAIT_MS 60000

/* Never for a captured machine: the kernel that would load it is the host's. */
static int load_nothing(_unused_ const struct root *root)
{
	return -ENOENT;
}

static int no_module(_unused_ const char *name)
{
	return -ENOENT;
}

void handover_init(struct handover *h, const struct root *root, bool force)
{
	bool live = root->kind == ROOT_LIVE;

	*h = (struct handover){
		.env =
			{
				.root = root,
				.load_modules = live ? module_load_vfio : load_nothing,
				.modules_ready = module_vfio_ready,
				.deadline_ms = CARD_DEADLINE_MS,
				.load_deadline_ms = LOAD_DEADLINE_MS,
				.may_unbind = true,
			},
		.load_native = live ? module_load_alias : no_module,
		.load_module = live ? module_load_name : no_module,
		.unload_module = live ? module_unload : no_module,
		.force = force,
	};
}

int handover_lock(const struct root *root, struct diag *diag)
{
	int lock = record_lock(root, LOCK_WAIT_MS);

	if (lock == -EWOULDBLOCK)
		return diag_set(diag, lock, NULL, 0,
				"another vfio-device, or vfio-early for udev, is at work, or a "
				"step of it hangs in the kernel: then a reboot is needed");
	if (lock < 0)
		return diag_set(diag, lock, NULL, 0,
				"the lock on /" RECORD_DIR " cannot be had: %s", strerror(-lock));
	return lock;
}

static int fail_pick(struct cmd_call *call, int r, const struct diag *diag)
{
	if (diag->text[0])
		return cmd_fail(call, r == -ENOMEM ? EXIT_SYSTEM : EXIT_USAGE, diag);
	if (r == -EXDEV)
		return cmd_failf(call, EXIT_SYSTEM,
				 "%s is an image, no running system: its cards cannot change hands",
				 call->root_dir ? call->root_dir : "this chroot or container");
	if (r == -ENOENT)
		return cmd_failf(call, EXIT_SYSTEM,
				 "there is no PCI bus (sys/bus/pci/devices): is /sys mounted?");
	return cmd_failf(call, EXIT_SYSTEM, "the PCI devices cannot be listed: %s", strerror(-r));
}

static const char *result_word(const struct claim_target *target, int r, bool to_host)
{
	if (r == -EPERM)
		return "refused";
	if (r < 0)
		return "failed";
	if (!strcmp(target->driver_after, target->dev->driver))
		return "unchanged";
	return to_host ? "released" : "claimed";
}

/* In a call that did not do what was asked, what nothing speaks against waits for the rest. */
static const char *reason_word(const struct claim_target *target, int r)
{
	if (target->reason != CLAIM_OK)
		return claim_reason_word(target->reason);
	return r < 0 ? claim_reason_word(CLAIM_SIBLING) : NULL;
}

static json_t *target_json(const struct claim_target *target, int r, bool to_host)
{
	json_t *object = json_object();
	char addr[PCI_ADDR_STR];
	const char *from = NULL, *to = NULL;
	int e = 0;

	if (target->dev) {
		from = target->dev->driver[0] ? target->dev->driver : NULL;
		to = target->driver_after[0] ? target->driver_after : NULL;
		pci_addr_format(&target->dev->addr, addr);
	}
	e |= json_put(object, "address", json_text(target->dev ? addr : NULL));
	e |= json_put(object, "from", json_text(from));
	e |= json_put(object, "to", json_text(to));
	e |= json_put(object, "result", json_text(result_word(target, r, to_host)));
	e |= json_put(object, "reason", json_text(reason_word(target, r)));
	if (e) {
		json_decref(object);
		return NULL;
	}
	return object;
}

json_t *handover_json(const struct claim_plan *plan, int r, bool to_host)
{
	_cleanup_json_ json_t *devices = json_array();

	for (size_t i = 0; i < plan->count; i++)
		if (json_array_append_new(devices, target_json(&plan->targets[i], r, to_host)) < 0)
			return NULL;
	return steal(&devices);
}

static int put_document(struct cmd_call *call, const struct claim_plan *plan, int r, bool to_host)
{
	json_t *document = json_object();

	if (json_put(document, "devices", handover_json(plan, r, to_host)) < 0) {
		json_decref(document);
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	}
	cmd_document(call, document);
	return EXIT_DONE;
}

void handover_print(const struct claim_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct claim_target *target = &plan->targets[i];
		const char *from = target->dev->driver, *to = target->driver_after;
		char addr[PCI_ADDR_STR];

		pci_addr_format(&target->dev->addr, addr);
		if (!strcmp(from, to))
			printf("%s  %s, as before\n", addr, to[0] ? to : "no driver");
		else
			printf("%s  %s -> %s\n", addr, from[0] ? from : "no driver",
			       to[0] ? to : "no driver");
	}
	fflush(stdout);
}

static int report(struct cmd_call *call, const struct handover *h, int r, bool to_host)
{
	const struct claim_plan *plan = &h->plan;
	int code = EXIT_DONE;

	if (r < 0)
		code = r == -EPERM ? EXIT_REFUSED : h->stuck ? EXIT_PARTWAY : EXIT_SYSTEM;
	if (call->json) {
		int e = put_document(call, plan, r, to_host);

		if (e)
			return e;
	} else if (!r && !call->quiet) {
		handover_print(plan);
	}
	for (size_t i = 0; i < plan->count; i++) {
		const struct claim_target *target = &plan->targets[i];

		if (target->reason == CLAIM_OK && target->text[0])
			cmd_note(call, "%s", target->text);
		else if (target->reason != CLAIM_OK && target->reason != CLAIM_SIBLING)
			(void)cmd_failf(call, code, "%s", target->text);
	}
	if (code == EXIT_PARTWAY)
		return cmd_failf(call, code,
				 "not all functions are where they were before this command; it "
				 "can be run again");
	return r == -ENOMEM ? cmd_failf(call, code, "out of memory") : code;
}

static int hand_over(struct cmd_call *call, bool to_host)
{
	_cleanup_(handover_free) struct handover h;
	const char *guest = cmd_value(call, "guest", 0);
	_cleanup_close_ int lock = -1;
	struct diag diag = DIAG_INIT;
	int r;

	handover_init(&h, &call->root, cmd_has(call, "force"));
	if (call->operand_count + (guest != NULL) != 1)
		return cmd_failf(call, EXIT_USAGE,
				 "one card is needed, by the name of its [device] or by its "
				 "address, or --guest NAME");
	if (call->root.kind == ROOT_LIVE && geteuid() != 0)
		return cmd_failf(call, EXIT_SYSTEM, "only root can hand over a card");
	if (guest)
		return guest_run(call, guest, to_host);
	if (root_has_kernel(&call->root)) {
		lock = handover_lock(&call->root, &diag);
		if (lock < 0)
			return cmd_fail(call, EXIT_SYSTEM, &diag);
	}
	r = handover_pick(&h, call->operands[0], NULL, to_host ? RESOLVE_FIND : RESOLVE_RELEASED,
			  &diag);
	if (r < 0)
		return fail_pick(call, r, &diag);
	/* From here to the end in one go: Ctrl-C, or the end of the terminal that goes dark, comes after it. */
	guest_block_signals();
	r = to_host ? handover_release(&h) : handover_reclaim(&h);
	return report(call, &h, r, to_host);
}

int release_run(struct cmd_call *call)
{
	return hand_over(call, true);
}

int reclaim_run(struct cmd_call *call)
{
	return hand_over(call, false);
}
