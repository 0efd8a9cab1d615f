// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands: which assignments take effect for sure, and what makes variables unknown. */
#include <string.h>

#include "bootcfg/shell-internal.h"

#define GIVE_UP (-ENOSYS)

struct parser {
	struct lexer lexer;
	unsigned compounds; /* open if, while, case, { ... */
	unsigned brackets; /* open ( */
	bool chained; /* after && || or |: may not be run, or in a process of its own */
};

/* An assignment in front of what may turn out to be a command, which would only lend it. */
struct pending {
	char *name;
	struct shell_value old;
	size_t start, end;
	unsigned line;
};

struct command {
	struct pending *pending;
	size_t pending_count;
	char *name; /* NULL: none yet */
	bool named; /* there is a command word, though maybe one that is not known */
	bool redirected;
	unsigned line;
	size_t start;
};

static void value_drop(struct shell_value *value)
{
	free(value->name);
	value_clear(value);
}

void shell_free(struct shell *shell)
{
	for (size_t i = 0; i < shell->count; i++)
		value_drop(&shell->values[i]);
	free(shell->values);
	*shell = (struct shell){.count = 0};
}

static struct shell_value *find(const struct shell *shell, const char *name, size_t size)
{
	for (size_t i = 0; i < shell->count; i++)
		if (strlen(shell->values[i].name) == size &&
		    !memcmp(shell->values[i].name, name, size))
			return &shell->values[i];
	return NULL;
}

struct shell_value *shell_slot(struct shell *shell, const char *name, size_t size)
{
	struct shell_value *values, *value = find(shell, name, size);

	if (value)
		return value;
	values = reallocarray(shell->values, shell->count + 1, sizeof(*values));
	if (!values)
		return NULL;
	shell->values = values;
	value = &values[shell->count];
	*value = (struct shell_value){.name = strndup(name, size)};
	if (!value->name)
		return NULL;
	shell->count++;
	return value;
}

const struct shell_value *shell_get(const struct shell *shell, const char *name)
{
	/* What the environment may hold: nobody knows. */
	static struct shell_char unknown = {.kind = SHELL_UNKNOWN, .fixed = true};
	static const struct shell_value somebodys = {.set = true, .chars = &unknown, .count = 1};
	const struct shell_value *value = find(shell, name, strlen(name));

	if (!value)
		return &somebodys;
	return value->set ? value : NULL;
}

int shell_declare(struct shell *shell, const char *name)
{
	struct shell_value *value = shell_slot(shell, name, strlen(name));

	if (!value)
		return -ENOMEM;
	value_clear(value);
	value->set = false;
	return 0;
}

int shell_anchor(struct shell *shell, const char *name, unsigned number, size_t at)
{
	struct shell_value *value = shell_slot(shell, name, strlen(name));
	struct shell_char anchor = {.start = at,
				    .end = at,
				    .file = number,
				    .c = 1,
				    .kind = SHELL_ANCHOR,
				    .quote = SHELL_DOUBLE};

	if (!value)
		return -ENOMEM;
	value->set = true;
	return value_add(value, anchor);
}

bool shell_is(const struct shell *shell, const char *name, const char *text)
{
	const struct shell_value *value = shell_get(shell, name);

	for (size_t i = 0; value && i < value->count; i++) {
		if (value->chars[i].kind == SHELL_ANCHOR)
			continue;
		if (value->chars[i].kind == SHELL_UNKNOWN)
			return false;
		/* CRLF: grub-mkconfig would not take "true\r" for true, but people mean it. */
		if (value->chars[i].c == '\r')
			continue;
		if (value->chars[i].c != *text || !*text)
			return false;
		text++;
	}
	return value && !*text;
}

int shell_forget(struct lexer *lexer, const char *name, size_t size, size_t start, size_t end,
		 unsigned line)
{
	struct shell_value *value = shell_slot(lexer->shell, name, size);

	if (!value)
		return -ENOMEM;
	value_clear(value);
	value->set = true;
	return value_add(value, (struct shell_char){.start = start,
						    .end = end,
						    .file = lexer->number,
						    .line = line,
						    .kind = SHELL_UNKNOWN,
						    .fixed = true});
}

/* Whatever was known is no more. */
static int forget_all(struct parser *parser, size_t start, unsigned line)
{
	struct lexer *lexer = &parser->lexer;
	int r = 0;

	for (size_t i = 0; !r && i < lexer->shell->count; i++)
		r = shell_forget(lexer, lexer->shell->values[i].name,
				 strlen(lexer->shell->values[i].name), start, lexer->at, line);
	lexer->shell->all_unknown = true;
	return r;
}

static bool may_not_run(const struct parser *parser)
{
	return parser->compounds || parser->brackets || parser->chained ||
	       parser->lexer.shell->maybe;
}

static void skip_blanks(struct lexer *lexer)
{
	int c;

	while ((c = lexer_peek(lexer)) == ' ' || c == '\t')
		lexer->at++;
}

static void skip_comment(struct lexer *lexer)
{
	while (lexer->at < lexer->size && lexer->data[lexer->at] != '\n')
		lexer->at++;
}

/* NAME= or NAME+= at the lexer's place: passes it and returns the name's size, else 0. */
static size_t match_assignment(struct lexer *lexer, char *name, size_t space, bool *ret_append)
{
	size_t at = lexer->at, size = 0;
	unsigned line = lexer->line;
	int c = lexer_peek(lexer);

	if (c >= 0 && shell_name_start((char)c))
		for (; c >= 0 && shell_name_char((char)c); c = lexer_peek(lexer)) {
			if (size < space)
				name[size] = (char)c;
			size++;
			lexer->at++;
		}
	*ret_append = size && c == '+';
	if (*ret_append) {
		lexer->at++;
		c = lexer_peek(lexer);
	}
	if (size && size < space && c == '=') {
		lexer->at++;
		name[size] = '\0';
		return size;
	}
	lexer->at = at;
	lexer->line = line;
	return 0;
}

static int keep_old(struct command *command, struct shell_value *value, size_t start, unsigned line)
{
	struct pending *all = reallocarray(command->pending, command->pending_count + 1,
					   sizeof(*all)),
		       *pending;

	if (!all)
		return -ENOMEM;
	command->pending = all;
	pending = &all[command->pending_count];
	*pending = (struct pending){.name = strdup(value->name), .start = start, .line = line};
	if (!pending->name)
		return -ENOMEM;
	command->pending_count++;
	/* The old chars go over; the assignment puts new ones in their place. */
	pending->old = *value;
	pending->old.name = NULL;
	value->chars = NULL;
	value->count = 0;
	return 0;
}

/* The name and = are passed. */
static int assign(struct parser *parser, struct command *command, const char *name, size_t size,
		  bool append, size_t start)
{
	struct lexer *lexer = &parser->lexer;
	unsigned line = lexer->line;
	struct shell_value *value;
	struct word word;
	int r, c;

	if (append && !lexer->shell->bash)
		return diag_set(lexer->diag, -EBADMSG, lexer->file, line,
				"`%s+=` is of bash: with dash as /bin/sh grub-mkconfig ends here "
				"with status 127; write %s=\"$%s ...\"",
				name, name, name);
	r = word_read(lexer, name, &word);
	if (r)
		return r;
	c = lexer_peek(lexer);
	value = c == '(' ? NULL : shell_slot(lexer->shell, name, size);
	if (!value) {
		word_free(&word);
		return c == '(' ? lexer_fail(lexer, line,
					     "an array, or a bracket that is not quoted")
				: -ENOMEM;
	}
	if (append && value->set) {
		struct shell_value both = {.name = value->name, .set = true};

		for (size_t i = 0; !r && i < value->count; i++)
			r = value_add(&both, value->chars[i]);
		for (size_t i = 0; !r && i < word.value.count; i++)
			r = value_add(&both, word.value.chars[i]);
		word_free(&word);
		word.value = both;
		word.value.name = NULL;
	}
	if (!r)
		r = keep_old(command, value, start, line);
	if (r) {
		word_free(&word);
		return r;
	}
	command->pending[command->pending_count - 1].end = lexer->at;
	value->set = true;
	value->chars = word.value.chars;
	value->count = word.value.count;
	return 0;
}

/* The word's text, where it is known; else NULL. */
static char *literal(const struct word *word)
{
	char *text = calloc(1, word->value.count + 1);

	for (size_t i = 0; text && i < word->value.count; i++) {
		if (word->value.chars[i].kind != SHELL_BYTE) {
			free(text);
			return NULL;
		}
		text[i] = word->value.chars[i].c;
	}
	return text;
}

static bool one_of(const char *text, const char *words)
{
	size_t size = strlen(text);

	for (; *words; words += strcspn(words, " "), words += strspn(words, " "))
		if (strcspn(words, " ") == size && !strncmp(words, text, size))
			return true;
	return false;
}

/* Assignments in front of a command go with it, or stay where the command is one of the shell's. */
static int settle_pending(struct parser *parser, struct command *command, bool forget, bool restore)
{
	struct lexer *lexer = &parser->lexer;
	int r = 0;

	for (size_t i = command->pending_count; i-- > 0;) {
		struct pending *pending = &command->pending[i];
		struct shell_value *value =
			find(lexer->shell, pending->name, strlen(pending->name));

		if (restore && value) {
			value_clear(value);
			value->chars = pending->old.chars;
			value->count = pending->old.count;
			value->set = pending->old.set;
			pending->old = (struct shell_value){.count = 0};
		} else if (forget && !r) {
			r = shell_forget(lexer, pending->name, strlen(pending->name),
					 pending->start, pending->end, pending->line);
		}
	}
	return r;
}

static void command_free(struct command *command)
{
	for (size_t i = 0; i < command->pending_count; i++) {
		free(command->pending[i].name);
		value_clear(&command->pending[i].old);
	}
	free(command->pending);
	free(command->name);
}

/* A redirection, of which only the end counts. */
static int pass_redirection(struct parser *parser)
{
	struct lexer *lexer = &parser->lexer;
	struct word word;
	int c = lexer_peek(lexer), first = c, r;

	lexer->at++;
	c = lexer_peek(lexer);
	if (c == '<' && first == '<')
		return GIVE_UP; /* a here-document: its lines are no commands */
	if (c == '(')
		return GIVE_UP;
	if (c == '>' || c == '<' || c == '&' || c == '|')
		lexer->at++;
	skip_blanks(lexer);
	r = word_read(lexer, NULL, &word);
	if (!r)
		word_free(&word);
	return r;
}

/* An argument of `export` or `unset`; others have no effect that we know. */
static int argument(struct parser *parser, struct command *command)
{
	struct lexer *lexer = &parser->lexer;
	bool export = command->name && !strcmp(command->name, "export"), append;
	size_t start = lexer->at, size = 0;
	_cleanup_free_ char *text = NULL;
	struct command exported = {.start = start};
	struct word word;
	char name[256];
	int r;

	if (export && !command->pending_count)
		size = match_assignment(lexer, name, sizeof(name), &append);
	if (size) {
		size_t inside = lexer->at;
		unsigned line = lexer->line;

		/* Older dash splits what is not quoted here, and takes it for patterns. */
		r = word_read(lexer, NULL, &word);
		if (r)
			return r;
		if (word.split || word.pattern || append || may_not_run(parser)) {
			word_free(&word);
			return shell_forget(lexer, name, size, start, lexer->at, line);
		}
		word_free(&word);
		lexer->at = inside;
		lexer->line = line;
		r = assign(parser, &exported, name, size, false, start);
		command_free(&exported);
		return r;
	}
	r = word_read(lexer, NULL, &word);
	if (r)
		return r;
	text = literal(&word);
	if (command->name && !strcmp(command->name, "unset")) {
		struct shell_value *value = text ? find(lexer->shell, text, strlen(text)) : NULL;

		if (!text || *text == '-')
			r = forget_all(parser, start, word.line);
		else if (value && may_not_run(parser))
			r = shell_forget(lexer, text, strlen(text), start, lexer->at, word.line);
		else
			r = shell_declare(lexer->shell, text);
	} else if (export && text && strchr(text, '=')) {
		r = forget_all(parser, start, word.line);
	} else if (export && !text) {
		r = forget_all(parser, start, word.line);
	}
	word_free(&word);
	return r;
}

/* Reserved words, which leave us where a command may begin. */
static int reserved(struct parser *parser, const char *text, unsigned line, bool *ret_again)
{
	struct lexer *lexer = &parser->lexer;
	char name[256];
	size_t size = 0;
	int c;

	*ret_again = true;
	if (one_of(text, "if while until {")) {
		parser->compounds++;
	} else if (one_of(text, "then else elif do !")) {
		parser->chained = parser->chained || *text == '!';
	} else if (one_of(text, "fi done esac }")) {
		if (!parser->compounds)
			return lexer_fail(lexer, line, "an `fi`, `done`, `esac` or `}` too many");
		parser->compounds--;
		parser->chained = true;
	} else if (!strcmp(text, "case")) {
		parser->compounds++;
		*ret_again = false;
	} else if (one_of(text, "for select function")) {
		/* bash's functions may hide any command. */
		lexer->shell->maybe = lexer->shell->maybe || text[1] == 'u';
		parser->compounds += text[1] != 'u';
		/* The variable of the loop. */
		skip_blanks(lexer);
		for (; (c = lexer_peek(lexer)) >= 0 && shell_name_char((char)c) &&
		       size < sizeof(name);
		     lexer->at++)
			name[size++] = (char)c;
		return size ? shell_forget(lexer, name, size, lexer->at - size, lexer->at, line)
			    : 0;
	} else {
		*ret_again = false;
	}
	return 0;
}

/* What the command does to our knowledge, now that its arguments are read. */
static int effect(struct parser *parser, struct command *command)
{
	bool sure = !may_not_run(parser);
	struct shell *shell = parser->lexer.shell;

	if (!command->name ||
	    one_of(command->name,
		   ". source eval read getopts let mapfile readarray command builtin "
		   "exec trap alias readonly declare typeset local printf wait "
		   "coproc ((")) {
		return forget_all(parser, command->start, command->line);
	} else if (!strcmp(command->name, "\r")) {
		return lexer_fail(
			&parser->lexer, command->line,
			"a carriage return on a line of its own is a command to the shell: "
			"grub-mkconfig ends here with status 127; convert the file to "
			"Unix line ends");
	} else if (one_of(command->name, "exit") && sure) {
		return lexer_fail(&parser->lexer, command->line,
				  "`exit` ends grub-mkconfig here, before it has made grub.cfg");
	} else if (one_of(command->name, "exit return set shopt break continue")) {
		shell->maybe = true;
	}
	return 0;
}

static int word_of_command(struct parser *parser, struct command *command, bool *ret_again)
{
	struct lexer *lexer = &parser->lexer;
	struct word word;
	int r, c;

	command->start = lexer->at;
	command->line = lexer->line;
	r = word_read(lexer, NULL, &word);
	if (r)
		return r;
	c = lexer_peek(lexer);
	command->name = literal(&word);
	if (word.plain && (c == '<' || c == '>') && command->name &&
	    strspn(command->name, "0123456789") == strlen(command->name)) {
		/* 2>: no word, but which descriptor. */
		free(steal(&command->name));
		*ret_again = true;
	} else if (word.plain && command->name && !command->pending_count && !command->redirected) {
		r = reserved(parser, command->name, word.line, ret_again);
		if (*ret_again)
			free(steal(&command->name));
	}
	command->named = !*ret_again;
	if (!r && word.split)
		free(steal(&command->name));
	word_free(&word);
	if (!r && c == '(' && command->named) {
		/* A function: its body is run where it is called, and it may hide any command. */
		lexer->shell->maybe = true;
		r = forget_all(parser, command->start, command->line);
	}
	return r;
}

/* One simple command, or the words of a compound one up to where commands begin. */
static int read_command(struct parser *parser, struct command *command)
{
	struct lexer *lexer = &parser->lexer;
	bool append, again;
	char name[256];
	size_t size, start;
	int r = 0, c;

	while (!r) {
		skip_blanks(lexer);
		c = lexer_peek(lexer);
		if (c < 0 || strchr("\n;&|()#", c))
			break;
		start = lexer->at;
		again = false;
		if (c == '<' || c == '>') {
			command->redirected = true;
			r = pass_redirection(parser);
		} else if (command->named) {
			r = argument(parser, command);
		} else if ((size = match_assignment(lexer, name, sizeof(name), &append))) {
			r = assign(parser, command, name, size, append, start);
		} else {
			r = word_of_command(parser, command, &again);
		}
	}
	if (r)
		return r;
	/* `a | b` and `a &` run in processes of their own. */
	again = (c == '|' || c == '&') &&
		!(lexer->at + 1 < lexer->size && lexer->data[lexer->at + 1] == c);
	if (command->named) {
		bool special =
			!command->name ||
			one_of(command->name, ": . eval exec export readonly set shift times "
					      "trap unset return exit break continue");

		r = settle_pending(parser, command, special, !special);
		return r ? r : effect(parser, command);
	}
	return settle_pending(parser, command, again || command->redirected || may_not_run(parser),
			      false);
}

/* An operator between commands, or a comment. */
static int separator(struct parser *parser, int c)
{
	struct lexer *lexer = &parser->lexer;
	bool twice;

	if (c == '#') {
		skip_comment(lexer);
		return 0;
	}
	lexer->at++;
	twice = lexer_peek(lexer) == c;
	switch (c) {
	case '\n':
		lexer->line++;
		parser->chained = false;
		break;
	case ';':
		parser->chained = false;
		break;
	case '&':
	case '|':
		parser->chained = true;
		lexer->at += twice;
		if (c == '&' && !twice) {
			parser->chained = false;
			break;
		}
		/* The command may stand on a later line. */
		for (skip_blanks(lexer); (c = lexer_peek(lexer)) == '\n' || c == '#';
		     skip_blanks(lexer)) {
			skip_comment(lexer);
			if (lexer->at < lexer->size) {
				lexer->at++;
				lexer->line++;
			}
		}
		break;
	case '(':
		parser->brackets++;
		break;
	default:
		if (!parser->brackets && !parser->compounds)
			return GIVE_UP;
		parser->brackets -= !!parser->brackets;
	}
	return 0;
}

static int read_commands(struct parser *parser)
{
	struct lexer *lexer = &parser->lexer;
	int r = 0, c;

	while (!r) {
		struct command command = {.line = 0};

		skip_blanks(lexer);
		c = lexer_peek(lexer);
		if (c < 0)
			return parser->compounds || parser->brackets
				       ? lexer_fail(lexer, lexer->line,
						    "the end of an `if`, a loop or a bracket is "
						    "missing")
				       : 0;
		if (strchr("\n;&|()#", c)) {
			r = separator(parser, c);
			continue;
		}
		r = read_command(parser, &command);
		command_free(&command);
	}
	return r;
}

int shell_read(struct shell *shell, const struct file *file, unsigned number, struct diag *diag)
{
	char name[sizeof(diag->file)];
	struct parser parser = {.lexer = {.shell = shell,
					  .data = file->data,
					  .size = file->size,
					  .line = 1,
					  .number = number,
					  .file = name,
					  .diag = diag}};
	int r;

	snprintf(name, sizeof(name), "/%s", file->path);
	if (memchr(file->data, '\0', file->size))
		return lexer_fail(&parser.lexer, 0, "there is a NUL byte in it");
	shell->maybe = false;
	r = read_commands(&parser);
	if (r == GIVE_UP) {
		parser.lexer.at = file->size;
		r = forget_all(&parser, 0, parser.lexer.line);
	}
	return r == -ENOMEM ? diag_set(diag, r, NULL, 0, "out of memory") : r;
}
