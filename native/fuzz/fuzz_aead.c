// AES-256-GCM of our own against OpenSSL's: the first bytes are key, nonce and how much is authenticated beside the rest,
// which is sealed, compared, opened, and refused when a bit of it changes.
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/gcm.h"

enum { AT_NONCE = GCM_KEY_BYTES, AT_SHAPE = AT_NONCE + GCM_NONCE_BYTES, AT_BODY = AT_SHAPE + 3 };

static void must(int ok) {
	if (ok != 1) abort();
}

static void reference(const uint8_t *key, const uint8_t *nonce, const uint8_t *associated, int associated_length, uint8_t *body,
                      int length, uint8_t *tag) {
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int made;
	must(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce));
	must(EVP_EncryptUpdate(context, NULL, &made, associated, associated_length));
	must(EVP_EncryptUpdate(context, body, &made, body, length));
	must(EVP_EncryptFinal_ex(context, body + made, &made));
	must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, tag));
	EVP_CIPHER_CTX_free(context);
}

// A copy that ends where its memory ends, so that a byte too many is noticed.
static uint8_t *copied(const uint8_t *bytes, size_t length) {
	uint8_t *copy = malloc(length ? length : 1);
	if (length) memcpy(copy, bytes, length);
	return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size < AT_BODY || !gcm_supported()) return 0;
	size_t length = size - AT_BODY, associated_length = data[AT_SHAPE] % (GCM_MAX_ASSOCIATED + 1);
	uint8_t *associated = copied(data, associated_length), *ours = copied(data + AT_BODY, length), *theirs = copied(ours, length);
	uint8_t our_tag[GCM_TAG_BYTES], their_tag[GCM_TAG_BYTES];
	struct gcm *gcm = gcm_new(data);
	gcm_seal(gcm, data + AT_NONCE, associated, associated_length, ours, length, our_tag);
	reference(data, data + AT_NONCE, associated, (int)associated_length, theirs, (int)length, their_tag);
	if (memcmp(ours, theirs, length) || memcmp(our_tag, their_tag, GCM_TAG_BYTES)) abort();

	size_t bit = (size_t)(data[AT_SHAPE + 1] << 8 | data[AT_SHAPE + 2]) % (8 * (length + GCM_TAG_BYTES));
	uint8_t *changed = bit / 8 < length ? theirs + bit / 8 : their_tag + (bit / 8 - length);
	*changed ^= (uint8_t)(1 << bit % 8);
	if (gcm_open(gcm, data + AT_NONCE, associated, associated_length, theirs, length, their_tag)) abort();
	if (!gcm_open(gcm, data + AT_NONCE, associated, associated_length, ours, length, our_tag)) abort();
	if (length && memcmp(ours, data + AT_BODY, length)) abort();
	gcm_free(gcm);
	free(associated);
	free(ours);
	free(theirs);
	return 0;
}
