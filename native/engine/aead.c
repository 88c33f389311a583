#include "aead.h"

#include <sodium.h>
#include <stdlib.h>

#include "cipher.h"

enum { AT_FIELD = NAME_BYTES, AT_TAG = NAME_BYTES + SEQUENCE_BYTES, AUTHENTICATED = NAME_BYTES + SEQUENCE_BYTES };
enum { SEQUENCE_BITS = 48, EPOCH_LIMIT = 0x7fff, LOOK_AHEAD = 16 };

static const uint64_t SEQUENCE_MASK = (1ull << SEQUENCE_BITS) - 1;

struct sending_key {
	uint64_t epoch;
	struct aead_key *key[SEALERS];
};

struct aead {
	enum aead_algorithm algorithm;
	struct sending_key *_Atomic sending;
	uint8_t sending_chain[CHAIN_BYTES]; // that the key after this one comes from

	uint64_t epoch;                       // of the receiving key; the receiving worker's from here on
	uint8_t receiving_chain[CHAIN_BYTES]; // that the key after this one comes from
	struct aead_key *current, *previous; // `previous` opens what was under way when the key changed
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

void aead_release(void *old) {
	struct sending_key *sending = old;
	if (!sending) return;
	for (int i = 0; i < SEALERS; i++) aead_key_free(sending->key[i]);
	free(sending);
}

static struct sending_key *sending_key_new(enum aead_algorithm algorithm, uint8_t chain[CHAIN_BYTES], uint64_t epoch) {
	struct sending_key *sending = calloc(1, sizeof *sending);
	if (!sending) return NULL;
	uint8_t key[KEY_BYTES], moved[CHAIN_BYTES];
	memcpy(moved, chain, CHAIN_BYTES);
	next_key(key, moved);
	sending->epoch = epoch;
	bool complete = true;
	for (int i = 0; i < SEALERS; i++) {
		sending->key[i] = aead_key_new(algorithm, key, true);
		complete = complete && sending->key[i];
	}
	sodium_memzero(key, sizeof key);
	if (complete) {
		memcpy(chain, moved, CHAIN_BYTES);
		return sending;
	}
	aead_release(sending);
	return NULL;
}

struct aead *aead_new(enum aead_algorithm algorithm, const uint8_t *chains) {
	struct aead *aead = calloc(1, sizeof *aead);
	if (!aead) return NULL;
	uint8_t key[KEY_BYTES];
	aead->algorithm = algorithm;
	memcpy(aead->sending_chain, chains, CHAIN_BYTES);
	memcpy(aead->receiving_chain, chains + CHAIN_BYTES, CHAIN_BYTES);
	next_key(key, aead->receiving_chain);
	aead->current = aead_key_new(algorithm, key, false);
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
	aead_key_free(aead->current);
	aead_key_free(aead->previous);
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

// Four zero bytes and the field as it lies in the packet.
static void nonce_of(uint8_t nonce[AEAD_NONCE_BYTES], const uint8_t *packet) {
	memset(nonce, 0, AEAD_NONCE_BYTES - SEQUENCE_BYTES);
	memcpy(nonce + AEAD_NONCE_BYTES - SEQUENCE_BYTES, packet + AT_FIELD, SEQUENCE_BYTES);
}

bool aead_seal(struct aead *aead, enum sealer sealer, uint8_t *packet, size_t length, uint64_t df_and_sequence) {
	const struct sending_key *sending = atomic_load_explicit(&aead->sending, memory_order_acquire);
	uint8_t nonce[AEAD_NONCE_BYTES];
	// Numbers that do not fit would be used twice.
	if ((df_and_sequence & ~DF_BIT) > SEQUENCE_MASK) return false;
	put64(packet + AT_FIELD, df_and_sequence | sending->epoch << SEQUENCE_BITS);
	nonce_of(nonce, packet);
	return aead_key_seal(sending->key[sealer], nonce, packet, AUTHENTICATED, packet + SEALED_OVERHEAD, length, packet + AT_TAG);
}

static bool open_with(struct aead_key *key, uint8_t *packet, size_t length) {
	uint8_t nonce[AEAD_NONCE_BYTES];
	nonce_of(nonce, packet);
	return aead_key_open(key, nonce, packet, AUTHENTICATED, packet + SEALED_OVERHEAD, length - SEALED_OVERHEAD, packet + AT_TAG);
}

// A datagram of a later epoch: when it is genuine, its key is the current one from now on.
static bool open_ahead(struct aead *aead, uint8_t *packet, size_t length, uint64_t epoch) {
	uint8_t chain[CHAIN_BYTES], key[KEY_BYTES];
	memcpy(chain, aead->receiving_chain, CHAIN_BYTES);
	for (uint64_t at = aead->epoch; at < epoch; at++) next_key(key, chain);
	struct aead_key *next = aead_key_new(aead->algorithm, key, false);
	sodium_memzero(key, sizeof key);
	bool genuine = next && open_with(next, packet, length);
	if (genuine) {
		aead_key_free(aead->previous);
		aead->previous = epoch == aead->epoch + 1 ? aead->current : NULL;
		if (!aead->previous) aead_key_free(aead->current);
		aead->current = next;
		aead->epoch = epoch;
		memcpy(aead->receiving_chain, chain, CHAIN_BYTES);
	} else {
		aead_key_free(next);
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
