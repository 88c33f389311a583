// Which received frames may become part of a super-frame, and which of them belong together.
#pragma once
#include "shape.h"

enum { TCP_HEADER = 20, UDP_HEADER = 8, TCP_PUSH = 0x08, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { TCP_FLAGS_AT = 13, TCP_CHECKSUM_AT = 16, UDP_LENGTH_AT = 4, UDP_CHECKSUM_AT = 6 };

// A TCP segment without flags but ACK and PSH, or a UDP datagram to one host; with a valid checksum, and without
// options in the IP header.
struct segment {
	uint32_t headers;   // up to the payload
	uint32_t transport; // offset of the TCP or UDP header
	uint32_t payload;
	bool ip4, tcp;
};

// False when the frame must be written as it is.
bool segment_parse(const uint8_t *frame, uint32_t length, struct segment *segment);

// Is the frame TCP or UDP with the MACs, addresses and ports of the flow that began with `headers`? It needs not be
// joinable itself: it must not overtake what is waiting of its flow.
bool segment_of_flow(const uint8_t *headers, const struct segment *shape, const uint8_t *frame, uint32_t length);

// Everything that all segments of a super-frame share: TOS (with ECN), TTL, DF; of TCP acknowledgement, window, options.
bool segment_same_headers(const uint8_t *headers, const uint8_t *frame, const struct segment *segment);
