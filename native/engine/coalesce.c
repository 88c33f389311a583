#define _GNU_SOURCE
#include "coalesce.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "checksum.h"
#include "joinable.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

enum { FLOWS = 8, PIECES = 64, MAX_SUPER = 65535, TAGS = 8, ADDRESSES = 12, MAX_HEADERS = ETH_HEADER + IP6_HEADER + 60 };

struct flow {
	uint32_t pieces;  // 0: not in use; first piece is the payload of the first segment
	uint32_t length;  // bytes of the whole frame
	uint32_t size;    // payload of each segment but the last
	uint32_t next;    // TCP: sequence number that continues the flow
	struct segment shape;
	const uint8_t *only; // the first frame as it came, written unchanged when nothing joins
	uint64_t tags;
	uint8_t headers[MAX_HEADERS];
	struct iovec piece[PIECES];
};

struct coalescer {
	int tap;
	bool udp; // the kernel takes UDP super-frames
	_Atomic uint64_t *counters;
	uint32_t oldest; // next flow to give up when all are in use
	struct flow flow[FLOWS];
};

struct coalescer *coalescer_new(int tap, bool udp, _Atomic uint64_t *counters) {
	struct coalescer *coalescer = calloc(1, sizeof *coalescer);
	if (!coalescer) return NULL;
	coalescer->tap = tap;
	coalescer->udp = udp;
	coalescer->counters = counters;
	return coalescer;
}

void coalescer_free(struct coalescer *coalescer) {
	free(coalescer);
}

// Splits the first piece after the addresses when tags go there. Returns the number of pieces in `out`.
static int with_tags(struct iovec *out, void *header, size_t header_length, const uint8_t *first, size_t length,
                     const uint64_t *tags) {
	int n = 0;
	out[n++] = (struct iovec){ header, header_length };
	if (*tags == 0) {
		out[n++] = (struct iovec){ (void *)first, length };
		return n;
	}
	out[n++] = (struct iovec){ (void *)first, ADDRESSES };
	out[n++] = (struct iovec){ (void *)tags, TAGS };
	out[n++] = (struct iovec){ (void *)(first + ADDRESSES), length - ADDRESSES };
	return n;
}

static void write_pieces(int tap, _Atomic uint64_t *counters, const struct iovec *pieces, int n, uint32_t length) {
	ssize_t written;
	do written = writev(tap, pieces, n);
	while (written < 0 && errno == EINTR);
	if (written < 0) {
		count(counters, COUNT_injectFailed);
		return;
	}
	count(counters, COUNT_framesInjected);
	count_add(counters, COUNT_bytesInjected, length);
}

void inject_plain(int tap, _Atomic uint64_t *counters, const uint8_t *frame, uint32_t length, uint64_t tags) {
	struct virtio_net_hdr none = { 0 };
	struct iovec pieces[4];
	int n = with_tags(pieces, &none, sizeof none, frame, length, &tags);
	write_pieces(tap, counters, pieces, n, length);
}

// Completes the headers for the whole super-frame, and says to the kernel what it is.
static void describe(struct flow *flow, struct virtio_net_hdr *v) {
	const struct segment *shape = &flow->shape;
	uint32_t shift = flow->tags ? TAGS : 0, checksum_at = shape->tcp ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT;
	*v = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.hdr_len = (uint16_t)(shape->headers + shift),
		.gso_size = (uint16_t)flow->size,
		.csum_start = (uint16_t)(shape->transport + shift),
		.csum_offset = (uint16_t)checksum_at,
	};
	if (!shape->tcp)
		v->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	else
		v->gso_type = shape->ip4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;

	uint8_t *ip = flow->headers + ETH_HEADER, *transport = flow->headers + shape->transport;
	uint8_t protocol = shape->tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
	uint32_t body = flow->length - shape->transport;
	uint64_t pseudo;
	if (shape->ip4) {
		put16(ip + 2, flow->length - ETH_HEADER);
		put_checksum(ip, IP4_HEADER, 10, 0);
		pseudo = sum_pseudo4(ip, protocol, body);
	} else {
		put16(ip + 4, body);
		pseudo = sum_pseudo6(ip, protocol, body);
	}
	if (!shape->tcp) put16(transport + UDP_LENGTH_AT, body);
	uint16_t partial = fold(pseudo);
	memcpy(transport + checksum_at, &partial, 2);
}

static void flow_flush(struct coalescer *coalescer, struct flow *flow) {
	uint32_t joined = flow->pieces;
	flow->pieces = 0;
	if (joined == 0) return;
	if (joined == 1) {
		inject_plain(coalescer->tap, coalescer->counters, flow->only, flow->length, flow->tags);
		return;
	}

	struct virtio_net_hdr v;
	describe(flow, &v);
	struct iovec pieces[PIECES + 4];
	int n = with_tags(pieces, &v, sizeof v, flow->headers, flow->shape.headers, &flow->tags);
	memcpy(pieces + n, flow->piece, joined * sizeof(struct iovec));
	write_pieces(coalescer->tap, coalescer->counters, pieces, n + (int)joined, flow->length);
	count_add(coalescer->counters, COUNT_coalesced, joined);
}

static bool joins(const struct flow *flow, const uint8_t *frame, const struct segment *segment, uint64_t tags) {
	return flow->tags == tags && flow->shape.headers == segment->headers && flow->pieces < PIECES &&
	       segment->payload <= flow->size && flow->length + segment->payload <= MAX_SUPER &&
	       (!segment->tcp || get32(frame + segment->transport + 4) == flow->next) &&
	       segment_same_headers(flow->headers, frame, segment);
}

static struct flow *start(struct coalescer *coalescer) {
	for (int i = 0; i < FLOWS; i++)
		if (coalescer->flow[i].pieces == 0) return &coalescer->flow[i];
	struct flow *flow = &coalescer->flow[coalescer->oldest++ % FLOWS];
	flow_flush(coalescer, flow);
	return flow;
}

static void begin(struct flow *flow, const uint8_t *frame, const struct segment *segment, uint64_t tags) {
	flow->length = segment->headers;
	flow->size = segment->payload;
	flow->shape = *segment;
	flow->only = frame;
	flow->tags = tags;
	flow->next = get32(frame + segment->transport + 4);
	memcpy(flow->headers, frame, segment->headers);
}

static void append(struct flow *flow, const uint8_t *frame, const struct segment *segment) {
	flow->piece[flow->pieces++] = (struct iovec){ (void *)(frame + segment->headers), segment->payload };
	flow->length += segment->payload;
	flow->next += segment->payload;
	if (segment->tcp) flow->headers[segment->transport + TCP_FLAGS_AT] |= frame[segment->transport + TCP_FLAGS_AT];
}

void coalescer_add(struct coalescer *coalescer, const uint8_t *frame, uint32_t length, uint64_t tags) {
	struct segment segment;
	bool joinable = segment_parse(frame, length, &segment) && (segment.tcp || coalescer->udp);

	struct flow *flow = NULL;
	for (int i = 0; i < FLOWS && !flow; i++) {
		struct flow *open = &coalescer->flow[i];
		if (open->pieces > 0 && segment_of_flow(open->headers, &open->shape, frame, length)) flow = open;
	}

	if (flow && !(joinable && joins(flow, frame, &segment, tags))) {
		// The order within a flow is kept: what waits goes first.
		flow_flush(coalescer, flow);
		flow = NULL;
	}
	if (!joinable) {
		inject_plain(coalescer->tap, coalescer->counters, frame, length, tags);
		return;
	}
	if (!flow) {
		flow = start(coalescer);
		begin(flow, frame, &segment, tags);
	}
	append(flow, frame, &segment);
	bool ends = segment.payload < flow->size || (segment.tcp && frame[segment.transport + TCP_FLAGS_AT] & TCP_PUSH);
	if (ends) flow_flush(coalescer, flow);
}

void coalescer_flush(struct coalescer *coalescer) {
	for (int i = 0; i < FLOWS; i++) flow_flush(coalescer, &coalescer->flow[i]);
}
