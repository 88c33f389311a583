// A frame from the TAP with the kernel's description of it: segmentation, checksums, tags, size rules.
#include <stdlib.h>

#include "bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct virtio_net_hdr v;
	if (size < 1 + sizeof v || size > 0xffff) return 0;
	struct bench *bench = bench_get();
	struct switching *sw = &bench->receiving.sw;
	if (data[0] & 1) sw->tables = bench->punting;
	// Where the destination lives decides the path: unknown, here, at a neighbour in clear or sealed.
	if (size >= 1 + sizeof v + 6) mac_learn(sw->macs, get48(data + 1 + sizeof v), data[0] >> 1 & 7, sw->now);

	memcpy(&v, data + 1, sizeof v);
	size_t length = size - 1 - sizeof v;
	uint8_t *frame = malloc(length ? length : 1);
	memcpy(frame, data + 1 + sizeof v, length);
	switch_captured(sw, &v, frame, (uint32_t)length);
	bench_reset(bench);
	free(frame);
	return 0;
}
