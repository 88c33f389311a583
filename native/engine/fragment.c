#include "fragment.h"

#include "checksum.h"

enum { MORE_FRAGMENTS = 0x2000, OFFSET = 0x1fff };

bool fragment_start(struct fragmenter *cut, const uint8_t *frame, size_t length, const struct shape *shape, uint32_t mtu) {
	if (!shape->ip4 || mtu < (uint32_t)shape->ip_header + 8) return false;
	size_t rest = length - ETH_HEADER;
	size_t total = get16(frame + ETH_HEADER + 2);
	if (total == 0) total = rest;
	if (total > rest || total <= shape->ip_header) return false;
	*cut = (struct fragmenter){
		.frame = frame,
		.payload = (uint32_t)(total - shape->ip_header),
		.step = (mtu - shape->ip_header) & ~7u,
		.header = shape->ip_header,
	};
	return true;
}

static uint32_t next_payload(const struct fragmenter *cut) {
	uint32_t left = cut->payload - cut->at;
	return left < cut->step ? left : cut->step;
}

size_t fragment_next_length(const struct fragmenter *cut) {
	uint32_t payload = next_payload(cut);
	if (payload == 0) return 0;
	size_t length = ETH_HEADER + cut->header + payload;
	return length < MIN_FRAME ? MIN_FRAME : length;
}

void fragment_next(struct fragmenter *cut, uint8_t *piece) {
	uint32_t payload = next_payload(cut), headers = ETH_HEADER + cut->header;
	memcpy(piece, cut->frame, headers);
	memcpy(piece + headers, cut->frame + headers + cut->at, payload);
	if (headers + payload < MIN_FRAME) memset(piece + headers + payload, 0, MIN_FRAME - headers - payload);

	uint8_t *ip = piece + ETH_HEADER;
	uint16_t flags = get16(ip + 6);
	uint32_t offset = (flags & OFFSET) + cut->at / 8;
	bool last = cut->at + payload == cut->payload;
	put16(ip + 2, cut->header + payload);
	put16(ip + 6, (flags & ~OFFSET) | (last ? 0 : MORE_FRAGMENTS) | (offset & OFFSET));
	put_checksum(ip, cut->header, 10, 0);
	cut->at += payload;
}
