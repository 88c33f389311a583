#include "secretbox.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

#include "cipher.h"
#include "salsa.h"

enum { AT_NONCE = NAME_BYTES, AT_TAG = NAME_BYTES + SEQUENCE_BYTES, MAC_KEY_BYTES = 32, PREFIX = 16, OPENER = SEALERS };

struct secretbox {
	uint8_t sending[crypto_stream_salsa20_KEYBYTES];
	uint8_t receiving[crypto_stream_salsa20_KEYBYTES];
	EVP_MAC_CTX *mac[SEALERS + 1]; // Poly1305: OpenSSL's takes half the time of libsodium's; one for each thread
};

static void subkey(uint8_t *subkey, const uint8_t *key, bool outbound) {
	uint8_t prefix[PREFIX] = { outbound ? 0x80 : 0 };
	crypto_core_hsalsa20(subkey, prefix, key, NULL);
}

static bool open_macs(struct secretbox *secretbox) {
	EVP_MAC *poly1305 = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	bool complete = poly1305;
	for (int i = 0; complete && i <= OPENER; i++) {
		secretbox->mac[i] = EVP_MAC_CTX_new(poly1305);
		complete = secretbox->mac[i];
	}
	EVP_MAC_free(poly1305);
	return complete;
}

struct secretbox *secretbox_new(const uint8_t *key, bool outbound) {
	struct secretbox *secretbox = calloc(1, sizeof *secretbox);
	if (!secretbox) return NULL;
	subkey(secretbox->sending, key, outbound);
	subkey(secretbox->receiving, key, !outbound);
	if (open_macs(secretbox)) return secretbox;
	secretbox_free(secretbox);
	return NULL;
}

void secretbox_free(struct secretbox *secretbox) {
	if (!secretbox) return;
	for (int i = 0; i <= OPENER; i++) EVP_MAC_CTX_free(secretbox->mac[i]);
	sodium_memzero(secretbox, sizeof *secretbox);
	free(secretbox);
}

typedef uint64_t words __attribute__((vector_size(32), aligned(1), may_alias));

static void combine(uint8_t *body, const uint8_t *stream, size_t length) {
	for (; length >= sizeof(words); body += sizeof(words), stream += sizeof(words), length -= sizeof(words))
		*(words *)body ^= *(const words *)stream;
	while (length-- > 0) *body++ ^= *stream++;
}

// The key stream starts with the key of Poly1305; the message follows. Gives the first part of both in `stream`.
static size_t first_part(uint8_t stream[SALSA_CHUNK], size_t length, const uint8_t *nonce, const uint8_t *key) {
	size_t head = length < SALSA_CHUNK - MAC_KEY_BYTES ? length : SALSA_CHUNK - MAC_KEY_BYTES;
	salsa_stream(stream, MAC_KEY_BYTES + head, key, nonce, 0);
	return head;
}

static void encrypt(uint8_t *body, size_t length, uint8_t stream[SALSA_CHUNK], size_t head, const uint8_t *nonce, const uint8_t *key) {
	combine(body, stream + MAC_KEY_BYTES, head);
	uint64_t block = SALSA_CHUNK / SALSA_BLOCK;
	for (size_t at = head, part; at < length; at += part, block += SALSA_CHUNK / SALSA_BLOCK) {
		part = length - at < SALSA_CHUNK ? length - at : SALSA_CHUNK;
		salsa_stream(stream, part, key, nonce, block);
		combine(body + at, stream, part);
	}
}

static bool authenticate(EVP_MAC_CTX *mac, uint8_t tag[TAG_BYTES], const uint8_t *body, size_t length, const uint8_t *key) {
	size_t made;
	return EVP_MAC_init(mac, key, MAC_KEY_BYTES, NULL) == 1 && EVP_MAC_update(mac, body, length) == 1 &&
	       EVP_MAC_final(mac, tag, &made, TAG_BYTES) == 1;
}

bool secretbox_seal(const struct secretbox *secretbox, enum sealer sealer, uint8_t *packet, size_t length, uint64_t df_and_sequence) {
	uint8_t stream[SALSA_CHUNK], mac_key[MAC_KEY_BYTES], *body = packet + SEALED_OVERHEAD, *nonce = packet + AT_NONCE;
	put64(nonce, df_and_sequence);
	size_t head = first_part(stream, length, nonce, secretbox->sending);
	memcpy(mac_key, stream, MAC_KEY_BYTES);
	encrypt(body, length, stream, head, nonce, secretbox->sending);
	bool sealed = authenticate(secretbox->mac[sealer], packet + AT_TAG, body, length, mac_key);
	sodium_memzero(mac_key, sizeof mac_key);
	sodium_memzero(stream, sizeof stream);
	return sealed;
}

bool secretbox_open(const struct secretbox *secretbox, uint8_t *packet, size_t length, uint64_t *df_and_sequence) {
	uint8_t stream[SALSA_CHUNK], tag[TAG_BYTES], *body = packet + SEALED_OVERHEAD, *nonce = packet + AT_NONCE;
	size_t sealed = length - SEALED_OVERHEAD;
	*df_and_sequence = get64(nonce);
	size_t head = first_part(stream, sealed, nonce, secretbox->receiving);
	bool genuine = authenticate(secretbox->mac[OPENER], tag, body, sealed, stream) &&
	               sodium_memcmp(tag, packet + AT_TAG, TAG_BYTES) == 0;
	if (genuine) encrypt(body, sealed, stream, head, nonce, secretbox->receiving);
	sodium_memzero(stream, sizeof stream);
	return genuine;
}
