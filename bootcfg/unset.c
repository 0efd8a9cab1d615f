// SPDX-License-Identifier: GPL-2.0-or-later
#include "bootcfg/agree.h"
#include "bootcfg/commands.h"
#include "bootcfg/set-options.h"

int unset_run(struct cmd_call *call)
{
	_cleanup_agree_ struct agree agree;
	_cleanup_sets_ struct profile_sets sets = {.count = 0};
	struct diag diag = DIAG_INIT;
	int code = agree_begin(&agree, call);

	if (code)
		return code;
	agree.undo = true;
	code = unset_items(call, &agree.before, &sets, &diag);
	if (code < 0)
		return agree_fail(call, code, &diag);
	code = agree_plan(&agree, &sets);
	return code ? agree_give_up(&agree, code) : agree_carry_out(&agree);
}
