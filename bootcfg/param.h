/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of what a parameter's occurrences mean together, one row and one reason each, and the
 * comparison of values. Whatever has no row has one value, of which the last counts.
 */
#ifndef BOOTCFG_PARAM_H
#define BOOTCFG_PARAM_H

#include <sched.h>

#include "early/cmdline.h"

enum param_class {
	PARAM_LAST, /* one value: the last wins */
	PARAM_MANY, /* each occurrence is another thing */
	PARAM_LIST, /* comma list: every item of every occurrence counts */
	PARAM_ISOLATION, /* isolcpus and nohz_full: the first wins, per flag */
	PARAM_PAGES, /* by position: hugepagesz, default_hugepagesz, hugepages */
};

enum param_value {
	VALUE_BYTES,
	VALUE_CPUS, /* a list of CPUs */
	VALUE_SIZE, /* a number of bytes, with the suffix of memparse() */
	VALUE_PAGES, /* N, or NODE:N,NODE:N */
};

struct param {
	const char *name; /* with `*` at its end: all that begin so; at its start: that end so */
	enum param_class class;
	enum param_value value;
};

/* Never NULL: the row of the token's name, else that of all others. */
const struct param *param_find(const struct cmdline_token *token);

/* False where items_oppose() has nothing on the name: most of the time. */
bool param_opposes(const struct param *param);

/* A stretch of somebody's text. */
struct slice {
	const char *data; /* NULL: no value at all */
	size_t size;
};

/* The next item of a comma list into *ret, from *rest, which goes on: false at its end. */
bool slice_item(struct slice *rest, struct slice *ret);
bool slice_in_list(struct slice item, struct slice list);
bool slice_is(struct slice slice, const char *text);
bool slice_equal(struct slice a, struct slice b);
struct slice token_value(const struct cmdline_token *token);

/* Whether two tokens have the same name, `-` and `_` being the same. */
bool token_same_name(const struct cmdline_token *a, const struct cmdline_token *b);

bool value_equal(enum param_value kind, struct slice a, struct slice b);

/* What the kernel's kstrtobool() takes for no. */
bool value_is_no(struct slice value);

/* As memparse() reads it, whatever follows: false where that is no size above 0. */
bool value_size(struct slice value, unsigned long long *ret_bytes);

/* What isolcpus= and nohz_full= say. */
enum isolation { ISOLATE_DOMAIN, ISOLATE_MANAGED_IRQ, ISOLATE_NOHZ, ISOLATE_COUNT };
struct isolation_value {
	unsigned flags; /* 1 << enum isolation */
	struct slice list;
};

struct isolation_value isolation_parse(const struct cmdline_token *token);

/* True if the list names the same CPUs, or, where that is not known, has the same bytes. */
bool cpus_equal(struct slice a, struct slice b);

/*
 * Whether an item of one comma list undoes that of another: `name`'s `item` against the wanted
 * one. sticky: wherever it stands; else only where it comes last.
 */
bool items_oppose(const struct cmdline_token *want, struct slice want_item,
		  const struct cmdline_token *other, struct slice other_item, bool *ret_sticky);

#endif
