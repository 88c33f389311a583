#include "cipher.h"

#include <sodium.h>

enum { AT_SEQUENCE = NAME_BYTES, AT_TAG = NAME_BYTES + SEQUENCE_BYTES };

static void nonce_of(uint8_t nonce[crypto_secretbox_NONCEBYTES], bool outbound, const uint8_t *sequence) {
	memset(nonce, 0, crypto_secretbox_NONCEBYTES - SEQUENCE_BYTES);
	nonce[0] = outbound ? 0x80 : 0;
	memcpy(nonce + crypto_secretbox_NONCEBYTES - SEQUENCE_BYTES, sequence, SEQUENCE_BYTES);
}

void cipher_seal(const struct cipher *cipher, uint8_t *packet, size_t length, uint64_t df_and_sequence) {
	uint8_t nonce[crypto_secretbox_NONCEBYTES], *body = packet + SEALED_OVERHEAD;
	put64(packet + AT_SEQUENCE, df_and_sequence);
	nonce_of(nonce, cipher->outbound, packet + AT_SEQUENCE);
	crypto_secretbox_detached(body, packet + AT_TAG, body, length, nonce, cipher->key);
}

bool cipher_open(const struct cipher *cipher, uint8_t *packet, size_t length, uint64_t *df_and_sequence) {
	if (length < SEALED_OVERHEAD) return false;
	uint8_t nonce[crypto_secretbox_NONCEBYTES], *body = packet + SEALED_OVERHEAD;
	*df_and_sequence = get64(packet + AT_SEQUENCE);
	nonce_of(nonce, !cipher->outbound, packet + AT_SEQUENCE);
	return crypto_secretbox_open_detached(body, body, packet + AT_TAG, length - SEALED_OVERHEAD, nonce,
	                                      cipher->key) == 0;
}
