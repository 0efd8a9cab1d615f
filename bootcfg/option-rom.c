// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>

#include "bootcfg/option-rom.h"
#include "early/claim.h"

#define IMAGE_UNIT 512 /* bytes that lengths are counted in */
#define PCIR_AT 0x18 /* offset of the data structure, 16 bits */
#define PCIR_BYTES 0x16 /* as far as it is looked at */
#define LENGTH_AT 0x10 /* in the structure, 16 bits, in units */
#define CODE_AT 0x14
#define INDICATOR_AT 0x15 /* bit 7: the last image */
#define CODE_UEFI 3
#define ROM_MAX_BYTES ((size_t)16 << 20)

static unsigned u16_at(const unsigned char *bytes)
{
	return (unsigned)bytes[0] | (unsigned)bytes[1] << 8;
}

enum option_rom option_rom_kind(const unsigned char *data, size_t size)
{
	enum option_rom kind = ROM_NONE;

	for (size_t at = 0; size - at >= PCIR_AT + 2;) {
		const unsigned char *image = data + at, *pcir;
		size_t offset = u16_at(image + PCIR_AT), length;

		if (image[0] != 0x55 || image[1] != 0xaa || offset + PCIR_BYTES > size - at)
			break;
		pcir = image + offset;
		if (memcmp(pcir, "PCIR", 4) != 0)
			break;
		if (pcir[CODE_AT] == CODE_UEFI)
			return ROM_UEFI;
		kind = ROM_LEGACY;
		length = (size_t)u16_at(pcir + LENGTH_AT) * IMAGE_UNIT;
		if ((pcir[INDICATOR_AT] & 0x80) || !length || length > size - at)
			break;
		at += length;
	}
	return kind;
}

static ssize_t read_all(int fd, unsigned char *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int read_rom(const struct root *root, const char *path, enum option_rom *ret)
{
	_cleanup_close_ int fd = root_openat(root, path, O_RDONLY, 0);
	_cleanup_free_ unsigned char *data = NULL;
	ssize_t n;

	if (fd < 0)
		return fd;
	data = malloc(ROM_MAX_BYTES);
	if (!data)
		return -ENOMEM;
	n = read_all(fd, data, ROM_MAX_BYTES);
	if (n < 0)
		return (int)n;
	*ret = option_rom_kind(data, (size_t)n);
	return 0;
}

int option_rom_read(const struct root *root, const struct pci_addr *addr, enum option_rom *ret)
{
	char path[PCI_ATTR_STR], driver[PCI_DRIVER_STR];
	int r;

	pci_attr_path(addr, "rom", path);
	if (!root_exists(root, path))
		return -ENOENT;
	if (root->kind != ROOT_LIVE)
		return read_rom(root, path, ret);
	r = pci_driver(root, addr, driver);
	if (r < 0)
		return r;
	if (*driver && strcmp(driver, CLAIM_DRIVER) != 0)
		return -EBUSY;
	r = root_write_attr(root, path, "1");
	if (r < 0)
		return r;
	r = read_rom(root, path, ret);
	if (root_write_attr(root, path, "0") < 0 && r == 0)
		r = -EIO;
	return r;
}
