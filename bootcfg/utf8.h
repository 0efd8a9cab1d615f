/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BOOTCFG_UTF8_H
#define BOOTCFG_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX 4 /* bytes of a character */

/* Writes a character up to 0x10ffff as RFC 3629 has it, without a NUL; returns how many bytes. */
size_t utf8_put(char to[static UTF8_MAX], uint32_t c);

#endif
