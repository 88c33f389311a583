// NaCl primitives of the control plane: secretbox, X25519 and the key that `box` derives from it.
#include "addon.h"

#include <sodium.h>

// The bytes of a Uint8Array argument; the memory belongs to JavaScript and is valid until the call returns.
static bool bytes_of(napi_env env, napi_value value, const uint8_t **bytes, size_t *length) {
	bool typed = false;
	napi_typedarray_type type;
	void *start = NULL;
	if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed) return false;
	if (napi_get_typedarray_info(env, value, &type, length, &start, NULL, NULL) != napi_ok) return false;
	*bytes = start;
	return type == napi_uint8_array;
}

static bool bytes_of_size(napi_env env, napi_value value, const uint8_t **bytes, size_t wanted) {
	size_t length;
	return bytes_of(env, value, bytes, &length) && length == wanted;
}

// A fresh Uint8Array of `length` bytes; `*bytes` is its memory. NULL with a pending exception when out of memory.
static napi_value new_bytes(napi_env env, size_t length, uint8_t **bytes) {
	napi_value buffer, array;
	void *start = NULL;
	if (napi_create_arraybuffer(env, length, &start, &buffer) != napi_ok) return NULL;
	if (napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array) != napi_ok) return NULL;
	*bytes = start;
	return array;
}

static napi_value undefined_of(napi_env env) {
	napi_value value;
	napi_get_undefined(env, &value);
	return value;
}

// sodiumSeal(plain, nonce 24, key 32) → 16 byte tag || ciphertext
static napi_value seal(napi_env env, napi_callback_info info) {
	napi_value argv[3];
	size_t argc = 3, length;
	const uint8_t *plain, *nonce, *key;
	uint8_t *box;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc != 3 || !bytes_of(env, argv[0], &plain, &length) ||
	    !bytes_of_size(env, argv[1], &nonce, crypto_secretbox_NONCEBYTES) ||
	    !bytes_of_size(env, argv[2], &key, crypto_secretbox_KEYBYTES))
		return weave_throw_argument(env, "seal: needs plaintext, a nonce of 24 and a key of 32 bytes");
	napi_value result = new_bytes(env, length + crypto_secretbox_MACBYTES, &box);
	if (result) crypto_secretbox_easy(box, plain, length, nonce, key);
	return result;
}

// sodiumOpen(box, nonce 24, key 32) → plaintext, or undefined when it is not authentic
static napi_value open_box(napi_env env, napi_callback_info info) {
	napi_value argv[3];
	size_t argc = 3, length;
	const uint8_t *box, *nonce, *key;
	uint8_t *plain;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc != 3 || !bytes_of(env, argv[0], &box, &length) ||
	    !bytes_of_size(env, argv[1], &nonce, crypto_secretbox_NONCEBYTES) ||
	    !bytes_of_size(env, argv[2], &key, crypto_secretbox_KEYBYTES))
		return weave_throw_argument(env, "open: needs a box, a nonce of 24 and a key of 32 bytes");
	if (length < crypto_secretbox_MACBYTES) return undefined_of(env);
	napi_value result = new_bytes(env, length - crypto_secretbox_MACBYTES, &plain);
	if (!result) return NULL;
	return crypto_secretbox_open_easy(plain, box, length, nonce, key) == 0 ? result : undefined_of(env);
}

// sodiumPublicKey(private 32) → public key 32
static napi_value public_key(napi_env env, napi_callback_info info) {
	napi_value argv[1];
	size_t argc = 1;
	const uint8_t *private_key;
	uint8_t *bytes;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc != 1 || !bytes_of_size(env, argv[0], &private_key, crypto_scalarmult_SCALARBYTES))
		return weave_throw_argument(env, "publicKey: needs a private key of 32 bytes");
	napi_value result = new_bytes(env, crypto_scalarmult_BYTES, &bytes);
	if (result) crypto_scalarmult_base(bytes, private_key);
	return result;
}

// sodiumSharedKey(our private 32, their public 32) → HSalsa20(X25519), the key that NaCl `box` precomputes. A public
// key of small order is not refused, as old peers do not: X25519 then gives zero, and the password still counts.
static napi_value shared_key(napi_env env, napi_callback_info info) {
	static const uint8_t no_nonce[crypto_core_hsalsa20_INPUTBYTES];
	napi_value argv[2];
	size_t argc = 2;
	const uint8_t *ours, *theirs;
	uint8_t *bytes, point[crypto_scalarmult_BYTES];
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc != 2 || !bytes_of_size(env, argv[0], &ours, crypto_box_SECRETKEYBYTES) ||
	    !bytes_of_size(env, argv[1], &theirs, crypto_box_PUBLICKEYBYTES))
		return weave_throw_argument(env, "sharedKey: needs a private and a public key of 32 bytes");
	napi_value result = new_bytes(env, crypto_core_hsalsa20_OUTPUTBYTES, &bytes);
	if (!result) return NULL;
	if (crypto_scalarmult(point, ours, theirs) != 0) sodium_memzero(point, sizeof point);
	crypto_core_hsalsa20(bytes, no_nonce, point, NULL);
	sodium_memzero(point, sizeof point);
	return result;
}

void weave_init_sodium(napi_env env, napi_value exports) {
	if (sodium_init() < 0) {
		napi_throw_error(env, "ENOSODIUM", "libsodium did not start: no source of random numbers");
		return;
	}
	weave_export(env, exports, "sodiumSeal", seal);
	weave_export(env, exports, "sodiumOpen", open_box);
	weave_export(env, exports, "sodiumPublicKey", public_key);
	weave_export(env, exports, "sodiumSharedKey", shared_key);
}
