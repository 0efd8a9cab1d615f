// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "bootcfg/uki.h"

#define SECTION_MAX_BYTES (64 * 1024)
#define INITRD_MAX_BYTES (512U << 20) /* of memory: a hostile file may have holes without end */

/* PE/COFF: the specification of Microsoft, sections 2 to 4. */
#define DOS_MAGIC "MZ"
#define PE_OFFSET_AT 0x3c
#define PE_MAGIC "PE\0\0"
#define PE_HEADER_BYTES 24
#define SECTION_HEADER_BYTES 40
#define SECTIONS_MAX 1024

static uint16_t u16_at(const unsigned char *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t u32_at(const unsigned char *bytes)
{
	return u16_at(bytes) | (uint32_t)u16_at(bytes + 2) << 16;
}

static int read_at(int fd, void *buf, size_t size, uint64_t at)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, (char *)buf + done, size - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		done += (size_t)n;
	}
	return 0;
}

static uint32_t section_bytes(const unsigned char *header)
{
	uint32_t virtual_size = u32_at(header + 8), raw_size = u32_at(header + 16);

	return virtual_size < raw_size ? virtual_size : raw_size;
}

/* A section's bytes as text, without what the tools leave at its end. */
static int read_text(int fd, const unsigned char *header, char **ret)
{
	uint32_t size = section_bytes(header);
	_cleanup_free_ char *text = NULL;
	int r;

	if (size > SECTION_MAX_BYTES || *ret)
		return 0;
	text = calloc(1, (size_t)size + 1);
	if (!text)
		return -ENOMEM;
	r = read_at(fd, text, size, u32_at(header + 20));
	if (r < 0)
		return r;
	for (size_t len = strlen(text); len && strchr(" \t\r\n", text[len - 1]); len--)
		text[len - 1] = '\0';
	*ret = steal(&text);
	return 0;
}

static bool is_section(const unsigned char *header, const char *name)
{
	return !strncmp((const char *)header, name, 8);
}

int uki_parse(int fd, struct uki *ret)
{
	_cleanup_uki_ struct uki uki = {.cmdline = NULL};
	unsigned char head[PE_OFFSET_AT + 4], pe[PE_HEADER_BYTES], section[SECTION_HEADER_BYTES];
	uint64_t at;
	unsigned count;
	int r = read_at(fd, head, sizeof(head), 0);

	if (r < 0 || memcmp(head, DOS_MAGIC, 2) != 0)
		return r < 0 ? r : -EBADMSG;
	at = u32_at(head + PE_OFFSET_AT);
	r = read_at(fd, pe, sizeof(pe), at);
	if (r < 0 || memcmp(pe, PE_MAGIC, 4) != 0)
		return r < 0 ? r : -EBADMSG;
	count = u16_at(pe + 6);
	if (count > SECTIONS_MAX)
		return -EBADMSG;
	at += sizeof(pe) + u16_at(pe + 20);
	for (unsigned i = 0; !r && i < count; i++, at += sizeof(section)) {
		r = read_at(fd, section, sizeof(section), at);
		if (r < 0 || is_section(section, ".profile"))
			break;
		if (is_section(section, ".cmdline"))
			r = read_text(fd, section, &uki.cmdline);
		else if (is_section(section, ".uname"))
			r = read_text(fd, section, &uki.uname);
		else if (is_section(section, ".linux"))
			uki.has_linux = true;
		else if (is_section(section, ".initrd") && !uki.initrd_size) {
			uki.initrd_at = u32_at(section + 20);
			uki.initrd_size = section_bytes(section);
		}
	}
	if (r < 0)
		return r;
	*ret = uki;
	uki = (struct uki){.cmdline = NULL};
	return 0;
}

int uki_read(const struct root *root, const char *path, struct uki *ret, struct diag *diag)
{
	_cleanup_close_ int fd = root_openat(root, path, O_RDONLY, 0);
	char file[sizeof(diag->file)];
	struct stat st;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	if (!r && !S_ISREG(st.st_mode))
		r = -ENOTSUP;
	if (!r)
		r = uki_parse(fd, ret);
	if (!r)
		return 0;
	snprintf(file, sizeof(file), "/%s", path);
	if (r == -EBADMSG)
		return diag_set(diag, r, file, 0, "no PE file, or one that is cut off");
	return diag_set(diag, r, file, 0, "cannot be read: %s", strerror(-r));
}

int uki_initrd(const struct root *root, const char *path, const struct uki *uki, int *ret_fd)
{
	_cleanup_close_ int fd = root_openat(root, path, O_RDONLY, 0), copy = -1;
	off_t at = uki->initrd_at;
	size_t left = uki->initrd_size;

	if (fd < 0 || !left)
		return fd < 0 ? fd : -ENOENT;
	if (left > INITRD_MAX_BYTES)
		return -EFBIG;
	copy = memfd_create("initrd", MFD_CLOEXEC);
	if (copy < 0)
		return -errno;
	while (left) {
		ssize_t n = sendfile(copy, fd, &at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		left -= (size_t)n;
	}
	*ret_fd = copy;
	copy = -1;
	return 0;
}

void uki_free(struct uki *uki)
{
	free(uki->cmdline);
	free(uki->uname);
	*uki = (struct uki){.cmdline = NULL};
}
