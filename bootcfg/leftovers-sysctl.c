// SPDX-License-Identifier: GPL-2.0-or-later
/* vm.nr_hugepages in sysctl.d: sysctl.d(5), systemd-sysctl.service(8), procps' sysctl(8). */
#include <string.h>

#include "bootcfg/leftovers.h"

/* All assignments, in the order in which they take effect. */
struct settings {
	struct leftovers found; /* in it, contradicts: another count than the profile's */
	struct file conf; /* etc/sysctl.conf, which often has a link in sysctl.d too */
	bool conf_done;
	unsigned long pages;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* "vm.nr_hugepages" or "vm/nr_hugepages"; `-` in front: a failure does not matter. */
static bool is_key(const char *text, size_t len)
{
	static const char key[] = "vm.nr_hugepages";

	while (len && is_blank(*text)) {
		text++;
		len--;
	}
	if (len && *text == '-') {
		text++;
		len--;
	}
	while (len && is_blank(text[len - 1]))
		len--;
	if (len != sizeof(key) - 1)
		return false;
	return !memcmp(text, key, 2) && (text[2] == '.' || text[2] == '/') &&
	       !memcmp(text + 3, key + 3, len - 3);
}

/* A count as /proc/sys takes it; false for what it would refuse. */
static bool parse_count(const char *text, size_t len, unsigned long *ret)
{
	char buf[32], *end;

	while (len && is_blank(*text)) {
		text++;
		len--;
	}
	while (len && is_blank(text[len - 1]))
		len--;
	if (!len || len >= sizeof(buf) || *text < '0' || *text > '9')
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	*ret = strtoul(buf, &end, 0);
	return *end == '\0';
}

static int take(void *data, struct file *file, struct diag *diag)
{
	struct leftover_line line = {.text = NULL};
	struct settings *settings = data;

	if (settings->conf.exists && file->stat.st_dev == settings->conf.stat.st_dev &&
	    file->stat.st_ino == settings->conf.stat.st_ino) {
		file = &settings->conf;
		settings->conf_done = true;
	}
	while (leftover_line_next(file, &line)) {
		const char *equals = memchr(line.text, '=', line.len);
		unsigned long pages;
		int r;

		/* A comment's key has the `#` in it. */
		if (!equals || !is_key(line.text, (size_t)(equals - line.text)) ||
		    !parse_count(equals + 1, (size_t)(line.text + line.len - equals - 1), &pages))
			continue;
		r = leftover_add(&settings->found, file, &line, pages != settings->pages, diag);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes the file over. */
static int keep(void *data, struct file *file, _unused_ struct diag *diag)
{
	struct file *conf = data;

	*conf = *file;
	*file = (struct file){.exists = false};
	return 0;
}

int leftovers_sysctl(const struct root *root, unsigned long pages, struct leftovers *leftovers,
		     struct diag *diag)
{
	struct settings settings = {.pages = pages};
	size_t first;
	int r;

	r = leftover_file(root, "etc/sysctl.conf", keep, &settings.conf, diag);
	if (r == 0)
		r = leftover_files(root, "sysctl.d", take, &settings, diag);
	if (r == 0 && settings.conf.exists && !settings.conf_done)
		r = take(&settings, &settings.conf, diag);
	file_free(&settings.conf);
	/*
	 * The last one wins. Those before it count as far as they would win in its place; before one
	 * that agrees, none does.
	 */
	first = settings.found.count;
	while (first && settings.found.items[first - 1].contradicts)
		first--;
	for (size_t i = first; i < settings.found.count && r == 0; i++) {
		struct leftover *item = &settings.found.items[i], *more;

		more = reallocarray(leftovers->items, leftovers->count + 1, sizeof(*more));
		if (!more) {
			r = diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
			break;
		}
		leftovers->items = more;
		more[leftovers->count++] = *item;
		item->file = item->text = NULL;
	}
	leftovers_free(&settings.found);
	return r;
}
