// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/edit.h"
#include "bootcfg/param.h"
#include "bootcfg/unit.h"

static bool has_open_quote(const struct cmdline_token *token)
{
	bool open = false;

	for (size_t i = 0; i < token->raw_len; i++)
		open ^= token->raw[i] == '"';
	return open;
}

static bool is_dashes(const struct cmdline_token *token)
{
	return !token->value && token->name_len == 2 && !memcmp(token->name, "--", 2);
}

/* What the next hugepages= belongs to; without a value it is nothing to the kernel. */
static bool opens_pair(const struct unit *unit)
{
	const struct cmdline_token *token = &unit->tokens[0].token;

	return unit->param->class == PARAM_PAGES && token->value && !cmdline_is(token, "hugepages");
}

static bool closes_pair(const struct units *units, const struct unit *unit)
{
	const struct cmdline_token *token = &unit->tokens[0].token;

	return units->size_unit != NO_UNIT && unit->param->class == PARAM_PAGES && token->value &&
	       cmdline_is(token, "hugepages");
}

static int add_unit(struct units *units, const struct unit *unit)
{
	if (units->count == units->space) {
		size_t space = units->space ? 2 * units->space : 8;
		struct unit *items = reallocarray(units->items, space, sizeof(*items));

		if (!items)
			return -ENOMEM;
		units->items = items;
		units->space = space;
	}
	units->items[units->count++] = *unit;
	return 0;
}

static int add_token(struct units *units, const struct unit_token *token)
{
	struct unit unit = {.tokens = {*token}, .count = 1, .for_init = units->dashes != NO_UNIT};

	if (has_open_quote(&token->token))
		return -EBADMSG;
	unit.param = param_find(&token->token);
	if (!unit.for_init) {
		if (closes_pair(units, &unit)) {
			struct unit *pair = &units->items[units->size_unit];

			pair->tokens[pair->count++] = *token;
			units->size_unit = NO_UNIT;
			return 0;
		}
		if (opens_pair(&unit))
			units->size_unit = units->count;
		if (is_dashes(&token->token)) {
			units->dashes = units->count;
			unit.for_init = true;
		}
	}
	return add_unit(units, &unit);
}

int units_add(struct units *units, const char *text, size_t size, size_t part)
{
	struct unit_token token = {.part = part};
	struct cmdline cmdline;
	int r = 0;

	cmdline_init(&cmdline, text, size);
	while (!r && cmdline_next(&cmdline, &token.token)) {
		token.at = (size_t)(token.token.raw - text);
		r = add_token(units, &token);
	}
	return r;
}

int unit_parse(const char *text, struct units *ret)
{
	struct units units = UNITS_INIT;
	int r = units_add(&units, text, strlen(text), 0);

	if (!r && (units.count != 1 || units.dashes != NO_UNIT))
		r = -EINVAL;
	if (r < 0) {
		units_free(&units);
		return r;
	}
	*ret = units;
	return 0;
}

bool unit_same_bytes(const struct unit *a, const struct unit *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		const struct cmdline_token *x = &a->tokens[i].token, *y = &b->tokens[i].token;

		if (x->raw_len != y->raw_len || memcmp(x->raw, y->raw, x->raw_len) != 0)
			return false;
	}
	return true;
}

static bool token_same(const struct cmdline_token *a, const struct cmdline_token *b)
{
	const struct param *param = param_find(a);

	if (!token_same_name(a, b))
		return false;
	if (param->class == PARAM_ISOLATION) {
		struct isolation_value x = isolation_parse(a), y = isolation_parse(b);

		return x.flags == y.flags && cpus_equal(x.list, y.list);
	}
	return value_equal(param->value, token_value(a), token_value(b));
}

bool unit_same(const struct unit *a, const struct unit *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (!token_same(&a->tokens[i].token, &b->tokens[i].token))
			return false;
	return true;
}

bool unit_in_one_piece(const struct unit *unit)
{
	const struct unit_token *a = &unit->tokens[0], *b = &unit->tokens[1];
	struct cmdline cmdline;
	struct cmdline_token next;
	const char *end = a->token.raw + a->token.raw_len;

	if (unit->count == 1)
		return true;
	if (a->part != b->part)
		return false;
	cmdline_init(&cmdline, end, (size_t)(b->token.raw - end) + b->token.raw_len);
	return cmdline_next(&cmdline, &next) && next.raw == b->token.raw;
}

char *unit_text(const struct unit *unit)
{
	const struct cmdline_token *a = &unit->tokens[0].token, *b = &unit->tokens[1].token;
	char *text;

	if (unit->count == 1)
		return strndup(a->raw, a->raw_len);
	if (unit_in_one_piece(unit))
		return strndup(a->raw, (size_t)(b->raw - a->raw) + b->raw_len);
	text = malloc(a->raw_len + b->raw_len + 2);
	if (text) {
		char *at = mempcpy(text, a->raw, a->raw_len);

		*at++ = ' ';
		at = mempcpy(at, b->raw, b->raw_len);
		*at = '\0';
	}
	return text;
}

bool unit_is_protected(const struct unit *unit)
{
	static const char *const names[] = {
		"root",	  "rootflags",	"rootfstype",	      "ro",	"rw", "init",
		"initrd", "BOOT_IMAGE", "systemd.machine_id", "ostree",
	};

	if (unit->for_init)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (cmdline_is(&unit->tokens[0].token, names[i]))
			return true;
	return false;
}

int line_units(const char *text, int (*take)(void *data, const char *unit, size_t size), void *data)
{
	_cleanup_units_ struct units units = UNITS_INIT;
	int r = units_add(&units, text, strlen(text), 0);

	for (size_t i = 0; !r && i < units.count; i++) {
		_cleanup_free_ char *unit = unit_text(&units.items[i]);

		r = unit ? take(data, unit, strlen(unit)) : -ENOMEM;
	}
	return r;
}

bool unit_protected(const char *unit)
{
	_cleanup_units_ struct units units = UNITS_INIT;

	return !units_add(&units, unit, strlen(unit), 0) && units.count &&
	       unit_is_protected(&units.items[0]);
}

bool unit_equal(const char *a, const char *b)
{
	_cleanup_units_ struct units x = UNITS_INIT, y = UNITS_INIT;

	return !unit_parse(a, &x) && !unit_parse(b, &y) && unit_same(&x.items[0], &y.items[0]);
}

static int is_equal(void *data, const char *unit, _unused_ size_t size)
{
	return unit_equal(*(const char **)data, unit);
}

bool line_has(const char *text, const char *unit)
{
	return line_units(text, is_equal, &unit) == 1;
}
