// SPDX-License-Identifier: GPL-2.0-or-later
/* Configuration space of a captured machine's functions, beyond the first 64 bytes. */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "tests/machine-internal.h"

#define EXPRESS_AT 0x40
#define ERRORS_AT 0x100 /* something before ACS, so that the list is walked */
#define ACS_AT 0x140

static void put_le16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

/* "root,slot,x16": the type of a PCI Express function, whether its port has a slot, its lanes. */
static bool parse_express(const char *text, unsigned *ret_flags, unsigned *ret_width)
{
	static const struct {
		const char *word;
		unsigned type;
	} types[] = {{"end", 0},	 {"legacy", 1}, {"root", 4},
		     {"up", 5},		 {"down", 6},	{"pci-bridge", 7},
		     {"pcie-bridge", 8}, {"rc-end", 9}, {"rc-ec", 10}};
	size_t len = strcspn(text, ",");
	bool found = false;
	int end = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strlen(types[i].word) == len && !strncmp(text, types[i].word, len)) {
			*ret_flags = 2 | types[i].type << 4;
			found = true;
		}
	}
	text += len;
	*ret_width = 0;
	if (!strncmp(text, ",slot", 5)) {
		*ret_flags |= 0x100;
		text += 5;
	}
	if (*text && sscanf(text, ",x%u%n", ret_width, &end) == 1)
		text += end;
	return found && *text == '\0' && *ret_width <= 32;
}

int machine_express(const struct machine *m, const char *express, const char *acs, uint8_t *config)
{
	unsigned flags = 0, width, cap, control;
	int end = 0;

	config[0x34] = 0;
	if (!strcmp(express, "none"))
		return acs ? machine_fail(m, -EINVAL, "acs= is for PCI Express") : 256;
	if (!parse_express(express, &flags, &width))
		return machine_fail(m, -EINVAL, "pcie= is none, or like root,slot,x16");
	config[0x34] = EXPRESS_AT;
	config[EXPRESS_AT] = 0x10;
	put_le16(config + EXPRESS_AT + 2, flags);
	put_le16(config + EXPRESS_AT + 12, width << 4);
	put_le16(config + ERRORS_AT, 0x0001);
	put_le16(config + ERRORS_AT + 2, acs ? ACS_AT << 4 | 2 : 2);
	if (!acs)
		return 4096;
	if (sscanf(acs, "%4x/%4x%n", &cap, &control, &end) != 2 || acs[end])
		return machine_fail(m, -EINVAL,
				    "acs= is like 001f/001d: what it can do, what is on");
	put_le16(config + ACS_AT, 0x000d);
	put_le16(config + ACS_AT + 2, 1);
	put_le16(config + ACS_AT + 4, cap);
	put_le16(config + ACS_AT + 6, control);
	return 4096;
}

int machine_config(struct machine *m, char **words, int count)
{
	const struct machine_function *f = machine_function(m, words[0]);
	char path[PATH_MAX];
	uint8_t bytes[4096];
	_cleanup_close_ int fd = -1;
	size_t size = 0, digits;
	unsigned offset;
	int end = 0;

	if (count != 3 || !f)
		return machine_fail(m, -EINVAL,
				    "config takes a function above this line, an offset and bytes");
	if (strspn(words[1], "0123456789abcdef") != strlen(words[1]) ||
	    sscanf(words[1], "%3x%n", &offset, &end) != 1 || words[1][end])
		return machine_fail(m, -EINVAL, "%s: not an offset", words[1]);
	digits = strlen(words[2]);
	if (!digits || digits % 2 || offset + digits / 2 > sizeof(bytes) ||
	    strspn(words[2], "0123456789abcdef") != digits)
		return machine_fail(m, -EINVAL, "%s: not bytes in hex up to 4096", words[2]);
	for (; size < digits / 2; size++) {
		unsigned byte;

		if (sscanf(words[2] + 2 * size, "%2x", &byte) != 1)
			return machine_fail(m, -EINVAL, "%s: not hex", words[2]);
		bytes[size] = (uint8_t)byte;
	}
	snprintf(path, sizeof(path), "%s/config", f->path);
	fd = openat(m->fd, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	/* The whole of it: what is not said is zero. */
	if (fd < 0 || pwrite(fd, bytes, size, offset) != (ssize_t)size ||
	    ftruncate(fd, offset + size > 256 || lseek(fd, 0, SEEK_END) > 256 ? 4096 : 256) < 0)
		return machine_fail(m, -errno, "%s: %s", path, strerror(errno));
	return 0;
}
