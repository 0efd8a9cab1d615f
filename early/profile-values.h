/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal to the profile: what the values of its keys may be. */
#ifndef EARLY_PROFILE_VALUES_H
#define EARLY_PROFILE_VALUES_H

#include "profile.h"

/*
 * Checks a value, which is not empty, and stores what it means in *device where it is one of a
 * [device] (NULL elsewhere). Takes the blanks beside the commas out of a list, in place. Returns
 * NULL, or in words what is wrong: static, "" where naming what is expected says enough.
 */
typedef const char *(*value_check)(char *value, struct profile_device *device);

const char *value_path(char *value, struct profile_device *device);
const char *value_address(char *value, struct profile_device *device);
const char *value_id(char *value, struct profile_device *device);
const char *value_subsystem(char *value, struct profile_device *device);
const char *value_class(char *value, struct profile_device *device);
const char *value_functions(char *value, struct profile_device *device);
/*
 * CPU lists as the kernel reads them: "CPU lists" in
 * Documentation/admin-guide/kernel-parameters.rst
 */
const char *value_cpus(char *value, struct profile_device *device);
const char *value_cpus_or_none(char *value, struct profile_device *device);
const char *value_isolate(char *value, struct profile_device *device);
const char *value_acs(char *value, struct profile_device *device);
const char *value_args(char *value, struct profile_device *device);
const char *value_pages(char *value, struct profile_device *device);
const char *value_devices(char *value, struct profile_device *device);
const char *value_governor(char *value, struct profile_device *device);
const char *value_units(char *value, struct profile_device *device);

/*
 * True for a huge page size as keys have it: a power of two in its largest unit, so that none has
 * two names.
 */
bool value_is_page_size(const char *text);

/* True for [A-Za-z_][A-Za-z0-9_.-]*, of at most PROFILE_NAME_MAX bytes. */
bool profile_name_valid(const char *name, size_t len);

/* One element of a list, not NUL-terminated. */
struct profile_item {
	const char *text;
	size_t len;
};

/*
 * The next element of a list that was checked; *at starts as the value. False at the end, *ret
 * untouched.
 */
bool profile_item_next(const char **at, struct profile_item *ret) _must_check_;

#endif
