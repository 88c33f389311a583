// Answers kept ready by name, type and kind of asker. Not locked: whoever owns a table serialises its use.
#pragma once
#include "query.h"

enum {
	// For every asker; the other variants are made of these bits.
	DNS_VARIANT_ANY = 0x80,
	DNS_VARIANT_EDNS = 1,
	DNS_VARIANT_DNSSEC_OK = 2,
	DNS_VARIANT_CHECKING_DISABLED = 16,
	// A pointer to the question's name, type, class, TTL and the length of no data.
	DNS_MIN_RECORD = 12,
	// Type of the answer for all types (but DS, which is the parent zone's) that have none of their own.
	DNS_TYPE_OTHERS = 0,
};

// Whose names an answer is about, for the counters.
enum { DNS_ZONE_LOCAL, DNS_ZONE_REVERSE, DNS_ZONE_FOREIGN, DNS_ZONES };

struct dns_key {
	const uint8_t *name;
	uint8_t name_length;
	uint8_t variant;
	uint16_t type;
};

struct dns_answer {
	struct dns_answer *next;
	uint64_t stored_at;  // ms, as the lookups' `now`
	uint64_t expires_at; // 0: never
	uint32_t hash;
	uint16_t type;
	uint16_t flags;     // all but QR, RD and CD
	uint16_t counts[3]; // answers, authority, additional without OPT
	uint16_t stride;    // length of each record when all are answers that may be shuffled and cut (then they fill the
	                    // body, and it is at least DNS_MIN_RECORD), else 0
	uint16_t extended;  // upper half of the OPT record's TTL field
	uint16_t ttl_count;
	uint16_t body_length;
	uint8_t name_length;
	uint8_t variant;
	uint8_t zone;
	bool reserved; // no answer: JavaScript has to look, though a wider answer would cover the question
	uint8_t bytes[]; // offsets of TTLs in the body (native order), then name, then body
};

struct dns_answers;

// NULL without memory.
struct dns_answers *dns_answers_new(void);
void dns_answers_free(struct dns_answers *answers);

// The answer of a new entry to fill in: flags, counts, stride, extended, times, and the offsets and body through
// the functions below. Replaces an older one. NULL without memory; nothing is changed then.
struct dns_answer *dns_answers_put(struct dns_answers *answers, const struct dns_key *key, uint16_t ttl_count,
                                   uint16_t body_length);
void dns_answers_drop(struct dns_answers *answers, const struct dns_key *key);

// From now on what is at or below `domain`, and a single label, has the answer `flags` without records unless the
// name has one for all types. False without memory; nothing is changed then.
bool dns_answers_close(struct dns_answers *answers, const uint8_t *domain, uint8_t length, uint16_t flags);
void dns_answers_open(struct dns_answers *answers);

uint16_t *dns_answer_ttls(struct dns_answer *answer);
uint8_t *dns_answer_body(struct dns_answer *answer);

// What is ready for the query; NULL when nothing is. Valid until the table changes.
struct dns_answer *dns_answers_find(struct dns_answers *answers, const struct dns_query *query, uint64_t now);
