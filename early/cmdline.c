// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <strings.h>

#include "early/cmdline.h"

/*
 * The kernel's isspace() (lib/ctype.c): 0xa0 is a blank too, even as the second half of a UTF-8
 * letter.
 */
static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == (char)0xa0;
}

void cmdline_init(struct cmdline *cmdline, const char *text, size_t size)
{
	*cmdline = (struct cmdline){.rest = text, .end = text + strnlen(text, size)};
}

static bool slice_is(const char *slice, size_t len, const char *text)
{
	return len == strlen(text) && !memcmp(slice, text, len);
}

bool cmdline_next(struct cmdline *cmdline, struct cmdline_token *ret)
{
	const char *at = cmdline->rest, *end = cmdline->end, *equals = NULL;
	struct cmdline_token token;
	bool quoted, in_quote;

	while (at < end && is_blank(*at))
		at++;
	if (at == end)
		return false;

	token = (struct cmdline_token){.raw = at, .for_init = cmdline->for_init};
	quoted = in_quote = *at == '"';
	if (quoted)
		at++;
	token.name = at;
	for (; at < end && (in_quote || !is_blank(*at)); at++) {
		/*
		 * A `=` that a name begins with is part of the name: the kernel takes offset 0 for
		 * none.
		 */
		if (*at == '=' && !equals && at > token.name)
			equals = at;
		else if (*at == '"')
			in_quote = !in_quote;
	}
	token.raw_len = (size_t)(at - token.raw);
	cmdline->rest = at;

	/*
	 * From here on, `at` is where the contents end: the kernel takes off one quote at the end
	 * of a token that begins with one, and one of a value that does; never the same quote
	 * twice.
	 */
	if (equals) {
		bool value_quoted = equals + 1 < at && equals[1] == '"';

		token.name_len = (size_t)(equals - token.name);
		token.value = equals + 1 + value_quoted;
		if ((quoted || value_quoted) && at[-1] == '"')
			at--;
		token.value_len = at > token.value ? (size_t)(at - token.value) : 0;
	} else {
		if (quoted && at > token.name && at[-1] == '"')
			at--;
		token.name_len = (size_t)(at - token.name);
		if (slice_is(token.name, token.name_len, "--"))
			cmdline->for_init = true;
	}
	*ret = token;
	return true;
}

static char fold(char c)
{
	return c == '-' ? '_' : c;
}

bool cmdline_is(const struct cmdline_token *token, const char *name)
{
	size_t i;

	for (i = 0; i < token->name_len && name[i]; i++)
		if (fold(token->name[i]) != fold(name[i]))
			return false;
	return i == token->name_len && !name[i];
}

bool cmdline_value_is(const struct cmdline_token *token, const char *text)
{
	return token->value && slice_is(token->value, token->value_len, text);
}

static bool value_in(const struct cmdline_token *token, const char (*words)[6])
{
	for (; **words; words++)
		if (token->value_len == strlen(*words) &&
		    !strncasecmp(token->value, *words, token->value_len))
			return true;
	return false;
}

static bool says_yes(const struct cmdline_token *token)
{
	static const char yes[][6] = {"1", "yes", "on", "y", "true", ""};

	return !token->value || value_in(token, yes);
}

static bool says_no(const struct cmdline_token *token)
{
	static const char no[][6] = {"0", "no", "off", "n", "false", ""};

	return token->value && value_in(token, no);
}

/*
 * systemd's words (src/core/main.c, also as rd.WORD for the initramfs alone), which sysvinit knows
 * too.
 */
static bool is_rescue_word(const struct cmdline_token *token)
{
	static const char words[][10] = {"rescue", "single", "s",  "S",
					 "1",	   "-s",     "-b", "emergency"};
	const char *word = token->name;
	size_t len = token->name_len;

	if (token->value)
		return false;
	if (len > 3 && !memcmp(word, "rd.", 3)) {
		word += 3;
		len -= 3;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (slice_is(word, len, words[i]))
			return true;
	return false;
}

static bool is_rescue_unit(const struct cmdline_token *token)
{
	return (cmdline_is(token, "systemd.unit") || cmdline_is(token, "rd.systemd.unit")) &&
	       (cmdline_value_is(token, "rescue.target") ||
		cmdline_value_is(token, "emergency.target"));
}

enum cmdline_off cmdline_switch(const char *text, size_t size, struct cmdline_token *ret_token)
{
	struct cmdline_token token, enable, rd_vfio, hostonly, rescue, kdump, *off = NULL;
	bool enable_off = false, rd_vfio_off = false, hostonly_off = false, rescue_on = false;
	bool kdump_on = false;
	enum cmdline_off why = CMDLINE_ON;
	struct cmdline cmdline;

	cmdline_init(&cmdline, text, size);
	while (cmdline_next(&cmdline, &token)) {
		if (cmdline_is(&token, "vfio_bootcfg.enable")) {
			enable = token;
			enable_off = !says_yes(&token);
		} else if (cmdline_is(&token, "rd.vfio")) {
			rd_vfio = token;
			rd_vfio_off = !says_yes(&token);
		} else if (cmdline_is(&token, "rd.hostonly")) {
			hostonly = token;
			hostonly_off = says_no(&token);
		} else if (cmdline_is(&token, "elfcorehdr")) {
			kdump = token;
			kdump_on = true;
		} else if (!rescue_on && (is_rescue_word(&token) || is_rescue_unit(&token))) {
			rescue = token;
			rescue_on = true;
		}
	}
	if (enable_off || rd_vfio_off) {
		why = CMDLINE_OFF_SWITCH;
		off = enable_off ? &enable : &rd_vfio;
	} else if (hostonly_off) {
		why = CMDLINE_OFF_HOSTONLY;
		off = &hostonly;
	} else if (rescue_on) {
		why = CMDLINE_OFF_RESCUE;
		off = &rescue;
	} else if (kdump_on) {
		why = CMDLINE_OFF_KDUMP;
		off = &kdump;
	}
	if (off && ret_token)
		*ret_token = *off;
	return why;
}
