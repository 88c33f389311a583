// Sealing of datagrams (overlay §4.3): sender's name 6 | DF bit and sequence number 8 | tag 16 | ciphertext, in place.
#pragma once
#include "aead.h"
#include "bytes.h"

enum suite {
	SUITE_CLEAR,
	SUITE_SECRETBOX, // XSalsa20-Poly1305 of NaCl, what old peers speak
	SUITE_AES256GCM, // between our own
	SUITE_CHACHA20POLY1305, // between our own where a processor has no AES
	SUITES
};

enum { NAME_BYTES = 6, SEQUENCE_BYTES = 8, TAG_BYTES = 16, KEY_BYTES = 32 };
enum { CLEAR_OVERHEAD = NAME_BYTES, SEALED_OVERHEAD = NAME_BYTES + SEQUENCE_BYTES + TAG_BYTES };

static const uint64_t DF_BIT = 1ull << 63;

struct cipher {
	enum suite suite;
	struct secretbox *secretbox;
	struct aead *aead; // the others
};

// Bytes of key material that the suite wants; 0 in clear.
size_t cipher_key_bytes(enum suite suite);

// `key` is `cipher_key_bytes` long; `outbound`: we made the TCP connection. False when out of memory.
bool cipher_init(struct cipher *cipher, enum suite suite, bool outbound, const uint8_t *key);
void cipher_close(struct cipher *cipher);

static inline uint32_t cipher_overhead(const struct cipher *cipher) {
	return cipher->suite == SUITE_CLEAR ? CLEAR_OVERHEAD : SEALED_OVERHEAD;
}

// Seals the `length` bytes that lie SEALED_OVERHEAD after the start of `packet`; the sender's name must be there.
// False when the sequence numbers are used up: the packet must not be sent.
bool cipher_seal(const struct cipher *cipher, enum sealer sealer, uint8_t *packet, size_t length, uint64_t df_and_sequence);

// Opens a whole datagram of `length` bytes in place. On success the plaintext lies SEALED_OVERHEAD after the start.
bool cipher_open(const struct cipher *cipher, uint8_t *packet, size_t length, uint64_t *df_and_sequence);
