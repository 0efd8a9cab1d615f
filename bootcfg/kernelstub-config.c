// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/json.h"
#include "bootcfg/kernelstub-config.h"
#include "early/cmdline.h"

#define OPTIONS_MAX 4096 /* elements; a kernel command line has 2,048 bytes */

static int refuse(struct diag *diag, unsigned line, const char *what)
{
	return diag_set(diag, -EBADMSG, "/" STUB_CONFIG, line, "%s", what);
}

/* --- our own key ------------------------------------------------------------------------------- */

static int read_record(json_t *record, struct stub_config *config, struct diag *diag)
{
	json_t *options, *replaced = NULL, *made = NULL, *value;
	size_t i;

	if (json_unpack(record, "{s:o, s?o, s?o}", "options", &options, "replaced", &replaced,
			"made", &made) < 0 ||
	    !json_is_array(options) || (replaced && !json_is_object(replaced)))
		return refuse(
			diag, 0,
			"its key \"vfio-bootcfg\" cannot be read: remove it, and with it what "
			"vfio-bootcfg knows of this file");
	json_array_foreach(options, i, value)
	{
		const char *text = json_string_value(value);
		const char *was = text ? json_string_value(json_object_get(replaced, text)) : NULL;

		if (!text)
			return refuse(
				diag, 0,
				"\"options\" of its key \"vfio-bootcfg\" is not a list of strings: "
				"correct or remove it");
		if (owned_add(&config->owned, text, was) < 0)
			return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	}
	config->has_record = true;
	config->made_user = made;
	return 0;
}

/* --- kernelstub's ------------------------------------------------------------------------------ */

static int check_options(const json_t *options, struct stub_config *config, struct diag *diag)
{
	json_t *value;
	size_t i;

	config->is_list = json_is_array(options);
	if (json_is_string(options))
		return 0;
	if (!config->is_list)
		return refuse(diag, 0,
			      "kernel_options is neither a list nor a string: let kernelstub write "
			      "the file anew, or correct it");
	if (json_array_size(options) > OPTIONS_MAX)
		return refuse(diag, 0, "kernel_options has more than 4,096 elements: correct it");
	json_array_foreach(options, i, value) if (!json_is_string(value)) return refuse(
		diag, 0, "kernel_options holds something that is no string: correct it");
	return 0;
}

/* What kernelstub would act upon, as far as it matters here. */
static int read_section(const json_t *section, struct stub_config *config, struct diag *diag)
{
	const json_t *revision = json_object_get(section, "config_rev");

	if (!json_is_object(section))
		return refuse(diag, 0,
			      "it has neither a \"user\" nor a \"default\" section: let kernelstub "
			      "write it");
	if (!json_is_integer(revision))
		return refuse(diag, 0,
			      "it has no config_rev, without which kernelstub fails, too: let "
			      "kernelstub write it, or give it the one of \"default\"");
	if (json_integer_value(revision) < 1 || json_integer_value(revision) > 3)
		return refuse(
			diag, 0,
			"its config_rev is not 1, 2 or 3: what its keys mean is not known, and "
			"nothing is written; set the options by kernelstub");
	config->manage_mode = !json_is_false(json_object_get(section, "manage_mode"));
	return check_options(json_object_get(section, "kernel_options"), config, diag);
}

static int read_document(json_t *document, struct stub_config *config, struct diag *diag)
{
	json_t *record = json_object_get(document, "vfio-bootcfg");
	const char *text = config->file.data, *name;
	struct json_item section, options;
	int r;

	config->has_user = json_object_get(document, "user");
	name = config->has_user ? "user" : "default";
	r = read_section(json_object_get(document, name), config, diag);
	if (!r && record)
		r = read_record(record, config, diag);
	if (r < 0)
		return r;
	config->top = json_span_top(text);
	if (!json_span_member(text, config->top, name, &section, NULL) ||
	    !json_span_member(text, section.value, "kernel_options", &options, NULL))
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	config->options = options.value;
	return 0;
}

int stub_config_parse(struct file *file, struct stub_config *ret, struct diag *diag)
{
	struct stub_config config = {.file = *file};
	_cleanup_json_ json_t *document = NULL;
	json_error_t error;
	int r;

	/* jansson passes over one between two values. */
	if (memchr(file->data, '\0', file->size))
		return refuse(diag, 0, "it holds a NUL byte, and is no JSON: correct or remove it");
	document = json_loadb(file->data, file->size, JSON_REJECT_DUPLICATES, &error);
	if (!document && json_error_code(&error) == json_error_out_of_memory)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	if (!document || !json_is_object(document))
		return diag_set(
			diag, -EBADMSG, "/" STUB_CONFIG,
			document || error.line < 0 ? 0 : (unsigned)error.line,
			"no JSON object that kernelstub could read: %s; correct it, or remove "
			"it and let kernelstub write it",
			document ? "another kind of value" : error.text);
	r = read_document(document, &config, diag);
	if (r < 0) {
		config.file = (struct file){.exists = false};
		stub_config_free(&config);
		return r;
	}
	*file = (struct file){.exists = false};
	*ret = config;
	return 0;
}

void stub_config_free(struct stub_config *config)
{
	file_free(&config->file);
	owned_free(&config->owned);
	*config = (struct stub_config){.has_user = false};
}

/* --- as a line --------------------------------------------------------------------------------- */

static unsigned line_of(const char *text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

static bool has_dashes(const char *text)
{
	struct cmdline_token token;
	struct cmdline cmdline;

	cmdline_init(&cmdline, text, strlen(text));
	while (cmdline_next(&cmdline, &token))
		if (token.raw_len == 2 && !memcmp(token.raw, "--", 2))
			return true;
	return false;
}

static int add_string(const struct stub_config *config, struct json_span string,
		      struct boot_line *line, size_t cookie)
{
	const char *text = config->file.data;
	_cleanup_free_ char *plain = NULL;

	if (json_span_string(text, string, &plain, NULL) < 0)
		return -ENOMEM;
	return boot_line_segment(line, plain, strlen(plain), line->file,
				 line_of(text, string.start), false, cookie);
}

static int add_new(struct boot_line *line, size_t cookie)
{
	line->append = line->segment_count;
	return boot_line_segment(line, "", 0, line->file, 0, false, cookie);
}

/* New elements go to the end, or in front of the one that ends the kernel's own part. */
static int add_elements(const struct stub_config *config, struct boot_line *line)
{
	size_t count = json_span_count(config->file.data, config->options);
	struct json_item item;
	bool added = false;
	int r = 0;

	for (size_t i = 0; !r && json_span_item(config->file.data, config->options, i, &item);
	     i++) {
		r = add_string(config, item.value, line, i);
		if (r < 0 || added || !has_dashes(line->segments[line->segment_count - 1].text))
			continue;
		/* In front of it: the two change places. */
		r = add_new(line, count);
		if (!r) {
			struct segment *last = &line->segments[--line->append];
			struct segment dashes = last[0];

			last[0] = last[1];
			last[1] = dashes;
			added = true;
		}
	}
	return r || added ? r : add_new(line, count);
}

int stub_config_line(const struct stub_config *config, struct boot_line *line)
{
	int r;

	line->role = LINE_SOURCE;
	line->file = strdup("/" STUB_CONFIG);
	if (!line->file)
		return -ENOMEM;
	line->owned_known = config->has_record;
	r = config->is_list ? add_elements(config, line)
			    : add_string(config, config->options, line, 0);
	return r < 0 ? r : owned_copy(&config->owned, &line->owned);
}
