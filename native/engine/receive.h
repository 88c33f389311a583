// What becomes of a datagram from the network: whose it is, and where its frames go.
#pragma once
#include "datagram.h"
#include "switch.h"

struct receiving {
	struct switching sw;
};

// `packet` may be changed and must stay where it is until the coalescer is flushed.
void receive_datagram(struct receiving *receiving, uint8_t *packet, uint32_t length, const union address *from);
