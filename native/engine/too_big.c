#include "too_big.h"

#include "checksum.h"

enum { ICMP_HEADER = 8, PROTOCOL_ICMP = 1, PROTOCOL_ICMP6 = 58, QUOTED = 8 };

// Echo, timestamp and the like may be answered with an error, errors may not.
static bool is_icmp4_error(const uint8_t *ip, size_t length, size_t header) {
	if (ip[9] != PROTOCOL_ICMP || length <= header) return false;
	uint8_t type = ip[header];
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static size_t reply4(const uint8_t *frame, size_t length, const struct shape *shape, uint32_t mtu, uint8_t *reply) {
	const uint8_t *ip = frame + ETH_HEADER;
	size_t rest = length - ETH_HEADER, header = shape->ip_header;
	if (get16(ip + 6) & 0x1fff || is_icmp4_error(ip, rest, header)) return 0;

	size_t quoted = header + QUOTED;
	if (quoted > rest) quoted = rest;
	size_t total = IP4_HEADER + ICMP_HEADER + quoted;

	uint8_t *out = reply + ETH_HEADER;
	memset(out, 0, IP4_HEADER + ICMP_HEADER);
	out[0] = 0x45;
	out[1] = ip[1];
	put16(out + 2, (uint32_t)total);
	out[8] = 64;
	out[9] = PROTOCOL_ICMP;
	memcpy(out + 12, ip + 16, 4);
	memcpy(out + 16, ip + 12, 4);
	put_checksum(out, IP4_HEADER, 10, 0);

	uint8_t *icmp = out + IP4_HEADER;
	icmp[0] = 3;
	icmp[1] = 4;
	put16(icmp + 6, mtu > 0xffff ? 0xffff : mtu);
	memcpy(icmp + ICMP_HEADER, ip, quoted);
	put_checksum(icmp, ICMP_HEADER + quoted, 2, 0);
	return ETH_HEADER + total;
}

static size_t reply6(const uint8_t *frame, size_t length, uint32_t mtu, uint8_t *reply) {
	const uint8_t *ip = frame + ETH_HEADER;
	size_t rest = length - ETH_HEADER;
	bool icmp_error = ip[6] == PROTOCOL_ICMP6 && rest > IP6_HEADER && ip[IP6_HEADER] < 128;
	if (icmp_error || ip[8] == 0xff) return 0;

	size_t room = IP6_MIN_MTU - IP6_HEADER - ICMP_HEADER;
	size_t quoted = rest < room ? rest : room;
	uint32_t body = (uint32_t)(ICMP_HEADER + quoted);

	uint8_t *out = reply + ETH_HEADER;
	memset(out, 0, IP6_HEADER + ICMP_HEADER);
	out[0] = 0x60;
	put16(out + 4, body);
	out[6] = PROTOCOL_ICMP6;
	out[7] = 64;
	memcpy(out + 8, ip + 24, 16);
	memcpy(out + 24, ip + 8, 16);

	uint8_t *icmp = out + IP6_HEADER;
	icmp[0] = 2;
	put32(icmp + 4, mtu < IP6_MIN_MTU ? IP6_MIN_MTU : mtu);
	memcpy(icmp + ICMP_HEADER, ip, quoted);
	put_checksum(icmp, body, 2, sum_pseudo6(out, PROTOCOL_ICMP6, body));
	return ETH_HEADER + IP6_HEADER + body;
}

size_t too_big_reply(const uint8_t *frame, size_t length, const struct shape *shape, uint32_t mtu, uint8_t *reply) {
	if (!shape->ip4 && !shape->ip6) return 0;
	if (frame[0] & 1 || frame[6] & 1) return 0;

	memcpy(reply, frame + 6, 6);
	memcpy(reply + 6, frame, 6);
	memcpy(reply + 12, frame + 12, 2);
	size_t made = shape->ip4 ? reply4(frame, length, shape, mtu, reply) : reply6(frame, length, mtu, reply);
	if (made == 0 || made >= MIN_FRAME) return made;
	memset(reply + made, 0, MIN_FRAME - made);
	return MIN_FRAME;
}
