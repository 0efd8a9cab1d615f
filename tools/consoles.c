// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>

#include "early/display.h"
#include "early/text.h"
#include "tools/consoles.h"

#define VTCONSOLES "sys/class/vtconsole"
#define PLATFORM "sys/bus/platform"
#define CLASS_DISPLAY 0x03

/* The kernel's names of the firmware's frame buffer (drivers/firmware/sysfb.c). */
static const char firmware_names[][24] = {"efi-framebuffer.0", "simple-framebuffer.0",
					  "vesa-framebuffer.0"};

static bool leads_through(const char *target, const struct pci_addr *addr)
{
	char part[PCI_ADDR_STR + 2] = "/";

	pci_addr_format(addr, part + 1);
	strcat(part, "/");
	return strstr(target, part);
}

/* The display function of the plan that a link of sysfs leads through, or NULL. */
static const struct pci_dev *owner(const struct claim_plan *plan, const char *target)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct pci_dev *dev = plan->targets[i].dev;

		if (dev && pci_base_class(dev) == CLASS_DISPLAY &&
		    leads_through(target, &dev->addr))
			return dev;
	}
	return NULL;
}

/* Linux before 6.9 has it directly below platform: then it is where the host boots. */
static const struct pci_dev *firmware_owner(const struct root *root,
					    const struct pci_inventory *inv,
					    const struct claim_plan *plan, const char *target)
{
	struct pci_dev *boot;

	if (owner(plan, target) || !strstr(target, "/platform/"))
		return owner(plan, target);
	if (display_boot(root, inv, &boot) == DISPLAY_NONE)
		return NULL;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->targets[i].dev == boot)
			return boot;
	return NULL;
}

/* The lines that put back the firmware's frame buffer; *ret_dev is whose it is. */
static void list_firmware(const struct root *root, const struct pci_inventory *inv,
			  const struct claim_plan *plan, struct text *lines,
			  const struct pci_dev **ret_dev)
{
	for (size_t i = 0; i < ARRAY_SIZE(firmware_names); i++) {
		char path[128], target[4096], driver[64];
		const struct pci_dev *dev;

		snprintf(path, sizeof(path), PLATFORM "/devices/%s", firmware_names[i]);
		if (root_readlink(root, path, target, sizeof(target)) < 0)
			continue;
		dev = firmware_owner(root, inv, plan, target);
		snprintf(path, sizeof(path), PLATFORM "/devices/%s/driver", firmware_names[i]);
		if (!dev || root_readlink_name(root, path, driver, sizeof(driver)) < 0)
			continue;
		text_add(lines, PLATFORM "/drivers/%s/bind %s\n", driver, firmware_names[i]);
		*ret_dev = dev;
	}
}

/* Whether every frame buffer there is lies on the plan's cards: else the console moves to another by itself. */
static bool has_all_buffers(const struct root *root, const struct pci_inventory *inv,
			    const struct claim_plan *plan, const struct pci_dev **ret_dev)
{
	_cleanup_closedir_ DIR *dir = root_opendir(root, "sys/class/graphics");
	const struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir))) {
		const struct pci_dev *dev = NULL;
		char path[300], target[4096];

		if (strncmp(entry->d_name, "fb", 2) || !strchr("0123456789", entry->d_name[2]))
			continue;
		snprintf(path, sizeof(path), "sys/class/graphics/%s", entry->d_name);
		if (root_readlink(root, path, target, sizeof(target)) < 0)
			return false;
		dev = firmware_owner(root, inv, plan, target);
		if (!dev)
			return false;
		*ret_dev = dev;
		count++;
	}
	return count;
}

static void list_vtconsoles(const struct root *root, struct text *lines)
{
	_cleanup_closedir_ DIR *dir = root_opendir(root, VTCONSOLES);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[300], text[64];

		if (strncmp(entry->d_name, "vtcon", 5) != 0)
			continue;
		snprintf(path, sizeof(path), VTCONSOLES "/%s/name", entry->d_name);
		if (root_read_attr(root, path, text, sizeof(text)) < 0 ||
		    !strstr(text, "frame buffer device"))
			continue;
		snprintf(path, sizeof(path), VTCONSOLES "/%s/bind", entry->d_name);
		if (root_read_attr(root, path, text, sizeof(text)) >= 0 && !strcmp(text, "1"))
			text_add(lines, "%s 1\n", path);
	}
}

/* What undoes a line: consoles are told 0, a driver is told to let go. */
static int detach(const struct root *root, const char *path, const char *value)
{
	char unbind[300];

	if (!strncmp(path, VTCONSOLES, strlen(VTCONSOLES)))
		return root_write_attr(root, path, "0");
	snprintf(unbind, sizeof(unbind), "%.*s/unbind", (int)(strrchr(path, '/') - path), path);
	return root_write_attr(root, unbind, value);
}

/* Whether a line's write has been done already, or cannot be done any more. */
static bool is_attached(const struct root *root, const char *path, const char *value)
{
	char device[300], text[64];

	if (!strncmp(path, VTCONSOLES, strlen(VTCONSOLES)))
		return root_read_attr(root, path, text, sizeof(text)) < 0 || !strcmp(text, "1");
	snprintf(device, sizeof(device), PLATFORM "/devices/%.100s", value);
	if (!root_exists(root, device))
		return true;
	snprintf(device, sizeof(device), PLATFORM "/devices/%.100s/driver", value);
	return root_exists(root, device);
}

/* Splits "PATH VALUE" in place; false for what we would not have written. */
static bool split_line(char *line, char **ret_value)
{
	char *blank = strchr(line, ' ');

	if (!blank || strstr(line, "..") || strchr(blank + 1, '/'))
		return false;
	if (strncmp(line, VTCONSOLES "/", strlen(VTCONSOLES "/")) != 0 &&
	    strncmp(line, PLATFORM "/drivers/", strlen(PLATFORM "/drivers/")) != 0)
		return false;
	*blank = '\0';
	*ret_value = blank + 1;
	return true;
}

static char *record_path(const struct pci_addr *addr, char buf[static 64])
{
	char text[PCI_ADDR_STR];

	snprintf(buf, 64, DETACHED_DIR "/%s", pci_addr_format(addr, text));
	return buf;
}

static int detach_lines(const struct root *root, struct text *lines)
{
	char *state = NULL, *value;

	for (char *line = lines->size ? strtok_r(lines->data, "\n", &state) : NULL; line;
	     line = strtok_r(NULL, "\n", &state)) {
		int r = split_line(line, &value) ? detach(root, line, value) : -EINVAL;

		if (r < 0)
			return r;
	}
	return 0;
}

int consoles_detach(const struct root *root, const struct pci_inventory *inv,
		    const struct claim_plan *plan)
{
	_cleanup_text_ struct text firmware = {.size = 0}, consoles = {.size = 0},
				   all = {.size = 0};
	_cleanup_free_ char *earlier = NULL;
	const struct pci_dev *dev = NULL;
	char path[64];
	size_t size;
	int r;

	list_firmware(root, inv, plan, &firmware, &dev);
	if (has_all_buffers(root, inv, plan, &dev))
		list_vtconsoles(root, &consoles);
	if (firmware.error || consoles.error)
		return -ENOMEM;
	if (!firmware.size && !consoles.size)
		return 0;
	/* Put back in this order: a console needs a frame buffer to be on. */
	text_add(&all, "%s%s", firmware.size ? firmware.data : "",
		 consoles.size ? consoles.data : "");
	if (root_read_file(root, record_path(&dev->addr, path), &earlier, &size, NULL) >= 0)
		text_add(&all, "%s", earlier);
	r = all.error ? all.error : root_mkdir(root, DETACHED_DIR);
	if (r >= 0)
		r = root_replace(root, path, all.data, all.size, 0644);
	if (r >= 0)
		r = detach_lines(root, &consoles);
	return r < 0 ? r : detach_lines(root, &firmware);
}

static bool has_buffer(const struct root *root)
{
	_cleanup_closedir_ DIR *dir = root_opendir(root, "sys/class/graphics");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "fb", 2) && strcmp(entry->d_name, "fbcon") != 0)
			return true;
	return false;
}

/*
 * vfio-pci takes the device of the firmware's frame buffer away (aperture_remove_conflicting_pci_devices(), Linux 5.19), and
 * nothing makes another. Where the card's own driver has one, nobody misses it.
 */
static bool is_lost(const struct root *root, const char *path, const char *value)
{
	char device[300];

	snprintf(device, sizeof(device), PLATFORM "/devices/%.100s", value);
	return !strncmp(path, PLATFORM, strlen(PLATFORM)) && !root_exists(root, device) &&
	       !has_buffer(root);
}

static int attach_recorded(const struct root *root, const struct pci_addr *addr)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int dir = -1;
	char path[64], *state;
	bool lost = false;
	size_t size;
	int ret = 0;

	if (root_read_file(root, record_path(addr, path), &text, &size, NULL) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		char *value;
		int r;

		if (!split_line(line, &value))
			continue;
		lost = lost || is_lost(root, line, value);
		if (is_attached(root, line, value))
			continue;
		r = root_write_attr(root, line, value);
		if (r < 0)
			ret = r;
	}
	dir = root_openat(root, DETACHED_DIR, O_PATH | O_DIRECTORY, 0);
	if (ret >= 0 && dir >= 0 && unlinkat(dir, strrchr(path, '/') + 1, 0) < 0)
		ret = -errno;
	return ret < 0 || !lost ? ret : -ENODEV;
}

int consoles_attach(const struct root *root, const struct claim_plan *plan)
{
	int ret = 0;

	for (size_t i = 0; i < plan->count; i++) {
		int r = plan->targets[i].dev ? attach_recorded(root, &plan->targets[i].dev->addr)
					     : 0;

		if (r < 0)
			ret = r;
	}
	return ret;
}
