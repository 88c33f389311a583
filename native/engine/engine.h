// The packet engine: two threads between a TAP device and UDP sockets, steered by the control thread (JavaScript's).
#pragma once
#include <pthread.h>

#include "counters.h"
#include "epoch.h"
#include "events.h"
#include "mac_table.h"
#include "tables.h"
#include "tap.h"
#include "udp.h"

struct engine {
	uint64_t self;
	struct tap tap;
	struct udp udp;
	int stop_signal; // eventfd, readable for ever once the workers shall end
	_Atomic bool stopping;
	_Atomic uint32_t local_mtu;
	struct tables *_Atomic tables;
	struct epoch epoch;
	struct mac_table *macs;
	struct events events;
	struct { _Alignas(64) counter_row row; } *counters; // WORKERS rows and one of the control thread
	pthread_t thread[WORKERS];
	unsigned running; // threads started
};

struct engine_options {
	uint64_t self;
	const char *tap;
	uint32_t mtu;
	uint32_t local_mtu;
	const char *host;
	uint16_t port;
	uint64_t seed; // of the MAC table's hash
	void (*wake)(void *argument);
	void *argument;
};

// NULL with `*error` an errno and `*what` the step that failed.
struct engine *engine_start(const struct engine_options *options, int *error, const char **what);

// Ends the workers. Links and tables stay readable until `engine_free`.
void engine_stop(struct engine *engine);
void engine_free(struct engine *engine);

// Replaces the tables; the engine owns them from now on.
void engine_set_tables(struct engine *engine, struct tables *tables);

// Replaces the path of a link, which belongs to the engine from now on; NULL: the address is unknown.
void engine_set_path(struct engine *engine, struct link *link, struct path *path);

// Sends one frame of `length` zero bytes, with `uid` at byte 14 unless it is 0, alone in a datagram, neighbour to
// neighbour: heartbeats and tests (overlay §4.5). From the control thread. 0 or an errno.
int engine_send_special(struct engine *engine, struct link *link, enum df_class class, uint32_t length, uint64_t uid);

// Goes on to the next sending key of a link between our own peers; its epoch, the same when there is no further key.
uint64_t engine_rekey(struct engine *engine, struct link *link);

uint64_t engine_now(void);

// The workers' main functions.
void *worker_out(void *engine);
void *worker_in(void *engine);
