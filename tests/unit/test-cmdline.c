// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel command line: expected values are what next_arg() of Linux 6.12 makes of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "early/cmdline.h"

/* One line per token: NAME, or NAME:VALUE; `@` before those after `--`. */
static void render(const char *text, size_t size, char *buf, size_t buf_size)
{
	struct cmdline_token token;
	struct cmdline cmdline;
	size_t len = 0;

	buf[0] = '\0';
	cmdline_init(&cmdline, text, size);
	while (cmdline_next(&cmdline, &token)) {
		assert_true(token.name_len <= token.raw_len && token.value_len <= token.raw_len);
		len += (size_t)snprintf(buf + len, buf_size - len, "%s%.*s%s%.*s\n",
					token.for_init ? "@" : "", (int)token.name_len, token.name,
					token.value ? ":" : "", (int)token.value_len,
					token.value ? token.value : "");
		assert_true(len < buf_size);
	}
}

static const struct {
	const char *text;
	const char *tokens;
} texts[] = {
	{"", ""},
	{" \t\n", ""},
	{"quiet", "quiet\n"},
	{"  a  b\tc\n", "a\nb\nc\n"},
	{"a\vb\fc\rd", "a\nb\nc\nd\n"},
	{"a\xa0"
	 "b",
	 "a\nb\n"}, /* the kernel's isspace() */
	{"root=UUID=1-2 ro", "root:UUID=1-2\nro\n"}, /* the first `=` */
	{"a=", "a:\n"},
	{"=b", "=b\n"}, /* offset 0 is no `=` ... */
	{"=b=c", "=b:c\n"}, /* ... so this is the name `=b` */
	{"a=\"b c\" d", "a:b c\nd\n"},
	{"\"a=b c\" d", "a:b c\nd\n"},
	{"\"a b\"", "a b\n"},
	{"a\"b c\"d e", "a\"b c\"d\ne\n"}, /* toggles anywhere, is taken off at the ends only */
	{"a=b\"c d\"", "a:b\"c d\"\n"},
	{"a=\"b\"c", "a:b\"c\n"}, /* the end is no quote: only the first one goes */
	{"a=\"b\"\"", "a:b\"\n"},
	{"\"a=\"b c\"", "a:b\nc\"\n"},
	{"\"a=\"b\"", "a:b\n"}, /* one quote at the end is taken off, not two */
	{"\"a=\"b\"\"", "a:b\"\n"},
	{"a=\"b c", "a:b c\n"}, /* not closed: to the end */
	{"\"a b", "a b\n"},
	{"a=\"", "a:\n"},
	{"\"a=\"", "a:\n"},
	{"\"", "\n"},
	{"\"\"", "\n"},
	{"\"\" a", "\na\n"},
	{"\"=\"", "=\n"},
	{"a=b\\ c", "a:b\\\nc\n"}, /* a backslash means nothing */
	{"a='b c'", "a:'b\nc'\n"}, /* nor does ' */
	{"a \"--\" b", "a\n--\n@b\n"}, /* the kernel compares what is left without quotes */
	{"a -- b=1 -- c", "a\n--\n@b:1\n@--\n@c\n"},
	{"a --b - ---", "a\n--b\n-\n---\n"},
	{"--=1 a", "--:1\na\n"}, /* with a value it is a parameter */
};

static void test_tokens(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char buf[256];

		render(texts[i].text, strlen(texts[i].text), buf, sizeof(buf));
		if (strcmp(buf, texts[i].tokens) != 0)
			print_error("of `%s`\n", texts[i].text);
		assert_string_equal(buf, texts[i].tokens);
	}
}

/* The size is a limit, a NUL ends the text before it, and what is behind is not read. */
static void test_size(void **state)
{
	char buf[64];
	char exact[] = {'a', '=', '"', 'b'};

	(void)state;
	render("one two three", 7, buf, sizeof(buf));
	assert_string_equal(buf, "one\ntwo\n");
	render("one\0two", 7, buf, sizeof(buf));
	assert_string_equal(buf, "one\n");
	render(exact, sizeof(exact), buf, sizeof(buf)); /* for AddressSanitizer */
	assert_string_equal(buf, "a:b\n");
}

static void test_slices(void **state)
{
	static const char text[] = "  \"a=b c\"  d=\"e\"x ";
	struct cmdline_token token;
	struct cmdline cmdline;

	(void)state;
	cmdline_init(&cmdline, text, strlen(text));
	assert_true(cmdline_next(&cmdline, &token));
	assert_ptr_equal(token.raw, text + 2);
	assert_int_equal(token.raw_len, 7);
	assert_ptr_equal(token.name, text + 3);
	assert_ptr_equal(token.value, text + 5);
	assert_true(cmdline_next(&cmdline, &token));
	assert_ptr_equal(token.raw, text + 11);
	assert_int_equal(token.raw_len, 6);
	assert_ptr_equal(token.value, text + 14);
	assert_int_equal(token.value_len, 3);

	/* At the end nothing is touched. */
	memset(&token, 0x5a, sizeof(token));
	assert_false(cmdline_next(&cmdline, &token));
	assert_int_equal(token.raw_len, (size_t)0x5a5a5a5a5a5a5a5a);
}

static struct cmdline_token first_token(const char *text)
{
	struct cmdline_token token = {.raw = NULL};
	struct cmdline cmdline;

	cmdline_init(&cmdline, text, strlen(text));
	assert_true(cmdline_next(&cmdline, &token));
	return token;
}

static void test_compare(void **state)
{
	struct cmdline_token token = first_token("vfio-pci.disable_idle-d3=a-b");

	(void)state;
	assert_true(cmdline_is(&token, "vfio_pci.disable-idle_d3"));
	assert_true(cmdline_is(&token, "vfio-pci.disable_idle-d3"));
	assert_false(cmdline_is(&token, "vfio-pci.disable_idle-d"));
	assert_false(cmdline_is(&token, "vfio-pci.disable_idle-d33"));
	assert_false(cmdline_is(&token, "VFIO-pci.disable_idle-d3"));
	assert_true(cmdline_value_is(&token, "a-b"));
	assert_false(cmdline_value_is(&token, "a_b"));
	assert_false(cmdline_value_is(&token, "a-bc"));
	assert_false(cmdline_value_is(&token, "a-"));
	token = first_token("a");
	assert_false(cmdline_value_is(&token, ""));
	token = first_token("a=");
	assert_true(cmdline_value_is(&token, ""));
}

#define SWITCH CMDLINE_OFF_SWITCH
#define HOSTONLY CMDLINE_OFF_HOSTONLY
#define RESCUE CMDLINE_OFF_RESCUE

static const struct {
	const char *text;
	enum cmdline_off off;
	const char *raw; /* the token that said so; NULL: claim */
} switches[] = {
	{"", CMDLINE_ON, NULL},
	{"BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet splash intel_iommu=on", CMDLINE_ON, NULL},
	{"vfio_bootcfg.enable=0", SWITCH, "vfio_bootcfg.enable=0"},
	{"a vfio-bootcfg.enable=no b", SWITCH, "vfio-bootcfg.enable=no"},
	{"\"vfio_bootcfg.enable=off\"", SWITCH, "\"vfio_bootcfg.enable=off\""},
	{"vfio_bootcfg.enable=\"n\"", SWITCH, "vfio_bootcfg.enable=\"n\""},
	{"vfio_bootcfg.enable=false", SWITCH, "vfio_bootcfg.enable=false"},
	{"vfio_bootcfg.enable=FALSE", SWITCH, "vfio_bootcfg.enable=FALSE"},
	{"vfio_bootcfg.enable", CMDLINE_ON, NULL},
	{"vfio_bootcfg.enable=1", CMDLINE_ON, NULL},
	{"vfio_bootcfg.enable=yes", CMDLINE_ON, NULL},
	{"vfio_bootcfg.enable=On", CMDLINE_ON, NULL},
	{"vfio_bootcfg.enable=y", CMDLINE_ON, NULL},
	{"vfio_bootcfg.enable=true", CMDLINE_ON, NULL},
	{"vfio_bootcfg.enable=", SWITCH, "vfio_bootcfg.enable="}, /* neither yes nor no */
	{"vfio_bootcfg.enable=maybe", SWITCH, "vfio_bootcfg.enable=maybe"},
	{"vfio_bootcfg.enable=10", SWITCH, "vfio_bootcfg.enable=10"},
	{"vfio_bootcfg.enable=0 vfio_bootcfg.enable=1", CMDLINE_ON, NULL}, /* the last wins */
	{"vfio_bootcfg.enable=1 vfio_bootcfg.enable=0", SWITCH, "vfio_bootcfg.enable=0"},
	{"rd.vfio=0", SWITCH, "rd.vfio=0"},
	{"rd.vfio=0 rd.vfio", CMDLINE_ON, NULL},
	{"rd.vfio=0 vfio_bootcfg.enable=1", SWITCH, "rd.vfio=0"}, /* either is enough */
	{"vfio_bootcfg.enable=0 rd.vfio=1", SWITCH, "vfio_bootcfg.enable=0"},
	{"foo -- vfio_bootcfg.enable=0", SWITCH, "vfio_bootcfg.enable=0"},
	{"xvfio_bootcfg.enable=0 vfio_bootcfg.enabled=0 rd.vfiox=0 vfio_bootcfg=0", CMDLINE_ON,
	 NULL},
	{"a=\"vfio_bootcfg.enable=0 rd.vfio=0 single\"", CMDLINE_ON, NULL}, /* inside a value */
	{"rd.hostonly=0", HOSTONLY, "rd.hostonly=0"},
	{"rd.hostonly=no", HOSTONLY, "rd.hostonly=no"},
	{"rd.hostonly=0 rd.hostonly=1", CMDLINE_ON, NULL},
	{"rd.hostonly=1 rd.hostonly=0", HOSTONLY, "rd.hostonly=0"},
	{"rd.hostonly", CMDLINE_ON, NULL},
	{"rd.hostonly=x", CMDLINE_ON, NULL}, /* dracut goes on in hostonly mode */
	{"single rd.hostonly=0 rd.vfio=0", SWITCH, "rd.vfio=0"},
	{"single", RESCUE, "single"},
	{"ro single quiet", RESCUE, "single"},
	{"\"single\"", RESCUE, "\"single\""},
	{"s", RESCUE, "s"},
	{"S", RESCUE, "S"},
	{"1", RESCUE, "1"},
	{"-s", RESCUE, "-s"},
	{"-b", RESCUE, "-b"},
	{"rescue", RESCUE, "rescue"},
	{"emergency", RESCUE, "emergency"},
	{"rd.rescue", RESCUE, "rd.rescue"},
	{"rd.emergency", RESCUE, "rd.emergency"},
	{"ro -- single", RESCUE, "single"},
	{"ro -- s", RESCUE, "s"},
	{"systemd.unit=rescue.target", RESCUE, "systemd.unit=rescue.target"},
	{"systemd.unit=\"emergency.target\"", RESCUE, "systemd.unit=\"emergency.target\""},
	{"rd.systemd.unit=emergency.target", RESCUE, "rd.systemd.unit=emergency.target"},
	{"rescue systemd.unit=graphical.target", RESCUE, "rescue"},
	{"systemd.unit=multi-user.target", CMDLINE_ON, NULL},
	{"systemd.unit=rescue.targets systemd.unit=rescue", CMDLINE_ON, NULL},
	{"root=single foo.single single=1 rescue= singles 11 2 3 5 b -S", CMDLINE_ON, NULL},
	{"rd. rd.rescuer xrescue Single RESCUE rescue.target", CMDLINE_ON, NULL},
	{"ro elfcorehdr=0x77000000 irqpoll nr_cpus=1", CMDLINE_OFF_KDUMP, "elfcorehdr=0x77000000"},
	{"elfcorehdr=0x77000000 single", RESCUE, "single"},
	{"crashkernel=256M xelfcorehdr=1", CMDLINE_ON, NULL},
	{"_b _s", CMDLINE_ON, NULL}, /* words are no names: `_` is not `-` */
};

static void test_switch(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		const char *text = switches[i].text;
		struct cmdline_token token = {.raw = NULL};
		enum cmdline_off off = cmdline_switch(text, strlen(text), &token);
		char raw[64];

		if (off != switches[i].off)
			print_error("of `%s`\n", text);
		assert_int_equal(off, switches[i].off);
		assert_int_equal(cmdline_switch(text, strlen(text), NULL), off);
		if (!switches[i].raw) {
			assert_null(token.raw);
			continue;
		}
		snprintf(raw, sizeof(raw), "%.*s", (int)token.raw_len, token.raw);
		assert_string_equal(raw, switches[i].raw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens), cmocka_unit_test(test_size),
		cmocka_unit_test(test_slices), cmocka_unit_test(test_compare),
		cmocka_unit_test(test_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
