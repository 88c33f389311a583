// Replies from answers that are ready.
#pragma once
#include "answers.h"

// A source of chance for the order of records; not for secrets.
struct dns_chance {
	uint64_t state; // never 0
};

// Writes the reply to `request` into `reply` (DNS_MAX_DATAGRAM bytes); its length, 0 when the answer does not fit
// and cannot be cut.
size_t dns_reply(const uint8_t *request, const struct dns_query *query, struct dns_answer *answer, uint64_t now,
                 struct dns_chance *chance, uint8_t *reply);
