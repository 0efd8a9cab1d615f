/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the early binary, into the kernel log, where a person who looks at a dark screen's
 * journal finds them; to stderr where there is no /dev/kmsg or on a captured machine. */
#ifndef EARLY_LOG_H
#define EARLY_LOG_H

#include "cleanup.h"

/* Sends messages to stderr from now on: for --check and for captured machines. */
void log_to_stderr(void);

/* One line each, without a newline; what a terminal would act upon is replaced. Keep errno. */
void log_info(const char *format, ...) _printf_(1, 2);
void log_warn(const char *format, ...) _printf_(1, 2);

#endif
