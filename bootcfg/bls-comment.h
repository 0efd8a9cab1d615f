/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How what is ours in an entry is written in it; bls.h says what it means. */
#ifndef BOOTCFG_BLS_COMMENT_H
#define BOOTCFG_BLS_COMMENT_H

#define BLS_OWNS "# vfio-bootcfg: "
#define BLS_REPLACED "# vfio-bootcfg replaced: "
#define BLS_OWNS_NOTHING "# vfio-bootcfg owns nothing here"
#define BLS_ARROW " -> "

#endif
