/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit codes of every command of this project. Scripts rely on them. */
#ifndef EARLY_EXITCODE_H
#define EARLY_EXITCODE_H

enum exit_code {
	EXIT_DONE = 0, /* done, or nothing to do */
	EXIT_DIFFERS = 1, /* check, status: not as the profile says; reclaim: fewer than asked */
	EXIT_USAGE = 2, /* usage, or a profile or value that cannot be read */
	EXIT_REFUSED = 3, /* contradicts the user's own setting, or is not safe */
	EXIT_SYSTEM = 4, /* the system failed us; nothing was changed */
	EXIT_PARTWAY = 5, /* failed part-way; the same command continues */
};

#endif
