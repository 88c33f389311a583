#include "mac_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

// Four-way set associative, bounded: a flood of forged addresses pushes out the oldest of a bucket and no more.
enum { WAYS = 4, BUCKETS = MAC_CAPACITY / WAYS, REFRESH = 1000, MOVES_WINDOW = 1000, MOVES_ALLOWED = 8 };

struct way {
	_Atomic uint64_t mac; // bit 63 set when in use
	_Atomic uint64_t peer;
	_Atomic uint64_t seen;
};

struct bucket {
	_Atomic uint32_t version; // odd while being written
	uint32_t moves;           // since `moves_since`, under the lock
	uint64_t moves_since;
	struct way way[WAYS];
};

struct mac_table {
	uint64_t seed;
	pthread_mutex_t writing;
	struct bucket bucket[BUCKETS];
};

static const uint64_t IN_USE = 1ull << 63;

struct mac_table *mac_table_new(uint64_t seed) {
	struct mac_table *table = calloc(1, sizeof *table);
	if (!table) return NULL;
	table->seed = seed | 1;
	pthread_mutex_init(&table->writing, NULL);
	return table;
}

void mac_table_free(struct mac_table *table) {
	if (!table) return;
	pthread_mutex_destroy(&table->writing);
	free(table);
}

static struct bucket *bucket_of(struct mac_table *table, uint64_t mac) {
	uint64_t hash = (mac ^ (table->seed >> 32)) * table->seed;
	hash ^= hash >> 29;
	hash *= 0x9e3779b97f4a7c15ull;
	return &table->bucket[hash >> 52 & (BUCKETS - 1)];
}

static uint64_t load(_Atomic uint64_t *field) {
	return atomic_load_explicit(field, memory_order_acquire);
}

static void store(_Atomic uint64_t *field, uint64_t value) {
	atomic_store_explicit(field, value, memory_order_release);
}

static struct way *find(struct bucket *bucket, uint64_t mac) {
	for (int i = 0; i < WAYS; i++)
		if (load(&bucket->way[i].mac) == (mac | IN_USE)) return &bucket->way[i];
	return NULL;
}

static struct way *oldest(struct bucket *bucket) {
	struct way *victim = &bucket->way[0];
	for (int i = 0; i < WAYS; i++) {
		if (!(load(&bucket->way[i].mac) & IN_USE)) return &bucket->way[i];
		if (load(&bucket->way[i].seen) < load(&victim->seen)) victim = &bucket->way[i];
	}
	return victim;
}

// Under the lock: readers that see an odd or a changed version read again.
static void replace(struct bucket *bucket, struct way *way, uint64_t mac, uint64_t peer, uint64_t seen) {
	atomic_fetch_add(&bucket->version, 1);
	store(&way->mac, mac);
	store(&way->peer, peer);
	store(&way->seen, seen);
	atomic_fetch_add(&bucket->version, 1);
}

static bool flapping(struct bucket *bucket, uint64_t now) {
	if (now - bucket->moves_since > MOVES_WINDOW) {
		bucket->moves_since = now;
		bucket->moves = 0;
	}
	return ++bucket->moves > MOVES_ALLOWED;
}

static enum learned learn_locked(struct bucket *bucket, uint64_t mac, uint64_t peer, uint64_t now) {
	struct way *way = find(bucket, mac);
	if (!way) {
		replace(bucket, oldest(bucket), mac | IN_USE, peer, now);
		return MAC_NEW;
	}
	if (load(&way->peer) == peer) {
		store(&way->seen, now);
		return MAC_KNOWN;
	}
	bool stale = now - load(&way->seen) > MAC_MAX_AGE;
	if (!stale && flapping(bucket, now)) return MAC_FLAPPING;
	replace(bucket, way, mac | IN_USE, peer, now);
	return stale ? MAC_NEW : MAC_MOVED;
}

enum learned mac_learn(struct mac_table *table, uint64_t mac, uint64_t peer, uint64_t now) {
	struct bucket *bucket = bucket_of(table, mac);

	// The common case, a known address, takes no lock: peer and age are single words of their own.
	struct way *way = find(bucket, mac);
	if (way && load(&way->peer) == peer && now - load(&way->seen) < REFRESH) return MAC_KNOWN;

	pthread_mutex_lock(&table->writing);
	enum learned result = learn_locked(bucket, mac, peer, now);
	pthread_mutex_unlock(&table->writing);
	return result;
}

bool mac_lookup(struct mac_table *table, uint64_t mac, uint64_t now, uint64_t *peer) {
	struct bucket *bucket = bucket_of(table, mac);
	for (;;) {
		uint32_t before = atomic_load(&bucket->version);
		struct way *way = before & 1 ? NULL : find(bucket, mac);
		uint64_t seen = way ? load(&way->seen) : 0;
		if (way) *peer = load(&way->peer);
		if (before & 1 || atomic_load(&bucket->version) != before) continue;
		return way && now - seen <= MAC_MAX_AGE;
	}
}

size_t mac_forget_peer(struct mac_table *table, uint64_t peer) {
	size_t forgotten = 0;
	pthread_mutex_lock(&table->writing);
	for (size_t i = 0; i < BUCKETS; i++) {
		struct bucket *bucket = &table->bucket[i];
		for (int w = 0; w < WAYS; w++) {
			struct way *way = &bucket->way[w];
			if (!(load(&way->mac) & IN_USE) || load(&way->peer) != peer) continue;
			replace(bucket, way, 0, 0, 0);
			forgotten++;
		}
	}
	pthread_mutex_unlock(&table->writing);
	return forgotten;
}

size_t mac_list(struct mac_table *table, uint64_t now, struct mac_entry *list, size_t room) {
	size_t count = 0;
	pthread_mutex_lock(&table->writing);
	for (size_t i = 0; i < BUCKETS && count < room; i++) {
		for (int w = 0; w < WAYS && count < room; w++) {
			struct way *way = &table->bucket[i].way[w];
			uint64_t mac = load(&way->mac), seen = load(&way->seen);
			if (!(mac & IN_USE) || now - seen > MAC_MAX_AGE) continue;
			list[count++] = (struct mac_entry){ mac & ~IN_USE, load(&way->peer), seen };
		}
	}
	pthread_mutex_unlock(&table->writing);
	return count;
}
