// SPDX-License-Identifier: GPL-2.0-or-later
/* Boot entries, for libFuzzer: read, told apart, edited and given back. */
#include "bootcfg/bls.h"
#include "tests/fuzz/set-unset.h"

static int parse(const char *text, size_t size, struct bls_entry *ret)
{
	struct file file = {.exists = true, .size = size};
	struct diag diag = DIAG_INIT;
	int r;

	file.path = strdup("efi/loader/entries/foo+3-1.conf");
	file.data = malloc(size + 1);
	CHECK(file.path && file.data);
	memcpy(file.data, text, size);
	file.data[size] = '\0';
	r = bls_parse(&file, ret, &diag);
	if (r < 0) {
		CHECK(r == -EBADMSG && *diag.text);
		file_free(&file);
	}
	return r;
}

static void check_fields(const struct bls_entry *entry)
{
	size_t at = 0;

	for (size_t i = 0; i < entry->count; i++) {
		const struct bls_field *field = &entry->fields[i];

		CHECK(at <= field->start && field->start <= field->key && field->key_size);
		CHECK(field->key + field->key_size <= field->value);
		CHECK(field->value + field->value_size <= field->end);
		CHECK(field->end <= entry->file.size && field->start < field->end);
		at = field->end;
	}
	for (size_t i = 0; i < entry->count; i++)
		CHECK(!memchr(entry->file.data + entry->fields[i].value, '\n',
			      entry->fields[i].value_size));
}

static int read_entry(const char *text, size_t size, bool first_only, struct boot_line *ret,
		      void **ret_file)
{
	static char machine[] = "0123456789abcdef0123456789abcdef", root[] = "root=UUID=1";
	const struct system_id id = {.machine_id = machine, .root_arg = root};
	struct bls_entry *entry = calloc(1, sizeof(*entry));
	int r;

	CHECK(entry);
	r = parse(text, size, entry);
	if (r < 0) {
		free(entry);
		return r;
	}
	check_fields(entry);
	(void)bls_whose(entry, &id);
	CHECK(bls_line(entry, first_only, ret) == 0);
	/* What says that nothing is ours is kept. */
	entry->mark = entry->ours && !entry->owned.count;
	*ret_file = entry;
	return 0;
}

static int read_all(const char *text, size_t size, struct boot_line *ret, void **ret_file)
{
	return read_entry(text, size, false, ret, ret_file);
}

static int read_first(const char *text, size_t size, struct boot_line *ret, void **ret_file)
{
	return read_entry(text, size, true, ret, ret_file);
}

static char *write_entry(void *file, const struct boot_line *line)
{
	char *text;
	size_t size;

	CHECK(bls_write(file, line, &text, &size) == 0 && size == strlen(text));
	return text;
}

static void free_entry(void *file)
{
	bls_free(file);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct format all = {read_all, write_entry, free_entry};
	static const struct format first = {read_first, write_entry, free_entry};

	set_unset(&all, data, size);
	set_unset(&first, data, size);
	return 0;
}
