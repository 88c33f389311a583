#include "salsa.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)

// Sixteen blocks at once, one in each lane. libsodium has at most eight, and needs three instructions for a rotation.
typedef uint32_t lanes __attribute__((vector_size(64)));

enum { WORDS = 16, DOUBLE_ROUNDS = 10 };

#define ROTATED(x, by) ((x) << (by) | (x) >> (32 - (by)))
#define QUARTER(a, b, c, d) \
	x[b] ^= ROTATED(x[a] + x[d], 7), x[c] ^= ROTATED(x[b] + x[a], 9), \
	x[d] ^= ROTATED(x[c] + x[b], 13), x[a] ^= ROTATED(x[d] + x[c], 18)

// Pairs of lanes of two vectors: the steps of transposing sixteen by sixteen words.
#define LOW_32(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH_32(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_64(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_64(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define LOW_128(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#define HIGH_128(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
#define LOW_256(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define HIGH_256(a, b) __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)

__attribute__((target("avx512f"))) static void sixteen_blocks(uint8_t *out, const uint32_t state[WORDS]) {
	static const lanes number = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	lanes start[WORDS], x[WORDS], t[WORDS];
	for (int i = 0; i < WORDS; i++) start[i] = (lanes){ 0 } + state[i];
	start[8] += number;
	start[9] -= (lanes)(start[8] < number); // the carry of the block number's lower half
	memcpy(x, start, sizeof x);

	for (int i = 0; i < DOUBLE_ROUNDS; i++) {
		QUARTER(0, 4, 8, 12), QUARTER(5, 9, 13, 1), QUARTER(10, 14, 2, 6), QUARTER(15, 3, 7, 11);
		QUARTER(0, 1, 2, 3), QUARTER(5, 6, 7, 4), QUARTER(10, 11, 8, 9), QUARTER(15, 12, 13, 14);
	}
	for (int i = 0; i < WORDS; i++) x[i] += start[i];

	for (int i = 0; i < WORDS; i += 2) t[i] = LOW_32(x[i], x[i + 1]), t[i + 1] = HIGH_32(x[i], x[i + 1]);
	for (int i = 0; i < WORDS; i += 4) {
		x[i] = LOW_64(t[i], t[i + 2]), x[i + 1] = HIGH_64(t[i], t[i + 2]);
		x[i + 2] = LOW_64(t[i + 1], t[i + 3]), x[i + 3] = HIGH_64(t[i + 1], t[i + 3]);
	}
	for (int i = 0; i < 4; i++) {
		t[i] = LOW_128(x[i], x[4 + i]), t[4 + i] = HIGH_128(x[i], x[4 + i]);
		t[8 + i] = LOW_128(x[8 + i], x[12 + i]), t[12 + i] = HIGH_128(x[8 + i], x[12 + i]);
	}
	for (int i = 0; i < 8; i++) x[i] = LOW_256(t[i], t[8 + i]), x[8 + i] = HIGH_256(t[i], t[8 + i]);
	memcpy(out, x, sizeof x);
}

// Constants and key lie on the diagonal and around it; nonce and block number in the middle.
static void fill_state(uint32_t state[WORDS], const uint8_t *key, const uint8_t *nonce, uint64_t block) {
	static const uint8_t constant[] = "expand 32-byte k";
	for (size_t i = 0; i < 4; i++) memcpy(state + 5 * i, constant + 4 * i, 4);
	memcpy(state + 1, key, 16);
	memcpy(state + 6, nonce, 8);
	memcpy(state + 8, &block, 8);
	memcpy(state + 11, key + 16, 16);
}

// A single block is not worth the other fifteen.
static bool wide_stream(uint8_t *out, size_t length, const uint8_t *key, const uint8_t *nonce, uint64_t block) {
	if (length <= SALSA_BLOCK || !__builtin_cpu_supports("avx512f")) return false;
	uint32_t state[WORDS];
	fill_state(state, key, nonce, block);
	sixteen_blocks(out, state);
	sodium_memzero(state, sizeof state);
	return true;
}

#else

static bool wide_stream(uint8_t *out, size_t length, const uint8_t *key, const uint8_t *nonce, uint64_t block) {
	return (void)out, (void)length, (void)key, (void)nonce, (void)block, false;
}

#endif

void salsa_stream(uint8_t out[SALSA_CHUNK], size_t length, const uint8_t *key, const uint8_t *nonce, uint64_t block) {
	if (wide_stream(out, length, key, nonce, block)) return;
	memset(out, 0, length);
	crypto_stream_salsa20_xor_ic(out, out, length, nonce, block, key);
}
