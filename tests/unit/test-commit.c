// SPDX-License-Identifier: GPL-2.0-or-later
/* A plan carried out: what becomes of files, links, modes and directories, and when nothing does. */
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#include "bootcfg/state.h"
#include "tests/unit/commit-tree.h"

static void test_files(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};
	struct stat before, after;

	put(f, "etc/modified", "old");
	put(f, "etc/removed", "old");
	put(f, "etc/unchanged", "old");
	put_dir(f, "var/lib");
	assert_int_equal(chmod(path_in(f, "etc/modified"), 0604), 0);
	assert_int_equal(stat(path_in(f, "etc/unchanged"), &before), 0);
	plan_path(f, &plan, "etc/created", "new");
	plan_path(f, &plan, "etc/modified", "new\n");
	plan_path(f, &plan, "etc/removed", NULL);
	plan_path(f, &plan, "etc/unchanged", "old");
	commit_gives(f, &plan, 0, 0);
	assert_holds(f, "etc/created", "new");
	assert_holds(f, "etc/modified", "new\n");
	assert_holds(f, "etc/removed", NULL);
	assert_int_equal(mode_of(f, "etc/created"), S_IFREG | 0644);
	assert_int_equal(mode_of(f, "etc/modified"), S_IFREG | 0604);
	assert_int_equal(stat(path_in(f, "etc/unchanged"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_clean(f);
	assert_holds(f, STATE_DIR, NULL);
	plan_free(&plan);
}

static void test_nothing_to_do(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};

	put(f, "file", "x");
	plan_path(f, &plan, "file", "x");
	plan_path(f, &plan, "no", NULL);
	commit_gives(f, &plan, 0, 0);
	assert_holds(f, "var", NULL);
	plan_free(&plan);
}

static void test_mode_and_umask(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};
	mode_t old = umask(0077);

	put(f, "there/file", "old");
	put_dir(f, "var/lib");
	assert_int_equal(chmod(path_in(f, "there"), 0755), 0);
	assert_int_equal(chmod(path_in(f, "there/file"), 0666), 0);
	plan_path(f, &plan, "there/file", "new");
	plan_path(f, &plan, "made/by/us", "new");
	plan_path(f, &plan, STATE_FILE, "{}");
	plan_find(&plan, STATE_FILE)->mode = 0600;
	commit_gives(f, &plan, 0, 0);
	umask(old);
	assert_int_equal(mode_of(f, "there/file"), S_IFREG | 0666);
	assert_int_equal(mode_of(f, "made"), S_IFDIR | 0755);
	assert_int_equal(mode_of(f, "made/by"), S_IFDIR | 0755);
	assert_int_equal(mode_of(f, "made/by/us"), S_IFREG | 0644);
	assert_int_equal(mode_of(f, STATE_DIR), S_IFDIR | 0700);
	assert_int_equal(mode_of(f, STATE_FILE), S_IFREG | 0600);
	plan_free(&plan);
}

static void test_owner(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};
	struct stat st;

	if (geteuid() != 0)
		skip();
	put(f, "dir/file", "old");
	assert_int_equal(chown(path_in(f, "dir/file"), 12, 34), 0);
	assert_int_equal(chmod(path_in(f, "dir/file"), 04750), 0);
	/* A directory that gives its group to what is made in it. */
	assert_int_equal(chown(path_in(f, "dir"), 0, 56), 0);
	assert_int_equal(chmod(path_in(f, "dir"), 02755), 0);
	plan_path(f, &plan, "dir/file", "new");
	plan_path(f, &plan, "dir/created", "new");
	commit_gives(f, &plan, 0, 0);
	assert_int_equal(stat(path_in(f, "dir/file"), &st), 0);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
	assert_int_equal(st.st_mode, S_IFREG | 04750);
	assert_int_equal(stat(path_in(f, "dir/created"), &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 0);
	plan_free(&plan);
}

static void assert_xattr(const struct fixture *f, const char *path, const char *name,
			 const char *value)
{
	char found[64];
	ssize_t n = getxattr(path_in(f, path), name, found, sizeof(found));

	if (!value) {
		assert_int_equal(n, -1);
		return;
	}
	assert_int_equal(n, strlen(value));
	assert_memory_equal(found, value, strlen(value));
}

static void test_xattrs(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};
	bool label;

	put(f, "file", "old");
	if (setxattr(path_in(f, "file"), "user.note", "kept", 4, 0) < 0)
		skip(); /* a $TMPDIR without them */
	label = !setxattr(path_in(f, "file"), "security.selinux", "some:label", 10, 0);
	(void)!setxattr(path_in(f, "file"), "security.ima", "hash", 4, 0);
	plan_path(f, &plan, "file", "new");
	commit_gives(f, &plan, 0, 0);
	assert_holds(f, "file", "new");
	assert_xattr(f, "file", "user.note", "kept");
	if (label)
		assert_xattr(f, "file", "security.selinux", "some:label");
	/* It is about the old bytes: with it the new ones could not be read. */
	assert_xattr(f, "file", "security.ima", NULL);
	plan_free(&plan);
}

static void test_links(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};

	put(f, "usr/share/one", "old");
	put(f, "usr/share/two", "old");
	put(f, "usr/share/three", "old");
	put_dir(f, "etc/default");
	put_link(f, "etc/default/relative", "../../usr/share/one");
	put_link(f, "etc/default/absolute", "/usr//share/two");
	put_link(f, "etc/default/chain", "next");
	put_link(f, "etc/default/next", "../../../../../../usr/share/three");
	put_link(f, "linked", "usr/share");
	plan_path(f, &plan, "etc/default/relative", "new 1");
	plan_path(f, &plan, "etc/default/absolute", "new 2");
	plan_path(f, &plan, "etc/default/chain", "new 3");
	plan_path(f, &plan, "linked/four", "new 4");
	commit_gives(f, &plan, 0, 0);
	assert_holds(f, "usr/share/one", "new 1");
	assert_holds(f, "usr/share/two", "new 2");
	assert_holds(f, "usr/share/three", "new 3");
	assert_holds(f, "usr/share/four", "new 4");
	assert_true(S_ISLNK(mode_of(f, "etc/default/relative")));
	assert_true(S_ISLNK(mode_of(f, "etc/default/absolute")));
	assert_true(S_ISLNK(mode_of(f, "etc/default/chain")));
	assert_true(S_ISLNK(mode_of(f, "etc/default/next")));
	assert_clean(f);
	plan_free(&plan);

	/* What goes is what the link leads to, as what is edited is. */
	plan_path(f, &plan, "etc/default/relative", NULL);
	commit_gives(f, &plan, 0, 0);
	assert_true(S_ISLNK(mode_of(f, "etc/default/relative")));
	assert_holds(f, "usr/share/one", NULL);
	plan_free(&plan);
}

static void test_bad_links(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};

	put(f, "file", "old");
	plan_path(f, &plan, "file", "new");
	put_link(f, "file", "file");
	commit_gives(f, &plan, 0, -ELOOP);
	put_link(f, "file", "dir/");
	put_dir(f, "dir");
	commit_gives(f, &plan, 0, -EISDIR);
	put_link(f, "file", "dir/..");
	commit_gives(f, &plan, 0, -EISDIR);
	put_link(f, "file", "run/file");
	put(f, "run/file", "old");
	commit_gives(f, &plan, 0, -EXDEV);
	plan_free(&plan);
	assert_int_equal(rename(path_in(f, "run"), path_in(f, "ran")), 0);
	assert_holds(f, "ran/file", "old");

	plan_path(f, &plan, "a/b", "new");
	put_link(f, "a", "nowhere");
	commit_gives(f, &plan, 0, -EEXIST);
	assert_clean(f);
	assert_holds(f, "nowhere", NULL);
	assert_holds(f, "var", NULL);
	plan_free(&plan);
}

static void test_two_names(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};
	struct diag diag = DIAG_INIT;

	put(f, "boot/entries/a.conf", "old");
	put_link(f, "efi", "boot");
	plan_path(f, &plan, "boot/entries/a.conf", "new");
	plan_path(f, &plan, "efi/entries/a.conf", "new");
	commit_gives(f, &plan, 0, 0);
	assert_holds(f, "boot/entries/a.conf", "new");
	assert_clean(f);
	plan_free(&plan);

	plan_path(f, &plan, "boot/entries/a.conf", "this");
	plan_path(f, &plan, "efi/entries/a.conf", "that");
	assert_int_equal(commit_plan(&f->root, &plan, 0, &diag), -EEXIST);
	assert_mentions(diag.text, "/efi/entries/a.conf", NULL);
	assert_holds(f, "boot/entries/a.conf", "new");
	plan_free(&plan);

	/* Hard links are files of their own, once one of them is replaced. */
	put_dir(f, "other");
	assert_int_equal(link(path_in(f, "boot/entries/a.conf"), path_in(f, "other/a.conf")), 0);
	plan_path(f, &plan, "boot/entries/a.conf", "this");
	plan_path(f, &plan, "other/a.conf", "that");
	commit_gives(f, &plan, 0, 0);
	assert_holds(f, "boot/entries/a.conf", "this");
	assert_holds(f, "other/a.conf", "that");
	plan_free(&plan);
}

static void test_changed_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};

	put(f, "first", "old");
	put(f, "file", "old");
	plan_path(f, &plan, "first", "new");
	plan_path(f, &plan, "file", "new");
	put(f, "file", "odd"); /* the same size */
	commit_gives(f, &plan, 0, -EREMCHG);
	assert_holds(f, "file", "odd");
	drop(f, "file");
	commit_gives(f, &plan, 0, -EREMCHG);
	put_dir(f, "file");
	commit_gives(f, &plan, 0, -EREMCHG);
	drop(f, "file");
	/* The same bytes in a new file: what was read is what is there. */
	put(f, "file", "old");
	assert_int_equal(chmod(path_in(f, "file"), 0640), 0);
	commit_gives(f, &plan, 0, 0);
	assert_int_equal(mode_of(f, "file"), S_IFREG | 0640);
	plan_free(&plan);

	plan_path(f, &plan, "made", "new");
	put(f, "made", "by others");
	commit_gives(f, &plan, 0, -EREMCHG);
	assert_holds(f, "made", "by others");
	assert_holds(f, "first", "new");
	assert_clean(f);
	plan_free(&plan);
}

static void test_locked(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};
	struct diag diag = DIAG_INIT;
	int flags = FS_IMMUTABLE_FL, fd;
	bool locked;

	put(f, "first", "old");
	put(f, "file", "old");
	plan_path(f, &plan, "first", "new");
	plan_path(f, &plan, "file", NULL);
	fd = open(path_in(f, "file"), O_RDONLY | O_CLOEXEC);
	locked = ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
	if (locked) {
		assert_int_equal(commit_plan(&f->root, &plan, 0, &diag), -EPERM);
		assert_mentions(diag.text, "chattr", NULL);
		assert_holds(f, "first", "old");
		assert_holds(f, "var", NULL);
		flags = 0;
		assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	}
	close(fd);
	plan_free(&plan);
	if (!locked)
		skip();
}

/* A file system that is full or read-only: found out before any file is changed. */
static int full_and_read_only(void *data)
{
	struct fixture *f = data;
	struct plan plan = {.count = 0};
	struct diag diag = DIAG_INIT;
	char *big = malloc(200001);

	put(f, "etc/grub", "old");
	put_dir(f, "esp");
	put_dir(f, "var/lib");
	if (mount("none", path_in(f, "esp"), "tmpfs", 0, "size=64k") < 0)
		return 99;
	put(f, "esp/entry", "old");
	memset(big, 'x', 200000);
	big[200000] = '\0';
	plan_path(f, &plan, "etc/grub", "new");
	plan_path(f, &plan, "etc/made/here", "new");
	plan_path(f, &plan, "esp/entry", big);
	assert_int_equal(commit_plan(&f->root, &plan, 0, &diag), -ENOSPC);
	assert_string_equal(diag.file, "/esp/entry");
	assert_holds(f, "etc/grub", "old");
	assert_holds(f, "etc/made", NULL);
	assert_holds(f, STATE_DIR, NULL);
	assert_clean(f);
	plan_free(&plan);

	assert_int_equal(
		mount(NULL, path_in(f, "esp"), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	plan_path(f, &plan, "etc/grub", "new");
	plan_path(f, &plan, "esp/entry", "new");
	assert_int_equal(commit_plan(&f->root, &plan, 0, &diag), -EROFS);
	assert_mentions(diag.text, "mount", NULL);
	plan_path(f, &plan, "esp/entry", NULL);
	assert_int_equal(commit_plan(&f->root, &plan, 0, &diag), -EROFS);
	assert_holds(f, "etc/grub", "old");
	assert_holds(f, "esp/entry", "old");
	assert_clean(f);
	plan_free(&plan);

	/* A file that is a mount point cannot be renamed over. */
	put(f, "source", "old");
	if (mount(path_in(f, "source"), path_in(f, "etc/grub"), NULL, MS_BIND, NULL) < 0)
		return 98;
	put(f, "etc/first", "old");
	plan_path(f, &plan, "etc/first", "new");
	plan_path(f, &plan, "etc/grub", "new");
	assert_int_equal(commit_plan(&f->root, &plan, 0, &diag), -EPERM);
	assert_holds(f, "etc/first", "old");
	plan_free(&plan);
	free(big);
	return 0;
}

static void test_file_systems(void **state)
{
	int r = in_namespace(full_and_read_only, *state);

	if (r == -1 || r == 99 || r == 98)
		skip();
	assert_int_equal(r, 0);
}

static void test_many(void **state)
{
	enum { MANY = 200 };
	struct fixture *f = *state;
	struct plan plan = {.count = 0};
	struct rlimit limit = {.rlim_cur = 32, .rlim_max = 32}, before;
	char path[64];

	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "boot/loader/entries/%d.conf", i);
		put(f, path, "options root=/dev/%d\n", i);
		plan_path(f, &plan, path, "options new\n");
	}
	/* No descriptor is held for a file. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	commit_gives(f, &plan, 0, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "boot/loader/entries/%d.conf", i);
		assert_holds(f, path, "options new\n");
	}
	assert_clean(f);
	plan_free(&plan);
}

static void test_directories_go(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};

	put(f, "etc/default/grub.d/zz.cfg", "x");
	put(f, "etc/theirs/a", "x");
	put(f, "etc/theirs/b", "x");
	plan_path(f, &plan, "etc/default/grub.d/zz.cfg", NULL);
	plan_path(f, &plan, "etc/theirs/a", NULL);
	assert_int_equal(path_list_add(&plan.prune, "etc/default"), 0);
	assert_int_equal(path_list_add(&plan.prune, "etc/default/grub.d"), 0);
	assert_int_equal(path_list_add(&plan.prune, "etc/theirs"), 0);
	commit_gives(f, &plan, 0, 0);
	assert_holds(f, "etc/default", NULL);
	assert_holds(f, "etc/theirs/b", "x");
	plan_free(&plan);
}

/* set and unset of a whole tree, with the state that knows the directories. */
static void test_state_and_directories(void **state)
{
	struct fixture *f = *state;
	struct owned_list none = {.count = 0};
	struct plan plan = {.count = 0}, back = {.count = 0};
	struct diag diag = DIAG_INIT;
	struct state *ours;

	put_dir(f, "etc");
	machine_open(f);
	assert_int_equal(state_load(&f->root, &ours, &diag), 0);
	plan_path(f, &plan, "etc/default/grub.d/zz.cfg", "x");
	assert_int_equal(state_put(ours, "etc/default/grub.d/zz.cfg", &none, true), 0);
	assert_int_equal(state_plan(ours, &plan, &diag), 0);
	commit_gives(f, &plan, 0, 0);
	assert_holds(f, "etc/default/grub.d/zz.cfg", "x");
	assert_clean(f);
	state_free(ours);

	assert_int_equal(state_load(&f->root, &ours, &diag), 0);
	plan_path(f, &back, "etc/default/grub.d/zz.cfg", NULL);
	assert_int_equal(state_put(ours, "etc/default/grub.d/zz.cfg", &none, false), 0);
	assert_int_equal(state_plan(ours, &back, &diag), 0);
	commit_gives(f, &back, 0, 0);
	assert_holds(f, "etc/default", NULL);
	assert_holds(f, "var", NULL);
	state_free(ours);

	/* What is taken back leaves no directory either. */
	commit_gives(f, &plan, COMMIT_REGENERATE, 0);
	assert_holds(f, "etc/default/grub.d/zz.cfg", "x");
	assert_int_equal(commit_revert(&f->root, &plan, &diag), 0);
	assert_holds(f, "etc/default", NULL);
	assert_holds(f, "var", NULL);
	plan_free(&plan);
	plan_free(&back);
}

static void test_revert(void **state)
{
	struct fixture *f = *state;
	struct plan plan = {.count = 0};
	struct diag diag = DIAG_INIT;
	unsigned after = 77;

	put(f, "modified", "old");
	put(f, "removed", "old");
	assert_int_equal(chmod(path_in(f, "modified"), 0600), 0);
	assert_int_equal(chmod(path_in(f, "removed"), 0604), 0);
	plan_path(f, &plan, "created", "new");
	plan_path(f, &plan, "modified", "new");
	plan_path(f, &plan, "removed", NULL);
	commit_gives(f, &plan, COMMIT_REGENERATE, 0);
	assert_holds(f, "removed", NULL);
	assert_int_equal(commit_revert(&f->root, &plan, &diag), 0);
	assert_holds(f, "created", NULL);
	assert_holds(f, "modified", "old");
	assert_holds(f, "removed", "old");
	assert_int_equal(mode_of(f, "modified"), S_IFREG | 0600);
	assert_int_equal(mode_of(f, "removed"), S_IFREG | 0604);
	assert_clean(f);
	assert_int_equal(commit_recover(&f->root, false, &after, &diag), 0);
	assert_int_equal(after, 0);
	plan_free(&plan);

	/* What others made of a file meanwhile is not undone, and nor is the rest. */
	plan_path(f, &plan, "created", "new");
	plan_path(f, &plan, "modified", "new");
	commit_gives(f, &plan, 0, 0);
	put(f, "modified", "theirs");
	assert_int_equal(commit_revert(&f->root, &plan, &diag), -EREMCHG);
	assert_holds(f, "created", "new");
	assert_holds(f, "modified", "theirs");
	plan_free(&plan);
}

static void test_lock(void **state)
{
	struct fixture *f = *state;
	struct diag diag = DIAG_INIT;
	int first, second;

	machine_open(f);
	first = commit_lock(&f->root, &diag);
	assert_true(first >= 0);
	assert_int_equal(commit_lock(&f->root, &diag), -EWOULDBLOCK);
	assert_mentions(diag.text, "another vfio-bootcfg", NULL);
	close(first);
	second = commit_lock(&f->root, &diag);
	assert_true(second >= 0);
	close(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_files),
		cmocka_machine_test(test_nothing_to_do),
		cmocka_machine_test(test_mode_and_umask),
		cmocka_machine_test(test_owner),
		cmocka_machine_test(test_xattrs),
		cmocka_machine_test(test_links),
		cmocka_machine_test(test_bad_links),
		cmocka_machine_test(test_two_names),
		cmocka_machine_test(test_changed_meanwhile),
		cmocka_machine_test(test_locked),
		cmocka_machine_test(test_file_systems),
		cmocka_machine_test(test_many),
		cmocka_machine_test(test_directories_go),
		cmocka_machine_test(test_state_and_directories),
		cmocka_machine_test(test_revert),
		cmocka_machine_test(test_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
