// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "early/diag.h"
#include "early/log.h"

/* Levels of syslog(2), as /dev/kmsg takes them. */
#define LEVEL_WARN 4
#define LEVEL_INFO 6

static bool use_stderr;

void log_to_stderr(void)
{
	use_stderr = true;
}

static _printf_(2, 0) void log_line(int level, const char *format, va_list args)
{
	static int kmsg = -1;
	char line[900];
	int saved = errno, prefix, n;

	prefix = snprintf(line, sizeof(line), "<%d>vfio-early: ", level);
	n = vsnprintf(line + prefix, sizeof(line) - (size_t)prefix - 1, format, args);
	if (n >= 0) {
		text_clean(line + prefix);
		memcpy(line + strlen(line), "\n", 2);
		if (kmsg < 0 && !use_stderr)
			kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
		/* One write(2) is one record of the kernel's log. */
		if (kmsg >= 0 && !use_stderr)
			(void)!write(kmsg, line, strlen(line));
		else
			(void)!write(STDERR_FILENO, line + 3, strlen(line + 3));
	}
	errno = saved;
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LEVEL_INFO, format, args);
	va_end(args);
}

void log_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LEVEL_WARN, format, args);
	va_end(args);
}
