// The frames of an authentic datagram: the input is sealed with the connection's key before it is received. Its last byte
// decides what kind of datagram it is: not to be fragmented, and received twice.
#include <stdlib.h>

#include "bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static uint64_t sequence;
	if (size > 0xffff - SEALED_OVERHEAD) return 0;
	struct bench *bench = bench_get();
	static struct cipher theirs;
	uint8_t key[KEY_BYTES];
	memset(key, 7, sizeof key);
	if (!theirs.secretbox && !cipher_init(&theirs, SUITE_SECRETBOX, true, key)) abort();
	uint8_t kind = size ? data[size - 1] : 0;
	union address from = { .in4 = { .sin_family = AF_INET } };

	size_t length = size + SEALED_OVERHEAD;
	uint8_t *packet = malloc(length);
	put48(packet, SEALED_PEER);
	memcpy(packet + SEALED_OVERHEAD, data, size);
	cipher_seal(&theirs, SEALER_OUT, packet, size, sequence++ | (kind & 1 ? DF_BIT : 0));
	uint8_t *again = malloc(length);
	memcpy(again, packet, length);
	receive_datagram(&bench->receiving, packet, (uint32_t)length, &from);
	// Opened in place: what waits in the coalescer lies in the first one.
	if (kind & 2) receive_datagram(&bench->receiving, again, (uint32_t)length, &from);
	bench_reset(bench);
	free(packet);
	free(again);
	return 0;
}
