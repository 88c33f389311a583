#include "counters.h"

// Where a type is counted: A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, SVCB, HTTPS, ANY; 0 for all others.
static const uint8_t counted_types[256] = {
	[1] = 1, [2] = 2, [5] = 3, [6] = 4, [12] = 5, [15] = 6, [16] = 7, [28] = 8, [33] = 9, [64] = 10, [65] = 11, [255] = 12,
};

void dns_count_answer(struct dns_counters *counters, const struct dns_query *query, const struct dns_answer *answer) {
	uint8_t type = query->type < sizeof counted_types ? counted_types[query->type] : 0;
	counters->answers[type][answer->zone][answer->flags & (DNS_COUNTED_RCODES - 1)]++;
}

void dns_count_latency(struct dns_counters *counters, const uint64_t *bounds, uint64_t took, uint32_t count) {
	int bucket = 0;
	while (bucket < DNS_LATENCY_BUCKETS - 1 && took > bounds[bucket]) bucket++;
	counters->latency[bucket] += count;
	counters->latency_sum_ns += took * count;
}
