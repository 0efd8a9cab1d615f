/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps that the tests of commits and of their recovery share: both are one program each. */
#ifndef TESTS_UNIT_COMMIT_TREE_H
#define TESTS_UNIT_COMMIT_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <string.h>

#include "bootcfg/commit.h"
#include "bootcfg/journal.h"
#include "tests/unit/fixture.h"

/* Puts what a file is to hold into the plan, as a change of the file as it is; NULL removes it. */
static inline void plan_path(struct fixture *f, struct plan *plan, const char *path,
			     const char *text)
{
	struct file file = {.exists = false};
	struct diag diag = DIAG_INIT;

	machine_open(f);
	assert_int_equal(file_read(&f->root, path, &file, &diag), 0);
	assert_int_equal(plan_put(plan, PLAN_SOURCE, &file, text, text ? strlen(text) : 0, 0644),
			 0);
	file_free(&file);
}

static inline void commit_gives(struct fixture *f, const struct plan *plan, unsigned after,
				int expected)
{
	struct diag diag = DIAG_INIT;
	int r = commit_plan(&f->root, plan, after, &diag);

	if (r != expected)
		print_error("%s: %s\n", diag.file, diag.text);
	assert_int_equal(r, expected);
	assert_true(r == 0 || *diag.text);
}

/* NULL: there is nothing at all, nor a link that dangles. */
static inline void assert_holds(const struct fixture *f, const char *path, const char *text)
{
	_cleanup_file_ struct file file = {.exists = false};
	struct diag diag = DIAG_INIT;
	struct root root;

	if (!text) {
		assert_int_equal(faccessat(AT_FDCWD, path_in(f, path), F_OK, AT_SYMLINK_NOFOLLOW),
				 -1);
		assert_int_equal(errno, ENOENT);
		return;
	}
	assert_int_equal(root_open(&root, f->dir), 0);
	assert_int_equal(file_read(&root, path, &file, &diag), 0);
	root_close(&root);
	if (!file.exists)
		print_error("%s is not there\n", path);
	assert_true(file.exists);
	assert_string_equal(file.data, text);
}

static inline int is_temporary(const char *path, _unused_ const struct stat *st, _unused_ int kind,
			       struct FTW *at)
{
	if (strncmp(path + at->base, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) != 0)
		return 0;
	print_error("%s lies about\n", path);
	return 1;
}

/* No temporary in any directory, and no journal. */
static inline void assert_clean(const struct fixture *f)
{
	assert_int_equal(nftw(f->dir, is_temporary, 16, FTW_PHYS), 0);
	assert_holds(f, STATE_DIR "/" JOURNAL_NAME, NULL);
}

static inline mode_t mode_of(const struct fixture *f, const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path_in(f, path), &st), 0);
	return st.st_mode;
}

#endif
