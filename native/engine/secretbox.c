#include "secretbox.h"

#include <sodium.h>
#include <stdlib.h>

#include "cipher.h"

enum { AT_NONCE = NAME_BYTES, AT_TAG = NAME_BYTES + SEQUENCE_BYTES, ZERO_BYTES = 32, BLOCK = 64, PREFIX = 16 };

struct secretbox {
	uint8_t sending[crypto_stream_salsa20_KEYBYTES];
	uint8_t receiving[crypto_stream_salsa20_KEYBYTES];
};

static void subkey(uint8_t *subkey, const uint8_t *key, bool outbound) {
	uint8_t prefix[PREFIX] = { outbound ? 0x80 : 0 };
	crypto_core_hsalsa20(subkey, prefix, key, NULL);
}

struct secretbox *secretbox_new(const uint8_t *key, bool outbound) {
	struct secretbox *secretbox = malloc(sizeof *secretbox);
	if (!secretbox) return NULL;
	subkey(secretbox->sending, key, outbound);
	subkey(secretbox->receiving, key, !outbound);
	return secretbox;
}

void secretbox_free(struct secretbox *secretbox) {
	if (!secretbox) return;
	sodium_memzero(secretbox, sizeof *secretbox);
	free(secretbox);
}

// The key stream starts with the key of Poly1305 (32 bytes); the message follows. Gives both: `block` is the key, then
// the first bytes of the message combined with the stream; their number is the result.
static size_t first_block(uint8_t block[BLOCK], const uint8_t *body, size_t length, const uint8_t *nonce, const uint8_t *key) {
	size_t head = length < BLOCK - ZERO_BYTES ? length : BLOCK - ZERO_BYTES;
	memset(block, 0, BLOCK);
	memcpy(block + ZERO_BYTES, body, head);
	crypto_stream_salsa20_xor(block, block, BLOCK, nonce, key);
	return head;
}

static void rest(uint8_t *body, size_t length, size_t head, const uint8_t *nonce, const uint8_t *key) {
	if (length > head) crypto_stream_salsa20_xor_ic(body + head, body + head, length - head, nonce, 1, key);
}

void secretbox_seal(const struct secretbox *secretbox, uint8_t *packet, size_t length, uint64_t df_and_sequence) {
	uint8_t block[BLOCK], *body = packet + SEALED_OVERHEAD, *nonce = packet + AT_NONCE;
	put64(nonce, df_and_sequence);
	size_t head = first_block(block, body, length, nonce, secretbox->sending);
	memcpy(body, block + ZERO_BYTES, head);
	rest(body, length, head, nonce, secretbox->sending);
	crypto_onetimeauth_poly1305(packet + AT_TAG, body, length, block);
	sodium_memzero(block, sizeof block);
}

bool secretbox_open(const struct secretbox *secretbox, uint8_t *packet, size_t length, uint64_t *df_and_sequence) {
	uint8_t block[BLOCK], *body = packet + SEALED_OVERHEAD, *nonce = packet + AT_NONCE;
	size_t sealed = length - SEALED_OVERHEAD;
	*df_and_sequence = get64(nonce);
	size_t head = first_block(block, body, sealed, nonce, secretbox->receiving);
	bool genuine = crypto_onetimeauth_poly1305_verify(packet + AT_TAG, body, sealed, block) == 0;
	if (genuine) {
		memcpy(body, block + ZERO_BYTES, head);
		rest(body, sealed, head, nonce, secretbox->receiving);
	}
	sodium_memzero(block, sizeof block);
	return genuine;
}
