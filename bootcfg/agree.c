// SPDX-License-Identifier: GPL-2.0-or-later

#include "bootcfg/agree.h"

/* --- what was wrong, as an exit code ---------------------------------------------------------- */

/* Of what the user wrote or asked for. */
int agree_fail(struct cmd_call *call, int error, const struct diag *diag)
{
	switch (error) {
	case -EPERM:
	case -EEXIST:
	case -E2BIG:
		return cmd_fail(call, EXIT_REFUSED, diag);
	case -ENOMEM:
	case -EIO:
	case -ENOENT:
	case -ENODEV:
	case -ENOSYS:
		return cmd_fail(call, EXIT_SYSTEM, diag);
	case -EUCLEAN:
	case -EINPROGRESS:
		return cmd_fail(call, EXIT_PARTWAY, diag);
	}
	return cmd_fail(call, EXIT_USAGE, diag);
}

/* Of a boot source: what is not understood there is left alone. */
int agree_fail_source(struct cmd_call *call, int error, const struct diag *diag)
{
	if (error == -EBADMSG)
		return cmd_fail(call, EXIT_REFUSED, diag);
	if (error == -EPERM || error == -EEXIST || error == -E2BIG)
		return agree_fail(call, error, diag);
	return cmd_fail(call, EXIT_SYSTEM, diag);
}

/* Of writing: what the system refuses is the system's failure, whatever its errno says. */
static int fail_commit(struct cmd_call *call, int error, const struct diag *diag)
{
	return cmd_fail(call, error == -EUCLEAN ? EXIT_PARTWAY : EXIT_SYSTEM, diag);
}

/* --- begin ------------------------------------------------------------------------------------ */

static int take_options(struct agree *agree)
{
	struct cmd_call *call = agree->call;
	size_t count = 0;

	agree->force = cmd_has(call, "force");
	agree->dry_run = cmd_has(call, "dry-run");
	agree->no_regenerate = cmd_has(call, "no-regenerate");
	agree->edit_flags = (cmd_has(call, "replace") ? EDIT_REPLACE : 0) |
			    (cmd_has(call, "adopt") ? EDIT_ADOPT : 0);
	while (cmd_value(call, "loader", count))
		count++;
	agree->names = calloc(count + 1, sizeof(*agree->names));
	if (!agree->names)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		agree->names[i] = cmd_value(call, "loader", i);
		if (!loader_find(agree->names[i]))
			return cmd_failf(call, EXIT_USAGE,
					 "unknown boot loader `%.100s`: grub, systemd-boot and "
					 "kernelstub are known",
					 agree->names[i]);
	}
	agree->context = (struct boot_context){
		.root = &call->root,
		.esp = cmd_value(call, "esp", 0),
		.kernel = cmd_value(call, "kernel", 0),
		.force = agree->force,
		.remarks = &agree->remarks,
	};
	while (agree->context.esp && *agree->context.esp == '/')
		agree->context.esp++;
	return EXIT_DONE;
}

int agree_begin(struct agree *agree, struct cmd_call *call)
{
	struct diag diag = DIAG_INIT;
	int code, r;

	*agree = (struct agree){.call = call, .lock = -1};
	code = take_options(agree);
	if (code)
		return code;
	r = active_refuse_managed(&call->root, &diag);
	if (r < 0)
		return agree_fail_source(call, r, &diag);
	if (!agree->dry_run) {
		agree->lock = commit_lock(&call->root, &diag);
		if (agree->lock < 0)
			return fail_commit(call, agree->lock, &diag);
	}
	r = commit_recover(&call->root, agree->dry_run, &agree->pending, &diag);
	if (r == -ESTALE)
		cmd_note(call, "%s%s%s", diag.file, *diag.file ? ": " : "", diag.text);
	else if (r == -EINPROGRESS)
		return agree_fail(call, r, &diag);
	else if (r < 0)
		return fail_commit(call, r, &diag);
	r = profile_load(&call->root, &agree->before, &diag);
	if (r < 0)
		return agree_fail(call, r, &diag);
	r = state_load(&call->root, &agree->state, &diag);
	if (r < 0)
		return agree_fail_source(call, r, &diag);
	agree->context.state = agree->state;
	if (host_load(&call->root, &agree->host) < 0)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	return EXIT_DONE;
}

int agree_give_up(const struct agree *agree, int code)
{
	for (size_t i = 0; i < agree->remarks.count; i++)
		cmd_note(agree->call, "%s", agree->remarks.items[i]);
	return code;
}

void agree_free(struct agree *agree)
{
	for (size_t i = 0; i < agree->setup_count; i++)
		boot_setup_free(&agree->setups[i]);
	initramfs_free(&agree->initramfs);
	plan_free(&agree->plan);
	leftovers_free(&agree->leftovers);
	wants_free(&agree->wants);
	host_free(&agree->host);
	state_free(agree->state);
	profile_free(&agree->after);
	profile_free(&agree->before);
	remarks_free(&agree->remarks);
	free(agree->names);
	close_fd(&agree->lock);
}
