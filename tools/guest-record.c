// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "early/ini.h"
#include "early/record.h"
#include "early/text.h"
#include "tools/guest-internal.h"

#define GUEST_PATH_STR (sizeof(GUEST_DIR) + PROFILE_NAME_MAX + 2)
#define LOCK_STEP_MS 20

/* --- lists ------------------------------------------------------------------------------------ */

static char *find(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at && *at;) {
		size_t item = strcspn(at, ",");

		if (item == len && !memcmp(at, name, len))
			return (char *)at;
		at += item + (at[item] == ',');
	}
	return NULL;
}

bool guest_list_has(const char *list, const char *name)
{
	return find(list, name);
}

int guest_list_add(char **list, const char *name)
{
	bool empty = !*list || !**list;
	char *longer;

	if (find(*list, name))
		return 0;
	if (asprintf(&longer, "%s%s%s", empty ? "" : *list, empty ? "" : ",", name) < 0)
		return -ENOMEM;
	free(*list);
	*list = longer;
	return 0;
}

void guest_list_remove(char *list, const char *name)
{
	char *at = find(list, name), *rest;

	if (!at)
		return;
	rest = at + strlen(name);
	if (*rest == ',')
		memmove(at, rest + 1, strlen(rest + 1) + 1);
	else
		at[at > list ? -1 : 0] = '\0';
}

/* --- the record ------------------------------------------------------------------------------- */

static const char *const state_words[] = {
	[GUEST_NONE] = "none",
	[GUEST_STARTING] = "starting",
	[GUEST_RUNNING] = "running",
	[GUEST_ENDING] = "ending",
};

void guest_record_free(struct guest_record *record)
{
	free(record->devices);
	free(record->cards);
	free(record->units);
	*record = (struct guest_record){.state = GUEST_NONE};
}

static void record_path(char path[static GUEST_PATH_STR], const char *name)
{
	snprintf(path, GUEST_PATH_STR, GUEST_DIR "/%s", name);
}

bool guest_is_recorded(const struct root *root, const char *name)
{
	char path[GUEST_PATH_STR];

	record_path(path, name);
	return root_has_kernel(root) && root_exists(root, path);
}

static int keep(char **list, const char *value)
{
	free(*list);
	*list = strdup(value);
	return *list ? 0 : -ENOMEM;
}

static int read_line(void *data, _unused_ const char *section, const char *key, const char *value,
		     _unused_ unsigned line, _unused_ struct diag *diag)
{
	struct guest_record *record = data;

	if (!key)
		return 0;
	if (!strcmp(key, "devices"))
		return keep(&record->devices, value);
	if (!strcmp(key, "cards"))
		return keep(&record->cards, value);
	if (!strcmp(key, "units"))
		return keep(&record->units, value);
	if (!strcmp(key, "settings"))
		record->settings = true;
	for (size_t i = 0; i < ARRAY_SIZE(state_words) && !strcmp(key, "state"); i++)
		if (!strcmp(value, state_words[i]))
			record->state = (enum guest_state)i;
	return 0;
}

int guest_record_read(const struct root *root, const char *name, struct guest_record *ret,
		      struct diag *diag)
{
	/* One that is there is a session, whatever can be read of it. */
	struct guest_record record = {.state = GUEST_STARTING};
	_cleanup_free_ char *text = NULL;
	char path[GUEST_PATH_STR];
	struct diag why = DIAG_INIT;
	size_t size;
	int r;

	record_path(path, name);
	r = root_read_file(root, path, &text, &size, NULL);
	if (r == -ENOENT) {
		*ret = (struct guest_record){.state = GUEST_NONE};
		return 0;
	}
	if (r >= 0)
		r = ini_parse(text, size, read_line, &record, &why);
	if (r < 0) {
		guest_record_free(&record);
		return diag_set(diag, r, NULL, 0,
				"/%s, the record of a session, cannot be read: %s; remove it, and "
				"look after cards and pages by hand",
				path, why.text[0] ? why.text : strerror(-r));
	}
	*ret = record;
	return 0;
}

static void put_list(struct text *out, const char *key, const char *list)
{
	if (list && *list)
		text_add(out, "%s = %s\n", key, list);
}

int guest_record_write(const struct guest *guest, struct diag *diag)
{
	const struct guest_record *record = &guest->record;
	_cleanup_text_ struct text out = {.size = 0};
	char path[GUEST_PATH_STR];
	int r;

	record_path(path, guest->name);
	text_add(&out, "# What was done for this guest, and is undone when it ends.\n[session]\n");
	text_add(&out, "state = %s\n", state_words[record->state]);
	put_list(&out, "devices", record->devices);
	put_list(&out, "cards", record->cards);
	put_list(&out, "units", record->units);
	if (record->settings)
		text_add(&out, "settings = yes\n");
	r = out.error ? out.error : root_mkdir(guest->env->root, GUEST_DIR);
	if (r >= 0)
		r = root_replace(guest->env->root, path, out.data, out.size, 0644);
	return r < 0 ? diag_set(diag, r, NULL, 0, "/%s cannot be written: %s", path, strerror(-r))
		     : 0;
}

void guest_record_note(const struct guest *guest)
{
	struct diag diag = DIAG_INIT;

	if (guest_record_write(guest, &diag) < 0)
		return;
}

int guest_record_remove(const struct guest *guest, struct diag *diag)
{
	_cleanup_close_ int dir = root_openat(guest->env->root, GUEST_DIR, O_PATH | O_DIRECTORY, 0);
	int r = dir < 0 ? dir : unlinkat(dir, guest->name, 0) < 0 ? -errno : 0;

	if (r < 0 && r != -ENOENT)
		return diag_set(diag, r, NULL, 0, "/" GUEST_DIR "/%s cannot be removed: %s",
				guest->name, strerror(-r));
	return 0;
}

/* --- other sessions --------------------------------------------------------------------------- */

static int compare(const struct guest *guest, const char *name, const struct guest_record *other,
		   struct diag *diag)
{
	_cleanup_free_ char *devices = strdup(guest->record.devices);
	char *state;

	if (!devices)
		return -ENOMEM;
	for (char *device = strtok_r(devices, ",", &state); device;
	     device = strtok_r(NULL, ",", &state))
		if (guest_list_has(other->devices, device))
			return diag_set(diag, -EPERM, NULL, 0,
					"[device %s] is with the guest %s, whose session %s: where "
					"that guest is off, vfio-device release --guest %s",
					device, name,
					other->state == GUEST_RUNNING ? "runs"
								      : "did not come to its end",
					name);
	return 0;
}

int guest_record_others(const struct guest *guest, struct diag *diag)
{
	_cleanup_closedir_ DIR *dir = root_opendir(guest->env->root, GUEST_DIR);
	const struct dirent *entry;
	int r = 0;

	while (r >= 0 && guest->record.devices && dir && (entry = readdir(dir))) {
		struct guest_record other = {.state = GUEST_NONE};

		/* Also the temporary of somebody who was killed: it is no name. */
		if (!guest_name_valid(entry->d_name) || !strcmp(entry->d_name, guest->name))
			continue;
		r = guest_record_read(guest->env->root, entry->d_name, &other, diag);
		if (r >= 0)
			r = compare(guest, entry->d_name, &other, diag);
		guest_record_free(&other);
	}
	return r;
}

int guest_lock(struct guest *guest, struct diag *diag)
{
	const struct timespec pause = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	const struct root *root = guest->env->root;
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int r = root_mkdir(root, RECORD_DIR);

	if (r >= 0)
		r = root_openat(root, GUEST_LOCK, O_RDWR | O_CREAT, 0600);
	if (r < 0)
		return diag_set(diag, r, "/" GUEST_LOCK, 0, "%s", strerror(-r));
	guest->lock = r;
	for (unsigned waited = 0; fcntl(guest->lock, F_SETLK, &whole) < 0; waited += LOCK_STEP_MS) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return diag_set(diag, -errno, "/" GUEST_LOCK, 0, "%s", strerror(errno));
		if (waited >= guest->env->lock_ms)
			return diag_set(diag, -EWOULDBLOCK, NULL, 0,
					"another guest's start or end is at work, and does not "
					"come to its end");
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}
