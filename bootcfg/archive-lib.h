/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libarchive, found by name when the first compressed image is read: linked, it and the 13 libraries
 * that it brings would cost four fifths of the time of a `set` that reads none.
 */
#ifndef BOOTCFG_ARCHIVE_LIB_H
#define BOOTCFG_ARCHIVE_LIB_H

#include <archive.h>

#define ARCHIVE_FUNCTIONS(f)                                                                       \
	f(archive_errno) f(archive_filter_bytes) f(archive_read_data_block) f(archive_read_free)   \
		f(archive_read_new) f(archive_read_next_header) f(archive_read_open)               \
			f(archive_read_support_filter_by_code)                                     \
				f(archive_read_support_format_empty)                               \
					f(archive_read_support_format_raw)

#define ARCHIVE_FIELD(name) __typeof__(name) *name;
struct archive_lib {
	ARCHIVE_FUNCTIONS(ARCHIVE_FIELD)
};
#undef ARCHIVE_FIELD

/* It stays loaded. 0, or -ELIBACC where it is not there. */
int archive_lib_load(struct archive_lib *ret) __attribute__((warn_unused_result));

#endif
