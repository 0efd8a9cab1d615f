// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/args.h"
#include "bootcfg/param.h"
#include "early/cmdline.h"
#include "early/profile-keys.h"
#include "early/text.h"

/* The first parameter of a text. False: there is none. */
static bool first_token(const char *text, struct cmdline_token *ret)
{
	struct cmdline cmdline;

	cmdline_init(&cmdline, text, strlen(text));
	return cmdline_next(&cmdline, ret);
}

static int append(struct args *args, const char *text, size_t size)
{
	char **items = reallocarray(args->items, args->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	args->items = items;
	items[args->count] = strndup(text, size);
	if (!items[args->count])
		return -ENOMEM;
	args->count++;
	return 0;
}

static void drop(struct args *args, size_t i)
{
	free(args->items[i]);
	args->count--;
	memmove(args->items + i, args->items + i + 1, (args->count - i) * sizeof(*args->items));
}

void args_free(struct args *args)
{
	while (args->count)
		drop(args, args->count - 1);
	free(args->items);
	args->items = NULL;
}

int args_parse(const char *value, struct args *ret)
{
	_cleanup_args_ struct args args = {.count = 0};
	struct cmdline_token token;
	struct cmdline cmdline;

	cmdline_init(&cmdline, value ? value : "", value ? strlen(value) : 0);
	while (cmdline_next(&cmdline, &token))
		if (append(&args, token.raw, token.raw_len) < 0)
			return -ENOMEM;
	*ret = args;
	args = (struct args){.count = 0};
	return 0;
}

/* --- what an option gives ----------------------------------------------------------------------- */

/* In words what is wrong with a text that is to be one parameter; NULL: nothing. */
static const char *wrong_token(const char *text)
{
	struct cmdline_token token;
	size_t quotes = 0;

	if (!*text)
		return "expected NAME or NAME=VALUE";
	if (*text == '#' || *text == ';')
		return "this would be a comment in the profile";
	for (const char *at = text; *at; at++) {
		if ((*at >= 0 && *at < ' ') || *at == 0x7f)
			return "a control character";
		quotes += *at == '"';
	}
	if (quotes % 2)
		return "a `\"` is opened and not closed";
	if (!first_token(text, &token) || token.raw != text || token.raw_len != strlen(text))
		return "more than one parameter, or a blank at an end; give each an option of "
		       "its own";
	return NULL;
}

/* Where a value begins that has blanks and no quotes to hold them together; NULL: no such. */
static const char *bare_value(const char *text)
{
	const char *equals = strchr(text, '=');
	bool bare = equals && equals != text && !strchr(text, '"') && strchr(equals, ' ') &&
		    strcspn(text, " ") > (size_t)(equals - text);

	return bare ? equals + 1 : NULL;
}

int args_token(const char *option, const char *text, char **ret, struct diag *diag)
{
	const char *value = bare_value(text), *why;
	_cleanup_free_ char *token = NULL, *checked = NULL;
	struct profile_entry entry = {.section = "kernel", .name = "", .key = "args"};
	struct diag wrong = DIAG_INIT;

	if (value ? asprintf(&token, "%.*s\"%s\"", (int)(value - text), text, value) < 0
		  : !(token = strdup(text)))
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	why = wrong_token(token);
	if (why)
		return diag_set(diag, -EINVAL, NULL, 0, "%s %s: %s", option, text, why);
	/* The profile's own rules; it looks at the byte before a value. */
	if (asprintf(&checked, " %s", token) < 0)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	entry.value = checked + 1;
	if (profile_take(PROFILE_KERNEL, &entry, NULL, &wrong) < 0)
		return diag_set(diag, -EINVAL, NULL, 0, "%s: %s", option, wrong.text);
	*ret = steal(&token);
	return 0;
}

/* --- changes ------------------------------------------------------------------------------------ */

static bool same_value(const struct cmdline_token *a, const struct cmdline_token *b)
{
	if (!a->value || !b->value)
		return !a->value && !b->value;
	return a->value_len == b->value_len && !memcmp(a->value, b->value, a->value_len);
}

int args_put(struct args *args, const char *text)
{
	struct cmdline_token token, other;
	bool many, done = false;

	if (!first_token(text, &token))
		return 0;
	many = param_find(&token)->class == PARAM_MANY;
	for (size_t i = 0; i < args->count; i++) {
		char *copy;

		if (!first_token(args->items[i], &other) || !token_same_name(&token, &other))
			continue;
		if (many && !same_value(&token, &other))
			continue;
		if (done) {
			drop(args, i--);
			continue;
		}
		done = true;
		/* What says the same stays as it stands. */
		if (same_value(&token, &other))
			continue;
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
		free(args->items[i]);
		args->items[i] = copy;
	}
	return done ? 0 : append(args, text, strlen(text));
}

size_t args_take(struct args *args, const char *text)
{
	struct cmdline_token token, other;
	size_t count = 0;

	if (!first_token(text, &token))
		return 0;
	for (size_t i = 0; i < args->count; i++) {
		if (!first_token(args->items[i], &other) || !token_same_name(&token, &other) ||
		    (token.value && !same_value(&token, &other)))
			continue;
		drop(args, i--);
		count++;
	}
	return count;
}

char *args_join(const struct args *args)
{
	struct text text = {.error = 0};

	text_add(&text, "%s", "");
	for (size_t i = 0; i < args->count; i++)
		text_add(&text, "%s%s", i ? " " : "", args->items[i]);
	if (text.error) {
		text_free(&text);
		return NULL;
	}
	return text.data;
}
