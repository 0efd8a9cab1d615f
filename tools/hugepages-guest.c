// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "tools/hugepages-effort.h"
#include "tools/hugepages-guest.h"
#include "tools/hugepages.h"

#define LOCK_STEP_MS 20

/* A guest's pools while they change. */
struct job {
	const struct root *root;
	const char *guest;
	const struct profile *profile; /* NULL: to give back */
	struct pages pages;
	struct pages_want *wants;
	size_t want_count;
	struct hugepages_loans loans;
	int lock;
};

static void job_free(struct job *job)
{
	hugepages_loans_free(&job->loans);
	free(job->wants);
	pages_free(&job->pages);
	close_fd(&job->lock);
}

void guest_pools_free(struct guest_pools *pools)
{
	free(pools->items);
	*pools = (struct guest_pools){.count = 0};
}

static bool is_asked(const struct job *job, const struct profile_entry *entry)
{
	return !strcmp(entry->section, "guest") && !strcmp(entry->name, job->guest) &&
	       !strncmp(entry->key, HUGEPAGES_GUEST_KEY, strlen(HUGEPAGES_GUEST_KEY));
}

static int load(struct job *job, struct diag *diag)
{
	int r = pages_load(job->root, &job->pages);

	if (r == -EXDEV)
		return diag_set(diag, r, NULL, 0, "an image has no pools of huge pages");
	if (r == -ENOENT)
		return diag_set(diag, r, NULL, 0,
				"there are no huge pages (sys/kernel/mm/hugepages): is /sys "
				"mounted, and the kernel built with them?");
	return r < 0 ? diag_set(diag, r, NULL, 0, "the pools of huge pages cannot be read: %s",
				strerror(-r))
		     : 0;
}

static int add_wants(struct job *job, const struct profile_entry *entry, struct diag *diag)
{
	unsigned long size_kib = pages_size_kib(entry->key + strlen(HUGEPAGES_GUEST_KEY)), count;
	const char *at = entry->value;
	char size[PAGES_SIZE_STR];
	int node;

	if (!pages_find_size(&job->pages, size_kib))
		return diag_set(diag, -EINVAL, entry->file, entry->line,
				"this machine has no huge pages of %s",
				pages_size_format(size_kib, size));
	while (pages_value_next(&at, &node, &count)) {
		struct pages_want *more;

		if (node != PAGES_ANY_NODE && !pages_find_node(&job->pages, node))
			return diag_set(diag, -EINVAL, entry->file, entry->line,
					"this machine has no NUMA node %d", node);
		more = reallocarray(job->wants, job->want_count + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		job->wants = more;
		more[job->want_count++] = (struct pages_want){size_kib, node, count};
	}
	return 0;
}

/* Pools and wants; without wants the pools are not even read. */
static int load_wants(struct job *job, struct diag *diag)
{
	const struct profile *profile = job->profile;
	int r = 0;

	for (size_t i = 0; i < profile->entry_count && r >= 0; i++) {
		if (!is_asked(job, &profile->entries[i]))
			continue;
		if (!job->pages.pools)
			r = load(job, diag);
		if (r >= 0)
			r = add_wants(job, &profile->entries[i], diag);
	}
	hugepages_sort(job->wants, job->want_count);
	return r;
}

int guest_pages_check(const struct root *root, const struct profile *profile, const char *guest,
		      struct diag *diag)
{
	_cleanup_(job_free) struct job job = {
		.root = root, .guest = guest, .profile = profile, .lock = -1};

	return load_wants(&job, diag);
}

static int take_lock(struct job *job, unsigned wait_ms, struct diag *diag)
{
	const struct timespec pause = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	int r = hugepages_lock_open(job->root);

	if (r < 0)
		return diag_set(diag, r, "/" HUGEPAGES_LOCK, 0, "%s", strerror(-r));
	job->lock = r;
	for (unsigned waited = 0; flock(job->lock, LOCK_EX | LOCK_NB) < 0; waited += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return diag_set(diag, -errno, "/" HUGEPAGES_LOCK, 0, "%s", strerror(errno));
		if (waited >= wait_ms)
			return diag_set(diag, -EWOULDBLOCK, NULL, 0,
					"another vfio-hugepages is changing the pools");
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static int fail(int error, struct diag *diag)
{
	if (error == -ENOSPC)
		return diag_set(diag, error, NULL, 0, HUGEPAGES_FULL);
	return diag_set(diag, error, NULL, 0, "the pools of huge pages cannot be changed: %s%s",
			strerror(-error),
			error == -EINVAL ? " (this kernel cannot make pages of this size while it "
					   "runs: reserve them at boot)"
					 : "");
}

/* --- taking ----------------------------------------------------------------------------------- */

static unsigned long spare(void *data, const struct pages_pool *pool)
{
	const struct job *job = data;

	return hugepages_spare(job->profile, &job->pages, job->wants, job->want_count, pool);
}

static bool no_pause(_unused_ void *data)
{
	return false;
}

static int say_short(const struct job *job, const struct pages_want *want,
		     const struct effort_result *result, struct diag *diag)
{
	char name[HUGEPAGES_NAME_STR], held[EFFORT_HELD_STR] = "";

	effort_held(job->root, &job->pages, want->node, held);
	return diag_set(diag, -ENOBUFS, NULL, 0, "huge pages of %s: %lu of %lu: %s%s%s",
			hugepages_name(want->size_kib, want->node, name), result->have, want->count,
			result->end == PAGES_STARVES
				? "the host keeps 1 GiB, and a tenth of each node, for itself"
				: "the kernel finds no more memory in one piece",
			*held ? "; " : "", held);
}

static int make_effort(struct job *job, struct diag *diag)
{
	const struct effort effort = {
		.pages = {.root = job->root, .pages = &job->pages},
		.spare = spare,
		.pause = no_pause,
		.data = job,
	};

	for (size_t i = 0; i < job->want_count; i++) {
		struct effort_result result;
		int r = effort_run(&effort, &job->wants[i], &result);

		if (r < 0)
			return fail(r, diag);
		if (result.end != PAGES_ALL)
			return say_short(job, &job->wants[i], &result, diag);
	}
	return 0;
}

static struct guest_pool *add_pool(struct guest_pools *pools, const struct hugepages_loan *loan)
{
	struct guest_pool *pool = &pools->items[pools->count++];

	*pool = (struct guest_pool){.size_kib = loan->size_kib, .node = loan->node};
	return pool;
}

int guest_pages_take(const struct root *root, const struct profile *profile, const char *guest,
		     unsigned lock_ms, struct guest_pools *ret, struct diag *diag)
{
	_cleanup_(job_free) struct job job = {
		.root = root, .guest = guest, .profile = profile, .lock = -1};
	_cleanup_free_ unsigned long *before = NULL;
	int r = load_wants(&job, diag), written;

	if (r < 0 || !job.want_count)
		return r;
	r = take_lock(&job, lock_ms, diag);
	if (r < 0)
		return r;
	/* Somebody else may have changed what was read before it was had. */
	pages_free(&job.pages);
	r = load(&job, diag);
	if (r < 0)
		return r;
	r = hugepages_loans_read(root, guest, &job.pages, &job.loans);
	if (r < 0)
		return fail(r, diag);
	hugepages_for_guest(&job.pages, job.wants, job.want_count);
	before = calloc(job.loans.count + 1, sizeof(*before));
	ret->items = calloc(job.loans.count + 1, sizeof(*ret->items));
	if (!before || !ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < job.loans.count; i++)
		before[i] = job.loans.items[i].added;
	r = hugepages_loans_grow(root, guest, &job.pages, &job.loans);
	if (r < 0)
		return fail(r, diag);
	r = make_effort(&job, diag);
	written = hugepages_loans_end(root, guest, &job.pages, &job.loans);
	for (size_t i = 0; i < job.loans.count; i++)
		if (job.loans.items[i].added > before[i])
			add_pool(ret, &job.loans.items[i])->added =
				job.loans.items[i].added - before[i];
	return r < 0 ? r : written < 0 ? fail(written, diag) : 0;
}

/* --- giving back ------------------------------------------------------------------------------ */

static int say_busy(const struct guest_pool *pool, struct diag *diag)
{
	char name[HUGEPAGES_NAME_STR];

	return diag_set(diag, -EBUSY, NULL, 0,
			"huge pages of %s: %lu are used, and could not be given back",
			hugepages_name(pool->size_kib, pool->node, name), pool->left);
}

static int give_all(struct job *job, struct guest_pools *pools)
{
	const struct pages_effort effort = {.root = job->root, .pages = &job->pages};
	int r = 0;

	for (size_t i = 0; i < job->loans.count && r >= 0; i++) {
		const struct hugepages_loan *loan = &job->loans.items[i];

		if (loan->added)
			r = pages_shrink(&effort, loan->size_kib, loan->node, loan->added,
					 &add_pool(pools, loan)->released);
	}
	return r;
}

int guest_pages_give(const struct root *root, const char *guest, unsigned lock_ms,
		     struct guest_pools *ret, struct diag *diag)
{
	_cleanup_(job_free) struct job job = {.root = root, .guest = guest, .lock = -1};
	int r = 0, written, busy = 0;

	if (!hugepages_loans_exist(root, guest))
		return 0;
	r = take_lock(&job, lock_ms, diag);
	if (r >= 0)
		r = load(&job, diag);
	if (r < 0)
		return r;
	r = hugepages_loans_read(root, guest, &job.pages, &job.loans);
	if (r < 0)
		return fail(r, diag);
	ret->items = calloc(job.loans.count + 1, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	r = hugepages_loans_shrink(root, guest, &job.pages, &job.loans);
	if (r < 0)
		return fail(r, diag);
	r = give_all(&job, ret);
	written = hugepages_loans_end(root, guest, &job.pages, &job.loans);
	for (size_t i = 0, n = 0; i < job.loans.count && n < ret->count; i++) {
		const struct hugepages_loan *loan = &job.loans.items[i];
		struct guest_pool *pool = &ret->items[n];

		if (loan->size_kib != pool->size_kib || loan->node != pool->node)
			continue;
		n++;
		pool->left = loan->added;
		if (pool->left && !busy)
			busy = say_busy(pool, diag);
	}
	if (r >= 0)
		r = written;
	return r < 0 ? fail(r, diag) : busy;
}
