/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `status` found, before it is printed: wanted, configured, running. */
#ifndef BOOTCFG_STATUS_H
#define BOOTCFG_STATUS_H

#include "bootcfg/active.h"
#include "bootcfg/cmd.h"
#include "bootcfg/edit.h"
#include "bootcfg/policy.h"
#include "early/record.h"

struct status_entry {
	const struct loader *loader;
	bool active; /* its loader is the one that boots this host, or that set would edit */
	const struct boot_line *line; /* owned by the setup */
	struct line_report report;
};

/* A pool of huge pages that the profile asks for. */
struct status_pool {
	char size[16]; /* as the profile writes it: "2M" */
	int node; /* -1: any */
	unsigned long wanted;
	long now; /* pages that are there; -1: not known (an image) */
};

struct status {
	struct profile profile;
	struct state *state;
	struct host host;
	struct wants wants;
	struct leftovers leftovers;
	struct active active;
	struct boot_setup setups[ACTIVE_MAX];
	size_t setup_count;
	struct status_entry *entries;
	size_t entry_count;
	bool has_running;
	struct line_report running;
	bool has_record;
	struct record record;
	struct status_pool *pools;
	size_t pool_count;
	struct remarks remarks;
};

/* Reads all. 0, or an exit code of an error that it has said; the caller frees in any case. */
int status_load(struct cmd_call *call, struct status *ret) _must_check_;

/* The same without the boot sources: what is wanted, and what this boot has of it. */
int status_load_running(struct cmd_call *call, struct status *ret) _must_check_;
void status_free(struct status *status);

/* True where all is as the profile says, as far as it can be told. */
bool status_agrees(const struct status *status);

/* What came of the pool at boot; NULL where the record does not say. */
const struct record_pool *status_at_boot(const struct status *status,
					 const struct status_pool *pool);

/* The document of --json; NULL without memory. */
struct json_t *status_json(const struct status *status) _must_check_;

/* The text on stdout. 0 or -errno. */
int status_print(const struct status *status) _must_check_;

#define _cleanup_status_ _cleanup_(status_free)

#endif
