// Replies to senders of packets that do not fit the path: ICMP 3/4 and ICMPv6 2 (overlay §4.10; RFC 4443 §3.2).
#pragma once
#include "shape.h"

enum { TOO_BIG_REPLY = 1294, IP6_MIN_MTU = 1280 };

// Builds the reply to `frame` (of `shape`, `length` bytes) in `reply`, TOO_BIG_REPLY bytes large; its length, or 0
// when none may be sent: to a group, to a fragment other than the first, to an ICMP error, or with no IP in it.
size_t too_big_reply(const uint8_t *frame, size_t length, const struct shape *shape, uint32_t mtu, uint8_t *reply);
