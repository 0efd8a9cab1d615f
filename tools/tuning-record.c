// SPDX-License-Identifier: GPL-2.0-or-later
/* What guests want of the CPUs, and what was there before: run/vfio-bootcfg/tuning. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "early/ini.h"
#include "early/text.h"
#include "tools/tuning-internal.h"

#define LOCK_PATH TUNING_PATH ".lock"

/* The sections of settings. */
static const char *const kind_words[TUNING_KINDS] = {
	[TUNING_PREFERENCE] = "preference",
	[TUNING_GOVERNOR] = "governor",
	[TUNING_MIN_FREQUENCY] = "min-frequency",
	[TUNING_UNIT] = "unit",
	[TUNING_WORKQUEUES] = "workqueues",
	[TUNING_NEW_IRQS] = "new-interrupts",
	[TUNING_IRQ] = "interrupt",
};

int tuning_lock(const struct root *root)
{
	int fd, r = root_mkdir(root, RECORD_DIR);

	if (r < 0)
		return r;
	fd = root_openat(root, LOCK_PATH, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return fd;
	/* Whoever has it comes to an end: systemctl waits for an answer for a limited time. */
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		r = -errno;
		close_fd(&fd);
		return r;
	}
	return fd;
}

void tuning_state_free(struct tuning_state *state)
{
	free(state->guests);
	free(state->settings);
	*state = (struct tuning_state){.count = 0};
}

struct tuning_setting *tuning_find(const struct tuning_state *state, enum tuning_kind kind,
				   const char *name)
{
	for (size_t i = 0; i < state->count; i++)
		if (state->settings[i].kind == kind && !strcmp(state->settings[i].name, name))
			return &state->settings[i];
	return NULL;
}

struct tuning_setting *tuning_add(struct tuning_state *state, enum tuning_kind kind,
				  const char *name)
{
	struct tuning_setting *settings =
		reallocarray(state->settings, state->count + 1, sizeof(*settings));
	struct tuning_setting *setting;

	if (!settings)
		return NULL;
	state->settings = settings;
	setting = &settings[state->count++];
	*setting = (struct tuning_setting){.kind = kind};
	snprintf(setting->name, sizeof(setting->name), "%s", name);
	return setting;
}

struct tuning_guest *tuning_find_guest(const struct tuning_state *state, const char *name)
{
	for (size_t i = 0; i < state->guest_count; i++)
		if (!strcmp(state->guests[i].name, name))
			return &state->guests[i];
	return NULL;
}

int tuning_put_guest(struct tuning_state *state, const struct tuning_guest *guest)
{
	struct tuning_guest *there = tuning_find_guest(state, guest->name), *guests;

	if (!there) {
		guests = reallocarray(state->guests, state->guest_count + 1, sizeof(*guests));
		if (!guests)
			return -ENOMEM;
		state->guests = guests;
		there = &guests[state->guest_count++];
	}
	*there = *guest;
	return 0;
}

void tuning_remove_guest(struct tuning_state *state, const char *name)
{
	struct tuning_guest *there = tuning_find_guest(state, name);

	if (there)
		memmove(there, there + 1,
			(size_t)(state->guests + --state->guest_count - there) * sizeof(*there));
}

/* --- reading ---------------------------------------------------------------------------------- */

static int begin_section(struct tuning_state *state, const char *section)
{
	size_t len = strcspn(section, " ");
	const char *name = section + len + strspn(section + len, " ");

	/* Names become parts of paths. */
	if (strchr(name, '/'))
		return -EBADMSG;
	if (len == 5 && !memcmp(section, "guest", 5)) {
		struct tuning_guest guest = {.isolate = false};

		snprintf(guest.name, sizeof(guest.name), "%s", name);
		return tuning_put_guest(state, &guest);
	}
	for (enum tuning_kind kind = 0; kind < TUNING_KINDS; kind++)
		if (len == strlen(kind_words[kind]) && !memcmp(section, kind_words[kind], len))
			return tuning_add(state, kind, name) ? 0 : -ENOMEM;
	return len == 6 && !memcmp(section, "tuning", 6) ? 0 : -EBADMSG;
}

static int guest_key(struct tuning_guest *guest, const char *key, const char *value)
{
	if (!strcmp(key, "cpus"))
		return cpulist_parse(value, &guest->cpus) < 0 ? -EBADMSG : 0;
	if (!strcmp(key, "governor"))
		snprintf(guest->governor, sizeof(guest->governor), "%s", value);
	else if (!strcmp(key, "min-frequency"))
		guest->max_frequency = true;
	else if (!strcmp(key, "isolate"))
		guest->isolate = true;
	return 0;
}

static void setting_key(struct tuning_setting *setting, const char *key, const char *value)
{
	if (!strcmp(key, "before"))
		snprintf(setting->before, sizeof(setting->before), "%s", value);
	else if (!strcmp(key, "ours"))
		snprintf(setting->ours, sizeof(setting->ours), "%s", value);
	else if (!strcmp(key, "drop-in"))
		setting->drop_in = true;
}

static int read_line(void *data, const char *section, const char *key, const char *value,
		     unsigned line, struct diag *diag)
{
	struct tuning_state *state = data;

	diag->line = line;
	if (!key)
		return begin_section(state, section);
	if (!strcmp(section, "tuning"))
		state->changing |= !strcmp(key, "state") && !strcmp(value, "changing");
	else if (!strncmp(section, "guest ", 6))
		return guest_key(&state->guests[state->guest_count - 1], key, value);
	else
		setting_key(&state->settings[state->count - 1], key, value);
	return 0;
}

int tuning_record_read(const struct root *root, struct tuning_state *ret, struct diag *diag)
{
	_cleanup_tuning_ struct tuning_state state = {.count = 0};
	_cleanup_free_ char *text = NULL;
	struct diag where = DIAG_INIT;
	size_t size;
	int r = root_read_file(root, TUNING_PATH, &text, &size, NULL);

	if (r >= 0)
		r = ini_parse(text, size, read_line, &state, &where);
	if (r == -EBADMSG)
		return diag_set(diag, r, "/" TUNING_PATH, where.line,
				"the record of the CPUs' settings is damaged (%.100s); remove it: "
				"what it was of stays as it is until the next boot",
				where.text[0] ? where.text : "not understood");
	if (r < 0 && r != -ENOENT)
		return diag_set(diag, r, "/" TUNING_PATH, 0,
				"the record of the CPUs' settings cannot be read: %s",
				strerror(-r));
	*ret = state;
	state = (struct tuning_state){.count = 0};
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void add_guest(struct text *out, const struct tuning_guest *guest)
{
	_cleanup_free_ char *cpus = cpulist_format(&guest->cpus);

	if (!cpus)
		out->error = -ENOMEM;
	text_add(out, "[guest %s]\ncpus = %s\n", guest->name, cpus ? cpus : "");
	if (guest->governor[0])
		text_add(out, "governor = %s\n", guest->governor);
	if (guest->max_frequency)
		text_add(out, "min-frequency = max\n");
	if (guest->isolate)
		text_add(out, "isolate = yes\n");
}

static void add_setting(struct text *out, const struct tuning_setting *setting)
{
	text_add(out, "[%s%s%s]\n", kind_words[setting->kind], setting->name[0] ? " " : "",
		 setting->name);
	if (setting->before[0])
		text_add(out, "before = %s\n", setting->before);
	if (setting->ours[0])
		text_add(out, "ours = %s\n", setting->ours);
	if (setting->drop_in)
		text_add(out, "drop-in = yes\n");
}

static int remove_record(const struct root *root)
{
	_cleanup_close_ int dir = root_openat(root, RECORD_DIR, O_PATH | O_DIRECTORY, 0);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	return unlinkat(dir, "tuning", 0) < 0 && errno != ENOENT ? -errno : 0;
}

int tuning_record_write(const struct root *root, const struct tuning_state *state,
			struct diag *diag)
{
	_cleanup_text_ struct text out = {.size = 0};
	int r;

	text_add(&out, "[tuning]\nstate = %s\n", state->changing ? "changing" : "settled");
	for (size_t i = 0; i < state->guest_count; i++)
		add_guest(&out, &state->guests[i]);
	for (size_t i = 0; i < state->count; i++)
		add_setting(&out, &state->settings[i]);
	if (out.error)
		r = out.error;
	else if (!state->guest_count && !state->count)
		r = remove_record(root);
	else
		r = root_replace(root, TUNING_PATH, out.data, out.size, 0644);
	if (r < 0)
		return diag_set(diag, r, "/" TUNING_PATH, 0,
				"the record of the CPUs' settings cannot be written: %s",
				strerror(-r));
	return 0;
}
