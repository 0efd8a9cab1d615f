// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/kernel-image.h"

#define HEADER_AT 0x1f1
#define MAGIC_AT (0x202 - HEADER_AT) /* "HdrS" */
#define VERSION_AT (0x20e - HEADER_AT) /* 16 bits, less 0x200 */
#define HEADER_BYTES (VERSION_AT + 2)

int kernel_image_version(const struct root *root, const char *path,
			 char ret[static KERNEL_VERSION_STR])
{
	_cleanup_close_ int fd = root_openat(root, path, O_RDONLY, 0);
	char header[HEADER_BYTES], text[KERNEL_VERSION_STR];
	const unsigned char *at;
	struct stat st;
	size_t len;
	ssize_t n;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	n = pread(fd, header, sizeof(header), HEADER_AT);
	if (n < 0)
		return -errno;
	if (n != sizeof(header) || memcmp(header + MAGIC_AT, "HdrS", 4) != 0)
		return -EBADMSG;
	at = (const unsigned char *)header + VERSION_AT;
	n = pread(fd, text, sizeof(text) - 1, (at[0] | at[1] << 8) + 0x200);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	len = strcspn(text, " \n");
	if (!len || !text[len] || text[0] < '0' || text[0] > '9')
		return -EBADMSG;
	memcpy(ret, text, len);
	ret[len] = '\0';
	return 0;
}
