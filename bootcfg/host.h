/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policy must know of the machine and of its installed kernels. Of an image only what its
 * files say; nothing of the machine that builds it.
 */
#ifndef BOOTCFG_HOST_H
#define BOOTCFG_HOST_H

#include <sched.h>

#include "early/diag.h"
#include "early/root.h"

enum cpu_vendor { CPU_UNKNOWN, CPU_INTEL, CPU_AMD };

/* Whether a kernel has the ACS override patch: its symbol in System.map or, of the running one, in
 * kallsyms. */
enum acs_patch { ACS_UNKNOWN, ACS_NO, ACS_YES };

struct host_kernel {
	char *version; /* the name below usr/lib/modules or lib/modules; owned */
	unsigned major, minor;
	enum acs_patch acs;
};

struct host {
	enum cpu_vendor vendor; /* CPU_UNKNOWN in an image */
	unsigned cpus; /* highest CPU number that is present, plus one; 0: not known (an image) */
	cpu_set_t *siblings; /* per CPU: itself and its SMT siblings; NULL: not known */
	struct host_kernel
		*kernels; /* installed: with a modules directory that has a modules.dep or a
					kernel/ */
	size_t kernel_count;
	char *running; /* version of the running kernel, or NULL */
	char *cmdline; /* the running command line, or NULL */
	unsigned long default_page_kib; /* Hugepagesize of /proc/meminfo; 0: not known */
};

/* *ret is the caller's, for host_free(). What cannot be read is left unknown. 0 or -ENOMEM. */
int host_load(const struct root *root, struct host *ret) _must_check_;
void host_free(struct host *host);

/* True if every installed kernel is at least this one; also where none is found. */
bool host_kernels_from(const struct host *host, unsigned major, unsigned minor,
		       const char **ret_older);

#define _cleanup_host_ _cleanup_(host_free)

#endif
