// Big-endian fields at any alignment.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t get16(const uint8_t *p) {
	uint16_t value;
	memcpy(&value, p, sizeof value);
	return __builtin_bswap16(value);
}

static inline uint32_t get32(const uint8_t *p) {
	uint32_t value;
	memcpy(&value, p, sizeof value);
	return __builtin_bswap32(value);
}

static inline uint64_t get48(const uint8_t *p) {
	return (uint64_t)get16(p) << 32 | get32(p + 2);
}

static inline uint64_t get64(const uint8_t *p) {
	uint64_t value;
	memcpy(&value, p, sizeof value);
	return __builtin_bswap64(value);
}

static inline void put16(uint8_t *p, uint32_t value) {
	uint16_t swapped = __builtin_bswap16((uint16_t)value);
	memcpy(p, &swapped, sizeof swapped);
}

static inline void put32(uint8_t *p, uint32_t value) {
	value = __builtin_bswap32(value);
	memcpy(p, &value, sizeof value);
}

static inline void put48(uint8_t *p, uint64_t value) {
	put16(p, (uint32_t)(value >> 32));
	put32(p + 2, (uint32_t)value);
}

static inline void put64(uint8_t *p, uint64_t value) {
	value = __builtin_bswap64(value);
	memcpy(p, &value, sizeof value);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the engine assumes a little-endian host");
