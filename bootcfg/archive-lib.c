// SPDX-License-Identifier: GPL-2.0-or-later
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "bootcfg/archive-lib.h"

#define SONAME "libarchive.so.13"

int archive_lib_load(struct archive_lib *ret)
{
	void *lib = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL);
	struct archive_lib api;

	if (!lib)
		return -ELIBACC;
#define FIND(name)                                                                                 \
	api.name = (__typeof__(api.name))dlsym(lib, #name);                                        \
	if (!api.name)                                                                             \
		return -ELIBACC;
	ARCHIVE_FUNCTIONS(FIND)
#undef FIND
	*ret = api;
	return 0;
}
