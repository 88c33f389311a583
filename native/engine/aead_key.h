// One key of an AEAD cipher, ready for use by one thread at a time: our own AES-256-GCM where the processor has the
// instructions, OpenSSL's ciphers else. What is authenticated beside the body is at most GCM_MAX_ASSOCIATED long.
#pragma once
#include "gcm.h"

enum aead_algorithm { AEAD_AES256GCM, AEAD_CHACHA20POLY1305 };

enum { AEAD_KEY_BYTES = GCM_KEY_BYTES, AEAD_NONCE_BYTES = GCM_NONCE_BYTES, AEAD_TAG_BYTES = GCM_TAG_BYTES };

struct aead_key;

// A key that seals, or one that opens. NULL when out of memory.
struct aead_key *aead_key_new(enum aead_algorithm algorithm, const uint8_t key[AEAD_KEY_BYTES], bool sealing);

// The same by OpenSSL on any processor.
struct aead_key *aead_key_new_portable(enum aead_algorithm algorithm, const uint8_t key[AEAD_KEY_BYTES], bool sealing);

// Wipes and frees; NULL is allowed.
void aead_key_free(struct aead_key *key);

// Encrypts the body in place. False when OpenSSL fails: the body must not be sent.
bool aead_key_seal(struct aead_key *key, const uint8_t nonce[AEAD_NONCE_BYTES], const uint8_t *associated, size_t associated_length,
                   uint8_t *body, size_t length, uint8_t tag[AEAD_TAG_BYTES]);

// Decrypts in place; false when it is not genuine: the body is garbled then, so it can be tried with one key only.
bool aead_key_open(struct aead_key *key, const uint8_t nonce[AEAD_NONCE_BYTES], const uint8_t *associated, size_t associated_length,
                   uint8_t *body, size_t length, uint8_t tag[AEAD_TAG_BYTES]);
