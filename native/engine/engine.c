#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "placement.h"

uint64_t engine_now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static int start_threads(struct engine *engine) {
	static void *(*const body[WORKERS])(void *) = { worker_out, worker_in };
	static const char *const name[WORKERS] = { "weave-out", "weave-in" };
	sigset_t all, before;
	// Signals belong to JavaScript's thread.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = 0;
	while (engine->running < WORKERS && !error) {
		unsigned worker = engine->running;
		error = pthread_create(&engine->thread[worker], NULL, body[worker], engine);
		if (error) break;
		pthread_setname_np(engine->thread[worker], name[worker]);
		placement_apply(engine->thread[worker], (enum worker)worker);
		engine->running++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static int allocate(struct engine *engine, uint64_t seed) {
	engine->counters = aligned_alloc(64, sizeof *engine->counters * (WORKERS + 1));
	engine->macs = mac_table_new(seed);
	engine->stop_signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct tables *none = tables_new(0, 0);
	atomic_store(&engine->tables, none);
	if (engine->counters) memset(engine->counters, 0, sizeof *engine->counters * (WORKERS + 1));
	if (!engine->counters || !engine->macs || !none) return ENOMEM;
	return engine->stop_signal < 0 ? errno : 0;
}

struct engine *engine_start(const struct engine_options *options, int *error, const char **what) {
	*what = "allocate memory";
	*error = ENOMEM;
	struct engine *engine = calloc(1, sizeof *engine);
	if (!engine) return NULL;
	engine->self = options->self;
	engine->tap.fd = engine->stop_signal = -1;
	engine->udp = (struct udp){ { -1, -1 }, { -1, -1 }, false };
	atomic_store(&engine->local_mtu, options->local_mtu);
	epoch_init(&engine->epoch);
	events_init(&engine->events);
	engine->events.wake = options->wake;
	engine->events.argument = options->argument;

	*error = allocate(engine, options->seed);
	if (!*error) {
		*what = "bind the UDP port";
		*error = udp_open(&engine->udp, options->host, options->port);
	}
	if (!*error) *error = tap_open(&engine->tap, options->tap, options->mtu, what);
	if (!*error) {
		*what = "start the threads";
		*error = start_threads(engine);
	}
	if (!*error) return engine;
	engine_stop(engine);
	engine_free(engine);
	return NULL;
}

void engine_stop(struct engine *engine) {
	atomic_store(&engine->stopping, true);
	uint64_t one = 1;
	// An eventfd takes one small number whatever its state.
	if (engine->stop_signal >= 0 && write(engine->stop_signal, &one, sizeof one) < 0) abort();
	while (engine->running > 0) pthread_join(engine->thread[--engine->running], NULL);
	udp_close(&engine->udp);
	if (engine->tap.fd >= 0) close(engine->tap.fd);
	engine->tap.fd = -1;
}

void engine_free(struct engine *engine) {
	tables_free(atomic_load(&engine->tables));
	epoch_drain(&engine->epoch);
	events_close(&engine->events);
	mac_table_free(engine->macs);
	if (engine->stop_signal >= 0) close(engine->stop_signal);
	free(engine->counters);
	free(engine);
}

void engine_set_tables(struct engine *engine, struct tables *tables) {
	epoch_retire(&engine->epoch, atomic_exchange(&engine->tables, tables), tables_free);
}

void engine_set_path(struct engine *engine, struct link *link, struct path *path) {
	epoch_retire(&engine->epoch, atomic_exchange(&link->path, path), free);
}

uint64_t engine_rekey(struct engine *engine, struct link *link) {
	if (!link->cipher.aead) return 0;
	void *old = aead_rekey(link->cipher.aead);
	if (old) count(engine->counters[WORKERS].row, COUNT_rekeys);
	epoch_retire(&engine->epoch, old, aead_release);
	return aead_epoch(link->cipher.aead);
}

int engine_send_special(struct engine *engine, struct link *link, enum df_class class, uint32_t length, uint64_t uid) {
	const struct path *path = atomic_load(&link->path);
	uint32_t overhead = cipher_overhead(&link->cipher), plain = 14 + length;
	if (!path) return EDESTADDRREQ;
	if (overhead + plain > MAX_UDP_PAYLOAD) return EMSGSIZE;
	int fd = udp_socket(&engine->udp, &path->to, class);
	if (fd < 0) return EAFNOSUPPORT;
	uint8_t *packet = calloc(1, overhead + plain);
	if (!packet) return ENOMEM;

	uint8_t *frame = packet + overhead;
	put48(packet, engine->self);
	put48(frame, engine->self);
	put48(frame + 6, link->name);
	put16(frame + 12, length);
	if (uid && length >= 22) put64(frame + 14 + 14, uid);
	bool ready = link->cipher.suite == SUITE_CLEAR ||
	             cipher_seal(&link->cipher, SEALER_CONTROL, packet, plain, link_take_sequence(link, class));

	int error = ready ? 0 : EOVERFLOW;
	if (ready && sendto(fd, packet, overhead + plain, 0, &path->to.any, address_length(&path->to)) < 0) error = errno;
	free(packet);
	return error;
}
