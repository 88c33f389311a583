#define _GNU_SOURCE
#include "bench.h"

#include <fcntl.h>
#include <stdlib.h>

enum { LINKS = 2, NOW = 1000 };

// Without `mtu` it has no path.
static struct link *make_link(uint32_t id, uint64_t name, enum suite suite, uint32_t mtu, bool stack_fragments) {
	uint8_t key[2 * CHAIN_BYTES];
	memset(key, 7, sizeof key);
	struct link *link = link_new(id, name, suite, false, key);
	if (!mtu) return link;
	struct path *path = calloc(1, sizeof *path);
	path->to.in4.sin_family = AF_INET;
	path->mtu = mtu;
	path->max_payload = mtu + 34;
	path->stack_fragments = stack_fragments;
	atomic_store(&link->path, path);
	return link;
}

static void add_route(struct tables *tables, uint64_t name, struct link *neighbour, struct link *next_hop, struct link *tree) {
	struct route *route = tables_entry(tables, name);
	route->short_id = (uint16_t)name;
	tables->peer_of_short_id[name] = name;
	route->neighbour = neighbour;
	route->next_hop = next_hop;
	route->tree_start = tables->links_length;
	if (!tree) return;
	tables->links[tables->links_length++] = tree;
	route->tree_length = 1;
}

static struct tables *make_tables(struct link *clear, struct link *sealed, struct link *pathless, bool punt) {
	struct tables *tables = tables_new(7, 7);
	tables->punt = punt;
	add_route(tables, SELF, NULL, NULL, clear);
	add_route(tables, CLEAR_PEER, clear, clear, sealed);
	add_route(tables, SEALED_PEER, sealed, sealed, clear);
	add_route(tables, FAR_PEER, NULL, sealed, sealed);
	add_route(tables, PATHLESS_PEER, pathless, pathless, pathless);
	add_route(tables, LOST_PEER, NULL, NULL, NULL);
	add_route(tables, OLD_PEER, NULL, clear, clear);
	tables_entry(tables, OLD_PEER)->short_id = NO_SHORT_ID;
	return tables;
}

struct bench *bench_get(void) {
	static struct bench bench;
	static struct events events;
	static counter_row counters;
	static struct udp udp = { { -1, -1 }, { -1, -1 }, true };
	if (bench.tables) return &bench;

	events_init(&events);
	struct link *clear = make_link(1, CLEAR_PEER, SUITE_CLEAR, 1438, true);
	struct link *sealed = make_link(2, SEALED_PEER, SUITE_SECRETBOX, 600, false);
	struct link *pathless = make_link(3, PATHLESS_PEER, SUITE_CLEAR, 0, true);
	struct sender_environment environment = { WORKER_IN, SELF, &udp, &events, counters, false };
	int tap = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bench.tables = make_tables(clear, sealed, pathless, false);
	bench.punting = make_tables(clear, sealed, pathless, true);
	bench.receiving.sw = (struct switching){
		.worker = WORKER_IN, .self = SELF, .now = NOW, .tables = bench.tables, .local_mtu = 1376,
		.macs = mac_table_new(1), .sender = sender_new(&environment), .coalescer = coalescer_new(tap, true, counters),
		.events = &events, .counters = counters, .tap = tap,
	};
	return &bench;
}

void bench_reset(struct bench *bench) {
	struct switching *sw = &bench->receiving.sw;
	struct event event;
	coalescer_flush(sw->coalescer);
	sender_flush(sw->sender);
	while (events_take(sw->events, &event, 1)) continue;
	// What was learned is too old for the next input.
	sw->now += MAC_MAX_AGE + 1;
	switch_batch(sw, bench->tables, 1376, sw->now);
}
