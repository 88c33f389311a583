// The key stream of Salsa20, which secretbox takes two thirds of its time for.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { SALSA_BLOCK = 64, SALSA_CHUNK = 16 * SALSA_BLOCK };

// Writes the key stream from `block` on: at least `length` bytes, at most SALSA_CHUNK, for which `out` must have room.
// `key` has 32 bytes, `nonce` 8.
void salsa_stream(uint8_t out[SALSA_CHUNK], size_t length, const uint8_t *key, const uint8_t *nonce, uint64_t block);
