// One connection to a neighbour as the engine sees it. What changes while it lives is atomic or owned by one worker.
#pragma once
#include <stdatomic.h>

#include "cipher.h"
#include "events.h"
#include "replay.h"

enum worker { WORKER_OUT, WORKER_IN, WORKERS };

// The two kinds of datagrams: the IP stack may fragment the one, must not fragment the other (overlay §4.1).
enum df_class { CLASS_FRAGMENTABLE, CLASS_DF, CLASSES };

enum { MAX_UDP_PAYLOAD = 65507 };

// Where and how large to send; immutable, replaced as a whole.
struct path {
	union address to;
	uint32_t mtu;         // largest overlay IP packet
	uint32_t max_payload; // largest UDP payload of the DF class
	bool stack_fragments; // the IP stacks between us fragment and reassemble
};

struct link_counters {
	_Atomic uint64_t datagrams_sent, bytes_sent, datagrams_received, bytes_received;
	_Atomic uint64_t undecryptable, replayed, send_failed;
};

struct link {
	uint32_t id;
	uint64_t name;
	_Atomic uint32_t references; // tables and the control thread
	struct cipher cipher;
	struct path *_Atomic path; // NULL until the address is known
	_Atomic uint64_t next_sequence[CLASSES];
	struct replay replay[CLASSES];             // WORKER_IN
	struct run *open[WORKERS][CLASSES];        // each worker its own; NULL outside of a batch
	_Atomic bool reported[EVENT_STOPPED + 1];  // by event kind: told, and not yet asked to tell again
	struct link_counters counters;
};

// `key` as for `cipher_init`. NULL when out of memory.
struct link *link_new(uint32_t id, uint64_t name, enum suite suite, bool outbound, const uint8_t *key);
void link_hold(struct link *link);
void link_drop(struct link *link);

static inline socklen_t address_length(const union address *address) {
	return address->any.sa_family == AF_INET6 ? sizeof address->in6 : sizeof address->in4;
}

static inline uint64_t link_take_sequence(struct link *link, enum df_class class) {
	uint64_t sequence = atomic_fetch_add_explicit(&link->next_sequence[class], 1, memory_order_relaxed);
	return class == CLASS_DF ? sequence | DF_BIT : sequence;
}
