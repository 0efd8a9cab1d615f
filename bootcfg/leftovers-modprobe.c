// SPDX-License-Identifier: GPL-2.0-or-later
/* What older guides put into modprobe.d: modprobe.d(5). */
#include <string.h>

#include "bootcfg/leftovers.h"
#include "bootcfg/policy-parts.h"

struct search {
	const struct root *root;
	const struct profile *profile;
	struct leftovers *leftovers;
};

/* The next word of a line; a `\` at a line's end joins the next one to it. */
static bool next_word(const char **at, const char *end, const char **ret, size_t *ret_len)
{
	const char *text = *at, *from;

	while (text < end && strchr(" \t\r\n\\", *text))
		text++;
	from = text;
	while (text < end && !strchr(" \t\r\n\\", *text))
		text++;
	*at = text;
	*ret = from;
	*ret_len = (size_t)(text - from);
	return text > from;
}

/* Module names: `-` equals `_`. */
static bool is(const char *text, size_t len, const char *name)
{
	if (len != strlen(name))
		return false;
	for (; len--; text++, name++)
		if (*text != *name && !(*text == '-' && *name == '_'))
			return false;
	return true;
}

static bool is_vfio(const char *text, size_t len)
{
	return is(text, len, "vfio_pci") || is(text, len, "pci_stub");
}

/* The host's drivers that guides tell to keep away from the card, with the card's vendor. */
static const struct {
	const char *name;
	uint16_t vendor; /* 0: any */
} drivers[] = {
	{"nouveau", 0x10de},	    {"nvidia", 0x10de},	  {"nvidia_drm", 0x10de},
	{"nvidia_modeset", 0x10de}, {"nvidiafb", 0x10de}, {"amdgpu", 0x1002},
	{"radeon", 0x1002},	    {"i915", 0x8086},	  {"xe", 0x8086},
	{"snd_hda_intel", 0},
};

static bool is_drivers_name(const struct profile *profile, const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (!is(text, len, drivers[i].name))
			continue;
		for (size_t j = 0; j < profile->device_count; j++)
			if (!drivers[i].vendor || drivers[i].vendor == profile->devices[j].vendor)
				return true;
	}
	return false;
}

/* `options vfio-pci ids=...`: 1 or 0; *ret_contradicts where it takes other cards too. */
static int look_at_options(const struct search *search, const char *at, const char *end,
			   bool *ret_contradicts)
{
	char stranger[STRANGER_STR];
	const char *word;
	size_t len;
	int found = 0;

	while (next_word(&at, end, &word, &len)) {
		int r;

		while (len && *word == '"') {
			word++;
			len--;
		}
		if (len < 4 || memcmp(word, "ids=", 4))
			continue;
		word += 4;
		len -= 4;
		while (len && (*word == '"' || *word == '\'')) {
			word++;
			len--;
		}
		while (len && (word[len - 1] == '"' || word[len - 1] == '\''))
			len--;
		r = policy_stranger(search->root, search->profile, word, len, stranger);
		if (r < 0)
			return r;
		found = 1;
		*ret_contradicts = *ret_contradicts || r;
	}
	return found;
}

/* Whether a line is one of those: 1, 0 or -ENOMEM. */
static int look_at(const struct search *search, const char *at, const char *end,
		   bool *ret_contradicts)
{
	const char *command, *name, *word;
	size_t command_len, name_len, len;

	if (!next_word(&at, end, &command, &command_len) || *command == '#' ||
	    !next_word(&at, end, &name, &name_len))
		return 0;
	if (is(command, command_len, "options"))
		return is_vfio(name, name_len) ? look_at_options(search, at, end, ret_contradicts)
					       : 0;
	if (is(command, command_len, "blacklist"))
		return is_drivers_name(search->profile, name, name_len);
	if (is(command, command_len, "install"))
		return is_vfio(name, name_len) || is_drivers_name(search->profile, name, name_len);
	if (is(command, command_len, "softdep") || is(command, command_len, "alias"))
		while (next_word(&at, end, &word, &len))
			if (is_vfio(word, len))
				return 1;
	return 0;
}

static int take(void *data, struct file *file, struct diag *diag)
{
	struct leftover_line line = {.text = NULL};
	const struct search *search = data;

	while (leftover_line_next(file, &line)) {
		struct leftover_line whole = line;
		bool contradicts = false;
		int r;

		while (whole.len && whole.text[whole.len - 1] == '\\' &&
		       leftover_line_next(file, &line))
			whole.len = (size_t)(line.text + line.len - whole.text);
		r = look_at(search, whole.text, whole.text + whole.len, &contradicts);
		if (r < 0)
			return policy_oom(diag);
		/* Only /etc has what people wrote; packages have reasons of their own. */
		if (r && (contradicts || !strncmp(file->path, "etc/", 4)))
			r = leftover_add(search->leftovers, file, &whole, contradicts, diag);
		if (r < 0)
			return r;
	}
	return 0;
}

int leftovers_modprobe_file(const struct root *root, const struct profile *profile,
			    struct file *file, struct leftovers *leftovers, struct diag *diag)
{
	struct search search = {.root = root, .profile = profile, .leftovers = leftovers};

	return take(&search, file, diag);
}

int leftovers_modprobe(const struct root *root, const struct profile *profile,
		       struct leftovers *leftovers, struct diag *diag)
{
	struct search search = {.root = root, .profile = profile, .leftovers = leftovers};

	return leftover_files(root, "modprobe.d", take, &search, diag);
}
