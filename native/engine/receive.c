#include "receive.h"

enum { UID_AT = 14, UID_END = 22 };

static bool all_zero(const uint8_t *bytes, uint32_t length) {
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

static void report(struct receiving *receiving, const struct event *event) {
	if (!events_push(receiving->sw.events, event)) count(receiving->sw.counters, COUNT_eventsLost);
}

static void special(struct receiving *receiving, struct link *link, const struct wire_frame *frame, const union address *from) {
	struct event event = {
		.kind = EVENT_SPECIAL,
		.link = link->id,
		.length = frame->length,
		.zeros = all_zero(frame->bytes, frame->length),
		.uid = frame->length >= UID_END ? get64(frame->bytes + UID_AT) : 0,
		.from = *from,
	};
	report(receiving, &event);
}

static void frame_in(struct receiving *receiving, struct link *link, const struct wire_frame *frame, const union address *from) {
	struct switching *sw = &receiving->sw;
	count(sw->counters, COUNT_framesReceived);
	struct shape shape = shape_of(frame->bytes, frame->length);
	if (!shape.special)
		switch_forwarded(sw, frame->bytes, frame->length, &shape, frame->source, frame->destination);
	else if (frame->source == link->name && frame->destination == sw->self)
		special(receiving, link, frame, from);
	else
		count(sw->counters, COUNT_dropStraySpecial);
}

static void refused(struct receiving *receiving, struct link *link, enum verdict verdict) {
	_Atomic uint64_t *counters = receiving->sw.counters;
	switch (verdict) {
	case DATAGRAM_OPEN:
		return;
	case DATAGRAM_TOO_SHORT:
		count(counters, COUNT_dropMalformedDatagram);
		return;
	case DATAGRAM_REPLAYED:
		count(counters, COUNT_dropReplayed);
		atomic_fetch_add_explicit(&link->counters.replayed, 1, memory_order_relaxed);
		return;
	case DATAGRAM_UNDECRYPTABLE:
		count(counters, COUNT_dropUndecryptable);
		atomic_fetch_add_explicit(&link->counters.undecryptable, 1, memory_order_relaxed);
		if (atomic_exchange(&link->reported[EVENT_UNDECRYPTABLE], true)) return;
		report(receiving, &(struct event){ .kind = EVENT_UNDECRYPTABLE, .link = link->id });
	}
}

// Only this worker writes these: no locked addition is needed.
static void count_own(_Atomic uint64_t *counter, uint64_t amount) {
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount, memory_order_relaxed);
}

void receive_datagram(struct receiving *receiving, uint8_t *packet, uint32_t length, const union address *from) {
	_Atomic uint64_t *counters = receiving->sw.counters;
	count(counters, COUNT_datagramsReceived);
	const struct route *route = length < CLEAR_OVERHEAD ? NULL : tables_find(receiving->sw.tables, get48(packet));
	struct link *link = route ? route->neighbour : NULL;
	if (!link) {
		count(counters, length < CLEAR_OVERHEAD ? COUNT_dropMalformedDatagram : COUNT_dropUnknownSender);
		return;
	}
	count_own(&link->counters.datagrams_received, 1);
	count_own(&link->counters.bytes_received, length);

	struct frames frames;
	struct wire_frame frame;
	bool df;
	enum verdict verdict = datagram_open(link, packet, length, &frames, &df);
	if (verdict != DATAGRAM_OPEN) {
		refused(receiving, link, verdict);
		return;
	}
	if (link->cipher.suite != SUITE_CLEAR) count(counters, COUNT_datagramsOpened);
	while (frames_next(&frames, &frame)) frame_in(receiving, link, &frame, from);
	// Too short for the length it claims, or trailing garbage: the frames before it stay valid.
	if (frames.left > 0) count(counters, COUNT_dropMalformedDatagram);
}
