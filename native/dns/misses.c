#include "misses.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct dns_misses {
	pthread_mutex_t lock;
	size_t room;
	size_t used;
	uint8_t bytes[];
};

struct dns_misses *dns_misses_new(size_t room) {
	struct dns_misses *misses = malloc(sizeof *misses + room);
	if (misses == NULL) return NULL;
	pthread_mutex_init(&misses->lock, NULL);
	misses->room = room;
	misses->used = 0;
	return misses;
}

void dns_misses_free(struct dns_misses *misses) {
	if (misses == NULL) return;
	pthread_mutex_destroy(&misses->lock);
	free(misses);
}

bool dns_misses_add(struct dns_misses *misses, const struct dns_asker *asker, const uint8_t *request, uint16_t length) {
	size_t needed = sizeof length + sizeof *asker + length;
	pthread_mutex_lock(&misses->lock);
	bool fits = misses->room - misses->used >= needed;
	if (fits) {
		uint8_t *to = misses->bytes + misses->used;
		memcpy(to, &length, sizeof length);
		memcpy(to + sizeof length, asker, sizeof *asker);
		memcpy(to + sizeof length + sizeof *asker, request, length);
		misses->used += needed;
	}
	pthread_mutex_unlock(&misses->lock);
	return fits;
}

size_t dns_misses_take(struct dns_misses *misses, uint8_t *to) {
	pthread_mutex_lock(&misses->lock);
	size_t used = misses->used;
	memcpy(to, misses->bytes, used);
	misses->used = 0;
	pthread_mutex_unlock(&misses->lock);
	return used;
}

size_t dns_misses_room(const struct dns_misses *misses) {
	return misses->room;
}
