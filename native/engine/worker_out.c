// The worker that reads the TAP and sends to neighbours.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine.h"
#include "dwell.h"
#include "switch.h"

enum { FRAME = 65536 + 64, BATCH = 128 };

// Reads what is there, at most a batch. Returns the number of frames, or minus an errno when the device is gone.
static int read_batch(struct engine *engine, struct switching *sw, uint8_t *buffer) {
	for (int frames = 0; frames < BATCH; frames++) {
		ssize_t length = read(engine->tap.fd, buffer, FRAME);
		if (length < 0 && errno == EINTR) continue;
		if (length < 0) return errno == EAGAIN || frames > 0 ? frames : -errno;

		struct virtio_net_hdr v;
		if ((size_t)length < sizeof v) continue;
		memcpy(&v, buffer, sizeof v);
		switch_captured(sw, &v, buffer + sizeof v, (uint32_t)((size_t)length - sizeof v));
	}
	return BATCH;
}

void *worker_out(void *argument) {
	struct engine *engine = argument;
	_Atomic uint64_t *counters = engine->counters[WORKER_OUT].row;
	struct sender_environment environment = {
		.worker = WORKER_OUT, .self = engine->self, .udp = &engine->udp, .events = &engine->events,
		.counters = counters, .wait = true,
	};
	struct switching sw = {
		.worker = WORKER_OUT, .self = engine->self, .macs = engine->macs, .sender = sender_new(&environment),
		.events = &engine->events, .counters = counters, .tap = engine->tap.fd,
	};
	uint8_t *buffer = malloc(FRAME);
	struct dwell dwell = { 0 };
	int error = sw.sender && buffer ? 0 : ENOMEM;

	while (!error && !atomic_load_explicit(&engine->stopping, memory_order_relaxed)) {
		epoch_enter(&engine->epoch, WORKER_OUT);
		uint32_t local_mtu = atomic_load_explicit(&engine->local_mtu, memory_order_relaxed);
		switch_batch(&sw, atomic_load(&engine->tables), local_mtu, engine_now());
		int frames = read_batch(engine, &sw, buffer);
		sender_flush(sw.sender);
		epoch_leave(&engine->epoch, WORKER_OUT);

		if (frames < 0 && frames != -EIO) error = -frames;
		if (frames >= 0 && dwell_again(&dwell, frames > 0)) continue;
		// EIO: the device is down; POLLERR would spin, so only the stop signal is waited for, for a while.
		struct pollfd ready[] = { { engine->stop_signal, POLLIN, 0 }, { engine->tap.fd, POLLIN, 0 } };
		if (poll(ready, frames == -EIO ? 1 : 2, frames == -EIO ? 100 : -1) < 0 && errno != EINTR) error = errno;
	}
	if (error) {
		struct event event = { .kind = EVENT_STOPPED, .error = error };
		events_push(&engine->events, &event);
	}
	sender_free(sw.sender);
	free(buffer);
	return NULL;
}
