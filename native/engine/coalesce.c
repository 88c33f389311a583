#define _GNU_SOURCE
#include "coalesce.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "checksum.h"

enum { FLOWS = 8, PIECES = 64, MAX_SUPER = 65535, TCP_HEADER = 20, TAGS = 8, ADDRESSES = 12 };
enum { TCP_PUSH = 0x08, TCP_ACK = 0x10, PROTOCOL_TCP = 6, MAX_HEADERS = ETH_HEADER + IP6_HEADER + 60 };

// A TCP segment that may be joined: no options in the IP header, no flags but ACK and PSH, a valid checksum.
struct segment {
	uint32_t headers;   // up to the payload
	uint32_t transport; // offset of the TCP header
	uint32_t payload;
	bool ip4;
};

struct flow {
	uint32_t pieces;  // 0: not in use; first piece is the payload of the first segment
	uint32_t length;  // bytes of the whole frame
	uint32_t size;    // payload of each segment but the last
	uint32_t next;    // sequence number that continues the flow
	struct segment shape;
	const uint8_t *only; // the first frame as it came, written unchanged when nothing joins
	uint64_t tags;
	uint8_t headers[MAX_HEADERS];
	struct iovec piece[PIECES];
};

struct coalescer {
	int tap;
	_Atomic uint64_t *counters;
	uint32_t oldest; // next flow to give up when all are in use
	struct flow flow[FLOWS];
};

struct coalescer *coalescer_new(int tap, _Atomic uint64_t *counters) {
	struct coalescer *coalescer = calloc(1, sizeof *coalescer);
	if (!coalescer) return NULL;
	coalescer->tap = tap;
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

static void flow_flush(struct coalescer *coalescer, struct flow *flow) {
	uint32_t joined = flow->pieces;
	flow->pieces = 0;
	if (joined == 0) return;
	if (joined == 1) {
		inject_plain(coalescer->tap, coalescer->counters, flow->only, flow->length, flow->tags);
		return;
	}

	const struct segment *shape = &flow->shape;
	uint32_t shift = flow->tags ? TAGS : 0;
	struct virtio_net_hdr v = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = shape->ip4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = (uint16_t)(shape->headers + shift),
		.gso_size = (uint16_t)flow->size,
		.csum_start = (uint16_t)(shape->transport + shift),
		.csum_offset = 16,
	};
	uint8_t *ip = flow->headers + ETH_HEADER, *tcp = flow->headers + shape->transport;
	uint32_t body = flow->length - shape->transport;
	uint64_t pseudo;
	if (shape->ip4) {
		put16(ip + 2, flow->length - ETH_HEADER);
		put_checksum(ip, IP4_HEADER, 10, 0);
		pseudo = sum_pseudo4(ip, PROTOCOL_TCP, body);
	} else {
		put16(ip + 4, body);
		pseudo = sum_pseudo6(ip, PROTOCOL_TCP, body);
	}
	uint16_t partial = fold(pseudo);
	memcpy(tcp + 16, &partial, 2);

	struct iovec pieces[PIECES + 4];
	int n = with_tags(pieces, &v, sizeof v, flow->headers, shape->headers, &flow->tags);
	memcpy(pieces + n, flow->piece, joined * sizeof(struct iovec));
	write_pieces(coalescer->tap, coalescer->counters, pieces, n + (int)joined, flow->length);
	count_add(coalescer->counters, COUNT_coalesced, joined);
}

static bool tcp_ok(const uint8_t *frame, uint32_t length, struct segment *segment, uint64_t pseudo) {
	const uint8_t *tcp = frame + segment->transport;
	uint32_t header = (tcp[12] >> 4) * 4u;
	segment->headers = segment->transport + header;
	if (header < TCP_HEADER || segment->headers >= length) return false;
	if ((tcp[13] & ~TCP_PUSH) != TCP_ACK) return false;
	segment->payload = length - segment->headers;
	return sum_is_valid(sum_bytes(tcp, length - segment->transport, pseudo));
}

static bool segment_parse(const uint8_t *frame, uint32_t length, struct segment *segment) {
	if (length < ETH_HEADER + IP4_HEADER + TCP_HEADER) return false;
	const uint8_t *ip = frame + ETH_HEADER;
	uint16_t type = get16(frame + 12);
	if (type == 0x0800) {
		segment->ip4 = true;
		segment->transport = ETH_HEADER + IP4_HEADER;
		if (ip[0] != 0x45 || ip[9] != PROTOCOL_TCP || get16(ip + 6) & 0x3fff || (uint32_t)get16(ip + 2) + ETH_HEADER != length) return false;
		if (!sum_is_valid(sum_bytes(ip, IP4_HEADER, 0))) return false;
		return tcp_ok(frame, length, segment, sum_pseudo4(ip, PROTOCOL_TCP, length - segment->transport));
	}
	if (type != 0x86dd || length < ETH_HEADER + IP6_HEADER + TCP_HEADER) return false;
	segment->ip4 = false;
	segment->transport = ETH_HEADER + IP6_HEADER;
	if (ip[0] >> 4 != 6 || ip[6] != PROTOCOL_TCP || (uint32_t)get16(ip + 4) + ETH_HEADER + IP6_HEADER != length) return false;
	return tcp_ok(frame, length, segment, sum_pseudo6(ip, PROTOCOL_TCP, length - segment->transport));
}

// Same MACs, addresses and ports. Only called for flows and frames that are TCP.
static bool same_flow(const struct flow *flow, const uint8_t *frame, bool ip4) {
	if (flow->pieces == 0 || flow->shape.ip4 != ip4) return false;
	uint32_t at = ETH_HEADER + (ip4 ? 12 : 8), addresses_and_ports = ip4 ? 12 : 36;
	return memcmp(flow->headers, frame, ETH_HEADER) == 0 && memcmp(flow->headers + at, frame + at, addresses_and_ports) == 0;
}

// Everything that all segments of a super-frame share: TOS (with ECN), TTL, DF, acknowledgement, window, options.
static bool same_headers(const struct flow *flow, const uint8_t *frame, const struct segment *segment) {
	const uint8_t *ours = flow->headers + ETH_HEADER, *theirs = frame + ETH_HEADER;
	if (segment->ip4) {
		if (ours[1] != theirs[1] || ours[6] != theirs[6] || ours[8] != theirs[8]) return false;
	} else if (memcmp(ours, theirs, 4) != 0 || ours[7] != theirs[7]) {
		return false;
	}
	ours = flow->headers + segment->transport;
	theirs = frame + segment->transport;
	return memcmp(ours + 8, theirs + 8, 5) == 0 && memcmp(ours + 14, theirs + 14, 2) == 0 &&
	       memcmp(ours + TCP_HEADER, theirs + TCP_HEADER, segment->headers - segment->transport - TCP_HEADER) == 0;
}

static bool joins(const struct flow *flow, const uint8_t *frame, const struct segment *segment, uint64_t tags) {
	return flow->tags == tags && flow->shape.headers == segment->headers && flow->pieces < PIECES &&
	       segment->payload <= flow->size && flow->length + segment->payload <= MAX_SUPER &&
	       get32(frame + segment->transport + 4) == flow->next && same_headers(flow, frame, segment);
}

static struct flow *start(struct coalescer *coalescer) {
	for (int i = 0; i < FLOWS; i++)
		if (coalescer->flow[i].pieces == 0) return &coalescer->flow[i];
	struct flow *flow = &coalescer->flow[coalescer->oldest++ % FLOWS];
	flow_flush(coalescer, flow);
	return flow;
}

static void append(struct flow *flow, const uint8_t *frame, const struct segment *segment) {
	flow->piece[flow->pieces++] = (struct iovec){ (void *)(frame + segment->headers), segment->payload };
	flow->length += segment->payload;
	flow->next += segment->payload;
	flow->headers[segment->transport + 13] |= frame[segment->transport + 13];
}

void coalescer_add(struct coalescer *coalescer, const uint8_t *frame, uint32_t length, uint64_t tags) {
	struct segment segment;
	bool joinable = segment_parse(frame, length, &segment);
	uint16_t type = length >= ETH_HEADER ? get16(frame + 12) : 0;
	bool maybe_tcp = (type == 0x0800 && length >= ETH_HEADER + IP4_HEADER + 4 && frame[23] == PROTOCOL_TCP) ||
	                 (type == 0x86dd && length >= ETH_HEADER + IP6_HEADER + 4 && frame[20] == PROTOCOL_TCP);

	struct flow *flow = NULL;
	for (int i = 0; maybe_tcp && i < FLOWS && !flow; i++)
		if (same_flow(&coalescer->flow[i], frame, type == 0x0800)) flow = &coalescer->flow[i];

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
		*flow = (struct flow){
			.length = segment.headers, .size = segment.payload, .shape = segment, .only = frame, .tags = tags,
			.next = get32(frame + segment.transport + 4),
		};
		memcpy(flow->headers, frame, segment.headers);
	}
	append(flow, frame, &segment);
	bool ends = segment.payload < flow->size || frame[segment.transport + 13] & TCP_PUSH;
	if (ends) flow_flush(coalescer, flow);
}

void coalescer_flush(struct coalescer *coalescer) {
	for (int i = 0; i < FLOWS; i++) flow_flush(coalescer, &coalescer->flow[i]);
}
