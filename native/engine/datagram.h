// A datagram as it came: opening it and taking its frames apart (overlay §4.2–4.3).
#pragma once
#include "link.h"

enum { FRAME_OVERHEAD = 14 };

enum verdict { DATAGRAM_OPEN, DATAGRAM_TOO_SHORT, DATAGRAM_UNDECRYPTABLE, DATAGRAM_REPLAYED };

// The frames of a datagram, one after the other.
struct frames {
	const uint8_t *at;
	uint32_t left;
};

struct wire_frame {
	uint64_t source, destination; // peers
	const uint8_t *bytes;
	uint32_t length;
};

// Opens the datagram in place and checks it for replay. `packet` starts with the sender's name, which is `link`'s.
// `df` tells the class of sealed datagrams; clear ones do not tell.
enum verdict datagram_open(struct link *link, uint8_t *packet, uint32_t length, struct frames *frames, bool *df);

// False at the end; bytes that are left then are no frame.
bool frames_next(struct frames *frames, struct wire_frame *frame);
