// SPDX-License-Identifier: GPL-2.0-or-later
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "bootcfg/hwloc-lib.h"

#define SONAME "libhwloc.so.15"

int hwloc_lib_load(struct hwloc_lib *ret)
{
	void *lib = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL);
	struct hwloc_lib api;

	if (!lib)
		return -ELIBACC;
#define FIND(name)                                                                                 \
	api.name = (__typeof__(api.name))dlsym(lib, #name);                                        \
	if (!api.name)                                                                             \
		return -ELIBACC;
	HWLOC_FUNCTIONS(FIND)
#undef FIND
	*ret = api;
	return 0;
}
