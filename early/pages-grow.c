// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>

#include "early/pages-grow.h"

/*
 * Where there is memory in one piece, a write of the larger one takes tenths of a second, nearly all of it to
 * clear the pages. Where there is none, the kernel moves things for each page, and it may take as many seconds.
 */
#define PIECE_MIN_KIB (UINT64_C(1) << 16)
#define PIECE_MAX_KIB (UINT64_C(1) << 20)
#define PIECE_SLOW_MS 400
#define PIECE_FAST_MS 150

static unsigned long least(unsigned long a, unsigned long b)
{
	return a < b ? a : b;
}

unsigned long pages_have(const struct pages *pages, const struct pages_want *want)
{
	unsigned long have = 0;

	for (size_t i = 0; i < pages->count; i++)
		if (pages_is_of(&pages->pools[i], want->size_kib, want->node))
			have += pages_kept(&pages->pools[i]);
	return have;
}

static bool stopped(const struct pages_effort *effort)
{
	return effort->stop && effort->stop(effort->data);
}

/* Pages of a pool's size that its node and the machine can still do without. */
static unsigned long room(const struct pages *pages, const struct pages_pool *pool)
{
	int64_t node = pages_spare_kib(pages, pool->node);
	int64_t all = pages_spare_kib(pages, PAGES_ANY_NODE);
	int64_t kib = node < all ? node : all;

	return kib < 0 ? 0 : (unsigned long)((uint64_t)kib / pool->size_kib);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* So much that there is soon an answer to a deadline, or to Ctrl-C. */
static uint64_t next_piece_kib(uint64_t kib, int64_t took_ms)
{
	if (took_ms > PIECE_SLOW_MS)
		return kib > 1 ? kib / 2 : kib;
	return took_ms < PIECE_FAST_MS && kib < PIECE_MAX_KIB ? kib * 2 : kib;
}

/*
 * One more piece for one pool, share pages at most. Says whether the pool can have another: *end
 * is only touched where it cannot.
 */
static int grow_one(const struct pages_effort *effort, struct pages_pool *pool, unsigned long share,
		    uint64_t piece_kib, int64_t *slowest_ms, bool *ret_more, enum pages_end *end)
{
	unsigned long before = pages_kept(pool), space = room(effort->pages, pool);
	unsigned long piece = (unsigned long)(piece_kib / pool->size_kib);
	unsigned long step = least(least(share, piece ? piece : 1), space);
	int64_t from_ms;
	int r;

	*ret_more = false;
	if (!space) {
		*end = PAGES_STARVES;
		return 0;
	}
	from_ms = now_ms();
	r = pages_write(effort->root, pool, before + step);
	if (r < 0)
		return r;
	from_ms = now_ms() - from_ms;
	*slowest_ms = from_ms > *slowest_ms ? from_ms : *slowest_ms;
	*ret_more = pages_kept(pool) >= before + step;
	if (!*ret_more)
		*end = PAGES_SHORT;
	return 0;
}

int pages_grow(const struct pages_effort *effort, const struct pages_want *want,
	       enum pages_end *ret_end)
{
	struct pages *pages = effort->pages;
	_cleanup_free_ bool *dry = calloc(pages->count ? pages->count : 1, sizeof(*dry));
	uint64_t piece_kib = PIECE_MIN_KIB;
	size_t open = 0;
	enum pages_end end = PAGES_SHORT;

	if (!dry)
		return -ENOMEM;
	for (size_t i = 0; i < pages->count; i++) {
		dry[i] = !pages_is_of(&pages->pools[i], want->size_kib, want->node);
		open += !dry[i];
	}
	if (!open)
		return -ENOENT;
	while (open && pages_have(pages, want) < want->count) {
		unsigned long share = (want->count - pages_have(pages, want) + open - 1) / open;
		int64_t slowest_ms = 0;

		for (size_t i = 0; i < pages->count; i++) {
			unsigned long have = pages_have(pages, want);
			bool more;
			int r;

			if (dry[i] || have >= want->count)
				continue;
			if (stopped(effort)) {
				*ret_end = PAGES_STOPPED;
				return 0;
			}
			r = grow_one(effort, &pages->pools[i], least(share, want->count - have),
				     piece_kib, &slowest_ms, &more, &end);
			if (r < 0)
				return r;
			dry[i] = !more;
			if (!more)
				open--;
			if (effort->progress)
				effort->progress(effort->data, pages_have(pages, want));
		}
		/* The same for all nodes, or they would grow unevenly. */
		piece_kib = next_piece_kib(piece_kib, slowest_ms);
	}
	*ret_end = pages_have(pages, want) >= want->count ? PAGES_ALL : end;
	return 0;
}

static int shrink_one(const struct pages_effort *effort, struct pages_pool *pool,
		      unsigned long count)
{
	unsigned long surplus = pool->surplus;
	int r = pages_write(effort->root, pool, pages_kept(pool) - count);

	/*
	 * Pages that somebody took between our look and our write became surplus, which their user
	 * would lose for good: they are kept again.
	 */
	if (r >= 0 && pool->surplus > surplus)
		r = pages_write(effort->root, pool, pages_kept(pool) + pool->surplus - surplus);
	return r;
}

int pages_shrink(const struct pages_effort *effort, unsigned long size_kib, int node,
		 unsigned long count, unsigned long *ret_given)
{
	struct pages *pages = effort->pages;
	struct pages_size *size = pages_find_size(pages, size_kib);

	*ret_given = 0;
	if (!size)
		return -ENOENT;
	for (size_t i = 0; i < pages->count && *ret_given < count; i++) {
		struct pages_pool *pool = &pages->pools[i];
		unsigned long before, step;
		int r;

		if (!pages_is_of(pool, size_kib, node))
			continue;
		r = pages_refresh(effort->root, pool);
		if (r >= 0)
			r = pages_refresh_size(effort->root, size);
		if (r < 0)
			return r;
		before = pages_kept(pool);
		step = least(pages_idle(pages, pool), count - *ret_given);
		if (!step)
			continue;
		r = shrink_one(effort, pool, step);
		if (pages_kept(pool) < before)
			*ret_given += before - pages_kept(pool);
		if (r < 0)
			return r;
		if (effort->progress)
			effort->progress(effort->data, *ret_given);
	}
	return 0;
}
