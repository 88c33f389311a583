// Who is where: an immutable snapshot, made by the control thread and replaced as a whole.
#pragma once
#include "link.h"

enum { SHORT_IDS = 4096, NO_SHORT_ID = 0xffff };

struct tree {
	uint32_t length;
	struct link *const *links;
};

struct route {
	uint64_t name; // of a peer
	bool used;
	struct link *neighbour; // datagrams with this sender's name belong to this link
	struct link *next_hop;  // of unicast frames to the peer
	uint32_t tree_start, tree_length;
	uint16_t short_id;
};

struct tables {
	uint32_t mask;
	struct route *routes; // open addressing
	struct link **links;  // of all trees
	uint32_t links_length;
	bool punt;            // frames on the TAP carry the short ids of destination and source in two VLAN tags
	uint64_t peer_of_short_id[SHORT_IDS];
};

// Room for `peers` names and `links` entries in trees; NULL when out of memory.
struct tables *tables_new(uint32_t peers, uint32_t links);

// Drops the references to all links.
void tables_free(void *tables);

// The entry of `name`, made when missing; NULL when there are more names than was said.
struct route *tables_entry(struct tables *tables, uint64_t name);

static inline uint32_t route_slot(uint64_t name) {
	return (uint32_t)((name * 0x9e3779b97f4a7c15ull) >> 32);
}

// NULL when the peer is unknown.
static inline const struct route *tables_find(const struct tables *tables, uint64_t name) {
	for (uint32_t at = route_slot(name);; at++) {
		const struct route *route = &tables->routes[at & tables->mask];
		if (!route->used) return NULL;
		if (route->name == name) return route;
	}
}
