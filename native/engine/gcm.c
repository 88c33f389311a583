#include "gcm.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

// Eight blocks are under way at a time: an AES round takes four cycles, and another can begin with each. The sum of
// products (GHASH) of eight blocks is made between the rounds, and reduced once.
enum { BLOCK = 16, ROUNDS = 14, WIDE = 8, CHUNK = WIDE * BLOCK, POWERS = WIDE + 1, HEAD = CHUNK - BLOCK };

struct gcm {
	__m128i round[ROUNDS + 1];
	__m128i power[POWERS]; // of the hash key: power[i] is its (i + 1)th
};

#define ISA __attribute__((target("aes,pclmul,avx")))
#define INLINE ISA static inline __attribute__((always_inline))

bool gcm_supported(void) {
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("avx");
}

INLINE __m128i load(const uint8_t *at) {
	return _mm_loadu_si128((const __m128i *)at);
}

INLINE void store(uint8_t *at, __m128i block) {
	_mm_storeu_si128((__m128i *)at, block);
}

INLINE __m128i reversed(__m128i block) {
	return _mm_shuffle_epi8(block, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

// --- the cipher

// Words of the key schedule (FIPS 197 §5.2): each is the one before it added to one of eight words ago.
INLINE __m128i spread(__m128i key, __m128i added) {
	key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
	return _mm_xor_si128(key, added);
}

#define EVEN_KEY(i, constant) \
	gcm->round[i] = spread(gcm->round[(i) - 2], _mm_shuffle_epi32(_mm_aeskeygenassist_si128(gcm->round[(i) - 1], constant), 0xff))
#define ODD_KEY(i) \
	gcm->round[i] = spread(gcm->round[(i) - 2], _mm_shuffle_epi32(_mm_aeskeygenassist_si128(gcm->round[(i) - 1], 0), 0xaa))

ISA static void expand_key(struct gcm *gcm, const uint8_t *key) {
	gcm->round[0] = load(key);
	gcm->round[1] = load(key + BLOCK);
	EVEN_KEY(2, 0x01), ODD_KEY(3), EVEN_KEY(4, 0x02), ODD_KEY(5), EVEN_KEY(6, 0x04), ODD_KEY(7), EVEN_KEY(8, 0x08);
	ODD_KEY(9), EVEN_KEY(10, 0x10), ODD_KEY(11), EVEN_KEY(12, 0x20), ODD_KEY(13), EVEN_KEY(14, 0x40);
}

ISA static __m128i encrypt_block(const struct gcm *gcm, __m128i block) {
	block = _mm_xor_si128(block, gcm->round[0]);
	for (int i = 1; i < ROUNDS; i++) block = _mm_aesenc_si128(block, gcm->round[i]);
	return _mm_aesenclast_si128(block, gcm->round[ROUNDS]);
}

// --- the hash: GHASH by way of POLYVAL (RFC 8452 appendix A), whose bits lie as the processor's do

struct sum {
	__m128i low, middle, high; // of products not reduced yet
};

INLINE void add_product(struct sum *sum, __m128i a, __m128i b) {
	sum->low = _mm_xor_si128(sum->low, _mm_clmulepi64_si128(a, b, 0x00));
	sum->high = _mm_xor_si128(sum->high, _mm_clmulepi64_si128(a, b, 0x11));
	sum->middle = _mm_xor_si128(sum->middle, _mm_clmulepi64_si128(a, b, 0x01));
	sum->middle = _mm_xor_si128(sum->middle, _mm_clmulepi64_si128(a, b, 0x10));
}

// Modulo x^128 + x^127 + x^126 + x^121 + 1, and divided by x^128, 64 bits at a time.
INLINE __m128i reduced(const struct sum *sum) {
	const __m128i modulus = _mm_set_epi64x((long long)0xc200000000000000ull, 1);
	__m128i low = _mm_xor_si128(sum->low, _mm_slli_si128(sum->middle, 8));
	__m128i high = _mm_xor_si128(sum->high, _mm_srli_si128(sum->middle, 8));
	for (int i = 0; i < 2; i++)
		low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, modulus, 0x10));
	return _mm_xor_si128(high, low);
}

INLINE __m128i product(__m128i a, __m128i b) {
	struct sum sum = { 0 };
	add_product(&sum, a, b);
	return reduced(&sum);
}

// The hash key times x.
ISA static __m128i times_x(__m128i key) {
	__m128i carries = _mm_srli_epi64(key, 63);
	__m128i doubled = _mm_or_si128(_mm_slli_epi64(key, 1), _mm_slli_si128(carries, 8));
	__m128i overflow = _mm_sub_epi64(_mm_setzero_si128(), _mm_srli_si128(carries, 8));
	__m128i everywhere = _mm_unpacklo_epi64(overflow, overflow);
	return _mm_xor_si128(doubled, _mm_and_si128(everywhere, _mm_set_epi64x((long long)0xc200000000000000ull, 1)));
}

// Takes `count` blocks, at most POWERS, into the hash.
ISA static __m128i hashed(const struct gcm *gcm, __m128i hash, const uint8_t *blocks, size_t count) {
	struct sum sum = { 0 };
	for (size_t i = 0; i < count; i++) {
		__m128i block = reversed(load(blocks + i * BLOCK));
		add_product(&sum, i == 0 ? _mm_xor_si128(block, hash) : block, gcm->power[count - 1 - i]);
	}
	return reduced(&sum);
}

// --- both together

#define EACH(i) _Pragma("GCC unroll 8") for (int i = 0; i < WIDE; i++)

// Eight blocks of key stream. `counter` is reversed: its number is in the lowest 32 bits. With `hash`, the eight blocks at
// `blocks` go into it meanwhile.
INLINE void wide(const struct gcm *gcm, __m128i x[WIDE], __m128i *counter, __m128i *hash, const uint8_t *blocks) {
	struct sum sum = { 0 };
	EACH(i) x[i] = _mm_xor_si128(reversed(_mm_add_epi32(*counter, _mm_set_epi32(0, 0, 0, i))), gcm->round[0]);
	*counter = _mm_add_epi32(*counter, _mm_set_epi32(0, 0, 0, WIDE));
	_Pragma("GCC unroll 16") for (int round = 1; round < ROUNDS; round++) {
		__m128i key = gcm->round[round];
		EACH(i) x[i] = _mm_aesenc_si128(x[i], key);
		if (!hash || round > WIDE) continue;
		__m128i block = reversed(load(blocks + (round - 1) * BLOCK));
		add_product(&sum, round == 1 ? _mm_xor_si128(block, *hash) : block, gcm->power[WIDE - round]);
	}
	EACH(i) x[i] = _mm_aesenclast_si128(x[i], gcm->round[ROUNDS]);
	if (hash) *hash = reduced(&sum);
}

// A message's ends, which are not a whole number of blocks: `length` bytes of it beside `stream`, in place. What is left
// in `sealed` is the ciphertext, padded with zeros.
INLINE void narrow(bool opening, uint8_t sealed[CHUNK], const __m128i *stream, uint8_t *body, size_t length) {
	uint8_t clear[CHUNK];
	memset(sealed, 0, CHUNK);
	memcpy(sealed, body, length);
	uint8_t *out = opening ? clear : sealed;
	for (size_t at = 0; at < length; at += BLOCK) store(out + at, _mm_xor_si128(load(sealed + at), stream[at / BLOCK]));
	memcpy(body, out, length);
	if (!opening) memset(sealed + length, 0, CHUNK - length);
}

// The first eight blocks of key stream are one for the tag and seven for the message's head; so are the blocks to hash.
INLINE void transform(bool opening, const struct gcm *gcm, const uint8_t *nonce, const uint8_t *associated, size_t associated_length,
                      uint8_t *body, size_t length, uint8_t tag[GCM_TAG_BYTES]) {
	__m128i x[WIDE], hash = _mm_setzero_si128();
	uint8_t first[BLOCK] = { [BLOCK - 1] = 1 }, sealed[BLOCK + CHUNK] = { 0 };
	memcpy(first, nonce, GCM_NONCE_BYTES);
	__m128i counter = reversed(load(first));
	wide(gcm, x, &counter, NULL, NULL);
	__m128i mask = x[0];

	size_t head = length < HEAD ? length : HEAD, left = length - head;
	uint8_t *at = body + head;
	narrow(opening, sealed + BLOCK, x + 1, body, head);
	memcpy(sealed, associated, associated_length);
	// What was encrypted is hashed while the next chunk is; what is decrypted, while it is.
	const uint8_t *behind = sealed;
	if (opening || left < CHUNK) hash = hashed(gcm, hash, sealed, 1 + (head + BLOCK - 1) / BLOCK);
	for (; left >= CHUNK; at += CHUNK, left -= CHUNK) {
		wide(gcm, x, &counter, &hash, opening ? at : behind);
		EACH(i) store(at + i * BLOCK, _mm_xor_si128(x[i], load(at + i * BLOCK)));
		behind = at;
	}
	if (!opening && behind != sealed) hash = hashed(gcm, hash, behind, WIDE);

	size_t blocks = (left + BLOCK - 1) / BLOCK;
	if (left > 0) wide(gcm, x, &counter, NULL, NULL);
	narrow(opening, sealed, x, at, left);
	store(sealed + blocks * BLOCK, reversed(_mm_set_epi64x((long long)associated_length * 8, (long long)length * 8)));
	store(tag, _mm_xor_si128(mask, reversed(hashed(gcm, hash, sealed, blocks + 1))));
}

ISA void gcm_seal(const struct gcm *gcm, const uint8_t nonce[GCM_NONCE_BYTES], const uint8_t *associated, size_t associated_length,
                  uint8_t *body, size_t length, uint8_t tag[GCM_TAG_BYTES]) {
	transform(false, gcm, nonce, associated, associated_length, body, length, tag);
}

ISA bool gcm_open(const struct gcm *gcm, const uint8_t nonce[GCM_NONCE_BYTES], const uint8_t *associated, size_t associated_length,
                  uint8_t *body, size_t length, const uint8_t tag[GCM_TAG_BYTES]) {
	uint8_t made[GCM_TAG_BYTES];
	transform(true, gcm, nonce, associated, associated_length, body, length, made);
	return sodium_memcmp(made, tag, GCM_TAG_BYTES) == 0;
}

ISA struct gcm *gcm_new(const uint8_t key[GCM_KEY_BYTES]) {
	struct gcm *gcm = aligned_alloc(BLOCK, sizeof *gcm);
	if (!gcm) return NULL;
	expand_key(gcm, key);
	gcm->power[0] = times_x(reversed(encrypt_block(gcm, _mm_setzero_si128())));
	for (int i = 1; i < POWERS; i++) gcm->power[i] = product(gcm->power[i - 1], gcm->power[0]);
	return gcm;
}

void gcm_free(struct gcm *gcm) {
	if (!gcm) return;
	sodium_memzero(gcm, sizeof *gcm);
	free(gcm);
}

#else

bool gcm_supported(void) {
	return false;
}

struct gcm *gcm_new(const uint8_t key[GCM_KEY_BYTES]) {
	return (void)key, NULL;
}

void gcm_free(struct gcm *gcm) {
	(void)gcm;
}

void gcm_seal(const struct gcm *gcm, const uint8_t nonce[GCM_NONCE_BYTES], const uint8_t *associated, size_t associated_length,
              uint8_t *body, size_t length, uint8_t tag[GCM_TAG_BYTES]) {
	(void)gcm, (void)nonce, (void)associated, (void)associated_length, (void)body, (void)length, (void)tag;
	abort();
}

bool gcm_open(const struct gcm *gcm, const uint8_t nonce[GCM_NONCE_BYTES], const uint8_t *associated, size_t associated_length,
              uint8_t *body, size_t length, const uint8_t tag[GCM_TAG_BYTES]) {
	(void)gcm, (void)nonce, (void)associated, (void)associated_length, (void)body, (void)length, (void)tag;
	abort();
}

#endif
