/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLS_GUEST_RUN_H
#define TOOLS_GUEST_RUN_H

#include "bootcfg/cmd.h"
#include "tools/guest.h"

/* `vfio-device reclaim --guest NAME` (a start) and `release --guest NAME` (an end). An exit code. */
int guest_run(struct cmd_call *call, const char *name, bool to_host);

/* The exit code of a start or end that returned r. */
int guest_exit_code(const struct guest *guest, int r);

#endif
