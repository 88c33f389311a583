#include "shape.h"

// IPv4 options must be well formed, or old peers take the frame for something other than IPv4.
static bool options_ok(const uint8_t *at, const uint8_t *end) {
	while (at < end) {
		if (*at == 0) return true;
		if (*at == 1) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at) return false;
		at += at[1];
	}
	return true;
}

static bool ip4_header_ok(const uint8_t *ip, size_t length, uint8_t *header) {
	if (length < IP4_HEADER || ip[0] >> 4 != 4) return false;
	*header = (uint8_t)((ip[0] & 15) * 4);
	if (*header < IP4_HEADER || *header > length) return false;
	uint16_t total = get16(ip + 2);
	return (total == 0 || total >= *header) && options_ok(ip + IP4_HEADER, ip + *header);
}

struct shape shape_of(const uint8_t *frame, size_t length) {
	struct shape shape = { 0 };
	if (length < ETH_HEADER) return shape;

	static const uint8_t zeros[ETH_HEADER];
	shape.layers = 1;
	const uint8_t *ip = frame + ETH_HEADER;
	size_t rest = length - ETH_HEADER;

	switch (get16(frame + 12)) {
	case 0:
		shape.special = memcmp(frame, zeros, ETH_HEADER) == 0;
		break;
	case 0x0800:
		shape.ip4 = ip4_header_ok(ip, rest, &shape.ip_header);
		if (!shape.ip4) break;
		shape.layers = 2;
		shape.df = ip[6] & 0x40;
		break;
	case 0x86dd:
		shape.ip6 = rest >= IP6_HEADER && ip[0] >> 4 == 6;
		shape.ip_header = shape.ip6 ? IP6_HEADER : 0;
		break;
	}
	return shape;
}
