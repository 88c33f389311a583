#include <errno.h>
#include <stdlib.h>

#include "binding.h"

// A cursor over numbers from JavaScript; reading past the end gives `bad`.
struct numbers {
	const double *at, *end;
	bool bad;
};

static double next(struct numbers *numbers) {
	if (numbers->at < numbers->end) return *numbers->at++;
	numbers->bad = true;
	return 0;
}

// 0 stands for no link.
static struct link *next_link(struct numbers *numbers, struct door *door) {
	uint32_t id = (uint32_t)next(numbers);
	if (id == 0) return NULL;
	struct link *link = door_link(door, id);
	if (link)
		link_hold(link);
	else
		numbers->bad = true;
	return link;
}

static void read_route(struct numbers *numbers, struct door *door, struct tables *tables, uint32_t links) {
	struct route *route = tables_entry(tables, (uint64_t)next(numbers));
	if (!route || route->neighbour || route->next_hop || route->tree_length) {
		numbers->bad = true;
		return;
	}
	double short_id = next(numbers);
	route->short_id = short_id < 0 || short_id >= SHORT_IDS ? NO_SHORT_ID : (uint16_t)short_id;
	route->neighbour = next_link(numbers, door);
	route->next_hop = next_link(numbers, door);
	route->tree_start = tables->links_length;
	uint32_t length = (uint32_t)next(numbers);
	for (uint32_t i = 0; i < length && !numbers->bad; i++) {
		struct link *link = tables->links_length < links ? next_link(numbers, door) : NULL;
		if (!link) {
			numbers->bad = true;
			return;
		}
		tables->links[tables->links_length++] = link;
		route->tree_length++;
	}
}

// engineSetTables(engine, Float64Array): punt, number of peers, links in all trees together, number of short ids; for
// each peer: name, short id or -1, link when it is a neighbour or 0, link towards it or 0, length of its tree, the
// tree's links; for each short id: the id, its peer's name.
napi_value bind_set_tables(napi_env env, napi_callback_info info) {
	napi_value argv[1];
	struct door *door = door_of(env, info, argv, 1);
	if (!door) return NULL;
	napi_typedarray_type type;
	size_t length;
	void *start;
	if (napi_get_typedarray_info(env, argv[0], &type, &length, &start, NULL, NULL) != napi_ok || type != napi_float64_array || length < 4)
		return weave_throw_argument(env, "engineSetTables: needs a Float64Array");

	struct numbers numbers = { start, (double *)start + length, false };
	bool punt = next(&numbers) != 0;
	uint32_t peers = (uint32_t)next(&numbers), links = (uint32_t)next(&numbers), ids = (uint32_t)next(&numbers);
	if (peers > length || links > length || ids > SHORT_IDS) return weave_throw_argument(env, "engineSetTables: the counts exceed the array");
	struct tables *tables = tables_new(peers, links);
	if (!tables) return weave_throw_errno(env, ENOMEM, "engine tables");

	tables->punt = punt;
	for (uint32_t i = 0; i < peers && !numbers.bad; i++) read_route(&numbers, door, tables, links);
	for (uint32_t i = 0; i < ids && !numbers.bad; i++) {
		uint32_t id = (uint32_t)next(&numbers);
		uint64_t peer = (uint64_t)next(&numbers);
		if (id < SHORT_IDS)
			tables->peer_of_short_id[id] = peer;
		else
			numbers.bad = true;
	}
	if (numbers.bad) {
		tables_free(tables);
		return weave_throw_argument(env, "engineSetTables: the array is too short, or names an unknown link or a peer twice");
	}
	engine_set_tables(door->engine, tables);
	return NULL;
}
