// Requests that can be answered without JavaScript: one plain question, at most an OPT record behind it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DNS_HEADER = 12,
	DNS_MAX_NAME = 255,
	DNS_MAX_DATAGRAM = 4096,
	DNS_MIN_DATAGRAM = 512,
	DNS_OPT_LENGTH = 11,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_DS = 43,
	DNS_CLASS_IN = 1,
	DNS_QR = 0x8000,
	DNS_TC = 0x0200,
	DNS_RD = 0x0100,
	DNS_AD = 0x0020,
	DNS_CD = 0x0010,
	DNS_OPTION_CLIENT_SUBNET = 8,
};

struct dns_query {
	uint8_t name[DNS_MAX_NAME]; // wire form, letters lowered
	uint8_t name_length;
	uint16_t type;
	uint16_t flags;
	uint16_t question_end; // offset behind the question
	uint16_t limit;        // largest reply that the client takes
	bool edns;
	bool dnssec_ok;
};

// False: not for us to answer or to refuse; JavaScript looks at the request. Reads nothing behind `length`.
bool dns_query_parse(const uint8_t *request, size_t length, struct dns_query *query);
