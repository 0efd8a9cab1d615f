// SPDX-License-Identifier: GPL-2.0-or-later
/* Loading vfio where there is nothing to insert: built into the kernel, or not there at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "early/log.h"
#include "early/module.h"

/* A module directory with this file as its modules.builtin, indexed by depmod as a kernel's is. */
static void make_modules(char dir[static 64], const char *builtin)
{
	char command[512];

	strcpy(dir, "/tmp/modules-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command),
		 "d=%s/lib/modules/9.9.9 && mkdir -p $d && : > $d/modules.order && cp %s "
		 "$d/modules.builtin && PATH=$PATH:/sbin:/usr/sbin depmod -b %s 9.9.9 2>/dev/null",
		 dir, builtin, dir);
	assert_int_equal(system(command), 0);
}

static int load_from(const char *builtin)
{
	char dir[64], path[128], command[128];
	int r;

	make_modules(dir, builtin);
	snprintf(path, sizeof(path), "%s/lib/modules/9.9.9", dir);
	r = module_load_vfio_from(path);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	return r;
}

static void built_in_is_success(_unused_ void **state)
{
	assert_int_equal(load_from("tests/kernels/vfio-built-in/modules.builtin"), 0);
}

static void missing_is_an_error(_unused_ void **state)
{
	assert_int_equal(load_from("/dev/null"), -ENOENT);
}

static void no_module_directory_is_an_error(_unused_ void **state)
{
	assert_int_equal(module_load_vfio_from("/nonexistent"), -ENOENT);
}

/* A name that no kernel has: nothing can come or go by it. */
static void a_name_that_is_no_module(_unused_ void **state)
{
	assert_true(module_unload("vfio_bootcfg_no_such_module") < 0);
	assert_true(module_load_name("vfio_bootcfg_no_such_module") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in_is_success),
		cmocka_unit_test(missing_is_an_error),
		cmocka_unit_test(no_module_directory_is_an_error),
		cmocka_unit_test(a_name_that_is_no_module),
	};

	log_to_stderr();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
