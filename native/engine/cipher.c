#include "cipher.h"

#include <sodium.h>

#include "secretbox.h"

size_t cipher_key_bytes(enum suite suite) {
	return suite == SUITE_CLEAR ? 0 : suite == SUITE_SECRETBOX ? KEY_BYTES : 2 * CHAIN_BYTES;
}

bool cipher_init(struct cipher *cipher, enum suite suite, bool outbound, const uint8_t *key) {
	*cipher = (struct cipher){ .suite = suite };
	if (suite == SUITE_CLEAR) return true;
	if (suite == SUITE_SECRETBOX) {
		cipher->secretbox = secretbox_new(key, outbound);
		return cipher->secretbox;
	}
	cipher->aead = aead_new(suite == SUITE_AES256GCM ? AEAD_AES256GCM : AEAD_CHACHA20POLY1305, key);
	return cipher->aead;
}

void cipher_close(struct cipher *cipher) {
	secretbox_free(cipher->secretbox);
	aead_free(cipher->aead);
	sodium_memzero(cipher, sizeof *cipher);
}

bool cipher_seal(const struct cipher *cipher, enum sealer sealer, uint8_t *packet, size_t length, uint64_t df_and_sequence) {
	return cipher->aead ? aead_seal(cipher->aead, sealer, packet, length, df_and_sequence)
	                    : secretbox_seal(cipher->secretbox, sealer, packet, length, df_and_sequence);
}

bool cipher_open(const struct cipher *cipher, uint8_t *packet, size_t length, uint64_t *df_and_sequence) {
	if (length < SEALED_OVERHEAD) return false;
	return cipher->aead ? aead_open(cipher->aead, packet, length, df_and_sequence)
	                    : secretbox_open(cipher->secretbox, packet, length, df_and_sequence);
}
