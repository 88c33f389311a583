// Reader of a BPF ring buffer: a small thread sleeps on it and hands each record to a JavaScript callback. For
// the few control frames a second, never for traffic.
#define _GNU_SOURCE
#include "bpf/bpf.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

// Owned by the JavaScript handle's finalizer; the thread has ended before it is freed.
struct ring {
	int fd, stop;
	bool running;
	size_t size, page;
	volatile unsigned long *consumer; // first page: ours to write
	const char *producer;		  // second page: where the kernel is; the data follow, mapped twice over
	pthread_t thread;
	napi_threadsafe_function deliver;
};

struct record {
	size_t length;
	char bytes[];
};

static void on_record(napi_env env, napi_value callback, void *context, void *data) {
	(void)context;
	struct record *record = data;
	napi_value self, argument;
	if (env && callback) {
		napi_get_undefined(env, &self);
		napi_create_buffer_copy(env, record->length, record->bytes, NULL, &argument);
		napi_call_function(env, self, callback, 1, &argument, NULL);
	}
	free(record);
}

static void emit(struct ring *ring, const char *bytes, size_t length) {
	struct record *record = malloc(sizeof *record + length);
	if (!record) return; // a lost heartbeat is repeated by the sender
	record->length = length;
	memcpy(record->bytes, bytes, length);
	if (napi_call_threadsafe_function(ring->deliver, record, napi_tsfn_nonblocking) != napi_ok) free(record);
}

static void drain(struct ring *ring) {
	unsigned long at = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	for (;;) {
		unsigned long end = __atomic_load_n((const unsigned long *)ring->producer, __ATOMIC_ACQUIRE);
		if (at >= end) return;
		const char *data = ring->producer + ring->page + (at & (ring->size - 1));
		uint32_t length = __atomic_load_n((const uint32_t *)data, __ATOMIC_ACQUIRE);
		if (length & BPF_RINGBUF_BUSY_BIT) return;
		bool discarded = length & BPF_RINGBUF_DISCARD_BIT;
		length &= ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		if (!discarded) emit(ring, data + BPF_RINGBUF_HDR_SZ, length);
		at += (length + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
		__atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
	}
}

static void *ring_loop(void *data) {
	struct ring *ring = data;
	for (;;) {
		drain(ring);
		struct pollfd fds[2] = {{.fd = ring->fd, .events = POLLIN}, {.fd = ring->stop, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0 && errno != EINTR) return NULL;
		if (fds[1].revents) return NULL;
	}
}

static void stop_ring(void *data) {
	struct ring *ring = data;
	if (!ring->running) return;
	ring->running = false;
	eventfd_write(ring->stop, 1);
	pthread_join(ring->thread, NULL);
	napi_release_threadsafe_function(ring->deliver, napi_tsfn_abort);
	close(ring->stop);
	munmap((void *)ring->consumer, ring->page);
	munmap((void *)ring->producer, ring->page + 2 * ring->size);
}

static void free_ring(napi_env env, void *data, void *hint) {
	(void)hint;
	struct ring *ring = data;
	if (ring->running) {
		napi_remove_env_cleanup_hook(env, stop_ring, ring);
		stop_ring(ring);
	}
	free(ring);
}

static int map_ring(struct ring *ring) {
	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, ring->page, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (consumer == MAP_FAILED) return errno;
	void *producer = mmap(NULL, ring->page + 2 * ring->size, PROT_READ, MAP_SHARED, ring->fd, (off_t)ring->page);
	if (producer == MAP_FAILED) {
		int error = errno;
		munmap(consumer, ring->page);
		return error;
	}
	ring->consumer = consumer;
	ring->producer = producer;
	return 0;
}

// bpfRing(fd, size, onRecord) → handle; the map's descriptor stays the caller's and must outlive the handle. Does
// not keep the process alive.
static napi_value js_ring(napi_env env, napi_callback_info info) {
	size_t argc = 3;
	napi_value argv[3], handle, name;
	int fd, size;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 3 || !weave_int(env, argv[0], &fd) || !weave_int(env, argv[1], &size) || size <= 0) {
		return weave_throw_argument(env, "bpfRing(fd, size, onRecord)");
	}
	struct ring *ring = calloc(1, sizeof *ring);
	if (!ring) return weave_throw_errno(env, ENOMEM, "bpfRing");
	ring->fd = fd;
	ring->size = (size_t)size;
	int error = map_ring(ring);
	if (error) {
		free(ring);
		return weave_throw_errno(env, error, "cannot map a BPF ring buffer");
	}
	napi_create_string_utf8(env, "bpf-ring", NAPI_AUTO_LENGTH, &name);
	ring->stop = eventfd(0, EFD_CLOEXEC);
	napi_create_threadsafe_function(env, argv[2], NULL, name, 0, 1, NULL, NULL, NULL, on_record, &ring->deliver);
	napi_unref_threadsafe_function(env, ring->deliver);
	ring->running = true;
	if (pthread_create(&ring->thread, NULL, ring_loop, ring)) {
		ring->running = false;
		free(ring);
		return weave_throw_errno(env, EAGAIN, "cannot start a thread");
	}
	napi_add_env_cleanup_hook(env, stop_ring, ring);
	napi_create_external(env, ring, free_ring, NULL, &handle);
	return handle;
}

// bpfRingStop(handle)
static napi_value js_ring_stop(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value argv[1];
	void *ring;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 1 || napi_get_value_external(env, argv[0], &ring) != napi_ok) {
		return weave_throw_argument(env, "bpfRingStop(handle)");
	}
	if (((struct ring *)ring)->running) {
		napi_remove_env_cleanup_hook(env, stop_ring, ring);
		stop_ring(ring);
	}
	return weave_undefined(env);
}

void weave_init_bpf_ring(napi_env env, napi_value exports) {
	weave_export(env, exports, "bpfRing", js_ring);
	weave_export(env, exports, "bpfRingStop", js_ring_stop);
}
