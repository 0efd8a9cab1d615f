// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/machine.h"
#include "tests/machine-internal.h"

#define WORDS_MAX 16

/* Resolves \xHH and \\ in place. */
static bool unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		unsigned byte;

		if (*from != '\\') {
			*to++ = *from;
		} else if (from[1] == '\\') {
			*to++ = *++from;
		} else if (from[1] == 'x' && isxdigit((unsigned char)from[2]) &&
			   isxdigit((unsigned char)from[3]) &&
			   sscanf(from + 2, "%2x", &byte) == 1) {
			*to++ = (char)byte;
			from += 3;
		} else {
			return false;
		}
	}
	*to = '\0';
	return true;
}

/* Cuts a line at its blanks; a value may be quoted: model="A disk". Returns the count or -1. */
static int split(char *line, char *words[static WORDS_MAX])
{
	int count = 0;

	for (;;) {
		char *to;
		bool quoted = false;

		line += strspn(line, " \t");
		if (!*line)
			return count;
		if (count == WORDS_MAX)
			return -1;
		words[count++] = to = line;
		for (; *line && (quoted || (*line != ' ' && *line != '\t')); line++) {
			if (*line == '"')
				quoted = !quoted;
			else
				*to++ = *line;
		}
		if (quoted)
			return -1;
		if (*line)
			line++;
		*to = '\0';
	}
}

/* The value of KEY=VALUE among the words; NULL where it is not given. Taken words are cleared. */
const char *machine_take(char **words, int count, const char *key)
{
	size_t len = strlen(key);

	for (int i = 0; i < count; i++) {
		char *value;

		if (!words[i] || strncmp(words[i], key, len) || words[i][len] != '=')
			continue;
		value = words[i] + len + 1;
		words[i] = NULL;
		return unescape(value) ? value : NULL;
	}
	return NULL;
}

int machine_all_taken(const struct machine *m, char **words, int count)
{
	for (int i = 0; i < count; i++)
		if (words[i])
			return machine_fail(m, -EINVAL, "%s: not understood here", words[i]);
	return 0;
}

/* Exactly the digits that the format wants, and nothing after them. */
bool machine_pair(const char *text, unsigned *ret_a, unsigned *ret_b)
{
	int end = 0;

	return text && strlen(text) == 9 && sscanf(text, "%4x:%4x%n", ret_a, ret_b, &end) == 2 &&
	       end == 9;
}

struct machine_function *machine_function(const struct machine *m, const char *address)
{
	for (size_t i = m->function_count; address && i-- > 0;)
		if (!strcmp(m->functions[i].address, address))
			return &m->functions[i];
	return NULL;
}

static int put_block(struct machine *m, const char *dir, const char *name, const char *dev,
		     const char *sectors)
{
	char holders[PATH_MAX];
	int r;

	if (!dev || !sectors || strchr(dev, '/'))
		return machine_fail(m, -EINVAL, "dev=MAJOR:MINOR and sectors=N are needed");
	snprintf(holders, sizeof(holders), "%s/holders", dir);
	r = machine_dirs(m, holders, true);
	if (r >= 0)
		r = machine_put(m, dir, "dev", "%s", dev);
	if (r >= 0)
		r = machine_put(m, dir, "size", "%s", sectors);
	if (r >= 0)
		r = machine_put_relative(m, "sys/class/block", name, dir);
	if (r >= 0)
		r = machine_put_relative(m, "sys/dev/block", dev, dir);
	return r;
}

/* Takes path over, also on failure. */
static int add_disk(struct machine *m, const char *name, char *path)
{
	struct machine_disk *disks;
	char *copy = strdup(name);

	disks = reallocarray(m->disks, m->disk_count + 1, sizeof(*disks));
	if (disks)
		m->disks = disks;
	if (!disks || !copy) {
		free(copy);
		free(path);
		return -ENOMEM;
	}
	disks[m->disk_count++] = (struct machine_disk){.name = copy, .path = path};
	return 0;
}

static int disk_line(struct machine *m, char **words, int count)
{
	const char *name = words[0];
	const char *at = machine_take(words + 1, count - 1, "at");
	const char *dev = machine_take(words + 1, count - 1, "dev");
	const char *sectors = machine_take(words + 1, count - 1, "sectors");
	const char *below = machine_take(words + 1, count - 1, "below");
	const char *model = machine_take(words + 1, count - 1, "model");
	const struct machine_function *f = machine_function(m, at);
	_cleanup_free_ char *holder = NULL, *path = NULL;
	int r = machine_all_taken(m, words + 1, count - 1);

	if (r < 0)
		return r;
	if (!f)
		return machine_fail(m, -EINVAL, "at= names no function above this line");
	if (asprintf(&holder, "%s%s%s", f->path, below ? "/" : "", below ? below : "") < 0)
		return -ENOMEM;
	/* NVMe names have no block/ above them. */
	if (asprintf(&path, "%s/%s%s", holder, strncmp(name, "nvme", 4) ? "block/" : "", name) < 0)
		return -ENOMEM;
	r = put_block(m, path, name, dev, sectors);
	if (r >= 0)
		r = machine_put_relative(m, "sys/block", name, path);
	if (r >= 0)
		r = machine_put_relative(m, path, "device", holder);
	if (r >= 0 && model)
		r = machine_put(m, holder, "model", "%s", model);
	return r < 0 ? r : add_disk(m, name, steal(&path));
}

static const struct machine_disk *find_disk(const struct machine *m, const char *name)
{
	for (size_t i = 0; name && i < m->disk_count; i++)
		if (!strcmp(m->disks[i].name, name))
			return &m->disks[i];
	return NULL;
}

static int part_line(struct machine *m, char **words, int count)
{
	const char *name = words[0];
	const struct machine_disk *disk = find_disk(m, machine_take(words + 1, count - 1, "disk"));
	const char *dev = machine_take(words + 1, count - 1, "dev");
	const char *sectors = machine_take(words + 1, count - 1, "sectors");
	_cleanup_free_ char *path = NULL;
	int r = machine_all_taken(m, words + 1, count - 1);

	if (r < 0)
		return r;
	if (!disk)
		return machine_fail(m, -EINVAL, "disk= names no disk above this line");
	if (asprintf(&path, "%s/%s", disk->path, name) < 0)
		return -ENOMEM;
	r = put_block(m, path, name, dev, sectors);
	if (r >= 0)
		r = machine_put(m, path, "partition", "1");
	return r < 0 ? r : add_disk(m, name, steal(&path));
}

static int mapped_line(struct machine *m, char **words, int count)
{
	const char *name = words[0];
	const struct machine_disk *on = find_disk(m, machine_take(words + 1, count - 1, "on"));
	const char *dev = machine_take(words + 1, count - 1, "dev");
	const char *sectors = machine_take(words + 1, count - 1, "sectors");
	const char *mapper = machine_take(words + 1, count - 1, "mapper");
	char holders[PATH_MAX], slaves[PATH_MAX];
	_cleanup_free_ char *path = NULL;
	int r = machine_all_taken(m, words + 1, count - 1);

	if (r < 0)
		return r;
	if (!on)
		return machine_fail(m, -EINVAL, "on= names no disk or partition above this line");
	if (asprintf(&path, "sys/devices/virtual/block/%s", name) < 0)
		return -ENOMEM;
	r = put_block(m, path, name, dev, sectors);
	snprintf(holders, sizeof(holders), "%s/holders", on->path);
	snprintf(slaves, sizeof(slaves), "%s/slaves", path);
	if (r >= 0)
		r = machine_put_relative(m, "sys/block", name, path);
	if (r >= 0)
		r = machine_put_relative(m, holders, name, path);
	if (r >= 0)
		r = machine_put_relative(m, slaves, on->name, on->path);
	snprintf(holders, sizeof(holders), "%s/dm", path);
	if (r >= 0 && mapper)
		r = machine_put(m, holders, "name", "%s", mapper);
	return r < 0 ? r : add_disk(m, name, steal(&path));
}

static int usb_line(struct machine *m, char **words, int count)
{
	const char *name = words[0];
	const char *at = machine_take(words + 1, count - 1, "at");
	const char *id = machine_take(words + 1, count - 1, "id");
	const char *class = machine_take(words + 1, count - 1, "class");
	const char *manufacturer = machine_take(words + 1, count - 1, "manufacturer");
	const char *product = machine_take(words + 1, count - 1, "product");
	const struct machine_function *f = machine_function(m, at);
	char path[PATH_MAX];
	unsigned vendor, device;
	int r = machine_all_taken(m, words + 1, count - 1);

	if (r < 0)
		return r;
	if (!f || !machine_pair(id, &vendor, &device))
		return machine_fail(m, -EINVAL,
				    "at=ADDRESS of a function above and id=VVVV:DDDD are needed");
	/* 1-4 hangs on bus 1: usb1/1-4. */
	snprintf(path, sizeof(path), "%s/usb%.*s/%s", f->path, (int)strcspn(name, "-"), name, name);
	r = machine_put(m, path, "idVendor", "%04x", vendor);
	if (r >= 0)
		r = machine_put(m, path, "idProduct", "%04x", device);
	if (r >= 0)
		r = machine_put(m, path, "bDeviceClass", "%s", class ? class : "00");
	if (r >= 0 && manufacturer)
		r = machine_put(m, path, "manufacturer", "%s", manufacturer);
	if (r >= 0 && product)
		r = machine_put(m, path, "product", "%s", product);
	return r < 0 ? r : machine_put_relative(m, "sys/bus/usb/devices", name, path);
}

static int driver_line(struct machine *m, char **words, int count)
{
	int r = machine_all_taken(m, words + 1, count - 1);

	return r < 0 ? r : machine_driver(m, words[0]);
}

static int here_document(struct machine *m, FILE *in, const char *path, const char *word)
{
	_cleanup_free_ char *line = NULL, *text = NULL;
	size_t space = 0, size = 0;
	ssize_t n;

	while ((n = getline(&line, &space, in)) >= 0) {
		char *more;

		m->line++;
		if (n && line[n - 1] == '\n' && strlen(word) == (size_t)n - 1 &&
		    !strncmp(line, word, (size_t)n - 1))
			return machine_put_bytes(m, path, text ? text : "", size);
		more = realloc(text, size + (size_t)n);
		if (!more)
			return -ENOMEM;
		text = more;
		memcpy(text + size, line, (size_t)n);
		size += (size_t)n;
	}
	return machine_fail(m, -EINVAL, "%s: no line `%s` ends it", path, word);
}

static int file_line(struct machine *m, FILE *in, char *line)
{
	char *rest = line + strcspn(line, " \t");
	char *value;

	if (!*rest && rest > line && rest[-1] == '/') {
		rest[-1] = '\0';
		return machine_dirs(m, line, true);
	}
	if (!*rest)
		return machine_fail(m, -EINVAL, "%s: not understood", line);
	*rest++ = '\0';
	rest += strspn(rest, " \t");
	value = rest + strcspn(rest, " \t");
	if (*value)
		*value++ = '\0';
	if (!strcmp(rest, "->"))
		return machine_put_link(m, line, value);
	if (!strcmp(rest, "<<") && *value)
		return here_document(m, in, line, value);
	if (strcmp(rest, "="))
		return machine_fail(m, -EINVAL, "%s: not understood", line);
	if (!unescape(value))
		return machine_fail(m, -EINVAL, "%s: after a backslash: xHH or another one", line);
	{
		char path[PATH_MAX], *name = strrchr(line, '/');

		if (!name)
			return machine_fail(m, -EINVAL, "%s: a file in no directory", line);
		snprintf(path, sizeof(path), "%.*s", (int)(name - line), line);
		return machine_put(m, path, name + 1, "%s", value);
	}
}

static int expand_line(struct machine *m, FILE *in, char *line)
{
	static const struct {
		const char *word;
		int (*expand)(struct machine *m, char **words, int count);
	} kinds[] = {
		{"pci", machine_pci},	    {"driver", driver_line}, {"disk", disk_line},
		{"part", part_line},	    {"mapped", mapped_line}, {"usb", usb_line},
		{"config", machine_config}, {"core", machine_core},  {"node", machine_node},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].word);
		char *words[WORDS_MAX];
		int count;

		if (strncmp(line, kinds[i].word, len) || (line[len] != ' ' && line[len] != '\t'))
			continue;
		count = split(line + len, words);
		if (count < 1)
			return machine_fail(m, -EINVAL, "a name and at most %d words are expected",
					    WORDS_MAX);
		if (strchr(words[0], '/') || words[0][0] == '.')
			return machine_fail(m, -EINVAL, "%s: not a name", words[0]);
		return kinds[i].expand(m, words, count);
	}
	return file_line(m, in, line);
}

static void machine_free(struct machine *m)
{
	close_fd(&m->fd);
	for (size_t i = 0; i < m->function_count; i++)
		free(m->functions[i].path);
	for (size_t i = 0; i < m->disk_count; i++) {
		free(m->disks[i].name);
		free(m->disks[i].path);
	}
	free(m->functions);
	free(m->disks);
	machine_cpus_free(m);
}

/* What every machine has: the mark, the bus itself. */
static int begin(struct machine *m, const char *dir)
{
	int r;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return machine_fail(m, -errno, "%s: %s", dir, strerror(errno));
	m->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->fd < 0)
		return machine_fail(m, -errno, "%s: %s", dir, strerror(errno));
	r = machine_put_bytes(m, ".vfio-machine", "", 0);
	if (r >= 0)
		r = machine_dirs(m, "sys/bus/pci/devices", true);
	if (r >= 0)
		r = machine_put(m, "sys/bus/pci", "drivers_probe", "%s", "");
	if (r >= 0)
		r = machine_put(m, "sys/bus/pci", "drivers_autoprobe", "1");
	if (r >= 0)
		r = machine_dirs(m, "sys/kernel/iommu_groups", true);
	return r;
}

int machine_expand(const char *tree_file, const char *dir)
{
	_cleanup_(machine_free) struct machine m = {.fd = -1, .file = tree_file};
	_cleanup_fclose_ FILE *in = fopen(tree_file, "re");
	_cleanup_free_ char *line = NULL;
	size_t space = 0;
	ssize_t n;
	int r;

	if (!in)
		return machine_fail(&m, -errno, "%s", strerror(errno));
	r = begin(&m, dir);
	while (r >= 0 && (n = getline(&line, &space, in)) >= 0) {
		m.line++;
		if (n && line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (line[0] != '#' && line[strspn(line, " \t")] != '\0')
			r = expand_line(&m, in, line);
	}
	return r < 0 ? r : machine_cpus(&m);
}

int machine_synthetic(unsigned cards, const char *dir)
{
	_cleanup_(machine_free) struct machine m = {.fd = -1, .file = "synthetic"};
	char display[] = "pci 0000:00:01.0 id=1234:1111 sub=1af4:1100 class=030000 group=1 "
			 "driver=bochs-drm boot_vga=1";
	char bridge[] = "pci 0000:00:00.0 id=8086:29c0 sub=1af4:1100 class=060000 group=0";
	char line[256];
	int r;

	if (cards < 1 || cards > 4096)
		return machine_fail(&m, -EINVAL, "1 to 4096 cards");
	r = begin(&m, dir);
	if (r >= 0)
		r = expand_line(&m, NULL, bridge);
	if (r >= 0)
		r = expand_line(&m, NULL, display);
	for (unsigned i = 0; r >= 0 && i < cards; i++) {
		unsigned domain = i / 128, port = i % 128, bus = port + 1;

		snprintf(line, sizeof(line),
			 "pci %04x:00:%02x.%u id=1b36:000c class=060400 group=%u driver=pcieport",
			 domain, 0x10 + port / 8, port % 8, 2 + 2 * i);
		r = expand_line(&m, NULL, line);
		if (r < 0)
			break;
		snprintf(line, sizeof(line),
			 "pci %04x:%02x:00.0 parent=%04x:00:%02x.%u id=10de:1e07 sub=10de:12a4 "
			 "class=030000 group=%u driver=nouveau boot_vga=0",
			 domain, bus, domain, 0x10 + port / 8, port % 8, 3 + 2 * i);
		r = expand_line(&m, NULL, line);
		if (r < 0)
			break;
		snprintf(line, sizeof(line),
			 "pci %04x:%02x:00.1 parent=%04x:00:%02x.%u id=10de:10f7 sub=10de:12a4 "
			 "class=040300 group=%u driver=snd_hda_intel",
			 domain, bus, domain, 0x10 + port / 8, port % 8, 3 + 2 * i);
		r = expand_line(&m, NULL, line);
	}
	return r;
}
