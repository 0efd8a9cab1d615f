// SPDX-License-Identifier: GPL-2.0-or-later
/* Which files are the profile, in what order, and what they may not be. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "early/profile.h"

#define USR "usr/lib/vfio-bootcfg.conf.d"
#define ETC "etc/vfio-bootcfg.conf.d"
#define CONF "etc/vfio-bootcfg.conf"
#define GPU(name) "[device " name "]\nid = 1002:73bf\n"
#define FILES_MAX 8
#define BLOCKED_SECONDS 20 /* a profile that is still being read then blocks, and the test dies */
#define OTHER_ID 4711

enum kind { FILE_OF, LINK_TO, DIRECTORY, FIFO, SOCKET, BIG };

struct file {
	const char *path; /* below the root; its directories are made */
	enum kind kind;
	const char *text; /* of a file; of a link, where it leads */
	mode_t mode; /* 0: 0644 */
	uid_t uid;
	gid_t gid;
};

static char top[] = "/tmp/test-profile.XXXXXX";

static void make_parents(const char *path)
{
	char part[256];

	for (size_t i = 1; path[i]; i++) {
		if (path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdirat(AT_FDCWD, part, 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_true(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (void *)&address, sizeof(address)), 0);
}

static void make_regular(const char *path, const struct file *file)
{
	mode_t mode = file->mode ? file->mode : 0644;
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	if (file->text)
		assert_int_equal(write(fd, file->text, strlen(file->text)), strlen(file->text));
	if (file->kind == BIG)
		assert_int_equal(ftruncate(fd, (16 << 20) + 1), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	if (file->uid || file->gid)
		assert_int_equal(fchown(fd, file->uid, file->gid), 0);
}

static void make_file(const char *root, const struct file *file)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, file->path);
	make_parents(path);
	switch (file->kind) {
	case FILE_OF:
	case BIG:
		make_regular(path, file);
		break;
	case LINK_TO:
		assert_int_equal(symlink(file->text, path), 0);
		break;
	case DIRECTORY:
		assert_int_equal(mkdir(path, 0755), 0);
		break;
	case FIFO:
		assert_int_equal(mkfifo(path, 0644), 0);
		break;
	case SOCKET:
		make_socket(path);
		break;
	}
}

static const struct scene {
	const char *name;
	struct file files[FILES_MAX];
	int error; /* 0: the profile is read */
	const char *where; /* FILE: or FILE:LINE: that the message begins with */
	const char *words; /* that it holds; of a profile that is read: its devices, in order */
	size_t file_count;
} scenes[] = {
	{.name = "nothing at all", .words = ""},
	{.name = "empty directories", .files = {{USR, DIRECTORY}, {ETC, DIRECTORY}}, .words = ""},
	{.name = "an empty file", .files = {{CONF, FILE_OF, ""}}, .words = "", .file_count = 1},
	{.name = "one file", .files = {{CONF, FILE_OF, GPU("a")}}, .words = "a,", .file_count = 1},
	{.name = "the order: /usr/lib, the file, drop-ins; bytewise in each",
	 .files = {{ETC "/a.conf", FILE_OF, GPU("e")},
		   {CONF, FILE_OF, GPU("c")},
		   {ETC "/B.conf", FILE_OF, GPU("d")},
		   {USR "/9.conf", FILE_OF, GPU("b")},
		   {USR "/10.conf", FILE_OF, GPU("a")},
		   {ETC "/\xc3\xa4.conf", FILE_OF, GPU("f")}},
	 .words = "a,b,c,d,e,f,",
	 .file_count = 6},
	{.name = "only *.conf, no dotfiles",
	 .files = {{ETC "/a.conf~", FILE_OF, "x"},
		   {ETC "/.b.conf", FILE_OF, "x"},
		   {ETC "/.conf", FILE_OF, "x"},
		   {ETC "/conf", FILE_OF, "x"},
		   {ETC "/c.CONF", FILE_OF, "x"},
		   {ETC "/d.conf.bak", DIRECTORY},
		   {ETC "/README", FIFO},
		   {ETC "/e.conf", FILE_OF, GPU("e")}},
	 .words = "e,",
	 .file_count = 1},
	{.name = "/etc masks /usr/lib by name",
	 .files = {{USR "/a.conf", FILE_OF, GPU("usr")},
		   {USR "/b.conf", FILE_OF, GPU("b")},
		   {ETC "/a.conf", FILE_OF, GPU("etc")}},
	 .words = "b,etc,",
	 .file_count = 2},
	{.name = "what is masked is not even looked at",
	 .files = {{USR "/a.conf", FIFO}, {ETC "/a.conf", FILE_OF, GPU("a")}},
	 .words = "a,",
	 .file_count = 1},
	{.name = "masked by an empty file",
	 .files = {{USR "/a.conf", FILE_OF, GPU("a")}, {ETC "/a.conf", FILE_OF, ""}},
	 .words = "",
	 .file_count = 1},
	{.name = "masked by a link to /dev/null, which an image does not have",
	 .files = {{USR "/a.conf", FILE_OF, GPU("a")}, {ETC "/a.conf", LINK_TO, "/dev/null"}},
	 .words = ""},
	{.name = "masked by a link to /dev/null, which somebody has filled",
	 .files = {{USR "/a.conf", FILE_OF, GPU("a")},
		   {ETC "/a.conf", LINK_TO, "/dev/null"},
		   {CONF, LINK_TO, "/dev/null"},
		   {"dev/null", FILE_OF, GPU("null")}},
	 .words = ""},
	{.name = "the file of its own name does not mask",
	 .files = {{USR "/vfio-bootcfg.conf", FILE_OF, GPU("a")}, {CONF, FILE_OF, GPU("b")}},
	 .words = "a,b,",
	 .file_count = 2},
	{.name = "links to files",
	 .files = {{CONF, LINK_TO, "../opt/x"},
		   {ETC "/a.conf", LINK_TO, "../../opt/y"},
		   {"opt/x", FILE_OF, GPU("x")},
		   {"opt/y", FILE_OF, GPU("y")}},
	 .words = "x,y,",
	 .file_count = 2},
	{.name = "a group that is root's may write",
	 .files = {{CONF, FILE_OF, GPU("a"), .mode = 0664}},
	 .words = "a,",
	 .file_count = 1},

	{.name = "a section in two files",
	 .files = {{USR "/a.conf", FILE_OF, "#\n" GPU("x")}, {CONF, FILE_OF, "\n\n" GPU("x")}},
	 .error = -EBADMSG,
	 .where = "/" CONF ":3:",
	 .words = "[device x] stands in /" USR "/a.conf:2 already"},
	{.name = "drop-ins that contradict",
	 .files = {{ETC "/a.conf", FILE_OF, "[kernel]\niommu = on\n"},
		   {ETC "/b.conf", FILE_OF, "[kernel]\niommu = off\n"}},
	 .error = -EBADMSG,
	 .where = "/" ETC "/b.conf:1:",
	 .words = "[kernel] stands in /" ETC "/a.conf:1 already"},
	{.name = "iommu = off in another file than the card",
	 .files = {{ETC "/a.conf", FILE_OF, "[kernel]\niommu = off\n"},
		   {ETC "/b.conf", FILE_OF, GPU("x")}},
	 .error = -EBADMSG,
	 .where = "/" ETC "/a.conf:2:",
	 .words = "contradicts [device x], /" ETC "/b.conf:1"},
	{.name = "one path in two files",
	 .files = {{CONF, FILE_OF, GPU("a") "path = 0000:00:01.0/00.0\n"},
		   {ETC "/a.conf", FILE_OF, GPU("b") "path = 00:01.0/00.0\n"}},
	 .error = -EBADMSG,
	 .where = "/" ETC "/a.conf:3:",
	 .words = "[device b] has the `path` of [device a], /" CONF ":3"},
	{.name = "a section does not go on in the next file",
	 .files = {{CONF, FILE_OF, GPU("a")}, {ETC "/a.conf", FILE_OF, "claim = guest\n"}},
	 .error = -EBADMSG,
	 .where = "/" ETC "/a.conf:1:",
	 .words = "before the first `[section]`"},
	{.name = "one bad file is enough",
	 .files = {{CONF, FILE_OF, GPU("a")}, {ETC "/a.conf", FILE_OF, "[kernel]\nfoo = 1\n"}},
	 .error = -EBADMSG,
	 .where = "/" ETC "/a.conf:2:",
	 .words = "unknown key `foo`"},

	{.name = "a directory",
	 .files = {{CONF, DIRECTORY}},
	 .error = -EISDIR,
	 .where = "/" CONF ":",
	 .words = "a directory, where a file"},
	{.name = "a directory as drop-in",
	 .files = {{CONF, FILE_OF, GPU("a")}, {ETC "/a.conf", DIRECTORY}},
	 .error = -EISDIR,
	 .where = "/" ETC "/a.conf:",
	 .words = "a directory, where a file"},
	{.name = "a directory that masks",
	 .files = {{USR "/a.conf", FILE_OF, GPU("a")}, {ETC "/a.conf", DIRECTORY}},
	 .error = -EISDIR,
	 .where = "/" ETC "/a.conf:",
	 .words = "a directory, where a file"},
	{.name = "a FIFO",
	 .files = {{CONF, FIFO}},
	 .error = -ENOTSUP,
	 .where = "/" CONF ":",
	 .words = "a FIFO, socket or device"},
	{.name = "a FIFO as drop-in",
	 .files = {{USR "/a.conf", FIFO}},
	 .error = -ENOTSUP,
	 .where = "/" USR "/a.conf:",
	 .words = "a FIFO, socket or device"},
	{.name = "a link to a FIFO",
	 .files = {{CONF, LINK_TO, "pipe"}, {"etc/pipe", FIFO}},
	 .error = -ENOTSUP,
	 .where = "/" CONF ":",
	 .words = "a FIFO, socket or device"},
	{.name = "a socket",
	 .files = {{CONF, SOCKET}},
	 .error = -ENOTSUP,
	 .where = "/" CONF ":",
	 .words = "a FIFO, socket or device"},
	{.name = "a dangling link",
	 .files = {{CONF, LINK_TO, "nowhere"}},
	 .error = -ENOENT,
	 .where = "/" CONF ":",
	 .words = "a link to a file that is not there"},
	{.name = "a dangling link as drop-in",
	 .files = {{ETC "/a.conf", LINK_TO, "/dev/nul"}},
	 .error = -ENOENT,
	 .where = "/" ETC "/a.conf:",
	 .words = "a link to a file that is not there"},
	{.name = "a link to itself",
	 .files = {{CONF, LINK_TO, "vfio-bootcfg.conf"}},
	 .error = -ELOOP,
	 .where = "/" CONF ":",
	 .words = "cannot be read"},
	{.name = "a file where a directory should be",
	 .files = {{ETC, FILE_OF, GPU("a")}},
	 .error = -ENOTDIR,
	 .where = "/" ETC ":",
	 .words = "the directory cannot be read"},
	{.name = "a directory that is a link to nowhere may have had masks",
	 .files = {{ETC, LINK_TO, "nowhere"}, {USR "/a.conf", FILE_OF, GPU("a")}},
	 .error = -ENOENT,
	 .where = "/" ETC ":",
	 .words = "the directory cannot be read"},
	{.name = "more than 16 MiB",
	 .files = {{CONF, BIG}},
	 .error = -EFBIG,
	 .where = "/" CONF ":",
	 .words = "larger than 16 MiB"},
	{.name = "everybody may write",
	 .files = {{CONF, FILE_OF, GPU("a"), .mode = 0646}},
	 .error = -EPERM,
	 .where = "/" CONF ":",
	 .words = "everybody can write the file (mode 0646)"},
	{.name = "everybody may write an empty drop-in",
	 .files = {{CONF, FILE_OF, GPU("a")}, {ETC "/a.conf", FILE_OF, "", .mode = 0666}},
	 .error = -EPERM,
	 .where = "/" ETC "/a.conf:",
	 .words = "everybody can write"},
};

/* Those that need root to set up. */
static const struct scene owned[] = {
	{.name = "a group may read that is not root's",
	 .files = {{CONF, FILE_OF, GPU("a"), .mode = 0644, .gid = OTHER_ID}},
	 .words = "a,",
	 .file_count = 1},
	{.name = "a group may write that is not root's",
	 .files = {{CONF, FILE_OF, GPU("a"), .mode = 0664, .gid = OTHER_ID}},
	 .error = -EPERM,
	 .where = "/" CONF ":",
	 .words = "group 4711 can write the file (mode 0664)"},
	{.name = "it belongs to another user",
	 .files = {{USR "/a.conf", FILE_OF, GPU("a"), .uid = OTHER_ID}},
	 .error = -EPERM,
	 .where = "/" USR "/a.conf:",
	 .words = "belongs to user 4711"},
	{.name = "a mask that belongs to another user",
	 .files = {{USR "/a.conf", FILE_OF, GPU("a")},
		   {ETC "/a.conf", FILE_OF, "", .uid = OTHER_ID}},
	 .error = -EPERM,
	 .where = "/" ETC "/a.conf:",
	 .words = "belongs to user 4711"},
};

static void check_scene(const struct scene *scene, const struct root *root)
{
	struct profile profile, before;
	struct diag diag = DIAG_INIT;
	char message[DIAG_STR] = "", devices[64] = "";
	int r;

	memset(&profile, 0x5a, sizeof(profile));
	before = profile;
	alarm(BLOCKED_SECONDS);
	r = profile_load(root, &profile, &diag);
	alarm(0);
	if (r < 0)
		diag_format(&diag, message);
	if (r != scene->error)
		print_error("%s: %d, %s\n", scene->name, r, message);
	assert_int_equal(r, scene->error);
	if (r < 0) {
		if (strncmp(message, scene->where, strlen(scene->where)) != 0 ||
		    !strstr(message, scene->words))
			fail_msg("%s: %s", scene->name, message);
		assert_memory_equal(&profile, &before, sizeof(profile));
		return;
	}
	for (size_t i = 0; i < profile.device_count; i++)
		snprintf(devices + strlen(devices), sizeof(devices) - strlen(devices), "%s,",
			 profile.devices[i].name);
	assert_string_equal(devices, scene->words);
	if (profile.file_count != scene->file_count)
		print_error("%s\n", scene->name);
	assert_int_equal(profile.file_count, scene->file_count);
	profile_free(&profile);
}

/* The kinds differ in how they open: openat2(2) for an image, openat(2) for the running host. */
static void play(const struct scene *scene, size_t number)
{
	struct root root;
	char dir[64];

	snprintf(dir, sizeof(dir), "%s/%zu", top, number);
	assert_int_equal(mkdir(dir, 0755), 0);
	for (size_t i = 0; i < FILES_MAX && scene->files[i].path; i++)
		make_file(dir, &scene->files[i]);
	assert_int_equal(root_open(&root, dir), 0);
	assert_int_equal(root.kind, ROOT_IMAGE);
	check_scene(scene, &root);
	root.kind = ROOT_LIVE;
	check_scene(scene, &root);
	root_close(&root);
}

static void test_scenes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++)
		play(&scenes[i], i);
}

static void test_owners(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		play(&owned[i], 100 + i);
}

/* A link of an image leads to the image's file, not to the host's. */
static void test_image_links(void **state)
{
	static const struct file files[] = {
		{.path = CONF, .kind = LINK_TO, .text = "/opt/../../../x.conf"},
		{.path = "x.conf", .kind = FILE_OF, .text = GPU("image")},
	};
	struct profile profile;
	struct diag diag;
	struct root root;
	char dir[64];

	(void)state;
	snprintf(dir, sizeof(dir), "%s/links", top);
	assert_int_equal(mkdir(dir, 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		make_file(dir, &files[i]);
	snprintf(dir, sizeof(dir), "%s/links/opt", top);
	assert_int_equal(mkdir(dir, 0755), 0);
	snprintf(dir, sizeof(dir), "%s/links", top);
	assert_int_equal(root_open(&root, dir), 0);
	assert_int_equal(profile_load(&root, &profile, &diag), 0);
	assert_string_equal(profile.devices[0].name, "image");
	profile_free(&profile);
	root_close(&root);
}

/* As a user who may not read the file; exits 0 where the answer is the right one. */
static void load_as_other(const char *dir, int expected, const char *words)
{
	struct diag diag = DIAG_INIT;
	char message[DIAG_STR];
	struct profile profile;
	struct root root;
	int r;

	if (setresgid(OTHER_ID, OTHER_ID, OTHER_ID) < 0 ||
	    setresuid(OTHER_ID, OTHER_ID, OTHER_ID) < 0 || root_open(&root, dir) < 0)
		_exit(2);
	r = profile_load(&root, &profile, &diag);
	if (r == expected && (r == 0 || strstr(diag.text, words)))
		_exit(0);
	fprintf(stderr, "%d, %s\n", r, r < 0 ? diag_format(&diag, message) : "read");
	_exit(1);
}

static void test_other_user(void **state)
{
	static const struct {
		struct file file;
		int error;
		const char *words;
	} cases[] = {
		{{CONF, FILE_OF, GPU("a"), .mode = 0600},
		 -EACCES,
		 "cannot be read: Permission denied"},
		{{CONF, FILE_OF, GPU("a"), .mode = 0644}, 0, ""},
		{{CONF, FILE_OF, GPU("a"), .uid = OTHER_ID}, 0, ""}, /* whose it is, it may be */
		{{CONF, FILE_OF, GPU("a"), .uid = OTHER_ID + 1}, -EPERM, "belongs to user 4712"},
	};

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char dir[64];
		int status;
		pid_t pid;

		snprintf(dir, sizeof(dir), "%s/other%zu", top, i);
		assert_int_equal(mkdir(dir, 0755), 0);
		make_file(dir, &cases[i].file);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			load_as_other(dir, cases[i].error, cases[i].words);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static int make_top(void **state)
{
	(void)state;
	umask(022);
	return mkdtemp(top) && chmod(top, 0755) == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int remove_top(void **state)
{
	(void)state;
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenes),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_image_links),
		cmocka_unit_test(test_other_user),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
