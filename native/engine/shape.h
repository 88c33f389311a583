// What the engine has to know of an Ethernet frame to forward it (protocol notes: overlay §4.8).
#pragma once
#include "bytes.h"

enum { ETH_HEADER = 14, IP4_HEADER = 20, IP6_HEADER = 40, MIN_FRAME = 60 };

struct shape {
	uint8_t layers;  // 0: shorter than an Ethernet header, 1: Ethernet, 2: IPv4 in it
	bool ip4;        // a well-formed IPv4 header follows the Ethernet header
	bool ip6;        // an IPv6 header follows; old peers do not look at those
	bool df;         // IPv4 with "don't fragment"
	bool special;    // heartbeat or test of a neighbour: both MACs and the type are zero
	uint8_t ip_header; // bytes, options included
};

struct shape shape_of(const uint8_t *frame, size_t length);
