// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "early/ini.h"
#include "early/profile-build.h"
#include "early/profile-keys.h"
#include "early/profile-values.h"

/* A file's text and path, which the strings of the profile point into. */
struct source {
	struct source *next;
	char *text;
	char path[]; /* with a leading slash */
};

struct profile_section {
	enum profile_kind kind;
	const char *name; /* "" where the kind has none */
	const char *file;
	unsigned line;
	size_t device; /* index into the profile's */
	size_t order; /* of appearance */
	bool has_id;
};

void *profile_grow(void *array, size_t count, size_t size)
{
	/* Doubled at 8, 16, 32, ... */
	if (count && (count < 8 || (count & (count - 1))))
		return array;
	return reallocarray(array, count ? 2 * count : 8, size);
}

int profile_out_of_memory(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* --- sections and keys ------------------------------------------------------------------------ */

static int unknown_section(const struct profile_build *build, const char *section, unsigned line,
			   struct diag *diag)
{
	char word[PROFILE_NAME_MAX + 1];
	struct nearest nearest = {.text = word};

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(section, " \t"), section);
	for (enum profile_kind kind = 0; kind < PROFILE_KINDS; kind++)
		nearest_try(&nearest, profile_kind_word(kind));
	if (nearest.best)
		return diag_set(diag, -EBADMSG, build->file, line,
				"unknown section [%.60s]; did you mean `%s`?", section,
				nearest.best);
	return diag_set(diag, -EBADMSG, build->file, line,
			"unknown section [%.60s]; expected [device NAME], [cpus], [kernel], "
			"[hugepages] or [guest NAME]",
			section);
}

static int parse_section(const struct profile_build *build, const char *text,
			 struct profile_section *ret, unsigned line, struct diag *diag)
{
	struct profile_section section = {.file = build->file, .line = line};
	size_t len = strcspn(text, " \t");
	const char *word;

	for (; section.kind < PROFILE_KINDS; section.kind++) {
		word = profile_kind_word(section.kind);
		if (len == strlen(word) && !memcmp(text, word, len))
			break;
	}
	if (section.kind == PROFILE_KINDS)
		return unknown_section(build, text, line, diag);
	section.name = text + len + strspn(text + len, " \t");
	if (!profile_kind_named(section.kind)) {
		if (*section.name)
			return diag_set(diag, -EBADMSG, build->file, line,
					"[%.60s]: [%s] has no name; there is one for the host",
					text, word);
	} else if (!*section.name) {
		return diag_set(diag, -EBADMSG, build->file, line,
				"[%s] needs a name: expected [%s NAME]", word, word);
	} else if (!profile_name_valid(section.name, strlen(section.name))) {
		return diag_set(
			diag, -EBADMSG, build->file, line,
			"[%.90s]: a name begins with a letter or `_`, goes on with these, digits, "
			"`.` and `-`, and has at most %d bytes",
			text, PROFILE_NAME_MAX);
	}
	*ret = section;
	return 0;
}

static int begin_section(struct profile_build *build, const char *text, unsigned line,
			 struct diag *diag)
{
	struct profile *profile = &build->profile;
	struct profile_section section, *sections;
	int r;

	r = parse_section(build, text, &section, line, diag);
	if (r < 0)
		return r;
	sections = profile_grow(build->sections, build->section_count, sizeof(section));
	if (!sections)
		return profile_out_of_memory(diag);
	build->sections = sections;
	if (section.kind == PROFILE_DEVICE) {
		struct profile_device *devices =
			profile_grow(profile->devices, profile->device_count, sizeof(*devices));

		if (!devices)
			return profile_out_of_memory(diag);
		profile->devices = devices;
		section.device = profile->device_count++;
		devices[section.device] = (struct profile_device){
			.name = section.name, .file = section.file, .line = line};
	}
	section.order = build->section_count;
	sections[build->section_count++] = section;
	build->first_entry = profile->entry_count;
	return 0;
}

/* ini_line: one line of a file. */
static int take_line(void *data, const char *section_text, const char *key, const char *value,
		     unsigned line, struct diag *diag)
{
	struct profile_build *build = data;
	struct profile *profile = &build->profile;
	struct profile_entry entry = {
		.key = key, .value = value, .file = build->file, .line = line};
	struct profile_section *section;
	struct profile_entry *entries;
	int r;

	if (!key)
		return begin_section(build, section_text, line, diag);
	section = &build->sections[build->section_count - 1];
	entry.section = profile_kind_word(section->kind);
	entry.name = section->name;
	for (size_t i = build->first_entry; i < profile->entry_count; i++)
		if (!strcmp(profile->entries[i].key, key))
			return diag_set(diag, -EBADMSG, entry.file, line,
					"`%s` stands in line %u already", key,
					profile->entries[i].line);
	r = profile_take(
		section->kind, &entry,
		section->kind == PROFILE_DEVICE ? &profile->devices[section->device] : NULL, diag);
	if (r < 0)
		return r;
	entries = profile_grow(profile->entries, profile->entry_count, sizeof(entry));
	if (!entries)
		return profile_out_of_memory(diag);
	profile->entries = entries;
	entries[profile->entry_count++] = entry;
	section->has_id |= !strcmp(key, "id");
	return 0;
}

void profile_free(struct profile *profile)
{
	struct source *source = profile->memory;

	while (source) {
		struct source *next = source->next;

		free(source->text);
		free(source);
		source = next;
	}
	free(profile->devices);
	free(profile->entries);
	*profile = (struct profile){.memory = NULL};
}

void profile_build_free(struct profile_build *build)
{
	free(build->sections);
	profile_free(&build->profile);
}

int profile_build_text(struct profile_build *build, char *text, size_t size, const char *path,
		       struct diag *diag)
{
	size_t path_size = strlen(path) + 1;
	struct source *source = malloc(sizeof(*source) + path_size);
	int r;

	if (!source) {
		free(text);
		return profile_out_of_memory(diag);
	}
	*source = (struct source){.next = build->profile.memory, .text = text};
	memcpy(source->path, path, path_size);
	build->profile.memory = source;
	build->profile.file_count++;
	build->file = source->path;
	r = ini_parse(text, size, take_line, build, diag);
	if (r < 0 && !diag->file[0])
		snprintf(diag->file, sizeof(diag->file), "%s", source->path);
	return r;
}

/* --- the whole -------------------------------------------------------------------------------- */

const struct profile_entry *profile_get(const struct profile *profile, const char *section,
					const char *name, const char *key)
{
	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];

		if (!strcmp(entry->key, key) && !strcmp(entry->section, section) &&
		    !strcmp(entry->name, name))
			return entry;
	}
	return NULL;
}

const char *profile_file(const struct profile *profile, size_t n)
{
	const struct source *source = profile->memory;

	/* The last one comes first. */
	for (n = profile->file_count - 1 - n; n; n--)
		source = source->next;
	return source->path;
}

/* Sections of one name side by side, in the order of the files. */
static int compare_sections(const void *a_ptr, const void *b_ptr)
{
	const struct profile_section *a = a_ptr, *b = b_ptr;
	int r = (int)a->kind - (int)b->kind;

	if (r == 0)
		r = strcmp(a->name, b->name);
	return r ? r : (a->order > b->order) - (a->order < b->order);
}

/* Sorts the sections; from here on their order is that of their names. */
static int check_names(struct profile_build *build, struct diag *diag)
{
	const struct profile_section *twice = NULL;

	if (build->section_count)
		qsort(build->sections, build->section_count, sizeof(*build->sections),
		      compare_sections);
	for (size_t i = 1; i < build->section_count; i++) {
		const struct profile_section *section = &build->sections[i];

		if (section->kind == section[-1].kind && !strcmp(section->name, section[-1].name) &&
		    (!twice || section->order < twice->order))
			twice = section;
	}
	if (!twice)
		return 0;
	return diag_set(diag, -EBADMSG, twice->file, twice->line,
			"[%s%s%s] stands in %s:%u already; a section is in one place only",
			profile_kind_word(twice->kind), *twice->name ? " " : "", twice->name,
			twice[-1].file, twice[-1].line);
}

static unsigned key_line(const struct profile *profile, const struct profile_device *device,
			 const char *key)
{
	const struct profile_entry *entry = profile_get(profile, "device", device->name, key);

	return entry ? entry->line : device->line;
}

static int check_device(const struct profile_build *build, const struct profile_section *section,
			struct diag *diag)
{
	const struct profile *profile = &build->profile;
	const struct profile_device *device = &profile->devices[section->device];

	if (!section->has_id)
		return diag_set(diag, -EBADMSG, device->file, device->line,
				"[device %s] has no `id`, which says what must be found there",
				device->name);
	if (device->match_all && device->has_path)
		return diag_set(
			diag, -EBADMSG, device->file, key_line(profile, device, "match"),
			"[device %s] has a `path`, and `match = all` takes every card with its "
			"fingerprint; one of them must go",
			device->name);
	if (device->match_all && device->moved_claim)
		return diag_set(diag, -EBADMSG, device->file, key_line(profile, device, "match"),
				"[device %s] has `moved = claim`, which looks for one card, and "
				"`match = all`; one of them must go",
				device->name);
	return 0;
}

/* 0 for two sections that mean one place: the same path, or without one the same address. */
static int compare_places(const struct profile_device *a, const struct profile_device *b)
{
	int r;

	if (a->has_path != b->has_path)
		return a->has_path ? -1 : 1;
	if (!a->has_path)
		return pci_addr_cmp(&a->address, &b->address);
	r = pci_addr_cmp(&a->path.root, &b->path.root);
	if (r == 0)
		r = (int)a->path.hops - (int)b->path.hops;
	return r ? r : memcmp(a->path.devfn, b->path.devfn, a->path.hops);
}

/* The order of two pointers to sections with a place; where that is the same, of the files. */
static int compare_place_ptrs(const void *a_ptr, const void *b_ptr)
{
	const struct profile_device *a = *(const struct profile_device *const *)a_ptr;
	const struct profile_device *b = *(const struct profile_device *const *)b_ptr;
	int r = compare_places(a, b);

	return r ? r : (a > b) - (a < b);
}

static int check_places(const struct profile *profile, struct diag *diag)
{
	_cleanup_free_ const struct profile_device **places = NULL;
	const struct profile_device *first = NULL, *second = NULL;
	const char *key;
	size_t count = 0;

	if (profile->device_count < 2)
		return 0;
	places = reallocarray(NULL, profile->device_count, sizeof(*places));
	if (!places)
		return profile_out_of_memory(diag);
	for (size_t i = 0; i < profile->device_count; i++)
		if (profile->devices[i].has_path || profile->devices[i].has_address)
			places[count++] = &profile->devices[i];
	if (count)
		qsort(places, count, sizeof(*places), compare_place_ptrs);
	for (size_t i = 1; i < count; i++) {
		if (!compare_places(places[i - 1], places[i]) && (!second || places[i] < second)) {
			first = places[i - 1];
			second = places[i];
		}
	}
	if (!second)
		return 0;
	key = second->has_path ? "path" : "address";
	return diag_set(diag, -EBADMSG, second->file, key_line(profile, second, key),
			"[device %s] has the `%s` of [device %s], %s:%u", second->name, key,
			first->name, first->file, key_line(profile, first, key));
}

/* Sections must be sorted. */
static bool has_device(const struct profile_build *build, const char *name)
{
	size_t low = 0, high = build->section_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct profile_section *section = &build->sections[middle];
		int r = (int)section->kind - (int)PROFILE_DEVICE;

		if (r == 0)
			r = strcmp(section->name, name);
		if (r == 0)
			return true;
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static int check_guest(const struct profile_build *build, const struct profile_entry *entry,
		       struct diag *diag)
{
	const struct profile *profile = &build->profile;
	const char *at = entry->value;
	struct profile_item item;

	while (profile_item_next(&at, &item)) {
		char name[PROFILE_NAME_MAX + 1], meant[PROFILE_NAME_MAX + 32] = "";
		struct nearest nearest = {.text = name};

		snprintf(name, sizeof(name), "%.*s", (int)item.len, item.text);
		if (has_device(build, name))
			continue;
		for (size_t i = 0; i < profile->device_count; i++)
			nearest_try(&nearest, profile->devices[i].name);
		if (nearest.best)
			snprintf(meant, sizeof(meant), "; did you mean `%s`?", nearest.best);
		return diag_set(diag, -EBADMSG, entry->file, entry->line,
				"[guest %s] names the device `%s`, and there is no [device %s]%s",
				entry->name, name, name, meant);
	}
	return 0;
}

/* True for a key of a guest that says what its CPUs are set to. */
static bool needs_cpus(const struct profile_entry *entry)
{
	return !strcmp(entry->key, "governor") || !strcmp(entry->key, "min-frequency") ||
	       (!strcmp(entry->key, "isolate") && !strcmp(entry->value, "yes"));
}

static int check_guests(const struct profile_build *build, struct diag *diag)
{
	const struct profile *profile = &build->profile;

	for (size_t i = 0; i < profile->entry_count; i++) {
		const struct profile_entry *entry = &profile->entries[i];
		int r = 0;

		if (strcmp(entry->section, "guest") != 0)
			continue;
		if (!strcmp(entry->key, "devices"))
			r = check_guest(build, entry, diag);
		else if (needs_cpus(entry) && !profile_get(profile, "guest", entry->name, "cpus"))
			r = diag_set(diag, -EBADMSG, entry->file, entry->line,
				     "[guest %s] has no `cpus`, which `%s` is for", entry->name,
				     entry->key);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_iommu(const struct profile *profile, struct diag *diag)
{
	const struct profile_entry *iommu = profile_get(profile, "kernel", "", "iommu");
	const struct profile_device *device = profile->devices;

	if (!iommu || strcmp(iommu->value, "off") != 0 || !profile->device_count)
		return 0;
	return diag_set(
		diag, -EBADMSG, iommu->file, iommu->line,
		"`iommu = off` contradicts [device %s], %s:%u: without the IOMMU no card can be "
		"given to a guest",
		device->name, device->file, device->line);
}

int profile_build_finish(struct profile_build *build, struct profile *ret, struct diag *diag)
{
	int r = check_names(build, diag);

	for (size_t i = 0; r == 0 && i < build->section_count; i++)
		if (build->sections[i].kind == PROFILE_DEVICE)
			r = check_device(build, &build->sections[i], diag);
	if (r == 0)
		r = check_places(&build->profile, diag);
	if (r == 0)
		r = check_guests(build, diag);
	if (r == 0)
		r = check_iommu(&build->profile, diag);
	if (r < 0)
		return r;
	*ret = build->profile;
	build->profile = (struct profile){.memory = NULL};
	return 0;
}

int profile_parse_text(const char *text, size_t size, const char *file, struct profile *ret,
		       struct diag *diag)
{
	_cleanup_build_ struct profile_build build = PROFILE_BUILD_INIT;
	char *copy = malloc(size + 1);
	int r;

	if (!copy)
		return profile_out_of_memory(diag);
	memcpy(copy, text, size);
	copy[size] = '\0';
	r = profile_build_text(&build, copy, size, file, diag);
	return r < 0 ? r : profile_build_finish(&build, ret, diag);
}
