#include "receive.h"

enum { FRAME_OVERHEAD = 14, UID_AT = 14, UID_END = 22 };

static bool all_zero(const uint8_t *bytes, uint32_t length) {
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

static void special(struct receiving *receiving, struct link *link, const uint8_t *frame, uint32_t length, bool df,
                    const union address *from) {
	struct event event = {
		.kind = EVENT_SPECIAL,
		.link = link->id,
		.length = length,
		.zeros = all_zero(frame, length),
		.df = df,
		.uid = length >= UID_END ? get64(frame + UID_AT) : 0,
		.from = *from,
	};
	if (!events_push(receiving->sw.events, &event)) count(receiving->sw.counters, COUNT_eventsLost);
}

static void frame_in(struct receiving *receiving, struct link *link, const uint8_t *header, uint32_t length, bool df,
                     const union address *from) {
	struct switching *sw = &receiving->sw;
	uint64_t source = get48(header), destination = get48(header + 6);
	const uint8_t *frame = header + FRAME_OVERHEAD;
	count(sw->counters, COUNT_framesReceived);
	if (!shape_of(frame, length).special)
		switch_forwarded(sw, frame, length, source, destination);
	else if (source == link->name && destination == sw->self)
		special(receiving, link, frame, length, df, from);
	else
		count(sw->counters, COUNT_dropStraySpecial);
}

static void frames_in(struct receiving *receiving, struct link *link, const uint8_t *at, uint32_t left, bool df,
                      const union address *from) {
	while (left >= FRAME_OVERHEAD) {
		uint32_t length = get16(at + 12);
		if (length > left - FRAME_OVERHEAD) break;
		frame_in(receiving, link, at, length, df, from);
		at += FRAME_OVERHEAD + length;
		left -= FRAME_OVERHEAD + length;
	}
	// Too short for the length it claims, or trailing garbage: the frames before it stay valid.
	if (left > 0) count(receiving->sw.counters, COUNT_dropMalformedDatagram);
}

static void undecryptable(struct receiving *receiving, struct link *link) {
	count(receiving->sw.counters, COUNT_dropUndecryptable);
	atomic_fetch_add_explicit(&link->counters.undecryptable, 1, memory_order_relaxed);
	if (atomic_exchange(&link->reported[EVENT_UNDECRYPTABLE], true)) return;
	struct event event = { .kind = EVENT_UNDECRYPTABLE, .link = link->id };
	if (!events_push(receiving->sw.events, &event)) count(receiving->sw.counters, COUNT_eventsLost);
}

static bool open_sealed(struct receiving *receiving, struct link *link, uint8_t *packet, uint32_t length, bool *df) {
	uint64_t sequence;
	if (!cipher_open(&link->cipher, packet, length, &sequence)) {
		undecryptable(receiving, link);
		return false;
	}
	*df = sequence & DF_BIT;
	if (replay_accept(&link->replay[*df ? CLASS_DF : CLASS_FRAGMENTABLE], sequence & ~DF_BIT)) return true;
	count(receiving->sw.counters, COUNT_dropReplayed);
	atomic_fetch_add_explicit(&link->counters.replayed, 1, memory_order_relaxed);
	return false;
}

void receive_datagram(struct receiving *receiving, uint8_t *packet, uint32_t length, const union address *from) {
	count(receiving->sw.counters, COUNT_datagramsReceived);
	if (length < CLEAR_OVERHEAD) {
		count(receiving->sw.counters, COUNT_dropMalformedDatagram);
		return;
	}
	const struct route *route = tables_find(receiving->sw.tables, get48(packet));
	struct link *link = route ? route->neighbour : NULL;
	if (!link) {
		count(receiving->sw.counters, COUNT_dropUnknownSender);
		return;
	}
	atomic_fetch_add_explicit(&link->counters.datagrams_received, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&link->counters.bytes_received, length, memory_order_relaxed);

	bool df = false;
	if (link->cipher.suite != SUITE_CLEAR && !open_sealed(receiving, link, packet, length, &df)) return;
	uint32_t overhead = cipher_overhead(&link->cipher);
	frames_in(receiving, link, packet + overhead, length - overhead, df, from);
}
