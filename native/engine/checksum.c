#include "checksum.h"

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define VECTORS
#endif

typedef uint64_t lanes __attribute__((vector_size(32), aligned(1), may_alias));

struct lane_sums {
	lanes even[2], odd[2];
};

// Even and odd 32-bit words are added up in 64-bit lanes, sixteen words at a time; the compiler splits the vectors where
// the processor has shorter ones.
static inline __attribute__((always_inline)) void add_lanes(struct lane_sums *sums, const lanes pair[2]) {
	for (int i = 0; i < 2; i++) {
		sums->even[i] += pair[i] & 0xffffffff;
		sums->odd[i] += pair[i] >> 32;
	}
}

static inline __attribute__((always_inline)) uint64_t reduce(const struct lane_sums *sums, uint64_t sum) {
	lanes all = sums->even[0] + sums->odd[0] + sums->even[1] + sums->odd[1];
	for (int i = 0; i < 4; i++) sum += (all[i] & 0xffffffff) + (all[i] >> 32);
	return sum;
}

VECTORS uint64_t sum_bytes(const uint8_t *bytes, size_t length, uint64_t sum) {
	struct lane_sums sums = { { { 0 }, { 0 } }, { { 0 }, { 0 } } };
	for (; length >= 2 * sizeof(lanes); bytes += 2 * sizeof(lanes), length -= 2 * sizeof(lanes))
		add_lanes(&sums, (const lanes *)bytes);
	return sum_short(bytes, length, reduce(&sums, sum));
}

VECTORS uint64_t sum_copy(uint8_t *restrict to, const uint8_t *restrict from, size_t length, uint64_t sum) {
	struct lane_sums sums = { { { 0 }, { 0 } }, { { 0 }, { 0 } } };
	for (; length >= 2 * sizeof(lanes); to += 2 * sizeof(lanes), from += 2 * sizeof(lanes), length -= 2 * sizeof(lanes)) {
		lanes pair[2] = { ((const lanes *)from)[0], ((const lanes *)from)[1] };
		((lanes *)to)[0] = pair[0];
		((lanes *)to)[1] = pair[1];
		add_lanes(&sums, pair);
	}
	memcpy(to, from, length);
	return sum_short(from, length, reduce(&sums, sum));
}

uint16_t fold(uint64_t sum) {
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint64_t sum_pseudo4(const uint8_t *ip, uint8_t protocol, uint32_t length) {
	uint8_t tail[4] = { 0, protocol, (uint8_t)(length >> 8), (uint8_t)length };
	return sum_short(tail, sizeof tail, sum_short(ip + 12, 8, 0));
}

uint64_t sum_pseudo6(const uint8_t *ip, uint8_t protocol, uint32_t length) {
	uint8_t tail[8] = { 0, 0, 0, 0, 0, 0, 0, protocol };
	put32(tail, length);
	return sum_short(tail, sizeof tail, sum_short(ip + 8, 32, 0));
}

void put_checksum(uint8_t *header, size_t length, size_t at, uint64_t sum) {
	memset(header + at, 0, 2);
	uint16_t value = (uint16_t)~fold(sum_short(header, length, sum));
	memcpy(header + at, &value, 2);
}
