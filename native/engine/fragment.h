// Fragmentation of IPv4 frames in user space, for paths whose IP stacks lose fragments (overlay §4.11).
#pragma once
#include "shape.h"

struct fragmenter {
	const uint8_t *frame;
	uint32_t payload; // bytes of IP payload in all
	uint32_t step;    // bytes of IP payload in each piece but the last, a multiple of 8
	uint32_t at;      // next byte of IP payload
	uint8_t header;   // bytes of IP header
};

// False when the frame cannot be cut: no IPv4, a length field beyond the frame, or an MTU with no room for 8 bytes.
bool fragment_start(struct fragmenter *cut, const uint8_t *frame, size_t length, const struct shape *shape, uint32_t mtu);

// Length of the next piece in bytes; 0 when all are made.
size_t fragment_next_length(const struct fragmenter *cut);

// Writes the next piece, `fragment_next_length` bytes.
void fragment_next(struct fragmenter *cut, uint8_t *piece);
