/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a stretch of compressed data is, without unpacking it: what libarchive's decompressors of
 * these kinds take for more of their own data ends in an error, or in silence, before what follows.
 * RFC 8878 (zstd), the .xz file format 1.2.1, lz4's legacy frames.
 */
#ifndef BOOTCFG_STRETCH_H
#define BOOTCFG_STRETCH_H

#include <stdint.h>

/* The offset behind the data that begin at start, or 0 where that cannot be told. */
uint64_t stretch_end_zstd(int fd, uint64_t start);
uint64_t stretch_end_xz(int fd, uint64_t start);
uint64_t stretch_end_lz4(int fd, uint64_t start);

#endif
