#include "switch.h"

#include "fragment.h"
#include "segment.h"
#include "too_big.h"

enum { TAGS = 8, ADDRESSES = 12, GROUP = 1, SCRATCH = 65600 };

static const uint64_t STP = 0x0180c2000000;

// A frame on its way out: the whole frame, or a super-frame with its description.
struct cargo {
	const uint8_t *frame;
	uint32_t length;
	uint32_t largest; // bytes of the largest frame on the wire
	struct shape shape;
	struct super_frame super;
	bool is_super;
	bool flooded;
};

static void learn(struct switching *sw, const uint8_t *frame, uint64_t peer) {
	if (frame[6] & GROUP) return;
	uint64_t mac = get48(frame + 6);
	enum learned learned = mac_learn(sw->macs, mac, peer, sw->now);
	if (learned == MAC_KNOWN) return;
	if (learned == MAC_FLAPPING) {
		count(sw->counters, COUNT_macsFlapping);
		return;
	}
	count(sw->counters, learned == MAC_NEW ? COUNT_macsLearned : COUNT_macsMoved);
	struct event event = { .kind = EVENT_MAC, .mac = mac, .peer = peer, .moved = learned == MAC_MOVED };
	if (!events_push(sw->events, &event)) count(sw->counters, COUNT_eventsLost);
}

static bool lives_at(struct switching *sw, const uint8_t *frame, uint64_t *peer) {
	return !(frame[0] & GROUP) && mac_lookup(sw->macs, get48(frame), sw->now, peer);
}

/* ---- towards a neighbour ---- */

static void put_whole(struct switching *sw, struct link *link, const struct path *path, enum df_class class,
                      uint64_t source, uint64_t destination, const struct cargo *cargo) {
	if (!cargo->is_super) {
		uint8_t *room = sender_room(sw->sender, link, path, class, source, destination, cargo->length);
		if (room) memcpy(room, cargo->frame, cargo->length);
		return;
	}
	const struct super_frame *super = &cargo->super;
	for (uint32_t at = 0; at < super->length - super->headers; at += super->size) {
		uint8_t *room = sender_room(sw->sender, link, path, class, source, destination, segment_length(super, at));
		if (!room) return;
		segment_write(super, at, room);
	}
}

static void put_fragments_of(struct switching *sw, struct link *link, const struct path *path, uint64_t source,
                             uint64_t destination, const uint8_t *frame, uint32_t length, const struct shape *shape) {
	struct fragmenter cut;
	if (!fragment_start(&cut, frame, length, shape, path->mtu)) {
		count(sw->counters, COUNT_dropTooBig);
		return;
	}
	count(sw->counters, COUNT_fragmented);
	for (size_t piece; (piece = fragment_next_length(&cut)) > 0;) {
		uint8_t *room = sender_room(sw->sender, link, path, CLASS_DF, source, destination, (uint32_t)piece);
		if (!room) return;
		fragment_next(&cut, room);
	}
}

static void put_fragments(struct switching *sw, struct link *link, const struct path *path, uint64_t source,
                          uint64_t destination, const struct cargo *cargo) {
	if (!cargo->is_super) {
		put_fragments_of(sw, link, path, source, destination, cargo->frame, cargo->length, &cargo->shape);
		return;
	}
	static _Thread_local uint8_t scratch[SCRATCH];
	const struct super_frame *super = &cargo->super;
	for (uint32_t at = 0; at < super->length - super->headers; at += super->size) {
		segment_write(super, at, scratch);
		put_fragments_of(sw, link, path, source, destination, scratch, segment_length(super, at), &cargo->shape);
	}
}

static void forward(struct switching *sw, const struct cargo *given, uint64_t source, uint64_t destination);

// Tells the sender to make its packets smaller, as if the destination had.
static void reply_too_big(struct switching *sw, const struct cargo *cargo, uint64_t source, uint64_t destination, uint32_t mtu) {
	uint8_t reply[TOO_BIG_REPLY];
	size_t length = too_big_reply(cargo->frame, cargo->length, &cargo->shape, mtu, reply);
	if (length == 0) {
		count(sw->counters, COUNT_dropTooBig);
		return;
	}
	count(sw->counters, COUNT_tooBigReplies);
	// The reply lies on the stack: what waits in the coalescer goes first, and the reply is not kept.
	struct switching direct = *sw;
	direct.coalescer = NULL;
	struct cargo answer = { .frame = reply, .length = (uint32_t)length, .largest = (uint32_t)length, .shape = shape_of(reply, length) };
	forward(&direct, &answer, destination, source);
}

// Class and size rules of overlay §4.9; IPv6 is ours: old peers neither look at it nor answer it.
static void transmit(struct switching *sw, struct link *link, uint64_t source, uint64_t destination, const struct cargo *cargo) {
	const struct path *path = atomic_load_explicit(&link->path, memory_order_acquire);
	if (!path) {
		count(sw->counters, COUNT_dropNoAddress);
		return;
	}
	const struct shape *shape = &cargo->shape;
	bool fits = cargo->largest <= path->mtu + ETH_HEADER;

	if (shape->df && !fits) {
		if (cargo->flooded)
			count(sw->counters, COUNT_dropTooBigFlooded);
		else
			reply_too_big(sw, cargo, source, destination, path->mtu);
	} else if (shape->df || (shape->ip6 && fits)) {
		put_whole(sw, link, path, CLASS_DF, source, destination, cargo);
	} else if (shape->ip6 && !cargo->flooded && cargo->largest > IP6_MIN_MTU + ETH_HEADER) {
		reply_too_big(sw, cargo, source, destination, path->mtu);
	} else if (path->stack_fragments || !shape->ip4) {
		put_whole(sw, link, path, CLASS_FRAGMENTABLE, source, destination, cargo);
	} else if (fits) {
		put_whole(sw, link, path, CLASS_DF, source, destination, cargo);
	} else {
		put_fragments(sw, link, path, source, destination, cargo);
	}
}

static void relay(struct switching *sw, uint64_t source, uint64_t destination, const struct cargo *cargo) {
	const struct route *route = tables_find(sw->tables, destination);
	if (!route || !route->next_hop) {
		count(sw->counters, COUNT_dropNoRoute);
		return;
	}
	transmit(sw, route->next_hop, source, destination, cargo);
}

// One copy for each neighbour in the source's tree, addressed to that neighbour.
static void flood(struct switching *sw, uint64_t source, struct cargo *cargo) {
	const struct route *route = tables_find(sw->tables, source);
	cargo->flooded = true;
	for (uint32_t i = 0; route && i < route->tree_length; i++) {
		struct link *link = sw->tables->links[route->tree_start + i];
		transmit(sw, link, source, link->name, cargo);
	}
}

/* ---- towards the bridge ---- */

static void inject(struct switching *sw, const uint8_t *frame, uint32_t length, uint64_t tags) {
	if (sw->coalescer)
		coalescer_add(sw->coalescer, frame, length, tags);
	else
		inject_plain(sw->tap, sw->counters, frame, length, tags);
}

static void inject_fragments(struct switching *sw, const struct cargo *cargo, uint64_t tags) {
	uint8_t piece[SCRATCH];
	struct fragmenter cut;
	if (!fragment_start(&cut, cargo->frame, cargo->length, &cargo->shape, sw->local_mtu)) {
		count(sw->counters, COUNT_dropTooBig);
		return;
	}
	count(sw->counters, COUNT_fragmented);
	for (size_t size; (size = fragment_next_length(&cut)) > 0;) {
		fragment_next(&cut, piece);
		inject_plain(sw->tap, sw->counters, piece, (uint32_t)size, tags);
	}
}

// Sleeve may carry larger packets than the containers here take; without this they would vanish in the bridge.
static void inject_checked(struct switching *sw, const struct cargo *cargo, uint64_t source, uint64_t tags) {
	const struct shape *shape = &cargo->shape;
	bool fits = sw->local_mtu == 0 || cargo->length <= sw->local_mtu + ETH_HEADER || !(shape->ip4 || shape->ip6);
	if (fits)
		inject(sw, cargo->frame, cargo->length, tags);
	else if (shape->ip4 && !shape->df)
		inject_fragments(sw, cargo, tags);
	else
		reply_too_big(sw, cargo, source, sw->self, sw->local_mtu);
}

static uint64_t tags_of(const struct tables *tables, uint64_t source, uint64_t destination) {
	const struct route *from = tables_find(tables, source), *to = tables_find(tables, destination);
	if (!from || !to || from->short_id == NO_SHORT_ID || to->short_id == NO_SHORT_ID) return 0;
	uint8_t bytes[TAGS];
	put16(bytes, 0x88a8);
	put16(bytes + 2, to->short_id);
	put16(bytes + 4, 0x8100);
	put16(bytes + 6, from->short_id);
	uint64_t tags;
	memcpy(&tags, bytes, sizeof tags);
	return tags;
}

/* ---- entries ---- */

void switch_batch(struct switching *sw, const struct tables *tables, uint32_t local_mtu, uint64_t now) {
	sw->tables = tables;
	sw->local_mtu = local_mtu;
	sw->now = now;
	sw->last.valid = false;
}

// Learns where the sender lives; true when the destination lives here.
static bool learn_and_look(struct switching *sw, const uint8_t *frame, uint64_t source) {
	if (sw->last.valid && sw->last.source == source && memcmp(sw->last.macs, frame, ADDRESSES) == 0) return sw->last.local;
	uint64_t peer;
	learn(sw, frame, source);
	sw->last.local = lives_at(sw, frame, &peer) && peer == sw->self;
	sw->last.source = source;
	memcpy(sw->last.macs, frame, ADDRESSES);
	sw->last.valid = true;
	return sw->last.local;
}

static void forward(struct switching *sw, const struct cargo *given, uint64_t source, uint64_t destination) {
	struct cargo cargo = *given;
	if (cargo.shape.layers == 0) {
		count(sw->counters, COUNT_dropMalformedFrame);
		return;
	}
	if (destination != sw->self) {
		count(sw->counters, COUNT_framesRelayed);
		relay(sw, source, destination, &cargo);
		return;
	}
	if (sw->tables->punt) {
		uint64_t tags = tags_of(sw->tables, source, destination);
		if (tags)
			inject_checked(sw, &cargo, source, tags);
		else
			count(sw->counters, COUNT_dropBadPunt);
		return;
	}

	bool local = learn_and_look(sw, cargo.frame, source);
	inject_checked(sw, &cargo, source, 0);
	if (!local) flood(sw, source, &cargo);
}

void switch_forwarded(struct switching *sw, const uint8_t *frame, uint32_t length, const struct shape *shape,
                      uint64_t source, uint64_t destination) {
	// Routes do not lead back to where a frame began: only a loop or a forger brings it here.
	if (source == sw->self) {
		count(sw->counters, COUNT_dropOwnFrame);
		return;
	}
	struct cargo cargo = { .frame = frame, .length = length, .largest = length, .shape = *shape };
	forward(sw, &cargo, source, destination);
}

// Fills in what the kernel left open; false when its description does not fit the frame.
static bool cargo_of(struct cargo *cargo, const struct virtio_net_hdr *v, uint8_t *frame, uint32_t length) {
	*cargo = (struct cargo){ .frame = frame, .length = length, .largest = length, .shape = shape_of(frame, length) };
	if (cargo->shape.layers == 0) return false;
	if (v->gso_type == VIRTIO_NET_HDR_GSO_NONE) return checksum_complete(v, frame, length);
	if (!super_frame_parse(&cargo->super, v, frame, length)) return false;
	cargo->is_super = true;
	cargo->largest = segment_length(&cargo->super, 0);
	return true;
}

// The switch in the kernel has decided already: the tags say where the frame goes.
static void punted(struct switching *sw, const struct virtio_net_hdr *v, uint8_t *frame, uint32_t length) {
	if (length < ADDRESSES + TAGS + 2 || get16(frame + ADDRESSES) != 0x88a8 || get16(frame + ADDRESSES + 4) != 0x8100) {
		count(sw->counters, COUNT_dropBadPunt);
		return;
	}
	uint64_t destination = sw->tables->peer_of_short_id[get16(frame + ADDRESSES + 2) & 0xfff];
	uint64_t source = sw->tables->peer_of_short_id[get16(frame + ADDRESSES + 6) & 0xfff];
	bool group = frame[0] & GROUP;
	memmove(frame + TAGS, frame, ADDRESSES);

	// The kernel's offsets count the tags.
	struct virtio_net_hdr moved = *v;
	moved.csum_start = (uint16_t)(moved.csum_start - TAGS);
	moved.hdr_len = (uint16_t)(moved.hdr_len - TAGS);
	struct cargo cargo;
	if (!destination || !source || !cargo_of(&cargo, &moved, frame + TAGS, length - TAGS)) {
		count(sw->counters, COUNT_dropBadPunt);
		return;
	}
	cargo.flooded = group;
	relay(sw, source, destination, &cargo);
}

void switch_captured(struct switching *sw, const struct virtio_net_hdr *v, uint8_t *frame, uint32_t length) {
	count(sw->counters, COUNT_framesCaptured);
	count_add(sw->counters, COUNT_bytesCaptured, length);
	if (sw->tables->punt) {
		punted(sw, v, frame, length);
		return;
	}

	struct cargo cargo;
	if (!cargo_of(&cargo, v, frame, length)) {
		count(sw->counters, v->gso_type ? COUNT_dropBadSegmentation : COUNT_dropMalformedFrame);
		return;
	}
	if (get48(frame) == STP) {
		count(sw->counters, COUNT_dropStp);
		return;
	}
	learn(sw, frame, sw->self);
	uint64_t peer;
	if (!lives_at(sw, frame, &peer))
		flood(sw, sw->self, &cargo);
	else if (peer == sw->self)
		count(sw->counters, COUNT_dropLocalDestination);
	else
		relay(sw, sw->self, peer, &cargo);
}
