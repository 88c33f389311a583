#include "checksum.h"

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define VECTORS __attribute__((optimize("O3"), target_clones("avx2", "default")))
#elif defined(__clang__)
#define VECTORS
#else
#define VECTORS __attribute__((optimize("O3")))
#endif

// Eight independent accumulators of 32-bit words: the compiler turns the loop into vector additions.
VECTORS uint64_t sum_bytes(const uint8_t *bytes, size_t length, uint64_t sum) {
	uint64_t lane[8] = { 0 };
	uint32_t words[8];
	for (; length >= sizeof words; bytes += sizeof words, length -= sizeof words) {
		memcpy(words, bytes, sizeof words);
		for (int i = 0; i < 8; i++) lane[i] += words[i];
	}
	for (int i = 0; i < 8; i++) sum += (lane[i] & 0xffffffff) + (lane[i] >> 32);

	for (; length >= 2; bytes += 2, length -= 2) {
		uint16_t word;
		memcpy(&word, bytes, 2);
		sum += word;
	}
	if (length) sum += *bytes;
	return sum;
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
	return sum_bytes(tail, sizeof tail, sum_bytes(ip + 12, 8, 0));
}

uint64_t sum_pseudo6(const uint8_t *ip, uint8_t protocol, uint32_t length) {
	uint8_t tail[8] = { 0, 0, 0, 0, 0, 0, 0, protocol };
	put32(tail, length);
	return sum_bytes(tail, sizeof tail, sum_bytes(ip + 8, 32, 0));
}

void put_checksum(uint8_t *header, size_t length, size_t at, uint64_t sum) {
	memset(header + at, 0, 2);
	uint16_t value = (uint16_t)~fold(sum_bytes(header, length, sum));
	memcpy(header + at, &value, 2);
}
