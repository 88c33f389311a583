// Keys of the AEAD ciphers for tests, with the instructions that the packet path takes on this processor.
#include <stdlib.h>

#include "binding.h"

// As enum aead_algorithm, and one more: what processors without the instructions take.
enum { AES256GCM_PORTABLE = AEAD_CHACHA20POLY1305 + 1 };

struct message {
	struct aead_key *key;
	struct view nonce, associated, body;
};

// (algorithm, key, nonce, associated, body) as probeSeal and probeOpen take them
static bool message_of(napi_env env, napi_callback_info info, bool sealing, struct message *message) {
	size_t argc = 5;
	napi_value argv[5];
	double algorithm;
	struct view key;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc != 5 || !number_of(env, argv[0], &algorithm) || !view_of(env, argv[1], &key) || !view_of(env, argv[2], &message->nonce) ||
	    !view_of(env, argv[3], &message->associated) || !view_of(env, argv[4], &message->body))
		return false;
	bool portable = algorithm == AES256GCM_PORTABLE;
	if ((algorithm != AEAD_AES256GCM && algorithm != AEAD_CHACHA20POLY1305 && !portable) || key.length != AEAD_KEY_BYTES ||
	    message->nonce.length != AEAD_NONCE_BYTES || message->associated.length > GCM_MAX_ASSOCIATED)
		return false;
	message->key = portable ? aead_key_new_portable(AEAD_AES256GCM, key.bytes, sealing)
	                        : aead_key_new((enum aead_algorithm)algorithm, key.bytes, sealing);
	return message->key;
}

// probeSeal(algorithm, key, nonce, associated, body) → the body encrypted, and 16 bytes of tag
static napi_value probe_seal(napi_env env, napi_callback_info info) {
	struct message message;
	if (!message_of(env, info, true, &message)) return weave_throw_argument(env, "probeSeal: needs key, nonce, associated and body");
	size_t length = message.body.length;
	uint8_t *sealed = malloc(length + AEAD_TAG_BYTES);
	if (sealed) memcpy(sealed, message.body.bytes, length);
	bool ok = sealed && aead_key_seal(message.key, message.nonce.bytes, message.associated.bytes, message.associated.length, sealed,
	                                  length, sealed + length);
	aead_key_free(message.key);
	napi_value value = ok ? bytes_value(env, sealed, length + AEAD_TAG_BYTES) : weave_throw_argument(env, "probeSeal: failed");
	free(sealed);
	return value;
}

// probeOpen(algorithm, key, nonce, associated, sealed) → the body; undefined when it is not genuine
static napi_value probe_open(napi_env env, napi_callback_info info) {
	struct message message;
	if (!message_of(env, info, false, &message)) return weave_throw_argument(env, "probeOpen: needs key, nonce, associated and body");
	size_t length = message.body.length;
	uint8_t *sealed = length < AEAD_TAG_BYTES ? NULL : malloc(length);
	if (sealed) memcpy(sealed, message.body.bytes, length);
	bool ok = sealed && aead_key_open(message.key, message.nonce.bytes, message.associated.bytes, message.associated.length, sealed,
	                                  length - AEAD_TAG_BYTES, sealed + length - AEAD_TAG_BYTES);
	aead_key_free(message.key);
	napi_value value = NULL;
	if (ok) value = bytes_value(env, sealed, length - AEAD_TAG_BYTES);
	free(sealed);
	return value;
}

void weave_init_engine_probe_aead(napi_env env, napi_value exports) {
	weave_export(env, exports, "probeSeal", probe_seal);
	weave_export(env, exports, "probeOpen", probe_open);
}
