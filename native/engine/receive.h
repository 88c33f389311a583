// A datagram from the network: whose it is, opening it, taking its frames apart (overlay §4.2–4.3).
#pragma once
#include "switch.h"

struct receiving {
	struct switching sw;
};

// `packet` may be changed and must stay where it is until the coalescer is flushed.
void receive_datagram(struct receiving *receiving, uint8_t *packet, uint32_t length, const union address *from);
