/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policy must know of the machine and of its installed kernels. Of an image only what its
 * files say; nothing of the machine that builds it. What only some profiles need is read when it is
 * asked for.
 */
#ifndef BOOTCFG_HOST_H
#define BOOTCFG_HOST_H

#include <sched.h>

#include "early/root.h"

enum cpu_vendor { CPU_UNKNOWN, CPU_INTEL, CPU_AMD };

struct host_kernel {
	char *version; /* the name below usr/lib/modules or lib/modules; owned */
	unsigned major, minor;
};

struct host {
	const struct root *root; /* for what is read later; not owned */
	enum cpu_vendor vendor; /* CPU_UNKNOWN in an image */
	bool flags_known; /* /proc/cpuinfo has flags: those below are true or false */
	bool has_virt; /* VT-x or SVM: vmx, svm */
	bool has_2m, has_1g; /* huge pages of the CPU: pse, pdpe1gb */
	unsigned cpus; /* highest CPU number that is present, plus one; 0: not known (an image) */
	cpu_set_t present; /* empty where cpus is 0 */
	/* Installed: with a modules directory that has a modules.dep or a kernel/. By version. */
	struct host_kernel *kernels;
	size_t kernel_count;
	char *running; /* version of the running kernel, or NULL; owned */
	char *cmdline; /* the running command line, or NULL; owned */
};

/*
 * *ret is the caller's, for host_free(); root must outlive it. What cannot be read is left unknown.
 * 0 or -ENOMEM.
 */
int host_load(const struct root *root, struct host *ret) _must_check_;
void host_free(struct host *host);

/*
 * True if every installed kernel is at least this one; also where none is found. Else *ret_older,
 * where not NULL, is the version of the oldest; owned by host.
 */
bool host_kernels_from(const struct host *host, unsigned major, unsigned minor,
		       const char **ret_older);

/* A CPU with its SMT siblings. 0, or -ENOENT where that is not known; *ret untouched then. */
int host_siblings(const struct host *host, unsigned cpu, cpu_set_t *ret) _must_check_;

/* Hugepagesize of /proc/meminfo; 0: not known. */
unsigned long host_default_page_kib(const struct host *host);

/* Whether a kernel has the ACS override patch, which is in no kernel of kernel.org. */
enum acs_patch { ACS_UNKNOWN, ACS_NO, ACS_YES };

/*
 * Looks for the patch's function in that kernel's System.map or, of the running one, in
 * /proc/kallsyms: some 10 MB to read.
 */
enum acs_patch host_acs(const struct host *host, const struct host_kernel *kernel);

#define _cleanup_host_ _cleanup_(host_free)

#endif
