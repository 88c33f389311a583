#include "tables.h"

#include <stdlib.h>

struct tables *tables_new(uint32_t peers, uint32_t links) {
	uint32_t size = 16;
	while (size < peers * 2) size *= 2;
	struct tables *tables = calloc(1, sizeof *tables);
	if (!tables) return NULL;
	tables->mask = size - 1;
	tables->routes = calloc(size, sizeof *tables->routes);
	tables->links = calloc(links + 1, sizeof(struct link *));
	if (tables->routes && tables->links) return tables;
	tables_free(tables);
	return NULL;
}

void tables_free(void *argument) {
	struct tables *tables = argument;
	if (!tables) return;
	for (uint32_t i = 0; tables->routes && i <= tables->mask; i++) {
		link_drop(tables->routes[i].neighbour);
		link_drop(tables->routes[i].next_hop);
	}
	for (uint32_t i = 0; i < tables->links_length; i++) link_drop(tables->links[i]);
	free(tables->routes);
	free(tables->links);
	free(tables);
}

struct route *tables_entry(struct tables *tables, uint64_t name) {
	uint32_t start = route_slot(name);
	// One slot stays free, so that looking up always ends.
	for (uint32_t step = 0; step < tables->mask; step++) {
		struct route *route = &tables->routes[(start + step) & tables->mask];
		if (route->used && route->name != name) continue;
		if (!route->used) *route = (struct route){ .name = name, .used = true, .short_id = NO_SHORT_ID };
		return route;
	}
	return NULL;
}
