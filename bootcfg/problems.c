// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <string.h>

#include "bootcfg/problems.h"
#include "early/diag.h"

static const char words[PROBLEM_REASONS][20] = {
	[PROBLEM_NO_INITRAMFS] = "no-initramfs",
	[PROBLEM_UNEXPECTED] = "unexpected",
	[PROBLEM_OPEN_QUOTE] = "open-quote",
	[PROBLEM_SWITCHED_OFF] = "switched-off",
	[PROBLEM_MODULE_BLACKLIST] = "module-blacklist",
	[PROBLEM_IOMMU_OFF] = "iommu-off",
	[PROBLEM_NO_KERNEL_OPTION] = "no-kernel-option",
	[PROBLEM_NO_ACS_PATCH] = "no-acs-patch",
	[PROBLEM_IMAGE_UNREADABLE] = "image-unreadable",
	[PROBLEM_OTHER_KERNEL] = "other-kernel",
	[PROBLEM_NO_EARLY] = "no-early",
	[PROBLEM_NOT_STARTED] = "not-started",
	[PROBLEM_NO_LIBKMOD] = "no-libkmod",
	[PROBLEM_NO_MODULE] = "no-module",
	[PROBLEM_IMAGE_PROFILE] = "image-profile",
	[PROBLEM_BAD_PROFILE] = "bad-profile",
	[PROBLEM_IMAGE_IDS] = "image-ids",
	[PROBLEM_NO_ENTRY] = "no-entry",
	[PROBLEM_NO_DEFAULT] = "no-default",
	[PROBLEM_SETTING] = "setting",
	[PROBLEM_NO_RECORD] = "no-record",
	[PROBLEM_NOTHING_DONE] = "nothing-done",
	[PROBLEM_CARD] = "card",
	[PROBLEM_PAGES] = "pages",
	[PROBLEM_RUNNING] = "running",
};

const char *problem_word(enum problem_reason reason)
{
	return words[reason];
}

void problem_add(struct problems *problems, enum problem_reason reason, bool stops_claims,
		 const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	struct problem *items;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	if (r < 0) {
		text = NULL;
		problems->no_memory = true;
		return;
	}
	text_clean(text);
	for (size_t i = 0; i < problems->count; i++)
		if (!strcmp(problems->items[i].text, text))
			return;
	items = reallocarray(problems->items, problems->count + 1, sizeof(*items));
	if (!items) {
		problems->no_memory = true;
		return;
	}
	problems->items = items;
	items[problems->count++] = (struct problem){
		.reason = reason, .stops_claims = stops_claims, .text = steal(&text)};
}

void problems_free(struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		free(problems->items[i].text);
	free(problems->items);
	*problems = (struct problems){.count = 0};
}

const struct problem *problems_stop(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		if (problems->items[i].stops_claims)
			return &problems->items[i];
	return NULL;
}
