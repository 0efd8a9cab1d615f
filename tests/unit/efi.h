/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EFI variables of a captured machine, as efivarfs shows them: four bytes of attributes, then data. */
#ifndef TESTS_UNIT_EFI_H
#define TESTS_UNIT_EFI_H

#include <string.h>

#include "tests/unit/fixture.h"

#define EFIVARS "sys/firmware/efi/efivars/"
#define EFI_LOADER "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define EFI_GLOBAL "8be4df61-93ca-11d2-aa0d-00e098032b8c"

static inline void put_efi(const struct fixture *f, const char *name, const char *guid,
			   const void *data, size_t size)
{
	unsigned char file[4096] = {6};
	char path[256];

	assert_true(size <= sizeof(file) - 4);
	memcpy(file + 4, data, size);
	snprintf(path, sizeof(path), EFIVARS "%s-%s", name, guid);
	put_bytes(f, path, file, size + 4);
}

/* ASCII as UTF-16LE, with its NUL; returns the bytes. */
static inline size_t utf16(const char *text, unsigned char *to)
{
	size_t n = 0;

	do {
		to[n++] = (unsigned char)*text;
		to[n++] = 0;
	} while (*text++);
	return n;
}

static inline void put_efi_text(const struct fixture *f, const char *name, const char *text)
{
	unsigned char data[2048];

	assert_true(strlen(text) < 1000);
	put_efi(f, name, EFI_LOADER, data, utf16(text, data));
}

/*
 * A load option into to: a description, the device path HD(...)/File(file), and a command line for
 * what is loaded (NULL: none). Returns the bytes.
 */
static inline size_t efi_load_option(const char *label, const char *file, const char *options,
				     unsigned char *to)
{
	size_t n = 6, paths, len;

	memset(to, 0, n);
	to[0] = 1; /* active */
	n += utf16(label, to + n);
	paths = n;
	memset(to + n, 0x5a, 42); /* a partition */
	memcpy(to + n, "\x04\x01\x2a\x00", 4);
	n += 42;
	len = utf16(file, to + n + 4);
	memcpy(to + n, (unsigned char[]){4, 4, (unsigned char)(len + 4), (len + 4) >> 8}, 4);
	n += 4 + len;
	memcpy(to + n, "\x7f\xff\x04\x00", 4);
	n += 4;
	to[4] = (unsigned char)(n - paths);
	to[5] = (unsigned char)((n - paths) >> 8);
	if (options)
		n += utf16(options, to + n);
	return n;
}

/* Boot0007 is what BootCurrent names. */
static inline void put_efi_boot(const struct fixture *f, const char *label, const char *file,
				const char *options)
{
	unsigned char data[2048];

	put_efi(f, "BootCurrent", EFI_GLOBAL, "\x07\x00", 2);
	put_efi(f, "Boot0007", EFI_GLOBAL, data, efi_load_option(label, file, options, data));
}

#endif
