// After traffic a worker asks again for a moment before it sleeps: being woken costs more than that, in throughput and
// in time. Between two looks it gives way to whoever wants the processor.
#pragma once
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { DWELL_NS = 20000 };

struct dwell {
	uint64_t until; // ns
};

static inline uint64_t dwell_clock(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

// True when the worker should look again at once instead of sleeping. `busy`: it has just had something to do.
static inline bool dwell_again(struct dwell *dwell, bool busy) {
	uint64_t now = dwell_clock();
	if (busy) {
		dwell->until = now + DWELL_NS;
		return true;
	}
	if (now >= dwell->until) return false;
	sched_yield();
	return true;
}
