// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/json.h"
#include "bootcfg/table.h"
#include "tools/hugepages-holders.h"
#include "tools/hugepages.h"

/* A line: a pool, or all pools of a size together. */
struct row {
	unsigned long size_kib;
	int node;
	unsigned long total, free, surplus;
	bool has_reserved, has_wanted;
	unsigned long reserved, wanted;
};

struct rows {
	struct row *items;
	size_t count;
};

static bool is_asked_for(const struct hugepages *hugepages, unsigned long size_kib)
{
	if (!hugepages->call->operand_count)
		return true;
	for (size_t i = 0; i < hugepages->want_count; i++)
		if (hugepages->wants[i].size_kib == size_kib)
			return true;
	return false;
}

static struct row sum_up(const struct hugepages *hugepages, unsigned long size_kib, int node)
{
	const struct pages *pages = &hugepages->pages;
	struct row row = {.size_kib = size_kib, .node = node};

	for (size_t i = 0; i < pages->count; i++) {
		const struct pages_pool *pool = &pages->pools[i];

		if (!pages_is_of(pool, size_kib, node))
			continue;
		row.total += pool->total;
		row.free += pool->free;
		row.surplus += pool->surplus;
	}
	/* The kernel promises pages of no node in particular. */
	row.has_reserved = node == PAGES_ANY_NODE;
	if (row.has_reserved)
		row.reserved = pages_find_size(pages, size_kib)->reserved;
	row.has_wanted = hugepages_profile_wants(&hugepages->profile, size_kib, node, &row.wanted);
	return row;
}

static int load(const struct hugepages *hugepages, struct rows *ret)
{
	const struct pages *pages = &hugepages->pages;
	struct rows rows = {.items = calloc(pages->size_count + pages->count, sizeof(*rows.items))};

	if (!rows.items)
		return -ENOMEM;
	for (size_t i = 0; i < pages->size_count; i++) {
		unsigned long size_kib = pages->sizes[i].size_kib;

		if (!is_asked_for(hugepages, size_kib))
			continue;
		if (hugepages->node == PAGES_ANY_NODE)
			rows.items[rows.count++] = sum_up(hugepages, size_kib, PAGES_ANY_NODE);
		for (size_t j = 0; j < pages->node_count; j++) {
			int node = pages->nodes[j].node;

			if (node != PAGES_ANY_NODE &&
			    (hugepages->node == PAGES_ANY_NODE || hugepages->node == node))
				rows.items[rows.count++] = sum_up(hugepages, size_kib, node);
		}
	}
	*ret = rows;
	return 0;
}

static json_t *number(bool known, unsigned long value)
{
	return known ? json_integer((json_int_t)value) : json_null();
}

static json_t *holders_json(const struct hugepages *hugepages,
			    const struct hugepages_holders *holders)
{
	_cleanup_json_ json_t *array = json_array();

	for (size_t i = 0; i < holders->count; i++) {
		const struct hugepages_holder *holder = &holders->items[i];
		_cleanup_json_ json_t *object = json_object();

		if (!is_asked_for(hugepages, holder->size_kib))
			continue;
		if (json_put(object, "pid", json_integer(holder->pid)) < 0 ||
		    json_put(object, "name", json_text(holder->name)) < 0 ||
		    json_put(object, "size_kib", json_integer((json_int_t)holder->size_kib)) < 0 ||
		    json_put(object, "used", number(true, holder->used)) < 0 ||
		    json_put(object, "promised", number(true, holder->promised)) < 0 ||
		    json_array_append(array, object) < 0)
			return NULL;
	}
	return steal(&array);
}

/* holders: NULL where nobody asked for them. */
static json_t *rows_json(const struct hugepages *hugepages, const struct rows *rows,
			 const struct hugepages_holders *holders)
{
	_cleanup_json_ json_t *document = json_object();
	json_t *pools = json_array();

	if (json_put(document, "pools", pools) < 0)
		return NULL;
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->items[i];
		_cleanup_json_ json_t *object = hugepages_json(row->size_kib, row->node);

		if (json_put(object, "total", number(true, row->total)) < 0 ||
		    json_put(object, "free", number(true, row->free)) < 0 ||
		    json_put(object, "reserved", number(row->has_reserved, row->reserved)) < 0 ||
		    json_put(object, "surplus", number(true, row->surplus)) < 0 ||
		    json_put(object, "wanted", number(row->has_wanted, row->wanted)) < 0 ||
		    json_array_append(pools, object) < 0)
			return NULL;
	}
	if (holders && json_put(document, "holders", holders_json(hugepages, holders)) < 0)
		return NULL;
	return steal(&document);
}

static int put_number(struct table_line *line, size_t column, bool known, unsigned long value)
{
	char text[24] = "-";

	if (known)
		snprintf(text, sizeof(text), "%lu", value);
	return table_set(line, column, text);
}

static int put_row(struct table *table, const struct row *row)
{
	struct table_line *line = table_add(table, NULL);
	char size[PAGES_SIZE_STR], node[16] = "all";

	if (!line)
		return -ENOMEM;
	if (row->node != PAGES_ANY_NODE)
		snprintf(node, sizeof(node), "%d", row->node);
	if (table_set(line, 0, pages_size_format(row->size_kib, size)) < 0 ||
	    table_set(line, 1, node) < 0 || put_number(line, 2, true, row->total) < 0 ||
	    put_number(line, 3, true, row->free) < 0 ||
	    put_number(line, 4, row->has_reserved, row->reserved) < 0 ||
	    put_number(line, 5, true, row->surplus) < 0)
		return -ENOMEM;
	return put_number(line, 6, row->has_wanted, row->wanted);
}

static int print(const struct rows *rows)
{
	static const char *const headers[] = {"SIZE",	  "NODE",    "TOTAL", "FREE",
					      "PROMISED", "SURPLUS", "WANTED"};
	_cleanup_table_ struct table *table = table_new();

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if (table_column(table, headers[i], TABLE_RIGHT, 0) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < rows->count; i++)
		if (put_row(table, &rows->items[i]) < 0)
			return -ENOMEM;
	return table_print(table);
}

static void print_holders(const struct hugepages *hugepages,
			  const struct hugepages_holders *holders)
{
	char share[HUGEPAGES_SHARE_STR];

	if (holders->count)
		putchar('\n');
	for (size_t i = 0; i < holders->count; i++)
		if (is_asked_for(hugepages, holders->items[i].size_kib))
			printf("%s (%d) %s\n", holders->items[i].name, holders->items[i].pid,
			       hugepages_share(&holders->items[i], share));
}

int hugepages_status_run(struct cmd_call *call)
{
	_cleanup_hugepages_ struct hugepages hugepages;
	_cleanup_holders_ struct hugepages_holders holders = {.count = 0};
	struct rows rows = {.count = 0};
	int code = hugepages_load(&hugepages, call), r;

	if (code)
		return code;
	r = load(&hugepages, &rows);
	/* Where /proc is not to be had, nobody is known. */
	if (r >= 0 && call->verbose &&
	    hugepages_holders_read(&call->root, 0, hugepages.node, &holders) == -ENOMEM)
		r = -ENOMEM;
	if (r >= 0 && call->json) {
		json_t *document = rows_json(&hugepages, &rows, call->verbose ? &holders : NULL);

		r = document ? 0 : -ENOMEM;
		if (document)
			cmd_document(call, document);
	} else if (r >= 0) {
		r = print(&rows);
		if (r >= 0)
			print_holders(&hugepages, &holders);
	}
	for (size_t i = 0; i < rows.count; i++)
		if (rows.items[i].has_wanted &&
		    rows.items[i].total < rows.items[i].wanted + rows.items[i].surplus)
			code = EXIT_DIFFERS;
	free(rows.items);
	if (r < 0)
		return cmd_failf(call, EXIT_SYSTEM, "the pools cannot be printed: %s",
				 strerror(-r));
	return code;
}
