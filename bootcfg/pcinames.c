// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/pcinames.h"

#define FILE_SIZE_MAX (16 << 20)

struct pcinames {
	struct pci_access *access;
	int fd; /* pci.ids; libpci opens it again by /proc/self/fd */
};

/* libpci's way to report an error is a function that must not return, and gets no data of ours. */
static jmp_buf failed;

static _printf_(1, 2) _noreturn_ void on_error(_unused_ char *format, ...)
{
	longjmp(failed, 1);
}

static _printf_(1, 2) void on_message(_unused_ char *format, ...)
{
}

static int open_ids(const struct root *root)
{
	static const char *const paths[] = {"usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids",
					    "usr/share/misc/pci.ids.gz",
					    "usr/share/hwdata/pci.ids.gz"};
	struct stat st;
	int fd = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && fd == -ENOENT; i++)
		fd = root_openat(root, paths[i], O_RDONLY, 0);
	/* libpci would wait for a FIFO's writer. */
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_SIZE_MAX)) {
		close_fd(&fd);
		return -EBADMSG;
	}
	return fd;
}

/*
 * Without pci_init() libpci looks at no bus; the functions that this would have set are set here.
 * The first use of the list loads it, so that a file that is broken shows here.
 */
static int load(struct pcinames *names)
{
	struct pci_access *access = names->access = pci_alloc();
	char path[64], *copy;

	access->method = PCI_ACCESS_DUMP; /* should anything initialise it after all: a file */
	access->error = on_error;
	access->warning = on_message;
	access->debug = on_message;
	access->id_lookup_mode = 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", names->fd);
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	pci_set_name_list_path(access, copy, 1);
	return pci_load_name_list(access) ? 0 : -EBADMSG;
}

int pcinames_load(const struct root *root, struct pcinames **ret)
{
	struct pcinames *volatile names;
	int fd = open_ids(root), r;

	if (fd < 0)
		return fd;
	names = calloc(1, sizeof(*names));
	if (!names) {
		close_fd(&fd);
		return -ENOMEM;
	}
	names->fd = fd;
	r = setjmp(failed) ? -EBADMSG : load(names);
	if (r < 0) {
		pcinames_free(names);
		return r;
	}
	*ret = names;
	return 0;
}

void pcinames_free(struct pcinames *names)
{
	if (!names)
		return;
	if (names->access && !setjmp(failed))
		pci_cleanup(names->access);
	close_fd(&names->fd);
	free(names);
}

/* buf stays "" where libpci fails or knows no name. */
static char *look_up(struct pcinames *names, int what, int a, int b, char buf[static PCINAMES_STR])
{
	char name[PCINAMES_STR];
	const char *found = NULL;

	buf[0] = '\0';
	if (!names || setjmp(failed))
		return buf;
	found = pci_lookup_name(names->access, name, sizeof(name),
				what | PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB, a, b);
	if (found && found[0])
		snprintf(buf, PCINAMES_STR, "%s", found);
	return buf;
}

char *pcinames_device(struct pcinames *names, uint16_t vendor, uint16_t device,
		      char buf[static PCINAMES_STR])
{
	look_up(names, PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE, vendor, device, buf);
	/* A device that is not in the list still has a maker. */
	if (!buf[0])
		look_up(names, PCI_LOOKUP_VENDOR, vendor, 0, buf);
	return buf;
}

char *pcinames_class(struct pcinames *names, uint32_t class, char buf[static PCINAMES_STR])
{
	return look_up(names, PCI_LOOKUP_CLASS, (int)(class >> 8), 0, buf);
}
