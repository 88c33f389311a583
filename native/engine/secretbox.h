// NaCl's secretbox for datagrams (overlay §4.3): XSalsa20-Poly1305. The first 16 bytes of a direction's nonces never
// change, so the key that XSalsa20 makes of them is computed once.
#pragma once
#include "aead.h"

struct secretbox;

// `key` has 32 bytes. `outbound`: we made the TCP connection, our nonces start with 0x80, theirs with 0; the other way
// round otherwise. NULL when out of memory.
struct secretbox *secretbox_new(const uint8_t *key, bool outbound);
void secretbox_free(struct secretbox *secretbox);

// As `cipher_seal` and `cipher_open`; whole datagrams, `length` of at least SEALED_OVERHEAD when opening.
bool secretbox_seal(const struct secretbox *secretbox, enum sealer sealer, uint8_t *packet, size_t length, uint64_t df_and_sequence);
bool secretbox_open(const struct secretbox *secretbox, uint8_t *packet, size_t length, uint64_t *df_and_sequence);
