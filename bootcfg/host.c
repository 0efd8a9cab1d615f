// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/host.h"

#define CPUINFO_FIRST 8192 /* bytes that hold the first CPU's lines, flags included */
#define PATH_STR 512
#define SYMBOLS_CHUNK 65536

/* The first bytes of a file that may be long, NUL-terminated; less than size. */
static ssize_t read_start(const struct root *root, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = root_openat(root, path, O_RDONLY, 0);
	size_t have = 0;

	if (fd < 0)
		return fd;
	while (have < size - 1) {
		ssize_t n = read(fd, buf + have, size - 1 - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	buf[have] = '\0';
	return (ssize_t)have;
}

/* An attribute of one line, or NULL where it cannot be read. */
static int read_line(const struct root *root, const char *path, char **ret)
{
	char buf[4096];

	*ret = NULL;
	if (root_read_attr(root, path, buf, sizeof(buf)) < 0)
		return 0;
	*ret = strdup(buf);
	return *ret ? 0 : -ENOMEM;
}

/* The value in "key<blanks>: value" of /proc/cpuinfo and /proc/meminfo; *ret_len to its line's end. */
static const char *field(const char *text, const char *key, size_t *ret_len)
{
	size_t len = strlen(key);

	for (; text; text = strchr(text, '\n')) {
		const char *at;

		text += *text == '\n';
		if (strncmp(text, key, len))
			continue;
		at = text + len + strspn(text + len, " \t");
		if (*at != ':')
			continue;
		at++;
		at += strspn(at, " \t");
		*ret_len = strcspn(at, "\n");
		return at;
	}
	return NULL;
}

static bool has_word(const char *text, size_t len, const char *word)
{
	const char *end = text + len;

	while (text < end) {
		size_t size = strcspn(text, " \n");

		if (size == strlen(word) && !memcmp(text, word, size))
			return true;
		text += size + 1;
	}
	return false;
}

static void read_cpuinfo(const struct root *root, struct host *host)
{
	char buf[CPUINFO_FIRST];
	const char *at;
	size_t len;

	if (read_start(root, "proc/cpuinfo", buf, sizeof(buf)) < 0)
		return;
	at = field(buf, "vendor_id", &len);
	if (at && has_word(at, len, "GenuineIntel"))
		host->vendor = CPU_INTEL;
	else if (at && (has_word(at, len, "AuthenticAMD") || has_word(at, len, "HygonGenuine")))
		host->vendor = CPU_AMD;
	at = field(buf, "flags", &len);
	if (at && at[len] == '\n') {
		host->flags_known = true;
		host->has_virt = has_word(at, len, "vmx") || has_word(at, len, "svm");
		host->has_2m = has_word(at, len, "pse");
		host->has_1g = has_word(at, len, "pdpe1gb");
	}
}

static void read_present(const struct root *root, struct host *host)
{
	char buf[4096];

	if (root_read_attr(root, "sys/devices/system/cpu/present", buf, sizeof(buf)) > 0 &&
	    cpulist_parse(buf, &host->present) == 0)
		host->cpus = cpulist_last(&host->present) + 1;
}

/* --- kernels ---------------------------------------------------------------------------------- */

/* "6.12.85+deb13-amd64": what begins like that; other directories lie there too. */
static bool parse_version(const char *name, struct host_kernel *ret)
{
	char *end;

	if (*name < '0' || *name > '9')
		return false;
	ret->major = (unsigned)strtoul(name, &end, 10);
	if (*end != '.' || end[1] < '0' || end[1] > '9')
		return false;
	ret->minor = (unsigned)strtoul(end + 1, &end, 10);
	return true;
}

static bool is_installed(const struct root *root, const char *dir, const char *name)
{
	char path[PATH_STR];

	/* What removed packages leave behind has neither. */
	snprintf(path, sizeof(path), "%s/%s/modules.dep", dir, name);
	if (root_exists(root, path))
		return true;
	snprintf(path, sizeof(path), "%s/%s/kernel", dir, name);
	return root_exists(root, path);
}

static bool has_kernel(const struct host *host, const char *version)
{
	for (size_t i = 0; i < host->kernel_count; i++)
		if (!strcmp(host->kernels[i].version, version))
			return true;
	return false;
}

static int read_kernels(const struct root *root, const char *path, struct host *host)
{
	_cleanup_closedir_ DIR *dir = root_opendir(root, path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct host_kernel kernel, *more;

		if (!parse_version(entry->d_name, &kernel) || has_kernel(host, entry->d_name) ||
		    !is_installed(root, path, entry->d_name))
			continue;
		more = reallocarray(host->kernels, host->kernel_count + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		host->kernels = more;
		kernel.version = strdup(entry->d_name);
		if (!kernel.version)
			return -ENOMEM;
		more[host->kernel_count++] = kernel;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct host_kernel *x = a, *y = b;

	return strverscmp(x->version, y->version);
}

static int load_kernels(const struct root *root, struct host *host)
{
	char target[16];
	int r = read_kernels(root, "usr/lib/modules", host);

	/* /lib is a link to usr/lib nearly everywhere: the same directory again. */
	if (r == 0 && !(root_readlink(root, "lib", target, sizeof(target)) > 0 &&
			(!strcmp(target, "usr/lib") || !strcmp(target, "/usr/lib"))))
		r = read_kernels(root, "lib/modules", host);
	if (host->kernel_count)
		qsort(host->kernels, host->kernel_count, sizeof(*host->kernels), compare);
	return r;
}

bool host_kernels_from(const struct host *host, unsigned major, unsigned minor,
		       const char **ret_older)
{
	for (size_t i = 0; i < host->kernel_count; i++) {
		const struct host_kernel *kernel = &host->kernels[i];

		if (kernel->major > major || (kernel->major == major && kernel->minor >= minor))
			continue;
		if (ret_older)
			*ret_older = kernel->version;
		return false;
	}
	return true;
}

int host_load(const struct root *root, struct host *ret)
{
	_cleanup_host_ struct host host = {.root = root};
	int r = load_kernels(root, &host);

	if (r < 0)
		return r;
	if (root_has_kernel(root)) {
		read_cpuinfo(root, &host);
		read_present(root, &host);
		if (read_line(root, "proc/sys/kernel/osrelease", &host.running) < 0 ||
		    read_line(root, "proc/cmdline", &host.cmdline) < 0)
			return -ENOMEM;
	}
	*ret = host;
	host = (struct host){.vendor = CPU_UNKNOWN};
	return 0;
}

void host_free(struct host *host)
{
	for (size_t i = 0; i < host->kernel_count; i++)
		free(host->kernels[i].version);
	free(host->kernels);
	free(host->running);
	free(host->cmdline);
	*host = (struct host){.vendor = CPU_UNKNOWN};
}

/* --- read when it is asked for ---------------------------------------------------------------- */

int host_siblings(const struct host *host, unsigned cpu, cpu_set_t *ret)
{
	char path[PATH_STR], buf[4096];

	if (!host->cpus)
		return -ENOENT;
	snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
		 cpu);
	/* A CPU that is offline has none. */
	if (root_read_attr(host->root, path, buf, sizeof(buf)) < 0 || cpulist_parse(buf, ret) < 0)
		return -ENOENT;
	return 0;
}

unsigned long host_default_page_kib(const struct host *host)
{
	char buf[8192];
	const char *at;
	size_t len;

	if (!root_has_kernel(host->root) ||
	    read_start(host->root, "proc/meminfo", buf, sizeof(buf)) < 0)
		return 0;
	at = field(buf, "Hugepagesize", &len);
	return at ? strtoul(at, NULL, 10) : 0;
}

/*
 * Looks for the function that reads pcie_acs_override= in a list of symbols, piece by piece. One that
 * says nothing of a table that every kernel with PCI has is no list: Debian's System.map is a
 * sentence, without the right to look /proc/kallsyms is empty.
 */
static enum acs_patch search_symbols(const struct root *root, const char *path)
{
	static const char patch[] = "pcie_acs_override", any[] = "pci_dev_specific_acs_enabled";
	_cleanup_close_ int fd = root_openat(root, path, O_RDONLY, 0);
	_cleanup_free_ char *buf = NULL;
	size_t kept = 0;
	bool list = false;

	if (fd < 0)
		return ACS_UNKNOWN;
	buf = malloc(SYMBOLS_CHUNK);
	if (!buf)
		return ACS_UNKNOWN;
	for (;;) {
		ssize_t n = read(fd, buf + kept, SYMBOLS_CHUNK - kept);
		size_t have;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ACS_UNKNOWN;
		if (n == 0)
			return list ? ACS_NO : ACS_UNKNOWN;
		have = kept + (size_t)n;
		if (memmem(buf, have, patch, sizeof(patch) - 1))
			return ACS_YES;
		list = list || memmem(buf, have, any, sizeof(any) - 1);
		/* A name may be cut in two by the end of what was read. */
		kept = have < sizeof(any) ? have : sizeof(any);
		memmove(buf, buf + have - kept, kept);
	}
}

enum acs_patch host_acs(const struct host *host, const struct host_kernel *kernel)
{
	static const struct {
		const char *before, *after;
	} maps[] = {{"boot/System.map-", ""},
		    {"usr/lib/modules/", "/System.map"},
		    {"lib/modules/", "/System.map"}};
	enum acs_patch acs = ACS_UNKNOWN;
	char path[PATH_STR];

	for (size_t i = 0; i < ARRAY_SIZE(maps) && acs == ACS_UNKNOWN; i++) {
		snprintf(path, sizeof(path), "%s%s%s", maps[i].before, kernel->version,
			 maps[i].after);
		acs = search_symbols(host->root, path);
	}
	if (acs == ACS_UNKNOWN && host->running && !strcmp(host->running, kernel->version))
		acs = search_symbols(host->root, "proc/kallsyms");
	return acs;
}
