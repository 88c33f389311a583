#include "aead.h"

#include <sodium.h>
#include <stdlib.h>

#include "cipher.h"

enum { AT_FIELD = NAME_BYTES, AT_TAG = NAME_BYTES + SEQUENCE_BYTES, AUTHENTICATED = NAME_BYTES + SEQUENCE_BYTES };
enum { SEQUENCE_BITS = 48, EPOCH_LIMIT = 0x7fff, NONCE_BYTES = 12, LOOK_AHEAD = 16 };

static const uint64_t SEQUENCE_MASK = (1ull << SEQUENCE_BITS) - 1;

struct sending_key {
	uint64_t epoch;
	EVP_CIPHER_CTX *context[SEALERS];
};

struct aead {
	const EVP_CIPHER *algorithm;
	struct sending_key *_Atomic sending;
	uint8_t sending_chain[CHAIN_BYTES]; // that the key after this one comes from

	uint64_t epoch;                       // of the receiving key; the receiving worker's from here on
	uint8_t receiving_chain[CHAIN_BYTES]; // that the key after this one comes from
	EVP_CIPHER_CTX *current, *previous;   // `previous` opens what was under way when the key changed
};

// HKDF-Expand (RFC 5869) with one block of output: HMAC-SHA256(chain, label || 0x01).
static void expand(uint8_t out[CHAIN_BYTES], const uint8_t chain[CHAIN_BYTES], const char *label) {
	crypto_auth_hmacsha256_state state;
	static const uint8_t one = 1;
	crypto_auth_hmacsha256_init(&state, chain, CHAIN_BYTES);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)label, strlen(label));
	crypto_auth_hmacsha256_update(&state, &one, 1);
	crypto_auth_hmacsha256_final(&state, out);
}

// The key at the chain's place; the chain moves on and cannot be turned back.
static void next_key(uint8_t key[KEY_BYTES], uint8_t chain[CHAIN_BYTES]) {
	uint8_t after[CHAIN_BYTES];
	expand(key, chain, "weave sleeve key");
	expand(after, chain, "weave sleeve chain");
	memcpy(chain, after, CHAIN_BYTES);
	sodium_memzero(after, sizeof after);
}

static EVP_CIPHER_CTX *context_new(const EVP_CIPHER *algorithm, const uint8_t *key, bool sealing) {
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	if (context && EVP_CipherInit_ex(context, algorithm, NULL, key, NULL, sealing) == 1) return context;
	EVP_CIPHER_CTX_free(context);
	return NULL;
}

void aead_release(void *old) {
	struct sending_key *key = old;
	if (!key) return;
	for (int i = 0; i < SEALERS; i++) EVP_CIPHER_CTX_free(key->context[i]);
	free(key);
}

static struct sending_key *sending_key_new(const EVP_CIPHER *algorithm, uint8_t chain[CHAIN_BYTES], uint64_t epoch) {
	struct sending_key *sending = calloc(1, sizeof *sending);
	if (!sending) return NULL;
	uint8_t key[KEY_BYTES], moved[CHAIN_BYTES];
	memcpy(moved, chain, CHAIN_BYTES);
	next_key(key, moved);
	sending->epoch = epoch;
	bool complete = true;
	for (int i = 0; i < SEALERS; i++) {
		sending->context[i] = context_new(algorithm, key, true);
		complete = complete && sending->context[i];
	}
	sodium_memzero(key, sizeof key);
	if (complete) {
		memcpy(chain, moved, CHAIN_BYTES);
		return sending;
	}
	aead_release(sending);
	return NULL;
}

struct aead *aead_new(const EVP_CIPHER *algorithm, const uint8_t *chains) {
	struct aead *aead = calloc(1, sizeof *aead);
	if (!aead) return NULL;
	uint8_t key[KEY_BYTES];
	aead->algorithm = algorithm;
	memcpy(aead->sending_chain, chains, CHAIN_BYTES);
	memcpy(aead->receiving_chain, chains + CHAIN_BYTES, CHAIN_BYTES);
	next_key(key, aead->receiving_chain);
	aead->current = context_new(algorithm, key, false);
	sodium_memzero(key, sizeof key);
	struct sending_key *first = sending_key_new(algorithm, aead->sending_chain, 0);
	atomic_store(&aead->sending, first);
	if (aead->current && first) return aead;
	aead_free(aead);
	return NULL;
}

void aead_free(struct aead *aead) {
	if (!aead) return;
	aead_release(atomic_load(&aead->sending));
	EVP_CIPHER_CTX_free(aead->current);
	EVP_CIPHER_CTX_free(aead->previous);
	sodium_memzero(aead, sizeof *aead);
	free(aead);
}

uint64_t aead_epoch(const struct aead *aead) {
	return atomic_load(&aead->sending)->epoch;
}

void *aead_rekey(struct aead *aead) {
	uint64_t epoch = aead_epoch(aead) + 1;
	struct sending_key *next = epoch > EPOCH_LIMIT ? NULL : sending_key_new(aead->algorithm, aead->sending_chain, epoch);
	return next ? atomic_exchange(&aead->sending, next) : NULL;
}

static void nonce_of(uint8_t nonce[NONCE_BYTES], const uint8_t *packet) {
	memset(nonce, 0, NONCE_BYTES - SEQUENCE_BYTES);
	memcpy(nonce + NONCE_BYTES - SEQUENCE_BYTES, packet + AT_FIELD, SEQUENCE_BYTES);
}

bool aead_seal(struct aead *aead, enum sealer sealer, uint8_t *packet, size_t length, uint64_t df_and_sequence) {
	const struct sending_key *key = atomic_load_explicit(&aead->sending, memory_order_acquire);
	EVP_CIPHER_CTX *context = key->context[sealer];
	uint8_t nonce[NONCE_BYTES], *body = packet + SEALED_OVERHEAD;
	int made;
	// Numbers that do not fit would be used twice.
	if ((df_and_sequence & ~DF_BIT) > SEQUENCE_MASK) return false;
	put64(packet + AT_FIELD, df_and_sequence | key->epoch << SEQUENCE_BITS);
	nonce_of(nonce, packet);
	return EVP_EncryptInit_ex(context, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_EncryptUpdate(context, NULL, &made, packet, AUTHENTICATED) == 1 &&
	       EVP_EncryptUpdate(context, body, &made, body, (int)length) == 1 &&
	       EVP_EncryptFinal_ex(context, body + made, &made) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, packet + AT_TAG) == 1;
}

// Decrypts in place; what is not genuine leaves the packet garbled, so it can be tried with one key only.
static bool open_with(EVP_CIPHER_CTX *context, uint8_t *packet, size_t length) {
	uint8_t nonce[NONCE_BYTES], *body = packet + SEALED_OVERHEAD;
	int made;
	nonce_of(nonce, packet);
	return EVP_DecryptInit_ex(context, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_DecryptUpdate(context, NULL, &made, packet, AUTHENTICATED) == 1 &&
	       EVP_DecryptUpdate(context, body, &made, body, (int)(length - SEALED_OVERHEAD)) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, packet + AT_TAG) == 1 &&
	       EVP_DecryptFinal_ex(context, body + made, &made) == 1;
}

// A datagram of a later epoch: when it is genuine, its key is the current one from now on.
static bool open_ahead(struct aead *aead, uint8_t *packet, size_t length, uint64_t epoch) {
	uint8_t chain[CHAIN_BYTES], key[KEY_BYTES];
	memcpy(chain, aead->receiving_chain, CHAIN_BYTES);
	for (uint64_t at = aead->epoch; at < epoch; at++) next_key(key, chain);
	EVP_CIPHER_CTX *context = context_new(aead->algorithm, key, false);
	sodium_memzero(key, sizeof key);
	bool genuine = context && open_with(context, packet, length);
	if (genuine) {
		EVP_CIPHER_CTX_free(aead->previous);
		aead->previous = epoch == aead->epoch + 1 ? aead->current : NULL;
		if (!aead->previous) EVP_CIPHER_CTX_free(aead->current);
		aead->current = context;
		aead->epoch = epoch;
		memcpy(aead->receiving_chain, chain, CHAIN_BYTES);
	} else {
		EVP_CIPHER_CTX_free(context);
	}
	sodium_memzero(chain, sizeof chain);
	return genuine;
}

bool aead_open(struct aead *aead, uint8_t *packet, size_t length, uint64_t *df_and_sequence) {
	if (length < SEALED_OVERHEAD) return false;
	uint64_t field = get64(packet + AT_FIELD), epoch = field >> SEQUENCE_BITS & EPOCH_LIMIT;
	*df_and_sequence = field & (DF_BIT | SEQUENCE_MASK);
	if (epoch == aead->epoch) return open_with(aead->current, packet, length);
	if (epoch + 1 == aead->epoch) return aead->previous && open_with(aead->previous, packet, length);
	return epoch > aead->epoch && epoch <= aead->epoch + LOOK_AHEAD && open_ahead(aead, packet, length, epoch);
}
