// Frames on their way to neighbours: packed into datagrams (overlay §4.2, §4.9), datagrams of equal size into runs that
// the kernel cuts (UDP_SEGMENT), runs into one system call. Each worker has its own.
#pragma once
#include "counters.h"
#include "events.h"
#include "udp.h"

struct sender;

struct sender_environment {
	enum worker worker;
	uint64_t self;
	const struct udp *udp;
	struct events *events;
	_Atomic uint64_t *counters;
	bool wait; // for room in the socket's buffer: back-pressure on the TAP; else drop
};

struct sender *sender_new(const struct sender_environment *environment);
void sender_free(struct sender *sender);

// Where to write a frame of `length` bytes that goes to `link`; NULL when it is too large for any datagram.
// `path` must be the link's. The place is good until the next call.
uint8_t *sender_room(struct sender *sender, struct link *link, const struct path *path, enum df_class class,
                     uint64_t source, uint64_t destination, uint32_t length);

// Sends all that is waiting. Must be called before the worker leaves the epoch.
void sender_flush(struct sender *sender);
