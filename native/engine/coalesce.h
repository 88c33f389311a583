// Joins received TCP segments and UDP datagrams of one flow to super-frames, and writes frames to the TAP. Each one's
// checksum is verified before its own is dropped. The bytes of what is joined are not copied: they must stay until the flush.
#pragma once
#include "counters.h"
#include "shape.h"

struct coalescer;

// `udp`: the kernel takes UDP super-frames.
struct coalescer *coalescer_new(int tap, bool udp, _Atomic uint64_t *counters);
void coalescer_free(struct coalescer *coalescer);

// `frame` stays where it is until the next flush. `tags` is 0, or two VLAN tags as they
// lie in memory, to put after the addresses.
void coalescer_add(struct coalescer *coalescer, const uint8_t *frame, uint32_t length, uint64_t tags);

void coalescer_flush(struct coalescer *coalescer);

// Writes one frame as it is.
void inject_plain(int tap, _Atomic uint64_t *counters, const uint8_t *frame, uint32_t length, uint64_t tags);
