#include "query.h"

static uint16_t read16(const uint8_t *p) {
	return (uint16_t)(p[0] << 8 | p[1]);
}

// Lowers and copies the name at the header's end; its length with the final zero, 0 when there is none in order.
static size_t read_name(const uint8_t *request, size_t length, uint8_t *name) {
	size_t at = DNS_HEADER, used = 0;
	for (;;) {
		if (at >= length) return 0;
		size_t label = request[at];
		// Longer labels are pointers or unknown; the name must leave room for its final zero.
		if (label > 63 || at + 1 + label > length || used + 1 + label > DNS_MAX_NAME) return 0;
		name[used++] = request[at++];
		if (label == 0) return used;
		for (; label > 0; label--) {
			uint8_t c = request[at++];
			name[used++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
		}
	}
}

// Options between `at` and `end`: false when they are malformed or ask for an answer of one's own.
static bool options_plain(const uint8_t *request, size_t at, size_t end) {
	while (at < end) {
		if (end - at < 4) return false;
		size_t length = read16(request + at + 2);
		if (length > end - at - 4 || read16(request + at) == DNS_OPTION_CLIENT_SUBNET) return false;
		at += 4 + length;
	}
	return true;
}

// An OPT record of version 0 from `at` to the very end.
static bool read_opt(const uint8_t *request, size_t length, size_t at, struct dns_query *query) {
	if (length - at < DNS_OPT_LENGTH || request[at] != 0 || read16(request + at + 1) != DNS_TYPE_OPT) return false;
	if (request[at + 6] != 0 || read16(request + at + 9) != length - at - DNS_OPT_LENGTH) return false;
	uint16_t size = read16(request + at + 3);
	query->edns = true;
	query->dnssec_ok = (request[at + 7] & 0x80) != 0;
	query->limit = size < DNS_MIN_DATAGRAM ? DNS_MIN_DATAGRAM : size > DNS_MAX_DATAGRAM ? DNS_MAX_DATAGRAM : size;
	return options_plain(request, at + DNS_OPT_LENGTH, length);
}

bool dns_query_parse(const uint8_t *request, size_t length, struct dns_query *query) {
	if (length < DNS_HEADER || length > DNS_MAX_DATAGRAM) return false;
	query->flags = read16(request + 2);
	uint16_t additional = read16(request + 10);
	if ((query->flags & ~(DNS_RD | DNS_AD | DNS_CD)) != 0 || additional > 1) return false;
	if (read16(request + 4) != 1 || read16(request + 6) != 0 || read16(request + 8) != 0) return false;

	size_t name = read_name(request, length, query->name);
	size_t end = DNS_HEADER + name + 4;
	if (name == 0 || end > length || read16(request + end - 2) != DNS_CLASS_IN) return false;
	query->name_length = (uint8_t)name;
	query->type = read16(request + end - 4);
	query->question_end = (uint16_t)end;
	query->edns = false;
	query->dnssec_ok = false;
	query->limit = DNS_MIN_DATAGRAM;
	return additional == 0 ? end == length : read_opt(request, length, end, query);
}
