// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * shell-soup make SEED COUNT DIR    files of random shell assignments, DIR/0 to DIR/COUNT-1
 * shell-soup read FILE...           what our reader takes their V for, a line each: `= VALUE` (bytes
 *                                   other than printable ones as \ooo), `unset`, `unknown`, `refused`
 * For tests/cli/grub.sh, which asks dash the same.
 */
#include <string.h>

#include "bootcfg/shell-words.h"

/*
 * No command that could do harm, no path, no redirection: dash runs all of it. W is a word, that is
 * made anew wherever it stands; in it B is bare text, S what stands in single quotes, D in double ones.
 */
static const char *const lines[] = {
	"V=@W\n",
	"V=@W\n",
	"V=@W\n",
	"V=@W\n",
	"V=@W\n",
	"V=@W\n",
	"W=@W\n",
	"W=@W\n",
	"W=@W\n",
	"V=\"${V:+$V }@D\"\n",
	"V=\"${V:+$V }@D\"\n",
	"V=\"${V:+$V }@D\"\n",
	"W=@W V=@W\n",
	"export V=@W\n",
	"export W\n",
	"V=@W; W=@W\n",
	"V=@W # @B\n",
	"V=\"${V:+$V }@D\"\n",
	"V=\"$V @D\"\n",
	"V=\"${W:+$W }@D\"\n",
	"  V=@W echo\n",
	"unset V\n",
	"if true; then V=@W; fi\n",
	"true && V=@W\n",
	"false || W=@W\n",
	"# V=@W\n",
	"V=@W\r\n",
	"W=@W \\\n V=@W\n",
	"f() { V=@W; }\nf\n",
	"case @W in a) V=@W;; *) W=b;; esac\n",
	"for W in a b; do V=$W; done\n",
	"echo @W | V=@W\n",
	"{ V=@W; }\n",
	"(V=@W)\n",
	"eval V=@W\n",
	": ${V=@B} ${W:=@B}\n",
	"set -f; V=@W\n",
	"\n",
};

static const char *const words[] = {
	"\"@D\"", "\"@D\"",	"\"@D\"",     "'@S'",	    "'@S'", "@B",
	"@B",	  "\"@D\"'@S'", "@B\"@D\"@B", "\"@D@D@D\"", "",
};

static const char *const bare[] = {
	"a",	  "quiet",  "\\ ",   "\\$",	 "$V",	   "${V}",	"$W",	"${W:-x}",
	"\\\"",	  "=",	    ":~",    "*",	 "$",	   "#",		"\\\n", "$(echo a)",
	"`echo`", "${V+y}", "${#V}", "$((1+1))", "~",	   "${W:+$W }", "\r",	"{",
	"}",	  "!",	    "\\\\",  "\xc3\xa4", "${V%t}", "$1",	"["};
static const char *const single[] = {"a", "b c", "$V",	 "\\", "\"", "\n",
				     "`", "#",	 "\\\n", "\t", ""};
static const char *const twice[] = {
	"a",	    "b c",	"$V",	  "${V}", "${V:+$V }", "${W:-x}", "\\$",
	"\\\"",	    "\\\\",	"\\`",	  "\\a",  "'",	       "\\\n",	  "$(echo a)",
	"`echo a`", "${W+z y}", "${W-}",  "$",	  "#",	       ";",	  "~",
	"*",	    "${#W}",	"\r",	  "{",	  "}",	       "\n",	  "${V:+a${W:+b}c}",
	"${U:-d}",  "$((1+1))", "${V#a}", ""};
static const char *const noise[] = {"\"", "'",	 "\\", "$",  "`",  "(",	   ")", "{",
				    "}",  ";",	 "&",  "|",  " ",  "\n",   "#", "=",
				    "~",  "if ", "fi", "${", "$(", "\\\n", "+", "!"};

static unsigned long next(unsigned long *seed)
{
	*seed = *seed * 6364136223846793005UL + 1442695040888963407UL;
	return *seed >> 33;
}

struct soup {
	char text[4096];
	size_t size;
	unsigned long seed;
};

static const char *pick(struct soup *soup, char kind)
{
	switch (kind) {
	case 'W':
		return words[next(&soup->seed) % ARRAY_SIZE(words)];
	case 'B':
		return bare[next(&soup->seed) % ARRAY_SIZE(bare)];
	case 'S':
		return single[next(&soup->seed) % ARRAY_SIZE(single)];
	}
	return twice[next(&soup->seed) % ARRAY_SIZE(twice)];
}

static void add(struct soup *soup, const char *text)
{
	for (; *text && soup->size < sizeof(soup->text) - 100; text++) {
		unsigned long n = text[1] == 'W' ? 1 : 1 + next(&soup->seed) % 3;

		if (*text != '@') {
			soup->text[soup->size++] = *text;
			continue;
		}
		for (text++; n; n--)
			add(soup, pick(soup, *text));
	}
	soup->text[soup->size] = '\0';
}

/* What nobody would write. */
static void disturb(struct soup *soup)
{
	size_t at = next(&soup->seed) % (soup->size + 1);
	const char *piece = noise[next(&soup->seed) % ARRAY_SIZE(noise)];

	memmove(soup->text + at + strlen(piece), soup->text + at, soup->size - at + 1);
	memcpy(soup->text + at, piece, strlen(piece));
	soup->size += strlen(piece);
}

static int make(unsigned long seed, unsigned long count, const char *dir)
{
	static struct soup soup;

	soup.seed = seed;
	for (unsigned long i = 0; i < count; i++) {
		char path[4096];
		FILE *file;

		soup.size = 0;
		for (unsigned long n = 1 + next(&soup.seed) % 5; n; n--)
			add(&soup, lines[next(&soup.seed) % ARRAY_SIZE(lines)]);
		if (next(&soup.seed) % 4 == 0)
			disturb(&soup);
		snprintf(path, sizeof(path), "%s/%lu", dir, i);
		file = fopen(path, "we");
		if (!file)
			return 1;
		fputs(soup.text, file);
		if (fclose(file))
			return 1;
	}
	return 0;
}

static void print(const struct shell *shell)
{
	const struct shell_value *value = shell_get(shell, "V");

	for (size_t i = 0; value && i < value->count; i++)
		if (value->chars[i].kind == SHELL_UNKNOWN) {
			puts("unknown");
			return;
		}
	if (!value) {
		puts("unset");
		return;
	}
	fputs("= ", stdout);
	for (size_t i = 0; i < value->count; i++) {
		unsigned char c = (unsigned char)value->chars[i].c;

		if (value->chars[i].kind != SHELL_BYTE)
			continue;
		if (c < 0x20 || c > 0x7e || c == '\\')
			printf("\\%03o", c);
		else
			putchar(c);
	}
	putchar('\n');
}

static int read_one(char *path)
{
	_cleanup_root_ struct root root = ROOT_INIT;
	_cleanup_file_ struct file file = {.exists = false};
	_cleanup_shell_ struct shell shell = {.bash = false};
	struct diag diag = DIAG_INIT;

	if (root_open_boot(&root) < 0 || file_read(&root, path + 1, &file, &diag) < 0 ||
	    shell_declare(&shell, "V") < 0 || shell_declare(&shell, "W") < 0)
		return 1;
	if (shell_read(&shell, &file, 0, &diag) < 0)
		puts("refused");
	else
		print(&shell);
	return 0;
}

int main(int argc, char **argv)
{
	int r = 0;

	if (argc == 5 && !strcmp(argv[1], "make"))
		return make(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), argv[4]);
	if (argc < 3 || strcmp(argv[1], "read") != 0)
		return 2;
	for (int i = 2; !r && i < argc; i++)
		r = read_one(argv[i]);
	return r;
}
