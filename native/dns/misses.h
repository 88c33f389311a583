// Requests that no answer was ready for, on their way from the worker to JavaScript. Any thread may call.
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Who asked, and at which address of ours: all that a later reply needs. Opaque to JavaScript.
struct dns_asker {
	struct sockaddr_in6 peer; // or a sockaddr_in
	struct in6_addr local;    // IPv4: its first four bytes; all zero: the socket's own
	uint32_t socket;          // index of the listening socket
};

struct dns_misses;

// NULL without memory. `room` in bytes is all that may wait.
struct dns_misses *dns_misses_new(size_t room);
void dns_misses_free(struct dns_misses *misses);

// False: no room, the request is lost, as with a full socket buffer.
bool dns_misses_add(struct dns_misses *misses, const struct dns_asker *asker, const uint8_t *request, uint16_t length);

// Takes all that waits, at most `room` bytes, into `to`: for each request its length (2 bytes, native order), its
// asker, its bytes. Gives how many bytes that is.
size_t dns_misses_take(struct dns_misses *misses, uint8_t *to);
size_t dns_misses_room(const struct dns_misses *misses);
