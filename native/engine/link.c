#include "link.h"

#include <stdlib.h>

struct link *link_new(uint32_t id, uint64_t name, enum suite suite, bool outbound, const uint8_t *key) {
	struct link *link = calloc(1, sizeof *link);
	if (!link) return NULL;
	link->id = id;
	link->name = name;
	if (!cipher_init(&link->cipher, suite, outbound, key)) {
		free(link);
		return NULL;
	}
	atomic_store(&link->references, 1);
	return link;
}

void link_hold(struct link *link) {
	atomic_fetch_add(&link->references, 1);
}

void link_drop(struct link *link) {
	if (!link || atomic_fetch_sub(&link->references, 1) != 1) return;
	for (int class = 0; class < CLASSES; class++) replay_free(&link->replay[class]);
	free(atomic_load(&link->path));
	cipher_close(&link->cipher);
	free(link);
}
