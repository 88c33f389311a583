// AES-256-GCM (NIST SP 800-38D) with the processor's instructions for AES and carry-less products, made for datagrams: no
// cost for each call but one block of the cipher. Where the processor has none, OpenSSL seals.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GCM_KEY_BYTES = 32, GCM_NONCE_BYTES = 12, GCM_TAG_BYTES = 16, GCM_MAX_ASSOCIATED = 16 };

struct gcm;

// False where the instructions are missing: nothing else here may be called then.
bool gcm_supported(void);

// A key, ready for any number of threads. NULL when out of memory.
struct gcm *gcm_new(const uint8_t key[GCM_KEY_BYTES]);

// Wipes and frees; NULL is allowed.
void gcm_free(struct gcm *gcm);

// Encrypts `length` bytes in place; `associated` has at most GCM_MAX_ASSOCIATED bytes.
void gcm_seal(const struct gcm *gcm, const uint8_t nonce[GCM_NONCE_BYTES], const uint8_t *associated, size_t associated_length,
              uint8_t *body, size_t length, uint8_t tag[GCM_TAG_BYTES]);

// Decrypts in place; false when the tag is wrong: the body is garbled then and must not be used.
bool gcm_open(const struct gcm *gcm, const uint8_t nonce[GCM_NONCE_BYTES], const uint8_t *associated, size_t associated_length,
              uint8_t *body, size_t length, const uint8_t tag[GCM_TAG_BYTES]);
