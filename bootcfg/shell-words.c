// SPDX-License-Identifier: GPL-2.0-or-later
/* Words: quotes, escapes, expansions. POSIX 2.2 and 2.6; where dash and bash differ, unknown. */
#include <string.h>

#include "bootcfg/shell-internal.h"

/* Not for messages: the reader gives up, and knows nothing of what follows. */
#define GIVE_UP (-ENOSYS)

static int read_expansion(struct lexer *lexer, const char *self, enum shell_quote quote,
			  struct word *word);

int lexer_fail(struct lexer *lexer, unsigned line, const char *what)
{
	return diag_set(lexer->diag, -EBADMSG, lexer->file, line, "%s", what);
}

int lexer_peek(struct lexer *lexer)
{
	while (lexer->at + 1 < lexer->size && lexer->data[lexer->at] == '\\' &&
	       lexer->data[lexer->at + 1] == '\n') {
		lexer->at += 2;
		lexer->line++;
	}
	return lexer->at < lexer->size ? (unsigned char)lexer->data[lexer->at] : -1;
}

static void pass(struct lexer *lexer)
{
	lexer->line += lexer->data[lexer->at++] == '\n';
}

void value_clear(struct shell_value *value)
{
	free(value->chars);
	value->chars = NULL;
	value->count = 0;
}

int value_add(struct shell_value *value, struct shell_char item)
{
	struct shell_char *chars;

	if (value->count >= VALUE_MAX) {
		value->count = 0;
		item.kind = SHELL_UNKNOWN;
	}
	/* Room for twice as many whenever the count is a power of two. */
	if (!(value->count & (value->count - 1))) {
		chars = reallocarray(value->chars, value->count ? value->count * 2 : 1,
				     sizeof(*chars));
		if (!chars)
			return -ENOMEM;
		value->chars = chars;
	}
	value->chars[value->count++] = item;
	return 0;
}

void word_free(struct word *word)
{
	value_clear(&word->value);
}

static int add_byte(struct lexer *lexer, struct word *word, size_t start, enum shell_quote quote,
		    char c)
{
	return value_add(&word->value, (struct shell_char){.start = start,
							   .end = lexer->at,
							   .file = lexer->number,
							   .line = lexer->line - (c == '\n'),
							   .c = c,
							   .kind = SHELL_BYTE,
							   .quote = quote});
}

static int add_unknown(struct lexer *lexer, struct word *word, size_t start, unsigned line,
		       enum shell_quote quote)
{
	if (quote == SHELL_BARE)
		word->split = true;
	return value_add(&word->value, (struct shell_char){.start = start,
							   .end = lexer->at,
							   .file = lexer->number,
							   .line = line,
							   .kind = SHELL_UNKNOWN,
							   .quote = quote,
							   .fixed = true});
}

/* A variable's chars, where they stand; through another variable their place is not ours to edit. */
static int add_value(struct word *word, const struct shell_value *value, bool is_self)
{
	int r = 0;

	for (size_t i = 0; is_self && i < word->value.count; i++)
		for (size_t j = 0; j < value->count && !word->value.chars[i].fixed; j++)
			/* The same place twice: an edit would act on both. */
			if (word->value.chars[i].file == value->chars[j].file &&
			    word->value.chars[i].start == value->chars[j].start)
				is_self = false;
	for (size_t i = 0; !is_self && i < word->value.count; i++)
		for (size_t j = 0; j < value->count; j++)
			if (word->value.chars[i].file == value->chars[j].file &&
			    word->value.chars[i].start == value->chars[j].start)
				word->value.chars[i].fixed = true;
	for (size_t i = 0; !r && i < value->count; i++) {
		struct shell_char item = value->chars[i];

		if (!is_self && item.kind == SHELL_ANCHOR)
			continue;
		item.fixed = item.fixed || !is_self;
		r = value_add(&word->value, item);
	}
	return r;
}

enum fill { FILL_EMPTY, FILL_SOME, FILL_UNKNOWN };

static enum fill how_full(const struct shell_value *value)
{
	enum fill fill = FILL_EMPTY;

	for (size_t i = 0; i < value->count; i++) {
		const struct shell_char *item = &value->chars[i];

		if ((item->kind == SHELL_BYTE && !item->maybe) ||
		    (item->kind == SHELL_ANCHOR && item->c))
			return FILL_SOME;
		if (item->kind == SHELL_UNKNOWN)
			fill = FILL_UNKNOWN;
	}
	return fill;
}

/* To the end of '...', "..." or `...`, whose opening is passed already; 0 or -errno. */
static int skip_quoted(struct lexer *lexer, char close, unsigned line);

/* To the closing bracket of $(...) or ${...}. What hides brackets from a reader is given up on. */
static int skip_brackets(struct lexer *lexer, char open, char close, unsigned line)
{
	size_t depth = 1;
	int r = 0;

	if (++lexer->depth > DEPTH_MAX)
		return GIVE_UP;
	while (!r && lexer->at < lexer->size) {
		const char *text = lexer->data + lexer->at;
		size_t left = lexer->size - lexer->at;
		char c = *text;

		if (c == '#' || (left > 1 && !memcmp(text, "<<", 2)) ||
		    (left > 3 && !memcmp(text, "case", 4)))
			return GIVE_UP;
		pass(lexer);
		if (c == '\\' && lexer->at < lexer->size)
			pass(lexer);
		else if (c == '\'' || c == '"' || c == '`')
			r = skip_quoted(lexer, c, lexer->line);
		else if (c == open)
			depth++;
		else if (c == close && !--depth)
			break;
	}
	lexer->depth--;
	if (!r && depth)
		return lexer_fail(lexer, line, "an expansion that begins here has no end");
	return r;
}

static int skip_quoted(struct lexer *lexer, char close, unsigned line)
{
	int r = 0;

	if (++lexer->depth > DEPTH_MAX)
		return GIVE_UP;
	while (!r && lexer->at < lexer->size) {
		char c = lexer->data[lexer->at];

		pass(lexer);
		if (c == close) {
			lexer->depth--;
			return 0;
		}
		if (c == '\\' && close != '\'' && lexer->at < lexer->size)
			pass(lexer);
		else if (close == '"' && c == '`')
			r = skip_quoted(lexer, '`', line);
		else if (close == '"' && c == '$' && lexer->at < lexer->size &&
			 (lexer->data[lexer->at] == '(' || lexer->data[lexer->at] == '{'))
			return GIVE_UP;
	}
	return r ? r : lexer_fail(lexer, line, "a quote that begins here has no end");
}

static int read_single(struct lexer *lexer, struct word *word)
{
	unsigned line = lexer->line;
	int r = 0;

	while (!r) {
		size_t start = lexer->at;

		if (start >= lexer->size)
			return lexer_fail(lexer, line, "a quote that begins here has no end");
		if (lexer->data[start] == '\'')
			break;
		pass(lexer);
		r = add_byte(lexer, word, start, SHELL_SINGLE, lexer->data[start]);
	}
	return r;
}

/* One thing between double quotes. */
static int read_in_double(struct lexer *lexer, const char *self, struct word *word, int c)
{
	size_t start = lexer->at;

	if (c == '$' || c == '`')
		return read_expansion(lexer, self, SHELL_DOUBLE, word);
	if (c == '\\' && start + 1 < lexer->size && strchr("$`\"\\", lexer->data[start + 1])) {
		lexer->at += 2;
		return add_byte(lexer, word, start, SHELL_DOUBLE, lexer->data[start + 1]);
	}
	pass(lexer);
	return add_byte(lexer, word, start, SHELL_DOUBLE, (char)c);
}

static int read_double(struct lexer *lexer, const char *self, struct word *word)
{
	unsigned line = lexer->line;
	int r = 0, c;

	while (!r) {
		c = lexer_peek(lexer);
		if (c < 0)
			return lexer_fail(lexer, line, "a quote that begins here has no end");
		if (c == '"')
			break;
		r = read_in_double(lexer, self, word, c);
	}
	return r;
}

/* ~ and ~user: what it stands for depends on who runs it. */
static int read_tilde(struct lexer *lexer, struct word *word)
{
	size_t start = lexer->at;
	unsigned line = lexer->line;
	int c;

	pass(lexer);
	while ((c = lexer_peek(lexer)) >= 0 && (shell_name_char((char)c) || strchr("-.+", c)) && c)
		pass(lexer);
	return add_unknown(lexer, word, start, line, SHELL_BARE);
}

static bool is_meta(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || (c > 0 && strchr(";&|<>()", c));
}

/*
 * Text up to an operator or a blank. Where the last quotes of the word ended goes to *ret_close: an
 * anchor is better inside of them.
 */
static int read_bare(struct lexer *lexer, const char *self, struct word *word,
		     struct shell_char *ret_close)
{
	bool tilde = true;
	int r = 0, c;

	while (!r && (c = lexer_peek(lexer)) >= 0) {
		size_t start = lexer->at;

		if (is_meta(c))
			break;
		if (c == '\'' || c == '"') {
			pass(lexer);
			r = c == '"' ? read_double(lexer, self, word) : read_single(lexer, word);
			if (r)
				break;
			ret_close->start = ret_close->end = lexer->at;
			ret_close->quote = c == '"' ? SHELL_DOUBLE : SHELL_SINGLE;
			ret_close->line = lexer->line;
			ret_close->c = 1;
			pass(lexer);
			word->plain = false;
		} else if (c == '\\') {
			lexer->at += lexer->at + 1 < lexer->size;
			c = lexer->data[lexer->at];
			pass(lexer);
			r = add_byte(lexer, word, start, SHELL_BARE, (char)c);
			word->plain = false;
		} else if (c == '$' || c == '`') {
			r = read_expansion(lexer, self, SHELL_BARE, word);
			word->plain = false;
		} else if (c == '~' && tilde) {
			r = read_tilde(lexer, word);
			word->plain = false;
		} else {
			if (strchr("*?[", c))
				word->pattern = true;
			pass(lexer);
			r = add_byte(lexer, word, start, SHELL_BARE, (char)c);
		}
		tilde = c == ':' || c == '=';
		if (ret_close->c && lexer->at > ret_close->start + 1 && c != '\r')
			ret_close->c = 0;
	}
	return r;
}

/* The word of ${NAME:+word}. Quotes in it mean one thing to dash and another to bash. */
static int read_alternative(struct lexer *lexer, const char *self, enum shell_quote quote,
			    struct word *word)
{
	int r = 0, c;

	while (!r && (c = lexer_peek(lexer)) >= 0 && c != '}') {
		size_t start = lexer->at;

		if (strchr("'\"\\~", c))
			return GIVE_UP;
		if (c == '$' || c == '`') {
			r = read_expansion(lexer, self, quote, word);
		} else {
			pass(lexer);
			r = add_byte(lexer, word, start, quote, (char)c);
		}
	}
	if (!r && lexer_peek(lexer) < 0)
		return lexer_fail(lexer, lexer->line, "an expansion has no end");
	return r;
}

/* Nothing but what is not known, and blanks. */
static bool is_unknown(const struct shell_value *value)
{
	for (size_t i = 0; i < value->count; i++)
		if (value->chars[i].kind == SHELL_BYTE && value->chars[i].c != ' ')
			return false;
	return how_full(value) != FILL_EMPTY && value->chars[0].kind == SHELL_UNKNOWN;
}

/* ${NAME...}: the name and what follows it are read; lexer is at the operator. */
static int read_operator(struct lexer *lexer, const char *self, enum shell_quote quote,
			 const char *name, size_t size, size_t start, struct word *word)
{
	struct word other = {.plain = true};
	unsigned line = lexer->line;
	const struct shell_value *value;
	bool null_too = lexer_peek(lexer) == ':', taken;
	_cleanup_free_ char *copy = strndup(name, size);
	enum fill fill;
	int r, c;

	if (!copy)
		return -ENOMEM;
	if (null_too)
		pass(lexer);
	c = lexer_peek(lexer);
	if (c < 0 || !strchr("-+=?", c))
		return GIVE_UP;
	pass(lexer);
	r = read_alternative(lexer, self, quote, &other);
	if (r) {
		word_free(&other);
		return r;
	}
	pass(lexer);
	value = shell_get(lexer->shell, copy);
	fill = value ? how_full(value) : FILL_EMPTY;
	if (value && fill == FILL_EMPTY && !null_too)
		fill = FILL_SOME;
	taken = c == '+' ? fill == FILL_SOME : fill == FILL_EMPTY;
	if (fill == FILL_UNKNOWN && c == '+' && is_unknown(&other.value)) {
		/* ${NAME:+$NAME }: whatever it is, what follows begins a word of its own. */
		for (size_t i = 0; !r && i < other.value.count; i++) {
			other.value.chars[i].fixed = true;
			other.value.chars[i].maybe = true;
			r = value_add(&word->value, other.value.chars[i]);
		}
		word->split = word->split || quote == SHELL_BARE;
	} else if (fill == FILL_UNKNOWN || (taken && strchr("=?", c))) {
		r = add_unknown(lexer, word, start, line, quote);
		if (!r && c == '=')
			r = shell_forget(lexer, name, size, start, lexer->at, line);
	} else if (c != '+' && !taken) {
		r = add_value(word, value, self && !strcmp(self, copy));
		word->split = word->split || quote == SHELL_BARE;
	} else if (taken) {
		for (size_t i = 0; !r && i < other.value.count; i++) {
			struct shell_char item = other.value.chars[i];

			/* What is literally here is there only sometimes. */
			if (item.file == lexer->number && item.start >= start)
				item.fixed = true;
			r = value_add(&word->value, item);
		}
		word->split = word->split || quote == SHELL_BARE;
	}
	word_free(&other);
	return r;
}

static int add_variable(struct lexer *lexer, const char *self, enum shell_quote quote,
			const char *name, size_t size, size_t start, struct word *word)
{
	_cleanup_free_ char *copy = strndup(name, size);
	const struct shell_value *value;

	if (!copy)
		return -ENOMEM;
	value = shell_get(lexer->shell, copy);
	/* The environment's: the only place that it has is this one. */
	if (value && value->count == 1 && value->chars[0].kind == SHELL_UNKNOWN &&
	    !value->chars[0].end)
		return add_unknown(lexer, word, start, lexer->line, quote);
	if (quote == SHELL_BARE)
		word->split = true;
	return value ? add_value(word, value, self && !strcmp(self, copy)) : 0;
}

/* The name at the lexer's place, into buf without its line continuations; its size. */
static size_t read_name(struct lexer *lexer, char *buf, size_t size)
{
	size_t len = 0;
	int c;

	while ((c = lexer_peek(lexer)) >= 0 && shell_name_char((char)c)) {
		if (len < size)
			buf[len] = (char)c;
		len++;
		lexer->at++;
	}
	return len;
}

static int read_braces(struct lexer *lexer, const char *self, enum shell_quote quote, size_t start,
		       struct word *word)
{
	unsigned line = lexer->line;
	size_t inside = lexer->at, size = 0;
	char name[256];
	int r = GIVE_UP, c = lexer_peek(lexer);

	if (c >= 0 && shell_name_start((char)c)) {
		size = read_name(lexer, name, sizeof(name));
		if (size > sizeof(name))
			return GIVE_UP;
		if (lexer_peek(lexer) == '}') {
			pass(lexer);
			return add_variable(lexer, self, quote, name, size, start, word);
		}
		r = read_operator(lexer, self, quote, name, size, start, word);
	}
	if (r != GIVE_UP)
		return r;
	/* Something else: find its end at least, and know nothing. */
	lexer->at = inside;
	lexer->line = line;
	for (; lexer->at < lexer->size && lexer->data[lexer->at] != '}'; pass(lexer))
		if (strchr("'\"\\`$=\n", lexer->data[lexer->at]))
			return GIVE_UP;
	if (lexer->at >= lexer->size)
		return lexer_fail(lexer, line, "an expansion that begins here has no end");
	pass(lexer);
	return add_unknown(lexer, word, start, line, quote);
}

/* $(...) and $((...)); the lexer is after the first bracket. */
static int read_command(struct lexer *lexer, enum shell_quote quote, size_t start,
			struct word *word)
{
	unsigned line = lexer->line;
	size_t inside = lexer->at;
	int r = skip_brackets(lexer, '(', ')', line);

	if (r)
		return r;
	/* Arithmetic may assign; what a command assigns is lost with its process. */
	if (lexer->data[inside] == '(')
		for (size_t i = inside; i + 1 < lexer->at; i++)
			if (lexer->data[i] == '=' || !memcmp(lexer->data + i, "++", 2) ||
			    !memcmp(lexer->data + i, "--", 2))
				return GIVE_UP;
	return add_unknown(lexer, word, start, line, quote);
}

static int read_expansion(struct lexer *lexer, const char *self, enum shell_quote quote,
			  struct word *word)
{
	size_t start = lexer->at, size;
	unsigned line = lexer->line;
	char name[256];
	int r, c = lexer->data[start];

	if (++lexer->depth > DEPTH_MAX)
		return GIVE_UP;
	pass(lexer);
	if (c == '`') {
		r = skip_quoted(lexer, '`', line);
		r = r ? r : add_unknown(lexer, word, start, line, quote);
		lexer->depth--;
		return r;
	}
	c = lexer_peek(lexer);
	if (c >= 0 && shell_name_start((char)c)) {
		size = read_name(lexer, name, sizeof(name));
		r = size > sizeof(name) ? GIVE_UP
					: add_variable(lexer, self, quote, name, size, start, word);
	} else if (c == '{') {
		pass(lexer);
		r = read_braces(lexer, self, quote, start, word);
	} else if (c == '(') {
		pass(lexer);
		r = read_command(lexer, quote, start, word);
	} else if (c > 0 && strchr("0123456789@*#?-$!", c)) {
		pass(lexer);
		r = add_unknown(lexer, word, start, line, quote);
	} else if (c >= 0 && strchr("'\"", c) && quote == SHELL_BARE) {
		/* bash's own quotes; to dash a dollar and quotes. */
		r = GIVE_UP;
	} else if (lexer->at != start + 1) {
		r = GIVE_UP; /* a line continuation after a lone dollar */
	} else {
		r = add_byte(lexer, word, start, quote, '$');
	}
	lexer->depth--;
	return r;
}

int word_read(struct lexer *lexer, const char *self, struct word *ret)
{
	struct shell_char close = {.c = 0};
	struct word word = {.plain = true};
	size_t after;
	int r;

	(void)lexer_peek(lexer);
	word.start = lexer->at;
	word.line = lexer->line;
	r = read_bare(lexer, self, &word, &close);
	if (!r && self) {
		struct shell_char anchor = {.start = lexer->at,
					    .end = lexer->at,
					    .line = lexer->line,
					    .kind = SHELL_ANCHOR,
					    .quote = SHELL_BARE};

		if (close.c) {
			anchor.start = anchor.end = close.start;
			anchor.quote = close.quote;
			anchor.line = close.line;
		}
		anchor.file = lexer->number;
		r = value_add(&word.value, anchor);
		/* In front of the carriage returns of a file with CRLF. */
		for (after = word.value.count - 1;
		     !r && close.c && after && word.value.chars[after - 1].kind == SHELL_BYTE &&
		     word.value.chars[after - 1].file == lexer->number &&
		     word.value.chars[after - 1].start > close.start;
		     after--) {
			word.value.chars[after] = word.value.chars[after - 1];
			word.value.chars[after - 1] = anchor;
		}
	}
	if (r) {
		word_free(&word);
		return r;
	}
	*ret = word;
	return 0;
}

size_t shell_escape(char c, enum shell_quote quote, char ret[static 4])
{
	size_t size = 0;

	if (c == '\n' || !c || (quote == SHELL_SINGLE && c == '\''))
		return 0;
	if (quote == SHELL_DOUBLE ? !!strchr("$`\"\\", c)
				  : quote == SHELL_BARE && !shell_name_char(c) &&
					    !strchr("./=,:@%+-", c) && (unsigned char)c < 0x80)
		ret[size++] = '\\';
	ret[size++] = c;
	return size;
}
