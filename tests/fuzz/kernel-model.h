/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Linux 6.12 makes of a command line, told a second time: step by step as the kernel's own parsers
 * go, with nothing of bootcfg/ in it, so that fuzz-edit can hold the two against each other.
 */
#ifndef TESTS_FUZZ_KERNEL_MODEL_H
#define TESTS_FUZZ_KERNEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#define MODEL_CPUS 1024
#define MODEL_SIZES 6

struct kernel {
	bool open_quote; /* the text ends inside a quote: nothing else holds */
	bool passthrough, no_iommu, swiotlb; /* iommu= */
	bool intel; /* intel_iommu= */
	bool isolation_known; /* all lists are ones that the model can read */
	bool domain_set, managed_set, noise_set;
	unsigned char domain[MODEL_CPUS], managed[MODEL_CPUS], noise[MODEL_CPUS];
	bool pages_known; /* all counts are ones that the model can read */
	char pages[MODEL_SIZES][256]; /* the count of each size, as written; "" for none */
	int default_size; /* an index; 2M where nothing is said */
	bool default_said;
	bool size_known[MODEL_SIZES];
	char last_value[256]; /* of the parameter that was asked for; "\1" without a value */
	bool last_seen;
};

/* Boots with a text; name is the parameter whose last value is asked for. */
void kernel_boot(struct kernel *kernel, const char *text, const char *name);

/* The index of a size of pages as the text of a parameter says it, or -1. */
int model_size(const char *text);

/* A list of CPUs without strides and words: false where it is none. */
bool model_cpus(const char *text, unsigned char *ret);

/* A count: "N" or "NODE:N,...", digits only. */
bool model_count(const char *text);

#endif
