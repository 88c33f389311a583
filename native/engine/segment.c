#include "segment.h"

#include "checksum.h"

enum { TCP_HEADER = 20, UDP_HEADER = 8, TCP_FIN = 0x01, TCP_PUSH = 0x08, TCP_CWR = 0x80 };
enum { TCP_CHECKSUM = 16, UDP_CHECKSUM = 6, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, LARGEST_HEADER = 60 };

// Skips VLAN tags that lie in the frame.
static uint32_t network_offset(const uint8_t *frame, uint32_t length) {
	uint32_t at = 12;
	while (at + 6 <= length && (get16(frame + at) == 0x8100 || get16(frame + at) == 0x88a8)) at += 4;
	return at + 2;
}

enum { IP_LENGTH_AT = 2, IP_NUMBER_AT = 4, IP_CHECKSUM_AT = 10, SEQUENCE_AT = 4, FLAGS_WORD_AT = 12, FLAGS_AT = 13, UDP_LENGTH_AT = 4 };

// 16 bits as they lie in memory, which is how sums count them.
static inline uint64_t word(const uint8_t *at) {
	uint16_t value;
	memcpy(&value, at, sizeof value);
	return value;
}

static inline void put_sum(uint8_t *at, uint64_t sum) {
	uint16_t value = (uint16_t)~fold(sum);
	memcpy(at, &value, sizeof value);
}

// Headers of all segments are nearly the same: what they share is summed once.
static void sum_headers(struct super_frame *super) {
	uint8_t header[LARGEST_HEADER];
	uint32_t length = super->headers - super->transport;
	const uint8_t *ip = super->frame + super->network;
	memcpy(header, super->frame + super->transport, length);
	if (super->tcp) {
		memset(header + SEQUENCE_AT, 0, 4);
		memset(header + FLAGS_WORD_AT, 0, 2);
		memset(header + TCP_CHECKSUM, 0, 2);
	} else {
		memset(header + UDP_LENGTH_AT, 0, 4);
	}
	uint8_t protocol = super->tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
	uint64_t pseudo = super->ip4 ? sum_pseudo4(ip, protocol, 0) : sum_pseudo6(ip, protocol, 0);
	super->transport_sum = sum_short(header, length, pseudo);

	if (!super->ip4) return;
	memcpy(header, ip, super->transport - super->network);
	memset(header + IP_LENGTH_AT, 0, 4);
	memset(header + IP_CHECKSUM_AT, 0, 2);
	super->ip_sum = sum_short(header, super->transport - super->network, 0);
}

bool super_frame_parse(struct super_frame *super, const struct virtio_net_hdr *v, const uint8_t *frame, uint32_t length) {
	uint8_t type = v->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	*super = (struct super_frame){ .frame = frame, .length = length, .size = v->gso_size, .transport = v->csum_start };
	super->ip4 = type == VIRTIO_NET_HDR_GSO_TCPV4;
	super->tcp = type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6;
	if (!super->tcp && type != VIRTIO_NET_HDR_GSO_UDP_L4) return false;
	if (!(v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || super->size == 0 || length < ETH_HEADER) return false;

	super->network = network_offset(frame, length);
	uint32_t transport_header = super->tcp ? TCP_HEADER : UDP_HEADER;
	if (super->network + IP4_HEADER > super->transport || super->transport + transport_header > length) return false;
	uint8_t version = frame[super->network] >> 4;
	if (!super->tcp) super->ip4 = version == 4;
	if (version != (super->ip4 ? 4 : 6)) return false;
	uint32_t ip_header = super->ip4 ? (frame[super->network] & 15) * 4u : IP6_HEADER, headers_end = super->network + ip_header;
	if (super->ip4 ? headers_end != super->transport : headers_end > super->transport) return false;

	if (super->tcp) transport_header = (frame[super->transport + 12] >> 4) * 4u;
	super->headers = super->transport + transport_header;
	if (transport_header < (super->tcp ? TCP_HEADER : UDP_HEADER) || super->headers >= length) return false;
	sum_headers(super);
	return true;
}

uint32_t segment_length(const struct super_frame *super, uint32_t at) {
	uint32_t left = super->length - super->headers - at;
	return super->headers + (left < super->size ? left : super->size);
}

static void write_ip(const struct super_frame *super, uint8_t *out, uint32_t length, uint32_t number) {
	uint8_t *ip = out + super->network;
	if (super->ip4) {
		put16(ip + IP_LENGTH_AT, length - super->network);
		put16(ip + IP_NUMBER_AT, get16(ip + IP_NUMBER_AT) + number);
		put_sum(ip + IP_CHECKSUM_AT, super->ip_sum + word(ip + IP_LENGTH_AT) + word(ip + IP_NUMBER_AT));
	} else {
		put16(ip + 4, length - super->network - IP6_HEADER);
	}
}

static void write_tcp(const struct super_frame *super, uint8_t *tcp, uint32_t at, uint64_t sum) {
	bool last = at + super->size >= super->length - super->headers;
	put32(tcp + SEQUENCE_AT, get32(tcp + SEQUENCE_AT) + at);
	if (!last) tcp[FLAGS_AT] &= (uint8_t)~(TCP_FIN | TCP_PUSH);
	if (at > 0) tcp[FLAGS_AT] &= (uint8_t)~TCP_CWR;
	put_sum(tcp + TCP_CHECKSUM, sum + word(tcp + SEQUENCE_AT) + word(tcp + SEQUENCE_AT + 2) + word(tcp + FLAGS_WORD_AT));
}

static void write_udp(uint8_t *udp, uint32_t body, uint64_t sum) {
	put16(udp + UDP_LENGTH_AT, body);
	put_sum(udp + UDP_CHECKSUM, sum + word(udp + UDP_LENGTH_AT));
	if (get16(udp + UDP_CHECKSUM) == 0) put16(udp + UDP_CHECKSUM, 0xffff);
}

void segment_write(const struct super_frame *super, uint32_t at, uint8_t *out) {
	uint32_t length = segment_length(super, at), body = length - super->transport;
	memcpy(out, super->frame, super->headers);
	write_ip(super, out, length, at / super->size);

	uint8_t length_in_pseudo[2];
	put16(length_in_pseudo, body);
	uint64_t sum = sum_copy(out + super->headers, super->frame + super->headers + at, length - super->headers,
	                        super->transport_sum + word(length_in_pseudo));
	if (super->tcp)
		write_tcp(super, out + super->transport, at, sum);
	else
		write_udp(out + super->transport, body, sum);
}

bool checksum_complete(const struct virtio_net_hdr *v, uint8_t *frame, uint32_t length) {
	if (!(v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) return true;
	uint32_t start = v->csum_start, at = start + v->csum_offset;
	if (start >= length || at + 2 > length) return false;
	// The field holds the sum of the pseudo header, so it takes part as it is.
	uint16_t value = (uint16_t)~fold(sum_bytes(frame + start, length - start, 0));
	if (value == 0) value = 0xffff;
	memcpy(frame + at, &value, 2);
	return true;
}
