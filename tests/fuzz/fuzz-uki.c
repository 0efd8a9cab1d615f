// SPDX-License-Identifier: GPL-2.0-or-later
/* Sections of a PE file, for libFuzzer. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "bootcfg/uki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("uki", MFD_CLOEXEC);
	_cleanup_uki_ struct uki uki = {.cmdline = NULL};

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)!uki_parse(fd, &uki);
	if ((uki.cmdline && strlen(uki.cmdline) > size) || (uki.uname && strlen(uki.uname) > size))
		abort();
	return 0;
}
