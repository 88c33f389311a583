// The Internet checksum (RFC 1071). Sums are kept unfolded in 64 bits and in host order, so parts can be added.
#pragma once
#include "bytes.h"

// The same as `sum_bytes` for headers, where a call and its vectors cost more than the sum.
static inline uint64_t sum_short(const uint8_t *bytes, size_t length, uint64_t sum) {
	for (; length >= 8; bytes += 8, length -= 8) {
		uint64_t words;
		memcpy(&words, bytes, sizeof words);
		sum += (words & 0xffffffff) + (words >> 32);
	}
	if (length >= 4) {
		uint32_t word;
		memcpy(&word, bytes, sizeof word);
		sum += word;
		bytes += 4;
		length -= 4;
	}
	if (length >= 2) {
		uint16_t word;
		memcpy(&word, bytes, sizeof word);
		sum += word;
		bytes += 2;
		length -= 2;
	}
	return length ? sum + *bytes : sum;
}

// Adds `length` bytes to `sum`; an odd last byte counts as padded with zero.
uint64_t sum_bytes(const uint8_t *bytes, size_t length, uint64_t sum);

// Copies `length` bytes and gives their sum: one pass over the memory instead of two.
uint64_t sum_copy(uint8_t *restrict to, const uint8_t *restrict from, size_t length, uint64_t sum);

// The sum of a TCP or UDP pseudo header: addresses of `ip`, protocol and length of the transport packet.
uint64_t sum_pseudo4(const uint8_t *ip, uint8_t protocol, uint32_t length);
uint64_t sum_pseudo6(const uint8_t *ip, uint8_t protocol, uint32_t length);

// 16 bits as they lie in memory; not inverted.
uint16_t fold(uint64_t sum);

// Writes the inverted sum of `header` (its field at `at` counts as zero) into that field.
void put_checksum(uint8_t *header, size_t length, size_t at, uint64_t sum);

// True when a transport packet with its checksum in place sums up to all ones.
static inline bool sum_is_valid(uint64_t sum) {
	return fold(sum) == 0xffff;
}
