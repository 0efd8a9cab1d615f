/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the CPUs of a guest are set to while it runs: `cpus`, `governor`, `min-frequency` and `isolate` of its
 * [guest NAME]. Frequencies: Documentation/admin-guide/pm/cpufreq.rst, intel_pstate.rst, amd-pstate.rst;
 * host processes: AllowedCPUs= in systemd.resource-control(5), which systemd would assert again behind the back
 * of one who writes cpuset.cpus; workqueues: Documentation/core-api/workqueue.rst; interrupts:
 * Documentation/core-api/irq/irq-affinity.rst.
 *
 * What each setting was before any guest is recorded in run/vfio-bootcfg/tuning before the first write, with what
 * every guest wants: a setting is always computed from all guests that run, and goes back to what it was with
 * the last one that wants it. Whoever is ended at any point, the next call completes it.
 */
#ifndef TOOLS_TUNING_H
#define TOOLS_TUNING_H

#include "early/profile.h"

#define TUNING_PATH RECORD_DIR "/tuning"

struct tuning_env {
	const struct root *root;
	/*
	 * Runs systemctl with these arguments, up to NULL: as run_program() answers. NULL where none may
	 * be run: host processes stay where they are then.
	 */
	int (*systemctl)(const char *const args[], char **ret_output);
	int (*load_module)(const char *name); /* module_load_alias(), for governors; may be NULL */
	void (*note)(void *data, const char *text); /* a remark for the user; may be NULL */
	void *data; /* of note() */
};

/* That of the running system; on a captured machine nothing is run or loaded. Without note(). */
struct tuning_env tuning_env(const struct root *root);

/*
 * Whether tuning_apply() would find what [guest NAME] asks for in this machine, without a remark and with nothing written; a
 * governor's module is loaded. 0, or an error of its.
 */
int tuning_check(const struct tuning_env *env, const struct profile *profile, const char *guest,
		 struct diag *diag) _must_check_;

/*
 * Sets what [guest NAME] of the profile asks for; all or nothing. 0 where that is nothing, too. Again: 0, the record
 * keeps what was there first.
 * Errors, with diag filled in: -EBADMSG the guest's section names a CPU that is not online, or a governor that
 * the kernel has not; -EPERM no CPU would be left to the host; else -errno of the system, where what
 * was set before is put back (diag says so where that failed: then tuning_restore() tries again).
 */
int tuning_apply(const struct tuning_env *env, const struct profile *profile, const char *guest,
		 struct diag *diag) _must_check_;

/*
 * Takes back what the guest alone wanted. What somebody else has changed since is left, with a remark.
 * 0, also where nothing is recorded. Errors: -errno with diag filled in, of the first that could not be put
 * back; the others are, and the record is kept for the next call.
 */
int tuning_restore(const struct tuning_env *env, const char *guest, struct diag *diag) _must_check_;

#endif
