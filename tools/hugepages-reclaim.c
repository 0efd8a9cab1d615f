// SPDX-License-Identifier: GPL-2.0-or-later
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "bootcfg/json.h"
#include "tools/hugepages-effort.h"
#include "tools/hugepages-holders.h"
#include "tools/hugepages.h"

#define WAIT_MAX_S 86400
#define PAUSE_MIN_MS 20
#define PAUSE_MAX_MS 1000
#define BAR_WIDTH 24
#define HELD_STR (EFFORT_HELD_STR + HUGEPAGES_HOLDERS_STR + 16)

struct reclaim {
	struct hugepages hugepages;
	struct effort effort;
	json_t *reclaimed; /* borrowed from the document */
	/* Blocked, so that a signal ends no write in the middle; looked at between two pieces. */
	int signals;
	bool interrupted, late;
	int64_t end_ms; /* 0: every step once, however long that takes */
	int64_t deadline_ms; /* of this want: a size that cannot be had must not use up the time of all */
	bool bar; /* there is a terminal to draw on */
	const struct pages_want *want; /* the one that the effort is made for */
	enum effort_step step;
	int64_t round_ms; /* when it began */
	unsigned long won; /* so far, of all */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- what the effort asks for ----------------------------------------------------------------- */

static bool stop(void *data)
{
	struct reclaim *reclaim = data;
	struct signalfd_siginfo info;

	if (read(reclaim->signals, &info, sizeof(info)) > 0)
		reclaim->interrupted = true;
	reclaim->late = reclaim->deadline_ms && now_ms() >= reclaim->deadline_ms;
	return reclaim->interrupted || reclaim->late;
}

static bool pause_until_next(void *data)
{
	struct reclaim *reclaim = data;
	struct pollfd fd = {.fd = reclaim->signals, .events = POLLIN};
	int64_t now = now_ms(), left = reclaim->deadline_ms - now;
	int64_t pause = now - reclaim->round_ms;

	if (left <= 0)
		return false;
	/* As long as the round before it took: half of a processor, and the host may free something meanwhile. */
	pause = pause < PAUSE_MIN_MS ? PAUSE_MIN_MS : pause;
	pause = pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause;
	/* A signal is left to be found by stop(). */
	return poll(&fd, 1, (int)(left < pause ? left : pause)) > 0 || left > pause;
}

static unsigned long spare(void *data, const struct pages_pool *pool)
{
	const struct reclaim *reclaim = data;
	const struct hugepages *hugepages = &reclaim->hugepages;

	return hugepages_spare(&hugepages->profile, &hugepages->pages, hugepages->wants,
			       hugepages->want_count, pool);
}

static void draw(const struct reclaim *reclaim, unsigned long have)
{
	const struct pages_want *want = reclaim->want;
	char name[HUGEPAGES_NAME_STR], bar[BAR_WIDTH + 1];
	size_t full = want->count ? (size_t)((uint64_t)have * BAR_WIDTH / want->count) : BAR_WIDTH;

	if (!reclaim->bar)
		return;
	for (size_t i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < full ? '#' : '-';
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %lu of %lu  %-12s",
		hugepages_name(want->size_kib, want->node, name), bar, have, want->count,
		effort_step_word(reclaim->step));
}

static void progress(void *data, unsigned long have)
{
	draw(data, have);
}

static void started(void *data, enum effort_step step)
{
	struct reclaim *reclaim = data;

	reclaim->step = step;
	reclaim->round_ms = now_ms();
	draw(reclaim, pages_have(&reclaim->hugepages.pages, reclaim->want));
}

static void wipe(const struct reclaim *reclaim)
{
	if (reclaim->bar)
		fputs("\r\033[K", stderr);
}

/* --- one size and node ------------------------------------------------------------------------ */

static const char *end_word(const struct reclaim *reclaim, enum pages_end end)
{
	static const char *const words[] = {
		[PAGES_ALL] = NULL,
		[PAGES_SHORT] = "short",
		[PAGES_STARVES] = "starves-host",
		[PAGES_STOPPED] = "timeout",
	};

	return end == PAGES_STOPPED && reclaim->interrupted ? "interrupted" : words[end];
}

static const char *end_text(const struct reclaim *reclaim, enum pages_end end)
{
	static const char *const texts[] = {
		[PAGES_ALL] = "",
		[PAGES_SHORT] = "the kernel finds no more memory in one piece",
		[PAGES_STARVES] = "the host keeps 1 GiB, and a tenth of each node, for itself",
		[PAGES_STOPPED] = "the time of --wait is over",
	};

	return end == PAGES_STOPPED && reclaim->interrupted ? "interrupted" : texts[end];
}

static json_t *result_json(const struct reclaim *reclaim, const struct pages_want *want,
			   const struct effort_result *result, const char *held)
{
	_cleanup_json_ json_t *object = hugepages_json(want->size_kib, want->node);
	json_t *won = json_object();
	int r = json_put(object, "won", won);

	for (int i = 0; i < EFFORT_STEPS && r >= 0; i++)
		r = json_put(won, effort_step_word((enum effort_step)i),
			     json_integer((json_int_t)result->won[i]));
	if (r < 0 || json_put(object, "wanted", json_integer((json_int_t)want->count)) < 0 ||
	    json_put(object, "got", json_integer((json_int_t)result->have)) < 0 ||
	    json_put(object, "reason", json_text(end_word(reclaim, result->end))) < 0 ||
	    json_put(object, "held", json_text(*held ? held : NULL)) < 0)
		return NULL;
	return steal(&object);
}

/* What the node's memory is used for, and by whom what is huge pages already. */
static void what_holds(const struct hugepages *hugepages, int node, char held[static HELD_STR])
{
	const struct root *root = &hugepages->call->root;
	char memory[EFFORT_HELD_STR], holders[HUGEPAGES_HOLDERS_STR];

	effort_held(root, &hugepages->pages, node, memory);
	hugepages_holders_text(root, 0, node, holders);
	snprintf(held, HELD_STR, "%s%s%s", memory, *memory && *holders ? ", of which " : "",
		 holders);
}

static int say(struct reclaim *reclaim, const struct pages_want *want,
	       const struct effort_result *result)
{
	struct hugepages *hugepages = &reclaim->hugepages;
	struct cmd_call *call = hugepages->call;
	char name[HUGEPAGES_NAME_STR], held[HELD_STR] = "";

	hugepages_name(want->size_kib, want->node, name);
	if (result->end != PAGES_ALL)
		what_holds(hugepages, want->node, held);
	if (json_array_append_new(reclaim->reclaimed, result_json(reclaim, want, result, held)) < 0)
		return -ENOMEM;
	for (int i = 0; i < EFFORT_STEPS && call->verbose; i++)
		if (result->won[i])
			cmd_note(call, "%s: %lu pages by %s", name, result->won[i],
				 effort_step_word((enum effort_step)i));
	if (result->end != PAGES_ALL) {
		(void)cmd_failf(call, EXIT_DIFFERS, "%s: %lu of %lu pages: %s%s%s", name,
				result->have, want->count, end_text(reclaim, result->end),
				*held ? "; " : "", held);
		return 0;
	}
	if (!call->json)
		printf("%s: %lu pages\n", name, result->have);
	return 0;
}

/* When the next want is to be through, where so many are left. */
static int64_t share_of_time(const struct reclaim *reclaim, size_t left)
{
	int64_t now = now_ms();

	if (!reclaim->end_ms || now >= reclaim->end_ms)
		return reclaim->end_ms;
	return now + (reclaim->end_ms - now) / (int64_t)left;
}

static int reclaim_all(struct reclaim *reclaim)
{
	struct hugepages *hugepages = &reclaim->hugepages;
	int r = 0, error = 0;

	for (size_t i = 0; i < hugepages->want_count && r >= 0 && error >= 0; i++) {
		const struct pages_want *want = &hugepages->wants[i];
		struct effort_result result;

		reclaim->want = want;
		reclaim->deadline_ms = share_of_time(reclaim, hugepages->want_count - i);
		error = effort_run(&reclaim->effort, want, &result);
		wipe(reclaim);
		/* In its last round: what it waited for was not found. */
		if (result.end == PAGES_STOPPED && !reclaim->interrupted && result.rounds)
			result.end = PAGES_SHORT;
		for (int step = 0; step < EFFORT_STEPS; step++)
			reclaim->won += result.won[step];
		if (error >= 0)
			r = say(reclaim, want, &result);
	}
	return error < 0 ? error : r;
}

/* --- for a guest ------------------------------------------------------------------------------ */

static int reclaim_loans(struct reclaim *reclaim)
{
	struct hugepages *hugepages = &reclaim->hugepages;
	const struct root *root = &hugepages->call->root;
	_cleanup_loans_ struct hugepages_loans loans = {.count = 0};
	int r, written;

	r = hugepages_loans_read(root, hugepages->guest, &hugepages->pages, &loans);
	if (r < 0)
		return r;
	hugepages_for_guest(&hugepages->pages, hugepages->wants, hugepages->want_count);
	r = hugepages_loans_grow(root, hugepages->guest, &hugepages->pages, &loans);
	if (r < 0)
		return r;
	r = reclaim_all(reclaim);
	written = hugepages_loans_end(root, hugepages->guest, &hugepages->pages, &loans);
	return r < 0 ? r : written;
}

/* --- the command ------------------------------------------------------------------------------ */

static int take_wait(struct reclaim *reclaim, struct cmd_call *call)
{
	const char *wait = cmd_value(call, "wait", 0);
	unsigned long seconds = 0;
	char *end;

	if (wait) {
		seconds = strtoul(wait, &end, 10);
		if (*wait < '0' || *wait > '9' || *end || seconds > WAIT_MAX_S)
			return cmd_failf(call, EXIT_USAGE,
					 "`--wait %.20s`: expected seconds, %d at most", wait,
					 WAIT_MAX_S);
	}
	if (seconds)
		reclaim->end_ms = now_ms() + (int64_t)seconds * 1000;
	return EXIT_DONE;
}

/* A count that no effort can reach, since there is not so much memory. */
static int check_memory(const struct hugepages *hugepages, const struct pages_want *want)
{
	const struct pages *pages = &hugepages->pages;
	char size[PAGES_SIZE_STR], where[32] = "this machine";
	uint64_t memory_kib = 0, share_kib;

	for (size_t i = 0; i < pages->node_count; i++) {
		if (want->node != PAGES_ANY_NODE && pages->nodes[i].node != want->node)
			continue;
		if (!pages->nodes[i].memory_kib)
			return EXIT_DONE;
		memory_kib += pages->nodes[i].memory_kib;
	}
	if (want->count <= memory_kib / want->size_kib)
		return EXIT_DONE;
	if (want->node != PAGES_ANY_NODE)
		snprintf(where, sizeof(where), "node %d", want->node);
	pages_size_format(want->size_kib, size);
	share_kib = pages_host_share(memory_kib, want->node);
	share_kib = share_kib < memory_kib ? share_kib : memory_kib;
	return cmd_failf(
		hugepages->call, EXIT_USAGE,
		"%lu pages of %s are more than all memory: %s has %llu MiB, of which it can give "
		"%llu pages of %s at most",
		want->count, size, where, (unsigned long long)(memory_kib >> 10),
		(unsigned long long)((memory_kib - share_kib) / want->size_kib), size);
}

static int check_wants(struct hugepages *hugepages)
{
	char name[HUGEPAGES_NAME_STR];

	for (size_t i = 0; i < hugepages->want_count; i++) {
		const struct pages_want *want = &hugepages->wants[i];

		if (want->count == HUGEPAGES_ALL)
			return cmd_failf(hugepages->call, EXIT_USAGE,
					 "how many pages of %s? The profile does not say: %s=COUNT",
					 hugepages_name(want->size_kib, want->node, name),
					 hugepages_name(want->size_kib, PAGES_ANY_NODE, name));
		if (check_memory(hugepages, want))
			return EXIT_USAGE;
	}
	if (hugepages->want_count || hugepages->guest)
		return EXIT_DONE;
	return cmd_failf(hugepages->call, EXIT_USAGE,
			 "the profile has no [hugepages]%s: say SIZE=COUNT",
			 hugepages->node == PAGES_ANY_NODE ? "" : " of this node");
}

static int take_signals(struct reclaim *reclaim)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	reclaim->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return reclaim->signals < 0 ? -errno : 0;
}

static void reclaim_free(struct reclaim *reclaim)
{
	hugepages_free(&reclaim->hugepages);
	close_fd(&reclaim->signals);
}

int hugepages_reclaim_run(struct cmd_call *call)
{
	_cleanup_(reclaim_free) struct reclaim reclaim = {.signals = -1};
	struct hugepages *hugepages = &reclaim.hugepages;
	json_t *document = json_object();
	int code = hugepages_load(hugepages, call), r;

	reclaim.reclaimed = json_array();
	if (json_put(document, "reclaimed", reclaim.reclaimed) < 0) {
		json_decref(document);
		return cmd_failf(call, EXIT_SYSTEM, "out of memory");
	}
	cmd_document(call, document);
	if (!code)
		code = take_wait(&reclaim, call);
	if (!code)
		code = check_wants(hugepages);
	if (!code)
		code = hugepages_lock(hugepages);
	if (code)
		return code;
	reclaim.bar = !call->quiet && !call->json && isatty(STDERR_FILENO);
	reclaim.effort = (struct effort){
		.pages = {.root = &call->root,
			  .pages = &hugepages->pages,
			  .stop = stop,
			  .progress = progress,
			  .data = &reclaim},
		.spare = spare,
		.pause = pause_until_next,
		.started = started,
		.data = &reclaim,
	};
	r = take_signals(&reclaim);
	if (r >= 0)
		r = hugepages->guest ? reclaim_loans(&reclaim) : reclaim_all(&reclaim);
	if (r < 0)
		return hugepages_fail(hugepages, r, reclaim.won);
	return call->code;
}
