// What a server has done. Not locked: whoever owns the counters serialises their use.
#pragma once
#include "answers.h"

enum {
	DNS_COUNTED_TYPES = 13, // those that are common, and one for all others
	DNS_COUNTED_RCODES = 16,
	DNS_LATENCY_BUCKETS = 16, // the last one takes what is longer than all bounds
};

// JavaScript reads this as an array of 64-bit numbers.
struct dns_counters {
	uint64_t answers[DNS_COUNTED_TYPES][DNS_ZONES][DNS_COUNTED_RCODES];
	uint64_t latency[DNS_LATENCY_BUCKETS];
	uint64_t latency_sum_ns;
	uint64_t lost;   // requests that JavaScript was too busy for
	uint64_t unsent; // replies that the kernel refused
};

void dns_count_answer(struct dns_counters *counters, const struct dns_query *query, const struct dns_answer *answer);

// `count` answers took so long; `bounds` are the upper ends of all buckets but the last, in ns.
void dns_count_latency(struct dns_counters *counters, const uint64_t *bounds, uint64_t took, uint32_t count);
