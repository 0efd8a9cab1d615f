/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `set` and `unset` have in common: make every boot source agree with the profile. The data flows
 * one way: profile -> wants -> lines -> plan -> commit -> generators; what is refused is refused
 * before anything is written.
 */
#ifndef BOOTCFG_AGREE_H
#define BOOTCFG_AGREE_H

#include "bootcfg/active.h"
#include "bootcfg/cmd.h"
#include "bootcfg/commit.h"
#include "bootcfg/edit.h"
#include "bootcfg/initramfs.h"
#include "bootcfg/policy.h"
#include "bootcfg/profile-edit.h"

struct agree {
	struct cmd_call *call;
	/* --- options --- */
	unsigned edit_flags;
	bool force, dry_run, no_regenerate;
	bool undo; /* unset: what nobody knows to be ours is listed, not left behind silently */
	const char **names; /* --loader, NULL-terminated; owned */
	/* --- what was read --- */
	int lock;
	unsigned pending; /* commit_after bits of an earlier run */
	struct profile before, after;
	struct state *state;
	struct host host;
	struct wants wants;
	struct leftovers leftovers;
	struct active active;
	struct boot_context context;
	struct boot_setup setups[ACTIVE_MAX];
	size_t setup_count;
	/* --- what comes of it --- */
	struct plan plan;
	struct initramfs initramfs;
	bool regenerate; /* grub.cfg is to be made anew, and we can */
	bool regenerated;
	bool rebuilt; /* an initramfs image, at least */
	unsigned needs; /* boot_needs that are left to others */
	struct remarks remarks;
};

/*
 * Takes the options of the call, the lock, finishes an earlier commit, reads profile, state and host.
 * All four return an exit code and have said why; the caller frees with agree_free() in any case.
 */
int agree_begin(struct agree *agree, struct cmd_call *call) _must_check_;

/* Plans what the sets make of the profile alone, and asks the policy what it thinks of that. */
int agree_plan_profile(struct agree *agree, const struct profile_sets *sets) _must_check_;

/* The same, and what that makes of the boot sources. */
int agree_plan(struct agree *agree, const struct profile_sets *sets) _must_check_;

/* Commits and runs the generators, or with --dry-run prints the plan; then reports. */
int agree_carry_out(struct agree *agree) _must_check_;

/* Says the remarks of a run that failed, which may tell more of why; returns code. */
int agree_give_up(const struct agree *agree, int code) _must_check_;
void agree_free(struct agree *agree);

/*
 * Says an error of the profile or of the command line, and gives the exit code that it has. For
 * `status` too.
 */
int agree_fail(struct cmd_call *call, int error, const struct diag *diag);

/* The same of a boot source: what is not understood there is left alone. */
int agree_fail_source(struct cmd_call *call, int error, const struct diag *diag);

/* The result: on stdout as lines, or the document of --json; then the remarks. */
int agree_report(struct agree *agree) _must_check_;

#define _cleanup_agree_ _cleanup_(agree_free)

#endif
