#include "joinable.h"

#include "checksum.h"

enum { TCP_ACK = 0x10, GROUP = 1, MORE_OR_OFFSET = 0x3fff };

static bool tcp_ok(const uint8_t *frame, uint32_t length, struct segment *segment, uint64_t pseudo) {
	const uint8_t *tcp = frame + segment->transport;
	if (length - segment->transport < TCP_HEADER) return false;
	uint32_t header = (tcp[12] >> 4) * 4u;
	segment->headers = segment->transport + header;
	if (header < TCP_HEADER || segment->headers >= length) return false;
	if ((tcp[TCP_FLAGS_AT] & ~TCP_PUSH) != TCP_ACK) return false;
	segment->payload = length - segment->headers;
	return sum_is_valid(sum_bytes(tcp, length - segment->transport, pseudo));
}

// Programs that read whole packets (DHCP) are used to joined TCP, not to joined UDP: broadcasts stay as they are.
static bool udp_ok(const uint8_t *frame, uint32_t length, struct segment *segment, uint64_t pseudo) {
	const uint8_t *udp = frame + segment->transport;
	uint32_t body = length - segment->transport;
	segment->headers = segment->transport + UDP_HEADER;
	if (body <= UDP_HEADER || get16(udp + UDP_LENGTH_AT) != body || frame[0] & GROUP) return false;
	segment->payload = body - UDP_HEADER;
	// Without a checksum there is none to verify.
	return get16(udp + UDP_CHECKSUM_AT) != 0 && sum_is_valid(sum_bytes(udp, body, pseudo));
}

static bool transport_ok(const uint8_t *frame, uint32_t length, struct segment *segment, uint64_t pseudo) {
	return segment->tcp ? tcp_ok(frame, length, segment, pseudo) : udp_ok(frame, length, segment, pseudo);
}

static bool ip4_parse(const uint8_t *frame, uint32_t length, struct segment *segment) {
	const uint8_t *ip = frame + ETH_HEADER;
	segment->ip4 = true;
	segment->tcp = ip[9] == PROTOCOL_TCP;
	segment->transport = ETH_HEADER + IP4_HEADER;
	if (ip[0] != 0x45 || get16(ip + 6) & MORE_OR_OFFSET || (uint32_t)get16(ip + 2) + ETH_HEADER != length) return false;
	if ((!segment->tcp && ip[9] != PROTOCOL_UDP) || !sum_is_valid(sum_short(ip, IP4_HEADER, 0))) return false;
	return transport_ok(frame, length, segment, sum_pseudo4(ip, ip[9], length - segment->transport));
}

static bool ip6_parse(const uint8_t *frame, uint32_t length, struct segment *segment) {
	const uint8_t *ip = frame + ETH_HEADER;
	segment->ip4 = false;
	segment->tcp = ip[6] == PROTOCOL_TCP;
	segment->transport = ETH_HEADER + IP6_HEADER;
	if (ip[0] >> 4 != 6 || (uint32_t)get16(ip + 4) + segment->transport != length) return false;
	if (!segment->tcp && ip[6] != PROTOCOL_UDP) return false;
	return transport_ok(frame, length, segment, sum_pseudo6(ip, ip[6], length - segment->transport));
}

bool segment_parse(const uint8_t *frame, uint32_t length, struct segment *segment) {
	if (length < ETH_HEADER + IP4_HEADER + UDP_HEADER) return false;
	uint16_t type = get16(frame + 12);
	if (type == 0x0800) return ip4_parse(frame, length, segment);
	return type == 0x86dd && length >= ETH_HEADER + IP6_HEADER + UDP_HEADER && ip6_parse(frame, length, segment);
}

bool segment_of_flow(const uint8_t *headers, const struct segment *shape, const uint8_t *frame, uint32_t length) {
	// The flow's own type, addresses and ports are compared: a frame of another family differs in the type.
	uint32_t protocol = shape->ip4 ? 23 : 20, at = ETH_HEADER + (shape->ip4 ? 12 : 8), same = shape->ip4 ? 12 : 36;
	if (length < at + same || memcmp(headers, frame, ETH_HEADER) != 0) return false;
	return headers[protocol] == frame[protocol] && memcmp(headers + at, frame + at, same) == 0;
}

bool segment_same_headers(const uint8_t *headers, const uint8_t *frame, const struct segment *segment) {
	const uint8_t *ours = headers + ETH_HEADER, *theirs = frame + ETH_HEADER;
	if (segment->ip4) {
		if (ours[1] != theirs[1] || ours[6] != theirs[6] || ours[8] != theirs[8]) return false;
	} else if (memcmp(ours, theirs, 4) != 0 || ours[7] != theirs[7]) {
		return false;
	}
	if (!segment->tcp) return true;
	ours = headers + segment->transport;
	theirs = frame + segment->transport;
	return memcmp(ours + 8, theirs + 8, 5) == 0 && memcmp(ours + 14, theirs + 14, 2) == 0 &&
	       memcmp(ours + TCP_HEADER, theirs + TCP_HEADER, segment->headers - segment->transport - TCP_HEADER) == 0;
}
