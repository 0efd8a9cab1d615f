// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The init of a guest that runs inside a boot test's host: loads the modules in /modules in the order of their names, says
 * on its console which PCI functions it sees, with what the firmware gave them and who drives them, and stays.
 *
 *     inner: 0000:00:04.0 1234:1111 bochs-drm fd000000+1000000
 *     inner: ready
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char devices[] = "/sys/bus/pci/devices";

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void load_modules(void)
{
	struct dirent **names;
	char path[PATH_MAX];
	int n;

	n = scandir("/modules", &names, not_hidden, alphasort);
	for (int i = 0; i < n; i++) {
		int fd;

		snprintf(path, sizeof(path), "/modules/%s", names[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
			printf("inner: %s: %s\n", path, strerror(errno));
		close(fd);
	}
}

static unsigned int id(const char *address, const char *name)
{
	char path[PATH_MAX];
	unsigned int value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", devices, address, name);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%x", &value) != 1)
		printf("inner: %s: no\n", path);
	if (f)
		fclose(f);
	return value;
}

/* The first six lines of `resource` are the BARs: first byte, last byte, flags. */
static void print_bars(const char *address)
{
	unsigned long long first, last, flags;
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/resource", devices, address);
	f = fopen(path, "re");
	for (int i = 0; f && i < 6; i++) {
		if (fscanf(f, "%llx %llx %llx", &first, &last, &flags) != 3)
			break;
		if (flags)
			printf(" %llx+%llx", first, last - first + 1);
	}
	if (f)
		fclose(f);
}

static void print_function(const char *address)
{
	char path[PATH_MAX], driver[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s/driver", devices, address);
	n = readlink(path, driver, sizeof(driver) - 1);
	driver[n < 0 ? 0 : n] = '\0';
	printf("inner: %s %04x:%04x %s", address, id(address, "vendor"), id(address, "device"),
	       n < 0 ? "-" : strrchr(driver, '/') + 1);
	print_bars(address);
	printf("\n");
}

int main(void)
{
	struct dirent **names;
	int n;

	if (mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		printf("inner: /sys: %s\n", strerror(errno));
	load_modules();
	n = scandir(devices, &names, not_hidden, alphasort);
	for (int i = 0; i < n; i++)
		print_function(names[i]->d_name);
	printf("inner: ready\n");
	fflush(stdout);
	for (;;)
		pause();
}
