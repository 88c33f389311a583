#include "replay.h"

#include <stdlib.h>

enum { WINDOW_BITS = 20, WINDOW_BYTES = 1 << (WINDOW_BITS - 3) };

static bool allocated(struct replay *replay) {
	if (!replay->current) replay->current = calloc(1, WINDOW_BYTES);
	if (!replay->previous) replay->previous = calloc(1, WINDOW_BYTES);
	return replay->current && replay->previous;
}

static void advance(struct replay *replay, uint64_t window, bool adjacent) {
	if (adjacent) {
		uint64_t *oldest = replay->previous;
		replay->previous = replay->current;
		replay->current = oldest;
	} else {
		memset(replay->previous, 0, WINDOW_BYTES);
	}
	memset(replay->current, 0, WINDOW_BYTES);
	replay->has_previous = true;
	replay->window = window;
}

bool replay_accept(struct replay *replay, uint64_t sequence) {
	if (!allocated(replay)) return false;
	uint64_t window = sequence >> WINDOW_BITS;
	int64_t delta = (int64_t)(window - replay->window);
	if (delta < -1 || (delta == -1 && !replay->has_previous)) return false;
	if (delta > 0) advance(replay, window, delta == 1);

	uint64_t *seen = delta == -1 ? replay->previous : replay->current;
	uint32_t offset = (uint32_t)sequence & ((1u << WINDOW_BITS) - 1);
	uint64_t bit = 1ull << (offset & 63);
	if (seen[offset >> 6] & bit) return false;
	seen[offset >> 6] |= bit;
	return true;
}

void replay_free(struct replay *replay) {
	free(replay->current);
	free(replay->previous);
}
