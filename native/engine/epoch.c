#include "epoch.h"

#include <stdbool.h>
#include <stdlib.h>

void epoch_init(struct epoch *epoch) {
	atomic_store(&epoch->now, 1);
	for (int i = 0; i < EPOCH_WORKERS; i++) atomic_store(&epoch->looking[i], 0);
	epoch->waiting = NULL;
}

void epoch_retire(struct epoch *epoch, void *object, void (*release)(void *object)) {
	if (!object) return;
	uint64_t tag = atomic_fetch_add(&epoch->now, 1);
	struct retired *item = malloc(sizeof *item);
	if (!item) return; // out of memory: leaking the object is the safe choice
	*item = (struct retired){ epoch->waiting, tag, object, release };
	epoch->waiting = item;
	epoch_collect(epoch);
}

static bool unseen(struct epoch *epoch, uint64_t tag) {
	for (int i = 0; i < EPOCH_WORKERS; i++) {
		uint64_t looking = atomic_load(&epoch->looking[i]);
		if (looking != 0 && looking <= tag) return false;
	}
	return true;
}

void epoch_collect(struct epoch *epoch) {
	struct retired **link = &epoch->waiting;
	while (*link) {
		struct retired *item = *link;
		if (!unseen(epoch, item->tag)) {
			link = &item->next;
			continue;
		}
		*link = item->next;
		item->release(item->object);
		free(item);
	}
}

void epoch_drain(struct epoch *epoch) {
	while (epoch->waiting) {
		struct retired *item = epoch->waiting;
		epoch->waiting = item->next;
		item->release(item->object);
		free(item);
	}
}
