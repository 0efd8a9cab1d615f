// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What `check` parses itself, for libFuzzer: option ROMs, lists of modules, the default of grub.cfg, and
 * what an initramfs comes to: it ends, within bounds, and each problem is a printable line.
 */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "bootcfg/grub-default.h"
#include "bootcfg/image-check.h"
#include "bootcfg/image-modules.h"
#include "bootcfg/option-rom.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_modules(const char *text)
{
	size_t len = 0;
	const char *line = modules_dep(text, "vfio_pci", &len);

	if (line) {
		CHECK(line >= text && len <= strlen(line));
		CHECK(memchr(line, ':', len) && !memchr(line, '\n', len));
	}
	(void)modules_builtin(text, "vfio_pci");
}

static void check_default(const char *text, size_t size)
{
	struct grub_default wanted = {.saved = strdup("saved"), .next = NULL};
	struct grub_place place = {.in_submenu = size % 2, .place = size % 3};

	CHECK(wanted.saved && grub_default_line(&wanted, text, size) == 0);
	if (wanted.wanted)
		CHECK(strlen(wanted.wanted) <= size || !strcmp(wanted.wanted, "saved"));
	(void)grub_default_is(&wanted, place, "title", "id");
	grub_default_free(&wanted);
}

static void check_image(const uint8_t *data, size_t size)
{
	static const char own[] = "[device a]\naddress = 0000:01:00.0\nid = 1234:1111\n";
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	_cleanup_profile_ struct profile profile = {.file_count = 0};
	_cleanup_problems_ struct problems problems = {.count = 0};
	_cleanup_root_ struct root root = {.fd = open("/proc/self/fdinfo", O_PATH | O_CLOEXEC),
					   .kind = ROOT_IMAGE};
	struct diag diag = DIAG_INIT;

	CHECK(root.fd >= 0 && fd >= 0 && write(fd, data, size) == (ssize_t)size);
	CHECK(profile_parse_text(own, strlen(own), "/etc/x", &profile, &diag) == 0);
	CHECK(image_check_fd(&root, &profile, fd, "/boot/image", "6.1.0", &problems) == 0);
	for (size_t i = 0; i < problems.count; i++)
		for (const char *at = problems.items[i].text; *at; at++)
			CHECK(*at >= 0x20 && *at <= 0x7e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	CHECK(text);
	switch (data[0] % 4) {
	case 0:
		CHECK(option_rom_kind(data + 1, size - 1) <= ROM_UEFI);
		break;
	case 1:
		check_modules(text);
		break;
	case 2:
		check_default(text, strlen(text));
		break;
	default:
		/* An archive that is not compressed: what unpacks to more is the other fuzzer's. */
		if (size > 7 && !memcmp(data + 1, "070701", 6))
			check_image(data + 1, size - 1);
	}
	free(text);
	return 0;
}
