// SPDX-License-Identifier: GPL-2.0-or-later
/* The root handle: what an image or a captured machine can make it open, read and write. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/fixture.h"

/* Longer than any test takes, shorter than a person's patience: what blocks is ended by it. */
#define HANG_SECONDS 20

static void assert_reads(const struct root *root, const char *path, const char *expected)
{
	char *text = NULL;
	size_t size = 0;
	int r = root_read_file(root, path, &text, &size, NULL);

	if (r < 0)
		print_error("%s: %s\n", path, strerror(-r));
	assert_int_equal(r, 0);
	assert_string_equal(text, expected);
	assert_int_equal(size, strlen(expected));
	free(text);
}

static void assert_read_fails(const struct root *root, const char *path, int error)
{
	char untouched[] = "untouched", *text = untouched, attr[64] = "untouched";
	size_t size = 7;
	int r = root_read_file(root, path, &text, &size, NULL);

	if (r != error)
		print_error("%s: %s, not %s\n", path, strerror(-r), strerror(-error));
	assert_int_equal(r, error);
	assert_ptr_equal(text, untouched);
	assert_int_equal(size, 7);
	/* What is no regular file may be an attribute, for all that the caller says. */
	if (error == -ENOTSUP || error == -EFBIG)
		return;
	assert_int_equal(root_read_attr(root, path, attr, sizeof(attr)), error);
	assert_string_equal(attr, "untouched");
}

/* --- opening ----------------------------------------------------------------------------------- */

static void test_open(void **state)
{
	struct fixture *f = *state;
	struct root root = {.fd = -7, .kind = ROOT_MACHINE};

	put(f, "file", "x");
	assert_int_equal(root_open(&root, path_in(f, "missing")), -ENOENT);
	assert_int_equal(root_open(&root, path_in(f, "file")), -ENOTDIR);
	assert_int_equal(root.fd, -7);
	assert_int_equal(root.kind, ROOT_MACHINE);

	machine_open(f);
	assert_int_equal(f->root.kind, ROOT_IMAGE);
	assert_false(root_has_kernel(&f->root));
	/* Whatever it is, it is a mark; and what a link of that name leads to is not asked. */
	put_link(f, ".vfio-machine", "/nowhere");
	machine_open(f);
	assert_int_equal(f->root.kind, ROOT_MACHINE);
	assert_true(root_has_kernel(&f->root));

	assert_int_equal(root_open_boot(&root), 0);
	assert_int_equal(root.kind, ROOT_LIVE);
	assert_true(root_exists(&root, "proc/self"));
	root_close(&root);
	assert_int_equal(root.fd, -1);
	root_close(&root);
}

static int open_chroot(void *data)
{
	struct fixture *f = data;
	struct root root;

	if (chroot(f->dir) < 0 || chdir("/") < 0)
		return 1;
	if (root_open(&root, NULL) < 0 || root.kind != ROOT_IMAGE)
		return 2;
	root_close(&root);
	if (root_open(&root, "/") < 0 || root.kind != ROOT_IMAGE)
		return 3;
	root_close(&root);
	return 0;
}

static void test_chroot_is_an_image(void **state)
{
	int r = in_namespace(open_chroot, *state);

	if (r < 0)
		skip();
	assert_int_equal(r, 0);
}

/* --- links ------------------------------------------------------------------------------------- */

/* etc/name inside says "inside", the file beside the root "outside". */
static void put_secret(struct fixture *f)
{
	put(f, "etc/name", "inside");
	put(f, "../outside", "outside");
	put_link(f, "absolute", "/etc/name");
	put_link(f, "up", "../../../../../../../../../../etc/name");
	put_link(f, "etc/up", "../etc/name");
	put_link(f, "dir", "/etc");
	put_link(f, "up-dir", "../../../etc");
	put_link(f, "chain", "/dir/up");
	put_link(f, "loop-a", "loop-b");
	put_link(f, "loop-b", "/loop-a");
	put_link(f, "self", "self/self");
	put_link(f, "escape", path_in(f, "../outside"));
	put_link(f, "escape-up", "../outside");
	put_link(f, "escape-dir", "..");
	put_link(f, "host", "/proc/version");
	put_link(f, "null", "/dev/null");
}

static const struct {
	const char *path;
	int error; /* 0: it reads "inside" */
} links[] = {
	{"etc/name", 0},
	{"absolute", 0},
	{"up", 0},
	{"etc/up", 0},
	{"dir/name", 0},
	{"up-dir/name", 0},
	{"chain", 0},
	{"../../../etc/name", 0},
	{"dir/../absolute", 0},
	{"loop-a", -ELOOP},
	{"loop-b/x", -ELOOP},
	{"self", -ELOOP},
	{"escape", -ENOENT},
	{"escape-up", -ENOENT},
	{"escape-dir/outside", -ENOENT},
	{"../outside", -ENOENT},
	{"host", -ENOENT}, /* there is no proc inside */
	{"null", -ENOENT},
	{"etc/name/x", -ENOTDIR},
};

static void test_links_stay_inside(void **state)
{
	struct fixture *f = *state;

	put_secret(f);
	for (int machine = 0; machine < 2; machine++) {
		if (machine)
			put_bytes(f, ".vfio-machine", "", 0);
		machine_open(f);
		for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
			if (links[i].error)
				assert_read_fails(&f->root, links[i].path, links[i].error);
			else
				assert_reads(&f->root, links[i].path, "inside");
		}
	}
}

static void test_writes_stay_inside(void **state)
{
	struct fixture *f = *state;

	put_secret(f);
	machine_open(f);
	assert_int_equal(root_replace(&f->root, "escape-dir/new", "n", 1, 0644), 0);
	assert_reads(&f->root, "new", "n");
	assert_int_equal(access(path_in(f, "../new"), F_OK), -1);
	assert_int_equal(root_mkdir(&f->root, "escape-dir/made/below"), 0);
	assert_true(root_exists(&f->root, "made/below"));
	assert_int_equal(access(path_in(f, "../made"), F_OK), -1);
	assert_int_equal(root_write_attr(&f->root, "escape", "over"), -ENOENT);
	assert_int_equal(root_write_attr(&f->root, "escape-up", "over"), -ENOENT);
	/* The link itself is replaced, not what it leads to. */
	assert_int_equal(root_replace(&f->root, "escape", "n", 1, 0644), 0);
	assert_reads(&f->root, "escape", "n");
	put_link(f, "copy", "../outside");
	assert_int_equal(rename(path_in(f, "../outside"), path_in(f, "check")), 0);
	assert_reads(&f->root, "check", "outside");
}

static _noreturn_ void swap_forever(const struct fixture *f, unsigned *swaps)
{
	char a[512], b[512];

	snprintf(a, sizeof(a), "%s", path_in(f, "deep/door"));
	snprintf(b, sizeof(b), "%s", path_in(f, "deep/other"));
	for (;;) {
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
			_exit(1);
		__atomic_add_fetch(swaps, 1, __ATOMIC_RELAXED);
	}
}

/* A directory that becomes a link to the outside and back while the path is resolved. */
static void test_link_swapped(void **state)
{
	struct fixture *f = *state;
	unsigned *swaps, reads = 0;
	pid_t pid;
	int status;

	put(f, "deep/door/name", "inside");
	put(f, "../name", "outside");
	put(f, "name", "inside too");
	put_link(f, "deep/other", "../..");
	machine_open(f);
	swaps = mmap(NULL, sizeof(*swaps), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	assert_ptr_not_equal(swaps, MAP_FAILED);
	*swaps = 0;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		swap_forever(f, swaps);
	while (__atomic_load_n(swaps, __ATOMIC_RELAXED) < 20000 &&
	       !waitpid(pid, &status, WNOHANG)) {
		char *text;
		size_t size;
		int r = root_read_file(&f->root, "deep/door/name", &text, &size, NULL);

		/* The kernel may give up where a `..` races with a rename. */
		if (r == -EAGAIN)
			continue;
		assert_int_equal(r, 0);
		assert_memory_equal(text, "inside", 6);
		free(text);
		reads++;
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(reads > 0 && *swaps >= 20000);
	munmap(swaps, sizeof(*swaps));
}

/* --- the kernel's directories ------------------------------------------------------------------ */

static const char *const kernel_paths[] = {
	"sys", "proc", "run", "sys/x", "proc/x", "run/x", "sys/", "run/vfio-bootcfg/record",
};

static void test_image_has_no_kernel(void **state)
{
	struct fixture *f = *state;
	char text[64];

	put(f, "sys/x", "x");
	put(f, "proc/x", "x");
	put(f, "run/x", "x");
	put(f, "system/x", "x");
	put(f, "runner", "x");
	put(f, "etc/sys/x", "x");
	put_link(f, "sys/link", "x");
	machine_open(f);
	for (size_t i = 0; i < ARRAY_SIZE(kernel_paths); i++) {
		const char *path = kernel_paths[i];

		assert_int_equal(root_openat(&f->root, path, O_RDONLY, 0), -EXDEV);
		assert_int_equal(root_openat(&f->root, path, O_PATH, 0), -EXDEV);
		assert_read_fails(&f->root, path, -EXDEV);
		assert_int_equal(root_readlink(&f->root, path, text, sizeof(text)), -EXDEV);
		assert_false(root_exists(&f->root, path));
		assert_int_equal(root_write_attr(&f->root, path, "y"), -EXDEV);
		assert_int_equal(root_mkdir(&f->root, path), -EXDEV);
		assert_int_equal(root_replace(&f->root, path, "y", 1, 0644), -EXDEV);
	}
	assert_reads(&f->root, "system/x", "x");
	assert_reads(&f->root, "runner", "x");
	assert_reads(&f->root, "etc/sys/x", "x");

	put_bytes(f, ".vfio-machine", "", 0);
	machine_open(f);
	assert_reads(&f->root, "sys/x", "x");
	assert_reads(&f->root, "proc/x", "x");
	assert_reads(&f->root, "run/x", "x");
}

/* The children that enter a namespace answer with a number, not with cmocka's jump. */
static int read_mounted(void *data)
{
	/* The last two are links themselves, so they exist. */
	static const char *const paths[] = {"proc/version", "sys/kernel", "linked-dir/version",
					    "link", "linked-sys"};
	struct fixture *f = data;
	struct root root;
	char text[64], *whole;
	size_t size;

	if (mount("/proc", path_in(f, "proc"), NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    mount("/sys", path_in(f, "sys"), NULL, MS_BIND | MS_REC, NULL) < 0)
		return 100;
	/* A handle sees the mounts of the namespace that it was opened in. */
	if (root_open(&root, f->dir) < 0 || root.kind != f->root.kind)
		return 99;
	if (access(path_in(f, "proc/version"), R_OK) < 0 ||
	    access(path_in(f, "sys/kernel"), R_OK) < 0)
		return 98;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (root_openat(&root, paths[i], O_RDONLY, 0) != -EXDEV)
			return (int)i + 1;
		if (root_openat(&root, paths[i], O_PATH, 0) != -EXDEV)
			return (int)i + 11;
		if (root_exists(&root, paths[i]) != (i >= 3))
			return (int)i + 21;
	}
	/* No way out over the kernel's own links. */
	if (root_openat(&root, "magic", O_PATH, 0) != -ELOOP)
		return 31;
	if (root_read_attr(&root, "link", text, sizeof(text)) != -EXDEV)
		return 32;
	if (root_read_file(&root, "proc/self/mountinfo", &whole, &size, NULL) != -EXDEV)
		return 33;
	if (root_readlink(&root, "linked-dir/self", text, sizeof(text)) != -EXDEV)
		return 34;
	return 0;
}

/* Somebody has mounted the host's where the machine's should be. */
static void test_real_kernel_is_refused(void **state)
{
	struct fixture *f = *state;
	int r;

	put_dir(f, "proc");
	put_dir(f, "sys");
	/* The same through links, whose names are none of the kernel's. */
	put_link(f, "link", "/proc/version");
	put_link(f, "linked-dir", "proc");
	put_link(f, "linked-sys", "/sys/kernel");
	put_link(f, "magic", "proc/self/root/etc");
	for (int machine = 0; machine < 2; machine++) {
		if (machine)
			put_bytes(f, ".vfio-machine", "", 0);
		machine_open(f);
		r = in_namespace(read_mounted, f);
		if (r < 0)
			skip();
		assert_int_equal(r, 0);
	}
	/* Without a mount: a link that says it is the host's leads back inside. */
	drop(f, "proc");
	put_link(f, "proc", "/proc");
	assert_read_fails(&f->root, "proc/version", -ELOOP);
	put_link(f, "proc", "/../../../../proc");
	assert_read_fails(&f->root, "proc/version", -ELOOP);
}

/* --- what is no plain file --------------------------------------------------------------------- */

static int read_device(void *data)
{
	struct fixture *f = data;
	struct root root;
	char *text;
	size_t size;

	if (mount("/dev/zero", path_in(f, "etc/zero"), NULL, MS_BIND, NULL) < 0)
		return 100;
	if (root_open(&root, f->dir) < 0)
		return 99;
	alarm(HANG_SECONDS);
	return root_read_file(&root, "etc/zero", &text, &size, NULL) == -ENOTSUP ? 0 : 1;
}

static void test_special_files(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd, r, top = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char attr[8];

	assert_true(top >= 0);
	put_dir(f, "dir");
	put_bytes(f, "etc/zero", "", 0);
	assert_int_equal(mkfifo(path_in(f, "fifo"), 0644), 0);
	put_link(f, "to-fifo", "/fifo");
	machine_open(f);
	alarm(HANG_SECONDS);
	assert_read_fails(&f->root, "dir", -EISDIR);
	assert_read_fails(&f->root, "fifo", -ENOTSUP);
	assert_read_fails(&f->root, "to-fifo", -ENOTSUP);
	assert_int_equal(root_read_attr(&f->root, "fifo", attr, sizeof(attr)), 0);
	assert_int_equal(root_write_attr(&f->root, "fifo", "x"), -ENXIO);

	/* With a writer that says nothing it is no end of file either. */
	fd = open(path_in(f, "fifo"), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_read_fails(&f->root, "fifo", -ENOTSUP);
	assert_int_equal(root_read_attr(&f->root, "fifo", attr, sizeof(attr)), -EAGAIN);
	close(fd);

	/* A socket's name has 107 bytes at most, which $TMPDIR may have used up. */
	assert_int_equal(chdir(f->dir), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(name.sun_path, "socket");
	r = bind(fd, (const struct sockaddr *)&name, sizeof(name));
	close(fd);
	assert_int_equal(fchdir(top), 0);
	close(top);
	assert_int_equal(r, 0);
	assert_read_fails(&f->root, "socket", -ENOTSUP);
	alarm(0);

	r = in_namespace(read_device, f);
	if (r < 0)
		skip();
	assert_int_equal(r, 0);
}

static void test_permission(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int status;

	put(f, "etc/secret", "x");
	assert_int_equal(chmod(path_in(f, "etc/secret"), 0), 0);
	machine_open(f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char *text = NULL;
		size_t size;

		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(1);
		_exit(root_read_file(&f->root, "etc/secret", &text, &size, NULL) == -EACCES ? 0
											    : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- reading ----------------------------------------------------------------------------------- */

static void put_sparse(const struct fixture *f, const char *path, off_t size)
{
	put_bytes(f, path, "", 0);
	assert_int_equal(truncate(path_in(f, path), size), 0);
}

static void test_file_sizes(void **state)
{
	static const off_t sizes[] = {0, 1, 4095, 4096, 4097, 16 << 20};
	struct fixture *f = *state;

	machine_open(f);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct stat st = {.st_size = -1};
		char *text = NULL;
		size_t size;

		put_sparse(f, "file", sizes[i]);
		assert_int_equal(root_read_file(&f->root, "file", &text, &size, &st), 0);
		assert_int_equal(size, sizes[i]);
		assert_int_equal(st.st_size, sizes[i]);
		assert_int_equal(text[size], '\0');
		free(text);
	}
	put_sparse(f, "file", (16 << 20) + 1);
	assert_read_fails(&f->root, "file", -EFBIG);
	put_sparse(f, "file", (off_t)1 << 40);
	assert_read_fails(&f->root, "file", -EFBIG);

	put_bytes(f, "nul", "a\0b", 3);
	{
		char *text;
		size_t size;

		assert_int_equal(root_read_file(&f->root, "nul", &text, &size, NULL), 0);
		assert_int_equal(size, 3);
		assert_memory_equal(text, "a\0b", 4);
		free(text);
	}
}

/* procfs says that its files have no bytes, and gives them page by page. */
static void test_file_of_procfs(_unused_ void **state)
{
	_cleanup_root_ struct root root = ROOT_INIT;
	_cleanup_free_ char *text = NULL;
	size_t size, page = (size_t)sysconf(_SC_PAGESIZE), pages = 256;
	char *area = mmap(NULL, pages * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stat st;

	/* Each a line of maps. */
	assert_ptr_not_equal(area, MAP_FAILED);
	for (size_t i = 0; i < pages; i += 2)
		assert_int_equal(mprotect(area + i * page, page, PROT_NONE), 0);
	assert_int_equal(root_open_boot(&root), 0);
	assert_int_equal(root_read_file(&root, "proc/self/maps", &text, &size, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_true(size > 2 * 4096);
	assert_int_equal(strlen(text), size);
	assert_non_null(strstr(text, "[stack]"));
	munmap(area, pages * page);
}

static const struct {
	const char *content;
	size_t size; /* of the buffer */
	ssize_t r;
	const char *text;
} attrs[] = {
	{"", 8, 0, ""},
	{"\n", 8, 0, ""},
	{"0x1002\n", 16, 6, "0x1002"},
	{"0x1002", 16, 6, "0x1002"},
	{"a\n\n", 8, 2, "a\n"},
	{"\na", 8, 2, "\na"},
	{"abcdefg", 8, 7, "abcdefg"},
	{"abcdef\n", 8, 6, "abcdef"},
	{"abcdefg\n", 8, -ENAMETOOLONG, NULL}, /* it may go on */
	{"abcdefgh", 8, -ENAMETOOLONG, NULL},
	{"abcdefghijkl\n", 8, -ENAMETOOLONG, NULL},
	{"a", 1, -ENAMETOOLONG, NULL},
	{"", 1, 0, ""},
};

static void test_attrs(void **state)
{
	struct fixture *f = *state;

	machine_open(f);
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		char buf[16];
		ssize_t r;

		put(f, "attr", "%s", attrs[i].content);
		r = root_read_attr(&f->root, "attr", buf, attrs[i].size);
		if (r != attrs[i].r)
			print_error("of `%s`\n", attrs[i].content);
		assert_int_equal(r, attrs[i].r);
		if (r >= 0)
			assert_string_equal(buf, attrs[i].text);
	}
	assert_read_fails(&f->root, "missing", -ENOENT);
}

static const struct {
	const char *path;
	ssize_t r;
	const char *target;
	ssize_t name_r; /* of root_readlink_name() into 16 bytes */
	const char *name;
} readlinks[] = {
	{"driver", 35, "../../../bus/pci/drivers/nouveau-42", 10, "nouveau-42"},
	{"plain", 5, "plain", 5, "plain"},
	{"dir/driver", 35, "../../../bus/pci/drivers/nouveau-42", 10, "nouveau-42"},
	{"long-name", 23, "a/name-of-sixteen-bytes", -ENAMETOOLONG, NULL},
	{"fifteen", 17, "a/name-of-15-byte", 15, "name-of-15-byte"},
	{"file", -EINVAL, NULL, -EINVAL, NULL},
	{"subdir", -EINVAL, NULL, -EINVAL, NULL},
	{"missing", -ENOENT, NULL, -ENOENT, NULL},
	{"missing/driver", -ENOENT, NULL, -ENOENT, NULL},
	{"file/driver", -ENOTDIR, NULL, -ENOTDIR, NULL},
};

static void test_readlink(void **state)
{
	struct fixture *f = *state;
	_cleanup_root_ struct root live = ROOT_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(readlinks); i++)
		if (readlinks[i].target && !strchr(readlinks[i].path, '/'))
			put_link(f, readlinks[i].path, readlinks[i].target);
	put_link(f, "dir", ".");
	put(f, "file", "x");
	put_dir(f, "subdir");
	machine_open(f);
	assert_int_equal(root_open_boot(&live), 0);
	for (size_t i = 0; i < ARRAY_SIZE(readlinks) * 2; i++) {
		const char *path = readlinks[i / 2].path, *name = readlinks[i / 2].name;
		const struct root *root = i % 2 ? &live : &f->root;
		char target[64] = "untouched", part[16] = "untouched";

		if (i % 2)
			path = path_in(f, path) + 1;
		assert_int_equal(root_readlink(root, path, target, sizeof(target)),
				 readlinks[i / 2].r);
		if (readlinks[i / 2].target)
			assert_string_equal(target, readlinks[i / 2].target);
		assert_int_equal(root_readlink_name(root, path, part, sizeof(part)),
				 readlinks[i / 2].name_r);
		assert_string_equal(part, name ? name : "untouched");
		/* The last link is not followed. */
		assert_int_equal(root_exists(root, path),
				 readlinks[i / 2].r > 0 || readlinks[i / 2].r == -EINVAL);
	}
	{
		char cut[5];

		assert_int_equal(root_readlink(&f->root, "plain", cut, sizeof(cut)), -ENAMETOOLONG);
	}
}

/* --- writing ----------------------------------------------------------------------------------- */

struct journal {
	char text[128];
	int answer;
};

static int note_write(void *data, const char *path, const char *value)
{
	struct journal *journal = data;

	snprintf(journal->text, sizeof(journal->text), "%s=%s", path, value);
	return journal->answer;
}

static void test_write_attr(void **state)
{
	struct fixture *f = *state;
	_cleanup_root_ struct root live = ROOT_INIT;
	struct journal journal = {.answer = -EBUSY};

	put(f, "attr", "(null)\n");
	put_dir(f, "dir");
	machine_open(f);
	assert_int_equal(root_write_attr(&f->root, "attr", "vfio-pci"), 0);
	assert_reads(&f->root, "attr", "vfio-pci");
	assert_int_equal(root_write_attr(&f->root, "missing", "x"), -ENOENT);
	assert_false(root_exists(&f->root, "missing"));
	assert_int_equal(root_write_attr(&f->root, "dir", "x"), -EISDIR);

	/* The answer is the write's own. */
	assert_int_equal(root_open_boot(&live), 0);
	assert_int_equal(root_write_attr(&live, "dev/full", "x"), -ENOSPC);

	f->root.write_hook = note_write;
	f->root.write_hook_data = &journal;
	assert_int_equal(root_write_attr(&f->root, "sys/x", "1"), -EBUSY);
	assert_string_equal(journal.text, "sys/x=1");
	journal.answer = 0;
	assert_int_equal(root_write_attr(&f->root, "attr", "y"), 0);
	assert_reads(&f->root, "attr", "vfio-pci");
}

static void test_mkdir(void **state)
{
	struct fixture *f = *state;
	char longest[5000];
	struct stat st;
	mode_t mask = umask(022);

	put(f, "file", "x");
	machine_open(f);
	for (int again = 0; again < 2; again++)
		assert_int_equal(root_mkdir(&f->root, "var/lib/a/b"), 0);
	umask(mask);
	assert_int_equal(stat(path_in(f, "var/lib/a/b"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(stat(path_in(f, "var"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(root_mkdir(&f->root, "one"), 0);
	assert_int_equal(root_mkdir(&f->root, "file/below"), -ENOTDIR);
	put_link(f, "dangling", "nowhere");
	assert_true(root_mkdir(&f->root, "dangling/x") < 0);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(root_mkdir(&f->root, longest), -ENAMETOOLONG);
	longest[300] = '\0';
	assert_int_equal(root_mkdir(&f->root, longest), -ENAMETOOLONG);
}

static unsigned count_entries(const struct fixture *f, const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path_in(f, path));
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count - 2;
}

static void test_replace(void **state)
{
	struct fixture *f = *state;
	char buf[8];
	struct stat st;
	mode_t mask = umask(022);
	int old;

	put_dir(f, "etc");
	machine_open(f);
	assert_int_equal(root_replace(&f->root, "etc/file", "one", 3, 0644), 0);
	assert_reads(&f->root, "etc/file", "one");
	assert_int_equal(stat(path_in(f, "etc/file"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	/* Whoever reads the old one reads it to its end. */
	old = open(path_in(f, "etc/file"), O_RDONLY | O_CLOEXEC);
	assert_true(old >= 0);
	assert_int_equal(root_replace(&f->root, "etc/file", "a longer two", 12, 0600), 0);
	assert_int_equal(read(old, buf, sizeof(buf)), 3);
	close(old);
	assert_reads(&f->root, "etc/file", "a longer two");
	assert_int_equal(stat(path_in(f, "etc/file"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	umask(mask);
	assert_int_equal(root_replace(&f->root, "top", "", 0, 0644), 0);
	assert_reads(&f->root, "top", "");
	assert_int_equal(count_entries(f, "etc"), 1);
}

static int replace_too_big(void *data)
{
	struct fixture *f = data;
	struct rlimit limit = {.rlim_cur = 2048, .rlim_max = 2048};
	static char big[10000];

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 1;
	return root_replace(&f->root, "etc/file", big, sizeof(big), 0644) == -EFBIG ? 0 : 2;
}

static void test_replace_fails(void **state)
{
	struct fixture *f = *state;
	char temporary[64], name[300];
	pid_t pid;
	int status;

	put(f, "etc/file", "old");
	put_dir(f, "etc/dir");
	machine_open(f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(replace_too_big(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_reads(&f->root, "etc/file", "old");

	assert_int_equal(root_replace(&f->root, "etc/dir", "x", 1, 0644), -EISDIR);
	assert_int_equal(root_replace(&f->root, "etc/none/x", "x", 1, 0644), -ENOENT);
	assert_int_equal(root_replace(&f->root, "etc/file/x", "x", 1, 0644), -ENOTDIR);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(root_replace(&f->root, name, "x", 1, 0644), -ENAMETOOLONG);
	assert_int_equal(count_entries(f, "etc"), 2);

	/* What lies in the temporary's place is neither waited for nor written to. */
	snprintf(temporary, sizeof(temporary), "etc/.file.%d", (int)getpid());
	assert_int_equal(mkfifo(path_in(f, temporary), 0644), 0);
	alarm(HANG_SECONDS);
	assert_int_equal(root_replace(&f->root, "etc/file", "new", 3, 0644), 0);
	alarm(0);
	assert_reads(&f->root, "etc/file", "new");
	put(f, "kept", "kept");
	assert_int_equal(link(path_in(f, "kept"), path_in(f, temporary)), 0);
	assert_int_equal(root_replace(&f->root, "etc/file", "newer", 5, 0644), 0);
	assert_reads(&f->root, "kept", "kept");
	assert_int_equal(count_entries(f, "etc"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_open),
		cmocka_machine_test(test_chroot_is_an_image),
		cmocka_machine_test(test_links_stay_inside),
		cmocka_machine_test(test_writes_stay_inside),
		cmocka_machine_test(test_link_swapped),
		cmocka_machine_test(test_image_has_no_kernel),
		cmocka_machine_test(test_real_kernel_is_refused),
		cmocka_machine_test(test_special_files),
		cmocka_machine_test(test_permission),
		cmocka_machine_test(test_file_sizes),
		cmocka_unit_test(test_file_of_procfs),
		cmocka_machine_test(test_attrs),
		cmocka_machine_test(test_readlink),
		cmocka_machine_test(test_write_attr),
		cmocka_machine_test(test_mkdir),
		cmocka_machine_test(test_replace),
		cmocka_machine_test(test_replace_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
