/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of CPUs as the kernel writes them: "0-3,8", strides "0-14:2/4" (lib/bitmap-str.c). */
#ifndef BOOTCFG_CPULIST_H
#define BOOTCFG_CPULIST_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "early/cleanup.h"

#define CPULIST_MAX CPU_SETSIZE /* CPUs that a list can name: 0 to 1023 */

/*
 * What a list means in every machine: `N` and `all`, which depend on it, are -EINVAL here.
 * -EINVAL (not a list: letters, a range that goes down, nothing at all), -ERANGE (a CPU from
 * CPULIST_MAX up); *ret untouched then.
 */
int cpulist_parse(const char *text, cpu_set_t *ret) _must_check_;

/*
 * The same in a machine of count CPUs (1 to CPULIST_MAX): `N` is CPU count - 1, `all` is 0-N. What is
 * said in numbers is not checked against count.
 */
int cpulist_resolve(const char *text, unsigned count, cpu_set_t *ret) _must_check_;

/* True where a list has an `N` or `all` in it. */
bool cpulist_relative(const char *text);

/* The shortest list, ascending; "" for none. The caller's to free; NULL without memory. */
char *cpulist_format(const cpu_set_t *set) _must_check_;

/* The CPUs below count that are not in set. ret may be set. */
void cpulist_complement(const cpu_set_t *set, unsigned count, cpu_set_t *ret);

/* The highest CPU of a set that is not empty. */
unsigned cpulist_last(const cpu_set_t *set);

/* True if all CPUs of a are in b. */
bool cpulist_within(const cpu_set_t *a, const cpu_set_t *b);

#endif
