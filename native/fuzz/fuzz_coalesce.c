// Frames one after the other into the coalescer: each is preceded by its length in two bytes, and its last byte decides
// which tags it has.
#include <stdlib.h>

#include "bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bench *bench = bench_get();
	uint8_t *copy = malloc(size ? size : 1);
	memcpy(copy, data, size);
	for (size_t at = 0; at + 2 <= size;) {
		uint32_t length = get16(copy + at);
		if (length > size - at - 2) break;
		coalescer_add(bench->receiving.sw.coalescer, copy + at + 2, length, length && copy[at + 1 + length] % 16 == 1);
		at += 2 + length;
	}
	bench_reset(bench);
	free(copy);
	return 0;
}
