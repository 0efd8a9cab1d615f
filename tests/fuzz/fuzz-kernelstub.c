// SPDX-License-Identifier: GPL-2.0-or-later
/* kernelstub's JSON, for libFuzzer: read, edited in its text, and given back. */
#include <jansson.h>

#include "bootcfg/kernelstub-config.h"
#include "tests/fuzz/set-unset.h"

static int read_config(const char *text, size_t size, struct boot_line *ret, void **ret_file)
{
	struct stub_config *config = calloc(1, sizeof(*config));
	struct file file = {.exists = true, .size = size};
	struct diag diag = DIAG_INIT;
	int r;

	file.path = strdup(STUB_CONFIG);
	file.data = malloc(size + 1);
	CHECK(config && file.path && file.data);
	memcpy(file.data, text, size);
	file.data[size] = '\0';
	r = stub_config_parse(&file, config, &diag);
	if (r < 0) {
		CHECK(r == -EBADMSG && *diag.text);
		file_free(&file);
		free(config);
		return r;
	}
	CHECK(stub_config_line(config, ret) == 0);
	*ret_file = config;
	return 0;
}

/* What is written is JSON, and outside of "user" and our own key it says the same. */
static void check_document(const struct stub_config *config, const char *text)
{
	json_t *before = json_loads(config->file.data, JSON_REJECT_DUPLICATES, NULL);
	json_t *after = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	CHECK(before && after);
	json_object_del(before, "user");
	json_object_del(before, "vfio-bootcfg");
	json_object_del(after, "user");
	json_object_del(after, "vfio-bootcfg");
	CHECK(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

static char *write_config(void *file, const struct boot_line *line)
{
	char *text;
	size_t size;

	CHECK(stub_config_write(file, line, &text, &size) == 0 && size == strlen(text));
	check_document(file, text);
	return text;
}

static void free_config(void *file)
{
	stub_config_free(file);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct format format = {read_config, write_config, free_config};

	set_unset(&format, data, size);
	return 0;
}
