// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/machine.h"
#include "tests/unit/fixture.h"

int fixture_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->root = (struct root)ROOT_INIT;
	if (snprintf(f->top, sizeof(f->top), "%s/vfio-unit-XXXXXX", tmp && *tmp ? tmp : "/tmp") >=
		    (int)sizeof(f->top) ||
	    !mkdtemp(f->top)) {
		perror("a directory below $TMPDIR");
		free(f);
		return -1;
	}
	snprintf(f->dir, sizeof(f->dir), "%s/machine", f->top);
	if (mkdir(f->dir, 0755) < 0) {
		perror(f->dir);
		free(f);
		return -1;
	}
	*state = f;
	return 0;
}

static int remove_one(const char *path, _unused_ const struct stat *st, int kind,
		      _unused_ struct FTW *at)
{
	return kind == FTW_DP ? rmdir(path) : unlink(path);
}

static int remove_tree(const char *path)
{
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	int r = remove_tree(f->top);

	if (r < 0)
		perror(f->top);
	pci_inventory_free(&f->inv);
	root_close(&f->root);
	free(f);
	return r;
}

void machine_open(struct fixture *f)
{
	root_close(&f->root);
	assert_int_equal(root_open(&f->root, f->dir), 0);
}

static void machine_file(struct fixture *f, const char *path)
{
	assert_int_equal(machine_expand(path, f->dir), 0);
	machine_open(f);
	assert_int_equal(f->root.kind, ROOT_MACHINE);
	machine_scan(f);
}

void machine_named(struct fixture *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "tests/machines/%s/tree", name);
	machine_file(f, path);
}

void machine_text(struct fixture *f, const char *tree)
{
	char path[300];
	FILE *out;

	snprintf(path, sizeof(path), "%s/tree", f->top);
	out = fopen(path, "we");
	assert_non_null(out);
	assert_true(fputs(tree, out) >= 0);
	assert_int_equal(fclose(out), 0);
	machine_file(f, path);
}

void machine_scan(struct fixture *f)
{
	pci_inventory_free(&f->inv);
	assert_int_equal(pci_scan(&f->root, &f->inv), 0);
}

struct pci_dev *machine_dev(const struct fixture *f, const char *address)
{
	struct pci_addr addr;
	struct pci_dev *dev;

	assert_int_equal(pci_addr_parse(address, &addr), 0);
	dev = pci_find(&f->inv, &addr);
	if (!dev)
		print_error("%s is not in the inventory\n", address);
	assert_non_null(dev);
	return dev;
}

const char *path_in(const struct fixture *f, const char *path)
{
	static char bufs[2][4096];
	static unsigned turn;
	char *buf = bufs[turn++ % 2];

	assert_true(snprintf(buf, sizeof(bufs[0]), "%s/%s", f->dir, path) < (int)sizeof(bufs[0]));
	return buf;
}

static void make_dirs(const struct fixture *f, const char *path, bool last_too)
{
	char part[1024];

	for (size_t i = 1;; i++) {
		if (path[i] == '/' || (path[i] == '\0' && last_too)) {
			assert_true(i < sizeof(part));
			memcpy(part, path, i);
			part[i] = '\0';
			if (mkdir(path_in(f, part), 0755) < 0)
				assert_int_equal(errno, EEXIST);
		}
		if (path[i] == '\0')
			return;
	}
}

void put_dir(const struct fixture *f, const char *path)
{
	make_dirs(f, path, true);
}

void put_bytes(const struct fixture *f, const char *path, const void *data, size_t size)
{
	int fd;

	make_dirs(f, path, false);
	fd = open(path_in(f, path), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	assert_int_equal(close(fd), 0);
}

void put(const struct fixture *f, const char *path, const char *format, ...)
{
	char text[4096];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert_in_range(n, 0, sizeof(text) - 1);
	put_bytes(f, path, text, (size_t)n);
}

void put_link(const struct fixture *f, const char *path, const char *target)
{
	make_dirs(f, path, false);
	if (unlink(path_in(f, path)) < 0)
		assert_int_equal(errno, ENOENT);
	assert_int_equal(symlink(target, path_in(f, path)), 0);
}

void drop(const struct fixture *f, const char *path)
{
	assert_int_equal(remove_tree(path_in(f, path)), 0);
}

void assert_mentions(const char *text, ...)
{
	const char *word;
	va_list words;

	va_start(words, text);
	while ((word = va_arg(words, const char *))) {
		if (strstr(text, word))
			continue;
		print_error("`%s` is not in `%s`\n", word, text);
		va_end(words);
		fail();
	}
	va_end(words);
}

static bool write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close_fd(&fd);
	return ok;
}

static bool enter_namespace(void)
{
	char uids[32], gids[32];

	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	if (geteuid() == 0) {
		if (unshare(CLONE_NEWNS) < 0)
			return false;
	} else if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
		   !write_proc("/proc/self/setgroups", "deny") ||
		   !write_proc("/proc/self/uid_map", uids) ||
		   !write_proc("/proc/self/gid_map", gids)) {
		return false;
	}
	/* Nothing that is mounted here may reach the machine itself. */
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

#define NO_NAMESPACE 101

int in_namespace(int (*step)(void *data), void *data)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(enter_namespace() ? step(data) : NO_NAMESPACE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == NO_NAMESPACE ? -1 : WEXITSTATUS(status);
}
