// Which sequence numbers of a sealed stream were seen: the current and the previous window of 2^20 (overlay §4.3).
#pragma once
#include "bytes.h"

struct replay {
	uint64_t window;
	uint64_t *current; // bitmaps, allocated on first use
	uint64_t *previous;
	bool has_previous;
};

// Marks `sequence` as seen; false when it was seen before, is too old, or memory ran out. Call after authentication.
bool replay_accept(struct replay *replay, uint64_t sequence);

void replay_free(struct replay *replay);
