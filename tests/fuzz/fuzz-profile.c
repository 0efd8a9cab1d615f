// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The profile's parser, for libFuzzer: what is accepted, printed and read again is the same; what
 * is refused has a place and a printable reason. A byte 0x1e in the data begins another file.
 */
#include <stdint.h>
#include <string.h>

#include "early/profile-build.h"

#define FILE_SEPARATOR 0x1e
#define FILE_NAME "/etc/vfio-bootcfg.conf"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_diag(const struct diag *diag, int error, const uint8_t *data, size_t size)
{
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	CHECK(error == -EBADMSG);
	CHECK(!strcmp(diag->file, FILE_NAME));
	CHECK(diag->line >= 1 && diag->line <= lines);
	CHECK(diag->text[0] && strlen(diag->text) < sizeof(diag->text));
	for (const char *at = diag->text; *at; at++)
		CHECK(*at >= 0x20 && *at <= 0x7e);
}

/* Entries are in the order of the files, so a section begins where its name changes. */
static char *print_profile(const struct profile *profile)
{
	const struct profile_entry *last = NULL;
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	CHECK(out);
	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];

		if (!last || last->section != entry->section ||
		    strcmp(last->name, entry->name) != 0)
			fprintf(out, "[%s%s%s]\n", entry->section, *entry->name ? " " : "",
				entry->name);
		/* No blank: `args =#x` has a value, `args = #x` has none. */
		fprintf(out, "%s=%s\n", entry->key, entry->value);
		last = entry;
	}
	CHECK(fclose(out) == 0);
	return text;
}

static void check_same_device(const struct profile_device *a, const struct profile_device *b)
{
	CHECK(!strcmp(a->name, b->name));
	CHECK(a->has_path == b->has_path && pci_path_equal(&a->path, &b->path));
	CHECK(a->has_address == b->has_address && !pci_addr_cmp(&a->address, &b->address));
	CHECK(a->vendor == b->vendor && a->device == b->device);
	CHECK(a->has_subsystem == b->has_subsystem);
	CHECK(a->subvendor == b->subvendor && a->subdevice == b->subdevice);
	CHECK(a->has_class == b->has_class && a->class == b->class);
	CHECK(a->class_digits == b->class_digits && a->functions == b->functions);
	CHECK(a->claim_guest == b->claim_guest && a->moved_claim == b->moved_claim);
	CHECK(a->match_all == b->match_all);
	CHECK(a->allow_boot_display == b->allow_boot_display);
	CHECK(a->allow_storage == b->allow_storage);
}

static void check_sound(const struct profile *profile)
{
	for (size_t i = 0; i < profile->device_count; i++) {
		const struct profile_device *device = &profile->devices[i];

		CHECK(profile_get(profile, "device", device->name, "id"));
		CHECK(!device->match_all || (!device->has_path && !device->moved_claim));
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(profile->devices[j].name, device->name) != 0);
	}
	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];

		CHECK(*entry->value && entry->line);
		CHECK(profile_get(profile, entry->section, entry->name, entry->key) == entry);
	}
}

static void check_accepted(const struct profile *profile)
{
	_cleanup_free_ char *text = print_profile(profile);
	_cleanup_profile_ struct profile again = {.memory = NULL};
	struct diag diag = DIAG_INIT;

	check_sound(profile);
	if (profile_parse_text(text, strlen(text), FILE_NAME, &again, &diag) < 0) {
		fprintf(stderr, "%u: %s\n%s", diag.line, diag.text, text);
		abort();
	}
	CHECK(again.device_count == profile->device_count);
	CHECK(again.entry_count == profile->entry_count);
	for (size_t i = 0; i < profile->device_count; i++)
		check_same_device(&profile->devices[i], &again.devices[i]);
	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *a = &profile->entries[i], *b = &again.entries[i];

		CHECK(a->section == b->section && !strcmp(a->name, b->name));
		CHECK(!strcmp(a->key, b->key) && !strcmp(a->value, b->value));
	}
}

/* One file's text, in a buffer of its exact size and the NUL that the parser asks for. */
static int add_file(struct profile_build *build, const uint8_t *data, size_t size,
		    struct diag *diag)
{
	char *text = malloc(size + 1);

	CHECK(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return profile_build_text(build, text, size, FILE_NAME, diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_build_ struct profile_build build = PROFILE_BUILD_INIT;
	_cleanup_profile_ struct profile profile = {.memory = NULL};
	struct diag diag = DIAG_INIT;
	size_t at = 0;
	int r;

	do {
		const uint8_t *end =
			size > at ? memchr(data + at, FILE_SEPARATOR, size - at) : NULL;
		size_t len = end ? (size_t)(end - data) - at : size - at;

		r = add_file(&build, data + at, len, &diag);
		at += len + 1;
	} while (r == 0 && at <= size);
	if (r == 0)
		r = profile_build_finish(&build, &profile, &diag);
	if (r < 0)
		check_diag(&diag, r, data, size);
	else
		check_accepted(&profile);
	return 0;
}
