#include "segment.h"

#include "checksum.h"

enum { TCP_HEADER = 20, UDP_HEADER = 8, TCP_FIN = 0x01, TCP_PUSH = 0x08, TCP_CWR = 0x80 };
enum { TCP_CHECKSUM = 16, UDP_CHECKSUM = 6, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

// Skips VLAN tags that lie in the frame.
static uint32_t network_offset(const uint8_t *frame, uint32_t length) {
	uint32_t at = 12;
	while (at + 6 <= length && (get16(frame + at) == 0x8100 || get16(frame + at) == 0x88a8)) at += 4;
	return at + 2;
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
	uint32_t ip_header = super->ip4 ? (frame[super->network] & 15) * 4u : IP6_HEADER;
	if (super->network + ip_header > super->transport) return false;

	if (super->tcp) transport_header = (frame[super->transport + 12] >> 4) * 4u;
	super->headers = super->transport + transport_header;
	return transport_header >= (super->tcp ? TCP_HEADER : UDP_HEADER) && super->headers < length;
}

uint32_t segment_length(const struct super_frame *super, uint32_t at) {
	uint32_t left = super->length - super->headers - at;
	return super->headers + (left < super->size ? left : super->size);
}

static void write_ip(const struct super_frame *super, uint8_t *out, uint32_t length, uint32_t number) {
	uint8_t *ip = out + super->network;
	if (super->ip4) {
		put16(ip + 2, length - super->network);
		put16(ip + 4, get16(ip + 4) + number);
		put_checksum(ip, super->transport - super->network, 10, 0);
	} else {
		put16(ip + 4, length - super->network - IP6_HEADER);
	}
}

void segment_write(const struct super_frame *super, uint32_t at, uint8_t *out) {
	uint32_t length = segment_length(super, at), body = length - super->transport;
	memcpy(out, super->frame, super->headers);
	uint64_t payload = sum_copy(out + super->headers, super->frame + super->headers + at, length - super->headers, 0);
	write_ip(super, out, length, at / super->size);

	uint8_t *transport = out + super->transport, protocol = super->tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
	const uint8_t *ip = out + super->network;
	uint64_t sum = payload + (super->ip4 ? sum_pseudo4(ip, protocol, body) : sum_pseudo6(ip, protocol, body));
	size_t header = super->headers - super->transport;
	if (super->tcp) {
		bool last = at + super->size >= super->length - super->headers;
		put32(transport + 4, get32(transport + 4) + at);
		if (!last) transport[13] &= (uint8_t)~(TCP_FIN | TCP_PUSH);
		if (at > 0) transport[13] &= (uint8_t)~TCP_CWR;
		put_checksum(transport, header, TCP_CHECKSUM, sum);
	} else {
		put16(transport + 4, body);
		put_checksum(transport, header, UDP_CHECKSUM, sum);
		if (get16(transport + UDP_CHECKSUM) == 0) put16(transport + UDP_CHECKSUM, 0xffff);
	}
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
