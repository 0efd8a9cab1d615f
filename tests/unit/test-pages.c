// SPDX-License-Identifier: GPL-2.0-or-later
/* Pools of huge pages: read, grown, given back, and made so at boot. */
#include "early/pages-boot.h"
#include "early/record.h"
#include "tests/unit/pages-kernel.h"

/* --- reading ---------------------------------------------------------------------------------- */

static void test_load(void **state)
{
	struct fixture *f = *state;
	_cleanup_pages_ struct pages pages = {.count = 0};
	struct kernel k;

	kernel_make(&k, f, 2, 16);
	put_pool(&k, 1, SIZE_2M, 512, 40);
	kernel_put(&k, pool_file(1, SIZE_2M, "surplus_hugepages"), 12);
	put_reserved(&k, SIZE_2M, 7);
	/* What is no node and no size. */
	put(f, "sys/devices/system/node/online", "0-1\n");
	put_dir(f, "sys/devices/system/node/node9");
	put_dir(f, "sys/kernel/mm/hugepages/hugepages-xkB");
	assert_int_equal(pages_load(&f->root, &pages), 0);
	assert_int_equal(pages.size_count, 2);
	assert_int_equal(pages.sizes[0].size_kib, 2048);
	assert_int_equal(pages.sizes[0].reserved, 7);
	assert_int_equal(pages.node_count, 2);
	assert_int_equal(pages.nodes[1].node, 1);
	assert_int_equal(pages.nodes[1].memory_kib, 16UL << 20);
	assert_int_equal(pages.count, 4);
	assert_int_equal(pages.pools[1].size_kib, 2048);
	assert_int_equal(pages.pools[1].node, 1);
	assert_int_equal(pages.pools[1].total, 512);
	assert_int_equal(pages.pools[1].free, 40);
	assert_int_equal(pages.pools[1].surplus, 12);
	assert_int_equal(pages_kept(&pages.pools[1]), 500);
	assert_int_equal(pages_idle(&pages, &pages.pools[1]), 33);
	assert_int_equal(pages_default_kib(&f->root), 2048);
}

static void test_load_without_nodes(void **state)
{
	struct fixture *f = *state;
	_cleanup_pages_ struct pages pages = {.count = 0};
	struct kernel k;

	kernel_make(&k, f, 0, 8);
	put_pool(&k, -1, SIZE_1G, 2, 1);
	assert_int_equal(pages_load(&f->root, &pages), 0);
	assert_int_equal(pages.count, 2);
	assert_int_equal(pages.pools[1].node, PAGES_ANY_NODE);
	assert_int_equal(pages.pools[1].total, 2);
	assert_int_equal(pages.nodes[0].memory_kib, 8UL << 20);
}

static void test_load_fails(void **state)
{
	struct fixture *f = *state;
	_cleanup_pages_ struct pages pages = {.count = 0};
	struct kernel k;

	kernel_make(&k, f, 1, 8);
	drop(f, pool_file(0, SIZE_2M, "free_hugepages"));
	assert_int_equal(pages_load(&f->root, &pages), -ENOENT);
	put(f, pool_file(0, SIZE_2M, "free_hugepages"), "many\n");
	assert_int_equal(pages_load(&f->root, &pages), -EBADMSG);
	drop(f, "sys/kernel/mm/hugepages");
	assert_int_equal(pages_load(&f->root, &pages), -ENOENT);
	/* An image's files are not the kernel's. */
	drop(f, ".vfio-machine");
	machine_open(f);
	assert_int_equal(pages_load(&f->root, &pages), -EXDEV);
	assert_null(pages.pools);
}

static void test_words(_unused_ void **state)
{
	char buf[PAGES_SIZE_STR];
	const char *at = "0:512,3:4";
	unsigned long count;
	int node;

	assert_int_equal(pages_size_kib("2M"), 2048);
	assert_int_equal(pages_size_kib("1G"), 1048576);
	assert_int_equal(pages_size_kib("64K"), 64);
	assert_string_equal(pages_size_format(2048, buf), "2M");
	assert_string_equal(pages_size_format(1048576, buf), "1G");
	assert_string_equal(pages_size_format(64, buf), "64K");
	assert_true(pages_value_next(&at, &node, &count) && node == 0 && count == 512);
	assert_true(pages_value_next(&at, &node, &count) && node == 3 && count == 4);
	assert_false(pages_value_next(&at, &node, &count));
	at = "16";
	assert_true(pages_value_next(&at, &node, &count) && node == PAGES_ANY_NODE && count == 16);
	assert_false(pages_value_next(&at, &node, &count));
}

/* The host keeps 1 GiB, and a tenth of each node. */
static void test_spare(void **state)
{
	struct fixture *f = *state;
	_cleanup_pages_ struct pages pages = {.count = 0};
	struct kernel k;

	kernel_make(&k, f, 2, 4);
	put_pool(&k, 0, SIZE_1G, 3, 3);
	put_pool(&k, 0, SIZE_2M, 512, 512);
	assert_int_equal(pages_load(&f->root, &pages), 0);
	assert_int_equal(pages_spare_kib(&pages, 0), -((4 << 20) / 10));
	assert_int_equal(pages_spare_kib(&pages, 1), (4 << 20) - (4 << 20) / 10);
	assert_int_equal(pages_spare_kib(&pages, PAGES_ANY_NODE),
			 (8 << 20) - (4 << 20) - (1 << 20));
	pages.nodes[1].memory_kib = 0;
	assert_true(pages_spare_kib(&pages, PAGES_ANY_NODE) == INT64_MAX);
}

/* --- growing and shrinking -------------------------------------------------------------------- */

struct rig {
	struct kernel k;
	struct pages pages;
	struct pages_effort effort;
};

static void rig(struct rig *rig, struct fixture *f)
{
	rig->pages = (struct pages){.count = 0};
	assert_int_equal(pages_load(&f->root, &rig->pages), 0);
	rig->effort = (struct pages_effort){.root = &f->root, .pages = &rig->pages};
}

static void boot(struct fixture *f, const char *text, struct pages_outcomes *ret)
{
	_cleanup_profile_ struct profile profile = {.file_count = 0};
	struct diag diag = DIAG_INIT;

	if (profile_parse_text(text, strlen(text), "/etc/p.conf", &profile, &diag) < 0)
		fail_msg("%s", diag.text);
	*ret = (struct pages_outcomes){.count = 0};
	assert_int_equal(pages_boot(&f->root, &profile, NULL, NULL, ret), 0);
}

static void test_grow_evenly(void **state)
{
	struct fixture *f = *state;
	struct pages_want want = {2048, PAGES_ANY_NODE, 3001};
	enum pages_end end;
	struct rig r;

	kernel_make(&r.k, f, 2, 16);
	rig(&r, f);
	assert_int_equal(pages_grow(&r.effort, &want, &end), 0);
	assert_int_equal(end, PAGES_ALL);
	assert_int_equal(kernel_total(&r.k, 0, SIZE_2M) + kernel_total(&r.k, 1, SIZE_2M), 3001);
	assert_in_range(kernel_total(&r.k, 0, SIZE_2M), 1490, 1510);
	/* Small pieces first, and only in files of nodes. */
	assert_non_null(strstr(r.k.journal, "node1/hugepages/hugepages-2048kB/nr_hugepages=32\n"));
	assert_null(strstr(r.k.journal, "sys/kernel/"));
	/* What is there is not written again. */
	r.k.journal[0] = '\0';
	assert_int_equal(pages_grow(&r.effort, &want, &end), 0);
	assert_int_equal(end, PAGES_ALL);
	assert_string_equal(r.k.journal, "");
	pages_free(&r.pages);
}

static void test_grow_where_there_is_room(void **state)
{
	struct fixture *f = *state;
	struct pages_want want = {2048, PAGES_ANY_NODE, 2000};
	enum pages_end end;
	struct rig r;

	kernel_make(&r.k, f, 2, 16);
	r.k.limit[0] = 100;
	rig(&r, f);
	assert_int_equal(pages_grow(&r.effort, &want, &end), 0);
	assert_int_equal(end, PAGES_ALL);
	assert_int_equal(kernel_total(&r.k, 0, SIZE_2M), 100);
	assert_int_equal(kernel_total(&r.k, 1, SIZE_2M), 1900);
	pages_free(&r.pages);
}

/* The kernel says yes to each write, and brings less. */
static void test_grow_short(void **state)
{
	struct fixture *f = *state;
	struct pages_want want = {2048, 1, 700};
	enum pages_end end;
	struct rig r;

	kernel_make(&r.k, f, 2, 16);
	r.k.limit[1] = 600;
	rig(&r, f);
	assert_int_equal(pages_grow(&r.effort, &want, &end), 0);
	assert_int_equal(end, PAGES_SHORT);
	assert_int_equal(pages_have(&r.pages, &want), 600);
	assert_int_equal(kernel_total(&r.k, 0, SIZE_2M), 0);
	pages_free(&r.pages);
}

static void test_grow_starves(void **state)
{
	struct fixture *f = *state;
	struct pages_want want = {1048576, 0, 16}, other = {2048, PAGES_ANY_NODE, 999999};
	enum pages_end end;
	struct rig r;

	kernel_make(&r.k, f, 2, 10);
	rig(&r, f);
	assert_int_equal(pages_grow(&r.effort, &want, &end), 0);
	assert_int_equal(end, PAGES_STARVES);
	assert_int_equal(kernel_total(&r.k, 0, SIZE_1G), 9);
	/* The other node's tenth is the machine's 1 GiB beside the first one's. */
	assert_int_equal(pages_grow(&r.effort, &other, &end), 0);
	assert_int_equal(end, PAGES_STARVES);
	assert_int_equal(kernel_total(&r.k, 1, SIZE_2M), 9 * 512);
	pages_free(&r.pages);
	/* One small node: the tenth is not enough. */
	kernel_make(&r.k, f, 1, 3);
	rig(&r, f);
	assert_int_equal(pages_grow(&r.effort, &want, &end), 0);
	assert_int_equal(kernel_total(&r.k, 0, SIZE_1G), 2);
	pages_free(&r.pages);
}

/* Small nodes, whose tenths together are less than the 1 GiB of the machine. */
static void test_the_machine_starves(void **state)
{
	struct fixture *f = *state;
	struct pages_want want = {2048, PAGES_ANY_NODE, 999999};
	struct pages_outcomes outcomes;
	enum pages_end end;
	struct rig r;

	kernel_make(&r.k, f, 2, 3);
	rig(&r, f);
	assert_int_equal(pages_grow(&r.effort, &want, &end), 0);
	assert_int_equal(end, PAGES_STARVES);
	assert_int_equal(pages_have(&r.pages, &want), 5 * 512);
	pages_free(&r.pages);
	put_pool(&r.k, 0, SIZE_2M, 1382, 1382);
	put_pool(&r.k, 1, SIZE_2M, 1382, 1382);
	boot(f, "[hugepages]\n2M = 0:1382,1:1382\n", &outcomes);
	assert_int_equal(kernel_total(&r.k, 0, SIZE_2M) + kernel_total(&r.k, 1, SIZE_2M), 5 * 512);
	free(outcomes.items);
}

static bool stop_at_third(void *data)
{
	unsigned *asked = data;

	return ++*asked == 3;
}

static void test_grow_stopped(void **state)
{
	struct fixture *f = *state;
	struct pages_want want = {2048, 0, 5000};
	unsigned asked = 0;
	enum pages_end end;
	struct rig r;

	kernel_make(&r.k, f, 1, 32);
	rig(&r, f);
	r.effort.stop = stop_at_third;
	r.effort.data = &asked;
	assert_int_equal(pages_grow(&r.effort, &want, &end), 0);
	assert_int_equal(end, PAGES_STOPPED);
	/* The second piece is larger where the first took no time. */
	assert_in_range(kernel_total(&r.k, 0, SIZE_2M), 48, 96);
	pages_free(&r.pages);
}

static void test_grow_fails(void **state)
{
	struct fixture *f = *state;
	struct pages_want want = {2048, PAGES_ANY_NODE, 2000}, none = {2048, 7, 1};
	enum pages_end end = PAGES_STOPPED;
	struct rig r;

	kernel_make(&r.k, f, 2, 16);
	r.k.fault_path = "node1/";
	r.k.fault_at = 2;
	r.k.fault = -EIO;
	rig(&r, f);
	assert_int_equal(pages_grow(&r.effort, &want, &end), -EIO);
	assert_int_equal(end, PAGES_STOPPED);
	/* What was won until then is seen. */
	assert_int_equal(pages_have(&r.pages, &want),
			 kernel_total(&r.k, 0, SIZE_2M) + kernel_total(&r.k, 1, SIZE_2M));
	assert_int_equal(pages_grow(&r.effort, &none, &end), -ENOENT);
	pages_free(&r.pages);
}

/* Pages in use and pages that were promised stay. */
static void test_shrink(void **state)
{
	struct fixture *f = *state;
	unsigned long given;
	struct rig r;

	kernel_make(&r.k, f, 2, 16);
	put_pool(&r.k, 0, SIZE_2M, 100, 60);
	put_pool(&r.k, 1, SIZE_2M, 50, 50);
	put_reserved(&r.k, SIZE_2M, 20);
	rig(&r, f);
	assert_int_equal(pages_shrink(&r.effort, 2048, PAGES_ANY_NODE, 999, &given), 0);
	assert_int_equal(given, 70);
	assert_int_equal(kernel_total(&r.k, 0, SIZE_2M), 60);
	assert_int_equal(kernel_total(&r.k, 1, SIZE_2M), 20);
	assert_int_equal(pages_shrink(&r.effort, 2048, PAGES_ANY_NODE, 999, &given), 0);
	assert_int_equal(given, 0);
	put_reserved(&r.k, SIZE_2M, 0);
	assert_int_equal(pages_shrink(&r.effort, 2048, 1, 5, &given), 0);
	assert_int_equal(given, 5);
	assert_int_equal(kernel_total(&r.k, 0, SIZE_2M), 60);
	assert_int_equal(kernel_total(&r.k, 1, SIZE_2M), 15);
	pages_free(&r.pages);
}

/* Pages that somebody takes between our look and our write are not lost to him when he ends. */
static void test_shrink_in_a_race(void **state)
{
	struct fixture *f = *state;
	unsigned long given;
	struct rig r;

	kernel_make(&r.k, f, 1, 16);
	put_pool(&r.k, 0, SIZE_2M, 100, 100);
	r.k.take = 30;
	rig(&r, f);
	assert_int_equal(pages_shrink(&r.effort, 2048, 0, 100, &given), 0);
	assert_int_equal(given, 70);
	assert_int_equal(kernel_total(&r.k, 0, SIZE_2M), 30);
	assert_int_equal(kernel_get(&r.k, pool_file(0, SIZE_2M, "surplus_hugepages")), 0);
	pages_free(&r.pages);
}

static void test_shrink_fails(void **state)
{
	struct fixture *f = *state;
	unsigned long given;
	struct rig r;

	kernel_make(&r.k, f, 2, 16);
	put_pool(&r.k, 0, SIZE_2M, 10, 10);
	put_pool(&r.k, 1, SIZE_2M, 10, 10);
	r.k.fault_path = "node1/";
	r.k.fault_at = 1;
	r.k.fault = -EACCES;
	rig(&r, f);
	assert_int_equal(pages_shrink(&r.effort, 2048, PAGES_ANY_NODE, 20, &given), -EACCES);
	assert_int_equal(given, 10);
	assert_int_equal(pages_shrink(&r.effort, 64, PAGES_ANY_NODE, 20, &given), -ENOENT);
	pages_free(&r.pages);
}

/* --- at boot ---------------------------------------------------------------------------------- */

static const struct pages_outcome *outcome(const struct pages_outcomes *outcomes,
					   unsigned long size_kib, int node)
{
	for (size_t i = 0; i < outcomes->count; i++)
		if (outcomes->items[i].want.size_kib == size_kib &&
		    outcomes->items[i].want.node == node)
			return &outcomes->items[i];
	fail_msg("no outcome of %lu on %d", size_kib, node);
	return NULL;
}

static void assert_outcome(const struct pages_outcomes *outcomes, unsigned long size_kib, int node,
			   const char *result, const char *reason, unsigned long got)
{
	const struct pages_outcome *found = outcome(outcomes, size_kib, node);

	assert_string_equal(found->result, result);
	assert_string_equal(found->reason, reason);
	assert_int_equal(found->got, got);
	assert_true(!strcmp(result, "done") == !found->text[0]);
}

/* The command line brought a part; nodes are filled as the profile has them. */
static void test_boot_tops_up(void **state)
{
	struct fixture *f = *state;
	struct pages_outcomes outcomes;
	struct kernel k;

	kernel_make(&k, f, 2, 16);
	put_pool(&k, 0, SIZE_1G, 2, 2);
	put_pool(&k, 1, SIZE_1G, 1, 1);
	boot(f, "[hugepages]\n2M = 0:64,1:96\n1G = 4\n", &outcomes);
	assert_int_equal(outcomes.count, 3);
	assert_outcome(&outcomes, 1048576, PAGES_ANY_NODE, "done", "ok", 4);
	assert_int_equal(outcome(&outcomes, 1048576, PAGES_ANY_NODE)->kernel, 3);
	assert_outcome(&outcomes, 2048, 0, "done", "ok", 64);
	assert_outcome(&outcomes, 2048, 1, "done", "ok", 96);
	assert_int_equal(kernel_total(&k, 1, SIZE_2M), 96);
	/* The large ones first: for them memory must be whole. */
	assert_true(strstr(k.journal, SIZE_1G) < strstr(k.journal, SIZE_2M));
	free(outcomes.items);
}

/* All there: nothing is written. */
static void test_boot_nothing_to_do(void **state)
{
	struct fixture *f = *state;
	struct pages_outcomes outcomes;
	struct kernel k;

	kernel_make(&k, f, 1, 16);
	put_pool(&k, 0, SIZE_2M, 700, 700);
	boot(f, "[hugepages]\n2M = 512\n", &outcomes);
	assert_outcome(&outcomes, 2048, PAGES_ANY_NODE, "done", "ok", 700);
	assert_string_equal(k.journal, "");
	free(outcomes.items);
	boot(f, "[kernel]\niommu = pt\n", &outcomes);
	assert_int_equal(outcomes.count, 0);
	assert_null(outcomes.items);
}

static void test_boot_compacts(void **state)
{
	struct fixture *f = *state;
	struct pages_outcomes outcomes;
	struct kernel k;

	kernel_make(&k, f, 2, 16);
	k.limit[1] = 100;
	k.compacted[1] = 200;
	boot(f, "[hugepages]\n2M = 0:8,1:200\n", &outcomes);
	assert_outcome(&outcomes, 2048, 1, "done", "ok", 200);
	assert_non_null(strstr(k.journal, "node1/compact=1\n"));
	assert_null(strstr(k.journal, "node0/compact"));
	free(outcomes.items);
	boot(f, "[hugepages]\n2M = 1:300\n", &outcomes);
	assert_outcome(&outcomes, 2048, 1, "short", "fragmented", 200);
	assert_mentions(outcomes.items[0].text, "200 of 300 pages of 2M on node 1", NULL);
	free(outcomes.items);
}

/* What the command line has taken beyond what the host can bear is given back. */
static void test_boot_cuts(void **state)
{
	struct fixture *f = *state;
	struct pages_outcomes outcomes;
	struct kernel k;

	kernel_make(&k, f, 1, 8);
	put_pool(&k, 0, SIZE_1G, 8, 8);
	boot(f, "[hugepages]\n1G = 8\n", &outcomes);
	assert_outcome(&outcomes, 1048576, PAGES_ANY_NODE, "cut", "starves-host", 7);
	assert_int_equal(outcome(&outcomes, 1048576, PAGES_ANY_NODE)->kernel, 8);
	assert_mentions(outcomes.items[0].text, "7 of 8 pages of 1G", "1 GiB", "tenth", NULL);
	assert_int_equal(kernel_total(&k, 0, SIZE_1G), 7);
	free(outcomes.items);
	/* And what it has not taken is not added. */
	kernel_make(&k, f, 2, 10);
	boot(f, "[hugepages]\n1G = 0:10,1:2\n", &outcomes);
	assert_outcome(&outcomes, 1048576, 0, "cut", "starves-host", 9);
	assert_outcome(&outcomes, 1048576, 1, "done", "ok", 2);
	free(outcomes.items);
}

static void test_boot_what_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct pages_outcomes outcomes;
	struct kernel k;

	kernel_make(&k, f, 1, 8);
	boot(f, "[hugepages]\n32M = 4\n2M = 0:4,3:4\n", &outcomes);
	assert_outcome(&outcomes, 32768, PAGES_ANY_NODE, "failed", "no-size", 0);
	assert_outcome(&outcomes, 2048, 3, "failed", "no-node", 0);
	assert_outcome(&outcomes, 2048, 0, "done", "ok", 4);
	free(outcomes.items);
	k.fault_path = "nr_hugepages";
	k.fault_at = 1;
	k.fault = -EINVAL;
	boot(f, "[hugepages]\n1G = 2\n2M = 8\n", &outcomes);
	assert_outcome(&outcomes, 1048576, PAGES_ANY_NODE, "failed", "error", 0);
	assert_int_equal(outcome(&outcomes, 1048576, PAGES_ANY_NODE)->error, EINVAL);
	assert_outcome(&outcomes, 2048, PAGES_ANY_NODE, "done", "ok", 8);
	free(outcomes.items);
	drop(f, "sys/kernel/mm");
	boot(f, "[hugepages]\n2M = 8\n", &outcomes);
	assert_outcome(&outcomes, 2048, PAGES_ANY_NODE, "failed", "no-size", 0);
	free(outcomes.items);
}

static void test_boot_record(void **state)
{
	struct fixture *f = *state;
	_cleanup_(record_free) struct record record = {.count = 0};
	struct pages_outcomes outcomes;
	char text[2048] = "";
	struct kernel k;

	kernel_make(&k, f, 2, 8);
	k.limit[1] = 3;
	boot(f, "[hugepages]\n2M = 0:5,1:5\n", &outcomes);
	/* Without a record of claims, beside one, and again. */
	assert_int_equal(pages_boot_record(&f->root, &outcomes), 0);
	put(f, RECORD_PATH,
	    "[early]\nresult = done\n\n[hugepages 2M]\ngot = 9\n\n"
	    "[claim gpu 0000:01:00.0]\nresult = claimed\n");
	assert_int_equal(pages_boot_record(&f->root, &outcomes), 0);
	assert_int_equal(pages_boot_record(&f->root, &outcomes), 0);
	assert_true(root_read_attr(&f->root, RECORD_PATH, text, sizeof(text)) > 0);
	assert_mentions(text, "[early]\nresult = done\n",
			"[claim gpu 0000:01:00.0]\nresult = claimed\n",
			"\n[hugepages 2M 0]\nresult = done\nreason = ok\nerrno = 0\ntext = \"\"\n"
			"wanted = 5\nkernel = 0\ngot = 5",
			"\n[hugepages 2M 1]\nresult = short\nreason = fragmented\n", NULL);
	assert_null(strstr(text, "[hugepages 2M]"));
	assert_null(strstr(strstr(text, "[hugepages 2M 0]") + 1, "[hugepages 2M 0]"));
	assert_int_equal(record_read(&f->root, &record), 0);
	assert_int_equal(record.count, 1);
	assert_string_equal(record.result, "done");
	free(outcomes.items);
}

static char mounted[256];

static int mount_or_not(_unused_ const struct root *root, const char *path, unsigned long size_kib)
{
	size_t used = strlen(mounted);

	snprintf(mounted + used, sizeof(mounted) - used, "%s %lu\n", path, size_kib);
	return size_kib == 32768 ? -EPERM : 0;
}

static void test_boot_mounts(void **state)
{
	static const char text[] = "[hugepages]\n2M = 4\n1G = 0\n32M = 1\n"
				   "[guest a]\nhugepages-16M = 1\n";
	struct fixture *f = *state;
	_cleanup_profile_ struct profile profile = {.file_count = 0};
	struct diag diag = DIAG_INIT;
	struct kernel k;

	kernel_make(&k, f, 1, 8);
	assert_int_equal(profile_parse_text(text, strlen(text), "/p", &profile, &diag), 0);
	mounted[0] = '\0';
	assert_int_equal(pages_boot_mounts(&f->root, &profile, mount_or_not), 1);
	assert_string_equal(mounted, "dev/hugepages-1G 1048576\ndev/hugepages-32M 32768\n");
	assert_true(root_exists(&f->root, "dev/hugepages-1G"));
	/* No directory, no mount. */
	drop(f, "dev");
	put(f, "dev", "\n");
	mounted[0] = '\0';
	assert_int_equal(pages_boot_mounts(&f->root, &profile, mount_or_not), 2);
	assert_string_equal(mounted, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_load),
		cmocka_machine_test(test_load_without_nodes),
		cmocka_machine_test(test_load_fails),
		cmocka_unit_test(test_words),
		cmocka_machine_test(test_spare),
		cmocka_machine_test(test_grow_evenly),
		cmocka_machine_test(test_grow_where_there_is_room),
		cmocka_machine_test(test_grow_short),
		cmocka_machine_test(test_grow_starves),
		cmocka_machine_test(test_the_machine_starves),
		cmocka_machine_test(test_grow_stopped),
		cmocka_machine_test(test_grow_fails),
		cmocka_machine_test(test_shrink),
		cmocka_machine_test(test_shrink_in_a_race),
		cmocka_machine_test(test_shrink_fails),
		cmocka_machine_test(test_boot_tops_up),
		cmocka_machine_test(test_boot_nothing_to_do),
		cmocka_machine_test(test_boot_compacts),
		cmocka_machine_test(test_boot_cuts),
		cmocka_machine_test(test_boot_what_is_not_there),
		cmocka_machine_test(test_boot_record),
		cmocka_machine_test(test_boot_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
