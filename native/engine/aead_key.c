#include "aead_key.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct aead_key {
	struct gcm *gcm;         // or
	EVP_CIPHER_CTX *context; // of OpenSSL
};

static EVP_CIPHER_CTX *context_new(const EVP_CIPHER *cipher, const uint8_t *key, bool sealing) {
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	if (context && EVP_CipherInit_ex(context, cipher, NULL, key, NULL, sealing) == 1) return context;
	EVP_CIPHER_CTX_free(context);
	return NULL;
}

static struct aead_key *complete(struct aead_key *key) {
	if (key && (key->gcm || key->context)) return key;
	free(key);
	return NULL;
}

struct aead_key *aead_key_new_portable(enum aead_algorithm algorithm, const uint8_t bytes[AEAD_KEY_BYTES], bool sealing) {
	const EVP_CIPHER *cipher = algorithm == AEAD_AES256GCM ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();
	struct aead_key *key = calloc(1, sizeof *key);
	if (key) key->context = context_new(cipher, bytes, sealing);
	return complete(key);
}

struct aead_key *aead_key_new(enum aead_algorithm algorithm, const uint8_t bytes[AEAD_KEY_BYTES], bool sealing) {
	if (algorithm != AEAD_AES256GCM || !gcm_supported()) return aead_key_new_portable(algorithm, bytes, sealing);
	struct aead_key *key = calloc(1, sizeof *key);
	if (key) key->gcm = gcm_new(bytes);
	return complete(key);
}

void aead_key_free(struct aead_key *key) {
	if (!key) return;
	gcm_free(key->gcm);
	EVP_CIPHER_CTX_free(key->context);
	free(key);
}

bool aead_key_seal(struct aead_key *key, const uint8_t nonce[AEAD_NONCE_BYTES], const uint8_t *associated, size_t associated_length,
                   uint8_t *body, size_t length, uint8_t tag[AEAD_TAG_BYTES]) {
	if (key->gcm) {
		gcm_seal(key->gcm, nonce, associated, associated_length, body, length, tag);
		return true;
	}
	EVP_CIPHER_CTX *context = key->context;
	int made;
	return EVP_EncryptInit_ex(context, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_EncryptUpdate(context, NULL, &made, associated, (int)associated_length) == 1 &&
	       EVP_EncryptUpdate(context, body, &made, body, (int)length) == 1 &&
	       EVP_EncryptFinal_ex(context, body + made, &made) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_BYTES, tag) == 1;
}

bool aead_key_open(struct aead_key *key, const uint8_t nonce[AEAD_NONCE_BYTES], const uint8_t *associated, size_t associated_length,
                   uint8_t *body, size_t length, uint8_t tag[AEAD_TAG_BYTES]) {
	if (key->gcm) return gcm_open(key->gcm, nonce, associated, associated_length, body, length, tag);
	EVP_CIPHER_CTX *context = key->context;
	int made;
	return EVP_DecryptInit_ex(context, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_DecryptUpdate(context, NULL, &made, associated, (int)associated_length) == 1 &&
	       EVP_DecryptUpdate(context, body, &made, body, (int)length) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_BYTES, tag) == 1 &&
	       EVP_DecryptFinal_ex(context, body + made, &made) == 1;
}
