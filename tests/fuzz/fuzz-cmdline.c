// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line tokeniser, for libFuzzer: what holds for every text. */
#include <stdint.h>
#include <string.h>

#include "early/cmdline.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_blank(char c)
{
	return c && strchr(" \t\n\v\f\r\xa0", c);
}

/* Inside another slice, also where both are empty at its end. */
static void check_inside(const char *slice, size_t len, const char *outer, size_t outer_len)
{
	CHECK(slice >= outer && slice + len <= outer + outer_len);
}

static void check_token(const struct cmdline_token *token)
{
	const char *raw_end = token->raw + token->raw_len;
	bool in_quote = false;

	CHECK(token->raw_len > 0);
	check_inside(token->name, token->name_len, token->raw, token->raw_len);
	CHECK(token->name == token->raw + (token->raw[0] == '"'));
	CHECK(token->name_len < 2 || !memchr(token->name + 1, '=', token->name_len - 1));
	if (token->value) {
		const char *equals = token->name + token->name_len;

		check_inside(token->value, token->value_len, token->raw, token->raw_len);
		CHECK(token->name_len > 0 && *equals == '=');
		CHECK(token->value == equals + 1 + (equals + 1 < raw_end && equals[1] == '"'));
		CHECK((size_t)(raw_end - (token->value + token->value_len)) <= 1);
	} else {
		CHECK(raw_end - (token->name + token->name_len) <= 1);
		CHECK(token->raw_len < 2 || token->raw[0] == '"' ||
		      !memchr(token->raw + 1, '=', token->raw_len - 1));
	}
	for (const char *at = token->raw; at < raw_end; at++) {
		CHECK(in_quote || !is_blank(*at));
		in_quote ^= *at == '"';
	}
}

/* Tokens in their order, blanks between them, give the whole text; one taken alone is itself. */
static void check_line(const char *text, size_t size)
{
	struct cmdline_token token, alone;
	struct cmdline cmdline, one;
	const char *at = text, *end = text + strnlen(text, size);
	bool init = false;

	cmdline_init(&cmdline, text, size);
	while (cmdline_next(&cmdline, &token)) {
		bool dashes = !token.value && token.name_len == 2 && !memcmp(token.name, "--", 2);

		CHECK(at == text || at < token.raw);
		for (; at < token.raw; at++)
			CHECK(is_blank(*at));
		check_inside(token.raw, token.raw_len, at, (size_t)(end - at));
		check_token(&token);
		CHECK(token.for_init == init);
		init = init || dashes;
		at = token.raw + token.raw_len;
		CHECK(at == end || is_blank(*at));

		cmdline_init(&one, token.raw, token.raw_len);
		CHECK(cmdline_next(&one, &alone));
		CHECK(alone.raw_len == token.raw_len && alone.name_len == token.name_len);
		CHECK(alone.value == token.value && alone.value_len == token.value_len);
	}
	for (; at < end; at++)
		CHECK(is_blank(*at));
}

/* Text in front of or behind the switch does not turn it around. */
static void check_switch(const char *text, size_t size)
{
	static const char off[] = " rd.vfio=0", on[] = " vfio_bootcfg.enable=1 rd.vfio=1";
	struct cmdline_token token = {.raw = NULL};
	size_t len = strnlen(text, size), quotes = 0;
	_cleanup_free_ char *longer = malloc(len + sizeof(on));
	enum cmdline_off why = cmdline_switch(text, size, &token);

	CHECK(longer);
	CHECK((why == CMDLINE_ON) == !token.raw);
	if (token.raw)
		check_inside(token.raw, token.raw_len, text, len);
	memcpy(longer, text, len);
	for (size_t i = 0; i < len; i++)
		quotes += text[i] == '"';
	if (quotes % 2)
		return; /* what is appended would be inside the quotes */
	memcpy(longer + len, off, sizeof(off) - 1);
	CHECK(cmdline_switch(longer, len + sizeof(off) - 1, NULL) == CMDLINE_OFF_SWITCH);
	memcpy(longer + len, on, sizeof(on) - 1);
	CHECK(cmdline_switch(longer, len + sizeof(on) - 1, NULL) != CMDLINE_OFF_SWITCH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of the exact size, so that AddressSanitizer sees a read beyond the text. */
	_cleanup_free_ char *text = malloc(size ? size : 1);

	CHECK(text);
	if (size)
		memcpy(text, data, size);
	check_line(text, size);
	check_switch(text, size);
	return 0;
}
