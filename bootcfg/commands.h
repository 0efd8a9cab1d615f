/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of vfio-bootcfg, one file each. Each returns an exit code. */
#ifndef BOOTCFG_COMMANDS_H
#define BOOTCFG_COMMANDS_H

#include "bootcfg/cmd.h"

int set_run(struct cmd_call *call);
int unset_run(struct cmd_call *call);
int plan_run(struct cmd_call *call);
int status_run(struct cmd_call *call);
int check_run(struct cmd_call *call);

#endif
