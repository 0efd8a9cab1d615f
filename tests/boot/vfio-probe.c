// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfio-probe ADDRESS: does with a claimed function what a virtual machine monitor does first, and so proves that a
 * guest can have it: opens its group, sees that it is viable, puts it into a type 1 container, maps a page for DMA,
 * gets the device and reads its configuration space, which must say what sysfs says.
 * Exits with 0 only if all of it worked. Follows Documentation/driver-api/vfio.rst.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static void fail(const char *what)
{
	fprintf(stderr, "vfio-probe: %s: %s\n", what, errno ? strerror(errno) : "no");
	exit(1);
}

static unsigned int sysfs_id(const char *address, const char *name)
{
	char path[PATH_MAX];
	unsigned int id;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%x", &id) != 1)
		fail(path);
	fclose(f);
	return id;
}

/* The group's number is the last part of where the link points. */
static int open_group(const char *address)
{
	char link[PATH_MAX], target[PATH_MAX], path[PATH_MAX + 16];
	ssize_t n;
	int fd;

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", address);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		fail(link);
	target[n] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(target, '/') + 1);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	return fd;
}

static void map_page(int container)
{
	size_t size_bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.size = size_bytes,
	};
	void *page;

	page = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		fail("mmap");
	map.vaddr = (uintptr_t)page;
	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map) < 0)
		fail("mapping a page for DMA");
}

int main(int argc, char **argv)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	struct vfio_region_info config = {
		.argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	uint16_t ids[2];
	int container, group, device;

	if (argc != 2) {
		fprintf(stderr, "usage: vfio-probe ADDRESS\n");
		return 2;
	}
	errno = 0;
	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (container < 0)
		fail("/dev/vfio/vfio");
	if (ioctl(container, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
		fail("the version of the interface");
	if (ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
		fail("type 1 containers");
	group = open_group(argv[1]);
	if (ioctl(group, VFIO_GROUP_GET_STATUS, &status) < 0)
		fail("the status of the group");
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		fail("is the group viable");
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0)
		fail("the group into the container");
	if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		fail("the container's type");
	map_page(container);
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[1]);
	if (device < 0)
		fail("the device of the group");
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) < 0)
		fail("the configuration space");
	if (pread(device, ids, sizeof(ids), (off_t)config.offset) != sizeof(ids))
		fail("reading the configuration space");
	printf("%s %04x:%04x\n", argv[1], ids[0], ids[1]);
	errno = 0;
	if (ids[0] != sysfs_id(argv[1], "vendor") || ids[1] != sysfs_id(argv[1], "device"))
		fail("does it say what sysfs says");
	return 0;
}
