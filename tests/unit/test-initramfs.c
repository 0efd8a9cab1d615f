// SPDX-License-Identifier: GPL-2.0-or-later
/* The images of a host: which there are, what they carry, and a dracut that makes them anew. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/initramfs.h"
#include "bootcfg/run.h"
#include "tests/unit/newc.h"

#define KERNEL "6.12.0-1-amd64"
#define OLDER "6.1.0-5-amd64"
#define PROFILE "[device gpu]\naddress = 0000:0b:00.0\nid = 1002:73bf\n"

/* --- images ------------------------------------------------------------------------------------ */

/* Made by dracut for a kernel; profile NULL: without our module. */
static struct bytes image_of(const char *kernel, const char *profile, const char *mark)
{
	struct bytes main = {.data = NULL}, image = {.data = NULL};
	char modules[128];

	add_program(&main, "init");
	add_program(&main, "usr/sbin/switch_root");
	snprintf(modules, sizeof(modules), "lib/modules/%s", kernel);
	add_directory(&main, modules);
	if (mark)
		add_file(&main, mark, "--hostonly\n");
	if (profile) {
		add_program(&main, "usr/lib/vfio-bootcfg/vfio-early");
		add_file(&main, "etc/vfio-bootcfg.conf", profile);
	}
	add_trailer(&main);
	add_microcode(&image);
	add_compressed(&image, "zstd", &main);
	bytes_free(&main);
	return image;
}

#define DRACUT "lib/dracut/build-parameter.txt"

static void put_image(const struct fixture *f, const char *path, const char *kernel,
		      const char *profile, const char *mark)
{
	_cleanup_bytes_ struct bytes image = image_of(kernel, profile, mark);

	put_bytes(f, path, image.data, image.size);
}

/* --- a dracut ---------------------------------------------------------------------------------- */

/* Takes the place of bootcfg/run.c in this program. */
static struct {
	bool missing;
	int status, status_of_rebuild;
	bool makes_nothing, makes_garbage, loses_profile, loses_init;
	const char *profile; /* what it puts in */
	unsigned runs;
	char calls[4096]; /* arguments of all runs, one run a line */
} dracut;

char *run_find(const char *name)
{
	assert_string_equal(name, "dracut");
	return dracut.missing ? NULL : strdup("/usr/bin/dracut");
}

const char *run_last_line(char *output)
{
	return output;
}

static void write_file(const char *path, const void *data, size_t size)
{
	/* As dracut's cp does: a file that is there is written over. */
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	assert_int_equal(close(fd), 0);
}

int run_program(const char *const argv[], char **ret_output)
{
	_cleanup_bytes_ struct bytes image = {.data = NULL};
	const char *kernel = NULL, *output = NULL;
	bool rebuild = false;
	unsigned n;

	assert_string_equal(argv[0], "/usr/bin/dracut");
	for (n = 1; argv[n]; n++) {
		strcat(dracut.calls, argv[n]);
		strcat(dracut.calls, argv[n + 1] ? " " : "\n");
		rebuild |= !strcmp(argv[n], "--rebuild");
		/* The last two: the image, and its kernel. */
		output = kernel;
		kernel = argv[n];
	}
	dracut.runs++;
	assert_non_null(kernel);
	*ret_output = strdup("dracut: this went wrong");
	assert_non_null(*ret_output);
	if (dracut.makes_nothing)
		return 0;
	image = image_of(kernel, dracut.loses_profile ? NULL : dracut.profile, DRACUT);
	if (dracut.loses_init) {
		image.size = 0;
		add_program(&image, "usr/lib/vfio-bootcfg/vfio-early");
		add_file(&image, "etc/vfio-bootcfg.conf", dracut.profile);
		add_trailer(&image);
	}
	if (dracut.makes_garbage || dracut.status || (rebuild && dracut.status_of_rebuild))
		image.size -= 40;
	write_file(output, image.data, image.size);
	return rebuild && dracut.status_of_rebuild ? dracut.status_of_rebuild : dracut.status;
}

static int setup(void **state)
{
	memset(&dracut, 0, sizeof(dracut));
	dracut.profile = PROFILE;
	return fixture_setup(state);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

/* --- looking ----------------------------------------------------------------------------------- */

static struct host_kernel kernels[] = {
	{.version = (char *)KERNEL, .major = 6, .minor = 12},
	{.version = (char *)OLDER, .major = 6, .minor = 1},
};
static const struct host host = {.kernels = kernels, .kernel_count = ARRAY_SIZE(kernels)};

static struct profile profile_of(const char *text)
{
	struct profile profile = {.memory = NULL};
	struct diag diag = DIAG_INIT;

	assert_int_equal(profile_parse_text(text, strlen(text), "/x", &profile, &diag), 0);
	return profile;
}

static struct initramfs look(struct fixture *f, const char *profile_text, const char *const *more)
{
	_cleanup_profile_ struct profile profile = profile_of(profile_text);
	struct initramfs found = {.count = 0};
	struct diag diag = DIAG_INIT;

	machine_open(f);
	assert_int_equal(initramfs_look(&f->root, &host, &profile, more, &found, &diag), 0);
	return found;
}

/* "KERNEL PATH" and `!` where it is outdated, one a line. */
static void assert_images(struct fixture *f, const char *profile_text, const char *const *more,
			  const char *expected)
{
	_cleanup_initramfs_ struct initramfs found = look(f, profile_text, more);
	char text[4096] = "";
	size_t used = 0;

	for (size_t i = 0; i < found.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s%s\n",
					 found.images[i].kernel, found.images[i].path,
					 found.images[i].outdated ? " !" : "");
	assert_string_equal(text, expected);
}

static void test_names(void **state)
{
	struct fixture *f = *state;

	assert_images(f, PROFILE, NULL, "");
	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, PROFILE, DRACUT);
	put_image(f, "boot/initramfs-" OLDER ".img", OLDER, NULL, DRACUT);
	put_image(f, "boot/initramfs-" OLDER "kdump.img", OLDER, NULL, DRACUT);
	put_image(f, "boot/initrd.img-6.0", "6.0", NULL, DRACUT);
	assert_images(f, PROFILE, NULL,
		      KERNEL " boot/initrd.img-" KERNEL "\n" OLDER " boot/initramfs-" OLDER
			     ".img !\n");
	/* None is wanted, or has been. */
	assert_images(f, "[kernel]\niommu = pt\n", NULL,
		      KERNEL " boot/initrd.img-" KERNEL " !\n" OLDER " boot/initramfs-" OLDER
			     ".img\n");
}

static void test_entries(void **state)
{
	static const char *const more[] = {"efi/mid/" KERNEL "/initrd",
					   "/boot/initrd.img-" KERNEL,
					   "efi/EFI/Pop_OS-1/initrd.img",
					   "efi/gone",
					   "etc",
					   "boot/link",
					   NULL};
	struct fixture *f = *state;

	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, PROFILE, DRACUT);
	put_image(f, "efi/mid/" KERNEL "/initrd", KERNEL, NULL, DRACUT);
	put_image(f, "efi/EFI/Pop_OS-1/initrd.img", OLDER, PROFILE, DRACUT);
	put_link(f, "boot/link", "initrd.img-" KERNEL);
	put_dir(f, "etc");
	/* One file is one image, whatever its names; what is not there is passed over. */
	assert_images(f, PROFILE, more,
		      KERNEL " boot/initrd.img-" KERNEL "\n" KERNEL " efi/mid/" KERNEL
			     "/initrd !\n" OLDER " efi/EFI/Pop_OS-1/initrd.img\n etc !\n");
}

/* An image without modules is known by its name; the longest version counts. */
static void test_kernel_of_name(void **state)
{
	static const char *const more[] = {"efi/" OLDER "/initrd", "efi/initrd", NULL};
	struct host_kernel two[] = {{.version = (char *)"6.1"},
				    {.version = (char *)"6.1.0-5-amd64"}};
	struct host both = {.kernels = two, .kernel_count = 2};
	_cleanup_profile_ struct profile profile = profile_of("");
	_cleanup_initramfs_ struct initramfs found = {.count = 0};
	struct fixture *f = *state;
	struct bytes image = {.data = NULL};
	struct diag diag = DIAG_INIT;

	add_program(&image, "init");
	add_trailer(&image);
	put_bytes(f, more[0], image.data, image.size);
	put_bytes(f, more[1], image.data, image.size);
	bytes_free(&image);
	machine_open(f);
	assert_int_equal(initramfs_look(&f->root, &both, &profile, more, &found, &diag), 0);
	assert_int_equal(found.count, 2);
	assert_string_equal(found.images[0].kernel, OLDER);
	assert_true(found.images[0].has_kernel);
	assert_string_equal(found.images[1].kernel, "");
	assert_false(found.images[1].has_kernel);
}

/* What cannot be read is outdated, and no failure. */
static void test_unreadable(void **state)
{
	struct fixture *f = *state;
	_cleanup_initramfs_ struct initramfs found = {.count = 0};

	put(f, "boot/initrd.img-" KERNEL, "this is none");
	assert_int_equal(mkfifo(path_in(f, "boot/initrd-" KERNEL), 0600), 0);
	put_link(f, "boot/initramfs-" KERNEL, "initramfs-" KERNEL);
	put_link(f, "boot/initramfs-" OLDER, "nowhere");
	found = look(f, PROFILE, NULL);
	assert_int_equal(found.count, 3);
	for (size_t i = 0; i < found.count; i++)
		assert_true(found.images[i].outdated);
	assert_int_equal(found.images[0].error, -EBADMSG);
	assert_string_equal(found.images[0].kernel, KERNEL);
	assert_int_equal(found.images[1].error, -ENOTSUP);
	assert_int_equal(found.images[2].error, -ELOOP);
}

static void test_carries(void **state)
{
	_cleanup_profile_ struct profile profile = profile_of(PROFILE), none = profile_of("");
	struct diag diag = DIAG_INIT;
	struct fixture *f = *state;

	put_image(f, "boot/a", KERNEL, PROFILE, DRACUT);
	put(f, "boot/b", "none");
	machine_open(f);
	assert_int_equal(initramfs_carries(&f->root, "boot/a", &profile, &diag), 1);
	assert_int_equal(initramfs_carries(&f->root, "boot/a", &none, &diag), 0);
	assert_string_equal(diag.text, "");
	assert_int_equal(initramfs_carries(&f->root, "boot/b", &profile, &diag), -EBADMSG);
	assert_string_equal(diag.file, "/boot/b");
	assert_mentions(diag.text, "no initramfs image", NULL);
	assert_int_equal(initramfs_carries(&f->root, "boot/c", &profile, &diag), -ENOENT);
	assert_string_equal(diag.file, "/boot/c");
}

/* --- who makes them ---------------------------------------------------------------------------- */

static void assert_generator(struct fixture *f, enum initramfs_generator kind, const char *name)
{
	_cleanup_initramfs_ struct initramfs found = look(f, PROFILE, NULL);

	assert_int_equal(found.generator, kind);
	if (name)
		assert_string_equal(found.generator_name, name);
	else
		assert_null(found.generator_name);
}

static void test_generator(void **state)
{
	struct fixture *f = *state;

	assert_generator(f, GENERATOR_NONE, NULL);
	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, "conf/initramfs.conf");
	assert_generator(f, GENERATOR_OTHER, "initramfs-tools");
	/* dracut made them, and is gone. */
	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, DRACUT);
	assert_generator(f, GENERATOR_OTHER, "dracut");
	/* Fedora, SUSE; /usr/sbin may be a link. */
	put(f, "usr/sbin/dracut", "%s", "");
	assert_generator(f, GENERATOR_DRACUT, "dracut");
	drop(f, "usr/sbin/dracut");
	/* Debian: dracut-core beside initramfs-tools; then dracut, with the other's hook left. */
	put(f, "usr/bin/dracut", "%s", "");
	put(f, "usr/sbin/mkinitramfs", "%s", "");
	put(f, "etc/kernel/postinst.d/initramfs-tools", "%s", "");
	assert_generator(f, GENERATOR_OTHER, "initramfs-tools");
	drop(f, "usr/sbin/mkinitramfs");
	assert_generator(f, GENERATOR_DRACUT, "dracut");
	put(f, "etc/kernel/postinst.d/dracut", "%s", "");
	assert_generator(f, GENERATOR_DRACUT, "dracut");
	drop(f, "etc");
	/* Arch: mkinitcpio, until its hook is masked. */
	put(f, "usr/bin/mkinitcpio", "%s", "");
	put(f, "usr/share/libalpm/hooks/90-mkinitcpio-install.hook", "%s", "");
	assert_generator(f, GENERATOR_OTHER, "mkinitcpio");
	put_link(f, "etc/pacman.d/hooks/90-mkinitcpio-install.hook", "/dev/null");
	assert_generator(f, GENERATOR_DRACUT, "dracut");
	drop(f, "usr/bin/dracut");
	drop(f, "usr/bin/mkinitcpio");
	put(f, "usr/bin/booster", "%s", "");
	put(f, "usr/share/libalpm/hooks/90-booster-install.hook", "%s", "");
	assert_generator(f, GENERATOR_OTHER, "booster");
}

/* --- making them anew -------------------------------------------------------------------------- */

struct made {
	struct initramfs images;
	struct remarks remarks;
	struct diag diag;
	int error;
};

static void made_free(struct made *made)
{
	initramfs_free(&made->images);
	remarks_free(&made->remarks);
}
#define _cleanup_made_ _cleanup_(made_free)

static struct made rebuild(struct fixture *f, const char *profile_text, const char *kernel,
			   const char *const *more)
{
	_cleanup_profile_ struct profile profile = profile_of(profile_text);
	struct made made = {.images = look(f, profile_text, more)};

	f->root.kind = ROOT_LIVE; /* of the directory that is open: the tree of this test */
	made.error = initramfs_rebuild(&f->root, &profile, &made.images, kernel, &made.remarks,
				       &made.diag);
	assert_int_equal(made.error < 0, made.diag.text[0] != '\0');
	return made;
}

static bool carries(struct fixture *f, const char *path, const char *profile_text)
{
	_cleanup_profile_ struct profile profile = profile_of(profile_text);
	struct diag diag = DIAG_INIT;
	int r = initramfs_carries(&f->root, path, &profile, &diag);

	assert_true(r >= 0);
	return r;
}

static ino_t inode(const struct fixture *f, const char *path)
{
	struct stat st;

	assert_int_equal(stat(path_in(f, path), &st), 0);
	return st.st_ino;
}

static void assert_no_temporary(const struct fixture *f, const char *dir)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/.vfio-bootcfg-initrd", dir);
	assert_int_not_equal(access(path_in(f, path), F_OK), 0);
}

static void test_rebuild(void **state)
{
	struct fixture *f = *state;
	_cleanup_made_ struct made made = {.error = 0};
	struct stat st;
	ino_t older;

	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, DRACUT);
	put_image(f, "boot/initrd.img-" OLDER, OLDER, PROFILE, DRACUT);
	assert_int_equal(chmod(path_in(f, "boot/initrd.img-" KERNEL), 0640), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path_in(f, "boot/initrd.img-" KERNEL), 0, 12), 0);
	/* What a run that was killed has left. */
	put(f, "boot/.vfio-bootcfg-initrd", "rubbish");
	older = inode(f, "boot/initrd.img-" OLDER);
	made = rebuild(f, PROFILE, NULL, NULL);
	assert_int_equal(made.error, 0);
	assert_int_equal(dracut.runs, 1);
	assert_mentions(dracut.calls, "--rebuild /", "/boot/initrd.img-" KERNEL " /",
			"/boot/.vfio-bootcfg-initrd " KERNEL "\n", NULL);
	assert_true(carries(f, "boot/initrd.img-" KERNEL, PROFILE));
	assert_false(made.images.images[0].outdated);
	assert_int_equal(made.remarks.count, 0);
	assert_no_temporary(f, "boot");
	assert_int_equal(stat(path_in(f, "boot/initrd.img-" KERNEL), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	if (geteuid() == 0)
		assert_int_equal(st.st_gid, 12);
	/* What agrees is not touched. */
	assert_int_equal(inode(f, "boot/initrd.img-" OLDER), older);
	made_free(&made);
	made = rebuild(f, PROFILE, NULL, NULL);
	assert_int_equal(made.error, 0);
	assert_int_equal(dracut.runs, 1);
	/* After `unset`: none may be in it. */
	made_free(&made);
	dracut.profile = NULL;
	made = rebuild(f, "", NULL, NULL);
	assert_int_equal(made.error, 0);
	assert_int_equal(dracut.runs, 3);
	assert_true(carries(f, "boot/initrd.img-" KERNEL, ""));
	assert_true(carries(f, "boot/initrd.img-" OLDER, ""));
}

static void test_one_kernel(void **state)
{
	struct fixture *f = *state;
	_cleanup_made_ struct made made = {.error = 0};

	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, DRACUT);
	put_image(f, "boot/initrd.img-" OLDER, OLDER, NULL, DRACUT);
	made = rebuild(f, PROFILE, OLDER, NULL);
	assert_int_equal(made.error, 0);
	assert_int_equal(dracut.runs, 1);
	assert_true(carries(f, "boot/initrd.img-" OLDER, PROFILE));
	assert_false(carries(f, "boot/initrd.img-" KERNEL, PROFILE));
	assert_true(made.images.images[0].outdated);
	assert_false(made.images.images[1].outdated);
}

/* Without a record of its arguments; with one that is of no use any more. */
static void test_arguments(void **state)
{
	struct fixture *f = *state;
	_cleanup_made_ struct made made = {.error = 0};

	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, "usr/lib/dracut-lib.sh");
	made = rebuild(f, PROFILE, NULL, NULL);
	assert_int_equal(made.error, 0);
	assert_ptr_equal(strstr(dracut.calls, "--force /"), dracut.calls);
	assert_null(strstr(dracut.calls, "--rebuild"));
	made_free(&made);
	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, DRACUT);
	dracut.status_of_rebuild = 1;
	made = rebuild(f, PROFILE, NULL, NULL);
	assert_int_equal(made.error, 0);
	assert_int_equal(dracut.runs, 3);
	assert_true(carries(f, "boot/initrd.img-" KERNEL, PROFILE));
	assert_int_equal(made.remarks.count, 1);
	assert_mentions(made.remarks.items[0], "this went wrong", NULL);
}

/* Whatever goes wrong, the image is as it was, and nothing lies beside it. */
static void assert_fails(struct fixture *f, int error, const char *word)
{
	_cleanup_made_ struct made made = {.error = 0};
	ino_t before;

	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, DRACUT);
	before = inode(f, "boot/initrd.img-" KERNEL);
	made = rebuild(f, PROFILE, NULL, NULL);
	assert_int_equal(made.error, error);
	assert_string_equal(made.diag.file, "/boot/initrd.img-" KERNEL);
	assert_mentions(made.diag.text, word, NULL);
	assert_int_equal(inode(f, "boot/initrd.img-" KERNEL), before);
	assert_false(carries(f, "boot/initrd.img-" KERNEL, PROFILE));
	assert_no_temporary(f, "boot");
	assert_true(made.images.images[0].outdated);
	memset(&dracut, 0, sizeof(dracut));
	dracut.profile = PROFILE;
}

static void test_failures(void **state)
{
	struct fixture *f = *state;

	dracut.status = 1;
	assert_fails(f, -EBADMSG, "this went wrong");
	dracut.status = -ENOEXEC;
	assert_fails(f, -ENOEXEC, "cannot be run");
	dracut.makes_nothing = true;
	assert_fails(f, -ENOENT, "no file");
	dracut.makes_garbage = true;
	assert_fails(f, -EBADMSG, "zstd");
	dracut.loses_profile = true;
	assert_fails(f, -EBADMSG, "without the profile");
	dracut.profile = "[device gpu]\naddress = 0000:0c:00.0\nid = 1002:73bf\n";
	assert_fails(f, -EBADMSG, "without the profile");
	dracut.loses_init = true;
	assert_fails(f, -EBADMSG, "root file system");
}

static void test_no_dracut(void **state)
{
	struct fixture *f = *state;
	_cleanup_made_ struct made made = {.error = 0};

	dracut.missing = true;
	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, DRACUT);
	made = rebuild(f, PROFILE, NULL, NULL);
	assert_int_equal(made.error, -ENOENT);
	assert_mentions(made.diag.text, "not installed", NULL);
	/* Not asked for where there is nothing to do. */
	made_free(&made);
	made = rebuild(f, "", NULL, NULL);
	assert_int_equal(made.error, 0);
}

static void test_image_root(void **state)
{
	_cleanup_profile_ struct profile profile = profile_of(PROFILE);
	struct fixture *f = *state;
	_cleanup_initramfs_ struct initramfs found = {.count = 0};
	struct remarks remarks = {.count = 0};
	struct diag diag = DIAG_INIT;

	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, DRACUT);
	found = look(f, PROFILE, NULL);
	assert_int_equal(initramfs_rebuild(&f->root, &profile, &found, NULL, &remarks, &diag),
			 -EINVAL);
	assert_int_equal(dracut.runs, 0);
}

/* What is not dracut's, or of no kernel that is there, or not understood: left, with a reason. */
static void test_left(void **state)
{
	static const char *const more[] = {"efi/a", "efi/b", "efi/c", "efi/d", NULL};
	static const char *const words[] = {"initramfs-tools", "not installed (5.0)",
					    "unknown program", "dracut --force /efi/d"};
	struct fixture *f = *state;
	_cleanup_made_ struct made made = {.error = 0};

	put_image(f, more[0], KERNEL, NULL, "conf/initramfs.conf");
	put_image(f, more[1], "5.0", NULL, DRACUT);
	put_image(f, more[2], KERNEL, NULL, NULL);
	put(f, more[3], "is none");
	made = rebuild(f, PROFILE, NULL, more);
	assert_int_equal(made.error, 0);
	assert_int_equal(dracut.runs, 0);
	assert_int_equal(made.remarks.count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_mentions(made.remarks.items[i], more[i], words[i], NULL);
		assert_true(made.images.images[i].outdated);
	}
}

/* The ESP's copy of an image is made once; another one of the same kernel is another image. */
static void test_copies(void **state)
{
	static const char *const more[] = {"efi/mid/" KERNEL "/initrd.img-" KERNEL,
					   "efi/mid/" KERNEL "/initrd", NULL};
	struct fixture *f = *state;
	_cleanup_made_ struct made made = {.error = 0};

	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, DRACUT);
	put_image(f, more[0], KERNEL, NULL, DRACUT);
	assert_int_equal(chmod(path_in(f, more[0]), 0700), 0);
	put_image(f, more[1], KERNEL, "", DRACUT);
	made = rebuild(f, PROFILE, NULL, more);
	assert_int_equal(made.error, 0);
	assert_int_equal(dracut.runs, 2);
	assert_true(carries(f, "boot/initrd.img-" KERNEL, PROFILE));
	for (size_t i = 0; i < 2; i++) {
		struct stat st;

		assert_true(carries(f, more[i], PROFILE));
		assert_int_equal(stat(path_in(f, more[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, i ? 0644 : 0700);
	}
	for (size_t i = 0; i < made.images.count; i++)
		assert_false(made.images.images[i].outdated);
	assert_no_temporary(f, "boot");
	assert_no_temporary(f, "efi/mid/" KERNEL);
}

/* A link stays one: what it leads to is made anew. */
static void test_link(void **state)
{
	struct fixture *f = *state;
	_cleanup_made_ struct made made = {.error = 0};
	struct stat st;

	put_image(f, "srv/images/current", KERNEL, NULL, DRACUT);
	put_link(f, "boot/initrd.img-" KERNEL, "../srv/images/current");
	made = rebuild(f, PROFILE, NULL, NULL);
	assert_int_equal(made.error, 0);
	assert_mentions(dracut.calls, "/srv/images/.vfio-bootcfg-initrd " KERNEL "\n", NULL);
	assert_int_equal(lstat(path_in(f, "boot/initrd.img-" KERNEL), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_true(carries(f, "srv/images/current", PROFILE));
}

/* dracut follows a link where it is to write: what somebody has put there goes first. */
static void test_link_in_the_way(void **state)
{
	struct fixture *f = *state;
	_cleanup_made_ struct made made = {.error = 0};
	char text[8] = "";
	int fd;

	put(f, "victim", "intact");
	put_link(f, "boot/.vfio-bootcfg-initrd", "../victim");
	put_image(f, "boot/initrd.img-" KERNEL, KERNEL, NULL, DRACUT);
	made = rebuild(f, PROFILE, NULL, NULL);
	assert_int_equal(made.error, 0);
	fd = open(path_in(f, "victim"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	close_fd(&fd);
	assert_string_equal(text, "intact");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_names),	   test(test_entries),
		test(test_kernel_of_name), test(test_unreadable),
		test(test_carries),	   test(test_generator),
		test(test_rebuild),	   test(test_one_kernel),
		test(test_arguments),	   test(test_failures),
		test(test_no_dracut),	   test(test_image_root),
		test(test_left),	   test(test_copies),
		test(test_link),	   test(test_link_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
