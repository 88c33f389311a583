#include "reply.h"

#include <string.h>

static void write16(uint8_t *p, uint32_t value) {
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static uint32_t read32(const uint8_t *p) {
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write32(uint8_t *p, uint32_t value) {
	write16(p, value >> 16);
	write16(p + 2, value);
}

// Uniform below `bound`, up to a bias of 2^-32.
static uint32_t below(struct dns_chance *chance, uint32_t bound) {
	uint64_t x = chance->state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	chance->state = x;
	return (uint32_t)((x >> 32) * bound >> 32);
}

// A random choice of `kept` of the records, in random order. All of them are in one body, so they are not too many.
static void put_shuffled(uint8_t *to, const uint8_t *body, uint32_t count, uint32_t stride, uint32_t kept,
                         struct dns_chance *chance) {
	uint16_t order[DNS_MAX_DATAGRAM / DNS_MIN_RECORD];
	for (uint32_t i = 0; i < count; i++) order[i] = (uint16_t)i;
	for (uint32_t i = 0; i < kept; i++) {
		uint32_t other = i + below(chance, count - i);
		uint16_t chosen = order[other];
		order[other] = order[i];
		memcpy(to + i * stride, body + chosen * stride, stride);
	}
}

static void age_ttls(uint8_t *body, struct dns_answer *answer, uint64_t now) {
	uint64_t age = (now - answer->stored_at) / 1000;
	const uint16_t *ttls = dns_answer_ttls(answer);
	for (uint16_t i = 0; i < answer->ttl_count; i++) {
		uint32_t ttl = read32(body + ttls[i]);
		write32(body + ttls[i], ttl > age ? (uint32_t)(ttl - age) : 0);
	}
}

static void put_opt(uint8_t *opt, bool dnssec_ok, uint16_t extended) {
	memset(opt, 0, DNS_OPT_LENGTH);
	write16(opt + 1, DNS_TYPE_OPT);
	write16(opt + 3, DNS_MAX_DATAGRAM);
	write16(opt + 5, extended);
	opt[7] = dnssec_ok ? 0x80 : 0;
}

size_t dns_reply(const uint8_t *request, const struct dns_query *query, struct dns_answer *answer, uint64_t now,
                 struct dns_chance *chance, uint8_t *reply) {
	size_t opt = query->edns ? DNS_OPT_LENGTH : 0;
	size_t room = query->limit - query->question_end - opt;
	size_t body = answer->body_length;
	uint32_t kept = answer->counts[0];
	bool cut = body > room;
	if (cut && answer->stride == 0) return 0;
	if (cut) {
		kept = (uint32_t)(room / answer->stride);
		body = kept * answer->stride;
	}

	memcpy(reply, request, query->question_end);
	write16(reply + 2, DNS_QR | (query->flags & (DNS_RD | DNS_CD)) | answer->flags | (cut ? DNS_TC : 0));
	write16(reply + 6, kept);
	write16(reply + 8, answer->counts[1]);
	write16(reply + 10, answer->counts[2] + (query->edns ? 1u : 0u));

	uint8_t *to = reply + query->question_end;
	if (answer->stride != 0) put_shuffled(to, dns_answer_body(answer), answer->counts[0], answer->stride, kept, chance);
	else memcpy(to, dns_answer_body(answer), body);
	if (answer->expires_at != 0) age_ttls(to, answer, now);
	if (query->edns) put_opt(to + body, query->dnssec_ok, answer->extended);
	return query->question_end + body + opt;
}
