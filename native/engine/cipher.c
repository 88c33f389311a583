#include "cipher.h"

#include <sodium.h>

enum { AT_SEQUENCE = NAME_BYTES, AT_TAG = NAME_BYTES + SEQUENCE_BYTES };

size_t cipher_key_bytes(enum suite suite) {
	return suite == SUITE_CLEAR ? 0 : suite == SUITE_SECRETBOX ? KEY_BYTES : 2 * CHAIN_BYTES;
}

bool cipher_init(struct cipher *cipher, enum suite suite, bool outbound, const uint8_t *key) {
	*cipher = (struct cipher){ .suite = suite, .outbound = outbound };
	if (suite == SUITE_SECRETBOX) memcpy(cipher->key, key, KEY_BYTES);
	if (suite == SUITE_CLEAR || suite == SUITE_SECRETBOX) return true;
	cipher->aead = aead_new(suite == SUITE_AES256GCM ? EVP_aes_256_gcm() : EVP_chacha20_poly1305(), key);
	return cipher->aead;
}

void cipher_close(struct cipher *cipher) {
	aead_free(cipher->aead);
	sodium_memzero(cipher, sizeof *cipher);
}

static void nonce_of(uint8_t nonce[crypto_secretbox_NONCEBYTES], bool outbound, const uint8_t *sequence) {
	memset(nonce, 0, crypto_secretbox_NONCEBYTES - SEQUENCE_BYTES);
	nonce[0] = outbound ? 0x80 : 0;
	memcpy(nonce + crypto_secretbox_NONCEBYTES - SEQUENCE_BYTES, sequence, SEQUENCE_BYTES);
}

bool cipher_seal(const struct cipher *cipher, enum sealer sealer, uint8_t *packet, size_t length, uint64_t df_and_sequence) {
	if (cipher->aead) return aead_seal(cipher->aead, sealer, packet, length, df_and_sequence);
	uint8_t nonce[crypto_secretbox_NONCEBYTES], *body = packet + SEALED_OVERHEAD;
	put64(packet + AT_SEQUENCE, df_and_sequence);
	nonce_of(nonce, cipher->outbound, packet + AT_SEQUENCE);
	return crypto_secretbox_detached(body, packet + AT_TAG, body, length, nonce, cipher->key) == 0;
}

bool cipher_open(const struct cipher *cipher, uint8_t *packet, size_t length, uint64_t *df_and_sequence) {
	if (length < SEALED_OVERHEAD) return false;
	if (cipher->aead) return aead_open(cipher->aead, packet, length, df_and_sequence);
	uint8_t nonce[crypto_secretbox_NONCEBYTES], *body = packet + SEALED_OVERHEAD;
	*df_and_sequence = get64(packet + AT_SEQUENCE);
	nonce_of(nonce, !cipher->outbound, packet + AT_SEQUENCE);
	return crypto_secretbox_open_detached(body, body, packet + AT_TAG, length - SEALED_OVERHEAD, nonce,
	                                      cipher->key) == 0;
}
