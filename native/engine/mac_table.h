// Which peer a MAC address lives at. Written by all workers; readers take no lock.
#pragma once
#include "bytes.h"

struct mac_table;

struct mac_entry {
	uint64_t mac;
	uint64_t peer;
	uint64_t seen; // ms
};

enum learned {
	MAC_KNOWN,
	MAC_NEW,
	MAC_MOVED,
	MAC_FLAPPING, // moves too often to be believed: a bridging loop; the entry stays as it is
};

struct mac_table *mac_table_new(uint64_t seed);
void mac_table_free(struct mac_table *table);

// The last peer seen wins. Refreshes are written at most once a second.
enum learned mac_learn(struct mac_table *table, uint64_t mac, uint64_t peer, uint64_t now);

// False when the address is unknown or was not seen for `max_age` ms.
bool mac_lookup(struct mac_table *table, uint64_t mac, uint64_t now, uint64_t *peer);

// Forgets all addresses of `peer`; returns their number.
size_t mac_forget_peer(struct mac_table *table, uint64_t peer);

// Copies up to `room` entries that are young enough; returns their number.
size_t mac_list(struct mac_table *table, uint64_t now, struct mac_entry *list, size_t room);

enum { MAC_CAPACITY = 16384, MAC_MAX_AGE = 10 * 60 * 1000 };
