// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/shell-words.h"
#include "fixture.h"

#define V "GRUB_CMDLINE_LINUX_DEFAULT"

/* Evaluates a text as /etc/default/grub; what could not be known shows as `?`, an anchor as `^`. */
static int evaluate(const char *text, bool bash, bool anchors, char *buf, struct diag *diag)
{
	static char path[] = "etc/default/grub";
	_cleanup_shell_ struct shell shell = {.bash = bash};
	const struct shell_value *value;
	char data[1024];
	struct file file = {.path = path, .exists = true, .data = data, .size = strlen(text)};
	int r;

	strcpy(data, text);
	assert_int_equal(shell_declare(&shell, V), 0);
	r = shell_read(&shell, &file, 0, diag);
	if (r < 0)
		return r;
	value = shell_get(&shell, V);
	if (!value) {
		strcpy(buf, "unset");
		return 0;
	}
	for (size_t i = 0; i < value->count; i++) {
		const struct shell_char *item = &value->chars[i];

		if (item->kind == SHELL_ANCHOR && anchors)
			*buf++ = '^';
		else if (item->kind != SHELL_ANCHOR)
			*buf++ = item->kind == SHELL_UNKNOWN ? '?' : item->c;
		/* What a byte is made of holds it. */
		if (item->kind == SHELL_BYTE)
			assert_int_equal(data[item->end - 1], item->c);
	}
	*buf = '\0';
	return 0;
}

static void assert_value(const char *text, const char *value, bool bash)
{
	struct diag diag = DIAG_INIT;
	char buf[9000];

	if (evaluate(text, bash, false, buf, &diag) < 0)
		fail_msg("`%s`: %u: %s", text, diag.line, diag.text);
	if (strcmp(buf, value) != 0)
		fail_msg("`%s` gives `%s`, not `%s`", text, buf, value);
}

static void assert_refused(const char *text, unsigned line, const char *why)
{
	struct diag diag = DIAG_INIT;
	char buf[9000];

	assert_int_equal(evaluate(text, false, false, buf, &diag), -EBADMSG);
	if (diag.line != line || !strstr(diag.text, why))
		fail_msg("`%s`: %s:%u: %s", text, diag.file, diag.line, diag.text);
}

static void quotes(_unused_ void **state)
{
	assert_value(V "=\"a b\"\n", "a b", false);
	assert_value(V "='a b'\n", "a b", false);
	assert_value(V "=a\\ b\n", "a b", false);
	assert_value(V "=\"x \"'y'\" z\"\n", "x y z", false);
	assert_value(V "='$HOME \\ `t`'\n", "$HOME \\ `t`", false);
	assert_value(V "=\"dq \\\"esc\\\" \\$HOME \\\\ \\`t\\` \\n\"\n",
		     "dq \"esc\" $HOME \\ `t` \\n", false);
	assert_value(V "=\"memmap=4G\\\\\\$4G\"\n", "memmap=4G\\$4G", false);
	assert_value(V "='memmap=4G\\$4G'", "memmap=4G\\$4G", false);
	assert_value(V "='it'\\''s'", "it's", false);
	assert_value(V "=\"a $ b\"", "a $ b", false);
	assert_value(V "=\"l1 \\\nl2\"\n", "l1 l2", false);
	assert_value(V "=\"l1\nl2\"\n", "l1\nl2", false);
	assert_value(V "=", "", false);
	assert_value(V "='l1 \\\nl2'\n", "l1 \\\nl2", false);
}

static void where_an_assignment_stands(_unused_ void **state)
{
	assert_value("  " V "=a", "a", false);
	assert_value("export " V "=\"a b\"", "a b", false);
	assert_value("A=1 " V "='b'", "b", false);
	assert_value(V "='b'; W=c", "b", false);
	assert_value(V "='b' # c", "b", false);
	assert_value(V "=\"x\"#y", "x#y", false);
	assert_value("#" V "=\"x\"\n", "unset", false);
	assert_value("# don't\n" V "=x", "x", false);
	assert_value("GRUB_\\\nCMDLINE_LINUX_DEFAULT=x", "x", false);
	assert_value("X" V "=x", "unset", false);
	assert_value(V "_X=x", "unset", false);
	assert_value("echo " V "=x", "unset", false);
	assert_value(V "=a; " V "=b echo", "a", false);
	assert_value(V "=a\n" V "=b\n", "b", false);
	assert_value(V "=a\nunset " V, "unset", false);
	assert_value(V "=a >/dev/null", "?", false);
	assert_value("2>/dev/null\n" V "=a", "a", false);
}

static void expansions(_unused_ void **state)
{
	assert_value(V "=a\n" V "=\"$" V " b\"", "a b", false);
	assert_value(V "=a\n" V "=\"${" V "} b\"", "a b", false);
	assert_value(V "=a\n" V "=\"${" V ":+$" V " }b\"", "a b", false);
	assert_value(V "=\"${" V ":+$" V " }b\"", "b", false);
	assert_value(V "=\n" V "=\"${" V "+x}${" V ":+y}${" V ":-z}${" V "-u}\"", "xz", false);
	assert_value("E='x y'\n" V "=$E", "x y", false);
	assert_value("E='x y'\n" V "=\"a $E\"b", "a x yb", false);
	assert_value(V "=\"a $(date) b\"", "a ? b", false);
	assert_value(V "=\"a `date` b\"", "a ? b", false);
	assert_value(V "=\"a $NOBODY_KNOWS b\"", "a ? b", false);
	assert_value(V "=\"a $((1+1)) $1 $# b\"", "a ? ? ? b", false);
	assert_value(V "=\"a ${X#b} c\"", "a ? c", false);
	assert_value(V "=\"${NOBODY:+x}\"", "?", false);
	assert_value("export " V "=$X", "?", false);
}

/* What a run may do and what it may not do cannot be told: never taken for sure. */
static void what_only_a_run_tells(_unused_ void **state)
{
	assert_value(V "=a\nif true; then " V "=b; fi\n", "?", false);
	assert_value(V "=a\nif true; then X=b; fi\n", "a", false);
	assert_value(V "=a\n[ -e x ] && " V "=b\n", "?", false);
	assert_value(V "=a\n[ -e x ] &&\n\n # c\n " V "=b\n", "?", false);
	assert_value(V "=a\n[ -e x ] && X=b\n", "a", false);
	assert_value(V "=a\n[ -e x ] && X=b\n" V "=c\n", "c", false);
	assert_value(V "=a\n. /etc/other\n", "?", false);
	assert_value(V "=a\neval x\n", "?", false);
	assert_value(V "=a\nf() { " V "=b; }\nf\n", "?", false);
	assert_value(V "=a\ncase x in\nx) " V "=b;;\nesac\n", "?", false);
	assert_value(V "=a\nfor " V " in b; do :; done\n", "?", false);
	assert_value(V "=a\nfor x in b; do :; done\n", "a", false);
	assert_value(V "=a\n(" V "=b)\n", "?", false);
	assert_value(V "=a\ncat <<E\n" V "=b\nE\n", "?", false);
	assert_value(V "=a | cat\n", "?", false);
	assert_value(V "=a &\n", "?", false);
	assert_value(V "=a\n: ${" V ":=b}\n", "a", false);
	assert_value(": ${" V ":=b}\n", "?", false);
	assert_value("if x; then exit 1; fi\n" V "=a\n", "?", false);
	assert_value("(" V "=a)\n" V "=\"${" V ":+$" V " }\"\n" V "=\"${" V ":+b}\"", "?", false);
	/* What is added after it is there all the same. */
	assert_value(". x\n" V "=\"${" V ":+$" V " }b\"", "? b", false);
}

static void what_ends_grub_mkconfig(_unused_ void **state)
{
	assert_refused("A=1\n" V "=\"x\n\n", 2, "no end");
	assert_refused(V "='x\n", 1, "no end");
	assert_refused(V "=\"$(x\"\n", 1, "no end");
	assert_refused(V "=a\n" V "+=\" x\"\n", 2, "127");
	assert_refused("if true; then\n" V "=a\n", 3, "missing");
	assert_refused("A=1\nfi\n", 2, "too many");
	assert_refused("A=1\nexit 0\n", 2, "exit");
	assert_refused("A=1\r\n\r\nB=2\r\n", 2, "carriage");
	assert_refused(V "=(a b)\n", 1, "bracket");
	assert_value(V "=a\n" V "+=\" x\"\n", "a x", true);
	assert_value(V "+=x\n", "x", true);
}

static void anchors(_unused_ void **state)
{
	static const struct {
		const char *text, *value;
	} rows[] = {
		{V "=\"a\"", "a^"},
		{V "=''", "^"},
		{V "=", "^"},
		{V "=\"a\"\r\n", "a^\r"},
		{V "=\"a\"b", "ab^"},
		{V "=a\n" V "=\"$" V " b\"", "a^ b^"},
		{"W=a\n" V "=$W", "a^"},
		{V "=\"a\"\\\n", "a^"},
	};
	struct diag diag = DIAG_INIT;
	char buf[100];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(evaluate(rows[i].text, false, true, buf, &diag), 0);
		assert_string_equal(buf, rows[i].value);
	}
}

/* A value that doubles itself must not take all memory. */
static void a_value_without_end(_unused_ void **state)
{
	char text[1024] = V "=a\n";
	char buf[9000];
	struct diag diag = DIAG_INIT;

	for (int i = 0; i < 20; i++)
		strcat(text, "W=$W$W\nW=\"${W}a$W\"\n");
	assert_int_equal(evaluate(text, false, false, buf, &diag), 0);
	assert_string_equal(buf, "a");
}

static void escapes(_unused_ void **state)
{
	char buf[4];

	assert_int_equal(shell_escape('$', SHELL_DOUBLE, buf), 2);
	assert_memory_equal(buf, "\\$", 2);
	assert_int_equal(shell_escape('$', SHELL_SINGLE, buf), 1);
	assert_int_equal(shell_escape('\'', SHELL_SINGLE, buf), 0);
	assert_int_equal(shell_escape(' ', SHELL_BARE, buf), 2);
	assert_int_equal(shell_escape(' ', SHELL_DOUBLE, buf), 1);
	assert_int_equal(shell_escape('=', SHELL_BARE, buf), 1);
	assert_int_equal(shell_escape('\n', SHELL_DOUBLE, buf), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes),
		cmocka_unit_test(where_an_assignment_stands),
		cmocka_unit_test(expansions),
		cmocka_unit_test(what_only_a_run_tells),
		cmocka_unit_test(what_ends_grub_mkconfig),
		cmocka_unit_test(anchors),
		cmocka_unit_test(a_value_without_end),
		cmocka_unit_test(escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
