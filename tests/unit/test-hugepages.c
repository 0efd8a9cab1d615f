// SPDX-License-Identifier: GPL-2.0-or-later
/* The effort for huge pages on a host that runs: its order, where it ends; and what a guest is lent. */
#include "tests/unit/pages-kernel.h"
#include "tools/hugepages-effort.h"
#include "tools/hugepages.h"

struct rig {
	struct kernel k;
	struct pages pages;
	struct effort effort;
	struct effort_result result;
	char steps[256];
	unsigned long spare;
	unsigned pauses; /* that are left */
	unsigned stop_after; /* questions; 0: never */
};

static unsigned long spare(void *data, const struct pages_pool *pool)
{
	const struct rig *rig = data;

	assert_int_equal(pool->size_kib, 1048576);
	return rig->spare;
}

static bool take_pause(void *data)
{
	struct rig *rig = data;

	return rig->pauses && rig->pauses--;
}

static void started(void *data, enum effort_step step)
{
	struct rig *rig = data;
	size_t used = strlen(rig->steps);

	snprintf(rig->steps + used, sizeof(rig->steps) - used, "%s ", effort_step_word(step));
}

static bool stop(void *data)
{
	struct rig *rig = data;

	return rig->stop_after && --rig->stop_after == 0;
}

/* Two nodes of 32 GiB. */
static void rig_up(struct rig *rig, struct fixture *f)
{
	*rig = (struct rig){.steps = ""};
	kernel_make(&rig->k, f, 2, 32);
	put(f, "sys/kernel/mm/hugepages/hugepages-1048576kB/demote_size", "2048kB\n");
}

static int run(struct rig *rig, int node, unsigned long count)
{
	const struct pages_want want = {2048, node, count};

	pages_free(&rig->pages);
	assert_int_equal(pages_load(&rig->k.f->root, &rig->pages), 0);
	rig->effort = (struct effort){
		.pages = {.root = &rig->k.f->root, .pages = &rig->pages, .stop = stop, .data = rig},
		.spare = spare,
		.pause = take_pause,
		.started = started,
		.data = rig,
	};
	rig->steps[0] = rig->k.journal[0] = '\0';
	return effort_run(&rig->effort, &want, &rig->result);
}

static void assert_result(const struct rig *rig, enum pages_end end, unsigned long have,
			  const char *steps)
{
	assert_string_equal(rig->steps, steps);
	assert_int_equal(rig->result.end, end);
	assert_int_equal(rig->result.have, have);
}

static void test_a_write_is_enough(void **state)
{
	struct rig rig;

	rig_up(&rig, *state);
	assert_int_equal(run(&rig, PAGES_ANY_NODE, 700), 0);
	assert_result(&rig, PAGES_ALL, 700, "write ");
	assert_int_equal(rig.result.won[EFFORT_WRITE], 700);
	assert_null(strstr(rig.k.journal, "compact"));
	/* There already: nothing is written. */
	assert_int_equal(run(&rig, PAGES_ANY_NODE, 600), 0);
	assert_result(&rig, PAGES_ALL, 700, "write ");
	assert_string_equal(rig.k.journal, "");
	pages_free(&rig.pages);
}

/* Each step only where those before it did not bring all; what each has won is told. */
static void test_all_steps(void **state)
{
	struct rig rig;

	rig_up(&rig, *state);
	rig.k.limit[1] = 100;
	rig.k.compacted[1] = 150;
	rig.k.dropped[1] = 190;
	assert_int_equal(run(&rig, 1, 150), 0);
	assert_result(&rig, PAGES_ALL, 150, "write demote compact ");
	assert_null(strstr(rig.k.journal, "drop_caches"));
	assert_null(strstr(rig.k.journal, "node0"));
	assert_int_equal(run(&rig, 1, 180), 0);
	assert_result(&rig, PAGES_ALL, 180, "write demote compact drop-caches ");
	assert_int_equal(rig.result.won[EFFORT_DROP_CACHES], 30);
	assert_int_equal(rig.result.won[EFFORT_COMPACT], 0);
	assert_non_null(strstr(rig.k.journal, "proc/sys/vm/drop_caches=3\n"
					      "sys/devices/system/node/node1/compact=1\n"));
	assert_null(strstr(rig.k.journal, "sync"));
	rig.pauses = 3;
	assert_int_equal(run(&rig, 1, 200), 0);
	assert_result(&rig, PAGES_SHORT, 190, "write demote compact drop-caches wait wait wait ");
	assert_int_equal(rig.result.rounds, 3);
	assert_int_equal(rig.result.won[EFFORT_WRITE] + rig.result.won[EFFORT_COMPACT], 10);
	pages_free(&rig.pages);
}

/* What helps may be missing: a kernel without compaction, a container's read-only /proc/sys. */
static void test_help_that_fails(void **state)
{
	static const char *const paths[] = {"compact", "drop_caches", "demote"};
	struct fixture *f = *state;
	struct rig rig;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		rig_up(&rig, f);
		put_pool(&rig.k, 0, SIZE_1G, 2, 2);
		rig.spare = 2;
		rig.k.limit[0] = 10;
		rig.k.fault_path = paths[i];
		rig.k.fault_at = 1;
		rig.k.fault = -EROFS;
		assert_int_equal(run(&rig, 0, 20), 0);
		assert_int_equal(rig.result.end, i < 2 ? PAGES_ALL : PAGES_SHORT);
		pages_free(&rig.pages);
	}
}

/* Only as many large pages as are needed, idle and spare; what is too much goes to the host. */
static void test_demote(void **state)
{
	struct fixture *f = *state;
	struct rig rig;

	rig_up(&rig, f);
	put_pool(&rig.k, 0, SIZE_1G, 4, 3);
	put_pool(&rig.k, 1, SIZE_1G, 4, 4);
	rig.k.limit[0] = rig.k.limit[1] = 100;
	rig.spare = 2;
	assert_int_equal(run(&rig, 0, 500), 0);
	assert_result(&rig, PAGES_ALL, 500, "write demote ");
	assert_non_null(strstr(rig.k.journal, "node0/hugepages/hugepages-1048576kB/demote=1\n"));
	assert_int_equal(rig.result.won[EFFORT_DEMOTE], 400);
	assert_int_equal(kernel_total(&rig.k, 0, SIZE_1G), 3);
	assert_int_equal(kernel_total(&rig.k, 1, SIZE_1G), 4);
	/* Not what is promised. */
	put_reserved(&rig.k, SIZE_1G, 2);
	assert_int_equal(run(&rig, 0, 1000), 0);
	assert_int_equal(rig.result.end, PAGES_SHORT);
	assert_int_equal(kernel_total(&rig.k, 0, SIZE_1G), 3);
	/* Not what is wanted as it is. */
	put_reserved(&rig.k, SIZE_1G, 0);
	rig.spare = 0;
	assert_int_equal(run(&rig, 0, 1000), 0);
	assert_null(strstr(rig.k.journal, "demote"));
	/* Not into another size. */
	rig.spare = 2;
	put(f, "sys/kernel/mm/hugepages/hugepages-1048576kB/demote_size", "64kB\n");
	assert_int_equal(run(&rig, 0, 1000), 0);
	assert_null(strstr(rig.k.journal, "demote"));
	pages_free(&rig.pages);
}

/* Where the host would starve, only what takes no memory is tried, and nobody waits. */
static void test_starves(void **state)
{
	struct fixture *f = *state;
	struct rig rig;

	rig_up(&rig, f);
	put_pool(&rig.k, 0, SIZE_1G, 28, 28);
	rig.pauses = 5;
	assert_int_equal(run(&rig, 0, 999), 0);
	assert_result(&rig, PAGES_STARVES, 409, "write demote ");
	assert_null(strstr(rig.k.journal, "drop_caches"));
	rig.spare = 28;
	assert_int_equal(run(&rig, 0, 999), 0);
	assert_result(&rig, PAGES_ALL, 999, "write demote ");
	assert_int_equal(kernel_total(&rig.k, 0, SIZE_1G), 26);
	pages_free(&rig.pages);
}

/* Wherever it is interrupted, what was won is known and stays. */
static void test_interrupted(void **state)
{
	struct rig rig;
	unsigned n = 1;

	do {
		rig_up(&rig, *state);
		rig.k.limit[0] = 600;
		rig.k.dropped[0] = 700;
		rig.stop_after = n;
		rig.pauses = 2;
		assert_int_equal(run(&rig, 0, 800), 0);
		assert_int_equal(rig.result.have, kernel_total(&rig.k, 0, SIZE_2M));
		pages_free(&rig.pages);
		n++;
	} while (rig.result.end == PAGES_STOPPED && n < 50);
	assert_int_equal(rig.result.end, PAGES_SHORT);
	assert_in_range(n, 8, 40);
}

static void test_write_fails(void **state)
{
	struct rig rig;

	rig_up(&rig, *state);
	rig.k.fault_path = "nr_hugepages";
	rig.k.fault_at = 2;
	rig.k.fault = -EACCES;
	assert_int_equal(run(&rig, 0, 2000), -EACCES);
	assert_int_equal(rig.result.have, 32);
	assert_int_equal(rig.result.won[EFFORT_WRITE], 32);
	pages_free(&rig.pages);
}

static void test_held(void **state)
{
	struct fixture *f = *state;
	char text[EFFORT_HELD_STR];
	struct rig rig;

	rig_up(&rig, f);
	put_pool(&rig.k, 1, SIZE_1G, 3, 0);
	put(f, "sys/devices/system/node/node1/meminfo",
	    "Node 1 MemTotal:  8388608 kB\nNode 1 MemFree:  102400 kB\nNode 1 AnonPages: 2048 kB\n"
	    "Node 1 Mlocked:  1024 kB\nNode 1 FilePages:  3072 kB\nNode 1 SecPageTables: 999999 "
	    "kB\n"
	    "Node 1 PageTables: 1024 kB\nNode 1 Slab: 4096 kB\nNode 1 KernelStack: 1024 kB\n");
	assert_int_equal(run(&rig, 0, 1), 0);
	effort_held(&f->root, &rig.pages, 1, text);
	assert_string_equal(text, "of 8192 MiB 100 are free, in pieces; 2 are held by processes (1 "
				  "locked), 3 by files, 6 by the kernel, 3072 by huge pages");
	assert_string_equal(effort_held(&f->root, &rig.pages, 7, text), "");
	pages_free(&rig.pages);
}

/* --- what a guest is lent --------------------------------------------------------------------- */

#define GUEST "win11"
#define LOAN_FILE "run/vfio-bootcfg/hugepages/" GUEST

static unsigned long lent(struct fixture *f, struct pages *pages, size_t pool)
{
	_cleanup_loans_ struct hugepages_loans loans = {.count = 0};

	pages_free(pages);
	assert_int_equal(pages_load(&f->root, pages), 0);
	assert_int_equal(hugepages_loans_read(&f->root, GUEST, pages, &loans), 0);
	assert_int_equal(loans.count, pages->count);
	return loans.items[pool].added;
}

static void test_loans(void **state)
{
	struct fixture *f = *state;
	_cleanup_pages_ struct pages pages = {.count = 0};
	_cleanup_loans_ struct hugepages_loans loans = {.count = 0};
	struct kernel k;

	kernel_make(&k, f, 2, 16);
	put_pool(&k, 1, SIZE_2M, 10, 10);
	assert_int_equal(lent(f, &pages, 1), 0);
	assert_int_equal(hugepages_loans_read(&f->root, GUEST, &pages, &loans), 0);
	assert_false(loans.recorded);
	assert_int_equal(hugepages_loans_grow(&f->root, GUEST, &pages, &loans), 0);
	/* Killed at once, and after some pages were won. */
	assert_int_equal(lent(f, &pages, 1), 0);
	put_pool(&k, 1, SIZE_2M, 14, 14);
	assert_int_equal(lent(f, &pages, 1), 4);
	assert_int_equal(hugepages_loans_end(&f->root, GUEST, &pages, &loans), 0);
	assert_true(root_exists(&f->root, LOAN_FILE));
	/* What others add later is not the guest's. */
	put_pool(&k, 1, SIZE_2M, 40, 40);
	assert_int_equal(lent(f, &pages, 1), 4);
	assert_int_equal(lent(f, &pages, 0), 0);
	/* Once more for the same guest: both are. */
	hugepages_loans_free(&loans);
	assert_int_equal(hugepages_loans_read(&f->root, GUEST, &pages, &loans), 0);
	assert_int_equal(hugepages_loans_grow(&f->root, GUEST, &pages, &loans), 0);
	put_pool(&k, 1, SIZE_2M, 45, 45);
	assert_int_equal(lent(f, &pages, 1), 9);
	assert_int_equal(hugepages_loans_end(&f->root, GUEST, &pages, &loans), 0);
	/* Given back in part, and killed before that was noted: it is not given back twice. */
	assert_int_equal(hugepages_loans_shrink(&f->root, GUEST, &pages, &loans), 0);
	put_pool(&k, 1, SIZE_2M, 39, 39);
	assert_int_equal(lent(f, &pages, 1), 3);
	/* What another one adds meanwhile is not the guest's, in that pool or in one without a loan. */
	put_pool(&k, 0, SIZE_2M, 7, 7);
	put_pool(&k, 1, SIZE_2M, 60, 60);
	assert_int_equal(lent(f, &pages, 0), 0);
	assert_int_equal(lent(f, &pages, 1), 9);
	put_pool(&k, 1, SIZE_2M, 39, 39);
	assert_int_equal(lent(f, &pages, 1), 3);
	assert_int_equal(hugepages_loans_end(&f->root, GUEST, &pages, &loans), 0);
	assert_int_equal(lent(f, &pages, 1), 3);
	/* What somebody else took from the pool cannot be given back. */
	put_pool(&k, 1, SIZE_2M, 2, 2);
	assert_int_equal(lent(f, &pages, 1), 2);
	/* All given back: no file is left. */
	assert_int_equal(hugepages_loans_shrink(&f->root, GUEST, &pages, &loans), 0);
	put_pool(&k, 1, SIZE_2M, 0, 0);
	assert_int_equal(lent(f, &pages, 1), 0);
	assert_int_equal(hugepages_loans_end(&f->root, GUEST, &pages, &loans), 0);
	assert_false(root_exists(&f->root, LOAN_FILE));
	assert_int_equal(hugepages_loans_end(&f->root, GUEST, &pages, &loans), 0);
	put(f, LOAN_FILE, "[pool 2048 1\n");
	hugepages_loans_free(&loans);
	assert_int_equal(hugepages_loans_read(&f->root, GUEST, &pages, &loans), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_a_write_is_enough),
		cmocka_machine_test(test_all_steps),
		cmocka_machine_test(test_help_that_fails),
		cmocka_machine_test(test_demote),
		cmocka_machine_test(test_starves),
		cmocka_machine_test(test_interrupted),
		cmocka_machine_test(test_write_fails),
		cmocka_machine_test(test_held),
		cmocka_machine_test(test_loans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
