// What the workers have to say to TypeScript: a bounded queue, never packets. Losses are counted by the caller.
#pragma once
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum event_kind {
	EVENT_SPECIAL,       // heartbeat or test frame of a neighbour
	EVENT_TOO_BIG,       // a DF datagram exceeded the path MTU
	EVENT_SEND_FAILED,   // `error` is an errno; transient
	EVENT_UNDECRYPTABLE, // datagrams of this link do not open
	EVENT_MAC,           // new or moved
	EVENT_STOPPED,       // a worker had to end; `error` is an errno
};

struct event {
	enum event_kind kind;
	uint32_t link;
	uint32_t length;  // of a special frame
	int error;
	bool zeros;       // the special frame is all zero
	bool moved;
	uint64_t uid;     // bytes 14..21 of a special frame
	uint64_t mac, peer;
	union address {
		struct sockaddr any;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} from;
};

enum { EVENT_ROOM = 1024 };

struct events {
	pthread_mutex_t lock;
	struct event queue[EVENT_ROOM];
	uint32_t first, length;
	bool waking;
	void (*wake)(void *argument); // called once per batch, from a worker
	void *argument;
};

void events_init(struct events *events);
void events_close(struct events *events);

// False when the queue is full.
bool events_push(struct events *events, const struct event *event);

// Takes up to `room` events; after it returned fewer than `room`, the next push wakes again.
uint32_t events_take(struct events *events, struct event *out, uint32_t room);
