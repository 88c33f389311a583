// A datagram from the network, whole: whose it is, opening, frames, forwarding, replies, coalescing.
#include <stdlib.h>

#include "bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size < 1 || size > 0xffff) return 0;
	struct bench *bench = bench_get();
	if (data[0] & 1) bench->receiving.sw.tables = bench->punting;
	if (data[0] & 2) bench->receiving.sw.local_mtu = 0;
	if (data[0] & 4) bench->receiving.sw.local_mtu = 24;
	union address from = { .in4 = { .sin_family = AF_INET } };

	// In memory of its own size, so that every byte read past the end is noticed.
	size_t length = size - 1;
	uint8_t *packet = malloc(length ? length : 1);
	memcpy(packet, data + 1, length);
	receive_datagram(&bench->receiving, packet, (uint32_t)length, &from);
	bench_reset(bench);
	free(packet);
	return 0;
}
