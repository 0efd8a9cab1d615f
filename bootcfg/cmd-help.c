// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <string.h>

#include "bootcfg/cmd.h"

#define HELP_WIDTH 79
#define HELP_COLUMN 22 /* where the descriptions start */

/* Prints words from column on, wrapped; indent is the column of the lines that follow. */
static void print_wrapped(const char *text, size_t column, size_t indent)
{
	bool first = true;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (!first && column + 1 + len > HELP_WIDTH) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)len, text);
		column += len;
		text += len;
		text += strspn(text, " ");
		first = false;
	}
	putchar('\n');
}

static void print_row(const char *name, const char *help)
{
	int width = printf("  %s", name);

	if (width + 2 > HELP_COLUMN)
		printf("\n%*s", HELP_COLUMN, "");
	else
		printf("%*s", HELP_COLUMN - width, "");
	print_wrapped(help, HELP_COLUMN, HELP_COLUMN);
}

static void print_options(const struct cmd_option *options, size_t count)
{
	char name[80];

	for (size_t i = 0; i < count; i++) {
		const struct cmd_option *o = &options[i];

		snprintf(name, sizeof(name), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			 o->argument ? " " : "", o->argument ? o->argument : "");
		print_row(name, o->help);
	}
}

/* "list [--tree|--all]" into buf. */
static void format_synopsis(const struct cmd *cmd, char *buf, size_t size)
{
	size_t at = (size_t)snprintf(buf, size, "%s", cmd->name);

	for (size_t i = 0; i < cmd->option_count && at < size; i++) {
		const struct cmd_option *o = &cmd->options[i];
		bool more = i + 1 < cmd->option_count && o[1].instead_of_previous;

		/* A blank within brackets would be broken at: '\x01' stands for it. */
		at += (size_t)snprintf(buf + at, size - at, "%s--%s%s%s%s%s",
				       o->instead_of_previous ? "|" : " [", o->name,
				       o->argument ? "\x01" : "", o->argument ? o->argument : "",
				       more ? "" : "]", o->repeatable ? "..." : "");
	}
	if (cmd->operands && at < size)
		snprintf(buf + at, size - at, " %s", cmd->operands);
}

static void print_usage(const struct cmd_program *program, const struct cmd *cmd)
{
	char text[1024], *at = text;
	size_t column = (size_t)printf("Usage: %s ", program->name);

	if (!cmd) {
		printf("COMMAND [OPTION]...\n");
		return;
	}
	format_synopsis(cmd, text, sizeof(text) - 16);
	strcat(text, " [OPTION]...");
	/* Words, as in print_wrapped(), that hold blanks of their own. */
	for (size_t indent = column; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");

		if (column + len > HELP_WIDTH) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		}
		for (size_t i = 0; i < len; i++)
			putchar(at[i] == '\x01' ? ' ' : at[i]);
		at += len;
		column += len + 1;
		if (*at)
			putchar(' ');
	}
	putchar('\n');
}

void cmd_help(const struct cmd_program *program, const struct cmd *cmd)
{
	print_usage(program, cmd);
	putchar('\n');
	print_wrapped(cmd ? cmd->help : program->help, 0, 0);
	if (!cmd) {
		printf("\nCommands (`%s COMMAND --help` says more):\n", program->name);
		for (size_t i = 0; i < program->command_count; i++)
			print_row(program->commands[i].name, program->commands[i].help);
	} else if (cmd->option_count) {
		printf("\nOptions:\n");
		print_options(cmd->options, cmd->option_count);
	}
	printf("\nOptions of every command:\n");
	print_options(cmd_common, cmd_common_count);
}

/* --- for the build ---------------------------------------------------------------------------- */

static void dump_words(const struct cmd_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (options[i].letter)
			printf(" -%c", options[i].letter);
		printf(" --%s", options[i].name);
	}
}

/* "vfio-device" to "vfio_device": the name of a shell function. */
static void format_identifier(const char *name, char *buf, size_t size)
{
	size_t i;

	for (i = 0; name[i] && i + 1 < size; i++)
		buf[i] = isalnum((unsigned char)name[i]) ? name[i] : '_';
	buf[i] = '\0';
}

static void dump_bash_values(const struct cmd_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct cmd_option *o = &options[i];

		if (!o->argument)
			continue;
		printf("\t--%s)\n", o->name);
		if (o->completion && !strcmp(o->completion, "@directory"))
			printf("\t\tcompopt -o filenames 2>/dev/null\n"
			       "\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n");
		else
			printf("\t\tmapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")\n",
			       o->completion ? o->completion : "");
		printf("\t\treturn\n\t\t;;\n");
	}
}

static void dump_bash(const struct cmd_program *program)
{
	char id[64];

	format_identifier(program->name, id, sizeof(id));
	printf("# bash completion of %s, made from its command table\n"
	       "# shellcheck shell=bash\n\n"
	       "_%s()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal command= words i\n\n"
	       "\tCOMPREPLY=()\n"
	       "\tcase $prev in\n",
	       program->name, id);
	dump_bash_values(cmd_common, cmd_common_count);
	for (size_t i = 0; i < program->command_count; i++)
		dump_bash_values(program->commands[i].options, program->commands[i].option_count);
	printf("\tesac\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tcase ${COMP_WORDS[i]} in\n"
	       "\t\t");
	for (size_t i = 0; i < program->command_count; i++)
		printf("%s%s", i ? " | " : "", program->commands[i].name);
	printf(") command=${COMP_WORDS[i]} ;;\n"
	       "\t\tesac\n"
	       "\tdone\n"
	       "\twords='");
	dump_words(cmd_common, cmd_common_count);
	printf("'\n"
	       "\tcase $command in\n"
	       "\t'') words+='");
	for (size_t i = 0; i < program->command_count; i++)
		printf(" %s", program->commands[i].name);
	printf("' ;;\n");
	for (size_t i = 0; i < program->command_count; i++) {
		if (!program->commands[i].option_count)
			continue;
		printf("\t%s) words+='", program->commands[i].name);
		dump_words(program->commands[i].options, program->commands[i].option_count);
		printf("' ;;\n");
	}
	printf("\tesac\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	       "}\n"
	       "complete -F _%s %s\n",
	       id, program->name);
}

/* A word for zsh's _arguments: its own `:` `[` `]` and the quote escaped. */
static void dump_zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			printf("'\\''");
		else if (strchr(":[]\\", *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void dump_zsh_options(const struct cmd_option *options, size_t count, const char *indent)
{
	for (size_t i = 0; i < count; i++) {
		const struct cmd_option *o = &options[i];

		printf(" \\\n%s", indent);
		if (o->letter)
			printf("'(-%c --%s)'{-%c,--%s}'", o->letter, o->name, o->letter, o->name);
		else
			printf("'%s--%s", o->repeatable ? "*" : "", o->name);
		putchar('[');
		dump_zsh_text(o->help);
		putchar(']');
		if (o->argument) {
			printf(":%s:", o->argument);
			if (o->completion && !strcmp(o->completion, "@directory"))
				printf("_files -/");
			else if (o->completion)
				printf("(%s)", o->completion);
		}
		putchar('\'');
	}
}

static void dump_zsh(const struct cmd_program *program)
{
	char id[64];

	format_identifier(program->name, id, sizeof(id));
	printf("#compdef %s\n"
	       "# zsh completion of %s, made from its command table\n\n"
	       "_%s()\n{\n"
	       "\tlocal context state state_descr line\n"
	       "\ttypeset -A opt_args\n"
	       "\tlocal -a commands\n\n"
	       "\tcommands=(\n",
	       program->name, program->name, id);
	for (size_t i = 0; i < program->command_count; i++) {
		printf("\t\t'%s:", program->commands[i].name);
		dump_zsh_text(program->commands[i].help);
		printf("'\n");
	}
	printf("\t)\n"
	       "\t_arguments -C");
	dump_zsh_options(cmd_common, cmd_common_count, "\t\t");
	printf(" \\\n\t\t'1:command:->command' '*::argument:->argument'\n"
	       "\tcase $state in\n"
	       "\tcommand) _describe command commands ;;\n"
	       "\targument)\n"
	       "\t\tcase $line[1] in\n");
	for (size_t i = 0; i < program->command_count; i++) {
		const struct cmd *cmd = &program->commands[i];

		printf("\t\t%s)\n\t\t\t_arguments", cmd->name);
		dump_zsh_options(cmd->options, cmd->option_count, "\t\t\t\t");
		dump_zsh_options(cmd_common, cmd_common_count, "\t\t\t\t");
		if (cmd->operands)
			printf(" \\\n\t\t\t\t'*:%s:'", cmd->operands);
		printf("\n\t\t\t;;\n");
	}
	printf("\t\tesac\n"
	       "\t\t;;\n"
	       "\tesac\n"
	       "}\n\n"
	       "_%s \"$@\"\n",
	       id);
}

/* For roff: a plain `-` would be a hyphen, '\x01' is a blank that does not break. */
static void dump_roff_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '-')
			printf("\\-");
		else if (*text == '\x01')
			printf("\\~");
		else
			putchar(*text);
	}
}

static void dump_man(const struct cmd_program *program)
{
	char text[1024];

	for (size_t i = 0; i < program->command_count; i++) {
		const struct cmd *cmd = &program->commands[i];
		size_t len = strlen(cmd->name);

		format_synopsis(cmd, text, sizeof(text));
		printf(".B ");
		dump_roff_text(program->name);
		printf(" %s\n", cmd->name);
		dump_roff_text(text + len + (text[len] == ' '));
		printf("%s.RI [ OPTION ]...\n.br\n", text[len] ? "\n" : "");
	}
	printf(".B ");
	dump_roff_text(program->name);
	printf("\n\\-\\-help|\\-\\-version\n");
}

static void dump_option_lines(const char *command, const struct cmd_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("%s --%s%s%s\n", command, options[i].name, options[i].argument ? " " : "",
		       options[i].argument ? options[i].argument : "");
}

static void dump_options(const struct cmd_program *program)
{
	dump_option_lines("*", cmd_common, cmd_common_count);
	for (size_t i = 0; i < program->command_count; i++)
		dump_option_lines(program->commands[i].name, program->commands[i].options,
				  program->commands[i].option_count);
}

int cmd_dump(const struct cmd_program *program, const char *what)
{
	static const struct {
		const char *what;
		void (*dump)(const struct cmd_program *program);
	} dumps[] = {
		{"bash", dump_bash},
		{"zsh", dump_zsh},
		{"man", dump_man},
		{"options", dump_options},
	};

	for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
		if (strcmp(dumps[i].what, what))
			continue;
		dumps[i].dump(program);
		return 0;
	}
	return -EINVAL;
}
