// SPDX-License-Identifier: GPL-2.0-or-later
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>

#include "bootcfg/cmd.h"
#include "bootcfg/json.h"

const struct cmd_option cmd_common[] = {
	{"root", 0, "DIR", "a captured machine or an image in place of this system", "@directory",
	 false, false},
	{"json", 0, NULL, "print one JSON document", NULL, false, false},
	{"quiet", 'q', NULL, "no remarks, only errors", NULL, false, false},
	{"verbose", 'v', NULL, "say more", NULL, false, false},
	{"help", 'h', NULL, "print this help", NULL, false, false},
	{"version", 0, NULL, "print the version", NULL, false, false},
};
const size_t cmd_common_count = ARRAY_SIZE(cmd_common);

/* The command line, taken apart and not yet checked against a command. */
struct parsed {
	struct cmd_given *given;
	size_t given_count;
	char **words; /* what is no option, in order: the command, its operands */
	size_t word_count;
	bool help, version;
	bool wrong;
	struct diag error;
};

static void parsed_free(struct parsed *parsed)
{
	free(parsed->given);
}

/* --- messages --------------------------------------------------------------------------------- */

int cmd_fail(struct cmd_call *call, int code, const struct diag *diag)
{
	char text[DIAG_STR];

	fprintf(stderr, "%s: %s\n", call->program->name, diag_format(diag, text));
	if (!call->code) {
		call->code = code;
		call->error = *diag;
	}
	return code;
}

int cmd_failf(struct cmd_call *call, int code, const char *format, ...)
{
	struct diag diag = DIAG_INIT;
	va_list args;

	va_start(args, format);
	if (vsnprintf(diag.text, sizeof(diag.text), format, args) < 0)
		diag.text[0] = '\0';
	va_end(args);
	text_clean(diag.text);
	return cmd_fail(call, code, &diag);
}

void cmd_note(const struct cmd_call *call, const char *format, ...)
{
	char text[DIAG_STR];
	va_list args;

	if (call->quiet)
		return;
	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	text_clean(text);
	fprintf(stderr, "%s: %s\n", call->program->name, text);
}

void cmd_document(struct cmd_call *call, struct json_t *object)
{
	json_decref(call->document);
	call->document = object;
}

/* --- options ---------------------------------------------------------------------------------- */

static const struct cmd_given *find_given(const struct cmd_call *call, const char *option, size_t n)
{
	for (size_t i = 0; i < call->given_count; i++)
		if (!strcmp(call->given[i].option->name, option) && n-- == 0)
			return &call->given[i];
	return NULL;
}

bool cmd_has(const struct cmd_call *call, const char *option)
{
	return find_given(call, option, 0);
}

const char *cmd_value(const struct cmd_call *call, const char *option, size_t n)
{
	const struct cmd_given *given = find_given(call, option, n);

	return given ? given->value : NULL;
}

/* All options of all commands for getopt_long(), since the command may come after them. */
struct grammar {
	const struct cmd_option **options; /* index = getopt's val - FIRST_VAL */
	struct option *long_options;
	char *short_options;
	size_t count;
};

#define FIRST_VAL 256 /* above every char */

static void grammar_free(struct grammar *grammar)
{
	free(grammar->options);
	free(grammar->long_options);
	free(grammar->short_options);
}

static void grammar_add(struct grammar *grammar, const struct cmd_option *option)
{
	size_t len = strlen(grammar->short_options);

	/* The same option of two commands is one option here: cmd_main() tells them apart by name. */
	for (size_t i = 0; i < grammar->count; i++)
		if (!strcmp(grammar->options[i]->name, option->name))
			return;
	grammar->long_options[grammar->count] = (struct option){
		.name = option->name,
		.has_arg = option->argument ? required_argument : no_argument,
		.val = FIRST_VAL + (int)grammar->count,
	};
	grammar->options[grammar->count++] = option;
	if (option->letter) {
		grammar->short_options[len++] = option->letter;
		if (option->argument)
			grammar->short_options[len++] = ':';
	}
}

static int grammar_init(struct grammar *grammar, const struct cmd_program *program)
{
	size_t count = cmd_common_count;

	for (size_t i = 0; i < program->command_count; i++)
		count += program->commands[i].option_count;
	grammar->options = calloc(count, sizeof(*grammar->options));
	grammar->long_options = calloc(count + 1, sizeof(*grammar->long_options));
	grammar->short_options = calloc(2 * count + 2, 1);
	if (!grammar->options || !grammar->long_options || !grammar->short_options)
		return -ENOMEM;
	grammar->short_options[0] = ':'; /* a missing argument is told from an unknown option */
	for (size_t i = 0; i < cmd_common_count; i++)
		grammar_add(grammar, &cmd_common[i]);
	for (size_t i = 0; i < program->command_count; i++)
		for (size_t j = 0; j < program->commands[i].option_count; j++)
			grammar_add(grammar, &program->commands[i].options[j]);
	return 0;
}

static const struct cmd_option *grammar_find(const struct grammar *grammar, int val)
{
	for (size_t i = 0; i < grammar->count; i++)
		if (val == FIRST_VAL + (int)i || (val && val == grammar->options[i]->letter))
			return grammar->options[i];
	return NULL;
}

/* The first error stays: what follows it may only be its consequence. */
static _printf_(2, 3) void usage_error(struct parsed *parsed, const char *format, ...)
{
	va_list args;

	if (parsed->wrong)
		return;
	parsed->wrong = true;
	va_start(args, format);
	if (vsnprintf(parsed->error.text, sizeof(parsed->error.text), format, args) < 0)
		parsed->error.text[0] = '\0';
	va_end(args);
	text_clean(parsed->error.text);
}

static void parse_unknown(const struct grammar *grammar, struct parsed *parsed, char **argv)
{
	const struct cmd_option *option = grammar_find(grammar, optopt);

	if (option)
		usage_error(parsed, "option `--%s` takes no argument", option->name);
	else if (optopt)
		usage_error(parsed, "unknown option `-%c`", optopt);
	else
		usage_error(parsed, "unknown or ambiguous option `%.100s`", argv[optind - 1]);
}

static void parse_common(const struct cmd_option *option, struct parsed *parsed,
			 struct cmd_call *call)
{
	if (!strcmp(option->name, "root"))
		call->root_dir = optarg;
	else if (!strcmp(option->name, "json"))
		call->json = true;
	else if (!strcmp(option->name, "quiet"))
		call->quiet = true;
	else if (!strcmp(option->name, "verbose"))
		call->verbose = true;
	else if (!strcmp(option->name, "help"))
		parsed->help = true;
	else
		parsed->version = true;
}

static int parse(const struct cmd_program *program, int argc, char **argv, struct parsed *parsed,
		 struct cmd_call *call)
{
	_cleanup_(grammar_free) struct grammar grammar = {.count = 0};
	int val, r = grammar_init(&grammar, program);

	parsed->given = calloc((size_t)argc, sizeof(*parsed->given));
	if (r < 0 || !parsed->given)
		return -ENOMEM;
	opterr = 0;
	while ((val = getopt_long(argc, argv, grammar.short_options, grammar.long_options, NULL)) !=
	       -1) {
		const struct cmd_option *option = grammar_find(&grammar, val);

		if (val == '?') {
			parse_unknown(&grammar, parsed, argv);
		} else if (val == ':') {
			option = grammar_find(&grammar, optopt);
			usage_error(parsed, "option `--%s` needs an argument: %s", option->name,
				    option->argument);
		} else if (option >= cmd_common && option < cmd_common + cmd_common_count) {
			parse_common(option, parsed, call);
		} else {
			parsed->given[parsed->given_count++] =
				(struct cmd_given){.option = option, .value = optarg};
		}
	}
	parsed->words = argv + optind;
	parsed->word_count = (size_t)(argc - optind);
	return 0;
}

/* --- dispatch --------------------------------------------------------------------------------- */

static const struct cmd *find_command(const struct cmd_program *program, const char *name)
{
	for (size_t i = 0; i < program->command_count; i++)
		if (!strcmp(program->commands[i].name, name))
			return &program->commands[i];
	return NULL;
}

static bool takes(const struct cmd *cmd, const struct cmd_option *option)
{
	for (size_t i = 0; i < cmd->option_count; i++)
		if (!strcmp(cmd->options[i].name, option->name))
			return true;
	return false;
}

static void check(const struct cmd_program *program, struct parsed *parsed, struct cmd_call *call)
{
	if (!parsed->word_count) {
		usage_error(parsed, "which command? `%s --help` lists them", program->name);
		return;
	}
	call->cmd = find_command(program, parsed->words[0]);
	if (!call->cmd) {
		usage_error(parsed, "unknown command `%.100s`: `%s --help` lists them",
			    parsed->words[0], program->name);
		return;
	}
	for (size_t i = 0; i < parsed->given_count; i++)
		if (!takes(call->cmd, parsed->given[i].option))
			usage_error(parsed, "`%s` takes no option `--%s`", call->cmd->name,
				    parsed->given[i].option->name);
	if (!call->cmd->operands && parsed->word_count > 1)
		usage_error(parsed, "`%s` takes no argument `%.100s`", call->cmd->name,
			    parsed->words[1]);
	call->operands = parsed->words + 1;
	call->operand_count = parsed->word_count - 1;
	call->given = parsed->given;
	call->given_count = parsed->given_count;
}

static int run(struct cmd_call *call)
{
	int r = root_open(&call->root, call->root_dir);

	if (r < 0)
		return cmd_failf(call, EXIT_SYSTEM, "%s: %s", call->root_dir ? call->root_dir : "/",
				 strerror(-r));
	return call->cmd->run(call);
}

/* One document, whatever happened: the command's, the error, or both. */
static int print_document(struct cmd_call *call, int code)
{
	_cleanup_json_ json_t *document = call->document ? call->document : json_object();

	call->document = NULL;
	if (call->code && json_put(document, "error", json_error(call->code, &call->error)) < 0)
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	/* jansson's only other complaint is a NULL, from memory that was not there. */
	if (json_print(document) < 0)
		return cmd_failf(call, EXIT_SYSTEM, "cannot print the JSON document");
	return code;
}

int cmd_main(const struct cmd_program *program, int argc, char **argv)
{
	_cleanup_(parsed_free) struct parsed parsed = {.given = NULL};
	struct cmd_call call = {.program = program, .root = ROOT_INIT};
	int code = EXIT_DONE;

	/* For the width and the lines of a tree; messages and numbers stay as they are. */
	(void)setlocale(LC_CTYPE, "");
	if (argc == 2 && !strncmp(argv[1], "--dump=", 7) && !cmd_dump(program, argv[1] + 7))
		return fflush(stdout) ? EXIT_SYSTEM : EXIT_DONE;
	if (parse(program, argc, argv, &parsed, &call) < 0) {
		fprintf(stderr, "%s: out of memory\n", program->name);
		return EXIT_SYSTEM;
	}
	if (parsed.help && !parsed.wrong) {
		cmd_help(program,
			 parsed.word_count ? find_command(program, parsed.words[0]) : NULL);
		call.json = false;
	} else if (parsed.version && !parsed.wrong) {
		printf("%s " VERSION "\n", program->name);
		call.json = false;
	} else {
		check(program, &parsed, &call);
		code = parsed.wrong ? cmd_fail(&call, EXIT_USAGE, &parsed.error) : run(&call);
	}
	if (call.json)
		code = print_document(&call, code);
	json_decref(call.document);
	root_close(&call.root);
	/* A full disk under `list > FILE` shows here and nowhere else. */
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "%s: stdout: %s\n", program->name, strerror(errno));
		code = EXIT_SYSTEM;
	}
	return code;
}
