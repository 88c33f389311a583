// Sealing between our own peers: AES-256-GCM or ChaCha20-Poly1305, one chain of keys for each direction. The layout of a
// datagram is that of secretbox, but the number field is split:
//
//   bit 63: DF | bits 62..48: epoch of the key | bits 47..0: sequence number, which runs on over epochs
//
// The nonce is four zero bytes and that field, the sender's name and the field are authenticated. A new epoch's key comes
// from the chain by HKDF, and what it came from is forgotten. Receivers follow when a datagram of a later epoch proves genuine.
#pragma once
#include <stdatomic.h>

#include "aead_key.h"
#include "bytes.h"

enum { CHAIN_BYTES = 32 };

// Who seals: each has a context of its own for the same key.
enum sealer { SEALER_OUT, SEALER_IN, SEALER_CONTROL, SEALERS };

struct aead;

// `chains`: the sending chain's and the receiving chain's first value, 2 × CHAIN_BYTES. NULL when out of memory.
struct aead *aead_new(enum aead_algorithm algorithm, const uint8_t *chains);
void aead_free(struct aead *aead);

// Control thread: goes on to the next sending key. Gives the old one, to be retired and released with `aead_release`;
// NULL when out of memory or epochs: the key stays.
void *aead_rekey(struct aead *aead);
void aead_release(void *old);

// Epoch of the sending key.
uint64_t aead_epoch(const struct aead *aead);

// As cipher_seal and cipher_open; `aead_open` is for one thread only.
bool aead_seal(struct aead *aead, enum sealer sealer, uint8_t *packet, size_t length, uint64_t df_and_sequence);
bool aead_open(struct aead *aead, uint8_t *packet, size_t length, uint64_t *df_and_sequence);
