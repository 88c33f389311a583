// Deferred freeing: what the control thread replaced is freed when no worker can still be looking at it.
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum { EPOCH_WORKERS = 2 };

struct retired {
	struct retired *next;
	uint64_t tag;
	void *object;
	void (*release)(void *object);
};

struct epoch {
	_Atomic uint64_t now; // starts at 1; 0 means "not looking"
	_Atomic uint64_t looking[EPOCH_WORKERS];
	struct retired *waiting; // control thread only
};

void epoch_init(struct epoch *epoch);

// A worker may follow shared pointers only between these two.
static inline void epoch_enter(struct epoch *epoch, int worker) {
	atomic_store(&epoch->looking[worker], atomic_load(&epoch->now));
}

static inline void epoch_leave(struct epoch *epoch, int worker) {
	atomic_store_explicit(&epoch->looking[worker], 0, memory_order_release);
}

// Control thread: `object` was unlinked already; `release` is called on it some calls later.
void epoch_retire(struct epoch *epoch, void *object, void (*release)(void *object));

// Control thread: frees what can be freed.
void epoch_collect(struct epoch *epoch);

// All workers have ended: frees everything.
void epoch_drain(struct epoch *epoch);
